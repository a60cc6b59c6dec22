#include "policy/source_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/problems.h"

/* What reading needs everywhere. */
struct reading {
        struct source_files *files;
        struct problems *problems;
        bool trusted_only;
};

static void close_dir(DIR **dir) {
        if (*dir) {
                closedir(*dir);
        }
}

void source_files_done(struct source_files *files) {
        free(files->items);
        files->items = NULL;
        files->count = files->capacity = 0;
}

/* ---- The list of files ------------------------------------------------------------------------
 */

static int add_file(
        struct source_files *files, const char *name, bool config, struct source_file **ret) {
        if (files->count == files->capacity) {
                size_t capacity = files->capacity ? 2 * files->capacity : 16;
                struct source_file **items = reallocarray(files->items, capacity, sizeof(*items));
                if (!items) {
                        return -ENOMEM;
                }
                files->items = items;
                files->capacity = capacity;
        }
        struct source_file *file = arena_alloc(files->arena, sizeof(*file));
        if (!file) {
                return -ENOMEM;
        }
        file->name = arena_strdup(files->arena, name);
        file->order = (uint32_t) files->count;
        file->config = config;
        if (!file->name) {
                return -ENOMEM;
        }
        files->items[files->count++] = file;
        *ret = file;
        return 0;
}

int source_files_add_text(struct source_files *files, const char *name, const char *text,
        size_t length, bool config) {
        struct source_file *file;
        int r = add_file(files, name, config, &file);
        if (r < 0) {
                return r;
        }
        char *copy = arena_alloc(files->arena, length + 1);
        if (!copy) {
                return -ENOMEM;
        }
        memcpy(copy, text, length);
        file->text = copy;
        file->length = length;
        return 0;
}

/* ---- Trust ------------------------------------------------------------------------------------
 */

/* The file cannot be used: an error about it as a whole. Returns -EINVAL. */
__attribute__((format(printf, 5, 6))) static int refuse(struct reading *reading,
        struct source_file *file, const char *code, const char *hint, const char *format, ...) {
        struct place place = {.file = file};
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(reading->problems, PROBLEM_ERROR, code, &place, hint, format, arguments);
        va_end(arguments);
        reading->files->incomplete = true;
        return -EINVAL;
}

static const char *hint_with(char text[PROBLEM_HINT_MAX], const char *command, const char *path) {
        snprintf(text, PROBLEM_HINT_MAX, "%s %s", command, path);
        return text;
}

/* Whoever may write to a policy decides what the executor does as root. */
static int check_trust(struct reading *reading, struct source_file *file, const char *what,
        const char *path, const struct stat *st, mode_t forbidden) {
        char hint[PROBLEM_HINT_MAX];

        if (!reading->trusted_only) {
                return 0;
        }
        if (st->st_uid != 0 && st->st_uid != geteuid()) {
                return refuse(reading, file, "untrusted-file", hint_with(hint, "chown root", path),
                        "%s is owned by user %u, who is neither root nor the user of this process",
                        what, st->st_uid);
        }
        if (st->st_mode & forbidden) {
                return refuse(reading, file, "untrusted-file", hint_with(hint, "chmod go-w", path),
                        "%s may be written to by others than its owner", what);
        }
        return 0;
}

/* Others who may rename files in the directory can replace the policy; a sticky directory is safe.
 */
static int check_directory(struct reading *reading, struct source_file *file, const char *path,
        const struct stat *st) {
        mode_t forbidden = st->st_mode & S_ISVTX ? 0 : S_IWGRP | S_IWOTH;
        return check_trust(reading, file, "the directory", path, st, forbidden);
}

