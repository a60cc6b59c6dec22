#pragma once
/* Members of the agent's answers. What is missing, null or of another kind reads as empty, so that
 * an answer of an older or newer agent still renders. */

#include <json-c/json.h>
#include <math.h>
#include <stdbool.h>

#include "base/units.h"

struct json_object *json_member(struct json_object *object, const char *key); /* NULL: none */
const char *json_string(struct json_object *object, const char *key); /* "": none */
double json_real(struct json_object *object, const char *key); /* NaN: none */
bool json_flag(struct json_object *object, const char *key);
size_t json_length(struct json_object *array); /* 0: no array */

/* The number of seconds at a key as people write it; "-" when there is none. Returns text. */
const char *json_duration(struct json_object *object, const char *key, char text[UNITS_TEXT_MAX]);

/* A moment (RFC 3339, UTC) as local time, "2026-03-01 12:03:04"; "-" when there is none. Returns
 * text. */
enum { JSON_TIME_MAX = 32 };
const char *json_local_time(struct json_object *object, const char *key, char text[JSON_TIME_MAX]);
/* The same without the day. */
const char *json_local_clock(struct json_object *object, const char *key, char text[JSON_TIME_MAX]);
