#pragma once
/* What systemd says of a unit at one moment: the properties of org.freedesktop.systemd1.Unit and
 * .Service that matter here, see org.freedesktop.systemd1(5). */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"

enum {
        UNIT_ID_SIZE = 256,
        UNIT_WORD_SIZE = 40,
        UNIT_PATH_SIZE = 512, /* of a file or a control group; what is longer is cut */
        UNIT_INVOCATION_SIZE = 33,
        UNIT_ERROR_SIZE = 128,
};

/* Words that a later systemd invents are the first member of each. */
enum unit_load {
        UNIT_LOAD_OTHER = 0,
        UNIT_LOADED,
        UNIT_NOT_FOUND,
        UNIT_BAD_SETTING,
        UNIT_ERROR,
        UNIT_MASKED,
};

enum unit_active {
        UNIT_ACTIVE_OTHER = 0,
        UNIT_INACTIVE,
        UNIT_ACTIVE,
        UNIT_RELOADING,
        UNIT_FAILED,
        UNIT_ACTIVATING,
        UNIT_DEACTIVATING,
};

enum unit_result {
        UNIT_RESULT_OTHER = 0,
        UNIT_SUCCESS,
        UNIT_EXIT_CODE,
        UNIT_SIGNAL,
        UNIT_CORE_DUMP,
        UNIT_WATCHDOG,
        UNIT_TIMEOUT,
        UNIT_OOM_KILL,
        UNIT_START_LIMIT_HIT,
        UNIT_PROTOCOL,
        UNIT_RESOURCES,
        UNIT_EXEC_CONDITION,
};
enum { UNIT_RESULT_COUNT = UNIT_EXEC_CONDITION + 1 };

struct unit_snapshot {
        char id[UNIT_ID_SIZE]; /* its own name, where it was asked for by an alias */
        int load, active, result; /* enum unit_load, unit_active, unit_result */
        char load_error[UNIT_ERROR_SIZE];
        char sub[UNIT_WORD_SIZE]; /* SubState: "running", "auto-restart", ... */
        char result_word[UNIT_WORD_SIZE];
        char type[UNIT_WORD_SIZE]; /* "simple", "oneshot", ... */
        char restart[UNIT_WORD_SIZE]; /* Restart=: "no", "on-failure", ... */
        char file_state[UNIT_WORD_SIZE]; /* "enabled", "disabled", "static", ... */
        char fragment[UNIT_PATH_SIZE];
        char control_group[UNIT_PATH_SIZE];
        char invocation[UNIT_INVOCATION_SIZE]; /* hexadecimal; "": never started since boot */
        uint32_t job; /* that is queued or running for it; 0: none */
        uint32_t main_pid; /* 0: none runs */
        uint32_t exec_main_pid; /* of the last main process; 0: there was none */
        int exec_main_code; /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: it has not ended */
        int exec_main_status;
        uint32_t n_restarts; /* that systemd did by itself since the last start by a job */
        uint64_t state_change, inactive_enter; /* on the wall clock; 0: never */
        uint64_t main_exit, active_exit, condition_time; /* on CLOCK_MONOTONIC; 0: never */
        bool condition_met; /* when it was started last */
        bool remain_after_exit, can_start, can_reload;
        uint64_t restart_pause, start_limit, stop_limit; /* USEC_INFINITY: none */
};

/* Reads an array of properties (a{sv}) over what is there: the answer to GetAll, or what
 * PropertiesChanged carries. Unknown properties and unexpected types are passed over. Negative
 * errno when the message is broken. */
int unit_snapshot_read(struct unit_snapshot *snapshot, sd_bus_message *message);

/* systemd forgets a unit that is down well and that nobody needs, and reads its file anew when
 * asked: fills in how the last run ended from what was known before. */
void unit_snapshot_recall(struct unit_snapshot *snapshot, const struct unit_snapshot *before);

/* Whether it is neither up nor on its way; without what systemd is about to start again. */
bool unit_is_down(const struct unit_snapshot *snapshot);

/* Whether systemd has stopped the unit only to start it again in a moment (Restart=). */
bool unit_auto_restarts(const struct unit_snapshot *snapshot);

/* Members of the enumerations by systemd's words; the first one for a word that is not known. */
int unit_load_parse(const char *word);
int unit_active_parse(const char *word);
int unit_result_parse(const char *word);
