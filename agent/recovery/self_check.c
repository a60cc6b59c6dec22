/* What self-suspicion means for inputs, guards and people; what begins and ends it is in
 * suspicion.c. */

#include <stdio.h>
#include <syslog.h>

#include "base/units.h"
#include "recovery/state.h"

/* How soon a service asks again whether it may be acted on, while another one is. */
#define TRIAL_RETRY (5 * USEC_PER_SEC)

/* ---- What is seen ---- */

static void tell(struct instant now, struct effects *effects, int level, const char *what,
        const char *about) {
        struct event *event = &effects_add(effects, EFFECT_EVENT, UINT32_MAX)->event;
        event->at = now.wall;
        event->kind = EVENT_SUSPICION;
        event->level = level;
        snprintf(event->text, sizeof(event->text), "%s%s%s", what, about[0] ? ": " : "", about);
        effects_add(effects, EFFECT_GUARDS, UINT32_MAX);
}

static void judge(struct recovery *recovery, struct instant now, struct effects *effects) {
        struct suspicion *suspicion = &recovery->suspicion;
        char took[UNITS_TEXT_MAX], text[EVENT_TEXT_MAX];
        usec_t length = usec_sub(now.mono, suspicion->since);
        switch (suspicion_judge(suspicion, now.mono)) {
        case SUSPICION_SAME:
                return;
        case SUSPICION_BEGAN:
                tell(now, effects, LOG_WARNING,
                        "the agent suspects itself, so failures count as unknown and actions are held",
                        suspicion->text);
                return;
        case SUSPICION_WAS_OUTLIVED:
                recovery->trial = UINT32_MAX;
                snprintf(text, sizeof(text),
                        "the agent suspects itself for %s now, which is as long as it may: it acts on what it sees, on one service at a time",
                        units_format_duration_short(length, took));
                tell(now, effects, LOG_WARNING, text, suspicion->text);
                return;
        case SUSPICION_ENDED:
                snprintf(text, sizeof(text), "the agent trusts itself again after %s",
                        units_format_duration_short(length, took));
                tell(now, effects, LOG_NOTICE, text, "");
                return;
        }
}

void self_check_host(struct recovery *recovery, const struct host_signs *signs, struct instant now,
        struct effects *effects) {
        suspicion_host(&recovery->suspicion, signs, now.mono);
        judge(recovery, now, effects);
}

void self_check_judge(struct turn *turn) {
        judge(turn->recovery, turn->now, turn->effects);
}

/* Whether a failure would be no surprise: nobody has to doubt what he sees for that. */
static bool is_expected_to_answer(const struct turn *turn) {
        const struct service_state *service = turn->service;
        bool managed = service->policy->manager != MANAGER_NONE;
        bool runs = !managed || (service->process_known && service->running);
        return runs && turn->now.mono >= service->grace_until && service->phase != PHASE_STOPPED;
}

static enum tells tells(const struct turn *turn, const struct observation *observation) {
        if (outcome_is_pass(observation->outcome)) {
                return TELLS_PASS;
        }
        bool surprise = outcome_is_failure(observation->outcome) && !observation->certain &&
                        is_expected_to_answer(turn);
        return surprise ? TELLS_FAILURE : TELLS_NOTHING;
}

void self_check_observe(struct turn *turn, const struct observation *observation) {
        struct recovery *recovery = turn->recovery;
        const struct service *policy = turn->service->policy;
        const struct probe_spec *probe = &policy->probes[observation->probe];
        if (!policy->reference && !probe->implied && probe->role != ROLE_WARNING &&
                suspicion_observe(&recovery->suspicion, policy->index,
                        &turn->service->probes[observation->probe], tells(turn, observation),
                        turn->now.mono)) {
                self_check_judge(turn);
        }
}

bool self_check_doubts(const struct turn *turn, const struct observation *observation) {
        return turn->recovery->suspicion.state == SUSPICION_HOLDS &&
               outcome_is_failure(observation->outcome) && !observation->certain &&
               !turn->service->policy->reference;
}

/* ---- What is held ---- */

/* Known without a measurement of ours: its process is gone, and starting what does not run disturbs
 * nobody. */
static bool is_certain(const struct service_state *service) {
        bool runs = service->process_known && service->running;
        return service->dead || (!runs && service->has_evidence && service->file->evidence.certain);
}

/* Another one that is being acted on, while one at a time is allowed; NULL: none. */
static const struct service_state *trial_of_another(
        const struct recovery *recovery, const struct service_state *service) {
        if (recovery->trial == UINT32_MAX) {
                return NULL;
        }
        const struct service_state *other = &recovery->services[recovery->trial];
        bool busy = other->phase == PHASE_SAVING || other->phase == PHASE_ACTING ||
                    other->phase == PHASE_VERIFYING;
        return busy && other != service ? other : NULL;
}

bool self_check_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        const struct suspicion *suspicion = &recovery->suspicion;
        const struct service_state *other = NULL;
        ret->value = suspicion->failing;
        ret->limit = suspicion->measured;
        switch (suspicion->state) {
        case SUSPICION_NONE:
                snprintf(ret->text, sizeof(ret->text), "the agent trusts what it sees");
                return false;
        case SUSPICION_HOLDS:
                if (is_certain(service)) {
                        snprintf(ret->text, sizeof(ret->text),
                                "the agent suspects itself, but that it ended is certain");
                        return false;
                }
                ret->until = suspicion_bound(suspicion);
                snprintf(ret->text, sizeof(ret->text), "the agent suspects itself: %.120s",
                        suspicion->text);
                return true;
        case SUSPICION_OUTLIVED:
                other = is_certain(service) ? NULL : trial_of_another(recovery, service);
                break;
        }
        if (!other) {
                snprintf(ret->text, sizeof(ret->text),
                        "the agent suspects itself for too long to hold actions");
                return false;
        }
        ret->until = usec_add(now, TRIAL_RETRY);
        snprintf(ret->text, sizeof(ret->text),
                "the agent suspects itself, so it acts on one service at a time: now on %s",
                other->policy->name);
        return true;
}

void self_check_acting(struct turn *turn) {
        if (turn->recovery->suspicion.state == SUSPICION_OUTLIVED && !is_certain(turn->service)) {
                turn->recovery->trial = turn->service->policy->index;
        }
}
