/* A person's stop, start, restart, acknowledgement in every phase: an answer each time, and what
 * follows. */

#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

/* web depends on db; lonely has no steps. */
enum { WEB, DB, LONELY };

static struct world *world_of_three(void) {
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        struct service *db = build_plain(policy, "db");
        struct service *lonely = build_service(policy, "lonely");
        build_probe(policy, lonely, "http");
        build_depend(policy, web, db);
        return world_new(build_done(policy), 1);
}

static void do_it(struct world *w, uint32_t service) {
        assert_int_equal(world_phase(w, service), PHASE_SAVING);
        world_saved(w, service, true);
        world_answers(w, service, ANSWER_OK);
}

/* ---- Ways into each phase ---- */

static void into_watching(struct world *w) {
        world_passes(w, WEB, 1);
}

static void into_queued(struct world *w) {
        world_idle(w, WEB);
}

static void into_checking(struct world *w) {
        world_fails(w, WEB, 3);
}

static void into_blocked(struct world *w) {
        world_fails(w, DB, 3);
        world_fails(w, WEB, 3);
}

static void into_settling(struct world *w) {
        into_blocked(w);
        world_passes(w, DB, 2);
}

static void into_backoff(struct world *w) {
        into_checking(w);
        world_passes(w, DB, 1);
}

static void into_held(struct world *w) {
        into_backoff(w);
        world_command(w, WEB, COMMAND_PAUSE, SECONDS(600));
        world_advance(w, SECONDS(1));
}

static void into_saving(struct world *w) {
        into_backoff(w);
        world_advance(w, SECONDS(1));
}

static void into_acting(struct world *w) {
        into_saving(w);
        world_saved(w, WEB, true);
}

static void into_verifying(struct world *w) {
        into_acting(w);
        world_answers(w, WEB, ANSWER_OK);
}

static void into_exhausted(struct world *w) {
        into_backoff(w);
        for (int i = 0; i < 3; i++) {
                world_advance(w, SECONDS(1) << i);
                world_saved(w, WEB, true);
                world_answers(w, WEB, ANSWER_FAILED);
        }
}

static void into_stopped(struct world *w) {
        world_command(w, WEB, COMMAND_STOP, 0);
        do_it(w, WEB);
}

