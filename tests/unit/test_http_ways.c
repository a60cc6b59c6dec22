/* A request that goes without libcurl ends as it would over libcurl: the same servers, both ways,
 * compared. Where the two differ on purpose, it stands in a table of its own. */

#include <string.h>

#include "base/cleanup.h"
#include "support/http_rig.h"

enum { MAX_BODY = 1000 };

static const struct manner {
        const char *answer;
        const char *method; /* NULL: GET */
        size_t chunk;
        bool hold, endless;
        bool half; /* and held: only the end of the time ends it */
} alike[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello", .chunk = 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .hold = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end"},
        {"HTTP/1.0 200 OK\r\n\r\nuntil the end"},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .hold = true},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
        {"HTTP/1.1 204 No Content\r\n\r\n", .hold = true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .hold = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", .method = "HEAD", .hold = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .method = "POST"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .method = "DELETE"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                .hold = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                .chunk = 1},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                .hold = true},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"},
        {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"},
        {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\npack"},

        {"SSH-2.0-OpenSSH_9.2\r\n"},
        {"SSH-2.0-OpenSSH_9.2\r\n", .hold = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .half = true},
        {"HTTP/1.1 200 OK\r\nConte", .half = true},
        {"", .half = true},
        {"HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789", .endless = true},
        {"HTTP/1.1 100 Continue\r\n\r\n", .endless = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n01234567890123456789",
                .endless = true},
};

struct verdict {
        enum http_outcome outcome;
        int status;
        enum http_version version;
        bool connected, answered;
        size_t body_length;
        char error[512], body[4096], headers[4096];
};

static struct verdict verdict_of(const struct manner *manner, bool over_libcurl) {
        struct http_rig rig;
        struct verdict verdict;

        http_rig_open(&rig);
        http_rig_serve(&rig, manner->answer);
        rig.server.chunk = manner->chunk;
        rig.server.hold = manner->hold || manner->half;
        rig.server.endless = manner->endless;
        rig.request.method = manner->method;
        rig.request.max_body = MAX_BODY;
        rig.request.timeout = manner->half ? 250 * USEC_PER_MSEC : 10 * USEC_PER_SEC;
        http_rig_fetch_by(&rig, over_libcurl ? rig.over_libcurl : rig.client);
        verdict = (struct verdict){
                .outcome = rig.result.outcome,
                .status = rig.result.status,
                .version = rig.result.version,
                .connected = rig.result.connect_time > 0,
                .answered = rig.result.first_byte_time > 0,
                .body_length = rig.result.body_length,
        };
        const char *text = strchr(rig.error, ' '); /* behind "127.0.0.1:PORT:", another each time */
        str_copy(verdict.error, sizeof(verdict.error), text ? text : "");
        str_copy(verdict.body, sizeof(verdict.body), rig.body);
        str_copy(verdict.headers, sizeof(verdict.headers), rig.headers);
        http_rig_close(&rig);
        return verdict;
}

static void assert_alike(
        const char *what, const struct verdict *ours, const struct verdict *theirs) {
        if (ours->outcome != theirs->outcome || ours->status != theirs->status ||
                strcmp(ours->error, theirs->error) != 0) {
                fail_msg("%s\nours: %s, %d,%s\nover libcurl: %s, %d,%s", what,
                        http_outcome_text(ours->outcome), ours->status, ours->error,
                        http_outcome_text(theirs->outcome), theirs->status, theirs->error);
        }
        assert_int_equal(ours->connected, theirs->connected);
        assert_int_equal(ours->answered, theirs->answered);
        assert_int_equal(ours->body_length, theirs->body_length);
        assert_string_equal(ours->body, theirs->body);
        if (ours->outcome == HTTP_OK) {
                assert_int_equal(ours->version, theirs->version);
                assert_string_equal(ours->headers, theirs->headers);
        }
}

static void test_the_same_verdict_both_ways(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(alike); i++) {
                const struct verdict ours = verdict_of(&alike[i], false);
                const struct verdict theirs = verdict_of(&alike[i], true);
                assert_alike(alike[i].answer, &ours, &theirs);
        }
}

/* What libcurl lets pass, and we do not: readers could take it for different things. */
static const struct {
        struct manner manner;
        const char *error;
} stricter[] = {
        {{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
                " a header line that is folded"},
        {{"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n"},
                " a header line that is not \"Name: value\""},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"},
                " more than one Content-Length"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
                " both Content-Length and Transfer-Encoding"},
        {{"HTTP/1.1 200 OK\r\nA: b\r\n"}, " the connection was closed within the header"},
};

static void test_where_we_are_stricter(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(stricter); i++) {
                const struct verdict ours = verdict_of(&stricter[i].manner, false);
                assert_int_equal(ours.outcome, HTTP_PROTOCOL);
                assert_string_equal(ours.error, stricter[i].error);
                assert_int_equal(verdict_of(&stricter[i].manner, true).status, 200);
        }
}

/* What the server gets is the same as well, but for the order in which it comes. */
static void test_the_same_request_both_ways(void **state) {
        static const char *const headers[] = {"X-One: 1", "Accept: text/plain"};
        struct http_rig rig;
        char ours[4096];

        (void) state;
        http_rig_open(&rig);
        http_rig_serve(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        for (int i = 0; i < 4; i++) {
                rig.request.method = i == 1 ? "POST" : i == 2 ? "PUT" : NULL;
                rig.request.headers = headers;
                rig.request.n_headers = i > 1 ? 2 : 0;
                rig.request.user = i == 2 ? "me" : NULL;
                rig.request.bearer = i == 3 ? "token" : NULL;
                rig.request.body = i == 2 ? "{}" : NULL;
                rig.request.body_length = i == 2 ? 2 : 0;
                http_rig_fetch(&rig);
                str_copy(ours, sizeof(ours), rig.server.request);
                http_rig_fetch_by(&rig, rig.over_libcurl);
                assert_string_equal(ours, rig.server.request);
        }
        http_rig_close(&rig);
}

static void test_the_same_word_about_a_peer_that_is_not_there(void **state) {
        struct http_rig rig;
        char ours[512];

        (void) state;
        http_rig_open(&rig);
        for (int i = 0; i < 2; i++) {
                rig.request.url = "http://127.0.0.1:1/";
                rig.request.unix_socket = i == 1 ? "/nowhere/socket" : NULL;
                http_rig_fetch(&rig);
                enum http_outcome outcome = rig.result.outcome;
                str_copy(ours, sizeof(ours), rig.error);
                http_rig_fetch_by(&rig, rig.over_libcurl);
                assert_int_equal(outcome, rig.result.outcome);
                assert_string_equal(ours, rig.error);
        }
        http_rig_close(&rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same_verdict_both_ways),
                cmocka_unit_test(test_where_we_are_stricter),
                cmocka_unit_test(test_the_same_request_both_ways),
                cmocka_unit_test(test_the_same_word_about_a_peer_that_is_not_there),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
