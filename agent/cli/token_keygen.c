/* signet token keygen: a key pair, made on the token. */
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/keygen.h"

static const struct sg_option options[] = {
    {.name = "kind", .argument = "KIND", .help = N_("rsa-2048, rsa-3072, rsa-4096, p-256, p-384, p-521 or ed25519")},
    {.name = "usage", .argument = "sign|decrypt", .help = N_("what the key is for; never both")},
    {.name = "label", .argument = "TEXT", .help = N_("the key's name on the token (else its kind)")},
    {.name = "id", .argument = "HEX", .help = N_("its id there (else the lowest free one)")},
    {.name = "token", .argument = "URI", .help = N_("the token (RFC 7512), where there are several")},
    {.name = NULL},
};

static enum sg_rc parse(const struct sg_args *args, struct sg_keygen *what, struct sg_err *err)
{
    const char *kind = sg_args_value(args, "kind"), *usage = sg_args_value(args, "usage");
    uint8_t id[SG_MAX_KEY_ID];

    if (!kind || !sg_key_kind_parse(kind, &what->kind))
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("Say with --kind what key to make: rsa-2048, rsa-3072, rsa-4096, p-256, p-384, p-521 or "
                         "ed25519."));
    if (!usage || !sg_key_purpose_parse(usage, &what->purpose))
        return sg_fail(err, SG_E_USAGE, "%s", _("Say with --usage what the key is for: sign or decrypt, never both."));
    if (what->kind == SG_ED25519 && what->purpose == SG_FOR_DECRYPTION)
        return sg_fail(err, SG_E_USAGE, "%s", _("Ed25519 keys only sign; choose another kind for decryption."));
    what->label = sg_args_value(args, "label");
    if (!what->label)
        what->label = sg_key_kind_text(what->kind);
    if (strlen(what->label) > 64)
        return sg_fail(err, SG_E_USAGE, "%s", _("The label is longer than 64 bytes."));
    what->id = sg_args_value(args, "id");
    if (what->id && !sg_key_id_parse(what->id, id, &(struct sg_slice){0}))
        return sg_fail(err, SG_E_USAGE, _("A key's id is 1 to %d bytes in hex, not \"%s\"."), SG_MAX_KEY_ID, what->id);
    return SG_OK;
}

/* The lowest one-byte id that no key has; with --id, that one in lower case. */
static enum sg_rc choose_id(const struct sg_token_work *work, const char *given, char out[2 * SG_MAX_KEY_ID + 1],
                            struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    uint8_t bytes[SG_MAX_KEY_ID];
    struct sg_slice id;
    bool used[256] = {true};

    if (given && sg_key_id_parse(given, bytes, &id)) {
        sg_hex(id.data, id.len, out);
        return SG_OK;
    }
    enum sg_rc rc = sg_token_work_keys(work, NULL, &keys, err);
    for (size_t i = 0; rc == SG_OK && i < sg_key_list_count(keys); i++) {
        const char *hex = sg_token_key_info(sg_key_list_get(keys, i))->id;
        if (sg_key_id_parse(hex, bytes, &id) && id.len == 1)
            used[bytes[0]] = true;
    }
    if (rc != SG_OK)
        return rc;
    for (unsigned i = 1; i < 256; i++) {
        if (!used[i]) {
            sg_hex(&(uint8_t){(uint8_t)i}, 1, out);
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_USAGE, "%s", _("No short id is free on the token; choose one with --id."));
}

static enum sg_rc report(const struct sg_token_work *work, const struct sg_keygen *what, const struct sg_key_info *info,
                         const char *spki_sha256, struct sg_err *err)
{
    const struct sg_voice *voice = &work->app->voice;

    sg_say(voice, _("Made a key %s to %s on the token %s (serial %s)."), sg_key_kind_text(what->kind),
           sg_key_purpose_text(what->purpose), work->info->label, work->info->serial);
    sg_say(voice, "  %s", info->uri);
    sg_say(voice, _("  SHA-256 of its public key (SPKI): %s"), spki_sha256);
    sg_say(voice, what->purpose == SG_FOR_SIGNING
                      ? _("  checked: it was made there, never leaves it, only signs, and a trial signature fits it")
                      : _("  checked: it was made there, never leaves it, and only decrypts"));
    json_t *object =
        json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:O}", "schema", "signet.token-keygen/1", "token",
                  sg_token_work_json(work->info), "uri", sg_json_text(info->uri), "label", sg_json_text(info->label),
                  "id", info->id, "kind", sg_key_kind_text(what->kind), "usage", sg_key_purpose_text(what->purpose),
                  "spki_sha256", spki_sha256, "custody", "generated", "interrupted", work->interrupted);
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc keygen(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_token_work_clear) struct sg_token_work work = {0};
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_keygen what = {0};
    char id[2 * SG_MAX_KEY_ID + 1], spki_sha256[SG_SHA256_HEX];
    enum sg_rc rc = parse(args, &what, err);

    if (rc == SG_OK)
        rc = sg_token_work_open(app, sg_args_value(args, "token"), &work, err);
    if (rc == SG_OK)
        rc = choose_id(&work, what.id, id, err);
    if (rc == SG_OK) {
        what.id = id;
        rc = sg_keygen(&work, &what, &list, spki_sha256, err);
    }
    return rc == SG_OK ? report(&work, &what, sg_token_key_info(sg_key_list_get(list, 0)), spki_sha256, err) : rc;
}

static int run_keygen(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};

    return keygen(app, args, &err) == SG_OK ? 0 : sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_token_keygen = {
    .name = "token",
    .sub = "keygen",
    .summary = N_("make a key on a token, which never leaves it"),
    .arguments = "",
    .options = options,
    .takes_pin = true,
    .run = run_keygen,
};
