/* The exec probe: runs a monitoring plug-in, or any program, and judges its exit status by the
 * contract of such plug-ins. What it wrote is for people and for the metrics.
 *
 * Monitoring Plugins Development Guidelines: https://www.monitoring-plugins.org/doc/guidelines.html
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/child.h"
#include "io/environment.h"
#include "probes/exec_host.h"
#include "probes/exec_output.h"
#include "probes/program_end.h"
#include "probes/types.h"

enum { ENVIRONMENT_NAMES_MAX = 256, OPEN_FILES = 1024 };

enum contract { CONTRACT_NAGIOS = 0, CONTRACT_PLAIN };
enum warning { WARNING_DEGRADED = 0, WARNING_FAIL };

struct exec_params {
        struct strings command;
        const char *user;
        struct pairs environment;
        uint64_t max_output;
        const char *value;
        int contract, warning;
};

/* A program, from waiting for its turn to its death; may outlive the run that began it. */
struct exec_job {
        struct probe_run *run; /* NULL: nobody waits for it any more */
        struct exec_job **slot; /* in the state of its probe */
        struct exec_turn turn;
        struct loop_timer patience; /* for its turn */
        struct child *child; /* NULL: not started yet */
        usec_t started;
};

struct exec_state {
        struct exec_job *job;
};

static const struct enum_text contract_texts[] = {
        {CONTRACT_NAGIOS, "nagios",
                "0 passes, 1 is a warning, 2 fails, everything else is unknown."},
        {CONTRACT_PLAIN, "plain", "0 passes, everything else fails."},
        {0},
};

static const struct enum_text warning_texts[] = {
        {WARNING_DEGRADED, "degraded", "It works, but needs attention; counts as a pass."},
        {WARNING_FAIL, "fail", "A warning is a failure."},
        {0},
};

static void check_exec(const void *object, struct schema_report *report) {
        const struct exec_params *params = object;
        if (params->contract == CONTRACT_PLAIN && params->warning == WARNING_FAIL) {
                schema_complain(report, "warning",
                        "warning needs contract: nagios; with plain, 1 fails like any other status");
        }
        for (uint32_t i = 0; i < params->environment.count; i++) {
                const char *name = params->environment.items[i].key;
                if (str_empty(name) || strlen(name) > ENVIRONMENT_NAMES_MAX ||
                        name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
                        schema_complain(report, "environment",
                                "a variable's name has letters, digits and '_' only");
                }
        }
}

static const struct schema_field exec_fields[] = {
        {"command", SCHEMA_COMMAND, offsetof(struct exec_params, command), .required = true,
                .example = "[/usr/lib/nagios/plugins/check_load, -w, \"8,6,4\", -c, \"16,12,8\"]",
                .help = "The program, by absolute path, and its arguments. It is run as it stands here, "
                        "never by a shell."},
        {"user", SCHEMA_STRING, offsetof(struct exec_params, user), .example = "postgres",
                .help = "Who it runs as, by name or number. Without it, the agent's own user; an agent "
                        "that is root takes recoverd, or nobody where there is no such user."},
        {"environment", SCHEMA_PAIRS, offsetof(struct exec_params, environment),
                .example = "{PGHOST: /run/postgresql}",
                .help = "Variables beside PATH, HOME, USER, LOGNAME, SHELL, LANG, RECOVERD_SERVICE and "
                        "RECOVERD_PROBE. Nothing of the agent's own environment gets through."},
        {"max_output", SCHEMA_SIZE, offsetof(struct exec_params, max_output), .standard = "8KiB",
                .least = "256B", .most = "1MiB", .example = "64KiB",
                .help = "How much of its output is kept; the rest is read and dropped."},
        {"value", SCHEMA_STRING, offsetof(struct exec_params, value), .example = "load5",
                .help = "Label of the performance value that is the value of the probe; without it the "
                        "first one."},
        {"contract", SCHEMA_ENUM, offsetof(struct exec_params, contract), .standard = "nagios",
                .example = "plain", .words = contract_texts,
                .help = "What an exit status means: as monitoring plug-ins have it, or 0 and not 0 for "
                        "any other program."},
        {"warning", SCHEMA_ENUM, offsetof(struct exec_params, warning), .standard = "degraded",
                .example = "fail", .words = warning_texts,
                .help = "What the warning (exit status 1) of a plug-in counts as."},
        {NULL},
};

const struct schema exec_schema = {
        .name = "exec probe",
        .help = "Runs a program, such as a plug-in of Nagios, and judges its exit status. Its first "
                "line is the text of the result, its performance data become metrics.",
        .size = sizeof(struct exec_params),
        .fields = exec_fields,
        .shorthand = "command",
        .check = check_exec,
};

/* ---- What its end means ---- */

/* By the contract of plug-ins; everything else breaks it, and tells nothing about the target. */
static const struct verdict {
        enum outcome outcome;
        enum cause cause;
} verdicts[] = {
        {OUTCOME_PASS, CAUSE_NONE},
        {OUTCOME_DEGRADED, CAUSE_WRONG_ANSWER},
        {OUTCOME_FAIL, CAUSE_WRONG_ANSWER},
        {OUTCOME_UNKNOWN, CAUSE_NONE},
};

