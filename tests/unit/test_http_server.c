/* The HTTP server, asked by the HTTP client in the same loop: requests, answers now and later,
 * limits, peers, TLS, and teardown at any moment. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "unit_test.h"

/* Self-signed for localhost and shop.example, until 2126. */
static const char certificate[] =
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBpDCCAUmgAwIBAgIUQ0EFjraK3l+XeSV7ZjCORU2aXu8wCgYIKoZIzj0EAwIw\n"
        "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA3MDYwN1oYDzIxMjYxMDMw\n"
        "MDcwNjA3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
        "PQMBBwNCAASO8SB40/atow3tW2Jkcd1/DxmAyQOt15hv5WiQAOEPWmLxHaYLY/bp\n"
        "vWDSY3Im0qlhKf5R8qi4plr7DfLkEDFDo3cwdTAdBgNVHQ4EFgQUl1AxukDRfWf2\n"
        "SXg3zasDJI5pgd4wHwYDVR0jBBgwFoAUl1AxukDRfWf2SXg3zasDJI5pgd4wDwYD\n"
        "VR0TAQH/BAUwAwEB/zAiBgNVHREEGzAZgglsb2NhbGhvc3SCDHNob3AuZXhhbXBs\n"
        "ZTAKBggqhkjOPQQDAgNJADBGAiEA/Rnxuco90p9dvENjecRuaXbBVMxAcJqlHTxA\n"
        "sBn9JEsCIQD2mv/BHeBsGaNeHLvhVIDDL+N5P+uT2zCm5Bb+h1KuDQ==\n"
        "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsmtgxgvwU2xnD+8s\n"
                          "Mvqm8+7/avsgN1KRcnHTLeUJ6MChRANCAASO8SB40/atow3tW2Jkcd1/DxmAyQOt\n"
                          "15hv5WiQAOEPWmLxHaYLY/bpvWDSY3Im0qlhKf5R8qi4plr7DfLkEDFD\n"
                          "-----END PRIVATE KEY-----\n";
static const wall_usec_t certificate_end = UINT64_C(4949017567) * USEC_PER_SEC;

enum { WAITING_MAX = 8, DONE_MAX = 16 };

struct fixture {
        struct loop *loop;
        struct http_server *server;
        struct http_client *client;
        struct http_keep keep;
        char directory[32], path[64], url[64];
        struct http_request request;

        bool answer_later; /* the handler only remembers the exchange */
        struct http_exchange *waiting[WAITING_MAX];
        unsigned n_handled, n_waiting, n_closed;
        char seen[512];
        struct unix_peer peer;
        int peer_result;

        unsigned n_done;
        struct http_result results[DONE_MAX];
        char body[256], error[512], type[64], extra[64];
};

static void answer(struct http_exchange *exchange, unsigned status, const char *text) {
        static const struct http_reply_header headers[] = {{"X-Extra", "yes"}};

        http_exchange_reply(exchange, &(struct http_reply){.status = status,
                                              .content_type = "application/json",
                                              .body = strdup(text),
                                              .body_length = strlen(text),
                                              .headers = headers,
                                              .n_headers = 1});
}

static void on_closed(void *cookie) {
        struct fixture *f = cookie;
        f->n_closed++;
}

static const char *or_none(const char *text) {
        return text ? text : "(none)";
}

static void on_request(void *cookie, struct http_exchange *exchange) {
        struct fixture *f = cookie;
        size_t length;
        const char *body = http_exchange_body(exchange, &length);

        f->n_handled++;
        (void) snprintf(f->seen, sizeof(f->seen), "%s %s a=%s b=%s c=%s X-One=%s body=%.*s",
                http_exchange_method(exchange), http_exchange_path(exchange),
                or_none(http_exchange_query(exchange, "a")),
                or_none(http_exchange_query(exchange, "b")),
                or_none(http_exchange_query(exchange, "c")),
                or_none(http_exchange_header(exchange, "x-one")), (int) length, body);
        f->peer_result = http_exchange_peer(exchange, &f->peer);
        if (f->answer_later) {
                http_exchange_on_closed(exchange, on_closed, f);
                f->waiting[f->n_waiting++] = exchange;
        } else {
                answer(exchange, 200, "{}");
        }
}

