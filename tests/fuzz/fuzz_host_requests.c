/* A token host asked by somebody who is not the token layer: messages one after the other, over the fake module, which
 * may garble its answers meanwhile.
 *
 *     input    flags 1 (1: begin with a login; 2: the module garbles), seed 1, then messages:
 *              verb 1, subject 1, secret lengths 2 x 1 (0: none), body length 2, body */
#include <dlfcn.h>
#include <string.h>

#include <openssl/rand.h>

#include "fake_module.h"
#include "fuzz.h"
#include "pkcs11/messages.h"
#include "pkcs11/serve.h"

#define PIN "123456"

static struct fake_control *prepare(void)
{
    static struct fake_control *fake;
    if (fake)
        return fake;
    void *module = dlopen(FAKE_MODULE, RTLD_NOW | RTLD_LOCAL);
    fake = module ? dlsym(module, "fake_control") : NULL;
    /* OpenSSL keeps its generator in the secure heap, if there is one by then, and LeakSanitizer does not look there.
     */
    uint8_t byte;
    must(RAND_bytes(&byte, 1) == 1 && RAND_priv_bytes(&byte, 1) == 1);
    must(fake && sg_secrets_init(NULL) == SG_OK);
    return fake;
}

static struct sg_secret *secret_of(const char *text, size_t len)
{
    struct sg_secret *secret = NULL;
    must(sg_secret_new(SG_MAX_PIN, &secret, NULL) == SG_OK);
    memcpy(secret->bytes, text, len);
    secret->len = len;
    return secret;
}

/* Every answer can be read as far as its outcome, and a failure has its sentence. */
static bool serve(struct sg_served *served, const struct sg_message *request)
{
    static _Atomic int64_t clock;
    _cleanup_(sg_message_clear) struct sg_message answer = SG_MESSAGE;
    struct sg_err err = {.tries_left = -1};
    if (!sg_serve(served, &clock, request, &answer))
        return false;
    struct sg_fields fields = {.rest = sg_buf_slice(&answer.body)};
    enum sg_rc rc = sg_get_outcome(&fields, &err);
    must(!fields.bad && (rc == SG_OK || err.text[0] != '\0'));
    must(answer.verb == request->verb && answer.subject == request->subject);
    return true;
}

static void ask(struct sg_served *served, enum sg_host_verb verb, const void *body, size_t len, struct sg_secret *pin)
{
    _cleanup_(sg_message_clear) struct sg_message request = SG_MESSAGE;
    request.verb = (uint16_t)verb;
    request.secrets[0] = pin;
    must(sg_buf_append(&request.body, body, len, NULL) == SG_OK);
    must(serve(served, &request));
}

static void say_hello(struct sg_served *served)
{
    _cleanup_(sg_buf_clear) struct sg_buf hello = SG_BUF(8192), start = SG_BUF(8192);
    must(sg_put_u32(&hello, SG_WIRE_VERSION) && sg_put_text(&hello, FAKE_MODULE) && sg_put_text(&start, FAKE_MODULE));
    ask(served, SG_HOST_HELLO, hello.data, hello.len, NULL);
    ask(served, SG_HOST_START, start.data, start.len, NULL);
    ask(served, SG_HOST_LIST, "", 1, NULL);
    ask(served, SG_HOST_LOGIN, NULL, 0, secret_of(PIN, strlen(PIN)));
}

static bool next(struct sg_slice *rest, struct sg_message *ret)
{
    if (rest->len < 6)
        return false;
    const uint8_t *at = rest->data;
    size_t len = (size_t)at[4] | (size_t)at[5] << 8;
    if (len > rest->len - 6)
        len = rest->len - 6;
    ret->verb = at[0];
    ret->subject = at[1];
    for (size_t i = 0; i < SG_WIRE_SECRETS; i++) {
        if (at[2 + i] > 0)
            ret->secrets[i] = secret_of(PIN PIN PIN, at[2 + i] % 18);
    }
    must(sg_buf_append(&ret->body, at + 6, len, NULL) == SG_OK);
    *rest = (struct sg_slice){at + 6 + len, rest->len - 6 - len};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_control *fake = prepare();
    _cleanup_(sg_served_freep) struct sg_served *served = NULL;
    struct sg_slice rest = {data + 2, size - 2};
    if (size < 2)
        return 0;
    fake->lists_raw = fake->serves_raw = true;
    fake->each = false;
    must(sg_served_new(&served, NULL) == SG_OK);
    if (data[0] & 1)
        say_hello(served);
    fake->deed = FAKE_GARBLES;
    fake->calls = 0;
    fake->seed = data[1] * 0x9e3779b97f4a7c15U;
    fake->each = data[0] & 2;
    for (bool more = true; more;) {
        _cleanup_(sg_message_clear) struct sg_message request = SG_MESSAGE;
        more = next(&rest, &request) && serve(served, &request);
    }
    fake->each = false;
    return 0;
}
