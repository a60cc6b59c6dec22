/* Connections that are kept between two requests of one owner: really used again, by nobody else,
 * and never the reason of a failure. */

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "io/http_connection.h"
#include "support/http_rig.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct fixture {
        struct http_rig rig;
        struct http_keep keep, other;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        http_rig_open(&f->rig);
        http_rig_serve(&f->rig, ANSWER);
        f->rig.server.again = true;
        f->rig.request.keep = &f->keep;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        http_rig_close(&f->rig);
        assert_null(f->keep.connection);
        assert_null(f->other.connection);
        free(f);
        return 0;
}

static void expect(struct fixture *f, enum http_outcome outcome, const char *error_part) {
        http_rig_fetch(&f->rig);
        if (f->rig.result.outcome != outcome || !strstr(f->rig.error, error_part)) {
                fail_msg("%s: %s", http_outcome_text(f->rig.result.outcome), f->rig.error);
        }
}

static unsigned n_kept(const struct fixture *f) {
        return http_client_counts(f->rig.client).kept;
}

static void test_a_kept_connection_is_used_again(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 5; i++) {
                expect(f, HTTP_OK, "");
                assert_string_equal(f->rig.body, "hello");
                assert_int_equal(n_kept(f), 1);
        }
        assert_int_equal(f->rig.server.n_accepted, 1);
        assert_int_equal(f->rig.server.n_requests, 5);
}

static void test_libcurl_keeps_one_as_well(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 3; i++) {
                http_rig_fetch_by(&f->rig, f->rig.over_libcurl);
                assert_int_equal(f->rig.result.outcome, HTTP_OK);
        }
        assert_int_equal(f->rig.server.n_accepted, 1);
        assert_int_equal(f->rig.server.n_requests, 3);
}

/* Two owners, with passwords of their own, on the same server: each stays on its own connection. */
static void test_owners_do_not_share(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 6; i++) {
                bool first = i % 2 == 0;
                f->rig.request.keep = first ? &f->keep : &f->other;
                f->rig.request.user = first ? "first" : "second";
                f->rig.request.password = "secret";
                expect(f, HTTP_OK, "");
                assert_ptr_equal(f->rig.server.last, &f->rig.server.connections[first ? 0 : 1]);
                const char *identity =
                        first ? "Basic Zmlyc3Q6c2VjcmV0" : "Basic c2Vjb25kOnNlY3JldA==";
                assert_non_null(strstr(f->rig.server.request, identity));
        }
        assert_int_equal(f->rig.server.n_accepted, 2);
        assert_int_equal(n_kept(f), 2);
}

