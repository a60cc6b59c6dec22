#include "policy/policy_tables.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/manager.h"
#include "model/unit_name.h"
#include "policy/custom_values.h"

const struct top_level_key top_level_keys[] = {
        {"version", "The version of this grammar: 1. Required in every file.", false},
        {"agent", "Settings of the agent itself; only in recoverd.yaml.", true},
        {"coordinator",
                "Who says which member of a group is active, for groups over several hosts; only in "
                "recoverd.yaml.",
                true},
        {"defaults",
                "Keys of a service that every service of this file takes where it does not have "
                "them itself; in "
                "recoverd.yaml, every service of all files.",
                false},
        {"templates",
                "Partial services by name, for `extends`. A file sees its own and those of "
                "recoverd.yaml.",
                false},
        {"groups",
                "Services that are limited together, or of which one is active, by name; services say "
                "`member_of`. Known to all files.",
                false},
        {"services", "The services by name.", false},
        {0},
};

const char *const policy_identity_keys[] = {"command", "unit", "scripts", "checkpoint",
        "depends_on", "description", "extends", "reference", "traffic", NULL};

const char *const policy_command_keys[] = {"user", "group", "directory", "environment", "umask",
        "limits", "stop_signal", "stop_timeout", "reload_signal", "log", NULL};

bool policy_is_manager_key(const char *key) {
        for (int manager = MANAGER_NONE; manager < MANAGER_COUNT; manager++) {
                if (str_eq(manager_traits(manager)->key, key)) {
                        return true;
                }
        }
        return false;
}

/* ---- Backoff and budget ------------------------------------------------------------------------
 */

static void check_backoff(const void *object, struct schema_report *report) {
        const struct backoff_spec *backoff = object;
        if (backoff->delays.count == 0 && backoff->max < backoff->initial) {
                schema_complain(report, "max", "'max' is less than 'initial'");
        }
}

static const struct schema_field backoff_fields[] = {
        {.key = "initial",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct backoff_spec, initial),
                .standard = "1s",
                .most = "1d",
                .help = "Wait before the first attempt. 0 acts at once.",
                .example = "500ms"},
        {.key = "factor",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct backoff_spec, factor),
                .standard = "2",
                .help = "Each wait is this many times the one before, from 1 to 100.",
                .example = "1.5",
                .parse = parse_factor,
                .pattern = PATTERN_FACTOR,
                .single = true},
        {.key = "max",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct backoff_spec, max),
                .standard = "5m",
                .most = "7d",
                .help = "No wait is longer.",
                .example = "10m"},
        {.key = "jitter",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct backoff_spec, jitter),
                .standard = "equal",
                .words = jitter_texts,
                .help = "How chance spreads the waits, so that many hosts do not act in step.",
                .example = "full"},
        {.key = "reset_after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct backoff_spec, reset_after),
                .standard = "10m",
                .least = "1s",
                .most = "30d",
                .help = "A service that stayed healthy this long begins with `initial` again.",
                .example = "30m"},
        {.key = "delays",
                .kind = SCHEMA_DURATIONS,
                .offset = offsetof(struct backoff_spec, delays),
                .most = "7d",
                .help = "The waits themselves, in place of `initial`, `factor` and `max`; the "
                        "last one repeats.",
                .example = "[0s, 5s, 1m, 10m]"},
        {0},
};

const struct schema backoff_schema = {
        .name = "backoff",
        .help = "How long to wait before the next attempt.",
        .size = sizeof(struct backoff_spec),
        .fields = backoff_fields,
        .check = check_backoff,
};

/* ---- Flapping and reminders --------------------------------------------------------------------
 */

static void check_flapping(const void *object, struct schema_report *report) {
        const struct flapping_spec *flapping = object;
        if (flapping->high > 0 && flapping->low >= flapping->high) {
                schema_complain(report, "low", "'low' must be below 'high'");
        }
}

