#pragma once
/* Texts of a policy that hold ${NAME}, a value which an earlier answer gave. Each value is escaped
 * for the place where it goes, because it comes from outside. $${ stands for ${. */

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum {
        HTTP_NAME_MAX = 32, /* bytes of a name: a letter or _, then letters, digits and _ */
        HTTP_VALUES_MAX = 16, /* of one run */
        HTTP_VALUE_MAX = 4096, /* bytes of a value */
        HTTP_EXPANDED_MAX = 128 * 1024, /* bytes of an expanded text */
};

enum http_place {
        HTTP_PLACE_URL, /* percent-encoded, all but unreserved characters (RFC 3986, 2.3) */
        HTTP_PLACE_HEADER, /* as it is; without control characters */
        HTTP_PLACE_JSON, /* escaped as within a string (RFC 8259, 7) */
        HTTP_PLACE_FORM, /* as in a URL */
        HTTP_PLACE_TEXT, /* as it is */
};

/* The values of a run. The names are borrowed, the texts are theirs. */
struct http_values {
        struct {
                const char *name;
                char *text;
                size_t length;
        } items[HTTP_VALUES_MAX];
        unsigned count;
};

/* Adds or replaces; copies the text. -ENOMEM; -ENOBUFS: too many. */
int http_values_set(struct http_values *values, const char *name, const char *text, size_t length);
void http_values_done(struct http_values *values);

bool http_is_name(const char *name);

/* The next ${NAME} in a text: its name, not terminated, in *ret and *ret_length; returns where to
 * go on. NULL: there is no more. A ${ that begins no name has the length 0. */
const char *http_template_next(const char *text, const char **ret, size_t *ret_length);

/* Appends the text with all values put in; names without a value stay as they are. 0; -EINVAL: a
 * value cannot go there, and *ret_name is its name; -E2BIG: longer than HTTP_EXPANDED_MAX. Memory
 * that fails shows in `to`. */
int http_template_expand(const char *text, enum http_place place, const struct http_values *values,
        struct strbuf *to, const char **ret_name);
