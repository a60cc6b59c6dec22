#include "control/listener.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/listen_address.h"
#include "base/str.h"
#include "control/exporter_auth.h"
#include "control/exporter_config.h"
#include "control/health_page.h"
#include "control/heartbeat_page.h"
#include "control/metrics_page.h"
#include "control/status_page.h"
#include "io/http_server.h"
#include "runtime/runtime.h"

struct listener {
        struct runtime *runtime;
        struct http_server *server;
        struct metrics_page *metrics;
        struct exporter_config *web; /* NULL: neither TLS nor passwords */
        struct exporter_auth *auth; /* NULL: no passwords */
};

/* `release`: who gets the text back once it was sent; NULL: nobody. */
static void reply(struct http_exchange *exchange, unsigned status, const char *type,
        struct strbuf *out, void (*release)(void *cookie, char *body), void *cookie) {
        static const struct http_reply_header headers[] = {
                {"Cache-Control", "no-store"},
                {"X-Content-Type-Options", "nosniff"},
                {"Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
                {"Referrer-Policy", "no-referrer"},
        };
        size_t length = out->length;
        char *body = strbuf_take(out);
        if (!body) {
                http_exchange_reply_text(exchange, 500, "out of memory");
                return;
        }
        struct http_reply answer = {
                .status = status,
                .content_type = type,
                .body = body,
                .body_length = length,
                .release = release,
                .release_cookie = cookie,
                .headers = headers,
                .n_headers = ELEMENTSOF(headers),
        };
        http_exchange_reply(exchange, &answer);
}

/* ---- Pages ---- */

static void on_page_sent(void *cookie, char *body) {
        struct listener *listener = cookie;
        metrics_page_reuse(listener->metrics, body);
}

static void get_metrics(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        enum metrics_format format = metrics_negotiate(http_exchange_header(exchange, "Accept"));
        if (metrics_page_render(listener->metrics, format, &out) < 0) {
                http_exchange_reply_text(exchange, 500, "out of memory");
                return;
        }
        reply(exchange, 200, metrics_content_type(format), &out, on_page_sent, listener);
}

static void get_health(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        bool ok = health_page(listener->runtime, &out);
        reply(exchange, ok ? 200 : 503, NULL, &out, NULL, NULL);
}

static void get_status(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        status_page(listener->runtime, &out);
        reply(exchange, 200, "text/html; charset=utf-8", &out, NULL, NULL);
}

static const struct page {
        const char *path;
        void (*get)(struct listener *listener, struct http_exchange *exchange);
} pages[] = {
        {"/", get_status},
        {"/metrics", get_metrics},
        {"/healthz", get_health},
};

static const struct page *page_find(const char *path) {
        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                if (str_eq(pages[i].path, path)) {
                        return &pages[i];
                }
        }
        return NULL;
}

static void serve(struct listener *listener, struct http_exchange *exchange) {
        const char *method = http_exchange_method(exchange);
        const struct page *page = page_find(http_exchange_path(exchange));
        if (!page) {
                http_exchange_reply_text(exchange, 404, "here are only /, /metrics and /healthz");
        } else if (!str_eq(method, "GET") && !str_eq(method, "HEAD")) {
                static const struct http_reply_header allow[] = {{"Allow", "GET, HEAD"}};
                struct http_reply answer = {.status = 405, .headers = allow, .n_headers = 1};
                http_exchange_reply(exchange, &answer);
        } else {
                page->get(listener, exchange);
        }
}

/* ---- Authentication ---- */

/* A request whose password is being checked in a thread. */
struct visit {
        struct listener *listener;
        struct http_exchange *exchange;
        struct exporter_auth_check *check;
};

static void on_visitor_left(void *cookie) {
        struct visit *visit = cookie;
        exporter_auth_cancel(visit->check);
        free(visit);
}

static void refuse(struct http_exchange *exchange) {
        static const struct http_reply_header headers[] = {
                {"WWW-Authenticate", "Basic realm=\"recoverd\", charset=\"UTF-8\""}};
        struct http_reply answer = {.status = 401, .headers = headers, .n_headers = 1};
        http_exchange_reply(exchange, &answer);
}

