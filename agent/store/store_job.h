#pragma once
/* One call of store.h on its way to the thread and back. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"
#include "store/store_database.h"

enum store_job_kind {
        STORE_JOB_ATTEMPT = 0,
        STORE_JOB_WHY,
        STORE_JOB_EVIDENCE,
        STORE_JOB_INCIDENT,
        STORE_JOB_SERVICE,
        STORE_JOB_HOST,
        STORE_JOB_CALL,
        STORE_JOB_TRIALS,
        STORE_JOB_EVENT,
        STORE_JOB_FORGET,
        STORE_JOB_FORGET_CALL,
        STORE_JOB_QUERY, /* many */
        STORE_JOB_QUERY_ONE,
};

/* Every member belongs to one side at a time: `node` to whoever holds the lock of the queue it is
 * in, the loop's members to the loop, the rest to the thread until it gives the job back. */
struct store_job {
        struct list node;
        enum store_job_kind kind;
        int result;
        uint64_t sequence; /* number of a write; of a query: of the last write before it */

        /* The loop's. */
        struct list waiting; /* not completed yet */
        usec_t asked, due;
        store_done done;
        store_answer answer;
        void *cookie;

        /* Copies of the arguments, in the heap; NULL: not given. */
        struct attempt *attempt;
        char *text; /* why an attempt was decided on, or evidence */
        wall_usec_t at; /* of evidence */
        struct incident *incident;
        struct trials_record *trials;
        struct event *event;
        struct service_record *record; /* cut behind the last of its `spent` */
        struct host_record *host; /* likewise */
        struct call_record *call;
        char service[POLICY_NAME_MAX + 1];
        bool any_service; /* a query about all */
        uint64_t id; /* of an incident; upper bound of a query */
        size_t limit;
        struct store_history history;
};

struct store_job *store_job_new(enum store_job_kind kind); /* NULL: out of memory */
void store_job_free(struct store_job *job); /* accepts NULL */

/* Each copies an argument into the job; false when memory is short. */
bool store_job_take_attempt(struct store_job *job, const struct attempt *attempt);
bool store_job_take_text(struct store_job *job, const char *text);
bool store_job_take_incident(struct store_job *job, const struct incident *incident);
bool store_job_take_trials(struct store_job *job, const struct trials_record *record);
bool store_job_take_event(struct store_job *job, const struct event *event);
bool store_job_take_service(struct store_job *job, const struct service_record *record);
bool store_job_take_host(struct store_job *job, const struct host_record *record);
bool store_job_take_call(struct store_job *job, const struct call_record *record);

static inline bool store_job_is_query(const struct store_job *job) {
        return job->kind == STORE_JOB_QUERY || job->kind == STORE_JOB_QUERY_ONE;
}

/* What the caller saves anew after the store was degraded, so that it need not wait in memory. */
static inline bool store_job_is_replaceable(const struct store_job *job) {
        return job->kind == STORE_JOB_SERVICE || job->kind == STORE_JOB_HOST ||
               job->kind == STORE_JOB_CALL;
}

/* In the thread: carries the job out, inside a transaction when it writes. */
int store_job_run(struct store_job *job, struct store_database *database, struct error *err);
