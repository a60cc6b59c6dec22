#pragma once
/* Runs one probe as the agent would: parameters from a policy text through the loader, a real loop,
 * real worker threads, and the caller's deadline. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/journal_reader.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/unit_bus.h"
#include "io/worker.h"
#include "policy/load.h"
#include "probes/exec_host.h"
#include "probes/file_changes.h"
#include "probes/mount_pools.h"
#include "probes/probe.h"
#include "probes/process_scanner.h"
#include "tests/unit/unit_test.h"

struct rig {
        struct probe_host host;
        struct policy *policy;
        struct probe_run run;
        const struct probe_type *type;
        usec_t skew; /* added to the start of each run */
        bool over, stopped;
        unsigned results, notices;
        struct probe_result result; /* of the last run; after a stop: timeout and its text */
        struct probe_result notice;
};

static inline void rig_notice(
        void *cookie, uint32_t service, uint32_t probe, const struct probe_result *result) {
        struct rig *rig = cookie;
        assert_int_equal(service, 0);
        assert_int_equal(probe, 0);
        rig->notice = *result;
        rig->notices++;
}

/* What a failure is put down to has to be declared: `check` compares that with the ladder. */
static inline void assert_declared(const struct rig *rig, const struct probe_result *result) {
        uint32_t declared = probe_causes(&rig->type->traits, rig->run.spec->params);
        if (outcome_is_failure(result->outcome) && !(declared & CAUSE_BIT(result->cause))) {
                fail_msg("%s does not declare that it can find '%s': %s", rig->type->name,
                        cause_text(result->cause), result->detail);
        }
}

static inline void rig_finished(struct probe_run *run, const struct probe_result *result) {
        struct rig *rig = run->cookie;
        assert_false(rig->over); /* exactly one result a run */
        rig->over = true;
        rig->results++;
        rig->result = *result;
        assert_string_not_equal(result->detail, "");
        assert_declared(rig, result);
}

static inline void rig_open(struct rig *rig) {
        static const struct worker_limits limits = {
                .name = "probe tests", .max_threads = 2, .max_queue = 8, .max_stuck = 4};
        *rig = (struct rig){.host = {.notify = rig_notice, .cookie = rig}};
        assert_int_equal(loop_new(&rig->host.loop, NULL), 0);
        assert_int_equal(journal_reader_new(&rig->host.journal, NULL), 0);
        assert_int_equal(resolver_new(&rig->host.resolver, rig->host.loop, NULL), 0);
        assert_int_equal(mount_pools_new(&rig->host.mounts, rig->host.loop, NULL), 0);
        assert_int_equal(file_changes_new(&rig->host.changes, rig->host.loop, NULL), 0);
        assert_int_equal(
                process_scanner_new(&rig->host.processes, rig->host.loop, "/proc", NULL), 0);
        assert_int_equal(unit_bus_new(&rig->host.units, rig->host.loop, BUS_PEER_SYSTEM, NULL), 0);
        assert_int_equal(worker_pool_new(&rig->host.disk, rig->host.loop, &limits, NULL), 0);
        assert_int_equal(exec_host_new(&rig->host.exec, rig->host.loop, NULL), 0);
}

static inline void rig_unload(struct rig *rig) {
        if (rig->policy) {
                if (rig->type->release) {
                        rig->type->release(rig->run.state);
                }
                free(rig->run.state);
                free(rig->run.room);
                policy_free(rig->policy);
                rig->policy = NULL;
        }
}

static inline void rig_close(struct rig *rig) {
        rig_unload(rig);
        journal_reader_free(rig->host.journal);
        resolver_free(rig->host.resolver);
        unit_bus_free(rig->host.units);
        process_scanner_free(rig->host.processes);
        file_changes_free(rig->host.changes);
        mount_pools_free(rig->host.mounts);
        exec_host_free(rig->host.exec);
        worker_pool_free(rig->host.disk);
        loop_free(rig->host.loop);
}

