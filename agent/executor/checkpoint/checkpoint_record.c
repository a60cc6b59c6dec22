#include "executor/checkpoint/checkpoint_record.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_text.h"

void checkpoint_done(struct checkpoint *checkpoint) {
        json_object_put(checkpoint->paths);
        json_object_put(checkpoint->exclude);
        checkpoint->paths = checkpoint->exclude = NULL;
}

/* ---- From a manifest --------------------------------------------------------------------------
 */

static void feed_text(struct hasher *hasher, const char *text) {
        hasher_feed(hasher, text, strlen(text) + 1);
}

static void feed_scope(struct hasher *hasher, const struct manifest *manifest) {
        for (size_t i = 0; i < manifest->n_paths; i++) {
                feed_text(hasher, "path");
                feed_text(hasher, manifest->paths[i]);
        }
        for (size_t i = 0; i < manifest->n_excludes; i++) {
                feed_text(hasher, "exclude");
                feed_text(hasher, manifest->excludes[i]);
        }
        feed_text(hasher, manifest->one_file_system ? "one" : "all");
}

int checkpoint_identify(const struct manifest *manifest, char ret_id[CHECKPOINT_ID_MAX]) {
        AUTO(hasher_done) struct hasher hasher = {0};
        AUTO_STRBUF struct strbuf line = {0};
        struct content_hash hash;
        char text[HASH_TEXT_MAX];
        if (hasher_init(&hasher) < 0) {
                return -ENOMEM;
        }
        feed_scope(&hasher, manifest);
        bool torn = false;
        for (size_t i = 0; i < manifest->count; i++) {
                strbuf_reset(&line);
                entry_format(&manifest->entries[i], &line);
                if (line.failed) {
                        return -ENOMEM;
                }
                feed_text(&hasher, strbuf_text(&line));
                torn = torn || manifest->entries[i].torn;
        }
        if (torn) {
                struct rng rng;
                rng_seed_from_system(&rng);
                hasher_feed(&hasher, &rng, sizeof(rng));
        }
        hasher_end(&hasher, &hash);
        str_copy(ret_id, CHECKPOINT_ID_MAX, content_hash_format(&hash, text));
        return 0;
}

static struct json_object *to_array(const char *const *items, size_t count) {
        struct json_object *array = json_object_new_array();
        for (size_t i = 0; array && i < count; i++) {
                json_object_array_add(array, json_of_path(items[i]));
        }
        return array;
}

int checkpoint_describe(struct checkpoint *checkpoint, const struct manifest *manifest) {
        struct manifest_totals totals = manifest_count(manifest);
        checkpoint->files = totals.files;
        checkpoint->bytes = totals.bytes;
        checkpoint->torn = totals.torn;
        checkpoint_done(checkpoint);
        checkpoint->paths = to_array(manifest->paths, manifest->n_paths);
        checkpoint->exclude = to_array(manifest->excludes, manifest->n_excludes);
        return checkpoint->paths && checkpoint->exclude ? 0 : -ENOMEM;
}

/* ---- As JSON ----------------------------------------------------------------------------------
 */

struct json_object *checkpoint_to_json(const struct checkpoint *checkpoint) {
        struct json_object *json = json_object_new_object();
        char hash[HASH_TEXT_MAX];
        if (!json) {
                return NULL;
        }
        json_put_text(json, "id", checkpoint->id);
        json_put_text(json, "state", checkpoint_state_text(checkpoint->state));
        json_put_text(json, "reason", *checkpoint->reason ? checkpoint->reason : NULL);
        json_put_time(json, "created", checkpoint->created);
        json_put_time(json, "seen", checkpoint->seen);
        json_put_time(json, "trusted", checkpoint->trusted);
        json_put_count(json, "files", checkpoint->files);
        json_put_count(json, "bytes", checkpoint->bytes);
        json_put_count(json, "torn", checkpoint->torn);
        json_object_object_add(json, "paths", json_object_get(checkpoint->paths));
        json_object_object_add(json, "exclude", json_object_get(checkpoint->exclude));
        json_put_text(json, "manifest", content_hash_format(&checkpoint->manifest, hash));
        json_object_object_add(json, "damaged", json_object_new_boolean(checkpoint->damaged));
        return json;
}

static bool take_state(struct checkpoint *checkpoint, struct json_object *json) {
        const char *text = json_get_text(json, "state");
        int state = text ? checkpoint_state_parse(text) : -EINVAL;
        checkpoint->state = (enum checkpoint_state)(state < 0 ? 0 : state);
        return state >= 0;
}

static struct json_object *take_array(struct json_object *json, const char *key) {
        struct json_object *array = NULL;
        bool found = json_object_object_get_ex(json, key, &array) &&
                     json_object_is_type(array, json_type_array);
        return found ? json_object_get(array) : NULL;
}

int checkpoint_from_json(
        struct checkpoint *checkpoint, struct json_object *json, struct error *err) {
        const char *id = json_get_text(json, "id"), *hash = json_get_text(json, "manifest");
        const char *reason = json_get_text(json, "reason");
        *checkpoint = (struct checkpoint){
                .paths = take_array(json, "paths"),
                .exclude = take_array(json, "exclude"),
                .damaged = json_get_bool(json, "damaged"),
                .files = json_get_count(json, "files"),
                .bytes = json_get_count(json, "bytes"),
                .torn = json_get_count(json, "torn"),
        };
        bool good = id && str_copy(checkpoint->id, sizeof(checkpoint->id), id) && hash &&
                    content_hash_parse(hash, &checkpoint->manifest) == 0 &&
                    take_state(checkpoint, json) &&
                    json_get_time(json, "created", &checkpoint->created) &&
                    json_get_time(json, "seen", &checkpoint->seen) && checkpoint->paths &&
                    checkpoint->exclude;
        json_get_time(json, "trusted", &checkpoint->trusted);
        str_copy(checkpoint->reason, sizeof(checkpoint->reason), reason ? reason : "");
        if (!good) {
                checkpoint_done(checkpoint);
                return error_set(err, EBADMSG, "no record of a checkpoint");
        }
        return 0;
}
