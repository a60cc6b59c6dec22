#include "executor/requests.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/service_content.h"
#include "executor/traffic.h"
#include "io/hold_file.h"
#include "model/manager.h"

/* ---- Refusing ---- */

static const struct service *find_service(
        struct executor *executor, const struct wire_message *message) {
        return executor->policy ? policy_service(executor->policy->policy, message->service) : NULL;
}

/* With the digest of the executor's own policy of the service, so that the difference can be seen.
 */
static void refuse_until(struct executor *executor, const struct wire_message *request,
        enum wire_refusal refusal, const char *why, usec_t until) {
        struct wire_message reply = {
                .type = WIRE_REFUSED,
                .request = request->request,
                .refusal = refusal,
                .deadline = until,
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

static void refuse(struct executor *executor, const struct wire_message *request,
        enum wire_refusal refusal, const char *why) {
        refuse_until(executor, request, refusal, why, 0);
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
        const uint32_t of_both = 1U << ACTION_RESTART | 1U << ACTION_START | 1U << ACTION_STOP |
                                 1U << ACTION_ROLLBACK;
        const uint32_t of_a_person = of_both | 1U << ACTION_UNDO | 1U << ACTION_PROMOTE |
                                     1U << ACTION_DEMOTE | 1U << ACTION_FOLLOW;
        const uint32_t of_a_step = of_both | 1U << ACTION_EXEC | 1U << ACTION_RELOAD |
                                   1U << ACTION_SIGNAL | 1U << ACTION_HAPROXY;
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
                .token = message->token,
        };
        if (order->action < 0 || order->action >= ACTION_COUNT ||
                !(UINT32_C(1) << order->action & (by_step ? of_a_step : of_a_person))) {
                return "not an action of the executor";
        }
        if (!service->rollback &&
                (order->action == ACTION_ROLLBACK || order->action == ACTION_UNDO)) {
                return "its policy has nothing to roll back";
        }
        return manager_why_not(service, order->action);
}

/* The agent has heard the name from a coordinator: only one that the policy has is passed on. */
static const char *resolve_active(const struct wire_message *message, const struct service *service,
        struct action_order *order) {
        const struct group_spec *group = service->group;
        if (order->action != ACTION_FOLLOW) {
                return NULL;
        }
        for (uint32_t i = 0; group && i < group->n_members; i++) {
                if (str_eq(group->members[i].name, message->to) &&
                        &group->members[i] != service->member) {
                        order->active = group->members[i].name;
                        return NULL;
                }
        }
        return "its group has no other member of that name";
}

/* A first start is what the policy asks for, not a recovery, and so is a standby that runs. */
static bool is_counted(const struct managed *managed, const struct action_order *order) {
        bool first = order->action == ACTION_START && !managed_runs(managed);
        return order->step ||
               (!first && order->action != ACTION_DEMOTE && order->action != ACTION_FOLLOW);
}

/* The agent looks for it, too; one that was taken over would not. What a person asks for comes
 * without a step; a promotion may be anybody's, and counts as the ladder's, as does what makes a
 * standby. A demotion is never
 * held, since its lease goes on to end. It is one small file beside the policies, on the file
 * system of the programs that would be run: where that hangs nothing could be done anyway. */
static bool is_held(struct executor *executor, const struct wire_message *message,
        const struct action_order *order) {
        const char *path = executor->policy->policy->agent.hold_file;
        struct hold_file file;
        char why[sizeof(file.reason) + 512];
        bool by_person =
                !order->step && order->action != ACTION_PROMOTE && order->action != ACTION_FOLLOW;
        if (order->action == ACTION_DEMOTE || !hold_file_read(path, &file) ||
                (by_person && !file.people_too)) {
                return false;
        }
        snprintf(why, sizeof(why), "held by the file %.300s%s%s", path, file.reason[0] ? ": " : "",
                file.reason);
        refuse(executor, message, REFUSAL_HELD, why);
        return true;
}

static bool spend(struct executor *executor, const struct wire_message *message,
        const struct managed *managed, const struct action_order *order) {
        struct error err = {0};
        if (!is_counted(managed, order)) {
                return true;
        }
        const struct budget_spec *host = &executor->policy->policy->agent.budget;
        struct instant now = loop_now(executor->loop);
        if (action_budget_spend(executor->budget, managed->service, order->step, host, now, &err) <
                0) {
                usec_t until = action_budget_free_at(
                        executor->budget, managed->service, order->step, host, now);
                refuse_until(executor, message, REFUSAL_BUDGET, err.text, until);
                return false;
        }
        kept_file_changed(&executor->budget_file);
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
        why_not = why_not ? why_not : resolve_active(message, service, &order);
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
        why_not = lease_guard_why_not(managed, &order);
        if (why_not) {
                refuse(executor, message, REFUSAL_NO_LEASE, why_not);
                return;
        }
        if (!is_held(executor, message, &order) && spend(executor, message, managed, &order) &&
                action_start(managed, &order, &err) < 0) {
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

static void handle_look(struct executor *executor, const struct wire_message *message) {
        struct managed *managed = managed_find(executor, message->service);
        if (managed) {
                content_ask(managed, message->health, message->duration);
        }
}

static void handle_traffic(struct executor *executor, const struct wire_message *message) {
        struct managed *managed = managed_find(executor, message->service);
        if (managed) {
                traffic_give_back(managed);
        }
}

static void handle_guard(struct executor *executor, const struct wire_message *message) {
        const struct service *service = known_service(executor, message);
        struct managed *managed = managed_find(executor, message->service);
        struct error err = {0};
        if (service && managed &&
                lease_guard_extend(managed, message->token, message->deadline, &err) < 0) {
                refuse(executor, message, REFUSAL_NO_LEASE, err.text);
        }
}

static void handle_checkpoint(struct executor *executor, const struct wire_message *message) {
        const struct service *service = known_service(executor, message);
        struct error err = {0};
        if (service && checkpoint_request_start(executor, message, service, &err) < 0) {
                refuse(executor, message, REFUSAL_NOT_ALLOWED, err.text);
        }
}

static void handle_verdict(struct executor *executor, const struct wire_message *message) {
        struct managed *managed = managed_find(executor, message->service);
        if (managed) {
                content_verdict(managed, message->request, message->ok);
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
        [WIRE_LOOK] = handle_look,
        [WIRE_VERDICT] = handle_verdict,
        [WIRE_CHECKPOINT] = handle_checkpoint,
        [WIRE_GUARD] = handle_guard,
        [WIRE_TRAFFIC] = handle_traffic,
};

void requests_handle(struct executor *executor, const struct wire_message *message) {
        if ((size_t) message->type >= ELEMENTSOF(handlers) || !handlers[message->type]) {
                log_warning("a %s message from the agent, ignoring", wire_type_text(message->type));
                return;
        }
        handlers[message->type](executor, message);
}
