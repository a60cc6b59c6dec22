/* What a colleague would say: one row for each state, with the reason and with what comes next. */

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "control/why.h"
#include "runtime/runtime.h"

enum { ANY_HEALTH = -1 };

typedef void (*phrase)(const struct why *why, struct strbuf *out);

/* The first row that fits the phase and the health. */
struct story {
        enum phase phase;
        int health; /* enum health, or ANY_HEALTH */
        const char *state; /* "is blocked", behind the name */
        phrase because; /* the reason, without a period */
        enum wait what;
        usec_t (*at)(const struct why *why); /* NULL: no moment is set */
        phrase next; /* without a period */
};

/* ---- Words ---- */

static void add_duration(struct strbuf *out, usec_t duration) {
        char text[UNITS_TEXT_MAX];
        strbuf_add(out, units_format_duration_short(duration, text));
}

static void add_clock(struct strbuf *out, const struct why *why, usec_t mono) {
        usec_t now = why->now.mono;
        wall_usec_t wall = mono <= now ? usec_sub(why->now.wall, now - mono)
                                       : usec_add(why->now.wall, mono - now);
        time_t seconds = (time_t) (wall / USEC_PER_SEC);
        struct tm parts;
        if (gmtime_r(&seconds, &parts)) {
                strbuf_addf(out, "%02d:%02d:%02d UTC", parts.tm_hour, parts.tm_min, parts.tm_sec);
        }
}

static void add_count(struct strbuf *out, uint32_t n, const char *one, const char *many) {
        strbuf_addf(out, "%u %s", n, n == 1 ? one : many);
}

/* "checkout-db and cart", "a, b and c", "a, b, c and 14 more". */
static void add_dependencies(struct strbuf *out, const struct why *why) {
        enum { NAMED = 4 };
        const struct policy *policy = runtime_policy(why->runtime);
        uint32_t n = why->service->n_depends_on;
        uint32_t named = n <= NAMED ? n : NAMED - 1;
        for (uint32_t i = 0; i < named; i++) {
                const char *separator = i == 0 ? "" : i + 1 == n ? " and " : ", ";
                strbuf_addf(
                        out, "%s%s", separator, policy->services[why->service->depends_on[i]].name);
        }
        if (named < n) {
                strbuf_addf(out, " and %u more", n - named);
        }
}

static const char *present_action(const struct why *why) {
        const struct attempt *attempt = why->verdict.status.attempt;
        return attempt ? action_text((enum action) attempt->action) : "action";
}

/* The attempt under way: "attempt 2 (restart)", "its first start", "the restart that a person asked
 * for". */
static void add_present_attempt(struct strbuf *out, const struct why *why) {
        const struct attempt *attempt = why->verdict.status.attempt;
        if (attempt && attempt->origin == ORIGIN_OPERATOR) {
                strbuf_addf(out, "the %s that a person asked for", present_action(why));
        } else if (attempt && attempt->origin == ORIGIN_FIRST_START) {
                strbuf_add(out, "its first start");
        } else {
                strbuf_addf(
                        out, "attempt %u (%s)", attempt ? attempt->number : 1, present_action(why));
        }
}

static const struct step_spec *planned_step(const struct why *why) {
        const struct service_status *status = &why->verdict.status;
        return status->step >= 0 && (uint32_t) status->step < why->service->n_steps
                       ? &why->service->steps[status->step]
                       : NULL;
}

/* The attempt to come: "a restart (attempt 2 of 3 of step 1 of 2)", "its first start". */
static void add_planned_attempt(struct strbuf *out, const struct why *why) {
        const struct service_status *status = &why->verdict.status;
        const struct step_spec *step = planned_step(why);
        if (!status->incident) {
                strbuf_add(out, "its first start");
        } else if (!step) {
                strbuf_add(out, "the next attempt");
        } else {
                const char *action = action_text((enum action) step->action);
                strbuf_addf(out, "%s %s (attempt %u of %u of step %d of %u)",
                        strchr("aeiou", action[0]) ? "an" : "a", action, status->step_attempts + 1,
                        step->attempts, status->step + 1, why->service->n_steps);
        }
}

/* ---- Reasons ---- */

