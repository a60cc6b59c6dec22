/* When the agent was started, in a file of the state directory: a start that did not end in order
 * stays there. Not in the state database, which may be what makes the agent crash. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "recovery/crash_loop.h"
#include "runtime/shell.h"

enum { FILE_MAX = 512 };

static char *path_of(const struct runtime *runtime) {
        char *path = NULL;
        return asprintf(&path, "%s/starts", runtime->options.state_dir) < 0 ? NULL : path;
}

/* One moment a line, in microseconds since 1970, oldest first. What makes no sense ends it. */
static size_t read_starts(const char *path, wall_usec_t ret[CRASH_LOOP_STARTS_MAX]) {
        char text[FILE_MAX + 1];
        size_t count = 0;
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        ssize_t n = fd >= 0 ? read(fd, text, FILE_MAX) : 0;
        text[n > 0 ? n : 0] = '\0';
        for (char *at = text, *end; count < CRASH_LOOP_STARTS_MAX; at = end) {
                unsigned long long moment = strtoull(at, &end, 10);
                if (end == at) {
                        break;
                }
                ret[count++] = moment;
        }
        return count;
}

static int write_starts(const char *path, const wall_usec_t *starts, size_t n) {
        char text[FILE_MAX];
        size_t length = 0;
        for (size_t i = 0; i < n; i++) {
                length += (size_t) snprintf(text + length, sizeof(text) - length, "%llu\n",
                        (unsigned long long) starts[i]);
        }
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0) {
                return -errno;
        }
        return write(fd, text, length) == (ssize_t) length ? 0 : -EIO;
}

void starts_note(struct runtime *runtime) {
        wall_usec_t starts[CRASH_LOOP_STARTS_MAX + 1];
        const struct crash_loop_spec *spec = &runtime->policy->agent.crash_loop;
        struct instant now = loop_now(runtime->loop);
        AUTO_FREE char *path = path_of(runtime);
        if (!path) {
                return;
        }
        size_t n = read_starts(path, starts);
        usec_t quiet = crash_loop_quiet(spec, starts, n, now.wall);
        if (quiet > 0) {
                struct hold hold = {
                        .on = true, .since = now.mono, .until = usec_add(now.mono, quiet)};
                str_copy(hold.by, sizeof(hold.by), "the agent");
                crash_loop_describe(spec, starts, n, now.wall, hold.reason, sizeof(hold.reason));
                turns_feed(runtime, &(struct input){.kind = INPUT_HOLD,
                                            .hold = {.source = HOLD_CRASHES, .hold = hold}});
                effects_say(runtime, LOG_ERR,
                        "%s: it only observes; `recoverctl release` ends that", hold.reason);
        }
        size_t skip = n == CRASH_LOOP_STARTS_MAX;
        starts[n] = now.wall;
        int r = write_starts(path, starts + skip, n + 1 - skip);
        if (r < 0) {
                log_warning("cannot write %s: %s, ignoring", path, strerror(-r));
        }
}

void starts_forget(struct runtime *runtime) {
        AUTO_FREE char *path = path_of(runtime);
        wall_usec_t now = loop_now(runtime->loop).wall;
        if (path) {
                (void) write_starts(path, &now, 1);
        }
}

void starts_end(struct runtime *runtime) {
        AUTO_FREE char *path = path_of(runtime);
        if (path) {
                (void) unlink(path);
        }
}
