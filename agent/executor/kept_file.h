#pragma once
/* What the executor remembers on disk: one small file in STATE_DIR/executor, replaced as a whole. A
 * worker thread does it, so a disk that hangs delays nothing; what is in memory is what counts. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "executor/state_file.h"
#include "io/loop.h"
#include "io/worker.h"

#define KEPT_FILE_LOAD_LIMIT (2 * USEC_PER_SEC) /* then the executor goes on without the past */
#define KEPT_FILE_SAVE_DELAY                                                                       \
        (100 * USEC_PER_MSEC) /* out of the way of what is started just now                        \
                               */
#define KEPT_FILE_SAVE_LIMIT (10 * USEC_PER_SEC)

/* What is in such a file. */
struct kept_kind {
        const char *name; /* of the file */
        size_t max_bytes;
        char *(*format)(void *data); /* the caller frees it; NULL when out of memory */
        int (*parse)(void *data, const char *text, struct error *err); /* adds what it says */
};

struct kept_file {
        struct loop *loop; /* NULL: not initialised, done() is a no-op */
        struct worker_pool *pool;
        const struct kept_kind *kind;
        void *data;
        char path[STATE_PATH_MAX];
        struct loop_timer saving;
        struct loop_defer not_loaded;
        struct worker_task *task;
        bool changed, being_saved, failing;
        unsigned serial; /* of the next job: an abandoned one must not share its temporary file */
        void (*loaded)(void *cookie);
        void *cookie;
};

/* -ENAMETOOLONG, -ENOMEM. Pool and data outlive it. */
int kept_file_init(struct kept_file *file, struct loop *loop, struct worker_pool *pool,
        const char *state_dir, const struct kept_kind *kind, void *data);

/* Writes what was not written yet: the one time that the caller waits for the disk. */
void kept_file_done(struct kept_file *file);

/* Has what the file remembers added to the data; `loaded` is called once, also when there was
 * nothing, and never from within the call. */
void kept_file_load(struct kept_file *file, void (*loaded)(void *cookie), void *cookie);

/* The data changed: writes it soon. */
void kept_file_changed(struct kept_file *file);
