#include "executor/managed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/log_sweep.h"
#include "executor/manager_kind.h"
#include "executor/service_content.h"
#include "executor/service_start.h"
#include "executor/service_unit.h"
#include "executor/step_checkpoint.h"

#define STOPPED_BY_PERSON "stopped by an administrator"

/* ---- Made and found ---- */

static void on_saving(void *cookie) {
        managed_save(cookie);
}

static void on_group_ended(void *cookie, int result, const char *text);

struct managed *managed_new(struct executor *executor, const char *name) {
        struct managed *managed = calloc(1, sizeof(*managed));
        if (!managed) {
                return NULL;
        }
        managed->executor = executor;
        managed->pidfd = -1;
        managed->state.version = STATE_FILE_VERSION;
        str_copy(managed->state.service, sizeof(managed->state.service), name);
        str_copy(managed->state.boot_id, sizeof(managed->state.boot_id), executor->boot_id);
        list_init(&managed->unsent_node);
        loop_defer_init(&managed->saving, executor->loop, on_saving, managed);
        if (group_end_init(&managed->ending, executor->loop, executor->scans, on_group_ended,
                    managed) < 0 ||
                map_put(executor->by_name, managed->state.service, managed) < 0) {
                group_end_done(&managed->ending);
                free(managed);
                return NULL;
        }
        list_append(&executor->services, &managed->node);
        return managed;
}

static void drop_process(struct managed *managed) {
        service_unit_free(TAKE_PTR(managed->unit));
        loop_watch_remove(&managed->exit_watch);
        if (managed->pidfd >= 0) {
                close(managed->pidfd);
                managed->pidfd = -1;
        }
}

void managed_free(struct managed *managed) {
        if (!managed) {
                return;
        }
        action_free(managed->action);
        step_checkpoint_cancel(managed);
        lease_guard_free(managed);
        content_free(managed->content);
        manager_leave(managed);
        service_start_forget(managed);
        map_remove(managed->executor->by_name, managed->state.service);
        list_remove(&managed->node);
        list_remove(&managed->unsent_node);
        loop_defer_cancel(&managed->saving);
        drop_process(managed);
        group_end_done(&managed->ending);
        policy_share_release(managed->share);
        free(managed);
}

struct managed *managed_find(struct executor *executor, const char *name) {
        return map_get(executor->by_name, name);
}

static bool is_same(const struct service *old, const struct service *new) {
        return old && new &&str_eq(old->digest, new->digest);
}

void managed_follow(
        struct managed *managed, struct policy_share *share, const struct service *service) {
        struct policy_share *before = managed->share;
        service_start_forget(managed);
        if (!is_same(managed->service, service)) {
                manager_leave(managed);
                managed->status = (struct managed_status){0};
        }
        managed->share = policy_share_hold(share);
        managed->service = service;
        content_follow(managed);
        policy_share_release(before);
        manager_look(managed);
        lease_guard_follow(managed);
}

bool managed_is_command(const struct managed *managed) {
        return managed->service && managed->service->manager == MANAGER_COMMAND;
}

bool managed_runs(const struct managed *managed) {
        return managed->state.running || (managed->status.known && managed->status.running);
}

/* ---- Remembered ---- */

int managed_try_save(struct managed *managed, struct error *err) {
        loop_defer_cancel(&managed->saving);
        return state_file_save(managed->executor->services_dir, &managed->state, err);
}

void managed_save(struct managed *managed) {
        struct error err = {0};
        if (managed_try_save(managed, &err) < 0) {
                log_error("%s: its state cannot be kept, going on: %s", managed->state.service,
                        err.text);
        }
}

const char *managed_mark(struct managed *managed) {
        if (!*managed->state.invocation) {
                service_start_invocation(managed->state.invocation);
                managed_save(managed);
        }
        return managed->state.invocation;
}

void managed_save_soon(struct managed *managed) {
        loop_defer_schedule(&managed->saving);
}

/* ---- The main process ---- */

