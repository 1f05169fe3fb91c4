/* The reader of the snapshot: opens no database and writes nothing. */
#include "store/snapshot.h"

#include <string.h>

#include "base/crypto.h"
#include "base/input.h"
#include "base/msg.h"
#include "snapshot_format.h"

struct sg_snapshot {
    char *folder; /* the state folder */
    OSSL_LIB_CTX *libctx;
    SG_SNAPSHOT_DER *der; /* owns what the arrays point at */
    struct sg_snapshot_anchor *anchors;
    size_t anchor_count;
    struct sg_snapshot_crl *crls;
    size_t crl_count;
    struct sg_snapshot_ocsp *ocsps;
    size_t ocsp_count;
};

static enum sg_rc read_file(const char *path, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;

    enum sg_rc rc = sg_input_open(path, &input, err);
    if (rc != SG_OK)
        return rc;
    return sg_input_read_all(input, out, err);
}

static struct sg_slice slice_of(const ASN1_STRING *string)
{
    return (struct sg_slice){ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
}

/* Allocated. The values have been checked; ASN1_STRING keeps a NUL behind its bytes, but that is not promised for every
 * type. */
static char *text_of(const ASN1_STRING *string)
{
    struct sg_slice text = string ? slice_of(string) : (struct sg_slice){(const uint8_t *)"", 0};

    return strndup((const char *)text.data, text.len);
}

static enum sg_rc list_anchors(struct sg_snapshot *snapshot, struct sg_err *err)
{
    int count = sk_SG_ANCHOR_DER_num(snapshot->der->anchors);

    snapshot->anchors = calloc((size_t)count + 1, sizeof(*snapshot->anchors));
    if (!snapshot->anchors)
        return sg_fail_memory(err);
    for (int i = 0; i < count; i++) {
        const SG_ANCHOR_DER *der = sk_SG_ANCHOR_DER_value(snapshot->der->anchors, i);
        struct sg_snapshot_anchor *anchor = &snapshot->anchors[snapshot->anchor_count++];

        *anchor = (struct sg_snapshot_anchor){
            .certificate = slice_of(der->certificate),
            .purposes = (unsigned)der->purposes,
            .limits = text_of(der->limits),
            .source = text_of(der->source),
            .added = der->added,
        };
        if (!anchor->limits || !anchor->source)
            return sg_fail_memory(err);
    }
    return SG_OK;
}

static enum sg_rc list_crls(struct sg_snapshot *snapshot, struct sg_err *err)
{
    int count = sk_SG_CRL_DER_num(snapshot->der->crls);

    snapshot->crls = calloc((size_t)count + 1, sizeof(*snapshot->crls));
    if (!snapshot->crls)
        return sg_fail_memory(err);
    for (int i = 0; i < count; i++) {
        const SG_CRL_DER *der = sk_SG_CRL_DER_value(snapshot->der->crls, i);
        struct sg_snapshot_crl *crl = &snapshot->crls[snapshot->crl_count++];

        crl->issuer = slice_of(der->issuer);
        memcpy(crl->sha256, ASN1_STRING_get0_data(der->sha256), SG_SHA256_LEN);
        crl->this_update = der->this_update;
        crl->next_update = der->next_update;
    }
    return SG_OK;
}

static enum sg_rc list_ocsps(struct sg_snapshot *snapshot, struct sg_err *err)
{
    int count = sk_SG_OCSP_DER_num(snapshot->der->ocsps);

    snapshot->ocsps = calloc(count > 0 ? (size_t)count : 1, sizeof(*snapshot->ocsps));
    if (!snapshot->ocsps)
        return sg_fail_memory(err);
    for (int i = 0; i < count; i++) {
        const SG_OCSP_DER *der = sk_SG_OCSP_DER_value(snapshot->der->ocsps, i);
        struct sg_snapshot_ocsp *ocsp = &snapshot->ocsps[snapshot->ocsp_count++];

        ocsp->cert_id = slice_of(der->cert_id);
        memcpy(ocsp->sha256, ASN1_STRING_get0_data(der->sha256), SG_SHA256_LEN);
        ocsp->this_update = der->this_update;
        ocsp->next_update = der->next_update;
    }
    return SG_OK;
}

static enum sg_rc load(struct sg_snapshot *snapshot, const char *path, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MAX_SNAPSHOT);
    struct sg_err missing;

    enum sg_rc rc = read_file(path, &file, &missing);
    if (rc == SG_E_NOT_FOUND)
        return SG_OK;
    if (rc != SG_OK) {
        if (err)
            *err = missing;
        return rc;
    }
    rc = sg_snapshot_decode(sg_buf_slice(&file), snapshot->libctx, &snapshot->der, err);
    if (rc == SG_OK)
        rc = list_anchors(snapshot, err);
    if (rc == SG_OK)
        rc = list_crls(snapshot, err);
    if (rc == SG_OK)
        rc = list_ocsps(snapshot, err);
    if (rc != SG_OK)
        sg_err_file(err, path);
    return rc;
}

