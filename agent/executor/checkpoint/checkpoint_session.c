#include "executor/checkpoint/checkpoint_session.h"

#include "executor/checkpoint/json_text.h"

int session_begin(struct checkpoint_session *session, const struct checkpoint_call *call,
        enum depot_access depot, enum catalog_access catalog, struct error *err) {
        session->depot = DEPOT_CLOSED;
        session->catalog = CATALOG_CLOSED;
        int r = depot_open(&session->depot, call->store, depot, call->wait, err);
        if (r < 0 || !call->service) {
                return r;
        }
        return catalog_open(&session->catalog, &session->depot, call->service, catalog, err);
}

void session_end(struct checkpoint_session *session) {
        catalog_close(&session->catalog);
        depot_close(&session->depot);
}

struct json_object *session_describe(
        const struct catalog *catalog, const struct checkpoint *checkpoint) {
        struct json_object *json = checkpoint_to_json(checkpoint);
        if (json) {
                json_put_text(json, "service", catalog->service);
        }
        return json;
}

void session_put_states(struct json_object *answer, const struct catalog *catalog) {
        uint64_t counts[CHECKPOINT_STATE_COUNT] = {0};
        struct json_object *states = json_object_new_object();
        for (size_t i = 0; i < catalog->count; i++) {
                counts[catalog->items[i].state]++;
        }
        for (int state = 0; state < CHECKPOINT_STATE_COUNT; state++) {
                json_put_count(states, checkpoint_state_text((enum checkpoint_state) state),
                        counts[state]);
        }
        json_object_object_add(answer, "states", states);
}

static void add_note(struct json_object *list, const char *path, const char *why) {
        struct json_object *note = json_object_new_object();
        json_put_path(note, "path", path);
        json_put_text(note, "why", why);
        json_object_array_add(list, note);
}

void session_put_notes(struct json_object *answer, const struct present *present) {
        struct json_object *torn = json_object_new_array(), *skipped = json_object_new_array();
        for (size_t i = 0, n = 0; i < present->manifest.count && n < TREE_NOTES_MAX; i++) {
                const struct entry *entry = &present->manifest.entries[i];
                if (entry->torn) {
                        add_note(torn, entry->path, entry->torn);
                        n++;
                }
        }
        for (size_t i = 0; i < present->notes.n_skipped; i++) {
                add_note(skipped, present->notes.skipped[i].path, present->notes.skipped[i].why);
        }
        json_object_object_add(answer, "torn", torn);
        json_object_object_add(answer, "skipped", skipped);
}
