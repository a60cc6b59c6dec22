#include "control/process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(cleanup_dir, DIR, (void) closedir)

/* proc(5): field 22 starttime and 23 vsize count from behind the last ')', as the name may hold
 * anything. */
static void read_stat(struct process_stats *stats, struct instant now) {
        AUTO_FCLOSE FILE *file = fopen("/proc/self/stat", "re");
        char line[1024];
        if (!file || !fgets(line, sizeof(line), file)) {
                return;
        }
        const char *after = strrchr(line, ')');
        uint64_t start_ticks, virtual_bytes, resident_pages;
        if (!after || sscanf(after + 1,
                              " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                              " %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNu64,
                              &start_ticks, &virtual_bytes, &resident_pages) != 3) {
                return;
        }
        usec_t since_boot = start_ticks * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK);
        stats->started = usec_sub(now.wall, usec_sub(now.mono, since_boot));
        stats->virtual_bytes = virtual_bytes;
        stats->resident_bytes = resident_pages * (uint64_t) sysconf(_SC_PAGESIZE);
}

static uint64_t count_fds(void) {
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
