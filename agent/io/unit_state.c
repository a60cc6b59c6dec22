#include "io/unit_state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"

/* systemd notes the end of a main process and the end of the unit in one go. A unit that is told to
 * stop leaves its active state before its process ends. */
#define SAME_MOMENT (50 * USEC_PER_MSEC)

/* ---- History ---- */

/* What the timestamps give away when nobody watched. A unit that stays active without a process may
 * be stopped at any later time. */
static enum unit_end unseen_end(const struct unit_snapshot *snapshot) {
        bool by_itself = snapshot->main_exit > 0 && !snapshot->remain_after_exit &&
                         snapshot->active_exit >= snapshot->main_exit &&
                         snapshot->active_exit - snapshot->main_exit < SAME_MOMENT;
        return by_itself ? UNIT_END_ITSELF : UNIT_END_NONE;
}

/* A unit that systemd has forgotten for want of interest has no invocation any more. */
static bool is_same_run(const struct unit_history *history, const struct unit_snapshot *snapshot) {
        return str_empty(snapshot->invocation) || str_eq(snapshot->invocation, history->invocation);
}

static enum unit_end end_of(
        const struct unit_history *history, const struct unit_snapshot *snapshot) {
        bool still = history->was_down && is_same_run(history, snapshot);
        bool open = history->end == UNIT_END_IN_JOB;
        if (!history->seen || (history->gap && (!still || open))) {
                return unseen_end(snapshot);
        }
        if (still) {
                return history->end;
        }
        return snapshot->job ? UNIT_END_IN_JOB : UNIT_END_ITSELF;
}

void unit_history_feed(struct unit_history *history, const struct unit_snapshot *snapshot) {
        bool down = unit_is_down(snapshot);
        history->end = down ? end_of(history, snapshot) : UNIT_END_NONE;
        history->was_down = down;
        history->seen = true;
        history->gap = false;
        if (!str_empty(snapshot->invocation)) {
                str_copy(history->invocation, sizeof(history->invocation), snapshot->invocation);
        }
}

/* A stop is done however the process ended; a start that ends down has failed, but for a oneshot,
 * which unit_judge knows by its own signs. */
void unit_history_job_ended(struct unit_history *history, bool done, bool ours) {
        if (history->end != UNIT_END_IN_JOB) {
                return;
        }
        if (!done) {
                history->end = UNIT_END_ITSELF;
        } else {
                history->end = ours ? UNIT_END_STOPPED_HERE : UNIT_END_STOPPED;
        }
}

void unit_history_gap(struct unit_history *history) {
        history->gap = true;
}

/* ---- Conditions, in the order in which they are asked for ---- */

struct view {
        const struct unit_snapshot *snapshot;
        const struct unit_history *history;
        bool foreign_job;
};

static bool is_active(const struct view *view, int active) {
        return view->snapshot->active == active;
}

static bool is_down(const struct view *view) {
        return unit_is_down(view->snapshot);
}

/* What runs goes on running when its file goes away. */
static bool if_missing(const struct view *view) {
        return is_down(view) && view->snapshot->load == UNIT_NOT_FOUND;
}

static bool if_masked(const struct view *view) {
        return is_down(view) && view->snapshot->load == UNIT_MASKED;
}

static bool if_broken(const struct view *view) {
        return is_down(view) && view->snapshot->load != UNIT_LOADED;
}

static bool if_running(const struct view *view) {
        return is_active(view, UNIT_ACTIVE);
}

static bool if_reloading(const struct view *view) {
        return is_active(view, UNIT_RELOADING);
}

static bool if_restarting(const struct view *view) {
        return unit_auto_restarts(view->snapshot);
}

static bool if_starting(const struct view *view) {
        return is_active(view, UNIT_ACTIVATING);
}

static bool if_stopping(const struct view *view) {
        return is_active(view, UNIT_DEACTIVATING);
}

static bool if_queued(const struct view *view) {
        return is_down(view) && view->foreign_job;
}

/* Unlike one that remains, such a oneshot is never active, and stops by itself. */
static bool if_finished(const struct view *view) {
        const struct unit_snapshot *snapshot = view->snapshot;
        return is_active(view, UNIT_INACTIVE) && str_eq(snapshot->type, "oneshot") &&
               !snapshot->remain_after_exit && snapshot->result == UNIT_SUCCESS &&
               snapshot->exec_main_code == CLD_EXITED;
}

static bool if_stopped(const struct view *view) {
        return is_down(view) && view->history->end == UNIT_END_STOPPED;
}

