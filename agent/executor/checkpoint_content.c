#include "executor/checkpoint_content.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/checkpoint_program.h"
#include "executor/content_lines.h"
#include "executor/executor.h"

struct checkpoint_job {
        struct content_job job;
        struct checkpoint_program *program;
};

typedef int (*step)(struct checkpoint_job *self, struct error *err);

static const char *service_of(const struct checkpoint_job *self) {
        return self->job.request.service->name;
}

/* Each answer that tells how many there are is newer than the one before. */
static void take_states(struct checkpoint_job *self, struct json_object *json) {
        struct json_object *states = json_object_object_get(json, "states");
        for (int i = 0; states && i < CHECKPOINT_STATE_COUNT; i++) {
                const char *word = checkpoint_state_text((enum checkpoint_state) i);
                self->job.result.stored[i] =
                        (uint32_t) json_object_get_int64(json_object_object_get(states, word));
        }
}

static int run(struct checkpoint_job *self, const struct checkpoint_command *command,
        checkpoint_program_done done, struct error *err) {
        const struct content_request *request = &self->job.request;
        return checkpoint_program_start(
                &self->program, request->executor, command, request->deadline, done, self, err);
}

static int run_on(struct checkpoint_job *self, const char *verb, const char *id,
        checkpoint_program_done done, struct error *err) {
        struct checkpoint_command command = {0};
        checkpoint_command_add(&command, verb);
        checkpoint_command_add(&command, service_of(self));
        if (id) {
                checkpoint_command_add(&command, id);
        }
        return run(self, &command, done, err);
}

/* The next command of a job; when it cannot be run, the job has failed. */
static void go_on(struct checkpoint_job *self, step next) {
        struct error err = {0};
        if (next(self, &err) < 0) {
                content_job_fail(&self->job, -EIO, "%s", err.text);
        }
}

static int errno_of(enum checkpoint_status status) {
        switch (status) {
        case CHECKPOINT_REFUSED:
                return -EPERM;
        case CHECKPOINT_UNKNOWN:
                return -ENOENT;
        case CHECKPOINT_BUSY:
                return -EBUSY;
        case CHECKPOINT_DONE:
        case CHECKPOINT_FAILED:
        case CHECKPOINT_DAMAGED:
        case CHECKPOINT_UNFINISHED:
                break;
        }
        return -EIO;
}

static void fail(struct checkpoint_job *self, const struct checkpoint_outcome *outcome) {
        self->job.result.damaged = outcome->status == CHECKPOINT_DAMAGED;
        self->job.result.untouched = outcome->status != CHECKPOINT_UNFINISHED;
        content_job_fail(&self->job, errno_of(outcome->status), "%s", outcome->text);
}

/* ---- Looking ---- */

static const char *text_of(struct json_object *json, const char *key) {
        const char *text = json_object_get_string(json_object_object_get(json, key));
        return text ? text : "";
}

static void take_difference(struct checkpoint_job *self, struct json_object *json) {
        struct content_result *result = &self->job.result;
        result->since = content_lines_since(json);
        content_lines_of(json, result->detail, sizeof(result->detail));
        content_lines_summary(json, result->text, sizeof(result->text));
}

static int compare(struct checkpoint_job *self, checkpoint_program_done done, struct error *err) {
        return run_on(self, "diff", self->job.request.to, done, err);
}

/* ---- At something that has failed: what differs from what was well? ---- */

/* A difference has a name of its own: taking a checkpoint of what is there would take too long now.
 */
static void on_difference(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        struct content_result *result = &self->job.result;
        self->program = NULL;
        take_states(self, outcome->json);
        if (outcome->status != CHECKPOINT_DONE) {
                fail(self, outcome);
                return;
        }
        if (json_object_get_boolean(json_object_object_get(outcome->json, "same"))) {
                str_copy(result->name, sizeof(result->name), self->job.request.to);
        } else {
                snprintf(result->name, sizeof(result->name), "changed-%.16s",
                        text_of(outcome->json, "hash"));
                take_difference(self, outcome->json);
        }
        content_job_end(&self->job);
}

static int look_at_failed(struct checkpoint_job *self, struct error *err) {
        return self->job.request.to ? compare(self, on_difference, err)
                                    : error_set(err, ENODATA, "there is no recovery point yet");
}

/* ---- At something that is well: take a checkpoint, and say what is new ---- */

static void on_compared(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        self->program = NULL;
        take_states(self, outcome->json);
        if (outcome->status == CHECKPOINT_DONE) {
                take_difference(self, outcome->json);
        } else { /* what is there is known all the same */
                log_warning("%s: what changed cannot be said: %s", service_of(self), outcome->text);
        }
        content_job_end(&self->job);
}

static int compare_taken(struct checkpoint_job *self, struct error *err) {
        return compare(self, on_compared, err);
}

/* The first file that was torn, for a person. */
static void say_torn(struct checkpoint_job *self, struct json_object *json, int64_t n) {
        struct json_object *list = json_object_object_get(json, "torn");
        struct json_object *first = json_object_is_type(list, json_type_array)
                                            ? json_object_array_get_idx(list, 0)
                                            : NULL;
        content_job_fail(&self->job, -EAGAIN, "%lld files could not be read whole: %.200s: %.100s",
                (long long) n, text_of(first, "path"), text_of(first, "why"));
}