static uint32_t count_probes(const struct why *why, enum health health) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < why->service->n_probes; i++) {
                struct probe_status status;
                recovery_probe_status(
                        runtime_recovery(why->runtime), why->service->index, i, &status);
                n += status.health == health;
        }
        return n;
}

static void because_unknown(const struct why *why, struct strbuf *out) {
        for (uint32_t i = 0; i < why->service->n_probes; i++) {
                const struct observation *last =
                        runtime_observation(why->runtime, why->service->index, i);
                if (last->at.mono != 0 && last->outcome == OUTCOME_UNKNOWN) {
                        strbuf_addf(out, "probe %s could not measure it (%s)",
                                why->service->probes[i].name, last->detail);
                        return;
                }
        }
        strbuf_add(out, "its probes have not passed often enough yet");
}

static void because_healthy(const struct why *why, struct strbuf *out) {
        uint32_t n = why->service->n_probes, healthy = count_probes(why, HEALTH_HEALTHY);
        uint32_t warnings = why->verdict.status.warnings;
        if (warnings > 0) {
                strbuf_addf(out, "it is alive and ready, and ");
                add_count(out, warnings, "probe warns", "probes warn");
        } else if (n == 1) {
                strbuf_add(out, "its probe passes");
        } else if (healthy == n) {
                strbuf_addf(
                        out, n == 2 ? "both of its probes pass" : "all %u of its probes pass", n);
        } else {
                strbuf_addf(out, "%u of its %u probes are healthy, and %u %s enough", healthy, n,
                        why->service->require, why->service->require == 1 ? "is" : "are");
        }
}

static void because_suspect(const struct why *why, struct strbuf *out) {
        if (!why->failing) {
                strbuf_add(out, "it does not pass as it should");
                return;
        }
        strbuf_addf(out, "probe %s failed ", why->failing->name);
        add_count(out, why->failing_status.fails, "time", "times");
        strbuf_addf(out, " in a row, and %u make a failure", why->failing->fall);
}

static void because_failed(const struct why *why, struct strbuf *out) {
        uint32_t failed = count_probes(why, HEALTH_FAILED);
        add_count(out, failed, "probe", "probes");
        strbuf_addf(out, " of %u %s", why->service->n_probes, failed == 1 ? "fails" : "fail");
}

static void because_queued(const struct why *why, struct strbuf *out) {
        if (why->culprit) {
                strbuf_addf(out, "its dependency %s is %s", why->culprit->name,
                        why->culprit_verdict.state);
        } else if (why->service->n_depends_on > 0) {
                add_dependencies(out, why);
                strbuf_add(out, " must be healthy before its first start");
        } else {
                strbuf_add(out, "it is about to be started for the first time");
        }
}

static void because_checking(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "it failed, and the fault may lie with a dependency");
}

static void because_blocked(const struct why *why, struct strbuf *out) {
        if (!why->culprit) {
                strbuf_add(out, "a dependency is down");
                return;
        }
        strbuf_addf(out, "its dependency %s is %s since ", why->culprit->name,
                why->culprit_verdict.state);
        add_clock(out, why, why->culprit_verdict.since);
        if (why->culprit_verdict.detail) {
                strbuf_addf(out, " (%s)", why->culprit_verdict.detail);
        }
}

static void because_comparing(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "it failed, and what changed since it was last good is being looked "
                        "for");
}

static void because_settling(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(
                out, "its dependencies are well again, and it gets time to recover without help");
}

static void because_deciding(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "the next attempt is being chosen");
}

static const struct guard_status *holding_guard(const struct why *why) {
        for (size_t i = 0; i < why->n_guards; i++) {
                if (why->guards[i].holds) {
                        return &why->guards[i];
                }
        }
        return NULL;
}

static void because_held(const struct why *why, struct strbuf *out) {
        const struct guard_status *guard = holding_guard(why);
        add_planned_attempt(out, why);
        strbuf_addf(out, " is due, and %s holds it: %s",
                guard ? guard_text(guard->guard) : "nothing",
                guard ? guard->text : "it goes on at once");
}

static void because_backoff(const struct why *why, struct strbuf *out) {
        add_planned_attempt(out, why);
        strbuf_add(out, " waits for its time");
}

