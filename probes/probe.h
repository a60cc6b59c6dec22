#pragma once
/* The contract of a probe type: one file per type, an option table inside, a row in probes/table.c.
 *
 * A type never blocks the loop, keeps no globals, and knows nothing of detectors, services' states
 * or recovery. The caller (the scheduler of the agent, or the executor for privileged probes)
 * enforces the deadline of a run: a type needs no timers of its own. Exactly one result comes out
 * of a run: either the type calls probe_run_finish once, or the caller ends the run with `stop`.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/units.h"
#include "model/observation.h"
#include "model/policy.h"
#include "model/probe_traits.h"
#include "model/schema.h"

struct loop;
struct http_client;
struct resolver;
struct unit_bus;
struct worker_pool;
struct mount_pools;
struct file_changes;
struct process_scanner;
struct exec_host;
struct heartbeat_board;
struct journal_reader;
struct probe_run;

/* What a run concluded; zero-initialised by the caller, `detail` always filled by the type. */
struct probe_result {
        enum outcome outcome;
        enum cause cause;
        bool certain;
        bool has_value;
        double value;
        const struct measurement *measurements; /* borrowed for the call; `value` is the first */
        uint32_t n_measurements; /* at most MEASUREMENTS_MAX; mostly none */
        char detail[OBSERVATION_DETAIL_MAX];
};

/* The main process of the service, as its manager knows it. */
struct probe_target {
        bool known; /* false: the manager has not said yet, or there is no manager */
        pid_t pid; /* 0: not running */
        uint64_t start_time; /* field 22 of /proc/PID/stat, guards against a reused pid; 0: unknown
                              */
        bool busy; /* its manager starts, stops or restarts it just now */
};

/* What runs may use; owned by the caller and outliving all runs. */
struct probe_host {
        struct loop *loop;
        struct http_client *http;
        struct worker_pool *disk; /* for calls that can hang on a broken disk */
        struct mount_pools *mounts; /* the same, apart for each file system */
        struct file_changes *changes; /* of files in memory; NULL: each is read in each run */
        struct journal_reader *journal; /* of the agent only: its probes are never privileged */
        struct resolver *resolver; /* of names; the same as of `http` */
        struct process_scanner *processes; /* looks at all of them, for many probes at once */
        struct exec_host *exec; /* turns of the programs that probes run */
        struct heartbeat_board *heartbeats; /* calls of services; the agent's only */
        struct unit_bus *units; /* systemd; connected when a probe first needs it */

        /* Certain evidence outside a run (a watched process died); the result is copied. */
        void (*notify)(
                void *cookie, uint32_t service, uint32_t probe, const struct probe_result *result);
        void *cookie;
};

/* One run under way. Members are set by the caller; `room` is the type's, run_size bytes, zeroed.
 */
struct probe_run {
        const struct probe_host *host;
        const struct service *service;
        const struct probe_spec *spec;
        uint32_t probe; /* index of spec within the service */
        struct probe_target target;
        struct instant started;
        usec_t timeout;
        void *state; /* of the probe: state_size bytes, zeroed before its first run, kept between
                        runs */
        void *room; /* of this run */
        void (*finished)(struct probe_run *run, const struct probe_result *result); /* caller's */
        void *cookie;
};

struct probe_type {
        const char *name; /* the key in a policy */
        const char *help;
        const char *value_unit; /* of the value: "seconds", "ratio", "bytes"; NULL: it has none */
        const struct schema *schema;
        struct probe_traits traits;
        size_t state_size, run_size;

        /* Whether these parameters need the executor when the agent is not root; NULL: never. */
        bool (*privileged)(const void *params);

        /* Begins. May finish at once. A start that cannot begin finishes with OUTCOME_UNKNOWN and
         * the reason: what could not be measured is not a failure. */
        void (*start)(struct probe_run *run);

        /* Ends the run now, without finish, and releases what it holds. `detail` gets how far it
         * came, for a person: "connected, no answer within 2s". Called at the deadline, at reload
         * and at exit. */
        void (*stop)(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]);

        /* Whether all that the last run went by is being watched, and has not changed since, so
         * that a pass stands without another look. Reads no file. NULL: never. */
        bool (*stands)(const void *state);

        /* Lets go of all that refers to the policy, whose place one with the same probe takes: the
         * service and the indices may be others. What was counted and how far it was read stays.
         * Not during a run. NULL: its state begins anew. */
        void (*detach)(void *state);

        /* Releases what `state` holds; NULL: nothing. Also called before the indices of the service
         * or the probe change, because notices name them; the memory is zeroed before it is used
         * again. */
        void (*release)(void *state);
};

/* Ends a run from within its type; `run` is gone when it returns. */
static inline void probe_run_finish(struct probe_run *run, const struct probe_result *result) {
        run->finished(run, result);
}

/* Fills a result in one line; detail is formatted, cut to fit and made printable. */
void probe_conclude(struct probe_result *result, enum outcome outcome, enum cause cause,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A moment shortly before the caller's deadline. A type that waits for something of its own (a name
 * look-up, a free thread) ends its run by then, because only it can tell a target that is late
 * (timeout) from a measurement that could not be made (unknown). */
usec_t probe_run_last_moment(const struct probe_run *run);

/* The same for a name without addresses; `code` is getaddrinfo(3)'s, 0: no name server answered. A
 * name that does not exist is a failure of the target; without an answer nobody knows anything. */
void probe_conclude_name(struct probe_result *result, const char *name, int code);

/* Doubts in a limit that is never broken: one on the time of an answer, since a run is stopped at
 * its timeout before (0: no limit); a percentage of a whole. `key` as for probe_doubt. */
void probe_doubt_latency(const struct probe_review *review, const char *key, usec_t limit);
void probe_doubt_percent(const struct probe_review *review, const char *key, double percent);
void probe_doubt_amount(
        const struct probe_review *review, const char *key, const struct amount *limit);

/* All types, in the order of the reference; ends with NULL. Index = probe_spec.type. */
extern const struct probe_type *const probe_types[];

/* The same as schema variants of a probe in a policy; ends with a NULL key. */
extern const struct schema_variant probe_variants[];
