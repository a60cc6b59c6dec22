#include "probes/unit_judge.h"

#include <signal.h>
#include <stddef.h>

#include "base/cleanup.h"

/* A unit that is on its way up or down is not well yet, and has not failed: systemd ends that by
 * itself (TimeoutStartSec, TimeoutStopSec). One that it has to restart has failed, though it may be
 * the last time. `certain` is only what systemd itself has given up. */
static const struct {
        enum outcome outcome;
        enum cause cause;
        bool certain;
        const char *text; /* NULL: the verdict's */
} rows[] = {
        [UNIT_IS_UNCLEAR] = {OUTCOME_UNKNOWN, CAUSE_NONE, false, NULL},
        [UNIT_IS_MISSING] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
        [UNIT_IS_MASKED] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
        [UNIT_IS_BROKEN] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
        [UNIT_IS_RUNNING] = {OUTCOME_PASS, CAUSE_NONE, false, NULL},
        [UNIT_IS_RELOADING] = {OUTCOME_PASS, CAUSE_NONE, false, NULL},
        [UNIT_IS_RESTARTING] = {OUTCOME_FAIL, CAUSE_EXITED, false, NULL},
        [UNIT_IS_STARTING] = {OUTCOME_UNKNOWN, CAUSE_NONE, false, NULL},
        [UNIT_IS_STOPPING] = {OUTCOME_UNKNOWN, CAUSE_NONE, false, NULL},
        [UNIT_IS_QUEUED] = {OUTCOME_UNKNOWN, CAUSE_NONE, false, NULL},
        /* Whose job it was the executor knows, and not this process. */
        [UNIT_IS_STOPPED] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false,
                "inactive: it was told to stop"},
        [UNIT_IS_STOPPED_HERE] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
        [UNIT_IS_FAILED] = {OUTCOME_FAIL, CAUSE_EXITED, true, NULL},
        [UNIT_IS_FINISHED] = {OUTCOME_PASS, CAUSE_NONE, false, NULL},
        [UNIT_IS_SKIPPED] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
        [UNIT_IS_ENDED] = {OUTCOME_FAIL, CAUSE_EXITED, true, NULL},
        [UNIT_IS_IDLE] = {OUTCOME_FAIL, CAUSE_UNIT_STATE, false, NULL},
};

/* Where the process did not simply end, or more is known of its end. */
static const enum cause causes[UNIT_RESULT_COUNT] = {
        [UNIT_WATCHDOG] = CAUSE_UNRESPONSIVE,
        [UNIT_TIMEOUT] = CAUSE_UNRESPONSIVE,
        [UNIT_PROTOCOL] = CAUSE_WRONG_ANSWER,
        [UNIT_RESOURCES] = CAUSE_RESOURCE,
        [UNIT_OOM_KILL] = CAUSE_EXITED_OOM,
        [UNIT_START_LIMIT_HIT] = CAUSE_UNIT_STATE,
        [UNIT_EXEC_CONDITION] = CAUSE_UNIT_STATE,
};

static const char *const state_words[] = {
        [UNIT_ACTIVE_OTHER] = "in another state",
        [UNIT_INACTIVE] = "inactive",
        [UNIT_ACTIVE] = "active",
        [UNIT_RELOADING] = "reloading",
        [UNIT_FAILED] = "failed",
        [UNIT_ACTIVATING] = "activating",
        [UNIT_DEACTIVATING] = "deactivating",
};

static bool is_there(const struct unit_verdict *verdict) {
        return verdict->condition != UNIT_IS_MISSING && verdict->condition != UNIT_IS_BROKEN;
}

static void judge_states(const struct unit_snapshot *snapshot, const struct unit_verdict *verdict,
        uint32_t states, struct probe_result *result) {
        bool well = states & UINT32_C(1) << snapshot->active;
        probe_conclude(result, well ? OUTCOME_PASS : OUTCOME_FAIL,
                well ? CAUSE_NONE : CAUSE_UNIT_STATE, "%s%s: %s", state_words[snapshot->active],
                well ? "" : ", which is not among `states`", verdict->text);
}

/* How its main process ended, where that is what happened. */
static enum cause cause_of_end(const struct unit_snapshot *snapshot) {
        switch (snapshot->exec_main_code) {
        case CLD_EXITED:
                return CAUSE_EXITED_CODE;
        case CLD_KILLED:
        case CLD_DUMPED:
                return CAUSE_EXITED_SIGNAL;
        default:
                return CAUSE_EXITED;
        }
}

void unit_probe_judge(const struct unit_snapshot *snapshot, const struct unit_verdict *verdict,
        uint32_t states, struct probe_result *result) {
        result->has_value = true;
        result->value = snapshot->n_restarts;
        if (states && is_there(verdict)) {
                judge_states(snapshot, verdict, states, result);
                return;
        }
        enum cause cause = rows[verdict->condition].cause;
        if (verdict->condition == UNIT_IS_FAILED && causes[snapshot->result]) {
                cause = causes[snapshot->result];
        } else if (cause == CAUSE_EXITED) {
                cause = cause_of_end(snapshot);
        }
        result->certain = rows[verdict->condition].certain;
        const char *text = rows[verdict->condition].text;
        probe_conclude(
                result, rows[verdict->condition].outcome, cause, "%s", text ? text : verdict->text);
}
