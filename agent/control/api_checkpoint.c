/* The handler for what people ask of the checkpoints of a service: the executor's answer is passed
 * on as it came. */

#include <errno.h>

#include "base/cleanup.h"
#include "control/call.h"
#include "runtime/runtime.h"

static void on_answer(void *cookie, int result, const char *text) {
        struct call *call = cookie;
        if (result == 0) {
                strbuf_add(&call->out, text);
                call_answer(call);
        } else if (result == -ENOTCONN) {
                call_fail(call, 503, "no-executor", "%s", text);
        } else {
                call_fail(call, 409, "refused", "%s", text);
        }
}

void api_checkpoint(struct call *call) {
        const struct service *service = call_service(call, call->args.service);
        if (!service) {
                return;
        }
        int verb = enum_text_parse(checkpoint_verb_texts, call->args.verb);
        if (verb < 0) {
                call_fail(call, 400, "invalid",
                        "the member do has to be list, create, diff or verify");
        } else if (!service->checkpoint) {
                call_fail(call, 409, "refused",
                        "%s has no checkpoints: its policy has no 'checkpoint'", service->name);
        } else {
                runtime_checkpoint(call->runtime, service->index, (enum checkpoint_verb) verb,
                        call->args.from, call->args.to, on_answer, call);
        }
}
