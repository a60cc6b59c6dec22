#include <assert.h>
#include <syslog.h>

#include "recovery/state.h"

static const struct rule *find(const struct turn *turn, enum happening happening) {
        for (size_t i = 0; i < n_rules; i++) {
                const struct rule *rule = &rules[i];
                if (rule->phases & (1U << turn->service->phase) &&
                        rule->happenings & (1U << happening) && (!rule->when || rule->when(turn))) {
                        return rule;
                }
        }
        return NULL;
}

/* How loud it is to arrive in a phase. */
static int level_of(enum phase phase) {
        switch (phase) {
        case PHASE_EXHAUSTED:
                return LOG_ERR;
        case PHASE_BLOCKED:
        case PHASE_HELD:
        case PHASE_UNATTENDED:
                return LOG_WARNING;
        case PHASE_STOPPED:
                return LOG_NOTICE;
        case PHASE_WATCHING: /* the attempt's and the incident's own events are louder */
        case PHASE_ACTING:
        case PHASE_QUEUED:
        case PHASE_CHECKING:
        case PHASE_SETTLING:
        case PHASE_DECIDING:
        case PHASE_BACKOFF:
        case PHASE_SAVING:
        case PHASE_VERIFYING:
        case PHASE_COMPARING:
        case PHASE_STANDBY:
                return LOG_INFO;
        }
        return LOG_INFO;
}

static void fire(struct turn *turn, const struct rule *rule) {
        struct service_state *service = turn->service;
        struct recovery *recovery = turn->recovery;
        turn->rule = rule;
        turn->note[0] = '\0';
        if (recovery->n_trail < RECOVERY_TRAIL_MAX) {
                recovery->trail[recovery->n_trail++] = rule->number;
        }
        service->last_rule = rule->number;
        service->last_rule_at = turn->now.mono;
        service->phase_deadline =
                rule->next == PHASE_SAME ? service->phase_deadline : USEC_INFINITY;
        if (rule->run) {
                rule->run(turn);
        }
        if (rule->next != PHASE_SAME) {
                service->phase = (enum phase) rule->next;
        }
        service->dirty = true;
}

/* One event for the way from one resting phase to another: the row that led into the last one says
 * why. */
static void tell(struct turn *turn, enum phase before, enum guard held_before) {
        struct service_state *service = turn->service;
        if (service->phase != PHASE_HELD) {
                service->held_by = GUARD_NONE;
        }
        if (service->phase == before && service->held_by == held_before) {
                return;
        }
        service->phase_since = turn->now.mono;
        turn_event(turn, EVENT_PHASE, level_of(service->phase), "%s: %s%s%s",
                enum_text_format(phase_texts, service->phase), turn->rule->sentence,
                turn->note[0] ? ": " : "", turn->note);
}

void machine_feed(struct turn *turn, enum happening happening) {
        enum phase before = turn->service->phase;
        enum guard held_before = turn->service->held_by;
        const struct rule *rule = find(turn, happening);
        if (!rule) {
                return;
        }
        fire(turn, rule);
        for (unsigned hops = 0; turn->service->phase == PHASE_DECIDING; hops++) {
                assert(hops < RULE_HOPS_MAX);
                rule = find(turn, HAPPENING_ALWAYS);
                assert(rule);
                fire(turn, rule);
        }
        tell(turn, before, held_before);
        turn->rule = NULL;
}
