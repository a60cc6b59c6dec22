#include "control/command_args.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"

DEFINE_CLEANUP(cleanup_tokener, struct json_tokener, json_tokener_free)

static void cleanup_object(struct json_object **object) {
        json_object_put(*object);
}

enum member_kind { MEMBER_TEXT, MEMBER_FLAG, MEMBER_SECONDS };

static const struct member {
        const char *name;
        enum command_member bit;
        enum member_kind kind;
        size_t offset, size; /* of the text */
} members[] = {
        {"service", COMMAND_TAKES_SERVICE, MEMBER_TEXT, offsetof(struct command_args, service),
                POLICY_NAME_MAX + 1},
        {"probe", COMMAND_TAKES_PROBE, MEMBER_TEXT, offsetof(struct command_args, probe),
                POLICY_NAME_MAX + 1},
        {"by", COMMAND_TAKES_BY, MEMBER_TEXT, offsetof(struct command_args, by), COMMAND_BY_MAX},
        {"reason", COMMAND_TAKES_REASON, MEMBER_TEXT, offsetof(struct command_args, reason),
                COMMAND_REASON_MAX},
        {"status", COMMAND_TAKES_BEAT, MEMBER_TEXT, offsetof(struct command_args, status),
                COMMAND_STATUS_MAX},
        {"token", COMMAND_TAKES_BEAT, MEMBER_TEXT, offsetof(struct command_args, token),
                COMMAND_TOKEN_MAX},
        {"failed", COMMAND_TAKES_BEAT, MEMBER_FLAG, offsetof(struct command_args, failed), 0},
        {"all", COMMAND_TAKES_ALL, MEMBER_FLAG, offsetof(struct command_args, all), 0},
        {"do", COMMAND_TAKES_CHECKPOINT, MEMBER_TEXT, offsetof(struct command_args, verb), 16},
        {"from", COMMAND_TAKES_CHECKPOINT, MEMBER_TEXT, offsetof(struct command_args, from),
                COMMAND_ID_MAX},
        {"to", COMMAND_TAKES_CHECKPOINT, MEMBER_TEXT, offsetof(struct command_args, to),
                COMMAND_ID_MAX},
        {"group", COMMAND_TAKES_GROUP, MEMBER_TEXT, offsetof(struct command_args, group),
                POLICY_NAME_MAX + 1},
        {"member", COMMAND_TAKES_GROUP, MEMBER_TEXT, offsetof(struct command_args, member),
                GROUP_MEMBER_ID_MAX},
        {"undo", COMMAND_TAKES_UNDO, MEMBER_FLAG, offsetof(struct command_args, undo), 0},
        {"for_seconds", COMMAND_TAKES_DURATION, MEMBER_SECONDS,
                offsetof(struct command_args, duration), 0},
};

int api_error_set(
        struct api_error *error, unsigned status, const char *code, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        error->code = code;
        vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
        return -EINVAL;
}

static int take_text(const struct member *member, struct json_object *value,
        struct command_args *args, struct api_error *error) {
        const char *text = json_object_get_string(value);
        if (!json_object_is_type(value, json_type_string)) {
                return api_error_set(error, 400, "invalid", "%s has to be text", member->name);
        }
        if (strlen(text) != (size_t) json_object_get_string_len(value)) {
                return api_error_set(error, 400, "invalid", "%s holds a NUL byte", member->name);
        }
        char *to = (char *) args + member->offset;
        if (!str_copy(to, member->size, text)) {
                return api_error_set(error, 400, "invalid", "%s is longer than %zu bytes",
                        member->name, member->size - 1);
        }
        str_make_printable(to);
        return 0;
}

static int take_flag(const struct member *member, struct json_object *value,
        struct command_args *args, struct api_error *error) {
        if (!json_object_is_type(value, json_type_boolean)) {
                return api_error_set(
                        error, 400, "invalid", "%s has to be true or false", member->name);
        }
        *(bool *) ((char *) args + member->offset) = json_object_get_boolean(value);
        return 0;
}

