#include "executor/checkpoint/replica.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/hash_set.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/object_reader.h"

enum { NAME_BYTES = DEPOT_NAME_MAX + DEPOT_SERVICE_MAX };

DEFINE_CLEANUP(stream_free, struct object_stream, object_stream_free)

static void record_name(const char *service, const char *id, char name[NAME_BYTES]) {
        snprintf(name, NAME_BYTES, "services/%s/%s.json", service, id);
}

/* What comes from the replica: hashed, and perhaps written to a file. */
struct arrival {
        struct object_stream *stream;
        int fd; /* -1: only hashed */
};

static int take_arrival(void *cookie, const void *data, size_t size, struct error *err) {
        const struct arrival *arrival = cookie;
        int r = arrival->fd >= 0 ? depot_write_all(arrival->fd, data, size) : 0;
        return r < 0 ? error_set_errno(err, -r, "storing a copy")
                     : object_stream_feed(arrival->stream, data, size, err);
}

/* -ENOENT without a text. */
static int receive(struct replica_target *target, const char *name, const struct content_hash *hash,
        int fd, struct error *err) {
        AUTO(stream_free)
        struct object_stream *stream = object_stream_new(object_is_compressed(name), NULL, NULL);
        struct arrival arrival = {stream, fd};
        if (!stream) {
                return error_set_errno(err, ENOMEM, "%s", name);
        }
        int r = target->kind->get(target, name, take_arrival, &arrival, err);
        r = r < 0 ? r : object_stream_end(stream, hash, err);
        return r == -EBADMSG ? error_wrap(err, "the copy of %s", name) : r;
}

/* ---- There ------------------------------------------------------------------------------------
 */

