/* Keeps a module open, as a long run does, and asks it what is there:
 *
 *     watch_tokens HOST MODULE      HOST: the token host, or "" for the module in process
 *
 * For each line on its standard input it prints one: the serials of the tokens that are there, or the error's code. */
#include <err.h>
#include <stdio.h>

#include "base/crypto.h"
#include "pkcs11/token.h"

static void print(const struct sg_tokens *tokens)
{
    for (size_t i = 0; i < sg_tokens_count(tokens); i++) {
        const struct sg_token_info *info = sg_token_info(sg_tokens_get(tokens, i));
        if (info->present)
            printf("%s ", info->serial);
    }
    printf(".\n");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[64];
    struct sg_err err;
    OSSL_LIB_CTX *libctx = NULL;
    struct sg_tokens *tokens = NULL;
    if (argc != 3)
        errx(64, "usage: watch_tokens HOST MODULE");
    const char *modules[] = {argv[2]};
    struct sg_tokens_options options = {.modules = modules, .module_count = 1, .host = argv[1][0] ? argv[1] : NULL};
    if (sg_libctx_new(&libctx, &err) != SG_OK)
        errx(70, "%s", err.text);
    options.libctx = libctx;
    if (sg_tokens_open(&options, &tokens, &err) != SG_OK)
        errx(70, "%s", err.text);
    print(tokens);
    while (fgets(line, sizeof line, stdin)) {
        if (sg_tokens_refresh(tokens, &err) == SG_OK) {
            print(tokens);
        } else {
            printf("%s\n", sg_rc_word(err.rc));
            (void)fflush(stdout);
        }
    }
    sg_tokens_free(tokens);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
