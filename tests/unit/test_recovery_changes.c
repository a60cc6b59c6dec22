/* Files that changed shortly before a failure: what is blamed, and what is rolled back. */

#include <stdio.h>
#include <string.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define MINUTES(n) ((usec_t) (n) *USEC_PER_MINUTE)

enum { WEB, DB };
enum { STEP_RESTART, STEP_ROLLBACK, STEP_NOTIFY };

/* restart x 2, rollback, notify; blame_window 30m. */
static struct policy *policy_with_rollback(void) {
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_RESTART, 2);
        build_step(policy, web, ACTION_ROLLBACK, 1);
        build_step(policy, web, ACTION_NOTIFY, 1);
        build_rollback(policy, web, MINUTES(30));
        return policy;
}

static struct world *web_that_fails(void) {
        struct world *w = world_new(build_done(policy_with_rollback()), 1);
        world_passes(w, WEB, 1);
        world_advance(w, MINUTES(60));
        world_fails(w, WEB, 3);
        return w;
}

static enum step_fit fit_of(const struct world *w, uint32_t step) {
        struct step_status steps[POLICY_STEPS_MAX];
        recovery_ladder(w->recovery, WEB, w->now, steps);
        return steps[step].fit;
}

static int cause_of(const struct world *w) {
        struct service_status status = world_status(w, WEB);
        assert_non_null(status.incident);
        return status.incident->cause;
}

static int present_action(const struct world *w) {
        struct service_status status = world_status(w, WEB);
        assert_non_null(status.attempt);
        return status.attempt->action;
}

/* The attempt that is due begins, and ends as the executor says. */
static void attempt(struct world *w, enum world_answer answer) {
        world_advance(w, usec_sub(world_status(w, WEB).next_attempt, w->now.mono));
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        world_saved(w, WEB, true);
        assert_int_equal(world_phase(w, WEB), PHASE_ACTING);
        world_answers(w, WEB, answer);
}

static void is_not_cured(struct world *w) {
        assert_int_equal(world_phase(w, WEB), PHASE_VERIFYING);
        world_fails(w, WEB, 3);
        world_advance(w, 30 * USEC_PER_SEC);
}

static void test_its_files_are_asked_for_and_waited_for(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        assert_int_equal(world_count(w, EFFECT_FILES, WEB), 1);
        assert_int_equal(world_phase(w, WEB), PHASE_COMPARING);
        assert_int_equal(world_rule(w, WEB), 240);
        assert_int_equal(cause_of(w), CAUSE_WRONG_ANSWER);
        world_advance(w, 9 * USEC_PER_SEC);
        assert_int_equal(world_phase(w, WEB), PHASE_COMPARING);
        world_advance(w, 1 * USEC_PER_SEC);
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        assert_int_equal(present_action(w), ACTION_RESTART);
        assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_FILES_UNKNOWN);
        world_free(w);
}

static void test_a_young_change_is_blamed_and_rolled_back_first(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(cause_of(w), CAUSE_CHANGED);
        assert_int_equal(world_status(w, WEB).incident->symptom, CAUSE_WRONG_ANSWER);
        assert_string_equal(world_status(w, WEB).incident->text,
                "503 Service Unavailable (4m before: 2 files changed, as app.conf)");
        assert_int_equal(world_status(w, WEB).step, STEP_ROLLBACK);
        attempt(w, ANSWER_OK);
        assert_int_equal(present_action(w), ACTION_ROLLBACK);
        world_passes(w, WEB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_free(w);
}

static void test_after_the_rollback_the_ladder_goes_on_from_its_beginning(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_files(w, WEB, 7, MINUTES(4));
        attempt(w, ANSWER_OK);
        is_not_cured(w);
        assert_int_equal(world_count(w, EFFECT_FILES, WEB), 2);
        assert_int_equal(
                cause_of(w), CAUSE_WRONG_ANSWER); /* the change is gone, and it still fails */
        world_files(w, WEB, 0, 0);
        for (int i = 0; i < 2; i++) {
                attempt(w, ANSWER_OK);
                assert_int_equal(present_action(w), ACTION_RESTART);
                is_not_cured(w);
        }
        assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_FILES_UNCHANGED);
        assert_int_equal(world_phase(w, WEB), PHASE_EXHAUSTED);
        assert_int_equal(world_count_events(w, EVENT_NOTIFY, WEB), 1);
        assert_int_equal(world_count(w, EFFECT_ACT, WEB), 3);
        world_free(w);
}

