/* The file probe: whether a file is there, of which kind, owner, size and age, unchanged, and what
 * was added to it. All of it happens in a worker thread. */

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "probes/file_probe.h"
#include "probes/types.h"

/* ---- options ---- */

const struct enum_text file_type_texts[] = {
        {FILE_TYPE_FILE, "file", "A regular file."},
        {FILE_TYPE_DIRECTORY, "directory", "A directory."},
        {FILE_TYPE_SYMLINK, "symlink", "A symbolic link itself, wherever it leads."},
        {FILE_TYPE_SOCKET, "socket", "A unix socket."},
        {FILE_TYPE_FIFO, "fifo", "A named pipe."},
        {FILE_TYPE_BLOCK, "block-device", "A block device."},
        {FILE_TYPE_CHARACTER, "character-device", "A character device."},
        {0},
};

static int refuse(char why[SCHEMA_WHY_MAX], const char *reason) {
        snprintf(why, SCHEMA_WHY_MAX, "%s", reason);
        return -EINVAL;
}

static int parse_mode(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        struct file_mode *mode = to;
        size_t digits = strspn(text, "01234567");
        (void) arena;
        if (text[digits] != '\0' || digits < 3 || digits > 4) {
                return refuse(why, "expected a mode of three or four octal digits such as 0640");
        }
        *mode = (struct file_mode){true, (mode_t) strtoul(text, NULL, 8)};
        return 0;
}

static int parse_digest(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        struct file_digest digest = {.given = true};
        (void) arena;
        if (strspn(text, "0123456789abcdefABCDEF") != strlen(text) ||
                strlen(text) != sizeof(digest.bytes) * 2) {
                return refuse(why, "expected 64 hexadecimal digits, as sha256sum prints them");
        }
        for (size_t i = 0; i < sizeof(digest.bytes); i++) {
                const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};
                digest.bytes[i] = (uint8_t) strtoul(pair, NULL, 16);
        }
        *(struct file_digest *) to = digest;
        return 0;
}

static bool has_wildcard(const char *text, size_t length) {
        return memchr(text, '*', length) || memchr(text, '?', length);
}

static void check_pattern_path(const struct file_params *p, struct schema_report *report) {
        const char *slash = p->path ? strrchr(p->path, '/') : NULL;
        if (!slash) {
                return; /* already complained of */
        }
        if (p->newest && has_wildcard(p->path, (size_t) (slash - p->path))) {
                schema_complain(report, "path", "a pattern may stand behind the last slash only");
        }
        if (!p->newest && has_wildcard(slash, strlen(slash))) {
                schema_complain(report, "path", "a pattern needs newest: true");
        }
        if (p->newest && file_follows_lines(p)) {
                schema_complain(report, "newest", "lines can be followed in one file only");
        }
        if (p->newest && p->sha256.given) {
                schema_complain(report, "newest", "a checksum is that of one file");
        }
}

/* Each asks for something of a file, so there has to be one. */
static bool expects_more(const struct file_params *p) {
        return p->optional || p->type != FILE_TYPE_ANY || p->max_age > 0 ||
               p->min_size.unit != AMOUNT_UNSET || p->max_size.unit != AMOUNT_UNSET || p->owner ||
               p->group || p->mode.given || p->sha256.given || file_follows_lines(p);
}

static void check_lines(const struct file_params *p, struct schema_report *report) {
        line_match_check(&p->lines, report);
        if (p->lines.ignore && !file_follows_lines(p)) {
                schema_complain(report, "ignore", "ignore needs contains or matches");
        }
        if (p->max_matches > 0 && !file_follows_lines(p)) {
                schema_complain(report, "max_matches", "max_matches needs contains or matches");
        }
}

static void check_file(const void *object, struct schema_report *report) {
        const struct file_params *p = object;
        bool reads = p->sha256.given || file_follows_lines(p);
        check_pattern_path(p, report);
        check_lines(p, report);
        if (!p->exists && expects_more(p)) {
                schema_complain(report, "exists",
                        "nothing else can be expected of a file that is not there");
        }
        if (reads && p->type != FILE_TYPE_ANY && p->type != FILE_TYPE_FILE) {
                schema_complain(report, "type", "only a regular file is read");
        }
        if (p->min_size.unit != AMOUNT_UNSET && p->max_size.unit != AMOUNT_UNSET &&
                p->min_size.value > p->max_size.value) {
                schema_complain(report, "min_size", "min_size is above max_size");
        }
}

#define AT(member) offsetof(struct file_params, member)

