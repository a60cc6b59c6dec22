#include "control/verdict.h"

#include "base/str.h"
#include "model/cause_kinds.h"
#include "runtime/runtime.h"

/* The probe that failed longest is the one to name: the others may have followed from it. A warning
 * is named only where nothing else is wrong. */
static const struct observation *longest_failing(
        const struct runtime *runtime, const struct verdict *verdict) {
        const struct service *service = verdict->status.policy;
        const struct observation *found = NULL;
        bool warnings_only = verdict->status.health == HEALTH_HEALTHY && !verdict->status.incident;
        usec_t oldest = USEC_INFINITY;
        for (uint32_t i = 0; i < service->n_probes; i++) {
                struct probe_status probe;
                recovery_probe_status(runtime_recovery(runtime), service->index, i, &probe);
                const struct observation *last = runtime_observation(runtime, service->index, i);
                bool warns = service->probes[i].role == ROLE_WARNING;
                if (warns == warnings_only && probe.failing_since && probe.failing_since < oldest &&
                        outcome_is_failure(last->outcome)) {
                        oldest = probe.failing_since;
                        found = last;
                }
        }
        return found;
}

/* How the process ended says more than that its port is closed now. */
static bool died(const struct service_status *status) {
        return status->incident && cause_kind(status->incident->symptom) == CAUSE_EXITED &&
               status->process_known && !status->running;
}

static void name_evidence(const struct runtime *runtime, struct verdict *verdict) {
        const struct service *service = verdict->status.policy;
        const struct incident *incident = verdict->status.incident;
        bool well = verdict->status.health == HEALTH_HEALTHY && !incident;
        if ((well && !verdict->status.warnings) || verdict->status.phase == PHASE_STANDBY) {
                return;
        }
        const struct observation *failing = longest_failing(runtime, verdict);
        if (failing && !died(&verdict->status)) {
                verdict->probe = service->probes[failing->probe].name;
                verdict->detail = failing->detail;
        } else if (incident) {
                verdict->probe = str_empty(incident->probe) ? NULL : incident->probe;
                verdict->detail = incident->text;
        }
}

struct verdict verdict_of(const struct runtime *runtime, uint32_t service) {
        struct verdict verdict = {0};
        struct service_status *status = &verdict.status;
        recovery_service_status(runtime_recovery(runtime), service, status);
        verdict.state = recovery_state_word(status);
        verdict.since =
                status->phase == PHASE_WATCHING ? status->health_since : status->phase_since;
        verdict.up = status->alive;
        verdict.ready = status->ready;
        verdict.down =
                status->health == HEALTH_FAILED && status->phase != PHASE_STOPPED && !status->alive;
        name_evidence(runtime, &verdict);
        return verdict;
}

void tally_add(struct tally *tally, const struct verdict *verdict) {
        tally->services++;
        tally->up += verdict->up;
        tally->down += verdict->down;
        tally->not_ready += verdict->up && !verdict->ready;
        tally->degraded += verdict->status.warnings > 0;
        tally->paused += verdict->status.paused;
        tally->incidents += verdict->status.incident != NULL;
        tally->exhausted += verdict->status.phase == PHASE_EXHAUSTED;
}

struct tally tally_all(const struct runtime *runtime) {
        struct tally tally = {0};
        for (uint32_t i = 0; i < runtime_policy(runtime)->n_services; i++) {
                struct verdict verdict = verdict_of(runtime, i);
                tally_add(&tally, &verdict);
        }
        return tally;
}