static void test_another_target_gets_another_connection(void **state) {
        struct fixture *f = *state;
        struct server other = {.answer = ANSWER, .answer_length = strlen(ANSWER), .again = true};
        char url[64];
        uint16_t port;

        expect(f, HTTP_OK, "");
        serve_on(&other, f->rig.loop, listen_tcp(&port));
        (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
        f->rig.request.url = url;
        expect(f, HTTP_OK, "");
        http_rig_settle(&f->rig);
        assert_int_equal(other.n_requests, 1);
        assert_int_equal(f->rig.server.n_open, 0); /* the first was closed */
        assert_int_equal(n_kept(f), 1);
        server_done(&other);
}

static void test_one_that_the_server_closes_is_given_up(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        close_connection(&f->rig.server.connections[0]);
        http_rig_settle(&f->rig);
        assert_int_equal(n_kept(f), 0);
        expect(f, HTTP_OK, "");
        assert_int_equal(f->rig.server.n_accepted, 2);
}

static void test_one_on_which_the_server_speaks_unasked_is_given_up(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        assert_int_equal(send(f->rig.server.connections[0].fd, "HTTP/1.1", 8, MSG_NOSIGNAL), 8);
        http_rig_settle(&f->rig);
        assert_int_equal(n_kept(f), 0);
}

/* The server closes while the request is on its way: nobody has answered it, so it is sent again.
 */
static void test_one_that_ends_before_the_answer_is_replaced(void **state) {
        struct fixture *f = *state;

        f->rig.server.max_of_connection = 1;
        for (unsigned i = 0; i < 3; i++) {
                expect(f, HTTP_OK, "");
                assert_string_equal(f->rig.body, "hello");
                assert_true(f->rig.result.connect_time > 0);
                assert_int_equal(f->rig.server.n_accepted, i + 1);
        }
}

static void test_it_is_replaced_once(void **state) {
        struct fixture *f = *state;

        f->rig.server.max_requests = 1;
        expect(f, HTTP_OK, "");
        expect(f, HTTP_PROTOCOL, ": Empty reply from server");
        assert_int_equal(f->rig.server.n_accepted, 2);
        assert_int_equal(f->rig.server.n_requests, 3);
}

static void test_it_is_replaced_by_what_refuses(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        stop_listening(&f->rig.server);
        f->rig.server.max_requests = 1;
        expect(f, HTTP_REFUSED, "connection refused by 127.0.0.1:");
}

/* An answer that has begun is an answer. */
static void test_half_an_answer_is_not_asked_for_again(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        http_rig_serve(&f->rig, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        f->rig.server.again = false;
        expect(f, HTTP_PROTOCOL, ": transfer closed with 2 bytes remaining to read");
        assert_int_equal(f->rig.server.n_accepted, 1);
}

static void test_a_fresh_connection_that_ends_is_a_failure(void **state) {
        struct fixture *f = *state;

        http_rig_serve(&f->rig, "");
        f->rig.request.timeout = 20 * USEC_PER_MSEC;
        expect(f, HTTP_TIMEOUT, ": no answer within 20ms");
        assert_int_equal(n_kept(f), 0);
        assert_int_equal(f->rig.server.n_accepted, 1);
}

/* A server says 408 to a connection that was idle for long, at the moment when a request is sent.
 */
static void test_408_on_a_kept_connection_is_not_for_this_request(void **state) {
        static const char late[] =
                "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        http_rig_serve(&f->rig, late);
        expect(f, HTTP_OK, "");
        assert_int_equal(f->rig.result.status, 408); /* of the fresh one, which counts */
        assert_int_equal(f->rig.server.n_accepted, 2);
}

static void test_what_must_not_be_kept(void **state) {
        static const char *const answers[] = {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", /* more than max_body */
        };
        struct fixture *f = *state;

        f->rig.request.max_body = 10;
        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                http_rig_serve(&f->rig, answers[i]);
                http_rig_fetch(&f->rig);
                assert_int_equal(f->rig.result.status, 200);
                assert_int_equal(n_kept(f), 0);
        }
        assert_int_equal(f->rig.server.n_accepted, ELEMENTSOF(answers));
}

static void test_an_answer_before_all_was_sent_ends_the_connection(void **state) {
        static char large[4 * 1024 * 1024];
        struct fixture *f = *state;

        f->rig.request.method = "PUT";
        f->rig.request.body = large;
        f->rig.request.body_length = sizeof(large);
        f->rig.server.again = false;
        f->rig.server.hold = true;
        http_rig_serve(&f->rig, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        expect(f, HTTP_OK, "");
        assert_int_equal(f->rig.result.status, 413);
        assert_int_equal(n_kept(f), 0);
}

/* What may not be sent twice is libcurl's. */
static void test_post_is_not_kept_here(void **state) {
        struct fixture *f = *state;

        f->rig.request.method = "POST";
        expect(f, HTTP_OK, "");
        assert_int_equal(n_kept(f), 0);
}

static void test_one_that_is_kept_for_long_is_closed(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        http_client_shrink(f->rig.client);
        assert_int_equal(n_kept(f), 1);
        f->keep.connection->since -= HTTP_CLIENT_KEPT_SECONDS * USEC_PER_SEC;
        http_client_shrink(f->rig.client);
        assert_int_equal(n_kept(f), 0);
        expect(f, HTTP_OK, "");
        f->keep.connection->since -= HTTP_CLIENT_KEPT_SECONDS * USEC_PER_SEC;
        expect(f, HTTP_OK, ""); /* nor is it used */
        assert_int_equal(f->rig.server.n_accepted, 3);
}

static void test_the_owner_may_go(void **state) {
        struct fixture *f = *state;

        expect(f, HTTP_OK, "");
        http_keep_drop(&f->keep);
        assert_int_equal(n_kept(f), 0);
        http_rig_settle(&f->rig);
        assert_int_equal(f->rig.server.n_open, 0);
        http_keep_drop(&f->keep);
        expect(f, HTTP_OK, "");
}

/* Any descriptor that says nothing will do. */
static struct http_connection *silent_connection(void) {
        struct http_connection *connection = calloc(1, sizeof(*connection));

        assert_non_null(connection);
        connection->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(connection->fd >= 0);
        list_init(&connection->node);
        return connection;
}

static bool may_open(rlim_t count) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        if (limit.rlim_cur < count && limit.rlim_max >= count) {
                limit.rlim_cur = count;
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        }
        return limit.rlim_cur >= count;
}

/* Whoever comes when there are as many as there may be gets none, and takes nobody's. */
static void test_as_many_are_kept_as_there_may_be(void **state) {
        enum { ALL = HTTP_CLIENT_KEPT_CONNECTIONS };
        static struct http_keep keeps[ALL + 1];
        struct fixture *f = *state;
        struct http_kept kept = {0};

        if (!may_open(ALL + 200)) {
                print_message("skip: this user may not open %d files\n", ALL + 200);
                skip();
        }
        http_kept_init(&kept, f->rig.loop);
        for (int i = 0; i < ALL + 1; i++) {
                http_kept_put(&kept, &keeps[i], silent_connection());
        }
        assert_int_equal(kept.count, ALL);
        assert_non_null(keeps[0].connection);
        assert_null(keeps[ALL].connection);

        http_keep_drop(&keeps[7]);
        http_kept_put(&kept, &keeps[ALL], silent_connection());
        assert_non_null(keeps[ALL].connection);
        assert_int_equal(kept.count, ALL);
        http_kept_close_all(&kept);
        assert_null(keeps[0].connection);
        assert_int_equal(kept.count, 0);
}

static void test_a_cancelled_request_leaves_no_connection(void **state) {
        struct fixture *f = *state;
        struct http_transfer *transfer;

        expect(f, HTTP_OK, "");
        assert_int_equal(http_client_start(f->rig.client, &f->rig.request, http_rig_done, &f->rig,
                                 &transfer, NULL),
                0);
        http_client_cancel(transfer);
        assert_int_equal(n_kept(f), 0);
        http_rig_settle(&f->rig);
        assert_int_equal(f->rig.server.n_open, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_kept_connection_is_used_again),
                TEST(test_libcurl_keeps_one_as_well),
                TEST(test_owners_do_not_share),
                TEST(test_another_target_gets_another_connection),
                TEST(test_one_that_the_server_closes_is_given_up),
                TEST(test_one_on_which_the_server_speaks_unasked_is_given_up),
                TEST(test_one_that_ends_before_the_answer_is_replaced),
                TEST(test_it_is_replaced_once),
                TEST(test_it_is_replaced_by_what_refuses),
                TEST(test_half_an_answer_is_not_asked_for_again),
                TEST(test_a_fresh_connection_that_ends_is_a_failure),
                TEST(test_408_on_a_kept_connection_is_not_for_this_request),
                TEST(test_what_must_not_be_kept),
                TEST(test_an_answer_before_all_was_sent_ends_the_connection),
                TEST(test_post_is_not_kept_here),
                TEST(test_one_that_is_kept_for_long_is_closed),
                TEST(test_the_owner_may_go),
                TEST(test_as_many_are_kept_as_there_may_be),
                TEST(test_a_cancelled_request_leaves_no_connection),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
