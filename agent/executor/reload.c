#include "executor/reload.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/executor.h"
#include "executor/log_sweep.h"
#include "policy/load.h"
#include "probes/probe.h"

struct load {
        struct policy_sources sources;
        struct policy *policy;
        struct problems problems;
};

static void load_free(void *data) {
        struct load *load = data;
        if (load) {
                policy_free(load->policy);
                problems_done(&load->problems);
                free(load);
        }
}

DEFINE_CLEANUP(cleanup_load, struct load, load_free)

static struct load *load_new(const struct executor_options *options) {
        struct load *load = calloc(1, sizeof(*load));
        if (load) {
                load->sources = (struct policy_sources){
                        .config = options->config,
                        .paths = options->policies,
                        .n_paths = options->n_policies,
                        .probes = probe_variants,
                        .trusted_only = true,
                };
        }
        return load;
}

static int load_run(void *data) {
        struct load *load = data;
        return policy_load(&load->sources, &load->policy, &load->problems);
}

/* The digests leave something of libcrypto's with the thread, which may end in the middle of
 * exit(). */
static int load_run_in_worker(void *data) {
        int r = load_run(data);
        OPENSSL_thread_stop();
        return r;
}

/* ---- Following ---- */

/* Whether a policy lets the executor act on the service at all. */
static bool is_actable(const struct service *service) {
        if (service->manager != MANAGER_NONE) {
                return true;
        }
        for (uint32_t i = 0; i < service->n_steps; i++) {
                int action = service->steps[i].action;
                if (action == ACTION_EXEC || action == ACTION_HAPROXY) {
                        return true;
                }
        }
        return false;
}

static void follow_new(struct executor *executor, const struct service *service) {
        struct managed *managed = managed_new(executor, service->name);
        if (!managed) {
                log_error("%s: out of memory, it cannot be acted on", service->name);
                return;
        }
        managed_follow(managed, executor->policy, service);
}

static void follow_again(struct executor *executor, struct managed *managed) {
        const struct service *service =
                policy_service(executor->policy->policy, managed->state.service);
        managed->stop_tried = false;
        if (service && is_actable(service)) {
                managed_follow(managed, executor->policy, service);
        } else {
                managed_follow(managed, NULL, NULL);
        }
}

static void follow_all(struct executor *executor, struct policy_share *share) {
        policy_share_release(executor->policy);
        executor->policy = share;
        LIST_FOREACH (node, &executor->services) {
                follow_again(executor, LIST_ENTRY(node, struct managed, node));
        }
        for (uint32_t i = 0; i < share->policy->n_services; i++) {
                const struct service *service = &share->policy->services[i];
                if (is_actable(service) && !managed_find(executor, service->name)) {
                        follow_new(executor, service);
                }
        }
        privileged_probes_reloaded(&executor->probes);
        executor_settled(executor);
}

static void forget(struct managed *managed) {
        state_file_remove(managed->executor->services_dir, managed->state.service);
        if (*managed->state.cgroup) {
                managed_remove_group(managed);
        }
        managed_free(managed);
}

static void stop_unwanted(struct managed *managed) {
        const struct action_order order = {.action = ACTION_STOP};
        if (!managed->stop_tried && action_start(managed, &order, NULL) == 0) {
                managed->stop_tried = true;
        }
}

/* The processes of a command that is none any more have left the executor's hands, too. */
static bool is_unwanted(const struct managed *managed) {
        return !managed->service || (!managed_is_command(managed) && !managed_gone(managed));
}

void reload_forget_unwanted(struct reload *reload) {
        if (!reload->executor->policy) {
                return; /* no policy says that they are unwanted */
        }
        LIST_FOREACH (node, &reload->executor->services) {
                struct managed *managed = LIST_ENTRY(node, struct managed, node);
                if (!is_unwanted(managed) || managed->action || managed->guard) {
                        continue; /* a guard goes once it is proven that nothing is active */
                }
                if (managed_gone(managed)) {
                        forget(managed);
                } else if (!managed->stop_tried) {
                        log_warning("%s: has left the policy, stopping it", managed->state.service);
                        stop_unwanted(managed);
                }
        }
}

