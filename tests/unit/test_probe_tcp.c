/* The TCP probe, against servers on loopback. */

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "support/fake_names.h"
#include "support/loopback_server.h"
#include "support/probe_rig.h"
#include "support/test_certificate.h"
#include "support/tmpdir.h"

/* ---- fixture ---- */

struct fixture {
        struct rig rig;
        struct loopback_server server;
        bool serving;
        struct tmpdir dir;
        struct test_certificate certificate;
        SSL_CTX *context;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        memset(&names, 0, sizeof(names));
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        resolver_set_look_up(f->rig.host.resolver, fake_look_up);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_close(&f->rig);
        if (f->serving) {
                loopback_stop(&f->server);
        }
        if (f->context) {
                SSL_CTX_free(f->context);
                test_certificate_free(&f->certificate);
        }
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static void serve(struct fixture *f, void (*how)(int fd, void *cookie), const void *cookie) {
        loopback_start(&f->server, how, (void *) cookie);
        f->serving = true;
}

/* "%u" in the text is the server's port. */
static void load(struct fixture *f, const char *format) {
        char probe[512];
        char *at = strstr(format, "%u");
        assert_non_null(at);
        snprintf(probe, sizeof(probe), "%.*s%u%s", (int) (at - format), format, f->server.port,
                at + 2);
        rig_load(&f->rig, probe);
}

static const struct probe_result *run(struct fixture *f, const char *format) {
        load(f, format);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

/* ---- servers ---- */

static void serve_text(int fd, void *cookie) {
        const char *text = cookie;
        (void) !send(fd, text, strlen(text), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        loopback_drain(fd);
}

static void serve_silence(int fd, void *cookie) {
        (void) cookie;
        loopback_drain(fd);
}

/* Answers a line with itself, in two pieces. */
static void serve_echo(int fd, void *cookie) {
        char bytes[64];
        (void) cookie;
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n > 1) {
                (void) !send(fd, bytes, 2, MSG_NOSIGNAL);
                usleep(2000);
                (void) !send(fd, bytes + 2, (size_t) n - 2, MSG_NOSIGNAL);
        }
        loopback_drain(fd);
}

static void serve_flood(int fd, void *cookie) {
        char bytes[4096];
        (void) cookie;
        memset(bytes, 'x', sizeof(bytes));
        while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {
        }
}

static void serve_reset(int fd, void *cookie) {
        const struct linger now = {.l_onoff = 1};
        char byte;
        (void) cookie;
        (void) !recv(fd, &byte, 1, 0);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void serve_tls(int fd, void *cookie) {
        const struct fixture *f = cookie;
        test_certificate_serve(fd, f->context, "+PONG\r\n");
}

static void start_tls(struct fixture *f, long valid_seconds) {
        test_certificate_make(&f->certificate, valid_seconds);
        test_certificate_save(&f->certificate, tmpdir_file(&f->dir, "ca.pem"));
        f->context = test_certificate_context(&f->certificate);
        serve(f, serve_tls, f);
}

/* ---- connecting ---- */

static void test_connects(void **state) {
        struct fixture *f = *state;
        serve(f, serve_silence, NULL);
        const struct probe_result *result = run(f, "tcp: 127.0.0.1:%u");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "connected in ");
        assert_true(result->has_value && result->value > 0 && result->value < 5);
}

static void test_refused(void **state) {
        struct fixture *f = *state;
        char detail[64];
        f->server.port = loopback_free_port();
        snprintf(detail, sizeof(detail), "connection refused by 127.0.0.1:%u", f->server.port);
        assert_result(run(f, "tcp: 127.0.0.1:%u"), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, detail);
        assert_false(f->rig.result.has_value);
}

static void test_unix_socket(void **state) {
        struct fixture *f = *state;
        char probe[128];
        snprintf(probe, sizeof(probe), "tcp: {address: 'unix:%s/s', expect: hello}", f->dir.path);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "there is no socket /tmp/");
        static char hello[] = "well, hello";
        loopback_start_unix(&f->server, tmpdir_file(&f->dir, "s"), serve_text, hello);
        f->serving = true;
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
}

/* No descriptor left is this process's trouble, not the server's. */
static void test_out_of_descriptors(void **state) {
        struct fixture *f = *state;
        struct rlimit before, none;
        serve(f, serve_silence, NULL);
        load(f, "tcp: 127.0.0.1:%u");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(f->rig.over);
        assert_result(
                &f->rig.result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not connect to 127.0.0.1:");
        assert_non_null(strstr(f->rig.result.detail, "Too many open files"));
}

/* ---- names ---- */

static void test_tries_all_addresses(void **state) {
        struct fixture *f = *state;
        serve(f, serve_silence, NULL);
        names.addresses[0] = "127.0.0.9"; /* nobody listens there */
        names.addresses[1] = "127.0.0.1";
        assert_result(run(f, "tcp: db.example:%u"), OUTCOME_PASS, CAUSE_NONE, "connected in ");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "connected in ");
        assert_int_equal(names.calls, 1); /* the resolver remembers */
}

static void test_no_address_answers(void **state) {
        struct fixture *f = *state;
        f->server.port = loopback_free_port();
        names.addresses[0] = "127.0.0.1";
        names.addresses[1] = "127.0.0.9";
        assert_result(run(f, "tcp: db.example:%u"), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "connection refused by 127.0.0.9:");
}

static void test_name_failures(void **state) {
        struct fixture *f = *state;
        f->server.port = 80;
        names.code = EAI_NONAME;
        assert_result(run(f, "tcp: nowhere.example:%u"), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no such host: nowhere.example");
        names.code = EAI_AGAIN;
        assert_result(run(f, "tcp: somewhere.example:%u"), OUTCOME_UNKNOWN, CAUSE_NONE,
                "somewhere.example not looked up: Temporary failure in name resolution");
}

/* A name server that hangs says nothing about the target. */
static void test_hanging_name_server(void **state) {
        struct fixture *f = *state;
        int gate[2];
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        names.gate = gate[0];
        f->server.port = 80;
        load(f, "tcp: db.example:%u");
        assert_result(rig_run(&f->rig, 30 * USEC_PER_MSEC), OUTCOME_UNKNOWN, CAUSE_NONE,
                "db.example not looked up: no name server answers");
        assert_false(f->rig.stopped);
        rig_start(&f->rig, RIG_TIMEOUT);
        rig_stop(&f->rig);
        assert_string_equal(f->rig.result.detail, "name not resolved within 5s");
        assert_int_equal(names.calls, 1);
        close(gate[1]); /* the look-up ends, and nobody waits for it */
        while (f->rig.results < 2) {
                names.gate = 0;
                names.code = EAI_NONAME;
                rig_run(&f->rig, RIG_TIMEOUT);
        }
        assert_result(&f->rig.result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "no such host");
        close(gate[0]);
}

/* ---- talking ---- */

static void test_banner(void **state) {
        struct fixture *f = *state;
        serve(f, serve_text, "220 mail.example ESMTP\r\n");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', expect: '220 '}"), OUTCOME_PASS,
                CAUSE_NONE, "answered in ");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', expect: '250 '}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "connection closed after 24B without \"250 \"");
}

static void test_send_and_expect(void **state) {
        struct fixture *f = *state;
        serve(f, serve_echo, NULL);
        assert_result(
                run(f, "tcp: {address: '127.0.0.1:%u', send: 'PING\\r\\n', expect: 'PING\\x0d\\n'}"),
                OUTCOME_PASS, CAUSE_NONE, "answered in ");
}

static void test_silence(void **state) {
        struct fixture *f = *state;
        serve(f, serve_silence, NULL);
        load(f, "tcp: {address: '127.0.0.1:%u', expect: x}");
        rig_run(&f->rig, 30 * USEC_PER_MSEC);
        assert_true(f->rig.stopped);
        assert_string_equal(f->rig.result.detail, "connected, no answer within 30ms");
}

static void test_half_an_answer(void **state) {
        struct fixture *f = *state;
        serve(f, serve_echo, NULL);
        load(f, "tcp: {address: '127.0.0.1:%u', send: abc, expect: abcd}");
        rig_run(&f->rig, 100 * USEC_PER_MSEC);
        assert_true(f->rig.stopped);
        assert_string_equal(
                f->rig.result.detail, "connected, 3B received without \"abcd\" within 100ms");
}

static void test_closed_without_answer(void **state) {
        struct fixture *f = *state;
        serve(f, serve_text, "");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', expect: x}"), OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, "connection closed after 0B without \"x\"");
}

static void test_reset(void **state) {
        struct fixture *f = *state;
        serve(f, serve_reset, NULL);
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', send: abc, expect: x}"), OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, "Connection reset by peer after 0B without \"x\"");
}

static void test_flood(void **state) {
        struct fixture *f = *state;
        serve(f, serve_flood, NULL);
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', expect: needle}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "without \"needle\"");
        assert_non_null(strstr(f->rig.result.detail, "stopped reading after 6"));
}

static void test_slow(void **state) {
        struct fixture *f = *state;
        serve(f, serve_echo, NULL); /* it waits for 2ms */
        assert_result(
                run(f, "tcp: {address: '127.0.0.1:%u', send: abc, expect: abc, max_latency: 1ms}"),
                OUTCOME_FAIL, CAUSE_SLOW, ", at most 1ms allowed");
        assert_true(f->rig.result.has_value);
}

/* ---- TLS ---- */

static void load_tls(struct fixture *f, const char *host, const char *tls) {
        char probe[512];
        snprintf(probe, sizeof(probe),
                "tcp: {address: '%s:%%u', send: 'PING\\n', expect: +PONG, "
                "tls: {ca_file: %s/ca.pem%s}}",
                host, f->dir.path, tls);
        load(f, probe);
}

static void test_tls_verified(void **state) {
        struct fixture *f = *state;
        names.addresses[0] = "127.0.0.1";
        start_tls(f, 3600);
        load_tls(f, "127.0.0.1", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
        load_tls(f, "localhost", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
        load_tls(f, "127.0.0.1", ", server_name: localhost");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
}

static void test_tls_wrong_name(void **state) {
        struct fixture *f = *state;
        names.addresses[0] = "127.0.0.1";
        start_tls(f, 3600);
        load_tls(f, "shop.example", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "connected, certificate not accepted: hostname mismatch");
        load_tls(f, "127.0.0.1", ", server_name: 127.0.0.2");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "connected, certificate not accepted: IP address mismatch");
}

static void test_tls_unknown_authority(void **state) {
        struct fixture *f = *state;
        start_tls(f, 3600);
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', tls: true}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "connected, certificate not accepted: self-signed certificate");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', tls: {verify: false}}"), OUTCOME_PASS,
                CAUSE_NONE, "connected in ");
}

