#include "executor/checkpoint/tree_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"
#include "executor/checkpoint/entry_metadata.h"

enum { ATTEMPTS = 3, PIECE = 128 * 1024 };

/* What was written so shortly before a scan may be written again without another ctime. */
#define RACY_TIME USEC_PER_SEC

struct reader {
        struct manifest *manifest;
        struct tree_reading *reading;
        struct metadata_reader metadata;
        const char *root;
        int parent_fd; /* owned */
};

static bool same_ctime(const struct file_identity *a, const struct file_identity *b) {
        return a->ctime_sec == b->ctime_sec && a->ctime_nsec == b->ctime_nsec;
}

static bool same_identity(const struct entry *a, const struct entry *b) {
        const struct file_identity *one = &a->identity, *other = &b->identity;
        return one->inode != 0 && one->inode == other->inode && one->device == other->device &&
               one->mtime_sec == other->mtime_sec && one->mtime_nsec == other->mtime_nsec &&
               a->size == b->size && a->type == b->type;
}

static bool is_known(const struct entry *entry, const struct entry *known, bool linked) {
        return known && !known->torn && !entry->torn && same_identity(entry, known) &&
               (linked || same_ctime(&entry->identity, &known->identity));
}

static void copy_known(struct entry *entry, const struct entry *known) {
        entry->hash = known->hash;
        entry->target = known->target;
        entry->acl = known->acl;
        entry->acl_default = known->acl_default;
        entry->xattrs = known->xattrs;
        entry->holes = known->holes;
}

uint64_t tree_unknown_bytes(const struct manifest *manifest, const struct manifest *known) {
        struct manifest_cursor cursor = {0};
        const struct entry *entry, *before;
        static const struct manifest none;
        uint64_t bytes = 0;
        while (manifest_next(manifest, known ? known : &none, &cursor, &entry, &before)) {
                bool counts = entry && entry->type == ENTRY_FILE && !entry->hardlink;
                bytes += counts && !is_known(entry, before, false) ? entry->size : 0;
        }
        return bytes;
}

int tree_hash_content(void *cookie, int fd, uint64_t size, struct content_hash *ret_hash,
        uint64_t *ret_size, struct error *err) {
        struct hasher *hasher = cookie;
        AUTO_FREE char *piece = malloc(PIECE);
        ssize_t length;
        (void) size;
        if (!piece) {
                return error_set_errno(err, ENOMEM, "reading it");
        }
        *ret_size = 0;
        hasher_begin(hasher);
        while ((length = read(fd, piece, PIECE)) > 0) {
                hasher_feed(hasher, piece, (size_t) length);
                *ret_size += (uint64_t) length;
        }
        if (length < 0) {
                error_set_errno(err, errno, "reading it");
                return -EUCLEAN;
        }
        hasher_end(hasher, ret_hash);
        return 0;
}

/* ---- One file ---------------------------------------------------------------------------------
 */