static const struct schema_field file_fields[] = {
        {"path", SCHEMA_PATH, AT(path), .required = true, .example = "/var/log/checkout/error.log",
                .help = "The file. With newest, its last part is a pattern with * ? and [...]."},
        {"newest", SCHEMA_BOOL, AT(newest), .standard = "false", .example = "false",
                .help = "The newest of the files whose names match the path is looked at."},
        {"exists", SCHEMA_BOOL, AT(exists), .standard = "true", .example = "true",
                .help = "Whether there has to be such a file; with false, it fails when there is one."},
        {"optional", SCHEMA_BOOL, AT(optional), .standard = "false", .example = "true",
                .help = "Passes when there is no such file; the other keys count when there is one."},
        {"type", SCHEMA_ENUM, AT(type), .words = file_type_texts, .example = "file",
                .help = "What it has to be. Symbolic links are followed unless a symlink is wanted."},
        {"max_age", SCHEMA_DURATION, AT(max_age), .least = "1s", .example = "26h",
                .help = "Fails when it was last modified longer ago."},
        {"min_size", SCHEMA_AMOUNT, AT(min_size), .units = SCHEMA_UNITS_SIZE, .example = "1KiB",
                .help = "Fails when it is smaller."},
        {"max_size", SCHEMA_AMOUNT, AT(max_size), .units = SCHEMA_UNITS_SIZE, .example = "2GiB",
                .help = "Fails when it is larger; 0B: it has to be empty."},
        {"owner", SCHEMA_STRING, AT(owner), .example = "root",
                .help = "The user it has to belong to, by name or number."},
        {"group", SCHEMA_STRING, AT(group), .example = "adm",
                .help = "The group it has to belong to, by name or number."},
        {"mode", SCHEMA_CUSTOM, AT(mode), .parse = parse_mode, .single = true,
                .pattern = "^[0-7]{3,4}$", .example = "'0640'",
                .help = "The permissions it has to have, exactly, in octal digits."},
        {"sha256", SCHEMA_CUSTOM, AT(sha256), .parse = parse_digest, .single = true,
                .pattern = "^[0-9A-Fa-f]{64}$",
                .example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                .help = "The checksum it has to have, as sha256sum(1) prints it; of at most 256MiB."},
        {"contains", SCHEMA_STRING, AT(lines.contains), .example = "out of memory",
                .help = "Lines that are added to the file count when they contain this text."},
        {"matches", SCHEMA_STRING, AT(lines.matches), .example = "' (ERROR|FATAL) '",
                .help = "Lines that are added count when they match this POSIX extended regular "
                        "expression; with contains, both."},
        {"ignore", SCHEMA_STRING, AT(lines.ignore), .example = "'connection reset by peer'",
                .with = "contains: ERROR",
                .help = "Lines that match this expression do not count."},
        {"max_matches", SCHEMA_UINT, AT(max_matches), .standard = "0", .most = "1000000",
                .example = "5", .with = "contains: ERROR",
                .help = "Fails when more lines counted within the window."},
        {"window", SCHEMA_DURATION, AT(window), .standard = "5m", .least = "1s", .most = "7d",
                .example = "5m", .help = "How long a line counts after it was read."},
        {NULL},
};

const struct schema file_schema = {
        .name = "file probe",
        .help = "Watches a file: whether it is there, its kind, owner, mode, size, age and checksum, and "
                "lines that are added to it, through rotation and truncation.",
        .size = sizeof(struct file_params),
        .fields = file_fields,
        .shorthand = "path",
        .check = check_file,
};

/* ---- a run ---- */

static const struct offload_run_kind kind = {
        .measure = file_measure,
        .release = file_job_free,
        .judge = file_judge,
        .no_thread = "no thread was free to look at the file: other disks hang",
};

static void file_start(struct probe_run *run) {
        const struct file_params *params = run->spec->params;
        struct file_state *state = run->state;
        state->forgive |= same_process_replaced(&state->process, &run->target);
        offload_run_start(&state->work, run, &kind, file_job_new(params, state), params->path);
}

static void file_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct file_state *state = run->state;
        offload_run_stop(&state->work, detail);
}

static void file_release(void *memory) {
        struct file_state *state = memory;
        offload_run_release(&state->work);
}

/* Logs, keys and backups are seldom open to an agent of its own user. */
static bool file_privileged(const void *params) {
        (void) params;
        return true;
}

static uint32_t file_causes(const void *object) {
        const struct file_params *params = object;
        return CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
               (params->max_size.unit != AMOUNT_UNSET ? CAUSE_BIT(CAUSE_RESOURCE) : 0);
}

const struct probe_type file_probe = {
        .name = "file",
        .help = "Watches a file and what is added to it.",
        .value_unit = "seconds",
        .schema = &file_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_WRONG_ANSWER) | CAUSE_BIT(CAUSE_UNRESPONSIVE) |
                             CAUSE_BIT(CAUSE_RESOURCE),
                .causes_of = file_causes},
        .state_size = sizeof(struct file_state),
        .privileged = file_privileged,
        .start = file_start,
        .stop = file_stop,
        .detach = file_release, /* the rest are plain values */
        .release = file_release,
};
