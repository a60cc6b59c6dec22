/* Records what the core is fed, while somebody wants that: the loop collects text, a thread writes
 * it. The file is bounded, and a disk that is slow or full ends the recording, never the
 * supervision. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/worker.h"
#include "policy/source_file.h"
#include "recording/core_image.h"
#include "recording/recording.h"
#include "runtime/shell.h"

enum {
        RECORDING_MAX = 64 << 20, /* bytes of the file */
        BUFFER_FULL = 256 << 10, /* handed to the thread at this size, or after WRITE_EVERY */
        BUFFER_MAX = 8 << 20, /* more cannot wait for the disk */
};
#define WRITE_EVERY (1 * USEC_PER_SEC)

struct recorder {
        struct runtime *runtime;
        struct worker_pool *pool;
        struct loop_timer timer;
        int fd; /* -1: not open */
        bool active; /* inputs are recorded */
        bool opening, writing; /* a job is under way */
        struct strbuf buffer;
        struct runtime_record status;
        runtime_reply call; /* who waits for the start */
        void *cookie;
};

/* ---- In the thread ---- */

struct opening { /* the thread's own */
        struct runtime_options options;
        char digest[POLICY_DIGEST_MAX]; /* of the policies in force */
        char path[RUNTIME_RECORD_PATH_MAX];
        struct strbuf files, why;
        int fd;
};

struct chunk {
        int fd; /* a copy: the recording may be closed while the thread hangs */
        char *data;
        size_t length;
};

int recorder_read_files(const struct runtime_options *options, struct strbuf *ret) {
        const struct policy_sources sources = {
                .config = options->config,
                .paths = options->policies,
                .n_paths = options->n_policies,
                .trusted_only = true,
        };
        struct source_files files = {.arena = arena_new()};
        AUTO(problems_done) struct problems problems = {0};
        int r = files.arena ? source_files_read(&files, &sources, &problems) : -ENOMEM;
        for (size_t i = 0; r == 0 && i < files.count; i++) {
                const struct source_file *file = files.items[i];
                if (file->text) {
                        recording_write_file(ret, file->config, file->name, file->text);
                }
        }
        source_files_done(&files);
        arena_free(files.arena);
        return ret->failed ? -ENOMEM : r;
}

/* The files have to be those that the core's policies came from. */
static int read_policies(struct opening *opening) {
        struct policy *policy = NULL;
        int r = reloading_load(&opening->options, &policy, &opening->why);
        bool same = r == 0 && str_eq(policy->digest, opening->digest);
        policy_free(policy);
        strbuf_reset(&opening->why);
        if (!same) {
                strbuf_add(&opening->why,
                        "the policy files have changed since they were loaded: reload them first");
                return -ESTALE;
        }
        return recorder_read_files(&opening->options, &opening->files);
}

