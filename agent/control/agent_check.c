#include "control/agent_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/listen_address.h"
#include "base/log.h"
#include "base/str.h"
#include "control/agent_reply.h"
#include "io/loop.h"
#include "runtime/runtime.h"

/* When descriptors ran out. */
#define ACCEPT_PAUSE (1 * USEC_PER_SEC)

struct agent_check {
        struct runtime *runtime;
        struct loop *loop;
        int fd;
        struct loop_watch watch;
        struct loop_timer pause;
        struct list visits;
        unsigned n_visits;
};

struct visit {
        struct list node;
        struct agent_check *check;
        int fd;
        struct loop_watch watch;
        struct loop_timer timer;
        size_t length;
        char line[AGENT_CHECK_LINE_MAX + 1];
};

/* ---- A visit ---- */

static void resume(struct agent_check *check);

static void visit_end(struct visit *visit) {
        struct agent_check *check = visit->check;
        list_remove(&visit->node);
        check->n_visits--;
        loop_watch_remove(&visit->watch);
        loop_timer_done(&visit->timer);
        close(visit->fd);
        free(visit);
        resume(check);
}

/* A line fits into any socket's buffer. What else was sent is taken away, since closing a
 * connection with something unread makes the kernel drop the answer. */
static void answer_visit(struct visit *visit) {
        char text[AGENT_REPLY_MAX], rest[4096];
        struct runtime *runtime = visit->check->runtime;
        visit->line[strcspn(visit->line, "\r\n")] = '\0';
        enum agent_answer answer = agent_reply(runtime, visit->line, text);
        runtime_note_agent_check(runtime, answer);
        if (recv(visit->fd, rest, sizeof(rest), MSG_DONTWAIT) < 0 && errno != EAGAIN) {
                log_debug("agent-check: %s", strerrordesc_np(errno));
        }
        if (send(visit->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
                log_debug(
                        "agent-check: the answer does not get through: %s", strerrordesc_np(errno));
        }
        visit_end(visit);
}

static void on_patience_over(void *cookie) {
        answer_visit(cookie);
}

static void on_readable(void *cookie, uint32_t events) {
        struct visit *visit = cookie;
        (void) events;
        ssize_t n = recv(visit->fd, visit->line + visit->length,
                AGENT_CHECK_LINE_MAX - visit->length, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                return;
        }
        if (n < 0) {
                visit_end(visit);
                return;
        }
        visit->length += (size_t) n;
        visit->line[visit->length] = '\0';
        bool whole = n == 0 || strchr(visit->line, '\n') || visit->length == AGENT_CHECK_LINE_MAX ||
                     strlen(visit->line) < visit->length;
        if (whole) {
                answer_visit(visit);
        }
}

static int visit_new(struct agent_check *check, int fd) {
        AUTO_FREE struct visit *visit = calloc(1, sizeof(*visit));
        if (!visit || loop_timer_init(&visit->timer, check->loop, on_patience_over, visit) < 0) {
                return -ENOMEM;
        }
        int r = loop_watch_add(&visit->watch, check->loop, fd, EPOLLIN, on_readable, visit);
        if (r < 0) {
                loop_timer_done(&visit->timer);
                return r;
        }
        visit->check = check;
        visit->fd = fd;
        loop_timer_set_after(&visit->timer, AGENT_CHECK_PATIENCE);
        list_append(&check->visits, &visit->node);
        check->n_visits++;
        TAKE_PTR(visit);
        return 0;
}

/* ---- The listener ---- */

static void on_connection(void *cookie, uint32_t events) {
        struct agent_check *check = cookie;
        (void) events;
        AUTO_CLOSE int fd = accept4(check->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        bool short_of = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
        if (fd >= 0 && visit_new(check, fd) == 0) {
                TAKE_FD(fd);
        }
        if (short_of || check->n_visits >= AGENT_CHECK_CONNECTIONS_MAX) {
                loop_watch_remove(&check->watch);
        }
        if (short_of) {
                loop_timer_set_after(&check->pause, ACCEPT_PAUSE);
        }
}

static int listen_on(struct agent_check *check) {
        return loop_watch_add(&check->watch, check->loop, check->fd, EPOLLIN, on_connection, check);
}

static void resume(struct agent_check *check) {
        bool resting = !check->watch.loop && !loop_timer_armed(&check->pause);
        if (resting && check->n_visits < AGENT_CHECK_CONNECTIONS_MAX && listen_on(check) < 0) {
                loop_timer_set_after(&check->pause, ACCEPT_PAUSE);
        }
}

static void on_pause_over(void *cookie) {
        resume(cookie);
}

DEFINE_CLEANUP(cleanup_check, struct agent_check, agent_check_free)

int agent_check_new(struct agent_check **ret, struct runtime *runtime, struct error *err) {
        const char *address = runtime_policy(runtime)->agent.agent_check;
        *ret = NULL;
        if (str_empty(address) || str_eq(address, "none")) {
                return 0;
        }
        AUTO(cleanup_check) struct agent_check *check = calloc(1, sizeof(*check));
        if (!check) {
                return error_set_errno(err, ENOMEM, "agent_check");
        }
        check->runtime = runtime;
        check->loop = runtime_loop(runtime);
        list_init(&check->visits);
        check->fd = listen_address_open(address, err);
        if (check->fd < 0) {
                return error_wrap(err, "agent_check");
        }
        int r = loop_timer_init(&check->pause, check->loop, on_pause_over, check);
        r = r < 0 ? r : listen_on(check);
        if (r < 0) {
                return error_set_errno(err, -r, "agent_check");
        }
        *ret = TAKE_PTR(check);
        return 0;
}

void agent_check_free(struct agent_check *check) {
        if (!check) {
                return;
        }
        loop_watch_remove(&check->watch);
        while (!list_empty(&check->visits)) {
                struct visit *visit = LIST_ENTRY(check->visits.next, struct visit, node);
                visit_end(visit);
                loop_watch_remove(&check->watch);
        }
        loop_timer_done(&check->pause);
        if (check->fd >= 0) {
                close(check->fd);
        }
        free(check);
}
