#include "io/transient_unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define PREFIX "recoverd-"
#define SUFFIX ".service"
#define AGAIN_AFTER (20 * USEC_PER_MSEC)

enum stage {
        STAGE_LOOK, /* until systemd can be asked */
        STAGE_CALL, /* it was told, and has not answered */
        STAGE_WAIT, /* for the end of its job */
        STAGE_JUDGE, /* the job is over: how the unit is now */
};

struct transient {
        struct transient_request request;
        transient_ended ended;
        void *cookie;
        enum stage stage;
        struct unit_watch watch;
        struct unit_wait wait;
        struct loop_timer deadline, again;
        sd_bus_slot *call;
        char result[UNIT_WORD_SIZE];
};

void transient_cancel(struct transient *transient) {
        if (!transient) {
                return;
        }
        sd_bus_slot_unref(transient->call);
        unit_wait_end(&transient->wait);
        unit_watch_end(&transient->watch);
        loop_timer_done(&transient->deadline);
        loop_timer_done(&transient->again);
        free(transient);
}

static void finish(struct transient *transient, const struct transient_result *result) {
        transient_ended ended = transient->ended;
        void *cookie = transient->cookie;
        struct transient_result copy = *result;
        char text[ERROR_TEXT_MAX] = "";
        if (result->text) {
                str_copy(text, sizeof(text), result->text);
        }
        copy.text = text;
        transient_cancel(transient);
        ended(cookie, &copy);
}

static void fail(struct transient *transient, const char *text) {
        finish(transient, &(struct transient_result){.text = text});
}

static void lose(struct transient *transient, const char *text) {
        finish(transient, &(struct transient_result){.lost = true, .text = text});
}

/* ---- The unit ---- */

static int add(sd_bus_message *message, const char *name, const char *type, ...) {
        va_list arguments;
        int r = sd_bus_message_open_container(message, 'r', "sv");
        if (r >= 0 && (r = sd_bus_message_append(message, "s", name)) >= 0 &&
                (r = sd_bus_message_open_container(message, 'v', type)) >= 0) {
                va_start(arguments, type);
                r = sd_bus_message_appendv(message, type, arguments);
                va_end(arguments);
        }
        if (r >= 0 && (r = sd_bus_message_close_container(message)) >= 0) {
                r = sd_bus_message_close_container(message);
        }
        return r;
}

static int add_texts(sd_bus_message *message, const char *name, const char *const *texts) {
        int r = sd_bus_message_open_container(message, 'r', "sv");
        if (r >= 0 && (r = sd_bus_message_append(message, "s", name)) >= 0 &&
                (r = sd_bus_message_open_container(message, 'v', "as")) >= 0 &&
                (r = sd_bus_message_append_strv(message, (char **) texts)) >= 0 &&
                (r = sd_bus_message_close_container(message)) >= 0) {
                r = sd_bus_message_close_container(message);
        }
        return r;
}

/* Neither "$" nor "%" in an argument means anything. */
static int add_command(sd_bus_message *message, const char *const *argv) {
        static const char *const types[] = {"sv", "a(sasas)", "(sasas)", "sasas"};
        static const char kinds[] = {'r', 'v', 'a', 'r'};
        int r = 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(types); i++) {
                r = sd_bus_message_open_container(message, kinds[i], types[i]);
                if (r >= 0 && i == 0) {
                        r = sd_bus_message_append(message, "s", "ExecStartEx");
                }
        }
        if (r >= 0 && (r = sd_bus_message_append(message, "s", argv[0])) >= 0 &&
                (r = sd_bus_message_append_strv(message, (char **) argv)) >= 0) {
                r = sd_bus_message_append(message, "as", 1, "no-env-expand");
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(types); i++) {
                r = sd_bus_message_close_container(message);
        }
        return r;
}

