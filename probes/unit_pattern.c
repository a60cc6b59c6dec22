/* The unit probe with a pattern: one question a run says which units match and which have failed.
 * Their restarts are not in that answer, so units are followed where restarts are limited. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/unit_probe.h"

enum {
        LISTED_MAX = 4096, /* units of one answer that are looked at */
        FOLLOWED_MAX = 256, /* whose restarts are counted */
        NAMED_MAX = 3, /* failed units that are called by name */
};

struct found {
        unsigned n_units, n_failed;
        struct strbuf failed; /* names of the first */
        bool cut;
};

/* ---- restarts ---- */

static void on_changed(void *cookie) {
        struct unit_follow *follow = cookie;
        struct unit_report report;
        unit_watch_report(&follow->watch, &report);
        if (report.known && !report.asking) {
                unit_follow_count(follow, report.snapshot);
        }
}

static bool is_followed(const struct unit_probe_state *state, const char *name) {
        LIST_FOREACH (node, &state->many) {
                if (str_eq(LIST_ENTRY(node, struct unit_follow, node)->name, name)) {
                        return true;
                }
        }
        return false;
}

static void drop(struct unit_probe_state *state, struct unit_follow *follow) {
        unit_watch_end(&follow->watch);
        list_remove(&follow->node);
        state->n_many--;
        free(follow);
}

/* Only services are restarted by systemd. Without memory a unit is not counted. */
static void follow(struct unit_probe_state *state, const char *name) {
        const char *suffix = strrchr(name, '.');
        if (!str_eq(suffix, ".service") || state->n_many >= FOLLOWED_MAX ||
                is_followed(state, name)) {
                return;
        }
        struct unit_follow *new = calloc(1, sizeof(*new));
        if (!new) {
                return;
        }
        new->probe = state;
        str_copy(new->name, sizeof(new->name), name);
        list_append(&state->many, &new->node);
        state->n_many++;
        if (unit_watch_start(&new->watch, state->host->units, name, on_changed, new) < 0) {
                drop(state, new);
        }
}

/* ---- the answer ---- */

static void note_unit(
        struct unit_probe_state *state, const char *name, const char *active, struct found *found) {
        found->n_units++;
        if (state->params->max_restarts.unit != AMOUNT_UNSET) {
                follow(state, name);
        }
        if (!str_eq(active, "failed")) {
                return;
        }
        if (found->n_failed++ < NAMED_MAX) {
                strbuf_addf(&found->failed, "%s%.60s", found->failed.length ? ", " : "", name);
        }
}

/* Each unit: name, description, load, active and sub state, unit that it follows, path, and number,
 * type and path of a job. */
static int read_units(struct unit_probe_state *state, sd_bus_message *answer, struct found *found) {
        const char *name, *load, *active, *rest[6];
        uint32_t job;
        int r = sd_bus_message_enter_container(answer, 'a', "(ssssssouso)");
        while (r >= 0 && found->n_units < LISTED_MAX &&
                (r = sd_bus_message_read(answer, "(ssssssouso)", &name, &rest[0], &load, &active,
                         &rest[1], &rest[2], &rest[3], &job, &rest[4], &rest[5])) > 0) {
                note_unit(state, name, active, found);
        }
        return r < 0 ? r : 0;
}

static void conclude(
        struct unit_probe_state *state, const struct found *found, struct probe_result *result) {
        const struct unit_params *params = state->params;
        result->has_value = true;
        result->value = found->n_failed;
        if (found->n_failed > params->max_failed) {
                const char *names = strbuf_text(&found->failed);
                probe_conclude(result, OUTCOME_FAIL, CAUSE_UNIT_STATE,
                        "%u of %u units failed, at most %u allowed: %s%s", found->n_failed,
                        found->n_units, params->max_failed, names ? names : "",
                        found->n_failed > NAMED_MAX ? ", ..." : "");
        } else if (found->n_units == 0) {
                probe_conclude(result, OUTCOME_DEGRADED, CAUSE_NONE,
                        "no unit that is loaded matches %.100s", params->pattern);
        } else if (!unit_restarts_over(state, params->pattern, result)) {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%u units match, %u failed",
                        found->n_units, found->n_failed);
        }
}

static void conclude_error(const char *why, struct probe_result *result) {
        probe_conclude(
                result, OUTCOME_UNKNOWN, CAUSE_NONE, "systemd does not list its units: %s", why);
}

static int on_listed(sd_bus_message *answer, void *cookie, sd_bus_error *ret_error) {
        struct probe_run *run = cookie;
        struct unit_probe_state *state = run->state;
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        struct probe_result result = {0};
        struct found found = {0};
        (void) ret_error;
        int r = error ? 0 : read_units(state, answer, &found);
        if (error || r < 0) {
                conclude_error(error ? error->message : strerrordesc_np(-r), &result);
        } else {
                conclude(state, &found, &result);
        }
        strbuf_done(&found.failed);
        unit_probe_finish(state, &result);
        return 0;
}

/* ---- the question ---- */

static int call(struct probe_run *run) {
        const struct unit_params *params = run->spec->params;
        struct unit_probe_run *room = run->room;
        return sd_bus_call_method_async(bus_connection(unit_bus_connection(run->host->units)),
                &room->call, UNIT_BUS_NAME, UNIT_BUS_PATH, UNIT_BUS_MANAGER, "ListUnitsByPatterns",
                on_listed, run, "asas", 0, 1, params->pattern);
}

static void ask(struct probe_run *run) {
        struct probe_result result = {0};
        int r = call(run);
        if (r < 0) {
                conclude_error(strerrordesc_np(-r), &result);
                unit_probe_finish(run->state, &result);
        }
}

static void on_up(void *cookie) {
        struct unit_probe_state *state = cookie;
        if (state->waiting) {
                ask(state->waiting);
        }
}

static void on_down(void *cookie, const char *why) {
        struct unit_probe_state *state = cookie;
        struct probe_result result = {0};
        if (state->waiting) {
                conclude_error(why, &result);
                unit_probe_finish(state, &result);
        }
}

static void join(struct unit_probe_state *state) {
        if (!state->user.on_up) {
                state->user =
                        (struct bus_user){.on_up = on_up, .on_down = on_down, .cookie = state};
                bus_join(unit_bus_connection(state->host->units), &state->user);
        }
}

void unit_pattern_start(struct probe_run *run) {
        if (unit_probe_wait(run) < 0) {
                return;
        }
        join(run->state);
        if (bus_connection(unit_bus_connection(run->host->units))) {
                ask(run);
        }
}

/* ---- between runs ---- */

void unit_pattern_release(struct unit_probe_state *state) {
        LIST_FOREACH (node, &state->many) {
                drop(state, LIST_ENTRY(node, struct unit_follow, node));
        }
        if (state->user.on_up) {
                bus_leave(unit_bus_connection(state->host->units), &state->user);
        }
}