static bool if_stopped_here(const struct view *view) {
        return is_down(view) && view->history->end == UNIT_END_STOPPED_HERE;
}

static bool if_failed(const struct view *view) {
        return is_active(view, UNIT_FAILED);
}

static bool if_skipped(const struct view *view) {
        const struct unit_snapshot *snapshot = view->snapshot;
        bool condition = snapshot->condition_time > 0 && !snapshot->condition_met;
        return is_active(view, UNIT_INACTIVE) &&
               (condition || snapshot->result == UNIT_EXEC_CONDITION);
}

static bool if_ended(const struct view *view) {
        return is_active(view, UNIT_INACTIVE) && view->history->end == UNIT_END_ITSELF;
}

static bool if_idle(const struct view *view) {
        return is_active(view, UNIT_INACTIVE);
}

static bool if_unclear(const struct view *view) {
        (void) view;
        return true;
}

/* ---- Texts ---- */

static void say_missing(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "systemd knows no unit %.150s: is it installed, is the name right?",
                view->snapshot->id);
}

static void say_masked(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "%.100s is masked: systemctl unmask it, or leave it out of the policy",
                view->snapshot->id);
}

static void say_broken(const struct view *view, char *text, size_t size) {
        const struct unit_snapshot *snapshot = view->snapshot;
        snprintf(text, size, "%.100s cannot be loaded: %s", snapshot->id,
                *snapshot->load_error ? snapshot->load_error : "see systemctl status");
}

static void say_running(const struct view *view, char *text, size_t size) {
        const struct unit_snapshot *snapshot = view->snapshot;
        int length = snprintf(text, size, "active (%s)", snapshot->sub);
        if (snapshot->main_pid) {
                length += snprintf(
                        text + length, size - (size_t) length, ", pid %u", snapshot->main_pid);
        }
        if (view->foreign_job) {
                snprintf(text + length, size - (size_t) length,
                        ", and job %u of systemd waits for it", snapshot->job);
        }
}

static void say_reloading(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "systemd reloads it (%s)", view->snapshot->sub);
}

static void say_restarting(const struct view *view, char *text, size_t size) {
        const struct unit_snapshot *snapshot = view->snapshot;
        char pause[UNITS_TEXT_MAX];
        snprintf(text, size,
                "systemd restarts it by itself (%s, Restart=%s, RestartSec=%s, restarts so far: %u)",
                snapshot->sub, snapshot->restart,
                units_format_duration(snapshot->restart_pause, pause), snapshot->n_restarts);
}

static void say_starting(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "systemd starts it (%s)", view->snapshot->sub);
}

static void say_stopping(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "systemd stops it (%s)", view->snapshot->sub);
}

static void say_queued(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "%s, and job %u of systemd waits for it", view->snapshot->sub,
                view->snapshot->job);
}

static void say_stopped(const struct view *view, char *text, size_t size) {
        (void) view;
        str_copy(text, size, "stopped by an administrator");
}

static void say_stopped_here(const struct view *view, char *text, size_t size) {
        (void) view;
        str_copy(text, size, "stopped by recoverd");
}

/* "exited with status 3"; "" when its end is not known. */
static const char *exit_text(const struct unit_snapshot *snapshot, char *text, size_t size) {
        const char *name = sigabbrev_np(snapshot->exec_main_status);
        switch (snapshot->exec_main_code) {
        case CLD_EXITED:
                snprintf(text, size, "exited with status %d", snapshot->exec_main_status);
                break;
        case CLD_KILLED:
        case CLD_DUMPED:
                snprintf(text, size, "killed by %s%s%s", name ? "SIG" : "signal ",
                        name ? name : "of its own",
                        snapshot->exec_main_code == CLD_DUMPED ? ", core dumped" : "");
                break;
        default:
                text[0] = '\0';
        }
        return text;
}

/* What a result means, where its word alone does not say it. */
static const char *const explanations[UNIT_RESULT_COUNT] = {
        [UNIT_WATCHDOG] = "no sign of life within WatchdogSec",
        [UNIT_TIMEOUT] = "too slow in starting or stopping",
        [UNIT_OOM_KILL] = "out of memory",
        [UNIT_START_LIMIT_HIT] = "started more often than StartLimitBurst allows",
        [UNIT_PROTOCOL] = "it did not do what its Type= asks for",
        [UNIT_RESOURCES] = "something that it needs could not be had",
};