static void because_saving(const struct why *why, struct strbuf *out) {
        add_present_attempt(out, why);
        strbuf_add(out, " is being written down before it begins");
}

static void because_acting(const struct why *why, struct strbuf *out) {
        add_present_attempt(out, why);
        strbuf_add(out, " is being carried out");
}

static void because_verifying(const struct why *why, struct strbuf *out) {
        add_present_attempt(out, why);
        strbuf_add(out, " was carried out, and its probes have to prove it");
}

static bool is_only_not_ready(const struct why *why) {
        const struct incident *incident = why->verdict.status.incident;
        return incident && incident->role == ROLE_READINESS;
}

static void because_unattended(const struct why *why, struct strbuf *out) {
        const struct incident *incident = why->verdict.status.incident;
        if (is_only_not_ready(why)) {
                strbuf_add(out, "it lives, and its ladder has no further step that would not "
                                "interrupt it");
        } else if (why->service->n_steps > 0 && incident) {
                strbuf_addf(out, "no step of its ladder cures this cause (%s)",
                        cause_text((enum cause) incident->cause));
        } else {
                strbuf_add(out, "its policy has no recovery step");
        }
}

static void because_exhausted(const struct why *why, struct strbuf *out) {
        const struct incident *incident = why->verdict.status.incident;
        add_count(out, incident ? incident->attempts : 0, "attempt", "attempts");
        strbuf_add(out, " did not cure it, and its ladder has no further step");
}

static void because_standby(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "it is not the active member of the group %s, so it stays stopped",
                why->service->group ? why->service->group->name : "");
}

static void because_stopped(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "a person stopped it, which is not a failure");
}

/* ---- What comes next ---- */

static usec_t at_timer(const struct why *why) {
        return why->verdict.status.timer;
}

static usec_t at_next_attempt(const struct why *why) {
        usec_t at = why->verdict.status.next_attempt;
        return at ? at : why->verdict.status.timer;
}

static usec_t at_guard(const struct why *why) {
        const struct guard_status *guard = holding_guard(why);
        return guard ? guard->until : USEC_INFINITY;
}

static void next_unknown(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "wait for its probes; what is unknown is never acted on");
}

static void next_healthy(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "nothing to do, its probes go on");
}

static void next_suspect(const struct why *why, struct strbuf *out) {
        usec_t interval = why->failing ? why->failing->fast_interval : 0;
        strbuf_add(out, "probe it ");
        if (interval) {
                strbuf_add(out, "every ");
                add_duration(out, interval);
                strbuf_add_char(out, ' ');
        }
        strbuf_add(out, "until it passes or counts as failed");
}

static void next_queued(const struct why *why, struct strbuf *out) {
        if (why->service->n_depends_on == 0) {
                strbuf_addf(out, "start %s", why->service->name);
                return;
        }
        strbuf_addf(out, "start %s once ", why->service->name);
        add_dependencies(out, why);
        strbuf_addf(out, " %s healthy", why->service->n_depends_on == 1 ? "is" : "are");
}

static void next_checking(const struct why *why, struct strbuf *out) {
        strbuf_add(out, "probe ");
        add_dependencies(out, why);
        strbuf_addf(out, "; where one is down, %s is left alone", why->service->name);
}

static void next_comparing(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "the answer decides on the next step; without one it is decided as if "
                        "nothing were known");
}

static void next_blocked(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "wait until %s is healthy, then ",
                why->culprit ? why->culprit->name : "the dependency");
        add_duration(out, why->service->settle);
        strbuf_addf(out, " for %s to settle; nothing is done to it before", why->service->name);
}

static void next_settling(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "recovery begins if its probes do not pass by then");
}

static void next_deciding(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "begin it, or wait for its time");
}

static void next_held(const struct why *why, struct strbuf *out) {
        add_planned_attempt(out, why);
        strbuf_add(out, " as soon as nothing holds it any more");
}

static void next_backoff(const struct why *why, struct strbuf *out) {
        add_planned_attempt(out, why);
        strbuf_add(out, ", unless it heals before");
}

static void next_saving(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "the %s, once the intent is on disk", present_action(why));
}

