#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/list.h"
#include "base/str.h"
#include "base/units.h"
#include "io/loop.h"
#include "store/store_job.h"
#include "store/store_thread.h"

/* Completions of attempts that could not even be queued, for want of memory. */
enum { SPARES_MAX = 64 };

struct store {
        struct loop *loop;
        struct store_shared *shared;
        usec_t timeout;
        void (*on_health)(void *cookie, bool degraded, const char *why);
        void *cookie;

        struct loop_watch watch; /* the thread's eventfd */
        struct loop_timer timer; /* the earliest deadline */
        struct loop_defer wake; /* the thread, at the end of the turn */
        struct loop_defer settle; /* refusals, and changes of health */
        struct list waiting; /* jobs in the thread's hands, not completed, by deadline */
        struct list refused; /* jobs that the thread never saw, by `waiting` too */
        struct list spares; /* by `node` */
        unsigned n_spares;

        uint64_t sequence, finished; /* numbers of the last write queued, and finished */
        bool lost; /* something that has to be saved anew, see lose() */
        uint64_t lost_until; /* the write that has to be finished before the store works */
        int lost_code;
        char lost_why[ERROR_TEXT_MAX];
        uint64_t faults_seen;
        bool degraded, told; /* told: by on_health() */
        int code; /* what completes writes; 0: their own result */
        char why[ERROR_TEXT_MAX];

        uint64_t timeouts, dropped, dropped_events;
        usec_t last_latency, worst_latency;
};

static void lock(const struct store *store) {
        int r = pthread_mutex_lock(&store->shared->lock);
        assert(r == 0);
}

static void unlock(const struct store *store) {
        int r = pthread_mutex_unlock(&store->shared->lock);
        assert(r == 0);
}

/* ---- Completion ----------------------------------------------------------------------------- */

static bool is_waiting(const struct store_job *job) {
        return !list_empty(&job->waiting);
}

/* Once: a job that does not wait any more was completed before. */
static void complete(struct store_job *job, int result) {
        static const struct store_history nothing = {0};
        if (!is_waiting(job)) {
                return;
        }
        list_remove(&job->waiting);
        if (job->answer) {
                job->answer(job->cookie, result, result == 0 ? &job->history : &nothing);
        } else if (job->done) {
                job->done(job->cookie, result);
        }
}

/* Callbacks may ask for new writes: those are left for the next turn. */
static void complete_writes(struct store *store, int code) {
        struct list writes;
        list_init(&writes);
        LIST_FOREACH (node, &store->waiting) {
                if (!store_job_is_query(LIST_ENTRY(node, struct store_job, waiting))) {
                        list_remove(node);
                        list_append(&writes, node);
                }
        }
        while (!list_empty(&writes)) {
                complete(LIST_ENTRY(writes.next, struct store_job, waiting), code);
        }
}

/* ---- Health --------------------------------------------------------------------------------- */

/* A write that will never be made, or was not made in time: the caller has to save its state anew
 * when all that is queued now was written. Until then the store is degraded. */
static void lose(struct store *store, int code, const char *why) {
        store->lost = true;
        store->lost_until = store->sequence;
        store->lost_code = code;
        (void) str_copy(store->lost_why, sizeof(store->lost_why), why);
        loop_defer_schedule(&store->settle);
}

/* The thread's fault, or else the loop's. Returns 0 when there is none; one that came and went
 * since the last look is told by `ret_passed`. */
static int look_for_fault(struct store *store, bool *ret_passed) {
        int code = 0;
        *ret_passed = false;
        if (store->lost) {
                (void) str_copy(store->why, sizeof(store->why), store->lost_why);
                code = store->finished < store->lost_until ? store->lost_code : 0;
                store->lost = code < 0;
                *ret_passed = code == 0;
        }
        lock(store);
        const struct store_fault *fault = &store->shared->fault;
        bool passed = fault->count != store->faults_seen && fault->code == 0;
        if (fault->code < 0 || passed) {
                (void) str_copy(store->why, sizeof(store->why), fault->why);
        }
        code = fault->code < 0 ? fault->code : code;
        *ret_passed |= passed;
        store->faults_seen = fault->count;
        unlock(store);
        return code;
}

static void tell_health(struct store *store, bool degraded) {
        store->degraded = store->told = degraded;
        if (!degraded) {
                store->why[0] = '\0';
        }
        if (store->on_health) {
                store->on_health(store->cookie, degraded, store->why);
        }
}

