/* Any bytes as signet.conf and as policy.conf: refused with a sentence that can be shown, or values that are each
 * valid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/url.h"
#include "base/utf8.h"
#include "fuzz.h"

static void check_values(const struct sg_config *config)
{
    for (int i = 0; i < SG_KEY_COUNT; i++) {
        enum sg_key key = (enum sg_key)i;
        for (size_t j = 0; j < sg_config_count(config, key); j++) {
            const char *value = sg_config_item(config, key, j);
            must(strcmp(sg_key_section(key), "policy") == 0 || sg_key_in_group(key) ||
                 sg_config_check(sg_key_section(key), sg_key_name(key), value, NULL) == SG_OK);
        }
    }
    must(sg_config_seconds(config, SG_KEY_VERIFY_STALE) >= 0);
    for (size_t i = 0; sg_config_group(config, "target", i); i++)
        must(sg_url_problem(sg_config_text(sg_config_group(config, "target", i), SG_KEY_TARGET_URL)) == NULL);
}

static void load(const struct sg_config_files *files)
{
    struct sg_config *config = NULL;
    struct sg_err err;
    enum sg_rc rc = sg_config_load(files, &config, &err);
    if (rc == SG_OK) {
        check_values(config);
        sg_config_free(config);
        return;
    }
    must(rc == SG_E_CONFIG && err.rc == rc && !config);
    must(err.file[0] != '\0' && sg_utf8_is_printable(err.text, strlen(err.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    _cleanup_(closep) int fd = memfd_create("config", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    load(&(struct sg_config_files){.user = path});
    load(&(struct sg_config_files){.policy = path});
    return 0;
}
