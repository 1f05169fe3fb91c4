#include "pkcs11/serve.h"

#include <string.h>

#include "base/crypto.h"
#include "base/msg.h"
#include "pkcs11/local.h"
#include "pkcs11/messages.h"
#include "pkcs11/sign.h"

struct sg_served {
    OSSL_LIB_CTX *libctx;
    struct sg_tokens *tokens;
    struct sg_module *module; /* the one that was started */
    struct sg_key_list *keys; /* inspected; a key's number is its index */
    /* Using a key is done by several threads at once; what changes the lists, by one alone. */
    pthread_rwlock_t lock;
};

/* One request on its way. */
struct work {
    struct sg_served *served;
    const struct sg_message *request;
    struct sg_fields in;
    struct sg_buf out;
    struct sg_message *answer;
    bool overflowed; /* the answer does not fit, or there is no memory for it */
};

/* --- what is told besides ----------------------------------------------------------------------------------------- */

static _Thread_local struct {
    struct sg_buf lines;
    size_t count;
} told = {.lines = SG_BUF(SG_MAX_HOST_LOG * SG_KIB)};

static void tell(void *context, enum sg_log_level level, const char *text)
{
    (void)context;
    if (level != SG_LOG_WARNING) /* the other side sees for itself */
        return;
    size_t before = told.lines.len;
    if (told.count < SG_MAX_HOST_LOG && sg_put_u8(&told.lines, level) && sg_put_text(&told.lines, text))
        told.count++;
    else
        told.lines.len = before;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_served_new(struct sg_served **ret, struct sg_err *err)
{
    _cleanup_(sg_served_freep) struct sg_served *served = calloc(1, sizeof *served);
    const struct sg_log log = {.handler = tell};
    if (!served || pthread_rwlock_init(&served->lock, NULL) != 0) {
        free(sg_steal(served));
        return sg_fail_memory(err);
    }
    served->keys = calloc(1, sizeof *served->keys);
    if (!served->keys)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_libctx_new(&served->libctx, err);
    const struct sg_tokens_options options = {.libctx = served->libctx, .log = &log};
    if (rc == SG_OK)
        rc = sg_tokens_new(&options, &served->tokens, err);
    if (rc == SG_OK)
        *ret = sg_steal(served);
    return rc;
}

void sg_served_free(struct sg_served *served)
{
    if (!served)
        return;
    sg_key_list_free(served->keys);
    sg_tokens_free(served->tokens);
    OSSL_LIB_CTX_free(served->libctx);
    (void)pthread_rwlock_destroy(&served->lock);
    free(served);
}

bool sg_served_in_use(struct sg_served *served)
{
    (void)pthread_rwlock_rdlock(&served->lock);
    bool in_use = served->keys->count > 0;
    for (size_t i = 0; i < sg_tokens_count(served->tokens); i++)
        in_use = in_use || sg_tokens_get(served->tokens, i)->logged_in;
    (void)pthread_rwlock_unlock(&served->lock);
    return in_use;
}

/* --- answering ---------------------------------------------------------------------------------------------------- */

static void put(struct work *work, bool done)
{
    work->overflowed = work->overflowed || !done;
}

static enum sg_rc fail_request(struct sg_err *err)
{
    return sg_fail(err, SG_E_INTERNAL, "%s", _("A token host did not understand what it was asked."));
}

static struct sg_token *token_of(const struct work *work)
{
    return sg_tokens_get(work->served->tokens, work->request->subject);
}

static struct sg_token_key *key_of(const struct work *work)
{
    return sg_key_list_get(work->served->keys, work->request->subject);
}

/* --- modules ------------------------------------------------------------------------------------------------------ */

static enum sg_rc do_hello(struct work *work, struct sg_err *err)
{
    char path[SG_MAX_PATH_TEXT];
    struct sg_tokens *tokens = work->served->tokens;
    uint32_t version = sg_get_u32(&work->in, UINT32_MAX);
    sg_get_text(&work->in, path, sizeof path);
    if (!sg_fields_end(&work->in) || tokens->modules)
        return fail_request(err);
    if (version != SG_WIRE_VERSION)
        return sg_fail(err, SG_E_INTERNAL, "%s",
                       _("The token host is of another version of Signet; install it again."));
    tokens->modules = calloc(SG_MAX_MODULES, sizeof *tokens->modules);
    if (!tokens->modules)
        return sg_fail_memory(err);
    sg_call_begins();
    enum sg_rc rc = path[0] ? sg_local_load(tokens, path, err) : sg_local_load_configured(tokens, err);
    put(work, sg_put_u32(&work->out, tokens->module_count));
    for (size_t i = 0; i < tokens->module_count; i++) {
        _cleanup_(freep) char *file = p11_kit_module_get_filename(tokens->modules[i].f);
        put(work, sg_put_text(&work->out, tokens->modules[i].name) && sg_put_text(&work->out, file));
    }
    return rc;
}

static enum sg_rc do_start(struct work *work, struct sg_err *err)
{
    char name[SG_MAX_PATH_TEXT];
    struct sg_served *served = work->served;
    struct sg_tokens *tokens = served->tokens;
    struct sg_module *module = NULL;
    sg_get_text(&work->in, name, sizeof name);
    for (size_t i = 0; i < tokens->module_count; i++) {
        if (strcmp(tokens->modules[i].name, name) == 0)
            module = &tokens->modules[i];
    }
    if (!sg_fields_end(&work->in) || !module || served->module)
        return fail_request(err);
    enum sg_rc rc = sg_local_start(tokens, module, err);
    if (rc == SG_OK)
        served->module = module;
    put(work, sg_buf_append(&work->out, &module->about, sizeof module->about, NULL) == SG_OK);
    return rc;
}

static enum sg_rc do_list(struct work *work, struct sg_err *err)
{
    struct sg_tokens *tokens = work->served->tokens;
    bool again = sg_get_u8(&work->in, 1);
    size_t present = 0;
    if (!sg_fields_end(&work->in) || !work->served->module)
        return fail_request(err);
    enum sg_rc rc = sg_local_list(tokens, work->served->module, again, err);
    for (size_t i = 0; i < tokens->token_count; i++)
        present += tokens->tokens[i]->info.present;
    put(work, sg_put_u32(&work->out, present));
    for (size_t i = 0; i < tokens->token_count; i++) {
        if (tokens->tokens[i]->info.present)
            put(work, sg_put_token(&work->out, (uint32_t)i, tokens->tokens[i]));
    }
    return rc;
}

/* --- readers ------------------------------------------------------------------------------------------------------ */

static enum sg_rc do_readers(struct work *work, struct sg_err *err)
{
    struct sg_reader readers[SG_MAX_READERS];
    size_t count = 0;
    if (!sg_fields_end(&work->in))
        return fail_request(err);
    bool known = sg_readers_list(readers, &count);
    if (!known)
        count = 0;
    put(work, sg_put_u8(&work->out, known) && sg_put_u32(&work->out, count));
    for (size_t i = 0; i < count; i++)
        put(work, sg_put_reader(&work->out, &readers[i]));
    return SG_OK;
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static enum sg_rc do_state(struct work *work, struct sg_err *err)
{
    struct sg_token_state state = {0};
    enum sg_rc rc = sg_local_state(token_of(work), &state, err);
    put(work, sg_put_u8(&work->out, state.present) && sg_put_u64(&work->out, state.flags));
    return rc;
}

static enum sg_rc do_mechanisms(struct work *work, struct sg_err *err)
{
    _cleanup_(freep) CK_MECHANISM_TYPE *list = NULL;
    size_t count = 0;
    enum sg_rc rc = sg_local_mechanisms(token_of(work), &list, &count, err);
    put(work, sg_put_bytes(&work->out, (struct sg_slice){(uint8_t *)list, count * sizeof *list}));
    return rc;
}

static enum sg_rc do_login(struct work *work, struct sg_err *err)
{
    struct sg_token *token = token_of(work);
    enum sg_rc rc = token->logged_in ? SG_OK : sg_local_login(token, work->request->secrets[0], err);
    token->logged_in = rc == SG_OK;
    return rc;
}

static enum sg_rc do_release(struct work *work, struct sg_err *err)
{
    (void)err;
    sg_local_release(token_of(work));
    return SG_OK;
}

static enum sg_rc do_keys(struct work *work, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = calloc(1, sizeof *list);
    struct sg_slice id = sg_get_bytes(&work->in, SG_MAX_ATTRIBUTE);
    if (!list)
        return sg_fail_memory(err);
    if (!sg_fields_end(&work->in))
        return fail_request(err);
    enum sg_rc rc = sg_local_keys(token_of(work), id, list, err);
    put(work, sg_put_u32(&work->out, list->count));
    for (size_t i = 0; i < list->count; i++)
        put(work, sg_put_key(&work->out, list->keys[i]));
    return rc;
}

static enum sg_rc do_certificates(struct work *work, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    struct sg_slice subject = sg_get_bytes(&work->in, SG_MAX_ATTRIBUTE);
    if (!certs)
        return sg_fail_memory(err);
    if (!sg_fields_end(&work->in))
        return fail_request(err);
    enum sg_rc rc = sg_local_certificates(token_of(work), subject, certs, err);
    put(work, sg_put_u32(&work->out, (size_t)sk_X509_num(certs)));
    for (int i = 0; i < sk_X509_num(certs); i++)
        put(work, sg_put_certificate(&work->out, sk_X509_value(certs, i)));
    return rc;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* Each inspection has a number of its own. */
static enum sg_rc do_inspect(struct work *work, struct sg_err *err)
{
    struct sg_key_list *keys = work->served->keys;
    _cleanup_(sg_token_key_unrefp) struct sg_token_key *key = NULL;
    enum sg_rc rc = sg_get_key_identity(&work->in, token_of(work), &key, err);
    if (rc != SG_OK)
        return rc;
    if (!sg_fields_end(&work->in))
        return fail_request(err);
    if (keys->count >= SG_MAX_OBJECTS)
        return sg_fail(err, SG_E_LIMIT, _("More than %d keys were looked at in one run."), SG_MAX_OBJECTS);
    rc = sg_local_inspect(key, err);
    if (rc == SG_OK && key->pub)
        rc = sg_key_prepare(key, err);
    put(work, sg_put_u32(&work->out, keys->count) && sg_put_inspection(&work->out, key));
    if (rc != SG_OK)
        return rc;
    rc = sg_key_list_add(keys, key, err);
    if (rc == SG_OK)
        (void)sg_steal(key);
    return rc;
}

/* What the mechanisms need is there. */
static bool makes_sense(const struct sg_sign_input *input)
{
    return input->scheme == SG_SCHEME_ED ? input->has_message && input->digest.len == 0
                                         : input->digest.len == sg_digest_info(input->digest_index)->len;
}

static enum sg_rc do_sign(struct work *work, struct sg_err *err)
{
    uint8_t value[SG_MAX_SIGNATURE];
    struct sg_token_key *key = key_of(work);
    struct sg_sign_input input;
    size_t len = 0;
    sg_get_sign_input(&work->in, work->request, &input);
    if (!sg_fields_end(&work->in) || !key->pub || !makes_sense(&input))
        return fail_request(err);
    enum sg_rc rc = sg_local_sign(key, &input, value, &len, err);
    put(work, sg_put_u8(&work->out, atomic_load(&key->raw[input.scheme])) &&
                  sg_put_bytes(&work->out, (struct sg_slice){value, len < sizeof value ? len : sizeof value}));
    return rc;
}

static enum sg_rc do_decrypt(struct work *work, struct sg_err *err)
{
    struct sg_decrypt_input input;
    sg_get_decrypt_input(&work->in, work->request, &input);
    if (!sg_fields_end(&work->in) || !key_of(work)->pub)
        return fail_request(err);
    return sg_local_decrypt(key_of(work), &input, &work->answer->secrets[0], err);
}

static enum sg_rc do_provision(struct work *work, struct sg_err *err)
{
    char label[SG_MAX_LABEL + 1];
    struct sg_provision what;
    sg_get_provision(&work->in, work->request, label, &what);
    if (!sg_fields_end(&work->in))
        return fail_request(err);
    enum sg_rc rc = sg_local_provision(token_of(work), &what, err);
    put(work, sg_put_token(&work->out, work->request->subject, token_of(work)));
    return rc;
}

/* --- all together ------------------------------------------------------------------------------------------------- */

enum subject { OF_NOTHING, OF_TOKEN, OF_KEY };

static const struct {
    enum sg_rc (*serve)(struct work *work, struct sg_err *err);
    enum subject subject;
    bool shared; /* beside others */
} verbs[SG_HOST_VERBS] = {
    [SG_HOST_HELLO] = {do_hello, OF_NOTHING, false},
    [SG_HOST_START] = {do_start, OF_NOTHING, false},
    [SG_HOST_LIST] = {do_list, OF_NOTHING, false},
    [SG_HOST_STATE] = {do_state, OF_TOKEN, true},
    [SG_HOST_MECHANISMS] = {do_mechanisms, OF_TOKEN, false},
    [SG_HOST_LOGIN] = {do_login, OF_TOKEN, false},
    [SG_HOST_RELEASE] = {do_release, OF_TOKEN, false},
    [SG_HOST_KEYS] = {do_keys, OF_TOKEN, false},
    [SG_HOST_CERTIFICATES] = {do_certificates, OF_TOKEN, false},
    [SG_HOST_INSPECT] = {do_inspect, OF_TOKEN, false},
    [SG_HOST_SIGN] = {do_sign, OF_KEY, true},
    [SG_HOST_DECRYPT] = {do_decrypt, OF_KEY, true},
    [SG_HOST_PROVISION] = {do_provision, OF_TOKEN, false},
    [SG_HOST_READERS] = {do_readers, OF_NOTHING, false},
};

static enum sg_rc dispatch(struct work *work, struct sg_err *err)
{
    uint16_t verb = work->request->verb;
    if ((verbs[verb].subject == OF_TOKEN && !token_of(work)) || (verbs[verb].subject == OF_KEY && !key_of(work)) ||
        (verbs[verb].subject != OF_NOTHING && !work->served->module))
        return fail_request(err);
    return verbs[verb].serve(work, err);
}

bool sg_serve(struct sg_served *served, _Atomic int64_t *clock, const struct sg_message *request,
              struct sg_message *answer)
{
    struct work work = {.served = served,
                        .request = request,
                        .in = {.rest = sg_buf_slice(&request->body)},
                        .out = SG_BUF(SG_MAX_HOST_MESSAGE / 2),
                        .answer = answer};
    struct sg_err err = {.tries_left = -1};
    if (request->verb == 0 || request->verb >= SG_HOST_VERBS)
        return false;
    atomic_store(clock, SG_CALL_WAITS);
    (void)(verbs[request->verb].shared ? pthread_rwlock_rdlock(&served->lock) : pthread_rwlock_wrlock(&served->lock));
    sg_call_clock = clock;
    sg_call_begins();
    enum sg_rc rc = dispatch(&work, &err);
    (void)pthread_rwlock_unlock(&served->lock);
    if (rc == SG_OK && work.overflowed)
        rc = sg_fail(&err, SG_E_LIMIT, "%s", _("The token has more on it than Signet reads at once."));

    answer->verb = request->verb;
    answer->subject = request->subject;
    bool done = sg_put_outcome(&answer->body, rc, &err) && sg_put_u32(&answer->body, told.count) &&
                sg_buf_append(&answer->body, told.lines.data, told.lines.len, NULL) == SG_OK &&
                sg_buf_append(&answer->body, work.out.data, work.out.len, NULL) == SG_OK;
    sg_buf_clear(&told.lines);
    told.count = 0;
    sg_buf_clear(&work.out);
    return done;
}
