#include "store/store_thread.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "store/store_error.h"
#include "store/store_rows.h"
#include "store/store_salvage.h"

enum {
        STACK_SIZE = 512 * 1024,
        BATCH_MAX = 512, /* writes that share a transaction */
        TRIM_FRACTION = 64, /* history may grow by this part before it is trimmed */
};

/* What only the thread uses. */
struct writer {
        struct store_shared *shared;
        struct store_database database;
        bool usable; /* open, and the last write worked */
        bool last_try; /* closing, and a database that failed was tried once more */
        usec_t retry_at; /* when not usable */
        usec_t salvage_at; /* not before may another corrupt database be moved aside */
        size_t backlog; /* writes to be made before the fault counts as gone */
        uint64_t new_incidents, new_events; /* since the history was trimmed, roughly */
        bool trim_more; /* one round was not enough */
        struct store_job *batch[BATCH_MAX];
        size_t n_batch;
};

/* ---- Time and waiting ----------------------------------------------------------------------- */

static usec_t monotonic_now(void) {
        struct timespec now;
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

usec_t store_shared_deadline(usec_t delay) {
        return usec_add(monotonic_now(), delay);
}

bool store_shared_wait(struct store_shared *shared, pthread_cond_t *condition, usec_t deadline) {
        usec_t bounded = deadline < INT64_MAX ? deadline : INT64_MAX;
        struct timespec until = {
                .tv_sec = (time_t) (bounded / USEC_PER_SEC),
                .tv_nsec = (long) (bounded % USEC_PER_SEC) * 1000,
        };
        return pthread_cond_timedwait(condition, &shared->lock, &until) != ETIMEDOUT;
}

static void lock(struct store_shared *shared) {
        int r = pthread_mutex_lock(&shared->lock);
        assert(r == 0);
}

static void unlock(struct store_shared *shared) {
        int r = pthread_mutex_unlock(&shared->lock);
        assert(r == 0);
}

static void wake_loop(struct store_shared *shared) {
        (void) eventfd_write(shared->wake_fd, 1); /* fails when it is awake already */
}

/* ---- Faults --------------------------------------------------------------------------------- */

static void set_fault(struct writer *writer, int code, const char *why) {
        struct store_shared *shared = writer->shared;
        lock(shared);
        if (shared->fault.code == 0) {
                shared->fault.count++;
        }
        shared->fault.code = code;
        shared->failures++;
        (void) str_copy(shared->fault.why, sizeof(shared->fault.why), why);
        unlock(shared);
        wake_loop(shared);
}

static void clear_fault(struct writer *writer) {
        struct store_shared *shared = writer->shared;
        lock(shared);
        bool had = shared->fault.code != 0;
        shared->fault.code = 0;
        unlock(shared);
        if (had) {
                wake_loop(shared);
        }
}

/* The database can be written again. What waits is written first: only then is the store as it was.
 */
static void set_usable(struct writer *writer) {
        lock(writer->shared);
        writer->backlog = writer->shared->n_writes;
        unlock(writer->shared);
        writer->usable = true;
        if (writer->backlog == 0) {
                clear_fault(writer);
        }
}

static void set_unusable(struct writer *writer, int code, const char *why) {
        writer->usable = false;
        writer->retry_at = usec_add(monotonic_now(), writer->shared->retry);
        set_fault(writer, code, why);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int open_database(struct writer *writer, struct store_image *image, struct error *err) {
        int r = store_database_open(&writer->database, writer->shared->path, err);
        if (r == 0 && image) {
                r = store_rows_load(&writer->database, image, err);
                if (r < 0) {
                        store_database_close(&writer->database);
                }
        }
        return r;
}

/* Moves the corrupt database aside, begins a new one, and says so by a fault that goes again. `err`
 * holds the damage. Not too often: a disk that damages everything would be filled with copies. */
static int renew(struct writer *writer, struct store_image *image, struct error *err) {
        char to[PATH_MAX];
        struct error damage = *err;
        if (monotonic_now() < writer->salvage_at) {
                return -EBADMSG;
        }
        writer->salvage_at = usec_add(monotonic_now(), writer->shared->retry);
        int r = store_move_aside(writer->shared->path, to, err);
        if (r == 0) {
                r = open_database(writer, image, err);
        }
        if (r < 0) {
                return r;
        }
        struct error told;
        (void) error_set(
                &told, EBADMSG, "%s; it was moved to %s and a new one was begun", damage.text, to);
        set_fault(writer, -EBADMSG, told.text);
        return 1;
}

/* 1: a new database took the place of a corrupt one. */
static int open_or_renew(struct writer *writer, struct store_image *image, struct error *err) {
        int r = open_database(writer, image, err);
        return r == -EBADMSG ? renew(writer, image, err) : r;
}

uint64_t store_incident_from_clock(void) {
        return clock_now().wall / USEC_PER_SEC + 1;
}

static void publish_image(struct store_shared *shared, struct store_image *image) {
        lock(shared);
        shared->opened = true;
        if (shared->image_wanted) {
                shared->image = *image;
                *image = (struct store_image){0};
        }
        pthread_cond_broadcast(&shared->to_loop);
        unlock(shared);
        store_image_done(image);
}

static void open_first(struct writer *writer) {
        struct store_image image = {0};
        struct error err = {0};
        int r = open_or_renew(writer, &image, &err);
        if (r != 0) {
                image.next_incident = store_incident_from_clock();
        }
        if (r < 0) {
                set_unusable(writer, r, err.text);
        } else {
                set_usable(writer);
                writer->trim_more = true;
        }
        publish_image(writer->shared, &image);
}

/* ---- Trouble -------------------------------------------------------------------------------- */

/* A full disk can still be read. */
static bool stays_open(int code) {
        static const int codes[] = {-ENOSPC, -EDQUOT, -EBUSY, -ENOMEM};
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                if (codes[i] == code) {
                        return true;
                }
        }
        return false;
}

/* The database failed. A damaged or vanished one is replaced at once, anything else is tried again
 * later. */
static void on_trouble(struct writer *writer, int code, struct error *err) {
        if (!stays_open(code)) {
                store_database_close(&writer->database);
        }
        int r = code;
        if (code == -EBADMSG) {
                r = renew(writer, NULL, err);
        } else if (code == -ESTALE) {
                set_fault(writer, code, err->text);
                r = open_or_renew(writer, NULL, err);
        }
        if (r < 0) {
                set_unusable(writer, r, err->text);
        } else {
                set_usable(writer);
        }
}

static void retry(struct writer *writer) {
        struct error err = {0};
        bool was_open = writer->database.db != NULL;
        int r = was_open ? store_database_run(&writer->database, STORE_TOUCH, &err)
                         : open_or_renew(writer, NULL, &err);
        if (r >= 0) {
                set_usable(writer);
        } else if (was_open) {
                on_trouble(writer, r, &err);
        } else {
                set_unusable(writer, r, err.text);
        }
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Only the thread takes writes off the list, so those of the batch may stay in it, in their order,
 * until they are done. */
static void collect_batch(struct writer *writer) {
        struct store_shared *shared = writer->shared;
        writer->n_batch = 0;
        lock(shared);
        LIST_FOREACH (node, &shared->writes) {
                if (writer->n_batch == BATCH_MAX) {
                        break;
                }
                writer->batch[writer->n_batch++] = LIST_ENTRY(node, struct store_job, node);
        }
        unlock(shared);
}

static void finish_writes(
        struct writer *writer, struct store_job *const *jobs, size_t n, int result) {
        struct store_shared *shared = writer->shared;
        lock(shared);
        for (size_t i = 0; i < n; i++) {
                jobs[i]->result = result;
                shared->n_events -= jobs[i]->kind == STORE_JOB_EVENT;
                list_remove(&jobs[i]->node);
                list_append(&shared->finished, &jobs[i]->node);
        }
        shared->n_writes -= n;
        shared->written += result == 0 ? n : 0;
        shared->failures += result == 0 ? 0 : n;
        unlock(shared);
        wake_loop(shared);
        writer->backlog -= writer->backlog < n ? writer->backlog : n;
}

static bool needs_disk(struct store_job *const *jobs, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (jobs[i]->kind == STORE_JOB_ATTEMPT) {
                        return true;
                }
        }
        return false;
}

/* All of them, or none. */
static int write_together(
        struct writer *writer, struct store_job *const *jobs, size_t n, struct error *err) {
        struct store_database *database = &writer->database;
        int r = store_database_verify_path(database, err);
        if (r == 0) {
                r = store_database_begin(database, needs_disk(jobs, n), err);
        }
        if (r < 0) {
                return r;
        }
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = store_job_run(jobs[i], database, err);
        }
        if (r < 0) {
                store_database_roll_back(database);
                return r;
        }
        return store_database_commit(database, err);
}

