#include "recovery/member_rules.h"

#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "model/group_timing.h"

/* A service that runs without the lease for so long was started by somebody; sooner it may be the
 * manager's word about the time before. */
#define STRANGER_PATIENCE (2 * USEC_PER_SEC)
/* The executor is asked again after so long. */
#define ASK_AGAIN (500 * USEC_PER_MSEC)
/* Between two tries to make it follow: so long, twice as long each time, and no longer than that.
 * One that has followed for long begins anew. */
#define FOLLOW_PAUSE (2 * USEC_PER_SEC)
#define FOLLOW_LASTS USEC_PER_MINUTE
enum { FOLLOW_DOUBLINGS = 7 };
/* So many leases a member stays back that was promoted in vain, so that another gets its turn. */
enum { LEASES_BACK = 2 };

const struct enum_text duty_texts[] = {
        {DUTY_UNKNOWN, "unknown", "What runs here is not known yet."},
        {DUTY_STANDBY, "standby",
                "It is stopped, or follows the active member, for certain, and waits."},
        {DUTY_RESUMING, "resuming",
                "It was active before the agent was started, and goes on if the lease is its own again."},
        {DUTY_CANDIDATE, "candidate", "It wants the lease."},
        {DUTY_PROMOTING, "promoting", "It has the lease, and is being started."},
        {DUTY_ACTIVE, "active", "It is the active member."},
        {DUTY_DEMOTING, "demoting", "It is being stopped."},
        {DUTY_STUCK, "stuck",
                "That it is gone could not be proven: it keeps the lease, and nobody is promoted."},
        {DUTY_RELEASING, "releasing", "It is gone, for certain, and gives the lease back."},
        {DUTY_FOLLOWING, "following", "It is being made a standby that runs."},
        {0},
};

static void note(struct member_turn *turn, const char *format, const char *what) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(turn->effects->note, sizeof(turn->effects->note), format, what);
#pragma GCC diagnostic pop
}

/* ---- When a row fits --------------------------------------------------------------------------
 */

#define WHEN(name) static bool name(const struct member_turn *turn)

static bool lease_is(const struct member_turn *turn, enum lease_standing standing) {
        return turn->input->standing == standing;
}

/* The executor's word, unless it was said before the present duty began: it may be about the time
 * before then. */
static enum member_role role_since(const struct member_turn *turn) {
        return turn->input->role_count > turn->member->role_count ? turn->input->role : MEMBER_NONE;
}

/* To what was asked for last: not in this very step. */
static enum member_answer answer_of(const struct member_turn *turn) {
        return turn->effects->act == MEMBER_ACT_NOTHING ? turn->input->answer : ANSWER_NONE;
}

WHEN(if_active_here) {
        return turn->input->role == MEMBER_ACTIVE || turn->input->role == MEMBER_PROMOTING;
}

WHEN(if_gone) {
        return turn->input->role == MEMBER_STANDBY;
}

WHEN(if_stuck) {
        return turn->input->role == MEMBER_STUCK;
}

WHEN(if_gone_since) {
        return role_since(turn) == MEMBER_STANDBY;
}

WHEN(if_stuck_since) {
        return role_since(turn) == MEMBER_STUCK;
}

WHEN(if_lease_ours) {
        return lease_is(turn, LEASE_OURS);
}

WHEN(if_lease_others) {
        return lease_is(turn, LEASE_OTHER);
}

WHEN(if_lease_strangers) {
        return lease_is(turn, LEASE_OTHER) && !turn->input->holder_is_self;
}

/* Whether a demotion that began now would end in time. */
static bool ends_in_time(const struct member_turn *turn, usec_t right_until) {
        const struct group_spec *group = turn->member->group;
        usec_t deadline = group_guard_deadline(group, right_until);
        return group_demotion_begin(group, deadline) > turn->input->now;
}

static bool time_is_left(const struct member_turn *turn) {
        return ends_in_time(turn, member_right_until(turn->member, turn->input));
}

static bool all_agree(const struct member_turn *turn) {
        return member_all_agree(turn->member, turn->input);
}

