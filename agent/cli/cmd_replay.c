/* recoverctl replay: the detectors and the self-suspicion of the agent over recorded results. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/replay.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/trace_file.h"

enum { STREAK_MAX = 64 }; /* of fall and rise, as in policies */

/* ---- The command line ---- */

static int take_duration(const char *option, const char *text, usec_t *ret) {
        usec_t value;
        if (!text) {
                return EXIT_DONE;
        }
        if (units_parse_duration(text, &value) < 0 || value == 0 || value > 365 * USEC_PER_DAY) {
                session_complain("--%s: expected a duration such as 30s, 10m or 1h, not '%.40s'",
                        option, text);
                return EXIT_USAGE;
        }
        *ret = value;
        return EXIT_DONE;
}

static int take_streak(const char *option, const char *text, uint32_t *ret) {
        if (!text) {
                return EXIT_DONE;
        }
        char *end;
        errno = 0;
        unsigned long value = strtoul(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno != 0 || value < 1 ||
                value > STREAK_MAX) {
                session_complain("--%s: expected a number from 1 to %d, not '%.40s'", option,
                        STREAK_MAX, text);
                return EXIT_USAGE;
        }
        *ret = (uint32_t) value;
        return EXIT_DONE;
}

static int take_switch(const char *option, const char *text, bool *ret) {
        if (text && !str_eq(text, "on") && !str_eq(text, "off")) {
                session_complain("--%s: expected on or off, not '%.40s'", option, text);
                return EXIT_USAGE;
        }
        *ret = text ? str_eq(text, "on") : *ret;
        return EXIT_DONE;
}

static int settings_of(const struct invocation *invocation, struct replay_settings *ret) {
        *ret = (struct replay_settings){
                .fall = 3, .rise = 2, .suspect_self = true, .shortly = USEC_PER_HOUR};
        if (!invocation->trace || !invocation->interval) {
                session_complain("replay needs --trace FILE and --interval DURATION");
                return EXIT_USAGE;
        }
        int r = take_duration("interval", invocation->interval, &ret->interval);
        r = r != EXIT_DONE ? r : take_duration("short", invocation->shortly, &ret->shortly);
        r = r != EXIT_DONE ? r : take_streak("fall", invocation->fall, &ret->fall);
        r = r != EXIT_DONE ? r : take_streak("rise", invocation->rise, &ret->rise);
        return r != EXIT_DONE
                       ? r
                       : take_switch("suspect-self", invocation->suspect_self, &ret->suspect_self);
}

/* ---- Running ---- */

static int run_rounds(struct trace_file *trace, struct replay *replay, struct error *err) {
        AUTO_FREE unsigned char *round = malloc(trace->n_names);
        if (!round) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r;
        while ((r = trace_file_next(trace, round, err)) > 0) {
                replay_round(replay, round);
        }
        if (r == 0 && replay->rounds == 0) {
                return error_set(err, EINVAL, "%s:2:1: expected a round of results, found the end",
                        trace->path);
        }
        return r;
}

/* ---- Printing ---- */

static void put(struct json_object *to, const char *key, struct json_object *value, bool *failed) {
        *failed |= session_put(to, key, value) < 0;
}

static struct json_object *target_json(
        const char *name, const struct replay_target *target, bool *failed) {
        struct json_object *json = json_object_new_object();
        double seconds;
        if (!json) {
                return NULL;
        }
        put(json, "name", json_object_new_string(name), failed);
        put(json, "probes", json_object_new_uint64(target->probes), failed);
        put(json, "failures", json_object_new_uint64(target->failures), failed);
        put(json, "alarms", json_object_new_uint64(target->alarms), failed);
        put(json, "alarms_held", json_object_new_uint64(target->alarms_held), failed);
        put(json, "short_alarms", json_object_new_uint64(target->short_alarms), failed);
        if (replay_time_to_alarm(target, &seconds)) {
                put(json, "mean_time_to_alarm_s", json_object_new_double(seconds), failed);
        } else {
                *failed |= json_object_object_add(json, "mean_time_to_alarm_s", NULL) < 0;
        }
        return json;
}

