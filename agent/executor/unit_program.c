#include "executor/unit_program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/group_end.h"
#include "executor/service_unit.h"
#include "executor/unit_manager.h"
#include "io/capture.h"

/* For systemd, to say how it ended after SIGKILL; and, should the executor be killed meanwhile, to
 * end it in its place. */
#define ANSWER_LIMIT (CHILD_KILL_GRACE + CHILD_KILL_WAIT + SERVICE_UNIT_PATIENCE)

enum { SIGNALLED_MAX = 1024 }; /* processes that get SIGTERM; SIGKILL gets all */

/* Is the program there? systemd would only say that execve failed. In a worker thread. */
struct look {
        char *path;
        struct error err;
};

struct unit_program {
        struct executor *executor;
        struct unit_bus *units;
        struct worker_task *looking;
        struct transient *transient; /* NULL: not begun, or what is left of it is killed */
        usec_t deadline;
        struct transient_spec spec;
        char unit[UNIT_ID_SIZE];
        struct process_group group;
        struct environment environment;
        struct capture output;
        int write_end; /* -1: closed */
        usec_t begun;
        struct loop_timer timer;
        bool timed_out;
        struct group_end ending;
        int exit_code, exit_status; /* si_code and si_status; 0: not known, and `why` */
        bool lost; /* it may have run */
        char why[ERROR_TEXT_MAX];
        child_done done;
        void *cookie;
};

static void program_free(struct unit_program *program) {
        if (!program) {
                return;
        }
        if (program->looking) {
                worker_cancel(program->looking);
        }
        transient_cancel(program->transient);
        environment_done(&program->environment);
        capture_done(&program->output);
        if (program->write_end >= 0) {
                close(program->write_end);
        }
        loop_timer_done(&program->timer);
        group_end_done(&program->ending);
        free(program);
}

void unit_program_cancel(struct unit_program *program) {
        if (program) {
                (void) control_group_kill(program->group.cgroup);
                program_free(program);
        }
}

/* ---- Its end ---- */

static void fill_unknown_end(const struct unit_program *program, struct child_result *result) {
        result->end = program->lost ? CHILD_LOST : CHILD_NOT_STARTED;
        result->code = EIO;
        result->error = program->why;
}

static void fill_end(const struct unit_program *program, bool gone, struct child_result *result) {
        bool exited = program->exit_code == CLD_EXITED;
        if (!gone) {
                result->end = CHILD_TIMED_OUT;
                result->code = -1;
        } else if (!program->exit_code) {
                fill_unknown_end(program, result);
        } else if (program->timed_out) {
                result->end = CHILD_TIMED_OUT;
                result->code = exited ? 0 : program->exit_status;
        } else {
                result->end = exited ? CHILD_EXITED : CHILD_SIGNALED;
                result->code = program->exit_status;
        }
}

/* All that it wrote is in the pipe, for nobody is left who could write. */
static void report(struct unit_program *program, bool gone) {
        struct child_result result = {.errors = ""};
        capture_drain(&program->output);
        fill_end(program, gone, &result);
        result.output = capture_text(&program->output, &result.output_length);
        result.dropped_bytes = program->output.dropped_bytes;
        result.duration = usec_sub(loop_now(program->executor->loop).mono, program->begun);
        program->done(program->cookie, &result);
        program_free(program);
}

static void on_group_ended(void *cookie, int result, const char *text) {
        (void) text;
        report(cookie, result == 0);
}

static void on_ended(void *cookie, const struct transient_result *result) {
        struct unit_program *program = cookie;
        program->transient = NULL;
        program->exit_code = result->exit_code;
        program->exit_status = result->exit_status;
        program->lost = result->lost;
        str_copy(program->why, sizeof(program->why), result->text);
        loop_timer_cancel(&program->timer);
        if (group_end_start(&program->ending, &program->group) == 1) {
                report(program, true);
        }
}

/* ---- Its deadline ---- */

static void signal_all(const struct unit_program *program, int signal) {
        pid_t pids[SIGNALLED_MAX];
        /* A pid that is read here is killed at once: there is no time for it to become another's.
         */
        ssize_t count = control_group_processes(program->group.cgroup, pids, SIGNALLED_MAX);
        for (ssize_t i = 0; i < count; i++) {
                (void) kill(pids[i], signal);
        }
}

static void on_timer(void *cookie) {
        struct unit_program *program = cookie;
        if (program->timed_out) {
                (void) control_group_kill(program->group.cgroup);
                return; /* systemd says how it ended, or nothing, see ANSWER_LIMIT */
        }
        program->timed_out = true;
        signal_all(program, SIGTERM);
        signal_all(program, SIGCONT); /* a stopped process would not see it */
        loop_timer_set_after(&program->timer, CHILD_KILL_GRACE);
}

/* ---- Its start ---- */

static void on_output_end(void *cookie) {
        (void) cookie; /* it may go on without output */
}

