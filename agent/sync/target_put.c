/* Plain PUT, with If-None-Match: * so that it creates only. A server that ignores it would write over what is there, so
 * it is asked first (HEAD); what it stored is read back.
 *
 * A run of many objects asks no more once it has seen that the server honours the condition: one object that was just
 * created (201) and read back is put again, with the same bytes, and has to be refused (412). Where it is taken, the
 * bytes there are still the same, are read back once more, and each object goes on being asked for. So it does from the
 * moment on in which a server tells of an object that it was not new (200, 204). */
#include "base/msg.h"
#include "sync/target_private.h"

static struct sg_http_request create(const struct sg_storing *storing)
{
    static const char *const headers[] = {"If-None-Match: *"};
    struct sg_http_request request = sg_storing_put(storing, storing->url);
    request.headers = headers;
    request.header_count = 1;
    return request;
}

static void put(struct sg_storing *storing, sg_storing_next *next)
{
    struct sg_http_request request = create(storing);
    sg_storing_go_on(storing, &request, next);
}

/* --- whether the condition is honoured ---------------------------------------------------------------------------- */

static void stored_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body);

static bool took_it(const struct sg_http_answer *answer)
{
    return answer->status == 200 || answer->status == 201 || answer->status == 204;
}

/* It is worth a request where there are many objects, and one that is small is hardly cut while it is sent. */
static bool is_to_learn(const struct sg_storing *storing)
{
    struct sg_target *target = storing->upload.target;
    return target->conditions == SG_CONDITIONS_UNKNOWN && storing->receipt.status == 201 &&
           storing->size <= SG_PUT_UNASKED && ++target->created > SG_PUT_LEARN;
}

static void put_again(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    (void)error_body;
    if (answer->status == 412) {
        storing->upload.target->conditions = SG_CONDITIONS_HONOURED;
        sg_storing_done(storing);
        return;
    }
    if (took_it(answer))
        sg_storing_take(storing, answer);
    sg_storing_read_back(storing, storing->url, stored_read);
}

/* --- one after the other ------------------------------------------------------------------------------------------ */

static void stored_read(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    struct sg_err err = {0};
    if (answer->status != 200) {
        sg_storing_fail_answer(storing, answer, error_body);
    } else if (!sg_storing_matches(storing, answer, &err)) {
        sg_storing_fail(storing, &err);
    } else if (is_to_learn(storing)) {
        storing->upload.target->conditions = SG_CONDITIONS_NOT_HONOURED; /* until it has answered otherwise */
        put(storing, put_again);
    } else {
        sg_storing_done(storing);
    }
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
    enum sg_conditions *conditions = &storing->upload.target->conditions;
    if (answer->status == 412) {
        read_existing(storing);
    } else if (took_it(answer)) {
        if (answer->status != 201 && *conditions == SG_CONDITIONS_HONOURED)
            *conditions = SG_CONDITIONS_NOT_HONOURED;
        sg_storing_take(storing, answer);
        sg_storing_read_back(storing, storing->url, stored_read);
    } else {
        sg_storing_fail_answer(storing, answer, error_body);
    }
}

static void head_answered(struct sg_storing *storing, const struct sg_http_answer *answer, struct sg_slice error_body)
{
    bool absent = answer->status == 404 || answer->status == 410;
    bool cannot_say = answer->status == 405 || answer->status == 501;
    if (answer->status == 200)
        read_existing(storing);
    else if (absent || cannot_say)
        put(storing, put_answered);
    else
        sg_storing_fail_answer(storing, answer, error_body);
}

static enum sg_rc upload_put(const struct sg_upload *upload, struct sg_err *err)
{
    _cleanup_(sg_storing_freep) struct sg_storing *storing = NULL;
    if (upload->target->conditions != SG_CONDITIONS_HONOURED || sg_input_size(upload->bytes) > SG_PUT_UNASKED)
        return sg_storing_begin(upload, head_answered, err);
    enum sg_rc rc = sg_storing_new(upload, &storing, err);
    if (rc != SG_OK)
        return rc;
    struct sg_http_request request = create(storing);
    rc = sg_storing_ask(storing, &request, put_answered, err);
    if (rc == SG_OK)
        (void)sg_steal(storing);
    return rc;
}

const struct sg_target_kind sg_target_put = {"put", upload_put, sg_download_plain, NULL};