static int print_json(const struct trace_file *trace, const struct replay *replay) {
        AUTO_JSON struct json_object *json = json_object_new_object();
        AUTO_JSON struct json_object *targets = json_object_new_array();
        bool failed = !json || !targets;
        for (uint32_t i = 0; !failed && i < replay->n_targets; i++) {
                struct json_object *target =
                        target_json(trace->names[i], &replay->targets[i], &failed);
                failed = failed || !target || json_object_array_add(targets, target) < 0;
        }
        if (!failed) {
                put(json, "rounds", json_object_new_uint64(replay->rounds), &failed);
                put(json, "held_rounds", json_object_new_uint64(replay->held_rounds), &failed);
                put(json, "targets", TAKE_PTR(targets), &failed);
        }
        return failed ? session_complain("out of memory") : session_print_json(json, EXIT_DONE);
}

static void add_row(
        struct text_table *table, const char *name, const struct replay_target *target) {
        char text[UNITS_TEXT_MAX];
        double seconds;
        text_table_add(table, name, PAINT_NONE);
        text_table_addf(table, "%llu", (unsigned long long) target->probes);
        text_table_addf(table, "%llu", (unsigned long long) target->failures);
        text_table_addf(table, "%llu", (unsigned long long) target->alarms);
        text_table_addf(table, "%llu", (unsigned long long) target->alarms_held);
        text_table_addf(table, "%llu", (unsigned long long) target->short_alarms);
        if (replay_time_to_alarm(target, &seconds)) {
                units_format_duration_short((usec_t) (seconds * 1e6), text);
        } else {
                text[0] = '\0';
        }
        text_table_add(table, text, PAINT_NONE);
}

static void add_up(struct replay_target *sum, const struct replay_target *target) {
        sum->probes += target->probes;
        sum->failures += target->failures;
        sum->alarms += target->alarms;
        sum->alarms_held += target->alarms_held;
        sum->short_alarms += target->short_alarms;
        sum->time_to_alarms += target->time_to_alarms;
}

static int print_text(const struct invocation *invocation, const struct trace_file *trace,
        const struct replay *replay) {
        static const char *const headers[] = {
                "TARGET", "PROBES", "FAILURES", "ALARMS", "HELD", "SHORT", "TIME TO ALARM"};
        AUTO_TEXT_TABLE struct text_table table;
        AUTO_STRBUF struct strbuf out = {0};
        struct replay_target sum = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (uint32_t i = 0; i < replay->n_targets; i++) {
                add_row(&table, trace->names[i], &replay->targets[i]);
                add_up(&sum, &replay->targets[i]);
        }
        add_row(&table, "all", &sum);
        text_table_render(&table, &invocation->terminal, &out);
        strbuf_addf(&out, "\n%llu rounds, action held in %llu of them\n",
                (unsigned long long) replay->rounds, (unsigned long long) replay->held_rounds);
        return session_print(&out, EXIT_DONE);
}

int run_replay(struct invocation *invocation) {
        AUTO(trace_file_close) struct trace_file trace = {.xz = {.pidfd = -1, .status_fd = -1}};
        AUTO(replay_done) struct replay replay = {0};
        struct replay_settings settings;
        struct error err = {0};
        int r = settings_of(invocation, &settings);
        if (r != EXIT_DONE) {
                return r;
        }
        r = trace_file_open(&trace, invocation->trace, &err);
        if (r >= 0 && replay_init(&replay, (uint32_t) trace.n_names, &settings) < 0) {
                r = error_set(&err, ENOMEM, "out of memory");
        }
        r = r < 0 ? r : run_rounds(&trace, &replay, &err);
        if (r < 0) {
                return session_complain("%s", err.text);
        }
        return invocation->json ? print_json(&trace, &replay)
                                : print_text(invocation, &trace, &replay);
}
