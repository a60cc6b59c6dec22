/* Files of the exporters' common format: what is taken, and that the rest is refused with its
 * place. */

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "control/exporter_config.h"
#include "support/tmpdir.h"
#include "unit_test.h"

#define HASH "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"

static int set_up(void **state) {
        struct tmpdir *dir = calloc(1, sizeof(*dir));
        assert_non_null(dir);
        tmpdir_make(dir);
        tmpdir_write(dir, "cert.pem", "-----BEGIN CERTIFICATE-----\ncert\n");
        tmpdir_write(dir, "key.pem", "-----BEGIN PRIVATE KEY-----\nkey\n");
        tmpdir_write(dir, "ca.pem", "-----BEGIN CERTIFICATE-----\nca\n");
        tmpdir_write(dir, "empty.pem", "");
        *state = dir;
        return 0;
}

static int tear_down(void **state) {
        tmpdir_remove(*state);
        free(*state);
        return 0;
}

static int load(const struct tmpdir *dir, const char *text, struct exporter_config **ret,
        struct error *err) {
        tmpdir_write(dir, "web.yaml", text);
        *ret = NULL;
        return exporter_config_load(tmpdir_file(dir, "web.yaml"), ret, err);
}

static struct exporter_config *load_good(const struct tmpdir *dir, const char *text) {
        struct exporter_config *config;
        struct error err = {0};
        if (load(dir, text, &config, &err) < 0) {
                fail_msg("%s", err.text);
        }
        return config;
}

static void test_all_that_is_supported(void **state) {
        struct exporter_config *config =
                load_good(*state, "tls_server_config:\n"
                                  "  cert_file: cert.pem\n"
                                  "  key_file: key.pem\n"
                                  "  client_auth_type: RequireAndVerifyClientCert\n"
                                  "  client_ca_file: ca.pem\n"
                                  "  min_version: TLS13\n"
                                  "http_server_config:\n"
                                  "  http2: false\n"
                                  "basic_auth_users:\n"
                                  "  prometheus: " HASH "\n"
                                  "  'second one': '" HASH "'\n");
        assert_string_equal(config->tls_certificate, "-----BEGIN CERTIFICATE-----\ncert\n");
        assert_string_equal(config->tls_key, "-----BEGIN PRIVATE KEY-----\nkey\n");
        assert_string_equal(config->tls_client_ca, "-----BEGIN CERTIFICATE-----\nca\n");
        assert_string_equal(config->tls_priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.3");
        assert_int_equal(config->n_users, 2);
        assert_string_equal(config->users[0].name, "prometheus");
        assert_string_equal(config->users[0].hash, HASH);
        assert_string_equal(config->users[1].name, "second one");
        exporter_config_free(config);
}

static void test_old_versions_of_tls_are_off(void **state) {
        struct exporter_config *config =
                load_good(*state, "tls_server_config: {cert_file: cert.pem, key_file: key.pem, "
                                  "client_auth_type: NoClientCert}\n");
        assert_string_equal(config->tls_priorities, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2");
        assert_null(config->tls_client_ca);
        assert_int_equal(config->n_users, 0);
        exporter_config_free(config);
}

static void test_nothing_asked_for(void **state) {
        static const char *const texts[] = {
                "", "# nothing\n", "{}\n", "tls_server_config:\nhttp_server_config: {}\n"};
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                struct exporter_config *config = load_good(*state, texts[i]);
                assert_null(config->tls_certificate);
                assert_null(config->tls_priorities);
                assert_int_equal(config->n_users, 0);
                exporter_config_free(config);
        }
}

#define TLS "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"

static const struct {
        const char *text, *where, *why;
} bad[] = {
        {"tls_server_confg: {}\n",
                ":1:1: ", "unknown key 'tls_server_confg'; did you mean 'tls_server_config'?"},
        {"- a\n", ":1:1: ", "expected a mapping, not a list"},
        {"tls_server_config: yes\n", ":1:20: ", "expected a mapping, not 'yes'"},
        {"tls_server_config:\n  cert_file: cert.pem\n",
                ":2:3: ", "TLS needs both cert_file and key_file"},
        {"tls_server_config:\n  key_file: key.pem\n",
                ":2:3: ", "TLS needs both cert_file and key_file"},
        {TLS "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
                ":4:3: ", "cipher_suites is not supported here: GnuTLS decides"},
        {TLS "  max_version: TLS12\n", ":4:3: ", "max_version is not supported here"},
        {TLS "  curve_preferences: [X25519]\n", ":4:3: ", "curve_preferences is not supported"},
        {TLS "  prefer_server_cipher_suites: true\n", ":4:3: ", "is not supported here"},
        {TLS "  client_allowed_sans: [a]\n", ":4:3: ", "client_allowed_sans is not supported here"},
        {TLS "  cert: |\n    x\n", ":4:3: ", "cert is not supported here: name a file instead"},
        {TLS "  min_version: TLS10\n", ":4:16: ", "min_version 'TLS10' is not supported here"},
        {TLS "  min_version: [TLS12]\n", ":4:16: ", "expected TLS12 or TLS13, not a list"},
        {TLS "  client_auth_type: RequestClientCert\n",
                ":4:21: ", "client_auth_type 'RequestClientCert' is not supported here"},
        {TLS "  client_auth_type: RequireAndVerifyClientCert\n", ":4:21: ", "needs client_ca_file"},
        {TLS "  client_ca_file: ca.pem\n", ":4:19: ", "does nothing without client_auth_type"},
        {TLS "  client_auth_type: NoClientCert\n  client_ca_file: ca.pem\n",
                ":5:19: ", "does nothing without client_auth_type"},
        {"tls_server_config: {cert_file: none.pem, key_file: key.pem}\n",
                ":1:32: ", "none.pem: No such file or directory"},
        {"tls_server_config: {cert_file: empty.pem, key_file: key.pem}\n",
                ":1:32: ", "empty.pem holds no PEM text"},
        {"tls_server_config: {cert_file: /, key_file: key.pem}\n", ":1:32: ", "Is a directory"},
        {"tls_server_config: {cert_file: '', key_file: key.pem}\n",
                ":1:32: ", "expected the path of a PEM file"},
        {"http_server_config: {http2: true}\n", ":1:29: ", "HTTP/2 is not spoken here"},
        {"http_server_config:\n  headers: {X-Frame-Options: deny}\n",
                ":2:3: ", "headers is not supported here: the listener sends fixed ones"},
        {"rate_limit: {burst: 3}\n", ":1:1: ", "rate_limit is not supported here"},
        {"basic_auth_users:\n", ":1:", "expected users and their bcrypt hashes, not nothing"},
        {"basic_auth_users: {}\n", ":1:19: ", "expected users and their bcrypt hashes"},
        {"basic_auth_users: {a: }\n", ":1:", "expected a bcrypt hash, not nothing"},
        {"basic_auth_users:\n  a: $2x$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\n",
                ":2:6: ", "expected a bcrypt hash such as"},
        {"basic_auth_users:\n  a: $2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ0123!\n",
                ":2:6: ", "expected a bcrypt hash such as"},
        {"basic_auth_users:\n  a: $2y$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234\n",
                ":2:6: ", "the cost of a bcrypt hash has to be 4 to 15, not 31"},
        {"basic_auth_users:\n  'a:b': " HASH "\n", ":2:3: ", "holds no colon"},
        {"basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n", ":3:3: ", "a"},
        {"a: [\n", ":", ""},
        {"http2: true\nhttp3: true\n", ":1:1: ", "unknown key 'http2' (and 1 more)"},
};

static void test_errors_name_their_place(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                struct exporter_config *config;
                struct error err = {0};
                assert_int_equal(load(*state, bad[i].text, &config, &err), -EINVAL);
                assert_null(config);
                const char *name = strstr(err.text, "web.yaml");
                if (!name || !str_starts(name + strlen("web.yaml"), bad[i].where) ||
                        !strstr(err.text, bad[i].why)) {
                        fail_msg("for\n%sexpected %s%s\nfound %s", bad[i].text, bad[i].where,
                                bad[i].why, err.text);
                }
        }
}