static void on_done(void *cookie, const struct http_result *result) {
        struct fixture *f = cookie;
        size_t length;

        str_copy(f->body, sizeof(f->body), result->body);
        str_copy(f->error, sizeof(f->error), result->error ? result->error : "");
        const char *type = http_result_header(result, "Content-Type", &length);
        if (type) {
                (void) snprintf(f->type, sizeof(f->type), "%.*s", (int) length, type);
        }
        const char *extra = http_result_header(result, "X-Extra", &length);
        (void) snprintf(
                f->extra, sizeof(f->extra), "%.*s", extra ? (int) length : 0, extra ? extra : "");
        f->results[f->n_done++] = *result;
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

static void start_server(struct fixture *f, struct http_server_config config) {
        struct error err = {0};

        if (http_server_new(&f->server, f->loop, &config, on_request, f, &err) < 0) {
                fail_msg("%s", err.text);
        }
}

static struct fixture *fixture_new(const char *scheme, int *ret_fd) {
        struct fixture *f = calloc(1, sizeof(*f));
        uint16_t port;

        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(http_client_new(&f->client, f->loop, NULL, NULL), 0);
        *ret_fd = listen_tcp(&port);
        (void) snprintf(f->url, sizeof(f->url), "%s://localhost:%d", scheme, port);
        f->request = (struct http_request){.url = f->url, .timeout = 10 * USEC_PER_SEC};
        return f;
}

static int setup(void **state) {
        int fd;
        struct fixture *f = fixture_new("http", &fd);

        start_server(f, (struct http_server_config){.fd = fd, .max_body = 1000});
        *state = f;
        return 0;
}

static int setup_two(void **state) {
        int fd;
        struct fixture *f = fixture_new("http", &fd);

        start_server(f, (struct http_server_config){.fd = fd, .max_connections = 2});
        *state = f;
        return 0;
}

static int setup_tls(void **state) {
        int fd;
        struct fixture *f = fixture_new("https", &fd);

        start_server(f, (struct http_server_config){
                                .fd = fd, .tls_certificate = certificate, .tls_key = key});
        f->request.tls.authorities =
                (struct http_pem){.text = certificate, .length = sizeof(certificate) - 1};
        *state = f;
        return 0;
}

static int setup_unix(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(http_client_new(&f->client, f->loop, NULL, NULL), 0);
        memcpy(f->directory, "/tmp/test_web_XXXXXX", sizeof("/tmp/test_web_XXXXXX"));
        assert_non_null(mkdtemp(f->directory));
        (void) snprintf(f->path, sizeof(f->path), "%s/file", f->directory);
        struct unix_listen_request request = {
                .path = f->path, .type = SOCK_STREAM, .mode = 0600, .group = (gid_t) -1};
        start_server(f, (struct http_server_config){.fd = unix_listen(&request, NULL)});
        f->request = (struct http_request){.url = "http://localhost/unix",
                .unix_socket = f->path,
                .timeout = 10 * USEC_PER_SEC};
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        http_client_free(f->client);
        http_server_free(f->server);
        http_server_free(NULL);
        if (*f->directory) {
                assert_int_equal(unlink(f->path), 0);
                assert_int_equal(rmdir(f->directory), 0);
        }
        loop_free(f->loop);
        free(f);
        return 0;
}

static void start(struct fixture *f) {
        assert_int_equal(http_client_start(f->client, &f->request, on_done, f, NULL, NULL), 0);
}

static void run_until(struct fixture *f, const unsigned *counter, unsigned value) {
        while (*counter < value) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(*counter, value);
}

static const struct http_result *fetch(struct fixture *f) {
        start(f);
        run_until(f, &f->n_done, f->n_done + 1);
        return &f->results[f->n_done - 1];
}

static void expect_status(struct fixture *f, int status) {
        const struct http_result *result = fetch(f);

        if (result->outcome != HTTP_OK || result->status != status) {
                fail_msg("%d %s", result->status, f->error);
        }
}

static void set_path(struct fixture *f, char url[128], const char *path) {
        (void) snprintf(url, 128, "%s%s", f->url, path);
        f->request.url = url;
}

static void test_a_request_is_seen_and_answered(void **state) {
        static const char *const headers[] = {"X-One: 1"};
        struct fixture *f = *state;
        char url[128];

        set_path(f, url, "/a%20path?a=1%262&b");
        f->request.method = "POST";
        f->request.headers = headers;
        f->request.n_headers = 1;
        f->request.body = "hello";
        f->request.body_length = 5;
        expect_status(f, 200);
        assert_string_equal(f->seen, "POST /a path a=1&2 b= c=(none) X-One=1 body=hello");
        assert_string_equal(f->body, "{}");
        assert_string_equal(f->type, "application/json");
        assert_string_equal(f->extra, "yes");
        assert_int_equal(f->peer_result, -EOPNOTSUPP);
        assert_int_equal(f->n_handled, 1);
}

static void test_answers_may_come_later_and_in_any_order(void **state) {
        struct fixture *f = *state;

        f->answer_later = true;
        start(f);
        start(f);
        start(f);
        run_until(f, &f->n_handled, 3);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 0);
        answer(f->waiting[2], 202, "third");
        run_until(f, &f->n_done, 1);
        assert_string_equal(f->body, "third");
        http_exchange_reply_text(f->waiting[0], 503, "first");
        answer(f->waiting[1], 200, "second");
        run_until(f, &f->n_done, 3);
        assert_int_equal(f->n_closed, 0);
        assert_int_equal(f->n_handled, 3);
}

