#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/group_timing.h"
#include "recovery/member.h"
#include "recovery/member_rules.h"
#include "support/member_play.h"
#include "unit_test.h"

/* ---- Becoming active ---- */

static void it_is_promoted_with_the_lease_and_a_guard(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        step(&play);
        assert_int_equal(play.member.duty, DUTY_UNKNOWN);
        assert_false(play.effects.want);
        assert_false(play.effects.guards);
        say_role(&play, MEMBER_STANDBY);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        assert_false(play.effects.want);
        say_lease(&play, LEASE_FREE, 0);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
        assert_true(play.effects.want);
        assert_true(play.effects.guards && play.effects.guard == 0);
        say_lease(&play, LEASE_OURS, 7);
        assert_int_equal(play.member.duty, DUTY_PROMOTING);
        assert_int_equal(play.effects.act, MEMBER_ACT_PROMOTE);
        assert_int_equal(play.effects.token, 7);
        assert_int_equal(play.effects.guard, play.input.usable_until - play.group.margin);
        say_answer(&play, ANSWER_DONE);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.effects.act, MEMBER_ACT_NOTHING);
}

static void nothing_is_promoted_on_what_is_not_known(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_UNKNOWN, 0);
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        say_lease(&play, LEASE_OTHER, 3);
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
}

static void a_lease_that_is_about_to_end_promotes_nobody(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        play.input.standing = LEASE_OURS;
        play.input.token = 7;
        play.input.usable_until = play.input.now + group_demotion_time(&play.group);
        step(&play);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
}

static void a_reload_that_comes_between_is_waited_for(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        play.input.agrees = false;
        say_lease(&play, LEASE_OURS, 7);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
        play.input.agrees = true;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_PROMOTING);
}

static void a_lease_that_was_its_own_promotes_nobody(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        play.input.agrees = false;
        say_lease(&play, LEASE_OURS, 7);
        play.input.agrees = true;
        say_lease(&play, LEASE_FREE, 7);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
}

static void who_was_promoted_in_vain_lets_others_try(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        say_lease(&play, LEASE_OURS, 7);
        say_answer(&play, ANSWER_FAILED);
        assert_int_equal(play.member.last_rule, 742);
        assert_int_equal(play.effects.act, MEMBER_ACT_DEMOTE);
        say_answer(&play, ANSWER_DONE);
        say_lease(&play, LEASE_FREE, 7);
        pass(&play, 2 * play.group.lease - 1);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        pass(&play, 1);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
}

static void policies_that_the_executor_cannot_read_do_not_keep_the_lease(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        play.input.agrees = false;
        say_lease(&play, LEASE_OURS, 7);
        pass(&play, play.group.lease - 1);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
        pass(&play, 1);
        assert_int_equal(play.member.duty, DUTY_RELEASING);
        assert_int_equal(play.member.last_rule, 730);
        say_lease(&play, LEASE_FREE, 7);
        assert_int_equal(play.member.duty, DUTY_STANDBY); /* until they agree */
}

static void a_better_member_comes_first_for_the_time_of_a_lease(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        play.input.peer_can = true;
        play.input.peer_priority = 200;
        play.input.peer = "a/s";
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        pass(&play, play.group.lease - 1);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        pass(&play, 1);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
}

static void the_lease_has_to_be_free_for_failover_delay(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        play.group.failover_delay = 10 * SECOND;
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        assert_int_equal(play.effects.timer, play.input.now + 10 * SECOND);
        pass(&play, 9 * SECOND);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        pass(&play, 1 * SECOND);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE);
}

