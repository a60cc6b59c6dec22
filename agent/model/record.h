#pragma once
/* The part of the recovery state that outlives the agent. Moments are kept on both clocks: within
 * one boot the monotonic one counts, which no clock change can move; after a boot only wall time is
 * left. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/incident.h"
#include "model/policy.h"

enum { RECORD_SPENT_MAX = POLICY_BUDGET_MAX + POLICY_STEP_BUDGET_MAX };

struct spent_record { /* an action that counts against a budget */
        char step[STEP_IDENTITY_MAX]; /* whose budget; "": the service's */
        struct instant at;
};

struct wait_record { /* of a step that has a backoff of its own */
        char step[STEP_IDENTITY_MAX];
        uint32_t level; /* attempts since the last reset */
        usec_t previous; /* last delay that was planned */
};

enum { TRIALS_MAX = 32, TRIALS_CAUSES_MAX = 32 /* above every enum cause */ };

struct trials { /* of one step against one cause */
        uint32_t results; /* newest in bit 0; 1 = it cured */
        uint32_t count; /* at most TRIALS_MAX */
        wall_usec_t last;
};

struct trials_record {
        char service[POLICY_NAME_MAX + 1];
        char step[STEP_IDENTITY_MAX];
        int cause; /* enum cause */
        struct trials trials;
};

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
        uint64_t rolled_back; /* the change of its files that was last undone automatically; 0: none
                               */
        bool stopped; /* by a person */
        bool paused;
        uint32_t reminders; /* given since it was given up */
        struct instant next_reminder; /* mono 0: none is planned */
        bool flapping;
        uint32_t verdicts, n_verdicts; /* of its last checks, newest in bit 0, 1 = good */
        struct instant pause_until; /* mono USEC_INFINITY: never happens, pauses expire */
        char pause_reason[128], pause_by[64];
        struct instant deploy_until; /* its deploy lock holds until then; mono 0: there was none */
        uint32_t n_waits;
        struct wait_record waits[POLICY_STEPS_MAX]; /* that are not those of a fresh step */
        uint32_t n_spent;
        struct spent_record spent[RECORD_SPENT_MAX]; /* oldest first of each budget */
};

struct host_record {
        char boot_id[BOOT_ID_MAX];
        struct instant written;
        bool held; /* by a person */
        struct instant held_since, held_until; /* until.mono USEC_INFINITY: does not end by time */
        char held_by[64], held_reason[128];
        bool packages; /* a package manager was at work, */
        struct instant packages_since, packages_until; /* and held recovery */
        char packages_by[64], packages_lock[128];
        uint32_t n_spent;
        struct instant spent[POLICY_BUDGET_MAX];
};

enum { HEARTBEAT_TEXT_MAX = 96 }; /* of a status text, with its end */

/* What outlives the agent of the calls for one heartbeat probe. */
struct call_record {
        char service[POLICY_NAME_MAX + 1], probe[POLICY_NAME_MAX + 1];
        char boot_id[BOOT_ID_MAX]; /* of the boot in which `since` is */
        struct instant since; /* the last call, or when one was first expected */
        bool called; /* it is a call, */
        bool failed; /* and one that reported a failure */
        bool overdue; /* none had come for too long when this was written, */
        wall_usec_t excused; /* but until then nobody had listened; 0: no */
        char text[HEARTBEAT_TEXT_MAX]; /* status of the call */
};