static const struct schema_field flapping_fields[] = {
        {.key = "hold",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct flapping_spec, hold),
                .standard = "true",
                .help = "Nothing is done to it while it flaps. `false`: it is only told.",
                .example = "false"},
        {.key = "high",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct flapping_spec, high),
                .standard = "50%",
                .help = "It flaps from this score on. 0% never finds it flapping.",
                .example = "30%"},
        {.key = "low",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct flapping_spec, low),
                .standard = "25%",
                .help = "It flaps until the score is below.",
                .example = "20%"},
        {0},
};

static const struct schema flapping_schema = {
        .name = "flapping",
        .help = "When a service counts as flapping. The score is the share of its last 20 checks whose "
                "verdict differed from the one before, newer ones weighing more, as Nagios computes "
                "it. A bare word stands for `hold`.",
        .size = sizeof(struct flapping_spec),
        .fields = flapping_fields,
        .shorthand = "hold",
        .check = check_flapping,
};

static const struct schema_field remind_fields[] = {
        {.key = "after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct remind_spec, after),
                .standard = "1h",
                .most = "30d",
                .help = "Wait before the first reminder. 0s: there are none.",
                .example = "30m"},
        {.key = "factor",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct remind_spec, factor),
                .standard = "2",
                .help = "Each wait is this many times the one before, from 1 to 100.",
                .example = "1",
                .parse = parse_factor,
                .pattern = PATTERN_FACTOR,
                .single = true},
        {.key = "max",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct remind_spec, max),
                .standard = "1d",
                .least = "1s",
                .most = "30d",
                .help = "No wait is longer.",
                .example = "8h"},
        {0},
};

static void check_remind(const void *object, struct schema_report *report) {
        const struct remind_spec *remind = object;
        if (remind->max < remind->after) {
                schema_complain(report, "max", "'max' is less than 'after'");
        }
}

static const struct schema remind_schema = {
        .name = "remind",
        .help = "How often people are told again of a service that was given up, with the message of "
                "its `notify` step. A bare duration stands for `after`.",
        .size = sizeof(struct remind_spec),
        .fields = remind_fields,
        .shorthand = "after",
        .check = check_remind,
};

static_assert(POLICY_BUDGET_MAX == 256, "the limit of budget.actions below is this number as text");

/* The standards of a budget differ between a service and the host. */
#define BUDGET_FIELDS(standard_actions)                                                            \
        {                                                                                          \
                {.key = "actions",                                                                 \
                        .kind = SCHEMA_UINT,                                                       \
                        .offset = offsetof(struct budget_spec, actions),                           \
                        .standard = standard_actions,                                              \
                        .most = "256",                                                             \
                        .help = "Most actions within any stretch of `per`. 0 allows none.",        \
                        .example = "5"},                                                           \
                        {.key = "per",                                                             \
                                .kind = SCHEMA_DURATION,                                           \
                                .offset = offsetof(struct budget_spec, per),                       \
                                .standard = "1h",                                                  \
                                .least = "1s",                                                     \
                                .most = "30d",                                                     \
                                .help = "The stretch of time that the actions are counted in.",    \
                                .example = "30m"},                                                 \
                        {0},                                                                       \
        }

static const struct schema_field service_budget_fields[] = BUDGET_FIELDS("10");
static const struct schema_field step_budget_fields[] = BUDGET_FIELDS("3");
static const struct schema_field host_budget_fields[] = BUDGET_FIELDS("60");

static const struct schema service_budget_schema = {
        .name = "budget",
        .help = "How many actions the service may cost: what OTP calls restart intensity, MaxR "
                "(`actions`) in MaxT (`per`). Kept on disk; the executor enforces it too.",
        .size = sizeof(struct budget_spec),
        .fields = service_budget_fields,
};

const struct schema step_budget_schema = {
        .name = "step budget",
        .help = "How often one step may be tried, over all incidents. Steps that do the same count "
                "together; those of one ladder allow at most 64 actions.",
        .size = sizeof(struct budget_spec),
        .fields = step_budget_fields,
};

const struct schema host_budget_schema = {
        .name = "host budget",
        .help = "How many actions all services of the host may cost together.",
        .size = sizeof(struct budget_spec),
        .fields = host_budget_fields,
};

