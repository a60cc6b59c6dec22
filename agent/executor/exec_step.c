#include "executor/exec_step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "io/child.h"
#include "io/environment.h"
#include "io/identity_lookup.h"

enum { LAST_LINE_MAX = 256 };

struct exec_step {
        struct executor *executor;
        const struct service *service;
        struct action_order order;
        usec_t limit;
        struct identity_lookup *lookup;
        struct child *child;
        exec_step_ended done;
        void *cookie;
};

void exec_step_free(struct exec_step *step) {
        if (step) {
                identity_lookup_cancel(step->lookup);
                child_cancel(step->child);
                free(step);
        }
}

static void finish(struct exec_step *step, bool ok, const char *text) {
        exec_step_ended done = step->done;
        void *cookie = step->cookie;
        exec_step_free(step);
        done(cookie, ok, text);
}

/* The last line with something on it. */
static void last_line(const struct child_result *result, char line[LAST_LINE_MAX]) {
        size_t end = result->output_length;
        while (end > 0 && strchr(" \t\r\n", result->output[end - 1])) {
                end--;
        }
        size_t begin = end;
        while (begin > 0 && result->output[begin - 1] != '\n') {
                begin--;
        }
        size_t length = end - begin < LAST_LINE_MAX ? end - begin : LAST_LINE_MAX - 1;
        memcpy(line, result->output + begin, length);
        line[length] = '\0';
        str_make_printable(line);
}

static void on_child_ended(void *cookie, const struct child_result *result) {
        struct exec_step *step = cookie;
        char how[160], line[LAST_LINE_MAX], text[sizeof(how) + LAST_LINE_MAX + 2];
        step->child = NULL;
        child_describe(result, how, sizeof(how));
        last_line(result, line);
        snprintf(text, sizeof(text), "%s%s%s", how, *line ? ": " : "", line);
        finish(step, result->end == CHILD_EXITED && result->code == 0, text);
}

static void set_number(struct environment *environment, const char *key, uint64_t number) {
        char text[24];
        snprintf(text, sizeof(text), "%" PRIu64, number);
        environment_set(environment, key, text);
}

static void fill_environment(const struct exec_step *step, const struct identity *identity,
        struct environment *environment) {
        environment_set_standard(environment, identity);
        environment_set(environment, "RECOVERD_SERVICE", step->service->name);
        environment_set(environment, "RECOVERD_ACTION", action_text(ACTION_EXEC));
        set_number(environment, "RECOVERD_INCIDENT", step->order.incident);
        set_number(environment, "RECOVERD_ATTEMPT", step->order.attempt);
}

static int start_child(struct exec_step *step, const struct identity *identity, struct error *err) {
        AUTO(environment_done) struct environment environment = {0};
        fill_environment(step, identity, &environment);
        if (environment.failed) {
                return error_set(err, ENOMEM, "out of memory");
        }
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = step->limit,
        };
        request.spawn.argv = step->order.step->exec.command.items;
        request.spawn.environment = (const char *const *) environment.items;
        request.spawn.change_user = identity->change;
        request.spawn.uid = identity->uid;
        request.spawn.gid = identity->gid;
        request.spawn.groups = identity->groups;
        request.spawn.n_groups = identity->n_groups;
        return child_start(&step->child, step->executor->loop, &request, on_child_ended, step, err);
}

static void on_identity(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct exec_step *step = cookie;
        struct error err = {0};
        step->lookup = NULL;
        if (result < 0) {
                finish(step, false, text);
        } else if (start_child(step, identity, &err) < 0) {
                finish(step, false, err.text);
        }
}

static const char *user_of(const struct service *service, const struct step_spec *step) {
        if (step->exec.user) {
                return step->exec.user;
        }
        return service->command ? service->command->user : NULL;
}

int exec_step_new(struct exec_step **ret, struct executor *executor, const struct service *service,
        const struct action_order *order, usec_t limit, exec_step_ended done, void *cookie,
        struct error *err) {
        AUTO_FREE struct exec_step *step = calloc(1, sizeof(*step));
        if (!step) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *step = (struct exec_step){
                .executor = executor,
                .service = service,
                .order = *order,
                .limit = limit,
                .done = done,
                .cookie = cookie,
        };
        int r = identity_lookup_start(&step->lookup, executor->names, user_of(service, order->step),
                NULL, usec_add(loop_now(executor->loop).mono, limit), on_identity, step, err);
        if (r == 0) {
                *ret = TAKE_PTR(step);
        }
        return r;
}