static void next_acting(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "the executor's word on the %s, then proof by the probes",
                present_action(why));
}

static void next_verifying(const struct why *why, struct strbuf *out) {
        (void) why;
        strbuf_add(out, "its probes have to pass often enough in a row by then, otherwise the "
                        "attempt did not cure it");
}

static void next_unattended(const struct why *why, struct strbuf *out) {
        if (is_only_not_ready(why)) {
                strbuf_add(out, "it is watched until it is ready; should its liveness fail, too, "
                                "every step may be used");
                return;
        }
        strbuf_addf(out, "a person has to look at %s, or it heals by itself", why->service->name);
}

static void next_exhausted(const struct why *why, struct strbuf *out) {
        strbuf_addf(out,
                "a person has to look at it and say 'recoverctl ack %s', which lets recovery begin "
                "again; it is also over when %s heals",
                why->service->name, why->service->name);
        if (why->verdict.status.timer != USEC_INFINITY) {
                strbuf_add(out, "; people are told again at ");
                add_clock(out, why, why->verdict.status.timer);
        }
}

static void next_standby(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "nothing until the group promotes it; see 'recoverctl group %s'",
                why->service->group ? why->service->group->name : "");
}

static void next_stopped(const struct why *why, struct strbuf *out) {
        strbuf_addf(out, "nothing until a person says 'recoverctl start %s'", why->service->name);
}

/* clang-format off */
static const struct story stories[] = {
        {PHASE_WATCHING, HEALTH_UNKNOWN, "is unknown", because_unknown,
                WAIT_PROBE, NULL, next_unknown},
        {PHASE_WATCHING, HEALTH_HEALTHY, "is healthy", because_healthy,
                WAIT_NOTHING, NULL, next_healthy},
        {PHASE_WATCHING, HEALTH_SUSPECT, "is suspect", because_suspect,
                WAIT_PROBE, NULL, next_suspect},
        {PHASE_WATCHING, HEALTH_FAILED, "is failing", because_failed,
                WAIT_PROBE, NULL, next_unknown},
        {PHASE_QUEUED, ANY_HEALTH, "waits for its first start", because_queued,
                WAIT_CHANGE, NULL, next_queued},
        {PHASE_CHECKING, ANY_HEALTH, "is being checked", because_checking,
                WAIT_CHANGE, at_timer, next_checking},
        {PHASE_COMPARING, ANY_HEALTH, "is being compared", because_comparing,
                WAIT_CHANGE, at_timer, next_comparing},
        {PHASE_BLOCKED, ANY_HEALTH, "is blocked", because_blocked,
                WAIT_CHANGE, NULL, next_blocked},
        {PHASE_SETTLING, ANY_HEALTH, "is settling", because_settling,
                WAIT_PROBE, at_timer, next_settling},
        {PHASE_DECIDING, ANY_HEALTH, "is failed", because_deciding,
                WAIT_CHANGE, NULL, next_deciding},
        {PHASE_HELD, ANY_HEALTH, "is held", because_held,
                WAIT_CHANGE, at_guard, next_held},
        {PHASE_BACKOFF, ANY_HEALTH, "is in backoff", because_backoff,
                WAIT_ATTEMPT, at_next_attempt, next_backoff},
        {PHASE_SAVING, ANY_HEALTH, "is about to be acted on", because_saving,
                WAIT_CHANGE, NULL, next_saving},
        {PHASE_ACTING, ANY_HEALTH, "is being acted on", because_acting,
                WAIT_CHANGE, at_timer, next_acting},
        {PHASE_VERIFYING, ANY_HEALTH, "is being verified", because_verifying,
                WAIT_VERIFY, at_timer, next_verifying},
        {PHASE_UNATTENDED, ANY_HEALTH, "is failed and unattended", because_unattended,
                WAIT_PERSON, NULL, next_unattended},
        {PHASE_EXHAUSTED, ANY_HEALTH, "was given up (exhausted)", because_exhausted,
                WAIT_PERSON, NULL, next_exhausted},
        {PHASE_STANDBY, ANY_HEALTH, "is a standby", because_standby,
                WAIT_CHANGE, NULL, next_standby},
        {PHASE_STOPPED, ANY_HEALTH, "is stopped", because_stopped,
                WAIT_PERSON, NULL, next_stopped},
};
/* clang-format on */

