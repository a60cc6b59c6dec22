/* recoverd-haproxy: tells one HAProxy how much traffic a server gets, by its Runtime API, and reads
 * back whether it does. A program of its own, because a HAProxy may be on another host, and the
 * executor must not use the network. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/units.h"
#include "executor/haproxy_answer.h"
#include "model/haproxy.h"

enum { EXIT_USAGE = 2, COMMAND_MAX = 512 };

/* Between two looks at the sessions, or two tries to connect: a HAProxy that reads its
 * configuration again is away for a moment. */
#define PAUSE (50 * USEC_PER_MSEC)
/* A request may have been given to the server just before it was drained. */
enum { LOOKS_WITHOUT_SESSIONS = 3 };

struct wish {
        const char *name; /* of the socket */
        struct haproxy_socket socket;
        struct haproxy_target target;
        int state; /* enum server_state */
        bool weighs;
        struct haproxy_weight weight;
        usec_t wait, within;
        usec_t deadline; /* of what is asked next */
};

/* ---- One command ---- */

static usec_t now(void) {
        return clock_now().mono;
}

static void rest(usec_t time) {
        const struct timespec pause = {
                (time_t) (time / USEC_PER_SEC), (long) (time % USEC_PER_SEC * 1000)};
        nanosleep(&pause, NULL); /* style: allow nanosleep: a program without a loop */
}

static int await(const struct wish *wish, int fd, short events, struct error *err) {
        struct pollfd one = {.fd = fd, .events = events};
        usec_t left = usec_sub(wish->deadline, now());
        int n = poll(&one, 1, (int) ((left + 999) / USEC_PER_MSEC));
        return n > 0 ? 0 : error_set(err, ETIMEDOUT, "no answer");
}

static int connect_once(const struct wish *wish, struct error *err) {
        const struct sockaddr *address = (const struct sockaddr *) &wish->socket.address;
        AUTO_CLOSE int fd =
                socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
                return error_set_errno(err, errno, "a socket");
        }
        if (connect(fd, address, wish->socket.length) < 0) {
                int code = errno;
                socklen_t size = sizeof(code);
                if (code != EINPROGRESS) {
                        return error_set_errno(err, code, "connecting");
                }
                int r = await(wish, fd, POLLOUT, err);
                if (r < 0) {
                        return r;
                }
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code) {
                        return error_set_errno(err, code ? code : errno, "connecting");
                }
        }
        return TAKE_FD(fd);
}

static int connect_in_time(const struct wish *wish, struct error *err) {
        for (;;) {
                int fd = connect_once(wish, err);
                bool again = fd == -ECONNREFUSED || fd == -ENOENT || fd == -EAGAIN;
                if (!again || usec_add(now(), PAUSE) >= wish->deadline) {
                        return fd;
                }
                rest(PAUSE);
        }
}

static int send_all(
        const struct wish *wish, int fd, const char *text, size_t length, struct error *err) {
        while (length > 0) {
                ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                        return error_set_errno(err, errno, "sending");
                }
                int r = n < 0 ? await(wish, fd, POLLOUT, err) : 0;
                if (r < 0) {
                        return r;
                }
                text += n > 0 ? n : 0;
                length -= n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* Up to the end of the connection, which HAProxy closes after one line. */
static int receive_all(const struct wish *wish, int fd, struct strbuf *answer, struct error *err) {
        char piece[16384];
        for (;;) {
                int r = await(wish, fd, POLLIN, err);
                if (r < 0) {
                        return r;
                }
                ssize_t n = recv(fd, piece, sizeof(piece), 0);
                if (n == 0) {
                        return answer->failed ? error_set(err, ENOMEM, "out of memory") : 0;
                }
                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                        return error_set_errno(err, errno, "receiving");
                }
                if (n > 0 && answer->length + (size_t) n > HAPROXY_ANSWER_MAX) {
                        return error_set(err, EPROTO, "an answer without end");
                }
                strbuf_add_bytes(answer, piece, n > 0 ? (size_t) n : 0);
        }
}

