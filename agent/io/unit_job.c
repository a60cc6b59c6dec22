#include "io/unit_job.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"

enum stage {
        STAGE_LOOK, /* how the unit is, before anything is done */
        STAGE_RESET,
        STAGE_CALL, /* systemd has been told, and has not answered */
        STAGE_WAIT, /* for the end of its job */
        STAGE_JUDGE, /* the job is over: how the unit is now */
        STAGE_LOST, /* nobody knows what became of the job */
};

struct unit_job {
        struct unit_job_request request;
        const struct verb *verb;
        unit_job_ended ended;
        void *cookie;
        enum stage stage;
        struct unit_watch watch;
        struct unit_wait wait;
        struct loop_timer timer;
        sd_bus_slot *call;
        usec_t begun;
        char invocation[UNIT_INVOCATION_SIZE]; /* before */
        char result[UNIT_WORD_SIZE]; /* of the job */
};

struct outcome {
        bool ok;
        char text[2 * UNIT_TEXT_SIZE];
};

static void set_outcome(struct outcome *outcome, bool ok, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void set_outcome(struct outcome *outcome, bool ok, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(outcome->text, sizeof(outcome->text), format, arguments);
        va_end(arguments);
        outcome->ok = ok;
}

/* ---- The end ---- */

void unit_job_cancel(struct unit_job *job) {
        if (!job) {
                return;
        }
        sd_bus_slot_unref(job->call);
        unit_wait_end(&job->wait);
        unit_watch_end(&job->watch);
        loop_timer_done(&job->timer);
        free(job);
}

static void finish(struct unit_job *job, const struct outcome *outcome) {
        unit_job_ended ended = job->ended;
        void *cookie = job->cookie;
        unit_job_cancel(job);
        ended(cookie, outcome->ok, outcome->text);
}

static const char *elapsed(const struct unit_job *job, char text[UNITS_TEXT_MAX]) {
        usec_t now = loop_now(job->request.loop).mono;
        return units_format_duration_short(usec_sub(now, job->begun), text);
}

/* ---- What there is to say beforehand: whether it ends here ---- */

static bool cannot_start(const struct unit_report *report, struct outcome *outcome) {
        enum unit_condition condition = report->verdict.condition;
        bool no = condition == UNIT_IS_MISSING || condition == UNIT_IS_MASKED ||
                  condition == UNIT_IS_BROKEN;
        if (no) {
                set_outcome(outcome, false, "%s", report->verdict.text);
        }
        return no;
}

static bool before_start(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        (void) job;
        if (report->verdict.condition == UNIT_IS_RUNNING) {
                set_outcome(outcome, true, "was running already: %s", report->verdict.text);
                return true;
        }
        return cannot_start(report, outcome);
}

static bool before_restart(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        (void) job;
        return cannot_start(report, outcome);
}

static bool before_stop(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        (void) job;
        if (unit_is_down(report->snapshot) && !report->snapshot->job) {
                set_outcome(outcome, true, "was not running: %s", report->verdict.text);
                return true;
        }
        return false;
}

static bool before_kill(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        (void) job;
        if (unit_is_down(report->snapshot)) {
                set_outcome(outcome, false, "not running: %s", report->verdict.text);
                return true;
        }
        return false;
}

static bool before_reload(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        if (before_kill(job, report, outcome)) {
                return true;
        }
        if (!report->snapshot->can_reload) {
                set_outcome(outcome, false,
                        "%s cannot be reloaded: it has no ExecReload=, use the step restart",
                        job->request.unit);
        }
        return !report->snapshot->can_reload;
}

/* ---- What has become of it when its job is done ---- */

static void after_start(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        enum unit_condition condition = report->verdict.condition;
        char took[UNITS_TEXT_MAX];
        if (report->verdict.up) {
                set_outcome(outcome, true, "%s within %s: %s",
                        job->request.verb == UNIT_DO_START ? "started" : "restarted",
                        elapsed(job, took), report->verdict.text);
        } else if (condition == UNIT_IS_IDLE || condition == UNIT_IS_STOPPED_HERE) {
                set_outcome(outcome, false,
                        "systemd did not start it: a condition of the unit is not met");
        } else {
                set_outcome(outcome, false, "started, and then: %s", report->verdict.text);
        }
}

static void after_stop(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        char took[UNITS_TEXT_MAX];
        if (unit_is_down(report->snapshot)) {
                set_outcome(outcome, true, "stopped within %s", elapsed(job, took));
        } else {
                set_outcome(outcome, false, "stopped, and then: %s", report->verdict.text);
        }
}

static void after_reload(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        char took[UNITS_TEXT_MAX];
        set_outcome(outcome, report->verdict.up, "reloaded within %s: %s", elapsed(job, took),
                report->verdict.text);
}

/* ---- What has become of it when nobody saw the end of its job ---- */

static void lost_start(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        bool fresh = !str_eq(job->invocation, report->snapshot->invocation);
        if (report->verdict.up && fresh) {
                after_start(job, report, outcome);
        } else {
                set_outcome(outcome, false,
                        "the connection to systemd was lost, and it was not started: %s",
                        report->verdict.text);
        }
}

static void lost_stop(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        if (unit_is_down(report->snapshot)) {
                after_stop(job, report, outcome);
        } else {
                set_outcome(outcome, false,
                        "the connection to systemd was lost, and it was not stopped: %s",
                        report->verdict.text);
        }
}

static void lost_message(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        (void) job;
        set_outcome(outcome, false,
                "the connection to systemd was lost, nobody knows whether it was done: %s",
                report->verdict.text);
}

/* ---- The verbs ---- */

static const struct verb {
        const char *method, *name;
        const char *mode; /* NULL: it makes no job */
        bool starts, stops;
        bool (*before)(const struct unit_job *job, const struct unit_report *report,
                struct outcome *outcome);
        void (*after)(const struct unit_job *job, const struct unit_report *report,
                struct outcome *outcome); /* NULL: its answer says all */
        void (*lost)(const struct unit_job *job, const struct unit_report *report,
                struct outcome *outcome);
} verbs[] = {
        [UNIT_DO_START] = {"StartUnit", "start", "fail", true, false, before_start, after_start,
                lost_start},
        [UNIT_DO_STOP] = {"StopUnit", "stop", "replace", false, true, before_stop, after_stop,
                lost_stop},
        [UNIT_DO_RESTART] = {"RestartUnit", "restart", "fail", true, true, before_restart,
                after_start, lost_start},
        [UNIT_DO_RELOAD] = {"ReloadUnit", "reload", "fail", false, false, before_reload,
                after_reload, lost_message},
        [UNIT_DO_KILL] = {"KillUnit", "signal", NULL, false, false, before_kill, NULL,
                lost_message},
};

/* What the results of a job mean, see JobRemoved. */
static const struct {
        const char *result, *text;
} results[] = {
        {"canceled", "somebody asked systemd for something else meanwhile"},
        {"timeout", "the job took longer than systemd allows"},
        {"dependency", "a unit that it requires could not be started"},
        {"skipped", "there was nothing to do it with"},
        {"assert", "an assertion of the unit is not met"},
        {"unsupported", "this system cannot do it"},
};

static void conclude_undone(
        const struct unit_job *job, const struct unit_report *report, struct outcome *outcome) {
        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                if (str_eq(results[i].result, job->result)) {
                        set_outcome(outcome, false, "%s %s: %s (%s)", job->verb->name, job->result,
                                results[i].text, report->verdict.text);
                        return;
                }
        }
        set_outcome(
                outcome, false, "%s %s: %s", job->verb->name, job->result, report->verdict.text);
}

