/* gc: removes checkpoints that are not needed any more, and then whatever no checkpoint needs. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/checkpoint_session.h"
#include "executor/checkpoint/exchange.h"
#include "executor/checkpoint/hash_set.h"
#include "executor/checkpoint/json_text.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/retention.h"

struct sweep {
        const struct depot *depot;
        struct hash_set objects, manifests;
        uint64_t removed, freed_bytes;
        const char *folder; /* below objects/, while that is swept */
};

static void sweep_done(struct sweep *sweep) {
        hash_set_done(&sweep->objects);
        hash_set_done(&sweep->manifests);
}

static void note_removed(void *cookie, const char *id) {
        json_object_array_add(cookie, json_object_new_string(id));
}

/* ---- What is needed ---------------------------------------------------------------------------
 */

static int mark(struct sweep *sweep, const struct checkpoint *checkpoint, struct error *err) {
        AUTO(manifest_done) struct manifest manifest = {0};
        int r = hash_set_add(&sweep->manifests, &checkpoint->manifest);
        if (r < 0) {
                return error_set_errno(err, -r, "%s", checkpoint->id);
        }
        if (checkpoint->damaged) {
                return 0;
        }
        r = manifest_load(sweep->depot, &checkpoint->manifest, &manifest, err);
        if (r < 0) {
                return error_wrap(err, "%s (run verify; nothing was removed)", checkpoint->id);
        }
        r = hash_set_add_objects(&sweep->objects, &manifest);
        return r < 0 ? error_set_errno(err, -r, "%s", checkpoint->id) : 0;
}

static int mark_service(void *cookie, int fd, const char *service, struct error *err) {
        struct sweep *sweep = cookie;
        AUTO(catalog_close) struct catalog catalog = CATALOG_CLOSED;
        (void) fd;
        int r = catalog_open(&catalog, sweep->depot, service, CATALOG_READ, err);
        if (r == 0 && catalog.n_damaged > 0) {
                r = error_set(err, EBADMSG,
                        "%s: the record %s cannot be read (run verify; nothing was removed)",
                        service, catalog.damaged[0]);
        }
        for (size_t i = 0; r == 0 && i < catalog.count; i++) {
                r = mark(sweep, &catalog.items[i], err);
        }
        return r;
}

/* ---- What is not ------------------------------------------------------------------------------
 */

static int discard(struct sweep *sweep, int fd, const char *name, struct error *err) {
        struct stat status;
        if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || unlinkat(fd, name, 0) < 0) {
                return errno == ENOENT ? 0 : error_set_errno(err, errno, "removing %s", name);
        }
        sweep->freed_bytes += (uint64_t) status.st_size;
        return 0;
}

/* The hash that `folder` and `name` make, without the suffix of compressed ones. */
static bool hash_of_name(const char *folder, const char *name, struct content_hash *ret) {
        char text[HASH_TEXT_MAX + 8];
        int length = snprintf(text, sizeof(text), "%s%s", folder, name);
        if (length < 0 || length >= (int) sizeof(text)) {
                return false;
        }
        if (length > 4 && str_eq(text + length - 4, ".zst")) {
                text[length - 4] = '\0';
        }
        return content_hash_parse(text, ret) == 0;
}

static int sweep_object(void *cookie, int fd, const char *name, struct error *err) {
        struct sweep *sweep = cookie;
        struct content_hash hash;
        if (!hash_of_name(sweep->folder, name, &hash) || hash_set_has(&sweep->objects, &hash)) {
                return 0;
        }
        sweep->removed++;
        return discard(sweep, fd, name, err);
}

static int sweep_objects(void *cookie, int fd, const char *name, struct error *err) {
        struct sweep *sweep = cookie;
        sweep->folder = name;
        return depot_each(fd, name, sweep_object, sweep, err);
}

static int sweep_manifest(void *cookie, int fd, const char *name, struct error *err) {
        struct sweep *sweep = cookie;
        struct content_hash hash;
        if (!hash_of_name("", name, &hash) || hash_set_has(&sweep->manifests, &hash)) {
                return 0;
        }
        return discard(sweep, fd, name, err);
}

static int sweep_any(void *cookie, int fd, const char *name, struct error *err) {
        return discard(cookie, fd, name, err);
}

static int sweep_all(struct sweep *sweep, struct error *err) {
        static const struct {
                const char *folder;
                int (*each)(void *cookie, int fd, const char *name, struct error *err);
        } parts[] = {
                {"manifests", sweep_manifest},
                {"objects", sweep_objects},
                {"tmp", sweep_any},
                {"damaged", sweep_any},
        };
        hash_set_sort(&sweep->objects);
        hash_set_sort(&sweep->manifests);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int r = depot_each(sweep->depot->fd, parts[i].folder, parts[i].each, sweep, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

/* What the last apply has put aside goes, or has prepared; one that was interrupted is for
 * `recover`. */
static int tidy_apply(const struct checkpoint_session *session, struct error *err) {
        const char *result;
        return journal_may_go(session->catalog.fd)
                       ? exchange_recover(&session->depot, &session->catalog, &result, err)
                       : journal_check_none(&session->catalog, err);
}

int checkpoint_run_gc(struct checkpoint_call *call, struct error *err) {
        AUTO(session_end) struct checkpoint_session session;
        AUTO(sweep_done) struct sweep sweep = {.depot = &session.depot};
        struct json_object *removed = json_object_new_array();
        json_object_object_add(call->answer, "removed", removed);
        int r = session_begin(&session, call, DEPOT_ALONE, CATALOG_CHANGE, err);
        if (r == 0 && call->service) {
                r = tidy_apply(&session, err);
                r = r < 0 ? r
                          : retention_prune(
                                    &session.catalog, call->keep, note_removed, removed, err);
        }
        r = r < 0 ? r : catalog_each_service(&session.depot, mark_service, &sweep, err);
        r = r < 0 ? r : sweep_all(&sweep, err);
        session_put_states(call->answer, &session.catalog);
        json_put_count(call->answer, "objects", sweep.removed);
        json_put_count(call->answer, "freed_bytes", sweep.freed_bytes);
        return r;
}