static bool same_stat(const struct stat *a, const struct stat *b) {
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The walk was some time ago. */
static void renew(struct entry *entry, const struct stat *status) {
        entry->mode = status->st_mode & 07777;
        entry->uid = status->st_uid;
        entry->gid = status->st_gid;
        entry->mtime_sec = status->st_mtim.tv_sec;
        entry->mtime_nsec = (uint32_t) status->st_mtim.tv_nsec;
        entry->size = S_ISREG(status->st_mode) ? (uint64_t) status->st_size : 0;
        entry->identity = (struct file_identity){
                .device = status->st_dev,
                .inode = status->st_ino,
                .ctime_sec = status->st_ctim.tv_sec,
                .mtime_sec = status->st_mtim.tv_sec,
                .ctime_nsec = (uint32_t) status->st_ctim.tv_nsec,
                .mtime_nsec = (uint32_t) status->st_mtim.tv_nsec,
        };
}

/* 0: whole; 1: it changed meanwhile; -EUCLEAN: it cannot be read, with the reason. */
static int read_open_file(struct reader *reader, int fd, struct entry *entry, struct error *err) {
        struct stat before, after;
        uint64_t size = 0;
        bool regular = entry->type == ENTRY_FILE;
        if (fstat(fd, &before) < 0) {
                error_set_errno(err, errno, "reading it");
                return -EUCLEAN;
        }
        if (regular ? !S_ISREG(before.st_mode) : !S_ISDIR(before.st_mode)) {
                return 1;
        }
        renew(entry, &before);
        int r = metadata_read(&reader->metadata, fd, &before, reader->manifest->arena, entry, err);
        if (r == 0 && regular && lseek(fd, 0, SEEK_SET) == 0) {
                r = reader->reading->content(
                        reader->reading->cookie, fd, entry->size, &entry->hash, &size, err);
        }
        if (r < 0) {
                return r;
        }
        if (fstat(fd, &after) < 0 || !same_stat(&before, &after)) {
                return 1;
        }
        if (reader->reading->sync && fsync(fd) < 0) {
                return error_set_errno(err, errno, "making it durable");
        }
        if (entry->size == 0) {
                entry->hash = (struct content_hash){0};
        }
        return size == entry->size ? 0 : 1;
}

static const char *name_of(const struct reader *reader, const struct entry *entry) {
        return entry->path + beneath_parent_length(reader->root);
}

static int tear(struct reader *reader, struct entry *entry, const char *why) {
        entry->hash = (struct content_hash){0};
        entry->identity.inode = 0;
        entry->acl = entry->acl_default = entry->xattrs = NULL;
        entry->torn = arena_strdup(reader->manifest->arena, why);
        return entry->torn ? 0 : -ENOMEM;
}

/* -EUCLEAN: with the reason. */
static int open_file(const struct reader *reader, const struct entry *entry, struct error *err) {
        int flags = entry->type == ENTRY_DIRECTORY ? O_RDONLY | O_DIRECTORY
                                                   : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        int fd = beneath_open(reader->parent_fd, name_of(reader, entry), flags);
        if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE) {
                return error_set_errno(err, -fd, "%s", entry->path);
        }
        if (fd < 0) {
                error_set_errno(err, -fd, "opening it");
                return -EUCLEAN;
        }
        return fd;
}

static int read_file(struct reader *reader, struct entry *entry, struct error *err) {
        int r = 1;
        for (int i = 0; i < ATTEMPTS && r == 1; i++) {
                AUTO_CLOSE int fd = open_file(reader, entry, err);
                r = fd < 0 ? fd : read_open_file(reader, fd, entry, err);
        }
        if (r == 1) {
                return tear(reader, entry, "it changes while it is read");
        }
        if (r == -EUCLEAN) {
                return tear(reader, entry, err ? err->text : "it cannot be read");
        }
        return r;
}

static int read_target(struct reader *reader, struct entry *entry, struct error *err) {
        char target[MANIFEST_PATH_BYTES];
        AUTO_CLOSE int fd = beneath_open(reader->parent_fd, name_of(reader, entry), O_PATH);
        ssize_t length = fd < 0 ? fd : readlinkat(fd, "", target, sizeof(target));
        if (length <= 0 || length == (ssize_t) sizeof(target)) {
                return tear(reader, entry, "the link cannot be read");
        }
        entry->target = arena_strndup(reader->manifest->arena, target, (size_t) length);
        return entry->target ? 0 : error_set_errno(err, ENOMEM, "%s", entry->path);
}

static int read_entry(struct reader *reader, struct entry *entry, struct error *err) {
        switch (entry->type) {
        case ENTRY_FILE:
                if (!reader->reading->content) {
                        return 0;
                }
                reader->reading->files++;
                return read_file(reader, entry, err);
        case ENTRY_DIRECTORY:
                return read_file(reader, entry, err);
        case ENTRY_LINK:
                return read_target(reader, entry, err);
        case ENTRY_FIFO:
                return 0;
        }
        return 0;
}

