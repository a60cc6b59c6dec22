#include "executor/service_start.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "executor/service_log.h"
#include "executor/service_unit.h"
#include "executor/unit_manager.h"
#include "io/environment.h"
#include "io/identity_lookup.h"
#include "io/spawn.h"

/* Opening a log, in a worker thread. The descriptor is the job's until it is taken. */
struct log_job {
        struct service_log log;
        char *program, *directory; /* of a unit: are they there? NULL: need not be looked at */
        int fd;
        struct error err;
};

/* What a transient unit is made of, until it has started. */
struct launch {
        struct transient *transient;
        struct transient_spec spec;
        struct environment environment;
        struct spawn_limit limits[SPAWN_MAX_LIMITS];
};

struct service_start {
        struct managed *managed;
        const struct service *service;
        struct identity_lookup *lookup;
        struct worker_task *log_task;
        struct identity identity;
        int log_fd, cgroup_fd;
        usec_t since, deadline;
        struct loop_defer forking;
        struct launch *launch; /* NULL: not begun, or it is forked */
        struct spawned spawned; /* its pidfd is the managed service's */
        struct loop_watch status_watch;
        service_start_ended done; /* NULL: it is prepared only, and belongs to managed->prepared */
        void *cookie;
};

/* ---- Its end ---- */

static void launch_free(struct launch *launch) {
        if (launch) {
                transient_cancel(launch->transient);
                environment_done(&launch->environment);
                free(launch);
        }
}

void service_start_free(struct service_start *start) {
        if (!start) {
                return;
        }
        launch_free(start->launch);
        identity_lookup_cancel(start->lookup);
        if (start->log_task) {
                worker_cancel(start->log_task);
        }
        if (start->log_fd >= 0) {
                close(start->log_fd);
        }
        if (start->cgroup_fd >= 0) {
                close(start->cgroup_fd);
        }
        loop_defer_cancel(&start->forking);
        loop_watch_remove(&start->status_watch);
        spawned_done(&start->spawned);
        free(start);
}

void service_start_forget(struct managed *managed) {
        service_start_free(TAKE_PTR(managed->prepared));
}

static void finish(struct service_start *start, bool ok, const char *text) {
        service_start_ended done = start->done;
        if (!done) { /* a start that is asked for will say what is wrong */
                service_start_forget(start->managed);
                return;
        }
        void *cookie = start->cookie;
        char copy[ERROR_TEXT_MAX];
        str_copy(copy, sizeof(copy), text);
        service_start_free(start);
        done(cookie, ok, copy);
}

const char *service_start_waits_for(const struct service_start *start) {
        if (start->lookup) {
                return "the look-up of its user";
        }
        if (start->log_task) {
                return "its log";
        }
        return start->launch ? "systemd" : "execve";
}

/* ---- Forking ---- */

void service_start_invocation(char id[INVOCATION_ID_SIZE]) {
        uint64_t words[2] = {0};
        if (getrandom(words, sizeof(words), GRND_NONBLOCK) != (ssize_t) sizeof(words)) {
                /* Early in a boot there may be no randomness: unique on this host is enough. */
                struct instant now = clock_now();
                words[0] = now.mono;
                words[1] = (uint64_t) getpid() << 32;
        }
        snprintf(id, INVOCATION_ID_SIZE, "%016" PRIx64 "%016" PRIx64, words[0], words[1]);
}

static int fill_environment(const struct service_start *start, struct environment *environment) {
        const struct command_spec *command = start->service->command;
        environment_set_standard(environment, &start->identity);
        for (uint32_t i = 0; i < command->environment.count; i++) {
                environment_set(environment, command->environment.items[i].key,
                        command->environment.items[i].value);
        }
        environment_set(environment, "RECOVERD_SERVICE", start->service->name);
        environment_set(environment, "INVOCATION_ID", start->managed->state.invocation);
        lease_guard_environment(start->managed, environment);
        return environment->failed ? -ENOMEM : 0;
}

