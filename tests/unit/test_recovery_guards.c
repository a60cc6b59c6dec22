/* What holds an attempt: pause, dry run, executor, store, budgets; and what the executor may say
 * instead of yes. */

#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

static struct world *one_service(void) {
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        return world_new(build_done(policy), 1);
}

/* One attempt that does not help, as soon as it may begin. */
static void spend_attempt(struct world *w, uint32_t service) {
        assert_int_equal(world_phase(w, service), PHASE_SAVING);
        world_saved(w, service, true);
        world_answers(w, service, ANSWER_FAILED);
}

/* A service that fails without end and is acted on without delay. */
static struct service *build_eager(struct policy *policy, const char *name, uint32_t actions) {
        struct service *service = build_service(policy, name);
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_RESTART, 1000);
        service->backoff.initial = 0;
        service->budget.actions = actions;
        return service;
}

static void assert_held(struct world *w, uint32_t service, enum guard guard) {
        assert_int_equal(world_phase(w, service), PHASE_HELD);
        assert_int_equal(world_status(w, service).held_by, guard);
}

/* ---- Pause ---- */

static void test_a_pause_holds_and_ends_by_itself(void **state) {
        (void) state;
        struct world *w = one_service();

        assert_true(world_command(w, 0, COMMAND_PAUSE, SECONDS(60))->reply.ok);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(59));
        assert_held(w, 0, GUARD_PAUSED);
        assert_string_equal(world_last_event(w, EVENT_PHASE, 0)->text,
                "held: an attempt is due, and a guard holds it: paused by ann for another 59s: upgrade");
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_false(world_status(w, 0).paused);
        assert_string_equal(world_last_event(w, EVENT_COMMAND, 0)->text, "the pause is over");
        world_free(w);
}

static void test_a_pause_ends_by_a_word(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(10));
        assert_true(world_command(w, 0, COMMAND_RESUME, 0)->reply.ok);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_string_equal(
                world_command(w, 0, COMMAND_RESUME, 0)->reply.text, "web was not paused");
        world_free(w);
}

static void test_a_pause_is_made_longer_and_shorter(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(30));
        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_advance(w, SECONDS(59));
        assert_held(w, 0, GUARD_PAUSED);
        world_command(w, 0, COMMAND_PAUSE, SECONDS(5));
        assert_int_equal(world_status(w, 0).timer,
                w->now.mono + SECONDS(1)); /* the old end; it asks again */
        world_advance(w, SECONDS(4));
        assert_held(w, 0, GUARD_PAUSED);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* Nothing was done yet, so the attempt is taken back. */
static void test_a_pause_while_the_intent_is_written(void **state) {
        (void) state;
        for (int saved = 0; saved < 2; saved++) {
                struct world *w = one_service();
                world_fails(w, 0, 3);
                world_advance(w, SECONDS(1));
                world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
                world_saved(w, 0, saved);
                assert_held(w, 0, GUARD_PAUSED);
                assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
                assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
                assert_int_equal(world_status(w, 0).step_attempts, 0);
                world_advance(w, SECONDS(60));
                assert_int_equal(world_phase(w, 0), PHASE_SAVING);
                assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.delay, SECONDS(1));
                world_free(w);
        }
}

static void test_the_executor_leaves_while_the_intent_is_written(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_executor(w, false);
        world_saved(w, 0, true);
        assert_held(w, 0, GUARD_EXECUTOR_AWAY);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        world_free(w);
}

/* A pause holds new attempts; it does not break off what was begun. */
static void test_a_pause_leaves_the_attempt_under_way(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_command(w, 0, COMMAND_PAUSE, SECONDS(600));
        world_answers(w, 0, ANSWER_OK);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_a_pause_holds_a_first_start(void **state) {
        (void) state;
        struct world *w = one_service();

        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_idle(w, 0);
        assert_held(w, 0, GUARD_PAUSED);
        world_advance(w, SECONDS(60));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.origin, ORIGIN_FIRST_START);
        world_free(w);
}

/* ---- Dry run, executor ---- */

