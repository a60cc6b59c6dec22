#include "control/json_view.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "control/verdict.h"
#include "io/loop.h"
#include "probes/probe.h"
#include "recovery/rules.h"
#include "runtime/runtime.h"
#include "store/store.h"

enum { KEY_MAX = 40 };

struct view view_of(const struct runtime *runtime, struct strbuf *out) {
        return (struct view){
                .runtime = runtime,
                .now = loop_now(runtime_loop(runtime)),
                .json = {.out = out},
        };
}

/* ---- Moments ---- */

wall_usec_t view_wall(const struct view *view, usec_t mono) {
        return mono <= view->now.mono ? usec_sub(view->now.wall, view->now.mono - mono)
                                      : usec_add(view->now.wall, mono - view->now.mono);
}

void view_wall_moment(struct view *view, const char *key, wall_usec_t wall) {
        char text[WALL_TEXT_MAX];
        json_put_text(&view->json, key, wall ? clock_format_wall(wall, text) : NULL);
}

static void put_moment(struct view *view, const char *key, usec_t mono, usec_t distance) {
        char seconds[KEY_MAX];
        snprintf(seconds, sizeof(seconds), "%s_seconds", key);
        if (mono == 0 || mono == USEC_INFINITY) {
                json_put_null(&view->json, key);
                json_put_null(&view->json, seconds);
                return;
        }
        view_wall_moment(view, key, view_wall(view, mono));
        json_put_seconds(&view->json, seconds, distance);
}

void view_past(struct view *view, const char *key, usec_t mono) {
        put_moment(view, key, mono, usec_sub(view->now.mono, mono));
}

void view_future(struct view *view, const char *key, usec_t mono) {
        put_moment(view, key, mono, usec_sub(mono, view->now.mono));
}

void view_between(struct view *view, const char *key, wall_usec_t from, wall_usec_t to) {
        if (from && to) {
                json_put_seconds(&view->json, key, usec_sub(to, from));
        } else {
                json_put_null(&view->json, key);
        }
}

/* ---- The agent ---- */

static void degraded_executor(const struct view *view, const struct runtime_stats *stats,
        view_sentence sentence, void *cookie) {
        if (stats->executor_up) {
                return;
        }
        char text[128], away[UNITS_TEXT_MAX];
        usec_t since =
                stats->executor_since.mono ? stats->executor_since.mono : stats->started.mono;
        units_format_duration_short(usec_sub(view->now.mono, since), away);
        snprintf(text, sizeof(text), "the executor is away since %s: actions are held", away);
        sentence(cookie, text);
}

/* Loud: nobody may wonder why nothing is done. */
static void view_holds(const struct view *view, view_sentence sentence, void *cookie) {
        static const char *const words[HOLD_COUNT] = {
                [HOLD_PERSON] = "all recovery is held by",
                [HOLD_FILE] = "all recovery is held by",
                [HOLD_CRASHES] = "it only observes, as decided by",
                [HOLD_PACKAGES] = "packages are being changed, so recovery is held by",
        };
        for (int source = 0; source < HOLD_COUNT; source++) {
                const struct hold *hold =
                        recovery_hold(runtime_recovery(view->runtime), (enum hold_source) source);
                char text[320], left[UNITS_TEXT_MAX];
                if (!hold_holds(hold, view->now.mono)) {
                        continue;
                }
                bool ends = hold->until != USEC_INFINITY;
                snprintf(text, sizeof(text), "%s %s%s%s%s%s", words[source], hold->by,
                        hold->reason[0] ? ": " : "", hold->reason, ends ? ", for another " : "",
                        ends ? units_format_duration_short(
                                       usec_sub(hold->until, view->now.mono), left)
                             : "");
                sentence(cookie, text);
        }
        if (runtime_policy(view->runtime)->agent.mode == MODE_OBSERVE) {
                sentence(cookie, "it only observes: agent: mode: observe");
        }
}

