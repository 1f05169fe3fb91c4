/* Reading S/MIME messages (RFC 8551 §3; of MIME, RFC 2045 to RFC 2047 and RFC 5322, as much as they need): a
 * multipart/signed, which carries its content beside the signature, and an application/pkcs7-mime, which is a CMS. What
 * is signed is never held: it is streamed, and may be of any size.
 *
 * Only the message as a whole is read, not what may be in it: a multipart/signed in one is content, and one in another
 * kind of multipart, or in a forwarded message, is refused, since what stands around it is not signed. Readers differ
 * in what they make of a message that breaks the rules, so that each might show something else: what is not exactly as
 * it should be is SG_E_MALFORMED, with the line. */
#pragma once

#include "base/input.h"

struct sg_mime;

/* Whether the input begins with headers of a message that says it, or a part of it, is signed by S/MIME. Of
 * application/pkcs7-mime that are those that do not say that they are something else (encrypted, compressed). */
SG_MUST_CHECK enum sg_rc sg_mime_probe(struct sg_input *input, bool *ret_is_smime, struct sg_err *err);

/* `input` must outlive the result. Boundaries that are missing or not clear, parts too many or too few, or of another
 * type, Base64 that is damaged: SG_E_MALFORMED; headers or encoded lines that are too long: SG_E_LIMIT; only a part is
 * signed: SG_E_UNSUPPORTED. */
SG_MUST_CHECK enum sg_rc sg_mime_read(struct sg_input *input, struct sg_mime **ret, struct sg_err *err);
void sg_mime_free(struct sg_mime *mime);
SG_DEFINE_CLEANUP(struct sg_mime, sg_mime_free)

struct sg_input *sg_mime_cms(const struct sg_mime *mime); /* decoded; nothing says yet that it is CMS */
/* Whether the message said so clearly that it is signed that a CMS of another kind, or none, is a broken message. */
bool sg_mime_is_signed(const struct sg_mime *mime);
bool sg_mime_is_detached(const struct sg_mime *mime);  /* multipart/signed */
bool sg_mime_holds_signed(const struct sg_mime *mime); /* what that signs says that it is a signed message, too */

/* Streams what a multipart/signed signs: its first part with that part's headers, each line end made CRLF (RFC 8551
 * §3.1.1), without the line break in front of the boundary (RFC 2046 §5.1.1). Of another: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_mime_content(struct sg_mime *mime, struct sg_sink sink, struct sg_err *err);
