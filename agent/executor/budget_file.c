#include "executor/budget_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/own_folder.h"

#define DIRECTORY "executor"

enum { SERIALS = 16 };

struct job {
        char directory[STATE_PATH_MAX], path[STATE_PATH_MAX];
        char *text;
        unsigned serial;
};

static void job_free(void *data) {
        struct job *job = data;
        if (job) {
                free(job->text);
                free(job);
        }
}

DEFINE_CLEANUP(cleanup_job, struct job, job_free)

static struct job *job_new(struct budget_file *file) {
        struct job *job = calloc(1, sizeof(*job));
        if (job) {
                job->serial = file->serial++ % SERIALS;
                str_copy(job->path, sizeof(job->path), file->path);
                str_copy(job->directory, sizeof(job->directory), file->path);
                *strrchr(job->directory, '/') = '\0';
        }
        return job;
}

/* Takes the job over. */
static int submit(struct budget_file *file, struct job *data, int (*run)(void *data), usec_t limit,
        void (*done)(void *cookie, int result, void *data)) {
        AUTO(cleanup_job) struct job *job = data;
        struct worker_job work = {
                .run = run,
                .release = job_free,
                .done = done,
                .data = job,
                .cookie = file,
                .deadline = usec_add(loop_now(file->loop).mono, limit),
        };
        int r = job ? worker_submit(file->pool, &work, &file->task, NULL) : -ENOMEM;
        if (r == 0) {
                job = NULL;
        }
        return r;
}

/* ---- Loading ---- */

static int run_load(void *data) {
        struct job *job = data;
        int r = own_folder_check(job->directory);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                return -errno;
        }
        if (!S_ISREG(status.st_mode) || status.st_size > ACTION_BUDGET_TEXT_MAX) {
                return -EBADMSG;
        }
        job->text = calloc(1, (size_t) status.st_size + 1);
        if (!job->text) {
                return -ENOMEM;
        }
        return read(fd, job->text, (size_t) status.st_size) < 0 ? -errno : 0;
}

static void on_loaded(void *cookie, int result, void *data) {
        struct budget_file *file = cookie;
        const struct job *job = data;
        struct error err = {0};
        file->task = NULL;
        if (result == 0) {
                result = action_budget_parse(
                        file->budget, job->text, file->boot_id, loop_now(file->loop), &err);
        } else {
                error_set_errno(&err, -result, "cannot be read");
        }
        if (result < 0 && result != -ENOENT) {
                log_warning("%s: %s, going on without what it held", file->path, err.text);
        }
        file->loaded(file->cookie);
}

static void on_not_loaded(void *cookie) {
        struct budget_file *file = cookie;
        file->loaded(file->cookie);
}

void budget_file_load(struct budget_file *file, void (*loaded)(void *cookie), void *cookie) {
        file->loaded = loaded;
        file->cookie = cookie;
        if (submit(file, job_new(file), run_load, BUDGET_LOAD_LIMIT, on_loaded) < 0) {
                loop_defer_schedule(&file->not_loaded);
        }
}

/* ---- Saving ---- */

static int write_synced(const char *path, const char *text) {
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                return -errno;
        }
        size_t length = strlen(text);
        ssize_t n = write(fd, text, length);
        if (n != (ssize_t) length) {
                return n < 0 ? -errno : -ENOSPC;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int run_save(void *data) {
        struct job *job = data;
        char temporary[STATE_PATH_MAX + 16];
        snprintf(temporary, sizeof(temporary), "%s.%u.new", job->path, job->serial);
        int r = own_folder_make(job->directory, 0700);
        if (r == 0) {
                r = write_synced(temporary, job->text);
        }
        if (r == 0 && rename(temporary, job->path) < 0) {
                r = -errno;
        }
        if (r < 0) {
                unlink(temporary);
        }
        return r;
}

static void on_saved(void *cookie, int result, void *data) {
        struct budget_file *file = cookie;
        (void) data;
        file->task = NULL;
        if (result < 0 && !file->failing) {
                log_warning("%s: %s, counting in memory only", file->path, strerror(-result));
        }
        file->failing = result < 0;
        if (file->changed) {
                loop_timer_set_after(&file->saving, BUDGET_SAVE_DELAY);
        }
}

static void on_saving(void *cookie) {
        struct budget_file *file = cookie;
        struct job *job = job_new(file);
        file->changed = false;
        if (job) {
                job->text = action_budget_format(file->budget, file->boot_id, loop_now(file->loop));
        }
        if (job && !job->text) {
                job_free(job);
                job = NULL;
        }
        int r = submit(file, job, run_save, BUDGET_SAVE_LIMIT, on_saved);
        if (r < 0) {
                on_saved(file, r, NULL);
        }
}

void budget_file_changed(struct budget_file *file) {
        file->changed = true;
        if (!file->task && !loop_timer_armed(&file->saving)) {
                loop_timer_set_after(&file->saving, BUDGET_SAVE_DELAY);
        }
}

int budget_file_init(struct budget_file *file, struct loop *loop, struct worker_pool *pool,
        struct action_budget *budget, const char *state_dir, const char *boot_id) {
        *file = (struct budget_file){.pool = pool, .budget = budget};
        int length = snprintf(file->path, sizeof(file->path), "%s/" DIRECTORY "/budget", state_dir);
        if (length >= (int) sizeof(file->path)) {
                return -ENAMETOOLONG;
        }
        str_copy(file->boot_id, sizeof(file->boot_id), boot_id);
        int r = loop_timer_init(&file->saving, loop, on_saving, file);
        if (r < 0) {
                return r;
        }
        loop_defer_init(&file->not_loaded, loop, on_not_loaded, file);
        file->loop = loop;
        return 0;
}

void budget_file_done(struct budget_file *file) {
        if (!file->loop) {
                return;
        }
        if (file->task) {
                worker_cancel(file->task);
        }
        loop_timer_done(&file->saving);
        loop_defer_cancel(&file->not_loaded);
        *file = (struct budget_file){0};
}
