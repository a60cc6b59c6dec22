#include "executor/checkpoint/json_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "executor/checkpoint/path_text.h"

void json_put_text(struct json_object *json, const char *key, const char *text) {
        json_object_object_add(json, key, text ? json_object_new_string(text) : NULL);
}

void json_put_count(struct json_object *json, const char *key, uint64_t value) {
        json_object_object_add(
                json, key, json_object_new_int64(value > INT64_MAX ? INT64_MAX : (int64_t) value));
}

void json_put_time(struct json_object *json, const char *key, wall_usec_t wall) {
        char text[WALL_TEXT_MAX];
        json_put_text(json, key, wall ? clock_format_wall(wall, text) : NULL);
}

struct json_object *json_of_path(const char *path) {
        AUTO_STRBUF struct strbuf text = {0};
        path_text_add(&text, path);
        return text.failed ? NULL : json_object_new_string(strbuf_text(&text));
}

void json_put_path(struct json_object *json, const char *key, const char *path) {
        json_object_object_add(json, key, json_of_path(path));
}

static struct json_object *member(struct json_object *json, const char *key, enum json_type type) {
        struct json_object *found = NULL;
        return json_object_object_get_ex(json, key, &found) && json_object_is_type(found, type)
                       ? found
                       : NULL;
}

const char *json_get_text(struct json_object *json, const char *key) {
        struct json_object *found = member(json, key, json_type_string);
        return found ? json_object_get_string(found) : NULL;
}

uint64_t json_get_count(struct json_object *json, const char *key) {
        struct json_object *found = member(json, key, json_type_int);
        int64_t value = found ? json_object_get_int64(found) : 0;
        return value > 0 ? (uint64_t) value : 0;
}

bool json_get_bool(struct json_object *json, const char *key) {
        struct json_object *found = member(json, key, json_type_boolean);
        return found && json_object_get_boolean(found);
}

bool json_get_time(struct json_object *json, const char *key, wall_usec_t *ret) {
        const char *text = json_get_text(json, key);
        struct tm tm = {0};
        const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
        if (!end || *end != '.') {
                return false;
        }
        char *rest;
        unsigned long milliseconds = strtoul(end + 1, &rest, 10);
        time_t seconds = timegm(&tm);
        if (strcmp(rest, "Z") != 0 || milliseconds > 999 || seconds < 0) {
                return false;
        }
        *ret = (wall_usec_t) seconds * USEC_PER_SEC + milliseconds * USEC_PER_MSEC;
        return true;
}
