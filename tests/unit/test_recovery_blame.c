/* Who is to blame: a service whose dependency is down is left alone, and gets time when it is back.
 */

#include <stdio.h>
#include <string.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

enum { WEB, DB };

static struct world *web_on_db(void) {
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        build_depend(policy, web, db);
        struct world *w = world_new(build_done(policy), 1);
        world_passes(w, WEB, 1);
        world_passes(w, DB, 1);
        return w;
}

static void test_dependency_is_known_to_be_down(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 3);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(world_rule(w, WEB), 102);
        assert_int_equal(world_status(w, WEB).culprit, DB);
        assert_string_equal(world_last_event(w, EVENT_PHASE, WEB)->text,
                "blocked: a dependency is down, so the fault is not its own: it is left alone until the dependency is back: db is backoff");
        world_advance(w, USEC_PER_HOUR);
        assert_int_equal(world_count(w, EFFECT_SAVE, WEB), 0);
        world_free(w);
}

static void test_dependency_is_found_down_by_asking(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_clear(w);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        assert_int_equal(world_count(w, EFFECT_PROBE, DB), 1);
        world_fails(w, DB, 1); /* in doubt: wait for more */
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        world_fails(w, DB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(world_rule(w, WEB), 302);
        world_free(w);
}

/* It was gone for too short a time to be called down, which is no fault of the dependent either. */
static void test_dependency_in_doubt_turns_out_fine(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 1);
        world_fails(w, WEB, 3);
        world_fails(w, DB, 1);
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        world_passes(w, DB, 1);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        assert_int_equal(world_rule(w, WEB), 331);
        world_passes(w, WEB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        assert_int_equal(world_count(w, EFFECT_SAVE, WEB), 0);
        world_free(w);
}

static void test_dependency_was_in_doubt_a_moment_ago(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 2);
        world_passes(w, DB, 1);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        assert_int_equal(world_rule(w, WEB), 130);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING); /* it had its time */
        world_free(w);
}

/* A process that has ended does not come back by waiting. */
static void test_dependency_in_doubt_and_a_process_that_ended(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 1);
        world_dies(w, WEB, "exited with status 1");
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        world_passes(w, DB, 1);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        assert_int_equal(world_rule(w, WEB), 208);
        world_free(w);
}

static void test_dependency_answers_well(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_passes(w, DB, 1);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        world_free(w);
}

/* A run that began before the failure says nothing about the time after it. */
static void test_an_old_answer_does_not_clear(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_advance(w, SECONDS(1));
        struct observation late = {
                .service = DB, .outcome = OUTCOME_PASS, .at = w->now, .duration = SECONDS(1) + 1};
        world_feed_observation(w, &late);
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        late.duration = SECONDS(1);
        world_feed_observation(w, &late);
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING); /* its delay is over, too */
        world_free(w);
}

static void test_unknown_is_an_answer(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_observe(w, DB, 0, OUTCOME_UNKNOWN, 1);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        world_free(w);
}

static void test_no_answer_in_time(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        /* a run under way, three more with their pauses, and a margin */
        usec_t wait = SECONDS(2) + 3 * (SECONDS(2) + 250 * USEC_PER_MSEC) + SECONDS(1);
        assert_int_equal(world_status(w, WEB).timer, w->now.mono + wait);
        world_advance(w, wait);
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        world_free(w);
}

static void test_dependency_back_and_time_to_settle(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 3);
        world_fails(w, WEB, 3);
        world_clear(w);
        world_passes(w, DB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        assert_int_equal(world_count(w, EFFECT_PROBE, WEB), 1);
        assert_int_equal(world_status(w, WEB).pace, PACE_FAST);
        world_advance(w, SECONDS(5) - 1);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        world_passes(w, WEB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, WEB)->incident.end, INCIDENT_HEALED);
        assert_int_equal(world_count(w, EFFECT_SAVE, WEB), 0);
        world_free(w);
}

static void test_settled_and_still_failing(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 3);
        world_fails(w, WEB, 3);
        world_passes(w, DB, 2);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING); /* its delay is long over */
        world_free(w);
}

