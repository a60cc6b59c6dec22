#include "io/http_parser.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "io/piece.h"

static enum http_parsed bad(struct http_parser *parser, const char *why) {
        (void) str_copy(parser->error, sizeof(parser->error), why);
        return HTTP_PARSED_BAD;
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

/* ---- begin and end ---- */

static void forget_response(struct http_parser *parser) {
        strbuf_reset(&parser->header);
        parser->state = HTTP_PARSER_STATUS_LINE;
        parser->line = 0;
        parser->has_length = parser->chunked = parser->close = parser->keep_alive = false;
}

void http_parser_begin(
        struct http_parser *parser, bool no_body, size_t max_header, size_t max_body) {
        forget_response(parser);
        strbuf_reset(&parser->body);
        parser->no_body = no_body;
        parser->max_header = max_header;
        parser->max_body = max_body;
        parser->status = 0;
        parser->version = HTTP_VERSION_ANY;
        parser->keep = false;
        parser->header_bytes = 0;
        *parser->error = '\0';
}

void http_parser_done(struct http_parser *parser) {
        strbuf_done(&parser->header);
        strbuf_done(&parser->body);
}

bool http_parser_began(const struct http_parser *parser) {
        return parser->header_bytes > 0;
}

static enum http_parsed done(struct http_parser *parser) {
        parser->state = HTTP_PARSER_OVER;
        return HTTP_PARSED_DONE;
}

enum http_parsed http_parser_end(struct http_parser *parser) {
        switch (parser->state) {
        case HTTP_PARSER_STATUS_LINE:
        case HTTP_PARSER_FIELDS:
                return bad(parser, http_parser_began(parser)
                                           ? "the connection was closed within the header"
                                           : "Empty reply from server");
        case HTTP_PARSER_BODY_OF_LENGTH:
                (void) snprintf(parser->error, sizeof(parser->error),
                        "transfer closed with %" PRIu64 " bytes remaining to read", parser->left);
                return HTTP_PARSED_BAD;
        case HTTP_PARSER_CHUNK_SIZE:
        case HTTP_PARSER_CHUNK_EXTENSION:
        case HTTP_PARSER_CHUNK_SIZE_LF:
        case HTTP_PARSER_CHUNK_DATA:
        case HTTP_PARSER_CHUNK_END_CR:
        case HTTP_PARSER_CHUNK_END_LF:
        case HTTP_PARSER_TRAILER:
                return bad(parser, "transfer closed with outstanding read data remaining");
        case HTTP_PARSER_BODY_UNTIL_CLOSE:
        case HTTP_PARSER_OVER:
                break;
        }
        return done(parser);
}

/* ---- the status line ---- */

/* "HTTP/1.1 200 OK"; the blank before an absent reason is often absent as well. */
static enum http_parsed read_status_line(struct http_parser *parser, struct piece line) {
        const char *text = line.start;

        if (line.length < strlen("HTTP/1.1") || memcmp(text, "HTTP/1.", strlen("HTTP/1.")) != 0 ||
                (text[7] != '0' && text[7] != '1')) {
                return bad(parser, "a version of HTTP that was not asked for");
        }
        if (line.length < strlen("HTTP/1.1 200") || text[8] != ' ' || text[9] < '1' ||
                !is_digit(text[9]) || !is_digit(text[10]) || !is_digit(text[11]) ||
                (line.length > strlen("HTTP/1.1 200") && text[12] != ' ')) {
                return bad(parser, "a status line without a status");
        }
        parser->version = text[7] == '0' ? HTTP_VERSION_1_0 : HTTP_VERSION_1_1;
        parser->status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0';
        parser->state = HTTP_PARSER_FIELDS;
        return HTTP_PARSED_MORE;
}

/* ---- fields ---- */

/* The next element of a list (RFC 9110, 5.6.1), without blanks round it. False: there is none. */
static bool next_element(struct piece *list, struct piece *ret) {
        while (list->length > 0 && (is_blank(*list->start) || *list->start == ',')) {
                list->start++;
                list->length--;
        }
        const char *comma = memchr(list->start, ',', list->length);
        *ret = (struct piece){list->start, comma ? (size_t) (comma - list->start) : list->length};
        list->start += ret->length;
        list->length -= ret->length;
        while (ret->length > 0 && is_blank(ret->start[ret->length - 1])) {
                ret->length--;
        }
        return ret->length > 0;
}

static bool piece_is(struct piece piece, const char *word) {
        return piece.length == strlen(word) && strncasecmp(piece.start, word, piece.length) == 0;
}

static bool parse_length(struct piece text, uint64_t *ret) {
        enum { DIGITS_MAX = 18 }; /* below 2^63 */
        uint64_t value = 0;

        if (text.length == 0 || text.length > DIGITS_MAX) {
                return false;
        }
        for (size_t i = 0; i < text.length; i++) {
                if (!is_digit(text.start[i])) {
                        return false;
                }
                value = value * 10 + (uint64_t) (text.start[i] - '0');
        }
        *ret = value;
        return true;
}

/* The same length several times is allowed (RFC 9110, 8.6). */
static enum http_parsed on_content_length(struct http_parser *parser, struct piece value) {
        struct piece element;
        uint64_t length;
        bool any = false;

