#pragma once
/* Runs a recording again: the core as it was, the same inputs at the same moments, and what it
 * decides now beside what it decided then. */

#include "model/schema.h"
#include "policy/load.h"
#include "recording/recording.h"

struct rerun_options {
        const struct schema_variant *probes; /* of the policies in the recording */
        const struct policy
                *policy; /* another one, which the core gets at the beginning; NULL: none */
};

struct rerun {
        char version[32]; /* of the agent that recorded */
        uint64_t inputs; /* that were run */
        uint64_t skipped; /* for services or probes that the other policy lacks */
        uint64_t reloads; /* of policies, on the way */
        wall_usec_t began, ended;
        char end[128]; /* why the recording ends; "": it was cut */
        bool differs; /* and this is the first input that does: */
        struct recorded recorded;
        char rows[RECORDING_ROWS_MAX]; /* that fire now */
        bool same_rows; /* the rows are the same, what they do is not */
};

/* `text` is a recording, NUL-terminated, and is changed on the way. -EBADMSG: not a recording, or a
 * damaged one; -EPROTO: of another build; -EINVAL: its policies do not load, see `problems`;
 * -ENOMEM. A file whose end is missing, because the agent was killed, is run as far as it goes. */
int rerun_recording(char *text, size_t length, const struct rerun_options *options,
        struct rerun *ret, struct problems *problems, struct error *err);