static void test_a_password_is_not_quoted(void **state) {
        struct exporter_config *config;
        struct error err = {0};
        assert_int_equal(
                load(*state, "basic_auth_users: {a: swordfish}\n", &config, &err), -EINVAL);
        assert_null(strstr(err.text, "swordfish"));
}

static void test_too_many_users(void **state) {
        AUTO_STRBUF struct strbuf text = {0};
        struct exporter_config *config;
        struct error err = {0};
        strbuf_add(&text, "basic_auth_users:\n");
        for (int i = 0; i <= EXPORTER_USERS_MAX; i++) {
                strbuf_addf(&text, "  u%d: " HASH "\n", i);
        }
        assert_int_equal(load(*state, strbuf_text(&text), &config, &err), -EINVAL);
        assert_non_null(strstr(err.text, "more than 64 users"));
}

static void test_others_may_not_write_to_it(void **state) {
        struct exporter_config *config = NULL;
        struct error err = {0};
        tmpdir_write(*state, "web.yaml", "{}\n");
        assert_int_equal(chmod(tmpdir_file(*state, "web.yaml"), 0666), 0);
        assert_int_equal(
                exporter_config_load(tmpdir_file(*state, "web.yaml"), &config, &err), -EINVAL);
        assert_non_null(strstr(err.text, "may be written to by others"));
}

static void test_a_missing_file(void **state) {
        struct exporter_config *config = NULL;
        struct error err = {0};
        assert_int_equal(
                exporter_config_load(tmpdir_file(*state, "none.yaml"), &config, &err), -EINVAL);
        assert_non_null(strstr(err.text, "none.yaml: "));
        assert_non_null(strstr(err.text, "there is no such file"));
}

#define CONFIG_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CONFIG_TEST(test_all_that_is_supported),
                CONFIG_TEST(test_old_versions_of_tls_are_off),
                CONFIG_TEST(test_nothing_asked_for),
                CONFIG_TEST(test_errors_name_their_place),
                CONFIG_TEST(test_a_password_is_not_quoted),
                CONFIG_TEST(test_too_many_users),
                CONFIG_TEST(test_others_may_not_write_to_it),
                CONFIG_TEST(test_a_missing_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
