#include "executor/checkpoint/catalog.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SUFFIX ".json"

enum { PREFIX_LEAST = 4 };

static bool is_record(const char *name) {
        size_t length = strlen(name);
        return length == CHECKPOINT_ID_MAX - 1 + strlen(SUFFIX) &&
               str_eq(name + CHECKPOINT_ID_MAX - 1, SUFFIX) &&
               strspn(name, "0123456789abcdef") == CHECKPOINT_ID_MAX - 1;
}

static void record_name(const struct checkpoint *checkpoint, char name[DEPOT_NAME_MAX]) {
        snprintf(name, DEPOT_NAME_MAX, "%s" SUFFIX, checkpoint->id);
}

struct checkpoint *catalog_add(struct catalog *catalog) {
        if (catalog->count == CATALOG_MAX) {
                return NULL;
        }
        struct checkpoint *items = reallocarray(catalog->items, catalog->count + 1, sizeof(*items));
        if (!items) {
                return NULL;
        }
        catalog->items = items;
        items[catalog->count] = (struct checkpoint){0};
        return &items[catalog->count++];
}

static int parse_record(struct checkpoint *to, const char *text, struct error *err) {
        struct json_object *json = json_tokener_parse(text);
        int r = json ? checkpoint_from_json(to, json, err)
                     : error_set(err, EBADMSG, "no JSON object");
        json_object_put(json);
        return r;
}

/* One that cannot be read is remembered: it must not hide the others. */
static int load_record(void *cookie, int fd, const char *name, struct error *err) {
        struct catalog *catalog = cookie;
        struct checkpoint checkpoint = {0};
        AUTO_STRBUF struct strbuf text = {0};
        if (!is_record(name)) {
                return 0;
        }
        int r = depot_read_file(fd, name, &text, NULL);
        r = r < 0 ? r : parse_record(&checkpoint, strbuf_text(&text), NULL);
        if (r < 0) {
                if (catalog->n_damaged < CATALOG_DAMAGED_MAX) {
                        str_copy(catalog->damaged[catalog->n_damaged++], DEPOT_NAME_MAX, name);
                }
                return 0;
        }
        struct checkpoint *next = catalog_add(catalog);
        if (!next) {
                checkpoint_done(&checkpoint);
                return error_set(err, ENOMEM, "more than %d checkpoints of %s, or no memory",
                        CATALOG_MAX, catalog->service);
        }
        *next = checkpoint;
        return 0;
}

static int newest_first(const void *a, const void *b) {
        const struct checkpoint *one = a, *other = b;
        if (one->seen != other->seen) {
                return one->seen > other->seen ? -1 : 1;
        }
        return strcmp(one->id, other->id);
}

int catalog_open(struct catalog *catalog, const struct depot *depot, const char *service,
        enum catalog_access access, struct error *err) {
        *catalog = CATALOG_CLOSED;
        str_copy(catalog->service, sizeof(catalog->service), service);
        catalog->fd = depot_open_service(depot, service, access == CATALOG_MAKE, err);
        if (catalog->fd < 0) {
                return catalog->fd;
        }
        if (access != CATALOG_READ) {
                catalog->lock_fd = depot_lock_service(depot, catalog->fd, service, err);
                if (catalog->lock_fd < 0) {
                        return catalog->lock_fd;
                }
        }
        int r = depot_each(catalog->fd, ".", load_record, catalog, err);
        if (r == 0 && catalog->count > 1) {
                qsort(catalog->items, catalog->count, sizeof(*catalog->items), newest_first);
        }
        return r;
}

void catalog_close(struct catalog *catalog) {
        for (size_t i = 0; i < catalog->count; i++) {
                checkpoint_done(&catalog->items[i]);
        }
        free(catalog->items);
        cleanup_close(&catalog->fd);
        cleanup_close(&catalog->lock_fd);
        *catalog = CATALOG_CLOSED;
}

struct checkpoint *catalog_exact(const struct catalog *catalog, const char *id) {
        for (size_t i = 0; i < catalog->count; i++) {
                if (str_eq(catalog->items[i].id, id)) {
                        return &catalog->items[i];
                }
        }
        return NULL;
}

struct checkpoint *catalog_of_manifest(
        const struct catalog *catalog, const struct content_hash *manifest) {
        for (size_t i = 0; i < catalog->count; i++) {
                if (content_hash_equal(&catalog->items[i].manifest, manifest)) {
                        return &catalog->items[i];
                }
        }
        return NULL;
}

struct checkpoint *catalog_last_good(const struct catalog *catalog) {
        struct checkpoint *best = NULL;
        for (size_t i = 0; i < catalog->count; i++) {
                struct checkpoint *one = &catalog->items[i];
                if (one->state == CHECKPOINT_RECOVERY_POINT &&
                        (!best || one->trusted > best->trusted)) {
                        best = one;
                }
        }
        return best;
}

struct checkpoint *catalog_find(struct catalog *catalog, const char *id, struct error *err) {
        struct checkpoint *found = NULL;
        if (str_eq(id, "last-good")) {
                found = catalog_last_good(catalog);
                if (!found) {
                        error_set(err, ESRCH, "%s has no recovery point yet", catalog->service);
                }
                return found;
        }
        for (size_t i = 0; strlen(id) >= PREFIX_LEAST && i < catalog->count; i++) {
                if (!str_starts(catalog->items[i].id, id)) {
                        continue;
                }
                if (found) {
                        error_set(err, ECANCELED, "%s: %s begins the name of several checkpoints",
                                catalog->service, id);
                        return NULL;
                }
                found = &catalog->items[i];
        }
        if (!found) {
                error_set(err, ESRCH, "%s has no checkpoint %s", catalog->service, id);
        }
        return found;
}

int catalog_save(
        const struct catalog *catalog, const struct checkpoint *checkpoint, struct error *err) {
        char name[DEPOT_NAME_MAX];
        struct json_object *json = checkpoint_to_json(checkpoint);
        const char *text = json ? json_object_to_json_string_ext(json,
                                          JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
                                : NULL;
        record_name(checkpoint, name);
        int r = text ? depot_replace_file(catalog->fd, name, text, strlen(text), err)
                     : error_set_errno(err, ENOMEM, "writing %s", name);
        json_object_put(json);
        return r;
}

int catalog_remove(struct catalog *catalog, struct checkpoint *checkpoint, struct error *err) {
        char name[DEPOT_NAME_MAX];
        record_name(checkpoint, name);
        int r = depot_remove_file(catalog->fd, name, err);
        if (r < 0) {
                return r;
        }
        size_t index = (size_t) (checkpoint - catalog->items);
        checkpoint_done(checkpoint);
        catalog->count--;
        memmove(checkpoint, checkpoint + 1, (catalog->count - index) * sizeof(*checkpoint));
        return 0;
}

wall_usec_t catalog_now(const struct catalog *catalog) {
        wall_usec_t now = clock_now().wall;
        for (size_t i = 0; i < catalog->count; i++) {
                const struct checkpoint *one = &catalog->items[i];
                wall_usec_t last = one->seen > one->trusted ? one->seen : one->trusted;
                now = now > last ? now : last + USEC_PER_MSEC;
        }
        return now;
}

int catalog_each_service(const struct depot *depot,
        int (*each)(void *cookie, int fd, const char *service, struct error *err), void *cookie,
        struct error *err) {
        return depot_each(depot->fd, "services", each, cookie, err);
}
