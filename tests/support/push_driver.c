/* Stores files at a target, or fetches one from it, without an outbox: what sync's targets do, alone.
 *
 *     push_driver [OPTION VALUE]... TYPE URL FILE...
 *
 * prints a line for each file in the order in which they end: "stored FILE STATUS", "there FILE STATUS", or
 * "CODE FILE: sentence". Exits with 0 if all are at the target.
 *
 *     push_driver [OPTION VALUE]... --get SHA256 TYPE URL > FILE
 *
 * Options: --ca FILE, --user NAME and --password WORD, --region NAME, --key URI (of a token of $SIGNET_MODULE, with the
 * PIN in $SOFTHSM_PIN_FILE), --parallel N, --timeout SECONDS, --proxy URL, --state FOLDER, --queued yes (each file is
 * queued in that store first, unless it is), --again yes (a second connection after the first file, once a line could
 * be read from stdin). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hash.h"
#include "pkcs11/token.h"
#include "sync/target.h"

struct driver {
    const char *ca, *user, *password, *region, *key, *parallel, *timeout, *proxy, *state, *queued, *get, *again;
    OSSL_LIB_CTX *libctx;
    struct sg_clock clock;
    struct sg_store *store;
    struct sg_tokens *tokens;
    struct sg_key_list *keys;
    struct sg_secret *secret;
    struct sg_target target;
    struct sg_http *http;
    size_t failures, under_way;
};

struct file {
    struct driver *driver;
    const char *path;
    struct sg_input *input;
};

static void must(enum sg_rc rc, const struct sg_err *err)
{
    if (rc == SG_OK)
        return;
    (void)fprintf(stderr, "%s: %s [%s]\n", sg_rc_word(rc), err->text, err->cause);
    exit(2);
}

static void tell(struct driver *driver, const char *name, const struct sg_err *err)
{
    driver->failures++;
    (void)printf("%s %s: %s [%s] {%s}\n", sg_rc_word(err->rc), name, err->text, err->cause, err->token);
    (void)fflush(stdout);
}

static void stored(void *context, const struct sg_receipt *receipt, const struct sg_err *err)
{
    struct file *file = context;
    file->driver->under_way--;
    if (err)
        tell(file->driver, file->path, err);
    else
        (void)printf("%s %s %d %s\n", receipt->was_there ? "there" : "stored", file->path, receipt->status,
                     receipt->etag);
    (void)fflush(stdout);
    sg_input_free(sg_steal(file->input));
}

/* --- a store that knows of the file --------------------------------------------------------------------------------
 */

struct queued {
    const char *sha256;
    int64_t step; /* 0: it is not there */
};

static enum sg_rc find_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct queued *queued = context;
    (void)err;
    if (strcmp(step->sha256, queued->sha256) == 0)
        queued->step = step->id;
    return SG_OK;
}

static void queue(struct driver *driver, const char *path, const struct sg_version *version)
{
    static const char *const target = "archive";
    const struct sg_document document = {.input = path,
                                         .output = path,
                                         .digest_algorithm = "sha256",
                                         .content_digest = version->sha256,
                                         .result_sha256 = version->sha256,
                                         .format = "CAdES",
                                         .key = "22",
                                         .token = "serial",
                                         .custody = "reported",
                                         .clock_state = "ok",
                                         .remarks = ""};
    const struct sg_outbox_request request = {
        .versions = version, .version_count = 1, .targets = &target, .target_count = 1};
    struct sg_err err = {0};
    int64_t number = 0;
    must(sg_store_begin(driver->store, &err), &err);
    must(sg_store_document_add(driver->store, &document, &err), &err);
    must(sg_outbox_add(driver->store, &request, &number, &err), &err);
    must(sg_store_commit(driver->store, &err), &err);
    must(sg_outbox_placed(driver->store, number, SG_OUTPUT_CURRENT, &err), &err);
}

/* The upload's number there. */
static int64_t queued_step(struct driver *driver, const char *path, const char *sha256, uint64_t size)
{
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = sha256, .size = (int64_t)size};
    struct queued queued = {.sha256 = sha256};
    struct sg_err err = {0};
    must(sg_steps_waiting(driver->store, find_step, &queued, &err), &err);
    if (queued.step == 0) {
        queue(driver, path, &version);
        must(sg_steps_waiting(driver->store, find_step, &queued, &err), &err);
    }
    return queued.step;
}

/* --- storing --------------------------------------------------------------------------------------------------------
 */

static void start(struct driver *driver, struct file *file, int64_t step)
{
    struct sg_err err = {0};
    struct sg_upload upload = {.http = driver->http,
                               .target = &driver->target,
                               .store = driver->store,
                               .step = step,
                               .clock = &driver->clock,
                               .libctx = driver->libctx,
                               .done = stored,
                               .context = file};
    must(sg_input_open(file->path, &file->input, &err), &err);
    must(sg_sha256_input(driver->libctx, file->input, (struct sg_sink){0}, upload.sha256, &err), &err);
    upload.bytes = file->input;
    if (driver->queued)
        upload.step = queued_step(driver, file->path, upload.sha256, sg_input_size(file->input));
    driver->under_way++;
    must(sg_upload_start(&upload, &err), &err);
}

static void run(struct driver *driver)
{
    struct sg_err err = {0};
    must(sg_http_run(driver->http, 1000, -1, &err), &err);
}

static void open_http(struct driver *driver)
{
    struct sg_err err = {0};
    struct sg_http_settings settings = {.proxy = driver->proxy ? driver->proxy : "none",
                                        .ca_file = driver->ca,
                                        .timeout = driver->timeout ? atol(driver->timeout) : 20,
                                        .budget = 60,
                                        .parallel = driver->parallel ? (size_t)atol(driver->parallel) : 4};
    must(sg_http_new(&settings, &driver->http, &err), &err);
}