static size_t fill_limits(
        const struct limits_spec *spec, struct spawn_limit ret[SPAWN_MAX_LIMITS]) {
        const struct {
                uint64_t value;
                int resource;
                bool set;
        } all[] = {
                {spec->open_files, RLIMIT_NOFILE, spec->open_files > 0},
                {spec->processes, RLIMIT_NPROC, spec->processes > 0},
                {spec->core, RLIMIT_CORE, true},
                {spec->memory, RLIMIT_AS, spec->memory > 0},
        };
        size_t count = 0;
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (all[i].set) {
                        ret[count++] =
                                (struct spawn_limit){all[i].resource, {all[i].value, all[i].value}};
                }
        }
        return count;
}

static void join_group(struct service_start *start) {
        struct executor *executor = start->managed->executor;
        struct service_state *state = &start->managed->state;
        struct error err = {0};
        state->cgroup[0] = state->unit[0] = '\0';
        if (executor->as_units || !*executor->groups.root) {
                return;
        }
        start->cgroup_fd =
                control_group_make(&executor->groups, state->service, state->cgroup, &err);
        if (start->cgroup_fd < 0) {
                log_warning("%s: starting it without a cgroup: %s", state->service, err.text);
        }
}

/* From here on a process may exist: should the executor die in between, the next one looks for it.
 */
static void write_intent(struct service_start *start) {
        struct service_state *state = &start->managed->state;
        state->starting = true;
        state->leftovers = true;
        state->pid = 0;
        state->start_time = 0;
        state->stop_signal = start->service->command->stop_signal;
        state->stop_timeout = start->service->command->stop_timeout;
        managed_save(start->managed);
}

static int write_pid(struct service_start *start, bool child) {
        struct managed *managed = start->managed;
        struct process_stat stat = {0};
        (void) process_stat_read(start->spawned.pid, &stat); /* a zombie at worst */
        managed->state.pid = start->spawned.pid;
        managed->state.start_time = stat.start_time;
        managed->state.since = loop_now(managed->executor->loop).wall;
        managed->adopted = false;
        managed_save(managed);
        return managed_hold(managed, TAKE_FD(start->spawned.pidfd), child);
}

/* Borrows from all of its arguments. */
static int fill_request(struct service_start *start, struct environment *environment,
        struct spawn_limit limits[SPAWN_MAX_LIMITS], struct spawn_request *ret, struct error *err) {
        const struct command_spec *command = start->service->command;
        if (fill_environment(start, environment) < 0) {
                return error_set(err, ENOMEM, "environment: out of memory, or too large");
        }
        *ret = (struct spawn_request){
                .argv = command->command.items,
                .environment = (const char *const *) environment->items,
                .directory = command->directory,
                .stdin_fd = -1,
                .stdout_fd = start->log_fd,
                .stderr_fd = start->log_fd,
                .cgroup_fd = start->cgroup_fd,
                .change_user = start->identity.change,
                .uid = start->identity.uid,
                .gid = start->identity.gid,
                .groups = start->identity.groups,
                .n_groups = start->identity.n_groups,
                .umask = command->umask,
                .limits = limits,
                .n_limits = fill_limits(&command->limits, limits),
        };
        return 0;
}

static int spawn(struct service_start *start, struct error *err) {
        AUTO(environment_done) struct environment environment = {0};
        struct spawn_limit limits[SPAWN_MAX_LIMITS];
        struct spawn_request request;
        int r = fill_request(start, &environment, limits, &request, err);
        return r < 0 ? r : spawn_start(&request, &start->spawned, err);
}

static int fork_process(struct service_start *start, struct error *err) {
        service_start_invocation(start->managed->state.invocation);
        write_intent(start);
        int r = spawn(start, err);
        if (r < 0) {
                start->managed->state.starting = start->managed->state.leftovers = false;
                return r;
        }
        r = write_pid(start, true);
        return r < 0 ? error_set_errno(err, -r, "watching the process") : 0;
}

/* ---- Waiting for execve ---- */

static void check_status(struct service_start *start, bool process_ended) {
        char text[ERROR_TEXT_MAX];
        struct error err = {0};
        enum spawn_state state = spawn_state(&start->spawned, &err);
        if (state == SPAWN_PENDING && !process_ended) {
                return;
        }
        start->managed->state.starting = false;
        if (state == SPAWN_RUNNING) {
                snprintf(text, sizeof(text), "started, pid %d", (int) start->spawned.pid);
        } else {
                snprintf(text, sizeof(text), "%s: %.900s",
                        start->service->command->command.items[0],
                        state == SPAWN_FAILED ? err.text : "ended before execve");
        }
        finish(start, state == SPAWN_RUNNING, text);
}