static void what_holds_says_so(void **state) {
        (void) state;
        static const struct {
                const char *guard;
                void (*spoil)(struct play *play);
        } cases[] = {{"member", NULL}, {"executor", NULL}, {"held", NULL}, {"probes", NULL},
                {"data", NULL}, {"patience", NULL}, {"promise", NULL}, {"failovers", NULL},
                {"budget", NULL}, {"policies", NULL}, {"lease", NULL}, {"delay", NULL},
                {"order", NULL}};
        static const char *const probes[] = {"lag", NULL};
        static const wall_usec_t changes[] = {1, 2, 3};
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct play play;
                struct member_guard guards[MEMBER_GUARDS];
                begin(&play);
                play.input.agrees = i != 9;
                play.input.standing = i == 10 ? LEASE_OTHER : LEASE_FREE;
                play.input.role = i == 1 ? MEMBER_NONE : MEMBER_STANDBY;
                play.input.role_count = 1;
                play.member.self = i == 0 ? NULL : &members[1];
                play.input.held = i == 2 ? "paused by ann" : NULL;
                play.group.requires_healthy = (struct strings){(const char **) probes, 1};
                play.input.probes_pass = i != 3;
                play.group.standby = i == 4 ? STANDBY_RUNNING : STANDBY_STOPPED;
                play.input.last = "a/s";
                play.input.last_token = 3;
                play.member.back_at = i == 5 ? play.input.now + SECOND : 0;
                play.input.promised_until = i == 6 ? play.input.now + SECOND : 0;
                play.input.spent = "2 of 2 actions of the service spent within 1h";
                play.input.spent_until = i == 8 ? play.input.now + SECOND : 0;
                play.group.failover_delay = i == 11 ? SECOND : 0;
                play.input.peer_can = i == 12;
                play.input.peer = "a/s";
                play.input.peer_priority = 200;
                play.input.changes = changes;
                play.input.n_changes = i == 7 ? ELEMENTSOF(changes) : 0;
                step(&play);
                assert_int_equal(play.member.duty, DUTY_STANDBY + (i == 1 ? -1 : 0));
                member_guards(&play.member, &play.input, guards);
                for (size_t j = 0; j < MEMBER_GUARDS; j++) {
                        assert_string_equal(guards[j].name, cases[j].guard);
                        assert_false(str_empty(guards[j].text));
                        assert_int_equal(guards[j].holds, i == j);
                }
                assert_int_equal(member_can(&play.member, &play.input), i >= 9);
        }
}

/* ---- Ceasing to be active ---- */

static void the_lease_is_given_back_only_after_the_proof(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        play.input.peer_can = true;
        play.input.peer = "a/s";
        play.input.failover = true;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        assert_int_equal(play.effects.act, MEMBER_ACT_DEMOTE);
        assert_true(play.effects.want && !play.effects.release && play.effects.forget_failover);
        play.input.failover = false;
        say_role(&play, MEMBER_STANDBY); /* said before the answer: it proves nothing yet */
        assert_true(play.effects.want && !play.effects.release);
        say_answer(&play, ANSWER_DONE);
        assert_int_equal(play.member.duty, DUTY_RELEASING);
        assert_true(!play.effects.want && play.effects.release);
        assert_string_equal(play.effects.to, "a/s");
        say_lease(&play, LEASE_UNKNOWN, 0);
        assert_int_equal(play.member.duty, DUTY_RELEASING);
        say_lease(&play, LEASE_FREE, 0);
        assert_int_equal(play.member.duty, DUTY_STANDBY); /* the other has the first choice */
}

static void a_stop_without_proof_keeps_the_lease(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        say_lease(&play, LEASE_OTHER, 9);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        say_answer(&play, ANSWER_FAILED);
        assert_int_equal(play.member.duty, DUTY_STUCK);
        assert_true(play.effects.want && !play.effects.release);
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_STUCK);
        say_role(&play, MEMBER_STANDBY);
        assert_int_equal(play.member.duty, DUTY_STANDBY); /* by way of releasing */
}