static int add_limits(sd_bus_message *message, const struct spawn_request *program) {
        static const struct {
                int resource;
                const char *hard, *soft;
        } names[] = {
                {RLIMIT_NOFILE, "LimitNOFILE", "LimitNOFILESoft"},
                {RLIMIT_NPROC, "LimitNPROC", "LimitNPROCSoft"},
                {RLIMIT_CORE, "LimitCORE", "LimitCORESoft"},
                {RLIMIT_AS, "LimitAS", "LimitASSoft"},
        };
        int r = 0;
        for (size_t i = 0; i < program->n_limits; i++) {
                const struct spawn_limit *limit = &program->limits[i];
                for (size_t j = 0; r >= 0 && j < ELEMENTSOF(names); j++) {
                        if (names[j].resource != limit->resource) {
                                continue;
                        }
                        r = add(message, names[j].hard, "t", (uint64_t) limit->value.rlim_max);
                        if (r >= 0) {
                                r = add(message, names[j].soft, "t",
                                        (uint64_t) limit->value.rlim_cur);
                        }
                }
        }
        return r;
}

static int add_text(sd_bus_message *message, const char *name, const char *text) {
        return text ? add(message, name, "s", text) : 0;
}

/* What systemd adds to the environment of its own accord. */
static const char *const unwanted[] = {"SYSTEMD_EXEC_PID", "JOURNAL_STREAM", NULL};
static const char *const unwanted_once[] = {
        "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "INVOCATION_ID", NULL};

static int add_program(sd_bus_message *message, const struct transient_spec *spec) {
        const struct spawn_request *program = &spec->program;
        int r = add_command(message, program->argv);
        if (r < 0 || (r = add_text(message, "User", spec->user)) < 0 ||
                (r = add_text(message, "Group", spec->group)) < 0 ||
                (r = add_text(message, "WorkingDirectory", program->directory)) < 0 ||
                (r = add_texts(message, "Environment", program->environment)) < 0 ||
                (r = add_texts(
                         message, "UnsetEnvironment", spec->once ? unwanted_once : unwanted)) < 0 ||
                (r = add(message, "UMask", "u", program->umask ? program->umask : 022)) < 0 ||
                (r = add_limits(message, program)) < 0 ||
                (r = add(message, "StandardOutputFileDescriptor", "h", program->stdout_fd)) < 0) {
                return r;
        }
        return add(message, "StandardErrorFileDescriptor", "h", program->stderr_fd);
}

static int add_unit(sd_bus_message *message, const struct transient_spec *spec) {
        int r = add(message, "Description", "s", spec->description);
        if (r < 0 || (r = add(message, "Slice", "s", spec->slice)) < 0 ||
                (r = add(message, "Type", "s", spec->once ? "oneshot" : "exec")) < 0 ||
                (spec->once &&
                        (r = add(message, "TimeoutStartUSec", "t", (uint64_t) spec->limit)) < 0) ||
                (r = add(message, "CollectMode", "s", "inactive-or-failed")) < 0 ||
                (r = add(message, "KillSignal", "i",
                         spec->stop_signal ? spec->stop_signal : SIGTERM)) < 0) {
                return r;
        }
        return add(message, "TimeoutStopUSec", "t", (uint64_t) spec->stop_timeout);
}

static int write_message(sd_bus *bus, const struct transient_spec *spec, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(
                bus, ret, UNIT_BUS_NAME, UNIT_BUS_PATH, UNIT_BUS_MANAGER, "StartTransientUnit");
        if (r < 0 || (r = sd_bus_message_append(*ret, "ss", spec->name, "fail")) < 0 ||
                (r = sd_bus_message_open_container(*ret, 'a', "(sv)")) < 0 ||
                (r = add_unit(*ret, spec)) < 0 || (r = add_program(*ret, spec)) < 0 ||
                (r = sd_bus_message_close_container(*ret)) < 0) {
                return r;
        }
        return sd_bus_message_append(*ret, "a(sa(sv))", 0);
}

/* ---- What became of it ---- */

/* Exit statuses of what systemd does before execve, see systemd.exec(5). The words are those of
 * spawn.c for the same. */
static const struct {
        int status;
        const char *text;
} stages[] = {
        {200, "changing the directory"},
        {203, "executing"},
        {205, "limits"},
        {209, "standard descriptors"},
        {216, "changing the group"},
        {217, "changing the user"},
        {219, "joining the control group"},
};

static const char *failed_stage(const struct unit_snapshot *snapshot) {
        for (size_t i = 0; i < ELEMENTSOF(stages); i++) {
                if (snapshot->exec_main_code == CLD_EXITED &&
                        snapshot->exec_main_status == stages[i].status) {
                        return stages[i].text;
                }
        }
        return NULL;
}

static void conclude_once(struct transient *transient, const struct unit_report *report) {
        const struct unit_snapshot *snapshot = report->snapshot;
        const char *stage = failed_stage(snapshot);
        char text[ERROR_TEXT_MAX];
        if (snapshot->exec_main_code && !stage) {
                finish(transient, &(struct transient_result){.exit_code = snapshot->exec_main_code,
                                          .exit_status = snapshot->exec_main_status});
        } else if (stage) {
                snprintf(text, sizeof(text), "%s failed, the journal of %s says why", stage,
                        transient->request.spec->name);
                fail(transient, text);
        } else if (snapshot->load == UNIT_NOT_FOUND) {
                lose(transient, "ended, nobody saw how");
        } else {
                fail(transient, report->verdict.text);
        }
}

static void conclude(struct transient *transient, const struct unit_report *report) {
        const struct unit_snapshot *snapshot = report->snapshot;
        const char *program = transient->request.spec->program.argv[0];
        char text[ERROR_TEXT_MAX];
        if (str_eq(transient->result, "done") && snapshot->main_pid > 0) {
                finish(transient, &(struct transient_result){.pid = (pid_t) snapshot->main_pid});
                return;
        }
        snprintf(text, sizeof(text), "%.300s: it ended at once: %s", program, report->verdict.text);
        if (failed_stage(snapshot)) {
                snprintf(text, sizeof(text), "%.300s: %s failed, the journal of %s says why",
                        program, failed_stage(snapshot), transient->request.spec->name);
        }
        fail(transient, text);
}

/* ---- Told to systemd ---- */

static void on_removed(void *cookie, const char *result) {
        struct transient *transient = cookie;
        str_copy(transient->result, sizeof(transient->result), result);
        transient->stage = STAGE_JUDGE;
        unit_watch_ask(&transient->watch);
}

static void call_again(struct transient *transient) {
        unit_wait_end(&transient->wait);
        transient->stage = STAGE_LOOK;
        loop_timer_set_after(&transient->again, AGAIN_AFTER);
}

static uint32_t job_number(sd_bus_message *answer) {
        const char *path = NULL, *last;
        if (sd_bus_message_read(answer, "o", &path) < 0 || !(last = strrchr(path, '/'))) {
                return 0;
        }
        return (uint32_t) strtoul(last + 1, NULL, 10);
}

static int on_called(sd_bus_message *answer, void *cookie, sd_bus_error *ret_error) {
        struct transient *transient = cookie;
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        char text[ERROR_TEXT_MAX];
        (void) ret_error;
        transient->call = sd_bus_slot_unref(transient->call);
        if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists")) {
                call_again(transient);
        } else if (error) {
                snprintf(text, sizeof(text), "systemd refuses to start it: %.500s",
                        error->message ? error->message : error->name);
                fail(transient, text);
        } else {
                transient->wait.job = job_number(answer);
                transient->stage = STAGE_WAIT;
        }
        return 0;
}

