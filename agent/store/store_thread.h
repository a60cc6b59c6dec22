#pragma once
/* The thread of the store and what it shares with the loop. The thread alone touches the database,
 * so that it alone hangs when the disk does; the loop never waits for it but in store_open() and
 * store_close(). */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/store.h"
#include "store/store_job.h"

/* Why the database cannot be written now. `count` tells the loop of one that came and went between
 * two looks. */
struct store_fault {
        int code; /* negative errno; 0: none */
        uint64_t count;
        char why[ERROR_TEXT_MAX]; /* of the last one */
};

/* Freed by whoever of the two lets go last: a thread that hangs in the kernel may outlive the
 * store. */
struct store_shared {
        /* Constant after start. */
        char *path;
        usec_t retry;
        uint64_t keep_incidents, keep_events;
        int wake_fd; /* eventfd, written by the thread: `finished` or `fault` changed */

        pthread_mutex_t lock; /* for all that follows */
        pthread_cond_t to_thread, to_loop;
        unsigned references;
        struct list writes, queries, finished; /* struct store_job by node */
        size_t n_writes, n_events, n_queries; /* waiting, and in the thread's hands */
        bool closing; /* write what is there, and end */
        bool ended; /* the thread touches nothing any more */
        bool opened; /* the first try to open is over */
        bool image_wanted; /* store_open() still waits for it */
        struct store_image image;
        struct store_fault fault;
        uint64_t failures, written, database_bytes;
};

/* Starts the thread, detached and with all signals blocked, which opens the database. -ENOMEM,
 * -EAGAIN, -EMFILE. */
int store_thread_start(const struct store_options *options, struct store_shared **ret);

/* A number for the next incident where the database could not be asked: those in it count from 1,
 * or from the second of another start like this one. */
uint64_t store_incident_from_clock(void);

/* Lets go of it. */
void store_shared_unref(struct store_shared *shared);

/* Waits on a condition until `deadline` on CLOCK_MONOTONIC, with the lock held; whether there is
 * time left. */
bool store_shared_wait(struct store_shared *shared, pthread_cond_t *condition, usec_t deadline);
usec_t store_shared_deadline(usec_t delay);