static struct verdict verdict_of(const struct exec_params *params, const struct child_result *end) {
        static const struct verdict failed = {OUTCOME_FAIL, CAUSE_WRONG_ANSWER};
        static const struct verdict nothing = {OUTCOME_UNKNOWN, CAUSE_NONE};
        bool exited = end->end == CHILD_EXITED;
        if (end->end == CHILD_NOT_STARTED) {
                return nothing;
        }
        if (params->contract == CONTRACT_PLAIN) {
                return exited && end->code == 0 ? verdicts[0] : failed;
        }
        if (exited && end->code == 1 && params->warning == WARNING_FAIL) {
                return failed;
        }
        return exited && (size_t) end->code < ELEMENTSOF(verdicts) ? verdicts[end->code] : nothing;
}

/* Whether its text alone says what is the matter. */
static bool speaks_for_itself(const struct exec_params *params, const struct child_result *end) {
        return end->end == CHILD_EXITED &&
               (end->code == 0 || (params->contract == CONTRACT_NAGIOS &&
                                          (size_t) end->code < ELEMENTSOF(verdicts)));
}

static void describe(const struct exec_params *params, const struct child_result *end,
        const struct exec_output *output, struct probe_result *result) {
        struct verdict verdict = verdict_of(params, end);
        char how[OBSERVATION_DETAIL_MAX], errors[OBSERVATION_DETAIL_MAX];
        child_describe(end, how, sizeof(how));
        exec_output_first_line(end->errors, end->errors_length, errors);
        if (end->end == CHILD_NOT_STARTED) {
                probe_conclude(result, verdict.outcome, verdict.cause, "%s: %s",
                        params->command.items[0], how);
        } else if (*output->text && speaks_for_itself(params, end)) {
                probe_conclude(result, verdict.outcome, verdict.cause, "%s", output->text);
        } else if (*output->text) {
                probe_conclude(result, verdict.outcome, verdict.cause, "%s: %s", how, output->text);
        } else if (*errors) {
                probe_conclude(
                        result, verdict.outcome, verdict.cause, "%s, stderr: %s", how, errors);
        } else {
                probe_conclude(result, verdict.outcome, verdict.cause, "%s, no output", how);
        }
}

/* The value of the probe comes first among its measurements. */
static void choose_value(
        const struct exec_params *params, struct perfdata *data, struct probe_result *result) {
        const struct measurement *found = params->value ? perfdata_find(data, params->value)
                                          : data->count ? &data->values[0]
                                                        : NULL;
        if (found) {
                size_t index = (size_t) (found - data->values);
                struct measurement chosen = *found;
                memmove(&data->values[1], &data->values[0], index * sizeof(chosen));
                data->values[0] = chosen;
                result->has_value = true;
                result->value = chosen.value;
        }
        result->measurements = data->values;
        result->n_measurements = data->count;
}

static void describe_timeout(const struct exec_job *job, const struct exec_output *output,
        char detail[OBSERVATION_DETAIL_MAX]) {
        const struct probe_run *run = job->run;
        char within[UNITS_TEXT_MAX];
        snprintf(detail, OBSERVATION_DETAIL_MAX, "no result within %s%s%.120s",
                units_format_duration(run->timeout, within), output && *output->text ? ": " : "",
                output ? output->text : "");
        str_make_printable(detail);
}

/* ---- A job ---- */

static void job_free(struct exec_job *job) {
        if (job) {
                exec_turn_done(&job->turn);
                loop_timer_done(&job->patience);
                child_cancel(job->child);
                *job->slot = NULL;
                free(job);
        }
}

static void finish(struct exec_job *job, const struct probe_result *result) {
        struct probe_run *run = job->run;
        job_free(job);
        if (run) {
                probe_run_finish(run, result);
        }
}

static void __attribute__((format(printf, 2, 3)))
finish_unknown(struct exec_job *job, const char *format, ...) {
        struct probe_result result = {0};
        char text[2 * OBSERVATION_DETAIL_MAX];
        va_list arguments;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", text);
        finish(job, &result);
}

static void on_ended(void *cookie, const struct child_result *end) {
        struct exec_job *job = cookie;
        struct probe_result result = {0};
        job->child = NULL;
        if (!job->run) {
                job_free(job);
                return;
        }
        const struct exec_params *params = job->run->spec->params;
        struct exec_output output;
        exec_output_read(end->output, end->output_length, end->dropped_bytes > 0, &output);
        if (end->end == CHILD_TIMED_OUT) {
                result.outcome = OUTCOME_TIMEOUT;
                result.cause = CAUSE_UNRESPONSIVE;
                describe_timeout(job, &output, result.detail);
        } else {
                describe(params, end, &output, &result);
                choose_value(params, &output.perfdata, &result);
        }
        finish(job, &result);
}

/* ---- Its program ---- */

