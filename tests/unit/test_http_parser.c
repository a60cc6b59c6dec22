/* Responses as servers and attackers write them: what is understood, what is refused, and that it
 * does not matter in which pieces they come. */

#include <string.h>

#include "base/cleanup.h"
#include "io/http_parser.h"
#include "unit_test.h"

enum { MAX_HEADER = 200, MAX_BODY = 20 };

enum { HEAD = 1, CLOSES = 2 }; /* the request was HEAD; the server closes after these bytes */

static const struct response_case {
        const char *bytes;
        enum http_parsed parsed;
        int flags;
        int status;
        const char *body; /* NULL: "" */
        const char *error; /* NULL: none */
        const char *rest; /* what follows the response; NULL: nothing */
        bool keep;
} cases[] = {
        /* where a response ends */
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP_PARSED_DONE, 0, 200, "hello",
                .keep = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE, 0, 200, .keep = true},
        {"HTTP/1.1 200 OK\r\ncontent-length:\t 5 \r\n\r\nhelloHTTP", HTTP_PARSED_DONE, 0, 200,
                "hello", .rest = "HTTP", .keep = true},
        {"HTTP/1.1 200 OK\r\n\r\nhello", HTTP_PARSED_DONE, CLOSES, 200, "hello"},
        {"HTTP/1.1 200 OK\r\n\r\nhello", HTTP_PARSED_MORE, 0, 200, "hello"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", HTTP_PARSED_DONE, 0, 204,
                .keep = true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", HTTP_PARSED_DONE, 0, 304,
                .keep = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", HTTP_PARSED_DONE, HEAD, 200, .keep = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_PARSED_DONE, HEAD, 200,
                .keep = true},
        {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 201 Made\r\n"
         "Content-Length: 1\r\n\r\nx",
                HTTP_PARSED_DONE, 0, 201, "x", .keep = true},

        /* chunks */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n"
         "\r\n",
                HTTP_PARSED_DONE, 0, 200, "abc0123456789", .keep = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nx\r\n1 \r\ny\r\n000\r\n"
         "Trailer: 1\r\nOther: 2\r\n\r\nrest",
                HTTP_PARSED_DONE, 0, 200, "xy", .rest = "rest", .keep = true},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
                HTTP_PARSED_DONE, 0, 200},

        /* what becomes of the connection */
        {"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE,
                0, 200},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE, 0, 200},
        {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE,
                0, 200, .keep = true},

        /* forms that are fine */
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE, 0, 200, .keep = true},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", HTTP_PARSED_DONE, 0, 200, .keep = true},
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", HTTP_PARSED_DONE, 0, 200, "x", .keep = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1, 1\r\n\r\nx", HTTP_PARSED_DONE,
                0, 200, "x", .keep = true},
        {"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-\xc3\xbc: \xff\x01\r\nContent-Length: 0\r\n\r\n",
                HTTP_PARSED_BAD, 0, 200, .error = "a header line that is not \"Name: value\""},
        {"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Odd: \xff\x01\r\nContent-Length: 0\r\n\r\n",
                HTTP_PARSED_DONE, 0, 200, .keep = true},

        /* no HTTP, or not ours */
        {"SSH-2.0-OpenSSH_9.2\r\n", HTTP_PARSED_BAD, .error = "Received HTTP/0.9 when not allowed"},
        {"\r", HTTP_PARSED_BAD, .error = "Received HTTP/0.9 when not allowed"},
        {"HTTP/2 200\r\n\r\n", HTTP_PARSED_BAD,
                .error = "a version of HTTP that was not asked for"},
        {"HTTP/1.2 200 OK\r\n", HTTP_PARSED_BAD,
                .error = "a version of HTTP that was not asked for"},
        {"HTTP/1.10 200 OK\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1 20\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1 2000 OK\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1 099 No\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1  200 OK\r\n", HTTP_PARSED_BAD, .error = "a status line without a status"},
        {"HTTP/1.1 101 Switching\r\n\r\n", HTTP_PARSED_BAD, .status = 101,
                .error = "a change of protocol that was not asked for"},

        /* headers that readers understand differently */
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a header line that is folded"},
        {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a header line that is not \"Name: value\""},
        {"HTTP/1.1 200 OK\r\nnonsense\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a header line that is not \"Name: value\""},
        {"HTTP/1.1 200 OK\r\n: value\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a header line that is not \"Name: value\""},
        {"HTTP/1.1 200 OK\r\nA: b\rContent-Length: 3\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a NUL or CR byte within the header"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "more than one Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "more than one Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a Transfer-Encoding that was not asked for"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                HTTP_PARSED_BAD, 0, 200, .error = "a Transfer-Encoding that was not asked for"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
                HTTP_PARSED_BAD, 0, 200, .error = "both Content-Length and Transfer-Encoding"},

        /* chunks that readers understand differently */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk without a size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk without a size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk without a size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
                HTTP_PARSED_BAD, 0, 200, .error = "a chunk without a size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk without a size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\nx", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk size whose line ends wrongly"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\rx", HTTP_PARSED_BAD, 0, 200,
                .error = "a chunk size whose line ends wrongly"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", HTTP_PARSED_BAD, 0,
                200, "x", .error = "a chunk that is longer than its size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n", HTTP_PARSED_BAD, 0, 200,
                "x", .error = "a chunk that is longer than its size"},

        /* what breaks off */
        {"", HTTP_PARSED_BAD, CLOSES, .error = "Empty reply from server"},
        {"HTT", HTTP_PARSED_BAD, CLOSES, .error = "the connection was closed within the header"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n", HTTP_PARSED_BAD, CLOSES, 200,
                .error = "the connection was closed within the header"},
        {"HTTP/1.1 100 Continue\r\n\r\n", HTTP_PARSED_BAD, CLOSES, 100,
                .error = "the connection was closed within the header"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HTTP_PARSED_BAD, CLOSES, 200, "half",
                .error = "transfer closed with 6 bytes remaining to read"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", HTTP_PARSED_BAD,
                CLOSES, 200, "half",
                .error = "transfer closed with outstanding read data remaining"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n", HTTP_PARSED_BAD,
                CLOSES, 200, .error = "transfer closed with outstanding read data remaining"},

        /* what is too large */
        {"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n012345678901234567890",
                HTTP_PARSED_BODY_OVER, 0, 200, "01234567890123456789", .keep = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", HTTP_PARSED_DONE, 0,
                200, "01234567890123456789", .keep = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n012345678901234567890",
                HTTP_PARSED_BODY_OVER, 0, 200, "01234567890123456789", .keep = true},
        {"HTTP/1.1 200 OK\r\n\r\n012345678901234567890", HTTP_PARSED_BODY_OVER, 0, 200,
                "01234567890123456789"},
};

