#include "model/wire.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/fields.h"

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
        {WIRE_LOOK, "look"},
        {WIRE_CONTENT, "content"},
        {WIRE_VERDICT, "verdict"},
        {WIRE_CHECKPOINT, "checkpoint"},
        {WIRE_REPORT, "report"},
        {WIRE_GUARD, "guard"},
        {WIRE_TRAFFIC, "traffic"},
        {WIRE_ROLE, "role"},
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
        {REFUSAL_HELD, "held", "The hold file exists."},
        {REFUSAL_NO_LEASE, "no-lease", "It is a member of a group, without a lease that counts."},
        {0},
};

const struct enum_text wire_exit_texts[] = {
        {WIRE_EXIT_NONE, "none", "It has not ended."},
        {WIRE_EXIT_STATUS, "status", "It exited."},
        {WIRE_EXIT_SIGNAL, "signal", "A signal ended it."},
        {WIRE_EXIT_UNKNOWN, "unknown", "It ended, and nobody saw how."},
        {0},
};

#define MEMBER(member, kind) FIELD(struct wire_message, member, kind)
#define WORD(key, member, words) FIELD_OF_WORDS(struct wire_message, key, member, words)
#define TEXT(member) FIELD_OF_TEXT(struct wire_message, member)

/* In the order in which they are written; `type` has to be the first. */
static const struct field fields[] = {
        WORD("type", type, wire_type_texts),
        MEMBER(version, FIELD_U32),
        MEMBER(request, FIELD_U64),
        TEXT(service),
        TEXT(probe),
        TEXT(digest),
        MEMBER(incident, FIELD_U64),
        MEMBER(attempt, FIELD_U32),
        MEMBER(step, FIELD_INT),
        WORD("action", action, action_texts),
        MEMBER(ok, FIELD_BOOL),
        MEMBER(running, FIELD_BOOL),
        MEMBER(busy, FIELD_BOOL),
        MEMBER(adopted, FIELD_BOOL),
        MEMBER(certain, FIELD_BOOL),
        MEMBER(has_value, FIELD_BOOL),
        MEMBER(pid, FIELD_INT),
        MEMBER(start_time, FIELD_U64),
        MEMBER(since, FIELD_U64),
        MEMBER(trusted, FIELD_U64),
        MEMBER(candidates, FIELD_U32),
        MEMBER(recovery_points, FIELD_U32),
        MEMBER(suspects, FIELD_U32),
        MEMBER(withdrawn, FIELD_U32),
        WORD("exit", exit_kind, wire_exit_texts),
        MEMBER(exit_code, FIELD_INT),
        MEMBER(core_dumped, FIELD_BOOL),
        MEMBER(out_of_memory, FIELD_BOOL),
        MEMBER(expected, FIELD_BOOL),
        MEMBER(by_person, FIELD_BOOL),
        MEMBER(manager_busy, FIELD_BOOL),
        MEMBER(drained, FIELD_BOOL),
        WORD("refusal", refusal, wire_refusal_texts),
        WORD("outcome", outcome, outcome_texts),
        WORD("cause", cause, cause_texts),
        WORD("exact_cause", exact_cause, cause_texts),
        WORD("health", health, health_texts),
        WORD("files", files, files_state_texts),
        WORD("verb", verb, checkpoint_verb_texts),
        WORD("role", role, member_role_texts),
        MEMBER(proven, FIELD_BOOL),
        MEMBER(token, FIELD_U64),
        MEMBER(deadline, FIELD_U64),
        MEMBER(follows, FIELD_U64),
        MEMBER(value, FIELD_DOUBLE),
        MEMBER(duration, FIELD_U64),
        MEMBER(timeout, FIELD_U64),
        TEXT(text),
        TEXT(from),
        TEXT(to),
        TEXT(values),
        {0},
};

_Static_assert(ELEMENTSOF(fields) - 1 <= FIELDS_MAX, "rows of a table");
_Static_assert(sizeof(usec_t) == sizeof(uint64_t) && sizeof(wall_usec_t) == sizeof(uint64_t),
        "the table reads both as uint64_t");

ssize_t wire_encode(const struct wire_message *message, char packet[WIRE_PACKET_MAX]) {
        return fields_write(fields, message, packet, WIRE_PACKET_MAX);
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
        int r = fields_read(fields, text, &message, err);
        if (r < 0) {
                return r;
        }
        *ret = message;
        return 0;
}

#define FOLD "\xe2\x90\x8a" /* U+240A, symbol for line feed: printable, and hardly in a text */

/* Replaces each `from` by `to`; the last line that does not fit is left out. */
static void translate(const char *text, const char *from, const char *to, char *ret, size_t size) {
        size_t length = 0, line = 0, n = strlen(from), m = strlen(to);
        while (*text) {
                bool found = strncmp(text, from, n) == 0;
                const char *piece = found ? to : text;
                size_t piece_length = found ? m : 1;
                if (length + piece_length >= size) {
                        length = line;
                        break;
                }
                memcpy(ret + length, piece, piece_length);
                length += piece_length;
                line = found ? length : line;
                text += found ? n : 1;
        }
        ret[length] = '\0';
}

void wire_fold(const char *lines, char *ret, size_t size) {
        translate(lines, "\n", FOLD, ret, size);
}

void wire_unfold(const char *line, char *ret, size_t size) {
        translate(line, FOLD, "\n", ret, size);
}
