#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
        BATCH_MAX = 64, /* watched descriptors served a turn; the others wait for the next */
        SIGNAL_MAX = 64,
        FIRST_TIMERS = 16,
};

struct signal_watch {
        void (*callback)(void *cookie, int signal);
        void *cookie;
        sd_event_source *source;
};

/* sd-event dispatches one source an iteration, with an epoll_wait() and several prioq moves each.
 * So the watches live in an epoll instance of their own and the timers in one heap; sd-event sees
 * two sources, which only wake it up. Served a turn: watches, then timers (what arrived in time
 * must not be taken for late because we were), then one sd-event source, then deferred work. */
struct loop {
        sd_event *event;
        sd_event_source *wake_timer, *wake_watches;
        int epoll_fd;
        struct instant now;
        usec_t sleep_start; /* the end of the turn before */

        struct heap timers;
        size_t n_timers; /* initialised; the heap has room for all of them */
        usec_t armed; /* what wake_timer is set to; USEC_INFINITY: off */

        struct epoll_event batch[BATCH_MAX];
        size_t batch_size;

        struct list deferred, hooks;
        struct signal_watch signals[SIGNAL_MAX + 1];

        struct loop_stats stats;
        usec_t stall_threshold;
        void (*stall_callback)(void *cookie, usec_t gap);
        void *stall_cookie;
};

DEFINE_CLEANUP(cleanup_loop, struct loop, loop_free)

static int on_wake_timer(sd_event_source *source, uint64_t usec, void *cookie) {
        struct loop *loop = cookie;

        (void) source;
        (void) usec;
        loop->armed = USEC_INFINITY; /* one-shot: it is off now */
        return 0;
}

static int on_wake_watches(sd_event_source *source, int fd, uint32_t events, void *cookie) {
        (void) source;
        (void) fd;
        (void) events;
        (void) cookie;
        return 0; /* served by the turn */
}

static int add_sources(struct loop *loop) {
        int r = sd_event_new(&loop->event);
        if (r < 0) {
                return r;
        }
        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll_fd < 0) {
                return -errno;
        }
        r = sd_event_add_io(
                loop->event, &loop->wake_watches, loop->epoll_fd, EPOLLIN, on_wake_watches, loop);
        if (r < 0) {
                return r;
        }
        r = sd_event_add_time(loop->event, &loop->wake_timer, CLOCK_BOOTTIME, USEC_INFINITY, 1,
                on_wake_timer, loop);
        if (r < 0) {
                return r;
        }
        return sd_event_source_set_enabled(loop->wake_timer, SD_EVENT_OFF);
}

int loop_new(struct loop **ret, struct error *err) {
        AUTO(cleanup_loop) struct loop *loop = calloc(1, sizeof(*loop));

        if (!loop) {
                return error_set_errno(err, ENOMEM, "event loop");
        }
        loop->epoll_fd = -1;
        loop->armed = USEC_INFINITY;
        loop->stall_threshold = USEC_INFINITY;
        loop->now = clock_now();
        list_init(&loop->deferred);
        list_init(&loop->hooks);
        int r = heap_init(&loop->timers, FIRST_TIMERS);
        if (r == 0) {
                r = add_sources(loop);
        }
        if (r == 0 && signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
                r = -errno;
        }
        if (r < 0) {
                return error_set_errno(err, -r, "event loop");
        }
        *ret = TAKE_PTR(loop);
        return 0;
}

void loop_free(struct loop *loop) {
        if (!loop) {
                return;
        }
        while (!list_empty(&loop->hooks)) {
                struct loop_hook *hook = LIST_ENTRY(loop->hooks.next, struct loop_hook, node);
                list_remove(&hook->node);
                hook->callback(hook->cookie);
        }
        for (int i = 0; i <= SIGNAL_MAX; i++) {
                sd_event_source_unref(loop->signals[i].source);
        }
        sd_event_source_unref(loop->wake_timer);
        sd_event_source_unref(loop->wake_watches);
        sd_event_unref(loop->event);
        if (loop->epoll_fd >= 0) {
                close(loop->epoll_fd);
        }
        heap_done(&loop->timers);
        free(loop);
}

struct instant loop_now(const struct loop *loop) {
        return loop->now;
}

sd_event *loop_event(struct loop *loop) {
        return loop->event;
}

/* ---- timers ---- */

int loop_timer_init(
        struct loop_timer *timer, struct loop *loop, loop_callback callback, void *cookie) {
        if (loop->n_timers == loop->timers.capacity) {
                int r = heap_reserve(&loop->timers, loop->timers.capacity * 2);
                if (r < 0) {
                        return r;
                }
        }
        loop->n_timers++;
        *timer = (struct loop_timer){.loop = loop, .callback = callback, .cookie = cookie};
        return 0;
}