static void a_refused_demotion_is_asked_for_again(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        say_lease(&play, LEASE_FREE, 0);
        assert_int_equal(play.effects.act, MEMBER_ACT_DEMOTE);
        say_answer(&play, ANSWER_REFUSED);
        assert_int_equal(play.effects.act, MEMBER_ACT_NOTHING);
        assert_true(play.effects.timer <= play.input.now + SECOND);
        pass(&play, SECOND);
        assert_int_equal(play.effects.act, MEMBER_ACT_DEMOTE);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void a_silent_coordinator_has_it_demoted_in_time(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        usec_t until = play.input.usable_until;
        say_lease(&play, LEASE_UNKNOWN, 7);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        usec_t begin = until - play.group.margin - group_demotion_time(&play.group);
        assert_true(play.effects.timer <= begin);
        pass(&play, begin - play.input.now - 1);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.effects.guard, until - play.group.margin);
        pass(&play, 1);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void it_stays_where_the_policy_says_so(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        play.group.on_coordinator_loss = LOSS_STAY;
        say_lease(&play, LEASE_UNKNOWN, 7);
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_true(play.effects.guard > play.input.now);
        say_lease(&play, LEASE_OTHER, 9);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void beyond_repair_it_hands_over_if_somebody_could(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        play.input.beyond_repair = true;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.effects.n_trail, 1);
        step(&play);
        assert_int_equal(play.effects.n_trail, 0); /* told once */
        play.input.peer_can = true;
        play.input.peer = "a/s";
        step(&play);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        assert_non_null(strstr(play.effects.note, "a/s"));
}

static void the_word_from_before_is_no_proof(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_FREE, 0);
        say_lease(&play, LEASE_OURS, 7);
        say_answer(&play, ANSWER_DONE); /* ahead of the word that it is active */
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_true(play.effects.want && !play.effects.release);
        say_role(&play, MEMBER_ACTIVE);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        say_role(&play, MEMBER_STANDBY); /* its guard has ended */
        assert_int_equal(play.member.duty, DUTY_RELEASING);
}

/* ---- The agreement of all ---- */

static void become_active_and_hold(struct play *play) {
        become_active(play);
        play->group.on_coordinator_loss = LOSS_HOLD_IF_ALL_AGREE;
        assert_false(play->effects.ask_peers);
}

/* As far as the time at which a demotion has to begin. */
static void pass_until_the_end(struct play *play, usec_t right_until) {
        usec_t begin = right_until - play->group.margin - group_demotion_time(&play->group);
        pass(play, begin - play->input.now - 1);
        assert_int_equal(play->member.duty, DUTY_ACTIVE);
        pass(play, 1);
}

static void it_goes_on_while_all_agree(void **state) {
        (void) state;
        struct play play;
        become_active_and_hold(&play);
        usec_t until = play.input.usable_until;
        pass(&play, play.group.lease / 3 - 1);
        assert_false(play.effects.ask_peers);
        pass(&play, 1); /* it should have been renewed by now */
        assert_true(play.effects.ask_peers);
        play.input.agreed_until = play.input.now + play.group.lease;
        step(&play);
        assert_false(play.effects.ask_peers);
        assert_int_equal(play.effects.guard, play.input.agreed_until - play.group.margin);
        assert_int_equal(play.effects.token, 7);
        pass_until_the_end(&play, until);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.effects.n_trail, 1); /* is told once */
        assert_int_equal(play.member.last_rule, 759);
        assert_true(member_is_held(&play.member, &play.input));
        say_lease(&play, LEASE_UNKNOWN, 0);
        assert_int_equal(play.effects.n_trail, 0);
        assert_true(play.effects.ask_peers);
        play.input.disagreement = "a does not answer";
        pass_until_the_end(&play, play.input.agreed_until);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        assert_string_equal(play.effects.note, "a does not answer");
}

static void without_the_policy_an_agreement_is_worth_nothing(void **state) {
        (void) state;
        struct play play;
        become_active(&play);
        usec_t until = play.input.usable_until;
        say_lease(&play, LEASE_UNKNOWN, 7);
        play.input.agreed_until = until + play.group.lease;
        pass_until_the_end(&play, until);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        assert_false(play.effects.ask_peers);
}

