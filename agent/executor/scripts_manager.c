#include "executor/scripts_manager.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/script_run.h"
#include "executor/scripts_end.h"
#include "executor/scripts_step.h"

/* A look that is wanted or under way, in managed->manager_data. */
struct script_look {
        struct list node; /* in looks->waiting */
        struct managed *managed;
        struct policy_share *share; /* of the service that `run` is about */
        struct script_run *run; /* NULL: it waits for its turn */
};

static struct script_looks *looks_of(const struct managed *managed) {
        return &managed->executor->script_looks;
}

static void look_free(struct script_look *look) {
        struct script_looks *looks = looks_of(look->managed);
        if (look->run) {
                script_run_cancel(look->run);
                looks->running--;
        }
        if (!list_empty(&looks->waiting)) {
                loop_defer_schedule(&looks->next);
        }
        list_remove(&look->node);
        look->managed->manager_data = NULL;
        policy_share_release(look->share);
        free(look);
}

/* A service that ran and does not any more has ended by itself: actions say what they did. What was
 * down at the first look was never started, as far as anybody here knows. */
static void tell_down(struct managed *managed, const struct script_verdict *verdict) {
        struct managed_status status = {.known = true};
        const struct managed_status *before = &managed->status;
        bool died = before->known ? before->running || !before->expected
                                  : verdict->state == SCRIPT_DEAD;
        status.expected = !died;
        if (died) {
                str_copy(status.text, sizeof(status.text), verdict->text);
        }
        managed_tell(managed, &status);
}

static void tell(struct managed *managed, const struct script_verdict *verdict) {
        switch (verdict->state) {
        case SCRIPT_RUNS:
        case SCRIPT_DEGRADED:
        case SCRIPT_BROKEN: /* that is for its probes; it is not known to be gone */
                managed_tell(managed, &(struct managed_status){.known = true, .running = true});
                break;
        case SCRIPT_DEAD:
        case SCRIPT_GONE:
                tell_down(managed, verdict);
                break;
        case SCRIPT_UNCLEAR:
                log_warning("%s: its status cannot be found out: %s", managed->state.service,
                        verdict->text);
                break;
        }
}

static void on_looked(void *cookie, const struct script_verdict *verdict, const char *output,
        size_t output_length) {
        struct script_look *look = cookie;
        struct managed *managed = look->managed;
        (void) output;
        (void) output_length;
        look->run = NULL;
        looks_of(managed)->running--;
        look_free(look);
        if (!managed->action) { /* which knows better by now */
                tell(managed, verdict);
        }
}

static void begin(struct script_look *look) {
        struct managed *managed = look->managed;
        struct executor *executor = managed->executor;
        struct error err = {0};
        list_remove(&look->node);
        look->share = policy_share_hold(managed->share);
        if (script_run_start(&look->run, executor, managed->service, SCRIPT_STATUS,
                    usec_add(loop_now(executor->loop).mono, SCRIPT_LOOK_LIMIT), on_looked, look,
                    &err) < 0) {
                log_warning(
                        "%s: its status cannot be found out: %s", managed->state.service, err.text);
                look_free(look);
                return;
        }
        looks_of(managed)->running++;
}

static void begin_waiting(void *cookie) {
        struct script_looks *looks = cookie;
        while (looks->running < SCRIPT_LOOKS_MAX && !list_empty(&looks->waiting)) {
                begin(LIST_ENTRY(looks->waiting.next, struct script_look, node));
        }
}

void script_looks_init(struct script_looks *looks, struct loop *loop) {
        *looks = (struct script_looks){0};
        list_init(&looks->waiting);
        loop_defer_init(&looks->next, loop, begin_waiting, looks);
}

void script_looks_done(struct script_looks *looks) {
        loop_defer_cancel(&looks->next);
}

static void look(struct managed *managed) {
        if (managed->manager_data || managed->action) {
                return; /* one is under way, or an action, which tells itself */
        }
        struct script_look *look = calloc(1, sizeof(*look));
        if (!look) {
                log_warning(
                        "%s: its status is not found out: out of memory", managed->state.service);
                return;
        }
        look->managed = managed;
        managed->manager_data = look;
        list_append(&looks_of(managed)->waiting, &look->node);
        loop_defer_schedule(&looks_of(managed)->next);
}

static void leave(struct managed *managed) {
        if (managed->manager_data) {
                look_free(managed->manager_data);
        }
}

const struct manager_kind scripts_manager = {
        .operations =
                {
                        [ACTION_RESTART] = &scripts_step,
                        [ACTION_START] = &scripts_step,
                        [ACTION_STOP] = &scripts_step,
                        [ACTION_RELOAD] = &scripts_step,
                        [ACTION_DEMOTE] = &scripts_end,
                },
        .look = look,
        .leave = leave,
};
