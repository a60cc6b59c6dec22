/* Steps, authentication and JSON of the HTTP probe, against a server on loopback. */

#include <sys/stat.h>

#include "io/http_client.h"
#include "support/loopback_server.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

enum { REQUESTS_MAX = 8 };

struct fixture {
        struct rig rig;
        struct loopback_server server;
        bool serving;
        struct tmpdir dir;
        const char *const *answers; /* one a connection, in turn */
        unsigned n_requests;
        char requests[REQUESTS_MAX][2048];
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
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
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static void serve(int fd, void *cookie) {
        struct fixture *f = cookie;
        unsigned i = f->n_requests++;
        ssize_t n = recv(fd, f->requests[i], sizeof(f->requests[i]) - 1, 0);
        f->requests[i][n > 0 ? n : 0] = '\0';
        if (f->answers[i]) {
                (void) !send(fd, f->answers[i], strlen(f->answers[i]), MSG_NOSIGNAL);
                shutdown(fd, SHUT_WR);
        }
        loopback_drain(fd);
}

/* `keys` of a probe of this server, which gives these answers. */
static const struct probe_result *run(
        struct fixture *f, const char *const *answers, const char *keys) {
        char probe[2048];
        f->answers = answers;
        f->n_requests = 0;
        if (!f->serving) {
                loopback_start(&f->server, serve, f);
                f->serving = true;
        }
        snprintf(probe, sizeof(probe), "http: {url: 'http://127.0.0.1:%u/base', %s}",
                f->server.port, keys);
        rig_load(&f->rig, probe);
        return rig_run(&f->rig, RIG_TIMEOUT);
}

#define OK(more) "HTTP/1.1 200 OK\r\n" more
#define BODY(text) "\r\n" text /* until the connection is closed */
#define EMPTY "Content-Length: 0\r\n\r\n"

static void assert_sent(const struct fixture *f, unsigned request, const char *text) {
        if (!strstr(f->requests[request], text)) {
                fail_msg("\"%s\" is not in %s", text, f->requests[request]);
        }
}

/* ---- steps ---- */

static const char purchase[] =
        "headers: {Accept: text/json, X-Shop: probe}, steps: ["
        "{name: login, path: /login, method: POST, body: 'user=probe', headers: {Content-Type: "
        "application/x-www-form-urlencoded}, capture: {TOKEN: {json: /token}, XSRF: {cookie: xsrf}}},"
        "{name: cart, path: '/carts?for=${TOKEN}', method: POST, headers: {Authorization: 'Bearer "
        "${TOKEN}', X-Xsrf: '${XSRF}', Accept: '*/*'}, capture: {CART: {header: Location}, NAME: "
        "{matches: 'name=([^;]*);'}}},"
        "{name: checkout, path: /checkout, method: POST, headers: {Content-Type: application/json}, "
        "body: '{\"cart\": \"${CART}\", \"name\": \"${NAME}\", \"literal\": \"$${NAME}\"}', expect: "
        "{status: 201}}]";

static const char login[] =
        OK("Set-Cookie: session=s1; Path=/\r\nSet-Cookie: xsrf=x1; Path=/\r\n" BODY(
                "{\"token\": \"a b\"}\n"));
static const char cart[] = OK("Location: /carts/7\r\n" BODY("name=\"Jo\\x\"; x"));

static void test_purchase(void **state) {
        struct fixture *f = *state;
        const char *const answers[] = {login, cart, "HTTP/1.1 201 Created\r\n" EMPTY};
        assert_result(run(f, answers, purchase), OUTCOME_PASS, CAUSE_NONE, "3 steps in ");
        assert_true(f->rig.result.has_value && f->rig.result.value > 0);
        assert_int_equal(f->n_requests, 3);
        assert_sent(f, 0, "POST /login HTTP/1.1\r\n");
        assert_sent(f, 0, "X-Shop: probe\r\n");
        assert_sent(f, 0, "Accept: text/json\r\n");
        assert_null(strstr(f->requests[0], "Cookie:"));
        assert_sent(f, 1, "POST /carts?for=a%20b HTTP/1.1\r\n");
        assert_sent(f, 1, "Authorization: Bearer a b\r\n");
        assert_sent(f, 1, "X-Xsrf: x1\r\n");
        assert_sent(f, 1, "Accept: */*\r\n");
        assert_null(strstr(f->requests[1], "Accept: text/json"));
        assert_sent(f, 1, "session=s1");
        assert_sent(f, 2,
                "{\"cart\": \"/carts/7\", \"name\": \"\\\"Jo\\\\x\\\"\", \"literal\": \"${NAME}\"}");
        assert_sent(f, 2, "session=s1");
}

static void test_failing_step_is_named(void **state) {
        struct fixture *f = *state;
        const char *const last[] = {login, cart, "HTTP/1.1 500 Oops\r\n" EMPTY};
        assert_result(run(f, last, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "step checkout (3 of 3): 500 Internal Server Error, expected 201");
        const char *const second[] = {login, "HTTP/1.1 403 No\r\n" EMPTY};
        assert_result(run(f, second, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "step cart (2 of 3): 403 Forbidden, expected 200-299");
        assert_int_equal(f->n_requests, 2);
}

/* What one run got is gone in the next. */
static void test_runs_share_nothing(void **state) {
        struct fixture *f = *state;
        const char *const answers[] = {login, cart, "HTTP/1.1 201 Created\r\n" EMPTY};
        run(f, answers, purchase);
        f->n_requests = 0;
        rig_run(&f->rig, RIG_TIMEOUT);
        assert_int_equal(f->n_requests, 3);
        assert_null(strstr(f->requests[0], "Cookie:"));
}

static void test_nothing_to_capture(void **state) {
        struct fixture *f = *state;
        const char *const no_token[] = {OK(BODY("{}"))};
        assert_result(run(f, no_token, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "step login (1 of 3): no TOKEN to capture: there is no json /token");
        const char *const no_json[] = {OK(BODY("hi"))};
        assert_result(run(f, no_json, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no TOKEN to capture: the body is not JSON");
        const char *const no_cookie[] = {OK(BODY("{\"token\": \"t\"}"))};
        assert_result(run(f, no_cookie, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no XSRF to capture: there is no cookie xsrf");
        const char *const no_header[] = {login, OK(EMPTY)};
        assert_result(run(f, no_header, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "step cart (2 of 3): no CART to capture: there is no header Location");
        const char *const no_match[] = {login, OK("Location: x\r\n" EMPTY)};
        assert_result(run(f, no_match, purchase), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no NAME to capture: the body does not match name=");
}

/* A value with a line break would add a header of the server's choice. */
static void test_captured_line_break(void **state) {
        struct fixture *f = *state;
        const char *const answers[] = {
                OK("Set-Cookie: xsrf=x; Path=/\r\n" BODY("{\"token\": \"a\\r\\nB: c\"}"))};
        assert_result(run(f, answers, purchase), OUTCOME_UNKNOWN, CAUSE_NONE,
                "step cart (2 of 3): a header cannot hold the control characters of TOKEN");
        assert_int_equal(f->n_requests, 1);
}

static void test_timeout_names_the_step(void **state) {
        struct fixture *f = *state;
        const char *const answers[] = {login, NULL};
        char probe[2048];
        run(f, (const char *const[]){login, cart, OK(EMPTY)}, purchase);
        f->answers = answers;
        f->n_requests = 0;
        snprintf(probe, sizeof(probe), "http: {url: 'http://127.0.0.1:%u/', %s}", f->server.port,
                purchase);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, 100 * USEC_PER_MSEC), OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE,
                "step cart (2 of 3): connected, no answer within 100ms");
}

/* Secrets are for the server of the probe's url. */
static void test_other_server_gets_no_secret(void **state) {
        struct fixture *f = *state;
        char keys[512];
        const char *const answers[] = {OK(EMPTY), OK(EMPTY)};
        tmpdir_write(&f->dir, "token", "t0p\n");
        run(f, answers, "method: GET");
        snprintf(keys, sizeof(keys),
                "bearer_token_file: %s/token, steps: [{name: own, path: /}, {name: other, url: "
                "'http://127.0.0.2:%u/'}]",
                f->dir.path, f->server.port);
        run(f, answers, keys);
        assert_sent(f, 0, "Authorization: Bearer t0p\r\n");
        assert_int_equal(f->n_requests, 1); /* nobody listens on 127.0.0.2 */
        assert_result(&f->rig.result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "step other (2 of 2): connection refused by 127.0.0.2");
}

/* ---- authentication ---- */

static void test_basic(void **state) {
        struct fixture *f = *state;
        char keys[256];
        const char *const answers[] = {OK(EMPTY), OK(EMPTY)};
        tmpdir_write(&f->dir, "auth", "user:pass:word\n");
        snprintf(keys, sizeof(keys), "basic_auth_file: %s/auth", f->dir.path);
        assert_result(run(f, answers, keys), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_sent(f, 0, "Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n");
        tmpdir_write(&f->dir, "auth", "user:rotated\n");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_sent(f, 1, "Authorization: Basic dXNlcjpyb3RhdGVk\r\n");
}

static void test_bad_secrets(void **state) {
        struct fixture *f = *state;
        char keys[256];
        const char *const answers[] = {OK(EMPTY)};
        snprintf(keys, sizeof(keys), "basic_auth_file: %s/auth", f->dir.path);
        assert_result(run(f, answers, keys), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/auth: No such file or directory");
        tmpdir_write(&f->dir, "auth", "s3cret\n");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "/auth: expected one line user:password");
        assert_null(strstr(f->rig.result.detail, "s3cret"));
        tmpdir_write(&f->dir, "auth", "a:b\nc:d\n");
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_UNKNOWN, CAUSE_NONE, "several lines");
        assert_int_equal(f->n_requests, 0);
}

/* ---- json ---- */

static void test_json(void **state) {
        struct fixture *f = *state;
        const char *const up[] = {OK(BODY("{\"status\": \"UP\", \"queue\": 5}"))};
        assert_result(run(f, up, "expect: {json: {/status: UP, /queue: '< 10', /ok: absent}}"),
                OUTCOME_PASS, CAUSE_NONE, "200 OK in ");
        assert_result(run(f, up, "expect: {json: {/status: DOWN}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "json /status is \"UP\", expected DOWN");
        assert_result(run(f, up, "expect: {json: {/queue: '> 5'}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "json /queue is 5, expected > 5");
        assert_result(run(f, up, "expect: {json: {/nodes/0: a}}"), OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "json /nodes/0 is missing, expected a");
        const char *const page[] = {OK(BODY("<html>"))};
        assert_result(run(f, page, "expect: {json: {/status: UP}}"), OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, "the body is not JSON: unexpected character at byte 0");
}

/* ---- where to ---- */

static void test_connect_to(void **state) {
        struct fixture *f = *state;
        char probe[256];
        const char *const answers[] = {OK(EMPTY), OK(EMPTY)};
        run(f, answers, "method: GET");
        snprintf(probe, sizeof(probe),
                "http: {url: 'http://shop.example:8080/x', connect_to: '127.0.0.1:%u'}",
                f->server.port);
        rig_load(&f->rig, probe);
        assert_result(rig_run(&f->rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_sent(f, 1, "Host: shop.example:8080\r\n");
}

static void test_version(void **state) {
        struct fixture *f = *state;
        const char *const answers[] = {OK(EMPTY)};
        assert_result(run(f, answers, "http_version: 1.0"), OUTCOME_PASS, CAUSE_NONE, "200 OK");
        assert_sent(f, 0, "GET /base HTTP/1.0\r\n");
        assert_result(run(f, answers, "http_version: 2-prior-knowledge"), OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, "127.0.0.1");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_purchase),
                TEST(test_failing_step_is_named),
                TEST(test_runs_share_nothing),
                TEST(test_nothing_to_capture),
                TEST(test_captured_line_break),
                TEST(test_timeout_names_the_step),
                TEST(test_other_server_gets_no_secret),
                TEST(test_basic),
                TEST(test_bad_secrets),
                TEST(test_json),
                TEST(test_connect_to),
                TEST(test_version),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