static void the_lease_comes_back_under_another_token(void **state) {
        (void) state;
        struct play play;
        become_active_and_hold(&play);
        say_lease(&play, LEASE_UNKNOWN, 0);
        pass(&play, play.group.lease / 3);
        play.input.agreed_until = play.input.now + play.group.lease;
        step(&play);
        pass(&play, SECOND);
        say_lease(&play, LEASE_FREE, 0); /* the coordinator is back, and knows of nobody */
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_true(play.effects.want);
        say_lease(&play, LEASE_OURS, 9);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(
                play.effects.token, 7); /* what it guards goes on under the one of before */
        play.input.agreed_until = 0;
        pass(&play, 1);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.member.lease_token, 9);
        say_lease(&play, LEASE_OURS, 11);
        assert_int_equal(play.member.duty, DUTY_DEMOTING); /* this time nobody had promised */
}

static void another_holder_ends_an_agreement(void **state) {
        (void) state;
        struct play play;
        become_active_and_hold(&play);
        play.input.agreed_until = play.input.usable_until + SECOND;
        say_lease(&play, LEASE_OTHER, 9);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
        become_active_and_hold(&play);
        play.input.agreed_until = play.input.usable_until + SECOND;
        play.input.holder_is_self = true; /* of its session before */
        say_lease(&play, LEASE_OTHER, 7);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
}

static void nobody_hands_over_without_the_coordinator(void **state) {
        (void) state;
        struct play play;
        become_active_and_hold(&play);
        play.input.agreed_until = play.input.usable_until + SECOND;
        say_lease(&play, LEASE_UNKNOWN, 0);
        play.input.peer_can = true;
        play.input.peer = "a/s";
        play.input.failover = true;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_true(play.effects.forget_failover);
}

static void only_a_proven_standby_promises(void **state) {
        (void) state;
        struct play play;
        char why[MEMBER_NOTE_MAX];
        begin(&play);
        step(&play);
        assert_false(member_may_promise(&play.member, &play.input, "a/s", why));
        assert_non_null(strstr(why, "unknown"));
        say_role(&play, MEMBER_STANDBY);
        assert_true(member_may_promise(&play.member, &play.input, "a/s", why));
        play.input.running = true;
        assert_false(member_may_promise(&play.member, &play.input, "a/s", why));
        play.group.standby = STANDBY_RUNNING;
        assert_true(member_may_promise(&play.member, &play.input, "a/s", why));
        play.group.standby = STANDBY_STOPPED;
        play.input.running = false;
        say_lease(&play, LEASE_OTHER, 7);
        assert_true(member_may_promise(&play.member, &play.input, "a/s", why));
        assert_false(member_may_promise(&play.member, &play.input, "c/s", why));
        assert_non_null(strstr(why, "with a/s"));
        play.input.promised_until = play.input.now + 2 * play.group.lease;
        say_lease(&play, LEASE_FREE, 0);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        assert_true(member_may_promise(&play.member, &play.input, "a/s", why));
        pass(&play, play.group.lease); /* the asker could have had it by now */
        assert_false(member_may_promise(&play.member, &play.input, "a/s", why));
        say_lease(&play, LEASE_UNKNOWN, 0);
        assert_true(member_may_promise(&play.member, &play.input, "a/s", why));
        say_lease(&play, LEASE_FREE, 0);
        pass(&play, play.group.lease);
        assert_int_equal(play.member.duty, DUTY_CANDIDATE); /* its promise is over */
        assert_false(member_may_promise(&play.member, &play.input, "a/s", why));
        become_active(&play);
        assert_false(member_may_promise(&play.member, &play.input, "a/s", why));
}

/* ---- After a start of the agent ---- */

