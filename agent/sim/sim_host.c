#include "sim/sim_host.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define LOOK_INTERVAL (4 * USEC_PER_SEC)

enum { STEPS_AT_ONCE_MAX = 1000000 }; /* without time passing: the core would be looping */

void sim_plan(struct sim_host *host, struct due *due, usec_t at) {
        agenda_set(&host->agenda, &due->node, at);
}

void sim_tell(struct sim_host *host, const struct sim_service *service, const char *what,
        const char *format, ...) {
        if (!host->options->tell) {
                return;
        }
        char text[EVENT_TEXT_MAX + 32];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        host->options->tell(host->options->cookie, host->now.mono - SIM_BEGIN_MONO,
                service ? service->policy->name : NULL, what, text);
}

/* ---- The core ---- */

static void step(struct sim_host *host, const struct input *input) {
        host->result->steps++;
        recovery_step(host->recovery, input, host->now, host->effects);
        for (size_t i = 0; i < host->effects->count; i++) {
                sim_carry_out(host, &host->effects->items[i]);
        }
}

static void feed_dependents(struct sim_host *host) {
        while (host->n_waiting > 0) {
                uint32_t changed = host->waiting[--host->n_waiting];
                const struct service *service = &host->policy->services[changed];
                host->is_waiting[changed] = false;
                for (uint32_t i = 0; i < service->n_dependents; i++) {
                        step(host, &(struct input){
                                           .kind = INPUT_DEPENDENCY,
                                           .service = service->dependents[i],
                                   });
                }
        }
}

static void feed_guards(struct sim_host *host) {
        while (host->guards_due) {
                host->guards_due = false;
                for (uint32_t i = 0; i < host->policy->n_services; i++) {
                        struct service_status status;
                        recovery_service_status(host->recovery, i, &status);
                        if (status.phase == PHASE_HELD) {
                                step(host, &(struct input){.kind = INPUT_GUARDS, .service = i});
                                feed_dependents(host);
                        }
                }
        }
}

/* The agent looks at its host all the time; here it does while that can change anything. */
static void plan_look(struct sim_host *host) {
        struct suspicion_status suspicion;
        recovery_suspicion(host->recovery, &suspicion);
        if (suspicion.state == SUSPICION_NONE) {
                agenda_remove(&host->agenda, &host->look.node);
        } else if (!agenda_is_planned(&host->look.node)) {
                sim_plan(host, &host->look, usec_add(host->now.mono, LOOK_INTERVAL));
        }
}

void sim_feed(struct sim_host *host, const struct input *input) {
        step(host, input);
        feed_dependents(host);
        feed_guards(host);
        plan_look(host);
}

/* ---- Time ---- */

static void timer_due(struct sim_host *host, struct due *due) {
        sim_feed(host, &(struct input){.kind = INPUT_TIMER, .service = due->service});
}

static void saved_due(struct sim_host *host, struct due *due) {
        const struct sim_service *service = &host->services[due->service];
        sim_feed(host, &(struct input){
                               .kind = INPUT_SAVED,
                               .service = due->service,
                               .saved = {.token = service->token, .ok = !host->store.told},
                       });
}

static void look_due(struct sim_host *host, struct due *due) {
        (void) due;
        sim_feed(host, &(struct input){.kind = INPUT_HOST});
}

/* What happens, and whether the agent has a part in it: then it waits while the agent stands still.
 */
static const struct {
        void (*happen)(struct sim_host *host, struct due *due);
        bool of_agent;
} kinds[DUE_COUNT] = {
        [DUE_FAULT] = {sim_fault_due, false},
        [DUE_FAULT_END] = {sim_fault_end_due, false},
        [DUE_FAULT_TURN] = {sim_fault_turn_due, false},
        [DUE_DEATH] = {sim_death_due, false},
        [DUE_SERVING] = {sim_serving_due, false},
        [DUE_PERSON] = {sim_person_due, false},
        [DUE_ACTION] = {sim_action_due, false},
        [DUE_ANSWER] = {sim_answer_due, true},
        [DUE_SAVED] = {saved_due, true},
        [DUE_FILES] = {sim_files_due, true},
        [DUE_TIMER] = {timer_due, true},
        [DUE_PROBE] = {sim_probe_due, true},
        [DUE_LOOK] = {look_due, true},
};

static struct due *due_of(struct agenda_node *node) {
        return (struct due *) node; /* its first member */
}
static_assert(offsetof(struct due, node) == 0, "due_of relies on it");

static void go_to(struct sim_host *host, usec_t at) {
        host->now.wall += at - host->now.mono;
        host->now.mono = at;
}

void sim_host_run(struct sim_host *host) {
        usec_t end = usec_add(SIM_BEGIN_MONO, host->options->duration), before = 0;
        struct agenda_node *node;
        for (unsigned at_once = 0; (node = agenda_top(&host->agenda)) && node->at < end;) {
                struct due *due = due_of(node);
                at_once = node->at == before ? at_once + 1 : 0;
                assert(at_once < STEPS_AT_ONCE_MAX);
                before = node->at;
                if (kinds[due->kind].of_agent && node->at < host->stalled_until) {
                        sim_plan(host, due, host->stalled_until);
                        continue;
                }
                agenda_remove(&host->agenda, node);
                go_to(host, node->at);
                kinds[due->kind].happen(host, due);
        }
        go_to(host, end);
        sim_faults_close(host);
}

/* ---- Making ---- */

