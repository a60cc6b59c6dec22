#include "cli/simulate_replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/session.h"
#include "probes/probe.h"
#include "sim/rerun.h"

static int read_file(const char *path, char **ret, size_t *ret_length) {
        AUTO_FCLOSE FILE *file = fopen(path, "re");
        struct stat status;
        if (!file || fstat(fileno(file), &status) < 0) {
                return -errno;
        }
        if (!S_ISREG(status.st_mode) || status.st_size > RECORDING_BYTES_MAX) {
                return S_ISREG(status.st_mode) ? -EFBIG : -EINVAL;
        }
        char *text = malloc((size_t) status.st_size + 1);
        if (!text) {
                return -ENOMEM;
        }
        *ret_length = fread(text, 1, (size_t) status.st_size, file);
        text[*ret_length] = '\0';
        *ret = text;
        return 0;
}

static const char *rows_or_none(const char *rows) {
        return *rows ? rows : "none";
}

static void put_difference(
        const struct rerun *replay, const struct terminal *terminal, struct strbuf *out) {
        const struct recorded *input = &replay->recorded;
        char at[WALL_TEXT_MAX];
        terminal_paint(terminal, out, PAINT_BAD, "differs");
        strbuf_addf(out, " at input %" PRIu64 ", %s, %s%s%s\n", input->number,
                clock_format_wall(input->now.wall, at),
                *input->service ? input->service : "the host", *input->probe ? "/" : "",
                input->probe);
        strbuf_addf(out, "  recorded rows: %s\n", rows_or_none(input->rows));
        strbuf_addf(out, "  rows now:      %s%s\n", rows_or_none(replay->rows),
                replay->same_rows ? ", but they decide otherwise" : "");
}

static void put_text(
        const struct rerun *replay, const struct terminal *terminal, struct strbuf *out) {
        char lasted[UNITS_TEXT_MAX];
        if (replay->differs) {
                put_difference(replay, terminal, out);
                return;
        }
        terminal_paint(terminal, out, PAINT_GOOD, "same");
        units_format_duration_short(usec_sub(replay->ended, replay->began), lasted);
        strbuf_addf(out, ": %" PRIu64 " inputs in %s, the same decisions", replay->inputs, lasted);
        if (replay->skipped) {
                strbuf_addf(out, "; %" PRIu64 " left out that this policy has no place for",
                        replay->skipped);
        }
        if (replay->reloads) {
                strbuf_addf(out, "; the policies were reloaded %s",
                        replay->reloads == 1 ? "once" : "several times");
        }
        strbuf_addf(out, "\nthe recording ends: ");
        terminal_paint(terminal, out, PAINT_NONE,
                *replay->end ? replay->end : "it was cut, as when the agent is killed");
        strbuf_add_char(out, '\n');
}

static struct json_object *json_of(const struct rerun *replay) {
        struct json_object *json = json_object_new_object();
        char at[WALL_TEXT_MAX];
        if (!json) {
                return NULL;
        }
        session_put(json, "same", json_object_new_boolean(!replay->differs));
        session_put(json, "inputs", json_object_new_int64((int64_t) replay->inputs));
        session_put(json, "skipped", json_object_new_int64((int64_t) replay->skipped));
        session_put(json, "reloads", json_object_new_int64((int64_t) replay->reloads));
        session_put(json, "recorded_by", json_object_new_string(replay->version));
        session_put(json, "end", json_object_new_string(replay->end));
        if (replay->differs) {
                const struct recorded *input = &replay->recorded;
                session_put(json, "input", json_object_new_int64((int64_t) input->number));
                session_put(
                        json, "at", json_object_new_string(clock_format_wall(input->now.wall, at)));
                session_put(json, "service", json_object_new_string(input->service));
                session_put(json, "rows_recorded", json_object_new_string(input->rows));
                session_put(json, "rows_now", json_object_new_string(replay->rows));
        }
        return json;
}

static void show_problems(const struct problems *problems) {
        AUTO_STRBUF struct strbuf text = {0}, clean = {0};
        problems_format(problems, &text);
        terminal_add_lines(&clean, strbuf_text(&text) ? strbuf_text(&text) : "");
        fputs(strbuf_text(&clean) ? strbuf_text(&clean) : "", stderr);
}

int simulate_replay(const struct invocation *invocation, const struct policy *policy) {
        AUTO_FREE char *text = NULL;
        AUTO_FREE struct rerun *replay = calloc(1, sizeof(*replay));
        AUTO(problems_done) struct problems problems = {0};
        AUTO_STRBUF struct strbuf out = {0};
        const struct rerun_options options = {.probes = probe_variants, .policy = policy};
        struct error err = {0};
        size_t length = 0;
        int r = replay ? read_file(invocation->replay, &text, &length) : -ENOMEM;
        if (r < 0) {
                return session_complain("%s: %s", invocation->replay, strerror(-r));
        }
        r = rerun_recording(text, length, &options, replay, &problems, &err);
        if (r < 0) {
                show_problems(&problems);
                return session_complain("%s: %s", invocation->replay, err.text);
        }
        int status = replay->differs ? EXIT_NO : EXIT_DONE;
        if (invocation->json) {
                AUTO_JSON struct json_object *json = json_of(replay);
                return json ? session_print_json(json, status) : session_complain("out of memory");
        }
        put_text(replay, &invocation->terminal, &out);
        return session_print(&out, status);
}
