#include "control/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "control/peers.h"
#include "control/routes.h"
#include "runtime/runtime.h"

struct control {
        struct runtime *runtime;
        struct http_server *server;
        struct peers *peers;
        struct list calls;
        unsigned n_calls;
        char *path;
};

/* ---- Answers ---- */

static void reply_json(
        struct http_exchange *exchange, unsigned status, struct strbuf *out, const char *allow) {
        const struct http_reply_header headers[] = {
                {"Cache-Control", "no-store"},
                {"Allow", allow},
        };
        strbuf_add_char(out, '\n');
        size_t length = out->length;
        char *body = strbuf_take(out);
        if (!body) {
                http_exchange_reply_text(exchange, 500, "out of memory");
                return;
        }
        struct http_reply reply = {
                .status = status,
                .content_type = "application/json",
                .body = body,
                .body_length = length,
                .headers = headers,
                .n_headers = allow ? 2 : 1,
        };
        http_exchange_reply(exchange, &reply);
}

static void reply_error(struct http_exchange *exchange, unsigned status, const char *code,
        const char *message, const char *allow) {
        AUTO_STRBUF struct strbuf out = {0};
        struct json_writer json = {.out = &out};
        json_begin_object(&json, NULL);
        json_begin_object(&json, "error");
        json_put_text(&json, "code", code);
        json_put_text(&json, "message", message);
        json_end_object(&json);
        json_end_object(&json);
        reply_json(exchange, status, &out, allow);
}

/* ---- Calls ---- */

static void call_free(struct call *call) {
        list_remove(&call->node);
        call->control->n_calls--;
        strbuf_done(&call->out);
        free(call);
}

static void on_client_left(void *cookie) {
        struct call *call = cookie;
        call->exchange = NULL;
}

static struct call *call_new(struct control *control, struct http_exchange *exchange) {
        struct call *call = control->n_calls < CONTROL_CALLS_MAX ? calloc(1, sizeof(*call)) : NULL;
        if (!call) {
                return NULL;
        }
        call->control = control;
        call->runtime = control->runtime;
        call->exchange = exchange;
        list_append(&control->calls, &call->node);
        control->n_calls++;
        http_exchange_on_closed(exchange, on_client_left, call);
        return call;
}

void call_answer(struct call *call) {
        if (call->exchange) {
                reply_json(call->exchange, 200, &call->out, NULL);
        }
        call_free(call);
}

void call_done(struct call *call, const char *text) {
        struct json_writer json = {.out = &call->out};
        json_begin_object(&json, NULL);
        if (*call->args.service) {
                json_put_text(&json, "service", call->args.service);
        }
        json_put_bool(&json, "ok", true);
        json_put_text(&json, "text", text);
        json_end_object(&json);
        call_answer(call);
}

void call_fail_with(struct call *call, const struct api_error *error) {
        if (call->exchange) {
                reply_error(call->exchange, error->status, error->code, error->message, NULL);
        }
        call_free(call);
}

void call_fail(struct call *call, unsigned status, const char *code, const char *format, ...) {
        AUTO_STRBUF struct strbuf message = {0};
        va_list arguments;
        va_start(arguments, format);
        strbuf_vaddf(&message, format, arguments);
        va_end(arguments);
        if (call->exchange) {
                reply_error(call->exchange, status, code, strbuf_text(&message), NULL);
        }
        call_free(call);
}

/* The nearest name that could have been meant, or NULL. */
static const char *similar_service(const struct policy *policy, const char *name) {
        const char *found = NULL;
        size_t best = strlen(name) / 3 + 2;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                size_t distance = str_distance(name, policy->services[i].name);
                if (distance < best) {
                        best = distance;
                        found = policy->services[i].name;
                }
        }
        return found;
}

const struct service *call_service(struct call *call, const char *name) {
        const struct policy *policy = runtime_policy(call->runtime);
        const struct service *service = policy_service(policy, name);
        if (service) {
                return service;
        }
        char printable[POLICY_NAME_MAX + 1];
        str_copy(printable, sizeof(printable), name);
        str_make_printable(printable);
        const char *similar = similar_service(policy, name);
        call_fail(call, 404, "unknown-service", "there is no service '%s'%s%s%s", printable,
                similar ? ", did you mean '" : "", similar ? similar : "", similar ? "'?" : "");
        return NULL;
}

static int parse_number(const char *text, uint64_t *ret) {
        if (*text < '0' || *text > '9') {
                return -EINVAL;
        }
        char *end;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno ? -errno : *end ? -EINVAL : 0;
}

