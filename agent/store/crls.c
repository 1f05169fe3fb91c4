/* CRLs: what tells them apart and which is newer stands in SQLite, their DER in files.
 *
 * A CRL takes the place of an older one of the same issuer and scope. The issuer is a name and a key
 * (authorityKeyIdentifier, RFC 5280 §5.2.1): a CA that changes its key, or another of the same name, publishes beside
 * it, not over it. The scope is the issuingDistributionPoint (§5.2.5). */
#include "db.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "base/msg.h"
#include "base/outfile.h"

/* RFC 5280 §5.2.3: at most 20 octets. Padded, so that numbers compare as bytes. */
enum { CRL_NUMBER_LEN = 20 };

struct crl_facts {
    struct sg_slice der;
    struct sg_slice issuer;
    struct sg_slice authority_key; /* value of the extension; none: {NULL, 0} */
    struct sg_slice scope;         /* likewise */
    bool has_number;
    uint8_t number[CRL_NUMBER_LEN];
    int64_t this_update;
    int64_t next_update;
    uint8_t sha256[SG_SHA256_LEN];
    char hex[SG_SHA256_HEX];
};

/* RFC 5280 §4.2: an extension may be there only once. */
static enum sg_rc extension(const X509_CRL *crl, int nid, struct sg_slice *ret, struct sg_err *err)
{
    int index = X509_CRL_get_ext_by_NID(crl, nid, -1);

    *ret = (struct sg_slice){NULL, 0};
    if (index < 0)
        return SG_OK;
    if (X509_CRL_get_ext_by_NID(crl, nid, index) >= 0)
        return sg_fail(err, SG_E_MALFORMED, _("The CRL has the extension %s twice."), OBJ_nid2ln(nid));
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, index));
    *ret = (struct sg_slice){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
    return SG_OK;
}

static enum sg_rc read_number(const X509_CRL *crl, struct crl_facts *facts, struct sg_err *err)
{
    struct sg_slice value;
    _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *integer = NULL;
    _cleanup_(BN_freep) BIGNUM *number = NULL;

    enum sg_rc rc = extension(crl, NID_crl_number, &value, err);
    if (rc != SG_OK || !value.data)
        return rc;
    const unsigned char *end = value.data;
    integer = d2i_ASN1_INTEGER(NULL, &end, (long)value.len);
    number = integer && end == value.data + value.len ? ASN1_INTEGER_to_BN(integer, NULL) : NULL;
    if (!number || BN_is_negative(number) || BN_bn2binpad(number, facts->number, CRL_NUMBER_LEN) < 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The CRL's number is not one."));
    facts->has_number = true;
    return SG_OK;
}

static enum sg_rc read_times(const X509_CRL *crl, struct crl_facts *facts, struct sg_err *err)
{
    const ASN1_TIME *next_update = X509_CRL_get0_nextUpdate(crl);

    facts->next_update = INT64_MAX;
    if (!sg_time_from_asn1(X509_CRL_get0_lastUpdate(crl), &facts->this_update) ||
        (next_update && !sg_time_from_asn1(next_update, &facts->next_update)))
        return sg_fail(err, SG_E_MALFORMED, _("The CRL's times cannot be read."));
    return SG_OK;
}

static enum sg_rc read_extensions(const X509_CRL *crl, struct crl_facts *facts, struct sg_err *err)
{
    enum sg_rc rc = extension(crl, NID_authority_key_identifier, &facts->authority_key, err);