static void push(struct driver *driver, char **paths, size_t count)
{
    struct file *files = calloc(count, sizeof(*files));
    size_t most = driver->parallel ? (size_t)atol(driver->parallel) : 4;
    char line[16];
    for (size_t i = 0; i < count; i++) {
        files[i] = (struct file){.driver = driver, .path = paths[i]};
        while (driver->under_way == most)
            run(driver);
        start(driver, &files[i], (int64_t)i + 1);
        if (driver->again && i == 0) {
            while (driver->under_way > 0)
                run(driver);
            if (!fgets(line, sizeof(line), stdin))
                exit(2);
            sg_http_free(driver->http);
            open_http(driver);
        }
    }
    while (driver->under_way > 0)
        run(driver);
    free(files);
}

static enum sg_rc write_out(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)context;
    return fwrite(data, 1, len, stdout) == len ? SG_OK : sg_fail(err, SG_E_IO, "stdout");
}

static void fetched(void *context, const struct sg_err *err)
{
    struct driver *driver = context;
    driver->under_way--;
    if (!err)
        return;
    driver->failures++;
    (void)fprintf(stderr, "%s: %s [%s]\n", sg_rc_word(err->rc), err->text, err->cause);
}

static void get(struct driver *driver)
{
    struct sg_err err = {0};
    struct sg_download download = {.http = driver->http,
                                   .target = &driver->target,
                                   .max = (uint64_t)1 << 40,
                                   .sink = {.write = write_out},
                                   .libctx = driver->libctx,
                                   .done = fetched,
                                   .context = driver};
    (void)snprintf(download.sha256, sizeof(download.sha256), "%s", driver->get);
    driver->under_way++;
    must(sg_download_start(&download, &err), &err);
    while (driver->under_way > 0)
        run(driver);
}

static void make_secret(struct driver *driver, const char *text, size_t len)
{
    struct sg_err err = {0};
    must(sg_secret_new(len, &driver->secret, &err), &err);
    memcpy(driver->secret->bytes, text, len);
    driver->secret->len = len;
}

static enum sg_rc key_error(void *context, struct sg_err *err)
{
    return sg_token_key_last_error(context, err);
}

static void open_key(struct driver *driver)
{
    const char *module = getenv("SIGNET_MODULE"), *pin_file = getenv("SOFTHSM_PIN_FILE");
    struct sg_tokens_options options = {.modules = &module,
                                        .module_count = 1,
                                        .libctx = driver->libctx,
                                        .host = getenv("SIGNET_TEST_HOST"),
                                        .runtime = getenv("XDG_RUNTIME_DIR")};
    struct sg_err err = {0};
    char pin[64];
    FILE *file = fopen(pin_file, "r");
    size_t len = file ? fread(pin, 1, sizeof(pin), file) : 0;
    if (!file || fclose(file) != 0)
        exit(2);
    must(sg_tokens_open(&options, &driver->tokens, &err), &err);
    must(sg_keys_find(driver->tokens, driver->key, &driver->keys, &err), &err);
    struct sg_token_key *key = sg_key_list_get(driver->keys, 0);
    make_secret(driver, pin, len);
    must(sg_token_login(sg_token_key_token(key), driver->secret, NULL, &err), &err);
    sg_secret_free(sg_steal(driver->secret));
    must(sg_token_key_inspect(key, SG_FOR_SIGNING, &err), &err);
    must(sg_token_key_open(key, &driver->target.access.client_key, &err), &err);
    driver->target.access.client_cert = sg_token_key_info(key)->cert;
    driver->target.access.client_key_error = key_error;
    driver->target.access.client_key_context = key;
}

static int read_options(struct driver *driver, int argc, char **argv)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {
        {"--ca", &driver->ca},           {"--user", &driver->user},   {"--password", &driver->password},
        {"--region", &driver->region},   {"--key", &driver->key},     {"--parallel", &driver->parallel},
        {"--timeout", &driver->timeout}, {"--proxy", &driver->proxy}, {"--state", &driver->state},
        {"--queued", &driver->queued},   {"--get", &driver->get},     {"--again", &driver->again},
    };
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2)
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
            if (strcmp(argv[at], options[i].name) == 0)
                *options[i].value = argv[at + 1];
    return at;
}

static void set_up(struct driver *driver, const char *type, const char *url)
{
    struct sg_err err = {0};
    driver->clock = sg_clock_system();
    must(sg_secrets_init(&err), &err);
    must(sg_libctx_new(&driver->libctx, &err), &err);
    if (driver->state)
        must(sg_store_open(driver->state, driver->libctx, &driver->clock, &driver->store, &err), &err);
    driver->target = (struct sg_target){.name = "archive", .type = type, .url = url};
    driver->target.access.sigv4_region = driver->region;
    if (driver->key)
        open_key(driver);
    if (driver->user) {
        make_secret(driver, driver->password, strlen(driver->password));
        driver->target.access.user = driver->user;
        driver->target.access.password = driver->secret;
    }
    open_http(driver);
}

int main(int argc, char **argv)
{
    struct driver driver = {0};
    int at = read_options(&driver, argc, argv);
    if (argc - at < 2)
        return 2;
    set_up(&driver, argv[at], argv[at + 1]);
    if (driver.get)
        get(&driver);
    else
        push(&driver, argv + at + 2, (size_t)(argc - at - 2));
    sg_http_free(driver.http);
    EVP_PKEY_free(driver.target.access.client_key);
    sg_key_list_free(driver.keys);
    sg_tokens_free(driver.tokens);
    sg_secret_free(driver.secret);
    sg_store_free(driver.store);
    OSSL_LIB_CTX_free(driver.libctx);
    return driver.failures > 0;
}
