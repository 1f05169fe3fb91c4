#include "base/outfile.h"
