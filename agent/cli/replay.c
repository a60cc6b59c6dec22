#include "cli/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "recovery/detector.h"

/* In a recording of rare rounds a suspicion lasts for some of them before it is outlived. */
enum { ROUNDS_HELD_LEAST = 36 };

/* The standards of the policy; see the table of `self_suspicion` in policy/policy_tables.c. */
static struct suspicion_spec standard_suspicion(const struct replay_settings *settings) {
        usec_t rounds = ROUNDS_HELD_LEAST * settings->interval;
        usec_t standard = 10 * USEC_PER_MINUTE;
        return (struct suspicion_spec){
                .enabled = settings->suspect_self,
                .share = 30,
                .at_least = 4,
                .at_most = rounds > standard ? rounds : standard,
                .calm = 10 * USEC_PER_SEC,
        };
}

int replay_init(struct replay *replay, uint32_t n_targets, const struct replay_settings *settings) {
        memset(replay, 0, sizeof(*replay));
        replay->settings = *settings;
        replay->n_targets = n_targets;
        replay->now = settings->interval;
        replay->probe = (struct probe_spec){
                .interval = settings->interval, .fall = settings->fall, .rise = settings->rise};
        replay->policy = calloc(1, sizeof(*replay->policy));
        replay->targets = calloc(n_targets + 1, sizeof(*replay->targets));
        replay->suspects = calloc(n_targets + 1, sizeof(*replay->suspects));
        struct service *services = calloc(n_targets + 1, sizeof(*services));
        if (!replay->policy || !replay->targets || !replay->suspects || !services) {
                free(services);
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < n_targets; i++) {
                services[i].index = i;
        }
        replay->policy->services = services;
        replay->policy->n_services = n_targets;
        replay->policy->agent.suspicion = standard_suspicion(settings);
        return suspicion_init(&replay->suspicion, replay->policy, replay->suspects);
}

void replay_done(struct replay *replay) {
        suspicion_done(&replay->suspicion);
        if (replay->policy) {
                free(replay->policy->services);
        }
        free(replay->policy);
        free(replay->suspects);
        free(replay->targets);
        memset(replay, 0, sizeof(*replay));
}

/* Whether it became failed by it. */
static bool feed(const struct replay *replay, struct probe_status *detector, enum outcome outcome) {
        const struct observation observation = {
                .outcome = outcome,
                .at = {.mono = replay->now, .wall = replay->now},
        };
        bool failed = detector->health == HEALTH_FAILED;
        detector_feed(detector, &replay->probe, &observation, false);
        return !failed && detector->health == HEALTH_FAILED;
}

static void note_alarm(const struct replay *replay, struct replay_target *target) {
        target->alarms++;
        target->alarm_at = replay->now;
        target->time_to_alarms += usec_sub(replay->now, target->detector.failing_since);
}

static void note_end(const struct replay *replay, struct replay_target *target) {
        usec_t lasted = usec_sub(replay->now, target->alarm_at);
        target->short_alarms += lasted <= replay->settings.shortly;
        target->alarm_at = 0;
}

static void feed_target(
        struct replay *replay, struct replay_target *target, bool passed, bool held) {
        enum outcome seen = passed ? OUTCOME_PASS : OUTCOME_FAIL;
        target->probes++;
        target->failures += !passed;
        if (feed(replay, &target->trusting, seen) && held) {
                target->alarms_held++;
        }
        if (feed(replay, &target->detector, held && !passed ? OUTCOME_UNKNOWN : seen)) {
                note_alarm(replay, target);
        } else if (target->alarm_at != 0 && target->detector.health == HEALTH_HEALTHY) {
                note_end(replay, target);
        }
}

void replay_round(struct replay *replay, const unsigned char *passed) {
        for (uint32_t i = 0; i < replay->n_targets; i++) {
                suspicion_observe(&replay->suspicion, i, &replay->targets[i].detector,
                        passed[i] ? TELLS_PASS : TELLS_FAILURE, replay->now);
        }
        suspicion_judge(&replay->suspicion, replay->now);
        bool held = replay->suspicion.state == SUSPICION_HOLDS;
        replay->rounds++;
        replay->held_rounds += held;
        for (uint32_t i = 0; i < replay->n_targets; i++) {
                feed_target(replay, &replay->targets[i], passed[i], held);
        }
        replay->now = usec_add(replay->now, replay->settings.interval);
}

bool replay_time_to_alarm(const struct replay_target *target, double *ret_seconds) {
        if (target->alarms == 0) {
                return false;
        }
        *ret_seconds = (double) target->time_to_alarms / (double) target->alarms / 1e6;
        return true;
}
