#include "runtime/scheduler.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/heap.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/units.h"
#include "probes/heartbeat.h"
#include "probes/perfdata.h"
#include "runtime/probe_means.h"

enum {
        GROUP_MAX = 64, /* members; every run under way costs memory */
        FREE_RUNS_MAX = 2 * GROUP_MAX, /* kept for the next; more are left by a time of overload */
};

/* First runs are spread over their interval, but nobody waits longer than this for a first look. */
#define FIRST_SPREAD_MAX (10 * USEC_PER_SEC)

/* The span of the largest group, by the first due times of its members. */
#define GROUP_SPAN_MAX (500 * USEC_PER_MSEC)

/* A pass that stands (probe_type.stands) takes the place of a run, except of every tenth, and of
 * those that are this far apart: each probe is run for good within ten minutes. */
enum { RUNS_FOR_GOOD = 10 };
#define SPARED_INTERVAL_MAX (1 * USEC_PER_MINUTE)

/* How much later than its own deadline the executor's answer may come. */
#define DELEGATE_MARGIN (500 * USEC_PER_MSEC)

struct run {
        struct probe_run probe; /* first: a run is found by it */
        struct heap_node deadline;
        struct slot *slot;
        struct run *next_free;
        bool delegated;
        _Alignas(max_align_t) char room[];
};

struct measurements { /* most probes measure one value only, and have none of these */
        uint32_t count;
        struct measurement values[];
};

struct slot { /* one probe of one service */
        struct heap_node due;
        struct observation last;
        struct measurements *measured; /* of the last run; NULL: none */
        struct run *run; /* NULL: not under way */
        void *state;
        uint64_t request; /* of a delegated run */
        usec_t started; /* of the last run */
        uint32_t turns; /* runs, and passes that stood */
        bool again; /* hurry after the run under way */
        bool wanted; /* somebody asked: the next is a run */
};

struct service_slots {
        struct slot *slots;
        struct probe_target target;
        enum pace pace;
};

struct scheduler {
        struct loop *loop;
        const struct policy *policy;
        struct scheduler_callbacks callbacks;
        struct probe_host host;
        struct service_slots *services;
        struct slot *slots;
        struct heap due, deadlines;
        struct loop_timer due_timer, deadline_timer;
        struct run *free_runs;
        size_t n_free_runs;
        size_t room_size;
        struct rng rng;
        struct scheduler_counts counts;
        uint64_t last_request;
        bool delegate;
};

static const struct service *service_of(
        const struct scheduler *scheduler, const struct slot *slot) {
        return &scheduler->policy->services[slot->last.service];
}

static const struct probe_spec *spec_of(
        const struct scheduler *scheduler, const struct slot *slot) {
        return &service_of(scheduler, slot)->probes[slot->last.probe];
}

static const struct probe_type *type_of(
        const struct scheduler *scheduler, const struct slot *slot) {
        return probe_types[spec_of(scheduler, slot)->type];
}

/* ---- Due times ---- */

/* Timers are armed lazily: one that fires too early is set again, which is cheaper than moving it
 * for each probe that comes and goes. */
static void arm(struct loop_timer *timer, const struct heap *heap) {
        const struct heap_node *top = heap_top(heap);
        if (top && (!loop_timer_armed(timer) || top->key < timer->node.key)) {
                loop_timer_set(timer, top->key);
        }
}

static void set_due(struct scheduler *scheduler, struct slot *slot, usec_t due) {
        heap_set(&scheduler->due, &slot->due, due);
        arm(&scheduler->due_timer, &scheduler->due);
}

static usec_t interval_of(const struct scheduler *scheduler, const struct slot *slot) {
        const struct probe_spec *spec = spec_of(scheduler, slot);
        switch (scheduler->services[slot->last.service].pace) {
        case PACE_NORMAL:
                return spec->interval;
        case PACE_FAST:
                return spec->fast_interval;
        case PACE_DOWN:
                return spec->down_interval;
        }
        return spec->interval;
}

/* Intervals are counted from due time to due time, so that they do not drift; after an overrun, or
 * a change of pace, from now. */
