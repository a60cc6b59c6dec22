#pragma once
/* The privileged process: what its parts share. Each part has a header of its own. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"
#include "executor/action.h"
#include "executor/action_budget.h"
#include "executor/adoption.h"
#include "executor/agent_port.h"
#include "executor/checkpoint_request.h"
#include "executor/confinement.h"
#include "executor/control_group.h"
#include "executor/fencing_tokens.h"
#include "executor/kept_file.h"
#include "executor/log_sweep.h"
#include "executor/managed.h"
#include "executor/orphans.h"
#include "executor/policy_share.h"
#include "executor/privileged_probe.h"
#include "executor/reload.h"
#include "executor/scripts_manager.h"
#include "executor/service_content.h"
#include "executor/stop_all.h"
#include "io/loop.h"
#include "io/oom_log.h"
#include "io/worker.h"

struct unit_bus;

#define EXECUTOR_USER "recoverd" /* may talk to it, besides root and its own user */
#define EXECUTOR_LINGER (30 * USEC_PER_SEC)

struct executor_options {
        const char *config; /* NULL: none */
        const char *const *policies;
        size_t n_policies;
        const char *state_dir, *runtime_dir;
        int socket_fd; /* end of a socket pair whose other end the agent holds; -1: none */
        int listen_fd; /* of the service manager, already listening; -1: it makes its own */
        int service_units; /* enum service_units */
        const char *sysrq; /* a host is rebooted by writing here, see lease_guard.c */
        usec_t linger; /* with a socket pair: ends when no agent was there for so long */
};

struct executor {
        struct loop *loop;
        struct executor_options options; /* borrowed texts */
        char boot_id[BOOT_ID_MAX];
        char services_dir[STATE_PATH_MAX];
        int lock_fd;

        /* Apart from each other, because each hangs on something else. */
        struct worker_pool *names; /* NSS */
        struct worker_pool *logs; /* log files, the journal */
        struct worker_pool *scans; /* /proc */
        struct worker_pool *addresses; /* the lock of the kernel's network settings */
        struct worker_pool *disk; /* state directory, policy files, probes of disks */

        struct unit_bus *units; /* systemd; NULL: nobody needed it yet */
        struct control_groups groups;
        struct oom_log oom_log;
        bool as_units; /* command services and exec steps are transient units */
        struct confinement confinement;
        struct policy_share *policy; /* NULL: none could be loaded yet */
        struct map *by_name; /* const char * -> struct managed * */
        struct list services; /* struct managed */
        struct action_queue actions;
        struct action_budget *budget;
        struct kept_file budget_file;
        struct fencing_tokens tokens;
        struct adoption adoption;
        struct agent_port port;
        struct reload reload;
        struct stop_all stop_all;
        struct script_looks script_looks;
        struct checkpoint_requests checkpoint_requests;
        struct content_looks content_looks;
        struct privileged_probes probes;
        struct log_sweep log_sweep;
        struct orphans orphans;
        struct loop_timer linger;
        struct loop_defer settling;
        bool ending; /* once no member of a group is active any more, see lease_guard.h */
        bool serving; /* what was there before is known, and agents are let in */
};

/* The options' texts must outlive it. -EBUSY: another executor serves the runtime directory. */
int executor_new(struct executor **ret, struct loop *loop, const struct executor_options *options,
        struct error *err);

/* Leaves services running; their state files stay. Accepts NULL. */
void executor_free(struct executor *executor);

/* Something ended that may have been the last: looks whether the executor is still needed. */
void executor_settled(struct executor *executor);
