/* Heartbeats by the control socket: from whoever may command, or with the token of the probe. */

#include <errno.h>

#include "base/str.h"
#include "control/call.h"
#include "io/loop.h"
#include "probes/heartbeat.h"
#include "runtime/runtime.h"

static void answer(struct call *call, int result, const char *text) {
        if (result == -EACCES) {
                call_fail(call, 403, "forbidden",
                        "only root, the agent's own user, the operators' group and who knows the "
                        "token of the probe may do this");
                return;
        }
        if (result == -ENOENT) {
                call_fail(call, 404, "unknown-probe", "service %s has no heartbeat probe%s%s",
                        call->args.service, *call->args.probe ? " named " : "", call->args.probe);
                return;
        }
        if (result < 0) {
                call_fail(call, 503, "overloaded", "%s", text);
                return;
        }
        call_done(call, text);
}

static void on_compared(void *cookie, int result, const char *text) {
        answer(cookie, result, text);
}

static struct heartbeat beat_of(const struct call *call) {
        struct heartbeat beat = {
                .at = loop_now(runtime_loop(call->runtime)), .failed = call->args.failed};
        str_copy(beat.text, sizeof(beat.text), call->args.status);
        return beat;
}

/* Who knows no token and may not command learns nothing, not even whether there is such a probe. */
void api_heartbeat(struct call *call) {
        const struct heartbeat beat = beat_of(call);
        if (*call->args.token) {
                runtime_heartbeat_by_token(call->runtime, call->args.service, call->args.probe,
                        call->args.token, &beat, on_compared, call);
                return;
        }
        if (!call->may_command) {
                answer(call, -EACCES, "");
                return;
        }
        const struct service *service = call_service(call, call->args.service);
        if (service) {
                const char *probe = *call->args.probe ? call->args.probe : NULL;
                answer(call, runtime_heartbeat(call->runtime, service->index, probe, &beat),
                        beat.failed ? "failure taken" : "heartbeat taken");
        }
}
