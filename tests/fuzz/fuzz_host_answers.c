/* A token host that answers what it likes: the token layer above, from opening to a signature. The functions of host.h
 * are the fuzzer's own here, so that an answer is what comes next of the input.
 *
 *     input    answers: how the exchange ends 1 (see HOWS), secret's length 1 (0: none), body length 2, body */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/crypto.h"
#include "fuzz.h"
#include "pkcs11/host.h"
#include "pkcs11/messages.h"
#include "pkcs11/provision.h"

/* --- the host ----------------------------------------------------------------------------------------------------- */

struct sg_host {
    bool running;
    unsigned generation;
};

static struct sg_slice input;

enum sg_rc sg_host_new(const char *program, bool may_exec, int64_t idle_ms, struct sg_host **ret, struct sg_err *err)
{
    (void)program;
    (void)may_exec;
    (void)idle_ms;
    *ret = calloc(1, sizeof **ret);
    return *ret ? SG_OK : sg_fail_memory(err);
}

void sg_host_dismiss(struct sg_host *host)
{
    host->running = false;
}

void sg_host_free(struct sg_host *host)
{
    free(host);
}

bool sg_host_runs(struct sg_host *host, unsigned *ret_generation)
{
    *ret_generation = host->generation;
    return host->running;
}

enum sg_rc sg_host_start(struct sg_host *host, unsigned *ret_generation, struct sg_err *err)
{
    (void)err;
    host->running = true;
    *ret_generation = ++host->generation;
    return SG_OK;
}

void sg_host_stop(struct sg_host *host)
{
    host->running = false;
}

void sg_host_end_text(struct sg_host *host, char *out, size_t room)
{
    (void)host;
    must(room > 3);
    strcpy(out, "end");
}

static const enum sg_exchange hows[] = {SG_EXCHANGE_DONE, SG_EXCHANGE_NOT_BEGUN, SG_EXCHANGE_TIMEOUT, SG_EXCHANGE_DIED};

static enum sg_exchange answer_next(struct sg_message *answer)
{
    if (input.len < 4)
        return SG_EXCHANGE_DIED;
    const uint8_t *at = input.data;
    size_t len = (size_t)at[2] | (size_t)at[3] << 8;
    if (len > input.len - 4)
        len = input.len - 4;
    input = (struct sg_slice){at + 4 + len, input.len - 4 - len};
    if (at[1] > 0) {
        must(sg_secret_new(at[1], &answer->secrets[0], NULL) == SG_OK);
        answer->secrets[0]->len = at[1];
    }
    must(sg_buf_append(&answer->body, at + 4, len, NULL) == SG_OK);
    return hows[at[0] % 4];
}

enum sg_exchange sg_host_exchange(struct sg_host *host, unsigned generation, uint16_t verb, uint32_t subject,
                                  struct sg_slice body, const struct sg_secret *const secrets[SG_WIRE_SECRETS],
                                  int64_t limit_ms, struct sg_message *answer)
{
    (void)body;
    (void)secrets;
    (void)limit_ms;
    if (!host->running || host->generation != generation)
        return SG_EXCHANGE_NOT_BEGUN;
    enum sg_exchange how = answer_next(answer);
    answer->verb = verb;
    answer->subject = subject;
    host->running = how == SG_EXCHANGE_DONE;
    return how;
}

/* --- who asks ----------------------------------------------------------------------------------------------------- */

static OSSL_LIB_CTX *libctx;
static char runtime[] = "/dev/shm/signet-fuzz-XXXXXX"; /* no disk to wait for */

static void remove_runtime(void)
{
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", runtime);
    (void)!system(command);
}

static void prepare(void)
{
    if (libctx)
        return;
    must(sg_secrets_init(NULL) == SG_OK && sg_libctx_new(&libctx, NULL) == SG_OK && mkdtemp(runtime) != NULL);
    must(atexit(remove_runtime) == 0);
}

/* A failure is always a sentence that can be printed. */
static bool good(enum sg_rc rc, const struct sg_err *err)
{
    must(rc == SG_OK || (err->rc == rc && err->text[0] != '\0'));
    must(rc == SG_OK || (!strchr(err->text, '\x1b') && !strchr(err->cause, '\x1b')));
    return rc == SG_OK;
}

/* Nothing but a signature that verifies gets out. */
static void sign(struct sg_token_key *key, struct sg_err *err)
{
    uint8_t value[SG_MAX_SIGNATURE];
    size_t len = sizeof value;
    EVP_PKEY *opened = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (good(sg_token_key_open(key, &opened, err), err) &&
        EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, opened, NULL) == 1 &&
        EVP_DigestSign(ctx, value, &len, (const uint8_t *)"data", 4) == 1)
        must(len <= sizeof value);
    (void)sg_token_key_last_error(key, err);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(opened);
    ERR_clear_error();
}

static void use_token(struct sg_token *token, struct sg_err *err)
{
    static const uint8_t id = 1;
    struct sg_secret *pin = NULL;
    STACK_OF(X509) *certs = sk_X509_new_null();
    const struct sg_provision keygen = {
        .step = SG_PROVISION_KEYGEN, .kind = SG_EC_P256, .purpose = SG_FOR_SIGNING, .id = {&id, 1}};
    must(sg_secret_new(8, &pin, NULL) == SG_OK);
    pin->len = 6;
    (void)sg_token_pin_clear(token, err);
    (void)good(sg_token_login(token, pin, NULL, err), err);
    (void)good(sg_token_certificates(token, NULL, certs, err), err);
    (void)good(sg_token_provision(token, &keygen, err), err);
    sk_X509_pop_free(certs, X509_free);
    sg_secret_free(pin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const module = "/dev/null";
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    struct sg_err err = {.tries_left = -1};
    prepare();
    input = (struct sg_slice){data, size};
    const struct sg_tokens_options options = {.modules = &module,
                                              .module_count = size % 4 == 0 ? 0 : 1,
                                              .libctx = libctx,
                                              .host = "host",
                                              .runtime = runtime};
    if (!good(sg_tokens_open(&options, &tokens, &err), &err))
        return 0;
    for (size_t i = 0; i < sg_tokens_count(tokens) && i < 2; i++)
        use_token(sg_tokens_get(tokens, i), &err);
    if (good(sg_keys_find(tokens, NULL, &keys, &err), &err)) {
        for (size_t i = 0; i < sg_key_list_count(keys) && i < 3; i++) {
            struct sg_token_key *key = sg_key_list_get(keys, i);
            if (good(sg_token_key_inspect(key, SG_FOR_SIGNING, &err), &err))
                sign(key, &err);
        }
    }
    (void)good(sg_tokens_refresh(tokens, &err), &err);
    return 0;
}
