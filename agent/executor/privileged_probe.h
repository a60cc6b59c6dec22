#pragma once
/* Runs the probes of the policy that need more rights than the agent has, with the same code. */

#include "base/error.h"
#include "base/list.h"
#include "model/policy.h"
#include "model/wire.h"

struct executor;
struct http_client;
struct mount_pools;
struct process_scanner;
struct exec_host;

enum {
        PRIVILEGED_PROBES_MAX = 1024, /* whose state is kept between runs */
        PRIVILEGED_PROBE_RUNS_MAX = 64, /* at once */
};

struct privileged_probes {
        struct executor *executor;
        struct list items;
        unsigned n_items, n_runs;
        struct http_client *http; /* all are made when the first probe runs */
        struct exec_host *exec;
        struct mount_pools *mounts;
        struct process_scanner *processes;
};

void privileged_probes_init(struct privileged_probes *probes, struct executor *executor);
void privileged_probes_done(struct privileged_probes *probes);

/* Begins a run; an `observation` answers. The service and probe are of the executor's policy.
 * Refused: negative errno, and why in `refusal` and err. */
int privileged_probe_start(struct privileged_probes *probes, const struct wire_message *request,
        const struct service *service, const struct probe_spec *probe, enum wire_refusal *refusal,
        struct error *err);

/* The policy was replaced: what was counted for a probe that did not change goes on, the rest goes,
 * runs under way when they have ended. */
void privileged_probes_reloaded(struct privileged_probes *probes);
