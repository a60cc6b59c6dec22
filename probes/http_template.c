#include "probes/http_template.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

int http_values_set(struct http_values *values, const char *name, const char *text, size_t length) {
        unsigned i = 0;
        while (i < values->count && !str_eq(values->items[i].name, name)) {
                i++;
        }
        if (i == HTTP_VALUES_MAX) {
                return -ENOBUFS;
        }
        char *copy = malloc(length + 1);
        if (!copy) {
                return -ENOMEM;
        }
        memcpy(copy, text, length);
        copy[length] = '\0';
        free(values->items[i].text);
        values->items[i].name = name;
        values->items[i].text = copy;
        values->items[i].length = length;
        values->count += i == values->count;
        return 0;
}

/* What was captured may be a token that opens an account. */
void http_values_done(struct http_values *values) {
        for (unsigned i = 0; i < values->count; i++) {
                explicit_bzero(values->items[i].text, values->items[i].length);
                free(values->items[i].text);
        }
        *values = (struct http_values){0};
}

static int find_value(const struct http_values *values, const char *name, size_t length) {
        for (unsigned i = 0; i < values->count; i++) {
                if (strlen(values->items[i].name) == length &&
                        memcmp(values->items[i].name, name, length) == 0) {
                        return (int) i;
                }
        }
        return -1;
}

/* ---- names ---- */

static size_t name_length(const char *text) {
        size_t length = 0;
        while (isascii((unsigned char) text[length]) &&
                (isalpha((unsigned char) text[length]) || text[length] == '_' ||
                        (length > 0 && isdigit((unsigned char) text[length])))) {
                length++;
        }
        return length <= HTTP_NAME_MAX ? length : 0;
}

bool http_is_name(const char *name) {
        size_t length = name_length(name);
        return length > 0 && name[length] == '\0';
}

const char *http_template_next(const char *text, const char **ret, size_t *ret_length) {
        for (const char *p = strchr(text, '$'); p; p = strchr(p + 1, '$')) {
                if (str_starts(p, "$${")) {
                        p++;
                } else if (p[1] == '{') {
                        size_t length = name_length(p + 2);
                        *ret = p + 2;
                        *ret_length = p[2 + length] == '}' ? length : 0;
                        return p + 2 + *ret_length;
                }
        }
        return NULL;
}

/* ---- values in their place ---- */

static bool is_unreserved(char c) {
        return isascii((unsigned char) c) && (isalnum((unsigned char) c) || strchr("-._~", c));
}

static void add_encoded(struct strbuf *to, const char *value, size_t length) {
        for (size_t i = 0; i < length; i++) {
                if (value[i] && is_unreserved(value[i])) {
                        strbuf_add_char(to, value[i]);
                } else {
                        strbuf_addf(to, "%%%02X", (unsigned char) value[i]);
                }
        }
}

static void add_json(struct strbuf *to, const char *value, size_t length) {
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char) value[i];
                if (c == '"' || c == '\\') {
                        strbuf_add_char(to, '\\');
                        strbuf_add_char(to, (char) c);
                } else if (c < ' ') {
                        strbuf_addf(to, "\\u%04x", c);
                } else {
                        strbuf_add_char(to, (char) c);
                }
        }
}

static bool has_control(const char *value, size_t length) {
        for (size_t i = 0; i < length; i++) {
                if ((unsigned char) value[i] < ' ' || value[i] == 0x7f) {
                        return true;
                }
        }
        return false;
}

/* Whether the value may go there. */
static bool add_value(struct strbuf *to, enum http_place place, const char *value, size_t length) {
        switch (place) {
        case HTTP_PLACE_URL:
        case HTTP_PLACE_FORM:
                add_encoded(to, value, length);
                return true;
        case HTTP_PLACE_JSON:
                add_json(to, value, length);
                return true;
        case HTTP_PLACE_HEADER:
                if (has_control(value, length)) {
                        return false;
                }
                break;
        case HTTP_PLACE_TEXT:
                break;
        }
        strbuf_add_bytes(to, value, length);
        return true;
}

/* Text between two values; "$${" loses its first character. */
static void add_literal(struct strbuf *to, const char *from, const char *until) {
        for (; from < until; from++) {
                if (!str_starts(from, "$${")) {
                        strbuf_add_char(to, *from);
                }
        }
}

int http_template_expand(const char *text, enum http_place place, const struct http_values *values,
        struct strbuf *to, const char **ret_name) {
        const char *name, *rest;
        size_t length, begin = to->length;
        while ((rest = http_template_next(text, &name, &length))) {
                int i = length > 0 ? find_value(values, name, length) : -1;
                if (i < 0) {
                        add_literal(to, text, rest);
                        text = rest;
                        continue;
                }
                add_literal(to, text, name - strlen("${"));
                if (!add_value(to, place, values->items[i].text, values->items[i].length)) {
                        *ret_name = values->items[i].name;
                        return -EINVAL;
                }
                text = rest + strlen("}");
                if (to->length - begin > HTTP_EXPANDED_MAX) {
                        return -E2BIG;
                }
        }
        add_literal(to, text, text + strlen(text));
        return to->length - begin > HTTP_EXPANDED_MAX ? -E2BIG : 0;
}
