#include "runtime/executor_link.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "io/spawn.h"
#include "io/unix_socket.h"

#define PROGRAM "recoverd-executor"
#define SOCKET_NAME "executor.sock"
#define LOCK_NAME "executor.lock"
#define GOOD_AFTER EXECUTOR_RETRY_MAX /* up for so long: the next retry is at once again */

enum { FIXED_ARGUMENTS = 9, SOCKET_FD = 0, ENVIRONMENT_MAX = 1024 };

enum state { STATE_DOWN, STATE_GREETING, STATE_UP };

struct executor_link {
        struct loop *loop;
        struct executor_link_callbacks callbacks;
        void *cookie;
        char *config, *state_dir, *runtime_dir, *executor_path, *directory;
        char **policies;
        size_t n_policies;
        bool connect_only;

        enum state state;
        struct unix_link link;
        struct loop_timer timer; /* down: next try; greeting: patience */
        usec_t pause; /* before the next try */
        usec_t up_since;
        pid_t pid;
        char why[256];

        struct spawned child; /* the executor that was started here; pidfd -1: none */
        struct loop_watch child_watch;
};

/* ---- Down ---- */

static void set_why(struct executor_link *link, const char *why) {
        str_copy(link->why, sizeof(link->why), why);
}

/* At once, 100 ms, 200 ms, ... 5 s. */
static void retry_later(struct executor_link *link) {
        loop_timer_set_after(&link->timer, link->pause);
        usec_t next = link->pause ? 2 * link->pause : EXECUTOR_RETRY_FIRST;
        link->pause = next < EXECUTOR_RETRY_MAX ? next : EXECUTOR_RETRY_MAX;
}

static void go_down(struct executor_link *link, const char *why) {
        bool was_up = link->state == STATE_UP;
        if (was_up && usec_sub(loop_now(link->loop).mono, link->up_since) >= GOOD_AFTER) {
                link->pause = 0;
        }
        unix_link_done(&link->link);
        link->state = STATE_DOWN;
        link->pid = 0;
        set_why(link, why);
        retry_later(link);
        if (was_up && link->callbacks.on_down) {
                link->callbacks.on_down(link->cookie, why);
        }
}

/* ---- Talking ---- */

static void on_welcome(struct executor_link *link, const struct wire_message *message) {
        char why[96];
        if (message->type != WIRE_WELCOME || message->version != WIRE_VERSION) {
                snprintf(why, sizeof(why), "the executor speaks version %" PRIu32 ", not %d",
                        message->version, WIRE_VERSION);
                link->pause = EXECUTOR_RETRY_MAX;
                go_down(link, why);
                return;
        }
        link->state = STATE_UP;
        link->up_since = loop_now(link->loop).mono;
        link->pid = message->pid;
        set_why(link, "");
        loop_timer_cancel(&link->timer);
        if (link->callbacks.on_up) {
                link->callbacks.on_up(link->cookie);
        }
        if (link->callbacks.on_message && link->state == STATE_UP) {
                link->callbacks.on_message(link->cookie, message); /* for the digest in it */
        }
}

static void on_packet(void *cookie, const char *data, size_t length) {
        struct executor_link *link = cookie;
        struct wire_message message;
        struct error err = {0};
        if (wire_decode(data, length, &message, &err) < 0) {
                error_wrap(&err, "a packet of the executor is not understood");
                go_down(link, err.text);
        } else if (link->state == STATE_GREETING) {
                on_welcome(link, &message);
        } else if (link->callbacks.on_message) {
                link->callbacks.on_message(link->cookie, &message);
        }
}

static void on_closed(void *cookie, int error) {
        go_down(cookie, error ? strerror(-error) : "the executor is gone");
}

/* Takes the descriptor over. */
static void greet(struct executor_link *link, int fd) {
        const struct wire_message hello = {
                .type = WIRE_HELLO, .version = WIRE_VERSION, .pid = getpid()};
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(&hello, packet);
        int r = unix_link_init(&link->link, link->loop, fd, on_packet, on_closed, link);
        if (r < 0) {
                close(fd);
                go_down(link, strerror(-r));
                return;
        }
        link->state = STATE_GREETING;
        r = unix_link_send(&link->link, packet, (size_t) length);
        if (r < 0) {
                go_down(link, strerror(-r));
                return;
        }
        loop_timer_set_after(&link->timer, EXECUTOR_WELCOME_TIMEOUT);
}

/* ---- An executor of its own ---- */

static void forget_child(struct executor_link *link) {
        loop_watch_remove(&link->child_watch);
        spawned_done(&link->child);
}

static void describe_exit(const siginfo_t *info, char *text, size_t size) {
        if (info->si_code == CLD_EXITED) {
                snprintf(text, size, "exited with status %d", info->si_status);
        } else {
                const char *name = sigabbrev_np(info->si_status);
                snprintf(text, size, "killed by %s%s", name ? "SIG" : "a signal", name ? name : "");
        }
}

/* A process that is being traced is not its parent's to collect until the tracer lets go: then the
 * next try to connect looks again. */
