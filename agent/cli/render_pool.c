/* How pools stand, as group and why show it. */

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/text_table.h"

static const char *const headers[] = {
        "POOL", "MEMBER", "ZONE", "HEALTHY", "DOING", "PERMIT", "WHY"};

static bool has_permit(struct json_object *pool, const char *member) {
        struct json_object *permits = json_member(pool, "permits");
        for (size_t i = 0; i < json_length(permits); i++) {
                if (str_eq(json_object_get_string(json_object_array_get_idx(permits, i)), member)) {
                        return true;
                }
        }
        return false;
}

static void add_own(struct text_table *table, struct json_object *pool) {
        bool healthy = json_flag(pool, "healthy");
        bool connected = str_eq(json_string(pool, "session"), "connected");
        const char *member = json_string(pool, "member");
        text_table_add(table, json_string(pool, "group"), PAINT_NONE);
        text_table_add(table, member, PAINT_NONE);
        text_table_add(table, json_string(pool, "zone"), PAINT_NONE);
        text_table_add(table, healthy ? "yes" : "no", healthy ? PAINT_GOOD : PAINT_BAD);
        text_table_add(table, json_string(pool, "doing"), PAINT_NONE);
        text_table_add(table, has_permit(pool, member) ? "yes" : "", PAINT_WARN);
        text_table_add(table,
                connected ? json_string(pool, "why") : json_string(pool, "session_why"), PAINT_DIM);
}

/* "pool healthy=1 doing=nothing": what it is, as the member itself says. */
static void add_peer(struct text_table *table, struct json_object *pool, struct json_object *peer) {
        const char *says = json_string(peer, "says"), *doing = strstr(says, "doing=");
        const char *member = json_string(peer, "member");
        bool healthy = strstr(says, "healthy=1") != NULL;
        doing = doing ? doing + strlen("doing=") : "";
        text_table_add(table, json_string(pool, "group"), PAINT_NONE);
        text_table_add(table, member, PAINT_NONE);
        text_table_add(table, "", PAINT_NONE);
        text_table_add(table, healthy ? "yes" : "no", healthy ? PAINT_GOOD : PAINT_BAD);
        text_table_add(table, str_eq(doing, "nothing") ? "" : doing, PAINT_NONE);
        text_table_add(table, has_permit(pool, member) ? "yes" : "", PAINT_WARN);
        text_table_add(table, "another host", PAINT_DIM);
}

static bool is_of_this_host(struct json_object *pools, const char *id) {
        for (size_t i = 0; i < json_length(pools); i++) {
                if (str_eq(json_string(json_object_array_get_idx(pools, i), "member"), id)) {
                        return true;
                }
        }
        return false;
}

void render_pools(struct json_object *pools, const struct terminal *terminal, struct strbuf *out) {
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < json_length(pools); i++) {
                struct json_object *pool = json_object_array_get_idx(pools, i);
                struct json_object *peers = json_member(pool, "peers");
                add_own(&table, pool);
                for (size_t k = 0; k < json_length(peers); k++) {
                        struct json_object *peer = json_object_array_get_idx(peers, k);
                        if (!is_of_this_host(pools, json_string(peer, "member"))) {
                                add_peer(&table, pool, peer);
                        }
                }
        }
        text_table_render(&table, terminal, out);
}

static void put_waiting(struct json_object *pool, struct strbuf *out) {
        struct json_object *waiting = json_member(pool, "waiting");
        char since[UNITS_TEXT_MAX];
        if (waiting) {
                strbuf_addf(out, "  waiting    %s by %s, for %s\n", json_string(waiting, "command"),
                        json_string(waiting, "by"), json_duration(waiting, "since_seconds", since));
        }
}

void render_why_pool(
        struct json_object *pool, const struct terminal *terminal, struct strbuf *out) {
        struct json_object *permits = json_member(pool, "permits");
        bool healthy = json_flag(pool, "healthy");
        terminal_paint(terminal, out, PAINT_HEAD, json_string(pool, "member"));
        strbuf_add(out, " is ");
        terminal_paint(terminal, out, healthy ? PAINT_GOOD : PAINT_BAD,
                healthy ? "healthy" : "not healthy");
        strbuf_addf(out, "\n  permit     %s: %s\n", json_string(pool, "permit"),
                json_string(pool, "why"));
        strbuf_addf(out, "  healthy    %.0f of %.0f members, %.0f have to be\n",
                json_real(pool, "healthy_members"), json_real(pool, "members"),
                json_real(pool, "min_healthy"));
        strbuf_addf(out, "  permits    %zu of %.0f", json_length(permits),
                json_real(pool, "max_disruptions"));
        for (size_t i = 0; i < json_length(permits); i++) {
                strbuf_addf(out, "%s%s", i > 0 ? ", " : ": ",
                        json_object_get_string(json_object_array_get_idx(permits, i)));
        }
        strbuf_addf(out, "\n  through    %s, %s%s%s\n", json_string(pool, "coordinator"),
                json_string(pool, "session"), *json_string(pool, "session_why") ? ": " : "",
                json_string(pool, "session_why"));
        put_waiting(pool, out);
}
