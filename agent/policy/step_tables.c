/* The keys of the steps of a recovery ladder. */

#include "model/observation.h"
#include "policy/custom_values.h"
#include "policy/policy_tables.h"

#define STEP_FIELDS(standard_attempts)                                                             \
        {.key = "attempts",                                                                        \
                .kind = SCHEMA_UINT,                                                               \
                .offset = offsetof(struct step_spec, attempts),                                    \
                .standard = standard_attempts,                                                     \
                .least = "1",                                                                      \
                .most = "1000",                                                                    \
                .help = "How often the step is tried before the next one.",                        \
                .example = "5"},                                                                   \
                {.key = "for",                                                                     \
                        .kind = SCHEMA_ENUM_SET,                                                   \
                        .offset = offsetof(struct step_spec, causes),                              \
                        .words = cause_texts + 1, /* without "none" */                             \
                        .help = "Causes that the step can cure; for others it is passed over. "    \
                                "Without the key: all; for reload and signal, which need a "       \
                                "running service, all but exited.",                                \
                        .example = "[exited, unresponsive]"},                                      \
                {.key = "timeout",                                                                 \
                        .kind = SCHEMA_DURATION,                                                   \
                        .offset = offsetof(struct step_spec, timeout),                             \
                        .least = "100ms",                                                          \
                        .most = "1h",                                                              \
                        .help = "Longest time for the action itself. Standard: `stop_timeout` "    \
                                "and a margin for restart, start and stop of a `command`, "        \
                                "otherwise 1m.",                                                   \
                        .example = "20s"},                                                         \
                {.key = "verify",                                                                  \
                        .kind = SCHEMA_DURATION,                                                   \
                        .offset = offsetof(struct step_spec, verify),                              \
                        .least = "100ms",                                                          \
                        .most = "1d",                                                              \
                        .inherited = true,                                                         \
                        .help = "How long the probes have, after the action, to prove the "        \
                                "service well.",                                                   \
                        .example = "1m"},                                                          \
        {                                                                                          \
                .key = "backoff", .kind = SCHEMA_OBJECT_PTR,                                       \
                .offset = offsetof(struct step_spec, backoff), .object = &backoff_schema,          \
                .help = "Waits of this step alone; what is left out has the standard, not the "    \
                        "service's "                                                               \
                        "value. Without the key: the service's `backoff`.",                        \
                .example = "{delays: [0s, 10s]}"                                                   \
        }

static const struct schema_field plain_step_fields[] = {
        STEP_FIELDS("3"),
        {0},
};

/* What did not help the first time hardly helps the second. */
static const struct schema_field reload_step_fields[] = {
        STEP_FIELDS("1"),
        {0},
};

static const struct schema_field signal_step_fields[] = {
        {.key = "signal",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct step_spec, signal.number),
                .help = "The signal.",
                .example = "USR1",
                .parse = parse_signal,
                .pattern = PATTERN_SIGNAL,
                .single = true,
                .required = true},
        {.key = "to",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct step_spec, signal.to),
                .standard = "main",
                .words = signal_target_texts,
                .help = "Who gets it.",
                .example = "all"},
        STEP_FIELDS("1"),
        {0},
};

static const struct schema_field exec_step_fields[] = {
        {.key = "command",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct step_spec, exec.command),
                .help = "Program and arguments, without a shell. Its exit status 0 means that "
                        "it worked.",
                .example = "[/usr/local/bin/clear-cache, --all]",
                .required = true},
        {.key = "user",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct step_spec, exec.user),
                .help = "User that runs it. Standard: the service's, otherwise the executor's own.",
                .example = "www-data"},
        STEP_FIELDS("3"),
        {0},
};

static const struct schema_field notify_step_fields[] = {
        {.key = "message",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct step_spec, message),
                .help = "What to tell besides the evidence.",
                .example = "call the shop team"},
        STEP_FIELDS("1"),
        {0},
};

#define STEP_SCHEMA(table, title, sentence)                                                        \
        { .name = title, .help = sentence, .size = sizeof(struct step_spec), .fields = table, }

static const struct schema restart_schema = STEP_SCHEMA(plain_step_fields, "restart step",
        "Stops the service, proves that it is gone, and starts it.");
static const struct schema start_schema =
        STEP_SCHEMA(plain_step_fields, "start step", "Starts the service where it is not running.");
static const struct schema stop_schema = STEP_SCHEMA(
        plain_step_fields, "stop step", "Stops the service and proves that it is gone.");
static const struct schema exec_schema =
        STEP_SCHEMA(exec_step_fields, "exec step", "Runs a program that may cure the service.");
static const struct schema notify_schema =
        STEP_SCHEMA(notify_step_fields, "notify step", "Tells people, and changes nothing.");

static const struct schema reload_schema = STEP_SCHEMA(reload_step_fields, "reload step",
        "Makes the running service read its configuration again: `reload_signal` for a command, "
        "the reload of a unit, of scripts or of a resource agent.");
static const struct schema signal_schema = {
        .name = "signal step",
        .help = "Sends a signal to the running service, a command or a unit. A bare word, as in "
                "`- signal: HUP`, goes to the main process.",
        .size = sizeof(struct step_spec),
        .fields = signal_step_fields,
        .shorthand = "signal",
};

const struct schema_variant step_variants[] = {
        {"restart", ACTION_RESTART, &restart_schema, "Stop, prove that it is gone, start."},
        {"start", ACTION_START, &start_schema, "Start what is not running."},
        {"stop", ACTION_STOP, &stop_schema, "Stop, and prove that it is gone."},
        {"reload", ACTION_RELOAD, &reload_schema, "Read the configuration again."},
        {"signal", ACTION_SIGNAL, &signal_schema, "Send a signal."},
        {"exec", ACTION_EXEC, &exec_schema, "Run a program."},
        {"notify", ACTION_NOTIFY, &notify_schema, "Tell people."},
        {0},
};

const struct schema step_schema = {
        .name = "recover step",
        .help = "One rung of the recovery ladder. A bare word, as in `- restart`, takes the "
                "standards.",
        .size = sizeof(struct step_form),
        .variants = step_variants,
        .tag_offset = offsetof(struct step_form, action),
        .variant_offset = offsetof(struct step_form, body),
};
