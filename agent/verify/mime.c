/* S/MIME messages (RFC 8551): the body is what is signed. Content whose line ends a program did not make CRLF before it
 * signed is not what the standard has signed (§3.1.1), and is not tried. */
#include "formats/mime.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "verify/format.h"

static enum sg_rc stream_content(void *context, struct sg_sink sink, struct sg_err *err)
{
    return sg_mime_content(context, sink, err);
}

/* What a person takes for signed, and is not. */
static enum sg_rc judged(void *context, const struct sg_signer_info *si, struct sg_judgement *judgement,
                         struct sg_err *err)
{
    const struct sg_mime *mime = context;
    (void)si;
    enum sg_rc rc = sg_judgement_note(
        judgement, SG_SEVERITY_NONE, SG_REASON_HEADERS_NOT_SIGNED, err,
        _("Only the body of the message is signed; who it is from, its subject and its date are not."));
    if (rc == SG_OK && sg_mime_holds_signed(mime))
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_SIGNED_WITHIN, err,
                               _("What is signed is a signed message itself, whose signature was not judged."));
    return rc;
}

static enum sg_rc judge_cms(struct sg_file_judging *judging, struct sg_mime *mime, struct sg_input *content,
                            struct sg_err *err)
{
    const struct sg_source named = content ? sg_input_source(content) : (struct sg_source){0};
    const struct sg_source body = {.stream = stream_content, .context = mime};
    struct sg_cms_file file = {.cms = sg_mime_cms(mime),
                               .content = content ? &named : NULL,
                               .covers = "message body",
                               .judged = judged,
                               .context = mime};
    if (sg_mime_is_detached(mime))
        file.content = &body;
    enum sg_rc rc = sg_judge_cms(judging, &file, err);
    if (rc == SG_OK && judging->report->verdict_count > 0)
        judging->report->format = "S/MIME";
    return rc;
}

static enum sg_rc judge_message(struct sg_file_judging *judging, struct sg_input *input, struct sg_input *content,
                                struct sg_err *err)
{
    _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL;
    const char *name = sg_input_name(input);
    bool is_cms = false;
    enum sg_rc rc = sg_mime_read(input, &mime, err);
    if (rc == SG_OK && content && sg_mime_is_detached(mime))
        return sg_about(
            name, err,
            sg_fail(err, SG_E_USAGE, _("The message in \"%s\" holds what it signs; leave out --content."), name));
    if (rc == SG_OK)
        rc = sg_cms_probe(sg_mime_cms(mime), &is_cms, err);
    if (rc == SG_OK && !is_cms && sg_mime_is_signed(mime))
        return sg_about(name, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("The message in \"%s\" says that it is signed, but its signature is none."), name));
    return rc == SG_OK && is_cms ? judge_cms(judging, mime, content, err) : rc;
}

const struct sg_format sg_format_mime = {.probe = sg_mime_probe, .judge = judge_message};
