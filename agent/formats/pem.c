#include "formats/pem.h"