static int ask(
        const struct wish *wish, const char *command, struct strbuf *answer, struct error *err) {
        AUTO_CLOSE int fd = connect_in_time(wish, err);
        if (fd < 0) {
                return fd;
        }
        strbuf_reset(answer);
        int r = send_all(wish, fd, command, strlen(command), err);
        r = r < 0 ? r : receive_all(wish, fd, answer, err);
        if (r == 0 && answer->data && strlen(answer->data) != answer->length) {
                return error_set(err, EPROTO, "an answer that is no text");
        }
        return r;
}

/* ---- Looking and changing ---- */

static int look(const struct wish *wish, struct haproxy_server *ret, struct error *err) {
        AUTO_STRBUF struct strbuf answer = {0};
        char command[COMMAND_MAX];
        snprintf(command, sizeof(command), "show servers state %s\n", wish->target.backend);
        int r = ask(wish, command, &answer, err);
        return r < 0 ? r : haproxy_answer_server(strbuf_text(&answer), &wish->target, ret, err);
}

static int count_sessions(const struct wish *wish, const struct haproxy_server *server,
        uint32_t *ret, struct error *err) {
        AUTO_STRBUF struct strbuf answer = {0};
        char command[COMMAND_MAX];
        snprintf(command, sizeof(command), "show stat %u 4 %u\n", (unsigned) server->backend_id,
                (unsigned) server->server_id);
        int r = ask(wish, command, &answer, err);
        return r < 0 ? r : haproxy_answer_sessions(strbuf_text(&answer), &wish->target, ret, err);
}

static int tell(const struct wish *wish, const char *what, const char *value, struct error *err) {
        AUTO_STRBUF struct strbuf answer = {0};
        char command[COMMAND_MAX];
        snprintf(command, sizeof(command), "set server %s/%s %s %s\n", wish->target.backend,
                wish->target.server, what, value);
        int r = ask(wish, command, &answer, err);
        return r < 0 ? r : haproxy_answer_check(strbuf_text(&answer), &wish->target, err);
}

static bool is_so(const struct wish *wish, const struct haproxy_server *server) {
        bool state = wish->state == SERVER_UNCHANGED || wish->state == server->state;
        return state &&
               (!wish->weighs || server->weight == haproxy_weight_of(server, wish->weight));
}

static int change(const struct wish *wish, const struct haproxy_server *server, struct error *err) {
        int r = 0;
        if (wish->weighs && server->weight != haproxy_weight_of(server, wish->weight)) {
                char value[16];
                snprintf(value, sizeof(value), "%u%s", (unsigned) wish->weight.value,
                        wish->weight.percent ? "%" : "");
                r = tell(wish, "weight", value, err);
        }
        if (r == 0 && wish->state != SERVER_UNCHANGED && wish->state != server->state) {
                const char *word = server_state_text((enum server_state) wish->state);
                r = tell(wish, "state", word, err);
        }
        return r;
}

/* What it is afterwards, by its own word. */
static int make_so(const struct wish *wish, struct haproxy_server *server, struct error *err) {
        int r = look(wish, server, err);
        if (r < 0 || is_so(wish, server)) {
                return r;
        }
        r = change(wish, server, err);
        r = r < 0 ? r : look(wish, server, err);
        if (r == 0 && !is_so(wish, server)) {
                return error_set(err, EPROTO, "it took the command, and is %s with weight %u still",
                        server_state_text((enum server_state) server->state),
                        (unsigned) server->weight);
        }
        return r;
}

/* ---- Waiting ---- */

/* 1: it is so. */
static int is_waited_for(const struct wish *wish, struct haproxy_server *server, uint32_t *sessions,
        struct error *err) {
        if (wish->state == SERVER_READY) {
                int r = look(wish, server, err);
                return r < 0 ? r : server->up;
        }
        int r = count_sessions(wish, server, sessions, err);
        return r < 0 ? r : *sessions == 0;
}

