/* `signet sync`: the program `signet-sync`, which alone links an HTTP client, does it; both know its options. */
#pragma once

#include "base/msg.h"
#include "cli/options.h"

#define SG_SYNC_PROGRAM "signet-sync"
#define SG_SYNC_SUMMARY N_("deliver signed documents and get what they lack, now that there is a network")

extern const struct sg_option sg_sync_options[];