static void test_tls_expired(void **state) {
        struct fixture *f = *state;
        start_tls(f, -60);
        load_tls(f, "127.0.0.1", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "connected, certificate not accepted: certificate has expired");
}

/* The authorities are read again after a failure, so that a replaced file counts. */
static void test_tls_renewed_authority(void **state) {
        struct fixture *f = *state;
        struct test_certificate other;
        start_tls(f, 3600);
        test_certificate_make(&other, 3600);
        test_certificate_save(&other, tmpdir_file(&f->dir, "ca.pem"));
        test_certificate_free(&other);
        load_tls(f, "127.0.0.1", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "connected, certificate not accepted: ");
        test_certificate_save(&f->certificate, tmpdir_file(&f->dir, "ca.pem"));
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "answered in ");
}

/* A file of ours that cannot be read says nothing about the server. */
static void test_tls_bad_authority_file(void **state) {
        struct fixture *f = *state;
        f->server.port = 1;
        load_tls(f, "127.0.0.1", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "authorities in /tmp/probe-test-");
        tmpdir_write(&f->dir, "ca.pem", "nonsense");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "authorities in /tmp/probe-test-");
}

static void test_tls_to_plain_server(void **state) {
        struct fixture *f = *state;
        serve(f, serve_text, "220 I do not speak TLS\r\n");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', tls: {verify: false}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "connected, TLS failed: wrong version number");
}

