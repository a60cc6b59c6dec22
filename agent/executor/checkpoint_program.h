#pragma once
/* Runs recoverd-checkpoint, the program that keeps the store of checkpoints (docs/checkpoints.md):
 * one command, one JSON object, in bounded time. The store may be full, damaged or on a disk that
 * hangs: then it is this child that fails or hangs, and nobody else. */

#include <json-c/json.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "model/policy.h"

struct checkpoint_program; /* heap; gone when `done` was called or it was cancelled */
struct executor;

enum { CHECKPOINT_ARGUMENTS_MAX = 800, CHECKPOINT_TEXT_MAX = 400 };

enum checkpoint_status { /* its exit status; others mean what 1 means */
        CHECKPOINT_DONE = 0,
        CHECKPOINT_FAILED = 1,
        CHECKPOINT_REFUSED = 3,
        CHECKPOINT_UNKNOWN = 4, /* there is no such thing */
        CHECKPOINT_DAMAGED = 5,
        CHECKPOINT_BUSY = 6,
        CHECKPOINT_UNFINISHED = 7, /* also one that was killed, or had no time left */
};

struct checkpoint_outcome {
        enum checkpoint_status status;
        struct json_object *json; /* NULL: it printed none */
        const char *raw; /* the same as it was printed, "" for none */
        char text[CHECKPOINT_TEXT_MAX]; /* why it failed, for a person */
};

/* The outcome is valid during the call. */
typedef void (*checkpoint_program_done)(void *cookie, const struct checkpoint_outcome *outcome);

struct checkpoint_command {
        const char *items[CHECKPOINT_ARGUMENTS_MAX]; /* borrowed for the call */
        size_t count;
};

/* What does not fit is left out and makes the start fail. */
void checkpoint_command_add(struct checkpoint_command *command, const char *argument);

/* "create SERVICE" and all that the policy says of it. The sizes text has to outlive the start. */
void checkpoint_command_create(struct checkpoint_command *command, const struct service *service,
        bool suspect, char size[UNITS_TEXT_MAX]);

/* Never from within. */
int checkpoint_program_start(struct checkpoint_program **ret, struct executor *executor,
        const struct checkpoint_command *command, usec_t deadline, checkpoint_program_done done,
        void *cookie, struct error *err);

/* It is killed, which leaves the store valid. Accepts NULL. */
void checkpoint_program_cancel(struct checkpoint_program *program);
