#include "executor/rollback_step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/content_job.h"
#include "executor/executor.h"
#include "executor/service_content.h"
#include "executor/value_read.h"

/* In this order: is a deployment under way? what is there? where to? may code go back there? is it
 * written down? then the exchange. Whatever comes before it leaves everything as it was. */
struct rollback {
        struct operation operation;
        struct worker_task *lock; /* one of these at a time */
        struct content_job *job;
        struct value_read *guard;
        bool saving;
        char from[LEDGER_NAME_MAX], to[LEDGER_NAME_MAX];
        char failure[CONTENT_TEXT_MAX]; /* why the exchange did not end well */
};

static const struct operation_request *request_of(const struct rollback *self) {
        return &self->operation.request;
}

static bool is_undo(const struct rollback *self) {
        return request_of(self)->order.action == ACTION_UNDO;
}

static struct ledger *ledger_of(const struct rollback *self) {
        return content_ledger(request_of(self)->managed);
}

static void end(struct rollback *self, bool ok, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void end(struct rollback *self, bool ok, const char *format, ...) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        operation_end(&self->operation, ok, text);
}

/* Nothing was done, and nothing is to be done. */
static void refuse(struct rollback *self, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void refuse(struct rollback *self, const char *format, ...) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        *request_of(self)->refused = true;
        operation_end(&self->operation, false, text);
}

static void release(struct operation *operation) {
        struct rollback *self = (struct rollback *) operation;
        if (self->lock) {
                worker_cancel(self->lock);
        }
        content_job_cancel(self->job);
        value_read_cancel(self->guard);
        if (self->saving) {
                content_forget_save(operation->request.managed, self);
        }
}

static const char *name_of_good(const struct rollback *self) {
        const struct version *good = ledger_good(ledger_of(self));
        return good ? good->name : NULL;
}

static int start_job(
        struct rollback *self, enum content_task task, content_done done, struct error *err) {
        const struct operation_request *order = request_of(self);
        const struct content_request request = {
                .executor = order->executor,
                .service = order->service,
                .task = task,
                .from = self->from,
                .to = task == CONTENT_LOOK ? name_of_good(self) : self->to,
                .suspect = true, /* somebody waits */
                .first = *self->failure != '\0', /* of an exchange that was not finished */
                .deadline = order->deadline,
        };
        return content_job_start(&self->job, &request, done, self, err);
}

/* ---- The exchange ---- */

/* `present` NULL: nobody knows. What may have been left can be taken back. */
static void end_failed(struct rollback *self, const char *present) {
        struct last_rollback *rollback = &ledger_of(self)->rollback;
        struct error err = {0};
        if (!is_undo(self) && present && str_eq(present, self->from)) {
                rollback->state = ROLLBACK_NONE;
        }
        (void) content_save(request_of(self)->managed, NULL, NULL, &err);
        end(self, false, "%s", self->failure);
}

static void on_seen_after(void *cookie, const struct content_result *result) {
        struct rollback *self = cookie;
        self->job = NULL;
        end_failed(self, result->result < 0 ? NULL : result->name);
}

/* A program that failed, or a disk, may have exchanged it all the same. */
static void look_after_failure(struct rollback *self, const struct content_result *result) {
        struct error err = {0};
        str_copy(self->failure, sizeof(self->failure), result->text);
        if (result->damaged && !is_undo(self)) {
                ledger_withdraw(ledger_of(self), self->to);
        }
        if (result->untouched) {
                end_failed(self, self->from);
        } else if (start_job(self, CONTENT_LOOK, on_seen_after, &err) < 0) {
                end_failed(self, NULL);
        }
}

static void on_exchanged(void *cookie, const struct content_result *result) {
        struct rollback *self = cookie;
        struct managed *managed = request_of(self)->managed;
        struct ledger *ledger = ledger_of(self);
        struct error err = {0};
        self->job = NULL;
        if (result->result < 0) {
                look_after_failure(self, result);
                return;
        }
        content_exchanged(managed);
        if (is_undo(self)) {
                ledger_undone(ledger);
        } else {
                ledger_exchanged(ledger, loop_now(request_of(self)->executor->loop).wall);
        }
        if (content_save(managed, NULL, NULL, &err) < 0) { /* the next look finds it out */
                log_warning("%s: %s", request_of(self)->service->name, err.text);
        }
        end(self, true, "%s from %.150s to %.150s", is_undo(self) ? "taken back" : "rolled back",
                self->from, self->to);
}

static void exchange(struct rollback *self) {
        struct error err = {0};
        if (start_job(self, is_undo(self) ? CONTENT_BACK : CONTENT_EXCHANGE, on_exchanged, &err) <
                0) {
                end(self, false, "%s", err.text);
        }
}

static void on_written(void *cookie, int result) {
        struct rollback *self = cookie;
        struct error err = {0};
        self->saving = false;
        if (result < 0) {
                ledger_of(self)->rollback.state = ROLLBACK_NONE;
                /* It may be there all the same, where only the last sync has failed. */
                (void) content_save(request_of(self)->managed, NULL, NULL, &err);
                refuse(self,
                        "not begun, because it could not be written down, and so not be taken back: "
                        "%s",
                        strerror(-result));
        } else {
                exchange(self);
        }
}

static void on_prepared(void *cookie, const struct content_result *result) {
        struct rollback *self = cookie;
        self->job = NULL;
        if (result->result < 0) {
                end(self, false, "%s", result->text);
        } else {
                end(self, true, "a rollback to %.150s is prepared", self->to);
        }
}

static void prepare(struct rollback *self) {
        struct error err = {0};
        if (!content_job_needed(request_of(self)->service, CONTENT_PREPARE)) {
                end(self, true, "nothing hinders a rollback to %.150s", self->to);
        } else if (start_job(self, CONTENT_PREPARE, on_prepared, &err) < 0) {
                end(self, false, "%s", err.text);
        }
}

