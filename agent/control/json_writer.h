#pragma once
/* Writes JSON straight into a buffer. The answers of the agent grow with the number of services,
 * and the loop has no time for a tree of objects that is built only to be printed. Keys are
 * literals of this program; text is escaped, and bytes that are not UTF-8 are replaced. A failed
 * allocation shows in the buffer. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/str.h"

struct json_writer {
        struct strbuf *out; /* the caller's */
        bool comma; /* the next value follows another one */
};

/* `key` is NULL within an array and at the top. */
void json_begin_object(struct json_writer *writer, const char *key);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer, const char *key);
void json_end_array(struct json_writer *writer);

void json_put_null(struct json_writer *writer, const char *key);
void json_put_json(
        struct json_writer *writer, const char *key, const char *json); /* one whole value */
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_int(struct json_writer *writer, const char *key, int64_t value);
void json_put_uint(struct json_writer *writer, const char *key, uint64_t value);
void json_put_number(
        struct json_writer *writer, const char *key, double value); /* not finite: null */
void json_put_seconds(struct json_writer *writer, const char *key, usec_t duration);
void json_put_text(struct json_writer *writer, const char *key, const char *text); /* NULL: null */
