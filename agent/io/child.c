#include "io/child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/capture.h"
#include "io/launch.h"

/* What the one timer of a child waits for. */
enum child_phase {
        PHASE_STARTING, /* for nothing: a thread calls execve */
        PHASE_RUNNING, /* for the deadline */
        PHASE_TERMINATING, /* for SIGTERM to work, then comes SIGKILL */
        PHASE_KILLING, /* for SIGKILL to work; in an uninterruptible call it does not */
        PHASE_DRAINING, /* for the rest of the output; the process has exited */
        PHASE_DETACHED, /* for nothing: nobody asks any more, only the reaping is left */
};

struct child {
        struct loop *loop;
        struct launch *launch; /* PHASE_STARTING only */
        struct spawned spawned;
        enum child_phase phase;
        bool timed_out, leave_group;
        usec_t timeout, kill_grace, kill_wait, start;
        struct loop_timer timer;
        struct loop_watch exit_watch;
        struct loop_hook hook; /* detached: frees it with the loop */
        struct capture output, errors;
        child_done done;
        void *cookie;
};

static void close_streams(struct child *child) {
        capture_close(&child->output);
        capture_close(&child->errors);
}

static void child_free(struct child *child) {
        if (!child) {
                return;
        }
        launch_cancel(child->launch);
        loop_watch_remove(&child->exit_watch);
        loop_timer_done(&child->timer);
        loop_hook_remove(&child->hook);
        spawned_done(&child->spawned);
        capture_done(&child->output);
        capture_done(&child->errors);
        free(child);
}

DEFINE_CLEANUP(cleanup_child, struct child, child_free)

/* The group exists until we reap its leader, so its number cannot have been reused. */
static void signal_group(const struct child *child, int signal) {
        if (kill(-child->spawned.pid, signal) < 0) {
                (void) kill(child->spawned.pid, signal); /* it has not come to setsid() yet */
        }
}

static void reap(const struct child *child, siginfo_t *ret_info) {
        *ret_info = (siginfo_t){0};
        int r = waitid(P_PIDFD, (id_t) child->spawned.pidfd, ret_info, WEXITED | WNOHANG);
        if (r < 0) {
                ret_info->si_pid = 0;
        }
}

static void free_detached(void *cookie) {
        struct child *child = cookie;
        siginfo_t info;

        reap(child, &info);
        child_free(child);
}

/* The process was told to die, and is reaped whenever it does. */
static void detach(struct child *child) {
        child->phase = PHASE_DETACHED;
        close_streams(child);
        loop_timer_cancel(&child->timer);
        loop_on_free(child->loop, &child->hook, free_detached, child);
}

static void fill_exit(const siginfo_t *info, struct child_result *result) {
        bool exited = info->si_code == CLD_EXITED;

        result->code = info->si_status;
        if (result->end == CHILD_TIMED_OUT) {
                result->code = exited ? 0 : info->si_status;
        } else {
                result->end = exited ? CHILD_EXITED : CHILD_SIGNALED;
        }
}

static void report(const struct child *child, struct child_result *result) {
        result->output = capture_text(&child->output, &result->output_length);
        result->errors = capture_text(&child->errors, &result->errors_length);
        result->dropped_bytes = child->output.dropped_bytes;
        result->duration = usec_sub(loop_now(child->loop).mono, child->start);
        child->done(child->cookie, result);
}

/* The process has exited, and the output is complete or waited for long enough. */
static void finish(struct child *child) {
        struct child_result result = {.end = child->timed_out ? CHILD_TIMED_OUT : CHILD_EXITED};
        struct error err = {0};
        siginfo_t info;

        if (!child->leave_group) {
                (void) kill(-child->spawned.pid, SIGKILL); /* before its number is free again */
        }
        reap(child, &info);
        fill_exit(&info, &result);
        if (spawn_state(&child->spawned, &err) == SPAWN_FAILED) {
                result.end = CHILD_NOT_STARTED;
                result.code = err.code;
                result.error = err.text;
        }
        report(child, &result);
        child_free(child);
}