static const struct schema_field effectiveness_fields[] = {
        {.key = "skip",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct effectiveness_spec, skip),
                .standard = "true",
                .help = "Whether a step that has shown to be useless against a cause is passed "
                        "over, though never the last one that acts.",
                .example = "false"},
        {.key = "useful",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct effectiveness_spec, useful),
                .standard = "20%",
                .least = "1%",
                .most = "90%",
                .help = "A step is useless when it is 95 % certain that it cures fewer than this "
                        "of the failures: with 20 %, after 0 of 9 attempts or 1 of 18.",
                .example = "10%"},
        {.key = "remember",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct effectiveness_spec, remember),
                .standard = "7d",
                .least = "1m",
                .most = "365d",
                .help = "After this time without an attempt the step is tried again. Only the last "
                        "32 attempts count in any case.",
                .example = "1d"},
        {0},
};

static const struct schema effectiveness_schema = {
        .name = "effectiveness",
        .help = "What becomes of steps that do not help. For each cause and step, attempts that "
                "probes judged are remembered; steps are known by what they do.",
        .size = sizeof(struct effectiveness_spec),
        .fields = effectiveness_fields,
};

/* ---- Command services --------------------------------------------------------------------------
 */

static const struct schema_field limits_fields[] = {
        {.key = "open_files",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct limits_spec, open_files),
                .least = "16",
                .help = "Open files (RLIMIT_NOFILE).",
                .example = "65536"},
        {.key = "processes",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct limits_spec, processes),
                .least = "1",
                .help = "Processes of the user (RLIMIT_NPROC).",
                .example = "512"},
        {.key = "core",
                .kind = SCHEMA_SIZE,
                .offset = offsetof(struct limits_spec, core),
                .help = "Size of a core dump (RLIMIT_CORE). Standard: none is written.",
                .example = "1GiB"},
        {.key = "memory",
                .kind = SCHEMA_SIZE,
                .offset = offsetof(struct limits_spec, memory),
                .least = "1MiB",
                .help = "Address space (RLIMIT_AS). Not for programs that reserve much more "
                        "than they use.",
                .example = "4GiB"},
        {0},
};

static const struct schema limits_schema = {
        .name = "limits",
        .help = "Resource limits of the process, see setrlimit(2). What is left out stays as "
                "the executor has it.",
        .size = sizeof(struct limits_spec),
        .fields = limits_fields,
};

static void check_log(const void *object, struct schema_report *report) {
        const struct log_spec *log = object;
        if (log->target == LOG_TARGET_FILE && !log->file) {
                schema_complain(report, "to", "'to: file' needs the key 'file'");
        }
        if (log->file && log->target != LOG_TARGET_FILE && log->target != LOG_TARGET_AUTO) {
                schema_complain(report, "file", "'file' is only for 'to: file'");
        }
}

static const struct schema_field log_fields[] = {
        {.key = "to",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct log_spec, target),
                .standard = "auto",
                .words = log_target_texts,
                .help = "Where standard output and error go. With `file`, the file.",
                .example = "journal"},
        {.key = "file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct log_spec, file),
                .help = "The log file.",
                .example = "/var/log/shop/checkout.log"},
        {.key = "max_size",
                .kind = SCHEMA_SIZE,
                .offset = offsetof(struct log_spec, max_size),
                .standard = "10MiB",
                .least = "4KiB",
                .most = "100GiB",
                .help = "The file is put aside when it grows beyond.",
                .example = "50MiB"},
        {.key = "keep",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct log_spec, keep),
                .standard = "3",
                .most = "100",
                .help = "How many older files stay beside it.",
                .example = "5"},
        {0},
};

static const struct schema log_schema = {
        .name = "log",
        .help = "What becomes of the output of the process. A bare word stands for `to`.",
        .size = sizeof(struct log_spec),
        .fields = log_fields,
        .shorthand = "to",
        .check = check_log,
};

/* ---- Probes ------------------------------------------------------------------------------------
 */

