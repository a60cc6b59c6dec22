#pragma once
/* JSON in answers: values at pointers (RFC 6901), and conditions on them. Depth and size are
 * limited, because the text comes from outside and is read in the loop. */

#include <stdbool.h>
#include <stddef.h>

#include "model/schema.h"

struct json_object;

enum {
        HTTP_JSON_DEPTH = 64, /* of nested arrays and objects */
        HTTP_JSON_BYTES = 256 * 1024, /* of a body that is read as JSON: some 10 milliseconds */
        HTTP_JSON_WHY_MAX = 120,
};

/* Whether a policy may hold this pointer, this condition: 0, or -EINVAL and why. A condition is a
 * value, an operator (== != < <= > >=) and a value, or one of the words `exists` and `absent`. */
int http_json_check_pointer(const char *pointer, char why[SCHEMA_WHY_MAX]);
int http_json_check_condition(const char *condition, char why[SCHEMA_WHY_MAX]);

/* The whole body; free it with http_json_free. -EINVAL: it is not JSON, or too large or deep, and
 * why; -ENOMEM. JSON's null is a NULL. */
int http_json_parse(
        const char *body, size_t length, struct json_object **ret, char why[HTTP_JSON_WHY_MAX]);
void http_json_free(struct json_object *json); /* accepts NULL */

/* Whether there is a value at a checked pointer; JSON's null is a NULL. */
bool http_json_find(struct json_object *json, const char *pointer, struct json_object **ret);

/* A value as a later request would write it: text without quotes, everything else as JSON. Valid
 * while the value is. */
const char *http_json_text(struct json_object *value);

/* Whether a checked condition holds at a checked pointer. If not, `found` tells a person what there
 * is instead: "is 17", "is \"DOWN\"", "is an object", "is missing". */
bool http_json_holds(struct json_object *json, const char *pointer, const char *condition,
        char found[HTTP_JSON_WHY_MAX]);
