#include "executor/script_run.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "io/identity_lookup.h"

struct script_run {
        struct executor *executor;
        struct loop *loop;
        const struct service *service;
        enum script_verb verb;
        usec_t deadline;
        struct identity_lookup *lookup;
        struct child *child;
        script_run_ended done;
        void *cookie;
};

void script_run_cancel(struct script_run *run) {
        if (run) {
                identity_lookup_cancel(run->lookup);
                child_cancel(run->child);
                free(run);
        }
}

static void finish(struct script_run *run, const struct script_verdict *verdict, const char *output,
        size_t output_length) {
        script_run_ended done = run->done;
        void *cookie = run->cookie;
        script_run_cancel(run);
        done(cookie, verdict, output, output_length);
}

static void finish_unrun(struct script_run *run, const char *why) {
        struct script_verdict verdict = {0};
        str_copy(verdict.text, sizeof(verdict.text), why);
        finish(run, &verdict, "", 0);
}

static void on_child_ended(void *cookie, const struct child_result *result) {
        struct script_run *run = cookie;
        struct script_verdict verdict;
        run->child = NULL;
        service_script_judge(run->service, run->verb, result, &verdict);
        finish(run, &verdict, result->output, result->output_length);
}

/* Of a member of a group what it starts can be found again, see scripts_end.h. */
static void mark(const struct script_run *run, struct service_script *script) {
        struct managed *managed = managed_find(run->executor, run->service->name);
        if (!managed || !managed->guard) {
                return;
        }
        lease_guard_environment(managed, &script->environment);
        if (run->verb == SCRIPT_START) {
                environment_set(&script->environment, "INVOCATION_ID", managed_mark(managed));
        }
        script->child.spawn.environment = (const char *const *) script->environment.items;
}

static int start_child(struct script_run *run, const struct identity *identity, struct error *err) {
        struct service_script script;
        const struct service_script_request request = {
                .service = run->service,
                .verb = run->verb,
                .identity = identity,
                .timeout = usec_sub(run->deadline, loop_now(run->loop).mono),
        };
        int r = service_script_prepare(&script, &request, err);
        if (r == 0) {
                mark(run, &script);
                r = child_start(&run->child, run->loop, &script.child, on_child_ended, run, err);
                service_script_done(&script);
        }
        return r;
}

static void on_identity(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct script_run *run = cookie;
        struct error err = {0};
        run->lookup = NULL;
        if (result < 0) {
                finish_unrun(run, text);
        } else if (start_child(run, identity, &err) < 0) {
                finish_unrun(run, err.text);
        }
}

int script_run_start(struct script_run **ret, struct executor *executor,
        const struct service *service, enum script_verb verb, usec_t deadline,
        script_run_ended done, void *cookie, struct error *err) {
        AUTO_FREE struct script_run *run = calloc(1, sizeof(*run));
        if (!run) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *run = (struct script_run){
                .executor = executor,
                .loop = executor->loop,
                .service = service,
                .verb = verb,
                .deadline = deadline,
                .done = done,
                .cookie = cookie,
        };
        int r = identity_lookup_start(&run->lookup, executor->names, service->scripts->user, NULL,
                deadline, on_identity, run, err);
        if (r == 0) {
                *ret = TAKE_PTR(run);
        }
        return r;
}
