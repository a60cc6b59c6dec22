/* The rounds of the probes, and the sleep of services whose probes can only pass. */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/manager.h"
#include "sim/sim_host.h"

/* First runs are spread over their interval, but nobody waits longer for a first look. */
#define FIRST_SPREAD_MAX (10 * USEC_PER_SEC)

/* ---- What a probe can see ---- */

static const struct {
        const char *type;
        enum sight sight;
} sights[] = {
        /* the others ask the service */
        {"process", SIGHT_PROCESS},
        {"unit", SIGHT_PROCESS},
        {"status", SIGHT_PROCESS},
        {"disk", SIGHT_DISK},
        {"pressure", SIGHT_NOTHING},
        {"file", SIGHT_NOTHING},
        {"journal", SIGHT_NOTHING},
        {"certificate", SIGHT_NOTHING},
};

static const char *type_of(const struct sim_host *host, const struct probe_spec *spec) {
        const struct schema_variant *variant = host->options->probes;
        while (variant && variant->key && variant->tag != spec->type) {
                variant++;
        }
        return variant ? variant->key : NULL;
}

static enum sight sight_of(const struct sim_host *host, const struct probe_spec *spec) {
        const char *type = type_of(host, spec);
        for (size_t i = 0; i < ELEMENTSOF(sights); i++) {
                if (str_eq(sights[i].type, type)) {
                        return sights[i].sight;
                }
        }
        return spec->implied ? SIGHT_PROCESS : SIGHT_ANSWER;
}

static void see(struct observation *ret, enum outcome outcome, enum cause cause, const char *text) {
        ret->outcome = outcome;
        ret->cause = cause;
        str_copy(ret->detail, sizeof(ret->detail), text);
}

static void see_process(const struct sim_service *service, struct observation *ret) {
        bool gone = service->managed && !service->up;
        see(ret, gone ? OUTCOME_FAIL : OUTCOME_PASS, gone ? CAUSE_EXITED : CAUSE_NONE,
                gone ? "not running" : "running");
        ret->certain = gone;
}

static const struct sim_service *lost_dependency(
        const struct sim_host *host, const struct sim_service *service) {
        for (uint32_t i = 0; i < service->policy->n_depends_on; i++) {
                const struct sim_service *other = &host->services[service->policy->depends_on[i]];
                if (!other->serving) {
                        return other;
                }
        }
        return NULL;
}

static void see_fault(const struct sim_fault *fault, struct observation *ret) {
        const struct fault_traits *traits = fault_traits(fault->spec->kind);
        const char *text = fault->spec->symptom->text;
        see(ret, traits->outcome, traits->cause, text ? text : traits->text);
}

static void see_answer(
        const struct sim_host *host, const struct sim_service *service, struct observation *ret) {
        const struct sim_fault *fault = sim_bad_fault(service);
        const struct sim_service *lost = lost_dependency(host, service);
        const struct sim_fault *cut_off = sim_cut_off(host, service);
        if (cut_off) {
                see_fault(cut_off, ret);
        } else if (service->managed && !service->up) {
                see(ret, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "connection refused");
        } else if (fault && !(fault->spec->kind == FAULT_DISK_FULL && service->has_disk_probe)) {
                see_fault(fault, ret);
        } else if (host->now.mono < service->serves_from) {
                see(ret, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "it is starting");
        } else if (lost) {
                see(ret, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "");
                snprintf(
                        ret->detail, sizeof(ret->detail), "%s does not answer", lost->policy->name);
        } else {
                see(ret, OUTCOME_PASS, CAUSE_NONE, "");
        }
}

static void look(const struct sim_host *host, const struct sim_service *service,
        const struct sim_probe *probe, struct observation *ret) {
        if (probe->spoiled) {
                see(ret, OUTCOME_UNKNOWN, CAUSE_NONE, "the agent itself stood still");
                return;
        }
        switch (probe->sight) {
        case SIGHT_ANSWER:
                see_answer(host, service, ret);
                return;
        case SIGHT_PROCESS:
                see_process(service, ret);
                return;
        case SIGHT_DISK:
                if (sim_has_fault(service, FAULT_DISK_FULL)) {
                        see_fault(sim_bad_fault(service), ret);
                        return;
                }
                see(ret, OUTCOME_PASS, CAUSE_NONE, "");
                return;
        case SIGHT_NOTHING:
                see(ret, OUTCOME_PASS, CAUSE_NONE, "");
                return;
        }
}

