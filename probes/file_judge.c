/* What the file probe makes of what was found. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "probes/file_probe.h"
#include "probes/path_error.h"

enum { NAME_SHOWN = 96 };

/* One judgement; `name` is the file for a person: its path, or the newest that matched. */
struct judging {
        const struct probe_run *run;
        const struct file_params *params;
        const struct file_job *job;
        struct file_state *state;
        struct probe_result *result;
        const char *name;
};

static void fail(const struct judging *j, enum cause cause, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void fail(const struct judging *j, enum cause cause, const char *format, ...) {
        char text[2 * OBSERVATION_DETAIL_MAX];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        probe_conclude(j->result, OUTCOME_FAIL, cause, "%.96s: %s", j->name, text);
}

static usec_t age_of(const struct judging *j) {
        const struct timespec *modified = &j->job->st.st_mtim;
        wall_usec_t at = modified->tv_sec < 0 ? 0
                                              : (wall_usec_t) modified->tv_sec * USEC_PER_SEC +
                                                        (wall_usec_t) modified->tv_nsec / 1000;
        return usec_sub(j->run->started.wall, at);
}

/* ---- what can be wrong, each true when it has concluded ---- */

static bool could_not_look(const struct judging *j) {
        const struct file_job *job = j->job;
        switch (job->error) {
        case 0:
                return false;
        case ENOENT:
                if (job->params.newest && job->params.exists && !job->params.optional) {
                        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                                "no file matches %.120s", j->name);
                        return true;
                }
                if (job->params.exists && !job->params.optional) {
                        fail(j, CAUSE_WRONG_ANSWER, "it does not exist");
                        return true;
                }
                probe_conclude(
                        j->result, OUTCOME_PASS, CAUSE_NONE, "%.120s does not exist", j->name);
                return true;
        case E2BIG:
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%.96s: more than %d files in the folder", j->name,
                        FILE_NEWEST_ENTRIES_MAX);
                return true;
        case EXDEV:
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%.80s: a symbolic link whose owner is neither root nor the file's is not followed",
                        j->name);
                return true;
        default:
                path_error_conclude(j->result, j->name, job->step, job->error);
                return true;
        }
}

static bool exists_wrongly(const struct judging *j) {
        if (j->params->exists) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "it exists, and should not");
        return true;
}

static enum file_type type_of(mode_t mode) {
        static const struct {
                mode_t format;
                enum file_type type;
        } types[] = {
                {S_IFREG, FILE_TYPE_FILE},
                {S_IFDIR, FILE_TYPE_DIRECTORY},
                {S_IFLNK, FILE_TYPE_SYMLINK},
                {S_IFSOCK, FILE_TYPE_SOCKET},
                {S_IFIFO, FILE_TYPE_FIFO},
                {S_IFBLK, FILE_TYPE_BLOCK},
                {S_IFCHR, FILE_TYPE_CHARACTER},
        };
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                if (types[i].format == (mode & S_IFMT)) {
                        return types[i].type;
                }
        }
        return FILE_TYPE_ANY;
}

/* What is to be read has to be a file. */
static bool is_other_type(const struct judging *j) {
        const struct file_params *p = j->params;
        enum file_type found = type_of(j->job->st.st_mode);
        bool read = p->sha256.given || file_follows_lines(p);
        int wanted = read ? FILE_TYPE_FILE : p->type;
        if (wanted == FILE_TYPE_ANY || wanted == (int) found) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "it is a %s, expected a %s",
                enum_text_format(file_type_texts, found),
                enum_text_format(file_type_texts, wanted));
        return true;
}

static bool no_such_name(const struct judging *j, const char *kind, const char *name) {
        probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE, "%.96s: there is no %s %.40s",
                j->name, kind, name);
        return true;
}

static bool is_other_owner(const struct judging *j) {
        const struct file_params *p = j->params;
        if (p->owner && !j->job->owner_known) {
                return no_such_name(j, "user", p->owner);
        }
        if (!p->owner || j->job->owner == j->job->st.st_uid) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "it belongs to user %u, expected %.40s", j->job->st.st_uid,
                p->owner);
        return true;
}

static bool is_other_group(const struct judging *j) {
        const struct file_params *p = j->params;
        if (p->group && !j->job->group_known) {
                return no_such_name(j, "group", p->group);
        }
        if (!p->group || j->job->group == j->job->st.st_gid) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "it belongs to group %u, expected %.40s", j->job->st.st_gid,
                p->group);
        return true;
}

static bool is_other_mode(const struct judging *j) {
        mode_t found = j->job->st.st_mode & ~(mode_t) S_IFMT;
        if (!j->params->mode.given || j->params->mode.bits == found) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "its mode is %04o, expected %04o", found, j->params->mode.bits);
        return true;
}

static bool is_small(const struct judging *j) {
        const struct amount *least = &j->params->min_size;
        char found[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];
        uint64_t size = (uint64_t) j->job->st.st_size;
        if (least->unit == AMOUNT_UNSET || (double) size >= least->value) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "%s, at least %s wanted", units_format_size_short(size, found),
                units_format_amount(least, wanted));
        return true;
}