static int check_parent(struct reading *reading, struct source_file *file) {
        char path[PATH_MAX];
        struct stat st;

        if (!reading->trusted_only) {
                return 0;
        }
        const char *slash = strrchr(file->name, '/');
        int length = slash ? (int) MAX(slash - file->name, 1) : 1;
        snprintf(path, sizeof(path), "%.*s", length, slash ? file->name : ".");
        if (stat(path, &st) < 0) {
                return refuse(reading, file, "unreadable-file", NULL, "%s: %m", path);
        }
        return check_directory(reading, file, path, &st);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static int check_kind(struct reading *reading, struct source_file *file, const struct stat *st) {
        if (!S_ISREG(st->st_mode)) {
                return refuse(reading, file, "unreadable-file", NULL, "not a regular file");
        }
        if (st->st_size > SOURCE_BYTES_MAX) {
                return refuse(reading, file, "too-large", "split it into several files",
                        "the file has %jd bytes, more than the %d that are read",
                        (intmax_t) st->st_size, SOURCE_BYTES_MAX);
        }
        return check_trust(reading, file, "the file", file->name, st, S_IWGRP | S_IWOTH);
}

/* Reads what was there at the time of fstat; a file that grows meanwhile is cut, one that shrinks
 * is short. */
static int read_bytes(struct reading *reading, struct source_file *file, int fd, size_t size) {
        char *text = arena_alloc(reading->files->arena, size + 1);
        if (!text) {
                return -ENOMEM;
        }
        size_t length = 0;
        while (length < size) {
                ssize_t n = read(fd, text + length, size - length);
                if (n < 0 && errno == EINTR) {
                        continue;
                }
                if (n < 0) {
                        return refuse(reading, file, "unreadable-file", NULL, "cannot be read: %m");
                }
                if (n == 0) {
                        break;
                }
                length += (size_t) n;
        }
        file->text = text;
        file->length = length;
        return 0;
}

static int check_total(struct reading *reading, struct source_file *file, size_t size) {
        struct source_files *files = reading->files;

        if (size > SOURCE_TOTAL_MAX - files->bytes) {
                return refuse(reading, file, "too-large", NULL,
                        "the policy files have more than %d bytes together", SOURCE_TOTAL_MAX);
        }
        files->bytes += size;
        return 0;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
static int read_opened(struct reading *reading, struct source_file *file) {
        AUTO_CLOSE int fd = open(file->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                return refuse(reading, file, errno == ENOENT ? "missing-file" : "unreadable-file",
                        NULL, errno == ENOENT ? "there is no such file" : "cannot be opened: %m");
        }
        int r = check_kind(reading, file, &st);
        r = r < 0 ? r : check_parent(reading, file);
        r = r < 0 ? r : check_total(reading, file, (size_t) st.st_size);
        return r < 0 ? r : read_bytes(reading, file, fd, (size_t) st.st_size);
}

/* A file that is refused stays in the list, without text, because the problem refers to it. */
static int read_file(struct reading *reading, const char *path, bool config) {
        struct source_file *file;
        int r = add_file(reading->files, path, config, &file);
        if (r < 0) {
                return r;
        }
        if (file->order >= SOURCE_FILES_MAX) {
                return refuse(reading, file, "too-many-files", NULL,
                        "there are more than %d policy files", SOURCE_FILES_MAX);
        }
        return read_opened(reading, file);
}

/* ---- Directories ------------------------------------------------------------------------------
 */

enum relevance { IGNORED, POLICY_FILE, MISNAMED };

static enum relevance relevance_of(const char *name) {
        size_t length = strlen(name);
        if (name[0] == '.') {
                return IGNORED;
        }
        if (length > 5 && str_eq(name + length - 5, ".yaml")) {
                return POLICY_FILE;
        }
        return length > 4 && str_eq(name + length - 4, ".yml") ? MISNAMED : IGNORED;
}

static void warn_misnamed(
        struct reading *reading, struct source_file *directory, const char *name) {
        struct place place = {.file = directory};
        problems_add(reading->problems, PROBLEM_WARNING, "ignored-file", &place,
                "policy files end in .yaml", "%s/%s is not read", directory->name, name);
}

static int compare_names(const void *left, const void *right) {
        return strcmp(*(const char *const *) left, *(const char *const *) right);
}

struct names {
        char **items;
        size_t count, capacity;
};

static void names_done(struct names *names) {
        for (size_t i = 0; i < names->count; i++) {
                free(names->items[i]);
        }
        free(names->items);
}

static int names_add(struct names *names, const char *directory, const char *name) {
        if (names->count == names->capacity) {
                size_t capacity = names->capacity ? 2 * names->capacity : 64;
                char **items = reallocarray(names->items, capacity, sizeof(*items));
                if (!items) {
                        return -ENOMEM;
                }
                names->items = items;
                names->capacity = capacity;
        }
        const char *slash = directory[strlen(directory) - 1] == '/' ? "" : "/";
        if (asprintf(&names->items[names->count], "%s%s%s", directory, slash, name) < 0) {
                return -ENOMEM;
        }
        names->count++;
        return 0;
}

static int list_directory(
        struct reading *reading, struct source_file *directory, DIR *dir, struct names *names) {
        for (;;) {
                errno = 0;
                const struct dirent *entry = readdir(dir);
                if (!entry) {
                        return errno ? refuse(reading, directory, "unreadable-file", NULL,
                                               "cannot be listed: %m")
                                     : 0;
                }
                enum relevance relevance = relevance_of(entry->d_name);
                if (relevance == MISNAMED) {
                        warn_misnamed(reading, directory, entry->d_name);
                }
                if (relevance != POLICY_FILE) {
                        continue;
                }
                if (names->count >= SOURCE_FILES_MAX) {
                        return refuse(reading, directory, "too-many-files", NULL,
                                "the directory holds more than %d policy files", SOURCE_FILES_MAX);
                }
                int r = names_add(names, directory->name, entry->d_name);
                if (r < 0) {
                        return r;
                }
        }
}

static int read_names(struct reading *reading, struct names *names) {
        if (names->count > 1) {
                qsort(names->items, names->count, sizeof(*names->items), compare_names);
        }
        for (size_t i = 0; i < names->count; i++) {
                int r = read_file(reading, names->items[i], false);
                if (r == -ENOMEM) {
                        return r;
                }
        }
        return 0;
}

/* The directory itself takes a place among the files, so that problems can name it. */
static int read_directory(struct reading *reading, const char *path, DIR *dir) {
        AUTO(names_done) struct names names = {0};
        struct source_file *directory;
        struct stat st;

        int r = add_file(reading->files, path, false, &directory);
        if (r < 0) {
                return r;
        }
        if (fstat(dirfd(dir), &st) < 0) {
                return refuse(reading, directory, "unreadable-file", NULL, "cannot be listed: %m");
        }
        r = check_directory(reading, directory, path, &st);
        r = r < 0 ? r : list_directory(reading, directory, dir, &names);
        return r < 0 ? r : read_names(reading, &names);
}

static int read_path(struct reading *reading, const char *path) {
        AUTO(close_dir) DIR *dir = opendir(path);
        return dir ? read_directory(reading, path, dir) : read_file(reading, path, false);
}

int source_files_read(struct source_files *files, const struct policy_sources *sources,
        struct problems *problems) {
        struct reading reading = {
                .files = files, .problems = problems, .trusted_only = sources->trusted_only};

        int r = sources->config ? read_file(&reading, sources->config, true) : 0;
        for (size_t i = 0; r != -ENOMEM && i < sources->n_paths; i++) {
                r = read_path(&reading, sources->paths[i]);
        }
        return r == -ENOMEM ? r : 0;
}
