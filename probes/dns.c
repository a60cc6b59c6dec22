/* The DNS probe: asks one server for one name, over UDP from a port of its own for each run, and
 * over TCP when the answer does not fit. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/loop.h"
#include "probes/byte_reader.h"
#include "probes/dns_params.h"
#include "probes/offload.h"
#include "probes/types.h"

enum {
        DNS_RANDOM_BYTES = 34, /* id, and case of every letter of a name */
        DNS_READ_BYTES = 4096,
        RESOLV_CONF_MAX = 4096, /* bytes that are looked at */
        DNS_DATAGRAMS_MAX = 1000, /* passed over in one run, before it gives up */
};

static const struct schema_field dns_fields[] = {
        {"name", SCHEMA_STRING, offsetof(struct dns_params, name), .required = true,
                .example = "shop.example",
                .help = "The name to ask for; a dot at its end changes nothing."},
        {"server", SCHEMA_CUSTOM, offsetof(struct dns_params, server), .example = "127.0.0.1:53",
                .parse = dns_parse_server, .single = true, .pattern = "^[0-9A-Fa-f.:\\[\\]]+$",
                .help = "Numeric address of the server, port 53 unless given. Without it the first name "
                        "server of /etc/resolv.conf."},
        {"type", SCHEMA_ENUM, offsetof(struct dns_params, type), .standard = "A", .example = "AAAA",
                .words = dns_type_words, .help = "Kind of the records."},
        {"expect", SCHEMA_STRINGS, offsetof(struct dns_params, expect),
                .example = "[192.0.2.10, 192.0.2.11]",
                .help = "Values that must all be in the answer, in any order. Without it any record "
                        "will do."},
        {"exact", SCHEMA_BOOL, offsetof(struct dns_params, exact), .standard = "false",
                .example = "true", .with = "expect: [192.0.2.1]",
                .help = "Nothing but the values of expect may be in the answer."},
        {"rcode", SCHEMA_ENUM, offsetof(struct dns_params, rcode), .standard = "NOERROR",
                .example = "NXDOMAIN", .words = dns_rcode_words,
                .help = "The response code to expect; with another than NOERROR no records are."},
        {"transport", SCHEMA_ENUM, offsetof(struct dns_params, transport), .standard = "udp",
                .example = "tcp", .words = dns_transport_texts, .help = "How to ask."},
        {"max_latency", SCHEMA_DURATION, offsetof(struct dns_params, max_latency), .least = "1ms",
                .example = "50ms", .help = "A right answer that took longer fails as slow."},
        {NULL},
};

const struct schema dns_schema = {
        .name = "dns probe",
        .help = "Asks a name server for a name, and compares the answer.",
        .size = sizeof(struct dns_params),
        .fields = dns_fields,
        .shorthand = "name",
        .check = dns_check_params,
};

struct dns_state {
        struct offload *call; /* that reads resolv.conf */
};

struct dns_run {
        usec_t begun;
        union address server;
        struct dns_query query;
        struct dns_answer answer;
        bool known; /* the server */
        bool stream; /* it is TCP now */
        int fd;
        struct loop_watch watch;
        struct strbuf out, in;
        size_t sent;
        unsigned passed_over; /* datagrams that were no answer to this query */
};

/* ---- the end of a run ---- */

static void close_socket(struct dns_run *room) {
        loop_watch_remove(&room->watch);
        if (room->fd >= 0) {
                close(TAKE_FD(room->fd));
        }
}

static void clear_room(struct dns_run *room) {
        close_socket(room);
        strbuf_done(&room->out);
        strbuf_done(&room->in);
}

static void finish(struct probe_run *run, struct probe_result *result) {
        clear_room(run->room);
        probe_run_finish(run, result);
}

static void finish_answered(struct probe_run *run) {
        const struct dns_run *room = run->room;
        struct probe_result result = {0};
        dns_judge(
                run->spec->params, &room->answer, usec_sub(clock_now().mono, room->begun), &result);
        finish(run, &result);
}

static const char *server_text(const struct dns_run *room, char text[ADDRESS_TEXT_MAX]) {
        return address_format(&room->server, text);
}

static void finish_failed(struct probe_run *run, enum cause cause, const char *what) {
        struct probe_result result = {0};
        char text[ADDRESS_TEXT_MAX];
        probe_conclude(&result, OUTCOME_FAIL, cause, "%s %s", what, server_text(run->room, text));
        finish(run, &result);
}

static void finish_unknown(struct probe_run *run, const char *what, int code) {
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s: %s", what, strerrordesc_np(code));
        finish(run, &result);
}

