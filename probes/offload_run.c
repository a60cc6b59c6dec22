#include "probes/offload_run.h"

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "base/units.h"
#include "probes/mount_pools.h"

static void describe_wait(
        const struct offload_run *work, usec_t since, char detail[OBSERVATION_DETAIL_MAX]) {
        const char *step = offload_waits_for(work->call);
        char waited[UNITS_TEXT_MAX];
        snprintf(detail, OBSERVATION_DETAIL_MAX, "still waiting for %.40s in %.80s since %s",
                step ? step : "a free thread", work->place,
                units_format_duration_short(since, waited));
        str_make_printable(detail);
}

static void conclude_late(
        const struct offload_run *work, usec_t since, struct probe_result *result) {
        result->outcome = OUTCOME_TIMEOUT;
        result->cause = CAUSE_UNRESPONSIVE;
        describe_wait(work, since, result->detail);
}

/* A job that never got a thread says nothing about its own disk. */
static void on_done(void *cookie, void *data) {
        const struct offload_run *work = cookie;
        struct probe_run *run = work->run;
        struct probe_result result = {0};
        if (data) {
                work->kind->judge(run, data, &result);
        } else if (offload_waits_for(work->call)) {
                conclude_late(work, run->timeout, &result);
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", work->kind->no_thread);
        }
        probe_run_finish(run, &result);
}

static int submit(struct offload_run *work, void *data, struct error *err) {
        const struct probe_run *run = work->run;
        const struct offload_request request = {
                .pool = mount_pools_get(run->host->mounts, work->place),
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = work->kind->measure,
                .done = on_done,
                .release = work->kind->release,
                .data = data,
                .cookie = work,
        };
        return offload_start(&work->call, &request, err);
}

static void conclude_not_started(const struct offload_run *work, int code, const struct error *err,
        struct probe_result *result) {
        if (code == -EALREADY) {
                conclude_late(work, usec_sub(work->run->started.mono, offload_started(work->call)),
                        result);
        } else if (code == -EBUSY) {
                probe_conclude(result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, "%.80s: %s",
                        work->place, err->text);
        } else {
                probe_conclude(
                        result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s", err->text);
        }
}

void offload_run_start(struct offload_run *work, struct probe_run *run,
        const struct offload_run_kind *kind, void *data, const char *place) {
        struct error err = {0};
        work->run = run;
        work->kind = kind;
        work->place = place;
        int r = data ? submit(work, data, &err) : error_set(&err, ENOMEM, "out of memory");
        if (r >= 0) {
                return;
        }
        if (data) {
                kind->release(data);
        }
        struct probe_result result = {0};
        conclude_not_started(work, r, &err, &result);
        probe_run_finish(run, &result);
}

void offload_run_stop(struct offload_run *work, char detail[OBSERVATION_DETAIL_MAX]) {
        describe_wait(work, work->run->timeout, detail);
        offload_cancel(work->call);
}

void offload_run_release(struct offload_run *work) {
        offload_release(&work->call);
}
