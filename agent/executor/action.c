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
#include "executor/action_plan.h"
#include "executor/address_step.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/manager_kind.h"
#include "executor/rollback_step.h"
#include "executor/service_content.h"
#include "executor/service_start.h"
#include "executor/step_checkpoint.h"
#include "executor/traffic.h"
#include "executor/unit_end.h"
#include "model/manager.h"

/* A main process that was killed and does not end, though its group is gone. */
#define KILL_LIMIT (GROUP_END_LIMIT + 2 * USEC_PER_SEC)

enum stage {
        STAGE_PENDING, /* waits for a place */
        STAGE_KEEPING, /* waits for a copy of what it may overwrite, see step_checkpoint.h */
        STAGE_TERM, /* the main process got the stop signal */
        STAGE_KILL, /* the group got SIGKILL, and has to be proven empty */
        STAGE_START, /* see service_start.h */
        STAGE_OPERATION, /* see operation.h */
};

struct execution {
        struct list node; /* in the queue, pending or running */
        struct managed *managed;
        struct action_order order; /* its `action` is that of the present part */
        int whole; /* enum action: what was asked for */
        struct action_plan plan;
        bool refused; /* it ends because it must not be done, and nothing was done */
        bool exchanged; /* what the service consists of is another than before */
        bool unproven; /* of a demotion: it is not certain that it is gone */
        char said[256]; /* by the parts that are over */
        char failure[256]; /* what began to go wrong; the parts that follow clear up */
        struct policy_share *share; /* `service` and the step live as long as the action */
        const struct service *service; /* NULL: it has left the policy */
        enum stage stage;
        usec_t begun, part_begun;
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
        if (action->stage == STAGE_KEEPING) {
                step_checkpoint_forget(action->managed);
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
        state->result_refused = action->refused && !*action->failure;
        str_copy(state->result_text, sizeof(state->result_text), text);
}

static void log_end(const struct execution *action, bool ok, const char *text) {
        log_at(ok ? LOG_NOTICE : LOG_ERR, "%s: %s %s: %s", action->managed->state.service,
                action_text((enum action) action->whole), ok ? "done" : "failed", text);
}

/* When it went about starting the service; 0: it did not. */
static wall_usec_t start_of(const struct execution *action) {
        struct instant now = loop_now(action->managed->executor->loop);
        bool starts = action->begun && !action->refused && action_traits(action->whole)->starts;
        return starts ? now.wall - usec_sub(now.mono, action->begun) : 0;
}

static void finish_all(struct execution *action, bool ok, const char *text) {
        struct managed *managed = action->managed;
        struct executor *executor = managed->executor;
        struct action_order order = action->order;
        int whole = action->whole;
        bool proven = !action->unproven;
        wall_usec_t started = start_of(action);
        char copy[sizeof(managed->state.result_text)];
        str_copy(copy, sizeof(copy), text);
        keep_result(action, ok, copy);
        managed_save(managed);
        log_end(action, ok, copy);
        action_free(action);
        lease_guard_ended(managed, whole, ok, proven, copy);
        managed_announce(managed, order.request ? UNSENT_SERVICE | UNSENT_DONE : UNSENT_SERVICE);
        if (order.ended) {
                order.ended(order.cookie, managed, ok, copy);
        }
        content_action_ended(managed, started);
        executor_settled(executor);
}

/* ---- Parts ---- */

static void begin_part(struct execution *action);

static void add_said(char said[256], const char *text) {
        size_t length = strlen(said);
        snprintf(said + length, 256 - length, "%s%s", length ? "; " : "", text);
}

static bool is_exchange(int action) {
        return action == ACTION_ROLLBACK || action == ACTION_UNDO;
}

/* What went wrong first; the parts that follow clear up. */
static void note_failure(struct execution *action, const char *text) {
        if (!*action->failure) {
                str_copy(action->failure, sizeof(action->failure), text);
        }
}

static bool clear_up(struct execution *action, const char *text) {
        bool untouched = action->whole == ACTION_PROMOTE && action->refused;
        action->refused = action->refused && !untouched;
        if (*action->failure || untouched ||
                !action_plan_clear_up(
                        &action->plan, action->whole, action->service, action->exchanged)) {
                return false;
        }
        note_failure(action, text);
        lease_guard_clears_up(action->managed, action->whole);
        begin_part(action);
        return true;
}

/* A program of a demotion that fails is told and no more: whether the service is gone is for the
 * proof to say. */
static void note_part(struct execution *action, bool ok, const char *text) {
        const struct action_part *part = action_plan_part(&action->plan);
        char said[sizeof(action->said)];
        if (!ok && part->proves) {
                action->unproven = true;
                note_failure(action, text);
                return;
        }
        bool traffic = part->action == ACTION_HAPROXY;
        const char *which = traffic ? "traffic was not switched: " : "a program failed: ";
        snprintf(said, sizeof(said), "%s%s", ok ? "" : which, text);
        add_said(action->said, ok || !part->goes_on ? text : said);
}

static void finish(struct execution *action, bool ok, const char *text) {
        char whole[512];
        bool goes_on = ok || action_plan_part(&action->plan)->goes_on;
        action->exchanged = action->exchanged || (ok && is_exchange(action->order.action));
        if (!goes_on && clear_up(action, text)) {
                return;
        }
        note_part(action, ok, text);
        if (goes_on && action_plan_next(&action->plan)) {
                begin_part(action);
                return;
        }
        snprintf(whole, sizeof(whole), "%s%s%s", action->failure,
                *action->failure && *action->said ? "; " : "", action->said);
        finish_all(action, goes_on && !*action->failure, whole);
}

/* ---- Time ---- */

static usec_t step_timeout(const struct execution *action) {
        return action->order.step ? action->order.step->timeout : 0;
}

/* The step's own limit counts from the beginning of the action, that of a part and the standard
 * from here. */
static usec_t due(const struct execution *action, usec_t standard) {
        usec_t own = step_timeout(action), limit = action_plan_part(&action->plan)->limit;
        usec_t now = loop_now(action->managed->executor->loop).mono;
        if (limit != USEC_INFINITY) {
                return usec_add(action->part_begun, limit);
        }
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
        managed_abandon_start(action->managed);
        kill_group(action);
}

/* ---- Stopping ---- */

/* Nothing is left of the group. */
static void after_stop(struct execution *action) {
        loop_timer_cancel(&action->timer);
        if (action->failed) {
                finish(action, false, action->text);
        } else if (action->order.action == ACTION_STOP || action->order.action == ACTION_DEMOTE) {
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
        usec_t limit = action_plan_part(&action->plan)->limit;
        if (action->order.action == ACTION_DEMOTE && limit != USEC_INFINITY) {
                return limit;
        }
        return command ? command->stop_timeout : action->managed->state.stop_timeout;
}

static void note_stopped(struct execution *action) {
        char took[UNITS_TEXT_MAX];
        usec_t now = loop_now(action->managed->executor->loop).mono;
        snprintf(action->text, sizeof(action->text), "stopped within %s",
                units_format_duration_short(usec_sub(now, action->part_begun), took));
}

static void note_killed(struct execution *action) {
        char took[UNITS_TEXT_MAX];
        usec_t now = loop_now(action->managed->executor->loop).mono;
        const char *name = sigabbrev_np(stop_signal(action));
        snprintf(action->text, sizeof(action->text), "killed, after %s without effect of %s%s",
                units_format_duration_short(usec_sub(now, action->part_begun), took),
                name ? "SIG" : "the stop signal", name ? name : "");
}

static void ask_to_stop(struct execution *action) {
        usec_t limit = due(action, stop_timeout(action));
        usec_t patience = usec_add(action->part_begun, stop_timeout(action));
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
        action->managed->state.action = action->whole;
}

static void begin_stop(struct execution *action) {
        struct managed *managed = action->managed;
        if (managed_gone(managed)) {
                after_stop(action);
                return;
        }
        managed_save(managed);
        if (managed->state.running && stop_timeout(action) > 0) {
                ask_to_stop(action);
        } else {
                if (managed->state.running) {
                        str_copy(action->text, sizeof(action->text), "killed at once");
                }
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
        loop_timer_cancel(&action->timer);
        finish(action, ok, text);
}

/* A program of a group has ended when its time is over: its standby waits for that. */
static bool is_cut_off(const struct execution *action) {
        bool own_time =
                action->order.action == ACTION_EXEC || action->order.action == ACTION_HAPROXY;
        return own_time && action_plan_part(&action->plan)->limit != USEC_INFINITY;
}

/* It is told to end by SIGTERM a little earlier. */
static usec_t soft_end(const struct execution *action, usec_t end) {
        bool told = is_cut_off(action) && action->order.action == ACTION_EXEC;
        return told ? end - (end - action->part_begun) / 4 : end;
}

static usec_t operation_limit(const struct execution *action) {
        int part = action->order.action;
        return part < ACTION_COUNT ? usec_add(ACTION_LIMIT, action_traits(part)->longer)
                                   : ADDRESS_STEP_LIMIT;
}

static const struct exec_spec *exec_of(const struct execution *action) {
        const struct action_part *part = action_plan_part(&action->plan);
        return part->exec || !action->order.step ? part->exec : &action->order.step->exec;
}

static const struct haproxy_spec *haproxy_of(const struct execution *action) {
        const struct action_part *part = action_plan_part(&action->plan);
        return part->haproxy || !action->order.step ? part->haproxy : &action->order.step->haproxy;
}

static void begin_operation(struct execution *action, const struct operation_kind *kind) {
        struct error err = {0};
        const struct operation_request request = {
                .executor = action->managed->executor,
                .managed = action->managed,
                .service = action->service,
                .order = action->order,
                .exec = exec_of(action),
                .haproxy = haproxy_of(action),
                .deadline = soft_end(action, due(action, operation_limit(action))),
                .refused = &action->refused,
        };
        action->stage = STAGE_OPERATION;
        if (is_cut_off(action)) {
                loop_timer_set(&action->timer, due(action, 0));
        }
        traffic_part_begins(action->managed, request.haproxy);
        managed_save(action->managed);
        if (operation_start(&action->operation, kind, &request, on_operation_ended, action, &err) <
                0) {
                finish(action, false, err.text);
        }
}

/* NULL: it is about processes that the executor started itself. */
static const struct operation_kind *operation_of(const struct execution *action) {
        static const struct operation_kind *const own_parts[] = {
                &address_take, &address_drop, &unit_end};
        int part = action->order.action;
        bool of_parts = action->plan.count > 1 || action->whole == ACTION_DEMOTE;
        if (is_exchange(part)) {
                return &rollback_step;
        }
        if (part >= ACTION_COUNT) {
                return own_parts[part - ACTION_COUNT];
        }
        bool by_agent = (action->order.request != 0 || of_parts || part == ACTION_HAPROXY) &&
                        action->service;
        return by_agent ? manager_operation(action->service, part) : NULL;
}

static void begin_stages(struct execution *action) {
        static void (*const beginnings[ACTION_COUNT])(struct execution * action) = {
                [ACTION_RESTART] = begin_stop,
                [ACTION_START] = begin_start,
                [ACTION_STOP] = begin_stop,
                [ACTION_DEMOTE] = begin_stop,
        };
        if (beginnings[action->order.action]) {
                beginnings[action->order.action](action);
        } else {
                finish(action, false, "the service has left the policy");
        }
}

static bool follows_a_drain(const struct action_plan *plan) {
        return plan->at == 1 && plan->parts[0].action == ACTION_HAPROXY;
}

static void begin_part(struct execution *action) {
        action->order.action = action_plan_part(&action->plan)->action;
        action->part_begun = loop_now(action->managed->executor->loop).mono;
        if (follows_a_drain(&action->plan)) {
                action->begun = action->part_begun; /* it takes nothing of the step's time */
        }
        action->stage = STAGE_START;
        action->text[0] = '\0';
        action->failed = false;
        loop_timer_cancel(&action->timer);
        const struct operation_kind *kind = operation_of(action);
        if (kind) {
                begin_operation(action, kind);
        } else {
                begin_stages(action);
        }
}

static void on_kept(void *cookie) {
        struct execution *action = cookie;
        action->begun = loop_now(action->managed->executor->loop).mono;
        begin_part(action);
}

/* Of a step that may change something. A rollback sees to it by itself, a first start is no step,
 * and what a lease asks for does not wait. */
static bool keep_present(struct execution *action) {
        bool of_group = action->whole == ACTION_PROMOTE || action->whole == ACTION_DEMOTE ||
                        action->whole == ACTION_FOLLOW;
        bool is_step = action->order.request != 0 && !is_exchange(action->whole) && !of_group &&
                       (action->order.step || action->whole != ACTION_START);
        return is_step && step_checkpoint_start(action->managed, action->whole, on_kept, action);
}

static void begin(struct execution *action) {
        struct action_queue *queue = queue_of(action);
        queue->n_pending--;
        queue->n_running++;
        list_remove(&action->node);
        list_append(&queue->running, &action->node);
        action->begun = loop_now(action->managed->executor->loop).mono;
        keep_request(action);
        lease_guard_began(action->managed, &action->order);
        log_debug("%s: %s begins, request %" PRIu64, action->managed->state.service,
                action_text((enum action) action->whole), action->order.request);
        if (keep_present(action)) {
                action->stage = STAGE_KEEPING;
        } else {
                begin_part(action);
        }
}

static void run_next(void *cookie) {
        struct action_queue *queue = cookie;
        while (queue->n_running < ACTIONS_MAX && !list_empty(&queue->pending)) {
                begin(LIST_ENTRY(queue->pending.next, struct execution, node));
        }
}

/* ---- What happens meanwhile ---- */

static void cut_program(struct execution *action) {
        char limit[UNITS_TEXT_MAX], text[UNITS_TEXT_MAX + 32];
        operation_cancel(TAKE_PTR(action->operation));
        snprintf(text, sizeof(text), "killed after %s",
                units_format_duration_short(action_plan_part(&action->plan)->limit, limit));
        finish(action, false, text);
}

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
        case STAGE_OPERATION: /* others have their own deadline */
                cut_program(action);
                break;
        case STAGE_PENDING:
        case STAGE_KEEPING: /* has its own patience */
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
        case STAGE_OPERATION:
                if (action->whole == ACTION_FOLLOW && !action->managed->state.running) {
                        operation_cancel(TAKE_PTR(action->operation));
                        finish(action, false, "the service has ended");
                }
                break;
        case STAGE_PENDING:
        case STAGE_KEEPING:
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

/* A member that leaves its group is demoted by the policy that it leaves. */
static void take_policy(struct execution *action) {
        const struct lease_guard *guard = action->managed->guard;
        bool by_guard = guard && action->whole == ACTION_DEMOTE;
        action->share = policy_share_hold(by_guard ? guard->share : action->managed->share);
        action->service = by_guard ? guard->service : action->managed->service;
}

/* It is followed by a demotion, which goes on from whatever is there. */
void action_cut(struct execution *action, const char *why) {
        if (!action) {
                return;
        }
        loop_timer_cancel(&action->timer);
        service_start_free(TAKE_PTR(action->start));
        operation_cancel(TAKE_PTR(action->operation));
        managed_abandon_start(action->managed);
        action->unproven = true;
        finish_all(action, false, why);
}

int action_start(struct managed *managed, const struct action_order *order, struct error *err) {
        struct action_queue *queue = &managed->executor->actions;
        const char *why_not = lease_guard_why_not(managed, order);
        if (managed->action) {
                return error_set(err, EBUSY, "another action is under way");
        }
        if (why_not) {
                return error_set(err, EPERM, "%s", why_not);
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
        action->whole = order->action;
        take_policy(action);
        lease_guard_plan(managed, &action->plan, order->action, action->service);
        if (order->request != 0) {
                action_plan_drain_first(&action->plan, order->action, action->service);
        } else if (order->action == ACTION_HAPROXY) {
                action_plan_give_back(&action->plan, action->service);
        }
        managed->action = action;
        list_append(&queue->pending, &action->node);
        queue->n_pending++;
        action = NULL;
        if (order->action == ACTION_DEMOTE) {
                begin(managed->action); /* its lease does not wait for a place */
        } else {
                run_next(queue);
        }
        return 0;
}
