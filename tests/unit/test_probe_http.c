/* The HTTP probe, against servers on loopback. */

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "io/http_client.h"
#include "support/fake_names.h"
#include "support/loopback_server.h"
#include "support/probe_rig.h"
#include "support/test_certificate.h"
#include "support/tmpdir.h"

struct fixture {
        struct rig rig;
        struct loopback_server server;
        bool serving;
        struct tmpdir dir;
        struct test_certificate certificate;
        SSL_CTX *context;
        const char *answer; /* of the server */
        char request[2048]; /* what it got last */
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        memset(&names, 0, sizeof(names));
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        resolver_set_look_up(f->rig.host.resolver, fake_look_up);
        const struct http_client_limits limits = {.resolver = f->rig.host.resolver};
        assert_int_equal(http_client_new(&f->rig.host.http, f->rig.host.loop, &limits, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        rig_unload(&f->rig);
        http_client_free(f->rig.host.http);
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

/* ---- servers ---- */

static void read_request(int fd, struct fixture *f) {
        ssize_t n = recv(fd, f->request, sizeof(f->request) - 1, 0);
        f->request[n > 0 ? n : 0] = '\0';
}

static void say(int fd, const char *text) {
        (void) !send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void serve_answer(int fd, void *cookie) {
        struct fixture *f = cookie;
        read_request(fd, f);
        say(fd, f->answer);
        shutdown(fd, SHUT_WR);
        loopback_drain(fd);
}

/* The answer, and nothing more although the connection stays. */
static void serve_and_hang(int fd, void *cookie) {
        struct fixture *f = cookie;
        read_request(fd, f);
        say(fd, f->answer);
        loopback_drain(fd);
}

static void serve_late(int fd, void *cookie) {
        usleep(4000);
        serve_answer(fd, cookie);
}

static void serve_flood(int fd, void *cookie) {
        char bytes[16384];
        read_request(fd, cookie);
        memset(bytes, 'x', sizeof(bytes));
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8000000000\r\n\r\n");
        while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {
        }
}

/* /1 leads to /2 and so on; /3 is the end. */
static void serve_redirects(int fd, void *cookie) {
        struct fixture *f = cookie;
        char text[128];
        read_request(fd, f);
        long page = strtol(f->request + strlen("GET /"), NULL, 10);
        snprintf(text, sizeof(text),
                "HTTP/1.1 302 Found\r\nLocation: /%ld\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                page + 1);
        say(fd, page < 3 ? text : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        shutdown(fd, SHUT_WR);
        loopback_drain(fd);
}

static void serve_tls(int fd, void *cookie) {
        const struct fixture *f = cookie;
        test_certificate_serve(fd, f->context, f->answer);
}

static void serve(struct fixture *f, void (*how)(int fd, void *cookie), const char *answer) {
        f->answer = answer;
        loopback_start(&f->server, how, f);
        f->serving = true;
}

#define OK_READY                                                                                   \
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Type: text/plain\r\nX-Empty:\r\n\r\n"    \
        "all is\nready\n:)"

/* ---- fixture ---- */

/* A probe of http://HOST:PORT/1 with `more` keys. */
static void load_url(struct fixture *f, const char *scheme, const char *host, const char *more) {
        char probe[1024];
        snprintf(probe, sizeof(probe), "http: {url: '%s://%s:%u/1'%s}", scheme, host,
                f->server.port, more);
        rig_load(&f->rig, probe);
}

static const struct probe_result *run(struct fixture *f, const char *more) {
        load_url(f, "http", "127.0.0.1", more);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

/* ---- answers ---- */

static void test_passes(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, OK_READY);
        const struct probe_result *result = run(f, "");
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        assert_true(result->has_value && result->value > 0 && result->value < 5);
        assert_non_null(strstr(f->request, "GET /1 HTTP/1.1\r\n"));
}

static void test_status(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, "HTTP/1.1 503 Nope\r\nContent-Length: 0\r\n\r\n");
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "503 Service Unavailable, expected 200-299");
        assert_true(f->rig.result.has_value);
        assert_result(run(f, ", expect: {status: [200, 204, 300-308]}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "503 Service Unavailable, expected 200, 204, 300-308");
        assert_result(run(f, ", expect: {status: 503}"), OUTCOME_PASS, CAUSE_NONE, "503 Service");
        f->answer = "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n";
        assert_result(run(f, ", expect: {status: 500-598}"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "599, expected 500-598");
}

static void test_body(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, OK_READY);
        assert_result(run(f, ", expect: {body: ready}"), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_result(run(f, ", expect: {body: {matches: '^ready$'}}"), OUTCOME_PASS, CAUSE_NONE,
                "200 OK");
        assert_result(run(f, ", expect: {body: {contains: Ready}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "the body does not contain \"Ready\"");
        assert_result(run(f, ", expect: {body: {matches: '^is'}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "the body does not match \"^is\"");
}

static void test_headers(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, OK_READY);
        assert_result(
                run(f, ", expect: {headers: {content-type: text/plain, X-Empty: {equals: ''}}}"),
                OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_result(
                run(f, ", expect: {headers: {Content-Type: {matches: '^text/(plain|html)$'}}}"),
                OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_result(run(f, ", expect: {headers: {Content-Type: {matches: html}}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "header Content-Type does not match \"html\"");
        assert_result(run(f, ", expect: {headers: {Content-Type: {contains: html}}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "header Content-Type does not contain \"html\"");
        assert_result(run(f, ", expect: {headers: {Content-Type: text}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "header Content-Type is \"text/plain\", expected \"text\"");
        assert_result(run(f, ", expect: {headers: {X-Version: '2'}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "header X-Version is missing");
}

/* A pattern sees the value of its header and nothing of the next. */
static void test_header_ends(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, "HTTP/1.1 200 OK\r\nA: one\r\nB: two\r\nContent-Length: 0\r\n\r\n");
        assert_result(run(f, ", expect: {headers: {A: {matches: '^one$'}}}"), OUTCOME_PASS,
                CAUSE_NONE, "200 OK");
        assert_result(run(f, ", expect: {headers: {A: {matches: two}}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "header A does not match");
}

static void test_request(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, OK_READY);
        assert_result(run(f, ", method: POST, body: '{\"ping\": 1}', headers: {Host: shop.example, "
                             "X-Probe: 'yes', Content-Type: application/json}"),
                OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_non_null(strstr(f->request, "POST /1 HTTP/1.1\r\n"));
        assert_non_null(strstr(f->request, "Host: shop.example\r\n"));
        assert_non_null(strstr(f->request, "X-Probe: yes\r\n"));
        assert_non_null(strstr(f->request, "Content-Type: application/json\r\n"));
        assert_non_null(strstr(f->request, "\r\n\r\n{\"ping\": 1}"));
}

static void test_slow(void **state) {
        struct fixture *f = *state;
        serve(f, serve_late, OK_READY);
        assert_result(run(f, ", expect: {max_latency: 2ms}"), OUTCOME_FAIL, CAUSE_SLOW,
                "ms, at most 2ms allowed");
        assert_true(f->rig.result.value >= 0.002);
}

static void test_redirects(void **state) {
        struct fixture *f = *state;
        serve(f, serve_redirects, NULL);
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "302 Found, expected 200-299");
        assert_result(run(f, ", follow_redirects: true"), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        assert_result(run(f, ", follow_redirects: true, max_redirects: 1"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "redirect");
}

static void test_unix_socket(void **state) {
        struct fixture *f = *state;
        char more[128];
        f->answer = OK_READY;
        f->server.port = 1;
        snprintf(more, sizeof(more), ", unix_socket: %s/s", f->dir.path);
        assert_result(run(f, more), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, f->dir.path);
        loopback_start_unix(&f->server, tmpdir_file(&f->dir, "s"), serve_answer, f);
        f->serving = true;
        f->server.port = 1;
        assert_result(run(f, more), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
}

/* ---- no answer ---- */

static void test_refused(void **state) {
        struct fixture *f = *state;
        char detail[64];
        f->server.port = loopback_free_port();
        snprintf(detail, sizeof(detail), "connection refused by 127.0.0.1:%u", f->server.port);
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, detail);
        assert_false(f->rig.result.has_value);
}

static void test_silence(void **state) {
        struct fixture *f = *state;
        serve(f, serve_and_hang, "");
        load_url(f, "http", "127.0.0.1", "");
        assert_result(rig_run(&f->rig, 40 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "connected, no answer within 40ms");
        assert_false(f->rig.stopped);
}

static void test_half_an_answer(void **state) {
        struct fixture *f = *state;
        serve(f, serve_and_hang, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        load_url(f, "http", "127.0.0.1", "");
        assert_result(rig_run(&f->rig, 40 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "connected, answer not complete within 40ms (3B of body received)");
}

static void test_stopped(void **state) {
        struct fixture *f = *state;
        serve(f, serve_and_hang, "");
        load_url(f, "http", "127.0.0.1", ", headers: {A: b}");
        rig_start(&f->rig, RIG_TIMEOUT);
        while (f->server.connections == 0 || !*f->request) {
                assert_int_equal(loop_turn(f->rig.host.loop, USEC_PER_MSEC), 1);
        }
        rig_stop(&f->rig);
        assert_string_equal(f->rig.result.detail, "connected, no answer within 5s");
        assert_int_equal(http_client_counts(f->rig.host.http).in_flight, 0);
}

static void test_protocol(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, "");
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "Empty reply from server");
        f->answer = "220 mail.example ESMTP\r\n";
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "HTTP/0.9");
        f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
        assert_result(run(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "7 bytes remaining");
}

/* Gigabytes are cut off, and count only where the body does. */
static void test_flood(void **state) {
        struct fixture *f = *state;
        serve(f, serve_flood, NULL);
        assert_result(run(f, ""), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        assert_result(run(f, ", max_body: 64KiB, expect: {body: needle}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "the body is larger than 64KiB, so it was not searched");
        assert_result(run(f, ", expect: {status: 404}"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "200 OK, expected 404");
}

static void test_out_of_descriptors(void **state) {
        struct fixture *f = *state;
        struct rlimit before, none;
        serve(f, serve_answer, OK_READY);
        load_url(f, "http", "127.0.0.1", "");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        rig_run(&f->rig, RIG_TIMEOUT);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_result(&f->rig.result, OUTCOME_UNKNOWN, CAUSE_NONE, "Too many open files");
}

/* ---- names ---- */

static void test_names(void **state) {
        struct fixture *f = *state;
        serve(f, serve_answer, OK_READY);
        names.addresses[0] = "127.0.0.1";
        load_url(f, "http", "shop.example", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        names.code = EAI_NONAME;
        load_url(f, "http", "nowhere.example", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "no such host: nowhere.example");
        names.code = EAI_AGAIN;
        load_url(f, "http", "somewhere.example", "");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "somewhere.example not looked up: Temporary failure in name resolution");
}

static void test_hanging_name_server(void **state) {
        struct fixture *f = *state;
        int gate[2];
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        names.gate = gate[0];
        f->server.port = 80;
        load_url(f, "http", "shop.example", "");
        assert_result(rig_run(&f->rig, 30 * USEC_PER_MSEC), OUTCOME_UNKNOWN, CAUSE_NONE,
                "shop.example: no name server answered within ");
        assert_false(f->rig.stopped);
        rig_start(&f->rig, RIG_TIMEOUT);
        assert_int_equal(loop_turn(f->rig.host.loop, 2 * USEC_PER_MSEC), 1);
        rig_stop(&f->rig);
        assert_string_equal(f->rig.result.detail, "name not resolved within 5s");
        close(gate[1]);
        names.gate = 0;
        rig_run(&f->rig, RIG_TIMEOUT); /* the look-up that hung is over */
        close(gate[0]);
}

/* ---- TLS ---- */

static void start_tls(struct fixture *f, long valid_seconds) {
        test_certificate_make(&f->certificate, valid_seconds);
        test_certificate_save(&f->certificate, tmpdir_file(&f->dir, "ca.pem"));
        f->context = test_certificate_context(&f->certificate);
        serve(f, serve_tls, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static const struct probe_result *run_tls(struct fixture *f, const char *more) {
        char keys[512];
        snprintf(keys, sizeof(keys), ", tls: {ca_file: %s/ca.pem}%s", f->dir.path, more);
        load_url(f, "https", "127.0.0.1", keys);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

static void test_tls(void **state) {
        struct fixture *f = *state;
        start_tls(f, 3600);
        assert_result(run_tls(f, ""), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        load_url(f, "https", "127.0.0.1", "");
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "certificate");
        load_url(f, "https", "127.0.0.1", ", tls: {verify: false}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        load_url(f, "https", "127.0.0.1", ", tls: {ca_file: /nowhere/ca.pem}");
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE, "/nowhere/ca.pem");
}

static void test_tls_wrong_name(void **state) {
        struct fixture *f = *state;
        char keys[128];
        names.addresses[0] = "127.0.0.1";
        start_tls(f, 3600);
        snprintf(keys, sizeof(keys), ", tls: {ca_file: %s/ca.pem}", f->dir.path);
        load_url(f, "https", "shop.example", keys);
        assert_result(
                rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "shop.example");
}

/* Nothing that a restart cures, so it is no failure. */
static void test_certificate_ends_soon(void **state) {
        struct fixture *f = *state;
        start_tls(f, 3 * 86400 + 600);
        assert_result(
                run_tls(f, ", expect: {certificate: 2d}"), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_result(run_tls(f, ", expect: {certificate: 14d}"), OUTCOME_DEGRADED,
                CAUSE_WRONG_ANSWER, "certificate expires in 3d");
        assert_non_null(strstr(f->rig.result.detail, ", at least 14d wanted"));
        assert_result(run_tls(f, ", expect: {certificate: 14d, status: 404}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "200 OK, expected 404");
}

static void test_certificate_expired(void **state) {
        struct fixture *f = *state;
        start_tls(f, -3600 / 2);
        assert_result(run_tls(f, ""), OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "expired");
        load_url(f, "https", "127.0.0.1", ", tls: {verify: false}, expect: {certificate: 1d}");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER,
                "certificate expired 30m");
}

static void test_tls_handshake_hangs(void **state) {
        struct fixture *f = *state;
        serve(f, serve_and_hang, "");
        load_url(f, "https", "127.0.0.1", ", tls: {verify: false}");
        assert_result(rig_run(&f->rig, 60 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "connected, TLS handshake not finished within 60ms");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_passes),
                TEST(test_status),
                TEST(test_body),
                TEST(test_headers),
                TEST(test_header_ends),
                TEST(test_request),
                TEST(test_slow),
                TEST(test_redirects),
                TEST(test_unix_socket),
                TEST(test_refused),
                TEST(test_silence),
                TEST(test_half_an_answer),
                TEST(test_stopped),
                TEST(test_protocol),
                TEST(test_flood),
                TEST(test_out_of_descriptors),
                TEST(test_names),
                TEST(test_hanging_name_server),
                TEST(test_tls),
                TEST(test_tls_wrong_name),
                TEST(test_certificate_ends_soon),
                TEST(test_certificate_expired),
                TEST(test_tls_handshake_hangs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