static void plan_next(struct scheduler *scheduler, struct slot *slot) {
        usec_t now = loop_now(scheduler->loop).mono;
        usec_t due = usec_add(slot->started, interval_of(scheduler, slot));
        if (slot->again || due < now) {
                due = now;
        }
        slot->again = false;
        set_due(scheduler, slot, due);
}

/* ---- Runs ---- */

/* The room is that of the largest type; this one needs only its own part zeroed. */
static struct run *run_take(struct scheduler *scheduler, const struct slot *slot) {
        struct run *run = scheduler->free_runs;
        if (!run) {
                return calloc(1, sizeof(*run) + scheduler->room_size);
        }
        scheduler->free_runs = run->next_free;
        scheduler->n_free_runs--;
        return memset(run, 0, sizeof(*run) + type_of(scheduler, slot)->run_size);
}

static void trim_free_runs(struct scheduler *scheduler, size_t keep) {
        while (scheduler->n_free_runs > keep) {
                struct run *run = scheduler->free_runs;
                scheduler->free_runs = run->next_free;
                scheduler->n_free_runs--;
                free(run);
        }
}

/* Its memory stays readable until the next turn of the timer: results may lie in it. */
static void run_give_back(struct scheduler *scheduler, struct run *run) {
        heap_remove(&scheduler->deadlines, &run->deadline);
        run->slot->run = NULL;
        run->next_free = scheduler->free_runs;
        scheduler->free_runs = run;
        scheduler->n_free_runs++;
        scheduler->counts.in_flight--;
        arm(&scheduler->due_timer, &scheduler->due);
}

/* Without memory the probe has its one value still. */
static void keep_measurements(struct slot *slot, const struct probe_result *result) {
        uint32_t count = result->n_measurements;
        if (!slot->measured || slot->measured->count != count) {
                free(slot->measured);
                slot->measured = count ? malloc(sizeof(struct measurements) +
                                                 count * sizeof(struct measurement))
                                       : NULL;
        }
        if (slot->measured) {
                slot->measured->count = count;
                memcpy(slot->measured->values, result->measurements,
                        count * sizeof(struct measurement));
        }
}

static void conclude(struct scheduler *scheduler, struct slot *slot,
        const struct probe_result *result, usec_t started) {
        struct observation *last = &slot->last;
        last->outcome = result->outcome;
        last->cause = result->cause;
        last->certain = result->certain;
        last->has_value = result->has_value;
        last->value = result->value;
        last->at = loop_now(scheduler->loop);
        last->duration = usec_sub(last->at.mono, started);
        keep_measurements(slot, result);
        str_copy(last->detail, sizeof(last->detail), result->detail);
        scheduler->counts.runs++;
        scheduler->callbacks.observed(scheduler->callbacks.cookie, last);
}

static void on_finished(struct probe_run *probe, const struct probe_result *result) {
        struct run *run = (struct run *) probe;
        struct scheduler *scheduler = probe->cookie;
        struct slot *slot = run->slot;
        usec_t started = probe->started.mono;
        struct probe_result copy = *result; /* it may live in the run's room */
        run_give_back(scheduler, run);
        plan_next(scheduler, slot);
        conclude(scheduler, slot, &copy, started);
}

static void finish_unmeasured(struct run *run, const char *why, int code) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s: %s", why, strerror(code));
        on_finished(&run->probe, &result);
}

static bool is_delegated(const struct scheduler *scheduler, const struct slot *slot) {
        const struct probe_type *type = type_of(scheduler, slot);
        return scheduler->delegate && type->privileged &&
               type->privileged(spec_of(scheduler, slot)->params);
}

static int ensure_state(struct slot *slot, const struct probe_type *type) {
        if (type->state_size > 0 && !slot->state) {
                slot->state = calloc(1, type->state_size);
                return slot->state ? 0 : -ENOMEM;
        }
        return 0;
}

static void begin(struct scheduler *scheduler, struct run *run) {
        struct slot *slot = run->slot;
        const struct probe_type *type = type_of(scheduler, slot);
        if (run->delegated) {
                slot->request = ++scheduler->last_request;
                int r = scheduler->callbacks.ask(scheduler->callbacks.cookie, slot->request,
                        slot->last.service, slot->last.probe, run->probe.timeout);
                if (r < 0) {
                        finish_unmeasured(run, "the executor cannot be asked", -r);
                }
                return;
        }
        int r = ensure_state(slot, type);
        if (r < 0) {
                finish_unmeasured(run, "cannot prepare the probe", -r);
                return;
        }
        run->probe.state = slot->state;
        type->start(&run->probe);
}

