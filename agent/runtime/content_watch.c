/* What services consist of: asks the executor, which alone may look, and keeps what it says. It is
 * asked now and then while a service is well, so that what it is well with earns trust and a change
 * is noticed when it happens; and at once when the service fails or was started anew. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/log.h"
#include "runtime/shell.h"

/* A fourth of the time in which trust is earned, within these. */
#define LOOK_LEAST (500 * USEC_PER_MSEC)
#define LOOK_MOST (5 * USEC_PER_MINUTE)

static struct service_shell *shell_of(struct runtime *runtime, uint32_t service) {
        return &runtime->tables.services[service];
}

static usec_t interval_of(const struct service *service, const struct service_shell *shell) {
        const struct checkpoint_spec *checkpoint = service->checkpoint;
        if (checkpoint && checkpoint->every && shell->content &&
                shell->content->state == FILES_UNCHANGED) {
                return checkpoint->every;
        }
        return MAX(LOOK_LEAST, MIN(LOOK_MOST, service->good_after / 4));
}

/* ---- Asking ---- */

/* While an attempt is under way nobody knows, and a dependency that is down tells nothing. */
static bool is_failing(const struct service_status *status) {
        const uint32_t phases = 1U << PHASE_COMPARING | 1U << PHASE_BACKOFF | 1U << PHASE_HELD |
                                1U << PHASE_UNATTENDED | 1U << PHASE_EXHAUSTED;
        return status->incident && phases & 1U << status->phase;
}

static void say_health(struct runtime *runtime, uint32_t index, struct wire_message *message) {
        struct service_status status;
        recovery_service_status(runtime->recovery, index, &status);
        if (is_failing(&status)) {
                message->health = HEALTH_FAILED;
        } else if (status.health == HEALTH_HEALTHY && status.phase == PHASE_WATCHING) {
                message->health = HEALTH_HEALTHY;
                message->duration = usec_sub(loop_now(runtime->loop).mono, status.health_since);
        }
}

/* Whether it was asked, so that an answer comes. */
static bool ask(struct runtime *runtime, uint32_t index, bool failed) {
        const struct service *service = &runtime->policy->services[index];
        struct service_shell *shell = shell_of(runtime, index);
        struct wire_message message = {.type = WIRE_LOOK, .health = HEALTH_FAILED};
        if (!service->rollback || !executor_link_up(runtime->link)) {
                return false;
        }
        if (!failed) {
                message.health = HEALTH_UNKNOWN;
                say_health(runtime, index, &message);
        }
        str_copy(message.service, sizeof(message.service), service->name);
        shell->look_due = usec_add(loop_now(runtime->loop).mono, interval_of(service, shell));
        if (executor_link_send(runtime->link, &message) < 0) {
                log_debug("%s: the executor cannot be asked now, trying again", service->name);
                return false;
        }
        return true;
}

void content_failed(struct runtime *runtime, uint32_t index) {
        if (!ask(runtime, index, true)) {
                struct input input = {.kind = INPUT_FILES, .service = index};
                str_copy(input.files.text, sizeof(input.files.text), "the executor is away");
                turns_feed(runtime, &input);
        }
}

static void on_timer(void *cookie) {
        struct runtime *runtime = cookie;
        usec_t now = loop_now(runtime->loop).mono, next = USEC_INFINITY;
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                if (!runtime->policy->services[i].rollback) {
                        continue;
                }
                struct service_shell *shell = shell_of(runtime, i);
                if (shell->look_due <= now) {
                        (void) ask(runtime, i, false);
                        shell->look_due = MAX(shell->look_due, usec_add(now, LOOK_LEAST));
                }
                next = MIN(next, shell->look_due);
        }
        loop_timer_set(&runtime->content_timer, next);
}

void content_look_soon(struct runtime *runtime, uint32_t index) {
        if (runtime->policy->services[index].rollback) {
                shell_of(runtime, index)->look_due = loop_now(runtime->loop).mono;
                loop_timer_set_after(&runtime->content_timer, 0);
        }
}