static void put_holds(struct view *view) {
        struct json_writer *json = &view->json;
        json_begin_array(json, "holds");
        for (int source = 0; source < HOLD_COUNT; source++) {
                const struct hold *hold =
                        recovery_hold(runtime_recovery(view->runtime), (enum hold_source) source);
                if (hold_holds(hold, view->now.mono)) {
                        json_begin_object(json, NULL);
                        json_put_text(json, "source", hold_source_text((enum hold_source) source));
                        json_put_text(json, "by", hold->by);
                        json_put_text(json, "reason", hold->reason);
                        json_put_bool(json, "people_too", hold->people_too);
                        view_past(view, "since", hold->since);
                        view_future(view, "until", hold->until);
                        json_end_object(json);
                }
        }
        json_end_array(json);
}

static void suspects_itself(const struct view *view, view_sentence sentence, void *cookie) {
        struct suspicion_status suspicion;
        recovery_suspicion(runtime_recovery(view->runtime), &suspicion);
        if (suspicion.state == SUSPICION_NONE) {
                return;
        }
        char text[384], since[UNITS_TEXT_MAX];
        snprintf(text, sizeof(text), "the agent suspects itself since %s, %s: %s",
                units_format_duration_short(usec_sub(view->now.mono, suspicion.since), since),
                suspicion.state == SUSPICION_HOLDS
                        ? "so failures count as unknown and actions are held"
                        : "which is too long to hold actions: it acts on one service at a time",
                suspicion.text);
        sentence(cookie, text);
}

void view_degraded(const struct view *view, view_sentence sentence, void *cookie) {
        struct runtime_stats stats;
        runtime_stats(view->runtime, &stats);
        suspects_itself(view, sentence, cookie);
        degraded_executor(view, &stats, sentence, cookie);

        const struct store *store = runtime_store(view->runtime);
        if (store_degraded(store)) {
                char text[512];
                snprintf(text, sizeof(text),
                        "the state database does not work, actions are capped: %s",
                        store_why(store));
                sentence(cookie, text);
        }
        view_holds(view, sentence, cookie);
        if (stats.last_reload && !stats.last_reload_ok) {
                sentence(
                        cookie, "the last reload was refused: the policies of before are in force");
        }
}

static void put_sentence(void *cookie, const char *sentence) {
        struct view *view = cookie;
        json_put_text(&view->json, NULL, sentence);
}

static void put_executor(struct view *view, const struct runtime_stats *stats) {
        json_begin_object(&view->json, "executor");
        json_put_bool(&view->json, "up", stats->executor_up);
        if (stats->executor_up && stats->executor_pid > 0) {
                json_put_int(&view->json, "pid", stats->executor_pid);
        } else {
                json_put_null(&view->json, "pid");
        }
        view_past(view, "since", stats->executor_since.mono);
        json_end_object(&view->json);
}

static void put_suspicion(struct view *view) {
        struct suspicion_status suspicion;
        recovery_suspicion(runtime_recovery(view->runtime), &suspicion);
        struct json_writer *json = &view->json;
        json_begin_object(json, "self_suspicion");
        json_put_text(json, "state", suspicion_state_text(suspicion.state));
        view_past(view, "since", suspicion.since);
        view_future(view, "holds_until", suspicion.until);
        json_put_text(json, "reason", suspicion.since ? suspicion.text : NULL);
        json_put_uint(json, "independent_services", suspicion.measured);
        json_put_uint(json, "independent_failing", suspicion.failing);
        json_put_uint(json, "count", suspicion.count);
        json_end_object(json);
}

static void put_store(struct view *view) {
        const struct store *store = runtime_store(view->runtime);
        struct store_counts counts = store_counts(store);
        struct json_writer *json = &view->json;
        json_begin_object(json, "store");
        json_put_bool(json, "degraded", store_degraded(store));
        json_put_text(json, "reason", store_why(store));
        json_put_uint(json, "writes", counts.writes);
        json_put_uint(json, "failures", counts.failures);
        json_put_uint(json, "timeouts", counts.timeouts);
        json_put_uint(json, "dropped", counts.dropped);
        json_put_uint(json, "queued", counts.queued);
        json_put_seconds(json, "last_latency_seconds", counts.last_latency);
        json_put_seconds(json, "worst_latency_seconds", counts.worst_latency);
        json_put_uint(json, "database_bytes", counts.database_bytes);
        json_end_object(json);
}

