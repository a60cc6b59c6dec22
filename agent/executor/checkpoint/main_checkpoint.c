/* recoverd-checkpoint: makes, checks and applies checkpoints. One command, one JSON object, the
 * end. */

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executor/checkpoint/checkpoint_exit.h"
#include "executor/checkpoint/checkpoint_options.h"

enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_IDLE = 3 << 13 }; /* of linux/ioprio.h, which EL 9 lacks */

enum { NICEST = 19 };

/* Best effort: it is a courtesy, and a container may forbid it. Not SCHED_IDLE: where the CPUs of a
 * host are busy for long, no checkpoint would ever be done. */
static void give_way(void) {
        (void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
        (void) setpriority(PRIO_PROCESS, 0, NICEST);
}

static int print(struct json_object *answer, struct error *err) {
        const char *text = json_object_to_json_string_ext(
                answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text) {
                return error_set_errno(err, ENOMEM, "printing the answer");
        }
        puts(text);
        return fflush(stdout) == 0 ? 0 : error_set_errno(err, errno, "printing the answer");
}

static int run(int argc, char **argv, struct error *err) {
        struct checkpoint_call call;
        const struct checkpoint_command *command;
        int r = checkpoint_parse(argc, argv, &call, &command, err);
        if (r != 0) {
                return r > 0 ? 0 : r;
        }
        if (command->idle && !call.hurry) {
                give_way();
        }
        call.answer = json_object_new_object();
        r = call.answer ? command->run(&call, err) : error_set_errno(err, ENOMEM, "the answer");
        int printed = r == 0 || call.answer_anyway ? print(call.answer, err) : 0;
        json_object_put(call.answer);
        return r < 0 ? r : printed;
}

int main(int argc, char **argv) {
        struct error err = {0};
        umask(077);
        int r = run(argc, argv, &err);
        if (r < 0) {
                fprintf(stderr, "recoverd-checkpoint: %s\n", err.text);
        }
        return (int) checkpoint_exit_of(r);
}
