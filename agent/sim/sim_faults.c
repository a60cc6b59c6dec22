/* When faults occur, what they do to the host, and what ends them. */

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"
#include "sim/sim_host.h"

static struct sim_service *service_of(struct sim_host *host, const struct sim_fault *fault) {
        return fault->service == UINT32_MAX ? NULL : &host->services[fault->service];
}

static struct sim_fault *fault_of(struct sim_host *host, const struct due *due) {
        return &host->faults[due->index];
}

static struct fault_outcome *outcome_of(struct sim_host *host, const struct sim_fault *fault) {
        return &host->result->faults[fault->number];
}

/* ---- Looking ---- */

const struct sim_fault *sim_bad_fault(const struct sim_service *service) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                if (service->faults[i].bad) {
                        return &service->faults[i];
                }
        }
        return NULL;
}

bool sim_has_fault(const struct sim_service *service, int kind) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                const struct sim_fault *fault = &service->faults[i];
                if (fault->active && (kind < 0 || fault->spec->kind == kind)) {
                        return true;
                }
        }
        return false;
}

bool sim_host_has_fault(const struct sim_host *host, int kind) {
        for (size_t i = host->n_service_faults; i < host->n_faults; i++) {
                if (host->faults[i].active && host->faults[i].spec->kind == kind) {
                        return true;
                }
        }
        return false;
}

static const char *text_of(const struct sim_fault *fault) {
        const char *text = fault->spec->symptom->text;
        return text ? text : fault_traits(fault->spec->kind)->text;
}

const char *sim_crash_text(const struct sim_service *service) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                const struct sim_fault *fault = &service->faults[i];
                if (fault->active && fault->spec->kind == FAULT_CRASH) {
                        return text_of(fault);
                }
        }
        return "killed";
}

static bool names(const struct fault_spec *spec, const char *service) {
        for (uint32_t i = 0; i < spec->services.count; i++) {
                if (str_eq(spec->services.items[i], service)) {
                        return true;
                }
        }
        return spec->services.count == 0;
}

const struct sim_fault *sim_cut_off(
        const struct sim_host *host, const struct sim_service *service) {
        for (size_t i = host->n_service_faults; i < host->n_faults; i++) {
                const struct sim_fault *fault = &host->faults[i];
                if (fault->active && fault->spec->kind == FAULT_CUT_OFF &&
                        names(fault->spec, service->policy->name)) {
                        return fault;
                }
        }
        return NULL;
}

/* ---- When ---- */

static usec_t next_moment(struct sim_fault *fault) {
        const struct fault_spec *spec = fault->spec;
        if (fault->next_at < spec->at.count) {
                return spec->at.items[fault->next_at++];
        }
        if (!spec->mtbf) {
                return USEC_INFINITY;
        }
        fault->drawn = usec_add(fault->drawn,
                chance_time(&fault->arrivals, (enum distribution) spec->mtbf->distribution,
                        spec->mtbf->mean, spec->mtbf->shape));
        return fault->drawn;
}

/* Drawn from beginning to beginning, whatever the policy made of it: another policy meets the same
 * faults. */
void sim_fault_plan_next(struct sim_host *host, struct sim_fault *fault) {
        usec_t next = next_moment(fault);
        if (next < host->options->duration) {
                usec_t at = usec_add(SIM_BEGIN_MONO, next);
                sim_plan(host, &fault->arrival, at < host->now.mono ? host->now.mono : at);
        }
}

/* ---- What it does ---- */

/* Nothing that the agent has a part in happens before it is over. */
static void stop_agent(struct sim_host *host, const struct sim_fault *fault) {
        usec_t until = usec_add(host->now.mono, fault->spec->lasts);
        if (host->now.mono >= host->stalled_until) {
                host->stalled_since = host->now.mono;
        }
        host->stalled_until = until > host->stalled_until ? until : host->stalled_until;
        sim_probes_stalled(host);
}

static void begin_on_host(struct sim_host *host, struct sim_fault *fault) {
        switch (fault->spec->kind) {
        case FAULT_HOST_STALL:
                stop_agent(host, fault);
                return;
        case FAULT_AGENT_RESTART:
                stop_agent(host, fault);
                sim_agent_dies(host);
                return;
        case FAULT_STORE_FAILURE:
                sim_store_changed(host);
                return;
        }
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                sim_wake(host, &host->services[i]); /* cut off */
        }
}

