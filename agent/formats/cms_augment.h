/* Adding an unsigned attribute to a SignerInfo by splicing: every other byte stays as it is, but for the lengths
 * around the place. What was signed, and how it was encoded, is not touched. */
#pragma once

#include "base/input.h"
#include "formats/cms.h"

/* Writes `input` (DER or BER; PEM is SG_E_USAGE) to `sink` with `attribute` (a DER Attribute) added to SignerInfo
 * `signer` (0-based): in its sorted place if the attributes there are sorted as DER wants, else behind them. Streams.
 */
SG_MUST_CHECK enum sg_rc sg_cms_add_unsigned(struct sg_input *input, size_t signer, struct sg_slice attribute,
                                             struct sg_sink sink, struct sg_err *err);
