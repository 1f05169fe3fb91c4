/* Plain PUT, with If-None-Match: * so that it creates only. A server that ignores it would write over what is there, so
 * it is asked first; what it stored is read back. */
#include "base/msg.h"
#include "sync/target_private.h"

static void stored_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    if (answer->status != 200)
        sg_storing_fail_answer(storing, answer, error_body);
    else if (sg_storing_matches(storing, answer, &err))
        sg_storing_done(storing);
    else
        sg_storing_fail(storing, &err);
}

static void existing_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    sg_storing_take(storing, answer);
    stored_read(storing, answer, error_body);
}

static void read_existing(struct sg_storing *storing)
{
    storing->receipt.was_there = true;
    sg_storing_read_back(storing, storing->url, existing_read);
}

static void put_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    if (answer->status == 412) {
        read_existing(storing);
    } else if (answer->status == 200 || answer->status == 201 || answer->status == 204) {
        sg_storing_take(storing, answer);
        sg_storing_read_back(storing, storing->url, stored_read);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static void head_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    static const char *const headers[] = {"If-None-Match: *"};
    bool absent = answer->status == 404 || answer->status == 410;
    bool cannot_say = answer->status == 405 || answer->status == 501;
    if (answer->status == 200) {
        read_existing(storing);
    } else if (absent || cannot_say) {
        struct sg_http_request request = sg_storing_put(storing, storing->url);
        request.headers = headers;
        request.header_count = 1;
        sg_storing_go_on(storing, &request, put_answered);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static enum sg_rc upload_put(const struct sg_upload *upload, struct sg_err *err)
{
    return sg_storing_begin(upload, head_answered, err);
}

const struct sg_target_kind sg_target_put = {"put", upload_put, sg_download_plain, NULL};
