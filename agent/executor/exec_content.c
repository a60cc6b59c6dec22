/* A program of the policy says which version is there, and another goes to one. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "executor/content_program.h"
#include "executor/executor.h"
#include "executor/program_content.h"
#include "executor/value_read.h"

struct exec_job {
        struct content_job job;
        struct content_program program;
        struct value_read *version;
};

static const struct rollback_spec *spec_of(const struct exec_job *self) {
        return self->job.request.service->rollback;
}

/* ---- Which version is there ---- */

static void on_version(void *cookie, int result, const char *text) {
        struct exec_job *self = cookie;
        const char *wanted = self->job.request.to;
        self->version = NULL;
        if (result < 0) {
                content_job_fail(&self->job, result, "the version: %.300s", text);
                return;
        }
        str_copy(self->job.result.name, sizeof(self->job.result.name), text);
        if (self->job.request.task != CONTENT_LOOK && !str_eq(text, wanted)) {
                content_job_fail(&self->job, -EIO,
                        "%.100s has worked, and the version is %.100s, not %.100s",
                        spec_of(self)->exec.items[0], text, wanted);
                return;
        }
        content_job_end(&self->job);
}

static int read_version(struct exec_job *self, struct error *err) {
        return value_read_start(&self->version, self->job.request.executor, spec_of(self)->version,
                on_version, self, err);
}

static int look(struct content_job *job, struct error *err) {
        return read_version((struct exec_job *) job, err);
}

/* ---- Going to one ---- */

static void on_ended(void *cookie, const struct child_result *result) {
        struct exec_job *self = cookie;
        struct error err = {0};
        content_program_ended(&self->program);
        if (result->end != CHILD_EXITED || result->code != 0) {
                char text[CONTENT_TEXT_MAX];
                content_program_describe(spec_of(self)->exec.items[0], result, text, sizeof(text));
                content_job_fail(&self->job, -EIO, "%s", text);
        } else if (read_version(self, &err) < 0) {
                content_job_fail(&self->job, -EIO, "%s", err.text);
        }
}

static int exchange(struct content_job *job, struct error *err) {
        struct exec_job *self = (struct exec_job *) job;
        AUTO(environment_done) struct environment environment = {0};
        static const struct identity own = {.home = "/", .shell = "/bin/sh"};
        environment_set_standard(&environment, &own);
        environment_set(&environment, "RECOVERD_SERVICE", job->request.service->name);
        environment_set(&environment, "RECOVERD_ACTION",
                action_text(job->request.task == CONTENT_BACK ? ACTION_UNDO : ACTION_ROLLBACK));
        environment_set(&environment, "RECOVERD_FROM", job->request.from);
        environment_set(&environment, "RECOVERD_TO", job->request.to);
        return content_program_act(
                &self->program, job, spec_of(self)->exec.items, &environment, on_ended, self, err);
}

static void release(struct content_job *job) {
        struct exec_job *self = (struct exec_job *) job;
        content_program_cancel(&self->program);
        value_read_cancel(self->version);
}

const struct content_kind exec_content = {
        .size = sizeof(struct exec_job),
        .start =
                {
                        [CONTENT_LOOK] = look,
                        [CONTENT_EXCHANGE] = exchange,
                        [CONTENT_BACK] = exchange,
                },
        .release = release,
};
