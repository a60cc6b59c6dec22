#include "executor/checkpoint/tree_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/checkpoint/beneath.h"

/* What one directory holds, sorted; `next` is the one to be added next. */
struct frame {
        struct entry *items;
        size_t count, capacity, next;
};

struct file_link {
        uint64_t device, inode;
        size_t index;
};

struct walk {
        struct manifest *manifest;
        const struct tree_place *place;
        struct tree_notes *notes;
        const char *root; /* declared path */
        int parent_fd;
        uint64_t mount; /* id of the one that holds the root */
        struct frame *frames;
        size_t depth, n_frames;
        struct file_link *links; /* files with more than one name */
        size_t n_links, max_links;
};

/* ---- Scope ------------------------------------------------------------------------------------
 */

static int compare_strings(const void *a, const void *b) {
        return path_compare(*(const char *const *) a, *(const char *const *) b);
}

static int check_path(const char *path, const char *forbidden, struct error *err) {
        if (str_eq(path, "/")) {
                return error_set(err, ECANCELED, "/: the whole host is no checkpoint of a service");
        }
        if (!path_is_plain(path) || strlen(path) >= MANIFEST_PATH_BYTES) {
                return error_set(err, ECANCELED,
                        "%s: a path has to be absolute, without '.', '..', '//' and a '/' at its end",
                        path);
        }
        if (path_is_below(path, forbidden) || path_is_below(forbidden, path)) {
                return error_set(err, ECANCELED, "%s and the store %s lie within one another", path,
                        forbidden);
        }
        return 0;
}

int tree_declare(struct manifest *manifest, const struct tree_scope *scope, const char *forbidden,
        struct error *err) {
        for (size_t i = 0; i < scope->n_paths; i++) {
                int r = check_path(scope->paths[i], forbidden, err);
                if (r < 0) {
                        return r;
                }
                manifest->paths[i] = arena_strdup(manifest->arena, scope->paths[i]);
        }
        for (size_t i = 0; i < scope->n_excludes; i++) {
                manifest->excludes[i] = arena_strdup(manifest->arena, scope->excludes[i]);
        }
        manifest->n_paths = scope->n_paths;
        manifest->n_excludes = scope->n_excludes;
        manifest->one_file_system = scope->one_file_system;
        qsort(manifest->paths, manifest->n_paths, sizeof(*manifest->paths), compare_strings);
        for (size_t i = 1; i < manifest->n_paths; i++) {
                if (path_is_below(manifest->paths[i], manifest->paths[i - 1])) {
                        return error_set(err, ECANCELED, "%s lies within %s: declare one of them",
                                manifest->paths[i], manifest->paths[i - 1]);
                }
        }
        return 0;
}

static bool is_excluded(const struct walk *walk, const char *path) {
        const char *name = strrchr(path, '/') + 1;
        const char *below = path + strlen(walk->root) + 1;
        for (size_t i = 0; i < walk->manifest->n_excludes; i++) {
                const char *glob = walk->manifest->excludes[i];
                int unfit = glob[0] == '/'      ? fnmatch(glob, path, FNM_PATHNAME)
                            : strchr(glob, '/') ? fnmatch(glob, below, FNM_PATHNAME)
                                                : fnmatch(glob, name, 0);
                if (unfit == 0) {
                        return true;
                }
        }
        return false;
}

/* ---- Notes ------------------------------------------------------------------------------------
 */

void tree_notes_done(struct tree_notes *notes) {
        free(notes->left_out);
        *notes = (struct tree_notes){0};
}

static int note_left_out(struct tree_notes *notes, const char *path) {
        if (notes->n_left_out == notes->capacity) {
                size_t capacity = notes->capacity ? 2 * notes->capacity : 64;
                const char **list =
                        reallocarray(notes->left_out, capacity, sizeof(*notes->left_out));
                if (!list) {
                        return -ENOMEM;
                }
                notes->left_out = list;
                notes->capacity = capacity;
        }
        notes->left_out[notes->n_left_out++] = path;
        return 0;
}

static void note_skipped(struct tree_notes *notes, const char *path, const char *why) {
        if (notes->n_skipped < TREE_NOTES_MAX) {
                notes->skipped[notes->n_skipped++] = (struct tree_note){path, why};
        } else {
                notes->more_skipped++;
        }
}

