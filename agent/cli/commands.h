/* The table of commands: one file a command. */
#pragma once

#include "cli/options.h"

extern const struct sg_command sg_command_cert_check;
extern const struct sg_command sg_command_cert_show;
extern const struct sg_command sg_command_config_check;
extern const struct sg_command sg_command_config_show;
extern const struct sg_command sg_command_decrypt;
extern const struct sg_command sg_command_forget;
extern const struct sg_command sg_command_get;
extern const struct sg_command sg_command_log;
extern const struct sg_command sg_command_outbox_drop;
extern const struct sg_command sg_command_outbox_list;
extern const struct sg_command sg_command_outbox_retry;
extern const struct sg_command sg_command_receipt;
extern const struct sg_command sg_command_setup;
extern const struct sg_command sg_command_sign;
extern const struct sg_command sg_command_status;
extern const struct sg_command sg_command_sync;
extern const struct sg_command sg_command_token_check;
extern const struct sg_command sg_command_token_csr;
extern const struct sg_command sg_command_token_delete;
extern const struct sg_command sg_command_token_import;
extern const struct sg_command sg_command_token_init;
extern const struct sg_command sg_command_token_keygen;
extern const struct sg_command sg_command_token_list;
extern const struct sg_command sg_command_token_pin;
extern const struct sg_command sg_command_token_provision;
extern const struct sg_command sg_command_token_retire;
extern const struct sg_command sg_command_token_show;
extern const struct sg_command sg_command_token_unblock;
extern const struct sg_command sg_command_trust_add;
extern const struct sg_command sg_command_trust_export;
extern const struct sg_command sg_command_trust_import_system;
extern const struct sg_command sg_command_trust_list;
extern const struct sg_command sg_command_trust_remove;
extern const struct sg_command sg_command_verify;

extern const struct sg_command *const sg_commands[]; /* ended by NULL */
