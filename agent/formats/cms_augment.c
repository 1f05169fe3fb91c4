#include "formats/cms_augment.h"
