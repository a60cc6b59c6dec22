#include "executor/control_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/mount_table.h"

enum { DEPTH_MAX = 16, PROCESSES_MAX = 4096 };

/* ---- The group of groups ---- */

static char *read_membership(void) {
        AUTO_FCLOSE FILE *file = fopen("/proc/self/cgroup", "re");
        AUTO(strbuf_done) struct strbuf text = {0};
        char piece[4096];
        size_t n;
        while (file && (n = fread(piece, 1, sizeof(piece), file)) > 0) {
                strbuf_add_bytes(&text, piece, n);
        }
        return file && !ferror(file) ? strbuf_take(&text) : NULL;
}

/* FNV-1a: a short name that is the same for the same directory, not a secret. */
static uint32_t hash_of(const char *text) {
        uint32_t hash = 2166136261u;
        for (; *text; text++) {
                hash = (hash ^ (uint8_t) *text) * 16777619u;
        }
        return hash;
}

static int make_directory(const char *path) {
        return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* A read-only mount, or one of a container, lets the directory be seen but nobody be born in it. */
static int check_usable(const char *path) {
        char file[CONTROL_GROUP_PATH_MAX + 32];
        snprintf(file, sizeof(file), "%s/cgroup.procs", path);
        return access(file, W_OK) < 0 ? -errno : 0;
}

static int find_root(struct control_groups *groups, const char *runtime_dir) {
        AUTO_FREE char *mountinfo = NULL;
        AUTO_FREE char *membership = read_membership();
        char base[CONTROL_GROUP_PATH_MAX];
        if (!membership || mount_table_read(&mountinfo) < 0) {
                return -ENOENT;
        }
        int r = cgroup_locate(mountinfo, membership, base);
        if (r < 0) {
                return r;
        }
        int length = snprintf(groups->root, sizeof(groups->root), "%s/recoverd-%08" PRIx32, base,
                hash_of(runtime_dir));
        if (length >= (int) sizeof(groups->root)) {
                return -ENAMETOOLONG;
        }
        r = make_directory(groups->root);
        return r < 0 ? r : check_usable(groups->root);
}

void control_groups_init(struct control_groups *groups, const char *runtime_dir) {
        *groups = (struct control_groups){0};
        int r = find_root(groups, runtime_dir);
        if (r < 0) {
                snprintf(groups->why, sizeof(groups->why), "%s",
                        r == -ENOENT ? "no cgroup v2 hierarchy is mounted" : strerror(-r));
                groups->root[0] = '\0';
        }
}

void control_groups_done(struct control_groups *groups) {
        if (*groups->root) {
                rmdir(groups->root); /* stays where services still run */
        }
}

/* ---- The group of a service ---- */

int control_group_make(const struct control_groups *groups, const char *service,
        char ret_path[CONTROL_GROUP_PATH_MAX], struct error *err) {
        if (!*groups->root) {
                return error_set(err, ENOENT, "%s", groups->why);
        }
        char path[CONTROL_GROUP_PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s/%s", groups->root, service);
        if (length >= (int) sizeof(path)) {
                return error_set(err, ENAMETOOLONG, "cgroup of %s: path too long", service);
        }
        /* Where cgroup.kill was written once, Linux (6.18, for one) kills whatever clone3() lets be
         * born in the group later: it compares the kill counts of two different groups. So an empty
         * group is made anew. */
        (void) rmdir(path);
        int r = make_directory(path);
        if (r < 0) {
                return error_set_errno(err, -r, "mkdir %s", path);
        }
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                return error_set_errno(err, errno, "open %s", path);
        }
        str_copy(ret_path, CONTROL_GROUP_PATH_MAX, path);
        return fd;
}

static int open_member(const char *path, const char *name, int flags) {
        char file[CONTROL_GROUP_PATH_MAX + 32];
        snprintf(file, sizeof(file), "%s/%s", path, name);
        int fd = open(file, flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Before Linux 5.14 there is no cgroup.kill; what forks meanwhile is caught by the next round. */
static int kill_each(const char *path) {
        AUTO_FREE pid_t *pids = calloc(PROCESSES_MAX, sizeof(pid_t));
        ssize_t count = pids ? control_group_processes(path, pids, PROCESSES_MAX) : -ENOMEM;
        for (ssize_t i = 0; i < count; i++) {
                if (kill(pids[i], SIGKILL) < 0 && errno != ESRCH) {
                        return -errno;
                }
        }
        return count < 0 ? (int) count : 0;
}

int control_group_kill(const char *path) {
        AUTO_CLOSE int fd = open_member(path, "cgroup.kill", O_WRONLY);
        if (fd == -ENOENT) {
                return kill_each(path);
        }
        if (fd < 0) {
                return fd;
        }
        return write(fd, "1", 1) < 0 ? -errno : 0;
}

int control_group_populated(const char *path) {
        char text[256];
        AUTO_CLOSE int fd = open_member(path, "cgroup.events", O_RDONLY);
        if (fd == -ENOENT) {
                return 0;
        }
        if (fd < 0) {
                return fd;
        }
        ssize_t length = read(fd, text, sizeof(text) - 1);
        if (length < 0) {
                return errno == ENODEV ? 0 : -errno;
        }
        text[length] = '\0';
        const char *found = strstr(text, "populated ");
        return found ? found[strlen("populated ")] == '1' : -EBADMSG;
}

ssize_t control_group_processes(const char *path, pid_t *ret, size_t max) {
        int fd = open_member(path, "cgroup.procs", O_RDONLY);
        if (fd < 0) {
                return fd == -ENOENT ? 0 : fd;
        }
        AUTO_FCLOSE FILE *file = fdopen(fd, "r");
        if (!file) {
                close(fd);
                return -ENOMEM;
        }
        size_t count = 0;
        char line[32];
        while (count < max && fgets(line, sizeof(line), file)) {
                ret[count++] = (pid_t) strtol(line, NULL, 10);
        }
        return (ssize_t) count;
}

static void remove_below(const char *path, unsigned depth) {
        DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
        if (!directory) {
                return;
        }
        for (struct dirent *entry; (entry = readdir(directory));) {
                char child[CONTROL_GROUP_PATH_MAX];
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
                        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) >=
                                (int) sizeof(child)) {
                        continue;
                }
                remove_below(child, depth + 1);
                rmdir(child);
        }
        closedir(directory);
}

void control_group_remove(const char *path) {
        if (rmdir(path) < 0 && errno == EBUSY) {
                remove_below(path, 0);
                rmdir(path);
        }
}
