/* Statements about the ledger's head: written and read (witness.h). */
#include <stdio.h>
#include <string.h>

#include "base/msg.h"
#include "store/witness.h"

#define BEFORE_STORE "{\"schema\":\"signet.ledger-head/1\",\"store\":\""
#define BEFORE_NUMBER "\",\"number\":"
#define BEFORE_HASH ",\"hash\":\""
#define BEFORE_TIME "\",\"time\":\""
#define AT_END "\"}"

enum sg_rc sg_statement_write(const struct sg_statement *statement, struct sg_buf *out, struct sg_err *err)
{
    char hash[SG_SHA256_HEX], time[SG_TIME_TEXT];

    sg_hex(statement->hash, sizeof(statement->hash), hash);
    return sg_buf_printf(out, err, BEFORE_STORE "%s" BEFORE_NUMBER "%lld" BEFORE_HASH "%s" BEFORE_TIME "%s" AT_END,
                         statement->store, (long long)statement->number, hash, sg_time_text(statement->time, time));
}

/* What its parts are, if it has them; that there is nothing else is for the caller to see. */
static bool take_apart(const char *text, struct sg_statement *ret)
{
    char number[19], hash[SG_SHA256_HEX], time[21];

    /* 18 digits are no overflow. */
    if (sscanf(text,
               BEFORE_STORE "%32[0-9a-f]" BEFORE_NUMBER "%18[0-9]" BEFORE_HASH "%64[0-9a-f]" BEFORE_TIME
                            "%20[0-9TZ:-]" AT_END,
               ret->store, number, hash, time) != 4)
        return false;
    ret->number = strtoll(number, NULL, 10);
    return strlen(ret->store) == SG_STORE_ID - 1 && ret->number > 0 && sg_unhex(hash, ret->hash, sizeof(ret->hash)) &&
           sg_time_parse(time, &ret->time, NULL) == SG_OK;
}

/* Written again, it must be the same: so there is one form of each, whatever the parts allow. */
enum sg_rc sg_statement_read(const char *name, struct sg_slice bytes, struct sg_statement *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf again = SG_BUF(SG_MAX_STATEMENT);
    struct sg_statement statement = {0};
    char text[SG_MAX_STATEMENT + 1] = "";

    if (bytes.len <= SG_MAX_STATEMENT)
        memcpy(text, bytes.data ? bytes.data : (const uint8_t *)"", bytes.len);
    bool fits = take_apart(text, &statement);
    enum sg_rc rc = fits ? sg_statement_write(&statement, &again, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    if (!fits || !sg_slice_equal(sg_buf_slice(&again), bytes))
        return sg_about(name, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("\"%s\" is not a statement about a ledger (signet.ledger-head/1), or not in the "
                                  "bytes that were stored."),
                                name));
    *ret = statement;
    return SG_OK;
}

enum sg_rc sg_statement_sha256(const struct sg_statement *statement, OSSL_LIB_CTX *libctx, uint8_t out[SG_SHA256_LEN],
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_STATEMENT);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;

    enum sg_rc rc = sg_statement_write(statement, &bytes, err);
    if (rc == SG_OK)
        rc = sg_digest(libctx, "SHA256", sg_buf_slice(&bytes), digest, &len, err);
    if (rc == SG_OK)
        memcpy(out, digest, SG_SHA256_LEN);
    return rc;
}