static void test_a_dry_run_never_acts(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        struct world *w = world_new(build_done(policy), 1);
        w->settings.dry_run = true;
        world_restart(w, &(struct world_restart){0});
        world_executor(w, true);

        world_fails(w, 0, 3);
        world_advance(w, USEC_PER_DAY);
        assert_held(w, 0, GUARD_DRY_RUN);
        assert_false(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

static void test_without_the_executor_attempts_wait(void **state) {
        (void) state;
        struct world *w = one_service();

        world_executor(w, false);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(10));
        assert_held(w, 0, GUARD_EXECUTOR_AWAY);
        world_guards(w, 0); /* nothing changed: nothing is said */
        assert_int_equal(world_count_events(w, EVENT_PHASE, 0), 2);
        assert_string_equal(
                world_command(w, 0, COMMAND_RESTART, 0)->reply.text, "the executor is away");
        world_executor(w, true);
        world_guards(w, 0);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* ---- Store ---- */

static void test_unrecorded_actions_are_capped(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 100);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                world_saved(w, 0, false);
                assert_int_equal(world_phase(w, 0), PHASE_ACTING);
                assert_int_equal(world_rule(w, 0), 405);
                world_answers(w, 0, ANSWER_FAILED);
        }
        world_saved(w, 0, false);
        assert_held(w, 0, GUARD_STORE_DEGRADED);
        assert_int_equal(world_rule(w, 0), 404);
        assert_int_equal(world_status(w, 0).step_attempts, 3);
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 97);
        world_advance(w, SECONDS(1)); /* the store is asked again */
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_saved(w, 0, true);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 4);
        world_free(w);
}

static void test_a_store_known_to_be_broken_holds_after_the_cap(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 100);
        struct world *w = world_new(build_done(policy), 1);

        world_store(w, false);
        usec_t first = w->now.mono;
        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                world_saved(w, 0, false);
                world_answers(w, 0, ANSWER_FAILED);
        }
        assert_held(w, 0, GUARD_STORE_DEGRADED);
        assert_int_equal(world_status(w, 0).timer, first + USEC_PER_HOUR);
        world_advance(w, USEC_PER_HOUR);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_saved(w, 0, false);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 4);
        world_free(w);
}

static void test_a_store_that_comes_back_lets_go(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 100);
        struct world *w = world_new(build_done(policy), 1);

        world_store(w, false);
        world_fails(w, 0, 3);
        for (int i = 0; i < 3; i++) {
                world_saved(w, 0, false);
                world_answers(w, 0, ANSWER_FAILED);
        }
        world_store(w, true);
        world_guards(w, 0);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* A person knows what they do: the cap is for what the agent does by itself. */
static void test_a_person_is_not_held_by_the_store(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 100);
        struct world *w = world_new(build_done(policy), 1);

        world_passes(w, 0, 1);
        for (int i = 0; i < 5; i++) {
                assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
                world_saved(w, 0, false);
                assert_int_equal(world_phase(w, 0), PHASE_ACTING);
                world_answers(w, 0, ANSWER_OK);
                world_passes(w, 0, 2);
                assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        }
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 5);
        world_free(w);
}

/* ---- Budgets ---- */

static void test_the_budget_of_a_service(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 2)->backoff =
                (struct backoff_spec){.initial = SECONDS(100), .max = SECONDS(100), .factor = 1};
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(100));
        usec_t first = w->now.mono;
        spend_attempt(w, 0);
        world_advance(w, SECONDS(100));
        spend_attempt(w, 0);
        world_advance(w, SECONDS(100));
        assert_held(w, 0, GUARD_SERVICE_BUDGET);
        assert_string_equal(world_last_event(w, EVENT_PHASE, 0)->text,
                "held: an attempt is due, and a guard holds it: 2 of 2 actions of the service spent within 1h");
        assert_int_equal(world_status(w, 0).timer, first + USEC_PER_HOUR);
        world_advance(w, USEC_PER_HOUR - SECONDS(200) - 1);
        assert_held(w, 0, GUARD_SERVICE_BUDGET);
        world_advance(w, 1);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_the_budget_of_the_host(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "a", 100);
        build_eager(policy, "b", 100);
        policy->agent.budget.actions = 3;
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        spend_attempt(w, 0);
        spend_attempt(w, 0);
        world_fails(w, 1, 3);
        assert_held(w, 1, GUARD_HOST_BUDGET); /* the third is being written down */
        assert_int_equal(recovery_budget_left(w->recovery, UINT32_MAX, w->now), 0);
        assert_int_equal(recovery_budget_left(w->recovery, 1, w->now), 100);
        world_free(w);
}

static void test_no_budget_at_all_holds_for_ever(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "web", 0);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        assert_held(w, 0, GUARD_SERVICE_BUDGET);
        assert_int_equal(world_next_timer(w), USEC_INFINITY);
        world_free(w);
}