/* A policy text with this probe in it: "disk: {path: /}". */
static inline int rig_parse(const char *probe, struct policy **ret, struct problems *problems) {
        char text[4096];
        int length = snprintf(text, sizeof(text),
                "version: 1\nservices:\n  shop:\n    probes:\n      probe:\n        %s\n", probe);
        assert_in_range(length, 1, sizeof(text) - 1);
        return policy_load_text("test.yaml", text, (size_t) length, probe_variants, ret, problems);
}

/* A probe that is an error when it is loaded, and words that the error has to hold. */
struct rig_refused {
        const char *probe, *message;
};

static inline void rig_refuses(const struct rig_refused *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct policy *policy = NULL;
                struct problems problems = {0};
                struct strbuf text = {0};
                int r = rig_parse(cases[i].probe, &policy, &problems);
                problems_format(&problems, &text);
                if (r != -EINVAL || !strstr(strbuf_text(&text), cases[i].message)) {
                        fail_msg("%s: %d, \"%s\" instead of \"%s\"", cases[i].probe, r,
                                strbuf_text(&text), cases[i].message);
                }
                strbuf_done(&text);
                problems_done(&problems);
                policy_free(policy);
        }
}

static inline void rig_load(struct rig *rig, const char *probe) {
        struct problems problems = {0};
        struct strbuf text = {0};
        rig_unload(rig);
        if (rig_parse(probe, &rig->policy, &problems) < 0) {
                problems_format(&problems, &text);
                fail_msg("%s: %s", probe, strbuf_text(&text));
        }
        problems_done(&problems);
        const struct service *service = &rig->policy->services[0];
        rig->type = probe_types[service->probes[0].type];
        rig->run = (struct probe_run){
                .host = &rig->host,
                .service = service,
                .spec = &service->probes[0],
                .finished = rig_finished,
                .cookie = rig,
                .state = calloc(1, rig->type->state_size + 1),
                .room = calloc(1, rig->type->run_size + 1),
        };
}

static inline void rig_start(struct rig *rig, usec_t timeout) {
        memset(rig->run.room, 0, rig->type->run_size);
        rig->over = rig->stopped = false;
        rig->run.started = clock_now();
        rig->run.started.mono += rig->skew;
        rig->run.timeout = timeout;
        rig->type->start(&rig->run);
}

static inline void rig_stop(struct rig *rig) {
        rig->over = rig->stopped = true;
        rig->result =
                (struct probe_result){.outcome = OUTCOME_TIMEOUT, .cause = CAUSE_UNRESPONSIVE};
        rig->type->stop(&rig->run, rig->result.detail);
        assert_string_not_equal(rig->result.detail, "");
}

/* Until the run is over; the deadline is the caller's to keep, as in the agent. */
static inline void rig_finish(struct rig *rig) {
        usec_t deadline = rig->run.started.mono - rig->skew + rig->run.timeout;
        while (!rig->over) {
                usec_t now = clock_now().mono;
                if (now >= deadline) {
                        rig_stop(rig);
                        return;
                }
                assert_int_equal(loop_turn(rig->host.loop, deadline - now), 1);
        }
}

static inline const struct probe_result *rig_run(struct rig *rig, usec_t timeout) {
        rig_start(rig, timeout);
        rig_finish(rig);
        return &rig->result;
}

/* Turns the loop until *counter is value, at most half a minute. */
static inline void rig_wait(struct rig *rig, const unsigned *counter, unsigned value) {
        usec_t deadline = clock_now().mono + 30 * USEC_PER_SEC;
        while (*counter < value && clock_now().mono < deadline) {
                assert_int_equal(loop_turn(rig->host.loop, 10 * USEC_PER_MSEC), 1);
        }
        assert_int_equal(*counter, value);
}

static inline void assert_result(const struct probe_result *result, enum outcome outcome,
        enum cause cause, const char *detail) {
        if (result->outcome != outcome || result->cause != cause ||
                !strstr(result->detail, detail)) {
                fail_msg("%s, %s: \"%s\" instead of %s, %s: \"%s\"", outcome_text(result->outcome),
                        cause_text(result->cause), result->detail, outcome_text(outcome),
                        cause_text(cause), detail);
        }
}

#define RIG_TIMEOUT (5 * USEC_PER_SEC)
