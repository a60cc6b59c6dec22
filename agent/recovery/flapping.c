#include "recovery/flapping.h"

#include <string.h>
#include <syslog.h>

#include "recovery/detector.h"
#include "recovery/state.h"

enum { VERDICTS_MAX = 32 };

/* Of the change `x`, 1 being the oldest. */
static double weight(uint32_t x) {
        const double least = 0.75, most = 1.25;
        return (x - 1) * (most - least) / (FLAPPING_CHECKS - 1) + least;
}

double flapping_score(uint32_t verdicts, uint32_t count) {
        uint32_t changes =
                verdicts ^ verdicts >> 1; /* bit 0: the newest differs from the one before */
        double sum = 0;
        for (uint32_t i = 0; i < FLAPPING_CHECKS && i + 1 < count; i++) {
                if (changes >> i & 1) {
                        sum += weight(FLAPPING_CHECKS - i);
                }
        }
        return sum * 100 / FLAPPING_CHECKS;
}

double state_flapping(const struct service_state *service) {
        return flapping_score(service->verdicts, service->n_verdicts);
}

static bool passed_last(const struct probe_status *probe) {
        return probe->n_window == 0 || (probe->window & 1);
}

/* While an action has to prove itself it is not good yet: steps that do not help are no flapping.
 */
static bool is_good(const struct service_state *service) {
        const struct service *policy = service->policy;
        uint32_t alive = 0;
        for (uint32_t i = 0; i < policy->n_probes; i++) {
                bool passed = passed_last(&service->probes[i]);
                if (policy->probes[i].role == ROLE_READINESS && !passed) {
                        return false;
                }
                alive += policy->probes[i].role == ROLE_LIVENESS && passed;
        }
        return !service->dead && alive >= policy->require &&
               detector_combine(policy, service->probes) != HEALTH_FAILED;
}

/* Returns whether the verdict counts. An interval may turn out a little shorter. */
static bool note_verdict(struct service_state *service, usec_t interval, usec_t now) {
        bool good = is_good(service);
        bool same = service->n_verdicts > 0 && good == (service->verdicts & 1);
        if (same && usec_sub(now, service->verdict_at) < interval / 4 * 3) {
                return false;
        }
        service->verdicts = service->verdicts << 1 | good;
        service->n_verdicts += service->n_verdicts < VERDICTS_MAX;
        service->verdict_at = now;
        return true;
}

static void tell(struct turn *turn, int level, const char *what, double score) {
        const struct flapping_spec *spec = &turn->service->policy->flapping;
        turn->service->dirty = true;
        turn_event(turn, EVENT_FLAPPING, level,
                "%s: its last %d checks changed by %.0f %% (flapping from %g %% on, until below %g %%)",
                what, FLAPPING_CHECKS, score, spec->high, spec->low);
}

bool flapping_update(struct turn *turn, usec_t interval) {
        struct service_state *service = turn->service;
        const struct flapping_spec *spec = &service->policy->flapping;
        if (!note_verdict(service, interval, turn->now.mono) || spec->high <= 0) {
                return false;
        }
        double score = state_flapping(service);
        if (!service->flapping && score >= spec->high) {
                service->flapping = true;
                tell(turn, LOG_WARNING, "it flaps", score);
        } else if (service->flapping && score < spec->low) {
                service->flapping = false;
                tell(turn, LOG_NOTICE, "it no longer flaps", score);
                return true;
        }
        return false;
}