/* ---- One file ---------------------------------------------------------------------------------
 */

static void fill(struct entry *entry, const char *path, const struct statx *st) {
        *entry = (struct entry){
                .path = path,
                .type = S_ISREG(st->stx_mode)   ? ENTRY_FILE
                        : S_ISDIR(st->stx_mode) ? ENTRY_DIRECTORY
                        : S_ISLNK(st->stx_mode) ? ENTRY_LINK
                                                : ENTRY_FIFO,
                .mode = st->stx_mode & 07777,
                .uid = st->stx_uid,
                .gid = st->stx_gid,
                .mtime_sec = st->stx_mtime.tv_sec,
                .mtime_nsec = st->stx_mtime.tv_nsec,
                .size = S_ISREG(st->stx_mode) ? st->stx_size : 0,
                .identity =
                        {
                                .device = makedev(st->stx_dev_major, st->stx_dev_minor),
                                .inode = st->stx_ino,
                                .ctime_sec = st->stx_ctime.tv_sec,
                                .mtime_sec = st->stx_mtime.tv_sec,
                                .ctime_nsec = st->stx_ctime.tv_nsec,
                                .mtime_nsec = st->stx_mtime.tv_nsec,
                        },
        };
}

static bool is_mount(const struct walk *walk, const struct statx *st) {
        return (st->stx_mask & STATX_MNT_ID) && st->stx_mnt_id != walk->mount;
}

/* 1: take it; 0: it is left out. */
static int judge(struct walk *walk, const char *path, const struct statx *st, struct error *err) {
        bool device = S_ISBLK(st->stx_mode) || S_ISCHR(st->stx_mode);
        if (device && !walk->place->devices) {
                return error_set(err, ECANCELED,
                        "%s is a device node, which no checkpoint holds: exclude it", path);
        }
        if (S_ISSOCK(st->stx_mode) || device) {
                note_skipped(walk->notes, path, device ? "a device" : "a socket");
                int r = note_left_out(walk->notes, path);
                return r < 0 ? error_set_errno(err, -r, "%s", path) : 0;
        }
        if (is_mount(walk, st)) {
                walk->notes->mount = path;
                if (walk->manifest->one_file_system) {
                        note_skipped(walk->notes, path, "another file system");
                        return 0;
                }
        }
        return 1;
}

static int note_link(struct walk *walk, const struct entry *entry) {
        if (walk->n_links == walk->max_links) {
                size_t capacity = walk->max_links ? 2 * walk->max_links : 64;
                struct file_link *links = reallocarray(walk->links, capacity, sizeof(*links));
                if (!links) {
                        return -ENOMEM;
                }
                walk->links = links;
                walk->max_links = capacity;
        }
        walk->links[walk->n_links++] = (struct file_link){
                entry->identity.device, entry->identity.inode, walk->manifest->count};
        return 0;
}

/* ---- One directory ----------------------------------------------------------------------------
 */

static void close_folder(DIR **folder) {
        if (*folder) {
                closedir(*folder);
        }
}

static const char *join(struct arena *arena, const char *folder, const char *name) {
        size_t above = strlen(folder), length = strlen(name);
        char *path = above + length + 2 > MANIFEST_PATH_BYTES
                             ? NULL
                             : arena_alloc(arena, above + length + 2);
        if (path) {
                memcpy(path, folder, above);
                path[above] = '/';
                memcpy(path + above + 1, name, length + 1);
        }
        return path;
}

static int add_item(struct frame *frame, const struct entry *entry) {
        if (frame->count == frame->capacity) {
                size_t capacity = frame->capacity ? 2 * frame->capacity : 32;
                struct entry *items = reallocarray(frame->items, capacity, sizeof(*items));
                if (!items) {
                        return -ENOMEM;
                }
                frame->items = items;
                frame->capacity = capacity;
        }
        frame->items[frame->count++] = *entry;
        return 0;
}

