#include "executor/checkpoint/apply_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/path_text.h"

#define JOURNAL_NAME "journal"
#define APPLIED_NAME "applied.json"

static const struct enum_text phase_texts[] = {
        {JOURNAL_BUILDING, "building", NULL},
        {JOURNAL_EXCHANGING, "exchanging", NULL},
        {JOURNAL_DONE, "done", NULL},
        {0},
};

const struct enum_text path_change_texts[] = {
        {CHANGE_NONE, "none", NULL},
        {CHANGE_EXCHANGED, "exchanged", NULL},
        {CHANGE_CREATED, "created", NULL},
        {CHANGE_REMOVED, "removed", NULL},
        {0},
};

static int save(int service_fd, const char *name, struct json_object *json, struct error *err) {
        const char *text = json_object_to_json_string_ext(
                json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
        int r = text ? depot_replace_file(service_fd, name, text, strlen(text), err)
                     : error_set_errno(err, ENOMEM, "writing %s", name);
        json_object_put(json);
        return r;
}

static int load(int service_fd, const char *name, struct json_object **ret, struct error *err) {
        AUTO_STRBUF struct strbuf text = {0};
        int r = depot_read_file(service_fd, name, &text, err);
        if (r < 0) {
                return r;
        }
        *ret = json_tokener_parse(strbuf_text(&text));
        return *ret ? 0 : error_set(err, EBADMSG, "%s is no JSON object", name);
}

int journal_save(int service_fd, const struct journal *journal, struct error *err) {
        struct json_object *json = json_object_new_object(), *paths = json_object_new_array();
        json_put_text(json, "phase", enum_text_format(phase_texts, (int) journal->phase));
        json_object_object_add(json, "prepared", json_object_new_boolean(journal->prepared));
        json_put_text(json, "before", journal->before);
        json_put_text(json, "target", journal->target);
        for (size_t i = 0; i < journal->n_paths; i++) {
                const struct journal_path *path = &journal->paths[i];
                struct json_object *row = json_object_new_object();
                json_put_path(row, "path", path->path);
                json_put_text(row, "change", path_change_text(path->change));
                json_put_text(row, "aside", path->aside);
                json_put_count(row, "inode", path->inode);
                json_object_array_add(paths, row);
        }
        json_object_object_add(json, "paths", paths);
        return save(service_fd, JOURNAL_NAME, json, err);
}

static bool take(char *to, size_t size, struct json_object *json, const char *key) {
        const char *text = json_get_text(json, key);
        return text && str_copy(to, size, text);
}

static bool take_path(struct journal_path *to, struct json_object *json) {
        const char *change = json_get_text(json, "change");
        int value = change ? path_change_parse(change) : -EINVAL;
        *to = (struct journal_path){
                .change = (enum path_change) value,
                .inode = json_get_count(json, "inode"),
        };
        return value >= 0 && take(to->path, sizeof(to->path), json, "path") &&
               take(to->aside, sizeof(to->aside), json, "aside") &&
               path_text_parse(to->path) == 0 && path_is_plain(to->path) && !strchr(to->aside, '/');
}

static bool take_journal(struct journal *journal, struct json_object *json) {
        const char *phase = json_get_text(json, "phase");
        int value = phase ? enum_text_parse(phase_texts, phase) : -EINVAL;
        struct json_object *paths = NULL;
        *journal = (struct journal){
                .phase = (enum journal_phase) value, .prepared = json_get_bool(json, "prepared")};
        if (value < 0 || !take(journal->before, sizeof(journal->before), json, "before") ||
                !take(journal->target, sizeof(journal->target), json, "target") ||
                !json_object_object_get_ex(json, "paths", &paths) ||
                !json_object_is_type(paths, json_type_array) ||
                json_object_array_length(paths) > MANIFEST_PATHS_MAX) {
                return false;
        }
        journal->n_paths = json_object_array_length(paths);
        for (size_t i = 0; i < journal->n_paths; i++) {
                if (!take_path(&journal->paths[i], json_object_array_get_idx(paths, i))) {
                        return false;
                }
        }
        return true;
}

int journal_load(int service_fd, struct journal *journal, struct error *err) {
        struct json_object *json = NULL;
        int r = load(service_fd, JOURNAL_NAME, &json, err);
        if (r < 0) {
                return r;
        }
        bool good = take_journal(journal, json);
        json_object_put(json);
        return good ? 0 : error_set(err, EBADMSG, "the journal cannot be read");
}

int journal_remove(int service_fd, struct error *err) {
        return depot_remove_file(service_fd, JOURNAL_NAME, err);
}

bool journal_may_go(int service_fd) {
        AUTO_FREE struct journal *journal = calloc(1, sizeof(*journal));
        return journal && journal_load(service_fd, journal, NULL) == 0 &&
               (journal->phase == JOURNAL_DONE || journal->prepared);
}

int journal_check_none(const struct catalog *catalog, struct error *err) {
        if (faccessat(catalog->fd, JOURNAL_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                return 0;
        }
        return error_set(err, EINPROGRESS,
                "an apply of %s was interrupted: run recoverd-checkpoint recover %s",
                catalog->service, catalog->service);
}

int applied_save(int service_fd, const struct applied *applied, struct error *err) {
        struct json_object *json = json_object_new_object();
        json_put_text(json, "before", applied->before);
        json_put_text(json, "target", applied->target);
        json_put_time(json, "at", applied->at);
        return save(service_fd, APPLIED_NAME, json, err);
}

int applied_load(int service_fd, struct applied *ret, struct error *err) {
        struct json_object *json = NULL;
        int r = load(service_fd, APPLIED_NAME, &json, err);
        if (r < 0) {
                return r;
        }
        bool good = take(ret->before, sizeof(ret->before), json, "before") &&
                    take(ret->target, sizeof(ret->target), json, "target") &&
                    json_get_time(json, "at", &ret->at);
        json_object_put(json);
        return good ? 0 : error_set(err, EBADMSG, APPLIED_NAME " cannot be read");
}
