#pragma once
/* Pure: what the states of a unit mean for somebody who looks after it. Two things are kept apart
 * here that systemd shows alike: a unit that somebody stopped, and one that ended by itself. */

#include <stdbool.h>
#include <stdint.h>

#include "io/unit_snapshot.h"

enum { UNIT_TEXT_SIZE = 256 };

/* How it came to be down. */
enum unit_end {
        UNIT_END_NONE = 0, /* it is not down, or nobody saw */
        UNIT_END_ITSELF,
        UNIT_END_IN_JOB, /* while a job was under way, whose result tells */
        UNIT_END_STOPPED, /* by a stop job of somebody else: a person, a conflict, a dependency */
        UNIT_END_STOPPED_HERE, /* by one of ours */
};

/* What was seen of a unit so far; zero-initialise. */
struct unit_history {
        bool seen, gap;
        bool was_down;
        enum unit_end end;
        char invocation[UNIT_INVOCATION_SIZE];
};

/* Takes the next state in, in the order in which systemd tells them. */
void unit_history_feed(struct unit_history *history, const struct unit_snapshot *snapshot);

/* A job of the unit is over; `done` as in JobRemoved, and the state fed last is the one after it.
 */
void unit_history_job_ended(struct unit_history *history, bool done, bool ours);

/* From here until the next feed nobody watches. */
void unit_history_gap(struct unit_history *history);

enum unit_condition {
        UNIT_IS_UNCLEAR = 0, /* a state that this program does not know */
        UNIT_IS_MISSING, /* systemd has no such unit */
        UNIT_IS_MASKED,
        UNIT_IS_BROKEN, /* its file has an error */
        UNIT_IS_RUNNING,
        UNIT_IS_RELOADING,
        UNIT_IS_RESTARTING, /* systemd starts it again by itself (Restart=) */
        UNIT_IS_STARTING,
        UNIT_IS_STOPPING,
        UNIT_IS_QUEUED, /* down, and a job for it waits */
        UNIT_IS_STOPPED, /* on purpose, outside of this program */
        UNIT_IS_STOPPED_HERE,
        UNIT_IS_FAILED,
        UNIT_IS_FINISHED, /* a oneshot that did its work */
        UNIT_IS_SKIPPED, /* a condition of the unit forbids its start */
        UNIT_IS_ENDED, /* it stopped by itself, and systemd sees no failure in that */
        UNIT_IS_IDLE, /* inactive, and nobody saw why */
};

struct unit_verdict {
        enum unit_condition condition;
        bool up; /* works, or has done its work */
        bool busy; /* systemd, or somebody through it, is at it */
        bool on_purpose; /* it is down because somebody outside wants it so */
        bool down; /* a failure that counts at once */
        char text[UNIT_TEXT_SIZE]; /* for a person: "failed: oom-kill (killed by SIGKILL)" */
};

/* `own_job`: the job of the snapshot is one of ours, which is nobody else's work. */
void unit_judge(const struct unit_snapshot *snapshot, const struct unit_history *history,
        bool own_job, struct unit_verdict *ret);
