/* The unit probe: the state of a unit of systemd, or of all whose names match a pattern. A unit is
 * followed by signals, so that a run costs nothing and a failure is told at once. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/unit_name.h"
#include "probes/types.h"
#include "probes/unit_judge.h"
#include "probes/unit_probe.h"

static const struct enum_text state_names[] = {
        {UNIT_ACTIVE, "active"},
        {UNIT_RELOADING, "reloading"},
        {UNIT_INACTIVE, "inactive"},
        {UNIT_FAILED, "failed"},
        {UNIT_ACTIVATING, "activating"},
        {UNIT_DEACTIVATING, "deactivating"},
        {0},
};

static void check_names(const struct unit_params *params, struct schema_report *report) {
        const char *expected;
        if (params->name && params->pattern) {
                schema_complain(
                        report, "pattern", "a unit probe has a name or a pattern, not both");
        }
        if (params->name && unit_name_check(params->name, &expected) < 0) {
                schema_complain(report, "name", "expected %s", expected);
        }
        if (params->pattern && !strpbrk(params->pattern, "*?[")) {
                schema_complain(report, "pattern",
                        "without *, ? or [] this is one unit: write `name` instead of `pattern`");
        }
}

static void check_params(const void *object, struct schema_report *report) {
        const struct unit_params *params = object;
        check_names(params, report);
        if (params->max_failed > 0 && !params->pattern) {
                schema_complain(report, "max_failed", "max_failed is for a pattern");
        }
        if (params->states && params->pattern) {
                schema_complain(report, "states", "states are of one unit, not of a pattern");
        }
}

static const struct schema_field unit_fields[] = {
        {"name", SCHEMA_STRING, offsetof(struct unit_params, name), .example = "nginx.service",
                .help = "The unit, with its suffix; an instance of a template as getty@tty1.service. "
                        "Without it, and without a pattern, the service's own unit."},
        {"pattern", SCHEMA_STRING, offsetof(struct unit_params, pattern),
                .example = "shop-*.service",
                .help = "All units that are loaded and match, as in systemctl: *, ? and []."},
        {"max_failed", SCHEMA_UINT, offsetof(struct unit_params, max_failed), .standard = "0",
                .example = "1", .with = "pattern: 'shop-*.service'",
                .help = "Fails when more of the units that match have failed."},
        {"states", SCHEMA_ENUM_SET, offsetof(struct unit_params, states), .words = state_names,
                .example = "[active, inactive]",
                .help = "The states that are well. Without them a unit has to be active, and a oneshot "
                        "must not have failed."},
        {"max_restarts", SCHEMA_AMOUNT, offsetof(struct unit_params, max_restarts),
                .units = SCHEMA_UNITS_COUNT, .example = "3",
                .help = "Fails when systemd itself (Restart=) restarted the unit, or those that match, "
                        "more often within `window`."},
        {"window", SCHEMA_DURATION, offsetof(struct unit_params, window), .standard = "10m",
                .least = "10s", .most = "7d", .example = "1h",
                .help = "The time over which max_restarts counts. Restarts from before the probe began "
                        "to watch do not count."},
        {NULL},
};

const struct schema unit_schema = {
        .name = "unit probe",
        .help = "Watches the state of a unit of systemd, or of several, through D-Bus signals.",
        .size = sizeof(struct unit_params),
        .fields = unit_fields,
        .shorthand = "name",
        .check = check_params,
};

/* ---- restarts ---- */

/* The counter begins anew when the unit is started by a job. */
void unit_follow_count(struct unit_follow *follow, const struct unit_snapshot *snapshot) {
        struct unit_probe_state *probe = follow->probe;
        uint32_t before = follow->restarts_before, found = snapshot->n_restarts;
        if (follow->counted && found != before) {
                window_count_add(&probe->restarts, probe->params->window,
                        loop_now(probe->host->loop).mono, found > before ? found - before : found);
        }
        follow->counted = true;
        follow->restarts_before = found;
}

bool unit_restarts_over(
        struct unit_probe_state *state, const char *name, struct probe_result *result) {
        const struct unit_params *params = state->params;
        char window[UNITS_TEXT_MAX];
        if (params->max_restarts.unit == AMOUNT_UNSET) {
                return false;
        }
        uint64_t found = window_count_total(
                &state->restarts, params->window, loop_now(state->host->loop).mono);
        if ((double) found <= params->max_restarts.value) {
                return false;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_EXITED,
                "%.60s: %llu restarts by systemd within %s, at most %.0f allowed", name,
                (unsigned long long) found, units_format_duration(params->window, window),
                params->max_restarts.value);
        return true;
}

/* ---- a run ---- */

void unit_probe_finish(struct unit_probe_state *state, const struct probe_result *result) {
        struct probe_run *run = state->waiting;
        struct unit_probe_run *room = run->room;
        state->waiting = NULL;
        loop_timer_done(&room->late);
        room->call = sd_bus_slot_unref(room->call);
        probe_run_finish(run, result);
}

static void finish_unknown(struct unit_probe_state *state, const char *why) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s", why);
        unit_probe_finish(state, &result);
}

static void on_late(void *cookie) {
        struct probe_run *run = cookie;
        const char *away = bus_why(unit_bus_connection(run->host->units));
        char took[UNITS_TEXT_MAX], why[160];
        snprintf(why, sizeof(why), "systemd has not answered within %s%s%s",
                units_format_duration_short(run->timeout, took), *away ? ": " : "", away);
        finish_unknown(run->state, why);
}

