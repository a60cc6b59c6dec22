#include "executor/privileged_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/service_unit.h"
#include "io/http_client.h"
#include "model/cause_kinds.h"
#include "probes/exec_host.h"
#include "probes/mount_pools.h"
#include "probes/perfdata.h"
#include "probes/probe.h"
#include "probes/process_scanner.h"

/* One probe, with what its type keeps between runs. */
struct item {
        struct list node;
        struct privileged_probes *probes;
        struct policy_share *share; /* of service and probe */
        const struct service *service;
        const struct probe_spec *spec;
        const struct probe_type *type;
        struct probe_host host;
        struct probe_run run;
        struct loop_timer deadline;
        void *state, *room;
        uint64_t request;
        bool running;
        bool outdated; /* of a policy that is not the present one any more */
};

static void item_free(struct item *item) {
        if (!item) {
                return;
        }
        if (item->type && item->type->release && item->state) {
                item->type->release(item->state);
        }
        loop_timer_done(&item->deadline);
        policy_share_release(item->share);
        free(item->state);
        free(item->room);
        free(item);
}

DEFINE_CLEANUP(cleanup_item, struct item, item_free)

static void item_remove(struct item *item) {
        list_remove(&item->node);
        item->probes->n_items--;
        item_free(item);
}

static struct item *find(struct privileged_probes *probes, const struct probe_spec *spec) {
        LIST_FOREACH (node, &probes->items) {
                struct item *item = LIST_ENTRY(node, struct item, node);
                if (item->spec == spec && !item->outdated) {
                        return item;
                }
        }
        return NULL;
}

/* The same probe in the policy of now; NULL: there is none. */
static const struct probe_spec *same_probe(const struct item *item, const struct service **ret) {
        const struct policy *policy = item->probes->executor->policy->policy;
        *ret = policy_service(policy, item->service->name);
        return *ret ? policy_same_probe(*ret, item->spec) : NULL;
}

/* Goes over to the policy of now with all that was counted, or ends. Not during a run. */
static void item_renew(struct item *item) {
        const struct service *service;
        const struct probe_spec *spec = item->type->detach ? same_probe(item, &service) : NULL;
        if (!spec || find(item->probes, spec)) {
                item_remove(item);
                return;
        }
        struct policy_share *before = item->share;
        item->type->detach(item->state);
        item->share = policy_share_hold(item->probes->executor->policy);
        item->service = service;
        item->spec = spec;
        item->outdated = false;
        policy_share_release(before);
}

/* ---- The end of a run ---- */

/* `request` is 0 for what is told without being asked. */
static void tell(const struct item *item, uint64_t request, const struct probe_result *result) {
        usec_t now = loop_now(item->probes->executor->loop).mono;
        struct wire_message reply = {
                .type = WIRE_OBSERVATION,
                .request = request,
                .outcome = result->outcome,
                .cause = cause_kind((int) result->cause),
                .exact_cause = result->cause,
                .certain = result->certain,
                .has_value = result->has_value,
                .value = result->value,
                .duration = usec_sub(now, item->run.started.mono),
        };
        str_copy(reply.service, sizeof(reply.service), item->service->name);
        str_copy(reply.probe, sizeof(reply.probe), item->spec->name);
        str_copy(reply.text, sizeof(reply.text), result->detail);
        perfdata_format(
                result->measurements, result->n_measurements, reply.values, sizeof(reply.values));
        agent_port_reply(&item->probes->executor->port, &reply);
}

static void end_run(struct item *item, const struct probe_result *result) {
        item->running = false;
        item->probes->n_runs--;
        loop_timer_cancel(&item->deadline);
        tell(item, item->request, result);
        if (item->outdated) {
                item_renew(item);
        }
}

static void on_finished(struct probe_run *run, const struct probe_result *result) {
        end_run(run->cookie, result);
}

static void on_deadline(void *cookie) {
        struct item *item = cookie;
        struct probe_result result = {.outcome = OUTCOME_TIMEOUT, .cause = CAUSE_UNRESPONSIVE};
        item->type->stop(&item->run, result.detail);
        end_run(item, &result);
}

/* What a type sees between runs: the process that only this probe knows has died. */
static void on_notify(
        void *cookie, uint32_t service, uint32_t probe, const struct probe_result *result) {
        const struct item *item = cookie;
        (void) service;
        (void) probe;
        if (!item->outdated) {
                tell(item, 0, result);
        }
}

/* ---- Its beginning ---- */

static struct item *item_new(struct privileged_probes *probes, const struct service *service,
        const struct probe_spec *spec) {
        struct executor *executor = probes->executor;
        AUTO(cleanup_item) struct item *item = calloc(1, sizeof(*item));
        if (!item || loop_timer_init(&item->deadline, executor->loop, on_deadline, item) < 0) {
                return NULL;
        }
        item->type = probe_types[spec->type];
        item->state = calloc(1, item->type->state_size + 1);
        item->room = calloc(1, item->type->run_size + 1);
        if (!item->state || !item->room) {
                return NULL;
        }
        item->probes = probes;
        item->share = policy_share_hold(executor->policy);
        item->service = service;
        item->spec = spec;
        item->host = (struct probe_host){
                .loop = executor->loop,
                .http = probes->http,
                .disk = executor->disk,
                .mounts = probes->mounts,
                .processes = probes->processes,
                .exec = probes->exec,
                .notify = on_notify,
                .cookie = item,
        };
        list_append(&probes->items, &item->node);
        probes->n_items++;
        return TAKE_PTR(item);
}

