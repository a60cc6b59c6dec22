#include "probes/talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "probes/protocol.h"

/* ---- conclusions ---- */

__attribute__((format(printf, 4, 0))) static enum talk_action conclude(struct talk *talk,
        enum outcome outcome, enum cause cause, const char *format, va_list arguments) {
        char text[4 * OBSERVATION_DETAIL_MAX];
        int length = vsnprintf(text, sizeof(text), format, arguments);
        talk->outcome = outcome;
        talk->cause = cause;
        str_copy(talk->text, sizeof(talk->text), length < 0 ? "" : text);
        str_make_printable(talk->text);
        return TALK_OVER;
}

enum talk_action talk_conclude(
        struct talk *talk, enum outcome outcome, enum cause cause, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        enum talk_action action = conclude(talk, outcome, cause, format, arguments);
        va_end(arguments);
        return action;
}

enum talk_action talk_pass(struct talk *talk, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        enum talk_action action = conclude(talk, OUTCOME_PASS, CAUSE_NONE, format, arguments);
        va_end(arguments);
        return action;
}

enum talk_action talk_fail(struct talk *talk, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        enum talk_action action =
                conclude(talk, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, format, arguments);
        va_end(arguments);
        return action;
}

/* Overwrites each occurrence of the password. */
static void hide_password(const struct talk *talk, char *text, size_t length) {
        const char *password = talk->options.password;
        size_t size = password ? strlen(password) : 0;
        char *end = text + length, *at;
        while (size > 0 && (at = memmem(text, (size_t) (end - text), password, size))) {
                memset(at, '*', size);
                text = at + size;
        }
}

static size_t without_blank_end(const char *text, size_t length) {
        while (length > 0 && strchr("\r\n \t", text[length - 1])) {
                length--;
        }
        return length;
}

const char *talk_quote(
        const struct talk *talk, const void *text, size_t length, char ret[TALK_QUOTE_MAX]) {
        char whole[TALK_LINE_MAX + 1];
        size_t taken = length < TALK_LINE_MAX ? length : TALK_LINE_MAX;
        memcpy(whole, text, taken);
        hide_password(talk, whole, taken);
        taken = without_blank_end(whole, taken);
        for (size_t i = 0; i < taken; i++) {
                if (whole[i] == '\0') {
                        whole[i] = '?';
                }
        }
        whole[taken] = '\0';
        str_copy(ret, TALK_QUOTE_MAX, whole);
        str_make_printable(ret);
        return ret;
}

enum talk_action talk_strange(struct talk *talk) {
        char quote[TALK_QUOTE_MAX];
        return talk_fail(talk, "this is not %s: \"%s\"", talk->protocol->title,
                talk_quote(talk, talk_unread(talk), talk_unread_length(talk), quote));
}

/* ---- messages ---- */

static int too_long(struct talk *talk, size_t length) {
        char size[UNITS_TEXT_MAX];
        (void) talk_fail(talk, "a message of %s is not %s's", units_format_size_short(length, size),
                talk->protocol->title);
        return -EMSGSIZE;
}

int talk_line(struct talk *talk, char **ret) {
        char *line = talk->in.data + talk->used;
        char *end = memchr(line, '\n', talk_unread_length(talk));
        size_t length = end ? (size_t) (end - line) : talk_unread_length(talk);
        if (length > TALK_LINE_MAX) {
                return too_long(talk, length);
        }
        if (!end) {
                return 0;
        }
        talk->used += length + 1;
        *end = '\0';
        if (length > 0 && end[-1] == '\r') {
                end[-1] = '\0';
        }
        *ret = line;
        return 1;
}

int talk_message(struct talk *talk, size_t length, struct byte_reader *ret) {
        if (length > TALK_RECEIVED_MAX) {
                return too_long(talk, length);
        }
        if (talk_unread_length(talk) < length) {
                return 0;
        }
        *ret = byte_reader_of(talk_unread(talk), length);
        return 1;
}

/* ---- the course of a conversation ---- */

static enum talk_action out_of_memory(struct talk *talk) {
        return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
}

/* Bytes that came before TLS was there could have been slipped in by anybody. */
static enum talk_action before_tls(struct talk *talk) {
        return talk_unread_length(talk) == 0
                       ? TALK_SECURE
                       : talk_fail(talk, "sent something before TLS had begun");
}

static enum talk_action check(struct talk *talk, enum talk_action action) {
        if (talk->in.failed || talk->out.failed) {
                return out_of_memory(talk);
        }
        return action == TALK_SECURE ? before_tls(talk) : action;
}

static enum talk_action more_than_enough(struct talk *talk) {
        return talk_fail(talk, "sent more than 64KiB without coming to an end");
}

/* As long as steps consume something, there may be another message. */
static enum talk_action go_on(struct talk *talk) {
        enum talk_action action;
        size_t used;
        do {
                used = talk->used;
                action = check(talk, talk->step(talk));
        } while (action == TALK_READ && talk->used > used && talk_unread_length(talk) > 0);
        return action == TALK_READ && talk->total > TALK_RECEIVED_MAX ? more_than_enough(talk)
                                                                      : action;
}

static void forget_consumed(struct talk *talk) {
        size_t left = talk_unread_length(talk);
        if (talk->used > 0) {
                memmove(talk->in.data, talk_unread(talk), left);
                talk->in.length = left;
                talk->in.data[left] = '\0';
                talk->used = 0;
        }
}

enum talk_action talk_receive(struct talk *talk, const void *bytes, size_t length) {
        forget_consumed(talk);
        strbuf_add_bytes(&talk->in, bytes, length);
        talk->total += length;
        if (talk->in.failed) {
                return out_of_memory(talk);
        }
        return talk_unread_length(talk) > 0 ? go_on(talk) : TALK_READ;
}

enum talk_action talk_begin(
        struct talk *talk, const struct protocol *protocol, const struct talk_options *options) {
        *talk = (struct talk){.protocol = protocol, .options = *options};
        talk->room = calloc(1, protocol->room_size + 1);
        if (!talk->room) {
                return out_of_memory(talk);
        }
        return check(talk, protocol->begin(talk));
}

enum talk_action talk_secured(struct talk *talk) {
        talk->options.secured = true;
        return check(talk, talk->step(talk));
}

enum talk_action talk_derived(struct talk *talk) {
        return check(talk, talk->step(talk));
}

enum talk_action talk_closed(struct talk *talk) {
        if (talk->protocol->closed) {
                return talk->protocol->closed(talk);
        }
        return talk_conclude(talk, OUTCOME_FAIL,
                talk->total == 0 ? CAUSE_UNRESPONSIVE : CAUSE_WRONG_ANSWER,
                "connection closed %s the %s conversation was over",
                talk->total == 0 ? "without an answer, before" : "before", talk->protocol->title);
}

static void wipe(struct strbuf *buf) {
        if (buf->data) {
                explicit_bzero(buf->data, buf->capacity);
        }
        strbuf_done(buf);
}

void talk_done(struct talk *talk) {
        scram_work_free(TAKE_PTR(talk->work));
        wipe(&talk->in);
        wipe(&talk->out);
        if (talk->room && talk->protocol->release) {
                talk->protocol->release(talk->room);
        }
        if (talk->room) {
                explicit_bzero(talk->room, talk->protocol->room_size);
        }
        free(TAKE_PTR(talk->room));
}
