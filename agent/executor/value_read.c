#include "executor/value_read.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "executor/executor.h"
#include "io/child.h"

struct value_read {
        const struct value_source *source;
        struct worker_task *task; /* one of the two */
        struct child *child;
        value_done done;
        void *cookie;
};

struct line { /* the thread's own */
        char path[PATH_MAX];
        char text[VALUE_MAX];
};

void value_read_cancel(struct value_read *read) {
        if (read) {
                if (read->task) {
                        worker_cancel(read->task);
                }
                child_cancel(read->child);
                free(read);
        }
}

static void end(struct value_read *read, int result, const char *text) {
        value_done done = read->done;
        void *cookie = read->cookie;
        free(read);
        done(cookie, result, text);
}

/* The value is compared and shown, so it is one printable line. */
static int take_value(char *text, const char **ret_why) {
        text[strcspn(text, "\r\n")] = '\0';
        str_make_printable(text);
        *ret_why = *text ? text : "it is empty";
        return *text ? 0 : -ENODATA;
}

/* ---- A file ---- */

static int run(void *data) {
        struct line *line = data;
        AUTO_CLOSE int fd = open(line->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                return -errno;
        }
        ssize_t n = S_ISREG(status.st_mode) ? read(fd, line->text, sizeof(line->text) - 1) : -1;
        return n < 0 ? (S_ISREG(status.st_mode) ? -errno : -EINVAL) : 0;
}

static void on_file(void *cookie, int result, void *data) {
        struct value_read *read = cookie;
        struct line *line = data;
        char why[VALUE_MAX];
        const char *text = why;
        read->task = NULL;
        if (result == 0) {
                result = take_value(line->text, &text);
        }
        if (result < 0) {
                snprintf(why, sizeof(why), "%.300s: %s", read->source->file,
                        result == -ENODATA ? "it is empty" : strerror(-result));
                text = why;
        }
        end(read, result, text);
}

static int start_file(struct value_read *read, struct executor *executor, struct error *err) {
        AUTO_FREE struct line *line = calloc(1, sizeof(*line));
        if (!line || !str_copy(line->path, sizeof(line->path), read->source->file)) {
                return error_set(err, ENOMEM, "out of memory");
        }
        const struct worker_job job = {
                .run = run,
                .release = free,
                .done = on_file,
                .data = line,
                .cookie = read,
                .deadline = usec_add(loop_now(executor->loop).mono, VALUE_LIMIT),
        };
        int r = worker_submit(executor->disk, &job, &read->task, err);
        if (r == 0) {
                line = NULL;
        }
        return r;
}

/* ---- A program ---- */

static void on_child(void *cookie, const struct child_result *result) {
        struct value_read *read = cookie;
        char text[VALUE_MAX], how[160];
        const char *value = text;
        read->child = NULL;
        str_copy(text, sizeof(text), result->output);
        if (result->end == CHILD_EXITED && result->code == 0) {
                int r = take_value(text, &value);
                end(read, r, value);
                return;
        }
        child_describe(result, how, sizeof(how));
        snprintf(text, sizeof(text), "%.200s: %s", read->source->command.items[0], how);
        end(read, -EIO, text);
}

static int start_program(struct value_read *read, struct executor *executor, struct error *err) {
        static const char *const environment[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                NULL};
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = VALUE_LIMIT,
                .separate_errors = true,
                .pool = executor->disk,
        };
        request.spawn.argv = read->source->command.items;
        request.spawn.environment = environment;
        return child_start(&read->child, executor->loop, &request, on_child, read, err);
}

int value_read_start(struct value_read **ret, struct executor *executor,
        const struct value_source *source, value_done done, void *cookie, struct error *err) {
        struct value_read *read = calloc(1, sizeof(*read));
        if (!read) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *read = (struct value_read){.source = source, .done = done, .cookie = cookie};
        int r = source->file ? start_file(read, executor, err) : start_program(read, executor, err);
        if (r < 0) {
                free(read);
                return r;
        }
        *ret = read;
        return 0;
}
