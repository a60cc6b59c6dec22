#pragma once
/* Runs the probes: one due-time heap and one timer for all of them. Probes that are due within
 * `slack` of each other start together; every run ends in exactly one observation, at its deadline
 * at the latest. Where a probe knows that its last pass still stands, that is the observation, and
 * the run is spared. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "io/loop.h"
#include "model/observation.h"
#include "model/policy.h"
#include "model/wire.h"
#include "probes/probe.h"
#include "recovery/recovery.h"

struct heartbeat;
struct scheduler; /* heap */

struct scheduler_callbacks {
        /* A run was concluded, or a watched process died. The observation lives until the probe's
         * next one. */
        void (*observed)(void *cookie, const struct observation *observation);

        /* Hands a privileged probe to the executor; its answer comes back through scheduler_answer.
         * Negative errno: it cannot be asked now. */
        int (*ask)(
                void *cookie, uint64_t request, uint32_t service, uint32_t probe, usec_t timeout);
        void *cookie;
};

/* First runs are spread over their intervals. */
int scheduler_new(struct scheduler **ret, struct loop *loop, const struct policy *policy,
        const struct scheduler_callbacks *callbacks, struct error *err);
void scheduler_free(
        struct scheduler *scheduler); /* accepts NULL; runs under way end without observation */

/* Goes over to another policy. Runs under way end without observation and begin again. A service
 * that did not change keeps the due times and last observations of its probes, and a probe that did
 * not what it has counted (probe_type.detach). The old policy may be freed afterwards. */
int scheduler_reload(struct scheduler *scheduler, const struct policy *policy, struct error *err);

/* The service's probes run at the intervals of this pace from now on. */
void scheduler_pace(struct scheduler *scheduler, uint32_t service, enum pace pace);

/* Runs the probes of a service as soon as possible; a run under way is followed by another. */
void scheduler_hurry(struct scheduler *scheduler, uint32_t service);

/* The same for one probe. */
void scheduler_hurry_probe(struct scheduler *scheduler, uint32_t service, uint32_t probe);

/* The main process of a service, for its process probes. */
void scheduler_target(
        struct scheduler *scheduler, uint32_t service, const struct probe_target *target);

const struct probe_target *scheduler_target_of(const struct scheduler *scheduler, uint32_t service);

/* A call came for a heartbeat probe; as heartbeat_board_put. Or one that was not believed. */
int scheduler_beat(struct scheduler *scheduler, uint32_t service, uint32_t probe,
        const struct heartbeat *beat);
void scheduler_beat_refused(
        struct scheduler *scheduler, uint32_t service, uint32_t probe, const char *why);

struct heartbeat_board *scheduler_heartbeats(const struct scheduler *scheduler);

/* Whether privileged probes go to the executor: it may do more than this process. */
void scheduler_delegate(struct scheduler *scheduler, bool delegate);

/* The executor's observation; one that nobody waits for is ignored. */
void scheduler_answer(struct scheduler *scheduler, const struct wire_message *message);

/* The process was stopped or starved for `gap`: what was under way is concluded as unknown, for it
 * measured the agent and not the services, and due times begin anew, spread. */
void scheduler_stalled(struct scheduler *scheduler, usec_t gap);

/* Never NULL; at.mono is 0 before the first. */
const struct observation *scheduler_observation(
        const struct scheduler *scheduler, uint32_t service, uint32_t probe);

/* What the last run measured beside its one value, or with it as the first; NULL: nothing. Valid
 * until the next run is concluded. */
const struct measurement *scheduler_measurements(
        const struct scheduler *scheduler, uint32_t service, uint32_t probe, uint32_t *ret_count);

struct scheduler_counts {
        uint64_t runs; /* concluded */
        uint32_t in_flight;
        usec_t worst_lateness; /* start against due time, since scheduler_counts_reset */
        usec_t overdue; /* of the earliest due probe, now: grows when nothing makes progress */
};
struct scheduler_counts scheduler_counts(const struct scheduler *scheduler);
void scheduler_counts_reset(struct scheduler *scheduler);
