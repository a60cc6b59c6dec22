#include "support/core_invariants.h"

#include "base/cleanup.h"

static bool rests_in_deciding(const struct service_status *status) {
        return status->phase == PHASE_DECIDING;
}

static bool rests_with_incident(const struct service_status *status) {
        return (status->phase == PHASE_WATCHING || status->phase == PHASE_STOPPED) &&
               status->incident;
}

static bool acts_without_incident(const struct service_status *status) {
        bool in_incident = status->phase == PHASE_BACKOFF || status->phase == PHASE_BLOCKED ||
                           status->phase == PHASE_CHECKING || status->phase == PHASE_UNATTENDED ||
                           status->phase == PHASE_EXHAUSTED || status->phase == PHASE_COMPARING;
        return in_incident && (!status->incident || status->health == HEALTH_HEALTHY);
}

static bool is_forgotten(const struct service_status *status) {
        return status->phase == PHASE_WATCHING && status->health == HEALTH_FAILED;
}

static bool waits_for_nothing(const struct service_status *status) {
        bool waits = status->phase == PHASE_QUEUED || status->phase == PHASE_BLOCKED ||
                     status->phase == PHASE_CHECKING;
        return waits && status->policy->n_depends_on == 0;
}

static bool blames_another(const struct service_status *status) {
        const struct service *policy = status->policy;
        for (uint32_t i = 0; i < policy->n_depends_on; i++) {
                if (policy->depends_on[i] == status->culprit) {
                        return false;
                }
        }
        return status->culprit != UINT32_MAX;
}

static const struct {
        bool (*broken)(const struct service_status *status);
        const char *sentence;
} table[] = {
        {rests_in_deciding, "the decision is passed through at once"},
        {rests_with_incident, "at rest, and an incident is open"},
        {acts_without_incident, "in an incident that is not open, or of a healthy service"},
        {is_forgotten, "failed, and nobody cares"},
        {waits_for_nothing, "waits for a dependency, and has no hard one"},
        {blames_another, "blames what it does not depend on, or softly"},
};

const char *invariant_broken(const struct service_status *status) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                if (table[i].broken(status)) {
                        return table[i].sentence;
                }
        }
        return NULL;
}