static int open_in_thread(void *data) {
        struct opening *opening = data;
        int r = read_policies(opening);
        if (r < 0) {
                return r;
        }
        opening->fd =
                open(opening->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        return opening->fd < 0 ? -errno : 0;
}

static void opening_release(void *data) {
        struct opening *opening = data;
        if (opening->fd >= 0) {
                close(opening->fd);
        }
        strbuf_done(&opening->files);
        strbuf_done(&opening->why);
        free(opening);
}

static int write_in_thread(void *data) {
        const struct chunk *chunk = data;
        for (size_t done = 0; done < chunk->length;) {
                ssize_t n = write(chunk->fd, chunk->data + done, chunk->length - done);
                if (n < 0 && errno != EINTR) {
                        return -errno;
                }
                done += n < 0 ? 0 : (size_t) n;
        }
        return 0;
}

static void chunk_release(void *data) {
        struct chunk *chunk = data;
        close(chunk->fd);
        free(chunk->data);
        free(chunk);
}

/* ---- Writing ---- */

static void end(struct recorder *recorder, const char *why);
static void flush(struct recorder *recorder);

static void on_written(void *cookie, int result, void *data) {
        struct recorder *recorder = cookie;
        (void) data;
        recorder->writing = false;
        if (result < 0) {
                strbuf_reset(&recorder->buffer); /* it cannot be written either */
                end(recorder, strerror(-result));
        } else if (!recorder->active || recorder->buffer.length >= BUFFER_FULL) {
                flush(recorder);
        }
}

static int submit_chunk(struct recorder *recorder) {
        struct chunk *chunk = calloc(1, sizeof(*chunk));
        struct error err = {0};
        if (!chunk) {
                return -ENOMEM;
        }
        chunk->fd = fcntl(recorder->fd, F_DUPFD_CLOEXEC, 3);
        chunk->length = recorder->buffer.length;
        chunk->data = chunk->fd < 0 ? NULL : strbuf_take(&recorder->buffer);
        struct worker_job job = {
                .run = write_in_thread,
                .release = chunk_release,
                .done = on_written,
                .data = chunk,
                .cookie = recorder,
                .deadline = USEC_INFINITY,
        };
        int r = chunk->data ? worker_submit(recorder->pool, &job, NULL, &err) : -ENOMEM;
        if (r < 0) {
                if (chunk->fd >= 0) {
                        close(chunk->fd);
                }
                free(chunk->data);
                free(chunk);
        }
        return r;
}

static void close_file(struct recorder *recorder) {
        if (recorder->fd >= 0 && !recorder->active && !recorder->writing) {
                close(TAKE_FD(recorder->fd));
        }
}

static void flush(struct recorder *recorder) {
        if (recorder->fd >= 0 && !recorder->writing && recorder->buffer.length > 0) {
                recorder->writing = submit_chunk(recorder) == 0;
                if (!recorder->writing) {
                        strbuf_reset(&recorder->buffer);
                        end(recorder, "it cannot be written");
                }
        }
        close_file(recorder);
}

static void end(struct recorder *recorder, const char *why) {
        if (!recorder->active) {
                return;
        }
        recorder->active = false;
        recorder->status.active = false;
        str_copy(recorder->status.ended, sizeof(recorder->status.ended), why);
        loop_timer_cancel(&recorder->timer);
        recording_frame(&recorder->buffer, FRAME_END, why, strlen(why));
        effects_say(recorder->runtime, LOG_NOTICE, "the recording %s ends: %s",
                recorder->status.path, why);
        flush(recorder);
}

static void on_timer(void *cookie) {
        struct recorder *recorder = cookie;
        flush(recorder);
        loop_timer_set_after(&recorder->timer, WRITE_EVERY);
}

void recorder_note(struct runtime *runtime, const struct input *input, struct instant now) {
        struct recorder *recorder = runtime->recorder;
        if (!recorder->active) {
                return;
        }
        struct decided decided = {runtime->recovery, runtime->effects};
        size_t before = recorder->buffer.length;
        recording_write_input(&recorder->buffer, ++recorder->status.inputs, runtime->policy, input,
                now, &decided);
        recorder->status.bytes += recorder->buffer.length - before;
        if (recorder->buffer.failed || recorder->buffer.length > BUFFER_MAX) {
                end(recorder, "the disk is too slow");
        } else if (recorder->status.bytes > RECORDING_MAX) {
                end(recorder, "it is full");
        } else if (recorder->buffer.length >= BUFFER_FULL) {
                flush(recorder);
        }
}

void recorder_end(struct runtime *runtime, const char *why) {
        end(runtime->recorder, why);
}

bool recorder_is_active(const struct runtime *runtime) {
        return runtime->recorder->active;
}

static struct recording_begin header_now(const struct runtime *runtime, const char *digest) {
        struct recording_begin header = {.format = RECORDING_FORMAT, .at = loop_now(runtime->loop)};
        str_copy(header.version, sizeof(header.version), RECOVERD_VERSION);
        str_copy(header.digest, sizeof(header.digest), digest);
        return header;
}

void recorder_reloaded(
        struct runtime *runtime, const struct policy *policy, const struct strbuf *files) {
        struct recorder *recorder = runtime->recorder;
        if (!recorder->active) {
                return;
        }
        if (files->length == 0) { /* for want of memory, or it began while they were being read */
                end(recorder,
                        "the policies were reloaded, and their files could not be recorded: start another");
                return;
        }
        struct recording_begin header = header_now(runtime, policy->digest);
        size_t before = recorder->buffer.length;
        strbuf_add_bytes(&recorder->buffer, files->data, files->length);
        recording_write_reload(&recorder->buffer, &header);
        recorder->status.bytes += recorder->buffer.length - before;
}

/* ---- Beginning ---- */

static void begin(struct recorder *recorder, struct opening *opening) {
        struct runtime *runtime = recorder->runtime;
        struct recording_begin header = header_now(runtime, runtime->policy->digest);
        AUTO_STRBUF struct strbuf image = {0};
        core_image_write(runtime->recovery, &image);
        recorder->buffer.failed |= image.failed;
        recording_write_begin(&recorder->buffer, &header);
        strbuf_add_bytes(&recorder->buffer, opening->files.data, opening->files.length);
        recording_frame(&recorder->buffer, FRAME_IMAGE, image.data, image.length);
        recorder->fd = TAKE_FD(opening->fd);
        recorder->active = true;
        recorder->status = (struct runtime_record){
                .active = true, .since = header.at.wall, .bytes = recorder->buffer.length};
        str_copy(recorder->status.path, sizeof(recorder->status.path), opening->path);
        loop_timer_set_after(&recorder->timer, WRITE_EVERY);
        effects_say(runtime, LOG_NOTICE, "every input is recorded to %s", opening->path);
}

static void on_opened(void *cookie, int result, void *data) {
        struct recorder *recorder = cookie;
        struct runtime *runtime = recorder->runtime;
        struct opening *opening = data;
        char text[RUNTIME_RECORD_PATH_MAX + 128] = "";
        recorder->opening = false;
        if (result >= 0 && !str_eq(opening->digest, runtime->policy->digest)) {
                result = -ESTALE; /* reloaded meanwhile */
        }
        if (result >= 0) {
                begin(recorder, opening);
                snprintf(text, sizeof(text), "recording to %s", opening->path);
        } else {
                const char *why = opening ? strbuf_text(&opening->why) : NULL;
                snprintf(text, sizeof(text), "it cannot be recorded: %s",
                        str_empty(why) ? strerror(-result) : why);
        }
        answers_reply(runtime, recorder->call, recorder->cookie, result < 0 ? -EINVAL : 0, text);
}

/* "STATE/recording-2026-11-30T140348538Z.rec": no characters that a shell or another system minds.
 */
static void name_file(const struct runtime *runtime, char path[RUNTIME_RECORD_PATH_MAX]) {
        char since[WALL_TEXT_MAX], *to = since;
        clock_format_wall(loop_now(runtime->loop).wall, since);
        for (const char *from = since; *from; from++) {
                if (*from != ':' && *from != '.') {
                        *to++ = *from;
                }
        }
        *to = '\0';
        snprintf(path, RUNTIME_RECORD_PATH_MAX, "%s/recording-%s.rec", runtime->options.state_dir,
                since);
}

static int submit_opening(struct recorder *recorder, struct error *err) {
        struct runtime *runtime = recorder->runtime;
        struct opening *opening = calloc(1, sizeof(*opening));
        if (!opening) {
                return error_set(err, ENOMEM, "out of memory");
        }
        opening->fd = -1;
        opening->options = runtime->options;
        str_copy(opening->digest, sizeof(opening->digest), runtime->policy->digest);
        name_file(runtime, opening->path);
        struct worker_job job = {
                .run = open_in_thread,
                .release = opening_release,
                .done = on_opened,
                .data = opening,
                .cookie = recorder,
                .deadline = usec_add(loop_now(runtime->loop).mono, RELOAD_TIMEOUT),
        };
        int r = worker_submit(recorder->pool, &job, NULL, err);
        if (r < 0) {
                opening_release(opening);
        }
        return r;
}

void runtime_record_start(struct runtime *runtime, runtime_reply call, void *cookie) {
        struct recorder *recorder = runtime->recorder;
        struct error err = {0};
        bool busy = recorder->active || recorder->opening || recorder->fd >= 0 || runtime->stopping;
        if (busy) {
                answers_reply(runtime, call, cookie, -EBUSY,
                        runtime->stopping ? "the agent is ending" : "a recording is under way");
                return;
        }
        int r = submit_opening(recorder, &err);
        if (r < 0) {
                answers_reply(runtime, call, cookie, r, err.text);
                return;
        }
        recorder->opening = true;
        recorder->call = call;
        recorder->cookie = cookie;
}

void runtime_record_stop(struct runtime *runtime, runtime_reply call, void *cookie) {
        struct recorder *recorder = runtime->recorder;
        char text[RUNTIME_RECORD_PATH_MAX + 64];
        if (!recorder->active) {
                answers_reply(runtime, call, cookie, -EBUSY, "nothing is being recorded");
                return;
        }
        end(recorder, "somebody stopped it");
        snprintf(text, sizeof(text), "recorded %" PRIu64 " inputs to %s", recorder->status.inputs,
                recorder->status.path);
        answers_reply(runtime, call, cookie, 0, text);
}

void runtime_record_status(const struct runtime *runtime, struct runtime_record *ret) {
        *ret = runtime->recorder->status;
}

int recorder_new(struct runtime *runtime, struct error *err) {
        static const struct worker_limits limits = {"recorder", 1, 4, 1};
        struct recorder *recorder = calloc(1, sizeof(*recorder));
        if (!recorder) {
                return error_set(err, ENOMEM, "out of memory");
        }
        runtime->recorder = recorder;
        recorder->runtime = runtime;
        recorder->fd = -1;
        int r = loop_timer_init(&recorder->timer, runtime->loop, on_timer, recorder);
        if (r < 0) {
                return error_set_errno(err, -r, "cannot prepare the recorder");
        }
        return worker_pool_new(&recorder->pool, runtime->loop, &limits, err);
}

/* What is left is written here: at the end of the agent nothing is kept waiting by it. */
void recorder_free(struct recorder *recorder) {
        if (!recorder) {
                return;
        }
        worker_pool_free(recorder->pool);
        if (recorder->fd >= 0 && !recorder->writing && recorder->buffer.length > 0) {
                struct chunk rest = {recorder->fd, recorder->buffer.data, recorder->buffer.length};
                (void) write_in_thread(&rest);
        }
        if (recorder->fd >= 0) {
                close(recorder->fd);
        }
        loop_timer_done(&recorder->timer);
        strbuf_done(&recorder->buffer);
        free(recorder);
}
