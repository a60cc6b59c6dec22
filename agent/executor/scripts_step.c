#include "executor/scripts_step.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "executor/executor.h"
#include "executor/manager_kind.h"
#include "executor/script_run.h"

/* Between two looks at a service that is being stopped. */
#define PAUSE_FIRST (100 * USEC_PER_MSEC)
#define PAUSE_MAX (2 * USEC_PER_SEC)

enum stage {
        STAGE_DONE = 0,
        STAGE_VALIDATE, /* whether it could be started at all, before it is stopped */
        STAGE_LOOK, /* what runs need not be started, and what does not cannot be reloaded */
        STAGE_STOP,
        STAGE_PROVE_STOPPED,
        STAGE_START,
        STAGE_FIND_RELOAD, /* by the meta-data of a resource agent */
        STAGE_RELOAD,
};

struct scripts_step {
        struct operation operation;
        const enum stage *next; /* in the plan of the action */
        enum stage stage;
        enum script_verb verb;
        struct script_run *run;
        struct loop_timer timer; /* the pause between two looks */
        usec_t begun, pause;
        char text[SERVICE_SCRIPT_TEXT_MAX + 64]; /* what was done so far */
        char stop_text[SERVICE_SCRIPT_TEXT_MAX]; /* how a stop failed that may have worked */
        char look_text[SERVICE_SCRIPT_TEXT_MAX]; /* what the last look said that said anything */
};

static const enum stage restart_plan[] = {
        STAGE_VALIDATE, STAGE_STOP, STAGE_PROVE_STOPPED, STAGE_START, STAGE_DONE};
static const enum stage start_plan[] = {STAGE_LOOK, STAGE_VALIDATE, STAGE_START, STAGE_DONE};
static const enum stage stop_plan[] = {STAGE_STOP, STAGE_PROVE_STOPPED, STAGE_DONE};
static const enum stage reload_plan[] = {STAGE_LOOK, STAGE_FIND_RELOAD, STAGE_RELOAD, STAGE_DONE};

static const enum stage *const plans[ACTION_COUNT] = {
        [ACTION_RESTART] = restart_plan,
        [ACTION_START] = start_plan,
        [ACTION_STOP] = stop_plan,
        [ACTION_RELOAD] = reload_plan,
};

static void begin_next(struct scripts_step *step);

/* ---- What is said ---- */

static const struct service *service_of(const struct scripts_step *step) {
        return step->operation.request.service;
}

static usec_t now_of(const struct scripts_step *step) {
        return loop_now(step->operation.request.executor->loop).mono;
}

/* "stopped within 1.2s; started within 300ms". */
static void add_text(struct scripts_step *step, const char *done) {
        char took[UNITS_TEXT_MAX];
        size_t length = strlen(step->text);
        snprintf(step->text + length, sizeof(step->text) - length, "%s%s within %s",
                length ? "; " : "", done,
                units_format_duration_short(usec_sub(now_of(step), step->begun), took));
        step->begun = now_of(step);
}

static void fail_with(struct scripts_step *step, const char *what, const char *why) {
        char text[sizeof(step->text) + SERVICE_SCRIPT_TEXT_MAX + 32];
        snprintf(text, sizeof(text), "%s%s%s: %.384s", step->text, *step->text ? "; " : "", what,
                why);
        struct managed *managed = step->operation.request.managed;
        operation_end(&step->operation, false, text);
        manager_look(managed); /* how far it came */
}

static void fail_verb(struct scripts_step *step, const struct script_verdict *verdict) {
        fail_with(step, script_verb_name(service_of(step), step->verb), verdict->text);
}

/* What an action did to the service is known: its own programs said so. */
static void tell(const struct scripts_step *step, bool running) {
        managed_tell(step->operation.request.managed,
                &(struct managed_status){.known = true, .running = running, .expected = !running});
}

/* ---- What came of a program ---- */

static void on_validated(struct scripts_step *step, const struct script_verdict *verdict) {
        if (verdict->ok) {
                begin_next(step);
        } else {
                fail_verb(step, verdict);
        }
}

static bool runs(enum script_state state) {
        return state == SCRIPT_RUNS || state == SCRIPT_DEGRADED;
}

/* A start is for what does not run, a reload for what does. Where nobody knows, starting does no
 * harm: the standards demand that it changes nothing where the service runs. */
static void on_looked(struct scripts_step *step, const struct script_verdict *verdict) {
        bool wants_running = step->operation.request.order.action == ACTION_RELOAD;
        if (!wants_running && runs(verdict->state)) {
                tell(step, true);
                operation_end(&step->operation, true, "already running");
        } else if (wants_running && !runs(verdict->state)) {
                fail_with(step, "not reloaded", verdict->text);
        } else {
                begin_next(step);
        }
}

/* One that failed may have stopped it all the same: its status tells. */
static void on_stopped(struct scripts_step *step, const struct script_verdict *verdict) {
        if (!verdict->ok && now_of(step) >= step->operation.request.deadline) {
                fail_verb(step, verdict);
                return;
        }
        if (!verdict->ok) {
                str_copy(step->stop_text, sizeof(step->stop_text), verdict->text);
        }
        begin_next(step);
}

static void fail_proof(struct scripts_step *step) {
        const char *status = script_verb_name(service_of(step), SCRIPT_STATUS);
        char why[2 * SERVICE_SCRIPT_TEXT_MAX + 32];
        snprintf(why, sizeof(why), "%s says %s%s%s", status, step->look_text,
                *step->stop_text ? "; stop " : "", step->stop_text);
        fail_with(step, "not proven to be stopped", why);
}

