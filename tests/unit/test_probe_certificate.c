/* The certificate probe, on files and against servers on loopback. */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "probes/certificate_file.h"
#include "support/fake_names.h"
#include "support/loopback_server.h"
#include "support/probe_rig.h"
#include "support/test_certificate.h"
#include "support/tmpdir.h"

#define DAY (24 * 60 * 60L)

/* ---- fixture ---- */

/* An authority, and a certificate of it that is valid for 100 days. */
struct fixture {
        struct rig rig;
        struct tmpdir dir;
        struct test_certificate authority, shop;
        struct loopback_server server;
        SSL_CTX *context; /* of the server; NULL: there is none */
};

static const struct test_certificate_terms authority_terms = {
        .subject = "Test authority", .from = -DAY, .until = 365 * DAY, .authority = true};

static struct test_certificate_terms shop_terms(const struct fixture *f) {
        return (struct test_certificate_terms){.subject = "shop.example",
                .names = "DNS:shop.example,DNS:*.shop.example,IP:127.0.0.1",
                .from = -DAY,
                .until = 100 * DAY + 60,
                .issuer = &f->authority};
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        memset(&names, 0, sizeof(names));
        names.addresses[0] = "127.0.0.1";
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        resolver_set_look_up(f->rig.host.resolver, fake_look_up);
        test_certificate_issue(&f->authority, &authority_terms);
        test_certificate_save(&f->authority, tmpdir_file(&f->dir, "ca.pem"));
        const struct test_certificate_terms terms = shop_terms(f);
        test_certificate_issue(&f->shop, &terms);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        if (f->server.serve) {
                loopback_stop(&f->server);
        }
        SSL_CTX_free(f->context);
        test_certificate_free(&f->authority);
        test_certificate_free(&f->shop);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

/* Replaces the certificate. */
static void issue(struct fixture *f, const struct test_certificate_terms *terms) {
        test_certificate_free(&f->shop);
        test_certificate_issue(&f->shop, terms);
}

static void issue_until(struct fixture *f, long until) {
        struct test_certificate_terms terms = shop_terms(f);
        terms.until = until;
        issue(f, &terms);
}

/* ---- files ---- */

static void append_certificate(const struct fixture *f, const struct test_certificate *made) {
        FILE *file = fopen(tmpdir_file(&f->dir, "shop.pem"), "ae");
        assert_non_null(file);
        assert_int_equal(PEM_write_X509(file, made->certificate), 1);
        assert_int_equal(fclose(file), 0);
}

static void save_key(
        const struct fixture *f, const char *name, EVP_PKEY *key, const char *password) {
        FILE *file = fopen(tmpdir_file(&f->dir, name), "ae");
        assert_non_null(file);
        assert_int_equal(PEM_write_PrivateKey(file, key, password ? EVP_aes_128_cbc() : NULL, NULL,
                                 0, NULL, (void *) password),
                1);
        assert_int_equal(fclose(file), 0);
}

static void load_file(struct fixture *f, const char *more) {
        char probe[512];
        snprintf(probe, sizeof(probe), "certificate: {file: %s/shop.pem%s}", f->dir.path, more);
        rig_load(&f->rig, probe);
}

/* A thousand of them take a busy machine its time, with sanitizers. */
#define FILE_TIMEOUT (30 * USEC_PER_SEC)

static const struct probe_result *run_file(struct fixture *f, const char *more) {
        load_file(f, more);
        return rig_run(&f->rig, FILE_TIMEOUT);
}

/* shop.pem, as it is. */
static const struct probe_result *run_saved(struct fixture *f, const char *more) {
        test_certificate_save(&f->shop, tmpdir_file(&f->dir, "shop.pem"));
        return run_file(f, more);
}

/* ", KEY: DIR/NAME" */
static const char *with_path(const struct fixture *f, const char *key, const char *name) {
        static char text[256];
        snprintf(text, sizeof(text), ", %s: %s/%s", key, f->dir.path, name);
        return text;
}

/* The day that is so many seconds from now, as texts have it. */
static const char *date(long seconds) {
        static char text[16];
        time_t then = time(NULL) + seconds;
        struct tm broken;
        assert_non_null(gmtime_r(&then, &broken));
        strftime(text, sizeof(text), "%Y-%m-%d", &broken);
        return text;
}

static void test_file_passes(void **state) {
        struct fixture *f = *state;
        char detail[128];
        const struct probe_result *result = run_saved(f, "");
        snprintf(detail, sizeof(detail), "expires in 100d (%s): CN=shop.example",
                date(100 * DAY + 60));
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, detail);
        assert_true(result->has_value);
        assert_in_range((long) result->value, 100 * DAY, 100 * DAY + 60);
}

