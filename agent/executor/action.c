#include "executor/action.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "executor/executor.h"
#include "executor/manager_kind.h"
#include "executor/service_start.h"

/* A main process that was killed and does not end, though its group is gone. */
#define KILL_LIMIT (GROUP_END_LIMIT + 2 * USEC_PER_SEC)

enum stage {
        STAGE_PENDING, /* waits for a place */
        STAGE_TERM, /* the main process got the stop signal */
        STAGE_KILL, /* the group got SIGKILL, and has to be proven empty */
        STAGE_START, /* see service_start.h */
        STAGE_OPERATION, /* see operation.h */
};

struct execution {
        struct list node; /* in the queue, pending or running */
        struct managed *managed;
        struct action_order order;
        struct policy_share *share; /* `service` and the step live as long as the action */
        const struct service *service; /* NULL: it has left the policy */
        enum stage stage;
        usec_t begun;
        struct loop_timer timer;
        struct service_start *start;
        struct operation *operation;
        bool overtaken; /* by somebody who had systemd stop the process meanwhile */
        bool failed; /* what is left is killed, then the action ends with `text` */
        char text[256]; /* what happened so far */
};

static void run_next(void *cookie);

void action_queue_init(struct action_queue *queue, struct executor *executor, struct loop *loop) {
        *queue = (struct action_queue){.executor = executor};
        list_init(&queue->pending);
        list_init(&queue->running);
        loop_defer_init(&queue->next, loop, run_next, queue);
}

bool actions_under_way(const struct action_queue *queue) {
        return queue->n_pending + queue->n_running > 0;
}

static struct action_queue *queue_of(const struct execution *action) {
        return &action->managed->executor->actions;
}

static void leave_queue(struct execution *action) {
        struct action_queue *queue = queue_of(action);
        unsigned *count = action->stage == STAGE_PENDING ? &queue->n_pending : &queue->n_running;
        list_remove(&action->node);
        *count -= 1;
        if (queue->n_pending > 0) {
                loop_defer_schedule(&queue->next);
        }
}

void action_free(struct execution *action) {
        if (!action) {
                return;
        }
        leave_queue(action);
        action->managed->action = NULL;
        loop_timer_done(&action->timer);
        service_start_free(action->start);
        operation_cancel(action->operation);
        policy_share_release(action->share);
        free(action);
}

/* ---- The end ---- */

static void keep_result(struct execution *action, bool ok, const char *text) {
        struct service_state *state = &action->managed->state;
        state->request = 0;
        if (action->order.request == 0) {
                return;
        }
        state->result_request = action->order.request;
        state->result_ok = ok;
        str_copy(state->result_text, sizeof(state->result_text), text);
}

static void log_end(const struct execution *action, bool ok, const char *text) {
        log_at(ok ? LOG_NOTICE : LOG_ERR, "%s: %s %s: %s", action->managed->state.service,
                action_text((enum action) action->order.action), ok ? "done" : "failed", text);
}

static void finish(struct execution *action, bool ok, const char *text) {
        struct managed *managed = action->managed;
        struct executor *executor = managed->executor;
        struct action_order order = action->order;
        char copy[sizeof(managed->state.result_text)];
        str_copy(copy, sizeof(copy), text);
        keep_result(action, ok, copy);
        managed_save(managed);
        log_end(action, ok, copy);
        action_free(action);
        managed_announce(managed, order.request ? UNSENT_SERVICE | UNSENT_DONE : UNSENT_SERVICE);
        if (order.ended) {
                order.ended(order.cookie, managed, ok, copy);
        }
        executor_settled(executor);
}

/* ---- Time ---- */

static usec_t step_timeout(const struct execution *action) {
        return action->order.step ? action->order.step->timeout : 0;
}

/* The step's own limit counts from the beginning of the action, the standard from here. */
static usec_t due(const struct execution *action, usec_t standard) {
        usec_t own = step_timeout(action);
        usec_t now = loop_now(action->managed->executor->loop).mono;
        return own ? usec_add(action->begun, own) : usec_add(now, standard);
}

/* As the policy has it now; where it has it no more, as it was at the start. */
static const struct command_spec *command_of(const struct execution *action) {
        return action->service ? action->service->command : NULL;
}

/* ---- Starting ---- */

static void kill_group(struct execution *action);

static void on_started(void *cookie, bool ok, const char *text) {
        struct execution *action = cookie;
        char whole[sizeof(action->managed->state.result_text)];
        action->start = NULL;
        loop_timer_cancel(&action->timer);
        if (ok) {
                managed_running(action->managed);
                snprintf(whole, sizeof(whole), "%s%s", action->text, text);
                finish(action, true, whole);
                return;
        }
        action->failed = true;
        str_copy(action->text, sizeof(action->text), text);
        kill_group(action);
}