static int add_name(struct walk *walk, struct frame *frame, int fd, const char *folder,
        const char *name, struct error *err) {
        struct statx st;
        struct entry entry;
        if (str_starts(name, TREE_ASIDE_PREFIX)) {
                return 0;
        }
        const char *path = join(walk->manifest->arena, folder, name);
        if (!path) {
                return error_set_errno(err, ENAMETOOLONG, "%s/%.20s...", folder, name);
        }
        if (is_excluded(walk, path)) {
                int r = note_left_out(walk->notes, path);
                return r < 0 ? error_set_errno(err, -r, "%s", path) : 0;
        }
        if (statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID,
                    &st) < 0) {
                return errno == ENOENT ? 0 : error_set_errno(err, errno, "%s", path);
        }
        int r = judge(walk, path, &st, err);
        if (r <= 0) {
                return r;
        }
        fill(&entry, path, &st);
        /* Filled in at the end, when the index of the first is known. */
        entry.hardlink = entry.type == ENTRY_FILE && st.stx_nlink > 1 ? path : NULL;
        r = add_item(frame, &entry);
        return r < 0 ? error_set_errno(err, -r, "%s", path) : 0;
}

static int compare_items(const void *a, const void *b) {
        return path_compare(((const struct entry *) a)->path, ((const struct entry *) b)->path);
}

/* A positive errno: the directory cannot be read, or not to its end. */
static int read_names(
        struct walk *walk, struct frame *frame, DIR *folder, const char *path, struct error *err) {
        for (;;) {
                errno = 0;
                const struct dirent *next = readdir(folder);
                if (!next) {
                        break;
                }
                if (str_eq(next->d_name, ".") || str_eq(next->d_name, "..")) {
                        continue;
                }
                int r = add_name(walk, frame, dirfd(folder), path, next->d_name, err);
                if (r < 0) {
                        return r;
                }
        }
        int code = errno;
        if (frame->count > 1) {
                qsort(frame->items, frame->count, sizeof(*frame->items), compare_items);
        }
        return code;
}

/* Directories of the kernel, in which there are no files to be kept. */
static bool is_pseudo(int fd) {
        static const long kinds[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP2_SUPER_MAGIC,
                CGROUP_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC,
                DEVPTS_SUPER_MAGIC};
        struct statfs status;
        if (fstatfs(fd, &status) < 0) {
                return false;
        }
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (status.f_type == kinds[i]) {
                        return true;
                }
        }
        return false;
}

static int push(struct walk *walk) {
        if (walk->depth == walk->n_frames) {
                size_t count = walk->n_frames ? 2 * walk->n_frames : 16;
                struct frame *frames = reallocarray(walk->frames, count, sizeof(*frames));
                if (!frames) {
                        return -ENOMEM;
                }
                memset(frames + walk->n_frames, 0, (count - walk->n_frames) * sizeof(*frames));
                walk->frames = frames;
                walk->n_frames = count;
        }
        struct frame *frame = &walk->frames[walk->depth++];
        frame->count = frame->next = 0;
        return 0;
}

static int tear(struct walk *walk, struct entry *entry, int code, struct error *err) {
        char reason[128];
        entry->torn = arena_strdup(walk->manifest->arena, strerror_r(code, reason, sizeof(reason)));
        return entry->torn ? 0 : error_set_errno(err, ENOMEM, "%s", entry->path);
}

/* The names of the directory that was added last become the top frame. No descriptor stays open,
 * however deep the tree is. */
static int enter(struct walk *walk, struct error *err) {
        struct entry *entry = &walk->manifest->entries[walk->manifest->count - 1];
        const char *path = entry->path;
        int r = push(walk);
        if (r < 0) {
                return error_set_errno(err, -r, "%s", path);
        }
        int fd = beneath_open(
                walk->parent_fd, path + beneath_parent_length(walk->root), O_RDONLY | O_DIRECTORY);
        AUTO(close_folder) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        if (fd >= 0 && is_pseudo(fd)) {
                note_skipped(walk->notes, path, "a file system of the kernel");
                return 0;
        }
        struct frame *frame = &walk->frames[walk->depth - 1];
        r = folder ? read_names(walk, frame, folder, path, err) : fd < 0 ? -fd : errno;
        return r > 0 ? tear(walk, entry, r, err) : r;
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static int add(struct walk *walk, struct entry *entry, struct error *err) {
        int r = entry->hardlink ? note_link(walk, entry) : 0;
        entry->hardlink = NULL;
        r = r < 0 ? r : manifest_add(walk->manifest, entry);
        if (r == -E2BIG) {
                return error_set(err, ECANCELED, "%s: more than %d files; exclude some", walk->root,
                        MANIFEST_ENTRIES_MAX);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "%s", entry->path);
        }
        return entry->type == ENTRY_DIRECTORY ? enter(walk, err) : 0;
}

