/* Servers and URLs that lie. Whatever bytes a server sends: in whatever pieces they come, the
 * parser comes to the same end, within its caps. Whatever a URL or header holds: what goes on the
 * wire is one request, with the lines that were meant and no others. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_parser.h"
#include "io/http_plain.h"

enum { MAX_HEADER = 512, MAX_BODY = 256, PIECES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- responses ---- */

struct reading {
        struct http_parser parser;
        enum http_parsed parsed;
        size_t used;
};

static void read_all(
        struct reading *reading, const char *bytes, size_t size, size_t piece, bool head) {
        *reading = (struct reading){.parsed = HTTP_PARSED_MORE};
        http_parser_begin(&reading->parser, head, MAX_HEADER, MAX_BODY);
        while (reading->used < size && reading->parsed == HTTP_PARSED_MORE) {
                size_t left = size - reading->used, used = 0;
                reading->parsed = http_parser_feed(&reading->parser, bytes + reading->used,
                        left < piece ? left : piece, &used);
                assert(used > 0 && used <= left);
                reading->used += used;
        }
        if (reading->parsed == HTTP_PARSED_MORE) {
                reading->parsed = http_parser_end(&reading->parser);
        }
}

static void check_reading(const struct reading *reading, bool head) {
        const struct http_parser *parser = &reading->parser;
        assert(reading->parsed != HTTP_PARSED_MORE && reading->parsed != HTTP_PARSED_NO_MEMORY);
        assert(parser->header.length <= MAX_HEADER && parser->body.length <= MAX_BODY);
        assert((reading->parsed == HTTP_PARSED_BAD) == (*parser->error != '\0'));
        if (reading->parsed == HTTP_PARSED_DONE) {
                assert(parser->status >= 200 && parser->status <= 999);
                assert(strncmp(parser->header.data, "HTTP/1.", strlen("HTTP/1.")) == 0);
                assert(!head || parser->body.length == 0);
        }
}

static void assert_same(const struct reading *one, const struct reading *other) {
        assert(one->parsed == other->parsed);
        assert(one->parser.status == other->parser.status);
        assert(str_eq(one->parser.error, other->parser.error));
        assert(one->parser.body.length == other->parser.body.length);
        if (one->parsed == HTTP_PARSED_DONE) {
                assert(str_eq(one->parser.header.data, other->parser.header.data));
                assert(one->used == other->used && one->parser.keep == other->parser.keep);
        }
}

static void try_response(const char *bytes, size_t size, bool head) {
        struct reading whole, pieces;
        read_all(&whole, bytes, size, SIZE_MAX, head);
        check_reading(&whole, head);
        for (size_t piece = 1; piece <= PIECES; piece++) {
                read_all(&pieces, bytes, size, piece, head);
                assert_same(&whole, &pieces);
                http_parser_done(&pieces.parser);
        }
        http_parser_done(&whole.parser);
}

/* ---- requests ---- */

static size_t count_lines(const char *text) {
        size_t n = 0;
        for (; (text = strstr(text, "\r\n")); text += 2) {
                n++;
        }
        return n;
}

/* The first line is the URL, the second a header. */
static void try_request(const char *bytes, size_t size) {
        char *url = strndup(bytes, size);
        char *header = url ? strpbrk(url, "\n") : NULL;
        const char *const lines[] = {header ? header + 1 : "X: 1"};
        struct http_request request = {
                .url = url, .timeout = 1, .user = "me", .headers = lines, .n_headers = 1};
        struct http_address address;
        struct strbuf out = {0};
        if (header) {
                *header = '\0';
        }
        if (url && strchr(lines[0], ':') && !strpbrk(lines[0], "\r\n") &&
                http_plain_suits(&request, NULL, &address)) {
                http_plain_format(&request, &out);
                size_t n =
                        count_lines(strbuf_text(&out)); /* Host, User-Agent, Accept may be given */
                assert(n == 6 || n == 7);
                assert(str_starts(out.data, "GET /"));
                assert(strstr(out.data, "\r\n\r\n")[4] == '\0');
        }
        strbuf_done(&out);
        free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0) {
                return 0;
        }
        const char *bytes = (const char *) data + 1;
        switch (*data) {
        case 'u':
                try_request(bytes, size - 1);
                break;
        case 'h':
                try_response(bytes, size - 1, true);
                break;
        default:
                try_response(bytes, size - 1, false);
        }
        return 0;
}
