/* The heartbeat probe: whether a service or a job has called in lately. A run measures nothing
 * itself; it looks at the last call. */

#include "probes/heartbeat.h"

#include <stddef.h>
#include <stdio.h>

#include "base/str.h"
#include "base/units.h"
#include "probes/types.h"

static const struct schema_field heartbeat_fields[] = {
        {"period", SCHEMA_DURATION, offsetof(struct heartbeat_params, period), .required = true,
                .least = "1s", .most = "400d", .example = "10m",
                .help = "A heartbeat is expected this often: one each interval of a cron job, or of a "
                        "loop that works."},
        {"grace", SCHEMA_DURATION, offsetof(struct heartbeat_params, grace), .standard = "0s",
                .most = "400d", .example = "1m",
                .help = "How much later it may come. It is degraded meanwhile, and fails afterwards."},
        {"token_file", SCHEMA_PATH, offsetof(struct heartbeat_params, token_file),
                .example = "/etc/recoverd/heartbeat.token",
                .help = "File with a secret of 16 to 256 bytes on one line; whoever knows it may send "
                        "heartbeats of this probe, also over HTTP. Without it only root, the agent's own "
                        "user, the operators and the service itself may."},
        {NULL},
};

const struct schema heartbeat_schema = {
        .name = "heartbeat probe",
        .help = "Expects the service, or a job, to call in: by recoverctl heartbeat, by the datagrams of "
                "sd_notify, or over HTTP. It fails when no call comes for longer than the period, or when "
                "a call reports a failure.",
        .size = sizeof(struct heartbeat_params),
        .fields = heartbeat_fields,
        .shorthand = "period",
};

/* What is known, at one moment. */
struct look {
        const struct heartbeat_params *params;
        const struct heartbeat_record *record;
        usec_t now;
};

static usec_t time_since(const struct look *look, int64_t moment) {
        int64_t now = (int64_t) look->now;
        return now > moment ? (usec_t) (now - moment) : 0;
}

/* For how long nobody has called, whether or not somebody listened. */
static usec_t silence(const struct look *look) {
        return time_since(look, look->record->since);
}

/* ", status: ..." and ", one was refused 2m ago: wrong token". */
static const char *remarks(const struct look *look, char text[OBSERVATION_DETAIL_MAX]) {
        char ago[UNITS_TEXT_MAX];
        const struct heartbeat_record *record = look->record;
        text[0] = '\0';
        if (record->refused > 0) {
                snprintf(text, OBSERVATION_DETAIL_MAX, "; a call was refused %s ago: %s",
                        units_format_duration_short(usec_sub(look->now, record->refused), ago),
                        record->why);
        } else if (*record->last.text) {
                snprintf(text, OBSERVATION_DETAIL_MAX, ", status: %s", record->last.text);
        }
        return text;
}

/* No call within period and grace, although somebody has been listening that long. */
static void judge_missing(const struct look *look, struct probe_result *result) {
        char waited[UNITS_TEXT_MAX], period[UNITS_TEXT_MAX], more[OBSERVATION_DETAIL_MAX];
        units_format_duration(look->params->period, period);
        units_format_duration_short(silence(look), waited);
        probe_conclude(result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                look->record->called ? "no heartbeat for %s, expected every %s%s"
                                     : "no heartbeat since the agent began to listen %s ago, "
                                       "expected every %s%s",
                waited, period, remarks(look, more));
}

static void judge_waiting(const struct look *look, struct probe_result *result) {
        char waited[UNITS_TEXT_MAX], period[UNITS_TEXT_MAX], more[OBSERVATION_DETAIL_MAX];
        units_format_duration_short(silence(look), waited);
        units_format_duration(look->params->period, period);
        probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                "no heartbeat yet; the agent began to listen %s ago, expected every %s%s", waited,
                period, remarks(look, more));
}

static void judge_excused(const struct look *look, struct probe_result *result) {
        char waited[UNITS_TEXT_MAX], back[UNITS_TEXT_MAX], more[OBSERVATION_DETAIL_MAX];
        units_format_duration_short(silence(look), waited);
        units_format_duration_short(time_since(look, look->record->excused), back);
        probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                "no heartbeat for %s; the agent was away until %s ago and may have missed one%s",
                waited, back, remarks(look, more));
}

static void judge_last(const struct look *look, struct probe_result *result) {
        usec_t age = silence(look);
        char ago[UNITS_TEXT_MAX], late[UNITS_TEXT_MAX], more[OBSERVATION_DETAIL_MAX];
        units_format_duration_short(age, ago);
        if (age > look->params->period) {
                units_format_duration_short(age - look->params->period, late);
                probe_conclude(result, OUTCOME_DEGRADED, CAUSE_SLOW,
                        "last heartbeat %s ago, %s late%s", ago, late, remarks(look, more));
        } else {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "last heartbeat %s ago%s", ago,
                        remarks(look, more));
        }
}

static void judge_failed(const struct look *look, struct probe_result *result) {
        char ago[UNITS_TEXT_MAX];
        const char *text = look->record->last.text;
        probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "reported as failed %s ago%s%s",
                units_format_duration_short(silence(look), ago), *text ? ": " : "", text);
}

static void judge(const struct look *look, struct probe_result *result) {
        const struct heartbeat_record *record = look->record;
        usec_t limit = usec_add(look->params->period, look->params->grace);
        result->has_value = record->called;
        result->value = record->called ? (double) silence(look) / (double) USEC_PER_SEC : 0;
        if (record->called && record->last.failed) {
                judge_failed(look, result);
        } else if (silence(look) <= limit) {
                (record->called ? judge_last : judge_waiting)(look, result);
        } else if (record->is_excused && time_since(look, record->excused) <= limit) {
                judge_excused(look, result);
        } else {
                judge_missing(look, result);
        }
}

static void heartbeat_start(struct probe_run *run) {
        const struct look look = {
                .params = run->spec->params,
                .record = heartbeat_board_get(
                        run->host->heartbeats, run->service->name, run->spec->name),
                .now = run->started.mono,
        };
        struct probe_result result = {0};
        if (look.record) {
                judge(&look, &result);
        } else {
                probe_conclude(
                        &result, OUTCOME_UNKNOWN, CAUSE_NONE, "no memory to remember heartbeats");
        }
        probe_run_finish(run, &result);
}

/* Nothing to end: a run is over when it has begun. */
static void heartbeat_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        (void) run;
        detail[0] = '\0';
}

const struct probe_type heartbeat_probe = {
        .name = "heartbeat",
        .help = "Expects the service, or a job, to call in.",
        .value_unit = "seconds",
        .schema = &heartbeat_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER)},
        .start = heartbeat_start,
        .stop = heartbeat_stop,
};