static int walk_below(struct walk *walk, struct error *err) {
        while (walk->depth > 0) {
                struct frame *frame = &walk->frames[walk->depth - 1];
                if (frame->next == frame->count) {
                        walk->depth--;
                        continue;
                }
                struct entry entry = frame->items[frame->next++];
                int r = add(walk, &entry, err);
                if (r < 0) {
                        return r;
                }
        }
        return 0;
}

static int open_parent(const struct walk *walk, size_t index, struct error *err) {
        if (!walk->place->parents) {
                return beneath_open_parent(walk->manifest->paths[index], err);
        }
        int parent = walk->place->parents[index];
        int fd = parent < 0 ? -1 : fcntl(parent, F_DUPFD_CLOEXEC, 0);
        return fd >= 0 ? fd : parent < 0 ? -ENOENT : error_set_errno(err, errno, "scanning files");
}

static int walk_path(struct walk *walk, size_t index, struct error *err) {
        const char *path = walk->manifest->paths[index];
        struct statx st;
        AUTO_CLOSE int parent = open_parent(walk, index, err);
        if (parent < 0) {
                return parent == -ENOENT ? 0 : parent;
        }
        walk->root = path;
        walk->parent_fd = parent;
        if (statx(parent, path + beneath_parent_length(path), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                    STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0) {
                return errno == ENOENT ? 0 : error_set_errno(err, errno, "%s", path);
        }
        walk->mount = st.stx_mnt_id;
        if (S_ISSOCK(st.stx_mode)) {
                return error_set(err, ECANCELED, "%s is a socket, which no checkpoint holds", path);
        }
        int r = judge(walk, path, &st, err);
        if (r < 0) {
                return r;
        }
        struct entry entry;
        fill(&entry, path, &st);
        entry.hardlink = entry.type == ENTRY_FILE && st.stx_nlink > 1 ? path : NULL;
        r = add(walk, &entry, err);
        return r < 0 ? r : walk_below(walk, err);
}

static int compare_links(const void *a, const void *b) {
        const struct file_link *one = a, *other = b;
        if (one->device != other->device) {
                return one->device < other->device ? -1 : 1;
        }
        if (one->inode != other->inode) {
                return one->inode < other->inode ? -1 : 1;
        }
        return one->index < other->index ? -1 : 1;
}

/* Names of one file that are all below the declared paths belong together. */
static void join_links(struct walk *walk) {
        if (walk->n_links == 0) {
                return;
        }
        qsort(walk->links, walk->n_links, sizeof(*walk->links), compare_links);
        const struct file_link *first = &walk->links[0];
        for (size_t i = 1; i < walk->n_links; i++) {
                const struct file_link *link = &walk->links[i];
                if (link->device == first->device && link->inode == first->inode) {
                        walk->manifest->entries[link->index].hardlink =
                                walk->manifest->entries[first->index].path;
                } else {
                        first = link;
                }
        }
}

static void walk_done(struct walk *walk) {
        for (size_t i = 0; i < walk->n_frames; i++) {
                free(walk->frames[i].items);
        }
        free(walk->frames);
        free(walk->links);
}

int tree_walk(struct manifest *manifest, const struct tree_place *place, struct tree_notes *notes,
        struct error *err) {
        static const struct tree_place home;
        AUTO(walk_done)
        struct walk walk = {.manifest = manifest, .notes = notes, .place = place ? place : &home};
        for (size_t i = 0; i < manifest->n_paths; i++) {
                int r = walk_path(&walk, i, err);
                if (r < 0) {
                        return r;
                }
        }
        join_links(&walk);
        return 0;
}
