#include "officer/issued.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/name.h"
#include "formats/pem.h"

struct reading {
    const struct sg_issued_options *options;
    struct sg_issued *issued;
    size_t complaints;
};

static void complain(struct reading *r, const struct sg_err *complaint)
{
    r->complaints++;
    r->options->complain(r->options->context, complaint);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* As the journal has it, whatever the CA made of the encoding. */
static enum sg_rc hash_key(OSSL_LIB_CTX *libctx, const X509 *cert, char out[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    int len = key ? i2d_PUBKEY(key, &der) : 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;

    out[0] = '\0';
    if (len <= 0)
        return SG_OK;
    enum sg_rc rc = sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)len}, digest, &digest_len, err);
    if (rc == SG_OK)
        sg_hex(digest, SG_SHA256_LEN, out);
    return rc;
}

static bool is_known(const struct sg_issued *issued, const X509 *cert)
{
    for (size_t i = 0; i < issued->count; i++)
        if (X509_cmp(issued->certs[i].cert, cert) == 0)
            return true;
    return false;
}

static enum sg_rc add(struct reading *r, X509 *cert, const char *path, struct sg_err *err)
{
    struct sg_issued *issued = r->issued;

    if (is_known(issued, cert))
        return SG_OK;
    struct sg_issued_cert *grown = reallocarray(issued->certs, issued->count + 1, sizeof(*grown));
    if (!grown)
        return sg_fail_memory(err);
    issued->certs = grown;
    struct sg_issued_cert *item = &grown[issued->count];
    *item = (struct sg_issued_cert){.file = strdup(path), .is_ca = X509_check_ca(cert) != 0};
    if (!item->file)
        return sg_fail_memory(err);
    issued->count++;
    if (X509_up_ref(cert) != 1)
        return sg_fail_memory(err);
    item->cert = cert;
    return hash_key(r->options->libctx, cert, item->spki_sha256, err);
}

static enum sg_rc read_file(struct reading *r, const char *path, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    struct sg_err complaint;

    if (!certs)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_input_open(path, &input, &complaint);
    if (rc == SG_OK)
        rc = sg_certs_read(input, r->options->libctx, certs, &complaint);
    if (rc != SG_OK) {
        complain(r, &complaint);
        return SG_OK;
    }
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++)
        rc = add(r, sk_X509_value(certs, i), path, err);
    return rc;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum sg_rc read_named(struct reading *r, const char *folder, const char *name, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    struct stat st;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return SG_OK;
    return read_file(r, path, err);
}

static enum sg_rc read_folder(struct reading *r, const char *folder, struct sg_err *err)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_shown, alphasort);
    enum sg_rc rc = SG_OK;

    if (count < 0)
        return sg_about(folder, err,
                        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_NOT_READABLE, errno,
                                      _("The folder \"%s\" cannot be read."), folder));
    if (count > SG_MAX_ISSUED_FILES)
        rc = sg_about(folder, err,
                      sg_fail(err, SG_E_LIMIT, _("\"%s\" has more than %d files."), folder, SG_MAX_ISSUED_FILES));
    for (int i = 0; i < count; i++) {
        if (rc == SG_OK)
            rc = read_named(r, folder, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return rc;
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static int64_t row_of(const struct reading *r, const struct sg_issued_cert *item)
{
    for (size_t i = 0; i < r->options->staff->count; i++)
        if (item->spki_sha256[0] && strcmp(item->spki_sha256, r->options->keys[i]) == 0)
            return (int64_t)i + 1;
    return 0;
}

static bool is_newer(const X509 *a, const X509 *b)
{
    int begins = ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b));

    return begins > 0 || (begins == 0 && ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) > 0);
}

static void find_rows(struct reading *r)
{
    for (size_t i = 0; i < r->issued->count; i++) {
        struct sg_issued_cert *item = &r->issued->certs[i];
        item->row = row_of(r, item);
        item->counts = item->row > 0;
        for (size_t j = 0; j < i && item->counts; j++) {
            struct sg_issued_cert *other = &r->issued->certs[j];
            if (other->row != item->row || !other->counts)
                continue;
            item->counts = is_newer(item->cert, other->cert);
            other->counts = !item->counts;
        }
    }
}

/* --- whether it fits ---------------------------------------------------------------------------------------------- */

static bool same_text(const ASN1_STRING *a, const ASN1_STRING *b)
{
    _cleanup_(OPENSSL_freep) unsigned char *a_text = NULL, *b_text = NULL;
    int a_len = ASN1_STRING_to_UTF8(&a_text, a), b_len = ASN1_STRING_to_UTF8(&b_text, b);

    return a_len >= 0 && a_len == b_len && strncasecmp((char *)a_text, (char *)b_text, (size_t)a_len) == 0;
}

