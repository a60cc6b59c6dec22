#pragma once
/* Keeps a ledger on disk: STATE_DIR/executor/content/SERVICE.KIND, replaced as a whole and synced,
 * with its folder. Worker threads do it, so that a disk that hangs delays nothing but what waits
 * for the word that it is written. */

#include <stdbool.h>

#include "base/error.h"
#include "executor/ledger.h"
#include "io/loop.h"
#include "io/worker.h"

#define LEDGER_FILE_LIMIT (5 * USEC_PER_SEC)

/* result: 0, -ETIMEDOUT, or another negative errno; data is for ledger_file_text, or NULL. */
typedef void (*ledger_file_done)(void *cookie, int result, void *data);

struct ledger_file_job { /* what is read or written; texts are copied */
        struct worker_pool *pool;
        const char *state_dir, *service, *kind;
        usec_t deadline;
        ledger_file_done done; /* never from within, and not when the task was cancelled */
        void *cookie;
};

int ledger_file_load(
        const struct ledger_file_job *job, struct worker_task **ret, struct error *err);
int ledger_file_save(const struct ledger_file_job *job, const struct ledger *ledger,
        struct worker_task **ret, struct error *err);

/* What was read, for ledger_parse; "" when there is nothing. */
char *ledger_file_text(void *data);