/* Errors of a connected socket that are the server's or the way's; the others are ours. */
static const struct {
        int code;
        const char *text;
} peer_errors[] = {
        {ECONNREFUSED, "nobody listens at"},
        {ECONNRESET, "connection reset by"},
        {EPIPE, "connection closed by"},
        {EHOSTUNREACH, "no route to"},
        {ENETUNREACH, "no network to"},
        {ETIMEDOUT, "no answer from"},
};

static void finish_error(struct probe_run *run, int code) {
        for (size_t i = 0; i < ELEMENTSOF(peer_errors); i++) {
                if (peer_errors[i].code == code) {
                        finish_failed(run, CAUSE_UNRESPONSIVE, peer_errors[i].text);
                        return;
                }
        }
        finish_unknown(run, "could not ask the name server", code);
}

/* ---- asking ---- */

static void on_ready(void *cookie, uint32_t events);

static int open_socket(struct probe_run *run) {
        struct dns_run *room = run->room;
        int kind = room->stream ? SOCK_STREAM : SOCK_DGRAM;
        AUTO_CLOSE int fd =
                socket(room->server.any.sa_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || (connect(fd, &room->server.any, address_length(&room->server)) < 0 &&
                              errno != EINPROGRESS)) {
                return -errno;
        }
        int r = loop_watch_add(&room->watch, run->host->loop, fd, EPOLLOUT, on_ready, run);
        if (r == 0) {
                room->fd = TAKE_FD(fd);
        }
        return r;
}

/* Over TCP the length of the message comes first (RFC 1035, 4.2.2). */
static int write_query(struct probe_run *run) {
        const struct dns_params *params = run->spec->params;
        struct dns_run *room = run->room;
        uint8_t random[DNS_RANDOM_BYTES];
        AUTO_STRBUF struct strbuf query = {0};
        if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t) sizeof(random)) {
                return -EAGAIN;
        }
        dns_query_make(
                &room->query, params->name, (enum dns_type) params->type, random, sizeof(random));
        dns_query_write(&room->query, &query);
        strbuf_reset(&room->out);
        strbuf_reset(&room->in);
        room->sent = 0;
        if (room->stream) {
                bytes_add_big(&room->out, (uint32_t) query.length, 2);
        }
        strbuf_add_bytes(&room->out, query.data, query.length);
        return query.failed || room->out.failed ? -ENOMEM : 0;
}

static void ask(struct probe_run *run) {
        int r = write_query(run);
        r = r == 0 ? open_socket(run) : r;
        if (r < 0) {
                finish_error(run, -r);
        }
}

static void ask_again_over_tcp(struct probe_run *run) {
        struct dns_run *room = run->room;
        close_socket(room);
        room->stream = true;
        ask(run);
}

/* 0: all sent; -EAGAIN; other errors of the socket. */
static int send_query(struct dns_run *room) {
        while (room->sent < room->out.length) {
                ssize_t n = send(room->fd, room->out.data + room->sent,
                        room->out.length - room->sent, MSG_NOSIGNAL);
                if (n < 0) {
                        return errno == EINTR ? -EAGAIN : -errno;
                }
                room->sent += (size_t) n;
        }
        return loop_watch_modify(&room->watch, EPOLLIN);
}

/* ---- reading ---- */

/* 1: the run is over, or goes on over TCP; 0: it was not the answer. */
static int take_message(struct probe_run *run, const void *message, size_t length) {
        struct dns_run *room = run->room;
        int r = dns_answer_read(&room->query, message, length, &room->answer);
        if (r == -ENOMSG && !room->stream) {
                room->passed_over++;
                return 0;
        }
        if (r < 0) {
                finish_failed(run, CAUSE_WRONG_ANSWER, "malformed answer from");
        } else if (room->answer.truncated && !room->stream) {
                ask_again_over_tcp(run);
        } else if (room->answer.truncated) {
                finish_failed(run, CAUSE_WRONG_ANSWER, "truncated answer over TCP from");
        } else {
                finish_answered(run);
        }
        return 1;
}

static void read_datagrams(struct probe_run *run) {
        struct dns_run *room = run->room;
        uint8_t bytes[DNS_READ_BYTES];
        while (room->passed_over < DNS_DATAGRAMS_MAX) {
                ssize_t n = recv(room->fd, bytes, sizeof(bytes), 0);
                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        return;
                }
                if (n < 0) {
                        finish_error(run, errno);
                        return;
                }
                if (take_message(run, bytes, (size_t) n) == 1) {
                        return;
                }
        }
        finish_failed(run, CAUSE_WRONG_ANSWER, "a flood of forged answers in the name of");
}