        while (next_element(&value, &element)) {
                if (!parse_length(element, &length)) {
                        return bad(parser, "a Content-Length that is no length");
                }
                if (parser->has_length && length != parser->length) {
                        return bad(parser, "more than one Content-Length");
                }
                parser->has_length = any = true;
                parser->length = length;
        }
        return any ? HTTP_PARSED_MORE : bad(parser, "a Content-Length that is no length");
}

static enum http_parsed on_transfer_encoding(struct http_parser *parser, struct piece value) {
        if (parser->chunked || !piece_is(value, "chunked")) {
                return bad(parser, "a Transfer-Encoding that was not asked for");
        }
        parser->chunked = true;
        return HTTP_PARSED_MORE;
}

static enum http_parsed on_connection(struct http_parser *parser, struct piece value) {
        struct piece element;

        while (next_element(&value, &element)) {
                parser->close = parser->close || piece_is(element, "close");
                parser->keep_alive = parser->keep_alive || piece_is(element, "keep-alive");
        }
        return HTTP_PARSED_MORE;
}

/* The fields that say where the response ends and what becomes of the connection. */
static const struct {
        const char *name;
        enum http_parsed (*read)(struct http_parser *parser, struct piece value);
} known_fields[] = {
        {"Content-Length", on_content_length},
        {"Transfer-Encoding", on_transfer_encoding},
        {"Connection", on_connection},
};

static bool is_name(struct piece name) {
        static const char marks[] = "!#$%&'*+-.^_`|~";

        for (size_t i = 0; i < name.length; i++) {
                char c = name.start[i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                if (!letter && !is_digit(c) && (c == '\0' || !strchr(marks, c))) {
                        return false;
                }
        }
        return name.length > 0;
}

static enum http_parsed read_field(struct http_parser *parser, struct piece line) {
        if (is_blank(*line.start)) {
                return bad(parser, "a header line that is folded");
        }
        const char *colon = memchr(line.start, ':', line.length);
        struct piece name = {line.start, colon ? (size_t) (colon - line.start) : 0};
        if (!colon || !is_name(name)) {
                return bad(parser, "a header line that is not \"Name: value\"");
        }
        struct piece value = {colon + 1, line.length - name.length - 1};
        while (value.length > 0 && is_blank(*value.start)) {
                value.start++;
                value.length--;
        }
        while (value.length > 0 && is_blank(value.start[value.length - 1])) {
                value.length--;
        }
        for (size_t i = 0; i < ELEMENTSOF(known_fields); i++) {
                if (piece_is(name, known_fields[i].name)) {
                        return known_fields[i].read(parser, value);
                }
        }
        return HTTP_PARSED_MORE;
}

/* ---- what follows the header: RFC 9112, 6.3 ---- */

static enum http_parsed on_interim(struct http_parser *parser) {
        if (parser->status == 101) {
                return bad(parser, "a change of protocol that was not asked for");
        }
        forget_response(parser);
        return HTTP_PARSED_MORE;
}

static void begin_chunk(struct http_parser *parser) {
        parser->state = HTTP_PARSER_CHUNK_SIZE;
        parser->left = parser->digits = 0;
        parser->line_length = 0;
}

static enum http_parsed on_header_end(struct http_parser *parser) {
        if (parser->status < 200) {
                return on_interim(parser);
        }
        parser->keep =
                !parser->close && (parser->version == HTTP_VERSION_1_1 || parser->keep_alive);
        if (parser->chunked && parser->has_length) {
                return bad(parser, "both Content-Length and Transfer-Encoding");
        }
        if (parser->no_body || parser->status == 204 || parser->status == 304) {
                return done(parser);
        }
        if (parser->chunked) {
                parser->keep = parser->keep && parser->version == HTTP_VERSION_1_1;
                begin_chunk(parser);
                return HTTP_PARSED_MORE;
        }
        if (parser->has_length) {
                parser->state = HTTP_PARSER_BODY_OF_LENGTH;
                parser->left = parser->length;
                return parser->left > 0 ? HTTP_PARSED_MORE : done(parser);
        }
        parser->keep = false;
        parser->state = HTTP_PARSER_BODY_UNTIL_CLOSE;
        return HTTP_PARSED_MORE;
}

/* ---- lines of the header ---- */

/* A line without its end, which may be a lone LF (RFC 9112, 2.2). */
static enum http_parsed read_line(struct http_parser *parser) {
        struct piece line = {
                parser->header.data + parser->line, parser->header.length - parser->line - 1};

        if (line.length > 0 && line.start[line.length - 1] == '\r') {
                line.length--;
        }
        parser->line = parser->header.length;
        if (memchr(line.start, '\0', line.length) || memchr(line.start, '\r', line.length)) {
                return bad(parser, "a NUL or CR byte within the header");
        }
        if (parser->state == HTTP_PARSER_STATUS_LINE) {
                return read_status_line(parser, line);
        }
        return line.length > 0 ? read_field(parser, line) : on_header_end(parser);
}

/* A stranger is recognised by its first bytes, however few have come. */
static bool may_be_http(const struct http_parser *parser) {
        static const char mark[] = "HTTP/";
        size_t length = parser->header.length < strlen(mark) ? parser->header.length : strlen(mark);

        return parser->state != HTTP_PARSER_STATUS_LINE ||
               memcmp(parser->header.data, mark, length) == 0;
}

/* Takes bytes up to the end of the line. */
static enum http_parsed feed_line(
        struct http_parser *parser, const char *bytes, size_t length, size_t *ret_used) {
        const char *end = memchr(bytes, '\n', length);
        size_t room = parser->max_header - parser->header_bytes;
        size_t used = end ? (size_t) (end + 1 - bytes) : length;

        *ret_used = used;
        parser->header_bytes += used < room ? used : room;
        strbuf_add_bytes(&parser->header, bytes, used < room ? used : room);
        if (parser->header.failed) {
                return HTTP_PARSED_NO_MEMORY;
        }
        if (!may_be_http(parser)) {
                return bad(parser, "Received HTTP/0.9 when not allowed");
        }
        if (used > room) {
                return HTTP_PARSED_HEADER_OVER;
        }
        return end ? read_line(parser) : HTTP_PARSED_MORE;
}

/* ---- the body ---- */

static enum http_parsed add_body(struct http_parser *parser, const char *bytes, size_t length) {
        size_t room = parser->max_body - parser->body.length;

        strbuf_add_bytes(&parser->body, bytes, length < room ? length : room);
        if (parser->body.failed) {
                return HTTP_PARSED_NO_MEMORY;
        }
        return length > room ? HTTP_PARSED_BODY_OVER : HTTP_PARSED_MORE;
}

/* The part of a body, or chunk, of known length. */
static enum http_parsed feed_counted(
        struct http_parser *parser, const char *bytes, size_t length, size_t *ret_used) {
        size_t used = length < parser->left ? length : (size_t) parser->left;

        *ret_used = used;
        parser->left -= used;
        enum http_parsed parsed = add_body(parser, bytes, used);
        if (parsed != HTTP_PARSED_MORE || parser->left > 0) {
                return parsed;
        }
        if (parser->state == HTTP_PARSER_CHUNK_DATA) {
                parser->state = HTTP_PARSER_CHUNK_END_CR;
                return HTTP_PARSED_MORE;
        }
        return done(parser);
}

/* ---- chunks, a byte at a time: RFC 9112, 7.1 ---- */

static int hex_value(char c) {
        return is_digit(c)              ? c - '0'
               : (c >= 'a' && c <= 'f') ? c - 'a' + 10
               : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                        : -1;
}

static enum http_parsed on_size_byte(struct http_parser *parser, char c) {
        enum { DIGITS_MAX = 15 }; /* below 2^60 */
        int digit = hex_value(c);

        if (digit >= 0 && parser->digits < DIGITS_MAX) {
                parser->digits++;
                parser->left = parser->left * 16 + (unsigned) digit;
                return HTTP_PARSED_MORE;
        }
        if (digit >= 0 || parser->digits == 0) {
                return bad(parser, "a chunk without a size");
        }
        if (c == '\r') {
                parser->state = HTTP_PARSER_CHUNK_SIZE_LF;
        } else if (c == ';' || is_blank(c)) {
                parser->state = HTTP_PARSER_CHUNK_EXTENSION;
        } else {
                return bad(parser, "a chunk without a size");
        }
        return HTTP_PARSED_MORE;
}

static enum http_parsed on_extension_byte(struct http_parser *parser, char c) {
        if (c == '\n' || ++parser->line_length > HTTP_PARSER_CHUNK_LINE_MAX) {
                return bad(parser, "a chunk size whose line ends wrongly");
        }
        if (c == '\r') {
                parser->state = HTTP_PARSER_CHUNK_SIZE_LF;
        }
        return HTTP_PARSED_MORE;
}

static enum http_parsed on_size_end(struct http_parser *parser, char c) {
        if (c != '\n') {
                return bad(parser, "a chunk size whose line ends wrongly");
        }
        parser->state = parser->left > 0 ? HTTP_PARSER_CHUNK_DATA : HTTP_PARSER_TRAILER;
        parser->line_length = 0;
        return HTTP_PARSED_MORE;
}

static enum http_parsed on_chunk_end(struct http_parser *parser, char c) {
        if (c != (parser->state == HTTP_PARSER_CHUNK_END_CR ? '\r' : '\n')) {
                return bad(parser, "a chunk that is longer than its size");
        }
        if (parser->state == HTTP_PARSER_CHUNK_END_CR) {
                parser->state = HTTP_PARSER_CHUNK_END_LF;
        } else {
                begin_chunk(parser);
        }
        return HTTP_PARSED_MORE;
}

/* Lines that are dropped, up to an empty one. */
static enum http_parsed on_trailer_byte(struct http_parser *parser, char c) {
        if (parser->header_bytes == parser->max_header) {
                return HTTP_PARSED_HEADER_OVER;
        }
        parser->header_bytes++;
        if (c == '\n') {
                if (parser->line_length == 0) {
                        return done(parser);
                }
                parser->line_length = 0;
        } else if (c != '\r') {
                parser->line_length++;
        }
        return HTTP_PARSED_MORE;
}

static enum http_parsed feed_byte(struct http_parser *parser, char c) {
        switch (parser->state) {
        case HTTP_PARSER_CHUNK_SIZE:
                return on_size_byte(parser, c);
        case HTTP_PARSER_CHUNK_EXTENSION:
                return on_extension_byte(parser, c);
        case HTTP_PARSER_CHUNK_SIZE_LF:
                return on_size_end(parser, c);
        case HTTP_PARSER_CHUNK_END_CR:
        case HTTP_PARSER_CHUNK_END_LF:
                return on_chunk_end(parser, c);
        case HTTP_PARSER_TRAILER:
        case HTTP_PARSER_STATUS_LINE:
        case HTTP_PARSER_FIELDS:
        case HTTP_PARSER_BODY_OF_LENGTH:
        case HTTP_PARSER_BODY_UNTIL_CLOSE:
        case HTTP_PARSER_CHUNK_DATA:
        case HTTP_PARSER_OVER:
                break;
        }
        return on_trailer_byte(parser, c);
}

/* ---- any bytes ---- */

static enum http_parsed feed_some(
        struct http_parser *parser, const char *bytes, size_t length, size_t *ret_used) {
        switch (parser->state) {
        case HTTP_PARSER_STATUS_LINE:
        case HTTP_PARSER_FIELDS:
                return feed_line(parser, bytes, length, ret_used);
        case HTTP_PARSER_BODY_OF_LENGTH:
        case HTTP_PARSER_CHUNK_DATA:
                return feed_counted(parser, bytes, length, ret_used);
        case HTTP_PARSER_BODY_UNTIL_CLOSE:
                *ret_used = length;
                return add_body(parser, bytes, length);
        case HTTP_PARSER_CHUNK_SIZE:
        case HTTP_PARSER_CHUNK_EXTENSION:
        case HTTP_PARSER_CHUNK_SIZE_LF:
        case HTTP_PARSER_CHUNK_END_CR:
        case HTTP_PARSER_CHUNK_END_LF:
        case HTTP_PARSER_TRAILER:
        case HTTP_PARSER_OVER:
                break;
        }
        *ret_used = 1;
        return feed_byte(parser, *bytes);
}

enum http_parsed http_parser_feed(
        struct http_parser *parser, const char *bytes, size_t length, size_t *ret_used) {
        enum http_parsed parsed = HTTP_PARSED_MORE;
        size_t used = 0;

        assert(parser->state != HTTP_PARSER_OVER);
        while (used < length && parsed == HTTP_PARSED_MORE) {
                size_t more = 0;
                parsed = feed_some(parser, bytes + used, length - used, &more);
                used += more;
        }
        *ret_used = used;
        return parsed;
}
