#include "io/http_server.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"

enum { ACCEPTS_PER_TURN = 16, STATUS_CONTENT_TOO_LARGE = 413, TLS_OPTIONS_MAX = 5 };

enum exchange_state {
        EXCHANGE_COLLECTING, /* the body */
        EXCHANGE_HANDLING, /* the handler is running */
        EXCHANGE_WAITING, /* for the answer; the connection is suspended */
        EXCHANGE_ANSWERED, /* `response` is to be queued; NULL: close the connection */
        EXCHANGE_QUEUED, /* libmicrohttpd has the response */
};

struct http_exchange {
        struct list node; /* in the server's exchanges */
        struct http_server *server;
        struct MHD_Connection *connection;
        const char *method, *path; /* libmicrohttpd's, valid until the request is completed */
        enum exchange_state state;
        struct strbuf body;
        unsigned status;
        struct MHD_Response *response;
        char *sent; /* body of the response; NULL: libmicrohttpd's own */
        void (*release)(void *cookie, char *body);
        void *release_cookie;
        loop_callback on_closed;
        void *closed_cookie;
};

/* We accept, not libmicrohttpd: it would spin when descriptors run out. */
struct http_server {
        struct loop *loop;
        struct MHD_Daemon *daemon;
        http_handler handler;
        void *cookie;
        int fd;
        unsigned max_connections, n_connections;
        size_t max_body;
        bool paused; /* descriptors ran out */
        bool client_certificates; /* are demanded */
        struct list exchanges;
        struct loop_watch listen_watch, daemon_watch;
        struct loop_timer daemon_timer, pause_timer;
        struct loop_defer run;
};

/* ---- running libmicrohttpd ---- */

/* It must run again when its epoll descriptor is readable (the watch), when its timeout is over
 * (the timer), and at once when it says so or a connection was resumed (the deferred work). */
static void run_daemon(void *cookie) {
        struct http_server *server = cookie;
        MHD_UNSIGNED_LONG_LONG timeout_ms;

        (void) MHD_run(server->daemon); /* fails only for daemons with threads of their own */
        if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES) {
                loop_timer_cancel(&server->daemon_timer);
        } else if (timeout_ms == 0) {
                loop_defer_schedule(&server->run);
        } else {
                loop_timer_set_after(&server->daemon_timer, timeout_ms * USEC_PER_MSEC);
        }
}

static void on_daemon_ready(void *cookie, uint32_t events) {
        (void) events;
        run_daemon(cookie);
}

/* ---- accepting ---- */

static void update_listening(struct http_server *server) {
        bool wanted = !server->paused && server->n_connections < server->max_connections;

        if (server->listen_watch.loop) {
                (void) loop_watch_modify(&server->listen_watch, wanted ? EPOLLIN : 0);
        }
}

static void on_pause_over(void *cookie) {
        struct http_server *server = cookie;

        server->paused = false;
        update_listening(server);
}

static void pause_accepting(struct http_server *server, int code) {
        char reason[128];

        log_warning("an HTTP connection cannot be accepted: %s, retrying in 1s",
                strerror_r(code, reason, sizeof(reason)));
        server->paused = true;
        loop_timer_set_after(&server->pause_timer, HTTP_SERVER_ACCEPT_PAUSE);
        update_listening(server);
}

static bool is_shortage(int code) {
        return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS;
}

static bool accept_one(struct http_server *server) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int fd = accept4(
                server->fd, (struct sockaddr *) &address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
                if (is_shortage(errno)) {
                        pause_accepting(server, errno);
                }
                return false;
        }
        /* Closes it when it fails. The address of a unix client has no name, which it does not
         * take. */
        (void) MHD_add_connection(server->daemon, fd, (const struct sockaddr *) &address, size);
        return true;
}

static void on_listen_ready(void *cookie, uint32_t events) {
        struct http_server *server = cookie;

        (void) events;
        for (int i = 0; i < ACCEPTS_PER_TURN && server->n_connections < server->max_connections;
                i++) {
                if (!accept_one(server)) {
                        break;
                }
        }
        loop_defer_schedule(&server->run);
}