/* PHASE_UNATTENDED belongs to another service, and PHASE_DECIDING is passed through. */
static const struct {
        enum phase phase;
        void (*enter)(struct world *w);
        bool busy;
} ways[] = {
        {PHASE_WATCHING, into_watching, false},
        {PHASE_QUEUED, into_queued, false},
        {PHASE_CHECKING, into_checking, false},
        {PHASE_BLOCKED, into_blocked, false},
        {PHASE_SETTLING, into_settling, false},
        {PHASE_HELD, into_held, false},
        {PHASE_BACKOFF, into_backoff, false},
        {PHASE_SAVING, into_saving, true},
        {PHASE_ACTING, into_acting, true},
        {PHASE_VERIFYING, into_verifying, false},
        {PHASE_EXHAUSTED, into_exhausted, false},
        {PHASE_STOPPED, into_stopped, false},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static struct world *entered(size_t way) {
        struct world *w = world_of_three();
        ways[way].enter(w);
        if (world_phase(w, WEB) != ways[way].phase) {
                fail_msg("%s instead of %s", phase_text(world_phase(w, WEB)),
                        phase_text(ways[way].phase));
        }
        return w;
}

/* ---- In every phase ---- */

static void test_stop_in_every_phase(void **state) {
        (void) state;
        for (size_t i = 0; i < WAYS; i++) {
                struct world *w = entered(i);
                bool ok = world_command(w, WEB, COMMAND_STOP, 0)->reply.ok;
                assert_int_equal(ok, !ways[i].busy);
                if (ok && ways[i].phase != PHASE_STOPPED) {
                        do_it(w, WEB);
                }
                if (ok) {
                        assert_int_equal(world_phase(w, WEB), PHASE_STOPPED);
                        assert_null(world_status(w, WEB).incident);
                        world_fails(w, WEB, 10); /* not a failure */
                        world_dies(w, WEB, "exited with status 0");
                        world_advance(w, USEC_PER_HOUR);
                        assert_int_equal(world_phase(w, WEB), PHASE_STOPPED);
                }
                world_free(w);
        }
}

static void check_until_proven(enum command_kind kind, enum action action) {
        for (size_t i = 0; i < WAYS; i++) {
                struct world *w = entered(i);
                bool ok = world_command(w, WEB, kind, 0)->reply.ok;
                assert_int_equal(ok, !ways[i].busy);
                if (ok) {
                        const struct effect *save = world_last(w, EFFECT_SAVE, WEB);
                        assert_int_equal(save->attempt.attempt.action, action);
                        assert_int_equal(save->attempt.attempt.origin, ORIGIN_OPERATOR);
                        assert_int_equal(save->attempt.attempt.step, STEP_NONE);
                        do_it(w, WEB);
                        assert_int_equal(world_phase(w, WEB), PHASE_VERIFYING);
                        world_passes(w, WEB, 2);
                        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
                        assert_null(world_status(w, WEB).incident);
                }
                world_free(w);
        }
}

static void test_restart_in_every_phase(void **state) {
        (void) state;
        check_until_proven(COMMAND_RESTART, ACTION_RESTART);
}

static void test_start_in_every_phase(void **state) {
        (void) state;
        check_until_proven(COMMAND_START, ACTION_START);
}

static void test_acknowledge_in_every_phase(void **state) {
        (void) state;
        for (size_t i = 0; i < WAYS; i++) {
                struct world *w = entered(i);
                bool ok = world_command(w, WEB, COMMAND_ACK, 0)->reply.ok;
                assert_int_equal(ok, ways[i].phase == PHASE_EXHAUSTED);
                assert_int_equal(world_phase(w, WEB), ok ? PHASE_BACKOFF : ways[i].phase);
                world_free(w);
        }
}

/* Whatever the executor says to a person's wish, no phase is left without a way on, and no healthy
 * service is touched by the ladder because of it. */
static void test_every_answer_in_every_phase(void **state) {
        (void) state;
        static const enum command_kind kinds[] = {COMMAND_STOP, COMMAND_START, COMMAND_RESTART};
        for (size_t i = 0; i < WAYS * 3 * 5; i++) {
                struct world *w = entered(i % WAYS);
                enum command_kind kind = kinds[i / WAYS % 3];
                enum world_answer answer = (enum world_answer)(i / WAYS / 3);
                if (world_command(w, WEB, kind, 0)->reply.ok &&
                        world_phase(w, WEB) == PHASE_SAVING) {
                        world_saved(w, WEB, true);
                        world_answers(w, WEB, answer);
                }
                bool nothing_done = answer == ANSWER_REFUSED || answer == ANSWER_LATER;
                bool undisturbed = ways[i % WAYS].phase == PHASE_WATCHING ||
                                   ways[i % WAYS].phase == PHASE_STOPPED;
                if (nothing_done && undisturbed) {
                        assert_int_equal(world_phase(w, WEB), ways[i % WAYS].phase);
                        world_advance(w, USEC_PER_HOUR);
                        assert_int_equal(world_phase(w, WEB), ways[i % WAYS].phase);
                        assert_int_equal(world_count(w, EFFECT_INCIDENT, WEB), 0);
                }
                world_free(w);
        }
}

/* ---- One by one ---- */

static void test_a_stopped_service_that_is_started_by_somebody(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_stopped(w);
        world_passes(w, WEB, 1); /* before its manager says so */
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        assert_int_equal(world_rule(w, WEB), 507);
        world_free(w);
}

/* Somebody started it, and it does not get well: then it has failed like any other. */
static void test_a_stopped_service_that_is_started_and_fails(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_stopped(w);
        world_fails(w, WEB, 3);
        world_runs(w, WEB, 0);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        assert_int_equal(world_rule(w, WEB), 508);
        assert_int_equal(world_status(w, WEB).health, HEALTH_UNKNOWN);
        world_advance(w, SECONDS(1));
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_CHECKING);
        world_free(w);
}