static void on_status(void *cookie, uint32_t events) {
        (void) events;
        check_status(cookie, false);
}

void service_start_process_ended(struct service_start *start) {
        check_status(start, true);
}

/* ---- As a unit of systemd ---- */

static void on_launched(void *cookie, const struct transient_result *result) {
        struct service_start *start = cookie;
        char text[64];
        pid_t pid = result->pid;
        start->launch->transient = NULL;
        start->managed->state.starting = false;
        if (!pid) {
                finish(start, false, result->text);
                return;
        }
        start->spawned.pid = pid;
        start->spawned.pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (start->spawned.pidfd < 0 || write_pid(start, false) < 0) {
                finish(start, false, "it ended at once, nobody saw how");
                return;
        }
        snprintf(text, sizeof(text), "started, pid %d", (int) pid);
        finish(start, true, text);
}

static void fill_spec(const struct service_start *start, struct transient_spec *spec) {
        const struct command_spec *command = start->service->command;
        spec->name = start->managed->state.unit;
        spec->description = start->service->name;
        spec->slice = SERVICE_UNIT_SLICE;
        spec->user = command->user;
        spec->group = command->group;
        spec->stop_signal = command->stop_signal;
        spec->stop_timeout = command->stop_timeout;
}

static int launch(struct service_start *start, struct error *err) {
        struct executor *executor = start->managed->executor;
        struct unit_bus *units;
        int r = unit_manager_bus(executor, &units, err);
        if (r < 0 || (r = service_unit_plan(start->managed, err)) < 0) {
                return r;
        }
        struct launch *launch = start->launch = calloc(1, sizeof(*launch));
        if (!launch) {
                return error_set(err, ENOMEM, "out of memory");
        }
        service_start_invocation(start->managed->state.invocation);
        r = fill_request(start, &launch->environment, launch->limits, &launch->spec.program, err);
        if (r < 0) {
                return r;
        }
        fill_spec(start, &launch->spec);
        write_intent(start);
        const struct transient_request request = {
                .loop = executor->loop,
                .units = units,
                .deadline = start->deadline,
                .spec = &launch->spec,
        };
        return transient_start(&launch->transient, &request, on_launched, start, err);
}

static int begin_process(struct service_start *start, struct error *err) {
        if (start->managed->executor->as_units) {
                return launch(start, err);
        }
        int r = fork_process(start, err);
        if (r < 0) {
                return r;
        }
        r = loop_watch_add(&start->status_watch, start->managed->executor->loop,
                start->spawned.status_fd, EPOLLIN, on_status, start);
        return r < 0 ? error_set_errno(err, -r, "watching for execve") : 0;
}

static void fork_now(void *cookie) {
        struct service_start *start = cookie;
        struct error err = {0};
        if (begin_process(start, &err) < 0) {
                finish(start, false, err.text);
        }
}

static bool is_ready(const struct service_start *start) {
        return !start->lookup && !start->log_task;
}

static void fork_when_ready(struct service_start *start) {
        if (start->done && is_ready(start)) {
                fork_now(start);
        }
}

/* ---- Before forking ---- */

static void on_identity(
        void *cookie, int result, const struct identity *identity, const char *text) {
        struct service_start *start = cookie;
        start->lookup = NULL;
        if (result < 0) {
                finish(start, false, text);
                return;
        }
        start->identity = *identity;
        fork_when_ready(start);
}

/* systemd would only say which stage failed; the reason would be in its journal. */
static int look_for_program(const struct log_job *job, struct error *err) {
        struct stat status;
        if (job->directory && stat(job->directory, &status) < 0) {
                return error_set_errno(err, errno, "%s: changing the directory", job->program);
        }
        return access(job->program, X_OK) < 0
                       ? error_set_errno(err, errno, "%s: executing", job->program)
                       : 0;
}

