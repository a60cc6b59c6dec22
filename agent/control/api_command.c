/* The handlers that command. A command is for the runtime, which answers in a later turn of the
 * loop. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "control/call.h"
#include "runtime/runtime.h"

/* The uid is the kernel's word; the name is what the client says about itself. */
static const char *person(const struct call *call, char text[64]) {
        if (*call->args.by) {
                snprintf(text, 64, "%s (uid %u)", call->args.by, (unsigned) call->peer.uid);
        } else {
                snprintf(text, 64, "uid %u", (unsigned) call->peer.uid);
        }
        return text;
}

static void ask(struct call *call, enum command_kind kind, runtime_reply reply) {
        char by[64];
        runtime_command(call->runtime, call->index, kind, call->args.duration, person(call, by),
                call->args.reason, reply, call);
}

/* ---- To one service ---- */

static void on_reply(void *cookie, int result, const char *text) {
        static const struct {
                int result;
                unsigned status;
                const char *code;
        } failures[] = {
                {-EBUSY, 409, "busy"},
                {-EINVAL, 409, "refused"},
                {-ESHUTDOWN, 503, "stopping"},
        };
        struct call *call = cookie;
        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                if (failures[i].result == result) {
                        call_fail(call, failures[i].status, failures[i].code, "%s", text);
                        return;
                }
        }
        if (result < 0) {
                call_fail(call, 500, "internal", "%s", text);
                return;
        }
        call_done(call, text);
}

static void command_one(struct call *call, enum command_kind kind) {
        const struct service *service = call_service(call, call->args.service);
        if (service) {
                call->index = service->index;
                ask(call, kind, on_reply);
        }
}

void api_ack(struct call *call) {
        command_one(call, COMMAND_ACK);
}

void api_restart(struct call *call) {
        command_one(call, COMMAND_RESTART);
}

void api_start(struct call *call) {
        command_one(call, COMMAND_START);
}

void api_stop(struct call *call) {
        command_one(call, COMMAND_STOP);
}

void api_rollback(struct call *call) {
        const struct service *service = call_service(call, call->args.service);
        if (service && !service->rollback) {
                call_fail(call, 409, "refused",
                        "%s has nothing to roll back: its policy has neither a 'checkpoint' nor a "
                        "'rollback' step",
                        service->name);
        } else if (service) {
                call->index = service->index;
                ask(call, call->args.undo ? COMMAND_UNDO : COMMAND_ROLLBACK, on_reply);
        }
}

/* ---- To all, one after the other: each answer asks for the next ---- */

static void pause_next(struct call *call, runtime_reply reply, enum command_kind kind) {
        struct json_writer json = {.out = &call->out, .comma = true};
        if (call->index < runtime_policy(call->runtime)->n_services) {
                ask(call, kind, reply);
                return;
        }
        json_end_array(&json);
        json_put_bool(&json, "ok", call->all_ok);
        json_end_object(&json);
        call_answer(call);
}

static void put_result(struct call *call, int result, const char *text) {
        const struct policy *policy = runtime_policy(call->runtime);
        if (call->index >= policy->n_services) {
                return; /* a reload in between left fewer services */
        }
        struct json_writer json = {.out = &call->out, .comma = call->index > 0};
        json_begin_object(&json, NULL);
        json_put_text(&json, "service", policy->services[call->index].name);
        json_put_bool(&json, "ok", result >= 0);
        json_put_text(&json, "text", text);
        json_end_object(&json);
        call->all_ok = call->all_ok && result >= 0;
        call->index++;
}

static void on_paused_one(void *cookie, int result, const char *text) {
        put_result(cookie, result, text);
        pause_next(cookie, on_paused_one, COMMAND_PAUSE);
}

static void on_resumed_one(void *cookie, int result, const char *text) {
        put_result(cookie, result, text);
        pause_next(cookie, on_resumed_one, COMMAND_RESUME);
}

static void command_all(struct call *call, enum command_kind kind, runtime_reply reply) {
        struct json_writer json = {.out = &call->out};
        json_begin_object(&json, NULL);
        json_begin_array(&json, "results");
        call->all_ok = true;
        pause_next(call, reply, kind);
}

void api_pause(struct call *call) {
        if (call->args.all) {
                command_all(call, COMMAND_PAUSE, on_paused_one);
        } else {
                command_one(call, COMMAND_PAUSE);
        }
}

void api_resume(struct call *call) {
        if (call->args.all) {
                command_all(call, COMMAND_RESUME, on_resumed_one);
        } else {
                command_one(call, COMMAND_RESUME);
        }
}

/* ---- To the host ---- */

void api_hold(struct call *call) {
        char by[64];
        if (!*call->args.reason) {
                call_fail(call, 400, "missing", "the member reason is missing");
                return;
        }
        runtime_hold(call->runtime, call->args.duration, person(call, by), call->args.reason,
                on_reply, call);
}

void api_release(struct call *call) {
        char by[64];
        runtime_release(call->runtime, person(call, by), on_reply, call);
}

/* ---- Probes and policies ---- */

static bool all_passed(const struct observation *observations, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!outcome_is_pass(observations[i].outcome)) {
                        return false;
                }
        }
        return n > 0;
}

static void on_probed(void *cookie, const struct observation *observations, size_t n) {
        struct call *call = cookie;
        const struct service *service =
                policy_service(runtime_policy(call->runtime), call->args.service);
        if (!service || service->index != call->index) {
                call_fail(call, 409, "busy", "the policies were reloaded meanwhile");
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        json_put_text(&view.json, "service", service->name);
        json_put_bool(&view.json, "ok", all_passed(observations, n));
        json_begin_array(&view.json, "probes");
        for (size_t i = 0; i < n && observations[i].probe < service->n_probes; i++) {
                view_observation(&view, &observations[i]);
        }
        json_end_array(&view.json);
        json_end_object(&view.json);
        call_answer(call);
}

void api_probe(struct call *call) {
        const struct service *service = call_service(call, call->args.service);
        if (!service) {
                return;
        }
        const char *probe = *call->args.probe ? call->args.probe : NULL;
        if (probe && !policy_probe(service, probe)) {
                call_fail(call, 404, "unknown-probe", "service %s has no probe '%s'", service->name,
                        probe);
                return;
        }
        call->index = service->index;
        int r = runtime_probe(call->runtime, service->index, probe, on_probed, call);
        if (r < 0) {
                call_fail(call, r == -EBUSY ? 409 : 500, r == -EBUSY ? "busy" : "internal",
                        "the probes of %s cannot be run now: %s", service->name, strerror(-r));
        }
}

static void on_reloaded(void *cookie, int result, const char *text) {
        struct call *call = cookie;
        if (result == -EINVAL) {
                call_fail(call, 422, "policy-refused", "%s", text);
                return;
        }
        if (result < 0) {
                call_fail(call, result == -EBUSY ? 409 : 500,
                        result == -EBUSY ? "busy" : "internal", "%s", text);
                return;
        }
        call_done(call, text);
}

void api_reload(struct call *call) {
        runtime_reload(call->runtime, on_reloaded, call);
}