/* A manager may know that a service runs, and not as which process. */
static struct probe_target target_by_status(const struct managed_status *status) {
        return (struct probe_target){
                .known = status->known && (!status->running || status->pid > 0),
                .pid = status->running ? status->pid : 0,
                .start_time = status->running ? status->start_time : 0,
                .busy = status->manager_busy,
        };
}

static struct probe_target target_of(struct executor *executor, const struct service *service) {
        const struct managed *managed = managed_find(executor, service->name);
        if (!managed) {
                return (struct probe_target){0};
        }
        if (!managed_is_command(managed)) {
                return target_by_status(&managed->status);
        }
        return (struct probe_target){
                .known = true,
                .pid = managed->state.running ? managed->state.pid : 0,
                .start_time = managed->state.running ? managed->state.start_time : 0,
                .busy = service_unit_stopping(managed->unit),
        };
}

static void run(struct item *item, const struct wire_message *request) {
        struct executor *executor = item->probes->executor;
        memset(item->room, 0, item->type->run_size);
        item->request = request->request;
        item->running = true;
        item->probes->n_runs++;
        item->run = (struct probe_run){
                .host = &item->host,
                .service = item->service,
                .spec = item->spec,
                .probe = (uint32_t) (item->spec - item->service->probes),
                .target = target_of(executor, item->service),
                .started = loop_now(executor->loop),
                .timeout = item->spec->timeout,
                .state = item->state,
                .room = item->room,
                .finished = on_finished,
                .cookie = item,
        };
        loop_timer_set(&item->deadline, usec_add(item->run.started.mono, item->spec->timeout));
        item->type->start(&item->run);
}

static int refuse_limit(enum wire_refusal *refusal, struct error *err, const char *why) {
        *refusal = REFUSAL_LIMIT;
        return error_set(err, EAGAIN, "%s", why);
}

static int prepare(struct privileged_probes *probes, struct error *err) {
        struct loop *loop = probes->executor->loop;
        int r = probes->http ? 0 : http_client_new(&probes->http, loop, NULL, err);
        r = r < 0 || probes->exec ? r : exec_host_new(&probes->exec, loop, err);
        r = r < 0 || probes->mounts ? r : mount_pools_new(&probes->mounts, loop, err);
        r = r < 0 || probes->processes
                    ? r
                    : process_scanner_new(&probes->processes, loop, "/proc", err);
        return r < 0 ? error_wrap(err, "the executor cannot probe") : 0;
}

int privileged_probe_start(struct privileged_probes *probes, const struct wire_message *request,
        const struct service *service, const struct probe_spec *probe, enum wire_refusal *refusal,
        struct error *err) {
        const struct probe_type *type = probe_types[probe->type];
        if (!type->privileged || !type->privileged(probe->params)) {
                *refusal = REFUSAL_NOT_ALLOWED;
                return error_set(err, EPERM, "the agent can run this probe itself");
        }
        int r = prepare(probes, err);
        if (r < 0) {
                *refusal = REFUSAL_LIMIT;
                return r;
        }
        struct item *item = find(probes, probe);
        if (item && item->running) {
                *refusal = REFUSAL_BUSY;
                return error_set(err, EBUSY, "a run of this probe is under way");
        }
        if (probes->n_runs >= PRIVILEGED_PROBE_RUNS_MAX) {
                return refuse_limit(refusal, err, "too many privileged probes at once");
        }
        if (!item && probes->n_items >= PRIVILEGED_PROBES_MAX) {
                return refuse_limit(refusal, err, "too many privileged probes");
        }
        if (!item && !(item = item_new(probes, service, probe))) {
                return refuse_limit(refusal, err, "out of memory");
        }
        run(item, request);
        return 0;
}

/* ---- All of them ---- */

void privileged_probes_reloaded(struct privileged_probes *probes) {
        LIST_FOREACH (node, &probes->items) {
                struct item *item = LIST_ENTRY(node, struct item, node);
                item->outdated = true;
                if (!item->running) {
                        item_renew(item);
                }
        }
}

void privileged_probes_init(struct privileged_probes *probes, struct executor *executor) {
        *probes = (struct privileged_probes){.executor = executor};
        list_init(&probes->items);
}

void privileged_probes_done(struct privileged_probes *probes) {
        char detail[OBSERVATION_DETAIL_MAX];
        if (!probes->executor) {
                return;
        }
        LIST_FOREACH (node, &probes->items) {
                struct item *item = LIST_ENTRY(node, struct item, node);
                if (item->running) {
                        item->type->stop(&item->run, detail);
                }
                item_remove(item);
        }
        http_client_free(probes->http);
        process_scanner_free(probes->processes);
        mount_pools_free(probes->mounts);
        exec_host_free(probes->exec);
        *probes = (struct privileged_probes){0};
}