WHEN(if_lease_fresh) {
        return lease_is(turn, LEASE_OURS) && ends_in_time(turn, turn->member->usable_until);
}

WHEN(if_may_promote) {
        return if_lease_fresh(turn) && turn->input->agrees;
}

WHEN(if_lease_lost) {
        switch (turn->input->standing) {
        case LEASE_FREE: /* by those who have promised not to take it: nobody else is active */
                return !all_agree(turn);
        case LEASE_OTHER: /* its own of before: the coordinator will forget it */
                return !turn->input->holder_is_self || !all_agree(turn);
        case LEASE_OURS:
                return (turn->input->token != turn->member->lease_token && !all_agree(turn)) ||
                       !time_is_left(turn);
        case LEASE_UNKNOWN:
                return turn->member->group->on_coordinator_loss != LOSS_STAY && !time_is_left(turn);
        }
        return true;
}

WHEN(if_stranger_runs) {
        enum member_role role = role_since(turn);
        bool may_run = turn->member->group->standby == STANDBY_RUNNING; /* the executor knows */
        return role == MEMBER_ACTIVE || role == MEMBER_PROMOTING ||
               (turn->input->running && !may_run &&
                       usec_sub(turn->input->now, turn->member->since) >= STRANGER_PATIENCE);
}

WHEN(if_wants) {
        struct member_guard guards[MEMBER_GUARDS];
        member_guards(turn->member, turn->input, guards);
        for (size_t i = 0; i < MEMBER_GUARDS; i++) {
                if (guards[i].holds) {
                        return false;
                }
        }
        return true;
}

/* Whoever has the lease is active only once it says so. */
WHEN(if_to_follow) {
        const struct member_input *input = turn->input;
        bool active = lease_is(turn, LEASE_OTHER) && !input->holder_is_self && input->holder &&
                      input->last && !input->last_is_self && input->last_token == input->token;
        return turn->member->group->standby == STANDBY_RUNNING && turn->member->self && active &&
               input->role == MEMBER_STANDBY && input->follows != input->token && !input->held &&
               input->now >= turn->member->follow_at;
}

/* A reload is waited for, which the executor follows a little later; for policies that it cannot
 * read nobody would be active. */
static bool waits_in_vain(const struct member_turn *turn) {
        usec_t waited = usec_sub(turn->input->now, turn->member->since);
        return !turn->input->agrees && waited >= turn->member->group->lease;
}

WHEN(if_cannot) {
        return !member_can(turn->member, turn->input) || waits_in_vain(turn);
}

WHEN(if_cannot_and_holds) {
        return if_cannot(turn) && lease_is(turn, LEASE_OURS);
}

WHEN(if_done) {
        return answer_of(turn) == ANSWER_DONE;
}

WHEN(if_failed) {
        return answer_of(turn) == ANSWER_FAILED;
}

WHEN(if_not_done) {
        return answer_of(turn) == ANSWER_REFUSED || answer_of(turn) == ANSWER_LOST;
}

WHEN(if_failed_or_not_done) {
        return if_failed(turn) || if_not_done(turn);
}

WHEN(if_done_and_lease_gone) {
        return if_done(turn) && (lease_is(turn, LEASE_FREE) || lease_is(turn, LEASE_OTHER));
}

WHEN(if_lease_known_gone) {
        return lease_is(turn, LEASE_FREE) || lease_is(turn, LEASE_OTHER);
}

/* What is known of the others is old while the coordinator does not answer, and the lease could not
 * be given back to it. */
static bool peer_can(const struct member_turn *turn) {
        return turn->input->peer_can && lease_is(turn, LEASE_OURS);
}

WHEN(if_person_and_peer) {
        return turn->input->failover && peer_can(turn);
}

WHEN(if_person_and_nobody) {
        return turn->input->failover && !peer_can(turn);
}

WHEN(if_broken_and_peer) {
        return turn->input->beyond_repair && peer_can(turn) && !turn->input->held;
}

WHEN(if_broken_alone) {
        return turn->input->beyond_repair && !turn->member->told_alone;
}

