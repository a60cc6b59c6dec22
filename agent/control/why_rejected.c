/* What was not done, and why not. */

#include <stdio.h>

#include "base/str.h"
#include "control/why.h"
#include "recovery/rules.h"
#include "runtime/runtime.h"

struct list {
        struct rejected *items;
        size_t count;
};

static struct rejected *add(struct list *list) {
        return list->count < WHY_REJECTED_MAX ? &list->items[list->count++] : NULL;
}

static const char *help_of(enum step_fit fit) {
        for (const struct enum_text *row = step_fit_texts; row->text; row++) {
                if (row->value == (int) fit) {
                        return row->help;
                }
        }
        return "";
}

/* What the numbers of this service add to the sentence of the table. */
static void say_step(const struct why *why, uint32_t index, const struct step_status *step,
        struct rejected *ret) {
        const struct step_spec *spec = &why->service->steps[index];
        const struct incident *incident = why->verdict.status.incident;
        const char *cause = incident ? cause_text((enum cause) incident->cause) : "?";
        ret->fit = step->fit;
        snprintf(ret->what, sizeof(ret->what), "step %u, %s", index + 1,
                action_text((enum action) spec->action));
        switch (step->fit) {
        case STEP_SPENT:
                snprintf(ret->why, sizeof(ret->why), "its attempts were made, %u of %u", step->made,
                        spec->attempts);
                return;
        case STEP_OTHER_CAUSE:
                snprintf(ret->why, sizeof(ret->why), "its 'for' does not name %s", cause);
                return;
        case STEP_USELESS:
                snprintf(ret->why, sizeof(ret->why), "it cured %s %u of %u times", cause,
                        step->cured, step->tried);
                return;
        default:
                snprintf(ret->why, sizeof(ret->why), "%s", help_of(step->fit));
        }
}

static void add_steps(const struct why *why, struct list *list) {
        struct step_status steps[POLICY_STEPS_MAX];
        uint32_t n = recovery_ladder(
                runtime_recovery(why->runtime), why->service->index, why->now, steps);
        enum phase phase = why->verdict.status.phase;
        bool acting = phase == PHASE_SAVING || phase == PHASE_ACTING || phase == PHASE_VERIFYING;
        for (uint32_t i = 0; i < n; i++) {
                bool under_way = acting && steps[i].current;
                struct rejected *rejected =
                        steps[i].fit == STEP_FITS || under_way ? NULL : add(list);
                if (rejected) {
                        say_step(why, i, &steps[i], rejected);
                }
        }
}

/* Whether the other row would have fired in its place, had its condition held. */
static bool stands_above(const struct rule *other, const struct rule *fired) {
        return other < fired && other->phases & fired->phases &&
               other->happenings & fired->happenings && other->when_text;
}

/* Rows are asked from top to bottom. Of those above the last one the conditions did not hold. */
static void add_rows(const struct why *why, struct list *list) {
        const struct rule *fired = rule_by_number(why->verdict.status.last_rule);
        for (size_t i = 0; fired && i < n_rules; i++) {
                struct rejected *rejected = stands_above(&rules[i], fired) ? add(list) : NULL;
                if (rejected) {
                        rejected->fit = STEP_FITS;
                        snprintf(
                                rejected->what, sizeof(rejected->what), "rule %u", rules[i].number);
                        snprintf(rejected->why, sizeof(rejected->why), "not so: %s",
                                rules[i].when_text);
                }
        }
}

size_t why_rejected(const struct why *why, struct rejected ret[WHY_REJECTED_MAX]) {
        struct list list = {.items = ret};
        if (why->verdict.status.incident) {
                add_steps(why, &list);
        }
        add_rows(why, &list);
        return list.count;
}
