#pragma once
/* A probe whose whole measurement is one job in a worker thread: how its run begins, is judged, and
 * what is said while the thread does not come back. */

#include "probes/offload.h"
#include "probes/probe.h"

/* What a probe type does in its runs; a constant of the type. */
struct offload_run_kind {
        /* In the thread. Touches `data` only, which must hold all it needs. */
        void (*measure)(struct offload *call, void *data);
        void (*release)(void *data); /* in any thread */
        /* In the loop: what was measured means. */
        void (*judge)(struct probe_run *run, void *data, struct probe_result *result);
        const char *no_thread; /* "no thread was free to look at the disk: other disks hang" */
};

/* In the state of a probe; zeroed at first. */
struct offload_run {
        struct offload *call;
        const struct offload_run_kind *kind;
        const char *place;
        struct probe_run *run; /* under way */
};

/* Begins a run. `data` is the kind's to release from here on; NULL: out of memory. `place`, a path
 * of the parameters, is named in texts such as "still waiting for fsync in /srv since 2s". */
void offload_run_start(struct offload_run *work, struct probe_run *run,
        const struct offload_run_kind *kind, void *data, const char *place);

/* For `stop` and `release` of the type. */
void offload_run_stop(struct offload_run *work, char detail[OBSERVATION_DETAIL_MAX]);
void offload_run_release(struct offload_run *work);