/* ---- Stopped outside of recoverd ---- */

static void test_stopped_outside_in_every_phase(void **state) {
        (void) state;
        for (size_t i = 0; i < WAYS; i++) {
                struct world *w = entered(i);
                world_stopped_outside(w, WEB);
                enum phase phase = world_phase(w, WEB);
                bool under_way = phase == PHASE_SAVING || phase == PHASE_ACTING;
                assert_true(phase == PHASE_STOPPED || under_way);
                size_t acts = world_count(w, EFFECT_ACT, WEB);
                world_saved(w, WEB, true);
                world_answers(w, WEB, ANSWER_FAILED);
                world_advance(w, USEC_PER_HOUR);
                assert_int_equal(world_phase(w, WEB), PHASE_STOPPED);
                assert_int_equal(world_count(w, EFFECT_ACT, WEB), acts);
                assert_null(world_status(w, WEB).incident);
                world_free(w);
        }
}

static void test_a_stop_from_outside_outlives_the_agent(void **state) {
        (void) state;
        struct world *w = world_of_three();

        world_stopped_outside(w, WEB);
        world_restart(w, &(struct world_restart){.gap = SECONDS(10)});
        world_executor(w, true);
        world_stopped_outside(w, WEB);
        world_fails(w, WEB, 10);
        assert_int_equal(world_phase(w, WEB), PHASE_STOPPED);
        world_runs(w, WEB, 0);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_free(w);
}

