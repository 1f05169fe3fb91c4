/* The readers that PC/SC knows (pcscd), asked without touching a card: no APDU, no power. Private to pkcs11/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

#define SG_READER_NAME 129 /* bytes, with the NUL */
#define SG_READER_ATR 33

struct sg_reader {
    char name[SG_READER_NAME];
    uint8_t atr[SG_READER_ATR]; /* of the card that is in; empty if none is */
    size_t atr_len;
    bool held;       /* another program has the card for itself alone */
    unsigned events; /* insertions and removals since pcscd was started, modulo 65536 */
};

/* False: there is no pcscd, or no libpcsclite, or it does not tell. May wait for pcscd as long as that takes, so it is
 * for a token host to ask, whose answer has a deadline. */
bool sg_readers_list(struct sg_reader readers[SG_MAX_READERS], size_t *ret_count);

/* Where programs and pcscd meet. Asked first, since it costs nothing where there is none. */
const char *sg_pcsc_socket(void);