void loop_timer_done(struct loop_timer *timer) {
        if (timer->loop) {
                loop_timer_cancel(timer);
                timer->loop->n_timers--;
                timer->loop = NULL;
        }
}

void loop_timer_set(struct loop_timer *timer, usec_t due) {
        if (due == USEC_INFINITY) {
                loop_timer_cancel(timer);
        } else {
                heap_set(&timer->loop->timers, &timer->node, due);
        }
}

void loop_timer_set_after(struct loop_timer *timer, usec_t delay) {
        loop_timer_set(timer, usec_add(timer->loop->now.mono, delay));
}

void loop_timer_cancel(struct loop_timer *timer) {
        heap_remove(&timer->loop->timers, &timer->node);
}

bool loop_timer_armed(const struct loop_timer *timer) {
        return timer->node.position > 0;
}

static usec_t earliest_due(const struct loop *loop) {
        const struct heap_node *top = heap_top(&loop->timers);
        return top ? top->key : USEC_INFINITY;
}

/* A timer that is set again to a moment that has passed waits for the next turn. */
static void serve_timers(struct loop *loop) {
        size_t left = loop->timers.count;

        while (left-- > 0 && earliest_due(loop) <= loop->now.mono) {
                struct heap_node *top = heap_top(&loop->timers);
                struct loop_timer *timer = LIST_ENTRY(top, struct loop_timer, node);
                heap_remove(&loop->timers, top);
                timer->callback(timer->cookie);
        }
}

static int arm_wake_timer(struct loop *loop, usec_t due) {
        if (due == loop->armed) {
                return 0;
        }
        loop->armed = due;
        if (due == USEC_INFINITY) {
                return sd_event_source_set_enabled(loop->wake_timer, SD_EVENT_OFF);
        }
        int r = sd_event_source_set_time(loop->wake_timer, due);
        return r < 0 ? r : sd_event_source_set_enabled(loop->wake_timer, SD_EVENT_ONESHOT);
}

/* ---- watches ---- */

int loop_watch_add(struct loop_watch *watch, struct loop *loop, int fd, uint32_t events,
        void (*callback)(void *cookie, uint32_t events), void *cookie) {
        struct epoll_event event = {.events = events, .data.ptr = watch};

        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
                return -errno;
        }
        *watch = (struct loop_watch){
                .loop = loop, .fd = fd, .events = events, .callback = callback, .cookie = cookie};
        return 0;
}

int loop_watch_modify(struct loop_watch *watch, uint32_t events) {
        struct epoll_event event = {.events = events, .data.ptr = watch};

        if (events == watch->events) {
                return 0;
        }
        if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0) {
                return -errno;
        }
        watch->events = events;
        return 0;
}

void loop_watch_remove(struct loop_watch *watch) {
        struct loop *loop = watch->loop;

        if (!loop) {
                return;
        }
        /* Fails when a library closed the descriptor first, which removed it from the set as well.
         */
        (void) epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
        for (size_t i = 0; i < loop->batch_size; i++) {
                if (loop->batch[i].data.ptr == watch) {
                        loop->batch[i].data.ptr = NULL;
                }
        }
        watch->loop = NULL;
}

static void serve_watches(struct loop *loop) {
        int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH_MAX, 0);

        loop->batch_size = n > 0 ? (size_t) n : 0;
        for (size_t i = 0; i < loop->batch_size; i++) {
                const struct loop_watch *watch = loop->batch[i].data.ptr;
                if (!watch) {
                        continue; /* removed by a callback before */
                }
                uint32_t events = loop->batch[i].events & (watch->events | EPOLLERR | EPOLLHUP);
                if (events) {
                        watch->callback(watch->cookie, events);
                }
        }
        loop->batch_size = 0;
}

/* ---- deferred work, hooks, signals ---- */

void loop_defer_init(
        struct loop_defer *defer, struct loop *loop, loop_callback callback, void *cookie) {
        *defer = (struct loop_defer){.loop = loop, .callback = callback, .cookie = cookie};
        list_init(&defer->node);
}

void loop_defer_schedule(struct loop_defer *defer) {
        if (list_empty(&defer->node)) {
                list_append(&defer->loop->deferred, &defer->node);
        }
}

void loop_defer_cancel(struct loop_defer *defer) {
        if (defer->loop) {
                list_remove(&defer->node);
        }
}

static void serve_deferred(struct loop *loop) {
        struct list mark; /* what is appended behind it belongs to the next turn */

        list_append(&loop->deferred, &mark);
        while (loop->deferred.next != &mark) {
                struct loop_defer *defer = LIST_ENTRY(loop->deferred.next, struct loop_defer, node);
                list_remove(&defer->node);
                defer->callback(defer->cookie);
        }
        list_remove(&mark);
}