WHEN(if_preempted) {
        return turn->member->group->preempt && peer_can(turn) && !turn->input->held &&
               turn->member->self && turn->input->peer_priority > turn->member->self->priority;
}

WHEN(if_lease_again) {
        return lease_is(turn, LEASE_OURS) && turn->input->token != turn->member->lease_token &&
               all_agree(turn);
}

WHEN(if_held_untold) {
        return !turn->member->told_agreed && member_is_held(turn->member, turn->input);
}

/* Its lease runs out, or has, and nobody says that it is another's. */
WHEN(if_silent_while_active) {
        bool active = turn->member->duty == DUTY_ACTIVE || turn->member->duty == DUTY_PROMOTING;
        return active && (lease_is(turn, LEASE_UNKNOWN) || lease_is(turn, LEASE_OURS));
}

WHEN(if_time_to_ask) {
        return turn->member->asked_at == 0 ||
               (if_not_done(turn) &&
                       usec_sub(turn->input->now, turn->member->asked_at) >= ASK_AGAIN);
}

/* ---- What a row does --------------------------------------------------------------------------
 */

static void promote(struct member_turn *turn) {
        turn->member->token = turn->input->token;
        turn->member->lease_token = turn->input->token;
        turn->member->told_agreed = false;
        turn->member->asked_at = turn->input->now;
        turn->member->told_alone = false;
        turn->member->successor[0] = '\0';
        turn->effects->act = MEMBER_ACT_PROMOTE;
}

/* Its guard is not over, so nobody else was active since its promotion, and what runs may go on
 * under the token of that, be the lease a newer one. */
static void resume(struct member_turn *turn) {
        const struct member_input *input = turn->input;
        turn->member->token = input->role_token ? input->role_token : input->token;
        turn->member->lease_token = turn->input->token;
        turn->member->told_agreed = false;
}

/* It was active without a break, so what it guards may go on under the token of before: no other
 * member has had one since, and the next will have one above both. */
static void have_lease_again(struct member_turn *turn) {
        turn->member->lease_token = turn->input->token;
        turn->member->told_agreed = false;
}

static void tell_agreed(struct member_turn *turn) {
        turn->member->told_agreed = true;
}

static void ask_demotion(struct member_turn *turn) {
        turn->member->asked_at = turn->input->now;
        turn->effects->act = MEMBER_ACT_DEMOTE;
}

static void stay_back(struct member_turn *turn, uint32_t leases) {
        turn->member->back_at = usec_add(turn->input->now, leases * turn->member->group->lease);
}

static void demote(struct member_turn *turn) {
        ask_demotion(turn);
        if (turn->input->holder && turn->input->standing == LEASE_OTHER) {
                note(turn, "the lease is with %.128s", turn->input->holder);
        } else if (if_silent_while_active(turn) && turn->input->disagreement) {
                note(turn, "%.128s", turn->input->disagreement);
        }
}

static void demote_in_vain(struct member_turn *turn) {
        stay_back(turn, LEASES_BACK);
        ask_demotion(turn);
}

static void hand_over(struct member_turn *turn) {
        stay_back(turn, 1);
        ask_demotion(turn);
        turn->effects->forget_failover = true;
        snprintf(turn->member->successor, sizeof(turn->member->successor), "%s", turn->input->peer);
        note(turn, "%.128s can take over", turn->input->peer);
}

static void hand_over_broken(struct member_turn *turn) {
        hand_over(turn);
        stay_back(turn, LEASES_BACK);
}

static void refuse_person(struct member_turn *turn) {
        turn->effects->forget_failover = true;
}

static void follow(struct member_turn *turn) {
        struct member *member = turn->member;
        usec_t now = turn->input->now;
        bool lasted = member->followed_at > 0 && usec_sub(now, member->followed_at) >= FOLLOW_LASTS;
        if (lasted || member->follow_token != turn->input->token) {
                member->follow_tries = 0;
        }
        member->follow_token = turn->input->token;
        member->followed_at = 0;
        turn->effects->act = MEMBER_ACT_FOLLOW;
        note(turn, "%.128s", turn->input->holder);
}