static void fill_environment(const struct probe_run *run, const struct identity *identity,
        struct environment *environment) {
        const struct exec_params *params = run->spec->params;
        environment_set_standard(environment, identity);
        environment_set(
                environment, "LANG", "C"); /* as monitoring plug-ins expect: 0.5, never 0,5 */
        environment_set(environment, "RECOVERD_SERVICE", run->service->name);
        environment_set(environment, "RECOVERD_PROBE", run->spec->name);
        for (uint32_t i = 0; i < params->environment.count; i++) {
                const struct pair *pair = &params->environment.items[i];
                environment_set(environment, pair->key, pair->value);
        }
}

/* The agent's own soft limit is high; a program that closes all it could have open, or that uses
 * select(2), expects the usual one. */
static struct spawn_limit usual_open_files(void) {
        struct spawn_limit limit = {RLIMIT_NOFILE, {OPEN_FILES, OPEN_FILES}};
        struct rlimit own;
        if (getrlimit(RLIMIT_NOFILE, &own) == 0) {
                limit.value.rlim_max = own.rlim_max;
                limit.value.rlim_cur = own.rlim_max < OPEN_FILES ? own.rlim_max : OPEN_FILES;
        }
        return limit;
}

static int start_child(struct exec_job *job, const struct identity *identity, struct error *err) {
        const struct probe_run *run = job->run;
        const struct exec_params *params = run->spec->params;
        AUTO(environment_done) struct environment environment = {0};
        fill_environment(run, identity, &environment);
        if (environment.failed) {
                return error_set(err, ENOMEM, "too many variables, or out of memory");
        }
        const struct spawn_limit limit = usual_open_files();
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .max_output = params->max_output,
                .separate_errors = true,
                .pool = exec_host_starters(run->host->exec),
        };
        program_end_in_time(&request, run);
        request.spawn.argv = params->command.items;
        request.spawn.environment = (const char *const *) environment.items;
        request.spawn.change_user = identity->change;
        request.spawn.uid = identity->uid;
        request.spawn.gid = identity->gid;
        request.spawn.groups = identity->groups;
        request.spawn.n_groups = identity->n_groups;
        request.spawn.limits = &limit;
        request.spawn.n_limits = 1;
        return child_start(&job->child, run->host->loop, &request, on_ended, job, err);
}

static void on_turn(void *cookie, const struct identity *identity, const char *why) {
        struct exec_job *job = cookie;
        const struct exec_params *params = job->run->spec->params;
        struct error err = {0};
        loop_timer_cancel(&job->patience);
        if (!identity) {
                finish_unknown(job, "%s: not run: %s", params->command.items[0], why);
        } else if (start_child(job, identity, &err) < 0) {
                finish_unknown(job, "%s: not run: %s", params->command.items[0], err.text);
        }
}

static void on_patience_over(void *cookie) {
        struct exec_job *job = cookie;
        const struct exec_params *params = job->run->spec->params;
        if (job->turn.phase == TURN_WAITS_FOR_USER) {
                finish_unknown(job, "%s: not run: the name service does not answer",
                        params->command.items[0]);
        } else {
                finish_unknown(job, "%s: not run: %d others were running all the time",
                        params->command.items[0], EXEC_PROGRAMS_MAX);
        }
}

/* ---- A run ---- */

static struct exec_job *job_new(struct probe_run *run) {
        struct exec_state *state = run->state;
        struct exec_job *job = calloc(1, sizeof(*job));
        if (job && loop_timer_init(&job->patience, run->host->loop, on_patience_over, job) < 0) {
                free(TAKE_PTR(job));
        }
        if (job) {
                job->run = run;
                job->started = run->started.mono;
                job->turn.ready = on_turn;
                job->turn.cookie = job;
                job->slot = &state->job;
                state->job = job;
        }
        return job;
}

static void exec_start(struct probe_run *run) {
        const struct exec_params *params = run->spec->params;
        struct exec_state *state = run->state;
        if (state->job) {
                program_is_still_there(run, child_pid(state->job->child), state->job->started);
                return;
        }
        struct exec_job *job = job_new(run);
        if (!job) {
                struct probe_result result = {0};
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "out of memory");
                probe_run_finish(run, &result);
                return;
        }
        loop_timer_set(&job->patience, probe_run_last_moment(run));
        exec_turn_ask(&job->turn, run->host->exec, params->user);
}

/* A program that was started keeps its turn until it is dead: those that SIGKILL does not end at
 * once count, too. */
static void exec_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct exec_state *state = run->state;
        struct exec_job *job = state->job;
        describe_timeout(job, NULL, detail);
        if (!job->child) {
                job_free(job);
                return;
        }
        job->run = NULL;
        child_kill(job->child);
}

static void exec_release(void *memory) {
        struct exec_state *state = memory;
        job_free(state->job);
}

/* Another user than the agent's own takes root. */
static bool exec_privileged(const void *params) {
        return ((const struct exec_params *) params)->user != NULL;
}

const struct probe_type exec_probe = {
        .name = "exec",
        .help = "Runs a program, such as a plug-in of Nagios.",
        .schema = &exec_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER)},
        .state_size = sizeof(struct exec_state),
        .privileged = exec_privileged,
        .start = exec_start,
        .stop = exec_stop,
        .release = exec_release,
};
