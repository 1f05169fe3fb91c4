#include "pkcs11/local.h"

_Thread_local _Atomic int64_t *sg_call_clock;

const struct sg_verbs sg_local_verbs = {.start = sg_local_start,
                                        .stop = sg_local_stop,
                                        .list = sg_local_list,
                                        .state = sg_local_state,
                                        .mechanisms = sg_local_mechanisms,
                                        .login = sg_local_login,
                                        .release = sg_local_release,
                                        .keys = sg_local_keys,
                                        .certificates = sg_local_certificates,
                                        .inspect = sg_local_inspect,
                                        .sign = sg_local_sign,
                                        .decrypt = sg_local_decrypt,
                                        .provision = sg_local_provision};
