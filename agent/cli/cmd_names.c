/* What completion in a shell offers: a name in each line, and behind a tab what it is. */

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/session.h"

static void put_name(struct strbuf *out, const char *name, const char *what) {
        terminal_paint(&(struct terminal){0}, out, PAINT_NONE, name);
        strbuf_add_char(out, '\t');
        terminal_paint(&(struct terminal){0}, out, PAINT_NONE, what);
        strbuf_add_char(out, '\n');
}

static void put_service(struct json_object *service, struct strbuf *out) {
        const char *what = json_string(service, "description");
        put_name(out, json_string(service, "name"),
                str_empty(what) ? json_string(service, "state") : what);
}

static void put_probes(struct json_object *service, struct strbuf *out) {
        struct json_object *probes = json_member(service, "probes");
        put_service(service, out);
        for (size_t i = 0; i < json_length(probes); i++) {
                struct json_object *probe = json_object_array_get_idx(probes, i);
                AUTO_STRBUF struct strbuf name = {0};
                strbuf_addf(
                        &name, "%s/%s", json_string(service, "name"), json_string(probe, "name"));
                put_name(out, strbuf_text(&name) ? strbuf_text(&name) : "",
                        json_string(probe, "type"));
        }
}

static void put_incident(struct json_object *incident, struct strbuf *out) {
        AUTO_STRBUF struct strbuf id = {0}, what = {0};
        strbuf_addf(&id, "%.0f", json_real(incident, "id"));
        strbuf_addf(
                &what, "%s: %s", json_string(incident, "service"), json_string(incident, "detail"));
        put_name(out, strbuf_text(&id) ? strbuf_text(&id) : "",
                strbuf_text(&what) ? strbuf_text(&what) : "");
}

static const struct {
        const char *name, *path, *list;
        void (*put)(struct json_object *item, struct strbuf *out);
} kinds[] = {
        {"services", "/v1/status", "services", put_service},
        {"probes", "/v1/status", "services", put_probes},
        {"incidents", "/v1/incidents", "incidents", put_incident},
};

int run_names(struct invocation *invocation) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (!str_eq(kinds[i].name, invocation->arguments[0])) {
                        continue;
                }
                AUTO_STRBUF struct strbuf out = {0};
                AUTO_REPLY struct agent_reply reply = {0};
                int r = session_ask(invocation, kinds[i].path, NULL, 0, &reply);
                if (r != EXIT_DONE) {
                        return r;
                }
                struct json_object *list = json_member(reply.json, kinds[i].list);
                for (size_t k = 0; k < json_length(list); k++) {
                        kinds[i].put(json_object_array_get_idx(list, k), &out);
                }
                return session_print(&out, EXIT_DONE);
        }
        session_complain("names knows %s, not '%.60s'", invocation->command->arguments,
                invocation->arguments[0]);
        return EXIT_USAGE;
}
