#include "io/unit_snapshot.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* ---- Words ---- */

struct word {
        const char *text;
        int value;
};

static const struct word load_words[] = {
        {"loaded", UNIT_LOADED},
        {"not-found", UNIT_NOT_FOUND},
        {"bad-setting", UNIT_BAD_SETTING},
        {"error", UNIT_ERROR},
        {"masked", UNIT_MASKED},
        {NULL},
};

static const struct word active_words[] = {
        {"inactive", UNIT_INACTIVE},
        {"active", UNIT_ACTIVE},
        {"reloading", UNIT_RELOADING},
        {"refreshing", UNIT_RELOADING},
        {"failed", UNIT_FAILED},
        {"activating", UNIT_ACTIVATING},
        {"deactivating", UNIT_DEACTIVATING},
        {NULL},
};

static const struct word result_words[] = {
        {"success", UNIT_SUCCESS},
        {"exit-code", UNIT_EXIT_CODE},
        {"signal", UNIT_SIGNAL},
        {"core-dump", UNIT_CORE_DUMP},
        {"watchdog", UNIT_WATCHDOG},
        {"timeout", UNIT_TIMEOUT},
        {"oom-kill", UNIT_OOM_KILL},
        {"start-limit-hit", UNIT_START_LIMIT_HIT},
        {"protocol", UNIT_PROTOCOL},
        {"resources", UNIT_RESOURCES},
        {"exec-condition", UNIT_EXEC_CONDITION},
        {NULL},
};

static int find_word(const struct word *words, const char *text) {
        for (; words->text; words++) {
                if (str_eq(words->text, text)) {
                        return words->value;
                }
        }
        return 0;
}

int unit_load_parse(const char *word) {
        return find_word(load_words, word);
}

int unit_active_parse(const char *word) {
        return find_word(active_words, word);
}

int unit_result_parse(const char *word) {
        return find_word(result_words, word);
}

/* ---- Properties ---- */

/* Readers of one kind of value each; the variant has been entered. */

static int read_text(sd_bus_message *message, void *to, size_t size) {
        const char *text;
        int r = sd_bus_message_read_basic(message, 's', &text);
        if (r >= 0) {
                str_copy(to, size, text);
        }
        return r;
}

static int read_number(sd_bus_message *message, void *to, size_t size) {
        return sd_bus_message_read_basic(message, size == sizeof(uint64_t) ? 't' : 'u', to);
}

static int read_integer(sd_bus_message *message, void *to, size_t size) {
        (void) size;
        return sd_bus_message_read_basic(message, 'i', to);
}

static int read_bool(sd_bus_message *message, void *to, size_t size) {
        int value; /* sd-bus has booleans as int */
        int r = sd_bus_message_read_basic(message, 'b', &value);
        (void) size;
        if (r >= 0) {
                *(bool *) to = value;
        }
        return r;
}

static int read_hexadecimal(sd_bus_message *message, void *to, size_t size) {
        const void *bytes;
        char *text = to;
        size_t count;
        int r = sd_bus_message_read_array(message, 'y', &bytes, &count);
        if (r < 0) {
                return r;
        }
        text[0] = '\0';
        for (size_t i = 0; i < count && 2 * i + 2 < size; i++) {
                snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *) bytes)[i]);
        }
        return 0;
}

/* (uo): number and path, of a job. */
static int read_job(sd_bus_message *message, void *to, size_t size) {
        const char *path;
        (void) size;
        return sd_bus_message_read(message, "(uo)", to, &path);
}

/* (ss): name and text, of an error. */
static int read_error(sd_bus_message *message, void *to, size_t size) {
        const char *name, *text;
        int r = sd_bus_message_read(message, "(ss)", &name, &text);
        if (r >= 0) {
                str_copy(to, size, text);
                str_make_printable(to);
        }
        return r;
}

static int read_word(sd_bus_message *message, void *to, const struct word *words) {
        const char *text;
        int r = sd_bus_message_read_basic(message, 's', &text);
        if (r >= 0) {
                *(int *) to = find_word(words, text);
        }
        return r;
}

static int read_load(sd_bus_message *message, void *to, size_t size) {
        (void) size;
        return read_word(message, to, load_words);
}

static int read_active(sd_bus_message *message, void *to, size_t size) {
        (void) size;
        return read_word(message, to, active_words);
}

#define MEMBER(member)                                                                             \
        offsetof(struct unit_snapshot, member), sizeof(((struct unit_snapshot *) 0)->member)

