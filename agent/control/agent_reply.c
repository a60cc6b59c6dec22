#include "control/agent_reply.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "control/verdict.h"
#include "runtime/runtime.h"

/* An action is under way, or not yet proven. */
static bool is_being_changed(const struct runtime *runtime, const struct service_status *status) {
        return runtime_drained(runtime, status->policy->index) || status->phase == PHASE_ACTING ||
               status->phase == PHASE_VERIFYING;
}

static enum agent_answer judge(const struct runtime *runtime, const struct verdict *verdict) {
        const struct service_status *status = &verdict->status;
        if (status->phase == PHASE_STOPPED || status->phase == PHASE_STANDBY) {
                return AGENT_ANSWER_STOPPED;
        }
        if (status->health == HEALTH_UNKNOWN) {
                return AGENT_ANSWER_UNCHANGED;
        }
        if (!verdict->up) {
                return AGENT_ANSWER_DOWN;
        }
        bool serves = verdict->ready && !is_being_changed(runtime, status);
        return serves ? AGENT_ANSWER_READY : AGENT_ANSWER_DRAIN;
}

/* HAProxy takes words apart at spaces and commas until a '#', and shows what follows. `up` ends a
 * `down`, `ready` a `drain`; a line without any word changes nothing. */
static void write_line(
        enum agent_answer answer, const char *service, const char *why, char ret[AGENT_REPLY_MAX]) {
        static const char *const words[AGENT_ANSWER_COUNT] = {
                [AGENT_ANSWER_UNCHANGED] = "",
                [AGENT_ANSWER_READY] = "up ready ",
                [AGENT_ANSWER_DRAIN] = "up drain ",
                [AGENT_ANSWER_DOWN] = "down ",
                [AGENT_ANSWER_STOPPED] = "stopped ",
        };
        char text[AGENT_REPLY_MAX - 32];
        snprintf(text, sizeof(text), "#%s%s%s", service, *service && *why ? ": " : "", why);
        str_make_printable(text);
        snprintf(ret, AGENT_REPLY_MAX, "%s%s\n", words[answer], text);
}

static const char *why_of(const struct verdict *verdict, enum agent_answer answer) {
        if (answer == AGENT_ANSWER_READY) {
                return "";
        }
        bool failing = answer == AGENT_ANSWER_DOWN || !verdict->ready;
        return failing && verdict->detail ? verdict->detail : verdict->state;
}

static enum agent_answer answer_of(
        const struct runtime *runtime, uint32_t index, char ret[AGENT_REPLY_MAX]) {
        struct verdict verdict = verdict_of(runtime, index);
        enum agent_answer answer = judge(runtime, &verdict);
        write_line(answer, verdict.status.policy->name, why_of(&verdict, answer), ret);
        return answer;
}

/* Of all services the worst; those that are stopped on purpose do not count. */
static enum agent_answer answer_of_host(const struct runtime *runtime, char ret[AGENT_REPLY_MAX]) {
        static const enum agent_answer worst_first[] = {
                AGENT_ANSWER_DOWN, AGENT_ANSWER_DRAIN, AGENT_ANSWER_UNCHANGED, AGENT_ANSWER_READY};
        const struct policy *policy = runtime_policy(runtime);
        uint32_t first[AGENT_ANSWER_COUNT];
        for (size_t i = 0; i < ELEMENTSOF(first); i++) {
                first[i] = UINT32_MAX;
        }
        for (uint32_t i = policy->n_services; i-- > 0;) {
                struct verdict verdict = verdict_of(runtime, i);
                if (!policy->services[i].reference) {
                        first[judge(runtime, &verdict)] = i;
                }
        }
        for (size_t i = 0; i < ELEMENTSOF(worst_first); i++) {
                if (first[worst_first[i]] < UINT32_MAX) {
                        return answer_of(runtime, first[worst_first[i]], ret);
                }
        }
        enum agent_answer none = first[AGENT_ANSWER_STOPPED] < UINT32_MAX ? AGENT_ANSWER_STOPPED
                                                                          : AGENT_ANSWER_UNCHANGED;
        write_line(none, "", "no service runs here", ret);
        return none;
}

/* A name that is wrong takes no server down: it may be one that a reload has just removed. */
enum agent_answer agent_reply(
        const struct runtime *runtime, const char *name, char ret[AGENT_REPLY_MAX]) {
        if (!*name) {
                return answer_of_host(runtime, ret);
        }
        const struct service *service = policy_service(runtime_policy(runtime), name);
        if (!service) {
                write_line(
                        AGENT_ANSWER_UNCHANGED, "", "no such service in recoverd's policies", ret);
                return AGENT_ANSWER_UNCHANGED;
        }
        return answer_of(runtime, service->index, ret);
}
