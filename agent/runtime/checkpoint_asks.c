/* What people ask of the checkpoints of a service: the executor's answer comes in pieces. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/shell.h"

enum { ASKS_MAX = 64, ANSWER_MAX = 512 * 1024 };

struct ask {
        struct list node; /* in runtime->checkpoint_asks */
        uint64_t request;
        struct strbuf answer;
        runtime_reply call;
        void *cookie;
};

static void ask_end(struct runtime *runtime, struct ask *ask, int result, const char *text) {
        list_remove(&ask->node);
        answers_reply(runtime, ask->call, ask->cookie, result, text);
        strbuf_done(&ask->answer);
        free(ask);
}

static struct ask *find(struct runtime *runtime, uint64_t request) {
        LIST_FOREACH (node, &runtime->checkpoint_asks) {
                struct ask *ask = LIST_ENTRY(node, struct ask, node);
                if (ask->request == request) {
                        return ask;
                }
        }
        return NULL;
}

void checkpoint_asks_heard(struct runtime *runtime, const struct wire_message *message) {
        struct ask *ask = find(runtime, message->request);
        if (!ask) {
                return;
        }
        strbuf_add(&ask->answer, message->values);
        if (ask->answer.length > ANSWER_MAX) {
                ask_end(runtime, ask, -EINVAL, "the answer of the executor is too long");
        } else if (!message->busy) {
                const char *text = strbuf_text(&ask->answer);
                ask_end(runtime, ask, message->ok && text ? 0 : -EINVAL,
                        message->ok && text ? text : message->text);
        }
}

bool checkpoint_asks_refused(struct runtime *runtime, const struct wire_message *message) {
        struct ask *ask = find(runtime, message->request);
        if (ask) {
                ask_end(runtime, ask, -EINVAL, message->text);
        }
        return ask != NULL;
}

void checkpoint_asks_drop(struct runtime *runtime) {
        LIST_FOREACH (node, &runtime->checkpoint_asks) {
                ask_end(runtime, LIST_ENTRY(node, struct ask, node), -ENOTCONN,
                        "the executor went away");
        }
}

static size_t count(const struct runtime *runtime) {
        size_t n = 0;
        LIST_FOREACH (node, &runtime->checkpoint_asks) {
                n++;
        }
        return n;
}

void runtime_checkpoint(struct runtime *runtime, uint32_t index, enum checkpoint_verb verb,
        const char *a, const char *b, runtime_reply call, void *cookie) {
        const struct service *service = &runtime->policy->services[index];
        struct service_status status;
        struct wire_message message = {.type = WIRE_CHECKPOINT, .verb = verb};
        struct ask *ask = count(runtime) < ASKS_MAX ? calloc(1, sizeof(*ask)) : NULL;
        if (!ask) {
                answers_reply(runtime, call, cookie, -EBUSY, "too many requests at once");
                return;
        }
        recovery_service_status(runtime->recovery, index, &status);
        message.health = status.incident ? HEALTH_FAILED : status.health;
        message.request = MAX(loop_now(runtime->loop).wall, runtime->last_ask + 1);
        runtime->last_ask = message.request;
        str_copy(message.service, sizeof(message.service), service->name);
        str_copy(message.digest, sizeof(message.digest), service->digest);
        str_copy(message.from, sizeof(message.from), a);
        str_copy(message.to, sizeof(message.to), b);
        *ask = (struct ask){.request = message.request, .call = call, .cookie = cookie};
        list_append(&runtime->checkpoint_asks, &ask->node);
        if (executor_link_send(runtime->link, &message) < 0) {
                ask_end(runtime, ask, -ENOTCONN, "the executor is away");
        }
}