static int push_file(struct replica_target *target, const struct depot *depot, const char *name,
        const struct content_hash *hash, struct replica_totals *totals, struct error *err) {
        uint64_t there = 0;
        AUTO_CLOSE int fd = openat(depot->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
        if (size < 0 || lseek(fd, 0, SEEK_SET) < 0) {
                error_set_errno(err, errno, "%s", name);
                return -EBADMSG;
        }
        int r = target->kind->look(target, name, &there, err);
        if (r == 0 && there == (uint64_t) size) {
                totals->there++;
                return 0;
        }
        if (r < 0 && r != -ENOENT) {
                return r;
        }
        r = target->kind->put(target, name, fd, err);
        r = r < 0 ? r : receive(target, name, hash, -1, err);
        if (r == -ENOENT) {
                return error_set(err, EBADMSG, "%s was copied and is not there", name);
        }
        totals->copied += r == 0;
        totals->copied_bytes += r == 0 ? (uint64_t) size : 0;
        return r;
}

static int push_objects(struct replica_target *target, const struct depot *depot,
        const struct manifest *manifest, struct replica_totals *totals, struct error *err) {
        AUTO(hash_set_done) struct hash_set objects = {0};
        if (hash_set_add_objects(&objects, manifest) < 0) {
                return error_set_errno(err, ENOMEM, "copying");
        }
        hash_set_sort(&objects);
        for (size_t i = 0; i < objects.count; i++) {
                char name[DEPOT_NAME_MAX];
                int r = object_find(depot, &objects.items[i], name, NULL);
                if (r < 0) {
                        object_name(&objects.items[i], false, name);
                        error_set_errno(err, -r, "%s", name);
                        return -EBADMSG;
                }
                r = push_file(target, depot, name, &objects.items[i], totals, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

int replica_push(struct replica_target *target, const struct depot *depot,
        const struct catalog *catalog, const struct checkpoint *checkpoint,
        struct replica_totals *totals, struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        char name[NAME_BYTES];
        int r = manifest_load(depot, &checkpoint->manifest, &manifest, err);
        r = r < 0 ? r : push_objects(target, depot, &manifest, totals, err);
        if (r < 0) {
                return r;
        }
        manifest_name(&checkpoint->manifest, name);
        r = push_file(target, depot, name, &checkpoint->manifest, totals, err);
        if (r < 0) {
                return r;
        }
        record_name(catalog->service, checkpoint->id, name);
        AUTO_CLOSE int fd = openat(depot->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? error_set_errno(err, errno, "%s", name)
                      : target->kind->put(target, name, fd, err);
}

/* ---- And back ---------------------------------------------------------------------------------
 */

static int pull_file(struct replica_target *target, const struct depot *depot, const char *name,
        const struct content_hash *hash, struct replica_totals *totals, struct error *err) {
        char temporary[DEPOT_NAME_MAX];
        AUTO_CLOSE int fd = depot_temporary(depot, temporary, err);
        if (fd < 0) {
                return fd;
        }
        int r = receive(target, name, hash, fd, err);
        if (r == 0 && depot_place(depot, fd, temporary, name) < 0) {
                r = error_set_errno(err, errno, "%s/%s", depot->path, name);
        }
        if (r < 0) {
                depot_discard(depot, temporary);
        }
        totals->copied += r == 0;
        off_t size = lseek(fd, 0, SEEK_END);
        totals->copied_bytes += r == 0 && size > 0 ? (uint64_t) size : 0;
        return r;
}

static int pull_object(struct replica_target *target, const struct depot *depot,
        const struct content_hash *hash, struct replica_totals *totals, struct error *err) {
        int r = object_find(depot, hash, NULL, NULL);
        if (r == 0) {
                totals->there++;
                return 0;
        }
        r = -ENOENT;
        for (int compressed = 1; r == -ENOENT && compressed >= 0; compressed--) {
                char name[DEPOT_NAME_MAX];
                object_name(hash, compressed, name);
                r = pull_file(target, depot, name, hash, totals, err);
                if (r == -ENOENT && !compressed) {
                        return error_set(err, EBADMSG, "the replica lacks %s", name);
                }
        }
        return r;
}

static int pull_contents(struct replica_target *target, const struct depot *depot,
        const struct content_hash *manifest_hash, struct replica_totals *totals,
        struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        AUTO(hash_set_done) struct hash_set objects = {0};
        char name[DEPOT_NAME_MAX];
        manifest_name(manifest_hash, name);
        int r = pull_file(target, depot, name, manifest_hash, totals, err);
        if (r == -ENOENT) {
                return error_set(err, EBADMSG, "the replica lacks %s", name);
        }
        r = r < 0 ? r : manifest_load(depot, manifest_hash, &manifest, err);
        if (r == 0 && hash_set_add_objects(&objects, &manifest) < 0) {
                r = error_set_errno(err, ENOMEM, "copying");
        }
        hash_set_sort(&objects);
        for (size_t i = 0; r == 0 && i < objects.count; i++) {
                r = pull_object(target, depot, &objects.items[i], totals, err);
        }
        return r;
}

static int take_text(void *cookie, const void *data, size_t size, struct error *err) {
        struct strbuf *text = cookie;
        strbuf_add_bytes(text, data, size);
        return text->failed || text->length > DEPOT_RECORD_MAX
                       ? error_set_errno(err, EFBIG, "a record of the replica")
                       : 0;
}

/* The records of a replica, as a catalog without a folder. */
struct remote {
        struct replica_target *target;
        struct catalog catalog;
};

static int take_record(void *cookie, const char *file, struct error *err) {
        struct remote *remote = cookie;
        AUTO_STRBUF struct strbuf text = {0};
        char name[NAME_BYTES];
        if (strlen(file) != CHECKPOINT_ID_MAX - 1 + strlen(".json") || !strstr(file, ".json")) {
                return 0;
        }
        snprintf(name, sizeof(name), "services/%s/%s", remote->catalog.service, file);
        int r = remote->target->kind->get(remote->target, name, take_text, &text, err);
        if (r < 0) {
                return r == -ENOENT ? 0 : r;
        }
        struct json_object *json = json_tokener_parse(strbuf_text(&text));
        struct checkpoint checkpoint = {0};
        bool good = json && checkpoint_from_json(&checkpoint, json, NULL) == 0;
        json_object_put(json);
        struct checkpoint *next = good ? catalog_add(&remote->catalog) : NULL;
        if (next) {
                *next = checkpoint;
        }
        return good && !next ? error_set_errno(err, ENOMEM, "records of the replica") : 0;
}

static int keep_record(struct catalog *catalog, struct checkpoint *found, struct checkpoint **ret,
        struct error *err) {
        assert(found);
        struct checkpoint *mine = catalog_exact(catalog, found->id);
        if (!mine && !(mine = catalog_add(catalog))) {
                return error_set_errno(err, ENOMEM, "%s", found->id);
        }
        checkpoint_done(mine);
        *mine = *found;
        found->paths = found->exclude = NULL;
        *ret = mine;
        return catalog_save(catalog, mine, err);
}

int replica_pull(struct replica_target *target, const struct depot *depot, struct catalog *catalog,
        const char *id, struct checkpoint **ret, struct replica_totals *totals, struct error *err) {
        struct remote remote = {target, CATALOG_CLOSED};
        char folder[NAME_BYTES];
        snprintf(folder, sizeof(folder), "services/%s", catalog->service);
        str_copy(remote.catalog.service, sizeof(remote.catalog.service), catalog->service);
        int r = target->kind->list(target, folder, take_record, &remote, err);
        struct checkpoint *found = r < 0 ? NULL : catalog_find(&remote.catalog, id, err);
        r = r < 0 ? r : found ? 0 : -err->code;
        r = r < 0 ? r : pull_contents(target, depot, &found->manifest, totals, err);
        r = r < 0 ? r : keep_record(catalog, found, ret, err);
        catalog_close(&remote.catalog);
        return r < 0 ? error_wrap(err, "replica"), r : 0;
}
