#include "formats/cms.h"