int call_number(struct call *call, const char *name, uint64_t least, uint64_t most,
        uint64_t standard, uint64_t *ret) {
        const char *text = http_exchange_query(call->exchange, name);
        uint64_t value = standard;
        if (text && (parse_number(text, &value) < 0 || value < least || value > most)) {
                call_fail(call, 400, "invalid", "%s has to be a number from %llu to %llu", name,
                        (unsigned long long) least, (unsigned long long) most);
                return -EINVAL;
        }
        *ret = value;
        return 0;
}

/* ---- Requests ---- */

/* A peer of the socket, and what it may. */
struct visitor {
        struct unix_peer peer;
        bool may_command;
};

static void serve(struct control *control, struct http_exchange *exchange,
        const struct route *route, const struct visitor *visitor, const char *tail) {
        struct api_error error;
        struct command_args args = {0};
        size_t length;
        const char *body = http_exchange_body(exchange, &length);
        if (route->takes && command_args_parse(body, length, route->takes, &args, &error) < 0) {
                reply_error(exchange, error.status, error.code, error.message, NULL);
                return;
        }
        struct call *call = call_new(control, exchange);
        if (!call) {
                reply_error(exchange, 503, "overloaded", "too many requests are under way", NULL);
                return;
        }
        call->peer = visitor->peer;
        call->may_command = visitor->may_command;
        call->tail = tail;
        call->args = args;
        route->handle(call);
}

static bool may(struct control *control, struct http_exchange *exchange, const struct route *route,
        struct visitor *ret) {
        if (http_exchange_peer(exchange, &ret->peer) < 0) {
                return false;
        }
        peers_set_group(control->peers, runtime_policy(control->runtime)->agent.operators_group);
        ret->may_command =
                peers_may_command(control->peers, &ret->peer, http_exchange_fd(exchange));
        return route->for_all || ret->may_command;
}

static void on_request(void *cookie, struct http_exchange *exchange) {
        struct control *control = cookie;
        const char *tail = "", *allow = NULL;
        const struct route *route = route_find(
                http_exchange_method(exchange), http_exchange_path(exchange), &tail, &allow);
        struct visitor visitor = {0};
        if (!route && allow) {
                reply_error(exchange, 405, "wrong-method", "this path takes another method", allow);
        } else if (!route) {
                reply_error(exchange, 404, "unknown-path",
                        "there is no such path, see docs/control-api.md", NULL);
        } else if (!may(control, exchange, route, &visitor)) {
                reply_error(exchange, 403, "forbidden",
                        "only root, the agent's own user and the operators' group may do this",
                        NULL);
        } else {
                serve(control, exchange, route, &visitor, tail);
        }
}

/* ---- The socket ---- */

static int start_server(struct control *control, struct error *err) {
        struct unix_listen_request request = {
                .path = control->path,
                .type = SOCK_STREAM,
                .mode = 0666, /* what a peer may do is decided per request */
                .group = (gid_t) -1,
        };
        AUTO_CLOSE int fd = unix_listen(&request, err);
        if (fd < 0) {
                return error_wrap(err, "control socket");
        }
        struct http_server_config config = {.fd = fd};
        int r = http_server_new(&control->server, runtime_loop(control->runtime), &config,
                on_request, control, err);
        if (r < 0) {
                unlink(control->path);
                return error_wrap(err, "control socket");
        }
        TAKE_FD(fd);
        return 0;
}

DEFINE_CLEANUP(cleanup_control, struct control, control_free)

int control_new(
        struct control **ret, struct runtime *runtime, const char *socket_path, struct error *err) {
        AUTO(cleanup_control) struct control *control = calloc(1, sizeof(*control));
        if (!control) {
                return error_set_errno(err, ENOMEM, "control socket");
        }
        list_init(&control->calls);
        control->runtime = runtime;
        control->path = strdup(socket_path);
        if (!control->path) {
                return error_set_errno(err, ENOMEM, "control socket");
        }
        int r = peers_new(&control->peers, runtime_loop(runtime), err);
        if (r < 0) {
                return r;
        }
        peers_set_group(control->peers, runtime_policy(runtime)->agent.operators_group);
        r = start_server(control, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(control);
        return 0;
}

void control_free(struct control *control) {
        if (!control) {
                return;
        }
        if (control->server) {
                unlink(control->path);
                http_server_free(control->server);
        }
        LIST_FOREACH (node, &control->calls) {
                call_free(LIST_ENTRY(node, struct call, node));
        }
        peers_free(control->peers);
        free(control->path);
        free(control);
}
