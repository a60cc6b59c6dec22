/* The journal probe: how many messages of a unit and a priority came within a window. The journal
 * is followed by a thread (io/journal_reader.h); a run only looks at its count. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/journal_reader.h"
#include "io/loop.h"
#include "probes/line_match.h"
#include "probes/same_process.h"
#include "probes/types.h"
#include "probes/window_count.h"

/* A run looks this often whether the journal has been opened, which happens once. */
#define OPENING_LOOK (10 * USEC_PER_MSEC)

struct journal_params {
        const char *unit, *identifier, *directory;
        int priority;
        struct line_match_params lines;
        uint32_t max_matches;
        usec_t window;
};

struct journal_probe_state {
        struct journal_subscription *subscription; /* NULL: none yet */
        struct window_count matches;
        uint64_t seen, skips; /* of the subscription */
        struct same_process process;
};

struct journal_run {
        struct loop_timer look;
};

/* ---- options ---- */

static const struct enum_text priority_texts[] = {
        {0, "emerg", "The system is unusable."},
        {1, "alert", "Action must be taken at once."},
        {2, "crit", "Critical."},
        {3, "err", "Errors."},
        {4, "warning", "Warnings."},
        {5, "notice", "Normal, but significant."},
        {6, "info", "For information."},
        {7, "debug", "For debugging."},
        {0},
};

static void check_journal(const void *object, struct schema_report *report) {
        const struct journal_params *p = object;
        line_match_check(&p->lines, report);
        if (p->unit && (!strchr(p->unit, '.') || strlen(p->unit) > JOURNAL_READER_NAME_MAX)) {
                schema_complain(
                        report, "unit", "expected the full name of a unit such as nginx.service");
        }
        if (p->identifier && strlen(p->identifier) > JOURNAL_READER_NAME_MAX) {
                schema_complain(report, "identifier", "an identifier has at most 255 bytes");
        }
        if (!p->unit && !p->identifier && p->priority > 4 && !p->lines.contains &&
                !p->lines.matches) {
                schema_complain(report, NULL,
                        "this would count every message of the host: give unit, identifier, "
                        "contains, matches, or a priority of warning or above");
        }
}

#define AT(member) offsetof(struct journal_params, member)

static const struct schema_field journal_fields[] = {
        {"unit", SCHEMA_STRING, AT(unit), .example = "nginx.service",
                .help = "Messages of this unit's processes, and those of systemd about it."},
        {"identifier", SCHEMA_STRING, AT(identifier), .example = "sshd",
                .help = "Messages with this syslog identifier; with unit, both."},
        {"priority", SCHEMA_ENUM, AT(priority), .words = priority_texts, .standard = "err",
                .example = "warning", .help = "Messages of this priority and more severe ones."},
        {"contains", SCHEMA_STRING, AT(lines.contains), .example = "out of memory",
                .help = "Messages that contain this text."},
        {"matches", SCHEMA_STRING, AT(lines.matches), .example = "'upstream .* timed out'",
                .help = "Messages that match this regular expression; with contains, both."},
        {"ignore", SCHEMA_STRING, AT(lines.ignore), .example = "'connection reset by peer'",
                .help = "Messages that match this expression do not count."},
        {"max_matches", SCHEMA_UINT, AT(max_matches), .standard = "0", .most = "1000000",
                .example = "5", .help = "Fails when more messages came within the window."},
        {"window", SCHEMA_DURATION, AT(window), .standard = "5m", .least = "1s", .most = "7d",
                .example = "5m", .help = "How long a message counts."},
        {"directory", SCHEMA_PATH, AT(directory), .example = "/var/log/journal/remote",
                .help = "Directory of journal files instead of this host's, as of a container."},
        {NULL},
};

const struct schema journal_schema = {
        .name = "journal probe",
        .help = "Counts messages in the systemd journal, which is followed and not polled.",
        .size = sizeof(struct journal_params),
        .fields = journal_fields,
        .shorthand = "unit",
        .check = check_journal,
};

/* ---- what was read ---- */

static void conclude_unknown(const struct probe_run *run, const struct journal_reading *reading,
        struct probe_result *result) {
        const struct journal_params *params = run->spec->params;
        switch (reading->state) {
        case JOURNAL_OPENING:
                probe_conclude(
                        result, OUTCOME_UNKNOWN, CAUSE_NONE, "the journal is still being opened");
                return;
        case JOURNAL_ABSENT:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE, "there is no %s %s",
                        params->directory ? "journal in" : "systemd journal",
                        params->directory ? params->directory : "here");
                return;
        case JOURNAL_FORBIDDEN:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "this user may not read the journal: add it to the group systemd-journal");
                return;
        case JOURNAL_FOLLOWING:
        case JOURNAL_FAILED:
                probe_conclude(result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "the journal could not be read: %s", strerrordesc_np(reading->error));
        }
}

static void take_news(const struct probe_run *run, const struct journal_reading *reading) {
        const struct journal_params *params = run->spec->params;
        struct journal_probe_state *state = run->state;
        uint64_t news = reading->matches - state->seen;
        state->seen = reading->matches;
        if (same_process_replaced(&state->process, &run->target)) {
                state->matches = (struct window_count){0};
        } else if (news > 0) {
                window_count_add(&state->matches, params->window, run->started.mono, news);
        }
}