/* The first message of the stream is the answer. */
static void read_stream(struct probe_run *run) {
        struct dns_run *room = run->room;
        uint8_t bytes[DNS_READ_BYTES];
        for (;;) {
                ssize_t n = recv(room->fd, bytes, sizeof(bytes), 0);
                if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                        return;
                }
                if (n <= 0) {
                        finish_error(run, n == 0 ? EPIPE : errno);
                        return;
                }
                strbuf_add_bytes(&room->in, bytes, (size_t) n);
                struct byte_reader from = byte_reader_of(room->in.data, room->in.length);
                size_t length = byte_reader_big(&from, 2);
                if (room->in.failed) {
                        finish_unknown(run, "the answer could not be read", ENOMEM);
                        return;
                }
                if (!from.failed && from.left >= length) {
                        (void) take_message(run, from.at, length);
                        return;
                }
        }
}

static void on_ready(void *cookie, uint32_t events) {
        struct probe_run *run = cookie;
        struct dns_run *room = run->room;
        (void) events;
        int r = room->sent < room->out.length ? send_query(room) : 0;
        if (r == -EAGAIN) {
                return;
        }
        if (r < 0) {
                finish_error(run, -r);
        } else if (room->stream) {
                read_stream(run);
        } else {
                read_datagrams(run);
        }
}

/* ---- the server of the host ---- */

struct resolv_conf_job {
        int error; /* negative errno */
        union address server;
};

static void run_resolv_conf_job(struct offload *call, void *data) {
        struct resolv_conf_job *job = data;
        char text[RESOLV_CONF_MAX + 1];
        offload_step(call, "/etc/resolv.conf");
        AUTO_CLOSE int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, text, RESOLV_CONF_MAX);
        if (n < 0) {
                job->error = -errno;
                return;
        }
        text[n] = '\0';
        dns_first_server(text, &job->server);
}

static void server_found(void *cookie, void *data) {
        struct probe_run *run = cookie;
        struct dns_run *room = run->room;
        const struct resolv_conf_job *job = data;
        if (!job || job->error < 0) {
                finish_unknown(
                        run, "no name server from /etc/resolv.conf", job ? -job->error : ETIMEDOUT);
                return;
        }
        room->server = job->server;
        room->known = true;
        room->begun = clock_now().mono;
        ask(run);
}

static void find_server(struct probe_run *run) {
        struct dns_state *state = run->state;
        struct resolv_conf_job *job = calloc(1, sizeof(*job));
        struct error err = {0};
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_resolv_conf_job,
                .done = server_found,
                .release = free,
                .data = job,
                .cookie = run,
        };
        int r = job ? offload_start(&state->call, &request, &err) : -ENOMEM;
        if (r < 0) {
                free(job);
                finish_unknown(run, "/etc/resolv.conf was not read", -r);
        }
}

/* ---- a run ---- */

static void dns_start(struct probe_run *run) {
        const struct dns_params *params = run->spec->params;
        struct dns_run *room = run->room;
        room->fd = -1;
        room->begun = clock_now().mono;
        room->stream = params->transport == DNS_TRANSPORT_TCP;
        if (params->server.given) {
                room->server = params->server.address;
                room->known = true;
                ask(run);
        } else {
                find_server(run);
        }
}

static void dns_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct dns_state *state = run->state;
        struct dns_run *room = run->room;
        char limit[UNITS_TEXT_MAX], server[ADDRESS_TEXT_MAX];
        units_format_duration(run->timeout, limit);
        if (!room->known) {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "/etc/resolv.conf not read within %s",
                        limit);
        } else if (room->passed_over > 0) {
                snprintf(detail, OBSERVATION_DETAIL_MAX,
                        "no answer from %s within %s, but %u datagrams that do not fit the query",
                        server_text(room, server), limit, room->passed_over);
        } else {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "no answer from %s%s within %s",
                        server_text(room, server), room->stream ? " over TCP" : "", limit);
        }
        offload_cancel(state->call);
        clear_room(room);
}

static void dns_release(void *memory) {
        struct dns_state *state = memory;
        offload_release(&state->call);
}

static uint32_t dns_causes(const void *object) {
        const struct dns_params *params = object;
        return CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER) |
               (params->max_latency > 0 ? CAUSE_BIT(CAUSE_SLOW) : 0);
}

static void dns_review(const struct probe_review *review) {
        const struct dns_params *params = review->probe->params;
        probe_doubt_latency(review, "max_latency", params->max_latency);
}

const struct probe_type dns_probe = {
        .name = "dns",
        .help = "Asks a name server for a name.",
        .value_unit = "seconds",
        .schema = &dns_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER) |
                             CAUSE_BIT(CAUSE_SLOW),
                .causes_of = dns_causes,
                .names_target = true,
                .review = dns_review},
        .state_size = sizeof(struct dns_state),
        .run_size = sizeof(struct dns_run),
        .start = dns_start,
        .stop = dns_stop,
        .release = dns_release,
};