/* SIGKILL did not end it: a call in the kernel hangs. The result cannot wait for that. */
static void give_up(struct child *child) {
        struct child_result result = {.end = CHILD_TIMED_OUT, .code = -1};

        detach(child);
        report(child, &result);
}

static void kill_now(struct child *child) {
        child->phase = PHASE_KILLING;
        signal_group(child, SIGKILL);
        loop_timer_set(&child->timer, usec_add(loop_now(child->loop).mono, child->kill_wait));
}

static void on_timer(void *cookie) {
        struct child *child = cookie;

        switch (child->phase) {
        case PHASE_RUNNING:
                child->phase = PHASE_TERMINATING;
                child->timed_out = true;
                signal_group(child, SIGTERM);
                signal_group(child, SIGCONT); /* a stopped process would not see it */
                loop_timer_set_after(&child->timer, child->kill_grace);
                break;
        case PHASE_TERMINATING:
                kill_now(child);
                break;
        case PHASE_KILLING:
                give_up(child);
                break;
        case PHASE_DRAINING:
                finish(child);
                break;
        case PHASE_STARTING:
        case PHASE_DETACHED:
                break;
        }
}

static bool at_end(const struct child *child) {
        return child->output.fd < 0 && child->errors.fd < 0;
}

static void on_output_end(void *cookie) {
        struct child *child = cookie;

        if (child->phase == PHASE_DRAINING && at_end(child)) {
                finish(child);
        }
}

static void on_exit_ready(void *cookie, uint32_t events) {
        struct child *child = cookie;

        (void) events;
        if (child->phase == PHASE_DETACHED) {
                free_detached(child);
                return;
        }
        loop_watch_remove(&child->exit_watch);
        child->phase = PHASE_DRAINING;
        capture_drain(&child->output);
        capture_drain(&child->errors);
        if (at_end(child)) {
                finish(child);
                return;
        }
        loop_timer_set_after(&child->timer, CHILD_DRAIN_TIME);
}

static struct child *child_new(
        struct loop *loop, const struct child_request *request, child_done done, void *cookie) {
        struct child *child = calloc(1, sizeof(*child));

        if (!child) {
                return NULL;
        }
        size_t wanted = request->max_output ? request->max_output : CHILD_OUTPUT_DEFAULT;
        capture_init(&child->output, wanted < CHILD_OUTPUT_LIMIT ? wanted : CHILD_OUTPUT_LIMIT,
                on_output_end, child);
        capture_init(&child->errors, CHILD_ERRORS_MAX, on_output_end, child);
        child->loop = loop;
        child->spawned.pidfd = child->spawned.status_fd = -1;
        child->leave_group = request->leave_group;
        child->timeout = request->timeout;
        child->kill_grace = request->kill_grace ? request->kill_grace : CHILD_KILL_GRACE;
        child->kill_wait = request->kill_wait ? request->kill_wait : CHILD_KILL_WAIT;
        child->start = loop_now(loop).mono;
        child->done = done;
        child->cookie = cookie;
        list_init(&child->hook.node);
        if (loop_timer_init(&child->timer, loop, on_timer, child) < 0) {
                free(child);
                return NULL;
        }
        return child;
}

static void on_launched(
        void *cookie, int result, const struct spawned *spawned, const struct error *err);

static int start_program(
        struct child *child, const struct child_request *request, struct error *err) {
        struct spawn_request spawn = request->spawn;

        AUTO_CLOSE int output = capture_open(&child->output, err);
        if (output < 0) {
                return output;
        }
        AUTO_CLOSE int errors = request->separate_errors ? capture_open(&child->errors, err) : -1;
        if (request->separate_errors && errors < 0) {
                return errors;
        }
        spawn.stdout_fd = output;
        spawn.stderr_fd = request->separate_errors ? errors : output;
        if (request->pool) {
                return launch_start(&child->launch, request->pool, &spawn, on_launched, child, err);
        }
        return spawn_start(&spawn, &child->spawned, err);
}

