#include "executor/process_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { STAT_TEXT_MAX = 1024, PROC_PATH_MAX = 64, TABLE_FIRST = 256 };

static void close_directory(DIR **directory) {
        if (*directory) {
                closedir(*directory);
        }
}

static ssize_t read_whole(const char *path, char *to, size_t size) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
                return -errno;
        }
        size_t length = 0;
        while (length < size - 1) {
                ssize_t n = read(fd, to + length, size - 1 - length);
                if (n < 0 && errno == EINTR) {
                        continue;
                }
                if (n < 0) {
                        return -errno;
                }
                if (n == 0) {
                        break;
                }
                length += (size_t) n;
        }
        to[length] = '\0';
        return (ssize_t) length;
}

/* Field numbers as proc_pid_stat(5) counts them; the state, number 3, is the first behind the name.
 */
enum { FIELD_STATE = 3, FIELD_PARENT = 4, FIELD_SESSION = 6, FIELD_START_TIME = 22 };

/* `rest` begins with the space behind the name. */
static int parse_fields(const char *rest, struct process_stat *stat) {
        char *end = NULL;
        stat->state = rest[1];
        const char *at = rest + 2;
        for (int field = FIELD_STATE + 1; field <= FIELD_START_TIME; field++, at = end) {
                long long value = strtoll(at, &end, 10);
                if (end == at) {
                        return -EBADMSG;
                }
                if (field == FIELD_PARENT) {
                        stat->parent = (pid_t) value;
                } else if (field == FIELD_SESSION) {
                        stat->session = (pid_t) value;
                } else if (field == FIELD_START_TIME) {
                        stat->start_time = (uint64_t) value;
                }
        }
        return 0;
}

int process_stat_read(pid_t pid, struct process_stat *ret) {
        char path[PROC_PATH_MAX], text[STAT_TEXT_MAX];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        if (read_whole(path, text, sizeof(text)) <= 0) {
                return -ESRCH;
        }
        /* The name in parentheses may hold anything, parentheses included. */
        const char *name_end = strrchr(text, ')');
        struct process_stat stat = {.pid = pid};
        if (!name_end || strlen(name_end) < 3 || parse_fields(name_end + 1, &stat) < 0) {
                return -ESRCH;
        }
        *ret = stat;
        return 0;
}

/* ---- All processes ---- */

struct table {
        struct process_stat *items;
        bool *matched;
        size_t count, capacity;
};

static void table_done(struct table *table) {
        free(table->items);
        free(table->matched);
}

static int table_grow(struct table *table) {
        size_t capacity = table->capacity ? 2 * table->capacity : TABLE_FIRST;
        struct process_stat *items =
                reallocarray(table->items, capacity, sizeof(struct process_stat));
        if (!items) {
                return -ENOMEM;
        }
        table->items = items;
        table->capacity = capacity;
        return 0;
}

static int table_fill(struct table *table,
        bool (*wanted)(const void *cookie, const struct process_stat *), const void *cookie) {
        AUTO(close_directory) DIR *proc = opendir("/proc");
        if (!proc) {
                return -errno;
        }
        for (struct dirent *entry; (entry = readdir(proc));) {
                pid_t pid =
                        (pid_t) strtol(entry->d_name, NULL, 10); /* 0 for what is not a process */
                struct process_stat stat;
                if (pid <= 0 || process_stat_read(pid, &stat) < 0 || !wanted(cookie, &stat)) {
                        continue;
                }
                if (table->count == table->capacity && table_grow(table) < 0) {
                        return -ENOMEM;
                }
                table->items[table->count++] = stat;
        }
        return 0;
}

/* ---- Those of one service ---- */

static bool alive_and_late_enough(const void *cookie, const struct process_stat *stat) {
        const struct process_match *match = cookie;
        return !process_has_ended(stat) && stat->start_time >= match->not_before &&
               stat->pid != getpid();
}

static bool has_variable(const char *environment, size_t length, const char *variable) {
        for (size_t at = 0; at < length; at += strlen(environment + at) + 1) {
                if (str_eq(environment + at, variable)) {
                        return true;
                }
        }
        return false;
}

static bool carries_invocation(pid_t pid, const char *invocation, char *room) {
        char path[PROC_PATH_MAX], variable[sizeof("INVOCATION_ID=") + INVOCATION_ID_SIZE];
        snprintf(path, sizeof(path), "/proc/%d/environ", (int) pid);
        snprintf(variable, sizeof(variable), "INVOCATION_ID=%s", invocation);
        ssize_t length = read_whole(path, room, PROCESS_ENVIRON_MAX);
        return length > 0 && has_variable(room, (size_t) length, variable);
}

static bool has_mark(
        const struct process_stat *stat, const struct process_match *match, char *room) {
        return (match->session && stat->session == match->session) ||
               (*match->invocation && carries_invocation(stat->pid, match->invocation, room));
}

static bool parent_matched(const struct table *table, pid_t parent) {
        for (size_t i = 0; i < table->count; i++) {
                if (table->matched[i] && table->items[i].pid == parent) {
                        return true;
                }
        }
        return false;
}

/* One generation more; returns whether there was one. */
static bool match_children(struct table *table) {
        bool found = false;
        for (size_t i = 0; i < table->count; i++) {
                if (!table->matched[i] && parent_matched(table, table->items[i].parent)) {
                        table->matched[i] = found = true;
                }
        }
        return found;
}

static int match_all(struct table *table, const struct process_match *match) {
        AUTO_FREE char *room = malloc(PROCESS_ENVIRON_MAX);
        table->matched = calloc(table->count + 1, sizeof(bool));
        if (!room || !table->matched) {
                return -ENOMEM;
        }
        for (size_t i = 0; i < table->count; i++) {
                table->matched[i] = has_mark(&table->items[i], match, room);
        }
        while (match_children(table)) {
        }
        return 0;
}

ssize_t process_scan(const struct process_match *match, struct process_stat *ret, size_t max) {
        AUTO(table_done) struct table table = {0};
        int r = table_fill(&table, alive_and_late_enough, match);
        if (r < 0 || (r = match_all(&table, match)) < 0) {
                return r;
        }
        size_t found = 0;
        for (size_t i = 0; i < table.count && found < max; i++) {
                if (table.matched[i]) {
                        ret[found++] = table.items[i];
                }
        }
        return (ssize_t) found;
}

static bool own_and_ended(const void *cookie, const struct process_stat *stat) {
        return stat->parent == *(const pid_t *) cookie && process_has_ended(stat);
}

ssize_t process_scan_zombies(pid_t *ret, size_t max) {
        AUTO(table_done) struct table table = {0};
        pid_t self = getpid();
        int r = table_fill(&table, own_and_ended, &self);
        if (r < 0) {
                return r;
        }
        size_t found = table.count < max ? table.count : max;
        for (size_t i = 0; i < found; i++) {
                ret[i] = table.items[i].pid;
        }
        return (ssize_t) found;
}

/* The pidfd pins the process down; what it pins is checked after it was opened. */
int process_signal(const struct process_stat *process, int signal) {
        AUTO_CLOSE int pidfd = (int) syscall(SYS_pidfd_open, process->pid, 0);
        struct process_stat now;
        if (pidfd < 0 || process_stat_read(process->pid, &now) < 0 ||
                now.start_time != process->start_time) {
                return -ESRCH;
        }
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}
