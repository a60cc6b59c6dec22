#include "model/incident.h"

const struct enum_text health_texts[] = {
        {HEALTH_UNKNOWN, "unknown",
                "Not measured yet, or not measurable; never triggers an action."},
        {HEALTH_HEALTHY, "healthy", "The required probes pass."},
        {HEALTH_SUSPECT, "suspect", "A probe failed, though not often enough to count."},
        {HEALTH_FAILED, "failed",
                "Enough probes failed often enough in a row, or the evidence is certain."},
        {0},
};

const struct enum_text phase_texts[] = {
        {PHASE_WATCHING, "watching", "No incident: the service is being probed."},
        {PHASE_QUEUED, "queued", "Waits for its dependencies before its first start."},
        {PHASE_CHECKING, "checking",
                "Failed; its dependencies are probed before anything is done."},
        {PHASE_BLOCKED, "blocked", "Failed, and left alone because a dependency is down."},
        {PHASE_SETTLING, "settling",
                "Failed, and gets time to recover without help: its dependency is back, or the agent "
                "is."},
        {PHASE_DECIDING, "deciding", "Failed; the next attempt is being chosen."},
        {PHASE_HELD, "held", "An attempt is due, and a guard holds it."},
        {PHASE_BACKOFF, "backoff", "Waits for the time of the next attempt."},
        {PHASE_SAVING, "saving", "The intent of an attempt is being written down."},
        {PHASE_ACTING, "acting", "The executor carries the action out."},
        {PHASE_VERIFYING, "verifying", "The action is over; the probes have to prove it."},
        {PHASE_UNATTENDED, "unattended", "Failed, and its policy has no step for it."},
        {PHASE_EXHAUSTED, "exhausted",
                "Given up, until a person acknowledges it or the service heals."},
        {PHASE_COMPARING, "comparing",
                "Failed; what changed since it was last good is looked for before anything is done."},
        {PHASE_STOPPED, "stopped", "Stopped by a person, here or outside; not a failure."},
        {PHASE_STANDBY, "standby",
                "Not the active member of its group, so it is stopped; not a failure."},
        {0},
};

const struct enum_text guard_texts[] = {
        {GUARD_NONE, "none", "Nothing holds the attempt."},
        {GUARD_PAUSED, "paused", "A person paused recovery of the service."},
        {GUARD_HOLD, "hold", "A person, or the hold file, holds all recovery of the host."},
        {GUARD_DRY_RUN, "dry-run", "The agent only says what it would do."},
        {GUARD_OBSERVE, "observe",
                "It is only observed: what would be done is said, and not done."},
        {GUARD_SELF_SUSPECT, "self-suspect",
                "The agent suspects itself: what it sees may be its own fault."},
        {GUARD_DEPLOY, "deploy", "Packages are being changed, or the service is being deployed."},
        {GUARD_EXECUTOR_AWAY, "executor-away", "The executor cannot be reached."},
        {GUARD_MANAGER_BUSY, "manager-busy",
                "The manager of the service is at it already: systemd starts, stops or restarts the "
                "unit."},
        {GUARD_STORE_DEGRADED, "store-degraded",
                "The state database fails, so the number of actions is capped."},
        {GUARD_FLAPPING, "flapping", "Its checks change their result too often."},
        {GUARD_STEP_BUDGET, "step-budget", "The action budget of the step is spent."},
        {GUARD_SERVICE_BUDGET, "service-budget", "The action budget of the service is spent."},
        {GUARD_GROUP_BUDGET, "group-budget", "The action budget of its group is spent."},
        {GUARD_HOST_BUDGET, "host-budget", "The action budget of the host is spent."},
        {GUARD_FLEET, "fleet", "The pool of which it is a member has given no permit for it yet."},
        {0},
};

const struct enum_text step_fit_texts[] = {
        {STEP_FITS, "fits", "It may be tried."},
        {STEP_SPENT, "spent", "Its attempts were made."},
        {STEP_OTHER_CAUSE, "other-cause", "Its `for` does not name what the failure looks like."},
        {STEP_INTERRUPTS, "interrupts",
                "Only the readiness probes fail, and it would interrupt the service."},
        {STEP_USELESS, "useless", "It has hardly ever cured what the failure looks like."},
        {STEP_FILES_UNKNOWN, "change-unknown",
                "Whether anything changed since it was last good is not known."},
        {STEP_FILES_UNCHANGED, "unchanged",
                "Nothing changed since it was last good, so there is nothing to roll back."},
        {STEP_FILES_CHANGED_SINCE, "changed-since",
                "It was changed after it had failed, so that did not make it fail: somebody may be at "
                "work on it."},
        {STEP_ROLLED_BACK, "rolled-back",
                "This change was rolled back automatically before, and that is done once."},
        {STEP_NEEDS_PERSON, "needs-person",
                "A person has to say yes (`approve: manual`): `recoverctl rollback` does it."},
        {0},
};

const struct enum_text origin_texts[] = {
        {ORIGIN_LADDER, "ladder", "A step of the recovery ladder."},
        {ORIGIN_FIRST_START, "first-start", "The first start of the service."},
        {ORIGIN_OPERATOR, "operator", "A person asked for it."},
        {0},
};

const struct enum_text attempt_result_texts[] = {
        {ATTEMPT_UNFINISHED, "unfinished", "Still under way."},
        {ATTEMPT_RECOVERED, "recovered", "The probes verified it."},
        {ATTEMPT_NOT_CURED, "not-cured", "The action worked, and the probes still fail."},
        {ATTEMPT_ACTION_FAILED, "action-failed", "The action itself failed."},
        {ATTEMPT_REFUSED, "refused", "The executor refused to act."},
        {ATTEMPT_SUPERSEDED, "superseded",
                "Overtaken: it was healthy before, was put off, or a person stepped in."},
        {ATTEMPT_DONE, "done", "The action worked and there is nothing to prove: a stop."},
        {0},
};

const struct enum_text incident_end_texts[] = {
        {INCIDENT_OPEN, "open", "Not over yet."},
        {INCIDENT_RECOVERED, "recovered", "An attempt was verified by the probes."},
        {INCIDENT_HEALED, "healed", "The service came back by itself, or with its dependency."},
        {INCIDENT_STOPPED, "stopped", "A person stopped the service."},
        {INCIDENT_DROPPED, "dropped", "The service left the policies."},
        {INCIDENT_HANDED_OVER, "handed-over",
                "Its group had it stopped, so that another member can be the active one."},
        {0},
};
