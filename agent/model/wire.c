#include "model/wire.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

const struct enum_text wire_type_texts[] = {
        {WIRE_HELLO, "hello"},
        {WIRE_WELCOME, "welcome"},
        {WIRE_LIST, "list"},
        {WIRE_SERVICE, "service"},
        {WIRE_LISTED, "listed"},
        {WIRE_DO, "do"},
        {WIRE_DONE, "done"},
        {WIRE_REFUSED, "refused"},
        {WIRE_PROBE, "probe"},
        {WIRE_OBSERVATION, "observation"},
        {WIRE_RELOAD, "reload"},
        {WIRE_RELOADED, "reloaded"},
        {WIRE_STOP_ALL, "stop-all"},
        {WIRE_STOPPED_ALL, "stopped-all"},
        {0},
};

const struct enum_text wire_refusal_texts[] = {
        {REFUSAL_NONE, "none", "Nothing was refused."},
        {REFUSAL_UNKNOWN_SERVICE, "unknown-service", "The executor's policy lacks the service."},
        {REFUSAL_DIGEST, "digest", "The executor's policy of the service is a different one."},
        {REFUSAL_BUSY, "busy", "An action on the service is under way."},
        {REFUSAL_BUDGET, "budget", "The executor's own count of actions says no."},
        {REFUSAL_NOT_ALLOWED, "not-allowed", "The policy does not provide for the action."},
        {REFUSAL_LIMIT, "limit", "Too many actions at once."},
        {0},
};

const struct enum_text wire_exit_texts[] = {
        {WIRE_EXIT_NONE, "none", "It has not ended."},
        {WIRE_EXIT_STATUS, "status", "It exited."},
        {WIRE_EXIT_SIGNAL, "signal", "A signal ended it."},
        {WIRE_EXIT_UNKNOWN, "unknown", "It ended, and nobody saw how."},
        {0},
};

enum field_kind {
        FIELD_U32,
        FIELD_U64,
        FIELD_INT,
        FIELD_BOOL,
        FIELD_DOUBLE,
        FIELD_WORD,
        FIELD_TEXT
};

struct field {
        const char *key;
        enum field_kind kind;
        size_t offset;
        size_t size; /* FIELD_TEXT: of the array */
        const struct enum_text *words; /* FIELD_WORD */
};