static void begin_on_service(struct sim_host *host, struct sim_fault *fault) {
        struct sim_service *service = service_of(host, fault);
        if (fault->spec->kind == FAULT_CRASH && service->managed) {
                sim_process_ends(host, service, text_of(fault));
        } else if (fault->spec->kind == FAULT_FLAPPING) {
                sim_plan(host, &fault->turn, usec_add(host->now.mono, fault->spec->symptom->bad));
        }
        sim_update_serving(host, service);
}

static void begin(struct sim_host *host, struct sim_fault *fault) {
        struct sim_service *service = service_of(host, fault);
        fault->active = fault->bad = true;
        fault->how = ENDS_BY_ITSELF;
        fault->acted = false;
        fault->began = host->now.mono;
        fault->occurrence++;
        outcome_of(host, fault)->occurred++;
        sim_tell(host, service, "fault", "%s begins: %s", fault->spec->name, text_of(fault));
        if (fault->spec->lasts) {
                sim_plan(host, &fault->end, usec_add(host->now.mono, fault->spec->lasts));
        }
        if (service) {
                begin_on_service(host, fault);
        } else {
                begin_on_host(host, fault);
        }
}

void sim_fault_due(struct sim_host *host, struct due *due) {
        struct sim_fault *fault = fault_of(host, due);
        if (!fault->active) {
                begin(host, fault);
        }
        sim_fault_plan_next(host, fault);
}

/* A step of the ladder could have cured it, and none was tried. */
static void note_missed(struct sim_host *host, const struct sim_fault *fault) {
        const struct service *service = &host->policy->services[fault->service];
        bool curable = false;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                curable |= fault->spec->cures[service->steps[i].action].chance > 0;
        }
        if (curable && !fault->acted) {
                host->result->services[fault->service].missed++;
        }
}

static void end_on_service(struct sim_host *host, struct sim_fault *fault) {
        struct sim_service *service = service_of(host, fault);
        bool restarts = fault->spec->kind == FAULT_CRASH && service->managed && !service->up &&
                        !service->by_action && !sim_has_fault(service, FAULT_CRASH);
        note_missed(host, fault);
        if (restarts && !agenda_is_planned(&service->action_due.node)) {
                sim_process_starts(host, service);
        }
        sim_update_serving(host, service);
}

static void go_on(struct sim_host *host) {
        if (host->now.mono < host->stalled_until) {
                return; /* another stall goes on */
        }
        if (host->gone) {
                sim_agent_returns(host);
                return;
        }
        usec_t stalled = usec_sub(host->now.mono, host->stalled_since);
        sim_feed(host, &(struct input){.kind = INPUT_HOST, .host = {.stalled = stalled}});
        sim_probes_go_on(host);
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                if (host->services[i].untold) {
                        sim_tell_process(host, &host->services[i], 0);
                }
        }
        sim_store_changed(host);
}

static void end(struct sim_host *host, struct sim_fault *fault) {
        static const char *const words[] = {"ends by itself", "is cured", "is mended by a person"};
        fault->active = fault->bad = false;
        outcome_of(host, fault)->cured += fault->how == CURED_BY_ACTION;
        agenda_remove(&host->agenda, &fault->end.node);
        agenda_remove(&host->agenda, &fault->turn.node);
        sim_tell(host, service_of(host, fault), "fault", "%s %s", fault->spec->name,
                words[fault->how]);
        if (fault->service != UINT32_MAX) {
                end_on_service(host, fault);
        } else if (fault->spec->kind == FAULT_STORE_FAILURE) {
                sim_store_changed(host);
        } else if (fault->spec->kind != FAULT_CUT_OFF) {
                go_on(host);
        }
}

void sim_fault_end_due(struct sim_host *host, struct due *due) {
        end(host, fault_of(host, due));
}

void sim_fault_turn_due(struct sim_host *host, struct due *due) {
        struct sim_fault *fault = fault_of(host, due);
        const struct symptom_spec *symptom = fault->spec->symptom;
        fault->bad = !fault->bad;
        sim_plan(host, &fault->turn,
                usec_add(host->now.mono, fault->bad ? symptom->bad : symptom->fine));
        sim_update_serving(host, service_of(host, fault));
}

/* ---- What helps ---- */

void sim_note_action(struct sim_service *service) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                service->faults[i].acted = true;
        }
}