static void test_dependency_goes_down_in_every_waiting_phase(void **state) {
        (void) state;
        for (int phase = 0; phase < 4; phase++) {
                struct world *w = web_on_db();
                world_fails(w, WEB, 3); /* checking */
                if (phase == 1) { /* backoff */
                        world_passes(w, DB, 1);
                } else if (phase == 2) { /* held */
                        world_command(w, WEB, COMMAND_PAUSE, SECONDS(60));
                        world_passes(w, DB, 1);
                        world_advance(w, SECONDS(1));
                } else if (phase == 3) { /* settling */
                        world_fails(w, DB, 3);
                        world_passes(w, DB, 2);
                }
                world_fails(w, DB, 3);
                assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
                world_free(w);
        }
}

static void test_dependency_goes_down_while_the_intent_is_written(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_passes(w, DB, 1);
        world_advance(w, SECONDS(1));
        world_fails(w, DB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        world_saved(w, WEB, true);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(world_count(w, EFFECT_ACT, WEB), 0);
        assert_int_equal(world_status(w, WEB).step_attempts, 0);
        world_free(w);
}

static void test_dependency_goes_down_during_the_attempt(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_passes(w, DB, 1);
        world_advance(w, SECONDS(1));
        world_saved(w, WEB, true);
        world_fails(w, DB, 3); /* the action is not broken off */
        assert_int_equal(world_phase(w, WEB), PHASE_ACTING);
        world_answers(w, WEB, ANSWER_FAILED);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(world_rule(w, WEB), 204);
        world_free(w);
}

/* Well again, though its attempt is still held: there is nothing to blame anybody for. */
static void test_a_healthy_service_is_not_blocked(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, WEB, 3);
        world_passes(w, DB, 1);
        world_advance(w, SECONDS(1));
        world_saved(w, WEB, true);
        world_passes(w, WEB, 2);
        world_answers(w, WEB, ANSWER_LATER);
        world_fails(w, DB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_HELD);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_free(w);
}

/* The attempt proves nothing, so it is not counted against the ladder. */
static void test_dependency_goes_down_while_verifying(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        struct service *db = build_plain(policy, "db");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_RESTART, 1);
        build_depend(policy, web, db);
        struct world *w = world_new(build_done(policy), 1);

        world_passes(w, DB, 1);
        world_fails(w, WEB, 3);
        world_passes(w, DB, 1);
        world_advance(w, SECONDS(1));
        world_saved(w, WEB, true);
        world_answers(w, WEB, ANSWER_OK);
        world_fails(w, DB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(
                world_last(w, EFFECT_ATTEMPT, WEB)->attempt.attempt.result, ATTEMPT_SUPERSEDED);
        assert_int_equal(world_status(w, WEB).backoff_level, 1);
        world_passes(w, DB, 2);
        world_fails(w, WEB, 1);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        world_free(w);
}