/* It is its turn now. */
static void take_turn(struct scheduler *scheduler, struct slot *slot, usec_t beat) {
        usec_t now = loop_now(scheduler->loop).mono;
        usec_t late = usec_sub(now, slot->due.key);
        if (late > scheduler->counts.worst_lateness) {
                scheduler->counts.worst_lateness = late;
        }
        /* Those that start together stay together: their common rhythm is that of the earliest. One
         * that comes up again in the same group, because its interval is below the slack, keeps its
         * own. */
        usec_t rhythm = slot->started < beat ? beat : slot->due.key;
        slot->started = late > spec_of(scheduler, slot)->interval ? now : rhythm;
        heap_remove(&scheduler->due, &slot->due);
}

/* Which turn of ten is a run for good differs from probe to probe, so that they share the work. */
static bool stands(const struct scheduler *scheduler, struct slot *slot) {
        size_t index = (size_t) (slot - scheduler->slots);
        bool spared = slot->state && !slot->wanted && slot->last.outcome == OUTCOME_PASS &&
                      scheduler->services[slot->last.service].pace == PACE_NORMAL;
        if ((++slot->turns + index) % RUNS_FOR_GOOD == 0 || !spared) {
                return false;
        }
        const struct probe_type *type = type_of(scheduler, slot);
        return type->stands && spec_of(scheduler, slot)->interval <= SPARED_INTERVAL_MAX &&
               type->stands(slot->state);
}

/* The last result again, as if it had been measured now. */
static void repeat(struct scheduler *scheduler, struct slot *slot) {
        plan_next(scheduler, slot);
        slot->last.at = loop_now(scheduler->loop);
        scheduler->counts.runs++;
        scheduler->callbacks.observed(scheduler->callbacks.cookie, &slot->last);
}

static void run_start(
        struct scheduler *scheduler, struct slot *slot, struct run *run, usec_t beat) {
        const struct probe_spec *spec = spec_of(scheduler, slot);
        struct instant now = loop_now(scheduler->loop);
        take_turn(scheduler, slot, beat);
        slot->wanted = false;
        slot->run = run;
        run->slot = slot;
        run->delegated = is_delegated(scheduler, slot);
        run->probe = (struct probe_run){
                .host = &scheduler->host,
                .service = service_of(scheduler, slot),
                .spec = spec,
                .probe = slot->last.probe,
                .target = scheduler->services[slot->last.service].target,
                .started = now,
                .timeout = spec->timeout,
                .room = run->room,
                .finished = on_finished,
                .cookie = scheduler,
        };
        scheduler->counts.in_flight++;
        usec_t margin = run->delegated ? DELEGATE_MARGIN : 0;
        heap_set(&scheduler->deadlines, &run->deadline,
                usec_add(now.mono, usec_add(spec->timeout, margin)));
        arm(&scheduler->deadline_timer, &scheduler->deadlines);
        begin(scheduler, run);
}

/* Whether a probe joins a group although it is due this much later: by the slack of the policy, or
 * by a tenth of a long interval, which saves wake-ups. From then on the group has one rhythm. */
static bool may_join(const struct scheduler *scheduler, const struct slot *slot, usec_t early) {
        usec_t slack = scheduler->policy->agent.slack;
        if (early <= slack || slack == 0) {
                return early <= slack;
        }
        usec_t share = interval_of(scheduler, slot) / 10;
        return early <= (share < GROUP_SPAN_MAX ? share : GROUP_SPAN_MAX);
}

/* Starts all that are due within their slack of the earliest. They keep its rhythm from then on, so
 * groups form once and stay; the slack is counted from the earliest's due time, or a late loop
 * would merge ever larger groups. */
static void start_group(struct scheduler *scheduler, usec_t beat) {
        struct heap_node *node;
        for (int n = 0; n < GROUP_MAX && (node = heap_top(&scheduler->due)) &&
                        scheduler->counts.in_flight < scheduler->policy->agent.max_in_flight;
                n++) {
                struct slot *slot = LIST_ENTRY(node, struct slot, due);
                if (!may_join(scheduler, slot, usec_sub(node->key, beat))) {
                        return;
                }
                if (stands(scheduler, slot)) {
                        take_turn(scheduler, slot, beat);
                        repeat(scheduler, slot);
                        continue;
                }
                struct run *run = run_take(scheduler, slot);
                if (!run) {
                        return;
                }
                run_start(scheduler, slot, run, beat);
        }
}