/* ---- Telling systemd ---- */

static void lose(struct unit_job *job) {
        job->call = sd_bus_slot_unref(job->call);
        unit_wait_end(&job->wait);
        if (job->stage <= STAGE_RESET) {
                job->stage = STAGE_LOOK; /* nothing that matters was said yet */
        } else if (job->stage != STAGE_JUDGE) {
                job->stage = STAGE_LOST;
        }
}

static bool is_no_answer(const sd_bus_error *error) {
        int code = sd_bus_error_get_errno(error);
        return code == ETIMEDOUT || code == ECONNRESET || code == ENOTCONN ||
               sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                       SD_BUS_ERROR_DISCONNECTED);
}

static const struct {
        const char *name, *text;
} errors[] = {
        {"org.freedesktop.systemd1.TransactionIsDestructive",
                "a job of somebody else is under way"},
        {"org.freedesktop.systemd1.OnlyByDependency", "it may not be started or stopped by hand"},
        {SD_BUS_ERROR_ACCESS_DENIED, "this user may not; the executor has to run as root"},
        {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                "this user may not; the executor has to run as root"},
};

static void conclude_error(
        const struct unit_job *job, const sd_bus_error *error, struct outcome *outcome) {
        const char *message = error->message ? error->message : error->name;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                if (sd_bus_error_has_name(error, errors[i].name)) {
                        set_outcome(outcome, false, "systemd refuses to %s it: %s (%.200s)",
                                job->verb->name, errors[i].text, message);
                        return;
                }
        }
        set_outcome(outcome, false, "systemd refuses to %s it: %.300s", job->verb->name, message);
}