static void put_policy(struct view *view) {
        const struct policy *policy = runtime_policy(view->runtime);
        json_begin_object(&view->json, "policy");
        json_put_text(&view->json, "digest", policy->digest);
        json_put_uint(&view->json, "services", policy->n_services);
        json_put_uint(&view->json, "probes", policy->n_probes);
        json_end_object(&view->json);
}

static void put_reload(struct view *view, const struct runtime_stats *stats) {
        struct json_writer *json = &view->json;
        bool was = stats->last_reload != 0;
        json_begin_object(json, "reload");
        json_put_uint(json, "succeeded", stats->reloads_ok);
        json_put_uint(json, "failed", stats->reloads_failed);
        if (was) {
                json_put_bool(json, "last_ok", stats->last_reload_ok);
        } else {
                json_put_null(json, "last_ok");
        }
        view_wall_moment(view, "last", stats->last_reload);
        view_between(view, "last_seconds", stats->last_reload, view->now.wall);
        json_put_text(
                json, "error", was && !stats->last_reload_ok ? stats->last_reload_error : NULL);
        json_end_object(json);
}

static void put_loop(struct view *view, const struct runtime_stats *stats) {
        struct json_writer *json = &view->json;
        json_begin_object(json, "loop");
        json_put_uint(json, "stalls", stats->stalls);
        json_put_seconds(json, "last_stall_seconds", stats->last_stall);
        json_put_seconds(json, "lag_seconds", stats->lag);
        json_put_seconds(json, "worst_lag_seconds", stats->worst_lag);
        json_put_seconds(json, "worst_lateness_seconds", stats->worst_lateness);
        json_end_object(json);
        json_begin_object(json, "probes");
        json_put_uint(json, "runs", stats->probe_runs);
        json_put_uint(json, "in_flight", stats->probe_in_flight);
        json_end_object(json);
}

void view_agent(struct view *view, const char *key) {
        struct runtime_stats stats;
        runtime_stats(view->runtime, &stats);
        struct json_writer *json = &view->json;
        json_begin_object(json, key);
        json_put_text(json, "version", RECOVERD_VERSION);
        json_put_int(json, "pid", getpid());
        view_past(view, "started", stats.started.mono);
        json_put_bool(json, "dry_run", runtime_options(view->runtime)->dry_run);
        json_begin_array(json, "degraded");
        view_degraded(view, put_sentence, view);
        json_end_array(json);
        put_holds(view);
        put_suspicion(view);
        put_executor(view, &stats);
        put_store(view);
        put_policy(view);
        put_reload(view, &stats);
        put_loop(view, &stats);
        json_end_object(json);
}

/* ---- Probes ---- */

const char *view_window(const struct probe_status *status, char text[VIEW_WINDOW_MAX]) {
        uint32_t n = status->n_window < VIEW_WINDOW_MAX ? status->n_window : VIEW_WINDOW_MAX - 1;
        for (uint32_t i = 0; i < n; i++) {
                text[i] = (status->window >> (n - 1 - i)) & 1 ? '+' : '-';
        }
        text[n] = 0;
        return text;
}

/* Its unit is that of the type, or of the first of its measurements. */
static void put_value(struct view *view, const struct probe_spec *spec,
        const struct observation *observation, const char *unit) {
        if (observation->has_value) {
                json_put_number(&view->json, "value", observation->value);
        } else {
                json_put_null(&view->json, "value");
        }
        const char *of_type = probe_types[spec->type]->value_unit;
        json_put_text(
                &view->json, "value_unit", of_type || !observation->has_value ? of_type : unit);
}

static void put_measurements(struct view *view, const struct measurement *values, uint32_t count) {
        struct json_writer *json = &view->json;
        json_begin_array(json, "values");
        for (uint32_t i = 0; i < count; i++) {
                json_begin_object(json, NULL);
                json_put_text(json, "label", values[i].label);
                json_put_number(json, "value", values[i].value);
                json_put_text(json, "unit", *values[i].unit ? values[i].unit : NULL);
                json_end_object(json);
        }
        json_end_array(json);
}