static void start_service(struct execution *action) {
        struct error err = {0};
        usec_t deadline = due(action, ACTION_START_LIMIT);
        if (!command_of(action)) {
                finish(action, false, "the service has left the policy");
                return;
        }
        action->stage = STAGE_START;
        loop_timer_set(&action->timer, deadline);
        if (service_start_new(&action->start, action->managed, action->service, deadline,
                    on_started, action, &err) < 0) {
                finish(action, false, err.text);
        }
}

static void give_up_start(struct execution *action) {
        char took[UNITS_TEXT_MAX];
        usec_t now = loop_now(action->managed->executor->loop).mono;
        snprintf(action->text, sizeof(action->text), "not started within %s: waits for %s",
                units_format_duration_short(usec_sub(now, action->begun), took),
                service_start_waits_for(action->start));
        service_start_free(action->start);
        action->start = NULL;
        action->failed = true;
        action->managed->state.starting = false;
        kill_group(action);
}

/* ---- Stopping ---- */

/* Nothing is left of the group. */
static void after_stop(struct execution *action) {
        loop_timer_cancel(&action->timer);
        if (action->failed) {
                finish(action, false, action->text);
        } else if (action->order.action == ACTION_STOP) {
                service_start_forget(action->managed);
                managed_remove_group(action->managed);
                finish(action, true, *action->text ? action->text : "was not running");
        } else if (action->overtaken) {
                finish(action, false, "somebody told systemd to stop it meanwhile");
        } else {
                if (*action->text) {
                        strncat(action->text, "; ",
                                sizeof(action->text) - strlen(action->text) - 1);
                }
                start_service(action);
        }
}

static void kill_group(struct execution *action) {
        struct managed *managed = action->managed;
        action->stage = STAGE_KILL;
        loop_timer_set_after(&action->timer, KILL_LIMIT);
        if (managed_gone(managed) || managed_end_group(managed)) {
                after_stop(action);
        }
}

static int stop_signal(const struct execution *action) {
        const struct command_spec *command = command_of(action);
        int own = command ? command->stop_signal : action->managed->state.stop_signal;
        return own > 0 ? own : SIGTERM;
}

static usec_t stop_timeout(const struct execution *action) {
        const struct command_spec *command = command_of(action);
        return command ? command->stop_timeout : action->managed->state.stop_timeout;
}

static void note_stopped(struct execution *action) {
        char took[UNITS_TEXT_MAX];
        usec_t now = loop_now(action->managed->executor->loop).mono;
        snprintf(action->text, sizeof(action->text), "stopped within %s",
                units_format_duration_short(usec_sub(now, action->begun), took));
}

static void note_killed(struct execution *action) {
        char took[UNITS_TEXT_MAX];
        usec_t now = loop_now(action->managed->executor->loop).mono;
        const char *name = sigabbrev_np(stop_signal(action));
        snprintf(action->text, sizeof(action->text), "killed, after %s without effect of %s%s",
                units_format_duration_short(usec_sub(now, action->begun), took),
                name ? "SIG" : "the stop signal", name ? name : "");
}

static void ask_to_stop(struct execution *action) {
        usec_t limit = due(action, stop_timeout(action));
        usec_t patience = usec_add(action->begun, stop_timeout(action));
        action->stage = STAGE_TERM;
        loop_timer_set(&action->timer, limit < patience ? limit : patience);
        if (managed_signal(action->managed, stop_signal(action)) == 0) {
                /* A stopped process would only get the signal once it runs again. */
                (void) managed_signal(action->managed, SIGCONT);
        }
}

/* ---- The beginning, by kind ---- */

static void keep_request(struct execution *action) {
        action->managed->state.request = action->order.request;
        action->managed->state.action = action->order.action;
}

static void begin_stop(struct execution *action) {
        struct managed *managed = action->managed;
        if (managed_gone(managed)) {
                after_stop(action);
                return;
        }
        managed_save(managed);
        if (managed->state.running) {
                ask_to_stop(action);
        } else {
                kill_group(action);
        }
}

static void begin_start(struct execution *action) {
        char text[64];
        if (action->managed->state.running) {
                snprintf(text, sizeof(text), "already running, pid %d",
                        (int) action->managed->state.pid);
                finish(action, true, text);
        } else if (managed_gone(action->managed)) {
                start_service(action);
        } else {
                kill_group(action);
        }
}

static void on_operation_ended(void *cookie, bool ok, const char *text) {
        struct execution *action = cookie;
        action->operation = NULL;
        finish(action, ok, text);
}