static void on_due(void *cookie) {
        struct scheduler *scheduler = cookie;
        usec_t now = loop_now(scheduler->loop).mono;
        uint32_t max = scheduler->policy->agent.max_in_flight;
        struct heap_node *node;
        while ((node = heap_top(&scheduler->due)) && node->key <= now &&
                scheduler->counts.in_flight < max) {
                start_group(scheduler, node->key);
        }
        trim_free_runs(scheduler, FREE_RUNS_MAX);
        if (scheduler->counts.in_flight < max) { /* else the next conclusion arms it */
                arm(&scheduler->due_timer, &scheduler->due);
        }
}

/* ---- Deadlines ---- */

static void run_end(struct scheduler *scheduler, struct run *run, char *detail) {
        if (!run->delegated) {
                type_of(scheduler, run->slot)->stop(&run->probe, detail);
        }
        run->slot->request = 0;
        run_give_back(scheduler, run);
}

static void expire(struct scheduler *scheduler, struct run *run) {
        struct slot *slot = run->slot;
        char far[OBSERVATION_DETAIL_MAX] = "", within[UNITS_TEXT_MAX];
        usec_t started = run->probe.started.mono;
        bool delegated = run->delegated;
        units_format_duration(run->probe.timeout, within);
        run_end(scheduler, run, far);
        struct probe_result result = {0};
        if (delegated) { /* the executor's silence says nothing about the service */
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the executor did not answer within %s", within);
        } else if (far[0]) {
                probe_conclude(&result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, "%s", far);
        } else {
                probe_conclude(&result, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, "no answer within %s",
                        within);
        }
        plan_next(scheduler, slot);
        conclude(scheduler, slot, &result, started);
}

static void on_deadline(void *cookie) {
        struct scheduler *scheduler = cookie;
        usec_t now = loop_now(scheduler->loop).mono;
        struct heap_node *node;
        while ((node = heap_top(&scheduler->deadlines)) && node->key <= now) {
                expire(scheduler, LIST_ENTRY(node, struct run, deadline));
        }
        arm(&scheduler->deadline_timer, &scheduler->deadlines);
}

/* ---- From outside ---- */

void scheduler_pace(struct scheduler *scheduler, uint32_t service, enum pace pace) {
        struct service_slots *slots = &scheduler->services[service];
        if (slots->pace == pace) {
                return;
        }
        slots->pace = pace;
        for (uint32_t i = 0; i < scheduler->policy->services[service].n_probes; i++) {
                struct slot *slot = &slots->slots[i];
                /* What is due already stays due, and a first run keeps its place in the spread. */
                if (!slot->run && slot->started && slot->due.key > loop_now(scheduler->loop).mono) {
                        plan_next(scheduler, slot);
                }
        }
}

void scheduler_hurry_probe(struct scheduler *scheduler, uint32_t service, uint32_t probe) {
        struct slot *slot = &scheduler->services[service].slots[probe];
        slot->wanted = true;
        if (slot->run) {
                slot->again = true;
        } else {
                set_due(scheduler, slot, loop_now(scheduler->loop).mono);
        }
}

void scheduler_hurry(struct scheduler *scheduler, uint32_t service) {
        for (uint32_t i = 0; i < scheduler->policy->services[service].n_probes; i++) {
                scheduler_hurry_probe(scheduler, service, i);
        }
}

void scheduler_target(
        struct scheduler *scheduler, uint32_t service, const struct probe_target *target) {
        scheduler->services[service].target = *target;
        for (uint32_t i = 0; i < scheduler->policy->services[service].n_probes; i++) {
                scheduler->services[service].slots[i].wanted = true;
        }
}

const struct probe_target *scheduler_target_of(
        const struct scheduler *scheduler, uint32_t service) {
        return &scheduler->services[service].target;
}

/* The probe looks at it at once where that may change what is known: one more of the same
 * can wait for the next run, and so cannot be used to keep the agent busy. */
