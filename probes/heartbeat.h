#pragma once
/* Heartbeats: what services and jobs say about themselves by calling in, and what a heartbeat probe
 * expects of them. They arrive at any time, by any of the agent's doors; the probe looks at the
 * last one whenever it runs. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "model/policy.h"
#include "model/record.h"

enum {
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

/* What is known of the calls for each heartbeat probe, by name, so that it outlives a reload.
 *
 * A probe is overdue when no call came for its period and grace. What begins before that and keeps
 * the agent from listening (a restart, standing still) may have swallowed a call, so nothing is
 * known then until another period and grace have passed since; but only once: two calls in a row
 * are not lost like that, and a job that is missing is not missing for ever less because the agent
 * is restarted. */
struct heartbeat_board; /* heap */

/* Whether it is a heartbeat probe. */
bool heartbeat_expected(const struct probe_spec *spec);

int heartbeat_board_new(struct heartbeat_board **ret);
void heartbeat_board_free(struct heartbeat_board *board); /* accepts NULL */

/* Expects calls for all heartbeat probes of the policy from now on, where they were not expected
 * before, and forgets what the policy has no probe for. -ENOMEM. */
int heartbeat_board_expect(
        struct heartbeat_board *board, const struct policy *policy, struct instant now);

/* The names are copied. 1: it was overdue and is no more, which is worth to be written down at
 * once. -ENOMEM. */
int heartbeat_board_put(struct heartbeat_board *board, const char *service, const char *probe,
        const struct heartbeat *beat);
/* Somebody called, and was not believed; `why` is copied. */
int heartbeat_board_refuse(struct heartbeat_board *board, const char *service, const char *probe,
        usec_t now, const char *why);

struct heartbeat_record {
        struct heartbeat last; /* with `called` only */
        bool called; /* false: nobody has, as far as is known */
        int64_t since; /* when that was, or when a call was first expected; on the monotonic clock,
                          before the boot negative */
        bool is_excused; /* a call may have been lost, because nobody listened */
        int64_t excused; /* until then, on the same clock */
        usec_t refused; /* 0: nobody was, since the last one that was taken */
        char why[HEARTBEAT_TEXT_MAX];
};
/* NULL: out of memory. Valid until the board changes. */
const struct heartbeat_record *heartbeat_board_get(
        const struct heartbeat_board *board, const char *service, const char *probe);

/* Nobody listened between these moments. */
void heartbeat_board_break(struct heartbeat_board *board, usec_t from, struct instant to);

/* Gives away what has changed since the last time, or all. */
void heartbeat_board_save(struct heartbeat_board *board, usec_t now, bool all,
        void (*save)(void *cookie, const struct call_record *record), void *cookie);

/* What an agent before this one knew; it was away from some moment until now. False: no such probe
 * is expected. */
bool heartbeat_board_restore(
        struct heartbeat_board *board, const struct call_record *record, struct instant now);