static void begin_operation(struct execution *action, const struct operation_kind *kind) {
        struct error err = {0};
        const struct operation_request request = {
                .executor = action->managed->executor,
                .managed = action->managed,
                .service = action->service,
                .order = action->order,
                .deadline = due(action, ACTION_LIMIT),
        };
        action->stage = STAGE_OPERATION;
        managed_save(action->managed);
        if (operation_start(&action->operation, kind, &request, on_operation_ended, action, &err) <
                0) {
                finish(action, false, err.text);
        }
}

/* NULL: it is about processes that the executor started itself. */
static const struct operation_kind *operation_of(const struct execution *action) {
        bool by_agent = action->order.request != 0 && action->service;
        return by_agent ? manager_operation(action->service, action->order.action) : NULL;
}

static void begin_stages(struct execution *action) {
        static void (*const beginnings[ACTION_COUNT])(struct execution * action) = {
                [ACTION_RESTART] = begin_stop,
                [ACTION_START] = begin_start,
                [ACTION_STOP] = begin_stop,
        };
        if (beginnings[action->order.action]) {
                beginnings[action->order.action](action);
        } else {
                finish(action, false, "the service has left the policy");
        }
}

static void begin(struct execution *action) {
        struct action_queue *queue = queue_of(action);
        queue->n_pending--;
        queue->n_running++;
        list_remove(&action->node);
        list_append(&queue->running, &action->node);
        action->stage = STAGE_START;
        action->begun = loop_now(action->managed->executor->loop).mono;
        keep_request(action);
        log_debug("%s: %s begins, request %" PRIu64, action->managed->state.service,
                action_text((enum action) action->order.action), action->order.request);
        const struct operation_kind *kind = operation_of(action);
        if (kind) {
                begin_operation(action, kind);
        } else {
                begin_stages(action);
        }
}

static void run_next(void *cookie) {
        struct action_queue *queue = cookie;
        while (queue->n_running < ACTIONS_MAX && !list_empty(&queue->pending)) {
                begin(LIST_ENTRY(queue->pending.next, struct execution, node));
        }
}

/* ---- What happens meanwhile ---- */

static void on_timer(void *cookie) {
        struct execution *action = cookie;
        char text[64];
        switch (action->stage) {
        case STAGE_TERM:
                note_killed(action);
                kill_group(action);
                break;
        case STAGE_KILL:
                snprintf(text, sizeof(text), "pid %d does not end after SIGKILL",
                        (int) action->managed->state.pid);
                finish(action, false, text);
                break;
        case STAGE_START:
                give_up_start(action);
                break;
        case STAGE_PENDING:
        case STAGE_OPERATION: /* has its own deadline */
                break;
        }
}

void action_process_ended(struct execution *action) {
        if (!action) {
                return;
        }
        switch (action->stage) {
        case STAGE_START:
                if (action->start) {
                        service_start_process_ended(action->start);
                }
                break;
        case STAGE_TERM:
                action->overtaken = action->managed->state.by_person;
                note_stopped(action);
                kill_group(action);
                break;
        case STAGE_KILL:
                action->overtaken = action->managed->state.by_person;
                if (managed_gone(action->managed)) {
                        after_stop(action);
                }
                break;
        case STAGE_PENDING:
        case STAGE_OPERATION:
                break;
        }
}

void action_group_ended(struct execution *action, int result, const char *text) {
        if (!action || action->stage != STAGE_KILL) {
                return;
        }
        if (result < 0) {
                finish(action, false, text);
        } else if (managed_gone(action->managed)) {
                after_stop(action);
        }
}

uint64_t action_request(const struct execution *action) {
        return action ? action->order.request : 0;
}

bool action_expects_exit(const struct execution *action) {
        return action && (action->stage == STAGE_TERM || action->stage == STAGE_KILL);
}

int action_start(struct managed *managed, const struct action_order *order, struct error *err) {
        struct action_queue *queue = &managed->executor->actions;
        if (managed->action) {
                return error_set(err, EBUSY, "another action is under way");
        }
        if (queue->n_pending >= ACTIONS_PENDING_MAX) {
                return error_set(err, EAGAIN, "%d actions wait already", ACTIONS_PENDING_MAX);
        }
        AUTO_FREE struct execution *action = calloc(1, sizeof(*action));
        if (!action ||
                loop_timer_init(&action->timer, managed->executor->loop, on_timer, action) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        action->managed = managed;
        action->order = *order;
        action->share = policy_share_hold(managed->share);
        action->service = managed->service;
        managed->action = action;
        list_append(&queue->pending, &action->node);
        queue->n_pending++;
        action = NULL;
        run_next(queue);
        return 0;
}
