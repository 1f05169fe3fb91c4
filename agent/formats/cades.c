#include "formats/cades.h"