static void on_connection(void *cookie, struct MHD_Connection *connection, void **socket_cookie,
        enum MHD_ConnectionNotificationCode code) {
        struct http_server *server = cookie;

        (void) connection;
        (void) socket_cookie;
        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                server->n_connections++;
        } else {
                server->n_connections--;
        }
        update_listening(server);
}

/* ---- exchanges ---- */

static struct http_exchange *exchange_new(struct http_server *server,
        struct MHD_Connection *connection, const char *path, const char *method) {
        struct http_exchange *exchange = calloc(1, sizeof(*exchange));

        if (exchange) {
                exchange->server = server;
                exchange->connection = connection;
                exchange->path = path;
                exchange->method = method;
                list_append(&server->exchanges, &exchange->node);
        }
        return exchange;
}

static void exchange_free(struct http_exchange *exchange) {
        list_remove(&exchange->node);
        if (exchange->response) {
                MHD_destroy_response(exchange->response);
        }
        if (exchange->sent) {
                exchange->release(exchange->release_cookie, exchange->sent);
        }
        strbuf_done(&exchange->body);
        free(exchange);
}

static enum MHD_Result queue_answer(struct http_exchange *exchange) {
        if (!exchange->response) {
                return MHD_NO; /* there was no memory for an answer */
        }
        exchange->state = EXCHANGE_QUEUED;
        return MHD_queue_response(exchange->connection, exchange->status, exchange->response);
}

