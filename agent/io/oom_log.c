#include "io/oom_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

enum {
        RECORD_MAX = 8192, /* CONSOLE_EXT_LOG_MAX of the kernel */
        RECORDS_MAX = 10000, /* at one look; the kernel keeps fewer in its buffer mostly */
        FACILITY_SHIFT = 3, /* of the priority; facility 0 is the kernel itself */
};

/* Inode number of the first PID namespace, fixed by the kernel (include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

static bool in_first_namespace(void) {
        char name[64];
        ssize_t length = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);
        if (length < 0) {
                return false;
        }
        name[length] = '\0';
        return str_eq(name, FIRST_PID_NAMESPACE);
}

void oom_log_open(struct oom_log *log) {
        *log = (struct oom_log){.fd = -1};
        AUTO_CLOSE int fd =
                in_first_namespace() ? open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
        if (fd >= 0 && lseek(fd, 0, SEEK_END) >= 0) {
                log->fd = TAKE_FD(fd);
        }
}

void oom_log_close(struct oom_log *log) {
        if (log->fd > 0) {
                close(log->fd);
        }
        log->fd = -1;
}

static pid_t number_after(const char *text, const char *word) {
        const char *found = strstr(text, word);
        long pid = found ? strtol(found + strlen(word), NULL, 10) : 0;
        return pid > 0 && pid <= INT_MAX ? (pid_t) pid : 0;
}

/* "PRIORITY,NUMBER,TIME,-;TEXT". The summary with all figures comes before the kill, but is left
 * out when there are many; the line about the kill itself never is. */
pid_t oom_log_parse(const char *record) {
        const char *text = strchr(record, ';');
        char *end;
        unsigned long priority = strtoul(record, &end, 10);
        if (!text || *end != ',' || priority >> FACILITY_SHIFT != 0) {
                return 0; /* anybody may write there in the name of another facility */
        }
        text++;
        if (strncmp(text, "oom-kill:", strlen("oom-kill:")) == 0) {
                return number_after(text, ",pid=");
        }
        return strstr(text, "ut of memory") ? number_after(text, "Killed process ") : 0;
}

static bool remembers(const struct oom_log *log, pid_t pid) {
        for (size_t i = 0; i < OOM_LOG_REMEMBERED; i++) {
                if (log->killed[i] == pid) {
                        return true;
                }
        }
        return false;
}

static void remember(struct oom_log *log, pid_t pid) {
        if (pid > 0 && !remembers(log, pid)) {
                log->killed[log->next] = pid;
                log->next = (log->next + 1) % OOM_LOG_REMEMBERED;
        }
}

static void forget(struct oom_log *log, pid_t pid) {
        for (size_t i = 0; i < OOM_LOG_REMEMBERED; i++) {
                if (log->killed[i] == pid) {
                        log->killed[i] = 0;
                }
        }
}

/* EPIPE: records were overwritten before they were read; the next one can be. */
static void read_new(struct oom_log *log) {
        char record[RECORD_MAX + 1];
        for (int i = 0; i < RECORDS_MAX; i++) {
                ssize_t length = read(log->fd, record, RECORD_MAX);
                if (length < 0 && errno != EPIPE && errno != EINTR) {
                        return;
                }
                if (length > 0) {
                        record[length] = '\0';
                        remember(log, oom_log_parse(record));
                }
        }
}

bool oom_log_killed(struct oom_log *log, pid_t pid) {
        if (log->fd < 0) {
                return false;
        }
        read_new(log);
        bool killed = pid > 0 && remembers(log, pid);
        forget(log, pid);
        return killed;
}
