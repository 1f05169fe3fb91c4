#include "pkcs11/pin.h"
