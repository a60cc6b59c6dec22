#include "executor/process_group.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

ssize_t process_group_members(
        const struct process_group *group, struct process_stat *ret, size_t max) {
        if (!*group->cgroup) {
                return process_scan(&group->match, ret, max);
        }
        AUTO_FREE pid_t *pids = calloc(max, sizeof(*pids));
        if (!pids) {
                return -ENOMEM;
        }
        ssize_t n = control_group_processes(group->cgroup, pids, max);
        size_t count = 0;
        for (ssize_t i = 0; i < n; i++) {
                count += process_stat_read(pids[i], &ret[count]) == 0 &&
                         !process_has_ended(&ret[count]);
        }
        return n < 0 ? n : (ssize_t) count;
}
