/* Names and connections of the TCP probe. */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "probes/tcp_run.h"

/* How long addresses of a name are used without asking again. */
#define ADDRESSES_KEPT (30 * USEC_PER_SEC)

/* ---- connecting ---- */

static void connect_next(struct probe_run *run);

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

static const char *current_address(const struct probe_run *run, char text[ADDRESS_TEXT_MAX]) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_run *room = run->room;
        return params->address.unix_path
                       ? params->address.unix_path
                       : address_format(&room->addresses.items[room->next - 1], text);
}

/* Ends the attempt at this address and goes on with the next. */
static void address_failed(struct probe_run *run, int code) {
        struct tcp_run *room = run->room;
        char text[ADDRESS_TEXT_MAX];
        note_failure(run, code, current_address(run, text));
        loop_timer_cancel(&room->share);
        loop_watch_remove(&room->watch);
        tcp_stream_close(&room->stream);
        connect_next(run);
}

void tcp_on_share_over(void *cookie) {
        address_failed(cookie, ETIMEDOUT);
}

static void connected(struct probe_run *run) {
        struct tcp_run *room = run->room;
        loop_timer_cancel(&room->share);
        room->step = TCP_STEP_HANDSHAKE;
        tcp_talk(run);
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
                address_failed(run, code);
        } else {
                connected(run);
        }
}

/* 0: connected or on the way; else negative errno, and nothing is left open. */
static int connect_to(struct probe_run *run, const struct sockaddr *address, socklen_t length) {
        struct tcp_run *room = run->room;
        AUTO_CLOSE int fd =
                socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
        uint32_t addresses = room->addresses.count - room->next + 1;
        if (addresses > 1) {
                loop_timer_set(&room->share, usec_add(now, left / addresses));
        }
}

/* Another look-up may find where the name has moved to. */
void tcp_forget_addresses(struct tcp_state *state) {
        free(TAKE_PTR(state->addresses));
}

static void connect_next(struct probe_run *run) {
        struct tcp_run *room = run->room;
        while (room->next < room->addresses.count) {
                const union address *address = &room->addresses.items[room->next++];
                char text[ADDRESS_TEXT_MAX];
                int r = connect_to(run, &address->any, address_length(address));
                if (r >= 0) {
                        share_time(run);
                        return;
                }
                note_failure(run, -r, address_format(address, text));
        }
        tcp_forget_addresses(run->state);
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

static void keep_addresses(struct probe_run *run, const struct address_list *found) {
        struct tcp_state *state = run->state;
        size_t size = offsetof(struct address_list, items) + found->count * sizeof(found->items[0]);
        tcp_forget_addresses(state);
        state->addresses = malloc(size);
        if (state->addresses) { /* without, the next run asks again */
                memcpy(state->addresses, found, size);
                state->addresses_until = usec_add(run->started.mono, ADDRESSES_KEPT);
        }
}

static void use_addresses(struct probe_run *run, const struct address_list *list) {
        struct tcp_run *room = run->room;
        size_t size = offsetof(struct address_list, items) + list->count * sizeof(list->items[0]);
        memcpy(&room->addresses, list, size);
        begin_connecting(run);
}

static void name_resolved(void *cookie, void *data) {
        struct probe_run *run = cookie;
        const struct lookup_result *lookup = data;
        if (lookup && lookup->outcome == LOOKUP_FOUND) {
                keep_addresses(run, &lookup->addresses);
                use_addresses(run, &lookup->addresses);
                return;
        }
        if (!lookup) {
                probe_conclude(
                        tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "no name server answers");
        } else if (lookup->outcome == LOOKUP_NO_SUCH_NAME) {
                probe_conclude(
                        tcp_result(run), OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "%s", lookup->why);
        } else {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE, "%s", lookup->why);
        }
        tcp_finish(run);
}

static void look_up(struct probe_run *run, const struct tcp_address *address) {
        struct tcp_state *state = run->state;
        struct error err = {0};
        const struct lookup_request request = {
                .pool = run->host->names ? run->host->names : run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .host = address->host,
                .port = address->port,
                .done = name_resolved,
                .cookie = run,
        };
        if (lookup_start(&state->call, &request, &err) < 0) {
                probe_conclude(tcp_result(run), OUTCOME_UNKNOWN, CAUSE_NONE,
                        "name not resolved: %s", err.text);
                tcp_finish(run);
        }
}

void tcp_connect(struct probe_run *run) {
        const struct tcp_params *params = run->spec->params;
        const struct tcp_state *state = run->state;
        struct tcp_run *room = run->room;
        room->step = TCP_STEP_RESOLVE;
        if (params->address.unix_path) {
                begin_connecting(run);
        } else if (state->addresses && run->started.mono < state->addresses_until) {
                use_addresses(run, state->addresses);
        } else if (lookup_numeric(
                           params->address.host, params->address.port, &room->addresses.items[0])) {
                room->addresses.count = 1;
                begin_connecting(run);
        } else {
                look_up(run, &params->address);
        }
}