static void due_init(struct due *due, enum due_kind kind, uint32_t service, uint32_t index) {
        *due = (struct due){.kind = kind, .service = service, .index = index};
        due->node.order = (uint64_t) kind << 56 | (uint64_t) service << 24 | index;
}

static void init_faults(struct sim_host *host) {
        due_init(&host->look, DUE_LOOK, 0, 0);
        for (size_t i = 0; i < host->n_faults; i++) {
                struct sim_fault *fault = &host->faults[i];
                due_init(&fault->arrival, DUE_FAULT, 0, (uint32_t) i);
                due_init(&fault->end, DUE_FAULT_END, 0, (uint32_t) i);
                due_init(&fault->turn, DUE_FAULT_TURN, 0, (uint32_t) i);
        }
}

static void init_service(struct sim_host *host, uint32_t index, struct sim_probe *probes) {
        struct sim_service *service = &host->services[index];
        service->policy = &host->policy->services[index];
        service->managed = service->policy->manager != MANAGER_NONE;
        service->standby = sim_is_standby(host->policy, service->policy);
        service->up = service->serving = !service->standby;
        service->by_action = service->standby;
        service->probes = probes;
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                due_init(&probes[i].due, DUE_PROBE, index, i);
        }
        due_init(&service->death, DUE_DEATH, index, 0);
        due_init(&service->serving_due, DUE_SERVING, index, 0);
        due_init(&service->person, DUE_PERSON, index, 0);
        due_init(&service->action_due, DUE_ACTION, index, 0);
        due_init(&service->answer_due, DUE_ANSWER, index, 0);
        due_init(&service->saved_due, DUE_SAVED, index, 0);
        due_init(&service->files_due, DUE_FILES, index, 0);
        due_init(&service->timer, DUE_TIMER, index, 0);
        chance_stream(&service->luck, host->options->seed, service->policy->name, "actions");
        host->result->services[index].name = service->policy->name;
        host->result->services[index].standby = service->standby;
}

enum { DUES_OF_SERVICE = 8, DUES_OF_FAULT = 3 };

static int make_memory(struct sim_host *host) {
        size_t n = host->policy->n_services;
        host->services = calloc(n + 1, sizeof(*host->services));
        host->probes = calloc(host->policy->n_probes + 1, sizeof(*host->probes));
        host->waiting = calloc(n + 1, sizeof(*host->waiting));
        host->is_waiting = calloc(n + 1, sizeof(*host->is_waiting));
        host->effects = calloc(1, sizeof(*host->effects));
        host->result->services = calloc(n + 1, sizeof(*host->result->services));
        host->result->faults = calloc(host->plan->faults.count + 1, sizeof(*host->result->faults));
        if (!host->services || !host->probes || !host->waiting || !host->is_waiting ||
                !host->effects || !host->result->services || !host->result->faults) {
                return -ENOMEM;
        }
        struct sim_probe *probes = host->probes;
        for (uint32_t i = 0; i < n; i++) {
                init_service(host, i, probes);
                probes += host->policy->services[i].n_probes;
        }
        host->result->n_services = host->policy->n_services;
        host->result->n_faults = host->plan->faults.count;
        host->result->duration = host->options->duration;
        return 0;
}

void sim_tell_permits(struct sim_host *host) {
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                if (policy_is_pooled(&host->policy->services[i])) {
                        sim_feed(host,
                                &(struct input){.kind = INPUT_PERMIT,
                                        .service = i,
                                        .permit = {PERMIT_GRANTED, USEC_INFINITY,
                                                "a permit is always there where only one host "
                                                "is played"}});
                }
        }
}

static int make_core(struct sim_host *host, struct error *err) {
        struct recovery_settings settings = {.seed = host->options->seed, .next_incident = 1};
        str_copy(settings.boot_id, sizeof(settings.boot_id), "simulated");
        int r = recovery_new(&host->recovery, host->policy, &settings, host->now, err);
        if (r < 0) {
                return r;
        }
        sim_feed(host, &(struct input){.kind = INPUT_STORE, .up = true});
        sim_feed(host, &(struct input){.kind = INPUT_EXECUTOR, .up = true});
        sim_tell_permits(host);
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                sim_tell_duty(host, &host->services[i]);
                sim_tell_process(host, &host->services[i], USEC_PER_HOUR);
        }
        return 0;
}

int sim_host_init(struct sim_host *host, const struct policy *policy, const struct fault_plan *plan,
        const struct simulation_options *options, struct simulation *result, struct error *err) {
        *host = (struct sim_host){
                .policy = policy,
                .plan = plan,
                .options = options,
                .result = result,
                .now = {.mono = SIM_BEGIN_MONO, .wall = SIM_BEGIN_WALL},
        };
        int r = make_memory(host);
        r = r < 0 ? r : sim_faults_init(host);
        r = r < 0 ? r
                  : agenda_init(&host->agenda,
                            1 + policy->n_probes + (size_t) DUES_OF_SERVICE * policy->n_services +
                                    (size_t) DUES_OF_FAULT * host->n_faults);
        if (r < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        init_faults(host);
        sim_probes_init(host);
        r = make_core(host, err);
        for (size_t i = 0; r == 0 && i < host->n_faults; i++) {
                sim_fault_plan_next(host, &host->faults[i]);
        }
        return r;
}

void sim_host_done(struct sim_host *host) {
        recovery_free(host->recovery);
        sim_store_done(&host->store);
        agenda_done(&host->agenda);
        free(host->services);
        free(host->probes);
        free(host->faults);
        free(host->waiting);
        free(host->is_waiting);
        free(host->effects);
}
