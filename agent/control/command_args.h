#pragma once
/* The JSON body of a command: parsed strictly, because a misspelt member of a command must not be
 * ignored. */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "model/policy.h"

enum {
        COMMAND_BODY_MAX = 16 * 1024,
        COMMAND_DEPTH_MAX = 4,
        COMMAND_BY_MAX = 33,
        COMMAND_REASON_MAX = 121,
        COMMAND_STATUS_MAX = 96,
        COMMAND_ID_MAX = 65,
        COMMAND_TOKEN_MAX = 257,
        COMMAND_PAUSE_SECONDS = 3600, /* where the body does not say */
        COMMAND_PAUSE_SECONDS_MAX = 30 * 24 * 3600,
};

enum command_member { /* what a command takes; or-ed together */
        COMMAND_TAKES_SERVICE = 1,
        COMMAND_TAKES_ALL = 2,
        COMMAND_TAKES_BY = 4,
        COMMAND_TAKES_DURATION = 8,
        COMMAND_TAKES_REASON = 16,
        COMMAND_TAKES_PROBE = 32,
        COMMAND_MAY_LAST = 128, /* without a duration it has none */
        COMMAND_TAKES_BEAT = 64, /* status, failed, token */
        COMMAND_TAKES_UNDO = 256,
        COMMAND_TAKES_CHECKPOINT = 512, /* do, from, to */
        COMMAND_TAKES_GROUP = 1024, /* group, member */
};

struct command_args {
        char service[POLICY_NAME_MAX + 1]; /* "" with `all`, or where it is not taken */
        char probe[POLICY_NAME_MAX + 1]; /* "": all */
        char by[COMMAND_BY_MAX];
        char reason[COMMAND_REASON_MAX];
        char status[COMMAND_STATUS_MAX];
        char verb[16], from[COMMAND_ID_MAX], to[COMMAND_ID_MAX]; /* ids of checkpoints */
        char token[COMMAND_TOKEN_MAX];
        char group[POLICY_NAME_MAX + 1], member[GROUP_MEMBER_ID_MAX];
        bool all, failed, undo;
        usec_t duration; /* 0: none */
};

/* What is answered instead of what was asked for. */
struct api_error {
        unsigned status; /* HTTP */
        const char *code; /* a literal of docs/control-api.md */
        char message[256];
};

/* Fills status, code and message; returns -EINVAL, so that `return api_error_set(...)` reads well.
 */
int api_error_set(struct api_error *error, unsigned status, const char *code, const char *format,
        ...) __attribute__((format(printf, 4, 5)));

/* `takes`: members that this command knows. An empty body is an empty object. -EINVAL with `error`
 * filled. */
int command_args_parse(const char *body, size_t length, unsigned takes, struct command_args *ret,
        struct api_error *error);