static void reap_child(struct executor_link *link) {
        siginfo_t info = {0};
        struct error err = {0};
        char how[64];
        if (link->child.pidfd < 0 || link->child_watch.loop ||
                waitid(P_PIDFD, (id_t) link->child.pidfd, &info, WEXITED | WNOHANG) < 0 ||
                info.si_pid == 0) {
                return;
        }
        describe_exit(&info, how, sizeof(how));
        if (spawn_state(&link->child, &err) == SPAWN_FAILED) {
                log_error("the executor (pid %d) could not be started: %s", (int) link->child.pid,
                        err.text);
        } else {
                log_warning("the executor (pid %d) has ended: %s", (int) link->child.pid, how);
        }
        forget_child(link);
}

/* The connection closes by itself, and is tried again then. */
static void on_child_ended(void *cookie, uint32_t events) {
        struct executor_link *link = cookie;
        (void) events;
        loop_watch_remove(&link->child_watch);
        reap_child(link);
}

/* What is the agent's own with its service manager is not handed on. */
static bool is_private(const char *variable) {
        static const char *const prefixes[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"};
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                if (str_starts(variable, prefixes[i])) {
                        return true;
                }
        }
        return false;
}

static void fill_environment(const char *ret[ENVIRONMENT_MAX + 1]) {
        size_t count = 0;
        for (char **item = environ; *item && count < ENVIRONMENT_MAX; item++) {
                if (!is_private(*item)) {
                        ret[count++] = *item;
                }
        }
        ret[count] = NULL;
}

static const char **make_arguments(const struct executor_link *link, const char *program) {
        const char **argv = calloc(FIXED_ARGUMENTS + 2 * link->n_policies + 1, sizeof(char *));
        size_t count = 0;
        if (!argv) {
                return NULL;
        }
        argv[count++] = program;
        argv[count++] = "--socket-fd=0";
        argv[count++] = "--state-dir";
        argv[count++] = link->state_dir;
        argv[count++] = "--runtime-dir";
        argv[count++] = link->runtime_dir;
        if (link->config) {
                argv[count++] = "--config";
                argv[count++] = link->config;
        }
        for (size_t i = 0; i < link->n_policies; i++) {
                argv[count++] = "--policies";
                argv[count++] = link->policies[i];
        }
        return argv;
}

static int spawn_executor(
        struct executor_link *link, const char *program, int socket_fd, struct error *err) {
        const char *environment[ENVIRONMENT_MAX + 1];
        AUTO_FREE const char **argv = make_arguments(link, program);
        if (!argv) {
                return error_set(err, ENOMEM, "out of memory");
        }
        fill_environment(environment);
        struct spawn_request request = SPAWN_REQUEST_INIT;
        request.argv = argv;
        request.environment = environment;
        request.directory = link->directory; /* relative paths among the arguments */
        request.stdin_fd = socket_fd; /* the one descriptor that is handed on: SOCKET_FD */
        request.stderr_fd = STDERR_FILENO;
        int r = spawn_start(&request, &link->child, err);
        if (r < 0) {
                return r;
        }
        r = loop_watch_add(
                &link->child_watch, link->loop, link->child.pidfd, EPOLLIN, on_child_ended, link);
        return r < 0 ? error_set_errno(err, -r, "watching the executor") : 0;
}

static int beside_this_program(char path[PATH_MAX]) {
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
        if (length < 0) {
                return -errno;
        }
        path[length] = '\0';
        char *name = strrchr(path, '/') + 1;
        size_t room = PATH_MAX - (size_t) (name - path);
        return snprintf(name, room, "%s", PROGRAM) < (int) room ? 0 : -ENAMETOOLONG;
}

static const char *find_program(const struct executor_link *link, char path[PATH_MAX]) {
        if (link->executor_path) {
                return link->executor_path;
        }
        if (beside_this_program(path) == 0 && access(path, X_OK) == 0) {
                return path;
        }
        return RECOVERD_LIBEXECDIR "/" PROGRAM;
}

static void start_executor(struct executor_link *link) {
        char path[PATH_MAX];
        int fds[2];
        struct error err = {0};
        int r = unix_pair(SOCK_SEQPACKET, fds);
        if (r < 0) {
                go_down(link, strerror(-r));
                return;
        }
        AUTO_CLOSE int own = fds[0], other = fds[1];
        if (spawn_executor(link, find_program(link, path), other, &err) < 0) {
                go_down(link, err.text);
                return;
        }
        log_info("started an executor, pid %d", (int) link->child.pid);
        greet(link, TAKE_FD(own));
}

/* ---- Connecting ---- */

static bool is_anothers(const char *directory, const char *name) {
        char path[PATH_MAX];
        struct stat status;
        return snprintf(path, sizeof(path), "%s/%s", directory, name) < (int) sizeof(path) &&
               stat(path, &status) == 0 && status.st_uid != geteuid();
}

/* An executor leaves its lock file behind. Where that, or the folder itself, is another user's,
 * root's most likely, the host has an executor that is only away or about to be started: one
 * started here would be in its way, and could do less. */
