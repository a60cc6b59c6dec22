#include "probes/http_json.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json_object.h>
#include <json-c/json_pointer.h>
#include <json-c/json_tokener.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

DEFINE_CLEANUP(cleanup_tokener, struct json_tokener, json_tokener_free)

/* ---- conditions ---- */

enum comparison {
        IS_EQUAL,
        IS_NOT_EQUAL,
        IS_LESS,
        IS_LESS_OR_EQUAL,
        IS_MORE,
        IS_MORE_OR_EQUAL,
        EXISTS,
        IS_ABSENT
};

struct condition {
        enum comparison comparison;
        const char *value; /* that it is compared with */
};

/* The longer ones first, so that none is taken for its beginning. */
static const struct {
        const char *text;
        enum comparison comparison;
} operators[] = {
        {"==", IS_EQUAL},
        {"!=", IS_NOT_EQUAL},
        {"<=", IS_LESS_OR_EQUAL},
        {">=", IS_MORE_OR_EQUAL},
        {"<", IS_LESS},
        {">", IS_MORE},
};

static bool is_ordered(enum comparison comparison) {
        return comparison >= IS_LESS && comparison <= IS_MORE_OR_EQUAL;
}

static struct condition read_condition(const char *text) {
        if (str_eq(text, "exists")) {
                return (struct condition){EXISTS, ""};
        }
        if (str_eq(text, "absent")) {
                return (struct condition){IS_ABSENT, ""};
        }
        for (size_t i = 0; i < ELEMENTSOF(operators); i++) {
                if (str_starts(text, operators[i].text)) {
                        const char *value = text + strlen(operators[i].text);
                        return (struct condition){
                                operators[i].comparison, value + strspn(value, " ")};
                }
        }
        return (struct condition){IS_EQUAL, text};
}

/* A decimal number and nothing else. */
static bool read_number(const char *text, double *ret) {
        char *end;
        if (!*text || text[strspn(text, "+-.0123456789eE")]) {
                return false;
        }
        *ret = strtod(text, &end);
        return *end == '\0' && isfinite(*ret);
}

int http_json_check_condition(const char *condition, char why[SCHEMA_WHY_MAX]) {
        struct condition read = read_condition(condition);
        double number;
        if (is_ordered(read.comparison) && !read_number(read.value, &number)) {
                snprintf(why, SCHEMA_WHY_MAX, "expected a number after the operator of \"%.60s\"",
                        condition);
                return -EINVAL;
        }
        return 0;
}

int http_json_check_pointer(const char *pointer, char why[SCHEMA_WHY_MAX]) {
        if (*pointer && *pointer != '/') {
                snprintf(why, SCHEMA_WHY_MAX,
                        "expected a JSON pointer such as /status or /checks/0/state, not \"%.60s\"",
                        pointer);
                return -EINVAL;
        }
        for (const char *p = strchr(pointer, '~'); p; p = strchr(p + 1, '~')) {
                if (p[1] != '0' && p[1] != '1') {
                        snprintf(why, SCHEMA_WHY_MAX,
                                "in the JSON pointer \"%.60s\" a ~ is written ~0, and a / within a "
                                "name ~1",
                                pointer);
                        return -EINVAL;
                }
        }
        return 0;
}

/* ---- documents ---- */