static void note_growth(struct writer *writer, struct store_job *const *jobs, size_t n) {
        for (size_t i = 0; i < n; i++) {
                bool closed = jobs[i]->kind == STORE_JOB_INCIDENT && jobs[i]->incident->closed > 0;
                writer->new_incidents += closed || jobs[i]->kind == STORE_JOB_ATTEMPT;
                writer->new_events += jobs[i]->kind == STORE_JOB_EVENT;
        }
}

static int write_jobs(
        struct writer *writer, struct store_job *const *jobs, size_t n, struct error *err) {
        int r = write_together(writer, jobs, n, err);
        if (r == 0) {
                note_growth(writer, jobs, n);
                finish_writes(writer, jobs, n, 0);
        } else if (store_error_is_refusal(r) && n == 1) {
                finish_writes(writer, jobs, n, r);
                r = 0;
        }
        return r;
}

/* Where one write spoils a transaction, each gets one of its own, so that the others are made. */
static void write_batch(struct writer *writer) {
        struct error err = {0};
        collect_batch(writer);
        if (writer->n_batch == 0) {
                return;
        }
        int r = write_jobs(writer, writer->batch, writer->n_batch, &err);
        if (store_error_is_refusal(r)) {
                r = 0;
                for (size_t i = 0; r == 0 && i < writer->n_batch; i++) {
                        r = write_jobs(writer, &writer->batch[i], 1, &err);
                }
        }
        if (r < 0) {
                on_trouble(writer, r, &err);
        } else if (writer->backlog == 0) {
                clear_fault(writer);
        }
}