static void test_a_person_starts_what_was_stopped_outside(void **state) {
        (void) state;
        struct world *w = world_of_three();

        world_stopped_outside(w, WEB);
        assert_true(world_command(w, WEB, COMMAND_START, 0)->reply.ok);
        world_saved(w, WEB, true);
        assert_int_equal(world_count(w, EFFECT_ACT, WEB), 1);
        world_runs(w, WEB, 0);
        world_answers(w, WEB, ANSWER_OK);
        world_passes(w, WEB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_free(w);
}

/* ---- Going on one by one ---- */

/* It came up while the executor was asked, and the executor did nothing: it is looked after all the
 * same. */
static void test_a_stopped_service_that_comes_up_during_a_refused_start(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_stopped(w);
        world_command(w, WEB, COMMAND_START, 0);
        world_saved(w, WEB, true);
        world_passes(w, WEB, 2);
        world_answers(w, WEB, ANSWER_REFUSED);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_passes(w, DB, 1);
        world_fails(w, WEB, 3);
        assert_non_null(world_status(w, WEB).incident);
        world_free(w);
}

static void test_a_stop_that_could_not_be_proven(void **state) {
        (void) state;
        struct world *w = world_of_three();

        world_command(w, WEB, COMMAND_STOP, 0);
        world_saved(w, WEB, true);
        world_answers(w, WEB, ANSWER_FAILED);
        assert_int_equal(world_phase(w, WEB), PHASE_STOPPED);
        assert_int_equal(world_rule(w, WEB), 407);
        assert_int_equal(
                world_last(w, EFFECT_ATTEMPT, WEB)->attempt.attempt.result, ATTEMPT_ACTION_FAILED);
        world_free(w);
}

static void test_a_stopped_dependency_blocks(void **state) {
        (void) state;
        struct world *w = world_of_three();

        world_passes(w, DB, 1);
        world_passes(w, WEB, 1);
        world_command(w, DB, COMMAND_STOP, 0);
        do_it(w, DB);
        world_fails(w, WEB, 3);
        assert_int_equal(world_phase(w, WEB), PHASE_BLOCKED);
        world_command(w, DB, COMMAND_START, 0);
        do_it(w, DB);
        world_passes(w, DB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        world_passes(w, WEB, 2);
        assert_int_equal(world_phase(w, WEB), PHASE_WATCHING);
        world_free(w);
}

static void test_a_restart_of_a_healthy_service_opens_no_incident(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_watching(w);
        world_command(w, WEB, COMMAND_RESTART, 0);
        assert_int_equal(recovery_budget_left(w->recovery, WEB, w->now), 9);
        do_it(w, WEB);
        world_passes(w, WEB, 2);
        assert_int_equal(world_count(w, EFFECT_INCIDENT, WEB), 0);
        assert_int_equal(world_last(w, EFFECT_ATTEMPT, WEB)->attempt.attempt.incident, 0);
        world_free(w);
}

static void test_a_restart_that_does_not_help_opens_one(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_watching(w);
        world_passes(w, DB, 1);
        world_command(w, WEB, COMMAND_RESTART, 0);
        do_it(w, WEB);
        world_fails(w, WEB, 1);
        world_advance(w, SECONDS(30));
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        assert_string_equal(world_status(w, WEB).incident->text, "503 Service Unavailable");
        world_free(w);
}

static void test_a_restart_that_fails_says_so_in_the_incident(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_watching(w);
        world_passes(w, DB, 1);
        world_command(w, WEB, COMMAND_RESTART, 0);
        world_saved(w, WEB, true);
        world_answers(w, WEB, ANSWER_FAILED);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        assert_string_equal(world_status(w, WEB).incident->text, "it did not stop");
        world_free(w);
}

/* The edge to failed is seen while the wish is under way; after a refusal it must not be forgotten.
 */
static void test_a_failure_during_a_refused_restart_is_not_lost(void **state) {
        (void) state;
        static const enum world_answer answers[] = {ANSWER_REFUSED, ANSWER_LATER};
        for (size_t i = 0; i < 2; i++) {
                struct world *w = world_of_three();
                into_watching(w);
                world_passes(w, DB, 1);
                world_command(w, WEB, COMMAND_RESTART, 0);
                world_saved(w, WEB, true);
                world_fails(w, WEB, 3);
                world_answers(w, WEB, answers[i]);
                world_advance(w, SECONDS(1));
                assert_non_null(world_status(w, WEB).incident);
                world_advance(w, SECONDS(1));
                assert_int_equal(
                        world_last(w, EFFECT_SAVE, WEB)->attempt.attempt.origin, ORIGIN_LADDER);
                world_free(w);
        }
}

static void test_a_death_during_a_start_is_seen_at_once(void **state) {
        (void) state;
        struct world *w = world_of_three();

        world_passes(w, DB, 1);
        into_stopped(w);
        world_command(w, WEB, COMMAND_START, 0);
        world_saved(w, WEB, true);
        world_advance(w, 1000);
        world_runs(w, WEB, 0);
        world_dies(w, WEB, "exited with status 1");
        world_answers(w, WEB, ANSWER_OK);
        assert_int_equal(world_phase(w, WEB), PHASE_BACKOFF);
        assert_string_equal(world_status(w, WEB).incident->text, "exited with status 1");
        world_free(w);
}

static void test_a_person_steps_in_while_it_is_verified(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_verifying(w);
        world_clear(w);
        world_command(w, WEB, COMMAND_STOP, 0);
        const struct effect *ended = &w->log[0];
        assert_int_equal(ended->kind, EFFECT_ATTEMPT);
        assert_int_equal(ended->attempt.attempt.result, ATTEMPT_SUPERSEDED);
        do_it(w, WEB);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, WEB)->incident.end, INCIDENT_STOPPED);
        world_free(w);
}

/* Nothing came of what the person wanted: what became of the attempt before it is looked at, and
 * the ladder goes on with its delay. */
