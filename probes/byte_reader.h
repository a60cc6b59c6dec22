#pragma once
/* Numbers and strings of binary protocols: out of bytes from outside, and onto bytes to be sent.
 * Reading beyond the end yields zeroes and is remembered, so that a message is read in one go and
 * checked once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct byte_reader { /* borrows the bytes */
        const uint8_t *at;
        size_t left;
        bool failed; /* more was wanted than there was */
};

static inline struct byte_reader byte_reader_of(const void *bytes, size_t length) {
        return (struct byte_reader){.at = bytes, .left = length};
}

/* The next `length` bytes, NULL when there are fewer. */
static inline const uint8_t *byte_reader_take(struct byte_reader *reader, size_t length) {
        if (reader->failed || length > reader->left) {
                reader->failed = true;
                return NULL;
        }
        const uint8_t *taken = reader->at;
        reader->at += length;
        reader->left -= length;
        return taken;
}

static inline uint32_t byte_reader_big(struct byte_reader *reader, size_t bytes) {
        const uint8_t *at = byte_reader_take(reader, bytes);
        uint32_t value = 0;
        for (size_t i = 0; at && i < bytes; i++) {
                value = value << 8 | at[i];
        }
        return value;
}

static inline uint32_t byte_reader_little(struct byte_reader *reader, size_t bytes) {
        const uint8_t *at = byte_reader_take(reader, bytes);
        uint32_t value = 0;
        for (size_t i = 0; at && i < bytes; i++) {
                value |= (uint32_t) at[i] << 8 * i;
        }
        return value;
}

static inline uint8_t byte_reader_u8(struct byte_reader *reader) {
        return (uint8_t) byte_reader_big(reader, 1);
}

/* A text that ends with a NUL, which is passed over. NULL, and failed: there is none. */
static inline const char *byte_reader_text(struct byte_reader *reader) {
        const uint8_t *end = reader->failed ? NULL : memchr(reader->at, '\0', reader->left);
        if (!end) {
                reader->failed = true;
                return NULL;
        }
        return (const char *) byte_reader_take(reader, (size_t) (end - reader->at) + 1);
}

static inline void bytes_add_big(struct strbuf *to, uint32_t value, size_t bytes) {
        while (bytes-- > 0) {
                strbuf_add_char(to, (char) (uint8_t) (value >> 8 * bytes));
        }
}

static inline void bytes_add_little(struct strbuf *to, uint32_t value, size_t bytes) {
        for (size_t i = 0; i < bytes; i++) {
                strbuf_add_char(to, (char) (uint8_t) (value >> 8 * i));
        }
}

/* With its NUL. */
static inline void bytes_add_text(struct strbuf *to, const char *text) {
        strbuf_add_bytes(to, text, strlen(text) + 1);
}