static bool story_fits(const struct story *story, const struct service_status *status) {
        return story->phase == status->phase &&
               (story->health == ANY_HEALTH || story->health == (int) status->health);
}

/* There is one for every phase and health, which a test asks for. */
static const struct story *story_of(const struct service_status *status) {
        const struct story *story = stories;
        while (!story_fits(story, status)) {
                story++;
                assert(story < stories + ELEMENTSOF(stories));
        }
        return story;
}

struct next why_next(const struct why *why, struct strbuf *out) {
        const struct story *story = story_of(&why->verdict.status);
        story->next(why, out);
        return (struct next){story->what, story->at ? story->at(why) : USEC_INFINITY};
}

/* ---- The summary ---- */

/* Words for a state that is more than its phase and health. */
static const char *other_state(const struct why *why, const char *standard) {
        static const struct {
                const char *state, *words;
        } table[] = {
                {"starting", "is starting"},
                {"degraded", "is degraded"},
                {"not-ready", "is not ready"},
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                if (str_eq(why->verdict.state, table[i].state)) {
                        return table[i].words;
                }
        }
        return standard;
}

static void tell_state(const struct why *why, struct strbuf *out) {
        const struct story *story = story_of(&why->verdict.status);
        strbuf_addf(out, "%s %s", why->service->name, other_state(why, story->state));
        if (why->verdict.since) {
                strbuf_add(out, " since ");
                add_clock(out, why, why->verdict.since);
                strbuf_add(out, " (");
                add_duration(out, usec_sub(why->now.mono, why->verdict.since));
                strbuf_add_char(out, ')');
        }
        strbuf_add(out, ": ");
        story->because(why, out);
        strbuf_add_char(out, '.');
}

static void tell_evidence(const struct why *why, struct strbuf *out) {
        if (!why->failing || !outcome_is_failure(why->failing_last->outcome)) {
                if (why->verdict.detail) {
                        strbuf_addf(out, " The evidence was: %s.", why->verdict.detail);
                }
                return;
        }
        strbuf_addf(out, " Probe %s failed ", why->failing->name);
        add_count(out, why->failing_status.fails, "time", "times");
        strbuf_add(out, " in a row, last ");
        add_duration(out, usec_sub(why->now.mono, why->failing_last->at.mono));
        strbuf_addf(out, " ago: %s.", why->failing_last->detail);
}

/* What changed is the first thing that anybody asks. */
static void tell_content(const struct why *why, struct strbuf *out) {
        const struct content_report *content = runtime_content(why->runtime, why->service->index);
        if (content && content->state == FILES_CHANGED) {
                strbuf_add(out, " What changed: ");
                content_report_describe(content, out);
                strbuf_add_char(out, '.');
        } else if (content && content->state == FILES_UNCHANGED && why->verdict.status.incident) {
                strbuf_add(out, " Nothing has changed since it was well.");
        } else if (content && why->verdict.status.incident && *content->text) {
                strbuf_addf(out, " Whether it has changed is not known: %s.", content->text);
        }
        if (content && content->state == FILES_UNCHANGED && *content->text) {
                strbuf_addf(out, " Besides, %s.", content->text);
        }
}

/* What is more than what its probes see. */
static void tell_cause(const struct why *why, struct strbuf *out) {
        const struct incident *incident = why->verdict.status.incident;
        if (incident && incident->cause != incident->symptom && incident->symptom != CAUSE_NONE) {
                strbuf_addf(out, " The cause is taken to be '%s'; what its probes see is '%s'.",
                        cause_text((enum cause) incident->cause),
                        cause_text((enum cause) incident->symptom));
        }
}

