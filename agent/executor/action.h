#pragma once
/* What the executor is asked to do: one action a service at a time, a bounded number at once, the
 * others wait in order of arrival. An action ends exactly once, in bounded time, whether its agent
 * is still there or not. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"
#include "model/policy.h"

struct execution; /* heap */
struct executor;
struct managed;

enum {
        ACTIONS_MAX = 64, /* under way at once */
        ACTIONS_PENDING_MAX = 4096, /* waiting for a place */
};

#define ACTION_START_LIMIT (15 * USEC_PER_SEC) /* until execve, unless the step says otherwise */
#define ACTION_LIMIT USEC_PER_MINUTE /* of an operation, unless the step says otherwise */

struct action_queue {
        struct executor *executor;
        struct list pending, running;
        unsigned n_pending, n_running;
        struct loop_defer next;
};

struct action_order {
        int action; /* enum action */
        uint64_t request; /* 0: an order of the executor itself about processes that it started;
                             its result is not kept */
        uint64_t incident;
        uint32_t attempt;
        const struct step_spec *step; /* of the service's policy; NULL: none */
        uint64_t token; /* ACTION_FOLLOW: of the lease of the active member, */
        const char *active; /* and how the group calls that; of the policy */

        /* Told before the agent is; may be NULL. */
        void (*ended)(void *cookie, struct managed *managed, bool ok, const char *text);
        void *cookie;
};

void action_queue_init(struct action_queue *queue, struct executor *executor, struct loop *loop);

/* Begins, or waits for a place; a demotion never waits. -EBUSY: one is under way; -EAGAIN: too many
 * wait; -EPERM: it needs a lease, see lease_guard.h; -ENOMEM. It may end before this returns. */
int action_start(struct managed *managed, const struct action_order *order, struct error *err);

/* Without a word to anybody; processes stay as they are. Accepts NULL. */
void action_free(struct execution *action);

/* Ends it as failed, wherever it is; processes stay as they are. Accepts NULL. */
void action_cut(struct execution *action, const char *why);

/* All of these accept NULL. */
uint64_t action_request(const struct execution *action); /* 0 for an order of the executor itself */
bool action_expects_exit(const struct execution *action); /* the main process is being stopped */
void action_process_ended(struct execution *action); /* the main process has ended */
void action_group_ended(
        struct execution *action, int result, const char *text); /* see group_end.h */

/* Whether any is under way or waiting. */
bool actions_under_way(const struct action_queue *queue);
