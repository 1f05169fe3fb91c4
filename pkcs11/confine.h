/* What a token host gives up before it loads a vendor's code. Private to pkcs11/. */
#pragma once

#include <stdbool.h>

/* Closes all descriptors from `first_unused` on; limits memory, files and their size; no new privileges; and has the
 * kernel refuse (EPERM) what no token driver needs: looking into other processes, starting programs (unless
 * `may_exec`), mounts, namespaces, kernel modules, keys, tracing. Sockets and files stay, since readers and HSMs are
 * reached through them. */
__attribute__((warn_unused_result)) bool sg_confine(unsigned first_unused, bool may_exec);
