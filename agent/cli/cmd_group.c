/* group, and failover: members of which one is active, and members of pools. */

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/text_table.h"

static const char *const headers[] = {"GROUP", "MEMBER", "DUTY", "SINCE", "LEASE", "TOKEN",
        "COORDINATOR", "NOT PROMOTED BECAUSE"};

static enum paint paint_of(const char *duty) {
        return str_eq(duty, "active")    ? PAINT_GOOD
               : str_eq(duty, "stuck")   ? PAINT_BAD
               : str_eq(duty, "standby") ? PAINT_NONE
                                         : PAINT_WARN;
}

static const char *first_reason(struct json_object *member) {
        struct json_object *guards = json_member(member, "guards");
        if (!str_eq(json_string(member, "duty"), "standby")) {
                return "";
        }
        for (size_t i = 0; i < json_length(guards); i++) {
                struct json_object *guard = json_object_array_get_idx(guards, i);
                if (json_flag(guard, "holds")) {
                        return json_string(guard, "text");
                }
        }
        return "";
}

static void add_lease(struct text_table *table, struct json_object *member) {
        struct json_object *lease = json_member(member, "lease");
        const char *state = json_string(lease, "state");
        char left[UNITS_TEXT_MAX];
        if (str_eq(state, "ours")) {
                text_table_addf(
                        table, "its own for %s", json_duration(lease, "left_seconds", left));
        } else if (json_flag(json_member(member, "agreement"), "holds")) {
                text_table_addf(table, "all agree for %s",
                        json_duration(json_member(member, "agreement"), "left_seconds", left));
        } else if (str_eq(state, "other")) {
                text_table_addf(table, "of %s", json_string(lease, "holder"));
        } else {
                text_table_add(table, state, PAINT_NONE);
        }
        text_table_addf(table, "%.0f", json_real(lease, "token"));
}

static void add_member(struct text_table *table, struct json_object *member) {
        char since[UNITS_TEXT_MAX];
        const char *duty = json_string(member, "duty");
        text_table_add(table, json_string(member, "group"), PAINT_NONE);
        text_table_add(table, json_string(member, "member"), PAINT_NONE);
        text_table_add(table, duty, paint_of(duty));
        text_table_add(table, json_duration(member, "since_seconds", since), PAINT_NONE);
        add_lease(table, member);
        bool connected = str_eq(json_string(member, "session"), "connected");
        text_table_addf(
                table, "%s %s", json_string(member, "coordinator"), json_string(member, "session"));
        text_table_add(table, connected ? first_reason(member) : json_string(member, "session_why"),
                PAINT_DIM);
}

static bool is_of_this_host(struct json_object *members, const char *id) {
        for (size_t i = 0; i < json_length(members); i++) {
                if (str_eq(json_string(json_object_array_get_idx(members, i), "member"), id)) {
                        return true;
                }
        }
        return false;
}

/* "can=1 priority=200 duty=standby", and maybe more: what it is, as the member itself says. */
static void add_peer(struct text_table *table, const char *group, struct json_object *peer) {
        const char *says = json_string(peer, "says"), *duty = strstr(says, "duty=");
        text_table_add(table, group, PAINT_NONE);
        text_table_add(table, json_string(peer, "member"), PAINT_NONE);
        duty = duty ? duty + strlen("duty=") : "";
        text_table_addf(table, "%.*s", (int) strcspn(duty, " "), duty);
        for (size_t i = 0; i < 4; i++) {
                text_table_add(table, "", PAINT_NONE);
        }
        text_table_add(table, "another host", PAINT_DIM);
}

static void render_groups(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        AUTO_TEXT_TABLE struct text_table table = {0};
        struct json_object *members = json_member(json, "members");
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(members); i++) {
                struct json_object *member = json_object_array_get_idx(members, i);
                struct json_object *peers = json_member(member, "peers");
                add_member(&table, member);
                for (size_t k = 0; k < json_length(peers); k++) {
                        struct json_object *peer = json_object_array_get_idx(peers, k);
                        if (!is_of_this_host(members, json_string(peer, "member"))) {
                                add_peer(&table, json_string(member, "group"), peer);
                        }
                }
        }
        struct json_object *pools = json_member(json, "pools");
        if (json_length(members) > 0) {
                text_table_render(&table, terminal, out);
        }
        if (json_length(pools) > 0) {
                strbuf_add(out, json_length(members) > 0 ? "\n" : "");
                render_pools(pools, terminal, out);
        }
        if (json_length(members) + json_length(pools) == 0) {
                strbuf_add(out,
                        "no service of this host is in a pool, or in a group with one active member\n");
        }
}

