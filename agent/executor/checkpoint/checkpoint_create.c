#include "executor/checkpoint/checkpoint_create.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "executor/checkpoint/manifest_file.h"
#include "executor/checkpoint/object_writer.h"
#include "executor/checkpoint/retention.h"
#include "executor/checkpoint/scan_cache.h"
#include "executor/checkpoint/tree_read.h"

/* Of the file system of the store, at most a GiB, stays free for everybody else. */
enum { RESERVE_DIVISOR = 20 };
#define RESERVE_MOST ((uint64_t) 1 << 30)

void present_done(struct present *present) {
        manifest_done(&present->manifest);
        manifest_done(&present->known);
        tree_notes_done(&present->notes);
}

void scope_of(const struct manifest *manifest, struct tree_scope *ret) {
        *ret = (struct tree_scope){
                .n_paths = manifest->n_paths,
                .n_excludes = manifest->n_excludes,
                .one_file_system = manifest->one_file_system,
        };
        memcpy(ret->paths, manifest->paths, sizeof(ret->paths));
        memcpy(ret->excludes, manifest->excludes, sizeof(ret->excludes));
}

static int check_size(const struct manifest *manifest, uint64_t max_bytes, struct error *err) {
        char is[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        uint64_t bytes = manifest_count(manifest).bytes;
        if (max_bytes == 0 || bytes <= max_bytes) {
                return 0;
        }
        return error_set(err, ECANCELED,
                "the files hold %s, more than max_size (%s): exclude some, or allow more",
                units_format_size_short(bytes, is), units_format_size(max_bytes, most));
}

static int check_space(
        const struct present *present, const struct depot *depot, struct error *err) {
        struct statvfs status;
        char wanted[UNITS_TEXT_MAX], is[UNITS_TEXT_MAX];
        uint64_t bytes = tree_unknown_bytes(&present->manifest, &present->known);
        if (bytes == 0) {
                return 0;
        }
        if (fstatvfs(depot->fd, &status) < 0) {
                return error_set_errno(err, errno, "%s", depot->path);
        }
        uint64_t reserve = (uint64_t) status.f_blocks * status.f_frsize / RESERVE_DIVISOR;
        uint64_t available = (uint64_t) status.f_bavail * status.f_frsize;
        if (reserve > RESERVE_MOST) {
                reserve = RESERVE_MOST;
        }
        if (status.f_flag & ST_RDONLY) {
                return error_set_errno(err, EROFS, "%s", depot->path);
        }
        if (bytes + reserve <= available) {
                return 0;
        }
        return error_set(err, ENOSPC,
                "%s: up to %s would be stored, and %s are available (a part of the disk is kept free)",
                depot->path, units_format_size_short(bytes, wanted),
                units_format_size_short(available, is));
}

static int store_content(void *cookie, int fd, uint64_t size, struct content_hash *ret_hash,
        uint64_t *ret_size, struct error *err) {
        return object_writer_add(cookie, fd, size, ret_hash, ret_size, err);
}

static int read_and_store(
        struct present *present, const struct depot *depot, wall_usec_t began, struct error *err) {
        AUTO_FREE struct object_writer *writer = calloc(1, sizeof(*writer));
        if (!writer) {
                return error_set_errno(err, ENOMEM, "storing files");
        }
        struct tree_reading reading = {
                .known = &present->known, .content = store_content, .cookie = writer};
        int r = object_writer_init(writer, depot, err);
        r = r < 0 ? r : tree_read(&present->manifest, &reading, began, err);
        r = r < 0 ? r : object_writer_flush(writer, err);
        present->read_files = reading.files;
        present->stored_bytes = writer->stored_bytes;
        object_writer_done(writer);
        return r;
}

static int read_and_hash(struct present *present, wall_usec_t began, struct error *err) {
        AUTO(hasher_done) struct hasher hasher = {0};
        struct tree_reading reading = {
                .known = &present->known, .content = tree_hash_content, .cookie = &hasher};
        if (hasher_init(&hasher) < 0) {
                return error_set_errno(err, ENOMEM, "reading files");
        }
        int r = tree_read(&present->manifest, &reading, began, err);
        present->read_files = reading.files;
        return r;
}

/* Most scans find what the last one found, and its name is known. */
static int identify(struct present *present, const struct catalog *catalog, struct error *err) {
        struct content_hash hash;
        if (present->known.arena && manifest_same_content(&present->known, &present->manifest) &&
                scan_cache_of(catalog->fd, &hash) == 0) {
                const struct checkpoint *same = catalog_of_manifest(catalog, &hash);
                if (same) {
                        str_copy(present->id, sizeof(present->id), same->id);
                        return 0;
                }
        }
        int r = checkpoint_identify(&present->manifest, present->id);
        return r < 0 ? error_set_errno(err, -r, "naming the checkpoint") : 0;
}

int present_scan(struct present *present, const struct depot *depot, const struct catalog *catalog,
        const struct tree_scope *scope, enum present_use use, uint64_t max_bytes,
        struct error *err) {
        struct content_hash known;
        wall_usec_t began = clock_now().wall;
        if (manifest_init(&present->manifest) < 0) {
                return error_set_errno(err, ENOMEM, "scanning files");
        }
        int r = tree_declare(&present->manifest, scope, depot->path, err);
        r = r < 0 ? r : tree_walk(&present->manifest, NULL, &present->notes, err);
        r = r < 0 ? r : check_size(&present->manifest, max_bytes, err);
        if (r < 0) {
                return r;
        }
        (void) scan_cache_load_known(depot, catalog, &present->known, &known);
        if (use == PRESENT_STORE) {
                r = check_space(present, depot, err);
                r = r < 0 ? r : read_and_store(present, depot, began, err);
        } else {
                r = read_and_hash(present, began, err);
        }
        return r < 0 ? r : identify(present, catalog, err);
}

/* ---- Keeping it -------------------------------------------------------------------------------
 */

static void set_state(
        struct checkpoint *checkpoint, enum checkpoint_state state, const char *reason) {
        checkpoint->state = state;
        str_copy(checkpoint->reason, sizeof(checkpoint->reason), reason ? reason : "");
}

/* Trust that was earned is not lost by another look, and content that was withdrawn stays so. */
static int meet_again(struct checkpoint *checkpoint, struct catalog *catalog,
        enum checkpoint_state state, const char *reason, struct error *err) {
        checkpoint->seen = catalog_now(catalog);
        if (checkpoint->state == CHECKPOINT_SUSPECT && state == CHECKPOINT_CANDIDATE) {
                set_state(checkpoint, state, reason);
        }
        return catalog_save(catalog, checkpoint, err);
}

static int keep_new(struct present *present, const struct depot *depot, struct catalog *catalog,
        struct checkpoint *checkpoint, enum checkpoint_state state, const char *reason,
        struct error *err) {
        wall_usec_t now = catalog_now(catalog);
        str_copy(checkpoint->id, sizeof(checkpoint->id), present->id);
        set_state(checkpoint, state, reason);
        checkpoint->created = checkpoint->created ? checkpoint->created : now;
        checkpoint->seen = now;
        checkpoint->trusted = 0;
        checkpoint->damaged = false;
        if (checkpoint_describe(checkpoint, &present->manifest) < 0) {
                return error_set_errno(err, ENOMEM, "writing the record");
        }
        if (checkpoint->torn > 0) {
                checkpoint->state = CHECKPOINT_SUSPECT;
        }
        int r = manifest_save(depot, &present->manifest, &checkpoint->manifest, err);
        return r < 0 ? r : catalog_save(catalog, checkpoint, err);
}

int checkpoint_keep(struct present *present, const struct depot *depot, struct catalog *catalog,
        enum checkpoint_state state, const char *reason, struct checkpoint **ret, bool *ret_new,
        struct error *err) {
        struct checkpoint *checkpoint = catalog_exact(catalog, present->id);
        bool new = !checkpoint || checkpoint->damaged;
        checkpoint = checkpoint ? checkpoint : catalog_add(catalog);
        if (!checkpoint) {
                return error_set(
                        err, ECANCELED, "%s has too many checkpoints: run gc", catalog->service);
        }
        int r = new ? keep_new(present, depot, catalog, checkpoint, state, reason, err)
                    : meet_again(checkpoint, catalog, state, reason, err);
        if (r == 0 && (new || present->read_files > 0)) {
                r = scan_cache_save(catalog->fd, &present->manifest, &checkpoint->manifest, err);
        }
        r = r < 0 || !new ? r : retention_trim(catalog, checkpoint->state, err);
        if (r < 0) {
                return r;
        }
        *ret = catalog_exact(catalog, present->id);
        if (ret_new) {
                *ret_new = new;
        }
        return 0;
}