static int log_job_run(void *data) {
        struct log_job *job = data;
        int r = job->program ? look_for_program(job, &job->err) : 0;
        if (r < 0) {
                return r;
        }
        job->fd = service_log_open(&job->log, &job->err);
        return job->fd < 0 ? job->fd : 0;
}

static void log_job_free(void *data) {
        struct log_job *job = data;
        if (job && job->fd >= 0) {
                close(job->fd);
        }
        if (job) {
                free(job->program);
                free(job->directory);
        }
        free(job);
}

DEFINE_CLEANUP(cleanup_log_job, struct log_job, log_job_free)

static void on_log(void *cookie, int result, void *data) {
        struct service_start *start = cookie;
        struct log_job *job = data;
        start->log_task = NULL;
        if (result < 0) {
                finish(start, false, job && *job->err.text ? job->err.text : strerror(-result));
                return;
        }
        start->log_fd = TAKE_FD(job->fd);
        fork_when_ready(start);
}

/* Copied, since a worker that hangs may outlive the policy. */
static int note_program(struct log_job *job, const struct command_spec *command) {
        job->program = strdup(command->command.items[0]);
        job->directory = command->directory ? strdup(command->directory) : NULL;
        return job->program && (job->directory || !command->directory) ? 0 : -ENOMEM;
}

static int open_log(struct service_start *start, usec_t deadline, struct error *err) {
        struct executor *executor = start->managed->executor;
        AUTO(cleanup_log_job) struct log_job *job = calloc(1, sizeof(*job));
        if (!job) {
                return error_set(err, ENOMEM, "out of memory");
        }
        job->fd = -1;
        if (executor->as_units && note_program(job, start->service->command) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = service_log_plan(&job->log, start->service, executor->options.state_dir, err);
        if (r < 0) {
                return r;
        }
        struct worker_job work = {
                .run = log_job_run,
                .release = log_job_free,
                .done = on_log,
                .data = job,
                .cookie = start,
                .deadline = deadline,
        };
        r = worker_submit(executor->logs, &work, &start->log_task, err);
        if (r == 0) {
                job = NULL;
        }
        return r;
}

DEFINE_CLEANUP(cleanup_start, struct service_start, service_start_free)

/* Asks for all that a start needs. */
static int begin(struct service_start **ret, struct managed *managed, const struct service *service,
        usec_t deadline, struct error *err) {
        AUTO(cleanup_start) struct service_start *start = calloc(1, sizeof(*start));
        if (!start) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *start = (struct service_start){
                .managed = managed,
                .service = service,
                .log_fd = -1,
                .cgroup_fd = -1,
                .since = loop_now(managed->executor->loop).mono,
                .spawned = {.pidfd = -1, .status_fd = -1},
        };
        loop_defer_init(&start->forking, managed->executor->loop, fork_now, start);
        int r = identity_lookup_start(&start->lookup, managed->executor->names,
                service->command->user, service->command->group, deadline, on_identity, start, err);
        if (r < 0 || (r = open_log(start, deadline, err)) < 0) {
                return r;
        }
        join_group(start);
        *ret = TAKE_PTR(start);
        return 0;
}

void service_start_prepare(struct managed *managed) {
        usec_t now = loop_now(managed->executor->loop).mono;
        service_start_forget(managed);
        (void) begin(&managed->prepared, managed, managed->service,
                usec_add(now, SERVICE_START_FRESH), NULL);
}

static struct service_start *take_prepared(struct managed *managed, const struct service *service) {
        struct service_start *start = TAKE_PTR(managed->prepared);
        usec_t now = loop_now(managed->executor->loop).mono;
        if (start && start->service == service &&
                usec_sub(now, start->since) < SERVICE_START_FRESH) {
                return start;
        }
        service_start_free(start);
        return NULL;
}

int service_start_new(struct service_start **ret, struct managed *managed,
        const struct service *service, usec_t deadline, service_start_ended done, void *cookie,
        struct error *err) {
        struct service_start *start = take_prepared(managed, service);
        int r = start ? 0 : begin(&start, managed, service, deadline, err);
        if (r < 0) {
                return r;
        }
        start->done = done;
        start->cookie = cookie;
        start->deadline = deadline;
        if (is_ready(start)) {
                loop_defer_schedule(&start->forking);
        }
        *ret = start;
        return 0;
}