void loop_on_free(struct loop *loop, struct loop_hook *hook, loop_callback callback, void *cookie) {
        hook->callback = callback;
        hook->cookie = cookie;
        list_append(&loop->hooks, &hook->node);
}

void loop_hook_remove(struct loop_hook *hook) {
        list_remove(&hook->node);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *cookie) {
        const struct signal_watch *watch = cookie;

        (void) source;
        watch->callback(watch->cookie, (int) info->ssi_signo);
        return 0;
}

int loop_on_signal(struct loop *loop, int signal, void (*callback)(void *cookie, int signal),
        void *cookie, struct error *err) {
        sigset_t set;

        if (signal < 1 || signal > SIGNAL_MAX) {
                return error_set(err, EINVAL, "there is no signal %d", signal);
        }
        struct signal_watch *watch = &loop->signals[signal];
        if (watch->source) {
                return error_set(err, EBUSY, "signal %d is watched already", signal);
        }
        (void) sigemptyset(&set);
        (void) sigaddset(&set, signal);
        int r = -pthread_sigmask(SIG_BLOCK, &set, NULL);
        if (r == 0) {
                watch->callback = callback;
                watch->cookie = cookie;
                r = sd_event_add_signal(loop->event, &watch->source, signal, on_signal, watch);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "watching signal %d", signal);
        }
        return 0;
}

/* ---- turns ---- */

const struct loop_stats *loop_stats(const struct loop *loop) {
        return &loop->stats;
}

void loop_stats_reset_worst(struct loop *loop) {
        loop->stats.longest_turn = 0;
        loop->stats.worst_lateness = 0;
}

void loop_on_stall(struct loop *loop, usec_t threshold, void (*callback)(void *cookie, usec_t gap),
        void *cookie) {
        loop->stall_threshold = threshold;
        loop->stall_callback = callback;
        loop->stall_cookie = cookie;
}

static void note_gap(struct loop *loop, usec_t gap) {
        if (gap > loop->stall_threshold) {
                loop->stats.stalls++;
                loop->stall_callback(loop->stall_cookie, gap);
        }
}

/* `due`: when the sleep that is over should have ended at the latest. */
static void begin_turn(struct loop *loop, usec_t due) {
        struct loop_stats *stats = &loop->stats;

        loop->now = clock_now();
        stats->turns++;
        stats->last_lateness = usec_sub(loop->now.mono, due);
        if (stats->last_lateness > stats->worst_lateness) {
                stats->worst_lateness = stats->last_lateness;
        }
        /* What was overdue before the sleep is the fault of the turn before, which was noted then.
         */
        note_gap(loop, usec_sub(loop->now.mono, due > loop->sleep_start ? due : loop->sleep_start));
}

static void end_turn(struct loop *loop) {
        usec_t end = clock_now().mono;
        usec_t length = usec_sub(end, loop->now.mono);

        loop->stats.busy += length;
        if (length > loop->stats.longest_turn) {
                loop->stats.longest_turn = length;
        }
        loop->sleep_start = end;
        note_gap(loop, length);
}

static int sleep_until_ready(struct loop *loop, usec_t timeout) {
        int r = sd_event_prepare(loop->event);
        if (r == 0) {
                r = sd_event_wait(loop->event, timeout);
        }
        return r;
}

static bool finished(const struct loop *loop) {
        return sd_event_get_state(loop->event) == SD_EVENT_FINISHED;
}

int loop_turn(struct loop *loop, usec_t timeout) {
        usec_t due = earliest_due(loop);

        if (finished(loop)) {
                return 0;
        }
        if (!list_empty(&loop->deferred)) {
                timeout = 0;
        }
        int r = arm_wake_timer(loop, due);
        if (r < 0) {
                return r;
        }
        if (loop->stats.turns == 0) {
                loop->sleep_start = clock_now().mono; /* the start of the program is no stall */
        }
        usec_t wake = usec_add(loop->sleep_start, timeout);
        r = sleep_until_ready(loop, timeout);
        if (r < 0) {
                return r;
        }
        begin_turn(loop, due < wake ? due : wake);
        serve_watches(loop);
        serve_timers(loop);
        if (r > 0) {
                r = sd_event_dispatch(loop->event);
        }
        serve_deferred(loop);
        end_turn(loop);
        return r < 0 ? r : !finished(loop);
}

int loop_run(struct loop *loop, struct error *err) {
        int r, code;

        do {
                r = loop_turn(loop, USEC_INFINITY);
        } while (r > 0);
        if (r == 0) {
                r = sd_event_get_exit_code(loop->event, &code);
        }
        if (r < 0) {
                return error_set_errno(err, -r, "event loop");
        }
        return code;
}

void loop_exit(struct loop *loop, int code) {
        (void) sd_event_exit(loop->event, code); /* fails only when the loop has finished already */
}
