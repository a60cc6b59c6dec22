#include "executor/release_content.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "executor/executor.h"

struct release_job {
        struct content_job job;
        struct worker_task *task;
};

/* The thread's own. */
struct work {
        char link[PATH_MAX], releases[PATH_MAX];
        char from[NAME_MAX + 1], to[NAME_MAX + 1]; /* of an exchange; `to` "": find out */
        bool prepare; /* only see whether `to` can be used */
        char name[NAME_MAX + 1]; /* the result */
        wall_usec_t since;
        char text[CONTENT_TEXT_MAX];
};

/* ---- In the thread ---- */

static int fail(struct work *work, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int fail(struct work *work, int error, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(work->text, sizeof(work->text), format, arguments);
        va_end(arguments);
        return -error;
}

static int fail_with_reason(struct work *work, const char *what) {
        int error = errno;
        return fail(work, error, "%.300s: %s", what, strerror(error));
}

/* The folder of the link, which is opened once and used for all that follows. */
static int open_parent(struct work *work, const char **ret_name, int *ret) {
        char folder[PATH_MAX];
        str_copy(folder, sizeof(folder), work->link);
        char *slash = strrchr(folder, '/');
        *ret_name = work->link + (slash - folder) + 1;
        slash[slash == folder] = '\0';
        *ret = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? fail_with_reason(work, folder) : 0;
}

static int read_link(struct work *work, int parent, const char *name, char target[PATH_MAX]) {
        struct stat status;
        if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
                return fail_with_reason(work, work->link);
        }
        if (!S_ISLNK(status.st_mode)) {
                return fail(work, EINVAL, "%.300s is no symbolic link", work->link);
        }
        ssize_t length = readlinkat(parent, name, target, PATH_MAX);
        if (length <= 0 || length >= PATH_MAX) {
                return length < 0 ? fail_with_reason(work, work->link)
                                  : fail(work, EINVAL, "%.300s: it leads nowhere", work->link);
        }
        target[length] = '\0';
        while (length > 1 && target[length - 1] == '/') {
                target[--length] = '\0';
        }
        /* When a link was made is when its inode changed last: nobody can set that. */
        work->since = (wall_usec_t) status.st_ctim.tv_sec * USEC_PER_SEC +
                      (wall_usec_t) status.st_ctim.tv_nsec / 1000;
        return 0;
}

/* The release is the last part of where the link leads, and has to lie in the folder of releases
 * itself. One that is gone is named by the link all the same. */
static int name_release(struct work *work, const char *target) {
        char releases[PATH_MAX], led[PATH_MAX], folder[PATH_MAX];
        const char *slash = strrchr(target, '/');
        const char *name = slash ? slash + 1 : target;
        if (target[0] == '/') {
                str_copy(led, sizeof(led), target);
        } else {
                int length = (int) (strrchr(work->link, '/') - work->link);
                if (snprintf(led, sizeof(led), "%.*s/%s", length, work->link, target) >=
                        (int) sizeof(led)) {
                        return fail(work, ENAMETOOLONG, "%.300s: too long", work->link);
                }
        }
        *strrchr(led, '/') = '\0';
        if (!realpath(work->releases, releases)) {
                return fail_with_reason(work, work->releases);
        }
        if (!realpath(*led ? led : "/", folder) || !str_eq(folder, releases) ||
                str_eq(name, "..") || str_eq(name, ".") || strlen(name) > NAME_MAX) {
                return fail(work, EINVAL, "the link leads to %.150s, which is none of the releases",
                        target);
        }
        str_copy(work->name, sizeof(work->name), name);
        str_make_printable(work->name);
        return str_eq(work->name, name)
                       ? 0
                       : fail(work, EINVAL, "the name of the release '%.150s' cannot be printed",
                                 work->name);
}

