#include "control/why.h"

#include "base/cleanup.h"
#include "io/loop.h"
#include "recovery/rules.h"
#include "runtime/runtime.h"
#include "store/store.h"

const struct enum_text wait_texts[] = {
        {WAIT_NOTHING, "nothing", "Nothing is to be done."},
        {WAIT_PROBE, "probe", "The next runs of its probes."},
        {WAIT_CHANGE, "wait", "Something else has to change first."},
        {WAIT_ATTEMPT, "attempt", "The moment of the next attempt."},
        {WAIT_VERIFY, "verify", "Proof by the probes."},
        {WAIT_PERSON, "person", "A person."},
        {0},
};

static void find_failing(struct why *why) {
        for (uint32_t i = 0; i < why->service->n_probes; i++) {
                const struct probe_spec *probe = &why->service->probes[i];
                if (str_eq(probe->name, why->verdict.probe)) {
                        why->failing = probe;
                        why->failing_last =
                                runtime_observation(why->runtime, why->service->index, i);
                        recovery_probe_status(runtime_recovery(why->runtime), why->service->index,
                                i, &why->failing_status);
                        return;
                }
        }
}

struct why why_of(const struct runtime *runtime, uint32_t service) {
        const struct policy *policy = runtime_policy(runtime);
        struct why why = {
                .runtime = runtime,
                .service = &policy->services[service],
                .now = loop_now(runtime_loop(runtime)),
                .verdict = verdict_of(runtime, service),
        };
        why.n_guards = recovery_guards(runtime_recovery(runtime), service, why.now, why.guards);
        uint32_t culprit = why.verdict.status.culprit;
        if (culprit < policy->n_services) {
                why.culprit = &policy->services[culprit];
                why.culprit_verdict = verdict_of(runtime, culprit);
        }
        if (why.verdict.probe) {
                find_failing(&why);
        }
        return why;
}

/* ---- As JSON ---- */

static bool decided(const struct why *why, uint32_t probe) {
        const struct observation *evidence = why->verdict.status.evidence;
        return evidence && evidence->probe == probe;
}

static void put_evidence(struct view *view, const struct why *why) {
        json_begin_array(&view->json, "evidence");
        for (uint32_t i = 0; i < why->service->n_probes; i++) {
                uint32_t service = why->service->index;
                struct probe_status status;
                recovery_probe_status(runtime_recovery(why->runtime), service, i, &status);
                const struct observation *last = runtime_observation(why->runtime, service, i);
                json_begin_object(&view->json, NULL);
                json_put_text(&view->json, "probe", why->service->probes[i].name);
                json_put_text(&view->json, "role",
                        probe_role_text((enum probe_role) why->service->probes[i].role));
                json_put_text(&view->json, "health", health_text(status.health));
                view_observation_members(view, last);
                view_past(view, "at", last->at.mono);
                json_put_bool(&view->json, "decided", decided(why, i));
                json_end_object(&view->json);
        }
        json_end_array(&view->json);
}

static void put_rule(struct view *view, const struct why *why) {
        const struct service_status *status = &why->verdict.status;
        const struct rule *rule = status->last_rule ? rule_by_number(status->last_rule) : NULL;
        if (!rule) {
                json_put_null(&view->json, "rule");
                return;
        }
        json_begin_object(&view->json, "rule");
        json_put_uint(&view->json, "number", rule->number);
        json_put_text(&view->json, "sentence", rule->sentence);
        view_past(view, "at", status->last_rule_at);
        json_end_object(&view->json);
}

static void put_guards(struct view *view, const struct why *why) {
        json_begin_array(&view->json, "guards");
        for (size_t i = 0; i < why->n_guards; i++) {
                const struct guard_status *guard = &why->guards[i];
                json_begin_object(&view->json, NULL);
                json_put_text(&view->json, "name", guard_text(guard->guard));
                json_put_bool(&view->json, "holds", guard->holds);
                json_put_text(&view->json, "text", guard->text);
                json_put_uint(&view->json, "value", guard->value);
                json_put_uint(&view->json, "limit", guard->limit);
                view_future(view, "until", guard->holds ? guard->until : USEC_INFINITY);
                json_end_object(&view->json);
        }
        json_end_array(&view->json);
}

