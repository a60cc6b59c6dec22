#include "probes/http_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/secret_file.h"

static const char *path_of(const struct http_params *params, enum http_file file) {
        const struct http_tls_params *tls = params->tls;
        switch (file) {
        case HTTP_FILE_SECRET:
                return params->basic_auth_file ? params->basic_auth_file
                                               : params->bearer_token_file;
        case HTTP_FILE_AUTHORITIES:
                return tls ? tls->ca_file : NULL;
        case HTTP_FILE_CERTIFICATE:
                return tls ? tls->cert_file : NULL;
        case HTTP_FILE_KEY:
                return tls ? tls->key_file : NULL;
        case HTTP_N_FILES:
                break;
        }
        return NULL;
}

bool http_files_named(const struct http_params *params) {
        for (enum http_file file = 0; file < HTTP_N_FILES; file++) {
                if (path_of(params, file)) {
                        return true;
                }
        }
        return false;
}

void http_texts_done(struct http_texts *texts) {
        for (enum http_file file = 0; file < HTTP_N_FILES; file++) {
                if (texts->text[file]) {
                        explicit_bzero(texts->text[file], texts->length[file]);
                        free(texts->text[file]);
                }
        }
        *texts = (struct http_texts){0};
}

/* ---- in the thread ---- */

struct job {
        bool good;
        char why[SECRET_WHY_MAX];
        struct http_texts texts;
        char *paths[HTTP_N_FILES];
};

static bool refuse(struct job *job, const char *path, const char *reason) {
        snprintf(job->why, sizeof(job->why), "%.80s: %.56s", path, reason);
        return false;
}

static bool keep(struct job *job, enum http_file file, const char *text, size_t length) {
        job->texts.text[file] = strndup(text, length);
        job->texts.length[file] = length;
        return job->texts.text[file] || refuse(job, job->paths[file], "out of memory");
}

static bool read_secret(struct job *job) {
        char secret[SECRET_MAX + 1];
        size_t length;
        if (secret_file_load(job->paths[HTTP_FILE_SECRET], secret, &length, job->why) < 0) {
                return false;
        }
        bool good = keep(job, HTTP_FILE_SECRET, secret, length);
        explicit_bzero(secret, sizeof(secret));
        return good;
}

/* A larger file, or one that grows meanwhile, is not what was meant. */
static bool read_all(struct job *job, enum http_file file, int fd, size_t size) {
        char *text = calloc(1, size + 1);
        size_t length = 0;
        ssize_t n = 1;
        if (!text) {
                return refuse(job, job->paths[file], "out of memory");
        }
        job->texts.text[file] = text;
        job->texts.length[file] = size;
        while (n > 0 && length < size) {
                n = read(fd, text + length, size - length);
                length += n > 0 ? (size_t) n : 0;
        }
        return n < 0 ? refuse(job, job->paths[file], strerrordesc_np(errno))
                     : length == size ||
                               refuse(job, job->paths[file], "it shrank while being read");
}

static bool read_pem(struct job *job, enum http_file file) {
        const char *path = job->paths[file];
        struct stat st;
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0) {
                return refuse(job, path, strerrordesc_np(errno));
        }
        if (!S_ISREG(st.st_mode)) {
                return refuse(job, path, "it is no regular file");
        }
        if (st.st_size == 0) {
                return refuse(job, path, "it is empty, expected PEM");
        }
        if (st.st_size > HTTP_PEM_MAX) {
                return refuse(job, path, "it is larger than 1MiB");
        }
        return read_all(job, file, fd, (size_t) st.st_size);
}

static void run_job(struct offload *call, void *data) {
        struct job *job = data;
        bool good = true;
        offload_step(call, "the files of the probe");
        for (enum http_file file = 0; file < HTTP_N_FILES && good; file++) {
                if (job->paths[file]) {
                        good = file == HTTP_FILE_SECRET ? read_secret(job) : read_pem(job, file);
                }
        }
        job->good = good;
}

static void release_job(void *data) {
        struct job *job = data;
        http_texts_done(&job->texts);
        for (enum http_file file = 0; file < HTTP_N_FILES; file++) {
                free(job->paths[file]);
        }
        free(job);
}

/* ---- in the loop ---- */

static struct job *job_new(const struct http_params *params) {
        struct job *job = calloc(1, sizeof(*job));
        for (enum http_file file = 0; job && file < HTTP_N_FILES; file++) {
                const char *path = path_of(params, file);
                job->paths[file] = path ? strdup(path) : NULL;
                if (path && !job->paths[file]) {
                        release_job(job);
                        return NULL;
                }
        }
        return job;
}

static void on_done(void *cookie, void *data) {
        const struct http_files *files = cookie;
        struct job *job = data;
        if (!job) {
                files->done(files->run, NULL, "the files of the probe could not be read in time");
        } else {
                files->done(files->run, job->good ? &job->texts : NULL, job->why);
        }
}

void http_files_read(struct http_files *files, struct probe_run *run, http_files_done done) {
        struct error err = {.text = "out of memory"};
        struct job *job = job_new(run->spec->params);
        files->run = run;
        files->done = done;
        const struct offload_request request = {
                .pool = run->host->disk,
                .now = run->started.mono,
                .deadline = probe_run_last_moment(run),
                .run = run_job,
                .done = on_done,
                .release = release_job,
                .data = job,
                .cookie = files,
        };
        if (job && offload_start(&files->call, &request, &err) == 0) {
                return;
        }
        if (job) {
                release_job(job);
        }
        done(run, NULL, err.text);
}