/* A fault that came and went is told as well: what was lost by it has to be saved anew. */
static void update_health(struct store *store) {
        bool passed;
        store->code = look_for_fault(store, &passed);
        if (!store->told && (store->code < 0 || passed)) {
                tell_health(store, true);
        }
        if (store->code < 0) {
                complete_writes(store, store->code);
        } else if (store->told) {
                tell_health(store, false);
        }
}

bool store_degraded(const struct store *store) {
        return store->degraded;
}

const char *store_why(const struct store *store) {
        return store->why;
}

/* ---- Deadlines ------------------------------------------------------------------------------ */

static void arm_timer(struct store *store) {
        if (list_empty(&store->waiting)) {
                loop_timer_cancel(&store->timer);
        } else {
                loop_timer_set(&store->timer,
                        LIST_ENTRY(store->waiting.next, struct store_job, waiting)->due);
        }
}

static void time_out(struct store *store, struct store_job *job) {
        char within[UNITS_TEXT_MAX], why[ERROR_TEXT_MAX];
        store->timeouts++;
        if (!store_job_is_query(job)) {
                (void) snprintf(why, sizeof(why),
                        "state database %s: a write did not finish within %s", store->shared->path,
                        units_format_duration(store->timeout, within));
                lose(store, -ETIMEDOUT, why);
        }
        complete(job, -ETIMEDOUT);
}

/* The whole process stood still (suspended, stopped, starved): so did the thread. */
static void extend_deadlines(struct store *store, usec_t now) {
        LIST_FOREACH (node, &store->waiting) {
                LIST_ENTRY(node, struct store_job, waiting)->due = usec_add(now, store->timeout);
        }
}

static void on_deadline(void *cookie) {
        struct store *store = cookie;
        usec_t now = clock_now().mono;
        while (!list_empty(&store->waiting)) {
                struct store_job *job = LIST_ENTRY(store->waiting.next, struct store_job, waiting);
                if (job->due > now) {
                        break;
                }
                if (usec_sub(now, job->due) > store->timeout) {
                        extend_deadlines(store, now);
                        break;
                }
                time_out(store, job);
        }
        update_health(store);
        arm_timer(store);
}

usec_t store_overdue(const struct store *store) {
        usec_t now = loop_now(store->loop).mono;
        return list_empty(&store->waiting)
                       ? 0
                       : usec_sub(now,
                                 LIST_ENTRY(store->waiting.next, struct store_job, waiting)->due);
}

/* ---- From the thread ------------------------------------------------------------------------ */

static void on_finished(struct store *store, struct store_job *job) {
        if (!store_job_is_query(job)) {
                store->finished = job->sequence;
                store->last_latency = usec_sub(clock_now().mono, job->asked);
                if (store->last_latency > store->worst_latency) {
                        store->worst_latency = store->last_latency;
                }
        }
        complete(job, job->result);
        store_job_free(job);
}

static void take_finished(struct store *store) {
        struct list finished;
        list_init(&finished);
        lock(store);
        LIST_FOREACH (node, &store->shared->finished) {
                list_remove(node);
                list_append(&finished, node);
        }
        unlock(store);
        while (!list_empty(&finished)) {
                struct store_job *job = LIST_ENTRY(finished.next, struct store_job, node);
                list_remove(&job->node);
                on_finished(store, job);
        }
}

static void on_wake(void *cookie, uint32_t events) {
        struct store *store = cookie;
        eventfd_t count;
        (void) events;
        (void) eventfd_read(store->shared->wake_fd, &count); /* the lists say what there is */
        take_finished(store);
        update_health(store);
        arm_timer(store);
}

/* ---- To the thread -------------------------------------------------------------------------- */

static void refill_spares(struct store *store) {
        while (store->n_spares < SPARES_MAX) {
                struct store_job *job = store_job_new(STORE_JOB_ATTEMPT);
                if (!job) {
                        return;
                }
                list_append(&store->spares, &job->node);
                store->n_spares++;
        }
}

static void on_settle(void *cookie) {
        struct store *store = cookie;
        struct list refused;
        list_init(&refused);
        LIST_FOREACH (node, &store->refused) {
                list_remove(node);
                list_append(&refused, node);
        }
        while (!list_empty(&refused)) {
                struct store_job *job = LIST_ENTRY(refused.next, struct store_job, waiting);
                complete(job, job->result);
                store_job_free(job);
        }
        refill_spares(store);
        update_health(store);
        arm_timer(store);
}

