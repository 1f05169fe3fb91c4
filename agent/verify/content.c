#include "verify/content.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/msg.h"
#include "verify/crypto.h"

static void clear_contexts(struct sg_content *content)
{
    for (size_t i = 0; i < content->count; i++) {
        EVP_MD_CTX_free(content->digests[i].ctx);
        content->digests[i].ctx = NULL;
    }
}

static enum sg_rc add_digest(struct sg_content *content, int nid, OSSL_LIB_CTX *libctx, struct sg_err *err)
{
    for (size_t i = 0; i < content->count; i++)
        if (content->digests[i].nid == nid)
            return SG_OK;
    if (nid == NID_undef || content->count == SG_MAX_CONTENT_DIGESTS)
        return SG_OK; /* there are not so many that we know: the rest has no digest, and so is not intact */
    ERR_set_mark();
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, OBJ_nid2sn(nid), NULL);
    ERR_pop_to_mark();
    if (!md)
        return SG_OK;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL))
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest %s"), OBJ_nid2sn(nid));
    content->digests[content->count++] = (struct sg_content_digest){.nid = nid, .ctx = sg_steal(ctx)};
    return SG_OK;
}

/* Where the content goes as it is read: into the digests, and to who else wants it. */
struct pass {
    struct sg_content *content;
    const struct sg_content_evidence *evidence;
};

static enum sg_rc update(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    const struct pass *pass = context;
    struct sg_content *content = pass->content;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < content->count; i++)
        if (!EVP_DigestUpdate(content->digests[i].ctx, data, len))
            return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the content"));
    for (size_t i = 0; rc == SG_OK && pass->evidence && i < pass->evidence->count; i++) {
        struct sg_evidence *evidence = pass->evidence->each[i];
        struct sg_sink sink = evidence ? sg_evidence_content(evidence) : (struct sg_sink){0};
        if (sink.write)
            rc = sink.write(sink.context, data, len, err);
    }
    return rc;
}

static enum sg_rc finish(struct sg_content *content, struct sg_err *err)
{
    for (size_t i = 0; i < content->count; i++) {
        struct sg_content_digest *digest = &content->digests[i];
        const EVP_MD *md = EVP_MD_CTX_get0_md(digest->ctx);
        unsigned len = 0;
        int done;
        if (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) { /* SHAKE256 with 512 bits (RFC 8702 §3.1, RFC 8419 §3.1) */
            len = 64;
            done = EVP_DigestFinalXOF(digest->ctx, digest->value, len);
        } else {
            done = EVP_DigestFinal_ex(digest->ctx, digest->value, &len);
        }
        if (!done)
            return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the content"));
        digest->len = len;
    }
    return SG_OK;
}

static enum sg_rc add_evidence(struct sg_content *content, const struct sg_evidence *evidence, OSSL_LIB_CTX *libctx,
                               struct sg_err *err)
{
    int nids[SG_MAX_CONTENT_DIGESTS];
    size_t count = evidence ? sg_evidence_digests(evidence, nids, SG_MAX_CONTENT_DIGESTS) : 0;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = add_digest(content, nids[i], libctx, err);
    return rc;
}

static enum sg_rc add_signer(struct sg_content *content, const struct sg_signer_info *si, OSSL_LIB_CTX *libctx,
                             struct sg_err *err)
{
    struct sg_signature_method method; /* without signed attributes the value is over the content itself */
    enum sg_rc rc = add_digest(content, OBJ_obj2nid(si->digest_algorithm->algorithm), libctx, err);
    if (rc == SG_OK && !si->signed_attrs_wire.data && sg_signature_method_read(si->signature_algorithm, &method))
        rc = add_digest(content, method.digest, libctx, err);
    return rc;
}

static enum sg_rc prepare(struct sg_content *content, const struct sg_cms *cms,
                          const struct sg_content_evidence *evidence, OSSL_LIB_CTX *libctx, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < sg_cms_signer_count(cms); i++)
        rc = add_signer(content, sg_cms_signer(cms, i), libctx, err);
    for (size_t i = 0; rc == SG_OK && evidence && i < evidence->count; i++)
        rc = add_evidence(content, evidence->each[i], libctx, err);
    return rc;
}

/* By the digests that are prepared. */
static enum sg_rc hash(struct sg_cms *cms, const struct sg_source *detached, const struct sg_content_evidence *evidence,
                       struct sg_content *content, struct sg_err *err)
{
    struct pass pass = {.content = content, .evidence = evidence};
    struct sg_sink sink = {.write = update, .context = &pass};
    enum sg_rc rc = update(&pass, NULL, 0, err); /* content that is empty is given as well */
    if (rc == SG_OK && detached)
        rc = detached->stream(detached->context, sink, err);
    else if (rc == SG_OK)
        rc = sg_cms_content(cms, sink, err);
    if (rc == SG_OK)
        rc = finish(content, err);
    return rc;
}

/* A file named beside an attached signature: whoever named it believes that it is what was signed. It is hashed by the
 * very digests that the attached content has. */
static enum sg_rc compare(struct sg_cms *cms, const struct sg_source *beside, OSSL_LIB_CTX *libctx,
                          struct sg_content *content, struct sg_err *err)
{
    struct sg_content other = {.present = true};
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < content->count; i++)
        rc = add_digest(&other, content->digests[i].nid, libctx, err);
    if (rc == SG_OK)
        rc = hash(cms, beside, NULL, &other, err);
    clear_contexts(&other);
    for (size_t i = 0; rc == SG_OK && i < content->count; i++) {
        int nid = content->digests[i].nid;
        content->differs |= !sg_slice_equal(sg_content_digest(content, nid), sg_content_digest(&other, nid));
    }
    return rc;
}

enum sg_rc sg_content_hash(struct sg_cms *cms, const struct sg_source *detached,
                           const struct sg_content_evidence *evidence, OSSL_LIB_CTX *libctx, struct sg_content *ret,
                           struct sg_err *err)
{
    bool attached = !sg_cms_is_detached(cms);
    struct sg_content content = {.present = attached || detached};
    if (!content.present) {
        *ret = content;
        return SG_OK;
    }
    enum sg_rc rc = prepare(&content, cms, evidence, libctx, err);
    if (rc == SG_OK)
        rc = hash(cms, attached ? NULL : detached, evidence, &content, err);
    clear_contexts(&content);
    if (rc == SG_OK && attached && detached)
        rc = compare(cms, detached, libctx, &content, err);
    if (rc == SG_OK)
        *ret = content;
    return rc;
}

enum sg_rc sg_content_hash_for(const struct sg_signer_info *si, struct sg_evidence *evidence,
                               const struct sg_source *what, OSSL_LIB_CTX *libctx, struct sg_content *ret,
                               struct sg_err *err)
{
    struct sg_content content = {.present = true};
    enum sg_rc rc = add_signer(&content, si, libctx, err);
    if (rc == SG_OK)
        rc = add_evidence(&content, evidence, libctx, err);
    if (rc == SG_OK)
        rc = hash(NULL, what, &(struct sg_content_evidence){&evidence, 1}, &content, err);
    clear_contexts(&content);
    if (rc == SG_OK)
        *ret = content;
    return rc;
}

struct sg_slice sg_content_digest(const struct sg_content *content, int nid)
{
    for (size_t i = 0; content->present && i < content->count; i++)
        if (content->digests[i].nid == nid)
            return (struct sg_slice){content->digests[i].value, content->digests[i].len};
    return (struct sg_slice){0};
}

struct sg_slice sg_content_digest_for(void *context, int nid)
{
    return sg_content_digest(context, nid);
}