/* ---- Queries -------------------------------------------------------------------------------- */

/* A query sees the writes that were asked for before it, as far as writing works at all. */
static bool may_answer(const struct writer *writer, const struct store_job *query) {
        const struct list *writes = &writer->shared->writes;
        return !writer->usable || list_empty(writes) ||
               LIST_ENTRY(writes->next, struct store_job, node)->sequence > query->sequence;
}

static struct store_job *next_query(struct writer *writer) {
        struct store_shared *shared = writer->shared;
        struct store_job *job = NULL;
        lock(shared);
        if (!list_empty(&shared->queries)) {
                job = LIST_ENTRY(shared->queries.next, struct store_job, node);
                if (may_answer(writer, job)) {
                        list_remove(&job->node);
                } else {
                        job = NULL;
                }
        }
        unlock(shared);
        return job;
}

static void finish_query(struct store_shared *shared, struct store_job *job) {
        lock(shared);
        shared->n_queries--;
        list_append(&shared->finished, &job->node);
        unlock(shared);
        wake_loop(shared);
}

static int fault_code(struct store_shared *shared) {
        lock(shared);
        int code = shared->fault.code;
        unlock(shared);
        return code < 0 ? code : -EIO;
}

/* What says something about the database, not about the question. */
static bool is_trouble(int code) {
        return code < 0 && code != -ENOENT && !stays_open(code) && !store_error_is_refusal(code);
}

