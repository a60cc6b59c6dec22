#include "recovery/member.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "base/units.h"
#include "model/group_timing.h"
#include "recovery/member_rules.h"

/* While it waits for something that may come at any time, it looks again after so long. */
#define LOOK_AGAIN (500 * USEC_PER_MSEC)
/* The guard follows the renewals of the lease at twice their pace. */
enum { LOOKS_PER_LEASE = 6 };

void member_init(struct member *member, const struct group_spec *group,
        const struct group_member_spec *self, const char *id, usec_t now) {
        *member = (struct member){.group = group, .self = self, .id = id, .since = now};
}

/* ---- What is remembered of the lease ----------------------------------------------------------
 */

static const struct member_change *find_change(const struct member *member, wall_usec_t moment) {
        for (size_t i = 0; i < member->n_changes; i++) {
                if (member->changes[i].moment == moment) {
                        return &member->changes[i];
                }
        }
        return NULL;
}

/* What happens while it looks, happens now, whatever the clocks of the hosts show. Only for what
 * was before its time they have to be believed, and what they say of the future was just now. */
static struct member_change date_change(
        const struct member *member, const struct member_input *input, wall_usec_t moment) {
        usec_t age = member->changes_known ? 0 : usec_sub(input->wall, moment);
        return (struct member_change){.moment = moment, .at = (int64_t) input->now - (int64_t) age};
}

static void remember_changes(struct member *member, const struct member_input *input) {
        struct member_change changes[GROUP_FAILOVERS_MAX];
        if (input->standing == LEASE_UNKNOWN) {
                return;
        }
        for (size_t i = 0; i < input->n_changes; i++) {
                const struct member_change *known = find_change(member, input->changes[i]);
                changes[i] = known ? *known : date_change(member, input, input->changes[i]);
        }
        memcpy(member->changes, changes, input->n_changes * sizeof(changes[0]));
        member->n_changes = input->n_changes;
        member->changes_known = true;
}

static void remember_lease(struct member *member, const struct member_input *input) {
        remember_changes(member, input);
        if (input->standing == LEASE_OURS) {
                member->usable_until = input->usable_until;
        }
        if (input->standing != LEASE_FREE) {
                member->idle_since = 0;
        } else if (member->idle_since == 0) {
                member->idle_since = input->now;
        }
        if (input->standing == LEASE_FREE) {
                member->free_since = member->free_since ? member->free_since : input->now;
        } else if (input->standing != LEASE_UNKNOWN) {
                member->free_since = 0;
        }
}

uint32_t member_failovers(const struct member *member, usec_t now) {
        uint32_t n = 0;
        for (size_t i = 0; i < member->n_changes; i++) {
                n += (int64_t) now - member->changes[i].at <
                     (int64_t) member->group->max_failovers.per;
        }
        return n;
}

/* ---- What keeps it from being promoted --------------------------------------------------------
 */

