#include "probes/process_watch.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probes/mount_pools.h"
#include "probes/pidfile.h"
#include "probes/process_params.h"

static int open_pidfd(pid_t pid) {
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : fd;
}

/* A daemon that replaces itself has its successor write the pidfile before it ends. Only a file
 * that can be read without waiting is asked here. */
static bool has_successor(const struct process_watch *watch) {
        pid_t pid;
        if (!watch->pidfile || !mount_pools_in_memory(watch->host->mounts, watch->pidfile) ||
                pidfile_read_in_memory(watch->pidfile, &pid) < 0 || pid == watch->watched) {
                return false;
        }
        AUTO_CLOSE int fd = open_pidfd(pid);
        return fd >= 0;
}

static void on_death(void *cookie, uint32_t events) {
        (void) events;
        struct process_watch *watch = cookie;
        struct probe_result result = {.certain = !watch->of_manager};
        pid_t pid = watch->watched;
        if (has_successor(watch)) {
                process_watch_clear(watch); /* the next run finds the successor */
                return;
        }
        probe_conclude(&result, OUTCOME_FAIL, CAUSE_EXITED, "process %d has exited", (int) pid);
        process_watch_clear(watch);
        watch->died = pid;
        watch->host->notify(watch->host->cookie, watch->service, watch->probe, &result);
}

int process_watch_set(
        struct process_watch *watch, const struct probe_run *run, pid_t pid, const char *pidfile) {
        watch->host = run->host;
        watch->pidfile = pidfile;
        watch->service = run->service->index;
        watch->probe = run->probe;
        watch->of_manager = process_is_managers(run, pid);
        if (watch->watched == pid) {
                return 0;
        }
        process_watch_clear(watch);
        int fd = open_pidfd(pid);
        if (fd < 0) {
                return fd;
        }
        int r = loop_watch_add(&watch->watch, run->host->loop, fd, EPOLLIN, on_death, watch);
        if (r < 0) {
                close(fd);
                return r;
        }
        watch->pidfd = fd;
        watch->watched = pid;
        watch->died = 0;
        return 0;
}

void process_watch_clear(struct process_watch *watch) {
        if (watch->watched) {
                loop_watch_remove(&watch->watch);
                close(watch->pidfd);
                watch->watched = 0;
        }
}