static void test_a_kept_connection_serves_many(void **state) {
        struct fixture *f = *state;

        f->request.keep = &f->keep;
        for (int i = 0; i < 5; i++) {
                f->answer_later = i % 2;
                start(f);
                if (f->answer_later) {
                        run_until(f, &f->n_waiting, f->n_waiting + 1);
                        answer(f->waiting[f->n_waiting - 1], 200, "later");
                }
                run_until(f, &f->n_done, f->n_done + 1);
                assert_int_equal(f->results[i].outcome, HTTP_OK);
        }
}

static void test_a_reply_without_body(void **state) {
        struct fixture *f = *state;

        f->answer_later = true;
        start(f);
        run_until(f, &f->n_waiting, 1);
        http_exchange_reply(f->waiting[0], &(struct http_reply){.status = 204});
        run_until(f, &f->n_done, 1);
        assert_int_equal(f->results[0].status, 204);
        assert_int_equal(f->results[0].body_length, 0);
}

static void test_a_large_request_is_refused(void **state) {
        struct fixture *f = *state;
        char body[2000];

        memset(body, 'x', sizeof(body));
        f->request.method = "POST";
        f->request.body = body;
        f->request.body_length = 1000;
        expect_status(f, 200);
        f->request.body_length = 1001;
        expect_status(f, 413);
        assert_string_equal(f->body, "request too large\n");
        assert_int_equal(f->n_handled, 1);
}

static void test_a_large_chunked_request_is_cut_off(void **state) {
        static const char *const headers[] = {"Transfer-Encoding: chunked"};
        struct fixture *f = *state;
        char body[2000];

        memset(body, 'x', sizeof(body));
        f->request.method = "POST";
        f->request.headers = headers;
        f->request.n_headers = 1;
        f->request.body = body;
        f->request.body_length = sizeof(body);
        assert_int_equal(fetch(f)->outcome, HTTP_PROTOCOL);
        assert_int_equal(f->n_handled, 0);
}

static void test_a_large_header_is_refused(void **state) {
        struct fixture *f = *state;
        static char header[HTTP_SERVER_CONNECTION_MEMORY + 10];
        const char *const headers[] = {header};

        memset(header, 'x', sizeof(header) - 1);
        memcpy(header, "X: ", 3);
        f->request.headers = headers;
        f->request.n_headers = 1;
        const struct http_result *result = fetch(f);
        assert_true(result->status >= 400 || result->outcome != HTTP_OK);
        assert_int_equal(f->n_handled, 0);
}

static void test_a_client_that_leaves_while_waiting(void **state) {
        struct fixture *f = *state;
        struct http_transfer *transfer;

        f->answer_later = true;
        assert_int_equal(http_client_start(f->client, &f->request, on_done, f, &transfer, NULL), 0);
        run_until(f, &f->n_waiting, 1);
        http_client_cancel(transfer);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        answer(f->waiting[0], 200, "nobody listens"); /* the exchange is still there */
        f->answer_later = false;
        expect_status(f, 200);
}

static void test_connections_over_the_limit_wait(void **state) {
        struct fixture *f = *state;

        f->answer_later = true;
        for (int i = 0; i < 5; i++) {
                start(f);
        }
        run_until(f, &f->n_handled, 2);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(loop_turn(f->loop, 100), 1);
        }
        assert_int_equal(f->n_handled, 2);
        for (unsigned i = 0; i < 5; i++) {
                run_until(f, &f->n_waiting, f->n_waiting > i ? f->n_waiting : i + 1);
                answer(f->waiting[i], 200, "");
                run_until(f, &f->n_done, i + 1);
        }
        for (int i = 0; i < 5; i++) {
                assert_int_equal(f->results[i].outcome, HTTP_OK);
        }
}

static unsigned n_warnings;

static void count_warnings(void *cookie, const struct log_record *record) {
        (void) cookie;
        n_warnings += strstr(record->text, "Too many open files, retrying in 1s") != NULL;
}

static void test_without_descriptors_accepting_pauses(void **state) {
        struct fixture *f = *state;
        struct rlimit before, few;

        expect_status(f, 200); /* what libraries open once */
        log_set_sink(count_warnings, NULL);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        int next = dup(STDERR_FILENO);
        close(next);
        /* room for the client's socket, and none for ours */
        few = (struct rlimit){(rlim_t) next + 1, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        start(f);
        uint64_t turns = loop_stats(f->loop)->turns;
        while (n_warnings == 0) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
        }
        for (usec_t end = clock_now().mono + 20000; clock_now().mono < end;) {
                assert_int_equal(loop_turn(f->loop, 5000), 1);
        }
        assert_true(loop_stats(f->loop)->turns - turns < 50); /* no spinning */
        assert_int_equal(n_warnings, 1);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        log_set_sink(NULL, NULL);
        run_until(f, &f->n_done, 2);
        assert_int_equal(f->results[1].outcome, HTTP_OK);
}

