#pragma once
/* What the exit statuses of service programs mean.
 *
 * LSB: Linux Standard Base Core 5.0, "Init Script Actions".
 * OCF: Open Cluster Framework Resource Agent API 1.1, "Exit Status Codes". */

#include <stdbool.h>

/* How a service is, as far as one run of its status program says. */
enum script_state {
        SCRIPT_UNCLEAR = 0, /* nobody knows */
        SCRIPT_RUNS,
        SCRIPT_DEGRADED, /* runs, and expects trouble */
        SCRIPT_BROKEN, /* does not work; whether something of it runs is not said */
        SCRIPT_DEAD, /* ended without being stopped: something of it is left on disk */
        SCRIPT_GONE, /* does not run */
};

struct script_code {
        int code;
        const char *text; /* for a person; with the standard's own name where it has one */
        enum script_state state; /* as the exit status of a status program */
        bool hopeless; /* as that of another: trying again does not help */
};

/* NULL: the standard gives the status no meaning. */
const struct script_code *script_code_of_lsb_status(int code);
const struct script_code *script_code_of_lsb_action(int code);
const struct script_code *script_code_of_ocf(int code);
