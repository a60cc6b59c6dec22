#pragma once
/* The shell round the core: it owns the loop, turns timers, probe runs, the executor's messages and
 * people's commands into inputs, and carries the effects out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/agent_answer.h"
#include "model/checkpoint_verb.h"
#include "model/content_report.h"
#include "model/observation.h"
#include "model/policy.h"
#include "recovery/recovery.h"

struct heartbeat;
struct loop;
struct store;
struct runtime; /* heap */
struct strbuf;

/* The texts must live as long as the process: a thread that hangs on a broken disk may still hold
 * them. */
struct runtime_options {
        const char *config; /* NULL: built-in standards */
        const char *const *policies; /* files and directories */
        size_t n_policies;
        const char *state_dir, *runtime_dir;
        bool dry_run;
        /* Writes, as JSON of at most STORE_WHY_MAX - 1 bytes, why an attempt of the service has
         * just been decided on; kept with the attempt. NULL: nothing is kept. */
        void (*explain)(const struct runtime *runtime, uint32_t service, struct strbuf *out);
};

int runtime_new(struct runtime **ret, struct loop *loop, const struct runtime_options *options,
        struct error *err);
void runtime_free(struct runtime *runtime); /* accepts NULL */

/* Begins to supervise. The control socket and the listener are the caller's to add (agent/control).
 */
int runtime_start(struct runtime *runtime, struct error *err);

/* Ends in order (stops services first where the policy says so), then leaves the loop. */
void runtime_stop(struct runtime *runtime);

/* ---- Read-only snapshots: valid until control returns to the loop ---- */

struct loop *runtime_loop(const struct runtime *runtime);
const struct policy *runtime_policy(const struct runtime *runtime);
const struct recovery *runtime_recovery(const struct runtime *runtime);
struct store *runtime_store(const struct runtime *runtime);
const struct runtime_options *runtime_options(const struct runtime *runtime);

/* The last observation of a probe; outcome unknown and at.mono 0 before the first. */
const struct observation *runtime_observation(
        const struct runtime *runtime, uint32_t service, uint32_t probe);

/* What a probe measured in its last run, when that was several values; NULL: it was not. */
const struct measurement *runtime_measurements(
        const struct runtime *runtime, uint32_t service, uint32_t probe, uint32_t *ret_count);

/* NULL: it is not followed, or nothing was said yet. */
const struct content_report *runtime_content(const struct runtime *runtime, uint32_t service);

/* Whether its traffic was taken away for an action, and is not back. */
bool runtime_drained(const struct runtime *runtime, uint32_t service);

struct runtime_stats {
        struct instant started;
        bool executor_up;
        pid_t executor_pid;
        struct instant executor_since; /* when executor_up last changed; mono 0: never */
        uint64_t reloads_ok, reloads_failed;
        bool last_reload_ok;
        wall_usec_t last_reload;
        const char *last_reload_error; /* why the last one was refused, "" when it was not; the
                                          runtime's */
        uint64_t incidents_by_cause[CAUSE_COUNT]; /* closed since the agent started */
        uint64_t agent_checks[AGENT_ANSWER_COUNT]; /* of HAProxys, by what was answered */
        uint64_t stalls; /* times the process found itself stopped or starved */
        usec_t last_stall; /* how long the last one was */
        uint64_t peer_messages_rejected; /* of no member of a group, or old */
        uint64_t probe_runs; /* concluded */
        uint64_t probe_in_flight;
        usec_t lag,
                worst_lag; /* lateness of the loop: last turn, and worst since the last scrape */
        usec_t worst_lateness; /* of a probe's start against its due time */
};
void runtime_stats(const struct runtime *runtime, struct runtime_stats *ret);
void runtime_note_agent_check(struct runtime *runtime, enum agent_answer answer);
void runtime_scraped(struct runtime *runtime); /* begins a new "worst since" window */