/* The length that the client announces; 0 when it does not say. */
static size_t announced_length(struct MHD_Connection *connection) {
        const char *text = MHD_lookup_connection_value(
                connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
        return text ? strtoull(text, NULL, 10) : 0; /* libmicrohttpd has checked it */
}

static enum MHD_Result begin_request(struct http_exchange *exchange) {
        if (announced_length(exchange->connection) <= exchange->server->max_body) {
                return MHD_YES;
        }
        http_exchange_reply_text(exchange, STATUS_CONTENT_TOO_LARGE, "request too large");
        return queue_answer(exchange);
}

static enum MHD_Result collect(struct http_exchange *exchange, const char *data, size_t *length) {
        struct strbuf *body = &exchange->body;

        if (*length > exchange->server->max_body - body->length) {
                return MHD_NO; /* it announced less: there is nothing to be polite about */
        }
        strbuf_add_bytes(body, data, *length);
        *length = 0;
        return body->failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result handle(struct http_exchange *exchange) {
        struct http_server *server = exchange->server;

        exchange->state = EXCHANGE_HANDLING;
        server->handler(server->cookie, exchange);
        if (exchange->state == EXCHANGE_ANSWERED) {
                return queue_answer(exchange);
        }
        exchange->state = EXCHANGE_WAITING;
        MHD_suspend_connection(exchange->connection);
        return MHD_YES;
}

/* libmicrohttpd asks clients for a certificate; whether there is one and it is good is for us to
 * see. */
static bool client_proven(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        unsigned faults = 0;

        return info && gnutls_certificate_verify_peers2(info->tls_session, &faults) == 0 &&
               faults == 0;
}

/* Called once for the header, then for each piece of the body, at its end, and after a resume. */
static enum MHD_Result on_request(void *cookie, struct MHD_Connection *connection, const char *path,
        const char *method, const char *version, const char *data, size_t *data_length,
        void **request_cookie) {
        struct http_server *server = cookie;
        struct http_exchange *exchange = *request_cookie;

        (void) version;
        if (!exchange) {
                if (server->client_certificates && !client_proven(connection)) {
                        return MHD_NO; /* as a failed handshake would: the connection is closed */
                }
                exchange = *request_cookie = exchange_new(server, connection, path, method);
                return exchange ? begin_request(exchange) : MHD_NO;
        }
        switch (exchange->state) {
        case EXCHANGE_COLLECTING:
                return *data_length > 0 ? collect(exchange, data, data_length) : handle(exchange);
        case EXCHANGE_ANSWERED:
                return queue_answer(exchange);
        case EXCHANGE_HANDLING:
        case EXCHANGE_WAITING:
        case EXCHANGE_QUEUED:
                break;
        }
        return MHD_NO;
}

static void on_request_completed(void *cookie, struct MHD_Connection *connection,
        void **request_cookie, enum MHD_RequestTerminationCode code) {
        struct http_exchange *exchange = *request_cookie;

        (void) cookie;
        (void) connection;
        (void) code;
        if (exchange) {
                exchange_free(exchange);
        }
        *request_cookie = NULL;
}

const char *http_exchange_method(const struct http_exchange *exchange) {
        return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange) {
        return exchange->path;
}

const char *http_exchange_query(const struct http_exchange *exchange, const char *name) {
        const char *value = NULL;

        if (MHD_lookup_connection_value_n(exchange->connection, MHD_GET_ARGUMENT_KIND, name,
                    strlen(name), &value, NULL) != MHD_YES) {
                return NULL;
        }
        return value ? value : "";
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name) {
        return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *http_exchange_body(const struct http_exchange *exchange, size_t *ret_length) {
        *ret_length = exchange->body.length;
        return strbuf_text(&exchange->body);
}

int http_exchange_fd(const struct http_exchange *exchange) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        return info ? info->connect_fd : -ENOTCONN;
}

int http_exchange_peer(const struct http_exchange *exchange, struct unix_peer *ret) {
        int fd = http_exchange_fd(exchange);
        return fd < 0 ? fd : unix_peer_of(fd, ret);
}

void http_exchange_on_closed(struct http_exchange *exchange, loop_callback callback, void *cookie) {
        exchange->on_closed = callback;
        exchange->closed_cookie = cookie;
}

/* NULL when out of memory. A body that is to be released stays where it is: libmicrohttpd has no
 * use for it any more when it reports the end of the request. */
static struct MHD_Response *create_response(const struct http_reply *reply) {
        bool own = reply->body && !reply->release;
        struct MHD_Response *response = MHD_create_response_from_buffer(reply->body_length,
                reply->body, own ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
        const char *type = reply->content_type ? reply->content_type : "text/plain; charset=utf-8";
        bool ok = response != NULL;

        if (!response) {
                if (own) {
                        free(reply->body);
                }
                return NULL;
        }
        assert(reply->n_headers <= HTTP_SERVER_MAX_REPLY_HEADERS);
        ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;
        for (size_t i = 0; i < reply->n_headers && ok; i++) {
                ok = MHD_add_response_header(
                             response, reply->headers[i].name, reply->headers[i].value) == MHD_YES;
        }
        if (!ok) {
                MHD_destroy_response(response);
                return NULL;
        }
        return response;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply) {
        struct http_server *server = exchange->server;
        bool suspended = exchange->state == EXCHANGE_WAITING;

        assert(exchange->state < EXCHANGE_ANSWERED);
        exchange->status = reply->status;
        exchange->response = create_response(reply);
        exchange->sent = reply->release ? reply->body : NULL;
        exchange->release = reply->release;
        exchange->release_cookie = reply->release_cookie;
        exchange->state = EXCHANGE_ANSWERED;
        if (suspended) {
                MHD_resume_connection(exchange->connection); /* then on_request() comes once more */
                loop_defer_schedule(&server->run);
        }
}

void http_exchange_reply_text(struct http_exchange *exchange, unsigned status, const char *text) {
        struct strbuf body = {0};

        strbuf_add(&body, text);
        strbuf_add_char(&body, '\n');
        size_t length = body.length;
        char *data = strbuf_take(&body);
        http_exchange_reply(exchange,
                &(struct http_reply){
                        .status = status, .body = data, .body_length = data ? length : 0});
}

/* ---- the server ---- */

static void __attribute__((format(printf, 2, 0)))
on_log(void *cookie, const char *format, va_list arguments) {
        char text[256];

        (void) cookie;
        int length = vsnprintf(text, sizeof(text), format, arguments);
        if (length > 0) {
                text[strcspn(text, "\n")] = '\0';
                log_debug("libmicrohttpd: %s", text);
        }
}

static void fill_tls(
        const struct http_server_config *config, struct MHD_OptionItem options[TLS_OPTIONS_MAX]) {
        const struct MHD_OptionItem all[] = {
                {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) config->tls_certificate},
                {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) config->tls_key},
                {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *) config->tls_client_ca},
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) config->tls_priorities},
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (all[i].ptr_value) {
                        options[n++] = all[i];
                }
        }
        options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static struct MHD_Daemon *start_daemon(
        struct http_server *server, const struct http_server_config *config) {
        struct MHD_OptionItem tls[TLS_OPTIONS_MAX] = {{MHD_OPTION_END, 0, NULL}};
        unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                         MHD_USE_ERROR_LOG;

        if (config->tls_certificate) {
                flags |= MHD_USE_TLS;
                fill_tls(config, tls);
        }
        return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
                MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, /* first: it reports on the others */
                MHD_OPTION_NOTIFY_COMPLETED, on_request_completed, NULL,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
                server->max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned) HTTP_SERVER_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                (size_t) HTTP_SERVER_CONNECTION_MEMORY, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static int watch_server(struct http_server *server) {
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info) {
                return -ENOTSUP;
        }
        int r = loop_timer_init(&server->daemon_timer, server->loop, run_daemon, server);
        if (r == 0) {
                r = loop_timer_init(&server->pause_timer, server->loop, on_pause_over, server);
        }
        if (r == 0) {
                r = loop_watch_add(&server->daemon_watch, server->loop, info->epoll_fd, EPOLLIN,
                        on_daemon_ready, server);
        }
        if (r == 0) {
                r = loop_watch_add(&server->listen_watch, server->loop, server->fd, EPOLLIN,
                        on_listen_ready, server);
        }
        return r;
}