/* ---- All of them ------------------------------------------------------------------------------
 */

static int open_parent(const struct reader *reader, size_t index, struct error *err) {
        const int *parents = reader->reading->parents;
        if (!parents) {
                return beneath_open_parent(reader->manifest->paths[index], err);
        }
        int fd = fcntl(parents[index], F_DUPFD_CLOEXEC, 0);
        return fd < 0 ? error_set_errno(err, errno, "reading files") : fd;
}

/* The folder above the declared path that the entry belongs to. */
static int turn_to_root(struct reader *reader, const struct entry *entry, struct error *err) {
        const struct manifest *manifest = reader->manifest;
        if (reader->root && path_is_below(entry->path, reader->root)) {
                return 0;
        }
        cleanup_close(&reader->parent_fd);
        reader->parent_fd = -1;
        for (size_t i = 0; i < manifest->n_paths; i++) {
                if (path_is_below(entry->path, manifest->paths[i])) {
                        reader->root = manifest->paths[i];
                        reader->parent_fd = open_parent(reader, i, err);
                }
        }
        /* Of one that has vanished all files are torn. */
        return reader->parent_fd >= 0 || reader->parent_fd == -ENOENT ? 0 : reader->parent_fd;
}

static void forget_racy(struct entry *entry, wall_usec_t began) {
        wall_usec_t changed = (wall_usec_t) entry->identity.ctime_sec * USEC_PER_SEC +
                              entry->identity.ctime_nsec / 1000;
        if (changed + RACY_TIME >= began) {
                entry->identity.inode = 0;
        }
}

static int read_one(struct reader *reader, struct entry *entry, const struct entry *known,
        wall_usec_t began, struct error *err) {
        if (entry->torn) {
                return 0;
        }
        if (entry->hardlink) {
                return 0; /* filled in by follow_links */
        }
        if (is_known(entry, known, reader->reading->linked && entry->type == ENTRY_FILE)) {
                copy_known(entry, known);
                return 0;
        }
        int r = turn_to_root(reader, entry, err);
        r = r < 0 ? r : read_entry(reader, entry, err);
        forget_racy(entry, began);
        if (r < 0) {
                return error_wrap(err, "%s", entry->path);
        }
        return 0;
}

static void reader_done(struct reader *reader) {
        cleanup_close(&reader->parent_fd);
        metadata_reader_done(&reader->metadata);
}

/* Further names of a file are what the first was found to be. */
static void follow_links(struct manifest *manifest) {
        for (size_t i = 0; i < manifest->count; i++) {
                struct entry *entry = &manifest->entries[i];
                const struct entry *first =
                        entry->hardlink ? manifest_find(manifest, entry->hardlink) : NULL;
                if (first) {
                        const char *path = entry->path, *hardlink = entry->hardlink;
                        *entry = *first;
                        entry->path = path;
                        entry->hardlink = hardlink;
                }
        }
}

int tree_read(struct manifest *manifest, struct tree_reading *reading, wall_usec_t began,
        struct error *err) {
        AUTO(reader_done)
        struct reader reader = {.manifest = manifest, .reading = reading, .parent_fd = -1};
        static const struct manifest none;
        struct manifest_cursor cursor = {0};
        const struct entry *entry, *known;
        if (metadata_reader_init(&reader.metadata) < 0) {
                return error_set_errno(err, ENOMEM, "reading files");
        }
        while (manifest_next(
                manifest, reading->known ? reading->known : &none, &cursor, &entry, &known)) {
                int r = entry ? read_one(&reader, &manifest->entries[cursor.a - 1], known, began,
                                        err)
                              : 0;
                if (r < 0) {
                        return r;
                }
        }
        follow_links(manifest);
        return 0;
}
