#include "executor/checkpoint/tree_build.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/entry_metadata.h"
#include "executor/checkpoint/object_reader.h"

enum {
        WRITE_FLAGS = ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                      ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |
                      ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                      ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS,
};

/* One declared path; the working directory is the folder in which it is made. */
struct site {
        struct tree_build *build;
        struct archive *writer;
        struct archive_entry *entry;
        size_t index; /* of the declared path */
        struct content_hash *ret_bad;
        char folder[MANIFEST_PATH_BYTES]; /* what was linked last lies in it, and the next mostly
                                             too */
        int folder_from, folder_to; /* in the present and in the new tree; -1: none is open */
};

int tree_link(int from_fd, const char *from, int to_fd, const char *to) {
        char path[64];
        AUTO_CLOSE int fd = beneath_open(from_fd, from, O_PATH);
        if (fd < 0) {
                return fd;
        }
        /* By the descriptor: what was looked at is what gets the name. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, path, to_fd, to, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

const struct entry *tree_build_twin(const struct manifest *present, const struct entry *entry) {
        const struct entry *twin =
                present && entry->type == ENTRY_FILE ? manifest_find(present, entry->path) : NULL;
        return twin && !entry->hardlink && entry_compare(twin, entry) == 0 ? twin : NULL;
}

/* What libarchive only warns of (an attribute that the file system does not take) is found when the
 * tree is compared with the manifest, which can say what it is. */
static int outcome(const struct site *site, int r, const struct entry *entry, struct error *err) {
        if (r >= ARCHIVE_WARN) {
                return 0;
        }
        int code = archive_errno(site->writer);
        const char *text = archive_error_string(site->writer);
        return error_set(err, code > 0 ? code : EIO, "writing %s: %s", entry->path,
                text ? text : "unknown error");
}

static const char *name_of(const struct site *site, const struct entry *entry) {
        return entry->path + beneath_parent_length(site->build->target->paths[site->index]);
}

static int take_piece(
        void *cookie, const void *data, size_t size, uint64_t offset, struct error *err) {
        const struct site *site = cookie;
        ssize_t r = archive_write_data_block(site->writer, data, size, (la_int64_t) offset);
        if (r >= ARCHIVE_WARN) {
                return 0;
        }
        int code = archive_errno(site->writer);
        return error_set_errno(err, code > 0 ? code : EIO, "writing");
}

static int write_content(const struct site *site, const struct entry *entry, struct error *err) {
        int r = object_read(site->build->depot, &entry->hash, take_piece, (void *) site, err);
        if (r == -EBADMSG && site->ret_bad) {
                *site->ret_bad = entry->hash;
        }
        return r < 0 ? error_wrap(err, "%s", entry->path), r : 0;
}

static int write_entry(struct site *site, const struct entry *entry, struct error *err) {
        archive_entry_clear(site->entry);
        archive_entry_copy_pathname(site->entry, name_of(site, entry));
        int r = metadata_fill(site->entry, entry, err);
        if (r < 0) {
                return error_wrap(err, "%s", entry->path);
        }
        archive_write_disk_set_options(
                site->writer, WRITE_FLAGS | (entry->holes ? ARCHIVE_EXTRACT_SPARSE : 0));
        r = outcome(site, archive_write_header(site->writer, site->entry), entry, err);
        if (r == 0 && entry_has_object(entry)) {
                r = write_content(site, entry, err);
        }
        r = r < 0 ? r : outcome(site, archive_write_finish_entry(site->writer), entry, err);
        if (entry->type == ENTRY_FILE) {
                site->build->written++;
                site->build->written_bytes += entry->size;
        }
        return r;
}

static size_t index_of(const struct manifest *manifest, const char *path) {
        for (size_t i = 0; i < manifest->n_paths; i++) {
                if (path_is_below(path, manifest->paths[i])) {
                        return i;
                }
        }
        return 0;
}

/* A further name of a file that was made before, perhaps below another declared path. */
static int make_link(const struct site *site, const struct entry *entry, struct error *err) {
        const struct tree_build *build = site->build;
        size_t index = index_of(build->target, entry->hardlink);
        const char *first = entry->hardlink + beneath_parent_length(build->target->paths[index]);
        /* A declared path that is not built is what it should be already. */
        int from = build->to[index] >= 0 ? build->to[index] : build->from[index];
        int r = tree_link(from, first, build->to[site->index], name_of(site, entry));
        return r < 0 ? error_set_errno(err, -r, "linking %s", entry->path) : 0;
}

static void close_folders(struct site *site) {
        cleanup_close(&site->folder_from);
        cleanup_close(&site->folder_to);
        site->folder_from = site->folder_to = -1;
}

/* The folder of the entry on both sides. */
static int turn_to_folder(struct site *site, const char *name, size_t length) {
        const struct tree_build *build = site->build;
        if (site->folder_from >= 0 && site->folder_to >= 0 && strlen(site->folder) == length &&
                memcmp(site->folder, name, length) == 0) {
                return 0;
        }
        close_folders(site);
        snprintf(site->folder, sizeof(site->folder), "%.*s", (int) length, name);
        int flags = O_PATH | O_DIRECTORY;
        site->folder_from = beneath_open(build->from[site->index], site->folder, flags);
        site->folder_to = beneath_open(build->to[site->index], site->folder, flags);
        return site->folder_from < 0 || site->folder_to < 0 ? -ENOENT : 0;
}

static int link_entry(struct site *site, const char *name) {
        const struct tree_build *build = site->build;
        const char *slash = strrchr(name, '/');
        if (!slash) {
                return tree_link(build->from[site->index], name, build->to[site->index], name);
        }
        int r = turn_to_folder(site, name, (size_t) (slash - name));
        if (r < 0) {
                return r;
        }
        return linkat(site->folder_from, slash + 1, site->folder_to, slash + 1, 0) < 0 ? -errno : 0;
}

/* Where links are not possible (other file system, too many, forbidden) there is always the store.
 */
static bool link_present(struct site *site, const struct entry *entry) {
        struct tree_build *build = site->build;
        const struct entry *twin = tree_build_twin(build->present, entry);
        if (!twin) {
                return false;
        }
        if (link_entry(site, name_of(site, entry)) < 0) {
                return false;
        }
        build->n_linked++;
        if (build->linked) {
                build->linked[entry - build->target->entries] = true;
        }
        return true;
}

static int make_entry(struct site *site, const struct entry *entry, struct error *err) {
        if (entry->hardlink) {
                return make_link(site, entry, err);
        }
        if (link_present(site, entry)) {
                return 0;
        }
        if (!site->build->depot && entry_has_object(entry)) {
                return error_set(err, ECANCELED, "%s cannot be linked", entry->path);
        }
        return write_entry(site, entry, err);
}

static int make_entries(struct site *site, struct error *err) {
        const struct manifest *target = site->build->target;
        for (size_t i = 0; i < target->count; i++) {
                const struct entry *entry = &target->entries[i];
                int r = path_is_below(entry->path, target->paths[site->index])
                                ? make_entry(site, entry, err)
                                : 0;
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

static void site_done(struct site *site) {
        close_folders(site);
        archive_entry_free(site->entry);
        archive_write_free(site->writer);
}

static int build_path(
        struct tree_build *build, size_t index, struct content_hash *ret_bad, struct error *err) {
        AUTO(site_done)
        struct site site = {
                .build = build,
                .index = index,
                .ret_bad = ret_bad,
                .writer = archive_write_disk_new(),
                .entry = archive_entry_new(),
                .folder_from = -1,
                .folder_to = -1,
        };
        if (!site.writer || !site.entry) {
                return error_set_errno(err, ENOMEM, "writing %s", build->target->paths[index]);
        }
        if (fchdir(build->to[index]) < 0) {
                return error_set_errno(err, errno, "writing %s", build->target->paths[index]);
        }
        int r = make_entries(&site, err);
        r = r < 0 || !build->extra ? r : build->extra(build->cookie, index, err);
        /* What was put off is done from here, and `extra` may have gone elsewhere. */
        if (fchdir(build->to[index]) < 0) {
                return error_set_errno(err, errno, "writing %s", build->target->paths[index]);
        }
        const struct entry root = {.path = build->target->paths[index]};
        int closed = outcome(&site, archive_write_close(site.writer), &root, err);
        return r < 0 ? r : closed;
}

int tree_build(struct tree_build *build, struct content_hash *ret_bad, struct error *err) {
        AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = 0;
        for (size_t i = 0; r == 0 && i < build->target->n_paths; i++) {
                bool wanted =
                        build->to[i] >= 0 && manifest_find(build->target, build->target->paths[i]);
                r = wanted ? build_path(build, i, ret_bad, err) : 0;
        }
        if (here >= 0 && fchdir(here) < 0 && r == 0) {
                r = error_set_errno(err, errno, "going back to the working directory");
        }
        return r;
}
