#include "judge/allowance.h"

#include "base/limits.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A name stands in a container twice, and one octet of it becomes at most three where it is of an old code page. */
void sg_allowance_begin(struct sg_allowance *allowance, uint64_t size)
{
    *allowance = (struct sg_allowance){
        .files = least(size, SG_MAX_ZIP_ENTRIES),
        .names = least(size * 3 / 2, (uint64_t)SG_MAX_ZIP_ENTRIES * SG_MAX_ZIP_NAME),
        .bytes = size * SG_MAX_ZIP_RATIO + SG_MAX_ZIP_FREE,
    };
}

static bool take(uint64_t *left, uint64_t wanted)
{
    if (wanted > *left)
        return false;
    *left -= wanted;
    return true;
}

bool sg_allowance_take_file(struct sg_allowance *allowance, uint64_t name_len)
{
    return take(&allowance->files, 1) && take(&allowance->names, name_len);
}

bool sg_allowance_take_bytes(struct sg_allowance *allowance, uint64_t len)
{
    return take(&allowance->bytes, len);
}
