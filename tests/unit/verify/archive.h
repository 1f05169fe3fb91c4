/* What has ended long ago, and is proven link by link. */
#pragma once

#include "long_term.h"

/* Everything ended: signer and CA a year ago, the TSA that stamped the signature half a year ago. Two archive
 * time-stamps, of 700 and of 300 days ago, by the TSA of then and one that is good still. */
struct archive {
    struct scene scene;
    struct pki_id new_tsa;
    X509_CRL *root_crl, *ca_crl, *tsa_ca_crl, *late_root_crl; /* carried */
};

static inline X509_CRL *make_crl(const struct archive *archive, const struct pki_id *issuer, int64_t this_update)
{
    return pki_crl(archive->scene.world.libctx, issuer,
                   &(struct pki_crl){.this_update = this_update, .next_update = this_update + DAYS(7)});
}

static inline void make_pki(struct archive *archive)
{
    struct world *world = &archive->scene.world;
    const int64_t begin = AGO(1000), end = AGO(365);
    pki_free(&world->root);
    pki_free(&world->ca);
    pki_free(&world->signer);
    world->root =
        pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true, .not_before = AGO(1500)});
    (void)sk_X509_set(world->anchors, 0, world->root.cert);
    world->ca = pki_issue(world->libctx, &world->root,
                          &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_before = begin, .not_after = end});
    world->signer = pki_issue(world->libctx, &world->ca,
                              &(struct pki_cert){.name = "Alice", .not_before = begin, .not_after = end});
    scene_tsa(&archive->scene, &(struct pki_cert){.name = "TSA CA", .ca = true, .not_before = begin},
              &(struct pki_cert){.name = "TSA", .not_before = begin, .not_after = AGO(180)});
    archive->new_tsa =
        made_tsa(world->libctx, &archive->scene.tsa_ca, &(struct pki_cert){.name = "New TSA", .not_before = AGO(400)});
}

static inline int setup(void **state)
{
    struct archive *archive = calloc(1, sizeof *archive);
    struct world *world = &archive->scene.world;
    world_make(world);
    make_pki(archive);
    /* As of now it is known that nothing of the TSA's was revoked; of the CA there are no CRLs any more. */
    world_crl(world, &world->root_crl, &world->root, &(struct pki_crl){0});
    (void)sk_X509_CRL_pop(world->crls);
    scene_tsa_crl(&archive->scene, &(struct pki_crl){0});
    archive->root_crl = make_crl(archive, &world->root, AGO(699));
    archive->ca_crl = make_crl(archive, &world->ca, AGO(699));
    archive->tsa_ca_crl = make_crl(archive, &archive->scene.tsa_ca, AGO(301));
    archive->late_root_crl = make_crl(archive, &world->root, AGO(301));
    *state = archive;
    return 0;
}

static inline int teardown(void **state)
{
    struct archive *archive = *state;
    void *scene = calloc(1, sizeof(struct scene));
    X509_CRL_free(archive->root_crl);
    X509_CRL_free(archive->ca_crl);
    X509_CRL_free(archive->tsa_ca_crl);
    X509_CRL_free(archive->late_root_crl);
    pki_free(&archive->new_tsa);
    memcpy(scene, &archive->scene, sizeof(struct scene));
    free(archive);
    return teardown_scene(&scene);
}

#define ARCHIVE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The root's CRL of then: of before the signature, and good for long. */
static inline void long_root_crl(struct archive *archive, int64_t next_update)
{
    X509_CRL_free(archive->root_crl);
    archive->root_crl = pki_crl(archive->scene.world.libctx, &archive->scene.world.root,
                                &(struct pki_crl){.this_update = AGO(750), .next_update = next_update});
}