/* Per service counters for the metrics. Bounds are in seconds. */
enum { RUNTIME_BUCKETS = 14 };
extern const double runtime_bucket_bounds[RUNTIME_BUCKETS];
struct recovery_counters {
        uint64_t actions[ACTION_COUNT][ATTEMPT_RESULT_COUNT]; /* action x result */
        uint32_t detection[RUNTIME_BUCKETS + 1], recovery[RUNTIME_BUCKETS + 1]; /* not cumulative */
        double detection_sum, recovery_sum;
};
struct service_counters { /* what every scrape reads, close together */
        uint64_t probes_by_outcome[OUTCOME_TIMEOUT + 1];
        uint64_t incidents;
        uint32_t attempts, measured; /* how many are in `recovered`: mostly none */
        struct recovery_counters *recovered; /* in a table of its own, so that services which never
                                                failed cost no memory there */
};
const struct service_counters *runtime_counters(const struct runtime *runtime, uint32_t service);

/* Newest first; at most `limit` of the last events about a service (or, UINT32_MAX, of the agent
 * and all services), kept in memory. */
enum { RUNTIME_EVENTS_KEPT = 1024 };
size_t runtime_recent_events(
        const struct runtime *runtime, uint32_t service, const struct event **ret, size_t limit);

/* ---- Commands: answered in the loop, exactly once, never from within the call ---- */

typedef void (*runtime_reply)(void *cookie, int result, const char *text);

/* A person's word about one service. result 0 done or under way, -EBUSY, -EINVAL (text says why).
 */
void runtime_command(struct runtime *runtime, uint32_t service, enum command_kind kind,
        usec_t duration, const char *by, const char *reason, runtime_reply call, void *cookie);

/* Holds all recovery of the host; duration 0: until it is released. */
void runtime_hold(struct runtime *runtime, usec_t duration, const char *by, const char *reason,
        runtime_reply call, void *cookie);
/* Ends what a person holds, and what crashes of the agent hold. -EBUSY: the hold file still holds.
 */
void runtime_release(struct runtime *runtime, const char *by, runtime_reply call, void *cookie);

/* Check, then swap policies. -EINVAL: refused, the old ones stay; text holds all located errors. */
void runtime_reload(struct runtime *runtime, runtime_reply call, void *cookie);

/* ---- Recording: every input of the core, to be run again by `recoverctl simulate --replay` ----
 */

enum { RUNTIME_RECORD_PATH_MAX = 512 };
struct runtime_record {
        bool active;
        char path[RUNTIME_RECORD_PATH_MAX]; /* of the present one, or the last; "": none yet */
        char ended[128]; /* why, when it is not active any more */
        wall_usec_t since;
        uint64_t inputs, bytes;
};

/* To a new file in the state directory. result -EBUSY: one is under way; -EINVAL: text says why. */
void runtime_record_start(struct runtime *runtime, runtime_reply call, void *cookie);
void runtime_record_stop(struct runtime *runtime, runtime_reply call, void *cookie);
void runtime_record_status(const struct runtime *runtime, struct runtime_record *ret);

/* Runs the probes of a service now, or the one named; the observations are fed to the detectors as
 * well. */
typedef void (*runtime_probed)(void *cookie, const struct observation *observations, size_t n);
int runtime_probe(struct runtime *runtime, uint32_t index, const char *probe, runtime_probed done,
        void *cookie);

/* ---- Checkpoints ---- */

/* What a person asks of the checkpoints of a service; a and b are ids, or "". The executor's answer
 * is a JSON object. result 0; -EINVAL: refused, -ENOTCONN: the executor is away; text says why. */
void runtime_checkpoint(struct runtime *runtime, uint32_t index, enum checkpoint_verb verb,
        const char *a, const char *b, runtime_reply call, void *cookie);

/* ---- Heartbeats ---- */

/* Takes a call for a heartbeat probe of the service with this index, or (NULL) for all that it has.
 * -ENOENT: there is none. The caller has made sure that the sender may. */
int runtime_heartbeat(
        struct runtime *runtime, uint32_t index, const char *probe, const struct heartbeat *beat);

/* The same for whoever knows the token of the probe. result 0: taken; -EACCES: refused, and nobody
 * learns whether it was the token or whether there is such a probe at all; -EAGAIN: not now. */
void runtime_heartbeat_by_token(struct runtime *runtime, const char *service, const char *probe,
        const char *token, const struct heartbeat *beat, runtime_reply call, void *cookie);