/* What is known, how old it is, which step comes first, and what becomes of the rollback. */
static void test_when_a_rollback_is_passed_over(void **state) {
        static const struct {
                uint64_t change; /* 0: none */
                usec_t age;
                int cause, first;
                enum step_fit rollback;
        } rows[] = {
                {0, 0, CAUSE_WRONG_ANSWER, ACTION_RESTART, STEP_FILES_UNCHANGED},
                {7, MINUTES(29), CAUSE_CHANGED, ACTION_ROLLBACK, STEP_ROLLED_BACK},
                {7, MINUTES(30), CAUSE_WRONG_ANSWER, ACTION_RESTART, STEP_FITS},
                {7, MINUTES(600), CAUSE_WRONG_ANSWER, ACTION_RESTART, STEP_FITS},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct world *w = web_that_fails();
                world_files(w, WEB, rows[i].change, rows[i].age);
                assert_int_equal(cause_of(w), rows[i].cause);
                world_advance(w, usec_sub(world_status(w, WEB).next_attempt, w->now.mono));
                assert_int_equal(present_action(w), rows[i].first);
                assert_int_equal(fit_of(w, STEP_ROLLBACK), rows[i].rollback);
                world_free(w);
        }
}

static void test_an_old_change_is_rolled_back_in_its_turn(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_files(w, WEB, 7, MINUTES(90));
        for (int i = 0; i < 2; i++) {
                attempt(w, ANSWER_OK);
                assert_int_equal(present_action(w), ACTION_RESTART);
                is_not_cured(w);
        }
        attempt(w, ANSWER_OK);
        assert_int_equal(present_action(w), ACTION_ROLLBACK);
        world_free(w);
}

/* Whoever repairs it by hand is left alone. */
static void test_what_changed_after_the_failure_is_not_rolled_back(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_advance(w, 5 * USEC_PER_SEC);
        world_files(w, WEB, 7, 2 * USEC_PER_SEC);
        assert_int_equal(cause_of(w), CAUSE_WRONG_ANSWER);
        assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_FILES_CHANGED_SINCE);
        world_free(w);
}

static void test_a_change_is_rolled_back_once(void **state) {
        static const uint64_t changes[] = {7, 8};
        (void) state;
        for (size_t i = 0; i < 2; i++) {
                struct world *w = web_that_fails();
                world_files(w, WEB, 7, MINUTES(4));
                attempt(w, ANSWER_OK);
                world_passes(w, WEB, 2);
                world_restart(w, &(struct world_restart){.gap = USEC_PER_SEC, .reboot = i == 1});
                world_executor(w, true);
                world_passes(w, WEB, 2);
                world_advance(w, MINUTES(20));
                world_fails(w, WEB, 3);
                world_files(w, WEB, changes[i], MINUTES(1));
                assert_int_equal(cause_of(w), CAUSE_CHANGED);
                world_advance(w, usec_sub(world_status(w, WEB).next_attempt, w->now.mono));
                assert_int_equal(
                        present_action(w), changes[i] == 7 ? ACTION_RESTART : ACTION_ROLLBACK);
                assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_ROLLED_BACK);
                world_free(w);
        }
}

/* Failed: done. Refused or put off: nothing was undone, so it may be tried again. */
static void test_what_counts_as_rolled_back(void **state) {
        static const struct {
                enum world_answer answer;
                enum step_fit fit; /* as soon as the same is said of its files */
        } rows[] = {
                {ANSWER_FAILED, STEP_ROLLED_BACK},
                {ANSWER_REFUSED, STEP_SPENT},
                {ANSWER_LATER, STEP_FITS},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct world *w = web_that_fails();
                world_files(w, WEB, 7, MINUTES(4));
                attempt(w, rows[i].answer);
                world_files(w, WEB, 7, MINUTES(4));
                assert_int_equal(fit_of(w, STEP_ROLLBACK), rows[i].fit);
                world_free(w);
        }
}

static void test_a_late_word_changes_the_plan(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_advance(w, 10 * USEC_PER_SEC); /* nobody said anything */
        attempt(w, ANSWER_OK);
        is_not_cured(w);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        assert_int_equal(world_status(w, WEB).step, STEP_ROLLBACK);
        attempt(w, ANSWER_OK);
        is_not_cured(w);
        world_files(w, WEB, 0, 0);
        attempt(w, ANSWER_OK); /* the second restart: the first one is not forgotten */
        assert_int_equal(present_action(w), ACTION_RESTART);
        assert_int_equal(world_status(w, WEB).step_attempts, 2);
        world_free(w);
}

/* The word comes while a person's wish is under way, which is then put off. */
static void test_a_word_during_a_persons_wish_changes_the_plan(void **state) {
        (void) state;
        struct world *w = web_that_fails();

        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(world_status(w, WEB).step, STEP_ROLLBACK);
        world_command(w, WEB, COMMAND_RESTART, 0);
        world_saved(w, WEB, true);
        assert_int_equal(world_phase(w, WEB), PHASE_ACTING);
        world_files_unknown(w, WEB);
        world_answers(w, WEB, ANSWER_LATER);
        assert_int_equal(world_phase(w, WEB), PHASE_HELD);
        assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_FILES_UNKNOWN);
        assert_int_equal(world_status(w, WEB).step, STEP_RESTART);
        world_advance(w, 10 * USEC_PER_SEC);
        assert_int_equal(world_status(w, WEB).attempt->origin, ORIGIN_LADDER);
        assert_int_equal(present_action(w), ACTION_RESTART);
        world_free(w);
}

