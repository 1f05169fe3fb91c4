#include "cli/sync_targets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/login.h"
#include "cli/signing.h"
#include "formats/pem.h"

#define MAX_CREDENTIALS 4096

/* --- which there are -----------------------------------------------------------------------------------------------
 */

static enum sg_rc load_one(const struct sg_config *section, struct sg_sync_target *target,
                           struct sg_target_keeping *kept, struct sg_err *err)
{
    const char *url = sg_config_text(section, SG_KEY_TARGET_URL);
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    kept->section = section;
    kept->url = strndup(url, len);
    if (!kept->url)
        return sg_fail_memory(err);
    target->target.name = sg_config_group_name(section);
    target->target.type = sg_config_text(section, SG_KEY_TARGET_TYPE);
    target->target.url = kept->url;
    return SG_OK;
}

enum sg_rc sg_sync_targets_load(struct sg_app *app, struct sg_sync_targets *ret, struct sg_err *err)
{
    struct sg_sync_targets targets = {.app = app};
    enum sg_rc rc = SG_OK;

    while (sg_config_group(app->config, "target", targets.count))
        targets.count++;
    targets.list = calloc(targets.count + 1, sizeof(*targets.list));
    targets.kept = calloc(targets.count + 1, sizeof(*targets.kept));
    if (!targets.list || !targets.kept)
        rc = sg_fail_memory(err);
    for (size_t i = 0; i < targets.count && rc == SG_OK; i++)
        rc = load_one(sg_config_group(app->config, "target", i), &targets.list[i], &targets.kept[i], err);
    if (rc == SG_OK)
        *ret = targets;
    else
        sg_sync_targets_clear(&targets);
    return rc;
}

/* What sg_sync_targets_open() made. */
static void keeping_close(struct sg_target_keeping *kept)
{
    EVP_PKEY_free(sg_steal(kept->key));
    sg_key_list_free(sg_steal(kept->keys));
    sg_x509_stack_free(sg_steal(kept->chain));
    sg_x509_stack_free(sg_steal(kept->encrypt_to));
    sg_secret_free(sg_steal(kept->password));
    free(sg_steal(kept->user));
    kept->open = false;
}

void sg_sync_targets_clear(struct sg_sync_targets *targets)
{
    for (size_t i = 0; targets->kept && i < targets->count; i++) {
        keeping_close(&targets->kept[i]);
        free(targets->kept[i].url);
    }
    free(targets->kept);
    free(targets->list);
    sg_tokens_free(targets->tokens);
    *targets = (struct sg_sync_targets){0};
}

struct sg_sync_target *sg_sync_targets_find(const struct sg_sync_targets *targets, const char *name)
{
    for (size_t i = 0; i < targets->count; i++)
        if (strcmp(targets->list[i].target.name, name) == 0)
            return &targets->list[i];
    return NULL;
}

/* --- time-stamp authorities ----------------------------------------------------------------------------------------
 */

static int64_t order_of(const struct sg_config *config, size_t index)
{
    return sg_config_number(sg_config_group(config, "tsa", index), SG_KEY_TSA_ORDER);
}

/* How many are asked before the one that stands at `index` in the file: of equals, the first there. */
static size_t rank_of(const struct sg_config *config, size_t count, size_t index)
{
    int64_t order = order_of(config, index);
    size_t rank = 0;

    for (size_t i = 0; i < count; i++)
        rank += order_of(config, i) < order || (order_of(config, i) == order && i < index);
    return rank;
}

enum sg_rc sg_sync_tsas(const struct sg_config *config, struct sg_tsa **ret, size_t *ret_count, struct sg_err *err)
{
    size_t count = 0;

    while (sg_config_group(config, "tsa", count))
        count++;
    _cleanup_(freep) struct sg_tsa *tsas = calloc(count + 1, sizeof(*tsas));
    if (!tsas)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct sg_config *section = sg_config_group(config, "tsa", i);
        struct sg_tsa *tsa = &tsas[rank_of(config, count, i)];
        tsa->name = sg_config_group_name(section);
        tsa->url = sg_config_text(section, SG_KEY_TSA_URL);
        tsa->policy = sg_config_text(section, SG_KEY_TSA_POLICY);
    }
    *ret = sg_steal(tsas);
    *ret_count = count;
    return SG_OK;
}