enum sg_rc sg_snapshot_open(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_snapshot **ret,
                            struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (!snapshot)
        return sg_fail_memory(err);
    snapshot->libctx = libctx;
    snapshot->folder = strdup(state_folder);
    if (!snapshot->folder)
        return sg_fail_memory(err);
    if (asprintf(&path, "%s/trust/snapshot", state_folder) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = load(snapshot, path, err);
    if (rc != SG_OK)
        return rc;
    *ret = sg_steal(snapshot);
    return SG_OK;
}

void sg_snapshot_free(struct sg_snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t i = 0; i < snapshot->anchor_count; i++) {
        free((char *)snapshot->anchors[i].limits);
        free((char *)snapshot->anchors[i].source);
    }
    free(snapshot->anchors);
    free(snapshot->crls);
    free(snapshot->ocsps);
    sg_snapshot_der_free(snapshot->der);
    free(snapshot->folder);
    free(snapshot);
}

size_t sg_snapshot_anchor_count(const struct sg_snapshot *snapshot)
{
    return snapshot->anchor_count;
}

const struct sg_snapshot_anchor *sg_snapshot_anchor(const struct sg_snapshot *snapshot, size_t index)
{
    return &snapshot->anchors[index];
}

size_t sg_snapshot_crl_count(const struct sg_snapshot *snapshot)
{
    return snapshot->crl_count;
}

const struct sg_snapshot_crl *sg_snapshot_crl(const struct sg_snapshot *snapshot, size_t index)
{
    return &snapshot->crls[index];
}

size_t sg_snapshot_ocsp_count(const struct sg_snapshot *snapshot)
{
    return snapshot->ocsp_count;
}

const struct sg_snapshot_ocsp *sg_snapshot_ocsp(const struct sg_snapshot *snapshot, size_t index)
{
    return &snapshot->ocsps[index];
}

size_t sg_snapshot_helper_count(const struct sg_snapshot *snapshot)
{
    int count = snapshot->der ? sk_ASN1_OCTET_STRING_num(snapshot->der->helpers) : 0;

    return count > 0 ? (size_t)count : 0;
}

struct sg_slice sg_snapshot_helper(const struct sg_snapshot *snapshot, size_t index)
{
    return slice_of(sk_ASN1_OCTET_STRING_value(snapshot->der->helpers, (int)index));
}

/* --- the files that it names -------------------------------------------------------------------------------------- */

static enum sg_rc name_file(const struct sg_snapshot *snapshot, const char *folder, const char *suffix,
                            const uint8_t sha256[SG_SHA256_LEN], char **ret, struct sg_err *err)
{
    char hex[SG_SHA256_HEX];
    char *path = NULL;

    sg_hex(sha256, SG_SHA256_LEN, hex);
    if (asprintf(&path, "%s/trust/%s/%s.%s", snapshot->folder, folder, hex, suffix) < 0)
        return sg_fail_memory(err);
    *ret = path;
    return SG_OK;
}

static enum sg_rc fail_file(const char *path, struct sg_err *err)
{
    (void)sg_fail(err, SG_E_STORE_DAMAGED,
                  _("The file \"%s\" of revocation data is missing or damaged. Try again; if it stays so, put it in "
                    "again (signet trust add --ocsp)."),
                  path);
    sg_err_file(err, path);
    return SG_E_STORE_DAMAGED;
}

enum sg_rc sg_snapshot_ocsp_read(const struct sg_snapshot *snapshot, size_t index, struct sg_buf *out,
                                 struct sg_err *err)
{
    const uint8_t *sha256 = snapshot->ocsps[index].sha256;
    _cleanup_(freep) char *path = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len, before = out->len;

    enum sg_rc rc = name_file(snapshot, "ocsp", "ocsp", sha256, &path, err);
    if (rc == SG_OK)
        rc = read_file(path, out, err);
    if (rc == SG_E_NOT_FOUND)
        return fail_file(path, err);
    if (rc != SG_OK)
        return rc;
    struct sg_slice der = {out->data + before, out->len - before};
    rc = sg_digest(snapshot->libctx, "SHA256", der, digest, &digest_len, err);
    if (rc == SG_OK && memcmp(digest, sha256, SG_SHA256_LEN) != 0)
        rc = fail_file(path, err);
    if (rc != SG_OK)
        out->len = before;
    return rc;
}

enum sg_rc sg_snapshot_crl_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    return name_file(snapshot, "crl", "crl", snapshot->crls[index].sha256, ret, err);
}

enum sg_rc sg_snapshot_crl_index_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    return name_file(snapshot, "crl", "index", snapshot->crls[index].sha256, ret, err);
}

enum sg_rc sg_snapshot_ocsp_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    return name_file(snapshot, "ocsp", "ocsp", snapshot->ocsps[index].sha256, ret, err);
}
