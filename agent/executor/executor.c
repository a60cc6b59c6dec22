#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/lease_guard.h"
#include "executor/own_folder.h"
#include "executor/service_unit.h"
#include "io/unit_bus.h"

#define LOCK_NAME "executor.lock"
#define SERVICES_NAME "services"
#define LOCK_PAUSE (10 * USEC_PER_MSEC)

enum { LOCK_TRIES = 20 };

/* ---- Settling ---- */

/* An agent that is there holds the leases, and asks for another executor at once. Without one
 * nobody would demote in time. */
static bool is_guarding(const struct executor *executor) {
        LIST_FOREACH (node, &executor->services) {
                if (!executor->port.greeted &&
                        lease_guard_needs_us(LIST_ENTRY(node, struct managed, node))) {
                        return true;
                }
        }
        return false;
}

static bool is_needed(const struct executor *executor) {
        if (executor->options.socket_fd < 0 || executor->port.connected ||
                actions_under_way(&executor->actions)) {
                return true;
        }
        LIST_FOREACH (node, &executor->services) {
                const struct managed *managed = LIST_ENTRY(node, struct managed, node);
                if (!managed_gone(managed) || lease_guard_holds(managed)) {
                        return true;
                }
        }
        return false;
}

static void on_linger(void *cookie) {
        struct executor *executor = cookie;
        if (!is_needed(executor)) {
                log_notice("no agent came back and no service runs, ending");
                loop_exit(executor->loop, 0);
        }
}

static void on_settled(void *cookie) {
        struct executor *executor = cookie;
        if (!executor->serving) {
                return;
        }
        if (executor->ending && !is_guarding(executor)) {
                log_notice("ending, services go on running");
                loop_exit(executor->loop, 0);
                return;
        }
        stop_all_continue(&executor->stop_all);
        reload_forget_unwanted(&executor->reload);
        if (is_needed(executor)) {
                loop_timer_cancel(&executor->linger);
        } else if (!loop_timer_armed(&executor->linger)) {
                loop_timer_set_after(&executor->linger, executor->options.linger);
        }
}

void executor_settled(struct executor *executor) {
        loop_defer_schedule(&executor->settling);
}

/* ---- Made ---- */

static int make_directory(const char *path, mode_t mode, struct error *err) {
        if (mkdir(path, mode) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "mkdir %s", path);
        }
        return 0;
}

static int make_directories(struct executor *executor, struct error *err) {
        const struct executor_options *options = &executor->options;
        int length = snprintf(executor->services_dir, sizeof(executor->services_dir),
                "%s/" SERVICES_NAME, options->runtime_dir);
        if (length >= (int) sizeof(executor->services_dir)) {
                return error_set(err, ENAMETOOLONG, "%s: too long", options->runtime_dir);
        }
        int r = make_directory(options->runtime_dir, 0755, err);
        if (r < 0 || (r = make_directory(options->state_dir, 0755, err)) < 0) {
                return r;
        }
        r = own_folder_make(executor->services_dir, 0700);
        return r < 0 ? error_set_errno(err, -r, "%s, which has to be a folder of uid %d",
                               executor->services_dir, (int) geteuid())
                     : 0;
}

/* A child of an executor that was killed holds the lock, too, until it has closed what it
 * inherited. */
static int lock_patiently(int fd) {
        int r = flock(fd, LOCK_EX | LOCK_NB);
        for (int i = 0; r < 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
                usleep(LOCK_PAUSE); /* style: allow usleep: before the loop begins */
                r = flock(fd, LOCK_EX | LOCK_NB);
        }
        return r < 0 ? -errno : 0;
}

