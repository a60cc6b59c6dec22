#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { DISTANCE_WORD_MAX = 64, STRBUF_FIRST = 64 };

static bool is_continuation(char c) {
        return ((unsigned char) c & 0xc0) == 0x80;
}

bool str_copy(char *to, size_t size, const char *from) {
        size_t length = strlen(from);
        bool fits = length < size;

        if (size == 0) {
                return false;
        }
        if (!fits) {
                length = size - 1;
                while (length > 0 && is_continuation(from[length])) {
                        length--;
                }
        }
        memcpy(to, from, length);
        to[length] = '\0';
        return fits;
}

/* Well-formed byte sequences, Unicode 15 table 3-7: the range of the second byte depends on the
 * first. */
static const struct utf8_form {
        unsigned char first_low, first_high, second_low, second_high, length;
} utf8_forms[] = {
        {0x20, 0x7e, 0, 0, 1},
        {0xc2, 0xc2, 0xa0, 0xbf, 2}, /* U+0080..U+009F are controls */
        {0xc3, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool matches_form(const char *text, const struct utf8_form *form) {
        const unsigned char *bytes = (const unsigned char *) text;

        if (bytes[0] < form->first_low || bytes[0] > form->first_high) {
                return false;
        }
        if (form->length > 1 && (bytes[1] < form->second_low || bytes[1] > form->second_high)) {
                return false;
        }
        for (size_t i = 2; i < form->length; i++) {
                if (!is_continuation(text[i])) {
                        return false;
                }
        }
        return true;
}

size_t str_printable_length(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(utf8_forms); i++) {
                if (matches_form(text, &utf8_forms[i])) {
                        return utf8_forms[i].length;
                }
        }
        return 0;
}

void str_make_printable(char *text) {
        while (*text) {
                size_t length = str_printable_length(text);
                if (length == 0) {
                        *text = '?';
                        length = 1;
                }
                text += length;
        }
}

static size_t smallest(size_t a, size_t b, size_t c) {
        size_t ab = a < b ? a : b;
        return ab < c ? ab : c;
}

/* Optimal string alignment: three rows of the matrix are enough for swaps of neighbours. */
size_t str_distance(const char *a, const char *b) {
        size_t rows[3][DISTANCE_WORD_MAX + 1];
        size_t *before = rows[0], *last = rows[1], *row = rows[2];
        size_t length_a = strlen(a), length_b = strlen(b);

        if (length_a > DISTANCE_WORD_MAX || length_b > DISTANCE_WORD_MAX) {
                return SIZE_MAX;
        }
        for (size_t j = 0; j <= length_b; j++) {
                last[j] = j;
        }
        for (size_t i = 1; i <= length_a; i++) {
                row[0] = i;
                for (size_t j = 1; j <= length_b; j++) {
                        size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
                        row[j] = smallest(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
                        bool swapped =
                                i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                        if (swapped && before[j - 2] + 1 < row[j]) {
                                row[j] = before[j - 2] + 1;
                        }
                }
                size_t *free_row = before;
                before = last;
                last = row;
                row = free_row;
        }
        return last[length_b];
}

void strbuf_done(struct strbuf *buf) {
        free(buf->data);
        *buf = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *buf) {
        buf->length = 0;
        buf->failed = false;
        if (buf->data) {
                buf->data[0] = '\0';
        }
}

/* Capacity for `needed` bytes: doubled, so that a chain of appends is linear. */
static size_t grown(size_t capacity, size_t needed) {
        size_t doubled = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
        if (doubled < STRBUF_FIRST) {
                doubled = STRBUF_FIRST;
        }
        return doubled > needed ? doubled : needed;
}

void strbuf_reserve(struct strbuf *buf, size_t more) {
        if (buf->failed) {
                return;
        }
        if (more > SIZE_MAX - buf->length - 1) {
                buf->failed = true;
                return;
        }
        size_t needed = buf->length + more + 1;
        if (needed <= buf->capacity) {
                return;
        }
        size_t capacity = grown(buf->capacity, needed);
        char *data = realloc(buf->data, capacity);
        if (!data) {
                buf->failed = true;
                return;
        }
        buf->data = data;
        buf->capacity = capacity;
        buf->data[buf->length] = '\0';
}

void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t length) {
        strbuf_reserve(buf, length);
        if (buf->failed || length == 0) {
                return;
        }
        memcpy(buf->data + buf->length, bytes, length);
        buf->length += length;
        buf->data[buf->length] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *text) {
        strbuf_add_bytes(buf, text, strlen(text));
}

void strbuf_add_char(struct strbuf *buf, char c) {
        strbuf_add_bytes(buf, &c, 1);
}

void strbuf_add_repeated(struct strbuf *buf, char c, size_t times) {
        strbuf_reserve(buf, times);
        if (buf->failed || times == 0) {
                return;
        }
        memset(buf->data + buf->length, c, times);
        buf->length += times;
        buf->data[buf->length] = '\0';
}

/* By hand: snprintf takes some twenty times as long, which a scrape of 10,000 series would feel. */
void strbuf_add_u64(struct strbuf *buf, uint64_t value) {
        char digits[20];
        size_t first = sizeof(digits);

        do {
                digits[--first] = (char) ('0' + value % 10);
                value /= 10;
        } while (value > 0);
        strbuf_add_bytes(buf, digits + first, sizeof(digits) - first);
}

void strbuf_add_base64(struct strbuf *buf, const void *bytes, size_t length) {
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *byte = bytes;

        for (; length > 0; byte += 3) {
                size_t n = length < 3 ? length : 3;
                uint32_t group = (uint32_t) byte[0] << 16 | (n > 1 ? (uint32_t) byte[1] << 8 : 0) |
                                 (n > 2 ? byte[2] : 0);
                const char text[] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                        n > 1 ? alphabet[group >> 6 & 63] : '=',
                        n > 2 ? alphabet[group & 63] : '='};
                strbuf_add_bytes(buf, text, sizeof(text));
                length -= n;
        }
}

void strbuf_vaddf(struct strbuf *buf, const char *format, va_list arguments) {
        va_list again;

        strbuf_reserve(buf, STRBUF_FIRST);
        if (buf->failed) {
                return;
        }
        va_copy(again, arguments);
        size_t room = buf->capacity - buf->length;
        int length = vsnprintf(buf->data + buf->length, room, format, arguments);
        if (length >= 0 && (size_t) length >= room) {
                buf->data[buf->length] = '\0';
                strbuf_reserve(buf, (size_t) length);
                if (!buf->failed) {
                        length = vsnprintf(
                                buf->data + buf->length, (size_t) length + 1, format, again);
                }
        }
        va_end(again);
        if (length < 0) {
                buf->failed = true;
        } else if (!buf->failed) {
                buf->length += (size_t) length;
        }
}

void strbuf_addf(struct strbuf *buf, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        strbuf_vaddf(buf, format, arguments);
        va_end(arguments);
}

const char *strbuf_text(const struct strbuf *buf) {
        if (buf->failed) {
                return NULL;
        }
        return buf->data ? buf->data : "";
}

char *strbuf_take(struct strbuf *buf) {
        strbuf_reserve(buf, 0);
        if (buf->failed) {
                strbuf_done(buf);
                return NULL;
        }
        char *text = buf->data;
        *buf = (struct strbuf){0};
        return text;
}