static void it_goes_on_if_the_lease_is_its_own_again(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_ACTIVE);
        assert_int_equal(play.member.duty, DUTY_RESUMING);
        assert_true(play.effects.want && !play.effects.guards);
        play.input.holder_is_self = true;
        say_lease(&play, LEASE_OTHER, 7);
        assert_int_equal(play.member.duty, DUTY_RESUMING);
        play.input.holder_is_self = false;
        say_lease(&play, LEASE_OURS, 8);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_true(play.effects.guards && play.effects.guard > play.input.now);
}

static void it_goes_on_under_the_token_of_its_promotion(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        play.input.role_token = 7;
        say_role(&play, MEMBER_ACTIVE);
        say_lease(&play, LEASE_OURS, 9); /* the coordinator was away meanwhile */
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        assert_int_equal(play.effects.token, 7);
        pass(&play, SECOND);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
        say_lease(&play, LEASE_OURS, 11);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void it_is_stopped_if_another_has_the_lease(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_ACTIVE);
        say_lease(&play, LEASE_OTHER, 9);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void what_somebody_started_is_stopped(void **state) {
        (void) state;
        struct play play;
        begin(&play);
        say_role(&play, MEMBER_STANDBY);
        say_lease(&play, LEASE_OTHER, 9);
        play.input.running = true;
        pass(&play, 1 * SECOND);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        pass(&play, 2 * SECOND);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

/* ---- The table ---- */

/* ---- Standbys that run ---- */

static void say_active(struct play *play, const char *who, uint64_t token) {
        play->input.last = who;
        play->input.last_is_self = str_eq(who, play->member.id);
        play->input.last_token = token;
        step(play);
}

static void begin_running(struct play *play) {
        begin(play);
        play->group.standby = STANDBY_RUNNING;
        say_role(play, MEMBER_STANDBY);
        say_lease(play, LEASE_OTHER, 3);
}

static void a_standby_that_runs_follows_the_active_one(void **state) {
        (void) state;
        struct play play;
        begin_running(&play);
        assert_int_equal(play.member.duty, DUTY_STANDBY); /* who has the lease is not active yet */
        say_active(&play, "c/s", 2);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        say_active(&play, "a/s", 3);
        assert_int_equal(play.member.duty, DUTY_FOLLOWING);
        assert_int_equal(play.effects.act, MEMBER_ACT_FOLLOW);
        assert_true(play.effects.guards && play.effects.guard == 0 && !play.effects.want);
        assert_false(member_can(&play.member, &play.input));
        play.input.follows = 3;
        play.input.running = true;
        say_answer(&play, ANSWER_DONE);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        assert_int_equal(play.effects.act, MEMBER_ACT_NOTHING);
        assert_true(member_can(&play.member, &play.input));
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        say_lease(&play, LEASE_OTHER, 4);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        say_active(&play, "c/s", 4); /* another, so it has to follow that one */
        assert_int_equal(play.member.duty, DUTY_FOLLOWING);
}

static void what_does_not_follow_is_tried_again_ever_later(void **state) {
        (void) state;
        struct play play;
        begin_running(&play);
        say_active(&play, "a/s", 3);
        for (usec_t pause = 2 * SECOND; pause <= 16 * SECOND; pause *= 2) {
                assert_int_equal(play.member.duty, DUTY_FOLLOWING);
                say_answer(&play, pause == 4 * SECOND ? ANSWER_LOST : ANSWER_FAILED);
                assert_int_equal(play.member.duty, DUTY_STANDBY);
                assert_int_equal(play.effects.timer, play.input.now + pause);
                pass(&play, pause - 1);
                assert_int_equal(play.member.duty, DUTY_STANDBY);
                pass(&play, 1);
        }
        play.input.follows = 3;
        say_answer(&play, ANSWER_DONE);
        pass(&play, USEC_PER_HOUR);
        play.input.follows = 0; /* it has ended, after it lasted */
        step(&play);
        assert_int_equal(play.member.duty, DUTY_FOLLOWING);
        say_answer(&play, ANSWER_FAILED);
        pass(&play, 2 * SECOND);
        assert_int_equal(play.member.duty, DUTY_FOLLOWING);
        play.input.standing = LEASE_OURS;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_RELEASING);
        begin_running(&play);
        play.input.held = "paused by ann";
        say_active(&play, "a/s", 3);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        play.input.held = NULL;
        step(&play);
        assert_int_equal(play.member.duty, DUTY_FOLLOWING);
        say_role(&play, MEMBER_STUCK);
        assert_int_equal(play.member.duty, DUTY_STUCK);
}

static void only_who_has_the_data_is_promoted(void **state) {
        (void) state;
        static const struct {
                const char *last;
                uint64_t follows;
                bool probes_pass, can;
        } cases[] = {{NULL, 0, false, true}, {"b/s", 0, false, true}, {"a/s", 0, true, false},
                {"a/s", 2, true, false}, {"a/s", 3, true, true}, {"a/s", 3, false, false}};
        static const char *const probes[] = {"lag", NULL};
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct play play;
                begin(&play);
                play.group.standby = STANDBY_RUNNING;
                play.input.last = cases[i].last;
                play.input.last_is_self = cases[i].last && str_eq(cases[i].last, "b/s");
                play.input.last_token = cases[i].last ? 3 : 0;
                play.input.follows = cases[i].follows;
                play.group.requires_healthy = (struct strings){(const char **) probes, 1};
                play.input.probes_pass = cases[i].probes_pass;
                say_role(&play, MEMBER_STANDBY);
                say_lease(&play, LEASE_FREE, 0);
                assert_int_equal(play.member.duty, cases[i].can ? DUTY_CANDIDATE : DUTY_STANDBY);
        }
}

