#include "recording/core_image.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
        PIECE = 32, /* bytes of a line; pieces of zeros are left out */
        ITEM_MAX = 16384,
};

/* ---- Writing ---- */

static void write_piece(
        struct strbuf *out, const unsigned char *bytes, size_t offset, size_t size) {
        static const char digits[] = "0123456789abcdef";
        bool zero = true;
        for (size_t i = 0; i < size; i++) {
                zero = zero && bytes[offset + i] == 0;
        }
        if (zero) {
                return;
        }
        strbuf_addf(out, "%zx ", offset);
        for (size_t i = 0; i < size; i++) {
                strbuf_add_char(out, digits[bytes[offset + i] >> 4]);
                strbuf_add_char(out, digits[bytes[offset + i] & 15]);
        }
        strbuf_add_char(out, '\n');
}

static void write_item(struct strbuf *out, const struct recovery_array *array, size_t index) {
        _Alignas(max_align_t) unsigned char item[ITEM_MAX];
        static const _Alignas(max_align_t) unsigned char nothing[ITEM_MAX];
        assert(array->size <= sizeof(item));
        memcpy(item, (const char *) array->items + index * array->size, array->size);
        if (array->keep_links) { /* addresses mean nothing elsewhere */
                array->keep_links(item, nothing);
        }
        size_t before = out->length;
        strbuf_addf(out, "@%zu\n", index);
        size_t heading = out->length;
        for (size_t at = 0; at < array->size; at += PIECE) {
                write_piece(out, item, at, array->size - at < PIECE ? array->size - at : PIECE);
        }
        if (out->length == heading && !out->failed) {
                out->length = before;
                out->data[before] = '\0';
        }
}

void core_image_write(const struct recovery *recovery, struct strbuf *out) {
        struct recovery_array arrays[RECOVERY_ARRAYS];
        recovery_arrays((struct recovery *) recovery, arrays);
        for (size_t i = 0; i < RECOVERY_ARRAYS; i++) {
                const struct recovery_array *array = &arrays[i];
                strbuf_addf(out, "=%s %zu %zu\n", array->name, array->size, array->count);
                for (size_t item = 0; item < array->count; item++) {
                        write_item(out, array, item);
                }
        }
}

/* ---- Reading ---- */

struct reader {
        const char *at; /* NUL-terminated */
        struct error *err;
};

static int damaged(const struct reader *reader) {
        return error_set(reader->err, EBADMSG, "the image of the core is damaged");
}

static int digit_of(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_number(struct reader *reader, int base, char end, size_t *ret) {
        size_t number = 0;
        const char *first = reader->at;
        for (; digit_of(*reader->at) >= 0 && digit_of(*reader->at) < base; reader->at++) {
                if (number > SIZE_MAX / 32) {
                        return false;
                }
                number = number * (size_t) base + (size_t) digit_of(*reader->at);
        }
        *ret = number;
        return reader->at > first && *reader->at++ == end;
}

static int read_piece(struct reader *reader, unsigned char *item, size_t size) {
        size_t offset;
        if (!read_number(reader, 16, ' ', &offset)) {
                return damaged(reader);
        }
        for (; *reader->at != '\n'; reader->at += 2, offset++) {
                int high = digit_of(reader->at[0]);
                int low = high < 0 ? -1 : digit_of(reader->at[1]);
                if (low < 0 || offset >= size) {
                        return damaged(reader);
                }
                item[offset] = (unsigned char) (high << 4 | low);
        }
        reader->at++;
        return 0;
}

static int read_item(struct reader *reader, const struct recovery_array *array) {
        _Alignas(max_align_t) unsigned char item[ITEM_MAX] = {0};
        size_t index;
        int r = 0;
        reader->at++; /* '@' */
        if (!read_number(reader, 10, '\n', &index) || index >= array->count) {
                return damaged(reader);
        }
        while (r == 0 && digit_of(*reader->at) >= 0) {
                r = read_piece(reader, item, array->size);
        }
        void *to = (char *) array->items + index * array->size;
        if (array->keep_links) {
                array->keep_links(item, to);
        }
        memcpy(to, item, array->size);
        return r;
}

static int read_array(struct reader *reader, const struct recovery_array *array) {
        size_t length = strlen(array->name), size, count;
        if (*reader->at != '=' || strncmp(reader->at + 1, array->name, length) != 0 ||
                reader->at[length + 1] != ' ') {
                return damaged(reader);
        }
        reader->at += length + 2;
        if (!read_number(reader, 10, ' ', &size) || !read_number(reader, 10, '\n', &count)) {
                return damaged(reader);
        }
        if (size != array->size || count != array->count) {
                return error_set(reader->err, EPROTO,
                        "the image of the core is of another build of recoverd, or of other policies");
        }
        int r = 0;
        while (r == 0 && *reader->at == '@') {
                r = read_item(reader, array);
        }
        return r;
}

int core_image_read(struct recovery *recovery, const char *text, struct error *err) {
        struct recovery_array arrays[RECOVERY_ARRAYS];
        struct reader reader = {.at = text, .err = err};
        int r = 0;
        recovery_arrays(recovery, arrays);
        for (size_t i = 0; r == 0 && i < RECOVERY_ARRAYS; i++) {
                r = read_array(&reader, &arrays[i]);
        }
        if (r == 0 && (*reader.at != '\0' || !recovery_adopt(recovery))) {
                r = damaged(&reader);
        }
        return r;
}
