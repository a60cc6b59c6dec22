#include "executor/checkpoint_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/own_program.h"
#include "io/child.h"

#define PROGRAM "recoverd-checkpoint"

enum { OUTPUT_MAX = 256 * 1024, ARGUMENTS_BEFORE = 3 };

struct checkpoint_program {
        struct child *child;
        usec_t deadline;
        checkpoint_program_done done;
        void *cookie;
};

void checkpoint_program_cancel(struct checkpoint_program *program) {
        if (program) {
                child_cancel(program->child);
                free(program);
        }
}

/* ---- The command ---- */

void checkpoint_command_add(struct checkpoint_command *command, const char *argument) {
        if (command->count < CHECKPOINT_ARGUMENTS_MAX) {
                command->items[command->count] = argument;
        }
        command->count++;
}

void checkpoint_command_create(struct checkpoint_command *command, const struct service *service,
        bool suspect, char size[UNITS_TEXT_MAX]) {
        const struct checkpoint_spec *spec = service->checkpoint;
        checkpoint_command_add(command, "create");
        checkpoint_command_add(command, service->name);
        for (uint32_t i = 0; i < spec->paths.count; i++) {
                checkpoint_command_add(command, "--path");
                checkpoint_command_add(command, spec->paths.items[i]);
        }
        for (uint32_t i = 0; i < spec->exclude.count; i++) {
                checkpoint_command_add(command, "--exclude");
                checkpoint_command_add(command, spec->exclude.items[i]);
        }
        if (spec->max_size > 0) {
                checkpoint_command_add(command, "--max-size");
                checkpoint_command_add(command, units_format_size(spec->max_size, size));
        }
        if (spec->one_file_system) {
                checkpoint_command_add(command, "--one-file-system");
        }
        checkpoint_command_add(command, "--state");
        checkpoint_command_add(command, suspect ? "suspect" : "candidate");
}

/* ---- Its end ---- */

static void describe(const struct child_result *result, struct checkpoint_outcome *ret) {
        char how[160];
        if (result->errors_length > 0) {
                str_copy(ret->text, sizeof(ret->text), result->errors);
                ret->text[strcspn(ret->text, "\n")] = '\0';
                str_make_printable(ret->text);
        } else {
                snprintf(ret->text, sizeof(ret->text), PROGRAM ": %s",
                        child_describe(result, how, sizeof(how)));
        }
}

static void on_ended(void *cookie, const struct child_result *result) {
        struct checkpoint_program *program = cookie;
        checkpoint_program_done done = program->done;
        void *own = program->cookie;
        struct checkpoint_outcome outcome = {.raw = result->output};
        free(program);
        outcome.status = result->end == CHILD_EXITED ? (enum checkpoint_status) result->code
                                                     : CHECKPOINT_UNFINISHED;
        if (result->dropped_bytes == 0 && result->output_length > 0) {
                outcome.json = json_tokener_parse(result->output);
        }
        if (outcome.status == CHECKPOINT_DONE && !outcome.json) {
                outcome.status = CHECKPOINT_FAILED;
                str_copy(outcome.text, sizeof(outcome.text), PROGRAM ": its answer is no JSON");
        } else if (outcome.status != CHECKPOINT_DONE) {
                describe(result, &outcome);
        }
        done(own, &outcome);
        json_object_put(outcome.json);
}

/* ---- Its beginning ---- */

static int start(struct checkpoint_program *program, struct executor *executor,
        const struct checkpoint_command *command, struct error *err) {
        const char *argv[ARGUMENTS_BEFORE + CHECKPOINT_ARGUMENTS_MAX + 1];
        char path[PATH_MAX], store[PATH_MAX];
        static const char *const environment[] = {
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = usec_sub(program->deadline, loop_now(executor->loop).mono),
                .max_output = OUTPUT_MAX,
                .separate_errors = true,
                .pool = executor->disk,
        };
        if (command->count > CHECKPOINT_ARGUMENTS_MAX) {
                return error_set(err, E2BIG, "too many paths and patterns");
        }
        snprintf(store, sizeof(store), "%s/checkpoints", executor->options.state_dir);
        argv[0] = own_program_find(PROGRAM, path);
        argv[1] = "--store";
        argv[2] = store;
        memcpy(argv + ARGUMENTS_BEFORE, command->items, command->count * sizeof(*argv));
        argv[ARGUMENTS_BEFORE + command->count] = NULL;
        request.spawn.argv = argv;
        request.spawn.environment = environment;
        return child_start(&program->child, executor->loop, &request, on_ended, program, err);
}

int checkpoint_program_start(struct checkpoint_program **ret, struct executor *executor,
        const struct checkpoint_command *command, usec_t deadline, checkpoint_program_done done,
        void *cookie, struct error *err) {
        AUTO_FREE struct checkpoint_program *program = calloc(1, sizeof(*program));
        if (!program) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *program =
                (struct checkpoint_program){.deadline = deadline, .done = done, .cookie = cookie};
        int r = start(program, executor, command, err);
        if (r == 0) {
                *ret = TAKE_PTR(program);
        }
        return r;
}
