/* Whether the ladder of a service has an answer to what its probes can find. */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "model/cause_kinds.h"
#include "model/manager.h"
#include "policy/lint.h"

/* A service, and what is known of its ladder. */
struct lint {
        struct loading *loading;
        const struct service *service;
        const struct origin *origin;
        uint32_t found; /* bits of the causes that its probes can report */
        uint32_t interrupting; /* of those, the ones for which it may be interrupted */
};

#define ACTION_BIT(action) (UINT32_C(1) << (action))

/* What is done to the process of the service, and to nothing else. */
#define ON_THE_PROCESS                                                                             \
        (ACTION_BIT(ACTION_RESTART) | ACTION_BIT(ACTION_START) | ACTION_BIT(ACTION_STOP) |         \
                ACTION_BIT(ACTION_RELOAD) | ACTION_BIT(ACTION_SIGNAL))

/* What is known of a service without any probe. */
#define WITHOUT_PROBES (CAUSE_BIT(CAUSE_DEPENDENCY) | CAUSE_BIT(CAUSE_CHANGED))

static bool is_on_the_process(const struct step_spec *step) {
        return ON_THE_PROCESS & ACTION_BIT(step->action);
}

/* ---- Causes -----------------------------------------------------------------------------------
 */

/* A start does nothing for what is running. */
static uint32_t causes_of_step(const struct step_spec *step) {
        uint32_t causes = step->causes ? step->causes : UINT32_MAX;
        return step->action == ACTION_START ? causes & CAUSES_OF_ABSENCE : causes;
}

/* Of the steps that are among these actions. */
static uint32_t causes_of_ladder(const struct service *service, uint32_t actions) {
        uint32_t causes = 0;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                if (actions & ACTION_BIT(service->steps[i].action)) {
                        causes |= causes_of_step(&service->steps[i]);
                }
        }
        return causes;
}

/* A warning is never acted on. */
static uint32_t causes_of_probe(const struct lint *lint, const struct probe_spec *probe) {
        return probe->role == ROLE_WARNING
                       ? 0
                       : probe_causes(lint_traits(lint->loading, probe), probe->params);
}

static uint32_t outside_of_probe(const struct lint *lint, const struct probe_spec *probe) {
        const struct probe_traits *traits = lint_traits(lint->loading, probe);
        bool acts = traits && probe->role == ROLE_LIVENESS;
        return acts ? causes_of_probe(lint, probe) & traits->outside : 0;
}

static const char *causes_text(struct strbuf *buffer, uint32_t causes) {
        strbuf_reset(buffer);
        causes_add(buffer, causes);
        const char *text = strbuf_text(buffer);
        return text ? text : "";
}

/* ---- Where ------------------------------------------------------------------------------------
 */

static const struct place *place_of_probe(const struct lint *lint, const struct probe_spec *probe) {
        const struct entry *entry =
                node_entry(node_get(lint->origin->whole, "probes"), probe->name);
        return entry && !probe->implied ? &entry->key->place : &lint->origin->entry->key->place;
}

static const struct place *place_of_ladder(const struct lint *lint) {
        const struct entry *entry = node_entry(lint->origin->whole, "recover");
        return entry ? &entry->key->place : &lint->origin->entry->key->place;
}

/* NULL for the standard ladder. */
static const struct node *step_node(const struct lint *lint, uint32_t index) {
        const struct node *ladder = node_get(lint->origin->whole, "recover");
        bool known = ladder && ladder->kind == NODE_LIST && index < ladder->count;
        return known ? ladder->items[index] : NULL;
}

/* ---- The checks -------------------------------------------------------------------------------
 */

/* Actions that leave the service running, which is all that readiness may do. */
static uint32_t quiet_actions(void) {
        uint32_t actions = 0;
        for (int action = 0; action < ACTION_COUNT; action++) {
                actions |= action_traits(action)->interrupts ? 0 : ACTION_BIT(action);
        }
        return actions;
}

static void warn_uncovered_probe(
        const struct lint *lint, const struct probe_spec *probe, uint32_t causes) {
        AUTO_STRBUF struct strbuf text = {0};
        if (probe->role == ROLE_READINESS) {
                loading_warning(lint->loading, "readiness-without-step",
                        place_of_probe(lint, probe), "end the ladder with 'notify'",
                        "nothing is done for '%s' of the probe '%.64s': its role is readiness, and "
                        "no step for it leaves the service running",
                        causes_text(&text, causes), probe->name);
        } else {
                loading_warning(lint->loading, "cause-without-step", place_of_probe(lint, probe),
                        "add it to the 'for' of a step, or end the ladder with 'notify'",
                        "no step of the ladder is for '%s', which the probe '%.64s' can find: it "
                        "would be given up at once",
                        causes_text(&text, causes), probe->name);
        }
}

