#pragma once
/* One thing that systemd is told to do with a unit, followed to its end: it ends exactly once, in
 * bounded time, also when the connection is lost or systemd is re-executed in the midst; then the
 * state of the unit tells what became of it. */

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "io/unit_bus.h"

/* Without a deadline: what the unit itself allows (TimeoutStartSec, TimeoutStopSec), else this; and
 * a margin for systemd. */
#define UNIT_JOB_LIMIT (90 * USEC_PER_SEC)
#define UNIT_JOB_MARGIN (10 * USEC_PER_SEC)

enum unit_verb {
        UNIT_DO_START = 0,
        UNIT_DO_STOP,
        UNIT_DO_RESTART,
        UNIT_DO_RELOAD,
        UNIT_DO_KILL, /* sends a signal */
};

struct unit_job_request {
        struct loop *loop;
        struct unit_bus *units;
        const char *unit; /* full name; borrowed until the end */
        enum unit_verb verb;
        usec_t deadline; /* moment on CLOCK_BOOTTIME; 0: see above */
        int signal; /* UNIT_DO_KILL */
        bool to_all; /* to every process of the unit instead of its main one */
};

struct unit_job; /* heap; gone when `ended` was called or it was cancelled */

/* text: what was done, or why not, for a person. */
typedef void (*unit_job_ended)(void *cookie, bool ok, const char *text);

/* `ended` is never called from within. A unit that has failed is reset before it is started, since
 * systemd would count the failures before against StartLimitBurst. Jobs of others are never
 * replaced, but by a stop. */
int unit_job_start(struct unit_job **ret, const struct unit_job_request *request,
        unit_job_ended ended, void *cookie, struct error *err);

/* Without a word; what systemd has begun it goes on with. Accepts NULL. */
void unit_job_cancel(struct unit_job *job);