static void answer_queries(struct writer *writer) {
        struct store_job *job;
        while ((job = next_query(writer))) {
                struct error err = {0};
                if (writer->database.db) {
                        job->result = store_job_run(job, &writer->database, &err);
                } else {
                        job->result = fault_code(writer->shared);
                }
                int result = job->result; /* the job belongs to the loop once it is finished */
                bool trouble = writer->database.db && is_trouble(result);
                finish_query(writer->shared, job);
                if (trouble) {
                        on_trouble(writer, result, &err);
                }
        }
}

/* ---- Upkeep --------------------------------------------------------------------------------- */

static bool trim_is_due(const struct writer *writer) {
        const struct store_shared *shared = writer->shared;
        return writer->trim_more ||
               writer->new_incidents > shared->keep_incidents / TRIM_FRACTION ||
               writer->new_events > shared->keep_events / TRIM_FRACTION;
}

/* A round is short, so that a write that comes in between does not wait for long. */
static int trim(struct writer *writer, struct error *err) {
        struct store_database *database = &writer->database;
        int r = store_database_begin(database, false, err);
        if (r < 0) {
                return r;
        }
        int taken = store_rows_trim(
                database, writer->shared->keep_incidents, writer->shared->keep_events, err);
        if (taken < 0) {
                store_database_roll_back(database);
                return taken;
        }
        writer->trim_more = taken >= STORE_TRIM_MAX;
        writer->new_incidents = writer->new_events = 0;
        r = store_database_commit(database, err);
        return r < 0 ? r : store_database_run(database, STORE_VACUUM, err);
}

/* What can wait until no write does. */
static void keep_up(struct writer *writer) {
        struct error err = {0};
        int r = trim_is_due(writer) ? trim(writer, &err) : 0;
        if (r == 0) {
                r = store_database_checkpoint(&writer->database, &err);
        }
        if (r < 0) {
                on_trouble(writer, r, &err);
        }
        uint64_t bytes = store_database_bytes(&writer->database);
        lock(writer->shared);
        writer->shared->database_bytes = bytes;
        unlock(writer->shared);
}

/* ---- The thread ----------------------------------------------------------------------------- */

static bool has_writes(const struct writer *writer) {
        return !list_empty(&writer->shared->writes);
}

static bool retry_is_due(const struct writer *writer) {
        return !writer->usable && (writer->shared->closing || monotonic_now() >= writer->retry_at);
}

static bool has_work(const struct writer *writer) {
        bool can_write = writer->usable && (has_writes(writer) || writer->trim_more);
        return can_write || retry_is_due(writer) || !list_empty(&writer->shared->queries);
}

/* Closing: whatever can be written was, or a last try to do so has failed. */
static bool is_over(const struct writer *writer) {
        return writer->shared->closing && (writer->usable ? !has_writes(writer) : writer->last_try);
}

/* Sleeps until there is something to do; false when it is time to end. */
static bool wait_for_work(struct writer *writer) {
        struct store_shared *shared = writer->shared;
        lock(shared);
        while (!is_over(writer) && !has_work(writer)) {
                if (writer->usable) {
                        (void) pthread_cond_wait(&shared->to_thread, &shared->lock);
                } else {
                        (void) store_shared_wait(shared, &shared->to_thread, writer->retry_at);
                }
        }
        bool over = is_over(writer);
        bool closing = shared->closing;
        unlock(shared);
        if (!over && !writer->usable && closing) {
                writer->last_try = true;
        }
        return !over;
}

static bool is_idle(struct writer *writer) {
        lock(writer->shared);
        bool idle = !has_writes(writer);
        unlock(writer->shared);
        return idle;
}

static void serve(struct writer *writer) {
        if (!writer->usable && (writer->last_try || monotonic_now() >= writer->retry_at)) {
                retry(writer);
        }
        if (writer->usable) {
                write_batch(writer);
        }
        answer_queries(writer);
        if (writer->usable && is_idle(writer)) {
                keep_up(writer);
        }
}