/* Of each cause the first probe of a role that can report it is named, once. */
static void warn_uncovered(const struct lint *lint) {
        uint32_t left[ROLE_COUNT] = {
                [ROLE_LIVENESS] = ~causes_of_ladder(lint->service, UINT32_MAX),
                [ROLE_READINESS] = ~causes_of_ladder(lint->service, quiet_actions()),
        };
        for (uint32_t i = 0; i < lint->service->n_probes; i++) {
                const struct probe_spec *probe = &lint->service->probes[i];
                uint32_t causes = causes_of_probe(lint, probe) & left[probe->role];
                if (causes) {
                        warn_uncovered_probe(lint, probe, causes);
                }
                left[probe->role] &= ~causes;
        }
}

/* Limited by its author to what no probe reports, or to what it is not taken for. */
static void warn_unused_step(
        const struct lint *lint, const struct step_spec *step, const struct place *place) {
        AUTO_STRBUF struct strbuf text = {0};
        const char *causes = causes_text(&text, step->causes);
        bool interrupts = action_traits(step->action)->interrupts;

        if (!(step->causes & (lint->found | WITHOUT_PROBES))) {
                loading_warning(lint->loading, "step-without-cause", place,
                        "give a probe a limit that finds it, or remove the step",
                        "no probe of '%.64s' can find '%s': the step is never taken",
                        lint->service->name, causes);
        } else if (!(step->causes & lint->found)) {
                loading_warning(lint->loading, "step-without-cause", place,
                        step->causes & CAUSE_BIT(CAUSE_CHANGED)
                                ? "give the service a 'checkpoint', or a 'rollback' that says what "
                                  "is followed"
                                : "while a hard dependency is down nothing is done: depend on it "
                                  "softly, or remove the step",
                        "'%s' is never the cause of a failure of '%.64s': the step is never taken",
                        causes, lint->service->name);
        } else if (interrupts && !(step->causes & lint->interrupting)) {
                loading_warning(lint->loading, "step-without-cause", place,
                        "use a step that leaves the service running, or 'role: liveness'",
                        "'%s' is found by readiness probes of '%.64s' only, which interrupt nothing: "
                        "the step is never taken",
                        causes, lint->service->name);
        }
}

/* What a template brings may be for others. */
static void warn_unused_steps(const struct lint *lint) {
        const struct node *own = node_get(lint->origin->entry->value, "recover");
        if (!own || own != node_get(lint->origin->whole, "recover")) {
                return;
        }
        for (uint32_t i = 0; i < lint->service->n_steps; i++) {
                const struct node *node = lint_step_key(step_node(lint, i), "for");
                if (node) {
                        warn_unused_step(lint, &lint->service->steps[i], &node->place);
                }
        }
}

/* ---- What cannot be meant, whatever the probes find ---- */

/* Why a step can do nothing for any of the causes that its author limited it to; NULL: it can. */
static const char *why_nonsense(const struct step_spec *step) {
        uint32_t causes = step->causes;
        bool absent = !(causes & ~CAUSES_OF_ABSENCE);
        bool of_others = causes == CAUSE_BIT(CAUSE_DEPENDENCY);
        bool quiet = !action_traits(step->action)->interrupts;
        if (action_traits(step->action)->needs_running && absent) {
                return "it needs a service that runs";
        }
        if (step->action == ACTION_START && !(causes & (CAUSES_OF_ABSENCE | WITHOUT_PROBES))) {
                return "it does nothing to a service that runs";
        }
        return of_others && !quiet ? "what is done to this service brings no other one back" : NULL;
}

static void refuse_nonsense(const struct lint *lint) {
        AUTO_STRBUF struct strbuf text = {0};
        for (uint32_t i = 0; i < lint->service->n_steps; i++) {
                const struct step_spec *step = &lint->service->steps[i];
                const struct node *node = lint_step_key(step_node(lint, i), "for");
                const char *why = node ? why_nonsense(step) : NULL;
                if (why) {
                        loading_error(lint->loading, "impossible-cure", &node->place,
                                "use another step for it, or leave it to 'notify'",
                                "'%s' does not cure '%s': %s",
                                action_text((enum action) step->action),
                                causes_text(&text, step->causes), why);
                }
        }
}

/* What is known of a service without a probe; its causes come with it. */
static uint32_t found_without_probes(const struct service *service) {
        return (service->rollback ? CAUSE_BIT(CAUSE_CHANGED) : 0) |
               (service->n_soft_depends_on > 0 ? CAUSE_BIT(CAUSE_DEPENDENCY) : 0);
}

