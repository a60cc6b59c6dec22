#include "executor/scripts_end.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/group_end.h"
#include "executor/scripts_step.h"

#define PROOF_LIMIT (3 * USEC_PER_SEC) /* of the stop and the status after SIGKILL */

struct scripts_end {
        struct operation operation;
        struct operation *stop; /* its programs; NULL: none run */
        struct loop_timer timer; /* the deadline */
        struct group_end ending;
        char text[256]; /* why the first stop did not do */
};

static void on_proven(void *cookie, bool ok, const char *text) {
        struct scripts_end *end = cookie;
        char whole[512];
        end->stop = NULL;
        snprintf(whole, sizeof(whole), "%s%s%s: %.200s", ok ? "killed" : "not proven to be gone",
                *end->text ? ", after " : "", end->text, text);
        operation_end(&end->operation, ok, whole);
}

static int run_stop(
        struct scripts_end *end, usec_t deadline, operation_ended done, struct error *err) {
        struct operation_request request = end->operation.request;
        request.order.action = ACTION_STOP;
        request.order.step = NULL;
        request.deadline = deadline;
        return operation_start(&end->stop, &scripts_step, &request, done, end, err);
}

/* A stop of what does not run works, and its proof is that of every stop. */
static void prove(struct scripts_end *end) {
        struct error err = {0};
        usec_t now = loop_now(end->operation.request.executor->loop).mono;
        if (run_stop(end, usec_add(now, PROOF_LIMIT), on_proven, &err) < 0) {
                on_proven(end, false, err.text);
        }
}

static void on_group_ended(void *cookie, int result, const char *text) {
        struct scripts_end *end = cookie;
        if (result < 0) {
                on_proven(end, false, text);
        } else {
                prove(end);
        }
}

static void kill_all(struct scripts_end *end) {
        struct process_group group;
        managed_group(end->operation.request.managed, &group);
        if (!*group.match.invocation || group_end_start(&end->ending, &group) == 1) {
                prove(end);
        }
}

static void on_stopped(void *cookie, bool ok, const char *text) {
        struct scripts_end *end = cookie;
        end->stop = NULL;
        loop_timer_cancel(&end->timer);
        if (ok) {
                operation_end(&end->operation, true, text);
                return;
        }
        str_copy(end->text, sizeof(end->text), text);
        kill_all(end);
}

static void on_deadline(void *cookie) {
        struct scripts_end *end = cookie;
        operation_cancel(TAKE_PTR(end->stop));
        str_copy(end->text, sizeof(end->text), "its stop took too long");
        kill_all(end);
}

static int start(struct operation *operation, struct error *err) {
        struct scripts_end *end = (struct scripts_end *) operation;
        const struct operation_request *request = &operation->request;
        struct executor *executor = request->executor;
        if (loop_timer_init(&end->timer, executor->loop, on_deadline, end) < 0 ||
                group_end_init(&end->ending, executor->loop, executor->scans, on_group_ended, end) <
                        0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        loop_timer_set(&end->timer, request->deadline);
        return run_stop(end, request->deadline, on_stopped, err);
}

static void release(struct operation *operation) {
        struct scripts_end *end = (struct scripts_end *) operation;
        operation_cancel(end->stop);
        loop_timer_done(&end->timer);
        group_end_done(&end->ending);
}

const struct operation_kind scripts_end = {
        .size = sizeof(struct scripts_end),
        .start = start,
        .release = release,
};
