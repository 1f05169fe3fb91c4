/* What this folder shares about Cryptoki itself: p11-kit's headers, what its codes mean, and text that a module wrote.
 * Private to pkcs11/. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "base/cleanup.h"
#include "base/err.h"

SG_DEFINE_CLEANUP(P11KitUri, p11_kit_uri_free)

/* Fills `err` for a call that a module answered with `rv`: "WHAT: sentence", the code's name as the cause, `about`
 * (token or module, may be NULL) as what it is about. Never SG_OK. */
enum sg_rc sg_fail_ck(struct sg_err *err, CK_RV rv, const char *about, const char *what);
/* "CKR_PIN_INCORRECT", or NULL. */
const char *sg_ck_name(CK_RV rv);

/* What a module wrote (a label, a serial) as text that is safe on a terminal: without the padding, valid UTF-8,
 * everything that moves the cursor or turns the direction of writing replaced by "?". NULL: no memory. */
char *sg_safe_text(const void *data, size_t len);