void sim_cure(struct sim_host *host, struct sim_service *service, int action) {
        for (uint32_t i = 0; i < service->n_faults; i++) {
                struct sim_fault *fault = &service->faults[i];
                const struct cure *cure = &fault->spec->cures[action];
                if (!fault->active || fault->how != ENDS_BY_ITSELF ||
                        !chance_percent(&fault->luck, cure->chance)) {
                        continue;
                }
                fault->how = CURED_BY_ACTION;
                if (cure->after == 0) {
                        end(host, fault);
                } else {
                        sim_plan(host, &fault->end, usec_add(host->now.mono, cure->after));
                }
        }
}

void sim_person_due(struct sim_host *host, struct due *due) {
        struct sim_service *service = &host->services[due->service];
        struct service_status status;
        if (host->gone) { /* nobody takes note of it */
                sim_plan(host, due, host->stalled_until);
                return;
        }
        for (uint32_t i = 0; i < service->n_faults; i++) {
                if (service->faults[i].active) {
                        service->faults[i].how = MENDED_BY_PERSON;
                        end(host, &service->faults[i]);
                }
        }
        if (service->managed && !service->up && !agenda_is_planned(&service->action_due.node)) {
                sim_process_starts(host, service);
        }
        recovery_service_status(host->recovery, due->service, &status);
        if (status.phase == PHASE_EXHAUSTED) {
                struct input ack = {.kind = INPUT_COMMAND,
                        .service = due->service,
                        .command = {.kind = COMMAND_ACK}};
                str_copy(ack.command.by, sizeof(ack.command.by), "a person");
                sim_feed(host, &ack);
        }
}

/* ---- Beginning and end of the run ---- */

static size_t count_faults(const struct sim_host *host, bool of_host) {
        const struct fault_spec *specs = fault_plan_faults(host->plan);
        size_t n = 0;
        for (uint32_t f = 0; f < host->plan->faults.count; f++) {
                if (fault_traits(specs[f].kind)->of_host) {
                        n += of_host;
                        continue;
                }
                for (uint32_t i = 0; !of_host && i < host->policy->n_services; i++) {
                        n += !host->services[i].standby &&
                             names(&specs[f], host->policy->services[i].name);
                }
        }
        return n;
}

static void add_fault(struct sim_host *host, uint32_t number, uint32_t service) {
        const struct fault_spec *spec = &fault_plan_faults(host->plan)[number];
        const char *name = service == UINT32_MAX ? "" : host->policy->services[service].name;
        struct sim_fault *fault = &host->faults[host->n_faults++];
        fault->spec = spec;
        fault->number = number;
        fault->service = service;
        chance_stream(&fault->arrivals, host->options->seed, spec->name, name);
        chance_stream(&fault->luck, ~host->options->seed, spec->name, name);
}

static void add_faults_of(struct sim_host *host, uint32_t service) {
        const struct fault_spec *specs = fault_plan_faults(host->plan);
        struct sim_service *one = &host->services[service];
        one->faults = &host->faults[host->n_faults];
        for (uint32_t f = 0; !one->standby && f < host->plan->faults.count; f++) {
                if (!fault_traits(specs[f].kind)->of_host && names(&specs[f], one->policy->name)) {
                        add_fault(host, f, service);
                        one->n_faults++;
                }
        }
}

int sim_faults_init(struct sim_host *host) {
        const struct fault_spec *specs = fault_plan_faults(host->plan);
        size_t n = count_faults(host, false) + count_faults(host, true);
        host->faults = n <= SIM_FAULTS_MAX ? calloc(n + 1, sizeof(*host->faults)) : NULL;
        if (!host->faults) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                add_faults_of(host, i);
        }
        host->n_service_faults = host->n_faults;
        for (uint32_t f = 0; f < host->plan->faults.count; f++) {
                host->result->faults[f].name = specs[f].name;
                if (fault_traits(specs[f].kind)->of_host) {
                        add_fault(host, f, UINT32_MAX);
                }
                host->store.wanted |= specs[f].kind == FAULT_AGENT_RESTART;
        }
        return 0;
}

void sim_faults_close(struct sim_host *host) {
        for (size_t i = 0; i < host->n_service_faults; i++) {
                if (host->faults[i].active) {
                        note_missed(host, &host->faults[i]);
                }
        }
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                const struct sim_service *service = &host->services[i];
                if (!service->serving && !service->standby) {
                        host->result->services[i].down += host->now.mono - service->down_since;
                }
        }
}