/* What is on disk says where to go back to, whatever ends this process meanwhile. */
static void write_down(struct rollback *self) {
        struct error err = {0};
        if (self->operation.kind == &rollback_rehearsal) {
                prepare(self);
                return;
        }
        ledger_begin(ledger_of(self), request_of(self)->order.request, self->to);
        self->saving = true;
        if (content_save(request_of(self)->managed, on_written, self, &err) < 0) {
                self->saving = false;
                ledger_of(self)->rollback.state = ROLLBACK_NONE;
                refuse(self, "not begun: %s", err.text);
        }
}

/* ---- Guards ---- */

static void on_guard(void *cookie, int result, const char *text) {
        struct rollback *self = cookie;
        const struct version *target = ledger_target(ledger_of(self));
        self->guard = NULL;
        if (result < 0) {
                refuse(self, "the schema guard cannot be read: %.200s", text);
        } else if (!target || !str_eq(target->name, self->to)) {
                refuse(self, "what it was well with changed meanwhile");
        } else if (!target->guarded) {
                refuse(self, "what the schema guard said of %.150s is not known", self->to);
        } else if (strncmp(target->guard, text, LEDGER_GUARD_MAX - 1) != 0) {
                refuse(self,
                        "the schema guard says %.100s, and said %.100s when %.100s was "
                        "well: code does not go back across a migration",
                        text, target->guard, self->to);
        } else {
                write_down(self);
        }
}

static void guard(struct rollback *self) {
        const struct operation_request *request = request_of(self);
        const struct value_source *source = request->service->rollback->schema_guard;
        struct error err = {0};
        if (!source) {
                write_down(self);
        } else if (value_read_start(&self->guard, request->executor, source, on_guard, self, &err) <
                   0) {
                refuse(self, "the schema guard: %s", err.text);
        }
}

/* ---- From where to where ---- */

static void choose_target(struct rollback *self) {
        const struct ledger *ledger = ledger_of(self);
        const struct version *target = ledger_target(ledger);
        if (!target) {
                refuse(self,
                        "nothing but %.150s has earned trust so far, and there is nothing to "
                        "go back to",
                        self->from);
        } else if (request_of(self)->order.step && !ledger_changed(ledger)) {
                refuse(self, "nothing has changed: %.200s is what it was well with", self->from);
        } else {
                str_copy(self->to, sizeof(self->to), target->name);
                guard(self);
        }
}

static void choose_undo(struct rollback *self) {
        struct last_rollback *rollback = &ledger_of(self)->rollback;
        struct error err = {0};
        if (rollback->state != ROLLBACK_BEGUN && rollback->state != ROLLBACK_KEPT) {
                refuse(self, "there is no rollback to take back");
        } else if (str_eq(self->from, rollback->from)) {
                rollback->state = ROLLBACK_UNDONE;
                (void) content_save(request_of(self)->managed, NULL, NULL, &err);
                end(self, true, "%.200s was never left", self->from);
        } else if (!str_eq(self->from, rollback->to)) {
                refuse(self, "somebody has changed it since: it is %.150s, not %.150s", self->from,
                        rollback->to);
        } else {
                str_copy(self->to, sizeof(self->to), rollback->from);
                exchange(self);
        }
}

static void on_seen(void *cookie, const struct content_result *result) {
        struct rollback *self = cookie;
        self->job = NULL;
        if (!ledger_of(self)) {
                refuse(self, "what it was well with is not known yet");
                return;
        }
        content_enter(request_of(self)->managed, result);
        if (result->result < 0) {
                refuse(self, "%s", result->text);
                return;
        }
        str_copy(self->from, sizeof(self->from), result->name);
        if (is_undo(self)) {
                choose_undo(self);
        } else {
                choose_target(self);
        }
}

/* ---- A deployment ---- */

static int look_for_lock(void *path) {
        return access(path, F_OK) == 0 ? -EBUSY : 0;
}

static void on_lock(void *cookie, int result, void *data) {
        struct rollback *self = cookie;
        struct error err = {0};
        (void) data;
        self->lock = NULL;
        if (result < 0) {
                refuse(self, "%.200s: %s", request_of(self)->service->deploy_lock,
                        result == -EBUSY ? "a deployment is under way" : strerror(-result));
        } else if (start_job(self, CONTENT_LOOK, on_seen, &err) < 0) {
                refuse(self, "%s", err.text);
        }
}

static int start(struct operation *operation, struct error *err) {
        struct rollback *self = (struct rollback *) operation;
        const struct operation_request *request = &operation->request;
        if (operation->kind != &rollback_rehearsal) {
                content_stop_looking(request->managed);
        }
        if (!request->service || !request->service->rollback || !ledger_of(self)) {
                return error_set(err, EAGAIN, "what it was well with is not known yet");
        }
        if (!request->service->deploy_lock) {
                return start_job(self, CONTENT_LOOK, on_seen, err);
        }
        char *path = strdup(request->service->deploy_lock);
        if (!path) {
                return error_set(err, ENOMEM, "out of memory");
        }
        const struct worker_job job = {
                .run = look_for_lock,
                .release = free,
                .done = on_lock,
                .data = path,
                .cookie = self,
                .deadline = request->deadline,
        };
        int r = worker_submit(request->executor->disk, &job, &self->lock, err);
        if (r < 0) {
                free(path);
        }
        return r;
}

const struct operation_kind rollback_step = {
        .size = sizeof(struct rollback),
        .start = start,
        .release = release,
};

const struct operation_kind rollback_rehearsal = {
        .size = sizeof(struct rollback),
        .start = start,
        .release = release,
};
