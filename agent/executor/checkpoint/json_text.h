#pragma once
/* Members of JSON objects, with json-c. An allocation that fails leaves a member out; the caller
 * finds that when it prints. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

void json_put_text(struct json_object *json, const char *key, const char *text); /* NULL: null */
void json_put_count(struct json_object *json, const char *key, uint64_t value);
void json_put_time(struct json_object *json, const char *key, wall_usec_t wall); /* 0: null */
/* Bytes as text, see path_text.h; the caller puts it. */
struct json_object *json_of_path(const char *path);
void json_put_path(struct json_object *json, const char *key, const char *path);

const char *json_get_text(struct json_object *json, const char *key); /* NULL: none */
uint64_t json_get_count(struct json_object *json, const char *key); /* 0: none */
bool json_get_bool(struct json_object *json, const char *key); /* false: none */
/* Of the form that clock_format_wall writes; false: none. */
bool json_get_time(struct json_object *json, const char *key, wall_usec_t *ret);