/* In a probe they are taken from the service; in a service they have the standards. */
#define PROBE_STANDARD_FIELDS(type, from_service, standard_of)                                      \
        {.key = "interval",                                                                         \
                .kind = SCHEMA_DURATION,                                                            \
                .offset = offsetof(type, interval),                                                 \
                .standard = standard_of("5s"),                                                      \
                .least = "10ms",                                                                    \
                .most = "1d",                                                                       \
                .inherited = from_service,                                                          \
                .help = "Time from the start of one run to the start of the next.",                 \
                .example = "2s"},                                                                   \
                {.key = "fast_interval",                                                            \
                        .kind = SCHEMA_DURATION,                                                    \
                        .offset = offsetof(type, fast_interval),                                    \
                        .standard = standard_of("1s"),                                              \
                        .least = "10ms",                                                            \
                        .most = "1d",                                                               \
                        .inherited = from_service,                                                  \
                        .help = "The same while there is doubt. The standard is never above "       \
                                "`interval`.",                                                      \
                        .example = "250ms"},                                                        \
                {.key = "down_interval",                                                            \
                        .kind = SCHEMA_DURATION,                                                    \
                        .offset = offsetof(type, down_interval),                                    \
                        .least = "10ms",                                                            \
                        .most = "1d",                                                               \
                        .inherited = from_service,                                                  \
                        .help = "The same while the service is known to be down. Standard: "        \
                                "`interval`.",                                                      \
                        .example = "10s"},                                                          \
                {.key = "timeout",                                                                  \
                        .kind = SCHEMA_DURATION,                                                    \
                        .offset = offsetof(type, timeout),                                          \
                        .standard = standard_of("2s"),                                              \
                        .least = "1ms",                                                             \
                        .most = "1h",                                                               \
                        .inherited = from_service,                                                  \
                        .help = "Longest time of one run. The standard is never above `interval`.", \
                        .example = "500ms"},                                                        \
                {.key = "fall",                                                                     \
                        .kind = SCHEMA_UINT,                                                        \
                        .offset = offsetof(type, fall),                                             \
                        .standard = standard_of("3"),                                               \
                        .least = "1",                                                               \
                        .most = "64",                                                               \
                        .inherited = from_service,                                                  \
                        .help = "Failures in a row that make the probe failed.",                    \
                        .example = "2"},                                                            \
        {                                                                                           \
                .key = "rise", .kind = SCHEMA_UINT, .offset = offsetof(type, rise),                 \
                .standard = standard_of("2"), .least = "1", .most = "64",                           \
                .inherited = from_service,                                                          \
                .help = "Passes in a row that make a failed probe healthy.", .example = "3"         \
        }

#define OWN_STANDARD(text) text
#define NO_STANDARD(text) NULL

static const struct schema_field probe_fields[] = {
        PROBE_STANDARD_FIELDS(struct probe_spec, true, NO_STANDARD),
        {.key = "role",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct probe_spec, role),
                .standard = "liveness",
                .words = probe_role_texts,
                .help = "What it means for the service when the probe fails.",
                .example = "readiness"},
        {0},
};

/* ---- Service -----------------------------------------------------------------------------------
 */

/* Patched into the table by policy_tables_init. */
static const struct schema no_probes = {.name = "probe", .size = sizeof(struct probe_spec)};

