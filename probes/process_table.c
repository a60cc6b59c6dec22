#include "probes/process_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { ENTRIES_FIRST = 512, NAME_BYTES = 32, STAT_BYTES = 1024, DELETED_LENGTH = 10 };

#define DELETED " (deleted)"

DEFINE_CLEANUP(cleanup_table, struct process_table, process_table_free)

static void close_directory(DIR **directory) {
        if (*directory) {
                closedir(*directory);
        }
}

/* FNV-1a; what it finds is compared as text before it counts. */
uint64_t process_program_key(const char *path) {
        uint64_t hash = UINT64_C(14695981039346656037);
        for (; *path; path++) {
                hash = (hash ^ (uint8_t) *path) * UINT64_C(1099511628211);
        }
        return hash ? hash : 1;
}

/* ---- reading ---- */

static int read_stat(int proc, const char *pid, struct proc_stat *ret) {
        char name[NAME_BYTES], text[STAT_BYTES];
        snprintf(name, sizeof(name), "%.16s/stat", pid);
        AUTO_CLOSE int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n < 0) {
                return -errno;
        }
        text[n] = '\0';
        return proc_parse_stat(text, ret);
}

static uint64_t read_program(int proc, const char *pid) {
        char name[NAME_BYTES], path[PROC_PROGRAM_MAX];
        snprintf(name, sizeof(name), "%.16s/exe", pid);
        ssize_t length = readlinkat(proc, name, path, sizeof(path) - 1);
        if (length <= 0) {
                return 0;
        }
        path[length] = '\0';
        if (length > DELETED_LENGTH && str_eq(path + length - DELETED_LENGTH, DELETED)) {
                path[length - DELETED_LENGTH] = '\0';
        }
        return process_program_key(path);
}

static int grow(struct process_table *table, size_t *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : ENTRIES_FIRST;
        struct process_entry *entries =
                reallocarray(table->entries, wanted, sizeof(*table->entries));
        if (!entries) {
                return -ENOMEM;
        }
        table->entries = entries;
        *capacity = wanted;
        return 0;
}

/* Where others are hidden, the first process is: it is root's. */
static void note_refusal(struct process_table *table, int code) {
        table->restricted |= code == -EPERM || code == -EACCES;
}

static int read_entries(struct process_table *table, DIR *directory) {
        size_t capacity = 0;
        int proc = dirfd(directory);
        for (struct dirent *entry;
                (entry = readdir(directory)) && table->count < PROCESS_TABLE_MAX;) {
                struct process_entry found = {
                        .pid = (pid_t) strtol(entry->d_name, NULL, 10)}; /* 0: not a process */
                int r = found.pid > 0 ? read_stat(proc, entry->d_name, &found.stat) : -ENOENT;
                note_refusal(table, r);
                if (r < 0) {
                        continue;
                }
                if (table->has_programs) {
                        found.program = read_program(proc, entry->d_name);
                }
                if (table->count == capacity && grow(table, &capacity) < 0) {
                        return -ENOMEM;
                }
                table->entries[table->count++] = found;
        }
        return 0;
}

/* ---- order ---- */

static int compare_pids(const void *a, const void *b) {
        pid_t x = ((const struct process_entry *) a)->pid;
        pid_t y = ((const struct process_entry *) b)->pid;
        return (x > y) - (x < y);
}

static int compare_parents(const void *a, const void *b, void *entries) {
        const struct process_entry *x = (struct process_entry *) entries + *(const uint32_t *) a;
        const struct process_entry *y = (struct process_entry *) entries + *(const uint32_t *) b;
        int order = (x->stat.parent > y->stat.parent) - (x->stat.parent < y->stat.parent);
        return order ? order : (x->pid > y->pid) - (x->pid < y->pid);
}

static int sort(struct process_table *table) {
        table->by_parent = calloc(table->count + 1, sizeof(*table->by_parent));
        if (!table->by_parent) {
                return -ENOMEM;
        }
        if (table->count > 0) {
                qsort(table->entries, table->count, sizeof(*table->entries), compare_pids);
        }
        for (uint32_t i = 0; i < table->count; i++) {
                table->by_parent[i] = i;
        }
        qsort_r(table->by_parent, table->count, sizeof(*table->by_parent), compare_parents,
                table->entries);
        return 0;
}

int process_table_read(struct process_table **ret, const char *proc, bool programs) {
        AUTO(close_directory) DIR *directory = opendir(proc);
        if (!directory) {
                return -errno;
        }
        AUTO(cleanup_table) struct process_table *table = calloc(1, sizeof(*table));
        if (!table) {
                return -ENOMEM;
        }
        table->has_programs = programs;
        int r = read_entries(table, directory);
        if (r >= 0) {
                r = sort(table);
        }
        if (r < 0) {
                return r;
        }
        table->restricted |= !process_table_find(table, 1);
        *ret = TAKE_PTR(table);
        return 0;
}

void process_table_free(struct process_table *table) {
        if (table) {
                free(table->entries);
                free(table->by_parent);
                free(table);
        }
}

/* ---- questions ---- */

const struct process_entry *process_table_find(const struct process_table *table, pid_t pid) {
        const struct process_entry key = {.pid = pid};
        return table->count ? bsearch(&key, table->entries, table->count, sizeof(key), compare_pids)
                            : NULL;
}

/* The first place in by_parent whose parent is not less than this. */
static size_t first_child(const struct process_table *table, pid_t parent) {
        size_t from = 0, to = table->count;
        while (from < to) {
                size_t middle = (from + to) / 2;
                if (table->entries[table->by_parent[middle]].stat.parent < parent) {
                        from = middle + 1;
                } else {
                        to = middle;
                }
        }
        return from;
}

static void add(struct process_family *family, const struct proc_stat *stat) {
        family->rss_bytes += stat->rss_bytes;
        family->cpu += stat->cpu + stat->children_cpu;
}

/* A table is not of one instant: a process id that was used again while it was read may make a
 * circle, which ends where the generations do. */
static void add_children(const struct process_table *table, pid_t parent, unsigned generations,
        struct process_family *family) {
        for (size_t i = first_child(table, parent); i < table->count && generations > 0; i++) {
                const struct process_entry *child = &table->entries[table->by_parent[i]];
                if (child->stat.parent != parent || family->children >= table->count) {
                        return;
                }
                family->children++;
                family->zombies += proc_stat_dead(&child->stat);
                add(family, &child->stat);
                add_children(table, child->pid, generations - 1, family);
        }
}

void process_table_family(
        const struct process_table *table, pid_t pid, struct process_family *ret) {
        const struct process_entry *self = process_table_find(table, pid);
        *ret = (struct process_family){0};
        if (self) {
                add(ret, &self->stat);
        }
        add_children(table, pid, PROCESS_GENERATIONS_MAX, ret);
}
