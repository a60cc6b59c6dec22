#include "io/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"

enum task_state {
        TASK_QUEUED,
        TASK_RUNNING,
        TASK_COMPLETED, /* the thread is done with it, the loop is not */
        TASK_ABANDONED, /* the loop is done with it, the thread is not, and frees it */
};

struct worker_task {
        struct list node; /* in the pool's list of its state; abandoned: in none */
        struct worker_pool *pool;
        struct worker_job job;
        enum task_state state;
        int result;
        struct loop_timer timer; /* loop only */
};

/* Kept by the loop side and by each thread, and freed by the last of them: a call that never
 * returns keeps its pool. */
struct worker_pool {
        pthread_mutex_t lock; /* guards all down to the blank line */
        pthread_cond_t wake;
        struct list queued, running, completed;
        struct worker_counts counts; /* `threads` without the stuck ones, as the limit */
        unsigned n_idle;
        unsigned references;
        bool closed;
        int event_fd; /* -1 once closed */

        struct worker_limits limits; /* constant */
        struct loop *loop; /* loop only, as is the rest */
        struct loop_watch watch;
};

DEFINE_CLEANUP(cleanup_task, struct worker_task, free)
DEFINE_CLEANUP(cleanup_pool, struct worker_pool, worker_pool_free)

static void lock(struct worker_pool *pool) {
        int r = pthread_mutex_lock(&pool->lock);
        assert(r == 0);
        (void) r;
}

static void unlock(struct worker_pool *pool) {
        int r = pthread_mutex_unlock(&pool->lock);
        assert(r == 0);
        (void) r;
}

/* With the lock held, which it gives back. */
static void unlock_and_unref(struct worker_pool *pool) {
        bool last = --pool->references == 0;

        unlock(pool);
        if (last) {
                (void) pthread_cond_destroy(&pool->wake);
                (void) pthread_mutex_destroy(&pool->lock);
                free(pool);
        }
}

static void task_free(struct worker_task *task) {
        if (task->job.release) {
                task->job.release(task->job.data);
        }
        free(task);
}

/* ---- the threads; the lock is held unless a name says otherwise ---- */

static struct worker_task *first_task(const struct list *list) {
        return list_empty(list) ? NULL : LIST_ENTRY(list->next, struct worker_task, node);
}

/* False: nothing came for so long that the thread should end. */
static bool wait_for_task(struct worker_pool *pool) {
        struct timespec until;
        int r = 0;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += WORKER_IDLE_SECONDS;
        pool->n_idle++;
        while (list_empty(&pool->queued) && !pool->closed && r == 0) {
                r = pthread_cond_timedwait(&pool->wake, &pool->lock, &until);
        }
        pool->n_idle--;
        return !list_empty(&pool->queued);
}

static int run_unlocked(struct worker_pool *pool, const struct worker_job *job) {
        int result = -ETIMEDOUT;

        unlock(pool);
        if (clock_now().mono < job->deadline) {
                result = job->run(job->data);
        }
        lock(pool);
        return result;
}

static void complete(struct worker_pool *pool, struct worker_task *task, int result) {
        uint64_t one = 1;

        list_remove(&task->node);
        pool->counts.running--;
        task->result = result;
        task->state = TASK_COMPLETED;
        list_append(&pool->completed, &task->node);
        ssize_t n = write(pool->event_fd, &one, sizeof(one)); /* blocks only at 2^64 - 2 */
        assert(n == (ssize_t) sizeof(one));
        (void) n;
}

/* A stuck call has returned after all. False: its place was taken, and the thread should end. */
static bool come_back(struct worker_pool *pool, struct worker_task *task) {
        pool->counts.stuck--;
        unlock(pool);
        task_free(task);
        lock(pool);
        if (pool->closed || pool->counts.threads >= pool->limits.max_threads) {
                return false;
        }
        pool->counts.threads++;
        return true;
}

/* Returns whether the thread still counts among the pool's threads. */
static bool work(struct worker_pool *pool) {
        while (wait_for_task(pool)) {
                struct worker_task *task = first_task(&pool->queued);
                list_remove(&task->node);
                list_append(&pool->running, &task->node);
                pool->counts.queued--;
                pool->counts.running++;
                task->state = TASK_RUNNING;
                int result = run_unlocked(pool, &task->job);
                if (task->state != TASK_ABANDONED) {
                        complete(pool, task, result);
                } else if (!come_back(pool, task)) {
                        return false;
                }
        }
        return true;
}

static void *thread_main(void *argument) {
        struct worker_pool *pool = argument;

        lock(pool);
        if (work(pool)) {
                pool->counts.threads--;
        }
        unlock_and_unref(pool);
        return NULL;
}