/* ---- What the executor says ---- */

static void tell_core(
        struct runtime *runtime, uint32_t index, const struct content_report *report) {
        struct input input = {
                .kind = INPUT_FILES,
                .service = index,
                .files = {.state = report->state,
                        .age = usec_sub(loop_now(runtime->loop).wall, report->since),
                        .change = report->change},
        };
        switch (report->state) {
        case FILES_UNKNOWN:
                str_copy(input.files.text, sizeof(input.files.text), report->text);
                break;
        case FILES_UNCHANGED:
                str_copy(input.files.text, sizeof(input.files.text), "nothing changed");
                break;
        case FILES_CHANGED:
                if (*report->text) {
                        str_copy(input.files.text, sizeof(input.files.text), report->text);
                } else {
                        snprintf(input.files.text, sizeof(input.files.text),
                                "%.64s in place of %.64s", report->present, report->good);
                }
                break;
        }
        turns_feed(runtime, &input);
}

void content_heard(struct runtime *runtime, const struct wire_message *message) {
        const struct service *service = policy_service(runtime->policy, message->service);
        if (!service) {
                return;
        }
        struct service_shell *shell = shell_of(runtime, service->index);
        if (!shell->content) {
                shell->content = calloc(1, sizeof(*shell->content));
        }
        struct content_report *report = shell->content;
        if (!report) {
                log_warning("%s: out of memory: what it consists of is not kept", service->name);
                return;
        }
        report->state = message->files;
        report->since = message->since;
        report->change = message->request;
        report->trusted = message->trusted;
        report->n_trusted = message->attempt;
        report->stored[CHECKPOINT_CANDIDATE] = message->candidates;
        report->stored[CHECKPOINT_RECOVERY_POINT] = message->recovery_points;
        report->stored[CHECKPOINT_SUSPECT] = message->suspects;
        report->stored[CHECKPOINT_WITHDRAWN] = message->withdrawn;
        str_copy(report->present, sizeof(report->present), message->from);
        str_copy(report->good, sizeof(report->good), message->to);
        str_copy(report->text, sizeof(report->text), message->text);
        wire_unfold(message->values, report->lines, sizeof(report->lines));
        tell_core(runtime, service->index, report);
}

/* An attempt that rolled back has ended: the executor keeps it, or takes it back. One that was
 * overtaken was not found wanting. */
void content_judge(struct runtime *runtime, const struct effect *effect) {
        const struct attempt *attempt = &effect->attempt.attempt;
        struct wire_message message = {.type = WIRE_VERDICT, .request = effect->attempt.token};
        if (attempt->action != ACTION_ROLLBACK || attempt->result == ATTEMPT_UNFINISHED ||
                attempt->result == ATTEMPT_REFUSED) {
                return;
        }
        message.ok = attempt->result == ATTEMPT_RECOVERED || attempt->result == ATTEMPT_SUPERSEDED;
        str_copy(message.service, sizeof(message.service),
                runtime->policy->services[effect->service].name);
        if (executor_link_send(runtime->link, &message) < 0) {
                log_warning("%s: the executor cannot be told how its rollback ended; 'recoverctl "
                            "rollback --undo' takes it back",
                        message.service);
        }
        content_look_soon(runtime, effect->service);
}

const struct content_report *runtime_content(const struct runtime *runtime, uint32_t service) {
        return runtime->tables.services[service].content;
}

/* ---- Made ---- */

int content_open(struct runtime *runtime) {
        return loop_timer_init(&runtime->content_timer, runtime->loop, on_timer, runtime);
}

void content_start(struct runtime *runtime) {
        loop_timer_set_after(&runtime->content_timer, 0);
}

void content_close(struct runtime *runtime) {
        loop_timer_done(&runtime->content_timer);
}
