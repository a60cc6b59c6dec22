#pragma once
/* The command line of recoverd-checkpoint: what each command takes, and the tools that all share.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "executor/checkpoint/checkpoint_record.h"
#include "executor/checkpoint/tree_walk.h"

#define CHECKPOINT_WAIT (30 * USEC_PER_SEC)
#define CHECKPOINT_STORE "/var/lib/recoverd/checkpoints"

/* What was said on the command line; strings are those of argv. */
struct checkpoint_call {
        const char *store;
        const char *service, *first, *second; /* arguments; NULL: not given */
        struct tree_scope scope;
        enum checkpoint_state state;
        const char *reason, *to, *from;
        uint64_t max_size; /* bytes; 0: no limit */
        uint64_t keep;
        usec_t wait; /* for another that has locked what it needs */
        bool unseen, check, prepare, allow_setuid, hurry;
        struct json_object *answer; /* to be filled */
        bool answer_anyway; /* printed also when the command fails */
};

enum checkpoint_option { /* or-ed together */
        OPTION_SCOPE = 1, /* path, exclude, max-size, one-file-system */
        OPTION_STATE = 2,
        OPTION_REASON = 4,
        OPTION_UNSEEN = 8,
        OPTION_KEEP = 16,
        OPTION_TO = 32,
        OPTION_FROM = 64, /* and allow-setuid */
        OPTION_CHECK = 128,
        OPTION_PREPARE = 256,
};

struct checkpoint_command {
        const char *name, *arguments, *help;
        int (*run)(struct checkpoint_call *call, struct error *err);
        unsigned least, most; /* arguments */
        unsigned options;
        bool idle; /* gives way to everything else, unless somebody waits for it */
};

/* Ends with a row without a name. */
extern const struct checkpoint_command checkpoint_commands[];

int checkpoint_run_create(struct checkpoint_call *call, struct error *err);
int checkpoint_run_list(struct checkpoint_call *call, struct error *err);
int checkpoint_run_trust(struct checkpoint_call *call, struct error *err);
int checkpoint_run_withdraw(struct checkpoint_call *call, struct error *err);
int checkpoint_run_verify(struct checkpoint_call *call, struct error *err);
int checkpoint_run_gc(struct checkpoint_call *call, struct error *err);
int checkpoint_run_diff(struct checkpoint_call *call, struct error *err);
int checkpoint_run_restore(struct checkpoint_call *call, struct error *err);
int checkpoint_run_replicate(struct checkpoint_call *call, struct error *err);
int checkpoint_run_apply(struct checkpoint_call *call, struct error *err);
int checkpoint_run_undo(struct checkpoint_call *call, struct error *err);
int checkpoint_run_recover(struct checkpoint_call *call, struct error *err);

/* 0: *ret is the command and *call filled; 1: help or version were printed; -EINVAL: err says what
 * is wrong. */
int checkpoint_parse(int argc, char **argv, struct checkpoint_call *call,
        const struct checkpoint_command **ret, struct error *err);
