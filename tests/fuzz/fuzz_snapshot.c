/* The snapshot's reader on any bytes, under a digest that fits them: everything behind its one door. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "fuzz.h"
#include "store/snapshot.h"

struct fuzz {
    OSSL_LIB_CTX *libctx;
    char folder[64];
    char file[96];
};

static struct fuzz *the_fuzz(void)
{
    static struct fuzz fuzz;

    return &fuzz;
}

static void remove_folder(void)
{
    const struct fuzz *fuzz = the_fuzz();
    char trust[sizeof(fuzz->folder) + 8];

    (void)snprintf(trust, sizeof(trust), "%s/trust", fuzz->folder);
    (void)remove(fuzz->file);
    (void)remove(trust);
    (void)remove(fuzz->folder);
}

static const struct fuzz *prepare(void)
{
    struct fuzz *fuzz = the_fuzz();
    char trust[sizeof(fuzz->folder) + 8];

    if (fuzz->libctx)
        return fuzz;
    must(sg_libctx_new(&fuzz->libctx, NULL) == SG_OK);
    (void)snprintf(fuzz->folder, sizeof(fuzz->folder), "/tmp/signet-fuzz-snapshot-XXXXXX");
    must(mkdtemp(fuzz->folder) != NULL);
    (void)snprintf(trust, sizeof(trust), "%s/trust", fuzz->folder);
    must(mkdir(trust, 0700) == 0);
    (void)snprintf(fuzz->file, sizeof(fuzz->file), "%s/snapshot", trust);
    must(atexit(remove_folder) == 0);
    return fuzz;
}

static void write_snapshot(const struct fuzz *fuzz, struct sg_slice der)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;

    must(sg_digest(fuzz->libctx, "SHA256", der, digest, &len, NULL) == SG_OK);
    FILE *file = fopen(fuzz->file, "wb");
    must(file != NULL);
    must(fwrite(der.data, 1, der.len, file) == der.len && fwrite(digest, 1, len, file) == len);
    must(fclose(file) == 0);
}

/* What was accepted must be what the header promises. */
static void walk(const struct sg_snapshot *snapshot)
{
    for (size_t i = 0; i < sg_snapshot_anchor_count(snapshot); i++) {
        const struct sg_snapshot_anchor *anchor = sg_snapshot_anchor(snapshot, i);

        must(anchor->certificate.len > 0 && anchor->certificate.data != NULL);
        must(anchor->purposes != 0 && (anchor->purposes & ~(unsigned)SG_PURPOSES_ALL) == 0);
        must(strlen(anchor->source) < SIZE_MAX && strlen(anchor->limits) < SIZE_MAX);
    }
    for (size_t i = 0; i < sg_snapshot_crl_count(snapshot); i++)
        must(sg_snapshot_crl(snapshot, i)->issuer.len > 0);
    for (size_t i = 0; i < sg_snapshot_ocsp_count(snapshot); i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(1024);

        must(sg_snapshot_ocsp_read(snapshot, i, &out, NULL) == SG_E_STORE_DAMAGED); /* no such file */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct fuzz *fuzz = prepare();
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;

    write_snapshot(fuzz, (struct sg_slice){data, len});
    if (sg_snapshot_open(fuzz->folder, fuzz->libctx, &snapshot, NULL) == SG_OK)
        walk(snapshot);
    return 0;
}