/* Strangers are the executor's to stop, which knows whom it has started. */
static void one_that_runs_and_follows_is_no_stranger(void **state) {
        (void) state;
        struct play play;
        begin_running(&play);
        play.input.running = true;
        pass(&play, USEC_PER_HOUR);
        assert_int_equal(play.member.duty, DUTY_STANDBY);
        say_role(&play, MEMBER_ACTIVE);
        assert_int_equal(play.member.duty, DUTY_DEMOTING);
}

static void each_row_is_told_apart_and_says_why(void **state) {
        (void) state;
        uint32_t left = 0;
        for (size_t i = 0; i < n_member_rules; i++) {
                const struct member_rule *rule = &member_rules[i];
                assert_in_range(rule->number, 701, 799);
                assert_true(i == 0 || rule->number > member_rules[i - 1].number);
                assert_ptr_equal(member_rule_by_number(rule->number), rule);
                assert_false(str_empty(rule->sentence) || str_empty(rule->when_text));
                assert_true(rule->sentence[strlen(rule->sentence) - 1] != '.');
                assert_non_null(rule->when);
                assert_true(rule->duties != 0 && rule->duties < 1U << DUTY_COUNT);
                left |= rule->next == DUTY_SAME ? 0 : rule->duties;
        }
        assert_int_equal(left, (1U << DUTY_COUNT) - 1); /* no duty is a dead end */
        assert_null(member_rule_by_number(101));
}

