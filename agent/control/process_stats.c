#include "control/process_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(cleanup_dir, DIR, (void) closedir)

/* A small file of /proc as text. -errno, -ENODATA when it is empty. */
static int read_small(const char *path, char *text, size_t size) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
        if (n <= 0) {
                return n < 0 ? -errno : -ENODATA;
        }
        text[n] = 0;
        return 0;
}

/* Field 22 of /proc/PID/stat, in clock ticks since the boot; proc(5). The name of the process may
 * hold anything, so fields count from behind the last ')'. */
wall_usec_t process_started(struct instant now) {
        enum { FIELD_BEHIND_NAME = 3, FIELD_STARTED = 22 };
        char text[1024];
        int r = read_small("/proc/self/stat", text, sizeof(text));
        const char *rest = r < 0 ? NULL : strrchr(text, ')');
        for (int field = FIELD_BEHIND_NAME; rest && field <= FIELD_STARTED; field++) {
                rest = strchr(rest + 1, ' ');
        }
        if (!rest) {
                return 0;
        }
        uint64_t ticks = strtoull(rest, NULL, 10);
        usec_t since_boot = ticks * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK);
        return usec_sub(now.wall, usec_sub(now.mono, since_boot));
}

/* /proc/PID/statm: pages mapped, pages resident. */
static void read_memory(struct process_stats *stats) {
        char text[128], *rest;
        if (read_small("/proc/self/statm", text, sizeof(text)) < 0) {
                return;
        }
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
        stats->virtual_bytes = strtoull(text, &rest, 10) * page;
        stats->resident_bytes = strtoull(rest, NULL, 10) * page;
}

static uint64_t count_fds(void) {
        struct stat folder;
        if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
                return (uint64_t) folder.st_size; /* Linux 6.2 and later count for us */
        }
        AUTO(cleanup_dir) DIR *dir = opendir("/proc/self/fd");
        uint64_t n = 0;
        if (!dir) {
                return 0;
        }
        for (const struct dirent *entry; (entry = readdir(dir));) {
                n += entry->d_name[0] != '.';
        }
        return n > 0 ? n - 1 : 0; /* without the one that reads the directory */
}

struct process_stats process_stats(void) {
        struct process_stats stats = {0};
        struct rlimit limit;
        read_memory(&stats);
        stats.cpu_seconds = (double) clock_cpu() / (double) USEC_PER_SEC;
        stats.open_fds = count_fds();
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                stats.max_fds = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
        }
        return stats;
}
