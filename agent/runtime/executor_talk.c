/* The conversation with the executor: what it says becomes inputs, what the core wants becomes
 * messages. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/shell.h"

static const struct service *service_named(const struct runtime *runtime, const char *name) {
        return policy_service(runtime->policy, name);
}

static void feed_outcome(struct runtime *runtime, uint32_t service, struct input *input) {
        input->kind = INPUT_OUTCOME;
        input->service = service;
        turns_feed(runtime, input);
}

void executor_send(struct runtime *runtime, enum wire_type type) {
        struct wire_message message = {.type = type, .request = loop_now(runtime->loop).wall};
        int r = executor_link_send(runtime->link, &message);
        if (r < 0 &&
                r != -ENOTCONN) { /* while it is away, its return brings everything up to date */
                log_warning("cannot say %s to the executor: %s, ignoring", wire_type_text(type),
                        strerror(-r));
        }
}

/* ---- What the core wants ---- */

void executor_act(struct runtime *runtime, const struct effect *effect) {
        const struct attempt *attempt = &effect->attempt.attempt;
        const struct service *service = &runtime->policy->services[effect->service];
        struct wire_message message = {
                .type = WIRE_DO,
                .request = effect->attempt.token,
                .incident = attempt->incident,
                .attempt = attempt->number,
                .step = attempt->step,
                .action = attempt->action,
        };
        str_copy(message.service, sizeof(message.service), service->name);
        str_copy(message.digest, sizeof(message.digest), service->digest);
        int r = executor_link_send(runtime->link, &message);
        if (r < 0) { /* it did not leave this process, so it may be asked again */
                struct input input = {.outcome = {
                                              .token = effect->attempt.token,
                                              .retry = true,
                                      }};
                snprintf(input.outcome.text, sizeof(input.outcome.text),
                        "the executor cannot be reached: %s", strerror(-r));
                feed_outcome(runtime, effect->service, &input);
                return;
        }
        runtime->tables.services[effect->service].listed =
                true; /* it knows this one, whatever it lists */
}

int executor_ask(void *cookie, uint64_t request, uint32_t index, uint32_t probe, usec_t timeout) {
        struct runtime *runtime = cookie;
        const struct service *service = &runtime->policy->services[index];
        struct wire_message message = {
                .type = WIRE_PROBE,
                .request = request,
                .timeout = timeout,
        };
        str_copy(message.service, sizeof(message.service), service->name);
        str_copy(message.probe, sizeof(message.probe), service->probes[probe].name);
        str_copy(message.digest, sizeof(message.digest), service->digest);
        return executor_link_send(runtime->link, &message);
}

/* Asks for everything it knows. What it does not mention until `listed`, it does not know. */
static void begin_list(struct runtime *runtime) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                runtime->tables.services[i].listed = false;
        }
        executor_send(runtime, WIRE_LIST);
}

/* ---- What it says ---- */

/* A unit that is down without an end of its main process is in a state that its manager gave it. */
static enum cause end_of(const struct service *service, const struct wire_message *message) {
        if (message->out_of_memory) {
                return CAUSE_EXITED_OOM;
        }
        switch (message->exit_kind) {
        case WIRE_EXIT_STATUS:
                return CAUSE_EXITED_CODE;
        case WIRE_EXIT_SIGNAL:
                return CAUSE_EXITED_SIGNAL;
        case WIRE_EXIT_NONE:
        case WIRE_EXIT_UNKNOWN:
                break;
        }
        return service->manager == MANAGER_UNIT ? CAUSE_UNIT_STATE : CAUSE_EXITED;
}

static void on_service(struct runtime *runtime, const struct wire_message *message) {
        const struct service *service = service_named(runtime, message->service);
        if (!service) {
                return;
        }
        struct probe_target target = {
                /* A manager may know that it runs, and not as which process. */
                .known = !message->running || message->pid > 0,
                .pid = message->running ? message->pid : 0,
                .start_time = message->start_time,
                .busy = message->manager_busy,
        };
        scheduler_target(runtime->scheduler, service->index, &target);
        if (message->busy) {
                runtime->tables.services[service->index].listed = true;
        }
        struct input input = {
                .kind = INPUT_PROCESS,
                .service = service->index,
                .process = {.running = message->running,
                        .expected = message->expected,
                        .by_person = message->by_person,
                        .busy = message->manager_busy,
                        .pid = message->pid,
                        .age = usec_sub(loop_now(runtime->loop).wall, message->since)},
        };
        if (!message->running) {
                input.process.end = end_of(service, message);
                bool known = message->exit_kind != WIRE_EXIT_STATUS || !message->out_of_memory;
                input.process.status = known ? message->exit_code : 0;
        }
        str_copy(input.process.text, sizeof(input.process.text), message->text);
        traffic_heard(runtime, service->index, message->drained);
        turns_feed(runtime, &input);
        content_look_soon(runtime, service->index);
}

static void on_done(struct runtime *runtime, const struct wire_message *message) {
        const struct service *service = service_named(runtime, message->service);
        if (!service || members_answered(runtime, message)) {
                return;
        }
        struct input input = {.outcome = {.token = message->request, .ok = message->ok}};
        str_copy(input.outcome.text, sizeof(input.outcome.text), message->text);
        feed_outcome(runtime, service->index, &input);
}

