#pragma once
/* Strings: small predicates, and a growing buffer. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool str_starts(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool str_empty(const char *text) {
        return !text || !*text;
}

/* Copies as much as fits, always terminated, never cutting a UTF-8 sequence in two.
 * Returns whether all of it fitted. */
bool str_copy(char *to, size_t size, const char *from);

/* Bytes of the printable UTF-8 character at `text`; 0 when there is none. */
size_t str_printable_length(const char *text);

/* Bytes that are not printable UTF-8 become '?', so that text from outside is safe in a log line.
 */
void str_make_printable(char *text);

/* Damerau-Levenshtein distance of two short words; used for "did you mean". Words above 64 bytes
 * count as infinitely far (SIZE_MAX). */
size_t str_distance(const char *a, const char *b);

/* A growing, always terminated buffer. Zero-initialise. A failed allocation sets `failed` and makes
 * every further call a no-op, so that a chain of appends needs one check at its end. */
struct strbuf {
        char *data; /* NULL until something was added */
        size_t length, capacity;
        bool failed;
};

void strbuf_done(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* keeps the memory */
void strbuf_reserve(struct strbuf *buf, size_t more);
void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_repeated(struct strbuf *buf, char c, size_t times);
void strbuf_add_u64(struct strbuf *buf, uint64_t value);
void strbuf_add_base64(struct strbuf *buf, const void *bytes, size_t length); /* RFC 4648, 4 */
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buf, const char *format, va_list arguments)
        __attribute__((format(printf, 2, 0)));

/* The text, "" when nothing was added; NULL when an allocation failed. Owned by the buffer. */
const char *strbuf_text(const struct strbuf *buf);

/* Hands the heap text over to the caller and resets the buffer; NULL when an allocation failed. */
char *strbuf_take(struct strbuf *buf);
#define AUTO_STRBUF AUTO(strbuf_done)
