#include "io/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

struct launch {
        struct worker_task *task;
        launch_done done;
        void *cookie;
};

/* All that the thread needs: what the request names may be gone by the time it runs. */
struct copy {
        struct spawn_request request;
        const char **argv, **environment;
        gid_t groups[SPAWN_MAX_GROUPS];
        struct spawn_limit limits[SPAWN_MAX_LIMITS];
        struct spawned spawned; /* until it is handed over */
        struct error err;
};

/* ---- Copying ---- */

static void free_words(const char **words) {
        for (size_t i = 0; words && words[i]; i++) {
                free((char *) words[i]);
        }
        free(words);
}

static const char **copy_words(const char *const *words) {
        size_t count = 0;
        while (words && words[count]) {
                count++;
        }
        const char **copies = calloc(count + 1, sizeof(*copies));
        for (size_t i = 0; copies && i < count; i++) {
                copies[i] = strdup(words[i]);
                if (!copies[i]) {
                        free_words(copies);
                        return NULL;
                }
        }
        return copies;
}

static bool copy_descriptor(int *fd) {
        if (*fd < 0) {
                return true;
        }
        *fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
        return *fd >= 0;
}

/* Nobody took it: it was cancelled while it was being started. */
static void end_program(const struct spawned *spawned) {
        if (spawned->pid > 0) {
                (void) kill(-spawned->pid, SIGKILL);
                (void) kill(spawned->pid, SIGKILL);
                while (waitpid(spawned->pid, NULL, 0) < 0 && errno == EINTR) {
                }
        }
}

static void copy_free(void *data) {
        struct copy *copy = data;
        if (!copy) {
                return;
        }
        end_program(&copy->spawned);
        spawned_done(&copy->spawned);
        const int fds[] = {
                copy->request.stdin_fd, copy->request.stdout_fd, copy->request.stderr_fd};
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                if (fds[i] >= 0) {
                        close(fds[i]);
                }
        }
        free_words(copy->argv);
        free_words(copy->environment);
        free(copy);
}

DEFINE_CLEANUP(cleanup_copy, struct copy, copy_free)

static int copy_lists(struct copy *copy, const struct spawn_request *request, struct error *err) {
        if (request->n_groups > SPAWN_MAX_GROUPS || request->n_limits > SPAWN_MAX_LIMITS) {
                return error_set(err, EINVAL, "too many groups or limits");
        }
        for (size_t i = 0; i < request->n_groups; i++) {
                copy->groups[i] = request->groups[i];
        }
        for (size_t i = 0; i < request->n_limits; i++) {
                copy->limits[i] = request->limits[i];
        }
        copy->argv = copy_words(request->argv);
        copy->environment = copy_words(request->environment);
        return copy->argv && copy->environment ? 0 : error_set(err, ENOMEM, "out of memory");
}

static int copy_new(struct copy **ret, const struct spawn_request *request, struct error *err) {
        AUTO(cleanup_copy) struct copy *copy = calloc(1, sizeof(*copy));
        if (!copy) {
                return error_set(err, ENOMEM, "out of memory");
        }
        copy->spawned.pidfd = copy->spawned.status_fd = -1;
        copy->request = *request;
        bool first = copy_descriptor(&copy->request.stdin_fd);
        bool second = copy_descriptor(&copy->request.stdout_fd);
        bool third = copy_descriptor(&copy->request.stderr_fd);
        if (!first || !second || !third) {
                return error_set_errno(err, errno, "a descriptor");
        }
        int r = copy_lists(copy, request, err);
        if (r < 0) {
                return r;
        }
        copy->request.argv = copy->argv;
        copy->request.environment = copy->environment;
        copy->request.groups = copy->groups;
        copy->request.limits = copy->limits;
        copy->request.share_memory = true;
        *ret = TAKE_PTR(copy);
        return 0;
}

/* ---- Starting ---- */

static int run(void *data) {
        struct copy *copy = data;
        return spawn_start(&copy->request, &copy->spawned, &copy->err);
}

static void on_run(void *cookie, int result, void *data) {
        AUTO_FREE struct launch *launch = cookie;
        struct copy *copy = data;
        struct spawned spawned = copy->spawned;
        copy->spawned = (struct spawned){.pidfd = -1, .status_fd = -1};
        launch->done(launch->cookie, result, &spawned, &copy->err);
}

int launch_start(struct launch **ret, struct worker_pool *pool, const struct spawn_request *request,
        launch_done done, void *cookie, struct error *err) {
        AUTO(cleanup_copy) struct copy *copy = NULL;
        AUTO_FREE struct launch *launch = calloc(1, sizeof(*launch));
        if (!launch) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = copy_new(&copy, request, err);
        if (r < 0) {
                return r;
        }
        *launch = (struct launch){.done = done, .cookie = cookie};
        const struct worker_job job = {
                .run = run,
                .release = copy_free,
                .done = on_run,
                .data = copy,
                .cookie = launch,
                .deadline = USEC_INFINITY,
        };
        r = worker_submit(pool, &job, &launch->task, err);
        if (r < 0) {
                return r;
        }
        TAKE_PTR(copy);
        *ret = TAKE_PTR(launch);
        return 0;
}

void launch_cancel(struct launch *launch) {
        if (launch) {
                worker_cancel(launch->task);
                free(launch);
        }
}
