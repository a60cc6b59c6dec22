/* The keys of the steps of a recovery ladder. */

#include "model/observation.h"
#include "policy/custom_values.h"
#include "policy/policy_tables.h"
#include "policy/step_fields.h"

/* A rollback of files needs a `checkpoint` of the service, which no example of a step has. */
#define ROLLBACK_EXAMPLE "release: {link: /srv/checkout/current, releases: /srv/checkout/releases}"

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

static void check_rollback(const void *object, struct schema_report *report) {
        const struct rollback_spec *rollback = &((const struct step_spec *) object)->rollback;
        bool release = rollback->release, package = rollback->package.count > 0;
        bool exec = rollback->exec.count > 0;
        if (release + package + exec > 1) {
                schema_complain(report, exec ? "exec" : "package",
                        "'release', 'package' and 'exec' exclude each other");
        }
        if (exec != (rollback->version != NULL)) {
                schema_complain(report, exec ? "exec" : "version",
                        exec ? "'exec' needs a 'version', which says what is there at present"
                             : "'version' goes with 'exec': the other kinds know what is there");
        }
}

static const struct schema_field rollback_step_fields[] = {
        {.key = "to",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct step_spec, rollback.to),
                .standard = "last-good",
                .words = rollback_target_texts,
                .help = "Where to.",
                .example = "last-good",
                .with = ROLLBACK_EXAMPLE},
        {.key = "release",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct step_spec, rollback.release),
                .object = &release_schema,
                .help = "Exchanges a symbolic link to a release. Without `release`, `package` and "
                        "`exec`: the files of the service's `checkpoint`.",
                .example = "{link: /srv/checkout/current, releases: /srv/checkout/releases}"},
        {.key = "package",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct step_spec, rollback.package),
                .help = "Installs the versions of these packages that were there when the service "
                        "was well, with apt-get or dnf. Only packages that were at another version are "
                        "touched, and none is installed or removed besides.",
                .example = "[nginx, nginx-common]"},
        {.key = "exec",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct step_spec, rollback.exec),
                .help = "Program and arguments that go back; RECOVERD_FROM and RECOVERD_TO in its "
                        "environment name the versions. It is called the other way round for an undo.",
                .example = "[/usr/local/bin/deploy, --exactly]",
                .with = "version: /srv/checkout/VERSION"},
        {.key = "version",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct step_spec, rollback.version),
                .object = &value_source_schema,
                .help = "Says which version is there at present, for `exec`.",
                .example = "{command: [/usr/local/bin/deployed-version]}",
                .with = "exec: [/usr/local/bin/deploy, --exactly]"},
        {.key = "schema_guard",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct step_spec, rollback.schema_guard),
                .object = &value_source_schema,
                .help = "A value that has to be the same now as it was when the good version earned trust, "
                        "such as the version of a database schema: no rollback across a migration.",
                .example = "{file: /var/lib/checkout/schema-version}",
                .with = ROLLBACK_EXAMPLE},
        {.key = "approve",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct step_spec, rollback.approve),
                .standard = "auto",
                .words = approve_texts,
                .help = "Whether a person has to say yes.",
                .example = "manual",
                .with = ROLLBACK_EXAMPLE},
        {.key = "stop",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct step_spec, rollback.stop),
                .standard = "false",
                .help = "Stops the service before anything is exchanged, not after it.",
                .example = "true",
                .with = ROLLBACK_EXAMPLE},
        {.key = "good_after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct step_spec, rollback.good_after),
                .least = "1s",
                .most = "30d",
                .help = "A version earns trust once the service was healthy on it for so long. Standard: "
                        "that of `checkpoint`, else 10m.",
                .example = "30m",
                .with = ROLLBACK_EXAMPLE},
        {.key = "blame_window",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct step_spec, rollback.blame_window),
                .least = "1s",
                .most = "7d",
                .help = "A failure within so long after a change is blamed on the change, and a "
                        "rollback comes before a restart. Standard: that of `checkpoint`, else 30m.",
                .example = "2h",
                .with = ROLLBACK_EXAMPLE},
        STEP_FIELDS("1"),
        {0},
};

static const struct schema_field failover_step_fields[] = {
        {.key = "for",
                .kind = SCHEMA_ENUM_SET,
                .offset = offsetof(struct step_spec, causes),
                .words = cause_texts + 1, /* without "none" */
                .help = "Causes for which it is asked; for others the step is passed over. Without the "
                        "key: all.",
                .example = "[exited.oom, unresponsive]"},
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

static const struct schema failover_schema = STEP_SCHEMA(failover_step_fields, "failover step",
        "Has another member of the group become the active one, if one could; otherwise the ladder goes "
        "on. Without the step that is done when the ladder is spent.");

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

static const struct schema rollback_schema = {
        .name = "rollback step",
        .help = "Goes back to what the service was well with, restarts it, and takes that back when "
                "its probes do not prove it well. Passed over while nothing has changed, and done "
                "once for each change.",
        .size = sizeof(struct step_spec),
        .fields = rollback_step_fields,
        .check = check_rollback,
};

const struct schema_variant step_variants[] = {
        {"restart", ACTION_RESTART, &restart_schema, "Stop, prove that it is gone, start."},
        {"start", ACTION_START, &start_schema, "Start what is not running."},
        {"stop", ACTION_STOP, &stop_schema, "Stop, and prove that it is gone."},
        {"reload", ACTION_RELOAD, &reload_schema, "Read the configuration again."},
        {"signal", ACTION_SIGNAL, &signal_schema, "Send a signal."},
        {"exec", ACTION_EXEC, &exec_schema, "Run a program."},
        {"haproxy", ACTION_HAPROXY, &haproxy_step_schema, "Tell HAProxy how much traffic it gets."},
        {"rollback", ACTION_ROLLBACK, &rollback_schema, "Go back to what was good."},
        {"failover", ACTION_FAILOVER, &failover_schema,
                "Have another member of the group take over."},
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