static int watch_program(struct child *child, struct error *err) {
        int r = loop_watch_add(&child->exit_watch, child->loop, child->spawned.pidfd, EPOLLIN,
                on_exit_ready, child);
        r = r < 0 ? r : capture_watch(&child->output, child->loop);
        r = r < 0 ? r : capture_watch(&child->errors, child->loop);
        return r < 0 ? error_set_errno(err, -r, "watching a child") : 0;
}

/* Without watches nothing would tell of its end, so this one wait may block; it ends with SIGKILL.
 */
static void undo_start(const struct child *child) {
        siginfo_t info;

        (void) kill(child->spawned.pid, SIGKILL);
        while (waitid(P_PIDFD, (id_t) child->spawned.pidfd, &info, WEXITED) < 0 && errno == EINTR) {
        }
}

/* It runs: from here on its timer and its descriptors tell. */
static int begin(struct child *child, struct error *err) {
        int r = watch_program(child, err);
        if (r < 0) {
                undo_start(child);
                return r;
        }
        child->phase = PHASE_RUNNING;
        if (child->timeout != USEC_INFINITY) {
                loop_timer_set(&child->timer, usec_add(child->start, child->timeout));
        }
        if (child->timed_out) { /* child_kill came before */
                kill_now(child);
        }
        return 0;
}

static void on_launched(
        void *cookie, int result, const struct spawned *spawned, const struct error *err) {
        struct child *child = cookie;
        struct error why = *err;

        child->launch = NULL;
        child->spawned = *spawned;
        int r = result < 0 ? result : begin(child, &why);
        if (r < 0) {
                struct child_result failed = {
                        .end = CHILD_NOT_STARTED, .code = -r, .error = why.text};
                report(child, &failed);
                child_free(child);
        }
}

int child_start(struct child **ret, struct loop *loop, const struct child_request *request,
        child_done done, void *cookie, struct error *err) {
        AUTO(cleanup_child) struct child *child = child_new(loop, request, done, cookie);

        if (!child) {
                return error_set_errno(err, ENOMEM, "starting a child");
        }
        int r = start_program(child, request, err);
        if (r < 0) {
                return r;
        }
        r = child->launch ? 0 : begin(child, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(child);
        return 0;
}

void child_cancel(struct child *child) {
        if (!child || child->phase == PHASE_STARTING) {
                child_free(child);
                return;
        }
        signal_group(child, SIGKILL);
        if (child->phase == PHASE_DRAINING) {
                free_detached(child);
        } else {
                detach(child);
        }
}

void child_kill(struct child *child) {
        if (child->phase == PHASE_DRAINING) {
                return;
        }
        child->timed_out = true;
        if (child->phase != PHASE_STARTING) {
                kill_now(child);
        }
}

pid_t child_pid(const struct child *child) {
        return child->spawned.pid;
}

const char *child_describe(const struct child_result *result, char *text, size_t size) {
        const char *signal = result->code > 0 ? sigabbrev_np(result->code) : NULL;

        switch (result->end) {
        case CHILD_NOT_STARTED:
                (void) snprintf(text, size, "could not be started: %s", result->error);
                break;
        case CHILD_LOST:
                (void) snprintf(text, size, "%s", result->error);
                break;
        case CHILD_EXITED:
                (void) snprintf(text, size, "exited with status %d", result->code);
                break;
        case CHILD_SIGNALED:
                (void) snprintf(text, size, "killed by SIG%s", signal ? signal : "?");
                break;
        case CHILD_TIMED_OUT:
                if (result->code < 0) {
                        (void) snprintf(text, size, "timed out, and does not die");
                } else if (signal) {
                        (void) snprintf(text, size, "timed out (killed by SIG%s)", signal);
                } else {
                        (void) snprintf(text, size, "timed out");
                }
                break;
        }
        return text;
}

void child_last_line(const struct child_result *result, char *line, size_t size) {
        size_t end = result->output_length;
        while (end > 0 && strchr(" \t\r\n", result->output[end - 1])) {
                end--;
        }
        size_t begin = end;
        while (begin > 0 && result->output[begin - 1] != '\n') {
                begin--;
        }
        size_t length = end - begin < size ? end - begin : size - 1;
        memcpy(line, result->output + begin, length);
        line[length] = '\0';
        str_make_printable(line);
}
