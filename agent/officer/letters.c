#include "officer/letters.h"

#include <ctype.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms_encrypt.h"

#define PIN_LINE "\nPIN: " /* what a program finds the PIN by, so it is the same in every language */

#define SO_PIN_MEMBER ",\"so_pin\":\"" /* the last one of an escrow */

/* --- names of files ----------------------------------------------------------------------------------------------- */

/* What a file's name can hold everywhere; a serial is a card's own idea. */
static void append_tame(char *out, const char *text)
{
    size_t used = strlen(out);

    for (; *text; text++)
        out[used++] = isalnum((unsigned char)*text) || strchr(".-", *text) ? *text : '_';
    out[used] = '\0';
}

enum sg_rc sg_letter_path(const char *folder, int64_t row, const struct sg_person *person, const char *serial,
                          const char *kind, char **ret, struct sg_err *err)
{
    size_t room = strlen(folder) + strlen(person->email) + strlen(serial) + strlen(kind) + 32;
    char *path = malloc(room);

    if (!path)
        return sg_fail_memory(err);
    (void)snprintf(path, room, "%s/%04lld-", folder, (long long)row);
    append_tame(path, person->email);
    (void)strcat(path, "-");
    append_tame(path, serial);
    (void)strcat(path, ".");
    (void)strcat(path, kind);
    *ret = path;
    return SG_OK;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static enum sg_rc write_file(OSSL_LIB_CTX *libctx, const char *path, struct sg_slice bytes, char sha256[SG_SHA256_HEX],
                             struct sg_outfile **ret, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_digest(libctx, "SHA256", bytes, digest, &len, err);

    if (rc == SG_OK)
        rc = sg_outfile_open(path, SG_OUT_REPLACE | SG_OUT_PRIVATE, &out, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, bytes.data, bytes.len, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, sha256);
    *ret = sg_steal(out);
    return SG_OK;
}

static enum sg_rc write_encrypted(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *readers, const char *path,
                                  const struct sg_secret *content, char sha256[SG_SHA256_HEX], struct sg_outfile **ret,
                                  struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(1 * SG_MIB);
    enum sg_rc rc = sg_cms_encrypt(libctx, readers, (struct sg_slice){content->bytes, content->len}, &cms, err);

    return rc == SG_OK ? write_file(libctx, path, sg_buf_slice(&cms), sha256, ret, err) : rc;
}

/* Appends as printf() does; what does not fit is cut and shows in `len`. */
SG_PRINTF(2, 3)
static void print(struct sg_secret *out, const char *format, ...)
{
    va_list args;

    if (out->len >= out->capacity)
        return;
    va_start(args, format);
    int n = vsnprintf((char *)out->bytes + out->len, out->capacity - out->len, format, args);
    va_end(args);
    out->len += n > 0 ? (size_t)n : 0;
}

static enum sg_rc check_fits(const struct sg_secret *text, struct sg_err *err)
{
    return text->len < text->capacity
               ? SG_OK
               : sg_fail(err, SG_E_LIMIT, "%s", _("A PIN letter is longer than a letter can be."));
}

enum sg_rc sg_letter_write(const struct sg_letters *letters, const struct sg_letter *letter,
                           const struct sg_secret *pin, const char *path, char sha256[SG_SHA256_HEX],
                           struct sg_outfile **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *text = NULL;
    char when[SG_TIME_TEXT];
    enum sg_rc rc = sg_secret_new(SG_MAX_ESCROW, &text, err);

    if (rc != SG_OK)
        return rc;
    print(text, _("The PIN of your signing token\n\nFor:    %s <%s>\nToken:  %s\nSerial: %s\nMade:   %s\n"),
          letter->person->name, letter->person->email, letter->person->label, letter->serial,
          sg_time_text(letter->made, when));
    print(text, PIN_LINE "%.*s\n\n", (int)pin->len, pin->bytes);
    print(text, "%s",
          _("Keep this letter apart from the token, and change the PIN before you first sign:\n"
            "    signet token pin\n"));
    rc = check_fits(text, err);
    if (rc != SG_OK)
        return rc;
    return letters->readers
               ? write_encrypted(letters->libctx, letters->readers, path, text, sha256, ret, err)
               : write_file(letters->libctx, path, (struct sg_slice){text->bytes, text->len}, sha256, ret, err);
}

static json_t *escrow_json(const struct sg_letter *letter)
{
    const struct sg_person *person = letter->person;
    char when[SG_TIME_TEXT];

    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:s}", "schema", "signet.escrow/1", "serial", letter->serial,
                     "label", person->label, "person", "name", person->name, "email", person->email, "made",
                     sg_time_text(letter->made, when));
}