static void on_taken(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        const char *good = self->job.request.to;
        self->program = NULL;
        take_states(self, outcome->json);
        if (outcome->status != CHECKPOINT_DONE) {
                fail(self, outcome);
                return;
        }
        struct json_object *checkpoint = json_object_object_get(outcome->json, "checkpoint");
        int64_t torn = json_object_get_int64(json_object_object_get(checkpoint, "torn"));
        str_copy(self->job.result.name, sizeof(self->job.result.name), text_of(checkpoint, "id"));
        if (!*self->job.result.name) {
                content_job_fail(&self->job, -EIO, "recoverd-checkpoint: its answer has no id");
        } else if (torn > 0) {
                say_torn(self, outcome->json, torn);
        } else if (!good || str_eq(good, self->job.result.name)) {
                content_job_end(&self->job);
        } else {
                go_on(self, compare_taken);
        }
}

static int take(struct checkpoint_job *self, struct error *err) {
        struct checkpoint_command command = {0};
        char size[UNITS_TEXT_MAX];
        checkpoint_command_create(&command, self->job.request.service, false, size);
        return run(self, &command, on_taken, err);
}

static int look_now(struct checkpoint_job *self, struct error *err) {
        return self->job.request.suspect ? look_at_failed(self, err) : take(self, err);
}

static void on_recovered(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        self->program = NULL;
        if (outcome->status != CHECKPOINT_DONE && outcome->status != CHECKPOINT_UNKNOWN) {
                fail(self, outcome);
        } else {
                go_on(self, look_now);
        }
}

/* What a crash has left of an exchange is finished or taken back before anything is looked at. */
static int look(struct content_job *job, struct error *err) {
        struct checkpoint_job *self = (struct checkpoint_job *) job;
        return job->request.first ? run_on(self, "recover", NULL, on_recovered, err)
                                  : look_now(self, err);
}

/* ---- After trust was earned: forget the oldest, copy the recovery points elsewhere ---- */

static void on_copied(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        self->program = NULL;
        if (outcome->status != CHECKPOINT_DONE) {
                content_job_fail(&self->job, errno_of(outcome->status),
                        "its recovery points are not copied: %s", outcome->text);
        } else {
                content_job_end(&self->job);
        }
}

static int copy(struct checkpoint_job *self, struct error *err) {
        struct checkpoint_command command = {0};
        checkpoint_command_add(&command, "replicate");
        checkpoint_command_add(&command, service_of(self));
        checkpoint_command_add(&command, "--to");
        checkpoint_command_add(&command, self->job.request.service->checkpoint->replicate);
        return run(self, &command, on_copied, err);
}

static void on_cleaned(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        struct content_result *result = &self->job.result;
        self->program = NULL;
        take_states(self, outcome->json);
        if (outcome->status != CHECKPOINT_DONE) { /* which is no reason not to copy them */
                snprintf(result->text, sizeof(result->text), "old checkpoints are left: %.300s",
                        outcome->text);
        }
        if (self->job.request.service->checkpoint->replicate) {
                go_on(self, copy);
        } else {
                content_job_end(&self->job);
        }
}

static int tidy(struct content_job *job, struct error *err) {
        struct checkpoint_job *self = (struct checkpoint_job *) job;
        struct checkpoint_command command = {0};
        char keep[16];
        snprintf(keep, sizeof(keep), "%u", self->job.request.service->checkpoint->keep);
        checkpoint_command_add(&command, "gc");
        checkpoint_command_add(&command, service_of(self));
        checkpoint_command_add(&command, "--keep");
        checkpoint_command_add(&command, keep);
        return run(self, &command, on_cleaned, err);
}

/* ---- Trust ---- */

static void on_trusted(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        self->program = NULL;
        take_states(self, outcome->json);
        if (outcome->status != CHECKPOINT_DONE) {
                fail(self, outcome);
        } else {
                content_job_end(&self->job);
        }
}

static int trust(struct content_job *job, struct error *err) {
        return run_on((struct checkpoint_job *) job, "trust", job->request.to, on_trusted, err);
}

/* ---- The exchange ---- */

static void on_exchanged(void *cookie, const struct checkpoint_outcome *outcome) {
        struct checkpoint_job *self = cookie;
        self->program = NULL;
        if (outcome->status != CHECKPOINT_DONE) {
                fail(self, outcome);
                return;
        }
        str_copy(self->job.result.name, sizeof(self->job.result.name), self->job.request.to);
        content_job_end(&self->job);
}

static int exchange(struct content_job *job, struct error *err) {
        return run_on((struct checkpoint_job *) job, "apply", job->request.to, on_exchanged, err);
}

static int prepare(struct content_job *job, struct error *err) {
        struct checkpoint_job *self = (struct checkpoint_job *) job;
        struct checkpoint_command command = {0};
        checkpoint_command_add(&command, "apply");
        checkpoint_command_add(&command, service_of(self));
        checkpoint_command_add(&command, job->request.to);
        checkpoint_command_add(&command, "--prepare");
        return run(self, &command, on_exchanged, err);
}

static int back(struct content_job *job, struct error *err) {
        return run_on((struct checkpoint_job *) job, "undo", NULL, on_exchanged, err);
}

static void release(struct content_job *job) {
        checkpoint_program_cancel(((struct checkpoint_job *) job)->program);
}

const struct content_kind checkpoint_content = {
        .size = sizeof(struct checkpoint_job),
        .start =
                {
                        [CONTENT_LOOK] = look,
                        [CONTENT_TRUST] = trust,
                        [CONTENT_TIDY] = tidy,
                        [CONTENT_PREPARE] = prepare,
                        [CONTENT_EXCHANGE] = exchange,
                        [CONTENT_BACK] = back,
                },
        .release = release,
};
