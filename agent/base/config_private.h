/* What the table of keys (config_keys.c), the reader of files (config_file.c) and the values (config.c) share.
 * `where` is what every sentence starts with: "signet.conf:12", "--revocation", "SIGNET_MODULE". */
#pragma once

#include "base/config.h"

/* The first key of the section, which stands for it; false if this program serves no such section. */
bool sg_config_find_section(const char *section, enum sg_key *ret_first);
/* Takes `tsa "main"` apart; false if it is no such thing, or the name is not 1 to 64 letters, digits, dots, dashes and
 * underscores. `section` and `name` have room for SG_MAX_SECTION_WORD. */
#define SG_MAX_SECTION_WORD 65
bool sg_config_split(const char *text, char *section, char *name);
/* The section of that name, made if it is not there. */
SG_MUST_CHECK enum sg_rc sg_config_group_get(struct sg_config *config, const char *section, const char *name,
                                             const char *where, struct sg_config **ret, struct sg_err *err);
/* What has to be there is there (a target's URL, a list's signer), and as much of it as is asked for. */
SG_MUST_CHECK enum sg_rc sg_config_check_whole(const struct sg_config *config, struct sg_err *err);
bool sg_config_find_key(const char *section, const char *name, enum sg_key *ret);
/* Fills `err` about a section (`name` is NULL) or a key that is not known: it is a later version's, or nobody's. */
enum sg_rc sg_config_unknown(const char *where, const char *section, const char *name, struct sg_err *err);
/* Checks a value of `key`: SG_E_USAGE for an option's, else SG_E_CONFIG. */
SG_MUST_CHECK enum sg_rc sg_config_check_value(enum sg_key key, const char *value, enum sg_origin origin,
                                               const char *where, struct sg_err *err);
const char *sg_config_default(enum sg_key key);
/* Of a key that is a choice: 0 for the weakest. */
size_t sg_config_rank(enum sg_key key, const char *value);

/* Reads a file into `config`. One that is not there is as an empty one. */
SG_MUST_CHECK enum sg_rc sg_config_read(struct sg_config *config, const char *path, enum sg_origin origin,
                                        struct sg_err *err);