int unit_probe_wait(struct probe_run *run) {
        struct unit_probe_run *room = run->room;
        if (loop_timer_init(&room->late, run->host->loop, on_late, run) < 0) {
                finish_unknown(run->state, "could not begin: out of memory");
                return -ENOMEM;
        }
        loop_timer_set(&room->late, probe_run_last_moment(run));
        return 0;
}

/* ---- one unit ---- */

static void conclude(struct unit_probe_state *state, const struct unit_report *report,
        struct probe_result *result) {
        unit_probe_judge(report->snapshot, &report->verdict, state->params->states, result);
        result->certain = result->certain && state->own;
        if (result->outcome == OUTCOME_PASS || report->verdict.condition == UNIT_IS_RESTARTING) {
                (void) unit_restarts_over(state, state->one.name, result);
        }
}

/* Each end is told once; what is only going on is for the runs to find. */
static void tell_end(struct unit_probe_state *state, const struct unit_report *report) {
        struct probe_result result = {0};
        bool news = report->verdict.condition != state->one.condition;
        state->one.condition = report->verdict.condition;
        conclude(state, report, &result);
        if (news && result.certain && outcome_is_failure(result.outcome)) {
                state->host->notify(state->host->cookie, state->service, state->probe, &result);
        }
}

/* What was asked about lies behind: a unit that is not there may have been installed. */
static bool is_settled(const struct unit_report *report) {
        return report->known && !report->asking;
}

static void on_changed(void *cookie) {
        struct unit_probe_state *state = cookie;
        struct unit_report report;
        struct probe_result result = {0};
        unit_watch_report(&state->one.watch, &report);
        if (!report.known) {
                if (state->waiting && !report.asking) {
                        finish_unknown(state, report.why);
                }
                return;
        }
        unit_follow_count(&state->one, report.snapshot);
        if (state->waiting && is_settled(&report)) {
                state->one.condition = report.verdict.condition;
                conclude(state, &report, &result);
                unit_probe_finish(state, &result);
        } else if (!report.asking) {
                tell_end(state, &report);
        }
}

static const char *unit_name(const struct probe_run *run) {
        const struct unit_params *params = run->spec->params;
        if (params->name) {
                return params->name;
        }
        return run->service->unit ? run->service->unit->name : NULL;
}

static bool is_away(const struct probe_run *run) {
        return !bus_connection(unit_bus_connection(run->host->units));
}

static void run_one(struct probe_run *run) {
        struct unit_probe_state *state = run->state;
        struct unit_report report;
        struct probe_result result = {0};
        unit_watch_report(&state->one.watch, &report);
        if (is_settled(&report) && report.snapshot->load == UNIT_LOADED) {
                conclude(state, &report, &result);
                unit_probe_finish(state, &result);
        } else if (is_away(run) && !report.asking) {
                finish_unknown(state, report.why);
        } else if (unit_probe_wait(run) == 0) {
                unit_watch_ask(&state->one.watch);
        }
}

static void start_one(struct probe_run *run) {
        struct unit_probe_state *state = run->state;
        const char *name = unit_name(run);
        if (!name) {
                finish_unknown(state, "no name, and the service is not a unit of systemd");
                return;
        }
        if (!state->one.watch.record) {
                state->own = run->service->unit && str_eq(name, run->service->unit->name);
                state->one.probe = state;
                str_copy(state->one.name, sizeof(state->one.name), name);
                if (unit_watch_start(&state->one.watch, run->host->units, name, on_changed, state) <
                        0) {
                        finish_unknown(state, "could not begin: out of memory");
                        return;
                }
        }
        run_one(run);
}

/* ---- the type ---- */

static void unit_start(struct probe_run *run) {
        struct unit_probe_state *state = run->state;
        if (!state->begun) {
                *state = (struct unit_probe_state){
                        .begun = true,
                        .host = run->host,
                        .params = run->spec->params,
                        .service = run->service->index,
                        .probe = run->probe,
                };
                list_init(&state->many);
        }
        state->waiting = run;
        if (state->params->pattern) {
                unit_pattern_start(run);
        } else {
                start_one(run);
        }
}

static void unit_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct unit_probe_state *state = run->state;
        struct unit_probe_run *room = run->room;
        state->waiting = NULL;
        loop_timer_done(&room->late);
        room->call = sd_bus_slot_unref(room->call);
        str_copy(detail, OBSERVATION_DETAIL_MAX, "waiting for systemd to answer");
}

static void unit_release(void *memory) {
        struct unit_probe_state *state = memory;
        if (state->begun) {
                unit_watch_end(&state->one.watch);
                unit_pattern_release(state);
                state->begun = false;
        }
}

const struct probe_type unit_probe = {
        .name = "unit",
        .help = "Watches a unit of systemd, or all that match a pattern.",
        .value_unit = "units",
        .schema = &unit_schema,
        .traits = {.causes = CAUSES_OF_ABSENCE | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
                             CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_RESOURCE)},
        .state_size = sizeof(struct unit_probe_state),
        .run_size = sizeof(struct unit_probe_run),
        .start = unit_start,
        .stop = unit_stop,
        .release = unit_release,
};
