/* The HTTP client against a scripted server in the same loop: every outcome, every cap, and
 * teardown at any moment. */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/http_client.h"
#include "support/scripted_server.h"
#include "unit_test.h"

enum { DONE_MAX = 64 };

struct done {
        struct http_result result;
        char error[512], body[4096], header_value[256];
};

struct fixture {
        struct loop *loop;
        struct http_client *client;
        struct resolver *resolver;
        struct server server;
        char url[64];
        struct http_request request;
        const char *header_name;
        unsigned n_done;
        struct done done[DONE_MAX];
        struct http_transfer *victim;
        struct http_keep keep;
};

static int setup_limited(void **state, const struct http_client_limits *limits) {
        struct fixture *f = calloc(1, sizeof(*f));
        uint16_t port;

        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(http_client_new(&f->client, f->loop, limits, NULL), 0);
        serve_on(&f->server, f->loop, listen_tcp(&port));
        (void) snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/path?q=1", port);
        f->request = (struct http_request){.url = f->url, .timeout = 10 * USEC_PER_SEC};
        *state = f;
        return 0;
}

static int setup(void **state) {
        return setup_limited(state, NULL);
}

static int setup_libcurl(void **state) {
        return setup_limited(state, &(struct http_client_limits){.libcurl_only = true});
}

static int setup_two(void **state) {
        return setup_limited(
                state, &(struct http_client_limits){.max_in_flight = 2, .max_queue = 3});
}

static int teardown(void **state) {
        struct fixture *f = *state;

        http_client_free(f->client);
        server_done(&f->server);
        loop_free(f->loop);
        free(f);
        return 0;
}

static void answer_with(struct fixture *f, const char *text) {
        f->server.answer = text;
        f->server.answer_length = strlen(text);
}

static void on_done(void *cookie, const struct http_result *result) {
        struct fixture *f = cookie;
        struct done *done = &f->done[f->n_done++];
        size_t length;

        done->result = *result;
        str_copy(done->error, sizeof(done->error), result->error ? result->error : "");
        str_copy(done->body, sizeof(done->body), result->body);
        const char *value =
                f->header_name ? http_result_header(result, f->header_name, &length) : NULL;
        if (value) {
                (void) snprintf(done->header_value, sizeof(done->header_value), "%.*s",
                        (int) length, value);
        }
        assert_true((result->outcome == HTTP_OK) == (result->error == NULL));
}

static struct http_transfer *start(struct fixture *f) {
        struct http_transfer *transfer = NULL;
        struct error err = {0};

        if (http_client_start(f->client, &f->request, on_done, f, &transfer, &err) < 0) {
                fail_msg("%s", err.text);
        }
        return transfer;
}

static void run_until(struct fixture *f, unsigned n_done) {
        while (f->n_done < n_done) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(f->n_done, n_done);
}

static const struct done *fetch(struct fixture *f) {
        unsigned before = f->n_done;

        start(f);
        assert_int_equal(f->n_done, before); /* never from inside */
        run_until(f, before + 1);
        return &f->done[before];
}

