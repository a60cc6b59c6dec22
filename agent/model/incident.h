#pragma once
/* What becomes of a service that fails: its states, incidents and attempts, as plain data. */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "model/enum_text.h"
#include "model/observation.h"
#include "model/policy.h"

enum health { HEALTH_UNKNOWN = 0, HEALTH_HEALTHY, HEALTH_SUSPECT, HEALTH_FAILED };
DECLARE_ENUM_TEXT(health)

/* The states of the incident state machine; the sentences are in recovery/rules.c. */
enum phase {
        PHASE_WATCHING = 0, /* no incident: probing */
        PHASE_QUEUED, /* to be started for the first time, when its dependencies are well */
        PHASE_CHECKING, /* failed: its dependencies are being probed before anything is done */
        PHASE_BLOCKED, /* failed, and a dependency is down */
        PHASE_SETTLING, /* its dependency, or the agent, is back: time to recover without help */
        PHASE_DECIDING, /* passes at once into one of the others */
        PHASE_HELD, /* an attempt is due, and a guard holds it */
        PHASE_BACKOFF, /* waiting for the time of the next attempt */
        PHASE_SAVING, /* the intent is being written down */
        PHASE_ACTING, /* the executor carries the action out */
        PHASE_VERIFYING, /* the action is over: the probes have to prove it */
        PHASE_UNATTENDED, /* failed, and the policy has no step for it */
        PHASE_EXHAUSTED, /* given up; loud until acknowledged or healed */
        PHASE_STOPPED, /* by a person; not a failure */
        PHASE_COMPARING, /* failed: its files are compared with its last recovery point */
        PHASE_STANDBY, /* its group has it stopped: another member may be active */
};
enum { PHASE_COUNT = PHASE_STANDBY + 1 };
DECLARE_ENUM_TEXT(phase)

enum guard { /* what can hold an attempt */
        GUARD_NONE = 0,
        GUARD_PAUSED,
        GUARD_HOLD,
        GUARD_DRY_RUN,
        GUARD_OBSERVE,
        GUARD_SELF_SUSPECT,
        GUARD_DEPLOY,
        GUARD_EXECUTOR_AWAY,
        GUARD_MANAGER_BUSY,
        GUARD_STORE_DEGRADED,
        GUARD_FLAPPING,
        GUARD_STEP_BUDGET,
        GUARD_SERVICE_BUDGET,
        GUARD_GROUP_BUDGET,
        GUARD_HOST_BUDGET,
        GUARD_FLEET,
};
enum { GUARD_COUNT = GUARD_FLEET + 1 };
DECLARE_ENUM_TEXT(guard)

enum step_fit { /* whether a step of the ladder may be tried in an incident */
        STEP_FITS = 0,
        STEP_SPENT, /* its attempts were made, or the ladder is past it */
        STEP_OTHER_CAUSE, /* its `for` does not name what the failure looks like */
        STEP_INTERRUPTS, /* only the readiness fails, and it would interrupt the service */
        STEP_USELESS, /* it has hardly ever cured what the failure looks like */
        /* Of a rollback: */
        STEP_FILES_UNKNOWN, /* nothing is known of the files */
        STEP_FILES_UNCHANGED, /* they are those of the recovery point */
        STEP_FILES_CHANGED_SINCE, /* they changed after it had failed, so that is not the cause */
        STEP_ROLLED_BACK, /* this change was rolled back automatically before */
        STEP_NEEDS_PERSON, /* it is for a person to say */
};
DECLARE_ENUM_TEXT(step_fit)

enum origin { ORIGIN_LADDER = 0, ORIGIN_FIRST_START, ORIGIN_OPERATOR };
DECLARE_ENUM_TEXT(origin)

enum attempt_result {
        ATTEMPT_UNFINISHED = 0,
        ATTEMPT_RECOVERED, /* verified by the probes */
        ATTEMPT_NOT_CURED, /* the action worked, the probes say no */
        ATTEMPT_ACTION_FAILED, /* the action itself failed */
        ATTEMPT_REFUSED, /* the executor refused to act */
        ATTEMPT_SUPERSEDED, /* overtaken: healthy before it began, put off, or a person stepped in
                             */
        ATTEMPT_DONE, /* the action worked and there is nothing to prove: a stop */
};
enum { ATTEMPT_RESULT_COUNT = ATTEMPT_DONE + 1 };
DECLARE_ENUM_TEXT(attempt_result)

enum incident_end {
        INCIDENT_OPEN = 0,
        INCIDENT_RECOVERED, /* an attempt was verified */
        INCIDENT_HEALED, /* the service came back by itself, or with its dependency */
        INCIDENT_STOPPED, /* a person stopped the service */
        INCIDENT_DROPPED, /* the service left the policies */
        INCIDENT_HANDED_OVER, /* another member of its group is, or may become, the active one */
};
DECLARE_ENUM_TEXT(incident_end)

enum { STEP_NONE = -1 }; /* an attempt that is not of the ladder */

struct attempt {
        uint64_t incident; /* 0: none (a first start, or a person's restart of a healthy service) */
        uint32_t number; /* 1-based within the incident */
        int step; /* index into the ladder, or STEP_NONE */
        int action; /* enum action */
        int origin; /* enum origin */
        int result; /* enum attempt_result */
        uint32_t rule; /* number of the row that decided on it */
        usec_t delay; /* backoff that was waited before it */
        wall_usec_t intended, started, acted, verified; /* 0: not reached */
        char text[OBSERVATION_DETAIL_MAX]; /* the executor's, or the last evidence */
};

struct incident {
        uint64_t id;
        wall_usec_t failing_since; /* finish of the first failed probe run of the series that opened
                                      it */
        wall_usec_t opened, closed; /* closed 0: open */
        int cause; /* enum cause: what the ladder goes by */
        int symptom; /* enum cause: what its probes see, where the cause is more than that */
        int status; /* of a process that ended: see struct observation */
        int role; /* enum probe_role: liveness, or readiness while nothing but that fails */
        int end; /* enum incident_end */
        bool exhausted; /* was given up at some time */
        uint32_t attempts;
        char service[POLICY_NAME_MAX + 1];
        char probe[POLICY_NAME_MAX + 1]; /* the one that decided */
        char text[OBSERVATION_DETAIL_MAX]; /* its evidence */
};
