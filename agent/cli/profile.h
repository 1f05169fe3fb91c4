/* An officer's profile: an attached CMS over JSON, `signet.profile/1`. Who signed it is for a person to compare: the
 * signer need not chain to an anchor, since a profile is how anchors come. */
#pragma once

#include <jansson.h>

#include "base/crypto.h"
#include "cli/app.h"
#include "verify/anchor_json.h"

struct sg_profile {
    char signer_sha256[SG_SHA256_HEX];
    char *signer_subject;
    json_t *config; /* section -> key -> text or list of texts; every one checked */
    struct sg_named_anchors anchors;
};

/* Reads and checks all of it. A signature that is not intact is SG_E_MALFORMED; [policy] is SG_E_POLICY; an unknown key
 * or a bad value SG_E_CONFIG. */
SG_MUST_CHECK enum sg_rc sg_profile_read(struct sg_app *app, const char *path, struct sg_profile **ret,
                                         struct sg_err *err);
void sg_profile_free(struct sg_profile *profile);
SG_DEFINE_CLEANUP(struct sg_profile, sg_profile_free)

/* Puts the profile's keys into the text of a signet.conf. */
SG_MUST_CHECK enum sg_rc sg_profile_configure(const struct sg_profile *profile, struct sg_buf *text,
                                              struct sg_err *err);
/* Puts them in force for this run, as they will be once they are in signet.conf: the environment and options stay
 * stronger. `path` is for messages. */
SG_MUST_CHECK enum sg_rc sg_profile_apply(const struct sg_profile *profile, const char *path, struct sg_config *config,
                                          struct sg_err *err);
