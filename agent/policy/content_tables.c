/* The keys that say what a service consists of, and how it gets back to what was good. */

#include <string.h>

#include "base/str.h"
#include "policy/policy_tables.h"

static void check_source(const void *object, struct schema_report *report) {
        const struct value_source *source = object;
        if ((source->command.count > 0) == (source->file != NULL)) {
                schema_complain(report, source->file ? "file" : NULL,
                        "one of 'command' and 'file' has to say where the value comes from");
        }
}

static const struct schema_field source_fields[] = {
        {.key = "command",
                .kind = SCHEMA_COMMAND,
                .offset = offsetof(struct value_source, command),
                .help = "Program and arguments, without a shell; the first line of its output is the "
                        "value. It runs for 10s at most.",
                .example = "[/usr/local/bin/schema-version]"},
        {.key = "file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct value_source, file),
                .help = "A file whose first line is the value.",
                .example = "/srv/checkout/current/SCHEMA_VERSION"},
        {0},
};

const struct schema value_source_schema = {
        .name = "value source",
        .help = "Where a value comes from: a file, or the output of a program. A bare text is the file.",
        .size = sizeof(struct value_source),
        .fields = source_fields,
        .shorthand = "file",
        .check = check_source,
};

static void check_release(const void *object, struct schema_report *report) {
        const struct release_spec *release = object;
        size_t length = release->link ? strlen(release->link) : 0;
        if (release->link && release->releases && str_eq(release->link, release->releases)) {
                schema_complain(report, "releases", "'releases' is the link itself");
        } else if (length > 0 && release->link[length - 1] == '/') {
                schema_complain(report, "link", "'link' ends with a slash, which names its target");
        }
}

static const struct schema_field release_fields[] = {
        {.key = "link",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct release_spec, link),
                .help = "The symbolic link that names the present release. It is exchanged by a "
                        "rename, so that it always names one of them.",
                .example = "/srv/checkout/current",
                .required = true},
        {.key = "releases",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct release_spec, releases),
                .help = "The folder in which the releases lie. A link that leads elsewhere is never "
                        "exchanged.",
                .example = "/srv/checkout/releases",
                .required = true},
        {0},
};

const struct schema release_schema = {
        .name = "release",
        .help = "A symbolic link to one of several directories.",
        .size = sizeof(struct release_spec),
        .fields = release_fields,
        .check = check_release,
};

static void check_checkpoint(const void *object, struct schema_report *report) {
        const struct checkpoint_spec *checkpoint = object;
        if (checkpoint->every > 0 && checkpoint->every < checkpoint->good_after) {
                schema_complain(report, "every",
                        "'every' is shorter than 'good_after': each checkpoint would be replaced "
                        "before it can earn trust");
        }
}

static const struct schema_field checkpoint_fields[] = {
        {.key = "paths",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct checkpoint_spec, paths),
                .help = "Files, directories and symbolic links that make the service what it is: its "
                        "configuration, its program. Never its data: a rollback would take that back, too.",
                .example = "[/etc/checkout, /srv/checkout/current]",
                .required = true},
        {.key = "exclude",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct checkpoint_spec, exclude),
                .help = "Patterns of what is left out: with a slash they are compared with whole "
                        "paths, without one with the names of files and directories.",
                .example = "[\"*.pid\", /etc/checkout/cache]"},
        {.key = "good_after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct checkpoint_spec, good_after),
                .standard = "10m",
                .least = "1s",
                .most = "30d",
                .help = "A checkpoint becomes a recovery point once the service was healthy for so "
                        "long on exactly that content.",
                .example = "30m"},
        {.key = "keep",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct checkpoint_spec, keep),
                .standard = "5",
                .least = "1",
                .most = "100",
                .help = "How many recovery points are kept.",
                .example = "3"},
        {.key = "max_size",
                .kind = SCHEMA_SIZE,
                .offset = offsetof(struct checkpoint_spec, max_size),
                .standard = "1GiB",
                .least = "4KiB",
                .help = "What is larger is not stored, and said to be too large.",
                .example = "200MiB"},
        {.key = "one_file_system",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct checkpoint_spec, one_file_system),
                .standard = "true",
                .help = "Does not go into what is mounted below its paths.",
                .example = "false"},
        {.key = "every",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct checkpoint_spec, every),
                .least = "1m",
                .most = "30d",
                .help = "Looks at the paths so often, besides every start and every failure. Without the key: "
                        "four times within `good_after`, at most every 5m.",
                .example = "1h"},
        {.key = "blame_window",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct checkpoint_spec, blame_window),
                .standard = "30m",
                .most = "7d",
                .help = "A failure within so long after a change is blamed on the change: its cause is "
                        "`changed`, and a rollback comes before a restart.",
                .example = "2h"},
        {.key = "replicate",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct checkpoint_spec, replicate),
                .help = "A folder, on another disk or mount, that gets copies of the recovery points.",
                .example = "/mnt/backup/recoverd"},
        {0},
};

const struct schema checkpoint_schema = {
        .name = "checkpoint",
        .help = "The files that make a service what it is, of which checkpoints are taken.",
        .size = sizeof(struct checkpoint_spec),
        .fields = checkpoint_fields,
        .shorthand = "paths",
        .check = check_checkpoint,
};