/* A better member takes over from one that is well only where the policy says so. */
static void preemption(void **state) {
        static const struct {
                bool preempt, can;
                uint32_t priority;
                const char *held;
                enum duty duty;
        } rows[] = {
                {true, true, 101, NULL, DUTY_DEMOTING},
                {false, true, 101, NULL, DUTY_ACTIVE},
                {true, false, 101, NULL, DUTY_ACTIVE},
                {true, true, 100, NULL, DUTY_ACTIVE}, /* no better than this one */
                {true, true, 101, "it is paused", DUTY_ACTIVE},
        };
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct play play;
                become_active(&play);
                play.group.preempt = rows[i].preempt;
                play.input.peer = "a/s";
                play.input.peer_can = rows[i].can;
                play.input.peer_priority = rows[i].priority;
                play.input.held = rows[i].held;
                say_lease(&play, LEASE_OURS, 7);
                assert_int_equal(play.member.duty, rows[i].duty);
                if (rows[i].duty == DUTY_DEMOTING) {
                        assert_int_equal(play.member.last_rule, 757);
                        assert_string_equal(play.effects.note, "a/s can take over");
                        assert_int_equal(play.effects.act, MEMBER_ACT_DEMOTE);
                        say_answer(&play, ANSWER_DONE);
                        assert_true(play.effects.release);
                        assert_string_equal(play.effects.to, "a/s");
                }
        }
}

/* One that is in no list of members, by its policy, hands over to nobody by priority. */
static void one_without_a_priority_is_not_preempted(void **state) {
        struct play play;
        (void) state;
        become_active(&play);
        play.group.preempt = true;
        play.member.self = NULL;
        play.input.peer = "a/s";
        play.input.peer_can = true;
        play.input.peer_priority = 500;
        say_lease(&play, LEASE_OURS, 7);
        assert_int_equal(play.member.duty, DUTY_ACTIVE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(preemption),
                cmocka_unit_test(one_without_a_priority_is_not_preempted),
                cmocka_unit_test(it_is_promoted_with_the_lease_and_a_guard),
                cmocka_unit_test(nothing_is_promoted_on_what_is_not_known),
                cmocka_unit_test(a_lease_that_is_about_to_end_promotes_nobody),
                cmocka_unit_test(a_reload_that_comes_between_is_waited_for),
                cmocka_unit_test(policies_that_the_executor_cannot_read_do_not_keep_the_lease),
                cmocka_unit_test(a_lease_that_was_its_own_promotes_nobody),
                cmocka_unit_test(who_was_promoted_in_vain_lets_others_try),
                cmocka_unit_test(a_better_member_comes_first_for_the_time_of_a_lease),
                cmocka_unit_test(the_lease_has_to_be_free_for_failover_delay),
                cmocka_unit_test(what_holds_says_so),
                cmocka_unit_test(the_lease_is_given_back_only_after_the_proof),
                cmocka_unit_test(a_stop_without_proof_keeps_the_lease),
                cmocka_unit_test(a_refused_demotion_is_asked_for_again),
                cmocka_unit_test(a_silent_coordinator_has_it_demoted_in_time),
                cmocka_unit_test(it_stays_where_the_policy_says_so),
                cmocka_unit_test(beyond_repair_it_hands_over_if_somebody_could),
                cmocka_unit_test(the_word_from_before_is_no_proof),
                cmocka_unit_test(it_goes_on_while_all_agree),
                cmocka_unit_test(without_the_policy_an_agreement_is_worth_nothing),
                cmocka_unit_test(the_lease_comes_back_under_another_token),
                cmocka_unit_test(another_holder_ends_an_agreement),
                cmocka_unit_test(nobody_hands_over_without_the_coordinator),
                cmocka_unit_test(only_a_proven_standby_promises),
                cmocka_unit_test(it_goes_on_if_the_lease_is_its_own_again),
                cmocka_unit_test(it_goes_on_under_the_token_of_its_promotion),
                cmocka_unit_test(it_is_stopped_if_another_has_the_lease),
                cmocka_unit_test(what_somebody_started_is_stopped),
                cmocka_unit_test(a_standby_that_runs_follows_the_active_one),
                cmocka_unit_test(what_does_not_follow_is_tried_again_ever_later),
                cmocka_unit_test(only_who_has_the_data_is_promoted),
                cmocka_unit_test(one_that_runs_and_follows_is_no_stranger),
                cmocka_unit_test(each_row_is_told_apart_and_says_why),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