int scheduler_beat(struct scheduler *scheduler, uint32_t service, uint32_t probe,
        const struct heartbeat *beat) {
        const struct service *of = &scheduler->policy->services[service];
        int r = heartbeat_board_put(
                scheduler->host.heartbeats, of->name, of->probes[probe].name, beat);
        const struct observation *last = scheduler_observation(scheduler, service, probe);
        if (r >= 0 && last->outcome != (beat->failed ? OUTCOME_FAIL : OUTCOME_PASS)) {
                scheduler_hurry_probe(scheduler, service, probe);
        }
        return r;
}

struct heartbeat_board *scheduler_heartbeats(const struct scheduler *scheduler) {
        return scheduler->host.heartbeats;
}

void scheduler_beat_refused(
        struct scheduler *scheduler, uint32_t service, uint32_t probe, const char *why) {
        const struct service *of = &scheduler->policy->services[service];
        (void) heartbeat_board_refuse(scheduler->host.heartbeats, of->name, of->probes[probe].name,
                loop_now(scheduler->loop).mono, why);
}

void scheduler_delegate(struct scheduler *scheduler, bool delegate) {
        scheduler->delegate = delegate;
}

void scheduler_answer(struct scheduler *scheduler, const struct wire_message *message) {
        const struct service *service = policy_service(scheduler->policy, message->service);
        const struct probe_spec *spec = service ? policy_probe(service, message->probe) : NULL;
        if (!spec) {
                return;
        }
        struct slot *slot = &scheduler->services[service->index].slots[spec - service->probes];
        bool asked = slot->run && slot->run->delegated && slot->request == message->request;
        bool unasked = message->request == 0 && is_delegated(scheduler, slot);
        if (!asked && !unasked) {
                return;
        }
        struct perfdata data = {0};
        perfdata_parse(&data, message->values, strlen(message->values));
        struct probe_result result = {
                .outcome = message->outcome,
                .cause = message->exact_cause ? message->exact_cause : message->cause,
                .certain = message->certain,
                .has_value = message->has_value,
                .value = message->value,
                .measurements = data.values,
                .n_measurements = data.count,
        };
        str_copy(result.detail, sizeof(result.detail), message->text);
        if (unasked) {
                conclude(scheduler, slot, &result, loop_now(scheduler->loop).mono);
                return;
        }
        slot->request = 0;
        on_finished(&slot->run->probe, &result);
}

static void on_notify(
        void *cookie, uint32_t service, uint32_t probe, const struct probe_result *result) {
        struct scheduler *scheduler = cookie;
        conclude(scheduler, &scheduler->services[service].slots[probe], result,
                loop_now(scheduler->loop).mono);
}

static usec_t spread(struct scheduler *scheduler, usec_t interval) {
        usec_t most = interval < FIRST_SPREAD_MAX ? interval : FIRST_SPREAD_MAX;
        return (usec_t) (rng_unit(&scheduler->rng) * (double) most);
}

void scheduler_stalled(struct scheduler *scheduler, usec_t gap) {
        usec_t now = loop_now(scheduler->loop).mono;
        char how_long[UNITS_TEXT_MAX];
        units_format_duration_short(gap, how_long);
        heartbeat_board_break(
                scheduler->host.heartbeats, usec_sub(now, gap), loop_now(scheduler->loop));
        for (uint32_t i = 0; i < scheduler->policy->n_probes; i++) {
                struct slot *slot = &scheduler->slots[i];
                usec_t due = usec_add(now, spread(scheduler, interval_of(scheduler, slot)));
                struct run *run = slot->run;
                if (!run) {
                        set_due(scheduler, slot, due);
                        continue;
                }
                char far[OBSERVATION_DETAIL_MAX] = "";
                usec_t started = run->probe.started.mono;
                run_end(scheduler, run, far);
                set_due(scheduler, slot, due);
                struct probe_result result = {0};
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the agent itself stood still for %s", how_long);
                conclude(scheduler, slot, &result, started);
        }
}

const struct observation *scheduler_observation(
        const struct scheduler *scheduler, uint32_t service, uint32_t probe) {
        return &scheduler->services[service].slots[probe].last;
}