static void test_unix_peers_are_known(void **state) {
        struct fixture *f = *state;

        expect_status(f, 200);
        assert_int_equal(f->peer_result, 0);
        assert_int_equal(f->peer.pid, getpid());
        assert_int_equal(f->peer.uid, getuid());
        assert_memory_equal(f->seen, "GET /unix ", 10);
}

static void test_tls(void **state) {
        struct fixture *f = *state;

        f->request.want_certificate = true;
        const struct http_result *result = fetch(f);
        assert_string_equal(f->error, "");
        assert_int_equal(result->status, 200);
        assert_true(result->tls_time >= result->connect_time);
        assert_true(result->certificate_expiry == certificate_end);
        f->answer_later = true;
        start(f);
        run_until(f, &f->n_waiting, 1);
        answer(f->waiting[0], 200, "later");
        run_until(f, &f->n_done, 2);
        assert_string_equal(f->body, "later");
}

static void test_tls_is_verified_unless_told_otherwise(void **state) {
        struct fixture *f = *state;

        f->request.tls.authorities = (struct http_pem){0};
        assert_int_equal(fetch(f)->outcome, HTTP_TLS);
        assert_non_null(strstr(f->error, "certificate"));
        f->request.tls.insecure = true;
        expect_status(f, 200);
        f->request.tls = (struct http_tls){.authorities = {.text = "no PEM", .length = 6}};
        assert_int_equal(fetch(f)->outcome, HTTP_BAD_REQUEST);
}

static void test_tls_server_name(void **state) {
        struct fixture *f = *state;

        f->request.tls.server_name = "shop.example"; /* in the certificate, but not in DNS */
        expect_status(f, 200);
        f->request.tls.server_name = "other.example";
        assert_int_equal(fetch(f)->outcome, HTTP_TLS);
        assert_non_null(strstr(f->error, "other.example"));
}

static void test_plain_text_to_a_tls_port(void **state) {
        struct fixture *f = *state;
        char url[128];

        (void) snprintf(url, sizeof(url), "http%s", f->url + strlen("https"));
        f->request.url = url;
        assert_int_not_equal(fetch(f)->outcome, HTTP_OK);
        f->request.url = f->url;
        expect_status(f, 200); /* and it still serves */
}

static void test_a_bad_certificate_is_refused(void **state) {
        struct fixture *f = *state;
        struct http_server *server;
        struct error err = {0};
        uint16_t port;
        AUTO_CLOSE int fd = listen_tcp(&port);
        struct http_server_config config = {
                .fd = fd, .tls_certificate = "nonsense", .tls_key = key};

        assert_int_equal(http_server_new(&server, f->loop, &config, on_request, f, &err), -EINVAL);
        assert_string_equal(
                err.text, "the HTTP server cannot be started; are certificate and key a pair?");
}

static void test_teardown_with_unanswered_exchanges(void **state) {
        struct fixture *f = *state;

        f->answer_later = true;
        start(f);
        start(f);
        run_until(f, &f->n_waiting, 2);
        answer(f->waiting[0], 200, "not on the wire yet");
        http_server_free(f->server);
        f->server = NULL;
        assert_int_equal(f->n_closed, 1);
        run_until(f, &f->n_done, 2);
        assert_int_not_equal(f->results[0].outcome, HTTP_OK);
        assert_int_not_equal(f->results[1].outcome, HTTP_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown)
#define TEST_TLS(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown)
#define TEST_UNIX(name) cmocka_unit_test_setup_teardown(name, setup_unix, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_request_is_seen_and_answered),
                TEST(test_answers_may_come_later_and_in_any_order),
                TEST(test_a_kept_connection_serves_many),
                TEST(test_a_reply_without_body),
                TEST(test_a_large_request_is_refused),
                TEST(test_a_large_chunked_request_is_cut_off),
                TEST(test_a_large_header_is_refused),
                TEST(test_a_client_that_leaves_while_waiting),
                TEST_TWO(test_connections_over_the_limit_wait),
                TEST(test_without_descriptors_accepting_pauses),
                TEST_UNIX(test_unix_peers_are_known),
                TEST_TLS(test_tls),
                TEST_TLS(test_tls_is_verified_unless_told_otherwise),
                TEST_TLS(test_tls_server_name),
                TEST_TLS(test_plain_text_to_a_tls_port),
                TEST(test_a_bad_certificate_is_refused),
                TEST(test_teardown_with_unanswered_exchanges),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