static bool has_part(const X509_NAME *name, const X509_NAME_ENTRY *part)
{
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(part);
    int at = -1;

    while ((at = X509_NAME_get_index_by_OBJ(name, type, at)) >= 0)
        if (same_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), X509_NAME_ENTRY_get_data(part)))
            return true;
    return false;
}

static bool has_subject(const X509 *cert, const X509_NAME *wanted)
{
    for (int i = 0; i < X509_NAME_entry_count(wanted); i++)
        if (!has_part(X509_get_subject_name(cert), X509_NAME_get_entry(wanted, i)))
            return false;
    return true;
}

static bool has_email(X509 *cert, const char *email)
{
    STACK_OF(OPENSSL_STRING) *emails = X509_get1_email(cert);
    bool found = false;

    for (int i = 0; i < sk_OPENSSL_STRING_num(emails); i++)
        found |= strcasecmp(sk_OPENSSL_STRING_value(emails, i), email) == 0;
    X509_email_free(emails);
    return found;
}

/* SG_OK or what is wrong with it, for the person whose key it is. */
static enum sg_rc check_person(const struct reading *r, const struct sg_issued_cert *item, const char *subject,
                               struct sg_err *ret)
{
    const struct sg_person *person = &r->options->staff->persons[item->row - 1];
    _cleanup_(X509_NAME_freep) X509_NAME *wanted = NULL;
    time_t now = (time_t)r->options->now;
    enum sg_rc rc = sg_name_parse(person->subject, &wanted, ret);

    if (rc != SG_OK)
        return rc;
    if (X509_cmp_time(X509_get0_notAfter(item->cert), &now) < 0)
        return sg_fail(ret, SG_E_CERT_EXPIRED, _("The certificate of %s (line %zu) in \"%s\" has expired."),
                       person->name, person->line, item->file);
    if (!has_subject(item->cert, wanted))
        return sg_fail(ret, SG_E_POLICY,
                       _("The certificate for the key of %s (line %zu) in \"%s\" is of \"%s\"; \"%s\" was asked for."),
                       person->name, person->line, item->file, subject, person->subject);
    if (!has_email(item->cert, person->email))
        return sg_fail(ret, SG_E_POLICY,
                       _("The certificate for the key of %s (line %zu) in \"%s\" does not have the address %s."),
                       person->name, person->line, item->file, person->email);
    return SG_OK;
}

static enum sg_rc check(const struct reading *r, const struct sg_issued_cert *item, struct sg_err *ret)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(item->cert), &subject, ret);

    if (rc != SG_OK)
        return rc;
    if (item->row > 0)
        return item->counts ? check_person(r, item, subject, ret) : SG_OK;
    return item->is_ca
               ? SG_OK
               : sg_fail(ret, SG_E_NO_KEY,
                         _("The certificate of \"%s\" in \"%s\" belongs to no key that was made for this list."),
                         subject, item->file);
}

static void check_all(struct reading *r)
{
    for (size_t i = 0; i < r->issued->count; i++) {
        struct sg_err complaint;
        if (check(r, &r->issued->certs[i], &complaint) == SG_OK)
            continue;
        sg_err_file(&complaint, r->issued->certs[i].file);
        complain(r, &complaint);
    }
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

enum sg_rc sg_issued_read(const char *folder, const struct sg_issued_options *options, struct sg_issued **ret,
                          struct sg_err *err)
{
    _cleanup_(sg_issued_freep) struct sg_issued *issued = calloc(1, sizeof(*issued));
    struct reading reading = {.options = options, .issued = issued};

    if (!issued)
        return sg_fail_memory(err);
    enum sg_rc rc = read_folder(&reading, folder, err);
    if (rc != SG_OK)
        return rc;
    find_rows(&reading);
    check_all(&reading);
    if (reading.complaints > 0)
        return sg_about(folder, err,
                        sg_fail(err, SG_E_POLICY,
                                _("Of what is in \"%s\", %zu do not fit the list; no token was touched. Take them out "
                                  "or have them made again, then try again."),
                                folder, reading.complaints));
    *ret = sg_steal(issued);
    return SG_OK;
}

const struct sg_issued_cert *sg_issued_for(const struct sg_issued *issued, int64_t row)
{
    for (size_t i = 0; i < issued->count; i++)
        if (issued->certs[i].counts && issued->certs[i].row == row)
            return &issued->certs[i];
    return NULL;
}

void sg_issued_free(struct sg_issued *issued)
{
    if (!issued)
        return;
    for (size_t i = 0; i < issued->count; i++) {
        X509_free(issued->certs[i].cert);
        free(issued->certs[i].file);
    }
    free(issued->certs);
    free(issued);
}