/* Without an interest in the answer: when there was nothing to reset it is an error. */
static void reset(struct transient *transient, sd_bus *bus) {
        (void) sd_bus_call_method_async(bus, NULL, UNIT_BUS_NAME, UNIT_BUS_PATH, UNIT_BUS_MANAGER,
                "ResetFailedUnit", NULL, NULL, "s", transient->request.spec->name);
}

static void call(void *cookie) {
        struct transient *transient = cookie;
        const struct transient_spec *spec = transient->request.spec;
        sd_bus *bus = bus_connection(unit_bus_connection(transient->request.units));
        sd_bus_message *message = NULL;
        char text[ERROR_TEXT_MAX];
        if (!bus) {
                return; /* `changed` is called when it is back */
        }
        reset(transient, bus);
        transient->stage = STAGE_CALL;
        transient->wait =
                (struct unit_wait){.unit = spec->name, .removed = on_removed, .cookie = transient};
        unit_wait_start(&transient->wait, transient->request.units);
        int r = write_message(bus, spec, &message);
        if (r >= 0) {
                r = sd_bus_call_async(
                        bus, &transient->call, message, on_called, transient, BUS_CALL_LIMIT);
        }
        sd_bus_message_unref(message);
        if (r < 0) {
                snprintf(text, sizeof(text), "systemd cannot be told: %s", strerrordesc_np(-r));
                fail(transient, text);
        }
}