static void refuse_incurable(const struct lint *lint, const struct probe_spec *probe) {
        AUTO_STRBUF struct strbuf text = {0};
        uint32_t others = causes_of_ladder(lint->service, ~ON_THE_PROCESS);
        uint32_t causes = outside_of_probe(lint, probe) & ~others &
                          causes_of_ladder(lint->service, ON_THE_PROCESS);
        if (causes) {
                loading_error(lint->loading, "impossible-cure", place_of_ladder(lint),
                        "add 'notify', or an 'exec' that mends it",
                        "nothing here cures '%s' of the probe '%.64s': %s",
                        causes_text(&text, causes), probe->name,
                        lint_traits(lint->loading, probe)->outside_why);
        }
}

/* Causes that are never anything but outside, and a probe that reports one. */
static uint32_t only_outside(const struct lint *lint, const struct probe_spec **ret) {
        uint32_t outside = 0, inside = 0;
        for (uint32_t i = 0; i < lint->service->n_probes; i++) {
                const struct probe_spec *probe = &lint->service->probes[i];
                uint32_t its = outside_of_probe(lint, probe);
                *ret = its && !outside ? probe : *ret;
                outside |= its;
                inside |= causes_of_probe(lint, probe) & ~its;
        }
        return outside & ~inside;
}

static void warn_useless_steps(const struct lint *lint) {
        AUTO_STRBUF struct strbuf useless = {0}, useful = {0};
        const struct probe_spec *probe = NULL;
        uint32_t answered = causes_of_ladder(lint->service, ~ON_THE_PROCESS);
        uint32_t outside = only_outside(lint, &probe) & answered; /* else it is an error */
        for (uint32_t i = 0; i < lint->service->n_steps; i++) {
                const struct step_spec *step = &lint->service->steps[i];
                const struct node *node = step_node(lint, i);
                uint32_t causes = causes_of_step(step) & outside;
                if (!causes || !node || !is_on_the_process(step)) {
                        continue;
                }
                char hint[PROBLEM_HINT_MAX];
                uint32_t rest = causes_of_step(step) & lint->found & ~outside;
                snprintf(hint, sizeof(hint), "limit it to what it cures: 'for: [%s]'",
                        causes_text(&useful, rest));
                loading_warning(lint->loading, "useless-step", &node->place, rest ? hint : NULL,
                        "'%s' is tried for '%s' of the probe '%.64s' as well: %s",
                        action_text((enum action) step->action), causes_text(&useless, causes),
                        probe->name, lint_traits(lint->loading, probe)->outside_why);
        }
}

static bool cures_an_exit(const struct step_spec *step) {
        return !action_traits(step->action)->only_tells &&
               (step->causes == 0 || (step->causes & CAUSES_OF_EXITED));
}

/* Steps for a running service alone leave one that has ended to itself, and to those who are told.
 */
static void warn_no_cure(const struct lint *lint) {
        bool needs_running = false, cured = false;
        for (uint32_t i = 0; i < lint->service->n_steps; i++) {
                const struct step_spec *step = &lint->service->steps[i];
                needs_running = needs_running || action_traits(step->action)->needs_running;
                cured = cured || cures_an_exit(step);
        }
        if (needs_running && !cured &&
                causes_of_ladder(lint->service, UINT32_MAX) & CAUSES_OF_EXITED) {
                loading_warning(lint->loading, "no-cure", place_of_ladder(lint),
                        "add a restart as the last step",
                        "reload and signal need a running service: no step helps when it has ended");
        }
}

/* A type that says nothing of itself may find anything. */
static bool is_known(const struct loading *loading, const struct service *service) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (!lint_traits(loading, &service->probes[i])) {
                        return false;
                }
        }
        return true;
}

void lint_ladder(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        struct lint lint = {.loading = loading, .service = service, .origin = origin};

        warn_no_cure(&lint);
        refuse_nonsense(&lint);
        if (service->n_steps == 0 || !is_known(loading, service)) {
                return; /* it is only watched */
        }
        for (uint32_t i = 0; i < service->n_probes; i++) {
                uint32_t causes = causes_of_probe(&lint, &service->probes[i]);
                lint.found |= causes;
                lint.interrupting |= service->probes[i].role == ROLE_LIVENESS ? causes : 0;
        }
        lint.found |= found_without_probes(service);
        lint.interrupting |= found_without_probes(service);
        for (uint32_t i = 0; i < service->n_probes; i++) {
                refuse_incurable(&lint, &service->probes[i]);
        }
        warn_uncovered(&lint);
        warn_unused_steps(&lint);
        warn_useless_steps(&lint);
}
