#include "model/fields.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

_Static_assert(sizeof(pid_t) == sizeof(int), "FIELD_INT reads a pid_t as int");

/* ---- Writing ---- */

struct lines {
        char *data;
        size_t length, size;
        bool full;
};

static void put(struct lines *lines, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void put(struct lines *lines, const char *key, const char *format, ...) {
        size_t room = lines->size - lines->length;
        char *at = lines->data + lines->length;
        int head = snprintf(at, room, "%s=", key);
        if (lines->full || (size_t) head >= room) {
                lines->full = true;
                return;
        }
        va_list arguments;
        va_start(arguments, format);
        int body = vsnprintf(at + head, room - (size_t) head, format, arguments);
        va_end(arguments);
        /* One byte more for the newline that takes the place of the terminator. */
        if (body < 0 || (size_t) head + (size_t) body + 1 >= room) {
                lines->full = true;
                return;
        }
        at[head + body] = '\n';
        lines->length += (size_t) head + (size_t) body + 1;
}

/* A value is one line: what would end it early becomes a space. */
static void put_text(struct lines *lines, const char *key, const char *text) {
        char line[FIELDS_TEXT_MAX];
        str_copy(line, sizeof(line), text);
        for (char *c = line; *c; c++) {
                if (iscntrl((unsigned char) *c)) {
                        *c = ' ';
                }
        }
        put(lines, key, "%s", line);
}

static void put_field(struct lines *lines, const struct field *field, const void *object) {
        const void *member = (const char *) object + field->offset;
        switch (field->kind) {
        case FIELD_U32:
                if (*(const uint32_t *) member) {
                        put(lines, field->key, "%" PRIu32, *(const uint32_t *) member);
                }
                break;
        case FIELD_U64:
                if (*(const uint64_t *) member) {
                        put(lines, field->key, "%" PRIu64, *(const uint64_t *) member);
                }
                break;
        case FIELD_INT:
                if (*(const int *) member) {
                        put(lines, field->key, "%d", *(const int *) member);
                }
                break;
        case FIELD_BOOL:
                if (*(const bool *) member) {
                        put(lines, field->key, "1");
                }
                break;
        case FIELD_DOUBLE:
                if (fpclassify(*(const double *) member) != FP_ZERO) {
                        put(lines, field->key, "%.17g", *(const double *) member);
                }
                break;
        case FIELD_WORD:
                if (*(const int *) member) {
                        put(lines, field->key, "%s",
                                enum_text_format(field->words, *(const int *) member));
                }
                break;
        case FIELD_TEXT:
                if (*(const char *) member) {
                        put_text(lines, field->key, member);
                }
                break;
        }
}

ssize_t fields_write(const struct field *table, const void *object, char *to, size_t size) {
        struct lines lines = {.data = to, .size = size};
        for (const struct field *field = table; field->key; field++) {
                put_field(&lines, field, object);
        }
        return lines.full ? -EMSGSIZE : (ssize_t) lines.length;
}

/* ---- Reading ---- */

static int bad_value(const struct field *field, const char *expected, struct error *err) {
        return error_set(err, EBADMSG, "%s: expected %s", field->key, expected);
}

static int read_unsigned(const struct field *field, const char *value, uint64_t most, uint64_t *ret,
        struct error *err) {
        char *end = NULL;
        errno = 0;
        unsigned long long number = strtoull(value, &end, 10);
        if (!isdigit((unsigned char) *value) || *end || errno == ERANGE || number > most) {
                return bad_value(field, "a count", err);
        }
        *ret = number;
        return 0;
}

static int read_int(const struct field *field, const char *value, int *ret, struct error *err) {
        char *end = NULL;
        errno = 0;
        long number = strtol(value, &end, 10);
        bool digits = isdigit((unsigned char) value[*value == '-']);
        if (!digits || *end || errno == ERANGE || number < INT32_MIN || number > INT32_MAX) {
                return bad_value(field, "an integer", err);
        }
        *ret = (int) number;
        return 0;
}

static int read_double(
        const struct field *field, const char *value, double *ret, struct error *err) {
        char *end = NULL;
        double number = strtod(value, &end);
        if (end == value || *end || !isfinite(number)) {
                return bad_value(field, "a finite number", err);
        }
        *ret = number;
        return 0;
}

static int read_word(const struct field *field, const char *value, int *ret, struct error *err) {
        int word = enum_text_parse(field->words, value);
        if (word < 0) {
                return error_set(err, EBADMSG, "unknown %s", field->key);
        }
        *ret = word;
        return 0;
}

static int read_text(const struct field *field, const char *value, char *ret, struct error *err) {
        if (!str_copy(ret, field->size, value)) {
                return error_set(err, EBADMSG, "%s: too long", field->key);
        }
        str_make_printable(ret);
        return 0;
}

static int read_value(
        const struct field *field, const char *value, void *object, struct error *err) {
        void *member = (char *) object + field->offset;
        uint64_t number = 0;
        int r = 0;
        switch (field->kind) {
        case FIELD_U32:
                r = read_unsigned(field, value, UINT32_MAX, &number, err);
                *(uint32_t *) member = (uint32_t) number;
                return r;
        case FIELD_U64:
                return read_unsigned(field, value, UINT64_MAX, member, err);
        case FIELD_BOOL:
                r = read_unsigned(field, value, 1, &number, err);
                *(bool *) member = number != 0;
                return r;
        case FIELD_INT:
                return read_int(field, value, member, err);
        case FIELD_DOUBLE:
                return read_double(field, value, member, err);
        case FIELD_WORD:
                return read_word(field, value, member, err);
        case FIELD_TEXT:
                return read_text(field, value, member, err);
        }
        return -EBADMSG;
}

/* `seen` has a bit for each row: a key that comes twice could mean two things to two readers. */
static int read_line(
        const struct field *table, char *line, void *object, uint64_t *seen, struct error *err) {
        char *value = strchr(line, '=');
        if (!value) {
                return error_set(err, EBADMSG, "a line without '='");
        }
        *value++ = '\0';
        for (size_t i = 0; table[i].key; i++) {
                if (!str_eq(table[i].key, line)) {
                        continue;
                }
                if (*seen & (UINT64_C(1) << i)) {
                        return error_set(err, EBADMSG, "%s: twice", table[i].key);
                }
                *seen |= UINT64_C(1) << i;
                return read_value(&table[i], value, object, err);
        }
        return 0;
}

int fields_read(const struct field *table, char *text, void *object, struct error *err) {
        uint64_t seen = 0;
        for (char *line = text; *line;) {
                char *end = strchr(line, '\n');
                if (!end) {
                        return error_set(err, EBADMSG, "the last line is cut");
                }
                *end = '\0';
                int r = read_line(table, line, object, &seen, err);
                if (r < 0) {
                        return r;
                }
                if (!(seen & 1)) {
                        return error_set(err, EBADMSG, "does not begin with %s=", table[0].key);
                }
                line = end + 1;
        }
        return seen ? 0 : error_set(err, EBADMSG, "empty");
}
