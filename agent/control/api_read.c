/* The handlers that only look. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/call.h"
#include "control/control.h"
#include "control/why.h"
#include "runtime/runtime.h"
#include "store/store.h"

void api_version(struct call *call) {
        struct json_writer json = {.out = &call->out};
        json_begin_object(&json, NULL);
        json_put_text(&json, "version", RECOVERD_VERSION);
        json_put_int(&json, "api", 1);
        json_put_int(&json, "pid", getpid());
        json_end_object(&json);
        call_answer(call);
}

/* ---- Status ---- */

static void put_summary(struct view *view) {
        struct tally tally = tally_all(view->runtime);
        struct json_writer *json = &view->json;
        json_begin_object(json, "summary");
        json_put_uint(json, "services", tally.services);
        json_put_uint(json, "up", tally.up);
        json_put_uint(json, "down", tally.down);
        json_put_uint(json, "not_ready", tally.not_ready);
        json_put_uint(json, "degraded", tally.degraded);
        json_put_uint(json, "paused", tally.paused);
        json_put_uint(json, "incidents", tally.incidents);
        json_put_uint(json, "exhausted", tally.exhausted);
        json_end_object(json);
}

void api_status(struct call *call) {
        const char *name = http_exchange_query(call->exchange, "service");
        const struct service *only = NULL;
        if (name && !(only = call_service(call, name))) {
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        view_wall_moment(&view, "now", view.now.wall);
        view_agent(&view, "agent");
        put_summary(&view);
        json_begin_array(&view.json, "services");
        uint32_t first = only ? only->index : 0;
        uint32_t end = only ? first + 1 : runtime_policy(call->runtime)->n_services;
        for (uint32_t i = first; i < end; i++) {
                view_service(&view, i);
        }
        json_end_array(&view.json);
        json_end_object(&view.json);
        call_answer(call);
}

void api_why(struct call *call) {
        const char *name = http_exchange_query(call->exchange, "service");
        if (!name) {
                call_fail(call, 400, "missing", "the query has to name a service: ?service=NAME");
                return;
        }
        const struct service *service = call_service(call, name);
        if (!service) {
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        struct why why = why_of(call->runtime, service->index);
        why_view(&view, &why);
        call_answer(call);
}

/* ---- History ---- */

static void fail_history(struct call *call, int result) {
        if (result == -ENOENT) {
                call_fail(call, 404, "unknown-incident", "there is no such incident");
                return;
        }
        const struct store *store = runtime_store(call->runtime);
        const char *why = store_why(store);
        call_fail(call, 503, "store-degraded", "the state database cannot be read: %s",
                str_empty(why) ? strerror(-result) : why);
}

static void on_incidents(void *cookie, int result, const struct store_history *history) {
        struct call *call = cookie;
        if (result < 0) {
                fail_history(call, result);
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        json_begin_array(&view.json, "incidents");
        for (size_t i = 0; i < history->n_incidents; i++) {
                view_incident(&view, NULL, &history->incidents[i]);
        }
        json_end_array(&view.json);
        json_end_object(&view.json);
        call_answer(call);
}

void api_incidents(struct call *call) {
        uint64_t limit, before;
        if (call_number(call, "limit", 1, CONTROL_LIST_MAX, CONTROL_LIST_STANDARD, &limit) < 0 ||
                call_number(call, "before", 1, INT64_MAX, 0, &before) < 0) {
                return;
        }
        /* The name is not looked up in the policies: a service that left them still has a history.
         */
        const char *name = http_exchange_query(call->exchange, "service");
        store_query_incidents(
                runtime_store(call->runtime), name, before, limit, on_incidents, call);
}

static void put_evidence(struct view *view, const struct store_evidence *evidence) {
        if (!evidence) {
                json_put_null(&view->json, "evidence");
                return;
        }
        json_begin_object(&view->json, "evidence");
        view_wall_moment(view, "at", evidence->at);
        json_put_uint(&view->json, "bytes", strlen(evidence->text));
        json_put_text(&view->json, "text", evidence->text);
        json_end_object(&view->json);
}

static void put_one_incident(struct view *view, const struct store_history *history) {
        struct json_writer *json = &view->json;
        json_begin_object(json, "incident");
        view_incident_members(view, &history->incidents[0]);
        json_put_uint(json, "attempts_count", history->incidents[0].attempts);
        json_begin_array(json, "attempts");
        for (size_t i = 0; i < history->n_attempts; i++) {
                const char *why = history->whys ? history->whys[i].text : "";
                view_explained_attempt(view, &history->attempts[i], why);
        }
        json_end_array(json);
        put_evidence(view, history->evidence);
        json_begin_array(json, "events");
        for (size_t i = 0; i < history->n_events; i++) {
                view_event(view, &history->events[i]);
        }
        json_end_array(json);
        json_end_object(json);
}

static void on_incident(void *cookie, int result, const struct store_history *history) {
        struct call *call = cookie;
        if (result < 0 || history->n_incidents == 0) {
                fail_history(call, result < 0 ? result : -ENOENT);
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        put_one_incident(&view, history);
        json_end_object(&view.json);
        call_answer(call);
}

void api_incident(struct call *call) {
        char *end;
        errno = 0;
        unsigned long long id = strtoull(call->tail, &end, 10);
        if (*call->tail < '0' || *call->tail > '9' || *end || errno) {
                call_fail(call, 404, "unknown-incident", "an incident is named by its number");
                return;
        }
        store_query_incident(runtime_store(call->runtime), id, on_incident, call);
}

void api_events(struct call *call) {
        const char *name = http_exchange_query(call->exchange, "service");
        const struct service *only = NULL;
        uint64_t limit;
        if (call_number(call, "limit", 1, CONTROL_LIST_MAX, CONTROL_LIST_STANDARD, &limit) < 0 ||
                (name && !(only = call_service(call, name)))) {
                return;
        }
        const struct event *events[CONTROL_LIST_MAX];
        size_t n = runtime_recent_events(
                call->runtime, only ? only->index : UINT32_MAX, events, limit);
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        json_begin_array(&view.json, "events");
        for (size_t i = 0; i < n; i++) {
                view_event(&view, events[i]);
        }
        json_end_array(&view.json);
        json_end_object(&view.json);
        call_answer(call);
}
