#include "pkcs11/uri.h"