/* ---- Reading ---- */

/* The first lines of what is wrong: all of it is on the agent's side as well. */
static void describe_problems(const struct problems *problems, char *text, size_t size) {
        AUTO_STRBUF struct strbuf all = {0};
        problems_format(problems, &all);
        str_copy(text, size, strbuf_text(&all) ? strbuf_text(&all) : "out of memory");
}

static void log_lines(int level, const char *text) {
        while (*text) {
                size_t length = strcspn(text, "\n");
                log_at(level, "%.*s", (int) length, text);
                text += length + (text[length] == '\n');
        }
}

/* Takes the policy out of the load when it is a good one. */
static int take_policy(
        struct executor *executor, struct load *load, int result, char *text, size_t size) {
        if (!load || result < 0) {
                if (load && load->problems.count > 0) {
                        describe_problems(&load->problems, text, size);
                } else {
                        str_copy(text, size, strerror(-result));
                }
                return result;
        }
        struct policy_share *share = policy_share_new(TAKE_PTR(load->policy));
        if (!share) {
                str_copy(text, size, "out of memory");
                return -ENOMEM;
        }
        follow_all(executor, share);
        confinement_warn(&executor->confinement, share->policy);
        log_sweep_wake(&executor->log_sweep);
        return 0;
}

static void answer(struct reload *reload, bool ok, const char *text) {
        struct wire_message reply = {
                .type = WIRE_RELOADED,
                .request = reload->request,
                .ok = ok,
        };
        const struct policy_share *share = reload->executor->policy;
        if (share) {
                str_copy(reply.digest, sizeof(reply.digest), share->policy->digest);
        }
        str_copy(reply.text, sizeof(reply.text), text);
        agent_port_reply(&reload->executor->port, &reply);
}

static void on_loaded(void *cookie, int result, void *data) {
        struct reload *reload = cookie;
        char text[512] = "";
        reload->task = NULL;
        int r = take_policy(reload->executor, data, result, text, sizeof(text));
        log_at(r < 0 ? LOG_ERR : LOG_NOTICE, "policies read again: %s",
                r < 0 ? "they cannot be used, staying with those before" : "following them");
        log_lines(LOG_ERR, text);
        answer(reload, r == 0, text);
        if (reload->again) {
                reload->again = false;
                reload_start(reload, reload->again_request);
        }
}

void reload_start(struct reload *reload, uint64_t request) {
        if (reload->task) {
                reload->again = true;
                reload->again_request = request;
                return;
        }
        struct executor *executor = reload->executor;
        AUTO(cleanup_load) struct load *load = load_new(&executor->options);
        struct worker_job job = {
                .run = load_run_in_worker,
                .release = load_free,
                .done = on_loaded,
                .data = load,
                .cookie = reload,
                .deadline = usec_add(loop_now(executor->loop).mono, RELOAD_LIMIT),
        };
        struct error err = {0};
        reload->request = request;
        int r = load ? worker_submit(executor->disk, &job, &reload->task, &err)
                     : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                answer(reload, false, err.text);
        } else {
                load = NULL;
        }
}

void reload_first(struct reload *reload) {
        AUTO(cleanup_load) struct load *load = load_new(&reload->executor->options);
        char text[4096];
        int r = load ? load_run(load) : -ENOMEM;
        if (take_policy(reload->executor, load, r, text, sizeof(text)) < 0) {
                log_error("the policies cannot be used, going on without any");
                log_lines(LOG_ERR, text);
        }
}

void reload_init(struct reload *reload, struct executor *executor) {
        *reload = (struct reload){.executor = executor};
}

void reload_done(struct reload *reload) {
        if (reload->task) {
                worker_cancel(reload->task);
                reload->task = NULL;
        }
}
