#include "probes/process_watch.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static void on_death(void *cookie, uint32_t events) {
        (void) events;
        struct process_watch *watch = cookie;
        struct probe_result result = {.certain = true};
        pid_t pid = watch->watched;
        probe_conclude(&result, OUTCOME_FAIL, CAUSE_EXITED, "process %d has exited", (int) pid);
        process_watch_clear(watch);
        watch->died = pid;
        watch->host->notify(watch->host->cookie, watch->service, watch->probe, &result);
}

int process_watch_set(struct process_watch *watch, const struct probe_run *run, pid_t pid) {
        watch->host = run->host;
        watch->service = run->service->index;
        watch->probe = run->probe;
        if (watch->watched == pid) {
                return 0;
        }
        process_watch_clear(watch);
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0) {
                return -errno;
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