static int take_seconds(const struct member *member, struct json_object *value,
        struct command_args *args, struct api_error *error) {
        bool number = json_object_is_type(value, json_type_int) ||
                      json_object_is_type(value, json_type_double);
        double seconds = number ? json_object_get_double(value) : -1;
        if (!(seconds >= 1 && seconds <= COMMAND_PAUSE_SECONDS_MAX)) {
                return api_error_set(error, 400, "invalid",
                        "%s has to be a number of seconds from 1 to %d", member->name,
                        COMMAND_PAUSE_SECONDS_MAX);
        }
        *(usec_t *) ((char *) args + member->offset) = (usec_t) (seconds * (double) USEC_PER_SEC);
        return 0;
}

static int take(const char *name, struct json_object *value, unsigned takes,
        struct command_args *args, struct api_error *error) {
        static int (*const takers[])(const struct member *, struct json_object *,
                struct command_args *, struct api_error *) = {
                [MEMBER_TEXT] = take_text,
                [MEMBER_FLAG] = take_flag,
                [MEMBER_SECONDS] = take_seconds,
        };
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                if ((members[i].bit & takes) && str_eq(members[i].name, name)) {
                        return takers[members[i].kind](&members[i], value, args, error);
                }
        }
        char printable[POLICY_NAME_MAX];
        str_copy(printable, sizeof(printable), name);
        str_make_printable(printable);
        return api_error_set(
                error, 400, "unknown-member", "this command has no member '%s'", printable);
}

static struct json_object *parse_object(const char *body, size_t length, struct api_error *error) {
        AUTO(cleanup_tokener) struct json_tokener *tokener = json_tokener_new_ex(COMMAND_DEPTH_MAX);
        if (!tokener) {
                api_error_set(error, 500, "internal", "out of memory");
                return NULL;
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        AUTO(cleanup_object)
        struct json_object *object = json_tokener_parse_ex(tokener, body, (int) length);
        enum json_tokener_error why = json_tokener_get_error(tokener);
        if (why != json_tokener_success) {
                api_error_set(error, 400, "malformed", "the body is not JSON: %s",
                        why == json_tokener_continue ? "it ends too early"
                                                     : json_tokener_error_desc(why));
                return NULL;
        }
        if (json_tokener_get_parse_end(tokener) < length) {
                api_error_set(error, 400, "malformed", "something follows the JSON object");
                return NULL;
        }
        if (!json_object_is_type(object, json_type_object)) {
                api_error_set(error, 400, "malformed", "the body has to be a JSON object");
                return NULL;
        }
        return TAKE_PTR(object);
}

static int check(unsigned takes, const struct command_args *args, struct api_error *error) {
        bool named = *args->service != 0;
        if (named && args->all) {
                return api_error_set(error, 400, "invalid", "service and all do not go together");
        }
        if ((takes & COMMAND_TAKES_SERVICE) && !named && !args->all) {
                return api_error_set(error, 400, "missing", "the member service is missing");
        }
        return 0;
}

int command_args_parse(const char *body, size_t length, unsigned takes, struct command_args *ret,
        struct api_error *error) {
        struct command_args args = {0};
        if (!(takes & COMMAND_MAY_LAST)) {
                args.duration = COMMAND_PAUSE_SECONDS * USEC_PER_SEC;
        }
        if (length > COMMAND_BODY_MAX) {
                return api_error_set(error, 413, "too-large", "the body is longer than %d bytes",
                        COMMAND_BODY_MAX);
        }
        if (length > 0) {
                AUTO(cleanup_object)
                struct json_object *object = parse_object(body, length, error);
                if (!object) {
                        return -EINVAL;
                }
                json_object_object_foreach(object, name, value) {
                        int r = take(name, value, takes, &args, error);
                        if (r < 0) {
                                return r;
                        }
                }
        }
        int r = check(takes, &args, error);
        if (r == 0) {
                *ret = args;
        }
        return r;
}
