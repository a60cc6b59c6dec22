#include "probes/proc_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { PROC_TEXT_MAX = 4096, PROC_PATH_MAX = 64, DIRECTORY_BYTES = 16 * 1024 };

/* A missing entry is a missing process, unless the process is there and only hidden from this user:
 * hidepid=1 refuses with EPERM, hidepid=2 shows nothing. */
static int explain_missing(pid_t pid, int code) {
        if (code != ENOENT && code != ESRCH) {
                return -code;
        }
        return kill(pid, 0) == 0 || errno == EPERM ? -EPERM : -ESRCH;
}

static int open_entry(pid_t pid, const char *name, int flags) {
        char path[PROC_PATH_MAX];
        snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
        return fd < 0 ? explain_missing(pid, errno) : fd;
}

static int read_entry(pid_t pid, const char *name, char text[PROC_TEXT_MAX]) {
        AUTO_CLOSE int fd = open_entry(pid, name, 0);
        if (fd < 0) {
                return fd;
        }
        ssize_t n = read(fd, text, PROC_TEXT_MAX - 1);
        if (n < 0) {
                return explain_missing(pid, errno);
        }
        text[n] = '\0';
        return 0;
}

/* Fields of /proc/PID/stat that are read, counted as in proc(5). */
enum {
        FIELD_STATE = 3,
        FIELD_PARENT,
        FIELD_USER_TIME = 14,
        FIELD_SYSTEM_TIME,
        FIELD_CHILDREN_USER_TIME,
        FIELD_CHILDREN_SYSTEM_TIME,
        FIELD_THREADS = 20,
        FIELD_START_TIME = 22,
        FIELD_RSS = 24,
        FIELD_ARGUMENTS = 48, /* arg_start; the last that is read, and the only one that may lack */
};

/* Blanks, and digits with or without a sign. Returns their end; `text` where no digit is. This is
 * done some forty times a run, so not by strtoull(). */
static const char *parse_number(const char *text, uint64_t *ret) {
        const char *digits = text;
        while (*digits == ' ' || *digits == '-') {
                digits++;
        }
        const char *end = digits;
        uint64_t value = 0;
        for (; *end >= '0' && *end <= '9'; end++) {
                value = value * 10 + (uint64_t) (*end - '0');
        }
        *ret = value;
        return end > digits ? end : text;
}

/* All from field 4 on are numbers; some of them are negative, but none of those that are read. */
static int parse_numbers(const char *text, uint64_t ret[FIELD_ARGUMENTS + 1]) {
        ret[FIELD_ARGUMENTS] = 0;
        for (int field = FIELD_STATE + 1; field <= FIELD_ARGUMENTS; field++) {
                const char *end = parse_number(text, &ret[field]);
                if (end == text) {
                        return field > FIELD_RSS ? 0 : -EBADMSG;
                }
                text = end;
        }
        return 0;
}

static usec_t from_ticks(uint64_t ticks) {
        return ticks * USEC_PER_SEC / (uint64_t) sysconf(_SC_CLK_TCK);
}

int proc_parse_stat(const char *text, struct proc_stat *ret) {
        uint64_t numbers[FIELD_ARGUMENTS + 1];
        /* The name in parentheses may itself hold anything, parentheses included. */
        const char *rest = strrchr(text, ')');
        if (!rest || rest[1] != ' ' || !rest[2] || parse_numbers(rest + 3, numbers) < 0) {
                return -EBADMSG;
        }
        *ret = (struct proc_stat){
                .state = rest[2],
                .parent = (pid_t) numbers[FIELD_PARENT],
                .threads = (uint32_t) numbers[FIELD_THREADS],
                .cpu = from_ticks(numbers[FIELD_USER_TIME] + numbers[FIELD_SYSTEM_TIME]),
                .children_cpu = from_ticks(
                        numbers[FIELD_CHILDREN_USER_TIME] + numbers[FIELD_CHILDREN_SYSTEM_TIME]),
                .start_time = numbers[FIELD_START_TIME],
                .rss_bytes = numbers[FIELD_RSS] * (uint64_t) sysconf(_SC_PAGESIZE),
                .image = numbers[FIELD_ARGUMENTS],
        };
        return 0;
}