/* Feeds pieces of at most `piece` bytes. */
static enum http_parsed feed(
        struct http_parser *parser, const struct response_case *test, size_t piece, size_t *used) {
        enum http_parsed parsed = HTTP_PARSED_MORE;
        size_t length = strlen(test->bytes);

        http_parser_begin(parser, test->flags & HEAD, MAX_HEADER, MAX_BODY);
        for (*used = 0; *used < length && parsed == HTTP_PARSED_MORE;) {
                size_t some = length - *used < piece ? length - *used : piece, more;
                parsed = http_parser_feed(parser, test->bytes + *used, some, &more);
                *used += more;
        }
        return parsed == HTTP_PARSED_MORE && (test->flags & CLOSES) ? http_parser_end(parser)
                                                                    : parsed;
}

static void check(struct http_parser *parser, const struct response_case *test, size_t piece) {
        size_t used;
        enum http_parsed parsed = feed(parser, test, piece, &used);

        if (parsed != test->parsed || parser->status != test->status ||
                strcmp(parser->error, test->error ? test->error : "") != 0) {
                fail_msg("%s\nin pieces of %zu: %d, status %d, %s", test->bytes, piece,
                        (int) parsed, parser->status, parser->error);
        }
        assert_string_equal(strbuf_text(&parser->body), test->body ? test->body : "");
        if (parsed == HTTP_PARSED_DONE) {
                assert_int_equal(parser->keep, test->keep);
                assert_string_equal(test->bytes + used, test->rest ? test->rest : "");
        }
}

static void test_responses_in_any_pieces(void **state) {
        struct http_parser parser = {0};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                check(&parser, &cases[i], SIZE_MAX);
                for (size_t piece = 1; piece < 8; piece++) {
                        check(&parser, &cases[i], piece);
                }
        }
        http_parser_done(&parser);
}

