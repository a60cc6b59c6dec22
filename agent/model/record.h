#pragma once
/* The part of the recovery state that outlives the agent. Moments are kept on both clocks: within
 * one boot the monotonic one counts, which no clock change can move; after a boot only wall time is
 * left. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/incident.h"
#include "model/policy.h"

struct service_record {
        char service[POLICY_NAME_MAX + 1];
        char boot_id[BOOT_ID_MAX]; /* of the boot in which it was written */
        struct instant written;
        int phase; /* enum phase */
        struct instant phase_since;
        int health; /* enum health, as last known */
        uint64_t incident; /* 0: none is open */
        uint32_t attempts; /* of the open incident */
        int step; /* ladder position */
        uint32_t step_attempts;
        uint32_t backoff_level; /* attempts since the last reset */
        usec_t backoff_previous; /* last delay that was planned, for decorrelated jitter */
        struct instant next_attempt; /* mono 0: none is planned */
        struct instant healthy_since; /* mono 0: is not healthy */
        struct attempt attempt; /* the one under way, result ATTEMPT_UNFINISHED; incident 0 and
                                   number 0: none */
        bool stopped; /* by a person */
        bool paused;
        struct instant pause_until; /* mono USEC_INFINITY: never happens, pauses expire */
        char pause_reason[128], pause_by[64];
        uint32_t n_spent;
        struct instant spent[POLICY_BUDGET_MAX]; /* times of actions, oldest first */
};

struct host_record {
        char boot_id[BOOT_ID_MAX];
        struct instant written;
        uint32_t n_spent;
        struct instant spent[POLICY_BUDGET_MAX];
};
