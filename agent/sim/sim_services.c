/* The services of the host that is played: their processes, what actions do to them, and when they
 * serve. */

#include <string.h>

#include "base/str.h"
#include "model/manager.h"
#include "sim/sim_host.h"

/* ---- Serving ---- */

static bool dependencies_serve(const struct sim_host *host, const struct sim_service *service) {
        for (uint32_t i = 0; i < service->policy->n_depends_on; i++) {
                const struct sim_service *one = &host->services[service->policy->depends_on[i]];
                if (!one->serving && !one->standby) {
                        return false;
                }
        }
        return true;
}

static void outage_ends(struct sim_host *host, struct sim_service *service) {
        struct service_outcome *outcome = &host->result->services[service->policy->index];
        usec_t lasted = host->now.mono - service->down_since;
        outcome->down += lasted;
        if (service->detected) {
                host->failed |= !sample_add(&outcome->recovery, lasted);
        }
        service->detected = false;
}

void sim_update_serving(struct sim_host *host, struct sim_service *service) {
        bool serving = (!service->managed || service->up) &&
                       host->now.mono >= service->serves_from && !sim_bad_fault(service) &&
                       dependencies_serve(host, service);
        if (service->standby) {
                return;
        }
        sim_wake(host, service);
        if (serving == service->serving) {
                return;
        }
        service->serving = serving;
        if (serving) {
                outage_ends(host, service);
        } else {
                service->down_since = host->now.mono;
                host->result->services[service->policy->index].outages++;
        }
        sim_tell(host, service, serving ? "serves" : "down", "%s",
                serving ? "it serves" : "it does not serve");
        for (uint32_t i = 0; i < service->policy->n_dependents; i++) {
                sim_update_serving(host, &host->services[service->policy->dependents[i]]);
        }
}

void sim_serving_due(struct sim_host *host, struct due *due) {
        sim_update_serving(host, &host->services[due->service]);
}

/* ---- Processes ---- */

/* Where the manager does not hear of an end at once, a run of its probe finds it. */
static bool is_told(const struct sim_service *service) {
        return service->managed &&
               (service->up || manager_traits(service->policy->manager)->tells_exit);
}

void sim_tell_process(struct sim_host *host, struct sim_service *service, usec_t age) {
        struct input input = {
                .kind = INPUT_PROCESS,
                .service = service->policy->index,
                .process = {.running = service->up,
                        .expected = !service->up && service->by_action,
                        .pid = service->up ? 100 : 0,
                        .age = age},
        };
        service->untold = host->now.mono < host->stalled_until;
        if (!is_told(service) || service->untold) {
                return;
        }
        if (!service->up) {
                str_copy(input.process.text, sizeof(input.process.text), service->death_text);
        }
        sim_feed(host, &input);
}

static void process_gone(struct sim_host *host, struct sim_service *service, const char *how) {
        service->up = false;
        service->by_action = str_empty(how);
        str_copy(service->death_text, sizeof(service->death_text), how ? how : "");
        agenda_remove(&host->agenda, &service->death.node);
        sim_update_serving(host, service);
        sim_tell_process(host, service, 0);
}

void sim_process_ends(struct sim_host *host, struct sim_service *service, const char *how) {
        if (service->up) {
                process_gone(host, service, how);
        }
}

void sim_process_starts(struct sim_host *host, struct sim_service *service) {
        service->up = true;
        service->death_text[0] = '\0';
        service->serves_from = usec_add(host->now.mono, host->plan->startup);
        sim_plan(host, &service->serving_due, service->serves_from);
        if (sim_has_fault(service, FAULT_CRASH)) {
                sim_plan(host, &service->death, host->now.mono + DIES_AGAIN_AFTER);
        }
        sim_update_serving(host, service);
        sim_tell_process(host, service, 0);
}

void sim_death_due(struct sim_host *host, struct due *due) {
        struct sim_service *service = &host->services[due->service];
        if (sim_has_fault(service, FAULT_CRASH)) {
                sim_process_ends(host, service, sim_crash_text(service));
        }
}

/* ---- Actions ---- */

void sim_act(struct sim_host *host, const struct effect *effect) {
        const struct attempt *attempt = &effect->attempt.attempt;
        struct sim_service *service = &host->services[effect->service];
        struct service_outcome *outcome = &host->result->services[effect->service];
        const struct action_play *play = &host->plan->actions[attempt->action];
        bool wrong = !sim_has_fault(service, -1);
        service->action = attempt->action;
        service->token = effect->attempt.token;
        service->action_fails = chance_percent(&service->luck, play->fails);
        outcome->actions[attempt->action]++;
        outcome->wrong += wrong;
        sim_note_action(service);
        sim_tell(host, service, wrong ? "wrong" : "act", "%s, attempt %u%s",
                action_text((enum action) attempt->action), attempt->number,
                wrong ? ", of a service that has no fault of its own" : "");
        sim_plan(host, &service->action_due, usec_add(host->now.mono, play->takes / 2));
        sim_plan(host, &service->answer_due, usec_add(host->now.mono, play->takes));
}

/* Half way through the time that the action takes. */
void sim_action_due(struct sim_host *host, struct due *due) {
        struct sim_service *service = &host->services[due->service];
        int action = service->action;
        if (service->action_fails) {
                return;
        }
        const struct action_traits *traits = action_traits(action);
        if (service->managed && traits->interrupts && !traits->needs_running) {
                sim_process_ends(host, service, NULL);
        }
        sim_cure(host, service, action);
        if (service->managed && !service->up && traits->starts) {
                sim_process_starts(host, service);
        }
}

void sim_answer_due(struct sim_host *host, struct due *due) {
        const struct sim_service *service = &host->services[due->service];
        struct input input = {
                .kind = INPUT_OUTCOME,
                .service = due->service,
                .outcome = {.token = service->token, .ok = !service->action_fails},
        };
        if (service->action_fails) {
                str_copy(input.outcome.text, sizeof(input.outcome.text), "it failed");
        }
        sim_tell(host, service, "answer", "%s %s", action_text((enum action) service->action),
                service->action_fails ? "failed" : "worked");
        sim_feed(host, &input);
}
