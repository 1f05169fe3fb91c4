/* Where may a URL lead, and through which proxy? */
#include "server.h"

#include "sync/http_private.h"

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return sg_address_private((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return sg_address_private((struct sockaddr *)&v6);
}

static void test_private_addresses(void **state)
{
    static const char *const inside[] = {
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.0.1",
        "192.168.255.255",
        "198.19.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "ff02::1",
        "2002:7f00:1::",
    };
    static const char *const outside[] = {
        "1.1.1.1",        "9.255.255.255",    "11.0.0.1",       "100.128.0.1",     "172.15.0.1",
        "172.32.0.1",     "192.167.0.1",      "223.255.255.1",  "2606:4700::1111", "fb00::1",
        "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
        if (!is_private(inside[i]))
            fail_msg("%s is not private", inside[i]);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        if (is_private(outside[i]))
            fail_msg("%s is private", outside[i]);
}

static bool leads_inside(const char *url)
{
    _cleanup_(sg_url_clear) struct sg_url read = {0};

    assert_done(sg_url_read(url, &read, &err));
    return sg_host_private(read.host);
}

/* Spelt as it may be: curl's parser makes one form of them. */
static void test_private_hosts(void **state)
{
    (void)state;
    assert_true(leads_inside("http://127.1/"));
    assert_true(leads_inside("http://0x7f000001/"));
    assert_true(leads_inside("http://2130706433/"));
    assert_true(leads_inside("http://[::1]:80/"));
    assert_true(leads_inside("http://[::ffff:127.0.0.1]/"));
    assert_true(leads_inside("http://LocalHost/"));
    assert_true(leads_inside("http://a.localhost/"));
    assert_false(leads_inside("http://localhost.example/"));
    assert_false(leads_inside("http://1.1.1.1/"));
    assert_false(leads_inside("http://[2606:4700::1111]/"));
}

static void test_server_of_url(void **state)
{
    _cleanup_(sg_buf_clear) struct sg_buf server = SG_BUF(1000);
    const char *text = NULL;

    (void)state;
    assert_done(sg_http_server("HTTPS://Archive.Example/a/b?c", &server, &err));
    assert_done(sg_buf_text(&server, &text, &err));
    assert_string_equal(text, "https://archive.example:443");
    assert_rc(sg_http_server("ldap://archive.example/", &server, &err), SG_E_MALFORMED);
}

static const char *proxy_of(const char *setting, const char *url)
{
    _cleanup_(sg_url_clear) struct sg_url read = {0};

    assert_done(sg_url_read(url, &read, &err));
    return sg_proxy_for(setting, &read);
}

static void test_proxies(void **state)
{
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://one:1", 1), 0);
    assert_int_equal(setenv("HTTP_PROXY", "http://never:1", 1), 0);
    assert_int_equal(setenv("HTTPS_PROXY", "http://two:2", 1), 0);
    assert_int_equal(setenv("no_proxy", "corp.example, .dotted.example,10.0.0.0/8 [::1]", 1), 0);
    assert_string_equal(proxy_of("env", "http://a.example/"), "http://one:1");
    assert_string_equal(proxy_of("env", "https://a.example/"), "http://two:2");
    assert_string_equal(proxy_of("none", "http://a.example/"), "");
    assert_string_equal(proxy_of("http://three:3", "http://corp.example/"), "http://three:3");
    assert_string_equal(proxy_of("env", "http://corp.example/"), "");
    assert_string_equal(proxy_of("env", "http://a.corp.example/"), "");
    assert_string_equal(proxy_of("env", "http://a.dotted.example/"), "");
    assert_string_equal(proxy_of("env", "http://acorp.example/"), "http://one:1");
    assert_string_equal(proxy_of("env", "http://10.200.3.4/"), "");
    assert_string_equal(proxy_of("env", "http://11.200.3.4/"), "http://one:1");
    assert_string_equal(proxy_of("env", "http://[::1]/"), "");
    assert_int_equal(setenv("no_proxy", "*", 1), 0);
    assert_string_equal(proxy_of("env", "http://a.example/"), "");
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("no_proxy"), 0);
    assert_string_equal(proxy_of("env", "http://a.example/"), "");
    assert_int_equal(setenv("all_proxy", "http://four:4", 1), 0);
    assert_string_equal(proxy_of("env", "http://a.example/"), "http://four:4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_addresses),
        cmocka_unit_test(test_private_hosts),
        cmocka_unit_test(test_server_of_url),
        cmocka_unit_test(test_proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
