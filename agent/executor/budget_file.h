#pragma once
/* Keeps an action budget on disk: STATE_DIR/executor/budget, replaced as a whole. A worker thread
 * does it, so a disk that hangs delays nothing; the count in memory is the one that counts. */

#include <stdbool.h>

#include "executor/action_budget.h"
#include "executor/state_file.h"
#include "io/loop.h"
#include "io/worker.h"

#define BUDGET_LOAD_LIMIT (2 * USEC_PER_SEC) /* then the executor goes on without the past */
#define BUDGET_SAVE_DELAY (100 * USEC_PER_MSEC) /* out of the way of the start that was counted */
#define BUDGET_SAVE_LIMIT (10 * USEC_PER_SEC)

struct budget_file {
        struct loop *loop; /* NULL: not initialised, done() is a no-op */
        struct worker_pool *pool;
        struct action_budget *budget;
        char path[STATE_PATH_MAX], boot_id[BOOT_ID_MAX];
        struct loop_timer saving;
        struct loop_defer not_loaded;
        struct worker_task *task;
        bool changed, failing;
        unsigned serial; /* of the next job: an abandoned one must not share its temporary file */
        void (*loaded)(void *cookie);
        void *cookie;
};

/* -ENAMETOOLONG, -ENOMEM. The budget and the pool outlive it. */
int budget_file_init(struct budget_file *file, struct loop *loop, struct worker_pool *pool,
        struct action_budget *budget, const char *state_dir, const char *boot_id);
void budget_file_done(struct budget_file *file); /* what was not written yet is lost */

/* Adds what the file remembers to the budget; `loaded` is called once, also when there was nothing,
 * and never from within the call. */
void budget_file_load(struct budget_file *file, void (*loaded)(void *cookie), void *cookie);

/* The budget changed: writes it soon. */
void budget_file_changed(struct budget_file *file);