int proc_read_stat(pid_t pid, struct proc_stat *ret) {
        char text[PROC_TEXT_MAX];
        int r = read_entry(pid, "stat", text);
        return r < 0 ? r : proc_parse_stat(text, ret);
}

/* A first thread that ended before the others shows as a zombie, too; the process lives on. */
bool proc_stat_dead(const struct proc_stat *stat) {
        return stat->state == 'X' || (stat->state == 'Z' && stat->threads <= 1);
}

/* Where the kernel counts itself, since Linux 6.2, the directory has a size. */
static bool size_of_directory(int fd, uint64_t *ret) {
        struct stat st;
        if (fstat(fd, &st) < 0 || st.st_size <= 0) {
                return false;
        }
        *ret = (uint64_t) st.st_size;
        return true;
}

static uint64_t count_records(const char *bytes, ssize_t length) {
        uint64_t count = 0;
        for (ssize_t at = 0; at < length;) {
                const struct dirent64 *entry = (const struct dirent64 *) (bytes + at);
                count += entry->d_name[0] != '.';
                at += entry->d_reclen;
        }
        return count;
}

static int count_entries(int fd, uint64_t *ret) {
        _Alignas(struct dirent64) char bytes[DIRECTORY_BYTES];
        uint64_t count = 0;
        ssize_t n;
        while ((n = getdents64(fd, bytes, sizeof(bytes))) > 0 && count < PROC_OPEN_FILES_MAX) {
                count += count_records(bytes, n);
        }
        if (n < 0) {
                return -errno;
        }
        *ret = count;
        return 0;
}

int proc_count_open_files(pid_t pid, uint64_t *ret) {
        AUTO_CLOSE int fd = open_entry(pid, "fd", O_DIRECTORY);
        if (fd < 0) {
                return fd;
        }
        if (size_of_directory(fd, ret)) {
                return 0;
        }
        int r = count_entries(fd, ret);
        return r < 0 ? explain_missing(pid, -r) : 0;
}

int proc_read_open_files_limit(pid_t pid, uint64_t *ret_soft) {
        char text[PROC_TEXT_MAX];
        int r = read_entry(pid, "limits", text);
        if (r < 0) {
                return r;
        }
        static const char key[] = "Max open files";
        const char *line = strstr(text, key);
        if (!line) {
                return -EBADMSG;
        }
        line += strlen(key);
        line += strspn(line, " ");
        if (str_starts(line, "unlimited")) {
                *ret_soft = UINT64_MAX;
                return 0;
        }
        char *end;
        uint64_t limit = strtoull(line, &end, 10);
        if (end == line) {
                return -EBADMSG;
        }
        *ret_soft = limit;
        return 0;
}

static void cut_suffix(char *text, const char *suffix) {
        size_t length = strlen(text), cut = strlen(suffix);
        if (length > cut && str_eq(text + length - cut, suffix)) {
                text[length - cut] = '\0';
        }
}

int proc_read_program(pid_t pid, char ret[PROC_PROGRAM_MAX]) {
        char path[PROC_PATH_MAX];
        snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
        ssize_t length = readlink(path, ret, PROC_PROGRAM_MAX - 1);
        if (length < 0) {
                return explain_missing(pid, errno);
        }
        ret[length] = '\0';
        cut_suffix(ret, " (deleted)");
        return 0;
}

ssize_t proc_read_arguments(pid_t pid, char ret[PROC_ARGUMENTS_MAX]) {
        AUTO_CLOSE int fd = open_entry(pid, "cmdline", 0);
        size_t length = 0;
        ssize_t n = 1;
        if (fd < 0) {
                return fd;
        }
        while (n > 0 && length < PROC_ARGUMENTS_MAX - 1) {
                n = read(fd, ret + length, PROC_ARGUMENTS_MAX - 1 - length);
                length += n > 0 ? (size_t) n : 0;
        }
        if (n < 0) {
                return explain_missing(pid, errno);
        }
        ret[length] = '\0';
        return (ssize_t) length;
}

uint64_t proc_memory_size(void) {
        struct sysinfo info;
        return sysinfo(&info) < 0 ? 0 : (uint64_t) info.totalram * info.mem_unit;
}
