/* People who wait for an answer: commands, and probes run on demand. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/shell.h"

/* ---- Answers: always from the loop, never from within the call ---- */

struct reply {
        struct list node;
        struct loop_defer defer;
        runtime_reply call;
        void *cookie;
        int result;
        char *text;
};

static void reply_free(struct reply *reply) {
        list_remove(&reply->node);
        loop_defer_cancel(&reply->defer);
        free(reply->text);
        free(reply);
}

static void on_reply(void *cookie) {
        struct reply *reply = cookie;
        reply->call(reply->cookie, reply->result, reply->text ? reply->text : "");
        reply_free(reply);
}

void answers_reply(
        struct runtime *runtime, runtime_reply call, void *cookie, int result, const char *text) {
        struct reply *reply = call ? calloc(1, sizeof(*reply)) : NULL;
        if (!reply) {
                return;
        }
        reply->call = call;
        reply->cookie = cookie;
        reply->result = result;
        reply->text = strdup(text);
        list_append(&runtime->replies, &reply->node);
        loop_defer_init(&reply->defer, runtime->loop, on_reply, reply);
        loop_defer_schedule(&reply->defer);
}

void runtime_command(struct runtime *runtime, uint32_t service, enum command_kind kind,
        usec_t duration, const char *by, const char *reason, runtime_reply call, void *cookie) {
        struct input input = {
                .kind = INPUT_COMMAND,
                .service = service,
                .command = {.kind = kind, .duration = duration},
        };
        str_copy(input.command.by, sizeof(input.command.by), by ? by : "");
        str_copy(input.command.reason, sizeof(input.command.reason), reason ? reason : "");
        if (runtime->stopping) {
                answers_reply(runtime, call, cookie, -ESHUTDOWN, "the agent is ending");
                return;
        }
        if (pools_wait(runtime, &input, call, cookie)) {
                return;
        }
        runtime->replied = false;
        turns_feed(runtime, &input);
        const struct effect *reply = &runtime->reply;
        bool ok = runtime->replied && reply->reply.ok;
        answers_reply(
                runtime, call, cookie, ok ? 0 : -EBUSY, runtime->replied ? reply->reply.text : "");
}

/* ---- Probes on demand ---- */

struct probe_request {
        struct list node;
        uint32_t service;
        uint64_t pending; /* probes as bits */
        usec_t asked;
        struct observation *observations;
        size_t n;
        runtime_probed done;
        void *cookie;
};

static void probe_request_free(struct runtime *runtime, struct probe_request *request) {
        list_remove(&request->node);
        runtime->n_probe_requests--;
        free(request->observations);
        free(request);
}

static uint64_t wanted_probes(const struct service *service, const char *name) {
        if (name) {
                const struct probe_spec *probe = policy_probe(service, name);
                return probe ? UINT64_C(1) << (probe - service->probes) : 0;
        }
        return service->n_probes >= 64 ? UINT64_MAX : (UINT64_C(1) << service->n_probes) - 1;
}

int runtime_probe(struct runtime *runtime, uint32_t index, const char *probe, runtime_probed done,
        void *cookie) {
        const struct service *service = &runtime->policy->services[index];
        uint64_t wanted = wanted_probes(service, probe);
        if (wanted == 0) {
                return -ENOENT;
        }
        if (runtime->n_probe_requests >= RUNTIME_PROBE_REQUESTS_MAX || runtime->stopping) {
                return -EBUSY;
        }
        struct probe_request *request = calloc(1, sizeof(*request));
        if (!request) {
                return -ENOMEM;
        }
        request->observations = calloc(service->n_probes, sizeof(*request->observations));
        if (!request->observations) {
                free(request);
                return -ENOMEM;
        }
        request->service = index;
        request->pending = wanted;
        request->asked = loop_now(runtime->loop).mono;
        request->done = done;
        request->cookie = cookie;
        list_append(&runtime->probe_requests, &request->node);
        runtime->n_probe_requests++;
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (wanted & UINT64_C(1) << i) {
                        scheduler_hurry_probe(runtime->scheduler, index, i);
                }
        }
        return 0;
}

void answers_observed(struct runtime *runtime, const struct observation *observation) {
        LIST_FOREACH (node, &runtime->probe_requests) {
                struct probe_request *request = LIST_ENTRY(node, struct probe_request, node);
                uint64_t bit = UINT64_C(1) << observation->probe;
                bool begun_since =
                        usec_sub(observation->at.mono, observation->duration) >= request->asked;
                if (request->service != observation->service || !(request->pending & bit) ||
                        !begun_since) {
                        continue;
                }
                request->pending &= ~bit;
                request->observations[request->n++] = *observation;
                if (!request->pending) {
                        request->done(request->cookie, request->observations, request->n);
                        probe_request_free(runtime, request);
                }
        }
}

/* What was answered so far; the rest will not come. */
static void drop_probe_requests(struct runtime *runtime) {
        LIST_FOREACH (node, &runtime->probe_requests) {
                struct probe_request *request = LIST_ENTRY(node, struct probe_request, node);
                request->done(request->cookie, request->observations, request->n);
                probe_request_free(runtime, request);
        }
}

void answers_reloaded(struct runtime *runtime) {
        drop_probe_requests(runtime); /* their indices are of the old policy */
}

void answers_done(struct runtime *runtime) {
        drop_probe_requests(runtime);
        LIST_FOREACH (node, &runtime->replies) {
                on_reply(LIST_ENTRY(node, struct reply, node));
        }
}