static void test_the_header_is_of_the_last_response(void **state) {
        static const struct response_case two = {
                "HTTP/1.1 103 Early\r\nA: 1\r\n\r\nHTTP/1.1 204 No\r\nB: 2\r\n\r\n"};
        struct http_parser parser = {0};
        size_t used;

        (void) state;
        assert_int_equal(feed(&parser, &two, 3, &used), HTTP_PARSED_DONE);
        assert_string_equal(strbuf_text(&parser.header), "HTTP/1.1 204 No\r\nB: 2\r\n\r\n");
        assert_int_equal(parser.version, HTTP_VERSION_1_1);
        http_parser_done(&parser);
}

static void test_a_nul_byte_in_the_header(void **state) {
        static const char bytes[] = "HTTP/1.1 200 OK\r\nA: b\0c\r\n";
        struct http_parser parser = {0};
        size_t used;

        (void) state;
        http_parser_begin(&parser, false, MAX_HEADER, MAX_BODY);
        assert_int_equal(
                http_parser_feed(&parser, bytes, sizeof(bytes) - 1, &used), HTTP_PARSED_BAD);
        assert_string_equal(parser.error, "a NUL or CR byte within the header");
        http_parser_done(&parser);
}

/* `start`, then one byte for ever: it must end, and with little memory. */
static enum http_parsed feed_for_ever(const char *start, const char *again) {
        struct http_parser parser = {0};
        size_t used;

        http_parser_begin(&parser, false, MAX_HEADER, MAX_BODY);
        enum http_parsed parsed = http_parser_feed(&parser, start, strlen(start), &used);
        for (int i = 0; i < 10000 && parsed == HTTP_PARSED_MORE; i++) {
                parsed = http_parser_feed(&parser, again, strlen(again), &used);
        }
        assert_true(parser.header.length <= MAX_HEADER);
        assert_true(parser.body.length <= MAX_BODY);
        http_parser_done(&parser);
        return parsed;
}

static void test_nothing_goes_on_for_ever(void **state) {
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        (void) state;
        assert_int_equal(feed_for_ever("HTTP/1.1 200 OK\r\nA: ", "x"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever("HTTP/1.1 200 OK\r\n", "A: b\r\n"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever("", "HTTP/1.1 100 OK\r\n\r\n"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever("HTTP/", "x"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever(CHUNKED, "0"), HTTP_PARSED_BAD);
        assert_int_equal(feed_for_ever(CHUNKED "1;", "x"), HTTP_PARSED_BAD);
        assert_int_equal(feed_for_ever(CHUNKED "0\r\n", "x"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever(CHUNKED "0\r\n", "A: b\r\n"), HTTP_PARSED_HEADER_OVER);
        assert_int_equal(feed_for_ever(CHUNKED, "1\r\nx\r\n"), HTTP_PARSED_BODY_OVER);
        assert_int_equal(feed_for_ever("HTTP/1.1 200 OK\r\n\r\n", "x"), HTTP_PARSED_BODY_OVER);
}

static void test_the_header_may_be_as_large_as_its_cap(void **state) {
        static const char bytes[] = "HTTP/1.1 204 No\r\nA: b\r\n\r\n";
        struct http_parser parser = {0};
        size_t used;

        (void) state;
        http_parser_begin(&parser, false, sizeof(bytes) - 1, MAX_BODY);
        assert_int_equal(
                http_parser_feed(&parser, bytes, sizeof(bytes) - 1, &used), HTTP_PARSED_DONE);
        http_parser_begin(&parser, false, sizeof(bytes) - 2, MAX_BODY);
        assert_int_equal(http_parser_feed(&parser, bytes, sizeof(bytes) - 1, &used),
                HTTP_PARSED_HEADER_OVER);
        http_parser_done(&parser);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_responses_in_any_pieces),
                cmocka_unit_test(test_the_header_is_of_the_last_response),
                cmocka_unit_test(test_a_nul_byte_in_the_header),
                cmocka_unit_test(test_nothing_goes_on_for_ever),
                cmocka_unit_test(test_the_header_may_be_as_large_as_its_cap),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
