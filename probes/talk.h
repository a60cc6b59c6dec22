#pragma once
/* A conversation in one of the protocols of probes/protocol.h, without any I/O: bytes of the server
 * go in, bytes to send come out, and at the end a result for an operator. However the bytes are cut
 * into pieces, the outcome is the same. All that comes in is hostile. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/observation.h"
#include "probes/byte_reader.h"
#include "probes/scram.h"

struct protocol;
struct talk;

enum {
        TALK_RECEIVED_MAX = 64 * 1024, /* bytes read in one conversation */
        TALK_LINE_MAX = 2048, /* bytes of a line of a text protocol */
        TALK_QUOTE_MAX = 96, /* bytes of a server's text in ours */
        TALK_RANDOM_BYTES = 18,
};

/* What the caller does next, after it has sent what is in `out`. */
enum talk_action {
        TALK_READ, /* wait for bytes: talk_receive or talk_closed */
        TALK_SECURE, /* put TLS on the connection: talk_secured */
        TALK_DERIVE, /* scram_work_run(work) in a thread, it takes CPU time: talk_derived */
        TALK_OVER, /* outcome, cause and text are filled; sending what is left is a courtesy */
};

struct talk_options {
        const char *user, *password, *database; /* NULL: none; they outlive the conversation */
        bool upgrade; /* TLS is wanted, and begins within the protocol */
        bool secured; /* TLS is spoken already */
        bool local; /* a unix socket or loopback: nobody listens in */
        bool datagrams; /* each piece that comes in is a whole message */
        uint8_t random[TALK_RANDOM_BYTES]; /* fresh, not to be guessed */
};

typedef enum talk_action (*talk_step)(struct talk *talk);

struct talk {
        const struct protocol *protocol;
        struct talk_options options;
        talk_step step; /* is given what was received and not consumed */
        struct strbuf in, out;
        size_t used; /* bytes of `in` that were consumed */
        size_t total; /* bytes received in all */
        void *room; /* of the protocol, protocol->room_size bytes, zeroed at first */
        struct scram_work *work; /* owned; for TALK_DERIVE */
        enum outcome outcome; /* from here on: at TALK_OVER */
        enum cause cause;
        char text[OBSERVATION_DETAIL_MAX]; /* one that passed ends so that " in 2ms" may follow */
};

/* ---- for the caller ---- */

/* Begins; `out` holds what to send first, if the client speaks first. */
enum talk_action talk_begin(
        struct talk *talk, const struct protocol *protocol, const struct talk_options *options);
enum talk_action talk_receive(struct talk *talk, const void *bytes, size_t length);
enum talk_action talk_secured(struct talk *talk);
enum talk_action talk_derived(struct talk *talk);
enum talk_action talk_closed(struct talk *talk); /* by the peer; always TALK_OVER */

/* Releases and wipes; a zeroed talk is fine. */
void talk_done(struct talk *talk);

/* ---- for the protocols ---- */

static inline const char *talk_unread(const struct talk *talk) {
        return talk->in.data + talk->used;
}

static inline size_t talk_unread_length(const struct talk *talk) {
        return talk->in.length - talk->used;
}

/* Waits for the next message with this step. */
static inline enum talk_action talk_then(struct talk *talk, talk_step step) {
        talk->step = step;
        return TALK_READ;
}

/* Takes a line without its end (\n or \r\n). 1: `ret` is terminated and valid until the step
 * returns; 0: it is not complete. A line that is too long has concluded the talk: -EMSGSIZE. */
int talk_line(struct talk *talk, char **ret);

/* A message of `length` bytes, not yet consumed: 1, and a reader of it; 0: it is not complete.
 * -EMSGSIZE: nothing here is that long, which has concluded the talk. */
int talk_message(struct talk *talk, size_t length, struct byte_reader *ret);

/* Each concludes and returns TALK_OVER. */
enum talk_action talk_conclude(struct talk *talk, enum outcome outcome, enum cause cause,
        const char *format, ...) __attribute__((format(printf, 4, 5)));
enum talk_action talk_pass(struct talk *talk, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* A wrong answer. */
enum talk_action talk_fail(struct talk *talk, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* What is unread does not look like the protocol at all: quotes its beginning. */
enum talk_action talk_strange(struct talk *talk);

/* A text of the server, cut, printable, and without the password, should the server repeat it. */
const char *talk_quote(
        const struct talk *talk, const void *text, size_t length, char ret[TALK_QUOTE_MAX]);

/* Whether a secret may be sent in clear without anyone listening in. */
static inline bool talk_is_private(const struct talk *talk) {
        return talk->options.secured || talk->options.local;
}