    if (rc == SG_OK)
        rc = extension(crl, NID_issuing_distribution_point, &facts->scope, err);
    if (rc == SG_OK)
        rc = read_number(crl, facts, err);
    if (rc == SG_OK && X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
        rc = sg_fail(err, SG_E_POLICY, _("This is a delta CRL, which says only what changed. Get the complete CRL."));
    return rc;
}

/* `der` and `issuer` keep what `facts` borrows. */
static enum sg_rc read_facts(const struct sg_store *store, const X509_CRL *crl, unsigned char **der,
                             unsigned char **issuer, struct crl_facts *facts, struct sg_err *err)
{
    size_t digest_len;
    uint8_t digest[EVP_MAX_MD_SIZE];
    int der_len = i2d_X509_CRL(crl, der), issuer_len = i2d_X509_NAME(X509_CRL_get_issuer(crl), issuer);

    if (der_len < 0 || issuer_len < 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The CRL cannot be encoded."));
    if ((size_t)der_len > SG_MAX_CRL_FILE)
        return sg_fail(err, SG_E_LIMIT, _("The CRL is larger than %zu bytes."), SG_MAX_CRL_FILE);
    facts->der = (struct sg_slice){*der, (size_t)der_len};
    facts->issuer = (struct sg_slice){*issuer, (size_t)issuer_len};

    enum sg_rc rc = sg_digest(store->libctx, "SHA256", facts->der, digest, &digest_len, err);
    if (rc != SG_OK)
        return rc;
    memcpy(facts->sha256, digest, SG_SHA256_LEN);
    sg_hex(facts->sha256, SG_SHA256_LEN, facts->hex);
    rc = read_times(crl, facts, err);
    if (rc != SG_OK)
        return rc;
    return read_extensions(crl, facts, err);
}

static struct sg_slice number_slice(const struct crl_facts *facts)
{
    return (struct sg_slice){facts->number, facts->has_number ? CRL_NUMBER_LEN : 0};
}

/* RFC 5280 §5.2.3: numbers only grow; where there is none, thisUpdate must do. */
static bool is_older(const struct crl_facts *facts, struct sg_slice number, int64_t this_update)
{
    if (facts->has_number && number.len == CRL_NUMBER_LEN && memcmp(facts->number, number.data, CRL_NUMBER_LEN) < 0)
        return true;
    return facts->this_update < this_update;
}

/* `*ret_same`: it is there already. */
static enum sg_rc compare(struct sg_store *store, const struct crl_facts *facts, const char *issuer, bool *ret_same,
                          struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_blob(facts->issuer), sg_value_blob(facts->authority_key),
                                      sg_value_blob(facts->scope)};
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row;

    enum sg_rc rc = sg_db_query(store, SG_SQL_CRL_GET, values, SG_COUNT(values), &rows, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_next(store, rows, &row, err);
    if (rc != SG_OK)
        return rc;
    bool same = row && sg_slice_equal(sg_db_bytes(rows, 2), (struct sg_slice){facts->sha256, SG_SHA256_LEN});
    if (row && !same && is_older(facts, sg_db_bytes(rows, 0), sqlite3_column_int64(rows, 1))) {
        char ours[SG_TIME_TEXT], theirs[SG_TIME_TEXT];

        return sg_fail(err, SG_E_POLICY,
                       _("The CRL of \"%s\" from %s is older than the one in the store, from %s. It was not taken."),
                       issuer, sg_time_text(facts->this_update, theirs),
                       sg_time_text(sqlite3_column_int64(rows, 1), ours));
    }
    *ret_same = same;
    return SG_OK;
}

static enum sg_rc write_file(const struct sg_store *store, const struct crl_facts *facts, struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    _cleanup_(freep) char *path = NULL;

    if (asprintf(&folder, "%s/trust/crl", store->folder) < 0) {
        folder = NULL;
        return sg_fail_memory(err);
    }
    if (asprintf(&path, "%s/%s.crl", folder, facts->hex) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_folder_make(folder, err);
    if (rc != SG_OK)
        return rc;
    return sg_file_write(path, facts->der, SG_OUT_REPLACE | SG_OUT_PRIVATE, err);
}

static enum sg_rc record(struct sg_store *store, const struct crl_facts *facts, const char *issuer, struct sg_err *err)
{
    _cleanup_(freep) char *detail = NULL;
    char this_update[SG_TIME_TEXT];
    const struct sg_value values[] = {
        sg_value_blob(facts->issuer),
        sg_value_blob(facts->authority_key),
        sg_value_blob(facts->scope),
        sg_value_blob(number_slice(facts)),
        sg_value_integer(facts->this_update),
        sg_value_integer(facts->next_update),
        sg_value_blob((struct sg_slice){facts->sha256, SG_SHA256_LEN}),
        sg_value_integer(sg_clock_now(&store->clock)),
    };

    if (asprintf(&detail, "%s; of %s", issuer, sg_time_text(facts->this_update, this_update)) < 0) {
        detail = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_db_run(store, SG_SQL_CRL_PUT, values, SG_COUNT(values), err);
    if (rc == SG_OK)
        rc = sg_ledger_add(store, &(struct sg_ledger_entry){"crl-add", "", "", "", facts->hex, detail}, err);
    if (rc == SG_OK)
        rc = sg_trust_changed(store, err);
    return rc;
}

/* The file is there before the row that names it is committed, and is written while the write lock is held, which keeps
 * a publisher from removing it as one that nothing names. One that is there already is written again: it may have been
 * lost. */
static enum sg_rc add(struct sg_store *store, const struct crl_facts *facts, const char *issuer, struct sg_err *err)
{
    bool same = false;

    enum sg_rc rc = compare(store, facts, issuer, &same, err);
    if (rc != SG_OK)
        return rc;
    rc = write_file(store, facts, err);
    if (rc != SG_OK || same)
        return rc;
    return record(store, facts, issuer, err);
}

enum sg_rc sg_store_crl_add(struct sg_store *store, const X509_CRL *crl, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    _cleanup_(OPENSSL_freep) unsigned char *issuer_der = NULL;
    _cleanup_(freep) char *issuer = NULL;
    struct crl_facts facts = {0};
    struct sg_operation operation;

    enum sg_rc rc = read_facts(store, crl, &der, &issuer_der, &facts, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_name_text(X509_CRL_get_issuer(crl), &issuer, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    return sg_operation_end(&operation, add(store, &facts, issuer, err), err);
}