/* Looks without reaping: while the zombie is there, its pid, which is the session of its group,
 * cannot become another's. */
static void note_exit_status(struct managed *managed) {
        siginfo_t info = {0};
        struct service_state *state = &managed->state;
        state->exit_kind = WIRE_EXIT_UNKNOWN;
        state->exit_code = 0;
        state->core_dumped = false;
        state->out_of_memory = false;
        state->by_person = false;
        if (managed->unit) {
                service_unit_exit(managed->unit, state);
                return;
        }
        if (!managed->child ||
                waitid(P_PIDFD, (id_t) managed->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
                info.si_pid == 0) {
                return;
        }
        state->exit_kind = info.si_code == CLD_EXITED ? WIRE_EXIT_STATUS : WIRE_EXIT_SIGNAL;
        state->exit_code = info.si_status;
        state->core_dumped = info.si_code == CLD_DUMPED;
        state->out_of_memory = info.si_code == CLD_KILLED && info.si_status == SIGKILL &&
                               oom_log_killed(&managed->executor->oom_log, state->pid);
}

static void reap(struct managed *managed) {
        siginfo_t info;
        if (managed->child && managed->pidfd >= 0) {
                (void) waitid(P_PIDFD, (id_t) managed->pidfd, &info, WEXITED | WNOHANG);
        }
}

static void log_exit(const struct managed *managed) {
        const struct service_state *state = &managed->state;
        bool wanted = state->expected || state->by_person;
        const char *why = state->by_person ? ", " STOPPED_BY_PERSON : ", as it was told";
        char text[64];
        log_at(wanted ? LOG_INFO : LOG_WARNING, "%s: main process %d %s%s", state->service,
                (int) state->pid, managed_exit_text(state, text, sizeof(text)), wanted ? why : "");
}

static void note_exit(struct managed *managed) {
        struct service_state *state = &managed->state;
        note_exit_status(managed);
        state->running = false;
        state->since = loop_now(managed->executor->loop).wall;
        state->expected = action_expects_exit(managed->action);
        managed_announce(managed, UNSENT_SERVICE);
        managed_save_soon(managed);
        log_exit(managed);
        lease_guard_lost(managed);
}

static void on_exit_known(struct managed *managed) {
        struct executor *executor = managed->executor;
        note_exit(managed);
        /* Where the end of the group takes time, the action hears of it. */
        if (managed_end_group(managed) && !managed->action && managed_is_command(managed)) {
                service_start_prepare(managed);
        }
        action_process_ended(managed->action);
        executor_settled(executor);
}

static void on_exit_watch(void *cookie, uint32_t events) {
        struct managed *managed = cookie;
        (void) events;
        pid_t pid = managed->state.pid;
        loop_watch_remove(&managed->exit_watch);
        if (!managed->state.running) { /* it has not passed execve, or not been seen to */
                action_process_ended(managed->action);
        }
        /* Also where the start has just been found to have worked: nobody else tells of this end.
         */
        if (!managed->state.running || managed->state.pid != pid) {
                return;
        }
        if (!managed->unit || !service_unit_await(managed->unit, on_exit_known)) {
                on_exit_known(managed);
        }
}

int managed_hold(struct managed *managed, int pidfd, bool child) {
        managed->pidfd = pidfd;
        managed->child = child;
        if (*managed->state.unit) {
                managed->unit = service_unit_follow(managed);
        }
        return loop_watch_add(&managed->exit_watch, managed->executor->loop, pidfd, EPOLLIN,
                on_exit_watch, managed);
}

void managed_abandon_start(struct managed *managed) {
        struct service_state *state = &managed->state;
        state->unit_unclear = state->unit_unclear || (state->starting && *state->unit);
        state->starting = false;
}

void managed_running(struct managed *managed) {
        struct service_state *state = &managed->state;
        state->starting = false;
        state->unit_unclear = false;
        state->running = true;
        state->expected = false;
        state->by_person = false;
        state->exit_kind = WIRE_EXIT_NONE;
        state->exit_code = 0;
        state->core_dumped = false;
        state->out_of_memory = false;
        log_sweep_wake(&managed->executor->log_sweep);
}

int managed_signal(struct managed *managed, int signal) {
        if (managed->pidfd < 0) {
                return -ESRCH;
        }
        return syscall(SYS_pidfd_send_signal, managed->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* ---- Its group ---- */

/* The session counts only while its number cannot be another's: this process holds the zombie, or
 * has seen it end just now. */
void managed_group(const struct managed *managed, struct process_group *ret) {
        const struct service_state *state = &managed->state;
        *ret = (struct process_group){
                .match = {.session = managed->pidfd >= 0 ? state->pid : 0,
                        .not_before = state->start_time},
        };
        str_copy(ret->cgroup, sizeof(ret->cgroup), state->cgroup);
        str_copy(ret->match.invocation, sizeof(ret->match.invocation), state->invocation);
}

/* A process that has left its cgroup still has a main process that can be watched. */
static bool main_process_left(struct managed *managed) {
        return managed->pidfd >= 0 && managed->state.running;
}

static void close_group(struct managed *managed) {
        managed->state.leftovers = false;
        managed_save_soon(managed);
        reap(managed);
        drop_process(managed);
}

static void on_group_ended(void *cookie, int result, const char *text) {
        struct managed *managed = cookie;
        struct executor *executor = managed->executor;
        if (result == 0 && !main_process_left(managed)) {
                close_group(managed);
        }
        if (result < 0) {
                log_error("%s: processes are left of it: %s", managed->state.service, text);
        }
        action_group_ended(managed->action, result, text);
        executor_settled(executor);
}

bool managed_gone(const struct managed *managed) {
        return !managed->state.running && !managed->state.leftovers;
}

/* That of a unit is systemd's, which waits to see it become empty. */
void managed_remove_group(const struct managed *managed) {
        if (!*managed->state.unit) {
                control_group_remove(managed->state.cgroup);
        }
}

bool managed_end_group(struct managed *managed) {
        struct process_group group;
        (void) managed_signal(managed, SIGKILL); /* its end is seen by the pidfd */
        managed_group(managed, &group);
        if (group_end_start(&managed->ending, &group) == 0) {
                return false;
        }
        if (main_process_left(managed)) {
                return false;
        }
        close_group(managed);
        return true;
}

/* ---- Told to the agent ---- */

/* Its state is that of a child: of a command, or of what is left of one. */
static bool is_child(const struct managed *managed) {
        return managed_is_command(managed) || !managed->service || !managed_gone(managed);
}

bool managed_is_known(const struct managed *managed) {
        return is_child(managed) || managed->status.known;
}

void managed_announce(struct managed *managed, unsigned unsent) {
        if (!managed_is_known(managed)) {
                unsent &= ~(unsigned) UNSENT_SERVICE;
        }
        if (unsent) {
                agent_port_announce(&managed->executor->port, managed, unsent);
        }
}

/* Since when it has been so does not make news. */
static bool is_news(const struct managed_status *old, const struct managed_status *new) {
        return old->known != new->known || old->running != new->running ||
               old->expected != new->expected || old->by_person != new->by_person ||
               old->manager_busy != new->manager_busy || old->pid != new->pid ||
               old->start_time != new->start_time || old->exit_kind != new->exit_kind ||
               old->exit_code != new->exit_code || !str_eq(old->text, new->text);
}

void managed_tell(struct managed *managed, const struct managed_status *status) {
        struct managed_status before = managed->status;
        managed->status = *status;
        if (status->since == 0) {
                bool same = before.known && before.running == status->running;
                managed->status.since =
                        same ? before.since : loop_now(managed->executor->loop).wall;
        }
        if (is_news(&before, status)) {
                managed_announce(managed, UNSENT_SERVICE);
        }
        bool another = before.running && status->pid != before.pid && before.pid != 0;
        if (status->known && (another || !status->running)) {
                lease_guard_lost(managed);
        }
        lease_guard_looked(managed);
}

static void describe_child(const struct managed *managed, struct wire_message *ret) {
        const struct service_state *state = &managed->state;
        ret->running = state->running;
        ret->adopted = state->running && managed->adopted;
        ret->pid = state->running ? state->pid : 0;
        ret->start_time = state->running ? state->start_time : 0;
        ret->since = state->since;
        ret->exit_kind = state->exit_kind;
        ret->exit_code = state->exit_code;
        ret->core_dumped = state->core_dumped;
        ret->out_of_memory = state->out_of_memory;
        ret->expected = state->expected;
        ret->by_person = state->by_person;
        ret->manager_busy = state->running && service_unit_stopping(managed->unit);
        if (ret->manager_busy) {
                str_copy(ret->text, sizeof(ret->text), "systemd stops it");
        } else if (state->by_person) {
                str_copy(ret->text, sizeof(ret->text), STOPPED_BY_PERSON);
        } else if (state->exit_kind != WIRE_EXIT_NONE) {
                managed_exit_text(state, ret->text, sizeof(ret->text));
        }
}

static void describe_status(const struct managed *managed, struct wire_message *ret) {
        const struct managed_status *status = &managed->status;
        /* What is not known to be gone is not called gone. */
        ret->running =
                managed->service->manager != MANAGER_NONE && (status->running || !status->known);
        ret->pid = status->running ? status->pid : 0;
        ret->start_time = status->running ? status->start_time : 0;
        ret->since = status->since;
        ret->exit_kind = status->exit_kind;
        ret->exit_code = status->exit_code;
        ret->core_dumped = status->core_dumped;
        ret->out_of_memory = status->out_of_memory;
        ret->expected = status->expected;
        ret->by_person = status->by_person;
        ret->manager_busy = status->manager_busy;
        str_copy(ret->text, sizeof(ret->text), status->text);
}

void managed_describe(const struct managed *managed, struct wire_message *ret) {
        *ret = (struct wire_message){
                .type = WIRE_SERVICE,
                .busy = managed->action && managed->executor->port.listing,
                .request = action_request(managed->action),
                .drained = managed->state.drained,
        };
        str_copy(ret->service, sizeof(ret->service), managed->state.service);
        if (managed->service) {
                str_copy(ret->digest, sizeof(ret->digest), managed->service->digest);
        }
        if (is_child(managed)) {
                describe_child(managed, ret);
        } else {
                describe_status(managed, ret);
        }
}

void managed_describe_done(const struct managed *managed, struct wire_message *ret) {
        const struct service_state *state = &managed->state;
        *ret = (struct wire_message){
                .type = state->result_refused ? WIRE_REFUSED : WIRE_DONE,
                .refusal = state->result_refused ? REFUSAL_NOT_ALLOWED : REFUSAL_NONE,
                .request = state->result_request,
                .ok = state->result_ok,
        };
        str_copy(ret->service, sizeof(ret->service), state->service);
        str_copy(ret->text, sizeof(ret->text), state->result_text);
}

const char *managed_exit_text(const struct service_state *state, char *text, size_t size) {
        const char *name = NULL, *memory = state->out_of_memory ? ", out of memory" : "";
        switch (state->exit_kind) {
        case WIRE_EXIT_NONE:
                snprintf(text, size, "has not ended");
                break;
        case WIRE_EXIT_STATUS:
                snprintf(text, size, "exited with status %d%s", state->exit_code, memory);
                break;
        case WIRE_EXIT_SIGNAL:
                name = sigabbrev_np(state->exit_code);
                snprintf(text, size, "killed by %s%.16s%s%s", name ? "SIG" : "signal ",
                        name ? name : "", state->core_dumped ? " (core dumped)" : "", memory);
                break;
        case WIRE_EXIT_UNKNOWN:
                snprintf(text, size, "ended, nobody saw how");
                break;
        }
        return text;
}