/* One service gives back what it did not use; what the other spent meanwhile stays where it was. */
static void test_a_refund_is_of_ones_own(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_eager(policy, "a", 100);
        build_eager(policy, "b", 100);
        policy->agent.budget.actions = 2;
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        usec_t second = w->now.mono;
        world_fails(w, 1, 3);
        world_saved(w, 1, true);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_LATER);
        struct host_record host;
        recovery_save_host(w->recovery, w->now, &host);
        assert_int_equal(host.n_spent, 1);
        assert_int_equal(host.spent[0].mono, second);
        world_free(w);
}

/* ---- What the executor may say ---- */

static void test_put_off_counts_for_nothing(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        for (int i = 0; i < 20; i++) {
                world_saved(w, 0, true);
                world_answers(w, 0, ANSWER_LATER);
                assert_held(w, 0, GUARD_NONE);
                assert_int_equal(world_status(w, 0).step_attempts, 0);
                assert_int_equal(world_status(w, 0).backoff_level, 0);
                assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
                world_advance(w, SECONDS(1));
                assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        }
        assert_int_equal(world_status(w, 0).incident->attempts, 1);
        world_free(w);
}

/* Nor does the next incident begin with a delay that follows on one which led to nothing. */
static void test_put_off_leaves_no_delay_behind(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->backoff.jitter = JITTER_DECORRELATED;
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_LATER);
        world_passes(w, 0, 2);
        world_fails(w, 0, 3);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(1));
        world_free(w);
}

static void test_put_off_first_start_is_still_a_first_start(void **state) {
        (void) state;
        struct world *w = one_service();

        world_idle(w, 0);
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_LATER);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_last(w, EFFECT_SAVE, 0)->attempt.attempt.origin, ORIGIN_FIRST_START);
        assert_int_equal(world_count(w, EFFECT_INCIDENT, 0), 0);
        world_free(w);
}

static void test_refused_counts_but_spends_nothing(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_REFUSED);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(world_status(w, 0).step_attempts, 1);
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
        assert_int_equal(world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result, ATTEMPT_REFUSED);
        world_free(w);
}

static void test_lost_is_verified_and_not_repeated(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_saved(w, 0, true);
        world_answers(w, 0, ANSWER_LOST);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 9);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        world_free(w);
}

/* ---- The manager itself ---- */

static struct world *with_first_word(usec_t first_word) {
        struct world *w = one_service();
        w->settings.first_word = first_word;
        world_restart(w, &(struct world_restart){0});
        world_executor(w, true);
        return w;
}

/* Nobody has said yet whether it runs: perhaps it was not started. */
static void test_failures_before_the_first_word_are_excused(void **state) {
        (void) state;
        struct world *w = with_first_word(SECONDS(10));

        world_fails(w, 0, 10);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_feed_observation(w, &(struct observation){
                                          .outcome = OUTCOME_FAIL,
                                          .cause = CAUSE_EXITED,
                                          .certain = true,
                                          .at = w->now,
                                  });
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_runs(w, 0, SECONDS(100));
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

static void test_the_first_word_is_not_awaited_for_ever(void **state) {
        (void) state;
        struct world *w = with_first_word(SECONDS(10));

        world_advance(w, SECONDS(10));
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

#define RESTARTED_BY_SYSTEMD "systemd restarts it by itself in 5s"

static void test_what_the_manager_restarts_is_left_to_it(void **state) {
        (void) state;
        struct world *w = one_service();

        world_manager_busy(w, 0, RESTARTED_BY_SYSTEMD);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(60));
        assert_held(w, 0, GUARD_MANAGER_BUSY);
        world_runs(w, 0, 0);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING); /* it may be well now */
        world_fails(w, 0, 1);
        world_advance(w, world_policy(w)->services[0].settle);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING); /* it runs, and its probe still fails */
        world_free(w);
}

static void test_a_manager_that_gives_up_hands_it_over(void **state) {
        (void) state;
        struct world *w = one_service();

        world_manager_busy(w, 0, RESTARTED_BY_SYSTEMD);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(60));
        world_dies(w, 0, "failed: start-limit-hit");
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_string_equal(world_status(w, 0).evidence->detail, "failed: start-limit-hit");
        world_free(w);
}

/* Down for the moment it takes to restart: that is not the end of the process. */
static void test_a_busy_manager_is_no_evidence(void **state) {
        (void) state;
        struct world *w = one_service();

        world_runs(w, 0, SECONDS(100));
        world_passes(w, 0, 1);
        world_manager_busy(w, 0, RESTARTED_BY_SYSTEMD);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

static void test_the_manager_begins_while_the_intent_is_written(void **state) {
        (void) state;
        struct world *w = one_service();

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_manager_busy(w, 0, RESTARTED_BY_SYSTEMD);
        world_saved(w, 0, true);
        assert_held(w, 0, GUARD_MANAGER_BUSY);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        world_free(w);
}

/* A person knows better. */
static void test_a_busy_manager_does_not_hold_a_person(void **state) {
        (void) state;
        struct world *w = one_service();

        world_manager_busy(w, 0, RESTARTED_BY_SYSTEMD);
        assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        world_saved(w, 0, true);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 1);
        world_free(w);
}

