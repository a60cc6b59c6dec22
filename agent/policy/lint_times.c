/* Whether the times and counts of a service fit together. What cannot work at all is an error, see
 * timing.c. */

#include <inttypes.h>
#include <sys/param.h>

#include "base/units.h"
#include "model/manager.h"
#include "policy/lint.h"

#define SLOW_DETECTION (15 * USEC_PER_MINUTE)

struct lint {
        struct loading *loading;
        const struct service *service;
        const struct origin *origin;
};

static const struct place *place_of(const struct lint *lint, const char *key) {
        const struct node *node = node_get(lint->origin->whole, key);
        return node ? &node->place : &lint->origin->entry->key->place;
}

/* Of a probe as it was written; NULL for an implied one. */
static const struct entry *probe_entry(const struct lint *lint, const struct probe_spec *probe) {
        return probe->implied ? NULL
                              : node_entry(node_get(lint->origin->whole, "probes"), probe->name);
}

/* ---- Budgets ----------------------------------------------------------------------------------
 */

static uint64_t actions_of_ladder(const struct service *service) {
        uint64_t actions = 0;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                const struct step_spec *step = &service->steps[i];
                actions += action_traits(step->action)->only_tells ? 0 : step->attempts;
        }
        return actions;
}

static void warn_short_budget(const struct lint *lint) {
        const struct budget_spec *budget = &lint->service->budget;
        uint64_t actions = actions_of_ladder(lint->service);
        char per[UNITS_TEXT_MAX];

        if (actions > budget->actions) {
                loading_warning(lint->loading, "ladder-outlasts-budget", place_of(lint, "budget"),
                        NULL,
                        "the ladder has %" PRIu64
                        " attempts, the budget allows %u within %s: the others will be held",
                        actions, budget->actions, units_format_duration(budget->per, per));
        }
}

static void warn_budget_above_host(const struct lint *lint) {
        const struct budget_spec *own = &lint->service->budget;
        const struct budget_spec *host = &lint->loading->policy->agent.budget;
        char per[UNITS_TEXT_MAX];

        if (node_get(lint->origin->whole, "budget") && own->actions > host->actions &&
                own->per <= host->per) {
                loading_warning(lint->loading, "budget-above-host", place_of(lint, "budget"),
                        "raise 'budget' in 'agent' of recoverd.yaml as well",
                        "this budget is never spent: that of the whole host ends at %u actions "
                        "within %s",
                        host->actions, units_format_duration(host->per, per));
        }
}

/* ---- Backoff ----------------------------------------------------------------------------------
 */

/* The longest wait that the ladder gets to, without jitter. */
static usec_t longest_wait(const struct backoff_spec *backoff, uint64_t attempts) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < MIN(backoff->delays.count, attempts); i++) {
                longest = MAX(longest, backoff->delays.items[i]);
        }
        double wait = (double) backoff->initial;
        for (uint64_t i = 1; backoff->delays.count == 0 && i < attempts && wait > 0 &&
                             wait < (double) backoff->max && backoff->factor > 1;
                i++) {
                wait *= backoff->factor;
        }
        return backoff->delays.count > 0 ? longest : (usec_t) MIN(wait, (double) backoff->max);
}

static void warn_early_reset(const struct lint *lint) {
        const struct backoff_spec *backoff = &lint->service->backoff;
        usec_t longest = longest_wait(backoff, actions_of_ladder(lint->service));
        const struct node *written = node_get(lint->origin->whole, "backoff");
        const struct node *reset = node_get(written, "reset_after");
        char after[UNITS_TEXT_MAX], wait[UNITS_TEXT_MAX];

        if (written && backoff->reset_after < longest) {
                loading_warning(lint->loading, "backoff-resets-early",
                        reset ? &reset->place : &written->place,
                        "make 'reset_after' longer than the longest wait",
                        "%s of health make the waits begin anew, after a wait of up to %s: a "
                        "service that fails slowly is never waited for longer",
                        units_format_duration(backoff->reset_after, after),
                        units_format_duration_short(longest, wait));
        }
}

/* ---- Actions ----------------------------------------------------------------------------------
 */

static bool stops(int action) {
        return action == ACTION_RESTART || action == ACTION_STOP;
}

/* The executor kills what has not ended by stop_timeout; that needs the time until then. */
static void warn_short_actions(const struct lint *lint) {
        const struct command_spec *command = lint->service->command;
        const struct node *ladder = node_get(lint->origin->whole, "recover");
        char given[UNITS_TEXT_MAX], stop[UNITS_TEXT_MAX];

        for (uint32_t i = 0; command && ladder && i < lint->service->n_steps; i++) {
                const struct step_spec *step = &lint->service->steps[i];
                const struct node *timeout = lint_step_key(ladder->items[i], "timeout");
                if (stops(step->action) && timeout && step->timeout <= command->stop_timeout) {
                        loading_warning(lint->loading, "action-cut-short", &timeout->place,
                                "make it longer than 'stop_timeout', or leave it out",
                                "the action ends after %s, while a service that does not stop is "
                                "killed after %s only",
                                units_format_duration(step->timeout, given),
                                units_format_duration(command->stop_timeout, stop));
                }
        }
}

/* ---- Detection --------------------------------------------------------------------------------
 */

static void warn_slow(const struct lint *lint, const struct probe_spec *probe) {
        usec_t each = MAX(probe->fast_interval, probe->timeout);
        usec_t worst = probe->interval + (probe->fall - 1) * each + probe->timeout;
        const struct entry *entry = probe_entry(lint, probe);
        char text[UNITS_TEXT_MAX];

        if (worst > SLOW_DETECTION && entry) {
                loading_warning(lint->loading, "slow-detection", &entry->key->place, NULL,
                        "the probe '%.64s' may take %s to notice a failure", probe->name,
                        units_format_duration_short(worst, text));
        }
}

/* Answers get lost and come late; what is read from the kernel does not. */
static bool asks_somebody(const struct lint *lint, const struct probe_spec *probe) {
        const struct probe_traits *traits = lint_traits(lint->loading, probe);
        return probe_causes(traits, probe->params) & CAUSE_BIT(CAUSE_UNRESPONSIVE);
}

bool lint_is_restarted(const struct service *service) {
        for (uint32_t i = 0; i < service->n_steps; i++) {
                if (stops(service->steps[i].action)) {
                        return true;
                }
        }
        return false;
}

static void warn_hasty(const struct lint *lint, const struct probe_spec *probe) {
        const struct entry *entry = probe_entry(lint, probe);
        const struct node *own = entry ? node_get(entry->value, "fall") : NULL;
        const struct node *fall = own ? own : node_get(lint->origin->whole, "fall");

        if (entry && probe->fall == 1 && probe->role == ROLE_LIVENESS &&
                asks_somebody(lint, probe) && lint_is_restarted(lint->service)) {
                loading_warning(lint->loading, "single-failure",
                        fall ? &fall->place : &entry->key->place,
                        "'fall: 2' costs one 'fast_interval', and no restart for nothing",
                        "one answer that is lost or late is enough for the probe '%.64s' to have "
                        "the service restarted",
                        probe->name);
        }
}

void lint_times(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const struct lint lint = {.loading = loading, .service = service, .origin = origin};

        warn_short_budget(&lint);
        warn_budget_above_host(&lint);
        warn_early_reset(&lint);
        warn_short_actions(&lint);
        for (uint32_t i = 0; i < service->n_probes; i++) {
                warn_slow(&lint, &service->probes[i]);
                warn_hasty(&lint, &service->probes[i]);
        }
}