const struct measurement *scheduler_measurements(
        const struct scheduler *scheduler, uint32_t service, uint32_t probe, uint32_t *ret_count) {
        const struct measurements *measured = scheduler->services[service].slots[probe].measured;
        *ret_count = measured ? measured->count : 0;
        return measured ? measured->values : NULL;
}

struct scheduler_counts scheduler_counts(const struct scheduler *scheduler) {
        struct scheduler_counts counts = scheduler->counts;
        const struct heap_node *top = heap_top(&scheduler->due);
        counts.overdue = top ? usec_sub(loop_now(scheduler->loop).mono, top->key) : 0;
        return counts;
}

void scheduler_counts_reset(struct scheduler *scheduler) {
        scheduler->counts.worst_lateness = 0;
}

/* ---- Making, changing, ending ---- */

struct table { /* what belongs to one policy */
        struct service_slots *services;
        struct slot *slots;
};

static int table_new(struct table *ret, const struct policy *policy) {
        AUTO_FREE struct service_slots *services =
                calloc(policy->n_services + 1, sizeof(*services));
        AUTO_FREE struct slot *slots = calloc(policy->n_probes + 1, sizeof(*slots));
        if (!services || !slots) {
                return -ENOMEM;
        }
        struct slot *next = slots;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                services[i].slots = next;
                for (uint32_t j = 0; j < policy->services[i].n_probes; j++, next++) {
                        next->last.service = i;
                        next->last.probe = j;
                }
        }
        ret->services = TAKE_PTR(services);
        ret->slots = TAKE_PTR(slots);
        return 0;
}

static void end_run(struct scheduler *scheduler, struct slot *slot) {
        char detail[OBSERVATION_DETAIL_MAX];
        if (slot->run) {
                run_end(scheduler, slot->run, detail);
        }
}

static void slot_release(struct scheduler *scheduler, struct slot *slot) {
        end_run(scheduler, slot);
        const struct probe_type *type = type_of(scheduler, slot);
        if (slot->state && type->release) {
                type->release(slot->state);
        }
        free(TAKE_PTR(slot->state));
        free(TAKE_PTR(slot->measured));
}

static void release_all(struct scheduler *scheduler) {
        for (uint32_t i = 0; i < scheduler->policy->n_probes; i++) {
                slot_release(scheduler, &scheduler->slots[i]);
                heap_remove(&scheduler->due, &scheduler->slots[i].due);
        }
        free(TAKE_PTR(scheduler->slots));
        free(TAKE_PTR(scheduler->services));
}

static void plan_first(struct scheduler *scheduler) {
        usec_t now = loop_now(scheduler->loop).mono;
        for (uint32_t i = 0; i < scheduler->policy->n_probes; i++) {
                struct slot *slot = &scheduler->slots[i];
                if (slot->due.position == 0) {
                        usec_t interval = spec_of(scheduler, slot)->interval;
                        set_due(scheduler, slot, usec_add(now, spread(scheduler, interval)));
                }
        }
}

static int prepare(struct scheduler *scheduler, struct error *err) {
        for (size_t i = 0; probe_types[i]; i++) {
                if (probe_types[i]->run_size > scheduler->room_size) {
                        scheduler->room_size = probe_types[i]->run_size;
                }
        }
        int r = loop_timer_init(&scheduler->due_timer, scheduler->loop, on_due, scheduler);
        if (r >= 0) {
                r = loop_timer_init(
                        &scheduler->deadline_timer, scheduler->loop, on_deadline, scheduler);
        }
        if (r >= 0) {
                r = heap_init(&scheduler->due, scheduler->policy->n_probes + 1);
        }
        if (r >= 0) {
                r = heap_init(&scheduler->deadlines, scheduler->policy->agent.max_in_flight + 1);
        }
        struct table table = {0};
        if (r >= 0) {
                r = table_new(&table, scheduler->policy);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "cannot prepare the scheduler");
        }
        scheduler->services = table.services;
        scheduler->slots = table.slots;
        return probe_means_open(&scheduler->host, scheduler->policy, err);
}

DEFINE_CLEANUP(scheduler_free_p, struct scheduler, scheduler_free)