static void on_refused(struct runtime *runtime, const struct wire_message *message) {
        if (checkpoint_asks_refused(runtime, message)) {
                return;
        }
        const struct service *service = service_named(runtime, message->service);
        if (!service) {
                return;
        }
        bool other_policy =
                message->refusal == REFUSAL_DIGEST || message->refusal == REFUSAL_UNKNOWN_SERVICE;
        if (other_policy) {
                executor_send(runtime, WIRE_RELOAD);
        }
        if (members_answered(runtime, message)) {
                return;
        }
        struct input input = {.outcome = {
                                      .token = message->request,
                                      .refused = true,
                                      .retry = other_policy || message->refusal == REFUSAL_BUSY ||
                                               message->refusal == REFUSAL_LIMIT ||
                                               message->refusal == REFUSAL_HELD,
                              }};
        str_copy(input.outcome.text, sizeof(input.outcome.text), message->text);
        feed_outcome(runtime, service->index, &input);
}

/* Attempts that the executor did not mention: what became of them cannot be known. */
static void give_up_unlisted(struct runtime *runtime) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                if (status.phase != PHASE_ACTING || runtime->tables.services[i].listed ||
                        !status.attempt) {
                        continue;
                }
                struct input input = {.outcome = {.token = status.attempt->intended, .lost = true}};
                str_copy(input.outcome.text, sizeof(input.outcome.text),
                        "the executor knows nothing of this attempt");
                feed_outcome(runtime, i, &input);
        }
}

static void note_agreement(struct runtime *runtime, const char *digest) {
        bool agreed = runtime->executor_agrees;
        runtime->executor_agrees = str_eq(digest, runtime->policy->digest);
        if (runtime->executor_agrees && !agreed) {
                members_agreed(runtime);
        }
}

static void tell_up(struct runtime *runtime, bool up) {
        runtime->executor_agrees = runtime->executor_agrees && up;
        runtime->stats.executor_up = up;
        runtime->stats.executor_since = loop_now(runtime->loop);
        runtime->stats.executor_pid = up ? executor_link_pid(runtime->link) : 0;
        turns_feed(runtime, &(struct input){.kind = INPUT_EXECUTOR, .up = up});
        members_executor(runtime, up);
}

static void on_listed(struct runtime *runtime) {
        give_up_unlisted(runtime);
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                turns_feed(runtime, &(struct input){.kind = INPUT_GUARDS, .service = i});
        }
}

static void on_reloaded(struct runtime *runtime, const struct wire_message *message) {
        note_agreement(runtime, message->ok ? message->digest : "");
        if (!message->ok) {
                effects_say(
                        runtime, LOG_ERR, "the executor refused the policies: %s", message->text);
        } else if (!runtime->executor_agrees) {
                effects_say(runtime, LOG_WARNING,
                        "the executor read other policies than the agent: the files changed in between, "
                        "reload once more");
        } else {
                begin_list(runtime); /* services may have come or gone */
        }
}

static void on_message(void *cookie, const struct wire_message *message) {
        struct runtime *runtime = cookie;
        switch (message->type) {
        case WIRE_SERVICE:
                on_service(runtime, message);
                return;
        case WIRE_LISTED:
                on_listed(runtime);
                return;
        case WIRE_DONE:
                on_done(runtime, message);
                return;
        case WIRE_REFUSED:
                on_refused(runtime, message);
                return;
        case WIRE_OBSERVATION:
                scheduler_answer(runtime->scheduler, message);
                return;
        case WIRE_RELOADED:
                on_reloaded(runtime, message);
                return;
        case WIRE_STOPPED_ALL:
                effects_say(runtime, message->ok ? LOG_NOTICE : LOG_ERR, "%s",
                        message->ok ? "all services are stopped" : message->text);
                loop_exit(runtime->loop, message->ok ? 0 : 1);
                return;
        case WIRE_REPORT:
                checkpoint_asks_heard(runtime, message);
                return;
        case WIRE_CONTENT:
                content_heard(runtime, message);
                return;
        case WIRE_ROLE:
                members_heard(runtime, message);
                return;
        case WIRE_WELCOME:
                note_agreement(runtime, message->digest);
                if (!runtime->executor_agrees) {
                        executor_send(runtime, WIRE_RELOAD);
                }
                return;
        case WIRE_NONE:
        case WIRE_HELLO:
        case WIRE_LIST:
        case WIRE_DO:
        case WIRE_PROBE:
        case WIRE_RELOAD:
        case WIRE_STOP_ALL:
        case WIRE_LOOK:
        case WIRE_VERDICT:
        case WIRE_CHECKPOINT:
        case WIRE_GUARD:
        case WIRE_TRAFFIC:
                return; /* the agent's own words */
        }
}

/* Whether the executor may do more than this process: it runs as another user. */
static bool executor_is_stronger(pid_t pid) {
        char path[32];
        struct stat st;
        snprintf(path, sizeof(path), "/proc/%d", pid);
        return stat(path, &st) == 0 && st.st_uid != geteuid();
}

static void on_up(void *cookie) {
        struct runtime *runtime = cookie;
        scheduler_delegate(
                runtime->scheduler, executor_is_stronger(executor_link_pid(runtime->link)));
        tell_up(runtime, true);
        begin_list(runtime);
        effects_say(runtime, LOG_INFO, "the executor is here, pid %d",
                executor_link_pid(runtime->link));
}

static void on_down(void *cookie, const char *why) {
        struct runtime *runtime = cookie;
        checkpoint_asks_drop(runtime);
        effects_say(runtime, LOG_WARNING, "the executor is away: %s; it is called back", why);
        tell_up(runtime, false);
}

const struct executor_link_callbacks executor_talk = {
        .on_up = on_up,
        .on_down = on_down,
        .on_message = on_message,
};