static void test_tls_handshake_ends(void **state) {
        struct fixture *f = *state;
        serve(f, serve_text, "");
        assert_result(run(f, "tcp: {address: '127.0.0.1:%u', tls: {verify: false}}"), OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, "connected, connection closed by the peer");
}

static void test_tls_handshake_hangs(void **state) {
        struct fixture *f = *state;
        serve(f, serve_silence, NULL);
        load(f, "tcp: {address: '127.0.0.1:%u', tls: {verify: false}}");
        rig_run(&f->rig, 50 * USEC_PER_MSEC);
        assert_true(f->rig.stopped);
        assert_string_equal(
                f->rig.result.detail, "connected, TLS handshake not finished within 50ms");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_connects),
                TEST(test_refused),
                TEST(test_unix_socket),
                TEST(test_out_of_descriptors),
                TEST(test_tries_all_addresses),
                TEST(test_no_address_answers),
                TEST(test_name_failures),
                TEST(test_hanging_name_server),
                TEST(test_banner),
                TEST(test_send_and_expect),
                TEST(test_silence),
                TEST(test_half_an_answer),
                TEST(test_closed_without_answer),
                TEST(test_reset),
                TEST(test_flood),
                TEST(test_slow),
                TEST(test_tls_verified),
                TEST(test_tls_wrong_name),
                TEST(test_tls_unknown_authority),
                TEST(test_tls_expired),
                TEST(test_tls_renewed_authority),
                TEST(test_tls_bad_authority_file),
                TEST(test_tls_to_plain_server),
                TEST(test_tls_handshake_ends),
                TEST(test_tls_handshake_hangs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