/* The standards of the probes come before the probes, which inherit them. */
static const struct schema_field service_fields[] = {
        {.key = "description",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct service_form, description),
                .help = "What it is, for people.",
                .example = "Checkout API"},
        {.key = "extends",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct service_form, extends),
                .help = "Templates to build on, the later over the earlier. Mappings merge key "
                        "by key, anything else "
                        "is replaced.",
                .example = "[]"},
        {.key = "depends_on",
                .kind = SCHEMA_MARKED,
                .offset = offsetof(struct service_form, depends_on),
                .words = dependency_texts,
                .help = "Services that must be well first. While one is down, this one is left "
                        "alone. A soft one, as in `{cache: soft}`, is only told of when this one "
                        "fails: it blocks nothing and delays nothing.",
                .example = "[]"},
        {.key = "reference",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct service_form, reference),
                .standard = "false",
                .help = "It is watched to tell whether the network is there: while no reference "
                        "answers, the agent suspects itself; while one does, services that fail "
                        "together are believed to be gone. For a gateway, a name server, a peer; "
                        "not for what has a manager.",
                .example = "false"},
        {.key = "command",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct service_form, command.command),
                .help = "Program and arguments, without a shell; it must stay in the "
                        "foreground. Of `command`, `unit` and `scripts` a service has at most one; "
                        "without any it is watched only.",
                .example = "[/usr/bin/checkout, --port, \"8080\"]"},
        {.key = "unit",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct service_form, unit.name),
                .help = "The unit of systemd that it is, with its suffix.",
                .example = "nginx.service",
                .parse = parse_unit,
                .hint = unit_name_hint,
                .pattern = PATTERN_UNIT,
                .single = true},
        {.key = "scripts",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct service_form, scripts),
                .object = &scripts_schema,
                .help = "Programs that start, stop and look at it, or an OCF resource agent.",
                .example = "{ocf: heartbeat:redis}"},
        {.key = "user",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct service_form, command.user),
                .help = "User of the process. Standard: the executor's own.",
                .example = "www-data"},
        {.key = "group",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct service_form, command.group),
                .help = "Group of the process. Standard: the user's.",
                .example = "www-data"},
        {.key = "directory",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct service_form, command.directory),
                .help = "Working directory. Standard: /.",
                .example = "/srv/checkout"},
        {.key = "environment",
                .kind = SCHEMA_PAIRS,
                .offset = offsetof(struct service_form, command.environment),
                .help = "Environment variables. The process gets these and PATH, HOME, USER, "
                        "LOGNAME, SHELL and LANG, "
                        "nothing else.",
                .example = "{PORT: \"8080\"}"},
        {.key = "umask",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct service_form, command.umask),
                .standard = "022",
                .help = "File mode bits that are taken away, in octal.",
                .example = "\"027\"",
                .parse = parse_umask,
                .pattern = PATTERN_UMASK,
                .single = true},
        {.key = "limits",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, command.limits),
                .object = &limits_schema,
                .help = "Resource limits of the process.",
                .example = "{open_files: 65536}"},
        {.key = "stop_signal",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct service_form, command.stop_signal),
                .standard = "TERM",
                .help = "Signal that asks the process to end.",
                .example = "QUIT",
                .parse = parse_signal,
                .pattern = PATTERN_SIGNAL,
                .single = true},
        {.key = "stop_timeout",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, command.stop_timeout),
                .standard = "10s",
                .most = "1h",
                .help = "What is left of it after this time is killed.",
                .example = "30s"},
        {.key = "reload_signal",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct service_form, command.reload_signal),
                .standard = "HUP",
                .help = "Signal that makes the process read its configuration again, for `reload` "
                        "steps. HUP ends a program that does not know it.",
                .example = "USR2",
                .parse = parse_signal,
                .pattern = PATTERN_SIGNAL,
                .single = true},
        {.key = "log",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, command.log),
                .object = &log_schema,
                .help = "Where its output goes.",
                .example = "{file: /var/log/shop/checkout.log, max_size: 50MiB, keep: 5}"},
        PROBE_STANDARD_FIELDS(struct service_form, false, OWN_STANDARD),
        {.key = "start_grace",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, start_grace),
                .standard = "10s",
                .most = "1d",
                .help = "Failures are expected this long after a start and do not count. The "
                        "standard is shortened "
                        "where `verify` leaves less.",
                .example = "30s"},
        {.key = "settle",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, settle),
                .standard = "5s",
                .most = "1d",
                .help = "Time to recover by itself once a dependency is back.",
                .example = "15s"},
        {.key = "verify",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, verify),
                .standard = "30s",
                .least = "100ms",
                .most = "1d",
                .help = "How long the probes have, after an action, to prove the service well.",
                .example = "1m"},
        {.key = "min_uptime",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, min_uptime),
                .standard = "0s",
                .most = "1d",
                .help = "A service that fails again sooner after a start did not recover: the attempt "
                        "counts as failed, the incident stays open and the ladder goes on. So a "
                        "recovery is proven only after this time.",
                .example = "30s"},
        {.key = "mode",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct service_form, mode),
                .standard = "act",
                .words = mode_texts,
                .help = "With `observe` it is watched and decided on, and what would be done is said, "
                        "but nothing is done unless a person asks for it.",
                .example = "observe"},
        {.key = "require",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct service_form, require),
                .standard = "all",
                .help = "How many of the liveness probes must be healthy: `all`, `any` or a number. "
                        "What its manager says must be well on top: that the process of a "
                        "`command` lives. All readiness probes have to be healthy; warnings "
                        "never count.",
                .example = "any",
                .parse = parse_require,
                .pattern = PATTERN_REQUIRE,
                .single = true},
        {.key = "probes",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct service_form, probes),
                .object = &no_probes,
                .help = "The health checks by name. A `command` is always watched by a process "
                        "probe, too, a `unit` by a unit probe, `scripts` by a status probe.",
                .example = "{}"},
        {.key = "recover",
                .kind = SCHEMA_OBJECTS,
                .offset = offsetof(struct service_form, recover),
                .object = &step_schema,
                .help = "The recovery ladder, tried from the top. Standard: `- restart: "
                        "{attempts: 5}`, or nothing for a service that is only watched.",
                .example = "[notify: {message: the shop is down}]"},
        {.key = "backoff",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, backoff),
                .object = &backoff_schema,
                .help = "How long to wait before each attempt.",
                .example = "{initial: 500ms, factor: 3, max: 10m}"},
        {.key = "deploy_lock",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct service_form, deploy_lock),
                .help = "While this file exists a deployment is under way and nothing is done to the "
                        "service. Whatever deploys makes it first and removes it last.",
                .example = "/run/deploy/checkout.lock"},
        {.key = "deploy_lock_max",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct service_form, deploy_lock_max),
                .standard = "1h",
                .least = "1s",
                .most = "30d",
                .help = "A deploy lock that was seen for longer was forgotten, and holds no more.",
                .example = "20m"},
        {.key = "traffic",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct service_form, traffic),
                .object = &traffic_schema,
                .help = "Who sends it its requests: that one is told to stop before an action interrupts "
                        "the service, and to go on when the probes have proven it well.",
                .example = "{haproxy: {socket: /run/haproxy/admin.sock, server: shop/web1}}"},
        {.key = "checkpoint",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct service_form, checkpoint),
                .object = &checkpoint_schema,
                .help = "The files that make it what it is: what changed in them is told when it fails, and "
                        "`rollback` goes back to the last that it was well with.",
                .example = "{paths: [/etc/checkout]}"},
        {.key = "flapping",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, flapping),
                .object = &flapping_schema,
                .help = "When it counts as flapping, and whether it is held then.",
                .example = "{high: 30%, low: 20%}"},
        {.key = "remind",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, remind),
                .object = &remind_schema,
                .help = "Reminders of a service that was given up.",
                .example = "{after: 30m, factor: 1}"},
        {.key = "budget",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, budget),
                .object = &service_budget_schema,
                .help = "How many actions the service may cost.",
                .example = "{actions: 5, per: 30m}"},
        {.key = "effectiveness",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct service_form, effectiveness),
                .object = &effectiveness_schema,
                .help = "What becomes of steps that do not help.",
                .example = "{skip: false}"},
        {.key = "member_of",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct service_form, member_of),
                .help = "The group of `groups` that it is a member of. Its actions count against the budget of "
                        "the group, too.",
                .example = "shop"},
        {0},
};

void policy_tables_init(struct policy_tables *tables, const struct schema_variant *probes) {
        static_assert(ELEMENTSOF(service_fields) <= SERVICE_FIELDS_MAX,
                "SERVICE_FIELDS_MAX is too small");

        tables->probe = (struct schema){
                .name = "probe",
                .help = "One health check.",
                .size = sizeof(struct probe_spec),
                .fields = probe_fields,
                .variants = probes,
                .tag_offset = offsetof(struct probe_spec, type),
                .variant_offset = offsetof(struct probe_spec, params),
        };
        memcpy(tables->service_fields, service_fields, sizeof(service_fields));
        for (struct schema_field *field = tables->service_fields; field->key; field++) {
                if (field->object == &no_probes) {
                        field->object = &tables->probe;
                }
        }
        tables->service = (struct schema){
                .name = "service",
                .help = "What is kept alive.",
                .size = sizeof(struct service_form),
                .fields = tables->service_fields,
        };
}