/* Out of memory the caller still has to learn what became of its attempt. More of them in one turn
 * than there are spares, and no memory either: better begin anew than act on an intent nobody wrote
 * down. */
static struct store_job *take_spare(struct store *store) {
        assert(!list_empty(&store->spares));
        struct store_job *job = LIST_ENTRY(store->spares.next, struct store_job, node);
        list_remove(&job->node);
        store->n_spares--;
        return job;
}

/* The job is completed with `code` in this turn's deferred work, and will not be written. */
static void refuse(struct store *store, struct store_job *job, int code) {
        job->result = code;
        list_append(&store->refused, &job->waiting);
        loop_defer_schedule(&store->settle);
}

static void count_dropped(struct store *store, enum store_job_kind kind, int code) {
        bool event = kind == STORE_JOB_EVENT;
        store->dropped++;
        store->dropped_events += event;
        if (!event) { /* an event is history; the rest is state */
                lose(store, code,
                        code == -ENOMEM ? "out of memory for the state database"
                                        : "the state database is too slow: too many writes wait");
        }
}

/* A job that the thread will never see. */
static void drop(struct store *store, struct store_job *job, int code) {
        if (!store_job_is_query(job)) {
                count_dropped(store, job->kind, code);
        }
        if (job->done || job->answer) {
                refuse(store, job, code);
        } else {
                store_job_free(job);
        }
}

/* How full the queue may be for a write of this kind; called with the lock held. */
static bool has_room(const struct store_shared *shared, const struct store_job *job) {
        size_t limit = job->kind == STORE_JOB_ATTEMPT ? STORE_QUEUE_MAX : STORE_QUEUE_STATE_MAX;
        if (store_job_is_query(job)) {
                return shared->n_queries < STORE_QUERIES_MAX;
        }
        if (job->kind == STORE_JOB_EVENT && shared->n_events >= STORE_QUEUE_EVENTS_MAX) {
                return false;
        }
        return shared->n_writes < limit;
}

/* What one turn of the loop asks for is one transaction: an intent does not wait for the commit of
 * the events that came just before it. */
static void wake_thread(void *cookie) {
        struct store *store = cookie;
        lock(store);
        pthread_cond_signal(&store->shared->to_thread);
        unlock(store);
}

static bool enqueue(struct store *store, struct store_job *job) {
        struct store_shared *shared = store->shared;
        bool query = store_job_is_query(job);
        lock(store);
        bool room = has_room(shared, job);
        if (room) {
                list_append(query ? &shared->queries : &shared->writes, &job->node);
                shared->n_queries += query;
                shared->n_writes += !query;
                shared->n_events += job->kind == STORE_JOB_EVENT;
                loop_defer_schedule(&store->wake);
        }
        unlock(store);
        return room;
}