/* ---- Why it is so ---- */

/* Without a line where the policy asks for no agreement, or nothing was asked yet. */
static void put_agreement(struct json_object *agreement, struct strbuf *out) {
        char left[UNITS_TEXT_MAX];
        const char *why = json_string(agreement, "disagreement");
        if (json_flag(agreement, "holds")) {
                strbuf_addf(out,
                        "  agreement  holds by the agreement of all peers for another %s\n",
                        json_duration(agreement, "left_seconds", left));
        }
        if (*why) {
                strbuf_addf(out, "  agreement  not all peers agree: %s\n", why);
        }
        if (*json_string(agreement, "promised_to")) {
                strbuf_addf(out, "  promise    to %s, not to be promoted for another %s\n",
                        json_string(agreement, "promised_to"),
                        json_duration(agreement, "promised_seconds", left));
        }
}

static void put_why(
        struct json_object *member, const struct terminal *terminal, struct strbuf *out) {
        char since[UNITS_TEXT_MAX], left[UNITS_TEXT_MAX];
        struct json_object *lease = json_member(member, "lease");
        struct json_object *guards = json_member(member, "guards");
        const char *duty = json_string(member, "duty");
        terminal_paint(terminal, out, PAINT_HEAD, json_string(member, "member"));
        strbuf_add(out, " is ");
        terminal_paint(terminal, out, paint_of(duty), duty);
        strbuf_addf(out, " for %s: %s (rule %.0f)\n", json_duration(member, "since_seconds", since),
                json_string(member, "why"), json_real(member, "rule"));
        strbuf_addf(out, "  lease      %s", json_string(lease, "state"));
        if (*json_string(lease, "holder")) {
                strbuf_addf(out, ", with %s, token %.0f", json_string(lease, "holder"),
                        json_real(lease, "token"));
        }
        if (str_eq(json_string(lease, "state"), "ours")) {
                strbuf_addf(out, ", for another %s unless it is renewed",
                        json_duration(lease, "left_seconds", left));
        }
        strbuf_addf(out, "\n  through    %s, %s%s%s\n", json_string(member, "coordinator"),
                json_string(member, "session"), *json_string(member, "session_why") ? ": " : "",
                json_string(member, "session_why"));
        put_agreement(json_member(member, "agreement"), out);
        for (size_t i = 0; i < json_length(guards) && !str_eq(duty, "active"); i++) {
                struct json_object *guard = json_object_array_get_idx(guards, i);
                strbuf_addf(out, "  %-10s %s", json_string(guard, "guard"),
                        json_flag(guard, "holds") ? "keeps it back: " : "");
                strbuf_addf(out, "%s\n", json_string(guard, "text"));
        }
}

void render_why_group(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *members = json_member(json, "members");
        for (size_t i = 0; i < json_length(members); i++) {
                strbuf_add(out, i > 0 ? "\n" : "");
                put_why(json_object_array_get_idx(members, i), terminal, out);
        }
        struct json_object *pools = json_member(json, "pools");
        for (size_t i = 0; i < json_length(pools); i++) {
                strbuf_add(out, i > 0 ? "\n" : "");
                render_why_pool(json_object_array_get_idx(pools, i), terminal, out);
        }
}

/* ---- The commands ---- */

int run_group(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_add(&path, "/v1/groups");
        if (invocation->n_arguments > 0) {
                AUTO_FREE char *name = agent_escape(invocation->arguments[0]);
                strbuf_addf(&path, "?group=%s", name ? name : "");
        }
        return session_show(invocation, &path, render_groups);
}

int run_failover(struct invocation *invocation) {
        AUTO_JSON struct json_object *body = session_body(NULL);
        const char *to = invocation->to;
        if (!body ||
                session_put(body, "group", json_object_new_string(invocation->arguments[0])) < 0 ||
                (to && session_put(body, "member", json_object_new_string(to)) < 0)) {
                return session_complain("out of memory");
        }
        return session_send(invocation, "/v1/failover", body, session_render_text);
}