static void judge(const struct probe_run *run, const struct journal_reading *reading,
        struct probe_result *result) {
        const struct journal_params *p = run->spec->params;
        struct journal_probe_state *state = run->state;
        char what[LINE_MATCH_TEXT_MAX], window[UNITS_TEXT_MAX];
        take_news(run, reading);
        uint64_t found = window_count_total(&state->matches, p->window, run->started.mono);
        bool skipped = state->skips != reading->skips;
        state->skips = reading->skips;
        result->has_value = true;
        result->value = (double) found;
        line_match_format(&p->lines, what);
        units_format_duration(p->window, window);
        if (found > p->max_matches) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                        "%llu message%s%s%s within %s, at most %u allowed; last: %s",
                        (unsigned long long) found, found == 1 ? "" : "s", *what ? " " : "", what,
                        window, p->max_matches, reading->last);
        } else {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%llu message%s%s%s within %s%s",
                        (unsigned long long) found, found == 1 ? "" : "s", *what ? " " : "", what,
                        window, skipped ? ", some were skipped: too many" : "");
        }
}

/* A call that has not returned for as long as a run may take hangs. */
static bool hangs(const struct probe_run *run, const struct journal_reading *reading) {
        return reading->busy_since > 0 &&
               usec_sub(run->started.mono, reading->busy_since) > run->timeout;
}

static void finish(struct probe_run *run, const struct journal_reading *reading) {
        struct journal_run *room = run->room;
        struct probe_result result = {0};
        char waited[UNITS_TEXT_MAX];
        if (hangs(run, reading)) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "reading the journal hangs since %s",
                        units_format_duration_short(
                                usec_sub(run->started.mono, reading->busy_since), waited));
        } else if (reading->state != JOURNAL_FOLLOWING) {
                conclude_unknown(run, reading, &result);
        } else {
                judge(run, reading, &result);
        }
        loop_timer_done(&room->look);
        probe_run_finish(run, &result);
}

/* ---- a run ---- */

static bool message_counts(void *cookie, const char *message, size_t length) {
        return line_match_test(cookie, message, length);
}

static void release_match(void *cookie) {
        line_match_free(cookie);
}

static int subscribe(struct probe_run *run, struct error *err) {
        const struct journal_params *p = run->spec->params;
        struct journal_probe_state *state = run->state;
        struct line_match *match = line_match_new(&p->lines);
        if (!match) {
                return error_set(err, ENOMEM, "out of memory");
        }
        const struct journal_filter filter = {
                .directory = p->directory,
                .unit = p->unit,
                .identifier = p->identifier,
                .max_priority = p->priority,
                .counts = message_counts,
                .release = release_match,
                .cookie = match,
        };
        int r = journal_subscribe(&state->subscription, run->host->journal, &filter, err);
        if (r < 0) {
                line_match_free(match);
        }
        return r;
}

static void look(void *cookie) {
        struct probe_run *run = cookie;
        struct journal_run *room = run->room;
        const struct journal_probe_state *state = run->state;
        struct journal_reading reading;
        journal_subscription_read(state->subscription, &reading);
        bool late = usec_add(loop_now(run->host->loop).mono, 2 * OPENING_LOOK) >=
                    probe_run_last_moment(run);
        if (reading.state == JOURNAL_OPENING && !late && !hangs(run, &reading)) {
                loop_timer_set_after(&room->look, OPENING_LOOK);
        } else {
                finish(run, &reading);
        }
}

static void journal_start(struct probe_run *run) {
        struct journal_probe_state *state = run->state;
        struct journal_run *room = run->room;
        struct error err = {0};
        int r = loop_timer_init(&room->look, run->host->loop, look, run);
        if (r < 0) {
                r = error_set(&err, ENOMEM, "out of memory");
        } else if (!state->subscription) {
                r = subscribe(run, &err);
        }
        if (r < 0) {
                struct probe_result result = {0};
                probe_conclude(
                        &result, OUTCOME_UNKNOWN, CAUSE_NONE, "could not begin: %s", err.text);
                loop_timer_done(&room->look);
                probe_run_finish(run, &result);
                return;
        }
        look(run);
}

static void journal_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        struct journal_run *room = run->room;
        loop_timer_done(&room->look);
        snprintf(detail, OBSERVATION_DETAIL_MAX, "the journal is still being opened");
}

/* The subscription has copies of all that it is about. */
static void journal_detach(void *memory) {
        (void) memory;
}

static void journal_release(void *memory) {
        struct journal_probe_state *state = memory;
        journal_unsubscribe(TAKE_PTR(state->subscription));
}

const struct probe_type journal_probe = {
        .name = "journal",
        .help = "Counts messages in the systemd journal.",
        .value_unit = "messages",
        .schema = &journal_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_WRONG_ANSWER)},
        .state_size = sizeof(struct journal_probe_state),
        .run_size = sizeof(struct journal_run),
        .start = journal_start,
        .stop = journal_stop,
        .detach = journal_detach,
        .release = journal_release,
};
