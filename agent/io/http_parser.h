#pragma once
/* Inside http_client: one HTTP/1.x response, read as its bytes come (RFC 9112). Strict: what two
 * readers could take for different things is refused, so that a kept connection never gets out of
 * step. Interim responses (1xx) are passed over, trailers are dropped, the body is kept as it was
 * sent. Pure: no clock, no I/O. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "io/http_client.h"

enum {
        HTTP_PARSER_ERROR_MAX = 96,
        HTTP_PARSER_CHUNK_LINE_MAX = 1024, /* bytes of the size of a chunk with its extensions */
};

enum http_parsed {
        HTTP_PARSED_MORE, /* bytes are missing */
        HTTP_PARSED_DONE,
        HTTP_PARSED_BAD, /* this is not HTTP; `error` says why */
        HTTP_PARSED_HEADER_OVER, /* larger than max_header, all of the exchange together */
        HTTP_PARSED_BODY_OVER, /* larger than max_body; its first bytes are there */
        HTTP_PARSED_NO_MEMORY,
};

/* How far it is, in the order in which it gets there. */
enum http_parser_state {
        HTTP_PARSER_STATUS_LINE,
        HTTP_PARSER_FIELDS,
        HTTP_PARSER_BODY_OF_LENGTH, /* `left` bytes of it are missing */
        HTTP_PARSER_BODY_UNTIL_CLOSE,
        HTTP_PARSER_CHUNK_SIZE, /* its digits and extension, to the end of the line */
        HTTP_PARSER_CHUNK_EXTENSION,
        HTTP_PARSER_CHUNK_SIZE_LF,
        HTTP_PARSER_CHUNK_DATA, /* `left` bytes of it are missing */
        HTTP_PARSER_CHUNK_END_CR,
        HTTP_PARSER_CHUNK_END_LF,
        HTTP_PARSER_TRAILER,
        HTTP_PARSER_OVER,
};

struct http_parser {
        /* What came: of the last response. */
        int status; /* 0: none yet */
        enum http_version version;
        bool keep; /* once done: whether the connection may carry another request */
        struct strbuf header, body; /* raw lines with the status line; the body */
        char error[HTTP_PARSER_ERROR_MAX];

        /* How it is read. */
        bool no_body; /* the request was HEAD */
        size_t max_header, max_body; /* bytes */
        enum http_parser_state state;
        size_t header_bytes; /* of all responses, with trailers */
        size_t line; /* where the line that is not complete begins in `header` */
        uint64_t left;
        unsigned digits; /* of the size of a chunk */
        size_t line_length; /* of the chunk's or trailer's line under way */
        bool has_length, chunked, close, keep_alive; /* of the fields so far */
        uint64_t length;
};

/* For the next response; keeps the memory of the buffers. Zeroed memory may begin. */
void http_parser_begin(
        struct http_parser *parser, bool no_body, size_t max_header, size_t max_body);
void http_parser_done(struct http_parser *parser); /* frees the buffers */
/* Takes bytes, up to the end of the response: *ret_used of them. Not called after DONE or a
 * failure. */
enum http_parsed http_parser_feed(
        struct http_parser *parser, const char *bytes, size_t length, size_t *ret_used);
/* The peer has closed: DONE, or BAD when something is missing. */
enum http_parsed http_parser_end(struct http_parser *parser);
/* Whether any byte of a response has come. */
bool http_parser_began(const struct http_parser *parser);