static void expect(struct fixture *f, enum http_outcome outcome, const char *error_part) {
        const struct done *done = fetch(f);

        if (done->result.outcome != outcome || !strstr(done->error, error_part)) {
                fail_msg("%s: %s", http_outcome_text(done->result.outcome), done->error);
        }
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test:  one \r\nx-test: two\t\r\n\r\nhello"

static void test_a_response(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        f->header_name = "X-TEST";
        const struct done *done = fetch(f);
        assert_int_equal(done->result.outcome, HTTP_OK);
        assert_int_equal(done->result.status, 200);
        assert_string_equal(done->body, "hello");
        assert_int_equal(done->result.body_length, 5);
        assert_string_equal(done->header_value, "two");
        assert_true(done->result.connect_time > 0);
        assert_true(done->result.first_byte_time >= done->result.connect_time);
        assert_true(done->result.total_time >= done->result.first_byte_time);
        assert_int_equal(done->result.tls_time, 0);
        assert_int_equal(done->result.queued, 0);
        assert_memory_equal(f->server.request, "GET /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:", 40);
        assert_non_null(strstr(f->server.request, "\r\nUser-Agent: recoverd/"));
}

static void test_method_headers_and_body(void **state) {
        static const char *const headers[] = {"X-One: 1", "Accept: text/plain"};
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        f->request.method = "PUT";
        f->request.headers = headers;
        f->request.n_headers = 2;
        f->request.body = "{\"a\":1}";
        f->request.body_length = 7;
        f->request.user = "me";
        f->request.password = "secret";
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        assert_memory_equal(f->server.request, "PUT /path", 9);
        assert_non_null(strstr(f->server.request, "\r\nX-One: 1\r\n"));
        assert_non_null(strstr(f->server.request, "\r\nAccept: text/plain\r\n"));
        assert_non_null(strstr(f->server.request, "\r\nContent-Length: 7\r\n"));
        assert_non_null(strstr(f->server.request, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
        assert_null(strstr(f->server.request, "Content-Type"));
        assert_null(strstr(f->server.request, "Expect"));
        assert_non_null(strstr(f->server.request, "\r\n\r\n{\"a\":1}"));
}

static void test_head_reads_no_body(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 204 No Content\r\nContent-Length: 500\r\n\r\n");
        f->request.method = "HEAD";
        const struct done *done = fetch(f);
        assert_int_equal(done->result.outcome, HTTP_OK);
        assert_int_equal(done->result.status, 204);
        assert_memory_equal(f->server.request, "HEAD ", 5);
}

/* The options of one request must not colour the next, although they share the handle. */
static void test_requests_do_not_leak_into_each_other(void **state) {
        struct fixture *f = *state;
        struct http_request plain = f->request;

        test_method_headers_and_body(state);
        f->request = plain;
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        assert_memory_equal(f->server.request, "GET /path", 9);
        assert_null(strstr(f->server.request, "X-One"));
        assert_null(strstr(f->server.request, "Authorization"));
        assert_null(strstr(f->server.request, "Content-Length"));
        assert_int_equal(http_client_counts(f->client).handles, 1);
}

static void test_connections_are_fresh_unless_reuse_is_asked_for(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        f->server.hold = true;
        fetch(f);
        fetch(f);
        assert_int_equal(f->server.n_accepted, 2);
        f->request.keep = &f->keep;
        fetch(f);
        assert_int_equal(f->server.n_accepted, 3);
        f->server.connections[2].sent = 0; /* answers once more */
        assert_int_equal(loop_watch_modify(&f->server.connections[2].watch, EPOLLIN), 0);
        fetch(f);
        assert_int_equal(f->server.n_accepted, 3);
}

static void test_refused(void **state) {
        struct fixture *f = *state;
        char expected[128];

        stop_listening(&f->server);
        expect(f, HTTP_REFUSED, "connection refused by 127.0.0.1:");
        (void) snprintf(expected, sizeof(expected), "connection refused by %.*s",
                (int) strcspn(f->url + 7, "/"), f->url + 7);
        assert_string_equal(f->done[0].error, expected);
}

static void test_timeouts_say_how_far_it_came(void **state) {
        struct fixture *f = *state;

        f->request.timeout = 20 * USEC_PER_MSEC;
        answer_with(f, "");
        expect(f, HTTP_TIMEOUT, ": no answer within 20ms");
        answer_with(f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        f->server.hold = true;
        expect(f, HTTP_TIMEOUT, ": the answer was not complete within 20ms");
        assert_int_equal(f->done[1].result.status, 200);
        assert_string_equal(f->done[1].body, "half");
}

static void test_one_byte_at_a_time_runs_into_the_total_deadline(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nxxxxxxxxxxxxxxxxxxxxxx");
        f->server.chunk = 1;
        f->server.endless = true;
        f->request.timeout = 30 * USEC_PER_MSEC;
        expect(f, HTTP_TIMEOUT, "within 30ms");
        assert_true(f->done[0].result.total_time < USEC_PER_SEC);
}

static void test_no_http_at_all(void **state) {
        struct fixture *f = *state;

        answer_with(f, "SSH-2.0-OpenSSH_9.2\r\n");
        expect(f, HTTP_PROTOCOL, "HTTP/0.9");
        answer_with(f, "\r");
        f->server.chunk = 1;
        expect(f, HTTP_PROTOCOL, "");
}

static void test_closed_early(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        expect(f, HTTP_PROTOCOL, "");
        assert_int_equal(f->done[0].result.status, 200);
}

static char *repeat(const char *start, char c, size_t length) {
        struct strbuf buf = {0};

        strbuf_add(&buf, start);
        strbuf_add_repeated(&buf, c, length);
        return strbuf_take(&buf);
}

static void test_a_large_body_is_cut(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text =
                repeat("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 'x', 100000);

        answer_with(f, text);
        f->request.max_body = 1000;
        expect(f, HTTP_BODY_TOO_LARGE, ": the body is larger than 1kB");
        assert_int_equal(f->done[0].result.status, 200);
        assert_int_equal(f->done[0].result.body_length, 1000);
}

static void test_an_endless_body_is_cut(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text = repeat("HTTP/1.1 200 OK\r\n\r\n", 'x', 30000);

        answer_with(f, text);
        f->server.endless = true;
        expect(f, HTTP_BODY_TOO_LARGE, ": the body is larger than 64KiB");
        assert_int_equal(f->done[0].result.body_length, HTTP_CLIENT_BODY_BYTES);
}

static void test_a_body_of_exactly_the_cap_is_fine(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        f->request.max_body = 5;
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        f->request.max_body = 4;
        expect(f, HTTP_BODY_TOO_LARGE, "larger than 4B");
}

static void test_many_headers_are_refused(void **state) {
        struct fixture *f = *state;
        struct strbuf buf = {0};

        strbuf_add(&buf, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 3000; i++) {
                strbuf_addf(&buf, "X-%d: 0123456789\r\n", i);
        }
        AUTO_FREE char *text = strbuf_take(&buf);
        answer_with(f, text);
        expect(f, HTTP_HEADER_TOO_LARGE, ": the header is larger than 32KiB");
}

static void test_an_endless_header_line_is_refused(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *text = repeat("HTTP/1.1 200 OK\r\nX: ", 'x', 30000);

        answer_with(f, text);
        f->server.endless = true;
        expect(f, HTTP_HEADER_TOO_LARGE, ": the header is larger than 32KiB");
}

static void test_endless_interim_responses_are_refused(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 100 Continue\r\n\r\n");
        f->server.endless = true;
        expect(f, HTTP_HEADER_TOO_LARGE, ": the header is larger than 32KiB");
}

static void test_redirects_are_not_followed_by_default(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        assert_int_equal(fetch(f)->result.status, 302);
        assert_int_equal(f->server.n_accepted, 1);
}

static void test_redirects_have_a_limit(void **state) {
        struct fixture *f = *state;

        answer_with(f, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        f->request.follow_redirects = true;
        f->request.max_redirects = 3;
        expect(f, HTTP_REDIRECTS, "");
        assert_int_equal(f->server.n_accepted, 4);
}

static void test_redirects_lead_to_http_only(void **state) {
        struct fixture *f = *state;

        answer_with(f,
                "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
        f->request.follow_redirects = true;
        expect(f, HTTP_REDIRECTS, "");
        f->request.url = "file:///etc/passwd";
        expect(f, HTTP_BAD_REQUEST, "");
}

static void test_requests_that_cannot_be_made(void **state) {
        static const char *const injected[] = {"X: 1\r\nY: 2"};
        struct fixture *f = *state;
        struct error err = {0};

        f->request.url = "http://:99999/";
        expect(f, HTTP_BAD_REQUEST, "");
        f->request.url = f->url;
        f->request.method = "GET / HTTP/1.1\r\n";
        assert_int_equal(
                http_client_start(f->client, &f->request, on_done, f, NULL, &err), -EINVAL);
        f->request.method = NULL;
        f->request.headers = injected;
        f->request.n_headers = 1;
        assert_int_equal(
                http_client_start(f->client, &f->request, on_done, f, NULL, &err), -EINVAL);
        f->request.n_headers = 0;
        f->request.timeout = 0;
        assert_int_equal(
                http_client_start(f->client, &f->request, on_done, f, NULL, &err), -EINVAL);
        assert_non_null(strstr(err.text, "a request needs a timeout"));
}

static void test_the_environment_sets_no_proxy(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
        assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
        const struct done *done = fetch(f);
        assert_int_equal(unsetenv("http_proxy"), 0);
        assert_int_equal(unsetenv("ALL_PROXY"), 0);
        assert_int_equal(done->result.outcome, HTTP_OK);
}

static void test_connect_to_keeps_the_name(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        char address[64];
        (void) snprintf(
                address, sizeof(address), "%.*s", (int) strcspn(f->url + 7, "/"), f->url + 7);
        f->request.connect_to = address;
        f->request.url = "http://shop.example/cart";
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        assert_non_null(strstr(f->server.request, "\r\nHost: shop.example\r\n"));
}

static void test_unix_socket(void **state) {
        struct fixture *f = *state;
        char directory[] = "/tmp/test_http_XXXXXX", path[64];
        struct unix_listen_request request = {
                .path = path, .type = SOCK_STREAM, .mode = 0600, .group = (gid_t) -1};

        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        f->request.unix_socket = path;
        f->request.url = "http://localhost/health";
        expect(f, HTTP_UNREACHABLE, "No such file or directory");
        stop_listening(&f->server);
        serve_on(&f->server, f->loop, unix_listen(&request, NULL));
        answer_with(f, ANSWER);
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        stop_listening(&f->server);
        expect(f, HTTP_REFUSED, "connection refused by /tmp/test_http_");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

static void test_no_descriptors_left_is_our_own_fault(void **state) {
        struct fixture *f = *state;
        struct rlimit before, few;

        answer_with(f, ANSWER);
        fetch(f); /* what libcurl opens once */
        f->n_done = 0;
        int next = dup(STDERR_FILENO);
        close(next);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        few = (struct rlimit){(rlim_t) next, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        const struct done *done = fetch(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(done->result.outcome, HTTP_LOCAL);
        assert_non_null(strstr(done->error, "Too many open files"));
}

static void test_what_is_over_the_cap_waits(void **state) {
        struct fixture *f = *state;
        struct error err = {0};

        answer_with(f, ANSWER);
        for (int i = 0; i < 5; i++) {
                start(f);
        }
        assert_int_equal(http_client_counts(f->client).in_flight, 2);
        assert_int_equal(http_client_counts(f->client).queued, 3);
        assert_int_equal(
                http_client_start(f->client, &f->request, on_done, f, NULL, &err), -EAGAIN);
        assert_string_equal(err.text, "3 requests are waiting already");
        run_until(f, 5);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(f->done[i].result.outcome, HTTP_OK);
        }
        assert_true(f->done[4].result.queued > 0);
        assert_int_equal(http_client_counts(f->client).in_flight, 0);
        assert_int_equal(http_client_counts(f->client).queued, 0);
        assert_int_equal(http_client_counts(f->client).started, 5);
        assert_int_equal(http_client_counts(f->client).handles, 2);
}

static void test_handles_that_are_not_needed_are_given_back(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        start(f);
        start(f);
        run_until(f, 2);
        http_client_shrink(f->client);
        assert_int_equal(http_client_counts(f->client).handles, 2); /* both were needed */
        start(f);
        run_until(f, 3);
        http_client_shrink(f->client);
        assert_int_equal(http_client_counts(f->client).handles, 1);
        http_client_shrink(f->client);
        assert_int_equal(http_client_counts(f->client).handles, 0);
        start(f);
        run_until(f, 4);
        assert_int_equal(f->done[3].result.outcome, HTTP_OK);
}

static void test_waiting_too_long_is_our_own_fault(void **state) {
        struct fixture *f = *state;
        struct http_request slow = f->request, fast = f->request;

        slow.timeout = 10 * USEC_PER_SEC;
        fast.timeout = 10 * USEC_PER_MSEC;
        f->request = slow;
        start(f);
        start(f);
        assert_int_equal(http_client_start(f->client, &fast, on_done, f, NULL, NULL), 0);
        run_until(f, 1);
        assert_int_equal(f->done[0].result.outcome, HTTP_LOCAL);
        assert_string_equal(f->done[0].error, "no free slot within 10ms: 2 requests are under way");
        assert_int_equal(http_client_counts(f->client).queued, 0);
}

static void test_cancel_on_the_wire_and_in_the_queue(void **state) {
        struct fixture *f = *state;
        struct http_transfer *transfers[4];

        for (int i = 0; i < 4; i++) {
                transfers[i] = start(f);
        }
        while (f->server.n_open < 2) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
        }
        answer_with(f, ANSWER);
        http_client_cancel(transfers[2]);
        http_client_cancel(transfers[0]);
        run_until(f, 0);
        assert_int_equal(http_client_counts(f->client).in_flight, 1);
        assert_int_equal(http_client_counts(f->client).queued, 1);
        http_client_cancel(transfers[1]);
        run_until(f, 1); /* the last one came to its turn */
        assert_int_equal(f->done[0].result.outcome, HTTP_OK);
}

static void cancel_the_victim(void *cookie, const struct http_result *result) {
        struct fixture *f = cookie;

        on_done(f, result);
        http_client_cancel(f->victim);
}

static void test_cancel_of_another_within_done(void **state) {
        struct fixture *f = *state;
        struct http_request refused = f->request;

        refused.url = "http://127.0.0.1:1/"; /* nobody listens; the victim waits for an answer */
        f->victim = start(f);
        assert_int_equal(
                http_client_start(f->client, &refused, cancel_the_victim, f, NULL, NULL), 0);
        run_until(f, 1);
        assert_int_equal(f->done[0].result.outcome, HTTP_REFUSED);
        assert_int_equal(http_client_counts(f->client).in_flight, 0);
}

static void free_client(void *cookie, const struct http_result *result) {
        struct fixture *f = cookie;

        on_done(f, result);
        http_client_free(f->client);
        f->client = NULL;
        assert_true(!result->error || strlen(result->error) > 0); /* still readable */
}

static void test_the_client_may_be_freed_within_done(void **state) {
        struct fixture *f = *state;

        f->request.url = "http://127.0.0.1:1/";
        for (int i = 0; i < 3; i++) {
                assert_int_equal(
                        http_client_start(f->client, &f->request, free_client, f, NULL, NULL), 0);
        }
        run_until(f, 1);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 1);
}

static void start_again(void *cookie, const struct http_result *result) {
        struct fixture *f = cookie;

        on_done(f, result);
        if (f->n_done < 5) {
                assert_int_equal(
                        http_client_start(f->client, &f->request, start_again, f, NULL, NULL), 0);
        }
}

static void test_start_within_done(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        assert_int_equal(http_client_start(f->client, &f->request, start_again, f, NULL, NULL), 0);
        run_until(f, 5);
        assert_int_equal(f->server.n_accepted, 5);
}

static void test_teardown_in_flight(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 5; i++) {
                start(f);
        }
        while (f->server.n_open < 2) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
        }
}

/* The names of these tests are looked up here, in a thread. */
static int gate[2];

static void fake_look_up(const char *name, struct resolver_answer *ret) {
        char byte;

        if (strcmp(name, "missing.example") == 0) {
                ret->code = EAI_NONAME;
        } else if (strcmp(name, "hangs.example") == 0 && read(gate[0], &byte, 1) < 0) {
                ret->code = EAI_FAIL;
        } else {
                ret->count = 2;
                memcpy(ret->addresses[0], "::ffff:127.0.0.1", sizeof("::ffff:127.0.0.1"));
                memcpy(ret->addresses[1], "127.0.0.1", sizeof("127.0.0.1"));
        }
}

static int setup_names(void **state) {
        static struct resolver *resolver;
        struct http_client_limits limits = {.max_in_flight = 2, .max_queue = 3};

        assert_int_equal(setup_limited(state, &limits), 0);
        struct fixture *f = *state;
        http_client_free(f->client);
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        assert_int_equal(resolver_new(&resolver, f->loop, NULL), 0);
        resolver_set_look_up(resolver, fake_look_up);
        limits.resolver = f->resolver = resolver;
        assert_int_equal(http_client_new(&f->client, f->loop, &limits, NULL), 0);
        return 0;
}

static int teardown_names(void **state) {
        struct fixture *f = *state;

        http_client_free(f->client);
        f->client = NULL;
        resolver_free(f->resolver);
        close(gate[1]); /* a look-up that hangs goes on */
        return teardown(state);
}

static void set_host(struct fixture *f, struct http_request *request, const char *host) {
        static char urls[4][128];
        static unsigned n;
        char *url = urls[n++ % ELEMENTSOF(urls)];

        (void) snprintf(url, sizeof(urls[0]), "http://%s%s", host, strrchr(f->url, ':'));
        request->url = url;
}

static void test_a_name_is_looked_up_once(void **state) {
        struct fixture *f = *state;

        answer_with(f, ANSWER);
        set_host(f, &f->request, "shop.example");
        const struct done *done = fetch(f);
        assert_string_equal(done->error, "");
        assert_int_equal(done->result.status, 200);
        assert_true(done->result.name_time > 0);
        assert_true(done->result.connect_time >= done->result.name_time);
        assert_non_null(strstr(f->server.request, "\r\nHost: shop.example:"));
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK); /* known now */
        assert_int_equal(http_client_counts(f->client).queued, 0);
}

static void test_a_name_that_does_not_exist(void **state) {
        struct fixture *f = *state;

        set_host(f, &f->request, "missing.example");
        expect(f, HTTP_DNS, "missing.example: Name or service not known");
        expect(f, HTTP_DNS, "missing.example: Name or service not known"); /* remembered */
        assert_int_equal(http_client_counts(f->client).started, 0);
        assert_int_equal(http_client_counts(f->client).queued, 0);
}

static void test_a_name_server_that_hangs(void **state) {
        struct fixture *f = *state;
        struct http_request other = f->request;

        answer_with(f, ANSWER);
        set_host(f, &f->request, "hangs.example");
        f->request.timeout = 20 * USEC_PER_MSEC;
        expect(f, HTTP_DNS, "hangs.example: no name server answered within 20ms");
        f->request.timeout = 10 * USEC_PER_SEC;
        start(f);
        assert_int_equal(http_client_counts(f->client).queued, 1);
        set_host(f, &other, "shop.example"); /* others go on meanwhile */
        assert_int_equal(http_client_start(f->client, &other, on_done, f, NULL, NULL), 0);
        run_until(f, 2);
        assert_int_equal(f->done[1].result.outcome, HTTP_OK);
        assert_int_equal(write(gate[1], "x", 1), 1);
        run_until(f, 3);
        assert_int_equal(f->done[2].result.outcome, HTTP_OK);
}

static void test_cancel_while_a_name_is_looked_up(void **state) {
        struct fixture *f = *state;
        struct http_result progress;

        set_host(f, &f->request, "hangs.example");
        struct http_transfer *transfer = start(f);
        assert_int_equal(loop_turn(f->loop, 1000), 1);
        http_client_progress(transfer, &progress);
        assert_true(progress.total_time > 0);
        assert_int_equal(progress.name_time, 0);
        start(f);
        http_client_cancel(transfer);
        assert_int_equal(http_client_counts(f->client).queued, 1); /* teardown ends the other */
}

/* Within the turn of the loop in which it began, no time has passed, and yet it has begun. */
static void test_progress_at_once(void **state) {
        struct fixture *f = *state;
        struct http_result progress;

        f->request.timeout = 10 * USEC_PER_SEC;
        struct http_transfer *transfer = start(f);
        http_client_progress(transfer, &progress);
        assert_true(progress.total_time > 0);
        http_client_cancel(transfer);
}

static void test_teardown_during_a_name_look_up(void **state) {
        struct fixture *f = *state;

        f->request.url = "http://name.invalid/";
        start(f);
        assert_int_equal(loop_turn(f->loop, 0), 1);
}

/* Each test twice: as the client chooses, and over libcurl. */
#define TEST(name)                                                                                 \
        {#name, name, setup, teardown, NULL}, {                                                    \
#name " over libcurl", name, setup_libcurl, teardown, NULL                         \
        }
#define TEST_NAMES(name) cmocka_unit_test_setup_teardown(name, setup_names, teardown_names)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_response),
                TEST(test_method_headers_and_body),
                TEST(test_head_reads_no_body),
                TEST(test_requests_do_not_leak_into_each_other),
                TEST(test_connections_are_fresh_unless_reuse_is_asked_for),
                TEST(test_refused),
                TEST(test_timeouts_say_how_far_it_came),
                TEST(test_one_byte_at_a_time_runs_into_the_total_deadline),
                TEST(test_no_http_at_all),
                TEST(test_closed_early),
                TEST(test_a_large_body_is_cut),
                TEST(test_an_endless_body_is_cut),
                TEST(test_a_body_of_exactly_the_cap_is_fine),
                TEST(test_many_headers_are_refused),
                TEST(test_an_endless_header_line_is_refused),
                TEST(test_endless_interim_responses_are_refused),
                TEST(test_redirects_are_not_followed_by_default),
                TEST(test_redirects_have_a_limit),
                TEST(test_redirects_lead_to_http_only),
                TEST(test_requests_that_cannot_be_made),
                TEST(test_the_environment_sets_no_proxy),
                TEST(test_connect_to_keeps_the_name),
                TEST(test_unix_socket),
                TEST(test_no_descriptors_left_is_our_own_fault),
                TEST_TWO(test_what_is_over_the_cap_waits),
                TEST_TWO(test_handles_that_are_not_needed_are_given_back),
                TEST_TWO(test_waiting_too_long_is_our_own_fault),
                TEST_TWO(test_cancel_on_the_wire_and_in_the_queue),
                TEST(test_progress_at_once),
                TEST(test_cancel_of_another_within_done),
                TEST(test_the_client_may_be_freed_within_done),
                TEST(test_start_within_done),
                TEST_TWO(test_teardown_in_flight),
                TEST(test_teardown_during_a_name_look_up),
                TEST_NAMES(test_a_name_is_looked_up_once),
                TEST_NAMES(test_a_name_that_does_not_exist),
                TEST_NAMES(test_a_name_server_that_hangs),
                TEST_NAMES(test_cancel_while_a_name_is_looked_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