/* Without the listener, which stays the caller's while new() can still fail. */
static void server_done(struct http_server *server) {
        if (!server) {
                return;
        }
        loop_watch_remove(&server->listen_watch);
        loop_watch_remove(&server->daemon_watch);
        loop_timer_done(&server->daemon_timer);
        loop_timer_done(&server->pause_timer);
        if (server->daemon) {
                MHD_stop_daemon(server->daemon);
        }
        loop_defer_cancel(&server->run);
        free(server);
}

DEFINE_CLEANUP(cleanup_server, struct http_server, server_done)

int http_server_new(struct http_server **ret, struct loop *loop,
        const struct http_server_config *config, http_handler handler, void *cookie,
        struct error *err) {
        AUTO(cleanup_server) struct http_server *server = calloc(1, sizeof(*server));

        if (!server) {
                return error_set_errno(err, ENOMEM, "HTTP server");
        }
        server->loop = loop;
        server->handler = handler;
        server->cookie = cookie;
        server->fd = config->fd;
        server->max_connections =
                config->max_connections ? config->max_connections : HTTP_SERVER_MAX_CONNECTIONS;
        server->client_certificates = config->tls_certificate && config->tls_client_ca;
        server->max_body = config->max_body ? config->max_body : HTTP_SERVER_MAX_BODY;
        list_init(&server->exchanges);
        loop_defer_init(&server->run, loop, run_daemon, server);
        server->daemon = start_daemon(server, config);
        if (!server->daemon) {
                return error_set(err, EINVAL, "the HTTP server cannot be started%s",
                        config->tls_certificate ? "; are certificate and key a pair?" : "");
        }
        int r = watch_server(server);
        if (r < 0) {
                return error_set_errno(err, -r, "HTTP server");
        }
        *ret = TAKE_PTR(server);
        return 0;
}

/* Suspended connections must be resumed before the daemon stops; it then closes them. */
static void close_waiting(struct http_server *server) {
        LIST_FOREACH (node, &server->exchanges) {
                struct http_exchange *exchange = LIST_ENTRY(node, struct http_exchange, node);
                if (exchange->state == EXCHANGE_WAITING) {
                        exchange->state = EXCHANGE_ANSWERED;
                        if (exchange->on_closed) {
                                exchange->on_closed(exchange->closed_cookie);
                        }
                        MHD_resume_connection(exchange->connection);
                }
        }
}

void http_server_free(struct http_server *server) {
        if (!server) {
                return;
        }
        int fd = server->fd;
        close_waiting(server);
        server_done(server);
        close(fd);
}