int http_json_parse(
        const char *body, size_t length, struct json_object **ret, char why[HTTP_JSON_WHY_MAX]) {
        AUTO(cleanup_tokener) struct json_tokener *tokener = json_tokener_new_ex(HTTP_JSON_DEPTH);
        if (!tokener) {
                return -ENOMEM;
        }
        if (length > HTTP_JSON_BYTES) {
                snprintf(why, HTTP_JSON_WHY_MAX,
                        "the body is larger than 256KiB, so it was not read as JSON");
                return -EINVAL;
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        /* With the NUL behind it, so that a number at the very end is known to be complete. */
        struct json_object *json = json_tokener_parse_ex(tokener, body, (int) length + 1);
        enum json_tokener_error error = json_tokener_get_error(tokener);
        size_t end = json_tokener_get_parse_end(tokener);
        if (error != json_tokener_success) {
                snprintf(why, HTTP_JSON_WHY_MAX, "the body is not JSON: %s at byte %zu",
                        length == 0 ? "it is empty" : json_tokener_error_desc(error), end);
                return -EINVAL;
        }
        if (end < length) { /* a NUL within */
                json_object_put(json);
                snprintf(
                        why, HTTP_JSON_WHY_MAX, "the body is not JSON: more text at byte %zu", end);
                return -EINVAL;
        }
        *ret = json;
        return 0;
}

void http_json_free(struct json_object *json) {
        json_object_put(json);
}

/* json_pointer_get() does not find a null in an array. */
static bool is_null_in_array(struct json_object *json, const char *pointer) {
        const char *last = strrchr(pointer, '/');
        char *end;
        if (!isdigit((unsigned char) last[1])) {
                return false;
        }
        size_t index = strtoul(last + 1, &end, 10);
        AUTO_FREE char *parent = strndup(pointer, (size_t) (last - pointer));
        struct json_object *array = json;
        return parent && *end == '\0' &&
               (!*parent || json_pointer_get(json, parent, &array) == 0) &&
               json_object_is_type(array, json_type_array) &&
               index < json_object_array_length(array) && !json_object_array_get_idx(array, index);
}

bool http_json_find(struct json_object *json, const char *pointer, struct json_object **ret) {
        if (!*pointer) {
                *ret = json;
                return true;
        }
        if (!json) {
                return false;
        }
        if (json_pointer_get(json, pointer, ret) == 0) {
                return true;
        }
        *ret = NULL;
        return is_null_in_array(json, pointer);
}

const char *http_json_text(struct json_object *value) {
        if (json_object_is_type(value, json_type_string)) {
                return json_object_get_string(value);
        }
        return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
}

/* ---- comparison ---- */

/* Numbers, and text that holds one. */
static bool number_of(struct json_object *value, double *ret) {
        switch (json_object_get_type(value)) {
        case json_type_int:
        case json_type_double:
                *ret = json_object_get_double(value);
                return true;
        case json_type_string:
                return read_number(json_object_get_string(value), ret);
        case json_type_null:
        case json_type_boolean:
        case json_type_object:
        case json_type_array:
                break;
        }
        return false;
}

static bool is_equal(struct json_object *value, const char *wanted) {
        double found, number;
        switch (json_object_get_type(value)) {
        case json_type_string: /* which may hold a NUL */
                return (size_t) json_object_get_string_len(value) == strlen(wanted) &&
                       str_eq(json_object_get_string(value), wanted);
        case json_type_null:
        case json_type_boolean:
                return str_eq(http_json_text(value), wanted);
        case json_type_int: /* as text first: a double does not tell large ones apart */
                return str_eq(http_json_text(value), wanted) ||
                       (strpbrk(wanted, ".eE") && read_number(wanted, &number) &&
                               number_of(value, &found) && found == number);
        case json_type_double:
                return read_number(wanted, &number) && number_of(value, &found) && found == number;
        case json_type_object:
        case json_type_array:
                break;
        }
        return false;
}

static bool is_in_order(struct json_object *value, const struct condition *condition) {
        double found, wanted;
        if (!number_of(value, &found) || !read_number(condition->value, &wanted)) {
                return false;
        }
        switch (condition->comparison) {
        case IS_LESS:
                return found < wanted;
        case IS_LESS_OR_EQUAL:
                return found <= wanted;
        case IS_MORE:
                return found > wanted;
        case IS_MORE_OR_EQUAL:
                return found >= wanted;
        case IS_EQUAL:
        case IS_NOT_EQUAL:
        case EXISTS:
        case IS_ABSENT:
                break;
        }
        return false;
}

static bool value_fits(struct json_object *value, const struct condition *condition) {
        switch (condition->comparison) {
        case IS_EQUAL:
                return is_equal(value, condition->value);
        case IS_NOT_EQUAL:
                return !is_equal(value, condition->value);
        case EXISTS:
                return true;
        case IS_ABSENT:
                return false;
        case IS_LESS:
        case IS_LESS_OR_EQUAL:
        case IS_MORE:
        case IS_MORE_OR_EQUAL:
                break;
        }
        return is_in_order(value, condition);
}

static void describe(struct json_object *value, char found[HTTP_JSON_WHY_MAX]) {
        switch (json_object_get_type(value)) {
        case json_type_string:
                snprintf(found, HTTP_JSON_WHY_MAX, "is \"%.40s\"", http_json_text(value));
                break;
        case json_type_object:
                snprintf(found, HTTP_JSON_WHY_MAX, "is an object");
                break;
        case json_type_array:
                snprintf(found, HTTP_JSON_WHY_MAX, "is an array");
                break;
        case json_type_null:
        case json_type_boolean:
        case json_type_int:
        case json_type_double:
                snprintf(found, HTTP_JSON_WHY_MAX, "is %.40s", http_json_text(value));
                break;
        }
}

bool http_json_holds(struct json_object *json, const char *pointer, const char *condition,
        char found[HTTP_JSON_WHY_MAX]) {
        struct condition read = read_condition(condition);
        struct json_object *value = NULL;
        if (!http_json_find(json, pointer, &value)) {
                snprintf(found, HTTP_JSON_WHY_MAX, "is missing");
                return read.comparison == IS_ABSENT;
        }
        describe(value, found);
        return value_fits(value, &read);
}
