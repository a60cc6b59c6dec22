#include "control/heartbeat_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "probes/heartbeat.h"
#include "runtime/runtime.h"

#define PREFIX "/heartbeat/"
#define SCHEME "Bearer "

/* A request whose token is being compared. */
struct visit {
        struct http_exchange *exchange; /* NULL: the server ended before the answer */
};

struct address {
        char service[POLICY_NAME_MAX + 1], probe[POLICY_NAME_MAX + 1];
};

bool heartbeat_page_is(const char *path) {
        return str_starts(path, PREFIX);
}

/* "/heartbeat/SERVICE/PROBE" */
static bool read_address(const char *path, struct address *ret) {
        const char *service = path + strlen(PREFIX);
        const char *slash = strchr(service, '/');
        size_t length = slash ? (size_t) (slash - service) : 0;
        if (length == 0 || length >= sizeof(ret->service)) {
                return false;
        }
        memcpy(ret->service, service, length);
        ret->service[length] = '\0';
        return str_copy(ret->probe, sizeof(ret->probe), slash + 1) && *ret->probe;
}

/* NULL when there is none. The scheme is written in any case (RFC 9110, 11.1). */
static const char *read_token(const struct http_exchange *exchange) {
        const char *header = http_exchange_header(exchange, "Authorization");
        return header && strncasecmp(header, SCHEME, strlen(SCHEME)) == 0 ? header + strlen(SCHEME)
                                                                          : NULL;
}

static struct heartbeat read_beat(struct runtime *runtime, const struct http_exchange *exchange) {
        struct heartbeat beat = {
                .at = loop_now(runtime_loop(runtime)),
                .failed = http_exchange_query(exchange, "failed") != NULL,
        };
        size_t length;
        const char *body = http_exchange_body(exchange, &length);
        size_t line = strcspn(body, "\r\n");
        size_t n = line < sizeof(beat.text) ? line : sizeof(beat.text) - 1;
        memcpy(beat.text, body, n);
        str_make_printable(beat.text);
        return beat;
}

static void refuse(struct http_exchange *exchange) {
        static const struct http_reply_header headers[] = {
                {"WWW-Authenticate", "Bearer realm=\"recoverd heartbeat\""}};
        struct http_reply reply = {.status = 401, .headers = headers, .n_headers = 1};
        http_exchange_reply(exchange, &reply);
}

static void on_server_ended(void *cookie) {
        struct visit *visit = cookie;
        visit->exchange = NULL;
}

static void on_compared(void *cookie, int result, const char *text) {
        AUTO_FREE struct visit *visit = cookie;
        if (!visit->exchange) {
                return;
        }
        if (result == 0) {
                http_exchange_reply_text(visit->exchange, 200, text);
        } else if (result == -EACCES) {
                refuse(visit->exchange);
        } else {
                http_exchange_reply_text(visit->exchange, 503, text);
        }
}

static void compare(struct runtime *runtime, struct http_exchange *exchange,
        const struct address *address, const char *token) {
        const struct heartbeat beat = read_beat(runtime, exchange);
        struct visit *visit = calloc(1, sizeof(*visit));
        if (!visit) {
                http_exchange_reply_text(exchange, 503, "out of memory");
                return;
        }
        visit->exchange = exchange;
        http_exchange_on_closed(exchange, on_server_ended, visit);
        runtime_heartbeat_by_token(
                runtime, address->service, address->probe, token, &beat, on_compared, visit);
}

void heartbeat_page(struct runtime *runtime, struct http_exchange *exchange) {
        const char *token = read_token(exchange);
        struct address address;
        if (!str_eq(http_exchange_method(exchange), "POST")) {
                static const struct http_reply_header allow[] = {{"Allow", "POST"}};
                struct http_reply reply = {.status = 405, .headers = allow, .n_headers = 1};
                http_exchange_reply(exchange, &reply);
        } else if (!read_address(http_exchange_path(exchange), &address)) {
                http_exchange_reply_text(exchange, 404, "expected /heartbeat/SERVICE/PROBE");
        } else if (!token) {
                refuse(exchange);
        } else {
                compare(runtime, exchange, &address, token);
        }
}
