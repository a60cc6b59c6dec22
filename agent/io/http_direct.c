#include "io/http_direct.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/http_result.h"

enum {
        READ_BYTES = 16 * 1024, /* at once */
        KEPT_BYTES = 16 * 1024, /* larger buffers are given back after a request */
};

static void begin_again(struct http_direct *direct);

/* ---- the end ---- */

static void close_connection(struct http_direct *direct) {
        http_connection_close(direct->connection);
        direct->connection = NULL;
}

static void end(struct http_direct *direct, enum http_outcome outcome) {
        direct->ended = clock_now().mono;
        direct->outcome = outcome;
        close_connection(direct);
}

static void end_because(
        struct http_direct *direct, enum http_outcome outcome, const char *what, int error) {
        char reason[128];

        (void) snprintf(direct->why, sizeof(direct->why), "%s%s", what,
                error ? strerror_r(error, reason, sizeof(reason)) : "");
        end(direct, outcome);
}

static void end_unconnected(struct http_direct *direct, int error) {
        direct->connect_errno = error;
        end(direct, http_connect_outcome(error));
}

static bool all_sent(const struct http_direct *direct) {
        return direct->sent == direct->out.length;
}

/* Some servers say so when a connection was idle for long, whether or not a request is on its way
 * (RFC 9110, 15.5.9). */
static bool answers_another(const struct http_direct *direct) {
        enum { REQUEST_TIMEOUT = 408 };
        return direct->reused && direct->parser.status == REQUEST_TIMEOUT;
}

/* The response is complete. `clean`: nothing came behind it. */
static void complete(struct http_direct *direct, bool clean) {
        if (answers_another(direct)) {
                begin_again(direct);
                return;
        }
        if (direct->request->keep && direct->parser.keep && clean && all_sent(direct)) {
                http_kept_put(direct->kept, direct->request->keep, direct->connection);
                direct->connection = NULL;
        }
        end(direct, HTTP_OK);
}

static void end_parsed(struct http_direct *direct, enum http_parsed parsed, bool clean) {
        switch (parsed) {
        case HTTP_PARSED_MORE:
                break;
        case HTTP_PARSED_DONE:
                complete(direct, clean);
                break;
        case HTTP_PARSED_BAD:
                end_because(direct, HTTP_PROTOCOL, direct->parser.error, 0);
                break;
        case HTTP_PARSED_HEADER_OVER:
                end(direct, HTTP_HEADER_TOO_LARGE);
                break;
        case HTTP_PARSED_BODY_OVER:
                end(direct, HTTP_BODY_TOO_LARGE);
                break;
        case HTTP_PARSED_NO_MEMORY:
                end_because(direct, HTTP_LOCAL, "out of memory", 0);
                break;
        }
}

/* ---- sending ---- */

/* The peer has closed, or broken off. */
static void on_closed(struct http_direct *direct, const char *what, int error) {
        if (direct->reused && !http_parser_began(&direct->parser)) {
                begin_again(direct);
        } else if (error) {
                end_because(direct, HTTP_PROTOCOL, what, error);
        } else if (direct->send_errno && !http_parser_began(&direct->parser)) {
                end_because(direct, HTTP_PROTOCOL, "Send failure: ", direct->send_errno);
        } else {
                end_parsed(direct, http_parser_end(&direct->parser), true);
        }
}

static void note_connected(struct http_direct *direct) {
        if (!direct->connected) {
                direct->connected = clock_now().mono;
        }
}

static void on_send_error(struct http_direct *direct, int error) {
        if (!direct->connected) {
                end_unconnected(direct, error);
        } else if (direct->reused && !http_parser_began(&direct->parser)) {
                begin_again(direct);
        } else {
                direct->send_errno = error;
        }
}

/* Sends what is left, as much as goes. */
static void send_more(struct http_direct *direct) {
        const char *rest = direct->out.data + direct->sent;
        ssize_t n =
                send(direct->connection->fd, rest, direct->out.length - direct->sent, MSG_NOSIGNAL);

        if (n >= 0) {
                note_connected(direct);
                direct->sent += (size_t) n;
        } else if (errno != EAGAIN && errno != EINTR) {
                on_send_error(direct, errno);
        }
}

/* ---- receiving ---- */

static void on_receive_error(struct http_direct *direct, int error) {
        if (error == EAGAIN || error == EINTR) {
                return;
        }
        if (!direct->connected) {
                end_unconnected(direct, error);
        } else {
                on_closed(direct, "Recv failure: ", error);
        }
}

static void receive(struct http_direct *direct) {
        char bytes[READ_BYTES];
        ssize_t n = recv(direct->connection->fd, bytes, sizeof(bytes), 0);

        if (n < 0) {
                on_receive_error(direct, errno);
                return;
        }
        note_connected(direct);
        if (n == 0) {
                on_closed(direct, "", 0);
                return;
        }
        if (!direct->answered) {
                direct->answered = clock_now().mono;
        }
        size_t used;
        enum http_parsed parsed = http_parser_feed(&direct->parser, bytes, (size_t) n, &used);
        end_parsed(direct, parsed, used == (size_t) n);
}

static bool may_send(const struct http_direct *direct) {
        return !all_sent(direct) && direct->send_errno == 0;
}

static void wait_for_more(struct http_direct *direct) {
        uint32_t events = EPOLLIN | (may_send(direct) ? EPOLLOUT : 0u);
        int r = http_connection_watch(direct->connection, direct->loop, events);

        if (r < 0) {
                end_because(direct, HTTP_LOCAL, "watching the connection: ", -r);
        }
}