/* The SO PIN is put in by hand: a JSON library keeps copies. It is digits, so that nothing needs an escape. */
enum sg_rc sg_escrow_write(const struct sg_letters *letters, const struct sg_letter *letter,
                           const struct sg_secret *so_pin, const char *path, char sha256[SG_SHA256_HEX],
                           struct sg_outfile **ret, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *object = escrow_json(letter);
    _cleanup_(freep) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *content = NULL;

    if (!text)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_secret_new(SG_MAX_ESCROW, &content, err);
    if (rc != SG_OK)
        return rc;
    print(content, "%.*s" SO_PIN_MEMBER "%.*s\"}", (int)strlen(text) - 1, text, (int)so_pin->len, so_pin->bytes);
    rc = check_fits(content, err);
    return rc == SG_OK ? write_encrypted(letters->libctx, letters->escrow_officers, path, content, sha256, ret, err)
                       : rc;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A copy of `len` digits. */
static enum sg_rc take_digits(const uint8_t *digits, size_t len, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    enum sg_rc rc = sg_secret_new(len, &pin, err);

    if (rc != SG_OK)
        return rc;
    memcpy(pin->bytes, digits, len);
    pin->len = len;
    *ret = sg_steal(pin);
    return SG_OK;
}

/* The digits behind `before`, which must be followed by `after`. */
static enum sg_rc find_digits(const struct sg_secret *text, const char *before, char after, struct sg_secret **ret,
                              struct sg_err *err)
{
    const uint8_t *at = memmem(text->bytes, text->len, before, strlen(before));
    const uint8_t *end = text->bytes + text->len;
    size_t len = 0;

    if (at) {
        at += strlen(before);
        while (at + len < end && len < SG_MAX_PIN && at[len] >= '0' && at[len] <= '9')
            len++;
    }
    if (!at || len == 0 || at + len == end || at[len] != (uint8_t)after)
        return sg_fail(err, SG_E_MALFORMED, "%s", _("There is no PIN in it that Signet has written."));
    return take_digits(at, len, ret, err);
}

enum sg_rc sg_letter_parse(const struct sg_secret *text, struct sg_secret **ret_pin, struct sg_err *err)
{
    return find_digits(text, PIN_LINE, '\n', ret_pin, err);
}

void sg_escrow_clear(struct sg_escrow *escrow)
{
    free(escrow->serial);
    free(escrow->label);
    free(escrow->person);
    sg_secret_free(escrow->so_pin);
    *escrow = (struct sg_escrow){0};
}

/* The JSON without its last member, which is the SO PIN: the parser keeps copies of what it reads. */
static json_t *parse_rest(const struct sg_secret *json)
{
    const uint8_t *end = memmem(json->bytes, json->len, SO_PIN_MEMBER, strlen(SO_PIN_MEMBER));
    _cleanup_(freep) char *rest = NULL;

    if (!end || asprintf(&rest, "%.*s}", (int)(end - json->bytes), json->bytes) < 0)
        return NULL;
    return json_loads(rest, JSON_REJECT_DUPLICATES, NULL);
}

enum sg_rc sg_escrow_parse(const struct sg_secret *json, struct sg_escrow *ret, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *object = parse_rest(json);
    _cleanup_(sg_escrow_clear) struct sg_escrow escrow = {0};
    const char *schema = NULL, *serial = NULL, *label = NULL, *name = NULL, *email = NULL, *made = NULL;

    if (!object ||
        json_unpack(object, "{s:s, s:s, s:s, s:{s:s, s:s !}, s:s !}", "schema", &schema, "serial", &serial, "label",
                    &label, "person", "name", &name, "email", &email, "made", &made) != 0 ||
        strcmp(schema, "signet.escrow/1") != 0)
        return sg_fail(err, SG_E_MALFORMED, "%s", _("This is not the escrow of a token (signet.escrow/1)."));
    enum sg_rc rc = find_digits(json, SO_PIN_MEMBER, '"', &escrow.so_pin, err);
    if (rc != SG_OK)
        return rc;
    escrow.serial = strdup(serial);
    escrow.label = strdup(label);
    if (!escrow.serial || !escrow.label || asprintf(&escrow.person, "%s <%s>", name, email) < 0)
        return sg_fail_memory(err);
    *ret = escrow;
    escrow = (struct sg_escrow){0};
    return SG_OK;
}