/* The sentence of the guard, and whether it holds. */
static bool say(struct member_guard *guard, bool holds, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static bool say(struct member_guard *guard, bool holds, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(guard->text, sizeof(guard->text), format, arguments);
        va_end(arguments);
        return holds;
}

#define GUARD(name)                                                                                \
        static bool name(const struct member *member, const struct member_input *input,            \
                struct member_guard *ret)

GUARD(membership_holds) {
        (void) input;
        return member->self ? say(ret, false, "it is named in the group")
                            : say(ret, true, "this host is not named in the group");
}

GUARD(executor_holds) {
        (void) member;
        return input->role == MEMBER_NONE
                       ? say(ret, true, "the executor is away, or has not said what runs here")
                       : say(ret, false, "the executor says: %s", member_role_text(input->role));
}

/* It refuses a promotion by other policies: at a reload it reads them after the agent. */
GUARD(policies_hold) {
        (void) member;
        return input->agrees ? say(ret, false, "the executor follows the same policies")
                             : say(ret, true, "the executor has yet to read the present policies");
}

GUARD(hold_holds) {
        (void) member;
        return input->held ? say(ret, true, "%s", input->held)
                           : say(ret, false, "nothing is paused or held");
}

GUARD(probes_hold) {
        if (member->group->requires_healthy.count == 0) {
                return say(ret, false, "no probe is required");
        }
        if (member->group->standby == STANDBY_RUNNING && input->follows == 0) {
                return say(ret, false, "it follows nobody, so the required probes say nothing");
        }
        return input->probes_pass ? say(ret, false, "the required probes are healthy")
                                  : say(ret, true, "a required probe is not healthy");
}

/* Only what followed the last active member has its data; so has that one itself. */
GUARD(data_holds) {
        if (member->group->standby != STANDBY_RUNNING) {
                return say(ret, false, "its standbys do not run");
        }
        if (member->duty == DUTY_FOLLOWING) {
                return say(ret, true, "it is being made to follow the active member");
        }
        if (!input->last || input->last_is_self) {
                return say(ret, false,
                        input->last ? "it was active last itself" : "no member was active before");
        }
        if (input->follows == input->last_token && input->follows > 0) {
                return say(ret, false, "it follows %s, which was active last", input->last);
        }
        return say(ret, true,
                "its data may be older than those of %s, which was active last: it does not follow "
                "that one%s",
                input->last,
                member->follow_tries > 0 && member->followed_at == 0 ? ", the last try failed"
                                                                     : "");
}

GUARD(patience_holds) {
        char left[UNITS_TEXT_MAX];
        if (input->now >= member->back_at) {
                return say(ret, false, "it need not stay back");
        }
        return say(ret, true, "it stays back for another %s, so that others get their turn",
                units_format_duration_short(member->back_at - input->now, left));
}

GUARD(promise_holds) {
        char left[UNITS_TEXT_MAX];
        (void) member;
        if (input->now >= input->promised_until) {
                return say(ret, false, "it has promised nothing to the active member");
        }
        return say(ret, true,
                "it has promised the active member, or may have before it was started, not to be "
                "promoted for another %s",
                units_format_duration_short(input->promised_until - input->now, left));
}

/* The change that gave it the lease is one that was allowed. */
GUARD(failovers_hold) {
        char per[UNITS_TEXT_MAX];
        const struct budget_spec *most = &member->group->max_failovers;
        uint32_t n = member_failovers(member, input->now);
        if (most->actions == 0) {
                return say(ret, false, "any number of failovers is allowed");
        }
        bool holds = n >= most->actions && input->standing != LEASE_OURS;
        return say(ret, holds, "%u of %u failovers within %s", n, most->actions,
                units_format_duration_short(most->per, per));
}

/* The executor counts a promotion as it does a restart. */
GUARD(budget_holds) {
        (void) member;
        return input->now < input->spent_until
                       ? say(ret, true, "no action is left for a promotion: %s", input->spent)
                       : say(ret, false, "no promotion was refused for want of budget");
}

GUARD(lease_holds) {
        (void) member;
        switch (input->standing) {
        case LEASE_UNKNOWN:
                return say(ret, true, "the coordinator does not say who has the lease");
        case LEASE_FREE:
                return say(ret, false, "the lease is free");
        case LEASE_OTHER:
                return say(ret, true, "the lease is with %s",
                        input->holder ? input->holder : "another member");
        case LEASE_OURS:
                return say(ret, false, "the lease is its own");
        }
        return true;
}

static usec_t free_for(const struct member *member, usec_t now) {
        return member->free_since > 0 ? usec_sub(now, member->free_since) : 0;
}

GUARD(delay_holds) {
        char delay[UNITS_TEXT_MAX], since[UNITS_TEXT_MAX];
        usec_t free = free_for(member, input->now);
        if (member->group->failover_delay == 0) {
                return say(ret, false, "no failover_delay");
        }
        return say(ret, free < member->group->failover_delay,
                "the lease is free for %s of the failover_delay of %s",
                units_format_duration_short(free, since),
                units_format_duration_short(member->group->failover_delay, delay));
}

/* For the time of one more lease a better one has the first choice. */
GUARD(better_peer_holds) {
        uint32_t own = member->self ? member->self->priority : 0;
        bool better = input->peer_can && input->peer &&
                      (input->peer_priority > own ||
                              (input->peer_priority == own && strcmp(input->peer, member->id) < 0));
        usec_t patience = usec_add(member->group->failover_delay, member->group->lease);
        if (!better) {
                return say(ret, false, "no other member comes first");
        }
        return say(ret, free_for(member, input->now) < patience, "%s comes first", input->peer);
}

static const struct {
        const char *name;
        bool of_member; /* the others are told that it could not be promoted */
        bool (*holds)(const struct member *member, const struct member_input *input,
                struct member_guard *ret);
} guards[MEMBER_GUARDS] = {
        {"member", true, membership_holds},
        {"executor", true, executor_holds},
        {"held", true, hold_holds},
        {"probes", true, probes_hold},
        {"data", true, data_holds},
        {"patience", true, patience_holds},
        {"promise", true, promise_holds},
        {"failovers", true, failovers_hold},
        {"budget", true, budget_holds},
        {"policies", false, policies_hold}, /* for the others, a reload changes nothing */
        {"lease", false, lease_holds},
        {"delay", false, delay_holds},
        {"order", false, better_peer_holds},
};

static void evaluate(size_t i, const struct member *member, const struct member_input *input,
        struct member_guard *ret) {
        ret->name = guards[i].name;
        ret->holds = guards[i].holds(member, input, ret);
}

void member_guards(const struct member *member, const struct member_input *input,
        struct member_guard ret[MEMBER_GUARDS]) {
        for (size_t i = 0; i < MEMBER_GUARDS; i++) {
                evaluate(i, member, input, &ret[i]);
        }
}

bool member_can(const struct member *member, const struct member_input *input) {
        for (size_t i = 0; i < MEMBER_GUARDS; i++) {
                struct member_guard guard;
                evaluate(i, member, input, &guard);
                if (guards[i].of_member && guard.holds) {
                        return false;
                }
        }
        return true;
}

/* ---- The agreement of all ----------------------------------------------------------------------
 */

static bool asks_peers(const struct member *member) {
        return member->group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE;
}

usec_t member_right_until(const struct member *member, const struct member_input *input) {
        usec_t agreed = asks_peers(member) ? input->agreed_until : 0;
        return MAX(member->usable_until, agreed);
}

static bool ends_in_time(
        const struct member *member, const struct member_input *input, usec_t right_until) {
        usec_t deadline = group_guard_deadline(member->group, right_until);
        return group_demotion_begin(member->group, deadline) > input->now;
}

bool member_all_agree(const struct member *member, const struct member_input *input) {
        return asks_peers(member) && ends_in_time(member, input, input->agreed_until);
}

bool member_is_held(const struct member *member, const struct member_input *input) {
        return member_all_agree(member, input) &&
               !ends_in_time(member, input, member->usable_until);
}

/* Early enough for an answer before the demotion has to begin. */
static bool has_to_ask(const struct member *member, const struct member_input *input) {
        usec_t left = usec_sub(member_right_until(member, input), input->now);
        bool active = member->duty == DUTY_ACTIVE || member->duty == DUTY_PROMOTING;
        return active && asks_peers(member) &&
               left <= member->group->lease - group_renewal(member->group);
}

/* A member that is cut off from a coordinator which answers here gives way after one lease. */
static bool lease_allows_promise(const struct member *member, const struct member_input *input,
        const char *asker, char ret[MEMBER_NOTE_MAX]) {
        switch (input->standing) {
        case LEASE_UNKNOWN:
                return true;
        case LEASE_OURS:
                snprintf(ret, MEMBER_NOTE_MAX, "it has the lease itself");
                return false;
        case LEASE_OTHER:
                if (input->holder && strcmp(input->holder, asker) == 0) {
                        return true;
                }
                snprintf(ret, MEMBER_NOTE_MAX, "the lease is with %.100s",
                        input->holder ? input->holder : "another member");
                return false;
        case LEASE_FREE:
                if (usec_sub(input->now, member->idle_since) < member->group->lease) {
                        return true;
                }
                snprintf(ret, MEMBER_NOTE_MAX,
                        "the coordinator answers there, and the lease is free");
                return false;
        }
        return false;
}

bool member_may_promise(const struct member *member, const struct member_input *input,
        const char *asker, char ret[MEMBER_NOTE_MAX]) {
        if (member->duty != DUTY_STANDBY) {
                snprintf(ret, MEMBER_NOTE_MAX, "it is no standby but %s", duty_text(member->duty));
                return false;
        }
        bool may_run = member->group->standby == STANDBY_RUNNING; /* the executor knows */
        if (input->role != MEMBER_STANDBY || (input->running && !may_run)) {
                snprintf(ret, MEMBER_NOTE_MAX, "it is not proven that it does not run");
                return false;
        }
        return lease_allows_promise(member, input, asker, ret);
}

/* ---- The step ---------------------------------------------------------------------------------
 */

static const struct member_rule *find(const struct member_turn *turn) {
        for (size_t i = 0; i < n_member_rules; i++) {
                const struct member_rule *rule = &member_rules[i];
                if (rule->duties & 1U << turn->member->duty && rule->when(turn)) {
                        return rule;
                }
        }
        return NULL;
}

static void fire(struct member_turn *turn, const struct member_rule *rule) {
        struct member *member = turn->member;
        assert(turn->effects->n_trail < MEMBER_TRAIL_MAX);
        turn->effects->trail[turn->effects->n_trail++] = rule->number;
        turn->effects->note[0] = '\0';
        if (rule->run) {
                rule->run(turn);
        }
        member->last_rule = rule->number;
        if (rule->next != DUTY_SAME) {
                member->duty = (enum duty) rule->next;
                member->since = turn->input->now;
                member->role_count = turn->input->role_count;
        }
}

/* The lease is wanted by who is active or wants to be, and kept by who may still run. */
static bool wants_lease(enum duty duty) {
        switch (duty) {
        case DUTY_RESUMING:
        case DUTY_CANDIDATE:
        case DUTY_PROMOTING:
        case DUTY_ACTIVE:
        case DUTY_DEMOTING:
        case DUTY_STUCK:
                return true;
        case DUTY_UNKNOWN:
        case DUTY_STANDBY:
        case DUTY_FOLLOWING:
        case DUTY_RELEASING:
                return false;
        }
        return false;
}

/* The guard follows the lease. Without a word of the coordinator it stays as it is, and ends. */
static void set_guard(
        const struct member *member, const struct member_input *input, struct member_effects *ret) {
        ret->token = member->token;
        switch (member->duty) {
        case DUTY_PROMOTING:
        case DUTY_ACTIVE:
                ret->guards = true;
                ret->guard = input->standing == LEASE_UNKNOWN &&
                                             member->group->on_coordinator_loss == LOSS_STAY
                                     ? usec_add(input->now, member->group->lease)
                                     : group_guard_deadline(
                                               member->group, member_right_until(member, input));
                return;
        case DUTY_STANDBY:
        case DUTY_FOLLOWING:
        case DUTY_CANDIDATE:
        case DUTY_RELEASING:
                ret->guards = true;
                return;
        case DUTY_UNKNOWN: /* it is from before, and ends by itself */
        case DUTY_RESUMING:
        case DUTY_DEMOTING: /* the time that is left is for a stop in order */
        case DUTY_STUCK:
                return;
        }
}

/* The first moment after now at which time alone may change something. */
static usec_t next_look(const struct member *member, const struct member_input *input) {
        const usec_t moments[] = {
                member->back_at,
                member->follow_at,
                member->free_since > 0 ? usec_add(member->free_since, member->group->failover_delay)
                                       : 0,
                member->free_since > 0
                        ? usec_add(member->free_since,
                                  usec_add(member->group->failover_delay, member->group->lease))
                        : 0,
                group_demotion_begin(member->group,
                        group_guard_deadline(member->group, member_right_until(member, input))),
                input->promised_until,
                input->spent_until,
        };
        bool rests =
                member->duty == DUTY_UNKNOWN || (member->duty == DUTY_STANDBY && !input->running);
        usec_t pace = MIN(LOOK_AGAIN, member->group->lease / LOOKS_PER_LEASE);
        usec_t next = rests ? USEC_INFINITY : usec_add(input->now, pace);
        for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
                next = moments[i] > input->now ? MIN(next, moments[i]) : next;
        }
        return next;
}

void member_step(
        struct member *member, const struct member_input *input, struct member_effects *ret) {
        struct member_turn turn = {.member = member, .input = input, .effects = ret};
        const struct member_rule *rule;
        memset(ret, 0, sizeof(*ret));
        remember_lease(member, input);
        while ((rule = find(&turn))) {
                fire(&turn, rule);
                if (rule->next == DUTY_SAME) {
                        break;
                }
        }
        ret->want = wants_lease(member->duty);
        ret->release = member->duty == DUTY_RELEASING && input->standing == LEASE_OURS;
        ret->to = member->successor[0] ? member->successor : NULL;
        set_guard(member, input, ret);
        ret->ask_peers = has_to_ask(member, input);
        ret->timer = next_look(member, input);
}
