#include "cli/commands.h"

const struct sg_command *const sg_commands[] = {
    &sg_command_setup,        &sg_command_sign,         &sg_command_token_list,    &sg_command_token_show,
    &sg_command_token_init,   &sg_command_token_pin,    &sg_command_token_unblock, &sg_command_token_keygen,
    &sg_command_token_csr,    &sg_command_token_import, &sg_command_token_delete,  &sg_command_token_provision,
    &sg_command_token_retire, &sg_command_verify,       &sg_command_decrypt,       &sg_command_cert_check,
    &sg_command_cert_show,    &sg_command_trust_add,    &sg_command_trust_list,    &sg_command_trust_remove,
    &sg_command_trust_export, &sg_command_config_show,  &sg_command_config_check,  NULL,
};
