/* The keys of `scripts`. */

#include <string.h>

#include "base/cleanup.h"
#include "policy/custom_values.h"
#include "policy/policy_tables.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static void check_programs(const struct scripts_spec *scripts, struct schema_report *report) {
        const struct {
                const char *key;
                const struct strings *command;
                bool required;
        } rows[] = {
                {"start", &scripts->start, true},
                {"stop", &scripts->stop, true},
                {"status", &scripts->status, true},
                {"reload", &scripts->reload, false},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                bool given = rows[i].command->count > 0;
                if (scripts->ocf && given) {
                        schema_complain(report, rows[i].key,
                                "'%s' and 'ocf' exclude each other: the resource agent does it",
                                rows[i].key);
                } else if (!scripts->ocf && !given && rows[i].required) {
                        schema_complain(report, NULL,
                                "scripts: the key '%s' is missing: it takes start, stop and "
                                "status, or 'ocf'",
                                rows[i].key);
                }
        }
}

/* They become names of environment variables, OCF_RESKEY_NAME. */
static void check_parameters(const struct scripts_spec *scripts, struct schema_report *report) {
        if (scripts->parameters.count > 0 && !scripts->ocf) {
                schema_complain(
                        report, "parameters", "'parameters' is only for a resource agent, 'ocf'");
        }
        for (uint32_t i = 0; i < scripts->parameters.count; i++) {
                const char *name = scripts->parameters.items[i].key;
                if (!*name || strlen(name) > OCF_PARAMETER_NAME_MAX ||
                        name[strspn(name, NAME_CHARACTERS)] != '\0') {
                        schema_complain(report, "parameters",
                                "'%.64s' cannot be the name of a parameter: letters, digits and "
                                "_ only",
                                name);
                }
        }
}

static void check_scripts(const void *object, struct schema_report *report) {
        check_programs(object, report);
        check_parameters(object, report);
}

static const struct schema_field scripts_fields[] = {
        {.key = "start",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct scripts_spec, start),
                .help = "Starts it and ends, without a shell. Exit status 0 means that it worked.",
                .example = "[/etc/init.d/checkout, start]"},
        {.key = "stop",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct scripts_spec, stop),
                .help = "Stops it and ends.",
                .example = "[/etc/init.d/checkout, stop]"},
        {.key = "status",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct scripts_spec, status),
                .help = "Tells by its exit status how it is: 0 running, 1 dead with a pid file "
                        "left, 2 dead with a lock file left, 3 not running, 4 unknown.",
                .example = "[/etc/init.d/checkout, status]"},
        {.key = "reload",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct scripts_spec, reload),
                .help = "Makes it read its configuration again, for `reload` steps.",
                .example = "[/etc/init.d/checkout, reload]"},
        {.key = "ocf",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct scripts_spec, ocf),
                .help = "Provider and type of an OCF resource agent below "
                        "/usr/lib/ocf/resource.d, in place of the programs.",
                .example = "heartbeat:redis",
                .parse = parse_ocf,
                .hint = hint_ocf,
                .pattern = PATTERN_OCF,
                .single = true},
        {.key = "parameters",
                .kind = SCHEMA_PAIRS,
                .offset = offsetof(struct scripts_spec, parameters),
                .help = "Parameters of the resource agent, as `crm ra info` lists them.",
                .example = "{bin: /usr/bin/redis-server}"},
        {.key = "user",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct scripts_spec, user),
                .help = "User that runs the programs. Standard: the executor's own.",
                .example = "www-data"},
        {.key = "directory",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct scripts_spec, directory),
                .help = "Working directory. Standard: /.",
                .example = "/srv/checkout"},
        {.key = "environment",
                .kind = SCHEMA_PAIRS,
                .offset = offsetof(struct scripts_spec, environment),
                .help = "Environment variables, besides PATH, HOME, USER, LOGNAME, SHELL and "
                        "LANG.",
                .example = "{PORT: \"8080\"}"},
        {0},
};

const struct schema scripts_schema = {
        .name = "scripts",
        .help = "Programs that start, stop and look at a service, with the exit statuses of Linux "
                "Standard Base init scripts; or an OCF resource agent, as Pacemaker runs them.",
        .size = sizeof(struct scripts_spec),
        .fields = scripts_fields,
        .check = check_scripts,
};
