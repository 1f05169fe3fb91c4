#include "formats/crl_private.h"

#include <openssl/x509v3.h>

#include "formats/der.h"

enum { BOOLEAN = 0x01, ENUMERATED = 0x0a };

/* --- elements in memory ------------------------------------------------------------------------------------------- */

bool sg_crl_header(struct sg_slice at, uint8_t *identifier, size_t *header, uint64_t *length)
{
    if (at.len < 2)
        return false;
    *identifier = at.data[0];
    *header = 2;
    *length = at.data[1];
    if (*length < 0x80)
        return true;
    size_t octets = *length & 0x7f;
    if (octets == 0 || octets > 4 || at.len < 2 + octets || at.data[2] == 0)
        return false;
    *header += octets;
    *length = 0;
    for (size_t i = 0; i < octets; i++)
        *length = *length << 8 | at.data[2 + i];
    return *length >= 0x80;
}

bool sg_crl_take_any(struct sg_slice *at, uint8_t *identifier, struct sg_slice *content, struct sg_slice *whole)
{
    size_t header;
    uint64_t length;
    if (!sg_crl_header(*at, identifier, &header, &length) || length > at->len - header)
        return false;
    *content = (struct sg_slice){at->data + header, (size_t)length};
    if (whole)
        *whole = (struct sg_slice){at->data, header + (size_t)length};
    *at = (struct sg_slice){content->data + content->len, at->len - header - (size_t)length};
    return true;
}

bool sg_crl_take(struct sg_slice *at, uint8_t identifier, struct sg_slice *content)
{
    uint8_t found;
    return at->len > 0 && at->data[0] == identifier && sg_crl_take_any(at, &found, content, NULL);
}

static bool digits(const uint8_t *text, size_t count, unsigned *ret)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        if (digit > 9)
            return false;
        value = 10 * value + digit;
    }
    *ret = value;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that a leap day is their last. */
static int64_t days(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - 400 * era;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 146097 * era + 365 * of_era + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool sg_crl_time(uint8_t identifier, struct sg_slice text, int64_t *ret)
{
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t year_digits = identifier == SG_CRL_UTC_TIME ? 2 : 4;
    unsigned year, month, day, hour, minute, second;
    if ((identifier != SG_CRL_UTC_TIME && identifier != SG_CRL_GENERALIZED_TIME) || text.len != year_digits + 11 ||
        text.data[text.len - 1] != 'Z' || !digits(text.data, year_digits, &year))
        return false;
    const uint8_t *rest = text.data + year_digits;
    if (!digits(rest, 2, &month) || !digits(rest + 2, 2, &day) || !digits(rest + 4, 2, &hour) ||
        !digits(rest + 6, 2, &minute) || !digits(rest + 8, 2, &second))
        return false;
    if (year_digits == 2)
        year += year < 50 ? 2000 : 1900;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] || (month == 2 && day == 29 && !leap) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    *ret = 86400 * days(year, month, day) + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

/* --- an entry ----------------------------------------------------------------------------------------------------- */

static bool is_minimal(struct sg_slice integer)
{
    return integer.len == 1 || (integer.len > 1 && (integer.data[0] != 0x00 || (integer.data[1] & 0x80) != 0) &&
                                (integer.data[0] != 0xff || (integer.data[1] & 0x80) == 0));
}

/* §5.3.1; one that has no number, or none that there is, may be any. */
static int read_reason(struct sg_slice value)
{
    struct sg_slice code;
    if (!sg_crl_take(&value, ENUMERATED, &code) || value.len > 0 || code.len != 1 ||
        code.data[0] > CRL_REASON_AA_COMPROMISE || code.data[0] == 7)
        return -2;
    return code.data[0];
}

/* Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }; §5.3. */
static bool read_extension(struct sg_slice extension, struct sg_crl_entry *entry)
{
    static const uint8_t reason_code[] = {0x55, 0x1d, 0x15}, invalidity_date[] = {0x55, 0x1d, 0x18},
                         certificate_issuer[] = {0x55, 0x1d, 0x1d};
    struct sg_slice oid, flag = {NULL, 0}, value;
    if (!sg_crl_take(&extension, SG_DER_OBJECT_IDENTIFIER, &oid) ||
        (extension.len > 0 && extension.data[0] == BOOLEAN &&
         (!sg_crl_take(&extension, BOOLEAN, &flag) || flag.len != 1)) ||
        !sg_crl_take(&extension, SG_DER_OCTET_STRING, &value) || extension.len > 0)
        return false;
    bool critical = flag.len == 1 && flag.data[0] != 0;
    if (sg_slice_equal(oid, (struct sg_slice){reason_code, sizeof reason_code}))
        entry->reason = entry->reason == -1 ? read_reason(value) : -2;
    else if (sg_slice_equal(oid, (struct sg_slice){certificate_issuer, sizeof certificate_issuer}))
        entry->certificate_issuer = value;
    else if (!sg_slice_equal(oid, (struct sg_slice){invalidity_date, sizeof invalidity_date}))
        entry->unknown_critical |= critical;
    return true;
}

bool sg_crl_entry_read(struct sg_slice fields, struct sg_crl_entry *entry)
{
    struct sg_slice date, list, extension;
    uint8_t identifier;
    *entry = (struct sg_crl_entry){.revoked_at = SG_TIME_NONE, .reason = -1};
    if (!sg_crl_take(&fields, SG_DER_INTEGER, &entry->serial) || !is_minimal(entry->serial) ||
        !sg_crl_take_any(&fields, &identifier, &date, NULL) ||
        (identifier != SG_CRL_UTC_TIME && identifier != SG_CRL_GENERALIZED_TIME))
        return false;
    (void)!sg_crl_time(identifier, date, &entry->revoked_at);
    if (fields.len == 0)
        return true;
    if (!sg_crl_take(&fields, SG_DER_SEQUENCE, &list) || fields.len > 0)
        return false;
    while (list.len > 0)
        if (!sg_crl_take(&list, SG_DER_SEQUENCE, &extension) || !read_extension(extension, entry))
            return false;
    return true;
}