static void say_failed(const struct view *view, char *text, size_t size) {
        const struct unit_snapshot *snapshot = view->snapshot;
        AUTO_STRBUF struct strbuf all = {0};
        char how[64];
        strbuf_addf(&all, "failed: %s", snapshot->result_word);
        if (explanations[snapshot->result]) {
                strbuf_addf(&all, ", %s", explanations[snapshot->result]);
        }
        if (*exit_text(snapshot, how, sizeof(how))) {
                strbuf_addf(&all, " (%s)", how);
        }
        if (snapshot->n_restarts > 0) {
                strbuf_addf(&all, ", after %u restarts by systemd", snapshot->n_restarts);
        }
        str_copy(text, size, strbuf_text(&all) ? strbuf_text(&all) : "failed");
}

static void say_finished(const struct view *view, char *text, size_t size) {
        (void) view;
        str_copy(text, size, "finished well (oneshot)");
}

static void say_skipped(const struct view *view, char *text, size_t size) {
        (void) view;
        str_copy(text, size, "not started: a condition of the unit is not met");
}

static void say_ended(const struct view *view, char *text, size_t size) {
        char how[64];
        exit_text(view->snapshot, how, sizeof(how));
        if (view->snapshot->exec_main_code == CLD_EXITED) {
                snprintf(text, size, "%s by itself", how);
        } else {
                snprintf(text, size, "ended by itself%s%s%s", *how ? " (" : "", how,
                        *how ? ")" : "");
        }
}

static void say_idle(const struct view *view, char *text, size_t size) {
        const struct unit_snapshot *snapshot = view->snapshot;
        if (*snapshot->invocation) {
                str_copy(text, size, "inactive: stopped while nobody watched");
        } else {
                snprintf(text, size, "inactive: not started (%s)",
                        *snapshot->file_state ? snapshot->file_state : "without a file");
        }
}

static void say_unclear(const struct view *view, char *text, size_t size) {
        snprintf(text, size, "in a state that recoverd does not know (%s)", view->snapshot->sub);
}

/* ---- The table ---- */

enum { UP = 1, BUSY = 2, ON_PURPOSE = 4, DOWN = 8 };

/* The first row that fits. A stop counts before a failure, since many programs end with an error
 * when they are told to stop. */
static const struct row {
        enum unit_condition condition;
        bool (*fits)(const struct view *view);
        unsigned means;
        void (*say)(const struct view *view, char *text, size_t size);
} rows[] = {
        {UNIT_IS_MISSING, if_missing, DOWN, say_missing},
        {UNIT_IS_MASKED, if_masked, ON_PURPOSE, say_masked},
        {UNIT_IS_BROKEN, if_broken, DOWN, say_broken},
        {UNIT_IS_RUNNING, if_running, UP, say_running},
        {UNIT_IS_RELOADING, if_reloading, UP | BUSY, say_reloading},
        {UNIT_IS_RESTARTING, if_restarting, BUSY, say_restarting},
        {UNIT_IS_STARTING, if_starting, BUSY, say_starting},
        {UNIT_IS_STOPPING, if_stopping, BUSY, say_stopping},
        {UNIT_IS_QUEUED, if_queued, BUSY, say_queued},
        {UNIT_IS_FINISHED, if_finished, UP, say_finished},
        {UNIT_IS_STOPPED, if_stopped, ON_PURPOSE, say_stopped},
        {UNIT_IS_STOPPED_HERE, if_stopped_here, 0, say_stopped_here},
        {UNIT_IS_FAILED, if_failed, DOWN, say_failed},
        {UNIT_IS_SKIPPED, if_skipped, ON_PURPOSE, say_skipped},
        {UNIT_IS_ENDED, if_ended, DOWN, say_ended},
        {UNIT_IS_IDLE, if_idle, ON_PURPOSE, say_idle},
        {UNIT_IS_UNCLEAR, if_unclear, BUSY, say_unclear},
};

void unit_judge(const struct unit_snapshot *snapshot, const struct unit_history *history,
        bool own_job, struct unit_verdict *ret) {
        const struct view view = {
                .snapshot = snapshot,
                .history = history,
                .foreign_job = snapshot->job && !own_job,
        };
        const struct row *row = rows;
        while (!row->fits(&view)) {
                row++; /* the last one fits always */
        }
        *ret = (struct unit_verdict){
                .condition = row->condition,
                .up = row->means & UP,
                .busy = (row->means & BUSY) || view.foreign_job,
                .on_purpose = row->means & ON_PURPOSE,
                .down = row->means & DOWN,
        };
        row->say(&view, ret->text, sizeof(ret->text));
        str_make_printable(ret->text);
}