/* Held until this process ends, in whatever way; the file itself stays. */
static int take_lock(struct executor *executor, struct error *err) {
        char path[STATE_PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s/" LOCK_NAME, executor->options.runtime_dir);
        if (length >= (int) sizeof(path)) {
                return error_set(err, ENAMETOOLONG, "%s: too long", executor->options.runtime_dir);
        }
        executor->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (executor->lock_fd < 0) {
                return error_set_errno(err, errno, "%s", path);
        }
        int r = lock_patiently(executor->lock_fd);
        if (r == -EWOULDBLOCK) {
                return error_set(
                        err, EBUSY, "another executor serves %s", executor->options.runtime_dir);
        }
        return r < 0 ? error_set_errno(err, -r, "%s", path) : 0;
}

static int make_pools(struct executor *executor, struct error *err) {
        const struct {
                struct worker_pool **pool;
                struct worker_limits limits;
        } rows[] = {
                {&executor->names, {"name look-ups", 4, 2 * ACTIONS_MAX, 32}},
                {&executor->logs, {"log files", 4, 2 * ACTIONS_MAX, 32}},
                {&executor->addresses, {"addresses", 2, POLICY_SERVICES_MAX, 4}},
                {&executor->scans, {"process scans", 2, POLICY_SERVICES_MAX, 8}},
                {&executor->disk, {"disk", 4, 256, 16}},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r = worker_pool_new(rows[i].pool, executor->loop, &rows[i].limits, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

static void on_end_signal(void *cookie, int signal) {
        struct executor *executor = cookie;
        if (executor->ending || !is_guarding(executor)) {
                log_notice("ending on SIG%s, services go on running", sigabbrev_np(signal));
                loop_exit(executor->loop, 0);
                return;
        }
        log_notice("SIG%s, and no agent is there: demoting the active members of groups first",
                sigabbrev_np(signal));
        executor->ending = true;
        LIST_FOREACH (node, &executor->services) {
                lease_guard_give_up(LIST_ENTRY(node, struct managed, node));
        }
        executor_settled(executor);
}

/* Ahead of the first thread, which inherits the signal mask. */
static int watch_signals(struct executor *executor, struct error *err) {
        int r = orphans_init(&executor->orphans, executor, err);
        if (r < 0 ||
                (r = loop_on_signal(executor->loop, SIGTERM, on_end_signal, executor, err)) < 0) {
                return r;
        }
        return loop_on_signal(executor->loop, SIGINT, on_end_signal, executor, err);
}

static char *format_budget(void *data) {
        const struct executor *executor = data;
        return action_budget_format(executor->budget, executor->boot_id, loop_now(executor->loop));
}

static int parse_budget(void *data, const char *text, struct error *err) {
        struct executor *executor = data;
        return action_budget_parse(
                executor->budget, text, executor->boot_id, loop_now(executor->loop), err);
}

static const struct kept_kind budget_kind = {
        .name = "budget",
        .max_bytes = ACTION_BUDGET_TEXT_MAX,
        .format = format_budget,
        .parse = parse_budget,
};

static int make_parts(struct executor *executor, struct error *err) {
        executor->by_name = map_new();
        executor->budget = action_budget_new();
        if (!executor->by_name || !executor->budget ||
                loop_timer_init(&executor->linger, executor->loop, on_linger, executor) < 0 ||
                agent_port_init(&executor->port, executor) < 0 ||
                log_sweep_init(&executor->log_sweep, executor) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = kept_file_init(&executor->budget_file, executor->loop, executor->disk,
                executor->options.state_dir, &budget_kind, executor);
        r = r < 0 ? r : fencing_tokens_init(&executor->tokens, executor);
        return r < 0 ? error_set_errno(err, -r, "%s", executor->options.state_dir) : 0;
}

static void find_cgroups(struct executor *executor) {
        executor->as_units =
                service_units_chosen((enum service_units) executor->options.service_units,
                        executor->options.socket_fd < 0);
        if (executor->as_units) {
                log_info("services run as transient units of systemd, in " SERVICE_UNIT_SLICE);
                return;
        }
        control_groups_init(&executor->groups, executor->options.runtime_dir);
        if (*executor->groups.root) {
                log_info("services run in cgroups below %s", executor->groups.root);
        } else {
                log_info("services run without cgroups (%s): by session and environment",
                        executor->groups.why);
        }
}

/* ---- Serving ---- */

static void on_tokens_loaded(void *cookie) {
        struct executor *executor = cookie;
        struct error err = {0};
        executor->serving = true;
        if (agent_port_open(&executor->port, executor->options.listen_fd,
                    executor->options.socket_fd, &err) < 0) {
                log_error("%s", err.text);
                loop_exit(executor->loop, EXIT_FAILURE);
                return;
        }
        executor_settled(executor);
        /* Each operation has a deadline of its own; what could stand still is the loop. */
        (void) sd_event_set_watchdog(loop_event(executor->loop), true);
        (void) sd_notify(0, "READY=1"); /* without systemd there is nobody to tell */
        log_notice("serving %s", executor->port.path);
}

static void on_budget_loaded(void *cookie) {
        struct executor *executor = cookie;
        kept_file_load(&executor->tokens.file, on_tokens_loaded, executor);
}

/* Whose time is over is demoted now, whether there is a policy or not. */
static void guard_all(struct executor *executor) {
        LIST_FOREACH (node, &executor->services) {
                lease_guard_follow(LIST_ENTRY(node, struct managed, node));
        }
}

static void on_adopted(void *cookie) {
        struct executor *executor = cookie;
        reload_first(&executor->reload);
        guard_all(executor);
        kept_file_load(&executor->budget_file, on_budget_loaded, executor);
}

static int start(struct executor *executor, struct error *err) {
        int r = adoption_start(&executor->adoption, executor, on_adopted, executor);
        if (r < 0) {
                return error_set_errno(err, -r, "%s", executor->services_dir);
        }
        if (r == 1) {
                on_adopted(executor);
        }
        return 0;
}

DEFINE_CLEANUP(cleanup_executor, struct executor, executor_free)

static void init_lists(struct executor *executor) {
        list_init(&executor->services);
        action_queue_init(&executor->actions, executor, executor->loop);
        stop_all_init(&executor->stop_all, executor);
        script_looks_init(&executor->script_looks, executor->loop);
        content_looks_init(&executor->content_looks, executor);
        checkpoint_requests_init(&executor->checkpoint_requests);
        reload_init(&executor->reload, executor);
        privileged_probes_init(&executor->probes, executor);
        loop_defer_init(&executor->settling, executor->loop, on_settled, executor);
}

int executor_new(struct executor **ret, struct loop *loop, const struct executor_options *options,
        struct error *err) {
        AUTO(cleanup_executor) struct executor *executor = calloc(1, sizeof(*executor));
        if (!executor) {
                return error_set(err, ENOMEM, "out of memory");
        }
        executor->loop = loop;
        executor->options = *options;
        executor->lock_fd = -1;
        init_lists(executor);
        int r = clock_boot_id(executor->boot_id);
        if (r < 0) {
                return error_set_errno(err, -r, "the boot id");
        }
        static int (*const steps[])(struct executor * executor, struct error * err) = {
                make_directories, take_lock, watch_signals, make_pools, make_parts};
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                r = steps[i](executor, err);
                if (r < 0) {
                        return r;
                }
        }
        find_cgroups(executor);
        oom_log_open(&executor->oom_log);
        executor->confinement = confinement_now(executor->options.sysrq);
        r = start(executor, err);
        if (r == 0) {
                *ret = TAKE_PTR(executor);
        }
        return r;
}

/* What was put off to the end of the turn must not be lost with the process. */
static void free_services(struct executor *executor) {
        LIST_FOREACH (node, &executor->services) {
                struct managed *managed = LIST_ENTRY(node, struct managed, node);
                if (*managed->state.invocation || managed->state.result_request) {
                        managed_save(managed);
                }
                managed_free(managed);
        }
}

void executor_free(struct executor *executor) {
        if (!executor) {
                return;
        }
        adoption_done(&executor->adoption);
        checkpoint_requests_done(&executor->checkpoint_requests);
        privileged_probes_done(&executor->probes);
        reload_done(&executor->reload);
        free_services(executor);
        script_looks_done(&executor->script_looks);
        content_looks_done(&executor->content_looks);
        unit_bus_free(executor->units);
        agent_port_done(&executor->port);
        log_sweep_done(&executor->log_sweep);
        kept_file_done(&executor->budget_file);
        fencing_tokens_done(&executor->tokens);
        orphans_done(&executor->orphans);
        loop_timer_done(&executor->linger);
        loop_defer_cancel(&executor->settling);
        control_groups_done(&executor->groups);
        oom_log_close(&executor->oom_log);
        action_budget_free(executor->budget);
        policy_share_release(executor->policy);
        map_free(executor->by_name);
        worker_pool_free(executor->names);
        worker_pool_free(executor->logs);
        worker_pool_free(executor->addresses);
        worker_pool_free(executor->scans);
        worker_pool_free(executor->disk);
        if (executor->lock_fd >= 0) {
                close(executor->lock_fd);
        }
        free(executor);
}