static void test_expires_soon(void **state) {
        struct fixture *f = *state;
        char detail[128];
        issue_until(f, 3 * DAY + 60);
        snprintf(detail, sizeof(detail), "expires in 3d (%s), at least 14d wanted: CN=shop.example",
                date(3 * DAY + 60));
        assert_result(run_saved(f, ""), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER, detail);
        assert_result(run_file(f, ", min_left: 3d"), OUTCOME_PASS, CAUSE_NONE, "expires in 3d");
        assert_result(run_file(f, ", min_left: 0s"), OUTCOME_PASS, CAUSE_NONE, "expires in 3d");
}

static void test_expired(void **state) {
        struct fixture *f = *state;
        char detail[128];
        issue_until(f, -5 * 60 * 60);
        snprintf(detail, sizeof(detail), " ago (%s): CN=shop.example", date(-5 * 60 * 60));
        const struct probe_result *result = run_saved(f, ", min_left: 0s");
        assert_result(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "expired 5h");
        assert_non_null(strstr(result->detail, detail));
        assert_true(result->has_value && result->value < 0);
}

static void test_not_yet_valid(void **state) {
        struct fixture *f = *state;
        struct test_certificate_terms terms = shop_terms(f);
        char detail[128];
        terms.from = 8 * DAY + 60;
        issue(f, &terms);
        snprintf(detail, sizeof(detail), "not valid before %s, in 8d: CN=shop.example",
                date(terms.from));
        assert_result(run_saved(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, detail);
}

/* Whichever expires first counts. */
static void test_several_in_a_file(void **state) {
        struct fixture *f = *state;
        struct test_certificate between;
        const struct test_certificate_terms terms = {
                .subject = "Between", .from = -DAY, .until = 5 * DAY + 60, .issuer = &f->authority};
        test_certificate_issue(&between, &terms);
        test_certificate_save(&f->shop, tmpdir_file(&f->dir, "shop.pem"));
        append_certificate(f, &between);
        append_certificate(f, &f->authority);
        assert_result(run_file(f, ""), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER, "expires in 5d");
        assert_non_null(strstr(f->rig.result.detail, "at least 14d wanted: CN=Between"));
        test_certificate_free(&between);
}

static void test_der(void **state) {
        struct fixture *f = *state;
        FILE *file = fopen(tmpdir_file(&f->dir, "shop.pem"), "we");
        assert_int_equal(i2d_X509_fp(file, f->shop.certificate), 1);
        assert_int_equal(fclose(file), 0);
        assert_result(run_file(f, ""), OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
        file = fopen(tmpdir_file(&f->dir, "shop.pem"), "ae");
        assert_true(fputs("more", file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: certificate 2 in it is malformed");
}

static void test_key_before_the_certificate(void **state) {
        struct fixture *f = *state;
        save_key(f, "shop.pem", f->shop.key, NULL);
        append_certificate(f, &f->shop);
        assert_result(run_file(f, ""), OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
        assert_result(run_file(f, with_path(f, "key_file", "shop.pem")), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
}

static void test_subject_of_any_bytes(void **state) {
        struct fixture *f = *state;
        struct test_certificate_terms terms = shop_terms(f);
        terms.subject = "a\nb\x1b[31m \xc3\xa4";
        issue(f, &terms);
        assert_result(run_saved(f, ""), OUTCOME_PASS, CAUSE_NONE, "CN=a\\0Ab\\1B[31m \xc3\xa4");
        terms.subject = "";
        issue(f, &terms);
        assert_result(run_saved(f, ""), OUTCOME_PASS, CAUSE_NONE,
                ": shop.example, *.shop.example, 127.0.0.1");
}

/* The name that people know it by is not lost behind the address of a firm. */
static void test_long_subject(void **state) {
        struct fixture *f = *state;
        X509_NAME *subject = X509_get_subject_name(f->shop.certificate);
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
                (const unsigned char *) "The company of shops, with limited liability", -1, 0, 0);
        assert_result(run_saved(f, ""), OUTCOME_PASS, CAUSE_NONE, "): CN=shop.example");
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, 1));
        assert_result(run_saved(f, ""), OUTCOME_PASS, CAUSE_NONE,
                "): O=The company of shops\\, with limited liability");
}

static void test_what_is_no_certificate(void **state) {
        struct fixture *f = *state;
        load_file(f, "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: it does not exist (open)");
        assert_false(f->rig.result.has_value);
        static const struct {
                const char *text, *detail;
        } cases[] = {
                {"", "/shop.pem: it is empty"},
                {"nonsense\n", "/shop.pem: there is no certificate in it, in PEM or DER"},
                {"0\x82nonsense", "/shop.pem: certificate 1 in it is malformed"},
                {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                        "/shop.pem: certificate 1 in it is malformed"},
                {"-----BEGIN CERTIFICATE-----\nMIIB\n",
                        "/shop.pem: certificate 1 in it is malformed"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tmpdir_write(&f->dir, "shop.pem", cases[i].text);
                assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        cases[i].detail);
        }
}

static void test_what_is_no_file(void **state) {
        struct fixture *f = *state;
        assert_int_equal(mkfifo(tmpdir_file(&f->dir, "shop.pem"), 0600), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: it is no regular file");
        assert_int_equal(unlink(tmpdir_file(&f->dir, "shop.pem")), 0);
        assert_int_equal(mkdir(tmpdir_file(&f->dir, "shop.pem"), 0700), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: it is no regular file");
}

static void test_huge_file(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "shop.pem", "");
        assert_int_equal(truncate(tmpdir_file(&f->dir, "shop.pem"), CERTIFICATE_FILE_MAX), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "there is no certificate");
        assert_int_equal(truncate(tmpdir_file(&f->dir, "shop.pem"), CERTIFICATE_FILE_MAX + 1), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: it is larger than 1MiB, so it was not read");
}

static void test_too_many_certificates(void **state) {
        struct fixture *f = *state;
        FILE *file = fopen(tmpdir_file(&f->dir, "shop.pem"), "we");
        for (int i = 0; i <= CERTIFICATES_MAX; i++) {
                assert_int_equal(i2d_X509_fp(file, f->authority.certificate), 1);
        }
        assert_int_equal(fclose(file), 0);
        assert_result(run_file(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "/shop.pem: it holds more than 1000 certificates");
}

static void test_unreadable(void **state) {
        struct fixture *f = *state;
        if (geteuid() != 0) {
                skip();
        }
        test_certificate_save(&f->shop, tmpdir_file(&f->dir, "shop.pem"));
        assert_int_equal(chmod(f->dir.path, 0700), 0);
        assert_int_equal(seteuid(65534), 0);
        const struct probe_result *result = run_file(f, "");
        assert_int_equal(seteuid(0), 0);
        assert_result(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                "/shop.pem: could not be tested: Permission denied (open)");
}

static void test_privileged(void **state) {
        struct fixture *f = *state;
        load_file(f, "");
        assert_true(f->rig.type->privileged(f->rig.run.spec->params));
        rig_load(&f->rig, "certificate: {address: '127.0.0.1:443'}");
        assert_false(f->rig.type->privileged(f->rig.run.spec->params));
}

static void test_name_of_a_file(void **state) {
        struct fixture *f = *state;
        assert_result(run_saved(f, ", server_name: www.shop.example"), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        assert_result(run_saved(f, ", server_name: 127.0.0.1"), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        assert_result(run_saved(f, ", server_name: bank.example"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "certificate is for shop.example, *.shop.example, 127.0.0.1, not for bank.example");
        assert_result(run_saved(f, ", server_name: 127.0.0.2"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                ", not for 127.0.0.2");
        assert_true(f->rig.result.has_value);
}

static void test_many_and_long_names(void **state) {
        struct fixture *f = *state;
        struct test_certificate_terms terms = shop_terms(f);
        terms.names = "DNS:a-very-long-name-of-a-shop-somewhere.in-a-region.shop.example,"
                      "IP:2001:db8::1,email:a@shop.example,DNS:shop.example";
        issue(f, &terms);
        assert_result(run_saved(f, ", server_name: bank.example"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "is for a-very-long-name-of-a-shop-somewhere.in-a-region.shop.ex, ..., not for bank");
        assert_result(run_saved(f, ", server_name: '2001:db8::1'"), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        terms.names = "IP:2001:db8::1,email:a@shop.example,DNS:shop.example";
        issue(f, &terms);
        assert_result(run_saved(f, ", server_name: bank.example"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "certificate is for 2001:db8::1, shop.example, not for bank.example");
        terms.names = NULL;
        issue(f, &terms);
        assert_result(run_saved(f, ", server_name: bank.example"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "certificate is for CN=shop.example, not for bank.example");
}

/* ---- keys ---- */

static void test_key(void **state) {
        struct fixture *f = *state;
        save_key(f, "shop.key", f->shop.key, NULL);
        save_key(f, "other.key", f->authority.key, NULL);
        save_key(f, "locked.key", f->shop.key, "secret");
        tmpdir_write(&f->dir, "none.key", "nonsense\n");
        assert_result(run_saved(f, with_path(f, "key_file", "shop.key")), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        assert_result(run_saved(f, with_path(f, "key_file", "other.key")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "/other.key: the key does not match CN=shop.example");
        assert_result(run_saved(f, with_path(f, "key_file", "locked.key")), OUTCOME_UNKNOWN,
                CAUSE_NONE, "/locked.key: the key is encrypted, so it was not compared");
        assert_result(run_saved(f, with_path(f, "key_file", "none.key")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "/none.key: there is no private key in it, in PEM or DER");
        assert_result(run_saved(f, with_path(f, "key_file", "gone.key")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "/gone.key: it does not exist (open)");
}

/* What is sure comes before what was not measured, and both before what is due soon. */
static void test_worst_finding_counts(void **state) {
        struct fixture *f = *state;
        save_key(f, "locked.key", f->shop.key, "secret");
        issue_until(f, 3 * DAY);
        assert_result(run_saved(f, with_path(f, "key_file", "locked.key")), OUTCOME_UNKNOWN,
                CAUSE_NONE, "encrypted");
        issue_until(f, -60);
        assert_result(run_saved(f, with_path(f, "key_file", "locked.key")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "expired ");
}

/* ---- chains ---- */

static void test_chain_of_a_file(void **state) {
        struct fixture *f = *state;
        assert_result(run_saved(f, with_path(f, "ca_file", "ca.pem")), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        assert_result(run_saved(f, ", chain: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "issuer neither trusted nor in the chain: CN=Test authority, of CN=shop.example");
        assert_result(run_saved(f, with_path(f, "ca_file", "gone.pem")), OUTCOME_UNKNOWN,
                CAUSE_NONE, "authorities in /tmp/probe-test-");
        append_certificate(f, &f->authority);
        assert_result(run_file(f, ", chain: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "the authority is not trusted: CN=Test authority");
}

static void test_self_signed(void **state) {
        struct fixture *f = *state;
        struct test_certificate_terms terms = shop_terms(f);
        terms.issuer = NULL;
        issue(f, &terms);
        assert_result(run_saved(f, ""), OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
        assert_result(run_saved(f, ", chain: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "self-signed, and not trusted: CN=shop.example");
        assert_result(run_saved(f, with_path(f, "ca_file", "shop.pem")), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
}

static void test_expired_authority(void **state) {
        struct fixture *f = *state;
        struct test_certificate_terms terms = authority_terms;
        terms.until = -60;
        test_certificate_free(&f->authority);
        test_certificate_issue(&f->authority, &terms);
        test_certificate_save(&f->authority, tmpdir_file(&f->dir, "ca.pem"));
        terms = shop_terms(f);
        issue(f, &terms);
        assert_result(run_saved(f, with_path(f, "ca_file", "ca.pem")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER,
                "chain not trusted: certificate has expired: CN=Test authority");
}

/* ---- servers ---- */

static void serve_tls(int fd, void *cookie) {
        test_certificate_serve(fd, ((struct fixture *) cookie)->context, "");
}

static void serve_silence(int fd, void *cookie) {
        (void) cookie;
        loopback_drain(fd);
}

/* Offers STARTTLS, and shakes hands. */
static void serve_mail(int fd, void *cookie) {
        static const char greeting[] = "220 mail.example ESMTP\r\n";
        static const char offers[] = "250-mail.example\r\n250 STARTTLS\r\n", go[] = "220 go\r\n";
        char line[128];
        if (send(fd, greeting, strlen(greeting), MSG_NOSIGNAL) > 0 &&
                recv(fd, line, sizeof(line), 0) > 0 &&
                send(fd, offers, strlen(offers), MSG_NOSIGNAL) > 0 &&
                recv(fd, line, sizeof(line), 0) > 0 && send(fd, go, strlen(go), MSG_NOSIGNAL) > 0) {
                serve_tls(fd, cookie);
        }
}

static void serve(struct fixture *f, void (*how)(int fd, void *cookie)) {
        f->context = test_certificate_context(&f->shop);
        loopback_start(&f->server, how, f);
}

static void load_server(struct fixture *f, const char *host, const char *more) {
        char probe[512];
        snprintf(probe, sizeof(probe), "certificate: {address: '%s:%u'%s}", host, f->server.port,
                more);
        rig_load(&f->rig, probe);
}

static const struct probe_result *run_server(
        struct fixture *f, const char *host, const char *more) {
        load_server(f, host, more);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static void test_server_passes(void **state) {
        struct fixture *f = *state;
        serve(f, serve_tls);
        assert_result(
                run_server(f, "127.0.0.1", ""), OUTCOME_PASS, CAUSE_NONE, ": CN=shop.example");
        assert_true(f->rig.result.has_value);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
        assert_result(run_server(f, "www.shop.example", with_path(f, "ca_file", "ca.pem")),
                OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "expires in 100d");
}

static void test_server_name(void **state) {
        struct fixture *f = *state;
        serve(f, serve_tls);
        assert_result(run_server(f, "bank.example", ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                ", not for bank.example");
        assert_result(run_server(f, "bank.example", ", server_name: shop.example"), OUTCOME_PASS,
                CAUSE_NONE, "expires in 100d");
}

static void test_server_not_trusted(void **state) {
        struct fixture *f = *state;
        serve(f, serve_tls);
        assert_result(run_server(f, "127.0.0.1", ", chain: true"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "issuer neither trusted nor in the chain: CN=Test authority, of CN=shop.example");
}

/* All that a server sends is looked at, unless the part of it that counts is known. */
static void test_server_with_expired_chain(void **state) {
        struct fixture *f = *state;
        struct test_certificate between;
        const struct test_certificate_terms terms = {
                .subject = "Between", .from = -DAY, .until = -60, .issuer = &f->authority};
        test_certificate_issue(&between, &terms);
        serve(f, serve_tls);
        assert_int_equal(SSL_CTX_add1_chain_cert(f->context, between.certificate), 1);
        assert_result(run_server(f, "127.0.0.1", ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "expired ");
        assert_non_null(strstr(f->rig.result.detail, ": CN=Between"));
        assert_result(run_server(f, "127.0.0.1", with_path(f, "ca_file", "ca.pem")), OUTCOME_PASS,
                CAUSE_NONE, "expires in 100d");
        test_certificate_free(&between);
}

static void test_server_expired(void **state) {
        struct fixture *f = *state;
        issue_until(f, -60);
        serve(f, serve_tls);
        assert_result(run_server(f, "127.0.0.1", with_path(f, "ca_file", "ca.pem")), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "expired ");
}

static void test_starttls(void **state) {
        struct fixture *f = *state;
        serve(f, serve_mail);
        assert_result(run_server(f, "shop.example", ", starttls: smtp"), OUTCOME_PASS, CAUSE_NONE,
                "expires in 100d");
        assert_result(run_server(f, "bank.example", ", starttls: smtp"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, ", not for bank.example");
}

static void test_standard_ports(void **state) {
        struct fixture *f = *state;
        names.addresses[0] = "127.0.0.9"; /* nobody listens there */
        rig_load(&f->rig, "certificate: {address: shop.example}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "connection refused by 127.0.0.9:443");
        rig_load(&f->rig, "certificate: {address: shop.example, starttls: postgresql}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "connection refused by 127.0.0.9:5432");
}

static void test_no_server(void **state) {
        struct fixture *f = *state;
        f->server.port = loopback_free_port();
        assert_result(run_server(f, "127.0.0.1", ""), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "connection refused by 127.0.0.1:");
        names.code = EAI_NONAME;
        assert_result(run_server(f, "gone.example", ""), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no such host: gone.example");
}

static void test_server_hangs(void **state) {
        struct fixture *f = *state;
        serve(f, serve_silence);
        load_server(f, "127.0.0.1", "");
        rig_run(&f->rig, 50 * USEC_PER_MSEC);
        assert_true(f->rig.stopped);
        assert_string_equal(
                f->rig.result.detail, "connected, TLS handshake not finished within 50ms");
}

/* A run that is stopped while its thread works leaves nothing behind. */
static void test_stopped_in_its_thread(void **state) {
        struct fixture *f = *state;
        test_certificate_save(&f->shop, tmpdir_file(&f->dir, "shop.pem"));
        load_file(f, "");
        rig_start(&f->rig, RIG_TIMEOUT);
        rig_stop(&f->rig);
        assert_non_null(strstr(f->rig.result.detail, "still waiting for "));
        rig_unload(&f->rig);
}

/* ---- parameters ---- */

static void assert_refused(const char *keys, const char *reason) {
        char probe[256];
        struct policy *policy = NULL;
        struct problems problems = {0};
        AUTO_STRBUF struct strbuf text = {0};
        snprintf(probe, sizeof(probe), "certificate: {%s}", keys);
        assert_true(rig_parse(probe, &policy, &problems) < 0);
        problems_format(&problems, &text);
        if (!strstr(strbuf_text(&text), reason)) {
                fail_msg("%s: %s instead of %s", keys, strbuf_text(&text), reason);
        }
        problems_done(&problems);
}

static void test_refused_keys(void **state) {
        (void) state;
        assert_refused("min_left: 3d", "give file, or the address of a server");
        assert_refused("file: /x.pem, address: 'a:443'", "give either file or address");
        assert_refused("address: 'a:443', key_file: /x.key", "key_file needs file");
        assert_refused("file: /x.pem, starttls: smtp", "starttls needs address");
        assert_refused("address: 'a:b'", "expected a port from 1 to 65535");
        assert_refused("file: x.pem", "absolute");
        assert_refused("address: 'a:443', starttls: redis", "redis");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_file_passes),
                TEST(test_expires_soon),
                TEST(test_expired),
                TEST(test_not_yet_valid),
                TEST(test_several_in_a_file),
                TEST(test_der),
                TEST(test_key_before_the_certificate),
                TEST(test_subject_of_any_bytes),
                TEST(test_long_subject),
                TEST(test_what_is_no_certificate),
                TEST(test_what_is_no_file),
                TEST(test_huge_file),
                TEST(test_too_many_certificates),
                TEST(test_unreadable),
                TEST(test_privileged),
                TEST(test_name_of_a_file),
                TEST(test_many_and_long_names),
                TEST(test_key),
                TEST(test_worst_finding_counts),
                TEST(test_chain_of_a_file),
                TEST(test_self_signed),
                TEST(test_expired_authority),
                TEST(test_server_passes),
                TEST(test_server_name),
                TEST(test_server_not_trusted),
                TEST(test_server_with_expired_chain),
                TEST(test_server_expired),
                TEST(test_starttls),
                TEST(test_standard_ports),
                TEST(test_no_server),
                TEST(test_server_hangs),
                TEST(test_stopped_in_its_thread),
                cmocka_unit_test(test_refused_keys),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
