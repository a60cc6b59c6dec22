#include "executor/content_program.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/unit_program.h"

static int start_child(struct content_program *program, const struct content_job *job,
        const char *const *argv, const char *const *environment, child_done done, void *cookie,
        struct error *err) {
        struct executor *executor = job->request.executor;
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = usec_sub(job->request.deadline, loop_now(executor->loop).mono),
                .max_output = CONTENT_OUTPUT_MAX,
        };
        request.spawn.argv = argv;
        request.spawn.environment = environment;
        return child_start(&program->child, executor->loop, &request, done, cookie, err);
}

int content_program_look(struct content_program *program, const struct content_job *job,
        const char *const *argv, child_done done, void *cookie, struct error *err) {
        static const char *const environment[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                NULL};
        return start_child(program, job, argv, environment, done, cookie, err);
}

int content_program_act(struct content_program *program, const struct content_job *job,
        const char *const *argv, struct environment *environment, child_done done, void *cookie,
        struct error *err) {
        struct executor *executor = job->request.executor;
        if (environment->failed) {
                return error_set(err, ENOMEM, "out of memory");
        }
        if (!executor->as_units) {
                return start_child(program, job, argv, (const char *const *) environment->items,
                        done, cookie, err);
        }
        const struct unit_program_request request = {
                .executor = executor,
                .service = job->request.service->name,
                .number = loop_now(executor->loop).wall,
                .argv = argv,
                .environment = environment,
                .deadline = job->request.deadline,
        };
        return unit_program_start(&program->unit, &request, done, cookie, err);
}

void content_program_ended(struct content_program *program) {
        *program = (struct content_program){0};
}

void content_program_cancel(struct content_program *program) {
        child_cancel(program->child);
        unit_program_cancel(program->unit);
        content_program_ended(program);
}

void content_program_describe(
        const char *path, const struct child_result *result, char *text, size_t size) {
        char how[160], line[160];
        const char *slash = strrchr(path, '/');
        child_describe(result, how, sizeof(how));
        child_last_line(result, line, sizeof(line));
        snprintf(text, size, "%s %s%s%s", slash ? slash + 1 : path, how, *line ? ": " : "", line);
}
