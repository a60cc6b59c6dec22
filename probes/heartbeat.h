#pragma once
/* Heartbeats: what services and jobs say about themselves by calling in, and what a heartbeat probe
 * expects of them. They arrive at any time, by any of the agent's doors; the probe looks at the
 * last one whenever it runs. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "model/policy.h"

enum {
        HEARTBEAT_TEXT_MAX = 96, /* of a status text, with its end */
        HEARTBEAT_TOKEN_MIN = 16, /* bytes; nobody guesses that many */
        HEARTBEAT_TOKEN_MAX = 256,
};

struct heartbeat {
        struct instant at;
        bool failed; /* the sender says that it does not work */
        char text[HEARTBEAT_TEXT_MAX]; /* its status, printable; "": none */
};

struct heartbeat_params { /* of the probe, by its schema */
        usec_t period, grace;
        const char *token_file; /* NULL: by local peers only */
};

/* The last heartbeat of each probe, by name, so that it outlives a reload. */
struct heartbeat_board; /* heap */

int heartbeat_board_new(struct heartbeat_board **ret, usec_t now);
void heartbeat_board_free(struct heartbeat_board *board); /* accepts NULL */

/* The names are copied. -ENOMEM. */
int heartbeat_board_put(struct heartbeat_board *board, const char *service, const char *probe,
        const struct heartbeat *beat);
/* Somebody called, and was not believed; `why` is copied. */
int heartbeat_board_refuse(struct heartbeat_board *board, const char *service, const char *probe,
        usec_t now, const char *why);

struct heartbeat_record {
        struct heartbeat last; /* at.mono 0: none yet */
        usec_t refused; /* 0: nobody was, since the last one that was taken */
        char why[HEARTBEAT_TEXT_MAX];
};
/* NULL: nobody ever called. Valid until the board changes. */
const struct heartbeat_record *heartbeat_board_get(
        const struct heartbeat_board *board, const char *service, const char *probe);

/* Since when calls have been listened to without a break. A break, while the agent stood still, may
 * have swallowed some. */
usec_t heartbeat_board_since(const struct heartbeat_board *board);
void heartbeat_board_resume(struct heartbeat_board *board, usec_t now);

/* Forgets what the policy has no probe for. */
void heartbeat_board_sweep(struct heartbeat_board *board, const struct policy *policy);