#define FIELD(member, kind_)                                                                       \
        { #member, kind_, offsetof(struct wire_message, member) }
#define WORD(key_, member, words_)                                                                 \
        { key_, FIELD_WORD, offsetof(struct wire_message, member), 0, words_ }
#define TEXT(member)                                                                               \
        {                                                                                          \
#member, FIELD_TEXT, offsetof(struct wire_message, member),                        \
                        sizeof(((struct wire_message *) 0)->member)                                \
        }

/* In the order in which they are written; `type` has to be the first. */
static const struct field fields[] = {
        WORD("type", type, wire_type_texts),
        FIELD(version, FIELD_U32),
        FIELD(request, FIELD_U64),
        TEXT(service),
        TEXT(probe),
        TEXT(digest),
        FIELD(incident, FIELD_U64),
        FIELD(attempt, FIELD_U32),
        FIELD(step, FIELD_INT),
        WORD("action", action, action_texts),
        FIELD(ok, FIELD_BOOL),
        FIELD(running, FIELD_BOOL),
        FIELD(busy, FIELD_BOOL),
        FIELD(adopted, FIELD_BOOL),
        FIELD(certain, FIELD_BOOL),
        FIELD(has_value, FIELD_BOOL),
        FIELD(pid, FIELD_INT),
        FIELD(start_time, FIELD_U64),
        FIELD(since, FIELD_U64),
        WORD("exit", exit_kind, wire_exit_texts),
        FIELD(exit_code, FIELD_INT),
        FIELD(core_dumped, FIELD_BOOL),
        FIELD(expected, FIELD_BOOL),
        WORD("refusal", refusal, wire_refusal_texts),
        WORD("outcome", outcome, outcome_texts),
        WORD("cause", cause, cause_texts),
        FIELD(value, FIELD_DOUBLE),
        FIELD(duration, FIELD_U64),
        FIELD(timeout, FIELD_U64),
        TEXT(text),
};

_Static_assert(ELEMENTSOF(fields) <= 64, "the keys that were seen are bits of one word");
_Static_assert(sizeof(pid_t) == sizeof(int) && sizeof(enum wire_type) == sizeof(int),
        "the table reads both as int");
_Static_assert(sizeof(usec_t) == sizeof(uint64_t) && sizeof(wall_usec_t) == sizeof(uint64_t),
        "the table reads both as uint64_t");

/* ---- Writing ----------------------------------------------------------------------------------
 */

struct packet {
        char *data;
        size_t length;
        bool full;
};

static void put(struct packet *packet, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void put(struct packet *packet, const char *key, const char *format, ...) {
        size_t room = WIRE_PACKET_MAX - packet->length;
        char *at = packet->data + packet->length;
        int head = snprintf(at, room, "%s=", key);
        if (packet->full || (size_t) head >= room) {
                packet->full = true;
                return;
        }
        va_list arguments;
        va_start(arguments, format);
        int body = vsnprintf(at + head, room - (size_t) head, format, arguments);
        va_end(arguments);
        /* One byte more for the newline that takes the place of the terminator. */
        if (body < 0 || (size_t) head + (size_t) body + 1 >= room) {
                packet->full = true;
                return;
        }
        at[head + body] = '\n';
        packet->length += (size_t) head + (size_t) body + 1;
}

/* A value is one line: what would end it early becomes a space. */
static void put_text(struct packet *packet, const char *key, const char *text) {
        char line[sizeof(((struct wire_message *) 0)->text)];
        str_copy(line, sizeof(line), text);
        for (char *c = line; *c; c++) {
                if (iscntrl((unsigned char) *c)) {
                        *c = ' ';
                }
        }
        put(packet, key, "%s", line);
}

static void put_field(
        struct packet *packet, const struct field *field, const struct wire_message *message) {
        const void *member = (const char *) message + field->offset;
        switch (field->kind) {
        case FIELD_U32:
                if (*(const uint32_t *) member) {
                        put(packet, field->key, "%" PRIu32, *(const uint32_t *) member);
                }
                break;
        case FIELD_U64:
                if (*(const uint64_t *) member) {
                        put(packet, field->key, "%" PRIu64, *(const uint64_t *) member);
                }
                break;
        case FIELD_INT:
                if (*(const int *) member) {
                        put(packet, field->key, "%d", *(const int *) member);
                }
                break;
        case FIELD_BOOL:
                if (*(const bool *) member) {
                        put(packet, field->key, "1");
                }
                break;
        case FIELD_DOUBLE:
                if (fpclassify(*(const double *) member) != FP_ZERO) {
                        put(packet, field->key, "%.17g", *(const double *) member);
                }
                break;
        case FIELD_WORD:
                if (*(const int *) member) {
                        put(packet, field->key, "%s",
                                enum_text_format(field->words, *(const int *) member));
                }
                break;
        case FIELD_TEXT:
                if (*(const char *) member) {
                        put_text(packet, field->key, member);
                }
                break;
        }
}

ssize_t wire_encode(const struct wire_message *message, char packet[WIRE_PACKET_MAX]) {
        struct packet out = {.data = packet};
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                put_field(&out, &fields[i], message);
        }
        return out.full ? -EMSGSIZE : (ssize_t) out.length;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static int bad_value(const struct field *field, const char *expected, struct error *err) {
        return error_set(err, EBADMSG, "%s: expected %s", field->key, expected);
}

static int read_unsigned(const struct field *field, const char *value, uint64_t most, uint64_t *ret,
        struct error *err) {
        char *end = NULL;
        errno = 0;
        unsigned long long number = strtoull(value, &end, 10);
        if (!isdigit((unsigned char) *value) || *end || errno == ERANGE || number > most) {
                return bad_value(field, "a count", err);
        }
        *ret = number;
        return 0;
}

static int read_int(const struct field *field, const char *value, int *ret, struct error *err) {
        char *end = NULL;
        errno = 0;
        long number = strtol(value, &end, 10);
        bool digits = isdigit((unsigned char) value[*value == '-']);
        if (!digits || *end || errno == ERANGE || number < INT32_MIN || number > INT32_MAX) {
                return bad_value(field, "an integer", err);
        }
        *ret = (int) number;
        return 0;
}

static int read_double(
        const struct field *field, const char *value, double *ret, struct error *err) {
        char *end = NULL;
        double number = strtod(value, &end);
        if (end == value || *end || !isfinite(number)) {
                return bad_value(field, "a finite number", err);
        }
        *ret = number;
        return 0;
}

static int read_word(const struct field *field, const char *value, int *ret, struct error *err) {
        int word = enum_text_parse(field->words, value);
        if (word < 0) {
                return error_set(err, EBADMSG, "unknown %s", field->key);
        }
        *ret = word;
        return 0;
}

static int read_text(const struct field *field, const char *value, char *ret, struct error *err) {
        if (!str_copy(ret, field->size, value)) {
                return error_set(err, EBADMSG, "%s: too long", field->key);
        }
        str_make_printable(ret);
        return 0;
}

static int read_value(const struct field *field, const char *value, struct wire_message *message,
        struct error *err) {
        void *member = (char *) message + field->offset;
        uint64_t number = 0;
        int r = 0;
        switch (field->kind) {
        case FIELD_U32:
                r = read_unsigned(field, value, UINT32_MAX, &number, err);
                *(uint32_t *) member = (uint32_t) number;
                return r;
        case FIELD_U64:
                return read_unsigned(field, value, UINT64_MAX, member, err);
        case FIELD_BOOL:
                r = read_unsigned(field, value, 1, &number, err);
                *(bool *) member = number != 0;
                return r;
        case FIELD_INT:
                return read_int(field, value, member, err);
        case FIELD_DOUBLE:
                return read_double(field, value, member, err);
        case FIELD_WORD:
                return read_word(field, value, member, err);
        case FIELD_TEXT:
                return read_text(field, value, member, err);
        }
        return -EBADMSG;
}

/* `seen` has a bit for each field: a key that comes twice could mean two things to two readers. */
static int read_line(char *line, struct wire_message *message, uint64_t *seen, struct error *err) {
        char *value = strchr(line, '=');
        if (!value) {
                return error_set(err, EBADMSG, "a line without '='");
        }
        *value++ = '\0';
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                if (!str_eq(fields[i].key, line)) {
                        continue;
                }
                if (*seen & (UINT64_C(1) << i)) {
                        return error_set(err, EBADMSG, "%s: twice", fields[i].key);
                }
                *seen |= UINT64_C(1) << i;
                return read_value(&fields[i], value, message, err);
        }
        return *seen ? 0 : error_set(err, EBADMSG, "does not begin with type=");
}

static int read_lines(char *text, struct wire_message *message, struct error *err) {
        uint64_t seen = 0;
        for (char *line = text; *line;) {
                char *end = strchr(line, '\n');
                if (!end) {
                        return error_set(err, EBADMSG, "the last line is cut");
                }
                *end = '\0';
                int r = read_line(line, message, &seen, err);
                if (r < 0) {
                        return r;
                }
                if (message->type == WIRE_NONE) {
                        return error_set(err, EBADMSG, "does not begin with type=");
                }
                line = end + 1;
        }
        return seen ? 0 : error_set(err, EBADMSG, "empty");
}

int wire_decode(const char *packet, size_t length, struct wire_message *ret, struct error *err) {
        char text[WIRE_PACKET_MAX + 1];
        if (length > WIRE_PACKET_MAX) {
                return error_set(err, EBADMSG, "longer than %d bytes", WIRE_PACKET_MAX);
        }
        if (memchr(packet, '\0', length)) {
                return error_set(err, EBADMSG, "holds a zero byte");
        }
        memcpy(text, packet, length);
        text[length] = '\0';
        struct wire_message message = {0};
        int r = read_lines(text, &message, err);
        if (r < 0) {
                return r;
        }
        *ret = message;
        return 0;
}
