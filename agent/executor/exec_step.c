#include "executor/exec_step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/unit_program.h"
#include "io/child.h"
#include "io/environment.h"
#include "io/identity_lookup.h"

enum { LAST_LINE_MAX = 256 };

struct exec_step {
        struct operation operation;
        struct identity_lookup *lookup;
        struct child *child; /* one of the two */
        struct unit_program *program;
};

static void release(struct operation *operation) {
        struct exec_step *step = (struct exec_step *) operation;
        identity_lookup_cancel(step->lookup);
        child_cancel(step->child);
        unit_program_cancel(step->program);
}

static void on_child_ended(void *cookie, const struct child_result *result) {
        struct exec_step *step = cookie;
        char how[160], line[LAST_LINE_MAX], text[sizeof(how) + LAST_LINE_MAX + 2];
        step->child = NULL;
        step->program = NULL;
        child_describe(result, how, sizeof(how));
        child_last_line(result, line, sizeof(line));
        snprintf(text, sizeof(text), "%s%s%s", how, *line ? ": " : "", line);
        operation_end(&step->operation, result->end == CHILD_EXITED && result->code == 0, text);
}

static void set_number(struct environment *environment, const char *key, uint64_t number) {
        char text[24];
        snprintf(text, sizeof(text), "%" PRIu64, number);
        environment_set(environment, key, text);
}

static void fill_environment(const struct exec_step *step, const struct identity *identity,
        struct environment *environment) {
        const struct operation_request *request = &step->operation.request;
        environment_set_standard(environment, identity);
        environment_set(environment, "RECOVERD_SERVICE", request->service->name);
        environment_set(environment, "RECOVERD_ACTION", action_text(ACTION_EXEC));
        set_number(environment, "RECOVERD_INCIDENT", request->order.incident);
        set_number(environment, "RECOVERD_ATTEMPT", request->order.attempt);
        lease_guard_environment(request->managed, environment);
}

static int start_child(struct exec_step *step, const struct identity *identity,
        const struct environment *environment, struct error *err) {
        const struct operation_request *order = &step->operation.request;
        struct loop *loop = order->executor->loop;
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = usec_sub(order->deadline, loop_now(loop).mono),
        };
        request.spawn.argv = order->exec->command.items;
        request.spawn.environment = (const char *const *) environment->items;
        request.spawn.change_user = identity->change;
        request.spawn.uid = identity->uid;
        request.spawn.gid = identity->gid;
        request.spawn.groups = identity->groups;
        request.spawn.n_groups = identity->n_groups;
        return child_start(&step->child, loop, &request, on_child_ended, step, err);
}

static const char *user_of(const struct operation_request *request) {
        if (request->exec->user) {
                return request->exec->user;
        }
        return request->service->command ? request->service->command->user : NULL;
}

static int start_unit(struct exec_step *step, struct environment *environment, struct error *err) {
        const struct operation_request *order = &step->operation.request;
        const struct unit_program_request request = {
                .executor = order->executor,
                .service = order->service->name,
                /* The programs of a group have one request, or none. */
                .number = order->order.step ? order->order.request
                                            : loop_now(order->executor->loop).wall,
                .user = user_of(order),
                .argv = order->exec->command.items,
                .environment = environment,
                .deadline = order->deadline,
        };
        return unit_program_start(&step->program, &request, on_child_ended, step, err);
}

static int start_program(
        struct exec_step *step, const struct identity *identity, struct error *err) {
        AUTO(environment_done) struct environment environment = {0};
        fill_environment(step, identity, &environment);
        if (environment.failed) {
                return error_set(err, ENOMEM, "out of memory");
        }
        return step->operation.request.executor->as_units
                       ? start_unit(step, &environment, err)
                       : start_child(step, identity, &environment, err);
}

static void on_identity(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct exec_step *step = cookie;
        struct error err = {0};
        step->lookup = NULL;
        if (result < 0) {
                operation_end(&step->operation, false, text);
        } else if (start_program(step, identity, &err) < 0) {
                operation_end(&step->operation, false, err.text);
        }
}

static int start(struct operation *operation, struct error *err) {
        struct exec_step *step = (struct exec_step *) operation;
        const struct operation_request *request = &operation->request;
        return identity_lookup_start(&step->lookup, request->executor->names, user_of(request),
                NULL, request->deadline, on_identity, step, err);
}

const struct operation_kind exec_step = {
        .size = sizeof(struct exec_step),
        .start = start,
        .release = release,
};