/* A new thread inherits the mask of its creator, so signals are blocked round the creation. */
static int create_thread(pthread_t *ret, struct worker_pool *pool) {
        pthread_attr_t attributes;
        sigset_t all, before;

        int r = -pthread_attr_init(&attributes);
        if (r < 0) {
                return r;
        }
        (void) pthread_attr_setstacksize(&attributes, WORKER_STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = -pthread_create(ret, &attributes, thread_main, pool);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        return r;
}

/* Every call under way may turn out to hang, so there are no more threads than calls may hang yet.
 */
static bool has_room(const struct worker_pool *pool) {
        return pool->counts.threads < pool->limits.max_threads &&
               pool->counts.threads + pool->counts.stuck < pool->limits.max_stuck;
}

/* Starts a thread when more tasks wait than threads. Fails only when nobody would ever take them.
 */
static int ensure_thread(struct worker_pool *pool) {
        pthread_t thread;

        if (pool->counts.queued <= pool->n_idle || !has_room(pool)) {
                return 0;
        }
        int r = create_thread(&thread, pool);
        if (r < 0) {
                return pool->counts.threads > 0 ? 0 : r;
        }
        (void) pthread_setname_np(thread, pool->limits.name); /* fails for long names: no harm */
        pool->counts.threads++;
        pool->references++;
        return 0;
}

/* ---- the loop side ---- */

static void report(struct worker_task *task, int result, void *data) {
        task->job.done(task->job.cookie, result, data);
}

static void collect(struct worker_pool *pool) {
        struct worker_task *task = first_task(&pool->completed);

        list_remove(&task->node);
        pool->counts.timed_out += task->result == -ETIMEDOUT;
        unlock(pool);
        loop_timer_done(&task->timer);
        report(task, task->result, task->job.data);
        task_free(task);
        lock(pool);
}

static void on_completed(void *cookie, uint32_t events) {
        struct worker_pool *pool = cookie;
        uint64_t count;

        (void) events;
        lock(pool);
        if (read(pool->event_fd, &count, sizeof(count)) < 0) {
                assert(errno == EAGAIN ||
                        errno == EINTR); /* then nothing is lost: level-triggered */
        }
        pool->references++; /* a callback may free the pool */
        while (!pool->closed && !list_empty(&pool->completed)) {
                collect(pool);
        }
        unlock_and_unref(pool);
}

/* With the lock held: the thread keeps the task from now on. */
static void abandon(struct worker_pool *pool, struct worker_task *task) {
        list_remove(&task->node);
        loop_timer_done(&task->timer);
        task->state = TASK_ABANDONED;
        pool->counts.running--;
        pool->counts.threads--;
        pool->counts.stuck++;
}

static void unqueue(struct worker_pool *pool, struct worker_task *task) {
        list_remove(&task->node);
        loop_timer_done(&task->timer);
        pool->counts.queued--;
}

static void on_deadline(void *cookie) {
        struct worker_task *task = cookie;
        struct worker_pool *pool = task->pool;
        struct worker_job job = task->job;

        lock(pool);
        switch (task->state) {
        case TASK_QUEUED:
                unqueue(pool, task);
                pool->counts.timed_out++;
                unlock(pool);
                report(task, -ETIMEDOUT, job.data);
                task_free(task);
                return;
        case TASK_RUNNING:
                abandon(pool, task);
                pool->counts.timed_out++;
                (void) ensure_thread(pool); /* else the next submit tries, and says why */
                unlock(pool);
                job.done(job.cookie, -ETIMEDOUT, NULL);
                return;
        case TASK_COMPLETED: /* about to be collected */
        case TASK_ABANDONED:
                unlock(pool);
                return;
        }
}

static int init_locks(struct worker_pool *pool) {
        pthread_condattr_t attributes;

        int r = -pthread_mutex_init(&pool->lock, NULL);
        if (r < 0) {
                return r;
        }
        r = -pthread_condattr_init(&attributes);
        if (r == 0) {
                (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
                r = -pthread_cond_init(&pool->wake, &attributes);
                (void) pthread_condattr_destroy(&attributes);
        }
        if (r < 0) {
                (void) pthread_mutex_destroy(&pool->lock);
        }
        return r;
}

static struct worker_pool *allocate_pool(const struct worker_limits *limits, struct loop *loop) {
        struct worker_pool *pool = calloc(1, sizeof(*pool));

        if (!pool) {
                return NULL;
        }
        if (init_locks(pool) < 0) {
                free(pool);
                return NULL;
        }
        list_init(&pool->queued);
        list_init(&pool->running);
        list_init(&pool->completed);
        pool->references = 1;
        pool->limits = *limits;
        pool->loop = loop;
        pool->event_fd = -1;
        return pool;
}

int worker_pool_new(struct worker_pool **ret, struct loop *loop, const struct worker_limits *limits,
        struct error *err) {
        assert(limits->max_threads > 0 && limits->max_queue > 0 && limits->max_stuck > 0);

        AUTO(cleanup_pool) struct worker_pool *pool = allocate_pool(limits, loop);
        if (!pool) {
                return error_set_errno(err, ENOMEM, "worker pool %s", limits->name);
        }
        pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (pool->event_fd < 0) {
                return error_set_errno(err, errno, "worker pool %s: eventfd", limits->name);
        }
        int r = loop_watch_add(&pool->watch, loop, pool->event_fd, EPOLLIN, on_completed, pool);
        if (r < 0) {
                return error_set_errno(err, -r, "worker pool %s", limits->name);
        }
        *ret = TAKE_PTR(pool);
        return 0;
}

/* Moves all tasks that no thread needs to `unused`, and leaves the others to their threads. */
static void drop_tasks(struct worker_pool *pool, struct list *unused) {
        struct worker_task *task;

        while ((task = first_task(&pool->running))) {
                abandon(pool, task);
        }
        while ((task = first_task(&pool->queued))) {
                unqueue(pool, task);
                list_append(unused, &task->node);
        }
        while ((task = first_task(&pool->completed))) {
                list_remove(&task->node);
                loop_timer_done(&task->timer);
                list_append(unused, &task->node);
        }
}

void worker_pool_free(struct worker_pool *pool) {
        struct worker_task *task;
        struct list unused;

        if (!pool) {
                return;
        }
        list_init(&unused);
        loop_watch_remove(&pool->watch);
        lock(pool);
        pool->closed = true;
        drop_tasks(pool, &unused);
        if (pool->event_fd >= 0) {
                close(pool->event_fd);
        }
        (void) pthread_cond_broadcast(&pool->wake);
        unlock_and_unref(pool);
        while ((task = first_task(&unused))) {
                list_remove(&task->node);
                task_free(task);
        }
}

static int check_room(const struct worker_pool *pool, struct error *err) {
        const struct worker_limits *limits = &pool->limits;

        if (pool->counts.stuck >= limits->max_stuck) {
                return error_set(
                        err, EBUSY, "%u calls of %s hang", pool->counts.stuck, limits->name);
        }
        if (pool->counts.queued >= limits->max_queue) {
                return error_set(err, EAGAIN, "%u calls of %s are waiting already",
                        pool->counts.queued, limits->name);
        }
        return 0;
}

static int enqueue(struct worker_pool *pool, struct worker_task *task, struct error *err) {
        int r = check_room(pool, err);
        if (r < 0) {
                return r;
        }
        list_append(&pool->queued, &task->node);
        pool->counts.queued++;
        r = ensure_thread(pool);
        if (r < 0) {
                list_remove(&task->node);
                pool->counts.queued--;
                return error_set_errno(err, -r, "starting a thread for %s", pool->limits.name);
        }
        (void) pthread_cond_signal(&pool->wake);
        return 0;
}

int worker_submit(struct worker_pool *pool, const struct worker_job *job, struct worker_task **ret,
        struct error *err) {
        AUTO(cleanup_task) struct worker_task *task = calloc(1, sizeof(*task));

        if (!task || loop_timer_init(&task->timer, pool->loop, on_deadline, task) < 0) {
                return error_set_errno(err, ENOMEM, "a call of %s", pool->limits.name);
        }
        list_init(&task->node);
        task->pool = pool;
        task->job = *job;
        task->state = TASK_QUEUED;
        loop_timer_set(&task->timer, job->deadline);
        lock(pool);
        int r = enqueue(pool, task, err);
        unlock(pool);
        if (r < 0) {
                loop_timer_done(&task->timer);
                return r;
        }
        if (ret) {
                *ret = task;
        }
        task = NULL;
        return 0;
}

void worker_cancel(struct worker_task *task) {
        struct worker_pool *pool = task->pool;
        bool running;

        lock(pool);
        running = task->state == TASK_RUNNING;
        if (running) {
                abandon(pool, task);
                (void) ensure_thread(pool); /* as in on_deadline() */
        } else if (task->state == TASK_QUEUED) {
                unqueue(pool, task);
        } else {
                list_remove(&task->node);
                loop_timer_done(&task->timer);
        }
        unlock(pool);
        if (!running) {
                task_free(task);
        }
}

struct worker_counts worker_counts(const struct worker_pool *pool) {
        struct worker_pool *mutable_pool = (struct worker_pool *) pool; /* for the lock */
        struct worker_counts counts;

        lock(mutable_pool);
        counts = pool->counts;
        unlock(mutable_pool);
        return counts;
}
