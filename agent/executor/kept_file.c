#include "executor/kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/own_folder.h"
#include "io/own_file.h"

#define DIRECTORY "executor"

enum { SERIALS = 16 };

struct job {
        char directory[STATE_PATH_MAX], path[STATE_PATH_MAX];
        char *text;
        size_t max_bytes;
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

static struct job *job_new(struct kept_file *file) {
        struct job *job = calloc(1, sizeof(*job));
        if (job) {
                job->serial = file->serial++ % SERIALS;
                job->max_bytes = file->kind->max_bytes;
                str_copy(job->path, sizeof(job->path), file->path);
                str_copy(job->directory, sizeof(job->directory), file->path);
                *strrchr(job->directory, '/') = '\0';
        }
        return job;
}

/* Takes the job over. */
static int submit(struct kept_file *file, struct job *data, int (*run)(void *data), usec_t limit,
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
        return r < 0 ? r : own_file_read(AT_FDCWD, job->path, job->max_bytes, &job->text);
}

static void on_loaded(void *cookie, int result, void *data) {
        struct kept_file *file = cookie;
        const struct job *job = data;
        struct error err = {0};
        file->task = NULL;
        if (result == 0) {
                result = file->kind->parse(file->data, job->text, &err);
        } else {
                error_set_errno(&err, -result, "cannot be read");
        }
        if (result < 0 && result != -ENOENT) {
                log_warning("%s: %s, going on without what it held", file->path, err.text);
        }
        file->loaded(file->cookie);
}

static void on_not_loaded(void *cookie) {
        struct kept_file *file = cookie;
        file->loaded(file->cookie);
}

void kept_file_load(struct kept_file *file, void (*loaded)(void *cookie), void *cookie) {
        file->loaded = loaded;
        file->cookie = cookie;
        if (submit(file, job_new(file), run_load, KEPT_FILE_LOAD_LIMIT, on_loaded) < 0) {
                loop_defer_schedule(&file->not_loaded);
        }
}

/* ---- Saving ---- */

static int run_save(void *data) {
        const struct job *job = data;
        const char *name = strrchr(job->path, '/') + 1;
        char aside[NAME_MAX + 1];
        int r = own_folder_make(job->directory, 0700);
        if (r < 0) {
                return r;
        }
        AUTO_CLOSE int folder = open(job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) {
                return -errno;
        }
        snprintf(aside, sizeof(aside), "%.200s.%u.new", name, job->serial);
        return own_file_replace(folder, aside, name, job->text, true);
}

static void on_saved(void *cookie, int result, void *data) {
        struct kept_file *file = cookie;
        (void) data;
        file->task = NULL;
        file->being_saved = false;
        if (result < 0 && !file->failing) {
                log_warning("%s: %s, what is new is in memory only", file->path, strerror(-result));
        }
        file->failing = result < 0;
        if (file->changed) {
                loop_timer_set_after(&file->saving, KEPT_FILE_SAVE_DELAY);
        }
}

static struct job *job_of_now(struct kept_file *file) {
        AUTO(cleanup_job) struct job *job = job_new(file);
        if (job) {
                job->text = file->kind->format(file->data);
        }
        return job && job->text ? TAKE_PTR(job) : NULL;
}

static void on_saving(void *cookie) {
        struct kept_file *file = cookie;
        file->changed = false;
        file->being_saved = true;
        int r = submit(file, job_of_now(file), run_save, KEPT_FILE_SAVE_LIMIT, on_saved);
        if (r < 0) {
                on_saved(file, r, NULL);
        }
}

void kept_file_changed(struct kept_file *file) {
        file->changed = true;
        if (!file->task && !loop_timer_armed(&file->saving)) {
                loop_timer_set_after(&file->saving, KEPT_FILE_SAVE_DELAY);
        }
}

int kept_file_init(struct kept_file *file, struct loop *loop, struct worker_pool *pool,
        const char *state_dir, const struct kept_kind *kind, void *data) {
        *file = (struct kept_file){.pool = pool, .kind = kind, .data = data};
        int length = snprintf(
                file->path, sizeof(file->path), "%s/" DIRECTORY "/%s", state_dir, kind->name);
        if (length >= (int) sizeof(file->path)) {
                return -ENAMETOOLONG;
        }
        int r = loop_timer_init(&file->saving, loop, on_saving, file);
        if (r < 0) {
                return r;
        }
        loop_defer_init(&file->not_loaded, loop, on_not_loaded, file);
        file->loop = loop;
        return 0;
}

/* Here, because the loop has ended: what a restart forgets would be allowed once more. */
static void save_last(struct kept_file *file) {
        AUTO(cleanup_job) struct job *job = job_of_now(file);
        int r = job ? run_save(job) : -ENOMEM;
        if (r < 0) {
                log_warning("%s: %s, what was new is not in it", file->path, strerror(-r));
        }
}

void kept_file_done(struct kept_file *file) {
        if (!file->loop) {
                return;
        }
        if (file->task) {
                worker_cancel(file->task);
        }
        if (file->changed || file->being_saved) {
                save_last(file);
        }
        loop_timer_done(&file->saving);
        loop_defer_cancel(&file->not_loaded);
        *file = (struct kept_file){0};
}
