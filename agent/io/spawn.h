#pragma once
/* Starts a program: fork, set up, execve, without a shell. The caller learns of a failed set-up
 * through a descriptor, so that a program on a hung mount cannot block it, and holds the process by
 * its pidfd. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"

enum { SPAWN_MAX_GROUPS = 64, SPAWN_MAX_LIMITS = 16 };

struct spawn_limit {
        int resource; /* RLIMIT_NOFILE, ... */
        struct rlimit value;
};

/* Borrowed for the call. Always done: own session and process group, signal mask and dispositions
 * reset, descriptors above 2 closed. */
struct spawn_request {
        const char *const *argv; /* NULL-terminated; argv[0] is an absolute path */
        const char *const *environment; /* NULL-terminated, all of it; NULL: empty */
        const char *directory; /* NULL: / */
        int stdin_fd, stdout_fd, stderr_fd; /* borrowed; -1: /dev/null */
        int cgroup_fd; /* directory of a cgroup v2 that the process is born in; -1: none */
        bool change_user; /* to the ids below, with exactly these supplementary groups */
        uid_t uid;
        gid_t gid;
        const gid_t *groups;
        size_t n_groups;
        mode_t umask; /* 0: 022 */
        bool share_memory; /* as vfork(2): the caller's thread waits for execve, for as long as that
                            * takes; for worker threads. Not with cgroup_fd. */
        const struct spawn_limit *limits;
        size_t n_limits;
};

/* -1 in every descriptor: empty. */
struct spawned {
        pid_t pid; /* also the process group and the session */
        int pidfd;
        int status_fd; /* non-blocking; readable once the set-up failed, at its end once execve
                          worked */
};

#define SPAWN_REQUEST_INIT                                                                         \
        { .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .cgroup_fd = -1 }

/* Everything that can be refused beforehand is: relative path, too many groups or limits (-EINVAL).
 */
int spawn_start(const struct spawn_request *request, struct spawned *ret, struct error *err);
/* Closes both descriptors; the process is not touched. */
void spawned_done(struct spawned *spawned);

enum spawn_state { SPAWN_PENDING, SPAWN_RUNNING, SPAWN_FAILED };
/* Reads status_fd. FAILED: err says which step failed and why; the process has exited or is about
 * to. */
enum spawn_state spawn_state(const struct spawned *spawned, struct error *err);
