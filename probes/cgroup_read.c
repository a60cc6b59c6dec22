#include "probes/cgroup_read.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "io/mount_table.h"
#include "probes/small_file.h"

int cgroup_of_process(pid_t pid, char ret_path[CGROUP_PATH_MAX]) {
        AUTO_FREE char *mountinfo = NULL;
        char directory[32], membership[SMALL_FILE_MAX];
        snprintf(directory, sizeof(directory), "/proc/%d", (int) pid);
        int r = small_file_read(directory, "cgroup", membership);
        if (r < 0) {
                return r == -ENOENT ? -ESRCH : r;
        }
        r = mount_table_read(&mountinfo);
        return r < 0 ? r : cgroup_locate(mountinfo, membership, ret_path);
}

/* A hierarchy without swap accounting has no such file. */
static int read_optional(
        const char *directory, const char *name, uint64_t otherwise, uint64_t *ret) {
        int r = small_file_number(directory, name, ret);
        if (r == -ENOENT) {
                *ret = otherwise;
                return 0;
        }
        return r;
}

int cgroup_read_memory(const char *directory, struct cgroup_memory *ret) {
        struct cgroup_memory memory;
        int r = small_file_number(directory, "memory.current", &memory.current_bytes);
        if (r >= 0) {
                r = small_file_number(directory, "memory.max", &memory.limit_bytes);
        }
        if (r >= 0) {
                r = read_optional(directory, "memory.swap.current", 0, &memory.swap_bytes);
        }
        if (r >= 0) {
                r = read_optional(
                        directory, "memory.swap.max", UINT64_MAX, &memory.swap_limit_bytes);
        }
        if (r >= 0) {
                *ret = memory;
        }
        return r;
}

int cgroup_read_oom_kills(const char *directory, uint64_t *ret) {
        char text[SMALL_FILE_MAX];
        int r = small_file_read(directory, "memory.events", text);
        if (r < 0) {
                return r;
        }
        return small_file_key(text, "oom_kill", ret) ? 0 : -EBADMSG;
}

/* cpu.stat is always there; its counts of periods only where the controller is enabled. */
int cgroup_read_cpu(const char *directory, struct cgroup_cpu *ret) {
        char text[SMALL_FILE_MAX];
        struct cgroup_cpu cpu;
        int r = small_file_read(directory, "cpu.stat", text);
        if (r < 0) {
                return r;
        }
        if (!small_file_key(text, "nr_periods", &cpu.periods) ||
                !small_file_key(text, "nr_throttled", &cpu.throttled_periods)) {
                return -ENOENT;
        }
        *ret = cpu;
        return 0;
}
