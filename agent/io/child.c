#include "io/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum {
        READ_SIZE = 16 * 1024,
        READS_PER_TURN = 4, /* a child that floods us gets no more of a turn than this */
};

/* What the one timer of a child waits for. */
enum child_phase {
        PHASE_RUNNING, /* for the deadline */
        PHASE_TERMINATING, /* for SIGTERM to work, then comes SIGKILL */
        PHASE_KILLING, /* for SIGKILL to work; in an uninterruptible call it does not */
        PHASE_DRAINING, /* for the rest of the output; the process has exited */
        PHASE_DETACHED, /* for nothing: nobody asks any more, only the reaping is left */
};

struct child {
        struct loop *loop;
        struct spawned spawned;
        enum child_phase phase;
        bool timed_out, leave_group;
        usec_t kill_grace, start;
        struct loop_timer timer;
        struct loop_watch exit_watch, output_watch;
        struct loop_hook hook; /* detached: frees it with the loop */
        int output_fd;
        struct strbuf output;
        size_t max_output;
        uint64_t dropped_bytes;
        child_done done;
        void *cookie;
};

static void close_output(struct child *child) {
        loop_watch_remove(&child->output_watch);
        if (child->output_fd >= 0) {
                close(child->output_fd);
                child->output_fd = -1;
        }
}

static void child_free(struct child *child) {
        if (!child) {
                return;
        }
        close_output(child);
        loop_watch_remove(&child->exit_watch);
        loop_timer_done(&child->timer);
        loop_hook_remove(&child->hook);
        spawned_done(&child->spawned);
        strbuf_done(&child->output);
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
        close_output(child);
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
        const char *output = strbuf_text(&child->output);

        result->output = output ? output : "";
        result->output_length = output ? child->output.length : 0;
        result->dropped_bytes = child->dropped_bytes;
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
                child->phase = PHASE_KILLING;
                signal_group(child, SIGKILL);
                loop_timer_set_after(&child->timer, CHILD_KILL_WAIT);
                break;
        case PHASE_KILLING:
                give_up(child);
                break;
        case PHASE_DRAINING:
                finish(child);
                break;
        case PHASE_DETACHED:
                break;
        }
}

static void keep_output(struct child *child, const char *data, size_t length) {
        size_t room = child->max_output - child->output.length;
        size_t kept = length < room ? length : room;

        strbuf_add_bytes(&child->output, data, kept);
        child->dropped_bytes += child->output.failed ? length : length - kept;
}

/* False when the output is at its end. */
static bool read_output(struct child *child) {
        char data[READ_SIZE];

        for (int i = 0; i < READS_PER_TURN; i++) {
                ssize_t n = read(child->output_fd, data, sizeof(data));
                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        return true;
                }
                if (n <= 0) {
                        return false;
                }
                keep_output(child, data, (size_t) n);
        }
        return true;
}

static void on_output(void *cookie, uint32_t events) {
        struct child *child = cookie;

        (void) events;
        if (read_output(child)) {
                return;
        }
        close_output(child);
        if (child->phase == PHASE_DRAINING) {
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
        if (child->output_fd < 0 || !read_output(child)) {
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
        size_t max_output = request->max_output ? request->max_output : CHILD_OUTPUT_DEFAULT;
        child->loop = loop;
        child->spawned.pidfd = child->spawned.status_fd = child->output_fd = -1;
        child->leave_group = request->leave_group;
        child->kill_grace = request->kill_grace ? request->kill_grace : CHILD_KILL_GRACE;
        child->start = loop_now(loop).mono;
        child->max_output = max_output < CHILD_OUTPUT_LIMIT ? max_output : CHILD_OUTPUT_LIMIT;
        child->done = done;
        child->cookie = cookie;
        list_init(&child->hook.node);
        if (loop_timer_init(&child->timer, loop, on_timer, child) < 0) {
                free(child);
                return NULL;
        }
        return child;
}

static int start_program(
        struct child *child, const struct spawn_request *request, struct error *err) {
        struct spawn_request spawn = *request;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0) {
                return error_set_errno(err, errno, "pipe");
        }
        AUTO_CLOSE int write_end = fds[1];
        child->output_fd = fds[0];
        if (fcntl(child->output_fd, F_SETFL, O_NONBLOCK) < 0) {
                return error_set_errno(err, errno, "pipe");
        }
        spawn.stdout_fd = spawn.stderr_fd = write_end;
        return spawn_start(&spawn, &child->spawned, err);
}

static int watch_program(struct child *child, struct error *err) {
        int r = loop_watch_add(&child->exit_watch, child->loop, child->spawned.pidfd, EPOLLIN,
                on_exit_ready, child);
        if (r == 0) {
                r = loop_watch_add(&child->output_watch, child->loop, child->output_fd, EPOLLIN,
                        on_output, child);
        }
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

int child_start(struct child **ret, struct loop *loop, const struct child_request *request,
        child_done done, void *cookie, struct error *err) {
        AUTO(cleanup_child) struct child *child = child_new(loop, request, done, cookie);

        if (!child) {
                return error_set_errno(err, ENOMEM, "starting a child");
        }
        int r = start_program(child, &request->spawn, err);
        if (r < 0) {
                return r;
        }
        r = watch_program(child, err);
        if (r < 0) {
                undo_start(child);
                return r;
        }
        if (request->timeout != USEC_INFINITY) {
                loop_timer_set_after(&child->timer, request->timeout);
        }
        *ret = TAKE_PTR(child);
        return 0;
}

void child_cancel(struct child *child) {
        if (!child) {
                return;
        }
        signal_group(child, SIGKILL);
        if (child->phase == PHASE_DRAINING) {
                free_detached(child);
        } else {
                detach(child);
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
