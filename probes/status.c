/* The status probe: runs the status program of a `scripts` service, or the monitor of its resource
 * agent, and judges the exit status as the standards have it. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"
#include "probes/exec_host.h"
#include "probes/program_end.h"
#include "probes/service_script.h"
#include "probes/types.h"

struct status_params {
        uint32_t depth;
};

struct status_state {
        struct probe_run *run; /* NULL: none is under way */
        struct exec_turn turn;
        struct child *child; /* may outlive its run, until SIGKILL has ended it */
        usec_t started;
        struct loop_timer patience; /* for its turn, from the first run on */
};

static const struct schema_field status_fields[] = {
        {"depth", SCHEMA_UINT, offsetof(struct status_params, depth), .standard = "0",
                .most = "1000", .example = "10",
                .help = "How thoroughly a resource agent looks (OCF_CHECK_LEVEL); the levels are the "
                        "agent's own. Other status programs do not know it."},
        {NULL},
};

const struct schema status_schema = {
        .name = "status probe",
        .help = "Asks the status program of the service's `scripts`, or the monitor of its resource "
                "agent, and goes by the exit status.",
        .size = sizeof(struct status_params),
        .fields = status_fields,
};

/* ---- What it means ---- */

static const struct {
        enum outcome outcome;
        enum cause cause;
        bool certain;
} meanings[] = {
        [SCRIPT_UNCLEAR] = {OUTCOME_UNKNOWN, CAUSE_NONE, false},
        [SCRIPT_RUNS] = {OUTCOME_PASS, CAUSE_NONE, false},
        [SCRIPT_DEGRADED] = {OUTCOME_DEGRADED, CAUSE_NONE, false},
        [SCRIPT_BROKEN] = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER, false},
        [SCRIPT_DEAD] = {OUTCOME_FAIL, CAUSE_EXITED, true},
        [SCRIPT_GONE] = {OUTCOME_FAIL, CAUSE_EXITED, true},
};

static void describe_timeout(const struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        char within[UNITS_TEXT_MAX];
        snprintf(detail, OBSERVATION_DETAIL_MAX, "%s says nothing within %s",
                script_verb_name(run->service, SCRIPT_STATUS),
                units_format_duration(run->timeout, within));
}

/* ---- The end of a run ---- */

static void forget_run(struct status_state *state) {
        loop_timer_done(&state->patience);
        exec_turn_done(&state->turn);
        state->run = NULL;
}

static void finish(struct status_state *state, const struct probe_result *result) {
        struct probe_run *run = state->run;
        forget_run(state);
        probe_run_finish(run, result);
}

static void finish_unknown(struct status_state *state, const char *why) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s: not run: %s",
                script_verb_name(state->run->service, SCRIPT_STATUS), why);
        finish(state, &result);
}

static void on_ended(void *cookie, const struct child_result *end) {
        struct status_state *state = cookie;
        struct probe_result result = {0};
        struct script_verdict verdict;
        state->child = NULL;
        if (!state->run) {
                exec_turn_done(&state->turn);
                return;
        }
        if (end->end == CHILD_TIMED_OUT) {
                result.outcome = OUTCOME_TIMEOUT;
                result.cause = CAUSE_UNRESPONSIVE;
                describe_timeout(state->run, result.detail);
        } else {
                service_script_judge(state->run->service, SCRIPT_STATUS, end, &verdict);
                result.certain = meanings[verdict.state].certain;
                probe_conclude(&result, meanings[verdict.state].outcome,
                        meanings[verdict.state].cause, "%s", verdict.text);
        }
        finish(state, &result);
}

/* ---- Its program ---- */

static int start_child(
        struct status_state *state, const struct identity *identity, struct error *err) {
        const struct probe_run *run = state->run;
        const struct status_params *params = run->spec->params;
        const struct service_script_request request = {
                .service = run->service,
                .verb = SCRIPT_STATUS,
                .identity = identity,
                .timeout = run->timeout,
                .depth = params->depth,
        };
        struct service_script script;
        int r = service_script_prepare(&script, &request, err);
        if (r < 0) {
                return r;
        }
        program_end_in_time(&script.child, run);
        r = child_start(&state->child, run->host->loop, &script.child, on_ended, state, err);
        service_script_done(&script);
        return r;
}

static void on_turn(void *cookie, const struct identity *identity, const char *why) {
        struct status_state *state = cookie;
        struct error err = {0};
        loop_timer_cancel(&state->patience);
        if (!identity) {
                finish_unknown(state, why);
        } else if (start_child(state, identity, &err) < 0) {
                finish_unknown(state, err.text);
        }
}

static void on_patience_over(void *cookie) {
        struct status_state *state = cookie;
        finish_unknown(state, state->turn.phase == TURN_WAITS_FOR_USER
                                      ? "the name service does not answer"
                                      : "too many other programs were running all the time");
}

/* The executor's own user, which for services is root, unlike that of other probes. */
static void ask_for_turn(struct status_state *state) {
        const struct probe_run *run = state->run;
        char own[16];
        snprintf(own, sizeof(own), "%u", geteuid());
        const char *user = run->service->scripts->user ? run->service->scripts->user : own;
        state->turn = (struct exec_turn){.ready = on_turn, .cookie = state};
        loop_timer_set(&state->patience, probe_run_last_moment(run));
        exec_turn_ask(&state->turn, run->host->exec, user);
}

/* ---- A run ---- */

static void refuse(struct probe_run *run, const char *why) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", why);
        probe_run_finish(run, &result);
}

static void status_start(struct probe_run *run) {
        struct status_state *state = run->state;
        if (!run->service->scripts) {
                refuse(run, "the service has no scripts to ask");
        } else if (state->child) {
                program_is_still_there(run, child_pid(state->child), state->started);
        } else if (loop_timer_init(&state->patience, run->host->loop, on_patience_over, state) <
                   0) {
                refuse(run, "out of memory");
        } else {
                state->run = run;
                state->started = run->started.mono;
                ask_for_turn(state);
        }
}

/* The turn is kept until the program is dead. */
static void status_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct status_state *state = run->state;
        describe_timeout(run, detail);
        if (!state->child) {
                forget_run(state);
                return;
        }
        loop_timer_done(&state->patience);
        state->run = NULL;
        child_kill(state->child);
}

static void status_release(void *memory) {
        struct status_state *state = memory;
        child_cancel(state->child);
        state->child = NULL;
        forget_run(state);
}

/* It runs as whom the policy says, which is root unless it says otherwise. */
static bool status_privileged(const void *params) {
        (void) params;
        return true;
}

const struct probe_type status_probe = {
        .name = "status",
        .help = "Asks the scripts or the resource agent of the service.",
        .schema = &status_schema,
        .traits = {.causes = CAUSES_OF_EXITED | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
                             CAUSE_BIT(CAUSE_WRONG_ANSWER)},
        .state_size = sizeof(struct status_state),
        .privileged = status_privileged,
        .start = status_start,
        .stop = status_stop,
        .release = status_release,
};
