#pragma once
/* What a service consists of: one job that finds out, or that exchanges it. Each kind of rollback
 * brings the two; a job ends exactly once, in bounded time, and can be cancelled before. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/ledger.h"
#include "model/checkpoint_state.h"
#include "model/policy.h"

struct executor;
struct content_job;

enum { CONTENT_TEXT_MAX = 400, CONTENT_DETAIL_MAX = 2048 };

enum content_task {
        CONTENT_LOOK = 0, /* what is there; `to` is what earned trust last, or NULL */
        CONTENT_TRUST, /* `to`, which is there, has earned trust */
        CONTENT_TIDY, /* what is older may go, copies are made; nothing waits for this */
        CONTENT_PREPARE, /* all of an exchange of `from` for `to` that changes nothing yet */
        CONTENT_EXCHANGE, /* `from` for `to` */
        CONTENT_BACK, /* the same, to take the last exchange back */
};
enum { CONTENT_TASK_COUNT = CONTENT_BACK + 1 };

struct content_request {
        struct executor *executor;
        const struct service *service; /* outlives the job */
        enum content_task task;
        const char *from,
                *to; /* of an exchange, see below for the others; borrowed until it ends */
        bool suspect; /* the service has failed on what is there */
        bool first; /* nothing was looked at since this process began */
        usec_t deadline;
};

struct content_result {
        int result; /* 0, or negative errno: then `text` says why */
        char name[LEDGER_NAME_MAX]; /* what is there now */
        wall_usec_t since; /* 0: nobody knows */
        uint32_t stored[CHECKPOINT_STATE_COUNT]; /* checkpoints by state; all 0: it does not say */
        bool damaged; /* what is stored of the target is not what it was */
        bool untouched; /* of an exchange that failed: everything is as it was, for sure */
        char text[CONTENT_TEXT_MAX]; /* why it failed; else what changed, "" where names say all */
        char detail[CONTENT_DETAIL_MAX]; /* what changed, a line each; "" where the names say all */
};

/* The job is gone after it; the result is valid during the call. */
typedef void (*content_done)(void *cookie, const struct content_result *result);

struct content_kind {
        size_t size; /* of the kind's struct, which begins with a struct content_job and is zeroed
                      */

        /* Begins; it ends with content_job_end, never from within. On failure nothing was done, and
         * `release` is called. NULL: there is nothing to do, as for trust where a name is enough.
         */
        int (*start[CONTENT_TASK_COUNT])(struct content_job *job, struct error *err);

        /* Gives up what it holds and ends its programs; also when it has ended. */
        void (*release)(struct content_job *job);
};

struct content_job {
        const struct content_kind *kind;
        struct content_request request;
        struct content_result result;
        content_done done;
        void *cookie;
};

/* Whether this kind does anything for the task. */
bool content_job_needed(const struct service *service, enum content_task task);

int content_job_start(struct content_job **ret, const struct content_request *request,
        content_done done, void *cookie, struct error *err);

/* From within a kind: frees it, then tells what is in job->result. */
void content_job_end(struct content_job *job);

/* The same with a reason; result is negative errno. */
void content_job_fail(struct content_job *job, int result, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Without a word. Accepts NULL. */
void content_job_cancel(struct content_job *job);