static void submit(struct store *store, struct store_job *job) {
        job->asked = clock_now().mono;
        job->due = usec_add(job->asked, store->timeout);
        job->sequence = store->sequence + (store_job_is_query(job) ? 0 : 1);
        list_append(&store->waiting, &job->waiting);
        if (!enqueue(store, job)) {
                list_remove(&job->waiting);
                drop(store, job, -EAGAIN);
                return;
        }
        store->sequence = job->sequence;
        if (store->degraded) {
                loop_defer_schedule(&store->settle); /* nobody waits for a database that fails */
        }
        if (!loop_timer_armed(&store->timer)) {
                arm_timer(store);
        }
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* Submits a job whose arguments could be copied. */
static void submit_copy(struct store *store, struct store_job *job, bool copied) {
        if (copied) {
                submit(store, job);
        } else {
                drop(store, job, -ENOMEM);
        }
}

/* NULL: out of memory, and counted as dropped. */
static struct store_job *new_write(struct store *store, enum store_job_kind kind) {
        struct store_job *job = store_job_new(kind);
        if (!job) {
                count_dropped(store, kind, -ENOMEM);
        }
        return job;
}

void store_save_attempt(struct store *store, const struct attempt *attempt, const char *service,
        const struct service_record *record, const struct host_record *host, store_done done,
        void *cookie) {
        struct store_job *job = store_job_new(STORE_JOB_ATTEMPT);
        bool copied = job != NULL;
        if (!job) {
                job = take_spare(store);
        }
        job->done = done;
        job->cookie = cookie;
        (void) str_copy(job->service, sizeof(job->service), service);
        copied = copied && store_job_take_attempt(job, attempt) &&
                 (!record || store_job_take_service(job, record)) &&
                 (!host || store_job_take_host(job, host));
        submit_copy(store, job, copied);
}

void store_save_why(
        struct store *store, const struct attempt *attempt, const char *service, const char *why) {
        struct store_job *job = new_write(store, STORE_JOB_WHY);
        if (job) {
                (void) str_copy(job->service, sizeof(job->service), service);
                submit_copy(store, job,
                        store_job_take_attempt(job, attempt) && store_job_take_text(job, why));
        }
}

void store_save_evidence(struct store *store, uint64_t incident, wall_usec_t at, const char *text) {
        struct store_job *job = new_write(store, STORE_JOB_EVIDENCE);
        if (job) {
                job->id = incident;
                job->at = at;
                submit_copy(store, job, store_job_take_text(job, text));
        }
}

void store_save_incident(struct store *store, const struct incident *incident) {
        struct store_job *job = new_write(store, STORE_JOB_INCIDENT);
        if (job) {
                submit_copy(store, job, store_job_take_incident(job, incident));
        }
}

void store_save_trials(struct store *store, const struct trials_record *record) {
        struct store_job *job = new_write(store, STORE_JOB_TRIALS);
        if (job) {
                submit_copy(store, job, store_job_take_trials(job, record));
        }
}

/* While degraded, these three do not wait in memory: on_health() asks for them again. */
void store_save_service(struct store *store, const struct service_record *record) {
        struct store_job *job = store->degraded ? NULL : new_write(store, STORE_JOB_SERVICE);
        if (job) {
                submit_copy(store, job, store_job_take_service(job, record));
        }
}

void store_save_host(struct store *store, const struct host_record *record) {
        struct store_job *job = store->degraded ? NULL : new_write(store, STORE_JOB_HOST);
        if (job) {
                submit_copy(store, job, store_job_take_host(job, record));
        }
}

void store_save_call(struct store *store, const struct call_record *record) {
        struct store_job *job = store->degraded ? NULL : new_write(store, STORE_JOB_CALL);
        if (job) {
                submit_copy(store, job, store_job_take_call(job, record));
        }
}

void store_forget_call(struct store *store, const char *service, const char *probe) {
        struct store_job *job = new_write(store, STORE_JOB_FORGET_CALL);
        struct call_record record = {0};
        (void) str_copy(record.service, sizeof(record.service), service);
        (void) str_copy(record.probe, sizeof(record.probe), probe);
        if (job) {
                submit_copy(store, job, store_job_take_call(job, &record));
        }
}

void store_add_event(struct store *store, const struct event *event) {
        struct store_job *job = new_write(store, STORE_JOB_EVENT);
        if (job) {
                submit_copy(store, job, store_job_take_event(job, event));
        }
}

void store_forget_service(struct store *store, const char *name) {
        struct store_job *job = new_write(store, STORE_JOB_FORGET);
        if (job) {
                (void) str_copy(job->service, sizeof(job->service), name);
                submit(store, job);
        }
}

static struct store_job *new_query(struct store *store, enum store_job_kind kind,
        store_answer answer, void *cookie, bool *ret_made) {
        struct store_job *job = store_job_new(kind);
        *ret_made = job != NULL;
        if (!job) {
                job = take_spare(store);
                job->kind = kind;
        }
        job->answer = answer;
        job->cookie = cookie;
        return job;
}

void store_query_incidents(struct store *store, const char *service, uint64_t before, size_t limit,
        store_answer answer, void *cookie) {
        bool made;
        struct store_job *job = new_query(store, STORE_JOB_QUERY, answer, cookie, &made);
        job->any_service = service == NULL;
        (void) str_copy(job->service, sizeof(job->service), service ? service : "");
        job->id = before;
        job->limit = limit;
        submit_copy(store, job, made);
}

void store_query_incident(struct store *store, uint64_t id, store_answer answer, void *cookie) {
        bool made;
        struct store_job *job = new_query(store, STORE_JOB_QUERY_ONE, answer, cookie, &made);
        job->id = id;
        submit_copy(store, job, made);
}

struct store_counts store_counts(const struct store *store) {
        lock(store);
        const struct store_shared *shared = store->shared;
        struct store_counts counts = {
                .writes = shared->written,
                .failures = shared->failures,
                .queued = shared->n_writes,
                .database_bytes = shared->database_bytes,
        };
        unlock(store);
        counts.timeouts = store->timeouts;
        counts.dropped = store->dropped;
        counts.dropped_events = store->dropped_events;
        counts.last_latency = store->last_latency;
        counts.worst_latency = store->worst_latency;
        return counts;
}

/* ---- Opening -------------------------------------------------------------------------------- */

/* The loop does not run yet, so waiting is fine. What the thread finds later is not waited for. */
static void wait_for_image(struct store *store, struct store_image *ret_image) {
        struct store_shared *shared = store->shared;
        usec_t deadline = store_shared_deadline(store->timeout);
        char within[UNITS_TEXT_MAX];
        lock(store);
        while (!shared->opened && store_shared_wait(shared, &shared->to_loop, deadline)) {
        }
        if (!shared->opened) {
                shared->fault.code = -ETIMEDOUT;
                shared->fault.count++;
                (void) snprintf(shared->fault.why, sizeof(shared->fault.why),
                        "state database %s: could not be opened within %s", shared->path,
                        units_format_duration(store->timeout, within));
                shared->image.next_incident = store_incident_from_clock();
        }
        *ret_image = shared->image;
        shared->image = (struct store_image){0};
        shared->image_wanted = false;
        store->degraded = shared->fault.code < 0;
        if (store->degraded) {
                (void) str_copy(store->why, sizeof(store->why), shared->fault.why);
        }
        unlock(store);
}

static int attach(struct store *store, struct loop *loop) {
        int r = loop_timer_init(&store->timer, loop, on_deadline, store);
        if (r < 0) {
                return r;
        }
        loop_defer_init(&store->wake, loop, wake_thread, store);
        loop_defer_init(&store->settle, loop, on_settle, store);
        return loop_watch_add(&store->watch, loop, store->shared->wake_fd, EPOLLIN, on_wake, store);
}

static void detach(struct store *store) {
        loop_watch_remove(&store->watch);
        loop_timer_done(&store->timer);
        if (store->settle.loop) {
                loop_defer_cancel(&store->wake);
                loop_defer_cancel(&store->settle);
        }
}

static struct store *new_store(struct loop *loop, const struct store_options *options) {
        struct store *store = calloc(1, sizeof(*store));
        if (store) {
                store->loop = loop;
                store->timeout = options->timeout;
                store->on_health = options->on_health;
                store->cookie = options->cookie;
                list_init(&store->waiting);
                list_init(&store->refused);
                list_init(&store->spares);
                refill_spares(store);
        }
        return store;
}

int store_open(struct loop *loop, const struct store_options *options, struct store **ret,
        struct store_image *ret_image) {
        struct store *store = new_store(loop, options);
        int r = store ? store_thread_start(options, &store->shared) : -ENOMEM;
        if (r == 0) {
                r = attach(store, loop);
        }
        if (r < 0) {
                store_close(store, 0);
                return r;
        }
        wait_for_image(store, ret_image);
        loop_defer_schedule(&store->settle);
        *ret = store;
        return 0;
}

/* ---- Closing -------------------------------------------------------------------------------- */

static void end_thread(struct store *store, usec_t patience) {
        struct store_shared *shared = store->shared;
        usec_t deadline = store_shared_deadline(patience);
        lock(store);
        shared->closing = true;
        pthread_cond_signal(&shared->to_thread);
        while (!shared->ended && store_shared_wait(shared, &shared->to_loop, deadline)) {
        }
        unlock(store);
}

/* Jobs that the thread never saw. The others go with what is shared with it. */
static void free_own_jobs(struct store *store) {
        LIST_FOREACH (node, &store->refused) {
                list_remove(node);
                store_job_free(LIST_ENTRY(node, struct store_job, waiting));
        }
        LIST_FOREACH (node, &store->spares) {
                list_remove(node);
                store_job_free(LIST_ENTRY(node, struct store_job, node));
        }
}

void store_close(struct store *store, usec_t patience) {
        if (!store) {
                return;
        }
        if (store->shared) {
                detach(store);
                end_thread(store, patience);
                store_shared_unref(store->shared);
        }
        free_own_jobs(store);
        free(store);
}
