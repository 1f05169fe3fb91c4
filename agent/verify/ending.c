#include "verify/ending.h"

#include <stdio.h>

#include "base/clock.h"
#include "verify/crypto.h"
#include "verify/verify.h"

struct sg_algorithm_answer sg_cert_key_answer(X509 *cert, int64_t when)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    return key ? sg_algorithm_key(key, when) : (struct sg_algorithm_answer){.until = SG_TIME_NONE, .name = "?"};
}

struct sg_algorithm_answer sg_cert_signature_answer(X509 *cert, int64_t when)
{
    const X509_ALGOR *algorithm = NULL;
    struct sg_signature_method method;

    X509_get0_signature(NULL, &algorithm, cert);
    bool known = sg_signature_method_read(algorithm, &method);
    if (known && method.kind == SG_KIND_EDDSA) /* its digest is its own affair */
        return (struct sg_algorithm_answer){.acceptable = true, .until = INT64_MAX, .name = "EdDSA"};
    return sg_algorithm_digest(known ? method.digest : NID_undef, when);
}

bool sg_cert_is_valid_at(const X509 *cert, int64_t at)
{
    int64_t not_before, not_after;

    return sg_time_from_asn1(X509_get0_notBefore(cert), &not_before) &&
           sg_time_from_asn1(X509_get0_notAfter(cert), &not_after) && not_before <= at && at <= not_after;
}

static void take_earlier(struct sg_ending *ending, enum sg_ending_of of, X509 *cert, int64_t when,
                         const char *algorithm)
{
    if (ending->cert && when >= ending->when)
        return;
    *ending = (struct sg_ending){.of = of, .cert = cert, .when = when};
    (void)snprintf(ending->algorithm, sizeof(ending->algorithm), "%s", algorithm);
}

struct sg_ending sg_path_ending(const STACK_OF(X509) *path, bool anchored)
{
    struct sg_ending ending = {0};

    for (int i = 0; i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        int64_t not_after = SG_TIME_NONE;
        if (!sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
            not_after = SG_TIME_NONE;
        take_earlier(&ending, SG_ENDING_CERTIFICATE, cert, not_after, "");
        struct sg_algorithm_answer answer = sg_cert_key_answer(cert, 0);
        take_earlier(&ending, SG_ENDING_KEY, cert, answer.until, answer.name);
        if (anchored && i + 1 == sk_X509_num(path))
            break;
        answer = sg_cert_signature_answer(cert, 0);
        take_earlier(&ending, SG_ENDING_SIGNATURE, cert, answer.until, answer.name);
    }
    return ending;
}