/* The time may be over in the middle of a look. */
static void note_look(struct scripts_step *step, const struct script_verdict *verdict) {
        if (verdict->state != SCRIPT_UNCLEAR || !*step->look_text) {
                str_copy(step->look_text, sizeof(step->look_text), verdict->text);
        }
}

/* The last look is shortly before the deadline. */
static void on_proof(struct scripts_step *step, const struct script_verdict *verdict) {
        usec_t now = now_of(step);
        usec_t last = usec_sub(step->operation.request.deadline, PAUSE_FIRST);
        usec_t again = MIN(usec_add(now, step->pause), last);
        note_look(step, verdict);
        if (verdict->state == SCRIPT_GONE || verdict->state == SCRIPT_DEAD) {
                add_text(step, "stopped");
                tell(step, false);
                begin_next(step);
        } else if (again <= now || *step->stop_text) {
                fail_proof(step);
        } else {
                step->pause = MIN(2 * step->pause, PAUSE_MAX);
                loop_timer_set(&step->timer, again);
        }
}

static void on_started(struct scripts_step *step, const struct script_verdict *verdict) {
        if (!verdict->ok) {
                fail_verb(step, verdict);
                return;
        }
        add_text(step, "started");
        tell(step, true);
        begin_next(step);
}

static void on_reloaded(struct scripts_step *step, const struct script_verdict *verdict) {
        if (!verdict->ok) {
                fail_verb(step, verdict);
                return;
        }
        add_text(step, "reloaded");
        begin_next(step);
}

static void find_reload(struct scripts_step *step, const struct script_verdict *verdict,
        const char *output, size_t output_length) {
        if (!verdict->ok) {
                fail_verb(step, verdict);
        } else if (!service_script_find_reload(output, output_length, &step->verb)) {
                fail_with(step, "reload", "its resource agent has no such action");
        } else {
                begin_next(step);
        }
}

static void on_ended(void *cookie, const struct script_verdict *verdict, const char *output,
        size_t output_length) {
        struct scripts_step *step = cookie;
        step->run = NULL;
        switch (step->stage) {
        case STAGE_VALIDATE:
                on_validated(step, verdict);
                break;
        case STAGE_LOOK:
                on_looked(step, verdict);
                break;
        case STAGE_STOP:
                on_stopped(step, verdict);
                break;
        case STAGE_PROVE_STOPPED:
                on_proof(step, verdict);
                break;
        case STAGE_START:
                on_started(step, verdict);
                break;
        case STAGE_FIND_RELOAD:
                find_reload(step, verdict, output, output_length);
                break;
        case STAGE_RELOAD:
                on_reloaded(step, verdict);
                break;
        case STAGE_DONE:
                break;
        }
}

/* ---- One program after the other ---- */

static int run_verb(struct scripts_step *step, struct error *err) {
        const struct operation_request *request = &step->operation.request;
        usec_t limit = step->verb == SCRIPT_STATUS ? usec_add(now_of(step), SCRIPT_LOOK_LIMIT)
                                                   : USEC_INFINITY;
        return script_run_start(&step->run, request->executor, request->service, step->verb,
                MIN(request->deadline, limit), on_ended, step, err);
}

/* Where a stage is for resource agents only, or says itself which verb it takes. */
static bool is_passed_over(const struct scripts_step *step, enum stage stage) {
        bool of_agents = stage == STAGE_VALIDATE || stage == STAGE_FIND_RELOAD;
        return of_agents && !service_of(step)->scripts->ocf;
}

static void choose_verb(struct scripts_step *step) {
        static const enum script_verb verbs[] = {
                [STAGE_VALIDATE] = SCRIPT_VALIDATE,
                [STAGE_LOOK] = SCRIPT_STATUS,
                [STAGE_STOP] = SCRIPT_STOP,
                [STAGE_PROVE_STOPPED] = SCRIPT_STATUS,
                [STAGE_START] = SCRIPT_START,
                [STAGE_FIND_RELOAD] = SCRIPT_META_DATA,
                [STAGE_RELOAD] = SCRIPT_RELOAD,
        };
        bool found = step->stage == STAGE_RELOAD && service_of(step)->scripts->ocf;
        step->verb = found ? step->verb : verbs[step->stage];
}

static int begin_stage(struct scripts_step *step, struct error *err) {
        while (is_passed_over(step, *step->next)) {
                step->next++;
        }
        step->stage = *step->next++;
        step->pause = PAUSE_FIRST;
        choose_verb(step);
        return run_verb(step, err);
}

static void begin_next(struct scripts_step *step) {
        struct error err = {0};
        if (*step->next == STAGE_DONE) {
                operation_end(&step->operation, true, step->text);
        } else if (now_of(step) >= step->operation.request.deadline) {
                fail_with(step, "no time is left", "the limit of the action is over");
        } else if (begin_stage(step, &err) < 0) {
                fail_with(step, script_verb_name(service_of(step), step->verb), err.text);
        }
}

static void on_pause_over(void *cookie) {
        struct scripts_step *step = cookie;
        struct error err = {0};
        if (run_verb(step, &err) < 0) {
                fail_with(step, script_verb_name(service_of(step), step->verb), err.text);
        }
}

static int start(struct operation *operation, struct error *err) {
        struct scripts_step *step = (struct scripts_step *) operation;
        int r = loop_timer_init(
                &step->timer, operation->request.executor->loop, on_pause_over, step);
        if (r < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        step->begun = now_of(step);
        step->next = plans[operation->request.order.action];
        return begin_stage(step, err);
}

static void release(struct operation *operation) {
        struct scripts_step *step = (struct scripts_step *) operation;
        script_run_cancel(step->run);
        loop_timer_done(&step->timer);
}

const struct operation_kind scripts_step = {
        .size = sizeof(struct scripts_step),
        .start = start,
        .release = release,
};