static void test_a_person_stepped_in_for_nothing(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_verifying(w);
        world_command(w, WEB, COMMAND_RESTART, 0);
        world_saved(w, WEB, true);
        world_answers(w, WEB, ANSWER_LATER);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, WEB), PHASE_SETTLING);
        world_fails(w, WEB, 1);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, WEB), PHASE_SAVING);
        assert_int_equal(world_last(w, EFFECT_SAVE, WEB)->attempt.attempt.delay, SECONDS(2));
        world_free(w);
}

static void test_a_spent_budget_holds_people_too(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->budget.actions = 1;
        struct world *w = world_new(build_done(policy), 1);

        world_command(w, 0, COMMAND_RESTART, 0);
        do_it(w, 0);
        world_passes(w, 0, 2);
        const struct effect *reply = world_command(w, 0, COMMAND_RESTART, 0);
        assert_false(reply->reply.ok);
        assert_string_equal(reply->reply.text, "1 of 1 actions of the service spent within 1h");
        world_free(w);
}

static void test_a_pause_does_not_hold_people(void **state) {
        (void) state;
        struct world *w = world_of_three();

        into_held(w);
        assert_true(world_command(w, WEB, COMMAND_RESTART, 0)->reply.ok);
        world_free(w);
}

static void test_replies_are_sentences(void **state) {
        (void) state;
        struct world *w = world_of_three();

        assert_string_equal(world_command(w, WEB, COMMAND_PAUSE, SECONDS(90))->reply.text,
                "web is paused for 1m30s");
        assert_string_equal(
                world_last_event(w, EVENT_COMMAND, WEB)->text, "paused by ann for 1m30s: upgrade");
        assert_string_equal(world_command(w, WEB, COMMAND_RESUME, 0)->reply.text, "web is resumed");
        assert_string_equal(world_last_event(w, EVENT_COMMAND, WEB)->text, "resumed by ann");
        assert_string_equal(
                world_command(w, WEB, COMMAND_STOP, 0)->reply.text, "stop of web is under way");
        assert_string_equal(world_command(w, WEB, COMMAND_RESTART, 0)->reply.text,
                "stop of web is under way; try again when it is over");
        do_it(w, WEB);
        assert_string_equal(
                world_command(w, WEB, COMMAND_STOP, 0)->reply.text, "web is stopped already");
        assert_string_equal(world_command(w, WEB, COMMAND_ACK, 0)->reply.text,
                "web was not given up, there is nothing to acknowledge");
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stop_in_every_phase),
                cmocka_unit_test(test_restart_in_every_phase),
                cmocka_unit_test(test_start_in_every_phase),
                cmocka_unit_test(test_acknowledge_in_every_phase),
                cmocka_unit_test(test_every_answer_in_every_phase),
                cmocka_unit_test(test_a_stopped_service_that_is_started_by_somebody),
                cmocka_unit_test(test_a_stopped_service_that_is_started_and_fails),
                cmocka_unit_test(test_stopped_outside_in_every_phase),
                cmocka_unit_test(test_a_stop_from_outside_outlives_the_agent),
                cmocka_unit_test(test_a_person_starts_what_was_stopped_outside),
                cmocka_unit_test(test_a_stopped_service_that_comes_up_during_a_refused_start),
                cmocka_unit_test(test_a_stop_that_could_not_be_proven),
                cmocka_unit_test(test_a_stopped_dependency_blocks),
                cmocka_unit_test(test_a_restart_of_a_healthy_service_opens_no_incident),
                cmocka_unit_test(test_a_restart_that_does_not_help_opens_one),
                cmocka_unit_test(test_a_restart_that_fails_says_so_in_the_incident),
                cmocka_unit_test(test_a_failure_during_a_refused_restart_is_not_lost),
                cmocka_unit_test(test_a_death_during_a_start_is_seen_at_once),
                cmocka_unit_test(test_a_person_steps_in_while_it_is_verified),
                cmocka_unit_test(test_a_person_stepped_in_for_nothing),
                cmocka_unit_test(test_a_spent_budget_holds_people_too),
                cmocka_unit_test(test_a_pause_does_not_hold_people),
                cmocka_unit_test(test_replies_are_sentences),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
