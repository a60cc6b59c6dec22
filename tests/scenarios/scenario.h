#pragma once
/* A scenario: a policy, a script of what happens, and the decisions of the core that follow from
 * it. The format is described in docs/TESTING.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "model/policy.h"

enum {
        SCENARIO_FILE_MAX = 256 * 1024,
        STATEMENTS_MAX = 256,
        STATEMENT_TEXT_MAX = 128,
};

enum verb {
        VERB_STOPPED_AT_FIRST = 0,
        VERB_FAILS,
        VERB_FAILS_UNTIL_RESTARTED,
        VERB_FAILS_UNTIL_RELOADED,
        VERB_FAILS_UNTIL_SIGNALLED,
        VERB_FAILS_UNTIL_ROLLED_BACK,
        VERB_DIES_AGAIN,
        VERB_TIMES_OUT,
        VERB_PASSES,
        VERB_UNKNOWN,
        VERB_DEGRADED,
        VERB_DIES,
        VERB_RUNS,
        VERB_STOPPED_OUTSIDE,
        VERB_MANAGER_BUSY, /* until it dies or somebody starts it */
        VERB_PAUSE,
        VERB_RESUME,
        VERB_ACK,
        VERB_RESTART,
        VERB_START,
        VERB_STOP,
        VERB_SAVES_ANSWER,
        VERB_SAVES_FAIL,
        VERB_SAVES_NEVER,
        VERB_ACTIONS_SUCCEED,
        VERB_ACTIONS_FAIL,
        VERB_ACTIONS_REFUSED,
        VERB_ACTIONS_LATER,
        VERB_ACTIONS_LOST,
        VERB_ACTIONS_NEVER,
        VERB_EXECUTOR_LEAVES,
        VERB_EXECUTOR_RETURNS,
        VERB_STANDS_STILL,
        VERB_STARVED,
        VERB_SHORT_OF_MEMORY,
        VERB_CLOCK_IS_SET,
        VERB_STORE_BREAKS,
        VERB_STORE_WORKS,
        VERB_HOLD,
        VERB_RELEASE,
        VERB_PACKAGES,
        VERB_PACKAGES_DONE,
        VERB_CRASHES,
        VERB_DEPLOY,
        VERB_DEPLOYED,
        VERB_GROUP_ACTIVE,
        VERB_GROUP_STANDBY,
        VERB_CHANGED,
        VERB_CHANGED_AS_BEFORE,
        VERB_RECOVERY_POINT, /* what it is now is good */
        VERB_NOTHING_KNOWN, /* of what changed */
        VERB_COMPARED, /* within a time; 0: never */
        VERB_KILLED,
        VERB_REBOOTS,
        VERB_END,
};

enum { EVERY_PROBE = UINT32_MAX - 1 }; /* of a service, but not of its process */

struct statement {
        usec_t at; /* since the beginning */
        enum verb verb;
        uint32_t service, probe; /* UINT32_MAX: not of one */
        usec_t time;
        int cause; /* enum cause; CAUSE_NONE: as usual */
        char text[STATEMENT_TEXT_MAX];
};

struct scenario {
        struct policy *policy; /* until a world takes it over */
        struct statement statements[STATEMENTS_MAX];
        size_t n_statements;
};

/* Reads a file. -EINVAL, -ENOMEM or the errno of reading, with the cause and the line in `err`. */
int scenario_load(const char *path, struct scenario *ret, struct error *err);
void scenario_done(struct scenario *scenario);

/* The script of the file against its services; used by scenario_load. */
int script_parse(
        const char *text, const struct policy *policy, struct scenario *ret, struct error *err);

/* What people, deployments and groups say. */
struct world;
void others_say(struct world *world, const struct statement *statement);

/* Runs it and writes the decisions, two blanks in front of each line. */
void scenario_run(struct scenario *scenario, FILE *out);
