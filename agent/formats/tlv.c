#include "formats/tlv.h"