/* A unit that was accepted is known to systemd until it has ended and was collected. */
static bool is_over(const struct transient *transient, const struct unit_snapshot *snapshot) {
        bool once = transient->request.spec->once && transient->stage == STAGE_WAIT;
        return transient->stage == STAGE_JUDGE ||
               (once && (snapshot->exec_main_code || snapshot->load == UNIT_NOT_FOUND));
}

/* What is followed to its end can be looked up again. */
static void on_lost(struct transient *transient) {
        if (transient->stage == STAGE_CALL ||
                (transient->stage != STAGE_LOOK && !transient->request.spec->once)) {
                lose(transient,
                        "the connection to systemd was lost, nobody knows whether it started");
        }
}

static void on_changed(void *cookie) {
        struct transient *transient = cookie;
        struct unit_report report;
        unit_watch_report(&transient->watch, &report);
        if (!bus_connection(unit_bus_connection(transient->request.units))) {
                on_lost(transient);
        } else if (!report.known || report.asking) {
                return;
        } else if (transient->stage == STAGE_LOOK && !loop_timer_armed(&transient->again)) {
                call(transient);
        } else if (is_over(transient, report.snapshot)) {
                (transient->request.spec->once ? conclude_once : conclude)(transient, &report);
        }
}

static void on_deadline(void *cookie) {
        struct transient *transient = cookie;
        const struct transient_spec *spec = transient->request.spec;
        bool begun = transient->stage == STAGE_WAIT || transient->stage == STAGE_JUDGE;
        struct unit_report report;
        char text[ERROR_TEXT_MAX];
        unit_watch_report(&transient->watch, &report);
        snprintf(text, sizeof(text), "systemd has not %s %s in time: %s",
                spec->once && begun ? "told of the end of" : "started", spec->name,
                report.known ? report.verdict.text : report.why);
        (spec->once && begun ? lose : fail)(transient, text);
}

DEFINE_CLEANUP(cleanup_transient, struct transient, transient_cancel)

int transient_start(struct transient **ret, const struct transient_request *request,
        transient_ended ended, void *cookie, struct error *err) {
        AUTO(cleanup_transient) struct transient *transient = calloc(1, sizeof(*transient));
        if (!transient ||
                loop_timer_init(&transient->deadline, request->loop, on_deadline, transient) < 0 ||
                loop_timer_init(&transient->again, request->loop, call, transient) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        transient->request = *request;
        transient->ended = ended;
        transient->cookie = cookie;
        loop_timer_set(&transient->deadline, request->deadline);
        if (unit_watch_start(&transient->watch, request->units, request->spec->name, on_changed,
                    transient) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        struct unit_report report;
        unit_watch_report(&transient->watch, &report);
        if (report.known) { /* somebody watched it already: no news would come */
                loop_timer_set_after(&transient->again, 0);
        }
        *ret = TAKE_PTR(transient);
        return 0;
}

/* ---- Names ---- */

static int append_escaped(char *ret, size_t *length, const char *name) {
        for (const char *at = name; *at; at++) {
                bool plain = isalnum((unsigned char) *at) || strchr(":_.-", *at);
                if (*length + strlen("\\x00" SUFFIX) >= UNIT_ID_SIZE) {
                        return -ENAMETOOLONG;
                }
                *length += (size_t) snprintf(ret + *length, UNIT_ID_SIZE - *length,
                        plain ? "%c" : "\\x%02x", (unsigned char) *at);
        }
        return 0;
}

static int make_name(const char *prefix, const char *name, const char *suffix, char *ret) {
        size_t length = strlen(prefix);
        memcpy(ret, prefix, length);
        int r = append_escaped(ret, &length, name);
        if (r < 0 || length + strlen(suffix) >= UNIT_ID_SIZE) {
                return -ENAMETOOLONG;
        }
        memcpy(ret + length, suffix, strlen(suffix) + 1);
        return 0;
}

int transient_name(const char *name, char ret[UNIT_ID_SIZE]) {
        return make_name(PREFIX, name, SUFFIX, ret);
}

int transient_name_once(const char *name, uint64_t request, char ret[UNIT_ID_SIZE]) {
        char suffix[40];
        snprintf(suffix, sizeof(suffix), "-%" PRIu64 SUFFIX, request);
        return make_name("exec-" PREFIX, name, suffix, ret);
}