/* A person's restart of the dependency makes the dependent fail: it is left alone all the way. */
static void test_restart_of_a_dependency_by_a_person(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_command(w, DB, COMMAND_RESTART, 0);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        world_saved(w, DB, true);
        world_answers(w, DB, ANSWER_OK);
        world_passes(w, DB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        world_free(w);
}

static void test_a_given_up_dependency_still_blocks(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_fails(w, DB, 3);
        for (int i = 0; i < 3; i++) {
                world_advance(w, SECONDS(1) << i);
                world_saved(w, DB, true);
                world_answers(w, DB, ANSWER_FAILED);
        }
        assert_int_equal(world_phase(w, DB), PHASE_EXHAUSTED);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        world_free(w);
}

static void test_a_chain_blames_its_end(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *shop = build_plain(policy, "shop");
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        build_depend(policy, shop, web);
        build_depend(policy, web, db);
        struct world *w = world_new(build_done(policy), 1);

        for (uint32_t i = 3; i-- > 0;) {
                world_passes(w, i, 1);
        }
        world_fails(w, 0, 3);
        world_fails(w, 1, 3); /* checking: down for those above */
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        world_fails(w, 2, 3);
        assert_int_equal(world_phase(w, 1), PHASE_BLOCKED);
        assert_int_equal(world_phase(w, 2), PHASE_BACKOFF);
        world_passes(w, 2, 2);
        assert_int_equal(world_phase(w, 1), PHASE_SETTLING);
        assert_int_equal(world_phase(w, 0), PHASE_BLOCKED);
        world_passes(w, 1, 2);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_free(w);
}

static void test_a_soft_dependency_is_only_told_of(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *db = build_plain(policy, "db");
        struct service *shop = build_plain(policy, "shop");
        build_soft_depend(policy, shop, db);
        struct world *w = world_new(build_done(policy), 1);

        world_passes(w, 1, 2);
        world_dies(w, 0, "killed by SIGSEGV");
        world_fails(w, 1, 3);
        assert_int_equal(world_phase(w, 1), PHASE_BACKOFF);
        assert_int_equal(world_status(w, 1).culprit, UINT32_MAX);
        assert_non_null(
                strstr(world_status(w, 1).incident->text, "; its soft dependency db is down"));
        world_free(w);
}

static void test_a_first_start_waits_for_every_dependency(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        struct service *cart = build_plain(policy, "cart");
        build_depend(policy, web, db);
        build_depend(policy, web, cart);
        struct world *w = world_new(build_done(policy), 1);

        world_idle(w, 0);
        world_passes(w, 1, 1);
        assert_int_equal(world_phase(w, 0), PHASE_QUEUED);
        world_passes(w, 2, 1);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* A first start that is held: its dependency going down is no fault of anybody's. */
static void test_a_held_first_start_is_not_blocked(void **state) {
        (void) state;
        struct world *w = web_on_db();

        world_executor(w, false);
        world_idle(w, WEB);
        assert_int_equal(world_phase(w, WEB), PHASE_HELD);
        world_fails(w, DB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_HELD);
        world_executor(w, true);
        world_guards(w, WEB);
        assert_int_equal(world_phase(w, WEB), PHASE_QUEUED);
        world_free(w);
}

static void test_many_dependencies_fit_into_one_step(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        for (int i = 0; i < POLICY_DEPENDENCIES_MAX; i++) {
                char name[16];
                snprintf(name, sizeof(name), "d%d", i);
                build_depend(policy, web, build_plain(policy, name));
        }
        struct world *w = world_new(build_done(policy), 1);

        for (uint32_t i = 0; i <= POLICY_DEPENDENCIES_MAX; i++) {
                world_passes(w, i, 1);
        }
        world_clear(w);
        world_fails(w, 0, 3);
        assert_int_equal(world_count(w, EFFECT_PROBE, UINT32_MAX), POLICY_DEPENDENCIES_MAX);
        for (uint32_t i = 1; i <= POLICY_DEPENDENCIES_MAX; i++) {
                assert_int_equal(world_phase(w, 0), PHASE_CHECKING);
                world_passes(w, i, 1);
        }
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dependency_is_known_to_be_down),
                cmocka_unit_test(test_dependency_is_found_down_by_asking),
                cmocka_unit_test(test_dependency_in_doubt_turns_out_fine),
                cmocka_unit_test(test_dependency_was_in_doubt_a_moment_ago),
                cmocka_unit_test(test_dependency_in_doubt_and_a_process_that_ended),
                cmocka_unit_test(test_dependency_answers_well),
                cmocka_unit_test(test_an_old_answer_does_not_clear),
                cmocka_unit_test(test_unknown_is_an_answer),
                cmocka_unit_test(test_no_answer_in_time),
                cmocka_unit_test(test_dependency_back_and_time_to_settle),
                cmocka_unit_test(test_settled_and_still_failing),
                cmocka_unit_test(test_dependency_goes_down_in_every_waiting_phase),
                cmocka_unit_test(test_dependency_goes_down_while_the_intent_is_written),
                cmocka_unit_test(test_dependency_goes_down_during_the_attempt),
                cmocka_unit_test(test_a_healthy_service_is_not_blocked),
                cmocka_unit_test(test_dependency_goes_down_while_verifying),
                cmocka_unit_test(test_restart_of_a_dependency_by_a_person),
                cmocka_unit_test(test_a_given_up_dependency_still_blocks),
                cmocka_unit_test(test_a_chain_blames_its_end),
                cmocka_unit_test(test_a_soft_dependency_is_only_told_of),
                cmocka_unit_test(test_a_first_start_waits_for_every_dependency),
                cmocka_unit_test(test_a_held_first_start_is_not_blocked),
                cmocka_unit_test(test_many_dependencies_fit_into_one_step),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
