#include "executor/requests.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "model/manager.h"

/* ---- Refusing ---- */

static const struct service *find_service(
        struct executor *executor, const struct wire_message *message) {
        return executor->policy ? policy_service(executor->policy->policy, message->service) : NULL;
}

/* With the digest of the executor's own policy of the service, so that the difference can be seen.
 */
static void refuse(struct executor *executor, const struct wire_message *request,
        enum wire_refusal refusal, const char *why) {
        struct wire_message reply = {
                .type = WIRE_REFUSED,
                .request = request->request,
                .refusal = refusal,
        };
        const struct service *service = find_service(executor, request);
        if (service) {
                str_copy(reply.digest, sizeof(reply.digest), service->digest);
        }
        str_copy(reply.service, sizeof(reply.service), request->service);
        str_copy(reply.probe, sizeof(reply.probe), request->probe);
        str_copy(reply.text, sizeof(reply.text), why);
        log_warning("%s: request %" PRIu64 " refused (%s): %s", request->service, request->request,
                wire_refusal_text(refusal), why);
        agent_port_reply(&executor->port, &reply);
}

/* The service of the executor's policy, when it is the same as the agent's; else NULL, and refused.
 */
static const struct service *known_service(
        struct executor *executor, const struct wire_message *message) {
        const struct service *service = find_service(executor, message);
        if (!service) {
                refuse(executor, message, REFUSAL_UNKNOWN_SERVICE,
                        executor->policy ? "not in the executor's policy"
                                         : "the executor has no policy");
                return NULL;
        }
        if (!str_eq(service->digest, message->digest)) {
                refuse(executor, message, REFUSAL_DIGEST, "the executor's policy is another one");
                return NULL;
        }
        return service;
}

/* ---- do ---- */

/* A request that came before is answered as before: never a second action. Returns whether it was
 * one. */
static bool is_repeated(struct executor *executor, const struct wire_message *message) {
        struct managed *managed = managed_find(executor, message->service);
        if (!managed || message->request == 0) {
                return false;
        }
        if (message->request == action_request(managed->action)) {
                return true; /* `done` will answer both */
        }
        if (message->request == managed->state.result_request) {
                managed_announce(managed, UNSENT_DONE);
                return true;
        }
        return false;
}

/* What the step, or the person's word, comes to; NULL and a reason when the policy has no such
 * thing. */
static const char *resolve_order(const struct wire_message *message, const struct service *service,
        struct action_order *order) {
        /* A signal and a program are what the step says: there are none without it. */
        const uint32_t of_a_person = 1U << ACTION_RESTART | 1U << ACTION_START | 1U << ACTION_STOP;
        const uint32_t of_a_step =
                of_a_person | 1U << ACTION_EXEC | 1U << ACTION_RELOAD | 1U << ACTION_SIGNAL;
        bool by_step = message->step != STEP_NONE;
        if (by_step && (message->step < 0 || (uint32_t) message->step >= service->n_steps)) {
                return "the ladder has no such step";
        }
        *order = (struct action_order){
                .action = by_step ? service->steps[message->step].action : message->action,
                .request = message->request,
                .incident = message->incident,
                .attempt = message->attempt,
                .step = by_step ? &service->steps[message->step] : NULL,
        };
        if (order->action < 0 || order->action >= ACTION_COUNT ||
                !(UINT32_C(1) << order->action & (by_step ? of_a_step : of_a_person))) {
                return "not an action of the executor";
        }
        return manager_why_not(service, order->action);
}

/* A first start is what the policy asks for, not a recovery. */
static bool is_counted(const struct managed *managed, const struct action_order *order) {
        return order->step || order->action != ACTION_START || managed_runs(managed);
}

static bool spend(struct executor *executor, const struct wire_message *message,
        const struct managed *managed, const struct action_order *order) {
        struct error err = {0};
        if (!is_counted(managed, order)) {
                return true;
        }
        if (action_budget_spend(executor->budget, managed->service,
                    &executor->policy->policy->agent.budget, loop_now(executor->loop), &err) < 0) {
                refuse(executor, message, REFUSAL_BUDGET, err.text);
                return false;
        }
        budget_file_changed(&executor->budget_file);
        return true;
}

static void handle_do(struct executor *executor, const struct wire_message *message) {
        if (is_repeated(executor, message)) {
                return;
        }
        struct action_order order;
        struct error err = {0};
        const struct service *service = known_service(executor, message);
        if (!service) {
                return;
        }
        const char *why_not = resolve_order(message, service, &order);
        struct managed *managed = managed_find(executor, message->service);
        if (why_not || !managed) {
                refuse(executor, message, REFUSAL_NOT_ALLOWED,
                        why_not ? why_not : "the executor has nothing to do with it");
                return;
        }
        if (managed->action || executor->stop_all.active) {
                refuse(executor, message, REFUSAL_BUSY,
                        managed->action ? "another action is under way"
                                        : "everything is being stopped");
                return;
        }
        if (spend(executor, message, managed, &order) && action_start(managed, &order, &err) < 0) {
                refuse(executor, message, REFUSAL_LIMIT, err.text);
        }
}

/* ---- The others ---- */

static void handle_list(struct executor *executor, const struct wire_message *message) {
        (void) message;
        agent_port_list(&executor->port);
}

static void handle_probe(struct executor *executor, const struct wire_message *message) {
        const struct service *service = known_service(executor, message);
        const struct probe_spec *probe = service ? policy_probe(service, message->probe) : NULL;
        enum wire_refusal refusal = REFUSAL_NOT_ALLOWED;
        struct error err = {0};
        if (!service) {
                return;
        }
        if (!probe) {
                refuse(executor, message, refusal, "the service has no such probe");
                return;
        }
        if (privileged_probe_start(&executor->probes, message, service, probe, &refusal, &err) <
                0) {
                refuse(executor, message, refusal, err.text);
        }
}

static void handle_reload(struct executor *executor, const struct wire_message *message) {
        reload_start(&executor->reload, message->request);
}

static void handle_stop_all(struct executor *executor, const struct wire_message *message) {
        stop_all_start(&executor->stop_all, message->request);
}

static void (*const handlers[])(struct executor *executor, const struct wire_message *message) = {
        [WIRE_LIST] = handle_list,
        [WIRE_DO] = handle_do,
        [WIRE_PROBE] = handle_probe,
        [WIRE_RELOAD] = handle_reload,
        [WIRE_STOP_ALL] = handle_stop_all,
};

void requests_handle(struct executor *executor, const struct wire_message *message) {
        if ((size_t) message->type >= ELEMENTSOF(handlers) || !handlers[message->type]) {
                log_warning("a %s message from the agent, ignoring", wire_type_text(message->type));
                return;
        }
        handlers[message->type](executor, message);
}
