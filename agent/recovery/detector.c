#include "recovery/detector.h"

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
        if (probe->health == HEALTH_FAILED) {
                return;
        }
        bool failed = observation->certain || probe->fails >= spec->fall;
        probe->health = failed ? HEALTH_FAILED : HEALTH_SUSPECT;
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
        probe->fails = probe->passes = probe->n_unknown = 0;
}

enum health detector_combine(
        const struct probe_status *probes, uint32_t n_probes, uint32_t require) {
        uint32_t count[HEALTH_FAILED + 1] = {0};
        for (uint32_t i = 0; i < n_probes; i++) {
                count[probes[i].health]++;
        }
        if (n_probes > 0 && count[HEALTH_HEALTHY] >= require) {
                return HEALTH_HEALTHY;
        }
        if (n_probes - count[HEALTH_FAILED] < require) {
                return HEALTH_FAILED;
        }
        return count[HEALTH_SUSPECT] > 0 ? HEALTH_SUSPECT : HEALTH_UNKNOWN;
}
