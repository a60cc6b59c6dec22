/* The HTTP client against a scripted server in the same loop: every outcome, every cap, and
 * teardown at any moment. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/http_client.h"
#include "io/unix_socket.h"
#include "unit_test.h"

enum { CONNECTIONS_MAX = 64, DONE_MAX = 64 };

struct connection {
        struct server *server;
        struct loop_watch watch;
        int fd;
        size_t sent;
};

/* Answers every connection with the same bytes, in chunks of at most `chunk` a loop turn, once a
 * request has come; then closes, or holds the connection when `hold` is set. */
struct server {
        struct loop *loop;
        struct loop_watch watch;
        int fd;
        const char *answer;
        size_t answer_length, chunk;
        bool hold, endless;
        char request[4096];
        unsigned n_accepted, n_open;
        struct connection connections[CONNECTIONS_MAX];
};

struct done {
        struct http_result result;
        char error[512], body[4096], header_value[256];
};

struct fixture {
        struct loop *loop;
        struct http_client *client;
        struct server server;
        char url[64];
        struct http_request request;
        const char *header_name;
        unsigned n_done;
        struct done done[DONE_MAX];
        struct http_transfer *victim;
};

static void close_connection(struct connection *connection) {
        if (connection->fd >= 0) {
                loop_watch_remove(&connection->watch);
                close(connection->fd);
                connection->fd = -1;
                connection->server->n_open--;
        }
}

static void answer(struct connection *connection) {
        struct server *server = connection->server;
        size_t left = server->answer_length - connection->sent;
        size_t length = server->chunk && left > server->chunk ? server->chunk : left;

        ssize_t n = send(connection->fd, server->answer + connection->sent, length,
                MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
                close_connection(connection);
                return;
        }
        connection->sent += (size_t) n;
        if (connection->sent == server->answer_length && server->endless) {
                connection->sent -= (size_t) n;
        } else if (connection->sent == server->answer_length) {
                (void) loop_watch_modify(&connection->watch, 0);
                if (!server->hold) {
                        close_connection(connection);
                }
        }
}

static void on_connection(void *cookie, uint32_t events) {
        struct connection *connection = cookie;
        struct server *server = connection->server;

        if (events & EPOLLIN) {
                ssize_t n = recv(
                        connection->fd, server->request, sizeof(server->request) - 1, MSG_DONTWAIT);
                if (n <= 0) {
                        close_connection(connection);
                        return;
                }
                server->request[n] = '\0';
                (void) loop_watch_modify(&connection->watch, server->answer_length ? EPOLLOUT : 0);
                return;
        }
        if (events & EPOLLOUT) {
                answer(connection);
        } else if (events & (EPOLLHUP | EPOLLERR)) {
                close_connection(connection);
        }
}

static void on_accept(void *cookie, uint32_t events) {
        struct server *server = cookie;
        struct connection *connection = &server->connections[server->n_accepted++];

        (void) events;
        assert_true(server->n_accepted <= CONNECTIONS_MAX);
        connection->fd = unix_accept(server->fd); /* any family */
        assert_true(connection->fd >= 0);
        connection->server = server;
        server->n_open++;
        assert_int_equal(loop_watch_add(&connection->watch, server->loop, connection->fd, EPOLLIN,
                                 on_connection, connection),
                0);
}

static int listen_tcp(uint16_t *ret_port) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 64), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static void serve_on(struct fixture *f, int fd) {
        f->server.fd = fd;
        f->server.loop = f->loop;
        assert_int_equal(
                loop_watch_add(&f->server.watch, f->loop, fd, EPOLLIN, on_accept, &f->server), 0);
}

static int setup_limited(void **state, const struct http_client_limits *limits) {
        struct fixture *f = calloc(1, sizeof(*f));
        uint16_t port;

        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(http_client_new(&f->client, f->loop, limits, NULL), 0);
        serve_on(f, listen_tcp(&port));
        (void) snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/path?q=1", port);
        f->request = (struct http_request){.url = f->url, .timeout = 10 * USEC_PER_SEC};
        *state = f;
        return 0;
}

static int setup(void **state) {
        return setup_limited(state, NULL);
}

static int setup_two(void **state) {
        return setup_limited(
                state, &(struct http_client_limits){.max_in_flight = 2, .max_queue = 3});
}

static int teardown(void **state) {
        struct fixture *f = *state;

        http_client_free(f->client);
        for (unsigned i = 0; i < f->server.n_accepted; i++) {
                close_connection(&f->server.connections[i]);
        }
        loop_watch_remove(&f->server.watch);
        close(f->server.fd);
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
        f->request.reuse = true;
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

        loop_watch_remove(&f->server.watch);
        close(f->server.fd);
        f->server.fd = -1;
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
        loop_watch_remove(&f->server.watch);
        close(f->server.fd);
        serve_on(f, unix_listen(&request, NULL));
        answer_with(f, ANSWER);
        assert_int_equal(fetch(f)->result.outcome, HTTP_OK);
        loop_watch_remove(&f->server.watch);
        close(f->server.fd);
        f->server.fd = -1;
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

static void test_teardown_during_a_name_look_up(void **state) {
        struct fixture *f = *state;

        f->request.url = "http://name.invalid/";
        start(f);
        assert_int_equal(loop_turn(f->loop, 0), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
                TEST_TWO(test_waiting_too_long_is_our_own_fault),
                TEST_TWO(test_cancel_on_the_wire_and_in_the_queue),
                TEST(test_cancel_of_another_within_done),
                TEST(test_the_client_may_be_freed_within_done),
                TEST(test_start_within_done),
                TEST_TWO(test_teardown_in_flight),
                TEST(test_teardown_during_a_name_look_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
