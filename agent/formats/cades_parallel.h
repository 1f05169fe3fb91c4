/* Adding a parallel signature: one more SignerInfo over the same content (RFC 5652 §5.1) is spliced into a SignedData.
 * Every other octet stays as it is but for the lengths around; what is missing in digestAlgorithms and certificates is
 * added to them. The signatures that are there stay good. */
#pragma once

#include "formats/cades.h"

/* Writes `existing` (DER or BER) with a CAdES-B-B signature of `signer` added to `out`. One key
 * use, and only once all else is known to be right. The content is read twice at most, and may be of any size.
 *
 * `content` is what a detached signature is of, and is needed then; beside an attached one it may be NULL. It has to be
 * what the signatures that are there are of (their message-digest says it): else SG_E_POLICY. Also gives the content's
 * digest (`digest` has room for EVP_MAX_MD_SIZE).
 *
 * PEM, or no `content` where it is needed: SG_E_USAGE. No SignedData, or a broken one: SG_E_MALFORMED; over a limit
 * with the new one: SG_E_LIMIT. Content of another type than id-data, and an archive-time-stamp of the second version
 * (TS 101 733 §6.4.1) that a new certificate would break: SG_E_UNSUPPORTED. Changed while it was read:
 * SG_E_INPUT_CHANGED. */
SG_MUST_CHECK enum sg_rc sg_cades_add_signer(const struct sg_cades_signer *signer, struct sg_input *existing,
                                             struct sg_input *content, int64_t signing_time, struct sg_sink out,
                                             uint8_t *digest, size_t *ret_digest_len, struct sg_err *err);