static void test_without_recovery_points_nobody_is_asked(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, WEB, 3);
        assert_int_equal(world_count(w, EFFECT_FILES, WEB), 0);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        world_free(w);
}

/* The change is told, and there is nothing to wait for. */
static void test_a_ladder_without_rollback_does_not_wait(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_rollback(policy, build_plain(policy, "web"), MINUTES(30));
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, WEB, 3);
        assert_int_equal(world_count(w, EFFECT_FILES, WEB), 1);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(cause_of(w), CAUSE_CHANGED);
        world_free(w);
}

static void test_a_dependency_that_is_down_comes_before_a_change(void **state) {
        (void) state;
        struct policy *policy = policy_with_rollback();
        struct service *db = build_plain(policy, "db");
        build_depend(policy, &policy->services[WEB], db);
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, DB, 3);
        world_fails(w, WEB, 3);
        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        assert_int_equal(cause_of(w), CAUSE_DEPENDENCY);
        assert_int_equal(world_status(w, WEB).incident->symptom, CAUSE_WRONG_ANSWER);
        world_fail_and_restart(w, DB);
        world_passes(w, DB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        world_fails(w, WEB, 1);
        world_advance(w, 5 * USEC_PER_SEC);
        assert_int_equal(world_phase(w, WEB), PHASE_COMPARING); /* looked at anew */
        assert_int_equal(world_count(w, EFFECT_FILES, WEB), 2);
        world_files(w, WEB, 0, 0);
        assert_int_equal(cause_of(w), CAUSE_WRONG_ANSWER);
        world_free(w);
}

/* A reload needs a service that runs, and a change to blame does not bring it back. */
static void test_what_has_ended_is_not_reloaded_for_a_change(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_probe(policy, web, "http");
        build_step(policy, web, ACTION_RELOAD, 1)->causes = 1U << CAUSE_CHANGED;
        build_step(policy, web, ACTION_RESTART, 1);
        build_rollback(policy, web, MINUTES(30));
        struct world *w = world_new(build_done(policy), 1);

        world_runs(w, WEB, 0);
        world_dies(w, WEB, "killed by SIGKILL");
        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(cause_of(w), CAUSE_CHANGED);
        assert_int_equal(fit_of(w, 0), STEP_OTHER_CAUSE);
        world_free(w);
}

static void test_only_its_readiness_fails(void **state) {
        (void) state;
        struct policy *policy = policy_with_rollback();
        build_probe(policy, &policy->services[WEB], "ready")->role = ROLE_READINESS;
        struct world *w = world_new(build_done(policy), 1);

        world_passes(w, WEB, 2);
        world_observe(w, WEB, 1, OUTCOME_FAIL, 3);
        world_files(w, WEB, 7, MINUTES(4));
        assert_int_equal(cause_of(w), CAUSE_CHANGED);
        assert_int_equal(fit_of(w, STEP_ROLLBACK), STEP_INTERRUPTS);
        assert_int_equal(world_phase(w, WEB), PHASE_UNATTENDED);
        world_fails(w, WEB, 3); /* and now its liveness, too */
        assert_int_equal(world_status(w, WEB).step, STEP_ROLLBACK);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_its_files_are_asked_for_and_waited_for),
                cmocka_unit_test(test_a_young_change_is_blamed_and_rolled_back_first),
                cmocka_unit_test(test_after_the_rollback_the_ladder_goes_on_from_its_beginning),
                cmocka_unit_test(test_when_a_rollback_is_passed_over),
                cmocka_unit_test(test_an_old_change_is_rolled_back_in_its_turn),
                cmocka_unit_test(test_what_changed_after_the_failure_is_not_rolled_back),
                cmocka_unit_test(test_a_change_is_rolled_back_once),
                cmocka_unit_test(test_what_counts_as_rolled_back),
                cmocka_unit_test(test_a_late_word_changes_the_plan),
                cmocka_unit_test(test_a_word_during_a_persons_wish_changes_the_plan),
                cmocka_unit_test(test_without_recovery_points_nobody_is_asked),
                cmocka_unit_test(test_a_ladder_without_rollback_does_not_wait),
                cmocka_unit_test(test_a_dependency_that_is_down_comes_before_a_change),
                cmocka_unit_test(test_what_has_ended_is_not_reloaded_for_a_change),
                cmocka_unit_test(test_only_its_readiness_fails),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
