#include "store/snapshot.h"
