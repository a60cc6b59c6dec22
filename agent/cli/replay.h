#pragma once
/* Runs the detectors and the self-suspicion of the core over recorded rounds of probe results. Each
 * target is a service of its own with one probe, and depends on nothing. All results of a round are
 * taken to be of the same moment: the agent first judges whether it trusts itself, then feeds the
 * detectors. A recording cannot be probed again, so there is no fast interval. */

#include <stdbool.h>
#include <stdint.h>

#include "recovery/recovery.h"
#include "recovery/suspicion.h"

struct replay_settings {
        usec_t interval; /* between rounds */
        uint32_t fall, rise;
        bool suspect_self;
        usec_t shortly; /* an alarm that is over within this time was a short one */
};

struct replay_target {
        struct probe_status trusting; /* as it would be without self-suspicion */
        struct probe_status detector; /* as it is */
        usec_t alarm_at; /* of the last alarm; 0: none is on */
        usec_t time_to_alarms; /* added up, from the first failure of each run */
        uint64_t probes, failures;
        uint64_t alarms; /* the detector became failed */
        uint64_t alarms_held; /* it would have, in a round in which action was held */
        uint64_t short_alarms;
};

struct replay {
        struct replay_settings settings;
        struct policy *policy; /* one service for each target */
        struct probe_spec probe;
        struct suspicion suspicion;
        struct suspect *suspects;
        struct replay_target *targets;
        uint32_t n_targets;
        uint64_t rounds, held_rounds;
        usec_t now;
};

/* -ENOMEM. */
int replay_init(struct replay *replay, uint32_t n_targets, const struct replay_settings *settings);
void replay_done(struct replay *replay); /* zeroed memory is fine */

/* One round: one byte a target, 1 passed or 0 failed. */
void replay_round(struct replay *replay, const unsigned char *passed);

/* From the first failure of a run to its alarm, in the mean; false: there was no alarm. */
bool replay_time_to_alarm(const struct replay_target *target, double *ret_seconds);
