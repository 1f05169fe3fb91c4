#include "pkcs11/custody.h"
