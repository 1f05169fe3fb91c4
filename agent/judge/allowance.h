/* How much a judging child may hand out of one container: no more than the container's reader, which the child may no
 * longer be, would take out of it. Private to judge/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sg_allowance {
    uint64_t files; /* that may still begin */
    uint64_t names; /* octets of their names, which folders are made of */
    uint64_t bytes; /* octets of their content */
};

/* For a container of so many octets. */
void sg_allowance_begin(struct sg_allowance *allowance, uint64_t size);
/* False if it is used up. */
bool sg_allowance_take_file(struct sg_allowance *allowance, uint64_t name_len);
bool sg_allowance_take_bytes(struct sg_allowance *allowance, uint64_t len);
