#pragma once
/* Runs one program of a content job: as a child, or, where that is how programs are run that change
 * the host, as a unit of systemd. */

#include "executor/content_job.h"
#include "io/child.h"
#include "io/environment.h"

struct content_program {
        struct child *child; /* one of the two */
        struct unit_program *unit;
};

enum { CONTENT_OUTPUT_MAX = 64 * 1024 };

/* Only looks: its whole output is wanted. */
int content_program_look(struct content_program *program, const struct content_job *job,
        const char *const *argv, child_done done, void *cookie, struct error *err);

/* Changes something; what the environment holds is taken. */
int content_program_act(struct content_program *program, const struct content_job *job,
        const char *const *argv, struct environment *environment, child_done done, void *cookie,
        struct error *err);

/* To be called first by `done`. */
void content_program_ended(struct content_program *program);
void content_program_cancel(struct content_program *program);

/* "apt-get exited with status 100: E: Version '2' for 'x' was not found". */
void content_program_describe(
        const char *path, const struct child_result *result, char *text, size_t size);
