#pragma once
/* What one service consists of, as the executor follows it: what is there now, what earned trust,
 * and the last rollback. It looks when the agent asks, which also says how the service is; the
 * memory (ledger.h) is read once and written whenever it changes. */

#include <stdbool.h>

#include "base/clock.h"
#include "executor/content_job.h"
#include "executor/ledger.h"
#include "io/loop.h"
#include "model/incident.h"

struct executor;
struct managed;
struct service_content; /* heap; of managed->content, where the policy follows anything */

/* Of the executor: few look at once, the others wait for their turn. */
struct content_looks {
        unsigned under_way;
        struct loop_defer next; /* a place is free */
};

void content_looks_init(struct content_looks *looks, struct executor *executor);
void content_looks_done(struct content_looks *looks); /* once all services are freed */

/* managed->service was set: begins, goes on, or ends. */
void content_follow(struct managed *managed);
void content_free(struct service_content *content); /* accepts NULL */

/* The agent asks: it is told once that is known. A service that is followed in no way is told
 * nothing of. */
void content_ask(struct managed *managed, enum health health, usec_t healthy_for);

/* How the rollback that this request made has ended: it is kept, or taken back. */
void content_verdict(struct managed *managed, uint64_t request, bool ok);

/* An action has ended, which was to start the service at that moment, or 0: does what has waited
 * for that. */
void content_action_ended(struct managed *managed, wall_usec_t started);

/* What was there before a step is kept, or not: does what has waited for that. */
void content_kept(struct managed *managed);

/* ---- For the operation that exchanges it ---- */

/* NULL while what it remembers was not read. */
struct ledger *content_ledger(struct managed *managed);

/* Ends a look that is under way, to make room, which is made again afterwards; and what is kept
 * before a step. */
void content_stop_looking(struct managed *managed);

/* It was exchanged: what was put aside for that goes once the service is well. */
void content_exchanged(struct managed *managed);

/* What a job has seen is entered. */
void content_enter(struct managed *managed, const struct content_result *result);

/* Writes the memory; `done` is called once, with 0 or negative errno, never from within, or never
 * when content_forget_save came first. */
int content_save(struct managed *managed, void (*done)(void *cookie, int result), void *cookie,
        struct error *err);
void content_forget_save(struct managed *managed, void *cookie);

/* Tells the agent what is known. */
void content_tell(struct managed *managed);
