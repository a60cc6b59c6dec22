#include "cli/session.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/json_read.h"

enum { BY_MAX = 33 }; /* of docs/control-api.md, with the end */

void session_cleanup_json(struct json_object **json) {
        json_object_put(*json);
}

int session_complain(const char *format, ...) {
        va_list arguments;
        fputs("recoverctl: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        return EXIT_NO;
}

int session_print(const struct strbuf *out, int status) {
        int r = terminal_write(out);
        return r < 0 ? session_complain("standard output: %s", strerror(-r)) : status;
}

int session_print_json(struct json_object *json, int status) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_add(&out, json_object_to_json_string_ext(
                                 json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
        strbuf_add_char(&out, '\n');
        return session_print(&out, status);
}

/* ---- Requests ---- */

/* Who asks, for the record: behind sudo the person, not root. */
static void name_person(char by[BY_MAX]) {
        const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
        const struct passwd *entry = str_empty(sudo) ? getpwuid(getuid()) : NULL;
        str_copy(by, BY_MAX, !str_empty(sudo) ? sudo : entry ? entry->pw_name : "");
}

int session_put(struct json_object *body, const char *key, struct json_object *value) {
        if (!value || json_object_object_add(body, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

struct json_object *session_body(const char *service) {
        char by[BY_MAX];
        AUTO_JSON struct json_object *body = json_object_new_object();
        name_person(by);
        if (!body || session_put(body, "by", json_object_new_string(by)) < 0 ||
                (service && session_put(body, "service", json_object_new_string(service)) < 0)) {
                return NULL;
        }
        return TAKE_PTR(body);
}

struct json_object *session_body_of_probe(const char *argument) {
        AUTO_FREE char *service = strdup(argument);
        char *slash = service ? strchr(service, '/') : NULL;
        if (slash) {
                *slash = 0;
        }
        AUTO_JSON struct json_object *body = service ? session_body(service) : NULL;
        if (!body || (slash && session_put(body, "probe", json_object_new_string(slash + 1)) < 0)) {
                return NULL;
        }
        return TAKE_PTR(body);
}

/* ---- Answers ---- */

/* {"error": {"code": "no-agent", "message": ...}}; NULL when out of memory. */
static struct json_object *error_object(const char *message) {
        AUTO_JSON struct json_object *answer = json_object_new_object();
        AUTO_JSON struct json_object *inner = json_object_new_object();
        if (!answer || !inner ||
                session_put(inner, "code", json_object_new_string("no-agent")) < 0 ||
                session_put(inner, "message", json_object_new_string(message)) < 0 ||
                session_put(answer, "error", TAKE_PTR(inner)) < 0) {
                return NULL;
        }
        return TAKE_PTR(answer);
}

static int no_agent(const struct invocation *invocation, const struct error *error) {
        session_complain("%s", error->text);
        if (invocation->json) {
                AUTO_JSON struct json_object *answer = error_object(error->text);
                return answer ? session_print_json(answer, EXIT_NO_AGENT) : EXIT_NO_AGENT;
        }
        return EXIT_NO_AGENT;
}

/* What does not exist and what is malformed is the caller's fault; all else is an answer. */
static int refused(const struct invocation *invocation, const struct agent_reply *reply) {
        struct json_object *error = json_member(reply->json, "error");
        AUTO_STRBUF struct strbuf message = {0};
        terminal_add_lines(&message, json_string(error, "message"));
        int status = reply->status == 400 || reply->status == 404 ? EXIT_USAGE : EXIT_NO;
        session_complain("%s", strbuf_text(&message) ? strbuf_text(&message) : "out of memory");
        return invocation->json ? session_print_json(reply->json, status) : status;
}

int session_ask(const struct invocation *invocation, const char *path, struct json_object *body,
        long timeout_seconds, struct agent_reply *ret) {
        struct agent_request request = {
                .socket = invocation->socket,
                .path = path,
                .body = body,
                .timeout_seconds = timeout_seconds,
        };
        struct error error = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        if (agent_ask(&request, &reply, &error) < 0) {
                return no_agent(invocation, &error);
        }
        if (reply.status != 200) {
                return refused(invocation, &reply);
        }
        *ret = reply;
        reply = (struct agent_reply){0};
        return EXIT_DONE;
}

void session_render_text(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        terminal_paint(terminal, out, PAINT_NONE, json_string(json, "text"));
        strbuf_add_char(out, '\n');
}

int session_show(
        const struct invocation *invocation, const struct strbuf *path, session_render render) {
        return strbuf_text(path) ? session_send(invocation, strbuf_text(path), NULL, render)
                                 : session_complain("out of memory");
}

int session_send(const struct invocation *invocation, const char *path, struct json_object *body,
        session_render render) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        int r = session_ask(invocation, path, body, 0, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        if (invocation->json) {
                return session_print_json(reply.json, EXIT_DONE);
        }
        render(reply.json, &invocation->terminal, &out);
        return session_print(&out, EXIT_DONE);
}