static void pause_following(struct member_turn *turn) {
        struct member *member = turn->member;
        uint32_t doublings = MIN(member->follow_tries, (uint32_t) FOLLOW_DOUBLINGS);
        member->follow_tries++;
        member->follow_at = usec_add(turn->input->now, FOLLOW_PAUSE << doublings);
}

static void note_followed(struct member_turn *turn) {
        pause_following(turn);
        turn->member->followed_at = turn->input->now;
}

static void tell_alone(struct member_turn *turn) {
        turn->member->told_alone = true;
}

static void forget_token(struct member_turn *turn) {
        turn->member->token = 0;
}

/* ---- The rows ---------------------------------------------------------------------------------
 */

#define D(duty) (1U << DUTY_##duty)

/* Read from top to bottom. What takes the right to be active away stands before what gives it. */
const struct member_rule member_rules[] = {
        {701, D(UNKNOWN), if_active_here, "the executor says that it is active",
                "it is active since before the agent was started: it goes on if its lease still is its own",
                NULL, DUTY_RESUMING},
        {702, D(UNKNOWN), if_gone, "the executor has proven that it does not run",
                "it does not run here, for certain", NULL, DUTY_STANDBY},
        {703, D(UNKNOWN), if_stuck, "the executor cannot prove that it does not run",
                "it may run here: the lease is taken, if possible, so that nobody else is promoted",
                NULL, DUTY_STUCK},

        {711, D(RESUMING), if_gone, "the executor has proven that it does not run",
                "its guard ended before the lease was its own again, so the executor stopped it",
                forget_token, DUTY_STANDBY},
        {712, D(RESUMING), if_stuck, "the executor cannot prove that it does not run",
                "its guard ended, and that it is gone could not be proven", NULL, DUTY_STUCK},
        {713, D(RESUMING), if_lease_strangers, "another member has the lease",
                "another member has the lease, so it is stopped at once", demote, DUTY_DEMOTING},
        {714, D(RESUMING), if_lease_fresh, "the lease is its own",
                "the lease is its own again, so it goes on", resume, DUTY_ACTIVE},

        {720, D(STANDBY) | D(CANDIDATE) | D(RELEASING) | D(FOLLOWING), if_stuck_since,
                "the executor cannot prove that it does not run",
                "it may run here: the lease is taken, if possible, so that nobody else is promoted",
                NULL, DUTY_STUCK},
        {721, D(STANDBY) | D(CANDIDATE) | D(RELEASING), if_stranger_runs, "it runs",
                "it runs here without being the active member: somebody started it, so it is stopped",
                demote, DUTY_DEMOTING},
        {722, D(STANDBY) | D(FOLLOWING), if_lease_ours, "the lease is its own",
                "it has the lease without wanting it, so it gives it back", NULL, DUTY_RELEASING},
        {723, D(STANDBY), if_wants, "the lease is free, and nothing keeps it back",
                "the lease is free and nothing keeps it back, so it wants it", NULL,
                DUTY_CANDIDATE},
        {724, D(STANDBY), if_to_follow, "another member is active, and this one does not follow it",
                "another member is active, so this one is made to follow it", follow,
                DUTY_FOLLOWING},
        {725, D(FOLLOWING), if_done, "the executor has made it follow",
                "it runs and follows the active member", note_followed, DUTY_STANDBY},
        {726, D(FOLLOWING), if_failed_or_not_done, "the executor has not made it follow",
                "it could not be made to follow the active member, which is tried again",
                pause_following, DUTY_STANDBY},

        {730, D(CANDIDATE), if_cannot_and_holds,
                "something keeps it back, and the lease is its own",
                "something keeps it back by now, so the lease is given back", NULL, DUTY_RELEASING},
        {731, D(CANDIDATE), if_cannot, "something keeps it back",
                "something keeps it back by now, so it does not want the lease any more", NULL,
                DUTY_STANDBY},
        {732, D(CANDIDATE), if_lease_others, "another member has the lease",
                "another member was given the lease", NULL, DUTY_STANDBY},
        {733, D(CANDIDATE), if_may_promote,
                "the lease is its own, with time enough to stop again, and the executor follows the "
                "same policies",
                "the lease is its own, so it is promoted", promote, DUTY_PROMOTING},

        {740, D(PROMOTING), if_lease_lost, "the lease is not its own any more, or is about to end",
                "it lost the lease while it was being promoted, so it is stopped", demote,
                DUTY_DEMOTING},
        {741, D(PROMOTING), if_done, "the executor has promoted it", "it was promoted", NULL,
                DUTY_ACTIVE},
        {742, D(PROMOTING), if_failed_or_not_done, "the executor has not promoted it",
                "its promotion failed, so it is stopped and lets others try", demote_in_vain,
                DUTY_DEMOTING},

        {750, D(ACTIVE), if_gone_since, "the executor has proven that it does not run",
                "the executor has stopped it, so it gives the lease back", NULL, DUTY_RELEASING},
        {751, D(ACTIVE), if_stuck_since, "the executor cannot prove that it does not run",
                "the executor had to stop it and cannot prove that it is gone: the lease is kept",
                NULL, DUTY_STUCK},
        {752, D(ACTIVE), if_lease_lost, "the lease is not its own any more, or is about to end",
                "it lost the lease, so it is stopped before another may be promoted", demote,
                DUTY_DEMOTING},
        {753, D(ACTIVE), if_person_and_peer, "a person asks for it, and another member could",
                "a person asked for another active member", hand_over, DUTY_DEMOTING},
        {754, D(ACTIVE), if_person_and_nobody, "a person asks for it, and no other member could",
                "a person asked for another active member, and no other could be promoted",
                refuse_person, DUTY_SAME},
        {755, D(ACTIVE), if_broken_and_peer, "it is beyond repair, and another member could",
                "it is beyond repair here, so another member takes over", hand_over_broken,
                DUTY_DEMOTING},
        {756, D(ACTIVE), if_broken_alone, "it is beyond repair",
                "it is beyond repair here, and no other member could take over", tell_alone,
                DUTY_SAME},
        {757, D(ACTIVE), if_preempted, "preempt, and a member of higher priority could",
                "a member of higher priority takes over", hand_over, DUTY_DEMOTING},
        {758, D(ACTIVE), if_lease_again, "all members agreed, and the lease is its own again",
                "the coordinator is back and its lease is its own again: it was active throughout, by "
                "the agreement of all members",
                have_lease_again, DUTY_SAME},
        {759, D(ACTIVE), if_held_untold, "its lease is about to end, and all members agree",
                "the coordinator does not answer, and all other members have promised not to be "
                "promoted: it goes on as long as they do",
                tell_agreed, DUTY_SAME},

        {760, D(DEMOTING), if_done_and_lease_gone, "it is gone, and so is the lease",
                "it is gone, for certain, and the lease is with nobody here", forget_token,
                DUTY_STANDBY},
        {761, D(DEMOTING), if_done, "it is gone",
                "it is gone, for certain, so the lease can be given back", forget_token,
                DUTY_RELEASING},
        {762, D(DEMOTING), if_failed, "that it is gone could not be proven",
                "that it is gone could not be proven: the lease is kept, and nobody is promoted",
                NULL, DUTY_STUCK},
        {763, D(DEMOTING), if_time_to_ask, "the executor did not do it",
                "the executor could not do it, so it is asked again", ask_demotion, DUTY_SAME},

        {770, D(STUCK), if_gone_since, "the executor has proven by now that it does not run",
                "it is gone, for certain, by now, so the lease can be given back", forget_token,
                DUTY_RELEASING},

        {780, D(RELEASING), if_lease_known_gone, "the lease is not its own any more",
                "the lease was given back", NULL, DUTY_STANDBY},
};
const size_t n_member_rules = ELEMENTSOF(member_rules);

const struct member_rule *member_rule_by_number(uint32_t number) {
        for (size_t i = 0; i < n_member_rules; i++) {
                if (member_rules[i].number == number) {
                        return &member_rules[i];
                }
        }
        return NULL;
}