DEFINE_CLEANUP(cleanup_program, struct unit_program, program_free)

static struct unit_program *program_new(
        const struct unit_program_request *request, child_done done, void *cookie) {
        struct executor *executor = request->executor;
        AUTO(cleanup_program) struct unit_program *program = calloc(1, sizeof(*program));
        if (!program) {
                return NULL;
        }
        program->executor = executor;
        program->write_end = -1;
        program->done = done;
        program->cookie = cookie;
        program->begun = loop_now(executor->loop).mono;
        program->deadline = request->deadline;
        capture_init(&program->output, CHILD_OUTPUT_DEFAULT, on_output_end, program);
        program->environment = *request->environment;
        *request->environment = (struct environment){0};
        if (loop_timer_init(&program->timer, executor->loop, on_timer, program) < 0 ||
                group_end_init(&program->ending, executor->loop, executor->scans, on_group_ended,
                        program) < 0) {
                return NULL;
        }
        return TAKE_PTR(program);
}

static int name_unit(struct unit_program *program, const struct unit_program_request *request,
        struct error *err) {
        int r = transient_name_once(request->service, request->number, program->unit);
        return r < 0 ? error_set_errno(err, -r, "the name of its unit")
                     : service_unit_cgroup(program->unit, program->group.cgroup, err);
}

static int open_output(struct unit_program *program, struct error *err) {
        program->write_end = capture_open(&program->output, err);
        if (program->write_end < 0) {
                return program->write_end;
        }
        int r = capture_watch(&program->output, program->executor->loop);
        return r < 0 ? error_set_errno(err, -r, "watching its output") : 0;
}

static void fill_spec(struct unit_program *program, const struct unit_program_request *request) {
        program->spec = (struct transient_spec){
                .name = program->unit,
                .description = program->unit,
                .slice = SERVICE_UNIT_SLICE,
                .user = request->user,
                .program = SPAWN_REQUEST_INIT,
                .stop_timeout = CHILD_KILL_GRACE,
                .once = true,
                .limit = usec_add(usec_sub(request->deadline, program->begun), ANSWER_LIMIT),
        };
        program->spec.program.argv = request->argv;
        program->spec.program.environment = (const char *const *) program->environment.items;
        program->spec.program.stdout_fd = program->write_end;
        program->spec.program.stderr_fd = program->write_end;
}

/* ---- Told to systemd ---- */

static void give_up(struct unit_program *program, const char *why) {
        str_copy(program->why, sizeof(program->why), why);
        report(program, true);
}

static void launch(struct unit_program *program) {
        struct error err = {0};
        const struct transient_request request = {
                .loop = program->executor->loop,
                .units = program->units,
                .deadline = usec_add(program->deadline, ANSWER_LIMIT),
                .spec = &program->spec,
        };
        if (transient_start(&program->transient, &request, on_ended, program, &err) < 0) {
                give_up(program, err.text);
        } else {
                loop_timer_set(&program->timer, program->deadline);
        }
}

static int look_run(void *data) {
        struct look *look = data;
        return access(look->path, X_OK) < 0 ? error_set_errno(&look->err, errno, "executing") : 0;
}

static void look_free(void *data) {
        struct look *look = data;
        if (look) {
                free(look->path);
                free(look);
        }
}

static void on_looked(void *cookie, int result, void *data) {
        struct unit_program *program = cookie;
        const struct look *look = data;
        program->looking = NULL;
        if (result == 0) {
                launch(program);
        } else {
                give_up(program,
                        look && *look->err.text ? look->err.text : strerrordesc_np(-result));
        }
}

DEFINE_CLEANUP(cleanup_look, struct look, look_free)

/* The path is copied, since a worker that hangs may outlive the policy. */
static int start_look(struct unit_program *program, struct error *err) {
        AUTO(cleanup_look) struct look *look = calloc(1, sizeof(*look));
        if (!look || !(look->path = strdup(program->spec.program.argv[0]))) {
                return error_set(err, ENOMEM, "out of memory");
        }
        const struct worker_job job = {
                .run = look_run,
                .release = look_free,
                .done = on_looked,
                .data = look,
                .cookie = program,
                .deadline = program->deadline,
        };
        int r = worker_submit(program->executor->disk, &job, &program->looking, err);
        if (r == 0) {
                look = NULL;
        }
        return r;
}

int unit_program_start(struct unit_program **ret, const struct unit_program_request *request,
        child_done done, void *cookie, struct error *err) {
        AUTO(cleanup_program) struct unit_program *program = program_new(request, done, cookie);
        if (!program) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = unit_manager_bus(request->executor, &program->units, err);
        if (r < 0 || (r = name_unit(program, request, err)) < 0 ||
                (r = open_output(program, err)) < 0) {
                return r;
        }
        fill_spec(program, request);
        r = start_look(program, err);
        if (r == 0) {
                *ret = TAKE_PTR(program);
        }
        return r;
}
