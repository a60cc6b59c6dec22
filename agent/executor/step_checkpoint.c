#include "executor/step_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/checkpoint_program.h"
#include "executor/executor.h"
#include "executor/service_content.h"

/* What did not change takes tens of milliseconds, also of some thousand files. */
#define PATIENCE (500 * USEC_PER_MSEC)
#define LIMIT (2 * USEC_PER_MINUTE)

struct step_checkpoint {
        struct managed *managed;
        struct checkpoint_program *program;
        struct loop_timer patience;
        int action; /* enum action, before which it is taken */
        void (*ready)(void *cookie); /* NULL: nobody waits */
        void *cookie;
};

static void step_checkpoint_free(struct step_checkpoint *keeping) {
        if (keeping) {
                checkpoint_program_cancel(keeping->program);
                loop_timer_done(&keeping->patience);
                free(keeping);
        }
}

DEFINE_CLEANUP(cleanup_keeping, struct step_checkpoint, step_checkpoint_free)

void step_checkpoint_forget(struct managed *managed) {
        struct step_checkpoint *keeping = managed->keeping;
        if (keeping) {
                keeping->ready = NULL;
                loop_timer_cancel(&keeping->patience);
        }
}

void step_checkpoint_cancel(struct managed *managed) {
        step_checkpoint_free(TAKE_PTR(managed->keeping));
}

static void tell_ready(struct step_checkpoint *keeping) {
        void (*ready)(void *cookie) = keeping->ready;
        void *cookie = keeping->cookie;
        step_checkpoint_forget(keeping->managed);
        if (ready) {
                ready(cookie);
        }
}

static void on_patience(void *cookie) {
        struct step_checkpoint *keeping = cookie;
        log_info("%s: %s does not wait longer for a checkpoint of what is there, which is read "
                 "meanwhile",
                keeping->managed->state.service, action_text((enum action) keeping->action));
        tell_ready(keeping);
}

static void log_outcome(
        const struct step_checkpoint *keeping, const struct checkpoint_outcome *outcome) {
        const char *service = keeping->managed->state.service;
        const char *action = action_text((enum action) keeping->action);
        if (outcome->status != CHECKPOINT_DONE) {
                log_warning("%s: no checkpoint before %s: %s", service, action, outcome->text);
        } else if (json_object_get_boolean(json_object_object_get(outcome->json, "new"))) {
                struct json_object *taken = json_object_object_get(outcome->json, "checkpoint");
                log_info("%s: what is there before %s is kept as %s", service, action,
                        json_object_get_string(json_object_object_get(taken, "id")));
        }
}

static void on_ended(void *cookie, const struct checkpoint_outcome *outcome) {
        struct step_checkpoint *keeping = cookie;
        struct managed *managed = keeping->managed;
        void (*ready)(void *cookie) = keeping->ready;
        void *own = keeping->cookie;
        keeping->program = NULL;
        log_outcome(keeping, outcome);
        step_checkpoint_cancel(managed);
        if (ready) {
                ready(own);
        }
        content_kept(managed);
}

static int run(struct step_checkpoint *keeping, struct error *err) {
        const struct managed *managed = keeping->managed;
        struct executor *executor = managed->executor;
        struct checkpoint_command command = {0};
        char size[UNITS_TEXT_MAX], reason[64];
        usec_t now = loop_now(executor->loop).mono;
        snprintf(reason, sizeof(reason), "before %s", action_text((enum action) keeping->action));
        checkpoint_command_create(&command, managed->service, true, size);
        checkpoint_command_add(&command, "--reason");
        checkpoint_command_add(&command, reason);
        return checkpoint_program_start(&keeping->program, executor, &command, usec_add(now, LIMIT),
                on_ended, keeping, err);
}

static struct step_checkpoint *begin(struct managed *managed, int action, struct error *err) {
        AUTO(cleanup_keeping) struct step_checkpoint *keeping = calloc(1, sizeof(*keeping));
        if (!keeping || loop_timer_init(&keeping->patience, managed->executor->loop, on_patience,
                                keeping) < 0) {
                error_set(err, ENOMEM, "out of memory");
                free(TAKE_PTR(keeping));
                return NULL;
        }
        keeping->managed = managed;
        keeping->action = action;
        return run(keeping, err) < 0 ? NULL : TAKE_PTR(keeping);
}

bool step_checkpoint_start(
        struct managed *managed, int action, void (*ready)(void *cookie), void *cookie) {
        struct error err = {0};
        bool under_way = managed->keeping; /* of a large tree, before the step before */
        if (under_way || !managed->service || !managed->service->checkpoint) {
                return false;
        }
        /* Both would want the same lock, and a look is made again afterwards. */
        content_stop_looking(managed);
        managed->keeping = begin(managed, action, &err);
        if (!managed->keeping) {
                log_warning("%s: no checkpoint before %s: %s", managed->state.service,
                        action_text((enum action) action), err.text);
                return false;
        }
        managed->keeping->ready = ready;
        managed->keeping->cookie = cookie;
        loop_timer_set_after(&managed->keeping->patience, PATIENCE);
        return true;
}
