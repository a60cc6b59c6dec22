#include "recovery/detector.h"

#include "base/cleanup.h"

static void note(struct probe_status *probe, bool pass) {
        probe->window = probe->window << 1 | pass;
        if (probe->n_window < 64) {
                probe->n_window++;
        }
        probe->n_unknown = 0;
}

static void feed_pass(struct probe_status *probe, const struct probe_spec *spec) {
        note(probe, true);
        probe->fails = 0;
        probe->failing_since = 0;
        if (probe->passes < UINT32_MAX) {
                probe->passes++;
        }
        if (probe->health != HEALTH_FAILED || probe->passes >= spec->rise) {
                probe->health = HEALTH_HEALTHY;
                probe->doubted = false;
        }
}

static void feed_failure(struct probe_status *probe, const struct probe_spec *spec,
        const struct observation *observation) {
        note(probe, false);
        probe->passes = 0;
        if (probe->fails < UINT32_MAX) {
                probe->fails++;
        }
        if (probe->failing_since == 0) {
                probe->failing_since = observation->at.mono;
        }
        bool failed = observation->certain || probe->fails >= spec->fall;
        probe->doubted = probe->doubted && !failed;
        if (probe->health != HEALTH_FAILED) {
                probe->health = failed ? HEALTH_FAILED : HEALTH_SUSPECT;
        }
}

static void feed_unknown(struct probe_status *probe, const struct probe_spec *spec) {
        if (probe->n_unknown < UINT32_MAX) {
                probe->n_unknown++;
        }
        if (probe->n_unknown >= spec->fall && probe->health != HEALTH_FAILED) {
                probe->health = HEALTH_UNKNOWN;
                probe->fails = probe->passes = 0;
                probe->failing_since = 0;
        }
}

void detector_feed(struct probe_status *probe, const struct probe_spec *spec,
        const struct observation *observation, bool excused) {
        switch (observation->outcome) {
        case OUTCOME_UNKNOWN:
                feed_unknown(probe, spec);
                return;
        case OUTCOME_PASS:
        case OUTCOME_DEGRADED:
                feed_pass(probe, spec);
                return;
        case OUTCOME_FAIL:
        case OUTCOME_TIMEOUT:
                if (excused && !observation->certain) {
                        note(probe, false);
                        probe->passes = 0;
                        return;
                }
                feed_failure(probe, spec, observation);
                return;
        }
}

void detector_doubt(struct probe_status *probe) {
        probe->health = HEALTH_FAILED;
        probe->doubted = true;
        probe->fails = probe->passes = probe->n_unknown = 0;
}

/* How many probes of a role are how well. */
struct tally {
        uint32_t n, required, doubted;
        uint32_t of[HEALTH_FAILED + 1];
};

static struct tally tally_of(
        const struct service *service, const struct probe_status *probes, enum probe_role role) {
        struct tally tally = {0};
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (service->probes[i].role == (int) role) {
                        tally.n++;
                        tally.of[probes[i].health]++;
                        tally.doubted += probes[i].health == HEALTH_FAILED && probes[i].doubted;
                }
        }
        tally.required = role == ROLE_LIVENESS ? service->require : tally.n;
        return tally;
}

enum health detector_of_role(
        const struct service *service, const struct probe_status *probes, enum probe_role role) {
        struct tally tally = tally_of(service, probes, role);
        if (tally.of[HEALTH_HEALTHY] >= tally.required) {
                return HEALTH_HEALTHY;
        }
        if (tally.n - tally.of[HEALTH_FAILED] < tally.required) {
                return HEALTH_FAILED;
        }
        return tally.of[HEALTH_SUSPECT] > 0 ? HEALTH_SUSPECT : HEALTH_UNKNOWN;
}

enum health detector_combine(const struct service *service, const struct probe_status *probes) {
        static const enum health worst_first[] = {HEALTH_FAILED, HEALTH_SUSPECT, HEALTH_UNKNOWN};
        enum health lives = detector_of_role(service, probes, ROLE_LIVENESS);
        enum health ready = detector_of_role(service, probes, ROLE_READINESS);
        for (size_t i = 0; i < ELEMENTSOF(worst_first); i++) {
                if (lives == worst_first[i] || ready == worst_first[i]) {
                        return worst_first[i];
                }
        }
        bool judged = policy_count_probes(service, ROLE_WARNING) < service->n_probes;
        return judged ? HEALTH_HEALTHY : HEALTH_UNKNOWN;
}

bool detector_liveness_failed(const struct service *service, const struct probe_status *probes) {
        struct tally tally = tally_of(service, probes, ROLE_LIVENESS);
        return tally.n - (tally.of[HEALTH_FAILED] - tally.doubted) < tally.required;
}