void view_observation_members(struct view *view, const struct observation *observation) {
        const struct policy *policy = runtime_policy(view->runtime);
        const struct probe_spec *spec =
                &policy->services[observation->service].probes[observation->probe];
        struct json_writer *json = &view->json;
        json_put_text(json, "type", probe_types[spec->type]->name);
        json_put_text(json, "outcome", outcome_text(observation->outcome));
        json_put_text(json, "cause", cause_text(observation->cause));
        json_put_bool(json, "certain", observation->certain);
        json_put_text(json, "detail", observation->detail);
        uint32_t count = 0;
        const struct measurement *values = runtime_measurements(
                view->runtime, observation->service, observation->probe, &count);
        put_value(view, spec, observation, count && *values->unit ? values->unit : NULL);
        if (count > 0) { /* nearly all have none, and answers are long */
                put_measurements(view, values, count);
        }
        json_put_seconds(json, "duration_seconds", observation->duration);
}

void view_observation(struct view *view, const struct observation *observation) {
        const struct policy *policy = runtime_policy(view->runtime);
        const struct service *service = &policy->services[observation->service];
        json_begin_object(&view->json, NULL);
        json_put_text(&view->json, "name", service->probes[observation->probe].name);
        view_observation_members(view, observation);
        view_past(view, "at", observation->at.mono);
        json_end_object(&view->json);
}

static void put_probe(struct view *view, const struct service *service, uint32_t probe) {
        struct probe_status status;
        char window[VIEW_WINDOW_MAX];
        recovery_probe_status(runtime_recovery(view->runtime), service->index, probe, &status);
        const struct observation *last = runtime_observation(view->runtime, service->index, probe);
        struct json_writer *json = &view->json;
        json_begin_object(json, NULL);
        json_put_text(json, "name", service->probes[probe].name);
        json_put_text(json, "role", probe_role_text((enum probe_role) service->probes[probe].role));
        json_put_text(json, "health", health_text(status.health));
        view_observation_members(view, last);
        view_past(view, "last_run", last->at.mono);
        json_put_uint(json, "fails", status.fails);
        json_put_uint(json, "passes", status.passes);
        json_put_text(json, "window", view_window(&status, window));
        json_end_object(json);
}

/* ---- Services ---- */

void view_pause(struct view *view, const struct service_status *status) {
        if (!status->paused) {
                json_put_null(&view->json, "paused");
                return;
        }
        json_begin_object(&view->json, "paused");
        view_future(view, "until", status->pause_until);
        json_put_text(&view->json, "by", status->pause_by);
        json_put_text(&view->json, "reason", status->pause_reason);
        json_end_object(&view->json);
}

static void put_process(struct view *view, const struct service_status *status) {
        struct json_writer *json = &view->json;
        if (!status->process_known) {
                json_put_null(json, "pid");
                json_put_null(json, "running");
                return;
        }
        if (status->running && status->pid > 0) {
                json_put_int(json, "pid", status->pid);
        } else {
                json_put_null(json, "pid");
        }
        json_put_bool(json, "running", status->running);
}

static void put_ladder_position(struct view *view, const struct service_status *status) {
        struct json_writer *json = &view->json;
        bool on_ladder = status->incident && status->step >= 0 &&
                         (uint32_t) status->step < status->policy->n_steps;
        if (on_ladder) {
                int action = status->policy->steps[status->step].action;
                json_put_text(json, "step", action_text((enum action) action));
                json_put_int(json, "step_index", status->step);
        } else {
                json_put_null(json, "step");
                json_put_null(json, "step_index");
        }
        json_put_uint(json, "step_attempts", on_ladder ? status->step_attempts : 0);
        json_put_uint(json, "attempt", status->attempt ? status->attempt->number : 0);
        view_future(view, "next_attempt", status->next_attempt);
}

static void put_hindrances(struct view *view, const struct service_status *status) {
        const struct policy *policy = runtime_policy(view->runtime);
        bool held = status->phase == PHASE_HELD && status->held_by != GUARD_NONE;
        json_put_text(&view->json, "held_by", held ? guard_text(status->held_by) : NULL);
        bool blocked = status->culprit < policy->n_services;
        json_put_text(
                &view->json, "blocked_by", blocked ? policy->services[status->culprit].name : NULL);
}