static void conclude_sent(const struct unit_job *job, struct outcome *outcome) {
        const char *name = sigabbrev_np(job->request.signal);
        char number[16];
        snprintf(number, sizeof(number), "%d", job->request.signal);
        set_outcome(outcome, true, "%s%s sent to %s", name ? "SIG" : "signal ",
                name ? name : number,
                job->request.to_all ? "all processes of the unit" : "the main process");
}

static uint32_t job_number(sd_bus_message *answer) {
        const char *path = NULL, *last;
        if (sd_bus_message_read(answer, "o", &path) < 0 || !(last = strrchr(path, '/'))) {
                return 0;
        }
        return (uint32_t) strtoul(last + 1, NULL, 10);
}

static int on_called(sd_bus_message *answer, void *cookie, sd_bus_error *ret_error) {
        struct unit_job *job = cookie;
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        struct outcome outcome = {0};
        (void) ret_error;
        job->call = sd_bus_slot_unref(job->call);
        if (error && is_no_answer(error)) {
                lose(job);
                unit_watch_ask(&job->watch);
        } else if (error) {
                conclude_error(job, error, &outcome);
                finish(job, &outcome);
        } else if (!job->verb->mode) {
                conclude_sent(job, &outcome);
                finish(job, &outcome);
        } else {
                job->wait.job = job_number(answer);
                job->stage = STAGE_WAIT;
        }
        return 0;
}

static int send_call(struct unit_job *job) {
        const struct unit_job_request *request = &job->request;
        sd_bus *bus = bus_connection(unit_bus_connection(request->units));
        if (!job->verb->mode) {
                return sd_bus_call_method_async(bus, &job->call, UNIT_BUS_NAME, UNIT_BUS_PATH,
                        UNIT_BUS_MANAGER, job->verb->method, on_called, job, "ssi", request->unit,
                        request->to_all ? "all" : "main", request->signal);
        }
        return sd_bus_call_method_async(bus, &job->call, UNIT_BUS_NAME, UNIT_BUS_PATH,
                UNIT_BUS_MANAGER, job->verb->method, on_called, job, "ss", request->unit,
                job->verb->mode);
}

static void on_removed(void *cookie, const char *result) {
        struct unit_job *job = cookie;
        str_copy(job->result, sizeof(job->result), result);
        job->stage = STAGE_JUDGE;
        unit_watch_ask(&job->watch);
}

static void await_job(struct unit_job *job, uint32_t number) {
        job->wait = (struct unit_wait){
                .unit = job->request.unit, .job = number, .removed = on_removed, .cookie = job};
        unit_wait_start(&job->wait, job->request.units);
}

static void call(struct unit_job *job) {
        struct outcome outcome = {0};
        job->stage = STAGE_CALL;
        if (job->verb->mode) {
                await_job(job, 0);
        }
        int r = send_call(job);
        if (r < 0) {
                set_outcome(&outcome, false, "systemd cannot be told: %s", strerrordesc_np(-r));
                finish(job, &outcome);
        }
}

static int on_reset(sd_bus_message *answer, void *cookie, sd_bus_error *ret_error) {
        struct unit_job *job = cookie;
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        (void) ret_error;
        job->call = sd_bus_slot_unref(job->call);
        if (error) { /* systemd itself says then whether it can be started */
                log_debug("%s: not reset: %s", job->request.unit, error->message);
        }
        if (bus_connection(unit_bus_connection(job->request.units))) {
                call(job);
        } else {
                lose(job);
        }
        return 0;
}

