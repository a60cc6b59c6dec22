#include "store/store_job.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_rows.h"

struct store_job *store_job_new(enum store_job_kind kind) {
        struct store_job *job = calloc(1, sizeof(*job));
        if (job) {
                job->kind = kind;
                list_init(&job->node);
                list_init(&job->waiting);
        }
        return job;
}

void store_job_free(struct store_job *job) {
        if (!job) {
                return;
        }
        free(job->attempt);
        free(job->text);
        free(job->incident);
        free(job->trials);
        free(job->event);
        free(job->record);
        free(job->host);
        free(job->call);
        store_history_done(&job->history);
        free(job);
}

static void *copy(const void *from, size_t size) {
        void *to = malloc(size);
        return to ? memcpy(to, from, size) : NULL;
}

bool store_job_take_attempt(struct store_job *job, const struct attempt *attempt) {
        job->attempt = copy(attempt, sizeof(*attempt));
        return job->attempt != NULL;
}

bool store_job_take_text(struct store_job *job, const char *text) {
        job->text = strdup(text);
        return job->text != NULL;
}

bool store_job_take_incident(struct store_job *job, const struct incident *incident) {
        job->incident = copy(incident, sizeof(*incident));
        return job->incident != NULL;
}

bool store_job_take_trials(struct store_job *job, const struct trials_record *record) {
        job->trials = copy(record, sizeof(*record));
        return job->trials != NULL;
}

bool store_job_take_event(struct store_job *job, const struct event *event) {
        job->event = copy(event, sizeof(*event));
        return job->event != NULL;
}

/* Records end in an array for the largest budget that a policy may give, of which most use a few
 * elements: the copy ends there, which is a fifth of the memory. */
static uint32_t spent_count(uint32_t n, uint32_t most) {
        return n < most ? n : most;
}

bool store_job_take_service(struct store_job *job, const struct service_record *record) {
        uint32_t n = spent_count(record->n_spent, RECORD_SPENT_MAX);
        job->record =
                copy(record, offsetof(struct service_record, spent) + n * sizeof(record->spent[0]));
        if (job->record) {
                job->record->n_spent = n;
        }
        return job->record != NULL;
}

bool store_job_take_host(struct store_job *job, const struct host_record *record) {
        uint32_t n = spent_count(record->n_spent, POLICY_BUDGET_MAX);
        job->host =
                copy(record, offsetof(struct host_record, spent) + n * sizeof(record->spent[0]));
        if (job->host) {
                job->host->n_spent = n;
        }
        return job->host != NULL;
}

bool store_job_take_call(struct store_job *job, const struct call_record *record) {
        job->call = copy(record, sizeof(*record));
        return job->call != NULL;
}

static int run_attempt(struct store_job *job, struct store_database *database, struct error *err) {
        int r = store_rows_save_attempt(database, job->service, job->attempt, err);
        if (r == 0 && job->record) {
                r = store_rows_save_service(database, job->record, err);
        }
        if (r == 0 && job->host) {
                r = store_rows_save_host(database, job->host, err);
        }
        return r;
}

int store_job_run(struct store_job *job, struct store_database *database, struct error *err) {
        switch (job->kind) {
        case STORE_JOB_ATTEMPT:
                return run_attempt(job, database, err);
        case STORE_JOB_WHY:
                return store_rows_save_why(database, job->service, job->attempt, job->text, err);
        case STORE_JOB_EVIDENCE:
                return store_rows_save_evidence(database, job->id, job->at, job->text, err);
        case STORE_JOB_INCIDENT:
                return store_rows_save_incident(database, job->incident, err);
        case STORE_JOB_SERVICE:
                return store_rows_save_service(database, job->record, err);
        case STORE_JOB_HOST:
                return store_rows_save_host(database, job->host, err);
        case STORE_JOB_CALL:
                return store_rows_save_call(database, job->call, err);
        case STORE_JOB_FORGET_CALL:
                return store_rows_forget_call(database, job->call, err);
        case STORE_JOB_TRIALS:
                return store_rows_save_trials(database, job->trials, err);
        case STORE_JOB_EVENT:
                return store_rows_add_event(database, job->event, err);
        case STORE_JOB_FORGET:
                return store_rows_forget_service(database, job->service, err);
        case STORE_JOB_QUERY:
                return store_rows_incidents(database, job->any_service ? NULL : job->service,
                        job->id, job->limit, &job->history, err);
        case STORE_JOB_QUERY_ONE:
                return store_rows_incident(database, job->id, &job->history, err);
        }
        return -EINVAL;
}
