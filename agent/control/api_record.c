/* Recording what the core is fed: begin, end, and how it stands. */

#include <errno.h>

#include "control/call.h"
#include "runtime/runtime.h"

static void on_reply(void *cookie, int result, const char *text) {
        struct call *call = cookie;
        if (result == -EBUSY) {
                call_fail(call, 409, "busy", "%s", text);
        } else if (result < 0) {
                call_fail(call, result == -EINVAL ? 409 : 500,
                        result == -EINVAL ? "refused" : "internal", "%s", text);
        } else {
                call_done(call, text);
        }
}

void api_record_start(struct call *call) {
        runtime_record_start(call->runtime, on_reply, call);
}

void api_record_stop(struct call *call) {
        runtime_record_stop(call->runtime, on_reply, call);
}

void api_record(struct call *call) {
        struct json_writer json = {.out = &call->out};
        struct runtime_record record;
        char since[WALL_TEXT_MAX];
        runtime_record_status(call->runtime, &record);
        json_begin_object(&json, NULL);
        json_put_bool(&json, "recording", record.active);
        if (*record.path) {
                json_put_text(&json, "path", record.path);
                json_put_text(&json, "since", clock_format_wall(record.since, since));
                json_put_uint(&json, "inputs", record.inputs);
                json_put_uint(&json, "bytes", record.bytes);
                json_put_text(&json, "ended", record.active ? NULL : record.ended);
        }
        json_end_object(&json);
        call_answer(call);
}