static bool is_large(const struct judging *j) {
        const struct amount *most = &j->params->max_size;
        char found[UNITS_TEXT_MAX], allowed[UNITS_TEXT_MAX];
        uint64_t size = (uint64_t) j->job->st.st_size;
        if (most->unit == AMOUNT_UNSET || (double) size <= most->value) {
                return false;
        }
        fail(j, CAUSE_RESOURCE, "%s, at most %s allowed", units_format_size_short(size, found),
                units_format_amount(most, allowed));
        return true;
}

static bool is_old(const struct judging *j) {
        char found[UNITS_TEXT_MAX], allowed[UNITS_TEXT_MAX];
        usec_t age = age_of(j);
        if (j->params->max_age == 0 || age <= j->params->max_age) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "modified %s ago, at most %s allowed",
                units_format_duration_short(age, found),
                units_format_duration(j->params->max_age, allowed));
        return true;
}

/* The first half of a checksum is plenty to see which of two files it is. */
static const char *format_digest(
        const uint8_t bytes[FILE_DIGEST_SIZE], char text[FILE_DIGEST_SIZE / 2 + 1]) {
        for (size_t i = 0; i < FILE_DIGEST_SIZE / 4; i++) {
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        }
        return text;
}

static bool has_other_checksum(const struct judging *j) {
        const struct file_digest *wanted = &j->params->sha256;
        const struct file_checksum *found = &j->job->checksum;
        char texts[2][FILE_DIGEST_SIZE / 2 + 1];
        if (!wanted->given) {
                return false;
        }
        if (j->job->too_large) {
                probe_conclude(j->result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%.96s: larger than 256MiB, so no checksum was computed", j->name);
                return true;
        }
        if (memcmp(wanted->bytes, found->bytes, FILE_DIGEST_SIZE) == 0) {
                return false;
        }
        fail(j, CAUSE_WRONG_ANSWER, "its sha256 is %s..., expected %s...",
                format_digest(found->bytes, texts[0]), format_digest(wanted->bytes, texts[1]));
        return true;
}

static bool has_matches(const struct judging *j) {
        const struct file_params *p = j->params;
        char what[LINE_MATCH_TEXT_MAX], window[UNITS_TEXT_MAX];
        uint64_t found = window_count_total(&j->state->matches, p->window, j->run->started.mono);
        if (!file_follows_lines(p) || found <= p->max_matches) {
                return false;
        }
        probe_conclude(j->result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "%llu line%s %s within %s, at most %u allowed; last: %s",
                (unsigned long long) found, found == 1 ? "" : "s",
                line_match_format(&p->lines, what), units_format_duration(p->window, window),
                p->max_matches, j->state->last_line);
        return true;
}

/* ---- all together ---- */

static void pass(const struct judging *j) {
        char size[UNITS_TEXT_MAX], age[UNITS_TEXT_MAX], skipped[UNITS_TEXT_MAX], more[64] = "";
        const struct file_follow_result *followed = &j->job->followed;
        if (followed->skipped_bytes > 0) {
                snprintf(more, sizeof(more), ", %s of new lines not read: too many",
                        units_format_size_short(followed->skipped_bytes, skipped));
        } else if (j->job->unmatched > 0) {
                snprintf(more, sizeof(more), ", %llu lines not searched: it took too long",
                        (unsigned long long) j->job->unmatched);
        } else if (followed->lost_end) {
                snprintf(more, sizeof(more), ", end of the rotated file not found");
        }
        probe_conclude(j->result, OUTCOME_PASS, CAUSE_NONE, "%s%s%s, modified %s ago%s",
                j->params->newest ? j->name : "", j->params->newest ? ": " : "",
                units_format_size_short((uint64_t) j->job->st.st_size, size),
                units_format_duration_short(age_of(j), age), more);
}

/* A look that failed has read nothing: its lines come again. */
static void take_over(struct judging *j) {
        const struct file_job *job = j->job;
        struct file_state *state = j->state;
        state->checksum = job->checksum;
        if (job->error != 0 && job->error != ENOENT) {
                return;
        }
        state->position = job->position;
        if (state->forgive) {
                state->matches = (struct window_count){0};
                state->forgive = false;
        } else if (job->matches > 0) {
                window_count_add(
                        &state->matches, j->params->window, j->run->started.mono, job->matches);
                (void) str_copy(state->last_line, sizeof(state->last_line), job->last_line);
        }
}

static void judge_entry(const struct judging *j) {
        static bool (*const checks[])(const struct judging *) = {
                exists_wrongly,
                is_other_type,
                is_other_owner,
                is_other_group,
                is_other_mode,
                is_small,
                is_large,
                is_old,
                has_other_checksum,
                has_matches,
        };
        j->result->has_value = true;
        j->result->value = (double) age_of(j) / USEC_PER_SEC;
        for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
                if (checks[i](j)) {
                        return;
                }
        }
        pass(j);
}

void file_judge(struct probe_run *run, void *data, struct probe_result *result) {
        const struct file_job *job = data;
        struct judging j = {run, run->spec->params, job, run->state, result, NULL};
        bool chosen = j.params->newest && job->error == 0;
        j.name = chosen ? job->newest.name : j.params->path;
        take_over(&j);
        if (!could_not_look(&j)) {
                judge_entry(&j);
        }
}