static bool is_elsewhere(const struct executor_link *link) {
        return is_anothers(link->runtime_dir, LOCK_NAME) || is_anothers(link->runtime_dir, ".");
}

static void start_or_wait(struct executor_link *link, const char *why) {
        if (link->connect_only || is_elsewhere(link)) {
                go_down(link, why);
        } else if (link->child.pidfd >= 0) {
                go_down(link, "the executor that was started does not listen yet");
        } else {
                start_executor(link);
        }
}

static void try_now(struct executor_link *link) {
        char path[PATH_MAX];
        struct error err = {0};
        reap_child(link);
        snprintf(path, sizeof(path), "%s/" SOCKET_NAME, link->runtime_dir);
        int fd = unix_connect(path, SOCK_SEQPACKET, &err);
        if (fd >= 0) {
                greet(link, fd);
        } else if (fd == -ENOENT || fd == -ECONNREFUSED) {
                start_or_wait(link, err.text);
        } else {
                go_down(link, err.text);
        }
}

static void on_timer(void *cookie) {
        struct executor_link *link = cookie;
        if (link->state == STATE_GREETING) {
                go_down(link, "the executor does not answer");
        } else {
                try_now(link);
        }
}

/* ---- Made ---- */

static char *copy(const char *text, bool *failed) {
        char *copied = text ? strdup(text) : NULL;
        *failed = *failed || (text && !copied);
        return copied;
}

static int copy_options(struct executor_link *link, const struct executor_link_options *options) {
        bool failed = false;
        link->connect_only = options->connect_only;
        link->config = copy(options->config, &failed);
        link->state_dir = copy(options->state_dir, &failed);
        link->runtime_dir = copy(options->runtime_dir, &failed);
        link->executor_path = copy(options->executor_path, &failed);
        link->directory = getcwd(NULL, 0); /* NULL: "/" will do */
        link->policies = calloc(options->n_policies + 1, sizeof(char *));
        for (size_t i = 0; link->policies && i < options->n_policies; i++) {
                link->policies[link->n_policies++] = copy(options->policies[i], &failed);
        }
        return failed || !link->policies ? -ENOMEM : 0;
}

void executor_link_free(struct executor_link *link) {
        if (!link) {
                return;
        }
        forget_child(link);
        unix_link_done(&link->link);
        loop_timer_done(&link->timer);
        for (size_t i = 0; i < link->n_policies; i++) {
                free(link->policies[i]);
        }
        free(link->policies);
        free(link->config);
        free(link->state_dir);
        free(link->runtime_dir);
        free(link->executor_path);
        free(link->directory);
        free(link);
}

DEFINE_CLEANUP(cleanup_link, struct executor_link, executor_link_free)

int executor_link_new(struct executor_link **ret, struct loop *loop,
        const struct executor_link_options *options,
        const struct executor_link_callbacks *callbacks, void *cookie, struct error *err) {
        if (str_empty(options->runtime_dir) || str_empty(options->state_dir)) {
                return error_set(err, EINVAL, "the directories of the executor are not set");
        }
        AUTO(cleanup_link) struct executor_link *link = calloc(1, sizeof(*link));
        if (!link) {
                return error_set(err, ENOMEM, "out of memory");
        }
        link->child = (struct spawned){.pidfd = -1, .status_fd = -1};
        link->loop = loop;
        link->callbacks = *callbacks;
        link->cookie = cookie;
        set_why(link, "not connected yet");
        if (copy_options(link, options) < 0 ||
                loop_timer_init(&link->timer, loop, on_timer, link) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        loop_timer_set_after(&link->timer, 0);
        *ret = TAKE_PTR(link);
        return 0;
}

/* ---- Used ---- */

int executor_link_send(struct executor_link *link, const struct wire_message *message) {
        char packet[WIRE_PACKET_MAX];
        if (link->state != STATE_UP) {
                return -ENOTCONN;
        }
        ssize_t length = wire_encode(message, packet);
        if (length < 0) {
                return (int) length;
        }
        int r = unix_link_send(&link->link, packet, (size_t) length);
        if (r == -EPIPE) {
                return -ENOTCONN; /* on_down follows */
        }
        return r == -ENOBUFS ? -EAGAIN : r;
}

bool executor_link_up(const struct executor_link *link) {
        return link->state == STATE_UP;
}

size_t executor_link_room(const struct executor_link *link) {
        return link->state == STATE_UP && link->link.queued < UNIX_QUEUE_MAX
                       ? UNIX_QUEUE_MAX - link->link.queued
                       : 0;
}

pid_t executor_link_pid(const struct executor_link *link) {
        return link->pid;
}

usec_t executor_link_overdue(const struct executor_link *link) {
        if (link->state == STATE_UP) {
                return 0;
        }
        usec_t now = loop_now(link->loop).mono;
        return loop_timer_armed(&link->timer) ? usec_sub(now, link->timer.node.key) : USEC_INFINITY;
}

const char *executor_link_why(const struct executor_link *link) {
        return link->why;
}