static void put_flapping(struct view *view, const struct service_status *status) {
        json_put_bool(&view->json, "flapping", status->flapping);
        if (status->flapping) {
                json_put_number(&view->json, "flapping_percent", status->flapping_score);
        } else {
                json_put_null(&view->json, "flapping_percent");
        }
}

static void put_names(struct view *view, const char *key, const uint32_t *services, uint32_t n) {
        const struct policy *policy = runtime_policy(view->runtime);
        json_begin_array(&view->json, key);
        for (uint32_t i = 0; i < n; i++) {
                json_put_text(&view->json, NULL, policy->services[services[i]].name);
        }
        json_end_array(&view->json);
}

static void put_state(struct view *view, const struct verdict *verdict) {
        const struct service_status *status = &verdict->status;
        struct json_writer *json = &view->json;
        json_put_text(json, "state", verdict->state);
        json_put_bool(json, "up", verdict->up);
        json_put_bool(json, "ready", verdict->ready);
        json_put_bool(json, "down", verdict->down);
        json_put_uint(json, "warnings", status->warnings);
        json_put_text(json, "health", health_text(status->health));
        json_put_text(json, "phase", phase_text(status->phase));
        view_past(view, "since", verdict->since);
        view_pause(view, status);
        if (status->incident) {
                json_put_uint(json, "incident", status->incident->id);
        } else {
                json_put_null(json, "incident");
        }
        json_put_text(json, "failing_probe", verdict->probe);
        json_put_text(json, "detail", verdict->detail);
}

void view_service(struct view *view, uint32_t index) {
        struct verdict verdict = verdict_of(view->runtime, index);
        const struct service *service = verdict.status.policy;
        struct json_writer *json = &view->json;
        json_begin_object(json, NULL);
        json_put_text(json, "name", service->name);
        json_put_text(json, "description", service->description);
        json_put_text(json, "manager", manager_text((enum manager) service->manager));
        put_state(view, &verdict);
        put_hindrances(view, &verdict.status);
        put_ladder_position(view, &verdict.status);
        put_flapping(view, &verdict.status);
        json_put_uint(json, "reminders", verdict.status.reminders);
        put_process(view, &verdict.status);
        put_names(view, "depends_on", service->depends_on, service->n_depends_on);
        put_names(view, "soft_depends_on", service->soft_depends_on, service->n_soft_depends_on);
        json_begin_array(json, "probes");
        for (uint32_t i = 0; i < service->n_probes; i++) {
                put_probe(view, service, i);
        }
        json_end_array(json);
        json_end_object(json);
}

/* ---- History ---- */

/* How the process ended; null where that is not what happened, or nobody saw. */
static void put_exit(struct view *view, const struct incident *incident) {
        struct json_writer *json = &view->json;
        bool signalled =
                incident->symptom == CAUSE_EXITED_SIGNAL || incident->symptom == CAUSE_EXITED_OOM;
        if (!signalled && incident->symptom != CAUSE_EXITED_CODE) {
                json_put_null(json, "exit");
                return;
        }
        const char *name = signalled ? sigabbrev_np(incident->status) : NULL;
        json_begin_object(json, "exit");
        json_put_int(json, signalled ? "signal" : "status", incident->status);
        json_put_text(json, "signal_name", name);
        json_put_bool(json, "out_of_memory", incident->symptom == CAUSE_EXITED_OOM);
        json_end_object(json);
}