static void judge(
        struct listener *listener, struct http_exchange *exchange, enum exporter_verdict verdict) {
        switch (verdict) {
        case EXPORTER_ALLOWED:
                serve(listener, exchange);
                return;
        case EXPORTER_BUSY:
                http_exchange_reply_text(exchange, 503, "too many logins at once");
                return;
        case EXPORTER_REFUSED:
        case EXPORTER_PENDING:
                refuse(exchange);
                return;
        }
}

static void on_judged(void *cookie, enum exporter_verdict verdict) {
        struct visit *visit = cookie;
        struct visit judged = *visit;
        free(visit);
        judge(judged.listener, judged.exchange, verdict);
}

static void on_request(void *cookie, struct http_exchange *exchange) {
        struct listener *listener = cookie;
        if (heartbeat_page_is(http_exchange_path(exchange))) { /* it has tokens of its own */
                heartbeat_page(listener->runtime, exchange);
                return;
        }
        if (!listener->auth) {
                serve(listener, exchange);
                return;
        }
        AUTO_FREE struct visit *visit = calloc(1, sizeof(*visit));
        if (!visit) {
                http_exchange_reply_text(exchange, 503, "out of memory");
                return;
        }
        visit->listener = listener;
        visit->exchange = exchange;
        enum exporter_verdict verdict = exporter_auth_check(listener->auth,
                http_exchange_header(exchange, "Authorization"), on_judged, visit, &visit->check);
        if (verdict != EXPORTER_PENDING) {
                judge(listener, exchange, verdict);
                return;
        }
        http_exchange_on_closed(exchange, on_visitor_left, visit);
        TAKE_PTR(visit);
}

/* ---- The server ---- */

static int load_web_config(struct listener *listener, const char *path, struct error *err) {
        if (str_empty(path)) {
                return 0;
        }
        int r = exporter_config_load(path, &listener->web, err);
        if (r < 0) {
                return error_wrap(err, "web_config_file");
        }
        if (listener->web->n_users == 0) {
                return 0;
        }
        return exporter_auth_new(
                &listener->auth, runtime_loop(listener->runtime), listener->web, err);
}

static int start_server(struct listener *listener, const char *listen, struct error *err) {
        AUTO_CLOSE int fd = listen_address_open(listen, err);
        if (fd < 0) {
                return fd;
        }
        struct http_server_config config = {.fd = fd};
        if (listener->web) {
                config.tls_certificate = listener->web->tls_certificate;
                config.tls_key = listener->web->tls_key;
                config.tls_client_ca = listener->web->tls_client_ca;
                config.tls_priorities = listener->web->tls_priorities;
        }
        int r = http_server_new(&listener->server, runtime_loop(listener->runtime), &config,
                on_request, listener, err);
        if (r < 0) {
                return error_wrap(err, "listen on %s", listen);
        }
        TAKE_FD(fd);
        return 0;
}

DEFINE_CLEANUP(cleanup_listener, struct listener, listener_free)

int listener_new(struct listener **ret, struct runtime *runtime, struct error *err) {
        const struct agent_spec *agent = &runtime_policy(runtime)->agent;
        *ret = NULL;
        if (str_empty(agent->listen) || str_eq(agent->listen, "none")) {
                return 0;
        }
        AUTO(cleanup_listener) struct listener *listener = calloc(1, sizeof(*listener));
        if (!listener || metrics_page_new(&listener->metrics, runtime) < 0) {
                return error_set_errno(err, ENOMEM, "listener");
        }
        listener->runtime = runtime;
        int r = load_web_config(listener, agent->web_config_file, err);
        r = r < 0 ? r : start_server(listener, agent->listen, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(listener);
        return 0;
}

void listener_free(struct listener *listener) {
        if (listener) {
                http_server_free(listener->server); /* ends the visits, which use the others */
                exporter_auth_free(listener->auth);
                exporter_config_free(listener->web);
                metrics_page_free(listener->metrics);
                free(listener);
        }
}