static int wait_for_it(const struct wish *wish, struct haproxy_server *server, uint32_t *sessions,
        struct error *err) {
        usec_t end = usec_add(now(), wish->wait);
        int needed = wish->state == SERVER_READY ? 1 : LOOKS_WITHOUT_SESSIONS;
        int seen = 0;
        while (seen < needed && now() < end) {
                int r = is_waited_for(wish, server, sessions, err);
                if (r < 0) {
                        return r;
                }
                seen = r ? seen + 1 : 0;
                if (seen < needed) {
                        rest(MIN(PAUSE, usec_sub(end, now())));
                }
        }
        return 0;
}

/* ---- The whole ---- */

static void print(const struct wish *wish, const struct haproxy_server *server, uint32_t sessions) {
        printf("%s/%s is %s, %s, weight %u, %u session%s\n", wish->target.backend,
                wish->target.server, server_state_text((enum server_state) server->state),
                server->up ? "up" : "down", (unsigned) server->weight, (unsigned) sessions,
                sessions == 1 ? "" : "s");
}

static int run(struct wish *wish, struct error *err) {
        struct haproxy_server server;
        uint32_t sessions = 0;
        usec_t begun = now();
        wish->deadline = usec_add(begun, usec_sub(wish->within, wish->wait));
        int r = make_so(wish, &server, err);
        r = r < 0 ? r : count_sessions(wish, &server, &sessions, err);
        if (r == 0 && wish->wait > 0) {
                wish->deadline = usec_add(begun, wish->within);
                r = wait_for_it(wish, &server, &sessions, err);
        }
        if (r == 0) {
                print(wish, &server, sessions);
        }
        return r;
}

/* ---- The command line ---- */

static int take_word(struct wish *wish, const char *word, struct error *err) {
        const char *value = strchr(word, '=');
        value = value ? value + 1 : "";
        if (str_starts(word, "state=")) {
                wish->state = server_state_parse(value);
                return wish->state < 0 ? error_set(err, EINVAL, "'%s': ready, drain or maint", word)
                                       : 0;
        }
        if (str_starts(word, "weight=")) {
                wish->weighs = true;
                return haproxy_weight_parse(value, &wish->weight, err);
        }
        usec_t *time = str_starts(word, "wait=")     ? &wish->wait
                       : str_starts(word, "within=") ? &wish->within
                                                     : NULL;
        if (!time || units_parse_duration(value, time) < 0) {
                return error_set(err, EINVAL, "'%s' is not understood", word);
        }
        return 0;
}

static int take_arguments(int argc, char **argv, struct wish *wish, struct error *err) {
        if (argc < 3) {
                return error_set(err, EINVAL, "a socket and a server are needed");
        }
        wish->name = argv[1];
        int r = haproxy_socket_parse(argv[1], &wish->socket, err);
        r = r < 0 ? r : haproxy_target_parse(argv[2], &wish->target, err);
        for (int i = 3; r == 0 && i < argc; i++) {
                r = take_word(wish, argv[i], err);
        }
        if (r == 0 && wish->wait > 0 && wish->state == SERVER_UNCHANGED) {
                r = error_set(err, EINVAL, "'wait' goes with 'state'");
        }
        wish->within = MAX(wish->within, usec_add(wish->wait, PAUSE));
        return r;
}

int main(int argc, char **argv) {
        struct error err = {0};
        struct wish wish = {.within = 5 * USEC_PER_SEC};
        if (argc == 2 && str_eq(argv[1], "--version")) {
                puts("recoverd-haproxy " RECOVERD_VERSION);
                return EXIT_SUCCESS;
        }
        if (take_arguments(argc, argv, &wish, &err) < 0) {
                fprintf(stderr,
                        "recoverd-haproxy: %s\n"
                        "usage: recoverd-haproxy SOCKET BACKEND/SERVER [state=ready|drain|maint] "
                        "[weight=WEIGHT] [wait=TIME] [within=TIME]\n",
                        err.text);
                return EXIT_USAGE;
        }
        if (run(&wish, &err) < 0) {
                fprintf(stderr, "%s: %s\n", wish.name, err.text);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
