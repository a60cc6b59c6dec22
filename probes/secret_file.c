#include "probes/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/read_full.h"

/* ---- the file ---- */

static int refuse(char why[SECRET_WHY_MAX], int code, const char *path, const char *reason) {
        snprintf(why, SECRET_WHY_MAX, "%.80s: %.56s", path, reason);
        return -code;
}

static size_t without_newline(const char *text, size_t length) {
        if (length > 0 && text[length - 1] == '\n') {
                length--;
                length -= length > 0 && text[length - 1] == '\r';
        }
        return length;
}

/* A line break or a NUL within would end up in the middle of a protocol. */
static const char *what_is_wrong(const char *text, size_t length) {
        if (length == 0) {
                return "it is empty, expected a secret on one line";
        }
        if (length > SECRET_MAX) {
                return "it is larger than 4096 bytes, expected a secret on one line";
        }
        if (memchr(text, '\0', length)) {
                return "it holds a NUL byte, expected a secret on one line";
        }
        return memchr(text, '\n', length) || memchr(text, '\r', length)
                       ? "it has several lines, expected a secret on one"
                       : NULL;
}

int secret_file_load(
        const char *path, char ret[SECRET_MAX + 1], size_t *ret_length, char why[SECRET_WHY_MAX]) {
        char text[SECRET_MAX + sizeof("\r\n")];
        struct stat st;
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0) {
                return refuse(why, errno, path, strerrordesc_np(errno));
        }
        if (!S_ISREG(st.st_mode)) {
                return refuse(why, EINVAL, path, "it is no regular file");
        }
        ssize_t n = read_full(fd, text, sizeof(text));
        if (n < 0) {
                return refuse(why, (int) -n, path, strerrordesc_np((int) -n));
        }
        size_t length = without_newline(text, (size_t) n);
        const char *wrong = what_is_wrong(text, length);
        if (!wrong) {
                memcpy(ret, text, length);
                ret[length] = '\0';
                *ret_length = length;
        }
        explicit_bzero(text, sizeof(text));
        return wrong ? refuse(why, EINVAL, path, wrong) : 0;
}

char *secret_copy(const char *secret) {
        return strdup(secret);
}

void secret_free(char *secret) {
        if (secret) {
                explicit_bzero(secret, strlen(secret));
                free(secret);
        }
}

/* ---- in a thread ---- */

struct secret_job {
        int error; /* negative errno; `why` says it */
        char why[SECRET_WHY_MAX];
        char secret[SECRET_MAX + 1];
        char path[]; /* terminated */
};

static void run_secret_job(struct offload *call, void *data) {
        struct secret_job *job = data;
        size_t length;
        offload_step(call, "the secret's file");
        job->error = secret_file_load(job->path, job->secret, &length, job->why);
}

static void release_secret_job(void *data) {
        struct secret_job *job = data;
        explicit_bzero(job->secret, sizeof(job->secret));
        free(job);
}

static struct secret_job *secret_job_new(const char *path) {
        size_t length = strlen(path) + 1;
        struct secret_job *job = calloc(1, sizeof(*job) + length);
        if (job) {
                memcpy(job->path, path, length);
        }
        return job;
}

/* ---- in the loop ---- */

static void secret_loaded(void *cookie, void *data) {
        const struct secret_file *file = cookie;
        const struct secret_job *job = data;
        if (!job) {
                file->done(file->run, NULL, "the secret's file could not be read in time");
        } else if (job->error < 0) {
                file->done(file->run, NULL, job->why);
        } else {
                file->done(file->run, job->secret, NULL);
        }
}

static int submit(struct secret_file *file, struct secret_job *job, struct error *err) {
        const struct offload_request request = {
                .pool = file->run->host->disk,
                .now = file->run->started.mono,
                .deadline = probe_run_last_moment(file->run),
                .run = run_secret_job,
                .done = secret_loaded,
                .release = release_secret_job,
                .data = job,
                .cookie = file,
        };
        return offload_start(&file->call, &request, err);
}

void secret_file_read(
        struct secret_file *file, struct probe_run *run, const char *path, secret_file_done done) {
        struct secret_job *job = secret_job_new(path);
        char why[SECRET_WHY_MAX];
        struct error err = {0};
        file->run = run;
        file->done = done;
        int r = job ? submit(file, job, &err) : error_set(&err, ENOMEM, "out of memory");
        if (r < 0) {
                free(job);
                (void) refuse(why, -r, path, err.text);
                done(run, NULL, why);
        }
}

void secret_file_cancel(struct secret_file *file) {
        offload_cancel(file->call);
}

void secret_file_release(struct secret_file *file) {
        offload_release(&file->call);
}