/* --- credentials ---------------------------------------------------------------------------------------------------
 */

/* Opens the file, which nobody else may read: what is in it would not be a secret. */
static enum sg_rc open_private(const char *path, int *ret, struct sg_err *err)
{
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return sg_fail_errno(err, SG_E_CONFIG, errno, _("The credentials \"%s\" cannot be read."), path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return sg_fail(err, SG_E_CONFIG,
                       _("Others may read the credentials \"%s\": chmod 600 it, and change the password."), path);
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

static enum sg_rc read_all(int fd, const char *path, struct sg_secret *text, struct sg_err *err)
{
    ssize_t got = 1;

    while (got > 0 && text->len < text->capacity) {
        got = read(fd, text->bytes + text->len, text->capacity - text->len);
        text->len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return sg_fail_errno(err, SG_E_CONFIG, errno, _("The credentials \"%s\" cannot be read."), path);
    return SG_OK;
}

/* The next line of the text, without its end; NULL behind the last. */
static const uint8_t *next_line(const struct sg_secret *text, size_t *at, size_t *ret_len)
{
    const uint8_t *line = text->bytes + *at;
    const uint8_t *end = *at < text->len ? memchr(line, '\n', text->len - *at) : NULL;
    size_t len = end ? (size_t)(end - line) : text->len - *at;

    if (*at >= text->len)
        return NULL;
    *at += len + (end ? 1 : 0);
    *ret_len = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
    return line;
}

static enum sg_rc split(const struct sg_secret *text, const char *path, struct sg_target_keeping *kept,
                        struct sg_err *err)
{
    size_t at = 0, user_len = 0, password_len = 0;
    const uint8_t *user = next_line(text, &at, &user_len), *password = next_line(text, &at, &password_len);

    if (!user || !password || user_len == 0 || password_len == 0 || at < text->len ||
        memchr(text->bytes, '\0', text->len))
        return sg_fail(err, SG_E_CONFIG, _("The credentials \"%s\" are not two lines, a user and a password."), path);
    enum sg_rc rc = sg_secret_new(password_len, &kept->password, err);
    if (rc != SG_OK)
        return rc;
    memcpy(kept->password->bytes, password, password_len);
    kept->password->len = password_len;
    kept->user = strndup((const char *)user, user_len);
    return kept->user ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc read_credentials(struct sg_target_keeping *kept, struct sg_target *target, struct sg_err *err)
{
    const char *path = sg_config_text(kept->section, SG_KEY_TARGET_CREDENTIALS);
    _cleanup_(sg_secret_freep) struct sg_secret *text = NULL;
    _cleanup_(closep) int fd = -1;

    if (!path[0])
        return SG_OK;
    enum sg_rc rc = open_private(path, &fd, err);
    if (rc == SG_OK)
        rc = sg_secret_new(MAX_CREDENTIALS, &text, err);
    if (rc == SG_OK)
        rc = read_all(fd, path, text, err);
    if (rc == SG_OK)
        rc = split(text, path, kept, err);
    if (rc != SG_OK)
        return sg_about(path, err, rc);
    target->access.user = kept->user;
    target->access.password = kept->password;
    return SG_OK;
}

/* S3 sends no secret; a password goes over the network, which must not read it. */
static enum sg_rc check_secrecy(const struct sg_target *target, struct sg_err *err)
{
    if (!target->access.user || target->access.sigv4_region || strncasecmp(target->url, "https://", 8) == 0)
        return SG_OK;
    return sg_fail(err, SG_E_CONFIG,
                   _("The password for the target \"%s\" would go over the network for everybody to read; give its url "
                     "as https://."),
                   target->name);
}

/* --- certificates and keys -----------------------------------------------------------------------------------------
 */

static enum sg_rc read_recipient(struct sg_app *app, struct sg_target_keeping *kept, struct sg_err *err)
{
    const char *path = sg_config_text(kept->section, SG_KEY_TARGET_ENCRYPT_TO);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    OSSL_LIB_CTX *libctx = NULL;

    if (!path[0])
        return SG_OK;
    kept->encrypt_to = sk_X509_new_null();
    if (!kept->encrypt_to)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_certs_read(input, libctx, kept->encrypt_to, err);
    return rc == SG_OK ? rc : sg_about(path, err, rc);
}

/* The one key that the URI names, with its certificate. */
static enum sg_rc find_key(struct sg_sync_targets *targets, const char *uri, struct sg_key_list **ret,
                           struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    enum sg_rc rc = targets->tokens ? SG_OK : sg_app_tokens(targets->app, &targets->tokens, err);

    if (rc == SG_OK)
        rc = sg_keys_find(targets->tokens, uri, &list, err);
    if (rc != SG_OK)
        return rc;
    if (sg_key_list_count(list) != 1)
        return sg_fail(err, SG_E_CONFIG,
                       sg_key_list_count(list) == 0 ? _("There is no key that the client-key \"%s\" names.")
                                                    : _("The client-key \"%s\" names more than one key."),
                       uri);
    if (!sg_token_key_info(sg_key_list_get(list, 0))->cert)
        return sg_fail(err, SG_E_NO_CERTIFICATE, _("The client-key \"%s\" has no certificate on its token."), uri);
    *ret = sg_steal(list);
    return SG_OK;
}

static enum sg_rc find_chain(struct sg_token_key *key, struct sg_target_keeping *kept, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();

    kept->chain = sk_X509_new_null();
    if (!certs || !kept->chain)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_token_certificates(sg_token_key_token(key), NULL, certs, err);
    return rc == SG_OK ? sg_issuers_find(certs, sg_token_key_info(key)->cert, false, kept->chain, err) : rc;
}

static enum sg_rc key_error(void *context, struct sg_err *err)
{
    return sg_token_key_last_error(context, err);
}

static enum sg_rc open_key(struct sg_sync_targets *targets, struct sg_target_keeping *kept, struct sg_target *target,
                           struct sg_err *err)
{
    const char *uri = sg_config_text(kept->section, SG_KEY_TARGET_CLIENT_KEY);

    if (!uri[0])
        return SG_OK;
    enum sg_rc rc = find_key(targets, uri, &kept->keys, err);
    if (rc != SG_OK)
        return rc;
    struct sg_token_key *key = sg_key_list_get(kept->keys, 0);
    rc = sg_app_login(targets->app, sg_token_key_token(key), uri, err);
    if (rc == SG_OK)
        rc = find_chain(key, kept, err);
    if (rc == SG_OK)
        rc = sg_token_key_inspect(key, SG_FOR_SIGNING, err);
    if (rc == SG_OK)
        rc = sg_token_key_open(key, &kept->key, err);
    if (rc != SG_OK)
        return rc;
    target->access.client_cert = sg_token_key_info(key)->cert;
    target->access.client_key = kept->key;
    target->access.client_chain = kept->chain;
    target->access.client_key_error = key_error;
    target->access.client_key_context = key;
    return SG_OK;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static enum sg_rc open_all(struct sg_sync_targets *targets, struct sg_target_keeping *kept,
                           struct sg_sync_target *target, struct sg_err *err)
{
    struct sg_target *it = &target->target;

    it->access = (struct sg_http_access){.ca_file = or_null(sg_config_text(kept->section, SG_KEY_TARGET_CA_FILE))};
    if (strcmp(it->type, "s3") == 0)
        it->access.sigv4_region = sg_config_text(kept->section, SG_KEY_TARGET_REGION);
    enum sg_rc rc = read_credentials(kept, it, err);
    if (rc == SG_OK)
        rc = check_secrecy(it, err);
    if (rc == SG_OK)
        rc = read_recipient(targets->app, kept, err);
    if (rc == SG_OK)
        rc = open_key(targets, kept, it, err);
    if (rc == SG_OK)
        target->encrypt_to = kept->encrypt_to;
    return rc;
}

enum sg_rc sg_sync_targets_open(struct sg_sync_targets *targets, struct sg_sync_target *target, struct sg_err *err)
{
    struct sg_target_keeping *kept = &targets->kept[target - targets->list];
    enum sg_rc rc = kept->open ? SG_OK : open_all(targets, kept, target, err);

    kept->open = rc == SG_OK;
    if (rc != SG_OK)
        keeping_close(kept);
    return rc;
}
