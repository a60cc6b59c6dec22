#include "cli/json_read.h"

#include <stdio.h>
#include <time.h>

#include "base/str.h"

struct json_object *json_member(struct json_object *object, const char *key) {
        struct json_object *value = NULL;
        if (!json_object_is_type(object, json_type_object) ||
                !json_object_object_get_ex(object, key, &value)) {
                return NULL;
        }
        return value;
}

const char *json_string(struct json_object *object, const char *key) {
        struct json_object *value = json_member(object, key);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

double json_real(struct json_object *object, const char *key) {
        struct json_object *value = json_member(object, key);
        bool number = json_object_is_type(value, json_type_double) ||
                      json_object_is_type(value, json_type_int);
        return number ? json_object_get_double(value) : NAN;
}

bool json_flag(struct json_object *object, const char *key) {
        struct json_object *value = json_member(object, key);
        return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

size_t json_length(struct json_object *array) {
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

const char *json_duration(struct json_object *object, const char *key, char text[UNITS_TEXT_MAX]) {
        enum { LONGEST = 1000000000 }; /* seconds; beyond that nothing is meant */
        double seconds = json_real(object, key);
        if (!(seconds >= 0 && seconds < LONGEST)) {
                return "-";
        }
        return units_format_duration_short((usec_t) (seconds * (double) USEC_PER_SEC), text);
}

const char *json_local_time(struct json_object *object, const char *key, char text[JSON_TIME_MAX]) {
        struct tm parts = {0}, local;
        const char *end = strptime(json_string(object, key), "%Y-%m-%dT%H:%M:%S", &parts);
        if (!end || (*end != '.' && *end != 'Z')) {
                return "-";
        }
        time_t seconds = timegm(&parts);
        if (!localtime_r(&seconds, &local) ||
                strftime(text, JSON_TIME_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0) {
                return "-";
        }
        return text;
}

const char *json_local_clock(
        struct json_object *object, const char *key, char text[JSON_TIME_MAX]) {
        const char *blank = strchr(json_local_time(object, key, text), ' ');
        return blank ? blank + 1 : "-";
}