int scheduler_new(struct scheduler **ret, struct loop *loop, const struct policy *policy,
        const struct scheduler_callbacks *callbacks, struct error *err) {
        AUTO(scheduler_free_p) struct scheduler *scheduler = calloc(1, sizeof(*scheduler));
        if (!scheduler) {
                return error_set(err, ENOMEM, "out of memory");
        }
        scheduler->loop = loop;
        scheduler->policy = policy;
        scheduler->callbacks = *callbacks;
        scheduler->host.loop = loop;
        scheduler->host.notify = on_notify;
        scheduler->host.cookie = scheduler;
        scheduler->last_request = loop_now(loop).wall;
        rng_seed_from_system(&scheduler->rng);
        int r = prepare(scheduler, err);
        if (r < 0) {
                return r;
        }
        plan_first(scheduler);
        *ret = TAKE_PTR(scheduler);
        return 0;
}

/* What a probe that did not change has counted goes over, whatever else of its service changed. */
static void carry_state(struct scheduler *scheduler, const struct policy *policy, struct slot *from,
        const struct table *to) {
        const struct service *was = service_of(scheduler, from);
        const struct service *now = policy_service(policy, was->name);
        void (*detach)(void *state) = type_of(scheduler, from)->detach;
        if (!now || !from->state || !detach) {
                return;
        }
        const struct probe_spec *same = policy_same_probe(now, spec_of(scheduler, from));
        if (same) {
                struct slot *slots = to->services[now->index].slots;
                assert(slots); /* of every service of the policy */
                end_run(scheduler, from);
                detach(from->state);
                slots[same - now->probes].state = TAKE_PTR(from->state);
        }
}

/* A probe whose service did not change goes on as if nothing had happened. */
static void carry(
        struct scheduler *scheduler, const struct policy *before, const struct table *old) {
        for (uint32_t i = 0; i < scheduler->policy->n_services; i++) {
                const struct service *now = &scheduler->policy->services[i];
                const struct service *was = policy_service(before, now->name);
                if (!was) {
                        continue;
                }
                scheduler->services[i].target = old->services[was->index].target;
                scheduler->services[i].pace = old->services[was->index].pace;
                for (uint32_t j = 0; str_eq(now->digest, was->digest) && j < now->n_probes; j++) {
                        struct slot *to = &scheduler->services[i].slots[j];
                        const struct slot *from = &old->services[was->index].slots[j];
                        to->last = from->last;
                        to->last.service = i;
                        to->started = from->started;
                        set_due(scheduler, to, from->due.key);
                }
        }
}

int scheduler_reload(struct scheduler *scheduler, const struct policy *policy, struct error *err) {
        struct table table;
        int r = table_new(&table, policy);
        if (r >= 0) {
                r = heap_reserve(&scheduler->due, policy->n_probes + 1);
        }
        if (r >= 0) {
                r = heap_reserve(&scheduler->deadlines, policy->agent.max_in_flight + 1);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "cannot prepare the scheduler");
        }
        const struct policy *before = scheduler->policy;
        struct table old = {scheduler->services, scheduler->slots};
        for (uint32_t i = 0; i < before->n_probes; i++) {
                usec_t due = old.slots[i].due.position ? old.slots[i].due.key
                                                       : loop_now(scheduler->loop).mono;
                carry_state(scheduler, policy, &old.slots[i], &table);
                slot_release(scheduler, &old.slots[i]);
                heap_remove(&scheduler->due, &old.slots[i].due);
                old.slots[i].due.key = due;
        }
        scheduler->policy = policy;
        scheduler->services = table.services;
        scheduler->slots = table.slots;
        carry(scheduler, before, &old);
        /* Out of memory: what is missing on the board is not known to its probe. */
        (void) heartbeat_board_expect(
                scheduler->host.heartbeats, policy, loop_now(scheduler->loop));
        plan_first(scheduler);
        free(old.slots);
        free(old.services);
        return 0;
}

void scheduler_free(struct scheduler *scheduler) {
        if (!scheduler) {
                return;
        }
        if (scheduler->slots) {
                release_all(scheduler);
        }
        trim_free_runs(scheduler, 0);
        loop_timer_done(&scheduler->due_timer);
        loop_timer_done(&scheduler->deadline_timer);
        heap_done(&scheduler->due);
        heap_done(&scheduler->deadlines);
        probe_means_close(&scheduler->host);
        free(scheduler);
}
