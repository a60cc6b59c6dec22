#include "executor/adoption.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"

#define INTERRUPTED "the executor was restarted during the action"
#define SEARCH_PAUSE (100 * USEC_PER_MSEC)
#define SEARCH_LIMIT (5 * USEC_PER_SEC) /* of one look */

enum { SEARCH_LOOKS = 10, SEARCH_FOUND_MAX = 64 };

/* ---- A process whose pid is known ---- */

/* Opens a pidfd on exactly this process; -ESRCH when it has ended. */
static int open_process(pid_t pid, uint64_t start_time) {
        AUTO_CLOSE int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct process_stat stat;
        if (pidfd < 0 || process_stat_read(pid, &stat) < 0 || stat.start_time != start_time ||
                process_has_ended(&stat)) {
                return -ESRCH;
        }
        return TAKE_FD(pidfd);
}

static bool adopt(struct managed *managed) {
        struct service_state *state = &managed->state;
        int pidfd = open_process(state->pid, state->start_time);
        if (pidfd < 0) {
                return false;
        }
        int r = managed_hold(managed, pidfd, false);
        if (r < 0) {
                log_error("%s: pid %d cannot be watched: %s", state->service, (int) state->pid,
                        strerror(-r));
        }
        managed->adopted = true;
        state->leftovers = true;
        managed_running(managed);
        managed_save_soon(managed);
        log_notice("%s: adopted its process, pid %d", state->service, (int) state->pid);
        return true;
}

/* Nobody saw it end; what is left of its group goes. */
static void note_lost(struct managed *managed) {
        struct service_state *state = &managed->state;
        if (state->running) {
                state->running = false;
                state->exit_kind = WIRE_EXIT_UNKNOWN;
                state->since = loop_now(managed->executor->loop).wall;
                log_warning("%s: its process ended while no executor was there", state->service);
        }
        managed_abandon_start(managed);
        managed_save_soon(managed);
        if (state->leftovers) {
                (void) managed_end_group(managed);
        }
}

/* ---- A process whose pid is not ---- */

struct look {
        struct process_group group;
        struct process_stat leader; /* pid 0: none */
};

struct search {
        struct list node;
        struct adoption *adoption;
        struct managed *managed;
        struct loop_timer timer;
        struct worker_task *task;
        unsigned looks;
};

/* In a worker thread. The main process leads its session, and is the oldest. */
static int look_run(void *data) {
        struct look *look = data;
        struct process_stat found[SEARCH_FOUND_MAX];
        ssize_t count = process_group_members(&look->group, found, SEARCH_FOUND_MAX);
        for (ssize_t i = 0; i < count; i++) {
                bool older = !look->leader.pid || found[i].start_time < look->leader.start_time;
                if (found[i].pid == found[i].session && older) {
                        look->leader = found[i];
                }
        }
        return count < 0 ? (int) count : 0;
}

static void search_free(struct search *search) {
        if (search->task) {
                worker_cancel(search->task);
        }
        list_remove(&search->node);
        loop_timer_done(&search->timer);
        free(search);
}

static void search_end(struct search *search) {
        struct adoption *adoption = search->adoption;
        search_free(search);
        if (list_empty(&adoption->searches)) {
                adoption->ended(adoption->cookie);
        }
}

static void look_again_or_give_up(struct search *search) {
        if (search->looks < SEARCH_LOOKS) {
                loop_timer_set_after(&search->timer, SEARCH_PAUSE);
                return;
        }
        note_lost(search->managed);
        search_end(search);
}

static void on_looked(void *cookie, int result, void *data) {
        struct search *search = cookie;
        const struct look *look = data;
        struct service_state *state = &search->managed->state;
        search->task = NULL;
        if (result == 0 && look->leader.pid) {
                state->pid = look->leader.pid;
                state->start_time = look->leader.start_time;
                state->since = loop_now(search->managed->executor->loop).wall;
                if (adopt(search->managed)) {
                        search_end(search);
                        return;
                }
        }
        look_again_or_give_up(search);
}

static void look(void *cookie) {
        struct search *search = cookie;
        struct executor *executor = search->adoption->executor;
        const struct service_state *state = &search->managed->state;
        struct look *look = calloc(1, sizeof(*look));
        struct worker_job job = {
                .run = look_run,
                .release = free,
                .done = on_looked,
                .data = look,
                .cookie = search,
                .deadline = usec_add(loop_now(executor->loop).mono, SEARCH_LIMIT),
        };
        search->looks++;
        if (look) {
                str_copy(look->group.cgroup, sizeof(look->group.cgroup), state->cgroup);
                str_copy(look->group.match.invocation, sizeof(look->group.match.invocation),
                        state->invocation);
        }
        if (!look || worker_submit(executor->scans, &job, &search->task, NULL) < 0) {
                free(look);
                look_again_or_give_up(search);
        }
}

static void start_search(struct adoption *adoption, struct managed *managed) {
        struct search *search = calloc(1, sizeof(*search));
        if (!search ||
                loop_timer_init(&search->timer, adoption->executor->loop, look, search) < 0) {
                free(search);
                note_lost(managed);
                return;
        }
        search->adoption = adoption;
        search->managed = managed;
        list_append(&adoption->searches, &search->node);
        loop_timer_set_after(&search->timer, 0);
}

/* ---- All of them ---- */

static void note_interrupted(struct service_state *state) {
        if (state->request) {
                state->result_request = state->request;
                state->result_ok = false;
                state->result_refused = false;
                str_copy(state->result_text, sizeof(state->result_text), INTERRUPTED);
                state->request = 0;
        }
}

static void on_file(void *cookie, const struct service_state *state) {
        struct adoption *adoption = cookie;
        struct executor *executor = adoption->executor;
        if (!str_eq(state->boot_id, executor->boot_id)) {
                state_file_remove(executor->services_dir, state->service);
                return;
        }
        struct managed *managed = managed_new(executor, state->service);
        if (!managed) {
                log_error("%s: out of memory, its process is left alone", state->service);
                return;
        }
        managed->state = *state;
        note_interrupted(&managed->state);
        managed_save_soon(managed);
        if (state->pid == 0 && state->starting) {
                start_search(adoption, managed);
        } else if (!((state->running || state->starting) && adopt(managed))) {
                note_lost(managed);
        }
}

int adoption_start(struct adoption *adoption, struct executor *executor,
        void (*ended)(void *cookie), void *cookie) {
        *adoption = (struct adoption){.executor = executor, .ended = ended, .cookie = cookie};
        list_init(&adoption->searches);
        int r = state_files_load(executor->services_dir, on_file, adoption);
        if (r < 0) {
                return r;
        }
        return list_empty(&adoption->searches) ? 1 : 0;
}

void adoption_done(struct adoption *adoption) {
        if (!adoption->executor) {
                return;
        }
        LIST_FOREACH (node, &adoption->searches) {
                search_free(LIST_ENTRY(node, struct search, node));
        }
        *adoption = (struct adoption){0};
}
