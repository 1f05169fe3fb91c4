/* Pulls everything there is to fetch, without an engine: what sync's pull does, alone.
 *
 *     pull_driver [--private yes] [--list URL --signer SHA256] [--know FILE]...
 *
 * in the store of $SIGNET_HOME, into which the certificates of each FILE are put first, as sign does it. Prints a line
 * for each thing in the order in which they end: "changed KIND URL", "unchanged KIND URL" or "CODE KIND URL: sentence".
 * Exits with 0 if nothing failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/input.h"
#include "formats/pem.h"
#include "sync/pull.h"

struct driver {
    OSSL_LIB_CTX *libctx;
    struct sg_clock clock;
    struct sg_store *store;
    struct sg_http *http;
    const char *home, *list, *signer;
    bool private_addresses, done;
    size_t failures;
};

static void must(enum sg_rc rc, const struct sg_err *err)
{
    if (rc == SG_OK)
        return;
    (void)fprintf(stderr, "%s: %s [%s]\n", sg_rc_word(rc), err->text, err->cause);
    exit(2);
}

static void know(struct driver *driver, const char *path)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    struct sg_err err = {0};

    must(sg_input_open(path, &input, &err), &err);
    must(sg_certs_read(input, driver->libctx, certs, &err), &err);
    for (int i = 0; i < sk_X509_num(certs); i++)
        must(sg_store_certificate_add(driver->store, sk_X509_value(certs, i), "signer", &err), &err);
    must(sg_store_publish(driver->store, &err), &err);
}

static void tell(void *context, const struct sg_pull_event *event)
{
    struct driver *driver = context;
    const char *kind = sg_pull_kind_word(event->kind);

    if (event->err) {
        driver->failures++;
        (void)printf("%s %s %s: %s\n", sg_rc_word(event->err->rc), kind, event->url, event->err->text);
    } else {
        (void)printf("%s %s %s\n", event->changed ? "changed" : "unchanged", kind, event->url);
    }
}

static void done(void *context, const struct sg_pull_result *result)
{
    struct driver *driver = context;

    driver->done = true;
    if (result->err)
        must(result->err->rc, result->err);
}

static void pull(struct driver *driver)
{
    const struct sg_http_settings settings = {
        .proxy = "none", .timeout = 10, .budget = 60, .parallel = 4, .private_addresses = driver->private_addresses};
    struct sg_err err = {0};
    struct sg_pull *pull = NULL;

    must(sg_http_new(&settings, &driver->http, &err), &err);
    const struct sg_pull_options options = {.store = driver->store,
                                            .http = driver->http,
                                            .libctx = driver->libctx,
                                            .state_folder = driver->home,
                                            .clock = &driver->clock,
                                            .list_url = driver->list,
                                            .list_signer = driver->signer,
                                            .all = true,
                                            .tell = tell,
                                            .done = done,
                                            .context = driver};
    must(sg_pull_start(&options, &pull, &err), &err);
    while (!driver->done)
        must(sg_http_run(driver->http, 1000, -1, &err), &err);
    sg_pull_free(pull);
    sg_http_free(driver->http);
}

int main(int argc, char **argv)
{
    struct driver driver = {.home = getenv("SIGNET_HOME"), .list = "", .signer = "", .clock = sg_clock_system()};
    struct sg_err err = {0};

    if (!driver.home || argc % 2 == 0)
        return 64;
    must(sg_libctx_new(&driver.libctx, &err), &err);
    must(sg_store_open(driver.home, driver.libctx, &driver.clock, &driver.store, &err), &err);
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--know") == 0)
            know(&driver, argv[i + 1]);
        else if (strcmp(argv[i], "--list") == 0)
            driver.list = argv[i + 1];
        else if (strcmp(argv[i], "--signer") == 0)
            driver.signer = argv[i + 1];
        else if (strcmp(argv[i], "--private") == 0)
            driver.private_addresses = strcmp(argv[i + 1], "yes") == 0;
        else
            return 64;
    }
    pull(&driver);
    sg_store_free(driver.store);
    OSSL_LIB_CTX_free(driver.libctx);
    return driver.failures == 0 ? 0 : 1;
}
