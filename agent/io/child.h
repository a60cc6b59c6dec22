#pragma once
/* Runs a program to its end and collects its output: exactly one result, in bounded time and
 * memory, whatever the program does with its pipes, its children and signals. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"
#include "io/spawn.h"

/* Output that is still in the pipe, or held open by a grandchild, is waited for this long after
 * exit. */
#define CHILD_DRAIN_TIME (100 * USEC_PER_MSEC)
/* SIGKILL follows SIGTERM after this, unless the request says otherwise. */
#define CHILD_KILL_GRACE (2 * USEC_PER_SEC)
/* The result does not wait longer than this for SIGKILL; a process in a hanging call may outlive
 * it. */
#define CHILD_KILL_WAIT (1 * USEC_PER_SEC)
enum {
        CHILD_OUTPUT_DEFAULT = 4096,
        CHILD_OUTPUT_LIMIT = 1024 * 1024,
        CHILD_ERRORS_MAX = 1024, /* of stderr, where it is kept apart */
};

struct worker_pool;

struct child_request {
        struct spawn_request spawn; /* stdout and stderr are taken by the capture; stdin as given */
        usec_t timeout; /* from the start; then SIGTERM to the group. USEC_INFINITY: none */
        usec_t kill_grace; /* then SIGKILL to the group. 0: CHILD_KILL_GRACE */
        usec_t kill_wait; /* then the result comes. 0: CHILD_KILL_WAIT; USEC_INFINITY: when it dies
                           */
        size_t max_output; /* of both streams together; the rest is read and dropped. 0: default */
        bool separate_errors; /* stderr is not in the output, but apart */
        struct worker_pool *pool; /* starts it from there, by io/launch.h; NULL: from this thread */
        bool leave_group; /* false: what is left of its process group at the end is killed */
};

enum child_end {
        CHILD_NOT_STARTED, /* code: positive errno; text in `error` */
        CHILD_EXITED, /* code: exit status */
        CHILD_SIGNALED, /* code: signal */
        CHILD_TIMED_OUT, /* code: signal that ended it; 0: it exited on SIGTERM; -1: it does not die
                          */
        CHILD_LOST, /* of a child that somebody else started: nobody saw how it ended; see `error`
                     */
};

struct child_result {
        enum child_end end;
        int code;
        const char *
                error; /* "executing: No such file or directory"; NULL unless NOT_STARTED or LOST */
        const char *output; /* terminated, may hold any bytes */
        size_t output_length;
        uint64_t dropped_bytes; /* what did not fit */
        const char *errors; /* the same of stderr; "" unless separate_errors */
        size_t errors_length;
        usec_t duration;
};

struct child;
/* The result is valid during the call; the child is gone after it. */
typedef void (*child_done)(void *cookie, const struct child_result *result);

/* Fails only for want of resources or for a bad request; a program that cannot be run is a result.
 */
int child_start(struct child **ret, struct loop *loop, const struct child_request *request,
        child_done done, void *cookie, struct error *err);
/* SIGKILL to the group; done is not called; the loop reaps it in the background. Accepts NULL. */
void child_cancel(struct child *child);
/* SIGKILL to the group now, without waiting for the timeout; done comes as usual, with a child that
 * timed out. */
void child_kill(struct child *child);
pid_t child_pid(const struct child *child); /* 0: a thread is still starting it */

/* "exited with status 3", "killed by SIGSEGV", "timed out (killed by SIGKILL)",
 * "could not be started: executing: No such file or directory". Returns text.
 */
const char *child_describe(const struct child_result *result, char *text, size_t size);

/* The last line of the output with something on it, printable and cut to fit; "" for none. */
void child_last_line(const struct child_result *result, char *line, size_t size);
