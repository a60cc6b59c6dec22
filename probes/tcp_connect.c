/* Names and connections of the TCP probe. */

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "probes/tcp_run.h"

/* ---- connecting ---- */

static void connect_next(struct probe_run *run);
static void on_ready(void *cookie, uint32_t events);

/* Want of descriptors, ports, memory or rights is this process's, not the target's. */
static bool is_own_fault(int code) {
        static const int codes[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EACCES, EPERM};
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                if (code == codes[i]) {
                        return true;
                }
        }
        return false;
}

static const char *connect_error(int code) {
        switch (code) {
        case ECONNREFUSED:
                return "connection refused by";
        case ETIMEDOUT:
                return "no answer from";
        case EHOSTUNREACH:
                return "no route to";
        case ENETUNREACH:
                return "no network to";
        case ENOENT:
                return "there is no socket";
        case EAGAIN: /* of a unix socket */
                return "nobody takes connections at";
        default:
                return strerrordesc_np(code);
        }
}

static void note_failure(struct probe_run *run, int code, const char *address) {
        struct tcp_run *room = run->room;
        const char *text = connect_error(code);
        if (is_own_fault(code)) {
                probe_conclude(&room->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "could not connect to %s: %s", address, text);
        } else {
                probe_conclude(
                        &room->result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "%s %s", text, address);
        }
}

const char *tcp_current_address(const struct probe_run *run, char text[ADDRESS_TEXT_MAX]) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        return params->address.unix_path ? params->address.unix_path
                                         : address_format(&room->addresses[room->next - 1], text);
}

void tcp_address_failed(struct probe_run *run, int code) {
        struct tcp_run *room = run->room;
        char text[ADDRESS_TEXT_MAX];
        note_failure(run, code, tcp_current_address(run, text));
        loop_timer_cancel(&room->patience);
        loop_watch_remove(&room->watch);
        tcp_stream_close(&room->stream);
        connect_next(run);
}

void tcp_on_patience_over(void *cookie) {
        struct probe_run *run = cookie;
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        if (room->step == TCP_STEP_RESOLVE) {
                probe_conclude_name(tcp_result(run), params->address.host, 0);
                tcp_finish(run);
        } else {
                tcp_address_failed(run, ETIMEDOUT);
        }
}

static void connected(struct probe_run *run) {
        struct tcp_run *room = run->room;
        loop_timer_cancel(&room->patience);
        room->step = TCP_STEP_HANDSHAKE;
        tcp_talk(run);
}

int tcp_wait(struct probe_run *run, uint32_t events) {
        struct tcp_run *room = run->room;
        if (!room->watch.loop) {
                return loop_watch_add(
                        &room->watch, run->host->loop, room->stream.fd, events, on_ready, run);
        }
        return room->watch.events == events ? 0 : loop_watch_modify(&room->watch, events);
}

static void on_ready(void *cookie, uint32_t events) {
        struct probe_run *run = cookie;
        struct tcp_run *room = run->room;
        int code = 0;
        socklen_t length = sizeof(code);
        (void) events;
        if (room->step != TCP_STEP_CONNECT) {
                tcp_talk(run);
                return;
        }
        if (getsockopt(room->stream.fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0) {
                code = errno;
        }
        if (code != 0) {
                tcp_address_failed(run, code);
        } else {
                connected(run);
        }
}

/* 0: connected or on the way; else negative errno, and nothing is left open. */
static int connect_to(struct probe_run *run, const struct sockaddr *address, socklen_t length) {
        struct tcp_run *room = run->room;
        const struct tcp_params *params = run->spec->params;
        int kind = params->transport == TCP_TRANSPORT_UDP ? SOCK_DGRAM : SOCK_STREAM;
        AUTO_CLOSE int fd = socket(address->sa_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
                return -errno;
        }
        if (connect(fd, address, length) < 0 && errno != EINPROGRESS) {
                return -errno;
        }
        int r = loop_watch_add(&room->watch, run->host->loop, fd, EPOLLOUT, on_ready, run);
        if (r < 0) {
                return r;
        }
        room->stream.fd = TAKE_FD(fd);
        return 0;
}

/* A dead first address must not eat the time of the others. */
static void share_time(struct probe_run *run) {
        struct tcp_run *room = run->room;
        usec_t now = loop_now(run->host->loop).mono;
        usec_t left = usec_sub(probe_run_last_moment(run), now);
        uint32_t addresses = room->count - room->next + 1;
        if (addresses > 1) {
                loop_timer_set(&room->patience, usec_add(now, left / addresses));
        }
}

static void connect_next(struct probe_run *run) {
        struct tcp_run *room = run->room;
        while (room->next < room->count) {
                const union address *address = &room->addresses[room->next++];
                char text[ADDRESS_TEXT_MAX];
                int r = connect_to(run, &address->any, address_length(address));
                if (r >= 0) {
                        share_time(run);
                        return;
                }
                note_failure(run, -r, address_format(address, text));
        }
        tcp_finish(run);
}

static void connect_unix(struct probe_run *run, const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        str_copy(address.sun_path, sizeof(address.sun_path), path);
        int r = connect_to(run, (const struct sockaddr *) &address, sizeof(address));
        if (r < 0) {
                note_failure(run, -r, path);
                tcp_finish(run);
        }
}

static void begin_connecting(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        room->step = TCP_STEP_CONNECT;
        if (params->address.unix_path) {
                connect_unix(run, params->address.unix_path);
        } else {
                connect_next(run);
        }
}

/* ---- names ---- */

static void use_answer(struct probe_run *run, const struct resolver_answer *answer) {
        const struct tcp_params *params = run->spec->params;
        struct tcp_run *room = run->room;
        for (size_t i = 0; i < answer->count; i++) {
                room->count += address_parse(
                        answer->addresses[i], tcp_port(params), &room->addresses[room->count]);
        }
        if (room->count > 0) {
                begin_connecting(run);
                return;
        }
        probe_conclude_name(
                tcp_result(run), params->address.host, answer->code ? answer->code : EAI_NONAME);
        tcp_finish(run);
}

static void on_answer(void *cookie, const struct resolver_answer *answer) {
        struct probe_run *run = cookie;
        struct tcp_run *room = run->room;
        loop_timer_cancel(&room->patience);
        use_answer(run, answer);
}

static void look_up(struct probe_run *run, const char *host) {
        struct tcp_run *room = run->room;
        const struct resolver_answer *answer;
        struct error err;
        room->query.done = on_answer;
        room->query.cookie = run;
        int r = resolver_ask(run->host->resolver, host, &room->query, &answer, &err);
        if (r == 1) {
                use_answer(run, answer);
        } else if (r == 0) {
                loop_timer_set(&room->patience, probe_run_last_moment(run));
        } else {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%.80s not looked up: %s", host, err.text);
                tcp_finish(run);
        }
}

void tcp_connect(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_address *address = &params->address;
        struct tcp_run *room = run->room;
        if (address->unix_path) {
                begin_connecting(run);
        } else if (address_parse(address->host, tcp_port(params), &room->addresses[0])) {
                room->count = 1;
                begin_connecting(run);
        } else {
                room->step = TCP_STEP_RESOLVE;
                look_up(run, address->host);
        }
}