/* ---- As people see them ---- */

static const struct guard_status *at(const struct guard_status *guards, enum guard guard) {
        return &guards[guard - 1];
}

static void test_all_guards_are_shown(void **state) {
        (void) state;
        struct world *w = one_service();
        struct guard_status guards[GUARD_COUNT];

        world_command(w, 0, COMMAND_PAUSE, SECONDS(60));
        world_executor(w, false);
        world_store(w, false);
        size_t n = recovery_guards(w->recovery, 0, w->now, guards);
        assert_int_equal(n, GUARD_COUNT - 1);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(guards[i].guard, i + 1);
                assert_true(guards[i].text[0] != '\0');
        }
        assert_true(at(guards, GUARD_PAUSED)->holds);
        assert_int_equal(at(guards, GUARD_PAUSED)->until, w->now.mono + SECONDS(60));
        assert_false(at(guards, GUARD_DRY_RUN)->holds);
        assert_false(at(guards, GUARD_OBSERVE)->holds);
        assert_false(at(guards, GUARD_SELF_SUSPECT)->holds);
        assert_string_equal(at(guards, GUARD_SELF_SUSPECT)->text, "the agent trusts what it sees");
        assert_true(at(guards, GUARD_EXECUTOR_AWAY)->holds);
        assert_false(at(guards, GUARD_MANAGER_BUSY)->holds);
        assert_string_equal(
                at(guards, GUARD_MANAGER_BUSY)->text, "its manager does nothing to it by itself");
        assert_false(at(guards, GUARD_STORE_DEGRADED)->holds);
        assert_string_equal(at(guards, GUARD_STORE_DEGRADED)->text,
                "the state database does not work: 0 of 3 unrecorded actions spent within 1h");
        assert_string_equal(at(guards, GUARD_SERVICE_BUDGET)->text,
                "0 of 10 actions of the service spent within 1h");
        assert_int_equal(at(guards, GUARD_HOST_BUDGET)->limit, 100);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_pause_holds_and_ends_by_itself),
                cmocka_unit_test(test_a_pause_ends_by_a_word),
                cmocka_unit_test(test_a_pause_is_made_longer_and_shorter),
                cmocka_unit_test(test_a_pause_while_the_intent_is_written),
                cmocka_unit_test(test_the_executor_leaves_while_the_intent_is_written),
                cmocka_unit_test(test_a_pause_leaves_the_attempt_under_way),
                cmocka_unit_test(test_a_pause_holds_a_first_start),
                cmocka_unit_test(test_a_dry_run_never_acts),
                cmocka_unit_test(test_without_the_executor_attempts_wait),
                cmocka_unit_test(test_unrecorded_actions_are_capped),
                cmocka_unit_test(test_a_store_known_to_be_broken_holds_after_the_cap),
                cmocka_unit_test(test_a_store_that_comes_back_lets_go),
                cmocka_unit_test(test_a_person_is_not_held_by_the_store),
                cmocka_unit_test(test_the_budget_of_a_service),
                cmocka_unit_test(test_the_budget_of_the_host),
                cmocka_unit_test(test_no_budget_at_all_holds_for_ever),
                cmocka_unit_test(test_a_refund_is_of_ones_own),
                cmocka_unit_test(test_put_off_counts_for_nothing),
                cmocka_unit_test(test_put_off_leaves_no_delay_behind),
                cmocka_unit_test(test_put_off_first_start_is_still_a_first_start),
                cmocka_unit_test(test_refused_counts_but_spends_nothing),
                cmocka_unit_test(test_lost_is_verified_and_not_repeated),
                cmocka_unit_test(test_failures_before_the_first_word_are_excused),
                cmocka_unit_test(test_the_first_word_is_not_awaited_for_ever),
                cmocka_unit_test(test_what_the_manager_restarts_is_left_to_it),
                cmocka_unit_test(test_a_manager_that_gives_up_hands_it_over),
                cmocka_unit_test(test_a_busy_manager_is_no_evidence),
                cmocka_unit_test(test_the_manager_begins_while_the_intent_is_written),
                cmocka_unit_test(test_a_busy_manager_does_not_hold_a_person),
                cmocka_unit_test(test_all_guards_are_shown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