void view_incident_members(struct view *view, const struct incident *incident) {
        struct json_writer *json = &view->json;
        bool recovered = incident->end == INCIDENT_RECOVERED || incident->end == INCIDENT_HEALED;
        wall_usec_t until = incident->closed ? incident->closed : view->now.wall;
        json_put_uint(json, "id", incident->id);
        json_put_text(json, "service", incident->service);
        json_put_text(json, "probe", str_empty(incident->probe) ? NULL : incident->probe);
        json_put_text(json, "cause", cause_text((enum cause) incident->cause));
        json_put_text(json, "symptom", cause_text((enum cause) incident->symptom));
        put_exit(view, incident);
        json_put_text(json, "role", probe_role_text((enum probe_role) incident->role));
        json_put_text(json, "detail", incident->text);
        view_wall_moment(view, "failing_since", incident->failing_since);
        view_wall_moment(view, "opened", incident->opened);
        view_wall_moment(view, "closed", incident->closed);
        json_put_bool(json, "open", incident->closed == 0);
        json_put_text(json, "end", incident_end_text((enum incident_end) incident->end));
        json_put_bool(json, "exhausted", incident->exhausted);
        view_between(view, "detection_seconds", incident->failing_since, incident->opened);
        view_between(view, "recovery_seconds", incident->failing_since,
                recovered ? incident->closed : 0);
        view_between(view, "duration_seconds", incident->opened, until);
}

void view_incident(struct view *view, const char *key, const struct incident *incident) {
        json_begin_object(&view->json, key);
        view_incident_members(view, incident);
        json_put_uint(&view->json, "attempts", incident->attempts);
        json_end_object(&view->json);
}

static void put_rule(struct view *view, uint32_t number) {
        const struct rule *rule = number ? rule_by_number(number) : NULL;
        if (number) {
                json_put_uint(&view->json, "rule", number);
        } else {
                json_put_null(&view->json, "rule");
        }
        json_put_text(&view->json, "rule_sentence", rule ? rule->sentence : NULL);
}

static void put_attempt_members(struct view *view, const struct attempt *attempt) {
        struct json_writer *json = &view->json;
        json_put_uint(json, "number", attempt->number);
        json_put_text(json, "action", action_text((enum action) attempt->action));
        if (attempt->step == STEP_NONE) {
                json_put_null(json, "step");
        } else {
                json_put_int(json, "step", attempt->step);
        }
        json_put_text(json, "origin", origin_text((enum origin) attempt->origin));
        json_put_text(json, "result", attempt_result_text((enum attempt_result) attempt->result));
        put_rule(view, attempt->rule);
        json_put_seconds(json, "delay_seconds", attempt->delay);
        view_wall_moment(view, "intended", attempt->intended);
        view_wall_moment(view, "started", attempt->started);
        view_wall_moment(view, "acted", attempt->acted);
        view_wall_moment(view, "verified", attempt->verified);
        view_between(view, "action_seconds", attempt->started, attempt->acted);
        view_between(view, "verify_seconds", attempt->acted, attempt->verified);
        json_put_text(json, "text", attempt->text);
}

void view_attempt(struct view *view, const char *key, const struct attempt *attempt) {
        json_begin_object(&view->json, key);
        put_attempt_members(view, attempt);
        json_end_object(&view->json);
}

void view_explained_attempt(struct view *view, const struct attempt *attempt, const char *why) {
        json_begin_object(&view->json, NULL);
        put_attempt_members(view, attempt);
        if (*why) {
                json_put_json(&view->json, "why", why);
        } else {
                json_put_null(&view->json, "why");
        }
        json_end_object(&view->json);
}

static const char *level_word(int level) {
        static const char *const words[] = {
                "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
        return level >= 0 && level < (int) (sizeof(words) / sizeof(words[0])) ? words[level] : "?";
}

void view_event(struct view *view, const struct event *event) {
        struct json_writer *json = &view->json;
        json_begin_object(json, NULL);
        json_put_uint(json, "id", event->id);
        view_wall_moment(view, "at", event->at);
        json_put_text(json, "kind", event_kind_text((enum event_kind) event->kind));
        json_put_text(json, "level", level_word(event->level));
        json_put_text(json, "service", str_empty(event->service) ? NULL : event->service);
        if (event->incident) {
                json_put_uint(json, "incident", event->incident);
        } else {
                json_put_null(json, "incident");
        }
        put_rule(view, event->rule);
        json_put_text(json, "phase", phase_text((enum phase) event->phase));
        json_put_text(json, "health", health_text((enum health) event->health));
        json_put_text(json, "text", event->text);
        json_end_object(json);
}