static uint32_t spent_of(const struct why *why, enum guard guard) {
        for (size_t i = 0; i < why->n_guards; i++) {
                if (why->guards[i].guard == guard) {
                        return why->guards[i].value;
                }
        }
        return 0;
}

static void put_budget(struct view *view, const struct why *why) {
        const struct budget_spec *own = &why->service->budget;
        const struct budget_spec *host = &runtime_policy(why->runtime)->agent.budget;
        struct json_writer *json = &view->json;
        json_begin_object(json, "budget");
        json_put_uint(json, "spent", spent_of(why, GUARD_SERVICE_BUDGET));
        json_put_uint(json, "limit", own->actions);
        json_put_seconds(json, "per_seconds", own->per);
        json_put_uint(json, "host_spent", spent_of(why, GUARD_HOST_BUDGET));
        json_put_uint(json, "host_limit", host->actions);
        json_put_seconds(json, "host_per_seconds", host->per);
        json_end_object(json);
}

static void put_ladder(struct view *view, const struct why *why) {
        struct step_status steps[POLICY_STEPS_MAX];
        uint32_t n = recovery_ladder(
                runtime_recovery(why->runtime), why->service->index, why->now, steps);
        struct json_writer *json = &view->json;
        json_begin_array(json, "ladder");
        for (uint32_t i = 0; i < n; i++) {
                const struct step_spec *step = &why->service->steps[i];
                json_begin_object(json, NULL);
                json_put_uint(json, "step", i);
                json_put_text(json, "action", action_text((enum action) step->action));
                json_put_uint(json, "attempts", step->attempts);
                json_put_uint(json, "made", steps[i].made);
                json_put_bool(json, "current", steps[i].current);
                json_put_text(json, "fit", step_fit_text(steps[i].fit));
                json_put_uint(json, "cured", steps[i].cured);
                json_put_uint(json, "tried", steps[i].tried);
                json_end_object(json);
        }
        json_end_array(json);
}

/* The lines of what changed are an array, so that nobody has to take them apart. */
static void put_lines(struct json_writer *json, const char *key, const char *text) {
        json_begin_array(json, key);
        while (*text) {
                char line[CONTENT_LINES_MAX];
                size_t length = strcspn(text, "\n");
                snprintf(line, sizeof(line), "%.*s", (int) length, text);
                json_put_text(json, NULL, line);
                text += length + (text[length] == '\n');
        }
        json_end_array(json);
}

static void put_content(struct view *view, const struct why *why) {
        const struct content_report *content = runtime_content(why->runtime, why->service->index);
        AUTO_STRBUF struct strbuf text = {0};
        struct json_writer *json = &view->json;
        if (!content) {
                json_put_null(json, "content");
                return;
        }
        content_report_describe(content, &text);
        json_begin_object(json, "content");
        json_put_text(json, "state", files_state_text(content->state));
        json_put_text(json, "present", content->present);
        json_put_text(json, "good", content->good);
        view_wall_moment(view, "since", content->since);
        json_put_text(json, "text", strbuf_text(&text));
        put_lines(json, "lines", content->lines);
        json_end_object(json);
}

static void put_rejected(struct view *view, const struct why *why) {
        struct rejected rejected[WHY_REJECTED_MAX];
        size_t n = why_rejected(why, rejected);
        json_begin_array(&view->json, "rejected");
        for (size_t i = 0; i < n; i++) {
                json_begin_object(&view->json, NULL);
                json_put_text(&view->json, "what", rejected[i].what);
                json_put_text(&view->json, "why", rejected[i].why);
                json_end_object(&view->json);
        }
        json_end_array(&view->json);
}