static const struct property {
        const char *name, *signature;
        int (*read)(sd_bus_message *message, void *to, size_t size);
        size_t offset, size;
} properties[] = {
        {"Id", "s", read_text, MEMBER(id)},
        {"LoadState", "s", read_load, MEMBER(load)},
        {"LoadError", "(ss)", read_error, MEMBER(load_error)},
        {"ActiveState", "s", read_active, MEMBER(active)},
        {"SubState", "s", read_text, MEMBER(sub)},
        {"UnitFileState", "s", read_text, MEMBER(file_state)},
        {"FragmentPath", "s", read_text, MEMBER(fragment)},
        {"InvocationID", "ay", read_hexadecimal, MEMBER(invocation)},
        {"Job", "(uo)", read_job, MEMBER(job)},
        {"StateChangeTimestamp", "t", read_number, MEMBER(state_change)},
        {"InactiveEnterTimestamp", "t", read_number, MEMBER(inactive_enter)},
        {"ActiveExitTimestampMonotonic", "t", read_number, MEMBER(active_exit)},
        {"ConditionTimestampMonotonic", "t", read_number, MEMBER(condition_time)},
        {"ConditionResult", "b", read_bool, MEMBER(condition_met)},
        {"CanStart", "b", read_bool, MEMBER(can_start)},
        {"CanReload", "b", read_bool, MEMBER(can_reload)},
        {"Type", "s", read_text, MEMBER(type)},
        {"Restart", "s", read_text, MEMBER(restart)},
        {"RestartUSec", "t", read_number, MEMBER(restart_pause)},
        {"TimeoutStartUSec", "t", read_number, MEMBER(start_limit)},
        {"TimeoutStopUSec", "t", read_number, MEMBER(stop_limit)},
        {"RemainAfterExit", "b", read_bool, MEMBER(remain_after_exit)},
        {"Result", "s", read_text, MEMBER(result_word)},
        {"NRestarts", "u", read_number, MEMBER(n_restarts)},
        {"ControlGroup", "s", read_text, MEMBER(control_group)},
        {"MainPID", "u", read_number, MEMBER(main_pid)},
        {"ExecMainPID", "u", read_number, MEMBER(exec_main_pid)},
        {"ExecMainCode", "i", read_integer, MEMBER(exec_main_code)},
        {"ExecMainStatus", "i", read_integer, MEMBER(exec_main_status)},
        {"ExecMainExitTimestampMonotonic", "t", read_number, MEMBER(main_exit)},
};

static const struct property *find_property(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                if (str_eq(properties[i].name, name)) {
                        return &properties[i];
                }
        }
        return NULL;
}

static int read_property(struct unit_snapshot *snapshot, sd_bus_message *message) {
        const char *name, *signature;
        int r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0 || (r = sd_bus_message_peek_type(message, NULL, &signature)) < 0) {
                return r;
        }
        const struct property *property = find_property(name);
        if (!property || !str_eq(property->signature, signature)) {
                return sd_bus_message_skip(message, "v");
        }
        r = sd_bus_message_enter_container(message, 'v', signature);
        if (r < 0 || (r = property->read(
                              message, (char *) snapshot + property->offset, property->size)) < 0) {
                return r;
        }
        return sd_bus_message_exit_container(message);
}

int unit_snapshot_read(struct unit_snapshot *snapshot, sd_bus_message *message) {
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0) {
                return r;
        }
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                if ((r = read_property(snapshot, message)) < 0 ||
                        (r = sd_bus_message_exit_container(message)) < 0) {
                        return r;
                }
        }
        if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0) {
                return r;
        }
        snapshot->result = unit_result_parse(snapshot->result_word);
        return 0;
}

void unit_snapshot_recall(struct unit_snapshot *snapshot, const struct unit_snapshot *before) {
        if (*snapshot->invocation || !*before->invocation || !unit_is_down(snapshot)) {
                return;
        }
        str_copy(snapshot->invocation, sizeof(snapshot->invocation), before->invocation);
        snapshot->exec_main_pid = before->exec_main_pid;
        snapshot->exec_main_code = before->exec_main_code;
        snapshot->exec_main_status = before->exec_main_status;
        snapshot->main_exit = before->main_exit;
        snapshot->active_exit = before->active_exit;
        snapshot->state_change = before->state_change;
        snapshot->inactive_enter = before->inactive_enter;
}

/* ---- Questions ---- */

/* In between, systemd 254 and later pass through states of their own, which count as down. */
bool unit_auto_restarts(const struct unit_snapshot *snapshot) {
        return str_starts(snapshot->sub, "auto-restart") ||
               strstr(snapshot->sub, "-before-auto-restart");
}

bool unit_is_down(const struct unit_snapshot *snapshot) {
        return (snapshot->active == UNIT_INACTIVE || snapshot->active == UNIT_FAILED) &&
               !unit_auto_restarts(snapshot);
}