static void reset(struct unit_job *job) {
        job->stage = STAGE_RESET;
        int r = sd_bus_call_method_async(bus_connection(unit_bus_connection(job->request.units)),
                &job->call, UNIT_BUS_NAME, UNIT_BUS_PATH, UNIT_BUS_MANAGER, "ResetFailedUnit",
                on_reset, job, "s", job->request.unit);
        if (r < 0) {
                call(job);
        }
}

/* ---- In between ---- */

static usec_t own_limit(const struct unit_job *job, const struct unit_snapshot *snapshot) {
        usec_t limit = UNIT_JOB_MARGIN;
        const usec_t parts[] = {
                job->verb->stops ? snapshot->stop_limit : 0,
                job->verb->stops && !job->verb->starts ? 0 : snapshot->start_limit,
        };
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                limit += parts[i] == USEC_INFINITY ? UNIT_JOB_LIMIT : parts[i];
        }
        return limit;
}

static void begin(struct unit_job *job, const struct unit_report *report) {
        struct outcome outcome = {0};
        if (job->verb->before(job, report, &outcome)) {
                finish(job, &outcome);
                return;
        }
        str_copy(job->invocation, sizeof(job->invocation), report->snapshot->invocation);
        if (!job->request.deadline) {
                loop_timer_set(&job->timer, usec_add(job->begun, own_limit(job, report->snapshot)));
        }
        if (job->verb->starts && report->snapshot->active == UNIT_FAILED) {
                reset(job);
        } else {
                call(job);
        }
}

static void judge(struct unit_job *job, const struct unit_report *report) {
        struct outcome outcome = {0};
        if (str_eq(job->result, "done")) {
                job->verb->after(job, report, &outcome);
        } else {
                conclude_undone(job, report, &outcome);
        }
        finish(job, &outcome);
}

/* A job outlives the connection, and a re-execution of systemd as well. */
static void find_again(struct unit_job *job, const struct unit_report *report) {
        struct outcome outcome = {0};
        uint32_t number = job->wait.job;
        if (number && report->snapshot->job == number) {
                await_job(job, number);
                job->stage = STAGE_WAIT;
        } else if (!report->verdict.busy) {
                job->verb->lost(job, report, &outcome);
                finish(job, &outcome);
        }
}

static void on_changed(void *cookie) {
        struct unit_job *job = cookie;
        struct unit_report report;
        unit_watch_report(&job->watch, &report);
        if (!bus_connection(unit_bus_connection(job->request.units))) {
                lose(job);
                return;
        }
        if (!report.known || report.asking) {
                return;
        }
        switch (job->stage) {
        case STAGE_LOOK:
                begin(job, &report);
                break;
        case STAGE_JUDGE:
                judge(job, &report);
                break;
        case STAGE_LOST:
                find_again(job, &report);
                break;
        case STAGE_RESET:
        case STAGE_CALL:
        case STAGE_WAIT:
                break;
        }
}

static void on_deadline(void *cookie) {
        struct unit_job *job = cookie;
        struct unit_report report;
        struct outcome outcome = {0};
        char took[UNITS_TEXT_MAX];
        unit_watch_report(&job->watch, &report);
        if (!report.known) {
                set_outcome(&outcome, false, "no word from systemd within %s: %s",
                        elapsed(job, took), report.why);
        } else {
                set_outcome(&outcome, false, "%s has not ended within %s, systemd goes on: %s",
                        job->verb->name, elapsed(job, took), report.verdict.text);
        }
        finish(job, &outcome);
}

DEFINE_CLEANUP(cleanup_job, struct unit_job, unit_job_cancel)

int unit_job_start(struct unit_job **ret, const struct unit_job_request *request,
        unit_job_ended ended, void *cookie, struct error *err) {
        AUTO(cleanup_job) struct unit_job *job = calloc(1, sizeof(*job));
        if (!job || loop_timer_init(&job->timer, request->loop, on_deadline, job) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        job->request = *request;
        job->verb = &verbs[request->verb];
        job->ended = ended;
        job->cookie = cookie;
        job->begun = loop_now(request->loop).mono;
        usec_t standard = usec_add(job->begun, UNIT_JOB_LIMIT + UNIT_JOB_MARGIN);
        loop_timer_set(&job->timer, request->deadline ? request->deadline : standard);
        if (unit_watch_start(&job->watch, request->units, request->unit, on_changed, job) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *ret = TAKE_PTR(job);
        return 0;
}
