#include "control/listener.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "control/health_page.h"
#include "control/listen_address.h"
#include "control/metrics_page.h"
#include "control/status_page.h"
#include "io/http_server.h"
#include "runtime/runtime.h"

struct listener {
        struct runtime *runtime;
        struct http_server *server;
        struct metrics_page *metrics;
};

static void reply(
        struct http_exchange *exchange, unsigned status, const char *type, struct strbuf *out) {
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
                http_exchange_reply_text(exchange, 500, "out of memory\n");
                return;
        }
        struct http_reply answer = {
                .status = status,
                .content_type = type,
                .body = body,
                .body_length = length,
                .headers = headers,
                .n_headers = ELEMENTSOF(headers),
        };
        http_exchange_reply(exchange, &answer);
}

/* ---- Pages ---- */

static void get_metrics(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        enum metrics_format format = metrics_negotiate(http_exchange_header(exchange, "Accept"));
        if (metrics_page_render(listener->metrics, format, &out) < 0) {
                http_exchange_reply_text(exchange, 500, "out of memory\n");
                return;
        }
        reply(exchange, 200, metrics_content_type(format), &out);
}

static void get_health(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        bool ok = health_page(listener->runtime, &out);
        reply(exchange, ok ? 200 : 503, NULL, &out);
}

static void get_status(struct listener *listener, struct http_exchange *exchange) {
        AUTO_STRBUF struct strbuf out = {0};
        status_page(listener->runtime, &out);
        reply(exchange, 200, "text/html; charset=utf-8", &out);
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

static void on_request(void *cookie, struct http_exchange *exchange) {
        struct listener *listener = cookie;
        const char *method = http_exchange_method(exchange);
        const struct page *page = page_find(http_exchange_path(exchange));
        if (!page) {
                http_exchange_reply_text(exchange, 404, "here are only /, /metrics and /healthz\n");
        } else if (!str_eq(method, "GET") && !str_eq(method, "HEAD")) {
                static const struct http_reply_header allow[] = {{"Allow", "GET, HEAD"}};
                struct http_reply answer = {.status = 405, .headers = allow, .n_headers = 1};
                http_exchange_reply(exchange, &answer);
        } else {
                page->get(listener, exchange);
        }
}

/* ---- The server ---- */

DEFINE_CLEANUP(cleanup_listener, struct listener, listener_free)

int listener_new(struct listener **ret, struct runtime *runtime, struct error *err) {
        const char *listen = runtime_policy(runtime)->agent.listen;
        *ret = NULL;
        if (str_empty(listen) || str_eq(listen, "none")) {
                return 0;
        }
        AUTO(cleanup_listener) struct listener *listener = calloc(1, sizeof(*listener));
        if (!listener || metrics_page_new(&listener->metrics, runtime) < 0) {
                return error_set_errno(err, ENOMEM, "listener");
        }
        listener->runtime = runtime;
        AUTO_CLOSE int fd = listen_address_open(listen, err);
        if (fd < 0) {
                return fd;
        }
        struct http_server_config config = {.fd = fd};
        int r = http_server_new(
                &listener->server, runtime_loop(runtime), &config, on_request, listener, err);
        if (r < 0) {
                return error_wrap(err, "listen on %s", listen);
        }
        TAKE_FD(fd);
        *ret = TAKE_PTR(listener);
        return 0;
}

void listener_free(struct listener *listener) {
        if (listener) {
                http_server_free(listener->server);
                metrics_page_free(listener->metrics);
                free(listener);
        }
}