static void *run_thread(void *cookie) {
        struct writer *writer = cookie;
        struct store_shared *shared = writer->shared;
        (void) pthread_setname_np(pthread_self(), "store");
        open_first(writer);
        while (wait_for_work(writer)) {
                serve(writer);
        }
        store_database_close(&writer->database);
        free(writer);
        lock(shared);
        shared->ended = true;
        pthread_cond_broadcast(&shared->to_loop);
        unlock(shared);
        store_shared_unref(shared);
        return NULL;
}

/* ---- Start and end -------------------------------------------------------------------------- */

static void free_jobs(struct list *jobs) {
        LIST_FOREACH (node, jobs) {
                list_remove(node);
                store_job_free(LIST_ENTRY(node, struct store_job, node));
        }
}

static void shared_free(struct store_shared *shared) {
        free_jobs(&shared->writes);
        free_jobs(&shared->queries);
        free_jobs(&shared->finished);
        store_image_done(&shared->image);
        (void) pthread_cond_destroy(&shared->to_thread);
        (void) pthread_cond_destroy(&shared->to_loop);
        (void) pthread_mutex_destroy(&shared->lock);
        if (shared->wake_fd >= 0) {
                close(shared->wake_fd);
        }
        free(shared->path);
        free(shared);
}

void store_shared_unref(struct store_shared *shared) {
        lock(shared);
        bool last = --shared->references == 0;
        unlock(shared);
        if (last) {
                shared_free(shared);
        }
}

/* OFFSET and the like take a signed number; and the newest row is kept, for its number. */
static uint64_t keep_of(uint64_t wanted) {
        uint64_t keep = wanted < INT64_MAX ? wanted : INT64_MAX;
        return keep > 0 ? keep : 1;
}

/* NULL with errno set on failure. */
static struct store_shared *shared_new(const struct store_options *options) {
        struct store_shared *shared = calloc(1, sizeof(*shared));
        pthread_condattr_t monotonic;
        if (!shared) {
                return NULL;
        }
        (void) pthread_condattr_init(&monotonic); /* these four cannot fail on Linux */
        (void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&shared->to_thread, &monotonic);
        (void) pthread_cond_init(&shared->to_loop, &monotonic);
        (void) pthread_mutex_init(&shared->lock, NULL);
        (void) pthread_condattr_destroy(&monotonic);
        list_init(&shared->writes);
        list_init(&shared->queries);
        list_init(&shared->finished);
        shared->retry = options->retry > 0 ? options->retry : STORE_RETRY_SECONDS * USEC_PER_SEC;
        shared->keep_incidents = keep_of(options->keep_incidents);
        shared->keep_events = keep_of(options->keep_events);
        shared->image_wanted = true;
        shared->references = 1;
        shared->path = strdup(options->path);
        shared->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!shared->path || shared->wake_fd < 0) {
                int code = errno;
                store_shared_unref(shared);
                errno = code;
                return NULL;
        }
        return shared;
}

/* The thread inherits the mask: a signal meant for the agent must not end up here. */
static int create_thread(struct writer *writer) {
        sigset_t all, before;
        pthread_attr_t attributes;
        pthread_t thread;
        (void) sigfillset(&all);
        (void) pthread_attr_init(&attributes);
        (void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&thread, &attributes, run_thread, writer);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        return -r;
}

int store_thread_start(const struct store_options *options, struct store_shared **ret) {
        struct store_shared *shared = shared_new(options);
        if (!shared) {
                return -errno;
        }
        struct writer *writer = calloc(1, sizeof(*writer));
        int r = writer ? 0 : -ENOMEM;
        if (r == 0) {
                writer->shared = shared;
                shared->references++;
                r = create_thread(writer);
        }
        if (r < 0) {
                shared->references = 1;
                store_shared_unref(shared);
                free(writer);
                return r;
        }
        *ret = shared;
        return 0;
}