static int check_release(struct work *work) {
        AUTO_CLOSE int releases = open(work->releases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int release = releases < 0
                                         ? -1
                                         : openat(releases, work->to,
                                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return release < 0 ? fail(work, errno, "the release %.150s cannot be used: %s", work->to,
                                     strerror(errno))
                           : 0;
}

/* Beside the old one, with its owner, then in its place. */
static int put_link(struct work *work, int parent, const char *name, const char *target) {
        char temporary[NAME_MAX + 1];
        struct stat status;
        snprintf(temporary, sizeof(temporary), ".%.200s.recoverd", name);
        if (unlinkat(parent, temporary, 0) < 0 && errno != ENOENT) {
                return fail_with_reason(work, temporary);
        }
        if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
                symlinkat(target, parent, temporary) < 0) {
                return fail_with_reason(work, work->link);
        }
        if (fchownat(parent, temporary, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
                renameat(parent, temporary, parent, name) < 0 || fsync(parent) < 0) {
                int r = fail_with_reason(work, work->link);
                unlinkat(parent, temporary, 0);
                return r;
        }
        return 0;
}

static int exchange(struct work *work, int parent, const char *name, const char *target) {
        char next[PATH_MAX];
        const char *slash = strrchr(target, '/');
        int length = slash ? (int) (slash + 1 - target) : 0;
        if (!str_eq(work->name, work->from)) {
                return fail(
                        work, EBUSY, "somebody has changed it meanwhile, to %.150s", work->name);
        }
        int r = check_release(work);
        if (r < 0 || work->prepare) {
                return r;
        }
        if (snprintf(next, sizeof(next), "%.*s%s", length, target, work->to) >=
                (int) sizeof(next)) {
                return fail(work, ENAMETOOLONG, "%.300s: too long", work->link);
        }
        r = put_link(work, parent, name, next);
        if (r == 0) {
                str_copy(work->name, sizeof(work->name), work->to);
        }
        return r;
}

static int run(void *data) {
        struct work *work = data;
        AUTO_CLOSE int parent = -1;
        const char *name = NULL;
        char target[PATH_MAX] = "";
        int r = open_parent(work, &name, &parent);
        r = r < 0 ? r : read_link(work, parent, name, target);
        r = r < 0 ? r : name_release(work, target);
        return r < 0 || !*work->to ? r : exchange(work, parent, name, target);
}

/* ---- In the loop ---- */

static void on_done(void *cookie, int result, void *data) {
        struct release_job *self = cookie;
        struct content_result *ret = &self->job.result;
        const struct work *work = data;
        self->task = NULL;
        if (!work) {
                content_job_fail(&self->job, result, "%.300s: the disk does not answer",
                        self->job.request.service->rollback->release->link);
                return;
        }
        ret->result = result;
        ret->since = work->since;
        str_copy(ret->name, sizeof(ret->name), work->name);
        str_copy(ret->text, sizeof(ret->text), work->text);
        content_job_end(&self->job);
}

static int start(struct content_job *job, struct error *err) {
        struct release_job *self = (struct release_job *) job;
        const struct content_request *request = &job->request;
        const struct release_spec *release = request->service->rollback->release;
        AUTO_FREE struct work *work = calloc(1, sizeof(*work));
        if (!work) {
                return error_set(err, ENOMEM, "out of memory");
        }
        bool fits = str_copy(work->link, sizeof(work->link), release->link) &&
                    str_copy(work->releases, sizeof(work->releases), release->releases);
        work->prepare = request->task == CONTENT_PREPARE;
        if (request->task != CONTENT_LOOK) {
                fits = fits && str_copy(work->from, sizeof(work->from), request->from) &&
                       str_copy(work->to, sizeof(work->to), request->to);
        }
        if (!fits) {
                return error_set(err, ENAMETOOLONG, "%.300s: too long", release->link);
        }
        const struct worker_job task = {
                .run = run,
                .release = free,
                .done = on_done,
                .data = work,
                .cookie = self,
                .deadline = request->deadline,
        };
        int r = worker_submit(request->executor->disk, &task, &self->task, err);
        if (r == 0) {
                work = NULL;
        }
        return r;
}

static void release(struct content_job *job) {
        struct release_job *self = (struct release_job *) job;
        if (self->task) {
                worker_cancel(self->task);
        }
}

const struct content_kind release_content = {
        .size = sizeof(struct release_job),
        .start = {[CONTENT_LOOK] = start,
                [CONTENT_PREPARE] = start,
                [CONTENT_EXCHANGE] = start,
                [CONTENT_BACK] = start},
        .release = release,
};