static void put_next(struct view *view, const struct why *why) {
        AUTO_STRBUF struct strbuf text = {0};
        struct next next = why_next(why, &text);
        json_begin_object(&view->json, "next");
        json_put_text(&view->json, "what", wait_text(next.what));
        view_future(view, "at", next.at);
        json_put_text(&view->json, "text", strbuf_text(&text));
        json_end_object(&view->json);
}

static void put_dependency(
        struct view *view, const struct why *why, uint32_t index, enum dependency kind) {
        struct verdict verdict = verdict_of(why->runtime, index);
        struct json_writer *json = &view->json;
        json_begin_object(json, NULL);
        json_put_text(json, "name", verdict.status.policy->name);
        json_put_text(json, "kind", dependency_text(kind));
        json_put_text(json, "state", verdict.state);
        json_put_text(json, "health", health_text(verdict.status.health));
        view_past(view, "since", verdict.since);
        json_put_bool(json, "culprit", why->culprit && why->culprit->index == index);
        json_put_text(json, "detail", verdict.detail);
        json_end_object(json);
}

static void put_dependencies(struct view *view, const struct why *why) {
        const struct service *service = why->service;
        json_begin_array(&view->json, "dependencies");
        for (uint32_t i = 0; i < service->n_depends_on; i++) {
                put_dependency(view, why, service->depends_on[i], DEPENDENCY_HARD);
        }
        for (uint32_t i = 0; i < service->n_soft_depends_on; i++) {
                put_dependency(view, why, service->soft_depends_on[i], DEPENDENCY_SOFT);
        }
        json_end_array(&view->json);
}

static void put_history(struct view *view, const struct service_status *status) {
        if (status->incident) {
                view_incident(view, "incident", status->incident);
        } else {
                json_put_null(&view->json, "incident");
        }
        if (status->attempt) {
                view_attempt(view, "attempt", status->attempt);
        } else {
                json_put_null(&view->json, "attempt");
        }
}

void why_view(struct view *view, const struct why *why) {
        const struct service_status *status = &why->verdict.status;
        AUTO_STRBUF struct strbuf summary = {0};
        why_summary(why, &summary);
        struct json_writer *json = &view->json;
        json_begin_object(json, NULL);
        view_wall_moment(view, "now", view->now.wall);
        json_put_text(json, "service", why->service->name);
        json_put_text(json, "description", why->service->description);
        json_put_text(json, "state", why->verdict.state);
        json_put_text(json, "health", health_text(status->health));
        json_put_text(json, "phase", phase_text(status->phase));
        view_past(view, "since", why->verdict.since);
        view_pause(view, status);
        json_put_text(json, "summary", strbuf_text(&summary));
        put_evidence(view, why);
        put_rule(view, why);
        put_guards(view, why);
        put_budget(view, why);
        put_ladder(view, why);
        put_content(view, why);
        put_rejected(view, why);
        put_history(view, status);
        put_next(view, why);
        put_dependencies(view, why);
        json_end_object(json);
}

/* A service with many probes and dependencies may have more to say than is kept. */
static void put_short(struct view *view, const struct why *why) {
        AUTO_STRBUF struct strbuf summary = {0};
        why_summary(why, &summary);
        json_begin_object(&view->json, NULL);
        view_wall_moment(view, "now", view->now.wall);
        json_put_text(&view->json, "summary", strbuf_text(&summary));
        put_rule(view, why);
        put_guards(view, why);
        put_ladder(view, why);
        json_end_object(&view->json);
}

void why_record(const struct runtime *runtime, uint32_t service, struct strbuf *out) {
        struct why why = why_of(runtime, service);
        struct view view = view_of(runtime, out);
        why_view(&view, &why);
        if (!out->failed && out->length >= STORE_WHY_MAX) {
                strbuf_reset(out);
                view = view_of(runtime, out);
                put_short(&view, &why);
        }
}