/* ---- Rounds ---- */

static const struct probe_spec *spec_of(
        const struct sim_service *service, const struct sim_probe *probe) {
        return &service->policy->probes[probe - service->probes];
}

static usec_t interval_of(const struct sim_service *service, const struct sim_probe *probe) {
        const struct probe_spec *spec = spec_of(service, probe);
        switch (service->pace) {
        case PACE_NORMAL:
                return spec->interval;
        case PACE_FAST:
                return spec->fast_interval;
        case PACE_DOWN:
                return spec->down_interval;
        }
        return spec->interval;
}

static void plan_next(struct sim_host *host, struct sim_service *service, struct sim_probe *probe) {
        usec_t next = usec_add(probe->began, interval_of(service, probe));
        bool at_once = probe->again || next < host->now.mono;
        sim_plan(host, &probe->due, at_once ? host->now.mono : next);
}

static bool is_answered_late(const struct sim_host *host, const struct sim_service *service,
        const struct sim_probe *probe) {
        struct observation now;
        look(host, service, probe, &now);
        return now.outcome == OUTCOME_TIMEOUT;
}

static void begin(struct sim_host *host, struct sim_service *service, struct sim_probe *probe) {
        probe->running = true;
        probe->again = false;
        probe->began = host->now.mono;
        probe->late = is_answered_late(host, service, probe);
        usec_t time = probe->late ? spec_of(service, probe)->timeout : PROBE_TIME;
        sim_plan(host, &probe->due, usec_add(host->now.mono, time));
}

static void conclude(struct sim_host *host, struct sim_service *service, struct sim_probe *probe) {
        struct observation observation = {
                .service = service->policy->index,
                .probe = (uint32_t) (probe - service->probes),
                .at = host->now,
                .duration = host->now.mono - probe->began,
        };
        look(host, service, probe, &observation);
        if (observation.outcome == OUTCOME_TIMEOUT && !probe->late) { /* it began meanwhile */
                probe->late = true;
                sim_plan(host, &probe->due,
                        usec_add(probe->began, spec_of(service, probe)->timeout));
                return;
        }
        if (probe->late && !probe->spoiled) { /* whatever became of it meanwhile */
                see(&observation, OUTCOME_TIMEOUT, CAUSE_UNRESPONSIVE, "no answer in time");
        }
        bool passes = observation.outcome == OUTCOME_PASS;
        probe->quiet = !passes ? 0 : probe->quiet < QUIET_ROUNDS ? probe->quiet + 1 : probe->quiet;
        probe->running = probe->spoiled = false;
        probe->asked = probe->again;
        plan_next(host, service, probe);
        sim_feed(host, &(struct input){
                               .kind = INPUT_OBSERVATION,
                               .service = observation.service,
                               .observation = &observation,
                       });
}

/* ---- Sleep ----
 * Another pass changes nothing once the service is healthy and watched, and all that the core
 * remembers of its probes and of its checks are passes. */

static bool is_quiet(const struct sim_service *service) {
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                const struct sim_probe *probe = &service->probes[i];
                if (probe->quiet < QUIET_ROUNDS || probe->running || probe->asked) {
                        return false;
                }
        }
        return true;
}

static bool is_settled(const struct sim_host *host, const struct sim_service *service) {
        struct service_status status;
        uint32_t index = service->policy->index;
        recovery_service_status(host->recovery, index, &status);
        if (status.phase != PHASE_WATCHING || status.health != HEALTH_HEALTHY ||
                service->pace != PACE_NORMAL || status.flapping_score > 0) {
                return false;
        }
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                struct probe_status probe;
                recovery_probe_status(host->recovery, index, i, &probe);
                if (probe.health != HEALTH_HEALTHY || probe.window != UINT64_MAX) {
                        return false;
                }
        }
        return true;
}

static void fall_asleep(struct sim_host *host, struct sim_service *service) {
        service->asleep = true;
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                agenda_remove(&host->agenda, &service->probes[i].due.node);
        }
}

