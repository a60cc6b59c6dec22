/* checkpoint create, list, diff, verify: asked of the agent, which asks the executor. restore
 * writes files below a folder of its caller's choice, so it is done by recoverd-checkpoint in the
 * caller's name, and needs no agent. */

#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/text_table.h"

#define PROGRAM RECOVERD_LIBEXECDIR "/recoverd-checkpoint"

enum { IDS_MAX = 2 };

/* ---- As text ---- */

static void render_list(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        static const char *const headers[] = {"ID", "STATE", "CREATED", "FILES", "SIZE", "REASON"};
        struct json_object *rows = json_member(json, "checkpoints");
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                char size[UNITS_TEXT_MAX], created[JSON_TIME_MAX];
                const char *state = json_string(row, "state");
                text_table_add(&table, json_string(row, "id"), PAINT_HEAD);
                text_table_add(
                        &table, state, str_eq(state, "recovery_point") ? PAINT_GOOD : PAINT_DIM);
                text_table_add(&table, json_local_time(row, "created", created), PAINT_NONE);
                text_table_addf(&table, "%.0f", json_real(row, "files"));
                text_table_add(&table,
                        units_format_size_short((uint64_t) json_real(row, "bytes"), size),
                        PAINT_NONE);
                text_table_add(&table, json_string(row, "reason"), PAINT_NONE);
        }
        text_table_render(&table, terminal, out);
        if (json_length(rows) == 0) {
                strbuf_add(out, "There is no checkpoint yet.\n");
        }
}

static void add_what(struct strbuf *out, struct json_object *what) {
        for (size_t i = 0; i < json_length(what); i++) {
                strbuf_addf(out, "%s%s", i ? ", " : " (",
                        json_object_get_string(json_object_array_get_idx(what, i)));
        }
        strbuf_add(out, json_length(what) ? ")" : "");
}

static void add_paths(struct json_object *json, const char *key, const char *word,
        const struct terminal *terminal, struct strbuf *out) {
        struct json_object *rows = json_member(json, key);
        for (size_t i = 0; i < json_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                const char *diff = json_string(row, "diff");
                strbuf_addf(out, "%s ", word);
                terminal_paint(terminal, out, PAINT_HEAD, json_string(row, "path"));
                add_what(out, json_member(row, "what"));
                strbuf_add_char(out, '\n');
                if (*diff) {
                        terminal_add_lines(out, diff);
                        strbuf_add_char(out, '\n');
                }
        }
}

static void render_diff(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        double more = json_real(json, "more");
        strbuf_addf(out, "From %s to %s:\n", json_string(json, "from"), json_string(json, "to"));
        if (json_flag(json, "same")) {
                strbuf_add(out, "nothing is different\n");
        }
        add_paths(json, "changed", "changed", terminal, out);
        add_paths(json, "added", "added", terminal, out);
        add_paths(json, "removed", "removed", terminal, out);
        add_paths(json, "metadata", "changed", terminal, out);
        if (more > 0) {
                strbuf_addf(out, "and %.0f more\n", more);
        }
}

static void render_created(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *checkpoint = json_member(json, "checkpoint");
        char size[UNITS_TEXT_MAX];
        terminal_paint(terminal, out, PAINT_HEAD, json_string(checkpoint, "id"));
        strbuf_addf(out, " (%s): %.0f files, %s%s\n", json_string(checkpoint, "state"),
                json_real(checkpoint, "files"),
                units_format_size_short((uint64_t) json_real(checkpoint, "bytes"), size),
                json_flag(json, "new") ? "" : "; it was there already");
}

static void render_verified(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *damaged = json_member(json, "damaged");
        struct json_object *withdrawn = json_member(json, "withdrawn");
        strbuf_addf(out, "%.0f objects are as they were stored, %zu are not\n",
                json_real(json, "checked") - (double) json_length(damaged), json_length(damaged));
        for (size_t i = 0; i < json_length(withdrawn); i++) {
                struct json_object *row = json_object_array_get_idx(withdrawn, i);
                strbuf_addf(out, "withdrawn: %s of %s\n", json_string(row, "id"),
                        json_string(row, "service"));
        }
        (void) terminal;
}

static const struct verb {
        const char *name;
        size_t ids; /* how many may follow the service */
        session_render render;
} verbs[] = {
        {"create", 0, render_created},
        {"list", 0, render_list},
        {"diff", 2, render_diff},
        {"verify", 1, render_verified},
        {"restore", 1, NULL},
};

/* ---- Asking ---- */

static int ask(struct invocation *invocation, const struct verb *verb) {
        static const char *const keys[IDS_MAX] = {"from", "to"};
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_REPLY struct agent_reply reply = {0};
        AUTO_JSON struct json_object *body = session_body(invocation->arguments[1]);
        bool put = body && session_put(body, "do", json_object_new_string(verb->name)) == 0;
        for (size_t i = 0; put && i < IDS_MAX && i + 2 < invocation->n_arguments; i++) {
                put = session_put(body, keys[i],
                              json_object_new_string(invocation->arguments[i + 2])) == 0;
        }
        if (!put) {
                return session_complain("out of memory");
        }
        int r = session_ask(invocation, "/v1/checkpoint", body, AGENT_LONG_TIMEOUT_SECONDS, &reply);
        if (r != EXIT_DONE) {
                return r;
        }
        int status = json_length(json_member(reply.json, "damaged")) > 0 ? EXIT_NO : EXIT_DONE;
        if (invocation->json) {
                return session_print_json(reply.json, status);
        }
        verb->render(reply.json, &invocation->terminal, &out);
        return session_print(&out, status);
}

static int restore(struct invocation *invocation) {
        const char *id = invocation->n_arguments > 2 ? invocation->arguments[2] : "last-good";
        const char *argv[] = {PROGRAM, "restore", invocation->arguments[1], id, "--to",
                invocation->to, NULL, NULL, NULL};
        if (!invocation->to) {
                session_complain("restore needs --to DIR, an empty or absent folder");
                return EXIT_USAGE;
        }
        if (invocation->from) {
                argv[6] = "--from";
                argv[7] = invocation->from;
        }
        execv(PROGRAM, (char *const *) argv);
        return session_complain(PROGRAM ": %s", strerror(errno));
}

int run_checkpoint(struct invocation *invocation) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                const struct verb *verb = &verbs[i];
                if (!str_eq(verb->name, invocation->arguments[0])) {
                        continue;
                }
                if (invocation->n_arguments > 2 + verb->ids) {
                        session_complain("checkpoint %s takes a service%s", verb->name,
                                verb->ids == 0   ? " only"
                                : verb->ids == 1 ? " and one id"
                                                 : " and two ids");
                        return EXIT_USAGE;
                }
                return verb->render ? ask(invocation, verb) : restore(invocation);
        }
        session_complain("checkpoint takes create, list, diff, verify or restore, not '%.60s'",
                invocation->arguments[0]);
        return EXIT_USAGE;
}
