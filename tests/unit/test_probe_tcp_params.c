/* What the loader makes of protocols, logins, hexadecimal and UDP in tcp probes, and of dns probes.
 */

#include <errno.h>

#include "probes/protocol.h"
#include "probes/tcp_params.h"
#include "probes/types.h"
#include "support/probe_rig.h"

static const struct rig_refused refused[] = {
        {"tcp: {address: 'h:1', send_hex: 0g}", "expected pairs of hexadecimal digits"},
        {"tcp: {address: 'h:1', send_hex: '0 a'}", "expected pairs of hexadecimal digits"},
        {"tcp: {address: 'h:1', expect_hex: ' '}", "expected 1 to 1024 bytes"},
        {"tcp: {address: 'h:1', send: a, send_hex: '61'}", "expected one text"},
        {"tcp: {address: 'h:1', transport: udp}", "udp without an answer proves nothing"},
        {"tcp: {address: 'h:1', transport: udp, protocol: redis}", "only dns is spoken over udp"},
        {"tcp: {address: 'h:1', transport: udp, send: a, expect: b, tls: true}", "nor TLS"},
        {"tcp: {address: 'h:1', protocol: rdis}", "redis"},
        {"tcp: {address: 'h:1', protocol: redis, send: a}", "leave out send"},
        {"tcp: {address: 'h:1', user: a}", "a login is for the protocols"},
        {"tcp: {address: 'h:1', protocol: smtp, user: a}", "a login is for the protocols"},
        {"tcp: {address: 'h:1', protocol: ldap, user: a}", "user needs password_file"},
        {"tcp: {address: 'h:1', protocol: mysql, password_file: /p}", "password_file needs user"},
        {"tcp: {address: 'h:1', protocol: redis, database: x}", "database is for the protocols"},
        {"tcp: {address: 'h:1', protocol: mysql, user: ''}", "user"},
        {"tcp: {address: 'h:1', protocol: redis, tls: {starttls: true}}", "starttls is of"},
        {"dns: a..b", "expected a name of at most 253 characters"},
        {"dns: {name: a, server: ns.example}", "expected a numeric address"},
        {"dns: {name: a, server: '127.0.0.1:0'}", "expected a numeric address"},
        {"dns: {name: a, type: HINFO}", "type"},
        {"dns: {name: a, rcode: NXDOMAIN, expect: 192.0.2.1}", "there are no values to expect"},
        {"dns: {name: a, exact: true}", "exact needs expect"},
};

static void test_refused(void **state) {
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

/* What an example needs beside it. */
static const struct {
        const char *key, *beside;
} companions[] = {
        {"user", "protocol: postgresql, "},
        {"password_file", "protocol: redis, "},
        {"database", "protocol: mysql, "},
        {"exact", "expect: 192.0.2.1, "},
};

static void check_examples(struct rig *rig, const char *prefix, const struct schema *schema) {
        for (const struct schema_field *f = schema->fields; f->key; f++) {
                const char *beside = "";
                char probe[512];
                for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
                        beside = strcmp(companions[i].key, f->key) == 0 ? companions[i].beside
                                                                        : beside;
                }
                if (!f->required) {
                        assert_non_null(f->help);
                        snprintf(probe, sizeof(probe), "%s%s%s: %s}", prefix, beside, f->key,
                                f->example);
                        rig_load(rig, probe);
                }
        }
}

static void test_examples(void **state) {
        struct rig rig;
        (void) state;
        rig_open(&rig);
        check_examples(&rig, "tcp: {address: 'h:1', ", &tcp_schema);
        check_examples(&rig, "dns: {name: shop.example, ", &dns_schema);
        rig_close(&rig);
}

static const struct tcp_params *load(struct rig *rig, const char *probe) {
        rig_load(rig, probe);
        return rig->run.spec->params;
}

static void test_ports(void **state) {
        static const struct {
                const char *probe;
                uint16_t port;
        } rows[] = {
                {"tcp: {address: h, protocol: postgresql, tls: true}", 5432},
                {"tcp: {address: h, protocol: smtp}", 25},
                {"tcp: {address: h, protocol: smtp, tls: true}", 465},
                {"tcp: {address: h, protocol: smtp, tls: {starttls: true}}", 25},
                {"tcp: {address: 'h:587', protocol: smtp, tls: {starttls: true}}", 587},
                {"tcp: {address: '[::1]', protocol: redis}", 6379},
                {"tcp: {address: h, protocol: redis, tls: true}", 6379},
        };
        struct rig rig;
        (void) state;
        rig_open(&rig);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_int_equal(tcp_port(load(&rig, rows[i].probe)), rows[i].port);
        }
        rig_close(&rig);
}

static void test_tls_within(void **state) {
        struct rig rig;
        (void) state;
        rig_open(&rig);
        const struct tcp_params *params =
                load(&rig, "tcp: {address: h, protocol: mysql, tls: true}");
        assert_true(tcp_upgrades_to_tls(params) && !tcp_begins_with_tls(params));
        params = load(&rig, "tcp: {address: h, protocol: imap, tls: true}");
        assert_true(tcp_begins_with_tls(params) && !tcp_upgrades_to_tls(params));
        params = load(&rig, "tcp: {address: h, protocol: imap, tls: false}");
        assert_true(!tcp_begins_with_tls(params) && !tcp_upgrades_to_tls(params));
        rig_close(&rig);
}

static void test_hexadecimal(void **state) {
        struct rig rig;
        char text[TCP_BYTES_TEXT_MAX];
        (void) state;
        rig_open(&rig);
        const struct tcp_params *params =
                load(&rig, "tcp: {address: 'h:1', send_hex: ' 0a00FF 7e', expect_hex: '00'}");
        assert_int_equal(params->send.length, 4);
        assert_memory_equal(params->send.data, "\x0a\0\xff~", 5);
        assert_int_equal(params->expect.length, 1);
        assert_string_equal(tcp_format_bytes(params->send.data, params->send.length, text),
                "\"\\n\\x00\\xff~\"");
        char many[100];
        memset(many, 1, sizeof(many));
        tcp_format_bytes(many, sizeof(many), text);
        assert_true(strlen(text) < TCP_BYTES_TEXT_MAX);
        assert_non_null(strstr(text, "...\""));
        rig_close(&rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_examples),
                cmocka_unit_test(test_ports),
                cmocka_unit_test(test_tls_within),
                cmocka_unit_test(test_hexadecimal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
