#include "verify/attached.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "verify/verifier.h"

/* Everything about the signature is in order but, perhaps, that there is no way to an anchor yet, or no revocation
 * data. The digest counts: what an officer signed must not be replaceable by something else of the same weak digest. */
static bool is_acceptable(const struct sg_verdict *verdict)
{
    static const char *const digests[] = {"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"};
    bool strong = false;

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        strong |= verdict->digest && strcmp(verdict->digest, digests[i]) == 0;
    return strong && verdict->intact && verdict->signer &&
           (verdict->indication == SG_TOTAL_PASSED ||
            (verdict->indication == SG_INDETERMINATE &&
             (verdict->sub_indication == SG_SUB_NO_CERTIFICATE_CHAIN_FOUND ||
              verdict->sub_indication == SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE ||
              verdict->sub_indication == SG_SUB_TRY_LATER)));
}

static enum sg_rc check_signature(struct sg_verifier *verifier, struct sg_input *input, const char *what,
                                  struct sg_attached *attached, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    enum sg_rc rc = sg_verify_file(verifier, input, NULL, &report, err);

    if (rc != SG_OK)
        return rc;
    if (report->verdict_count != 1)
        return sg_fail(err, SG_E_MALFORMED, _("There should be one signature over %s; \"%s\" has %zu."), what,
                       sg_input_name(input), report->verdict_count);
    const struct sg_verdict *verdict = &report->verdicts[0];
    if (!is_acceptable(verdict))
        return sg_fail(err, SG_E_MALFORMED, _("The signature over %s is not good: %s"), what,
                       verdict->reason_count ? verdict->reasons[0].text : sg_indication_text(verdict->indication));
    rc = sg_cert_sha256(verifier->libctx, verdict->signer, attached->signer_sha256, err);
    return rc == SG_OK ? sg_name_text(X509_get_subject_name(verdict->signer), &attached->signer_subject, err) : rc;
}

static enum sg_rc read_content(struct sg_verifier *verifier, struct sg_input *input, const char *what,
                               struct sg_buf *content, struct sg_err *err)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    enum sg_rc rc = sg_cms_read(input, verifier->libctx, NULL, &cms, err);

    if (rc == SG_OK && sg_cms_is_detached(cms))
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" does not hold %s: it was signed without --attached."),
                     sg_input_name(input), what);
    return rc == SG_OK ? sg_cms_content(cms, sg_buf_sink(content), err) : rc;
}

enum sg_rc sg_attached_read(struct sg_verifier *verifier, struct sg_slice bytes, const char *name, const char *what,
                            size_t max, struct sg_attached *ret, struct sg_err *err)
{
    _cleanup_(sg_attached_clear) struct sg_attached attached = {.content = SG_BUF(max)};
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    enum sg_rc rc = sg_input_from_slice(name, bytes, &input, err);

    if (rc == SG_OK)
        rc = check_signature(verifier, input, what, &attached, err);
    if (rc == SG_OK)
        rc = read_content(verifier, input, what, &attached.content, err);
    if (rc != SG_OK)
        return rc;
    *ret = attached;
    attached = (struct sg_attached){.content = SG_BUF(max)};
    return SG_OK;
}

void sg_attached_clear(struct sg_attached *attached)
{
    sg_buf_clear(&attached->content);
    free(attached->signer_subject);
    attached->signer_subject = NULL;
}
