#include "executor/ledger_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "executor/own_folder.h"
#include "io/own_file.h"

enum { FOLDER_MAX = 512, FILE_NAME_MAX = 80 };

struct job { /* the thread's */
        char above[FOLDER_MAX], folder[FOLDER_MAX + 16]; /* STATE/executor, and content in it */
        char name[FILE_NAME_MAX];
        char *text;
};

static void job_free(void *data) {
        struct job *job = data;
        if (job) {
                free(job->text);
                free(job);
        }
}

DEFINE_CLEANUP(cleanup_job, struct job, job_free)

/* ---- In the thread ---- */

static int open_folder(const struct job *job, int *ret) {
        int r = own_folder_check(job->folder);
        *ret = r < 0 ? -1 : open(job->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return r < 0 ? r : *ret < 0 ? -errno : 0;
}

static int run_load(void *data) {
        struct job *job = data;
        AUTO_CLOSE int folder = -1;
        int r = open_folder(job, &folder);
        return r < 0 ? r : own_file_read(folder, job->name, LEDGER_TEXT_MAX, &job->text);
}

static int run_save(void *data) {
        const struct job *job = data;
        AUTO_CLOSE int folder = -1;
        char temporary[FILE_NAME_MAX + 8];
        snprintf(temporary, sizeof(temporary), ".%s.new", job->name);
        int r = own_folder_make(job->above, 0700);
        r = r < 0 ? r : own_folder_make(job->folder, 0700);
        r = r < 0 ? r : open_folder(job, &folder);
        if (r < 0) {
                return r;
        }
        return own_file_replace(folder, temporary, job->name, job->text, true);
}

/* ---- In the loop ---- */

static struct job *job_new(const struct ledger_file_job *from) {
        AUTO(cleanup_job) struct job *job = calloc(1, sizeof(*job));
        if (!job) {
                return NULL;
        }
        int length =
                snprintf(job->folder, sizeof(job->folder), "%s/executor/content", from->state_dir);
        snprintf(job->above, sizeof(job->above), "%s/executor", from->state_dir);
        snprintf(job->name, sizeof(job->name), "%s.%s", from->service, from->kind);
        return length < FOLDER_MAX ? TAKE_PTR(job) : NULL;
}

/* Takes the job over. */
static int submit(const struct ledger_file_job *from, struct job *job, int (*run)(void *data),
        struct worker_task **ret, struct error *err) {
        if (!job) {
                return error_set(err, ENOMEM, "out of memory");
        }
        const struct worker_job work = {
                .run = run,
                .release = job_free,
                .done = from->done,
                .data = job,
                .cookie = from->cookie,
                .deadline = from->deadline,
        };
        int r = worker_submit(from->pool, &work, ret, err);
        if (r < 0) {
                job_free(job);
        }
        return r;
}

int ledger_file_load(
        const struct ledger_file_job *job, struct worker_task **ret, struct error *err) {
        return submit(job, job_new(job), run_load, ret, err);
}

int ledger_file_save(const struct ledger_file_job *job, const struct ledger *ledger,
        struct worker_task **ret, struct error *err) {
        AUTO(cleanup_job) struct job *own = job_new(job);
        AUTO_STRBUF struct strbuf text = {0};
        if (own && ledger_format(ledger, &text)) {
                own->text = strdup(strbuf_text(&text));
        }
        if (!own || !own->text) {
                return error_set(err, ENOMEM, "out of memory");
        }
        return submit(job, TAKE_PTR(own), run_save, ret, err);
}

char *ledger_file_text(void *data) {
        static char nothing[1];
        struct job *job = data;
        return job && job->text ? job->text : nothing;
}
