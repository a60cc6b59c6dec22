#pragma once
/* Holds a conversation from a script: what the server says and what the client must say. Each
 * script is held many times over, with the server's bytes cut in two at every position, and byte by
 * byte; it must come out the same. */

#include <stdio.h>
#include <string.h>

#include "probes/protocol.h"
#include "tests/unit/unit_test.h"

enum script_what {
        SCRIPT_END,
        SCRIPT_SERVER, /* says these bytes */
        SCRIPT_CLIENT, /* must have said exactly these bytes; NULL: anything */
        SCRIPT_TLS, /* TLS must be wanted, and is put on the connection */
        SCRIPT_WORK, /* a computation must be wanted, and is done */
        SCRIPT_CLOSE, /* the server closes */
};

struct script_line {
        enum script_what what;
        const char *bytes;
        size_t length;
};

#define SERVER(text)                                                                               \
        { SCRIPT_SERVER, text, sizeof(text) - 1 }
#define CLIENT(text)                                                                               \
        { SCRIPT_CLIENT, text, sizeof(text) - 1 }
#define ANYTHING                                                                                   \
        { SCRIPT_CLIENT, NULL, 0 }
#define TLS                                                                                        \
        { SCRIPT_TLS, NULL, 0 }
#define WORK                                                                                       \
        { SCRIPT_WORK, NULL, 0 }
#define CLOSE                                                                                      \
        { SCRIPT_CLOSE, NULL, 0 }

enum { SCRIPT_BYTE_BY_BYTE = -1, SCRIPT_LINES_MAX = 16 };

struct script {
        enum protocol_kind protocol;
        struct talk_options options; /* `random` is 0, 1, 2, ... */
        struct script_line lines[SCRIPT_LINES_MAX];
        enum outcome outcome;
        enum cause cause;
        const char *text; /* that must be in the result */
        const char *never; /* that must not be; NULL: nothing */
};

static inline enum talk_action script_feed(
        struct talk *talk, const struct script_line *line, long cut) {
        enum talk_action action = TALK_READ;
        size_t at = 0;
        while (at < line->length && action == TALK_READ) {
                size_t piece = cut == SCRIPT_BYTE_BY_BYTE ? 1
                               : at == 0 && (size_t) cut > 0 && (size_t) cut < line->length
                                       ? (size_t) cut
                                       : line->length - at;
                action = talk_receive(talk, line->bytes + at, piece);
                at += piece;
        }
        return action;
}

static inline void script_said(struct talk *talk, const struct script_line *line) {
        if (line->bytes && (talk->out.length != line->length ||
                                   memcmp(talk->out.data, line->bytes, line->length) != 0)) {
                fail_msg("said \"%.*s\" instead of \"%.*s\"", (int) talk->out.length,
                        talk->out.data, (int) line->length, line->bytes);
        }
        assert_true(talk->out.length > 0);
        strbuf_reset(&talk->out);
}

static inline enum talk_action script_line(
        struct talk *talk, enum talk_action action, const struct script_line *line, long cut) {
        switch (line->what) {
        case SCRIPT_END:
                break;
        case SCRIPT_SERVER:
                assert_int_equal(action, TALK_READ);
                return script_feed(talk, line, cut);
        case SCRIPT_CLIENT:
                script_said(talk, line);
                break;
        case SCRIPT_TLS:
                assert_int_equal(action, TALK_SECURE);
                return talk_secured(talk);
        case SCRIPT_WORK:
                assert_int_equal(action, TALK_DERIVE);
                scram_work_run(talk->work);
                return talk_derived(talk);
        case SCRIPT_CLOSE:
                assert_int_equal(action, TALK_READ);
                return talk_closed(talk);
        }
        return action;
}

static inline void script_hold_once(const struct script *script, long cut) {
        struct talk_options options = script->options;
        struct talk talk;
        for (size_t i = 0; i < TALK_RANDOM_BYTES; i++) {
                options.random[i] = (uint8_t) i;
        }
        enum talk_action action = talk_begin(&talk, protocol_of((int) script->protocol), &options);
        for (const struct script_line *line = script->lines; line->what != SCRIPT_END; line++) {
                action = script_line(&talk, action, line, cut);
        }
        if (action != TALK_OVER || talk.outcome != script->outcome || talk.cause != script->cause ||
                !strstr(talk.text, script->text) ||
                (script->never && strstr(talk.text, script->never))) {
                fail_msg("cut at %ld: action %d, %s, %s: \"%s\" instead of %s, %s: \"%s\"", cut,
                        action, outcome_text(talk.outcome), cause_text(talk.cause), talk.text,
                        outcome_text(script->outcome), cause_text(script->cause), script->text);
        }
        talk_done(&talk);
}

static inline void script_hold(const struct script *script) {
        size_t longest = 0;
        for (const struct script_line *line = script->lines; line->what != SCRIPT_END; line++) {
                if (line->what == SCRIPT_SERVER && line->length > longest) {
                        longest = line->length;
                }
        }
        for (size_t cut = 0; cut < longest; cut++) {
                script_hold_once(script, (long) cut);
        }
        script_hold_once(script, SCRIPT_BYTE_BY_BYTE);
}

#define script_hold_all(scripts)                                                                   \
        for (size_t i = 0; i < sizeof(scripts) / sizeof((scripts)[0]); i++) {                      \
                script_hold(&(scripts)[i]);                                                        \
        }

#define PASSES .outcome = OUTCOME_PASS, .cause = CAUSE_NONE
#define DEGRADED .outcome = OUTCOME_DEGRADED, .cause = CAUSE_NONE
#define WRONG .outcome = OUTCOME_FAIL, .cause = CAUSE_WRONG_ANSWER
#define SILENT .outcome = OUTCOME_FAIL, .cause = CAUSE_UNRESPONSIVE
#define SPENT .outcome = OUTCOME_FAIL, .cause = CAUSE_RESOURCE
#define SHORT(what) .outcome = OUTCOME_FAIL, .cause = CAUSE_RESOURCE_##what
#define UNKNOWN .outcome = OUTCOME_UNKNOWN, .cause = CAUSE_NONE