/* The run in which the sleeper would be now, or its next one. */
static void resume(struct sim_host *host, struct sim_service *service, struct sim_probe *probe) {
        usec_t interval = spec_of(service, probe)->interval;
        usec_t missed = (host->now.mono - probe->began) / interval;
        usec_t last = probe->began + missed * interval;
        if (missed > 0 && last < host->now.mono && last + PROBE_TIME >= host->now.mono) {
                probe->began = last;
                probe->running = true;
                sim_plan(host, &probe->due, last + PROBE_TIME);
                return;
        }
        probe->began = last == host->now.mono && missed > 0 ? last - interval : last;
        sim_plan(host, &probe->due, probe->began + interval);
}

void sim_wake(struct sim_host *host, struct sim_service *service) {
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                struct sim_probe *probe = &service->probes[i];
                if (probe->quiet == QUIET_ROUNDS) {
                        probe->quiet--; /* each has to pass once more before it sleeps again */
                }
                if (service->asleep) {
                        resume(host, service, probe);
                }
        }
        service->asleep = false;
}

void sim_probe_due(struct sim_host *host, struct due *due) {
        struct sim_service *service = &host->services[due->service];
        struct sim_probe *probe = &service->probes[due->index];
        if (service->standby) { /* nothing that they could tell would be acted on */
                return;
        }
        if (!probe->running) {
                begin(host, service, probe);
                return;
        }
        conclude(host, service, probe);
        if (!host->options->every_round && !service->asleep && is_quiet(service) &&
                is_settled(host, service)) {
                fall_asleep(host, service);
        }
}

/* ---- What the core asks for ---- */

void sim_hurry(struct sim_host *host, struct sim_service *service, bool at_once) {
        sim_wake(host, service);
        for (uint32_t i = 0; i < service->policy->n_probes; i++) {
                struct sim_probe *probe = &service->probes[i];
                probe->again |= at_once;
                probe->asked |= at_once;
                if (!probe->running && probe->began > 0) {
                        plan_next(host, service, probe);
                } else if (!probe->running && at_once) {
                        sim_plan(host, &probe->due, host->now.mono);
                }
        }
}

/* ---- Standing still ---- */

void sim_probes_stalled(struct sim_host *host) {
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                struct sim_service *service = &host->services[i];
                sim_wake(host, service);
                for (uint32_t j = 0; j < service->policy->n_probes; j++) {
                        service->probes[j].spoiled = service->probes[j].running;
                }
        }
}

/* Due times begin anew, spread as at first. What was under way is due at once, and tells nothing.
 */
void sim_probes_go_on(struct sim_host *host) {
        for (size_t i = 0; i < host->policy->n_probes; i++) {
                struct sim_probe *probe = &host->probes[i];
                if (!probe->running) {
                        sim_plan(host, &probe->due, usec_add(host->now.mono, probe->phase));
                }
        }
}

void sim_probes_begin(struct sim_host *host) {
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                struct sim_service *service = &host->services[i];
                service->asleep = false;
                for (uint32_t j = 0; j < service->policy->n_probes; j++) {
                        struct sim_probe *probe = &service->probes[j];
                        probe->running = probe->late = probe->spoiled = false;
                        probe->again = probe->asked = false;
                        probe->quiet = 0;
                        probe->began = 0;
                        sim_plan(host, &probe->due, usec_add(host->now.mono, probe->phase));
                }
        }
}

/* ---- Making ---- */

static void init_probe(
        struct sim_host *host, struct sim_service *service, struct sim_probe *probe) {
        const struct probe_spec *spec = spec_of(service, probe);
        usec_t spread = spec->interval < FIRST_SPREAD_MAX ? spec->interval : FIRST_SPREAD_MAX;
        struct rng rng;
        chance_stream(&rng, host->options->seed, service->policy->name, spec->name);
        probe->phase = 1 + rng_below(&rng, spread);
        probe->sight = sight_of(host, spec);
        service->has_disk_probe |= probe->sight == SIGHT_DISK;
        sim_plan(host, &probe->due, usec_add(host->now.mono, probe->phase));
}

void sim_probes_init(struct sim_host *host) {
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                struct sim_service *service = &host->services[i];
                for (uint32_t j = 0; j < service->policy->n_probes; j++) {
                        init_probe(host, service, &service->probes[j]);
                }
        }
}