/* What the server says before all of the request was sent counts as well: it may refuse it. */
static void on_ready(void *cookie, uint32_t events) {
        struct http_direct *direct = cookie;

        if ((events & EPOLLIN) || !may_send(direct)) {
                receive(direct);
        }
        if (direct->connection && may_send(direct)) {
                send_more(direct);
        }
        if (direct->connection) {
                wait_for_more(direct);
        }
        if (direct->ended) {
                direct->done(direct->cookie);
        }
}

/* ---- the start ---- */

static void use_connection(struct http_direct *direct, struct http_connection *connection) {
        direct->connection = connection;
        connection->ready = on_ready;
        connection->cookie = direct;
        direct->sent = 0;
        direct->send_errno = 0;
        send_more(direct);
}

static void begin_parser(struct http_direct *direct) {
        const struct http_request *request = direct->request;

        http_parser_begin(&direct->parser, str_eq(request->method, "HEAD"),
                http_max_header(request), http_max_body(request));
}

/* On loopback the connection is there when connect() returns, and takes the request at once. */
static void begin_fresh(struct http_direct *direct) {
        struct http_connection *connection;
        int r = http_connection_open(&connection, &direct->address);

        direct->reused = false;
        direct->connected = 0;
        if (r < 0) {
                end_unconnected(direct, -r);
        } else {
                use_connection(direct, connection);
        }
}

static void begin_again(struct http_direct *direct) {
        close_connection(direct);
        direct->answered = 0;
        begin_parser(direct);
        begin_fresh(direct);
}

static void begin(struct http_direct *direct) {
        struct http_keep *keep = direct->request->keep;
        struct http_connection *connection =
                keep ? http_kept_take(direct->kept, keep, &direct->address) : NULL;

        if (connection) {
                direct->reused = true;
                direct->connected = direct->begun;
                use_connection(direct, connection);
        } else {
                begin_fresh(direct);
        }
        if (direct->connection) {
                wait_for_more(direct);
        }
}

static void on_ending(void *cookie) {
        struct http_direct *direct = cookie;
        direct->done(direct->cookie);
}

int http_direct_start(struct http_direct *direct, const struct http_direct_use *use) {
        const struct http_request *request = use->request;

        direct->loop = use->loop;
        direct->kept = use->kept;
        direct->request = request;
        direct->done = use->done;
        direct->cookie = use->cookie;
        direct->address = *use->address;
        direct->connect_errno = 0;
        *direct->why = '\0';
        direct->begun = clock_now().mono;
        direct->connected = direct->answered = direct->ended = 0;
        begin_parser(direct);
        strbuf_reset(&direct->out);
        http_plain_format(request, &direct->out);
        if (direct->out.failed) {
                return -ENOMEM;
        }
        loop_defer_init(&direct->ending, direct->loop, on_ending, direct);
        begin(direct);
        if (direct->ended) {
                loop_defer_schedule(&direct->ending);
        }
        return 0;
}

void http_direct_stop(struct http_direct *direct, bool late) {
        loop_defer_cancel(&direct->ending);
        if (!direct->ended) {
                end(direct, late ? HTTP_TIMEOUT : HTTP_LOCAL);
        }
}

/* ---- the result ---- */

/* Since it began; 0: the moment was not reached. */
static usec_t time_of(const struct http_direct *direct, usec_t moment) {
        return moment == 0 ? 0 : http_time_since(direct->begun, moment);
}

void http_direct_progress(const struct http_direct *direct, struct http_result *ret) {
        *ret = (struct http_result){
                .status = direct->parser.status,
                .version = direct->parser.version,
                .body_length = direct->parser.body.length,
                .name_time = 1, /* there was none to look up */
                .connect_time = time_of(direct, direct->connected),
                .first_byte_time = time_of(direct, direct->answered),
                .total_time = time_of(direct, direct->ended),
        };
}

static enum http_phase phase_of(const struct http_direct *direct) {
        return direct->answered    ? HTTP_PHASE_ANSWER
               : direct->connected ? HTTP_PHASE_WAIT
                                   : HTTP_PHASE_CONNECT;
}

static void describe(struct http_direct *direct) {
        char peer[HTTP_PEER_MAX];
        const struct http_failure failure = {
                .request = direct->request,
                .peer = http_plain_peer(direct->request, peer),
                .outcome = direct->outcome,
                .phase = phase_of(direct),
                .connect_errno = direct->connect_errno,
                .why = direct->why,
        };

        http_describe(&failure, direct->error, sizeof(direct->error));
}

void http_direct_result(struct http_direct *direct, struct http_result *ret) {
        const char *body = strbuf_text(&direct->parser.body);
        const char *header = strbuf_text(&direct->parser.header);

        http_direct_progress(direct, ret);
        ret->outcome = direct->outcome;
        ret->body = body ? body : "";
        ret->body_length = body ? direct->parser.body.length : 0;
        ret->headers = header ? header : "";
        if (ret->outcome != HTTP_OK) {
                describe(direct);
                ret->error = direct->error;
        }
}

/* ---- the memory of one ---- */

struct http_direct *http_direct_new(void) {
        struct http_direct *direct = calloc(1, sizeof(*direct));

        if (direct) {
                list_init(&direct->node);
        }
        return direct;
}

/* The request may show a password or a token. */
static void wipe_request(struct http_direct *direct) {
        if (direct->out.data) {
                explicit_bzero(direct->out.data, direct->out.length);
        }
}

void http_direct_free(struct http_direct *direct) {
        if (!direct) {
                return;
        }
        wipe_request(direct);
        strbuf_done(&direct->out);
        http_parser_done(&direct->parser);
        free(direct);
}

static void trim(struct strbuf *buf) {
        if (buf->capacity > KEPT_BYTES) {
                strbuf_done(buf);
        }
}

void http_direct_trim(struct http_direct *direct) {
        wipe_request(direct);
        trim(&direct->out);
        trim(&direct->parser.header);
        trim(&direct->parser.body);
}
