#pragma once
/* The event loop of a process: one `now` a turn, exact timers, watched descriptors, work put off to
 * the end of the turn, signals, and an account of how punctual the loop is. It runs on sd-event, so
 * that D-Bus and other sources attach to the same loop. Callbacks run in the thread that runs the
 * loop, and may set, cancel and remove anything, themselves included. Nothing here is safe from
 * other threads. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/list.h"

struct loop;

typedef void (*loop_callback)(void *cookie);

/* Also ignores SIGPIPE for the process, because libraries write to sockets that peers close. */
int loop_new(struct loop **ret, struct error *err);
/* Accepts NULL. Runs the free hooks; other users must be gone before. */
void loop_free(struct loop *loop);
/* Runs until loop_exit(); returns its code, or negative errno when the loop itself broke. */
int loop_run(struct loop *loop, struct error *err);
/* One turn: sleeps at most `timeout`, serves what is ready. 1: go on, 0: loop_exit() was called. */
int loop_turn(struct loop *loop, usec_t timeout);
void loop_exit(struct loop *loop, int code);
/* The moment this turn began. It does not move within a turn. */
struct instant loop_now(const struct loop *loop);
sd_event *loop_event(struct loop *loop); /* borrowed, to attach D-Bus and other sources */

/* A one-shot timer on CLOCK_BOOTTIME in the memory of its owner. Fires at or after its due time,
 * never before, as soon as the loop turns; all that are due in one turn fire in the order of their
 * due times. */
struct loop_timer {
        struct heap_node node;
        struct loop *loop; /* NULL: not initialised, done() is a no-op */
        loop_callback callback;
        void *cookie;
};

int loop_timer_init(/* -ENOMEM; after it nothing fails */
        struct loop_timer *timer, struct loop *loop, loop_callback callback, void *cookie);
void loop_timer_done(struct loop_timer *timer);
void loop_timer_set(struct loop_timer *timer, usec_t due); /* also moves; USEC_INFINITY cancels */
void loop_timer_set_after(struct loop_timer *timer, usec_t delay); /* from this turn's now */
void loop_timer_cancel(struct loop_timer *timer); /* may be set again */
bool loop_timer_armed(const struct loop_timer *timer);

/* A descriptor watched level-triggered for EPOLLIN, EPOLLOUT, ... The descriptor stays the caller's
 * and must be removed here before it is closed. Zeroed memory counts as removed. */
struct loop_watch {
        struct loop *loop;
        int fd;
        uint32_t events;
        void (*callback)(void *cookie, uint32_t events); /* EPOLLERR and EPOLLHUP always count */
        void *cookie;
};

int loop_watch_add(struct loop_watch *watch, struct loop *loop, int fd, uint32_t events,
        void (*callback)(void *cookie, uint32_t events), void *cookie);
int loop_watch_modify(struct loop_watch *watch, uint32_t events);
void loop_watch_remove(struct loop_watch *watch); /* no callback any more, not even in this turn */

/* Work for the end of this turn: scheduling twice runs it once; scheduled by deferred work, it runs
 * in the next turn, which then does not sleep. Zeroed memory counts as cancelled. */
struct loop_defer {
        struct list node;
        struct loop *loop;
        loop_callback callback;
        void *cookie;
};

void loop_defer_init(
        struct loop_defer *defer, struct loop *loop, loop_callback callback, void *cookie);
void loop_defer_schedule(struct loop_defer *defer);
void loop_defer_cancel(struct loop_defer *defer);

/* Called by loop_free(), for work that nobody owns any more. Removing a hook twice is fine. */
struct loop_hook {
        struct list node;
        loop_callback callback;
        void *cookie;
};

void loop_on_free(struct loop *loop, struct loop_hook *hook, loop_callback callback, void *cookie);
void loop_hook_remove(struct loop_hook *hook);

/* Blocks the signal in this thread and calls back through signalfd; call it before threads start,
 * so that they inherit the mask. At most one callback a signal (-EBUSY). */
int loop_on_signal(struct loop *loop, int signal, void (*callback)(void *cookie, int signal),
        void *cookie, struct error *err);

/* Punctuality. Late: woken after the due time of the earliest timer. A stall is a turn, or a
 * lateness, above the threshold: the process was stopped, starved, suspended, or blocked in a call.
 */
struct loop_stats {
        uint64_t turns;
        uint64_t stalls;
        usec_t busy; /* sum of all turns, without sleep */
        usec_t longest_turn;
        usec_t last_lateness, worst_lateness;
};

const struct loop_stats *loop_stats(const struct loop *loop);
void loop_stats_reset_worst(struct loop *loop); /* longest turn and worst lateness start anew */
/* Called in the turn that noticed, before its timers, or at the end of the long turn itself. */
void loop_on_stall(struct loop *loop, usec_t threshold, void (*callback)(void *cookie, usec_t gap),
        void *cookie);
