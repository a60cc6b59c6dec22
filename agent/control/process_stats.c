#include "control/process_stats.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(cleanup_dir, DIR, (void) closedir)

enum { /* fields of /proc/PID/stat behind the name, which is field 2; proc(5) */
        STAT_STARTED = 22 - 3,
        STAT_VIRTUAL = 23 - 3,
        STAT_RESIDENT = 24 - 3,
        STAT_FIELDS,
};

/* The name of the process may hold anything, so fields count from behind the last ')'. */
static int parse_stat(char *line, uint64_t fields[STAT_FIELDS]) {
        char *rest = strrchr(line, ')');
        if (!rest) {
                return -EINVAL;
        }
        rest += strlen(")");
        for (size_t i = 0; i < STAT_FIELDS; i++) {
                rest += strspn(rest, " ");
                const char *field = strsep(&rest, " ");
                if (!rest) {
                        return -EINVAL;
                }
                fields[i] = strtoull(field, NULL, 10); /* 0 for the letter of the state */
        }
        return 0;
}

static void read_stat(struct process_stats *stats, struct instant now) {
        AUTO_FCLOSE FILE *file = fopen("/proc/self/stat", "re");
        char line[1024];
        uint64_t fields[STAT_FIELDS];
        if (!file || !fgets(line, sizeof(line), file) || parse_stat(line, fields) < 0) {
                return;
        }
        usec_t since_boot = fields[STAT_STARTED] * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK);
        stats->started = usec_sub(now.wall, usec_sub(now.mono, since_boot));
        stats->virtual_bytes = fields[STAT_VIRTUAL];
        stats->resident_bytes = fields[STAT_RESIDENT] * (uint64_t) sysconf(_SC_PAGESIZE);
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

struct process_stats process_stats(struct instant now) {
        struct process_stats stats = {0};
        struct rlimit limit;
        read_stat(&stats, now);
        stats.cpu_seconds = (double) clock_cpu() / (double) USEC_PER_SEC;
        stats.open_fds = count_fds();
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                stats.max_fds = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
        }
        return stats;
}
