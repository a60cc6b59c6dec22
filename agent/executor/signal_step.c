#include "executor/signal_step.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executor/executor.h"
#include "executor/process_group.h"

enum { SIGNALLED_MAX = 1024 }; /* processes of one service; of more than that the first */

/* Who belongs to it, found in a worker thread. */
struct roll {
        struct process_group group;
        ssize_t count;
        struct process_stat members[SIGNALLED_MAX];
};

struct signal_step {
        struct operation operation;
        struct signal_spec signal;
        struct loop_defer ending; /* to the main process it takes no time */
        struct worker_task *calling;
};

static const char *signal_name(const struct signal_step *step, char text[24]) {
        const char *name = sigabbrev_np(step->signal.number);
        if (name) {
                snprintf(text, 24, "SIG%s", name);
        } else {
                snprintf(text, 24, "signal %d", step->signal.number);
        }
        return text;
}

static void on_sent(void *cookie) {
        struct signal_step *step = cookie;
        char text[80], name[24];
        snprintf(text, sizeof(text), "%s sent to pid %d", signal_name(step, name),
                (int) step->operation.request.managed->state.pid);
        operation_end(&step->operation, true, text);
}

static int send_to_main(struct signal_step *step, struct error *err) {
        struct managed *managed = step->operation.request.managed;
        char name[24];
        int r = managed_signal(managed, step->signal.number);
        if (r < 0) {
                return error_set_errno(
                        err, -r, "%s to pid %d", signal_name(step, name), (int) managed->state.pid);
        }
        loop_defer_schedule(&step->ending);
        return 0;
}

static int call_roll(void *data) {
        struct roll *roll = data;
        roll->count = process_group_members(&roll->group, roll->members, SIGNALLED_MAX);
        return roll->count < 0 ? (int) roll->count : 0;
}

/* One that has ended in between does not count. */
static unsigned send_to_members(struct signal_step *step, const struct roll *roll, int *ret_error) {
        unsigned sent = 0;
        for (ssize_t i = 0; i < roll->count; i++) {
                int r = process_signal(&roll->members[i], step->signal.number);
                sent += r == 0;
                *ret_error = r < 0 && r != -ESRCH ? r : *ret_error;
        }
        return sent;
}

static void on_roll(void *cookie, int result, void *data) {
        struct signal_step *step = cookie;
        char text[160], name[24];
        int r = result;
        step->calling = NULL;
        unsigned sent = result < 0 ? 0 : send_to_members(step, data, &r);
        snprintf(text, sizeof(text), "%s sent to %u process%s%s%s", signal_name(step, name), sent,
                sent == 1 ? "" : "es", r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
        operation_end(&step->operation, r == 0 && sent > 0, text);
}

static int send_to_all(struct signal_step *step, struct error *err) {
        const struct operation_request *request = &step->operation.request;
        struct roll *roll = calloc(1, sizeof(*roll));
        struct worker_job job = {
                .run = call_roll,
                .release = free,
                .done = on_roll,
                .data = roll,
                .cookie = step,
                .deadline = request->deadline,
        };
        if (!roll) {
                return error_set(err, ENOMEM, "out of memory");
        }
        managed_group(request->managed, &roll->group);
        int r = worker_submit(request->executor->scans, &job, &step->calling, err);
        if (r < 0) {
                free(roll);
        }
        return r;
}

static struct signal_spec signal_of(const struct operation_request *request) {
        return request->order.action == ACTION_SIGNAL
                       ? request->order.step->signal
                       : (struct signal_spec){
                                 request->service->command->reload_signal, SIGNAL_TO_MAIN};
}

static int start(struct operation *operation, struct error *err) {
        struct signal_step *step = (struct signal_step *) operation;
        const struct operation_request *request = &operation->request;
        char name[24];
        loop_defer_init(&step->ending, request->executor->loop, on_sent, step);
        step->signal = signal_of(request);
        if (!request->managed->state.running) {
                return error_set(err, ESRCH, "not running, nobody is there to get %s",
                        signal_name(step, name));
        }
        return step->signal.to == SIGNAL_TO_ALL ? send_to_all(step, err) : send_to_main(step, err);
}

static void release(struct operation *operation) {
        struct signal_step *step = (struct signal_step *) operation;
        loop_defer_cancel(&step->ending);
        if (step->calling) {
                worker_cancel(step->calling);
        }
}

const struct operation_kind signal_step = {
        .size = sizeof(struct signal_step),
        .start = start,
        .release = release,
};