static void tell_last_attempt(const struct why *why, struct strbuf *out) {
        static const char *const results[] = {
                [ATTEMPT_UNFINISHED] = NULL,
                [ATTEMPT_RECOVERED] = "was proven by the probes",
                [ATTEMPT_NOT_CURED] = "was carried out and did not cure it",
                [ATTEMPT_ACTION_FAILED] = "failed",
                [ATTEMPT_REFUSED] = "was refused by the executor",
                [ATTEMPT_SUPERSEDED] = "was overtaken",
                [ATTEMPT_DONE] = "is done",
        };
        const struct attempt *attempt = why->verdict.status.attempt;
        const struct incident *incident = why->verdict.status.incident;
        bool of_another = attempt && incident && attempt->incident != incident->id;
        if (!attempt || of_another || !results[attempt->result]) {
                return;
        }
        strbuf_addf(out, " The last attempt, number %u (%s), %s", attempt->number,
                action_text((enum action) attempt->action), results[attempt->result]);
        if (!str_empty(attempt->text)) {
                strbuf_addf(out, ": %s", attempt->text);
        }
        strbuf_add_char(out, '.');
}

/* What a person who reads the policy would have expected to be tried. */
static void tell_left_out(const struct why *why, struct strbuf *out) {
        struct rejected rejected[WHY_REJECTED_MAX];
        size_t n = why_rejected(why, rejected);
        for (size_t i = 0; i < n; i++) {
                if (rejected[i].fit != STEP_FITS && rejected[i].fit != STEP_SPENT) {
                        strbuf_addf(out, " Left out: %s (%s).", rejected[i].what, rejected[i].why);
                }
        }
}

static void tell_next(const struct why *why, struct strbuf *out) {
        strbuf_add(out, " Next: ");
        struct next next = why_next(why, out);
        if (next.at != USEC_INFINITY && next.at != 0) {
                strbuf_add(out, " (at ");
                add_clock(out, why, next.at);
                strbuf_add(out, ", in ");
                add_duration(out, usec_sub(next.at, why->now.mono));
                strbuf_add_char(out, ')');
        }
        strbuf_add_char(out, '.');
}

static void tell_pause(const struct why *why, struct strbuf *out) {
        const struct service_status *status = &why->verdict.status;
        if (!status->paused) {
                return;
        }
        strbuf_add(out, " Recovery is paused until ");
        add_clock(out, why, status->pause_until);
        strbuf_add(out, ", for ");
        add_duration(out, usec_sub(status->pause_until, why->now.mono));
        strbuf_addf(out, " more, by %s", status->pause_by);
        if (!str_empty(status->pause_reason)) {
                strbuf_addf(out, " (%s)", status->pause_reason);
        }
        strbuf_add_char(out, '.');
}

static void tell_budget(const struct why *why, struct strbuf *out) {
        for (size_t i = 0; i < why->n_guards; i++) {
                const struct guard_status *guard = &why->guards[i];
                if (guard->guard == GUARD_SERVICE_BUDGET && guard->value > 0 && !guard->holds) {
                        strbuf_addf(out, " %u of %u actions within ", guard->value, guard->limit);
                        add_duration(out, why->service->budget.per);
                        strbuf_addf(out, " %s spent.", guard->value == 1 ? "is" : "are");
                }
        }
}

static void tell_role(const struct why *why, struct strbuf *out) {
        if (is_only_not_ready(why) && why->verdict.status.phase != PHASE_UNATTENDED) {
                strbuf_add(out, " Only its readiness fails, so nothing that would interrupt it is "
                                "done.");
        }
}

/* What it can do without, and lacks. */
static void tell_soft_dependency(const struct why *why, struct strbuf *out) {
        for (uint32_t i = 0; i < why->service->n_soft_depends_on; i++) {
                struct verdict other = verdict_of(why->runtime, why->service->soft_depends_on[i]);
                if (why->verdict.status.incident && (other.down || (other.up && !other.ready))) {
                        strbuf_addf(out, " Its soft dependency %s is %s, which blocks nothing.",
                                other.status.policy->name, other.state);
                        return;
                }
        }
}

void why_summary(const struct why *why, struct strbuf *out) {
        tell_state(why, out);
        tell_evidence(why, out);
        tell_content(why, out);
        tell_cause(why, out);
        tell_role(why, out);
        tell_soft_dependency(why, out);
        tell_last_attempt(why, out);
        tell_left_out(why, out);
        tell_next(why, out);
        tell_pause(why, out);
        tell_budget(why, out);
}
