/* What is not acted on although it is broken: what flaps, what is only observed; and what a
 * recovery is worth that does not last. */

#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

static const struct flapping_spec standard_flapping = {.hold = true, .high = 50, .low = 25};

static struct world *world_with(struct policy *policy) {
        return world_new(build_done(policy), 1);
}

static void assert_held(struct world *w, enum guard guard) {
        assert_int_equal(world_phase(w, 0), PHASE_HELD);
        assert_int_equal(world_status(w, 0).held_by, guard);
}

/* ---- Flapping ---- */

static struct world *flapping_world(void) {
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->probes[0].rise = 1;
        service->flapping = standard_flapping;
        return world_with(policy);
}

/* Each is a change of the result, and none of the failures is enough to fail the service. */
static void flutter(struct world *w, unsigned times) {
        for (unsigned i = 0; i < times; i++) {
                world_fails(w, 0, 1);
                world_passes(w, 0, 1);
        }
}

static void test_what_flaps_is_told_and_held(void **state) {
        (void) state;
        struct world *w = flapping_world();

        world_passes(w, 0, 3);
        flutter(w, 4);
        assert_false(world_status(w, 0).flapping);
        flutter(w, 1);
        assert_true(world_status(w, 0).flapping);
        struct service_status status = world_status(w, 0);
        assert_string_equal(recovery_state_word(&status), "flapping");
        assert_int_equal(world_count_events(w, EVENT_FLAPPING, 0), 1);
        assert_string_equal(world_last_event(w, EVENT_FLAPPING, 0)->text,
                "it flaps: its last 20 checks changed by 52 % (flapping from 50 % on, until below 25 %)");

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_held(w, GUARD_FLAPPING);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        world_free(w);
}

/* What is down for good does not change, so it is acted on in the end. */
static void test_the_score_falls_and_the_attempt_follows(void **state) {
        (void) state;
        struct world *w = flapping_world();

        world_passes(w, 0, 3);
        flutter(w, 6);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_held(w, GUARD_FLAPPING);
        world_fails(w, 0, 20); /* at once: they are one check */
        assert_held(w, GUARD_FLAPPING);
        for (int i = 0; i < 20 && world_phase(w, 0) == PHASE_HELD; i++) {
                world_advance(w, SECONDS(5));
                world_fails(w, 0, 1);
        }
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        assert_false(world_status(w, 0).flapping);
        assert_int_equal(world_count_events(w, EVENT_FLAPPING, 0), 2);
        world_free(w);
}

/* It is started again so fast that no probe sees it down. */
static void test_a_process_that_dies_again_and_again(void **state) {
        (void) state;
        struct world *w = flapping_world();

        world_runs(w, 0, 0);
        world_passes(w, 0, 1);
        for (int i = 0; i < 5; i++) {
                world_dies(w, 0, "exited with status 1");
                world_runs(w, 0, 0);
                world_passes(w, 0, 3);
        }
        assert_true(world_status(w, 0).flapping);
        world_free(w);
}

static void test_flapping_that_holds_nothing(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->flapping = (struct flapping_spec){.hold = false, .high = 50, .low = 25};
        struct world *w = world_with(policy);

        world_passes(w, 0, 3);
        flutter(w, 8);
        assert_true(world_status(w, 0).flapping);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_flapping_outlives_the_agent(void **state) {
        (void) state;
        struct world *w = flapping_world();

        world_passes(w, 0, 3);
        flutter(w, 6);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        world_restart(w, &(struct world_restart){.gap = SECONDS(2)});
        world_executor(w, true);
        assert_true(world_status(w, 0).flapping);
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(10));
        assert_held(w, GUARD_FLAPPING);
        world_free(w);
}

static void test_a_reload_may_end_flapping(void **state) {
        (void) state;
        struct world *w = flapping_world();

        world_passes(w, 0, 3);
        flutter(w, 6);
        struct policy *kept = build_policy();
        build_plain(kept, "web")->flapping = standard_flapping;
        world_reload(w, build_done(kept));
        assert_true(world_status(w, 0).flapping);
        struct policy *off = build_policy();
        build_plain(off, "web");
        world_reload(w, build_done(off));
        assert_false(world_status(w, 0).flapping);
        world_free(w);
}

/* ---- Observe ---- */

static void test_observed_only(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->mode = MODE_OBSERVE;
        struct world *w = world_with(policy);

        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
        assert_held(w, GUARD_OBSERVE);
        assert_string_equal(world_last_event(w, EVENT_PHASE, 0)->text,
                "held: an attempt is due, and a guard holds it: it is only observed (mode: observe); "
                "would restart now");
        size_t said = world_count_events(w, EVENT_PHASE, 0);
        world_advance(w, SECONDS(3600));
        world_fails(w, 0, 3);
        world_guards(w, 0);
        assert_int_equal(world_count_events(w, EVENT_PHASE, 0), said);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);

        assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok); /* a person may */
        world_free(w);
}

static void test_a_host_that_only_observes_starts_nothing(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        policy->agent.mode = MODE_OBSERVE;
        struct world *w = world_with(policy);

        world_idle(w, 0);
        assert_held(w, GUARD_OBSERVE);
        assert_string_equal(world_last_event(w, EVENT_PHASE, 0)->text,
                "held: an attempt is due, and a guard holds it: the agent only observes (agent: mode: "
                "observe); would start now");
        world_free(w);
}

/* ---- The host ---- */

static struct world *plain_world(void) {
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->deploy_lock = "/run/deploy/web.lock";
        service->deploy_lock_max = SECONDS(600);
        return world_with(policy);
}

static void fail_and_wait(struct world *w) {
        world_fails(w, 0, 3);
        world_advance(w, SECONDS(1));
}

static void test_a_person_holds_the_host(void **state) {
        (void) state;
        struct world *w = plain_world();

        world_hold(w, HOLD_PERSON, SECONDS(60));
        fail_and_wait(w);
        assert_held(w, GUARD_HOLD);
        assert_string_equal(world_last_event(w, EVENT_PHASE, 0)->text,
                "held: an attempt is due, and a guard holds it: all recovery of the host is held by "
                "ann: move");
        world_advance(w, SECONDS(58));
        assert_held(w, GUARD_HOLD);
        world_advance(w, SECONDS(1)); /* by itself, whether or not somebody says so */
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_hold(w, HOLD_PERSON, SECONDS(60)); /* while the intent is written */
        world_saved(w, 0, true);
        assert_held(w, GUARD_HOLD);
        assert_int_equal(world_status(w, 0).step_attempts, 0);
        assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        world_free(w);
}

static void test_a_hold_outlives_the_agent_and_a_reload(void **state) {
        (void) state;
        struct world *w = plain_world();
        struct input endless = {.kind = INPUT_HOLD,
                .hold = {.source = HOLD_PERSON,
                        .hold = {.on = true, .until = USEC_INFINITY, .by = "ann", .reason = "x"}}};

        world_feed(w, &endless);
        world_restart(w, &(struct world_restart){.gap = SECONDS(100), .reboot = true});
        const struct hold *hold = recovery_hold(w->recovery, HOLD_PERSON);
        assert_true(hold->on);
        assert_int_equal(hold->until, USEC_INFINITY);
        assert_string_equal(hold->by, "ann");
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        world_reload(w, build_done(policy));
        assert_true(recovery_hold(w->recovery, HOLD_PERSON)->on);

        world_hold(w, HOLD_PERSON, SECONDS(100));
        world_restart(w, &(struct world_restart){.gap = SECONDS(30)});
        assert_int_equal(recovery_hold(w->recovery, HOLD_PERSON)->until, w->now.mono + SECONDS(70));
        world_free(w);
}

static void test_a_file_that_holds_everything(void **state) {
        (void) state;
        struct world *w = plain_world();
        struct input file = {.kind = INPUT_HOLD,
                .hold = {.source = HOLD_FILE,
                        .hold = {.on = true,
                                .people_too = true,
                                .until = USEC_INFINITY,
                                .by = "the file /etc/recoverd/hold"}}};

        world_feed(w, &file);
        const struct effect *reply = world_command(w, 0, COMMAND_RESTART, 0);
        assert_false(reply->reply.ok);
        assert_string_equal(reply->reply.text,
                "all recovery of the host is held by the file /etc/recoverd/hold");
        file.hold.hold.people_too = false;
        world_feed(w, &file);
        assert_true(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        world_free(w);
}

static void test_packages_are_changed(void **state) {
        (void) state;
        struct world *w = plain_world();

        world_hold(w, HOLD_PACKAGES, SECONDS(60));
        fail_and_wait(w);
        assert_held(w, GUARD_DEPLOY);
        world_advance(w, SECONDS(60)); /* for too long */
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        world_advance(w, SECONDS(5));
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_a_crash_loop_of_the_agent(void **state) {
        (void) state;
        struct world *w = plain_world();

        world_hold(w, HOLD_CRASHES, SECONDS(600));
        fail_and_wait(w);
        assert_held(w, GUARD_OBSERVE);
        world_hold(w, HOLD_CRASHES, 0);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_a_deploy_lock(void **state) {
        (void) state;
        struct world *w = plain_world();

        world_deploy(w, 0, true);
        fail_and_wait(w);
        assert_held(w, GUARD_DEPLOY);
        world_advance(w, SECONDS(300));
        world_deploy(w, 0, true); /* seen again: no longer than from the first time */
        world_deploy(w, 0, false);
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING); /* it may just have been restarted */
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_count(w, EFFECT_SAVE, 0), 0);
        assert_int_equal(world_count_events(w, EVENT_DEPLOY, 0), 2);
        world_free(w);
}

static void test_a_forgotten_deploy_lock(void **state) {
        (void) state;
        struct world *w = plain_world();

        world_deploy(w, 0, true);
        fail_and_wait(w);
        world_advance(w, SECONDS(598));
        world_deploy(w, 0, true);
        assert_held(w, GUARD_DEPLOY);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_SETTLING);
        assert_string_equal(world_last_event(w, EVENT_DEPLOY, 0)->text,
                "deploy lock /run/deploy/web.lock is there for longer than deploy_lock_max (10m): "
                "recovery goes on");
        world_advance(w, SECONDS(3600));
        assert_int_equal(world_count_events(w, EVENT_DEPLOY, 0), 2); /* said once */
        world_free(w);
}

/* ---- min_uptime ---- */

static struct world *uptime_world(void) {
        struct policy *policy = build_policy();
        build_plain(policy, "web")->min_uptime = SECONDS(60);
        struct world *w = world_with(policy);
        world_fail_and_restart(w, 0);
        return w;
}

static void test_a_recovery_has_to_last(void **state) {
        (void) state;
        struct world *w = uptime_world();

        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_rule(w, 0), 422);
        world_advance(w, SECONDS(59));
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_advance(w, SECONDS(1));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_last(w, EFFECT_INCIDENT, 0)->incident.end, INCIDENT_RECOVERED);
        world_free(w);
}

static void test_what_ends_too_soon_did_not_recover(void **state) {
        (void) state;
        struct world *w = uptime_world();
        uint64_t incident = world_status(w, 0).incident->id;

        world_passes(w, 0, 2);
        world_advance(w, SECONDS(40));
        world_dies(w, 0, "exited with status 1");
        assert_int_equal(world_rule(w, 0), 208);
        assert_int_equal(
                world_last(w, EFFECT_ATTEMPT, 0)->attempt.attempt.result, ATTEMPT_NOT_CURED);
        assert_int_equal(world_status(w, 0).incident->id, incident);
        assert_int_equal(world_status(w, 0).step_attempts, 1);
        assert_int_equal(world_status(w, 0).backoff_level, 1);
        assert_int_equal(world_status(w, 0).next_attempt, w->now.mono + SECONDS(2));
        world_free(w);
}

static void test_doubt_at_the_end_of_min_uptime(void **state) {
        (void) state;
        struct world *w = uptime_world();

        world_passes(w, 0, 2);
        world_advance(w, SECONDS(59));
        world_fails(w, 0, 1);
        world_advance(w, SECONDS(2));
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        assert_int_equal(world_rule(w, 0), 419);
        world_passes(w, 0, 1);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

/* Its manager starts it once more by itself: the time begins again. */
static void test_another_start_begins_the_time_anew(void **state) {
        (void) state;
        struct world *w = uptime_world();

        world_runs(w, 0, 0);
        world_passes(w, 0, 2);
        world_advance(w, SECONDS(50));
        world_manager_busy(w, 0, "systemd restarts it");
        world_runs(w, 0, 0);
        world_passes(w, 0, 2);
        world_advance(w, SECONDS(50));
        assert_int_equal(world_phase(w, 0), PHASE_VERIFYING);
        world_advance(w, SECONDS(10));
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        world_free(w);
}

/* ---- Reminders ---- */

static struct world *given_up(struct remind_spec remind) {
        struct policy *policy = build_policy();
        struct service *service = build_service(policy, "web");
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_NOTIFY, 1)->message = "call ann";
        service->remind = remind;
        struct world *w = world_with(policy);
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        return w;
}

static const struct remind_spec hourly = {
        .after = USEC_PER_HOUR, .max = 3 * USEC_PER_HOUR, .factor = 2};

static void test_reminders_become_rarer(void **state) {
        (void) state;
        struct world *w = given_up(hourly);

        world_clear(w);
        world_advance(w, USEC_PER_HOUR);
        assert_string_equal(world_last_event(w, EVENT_REMINDER, 0)->text,
                "given up for 1h, reminder 1: 503 Service Unavailable: acknowledge with `recoverctl ack web`");
        assert_string_equal(world_last_event(w, EVENT_NOTIFY, 0)->text,
                "call ann: 503 Service Unavailable, reminder 1");
        world_advance(w, 2 * USEC_PER_HOUR);
        assert_int_equal(world_count_events(w, EVENT_REMINDER, 0), 2);
        world_advance(w, 3 * USEC_PER_HOUR); /* not 4h: the cap */
        assert_int_equal(world_count_events(w, EVENT_REMINDER, 0), 3);
        assert_int_equal(world_status(w, 0).reminders, 3);
        world_free(w);
}

static void test_reminders_outlive_the_agent(void **state) {
        (void) state;
        struct world *w = given_up(hourly);

        world_advance(w, 2 * USEC_PER_HOUR);
        world_restart(w, &(struct world_restart){.gap = USEC_PER_MINUTE});
        world_executor(w, true);
        world_clear(w);
        assert_int_equal(world_phase(w, 0), PHASE_EXHAUSTED);
        assert_int_equal(world_status(w, 0).reminders, 1);
        world_advance(w, 58 * USEC_PER_MINUTE);
        assert_int_equal(world_count_events(w, EVENT_REMINDER, 0), 0);
        world_advance(w, USEC_PER_MINUTE);
        assert_int_equal(world_count_events(w, EVENT_REMINDER, 0), 1);
        assert_int_equal(world_status(w, 0).reminders, 2);
        world_free(w);
}

static void test_no_reminders(void **state) {
        (void) state;
        struct world *paused = given_up(hourly);
        world_command(paused, 0, COMMAND_PAUSE, SECONDS(3 * 3600));
        world_advance(paused, 2 * USEC_PER_HOUR);
        assert_int_equal(world_count_events(paused, EVENT_REMINDER, 0), 0);
        world_advance(paused, 2 * USEC_PER_HOUR);
        assert_int_equal(world_count_events(paused, EVENT_REMINDER, 0), 1);
        world_free(paused);

        struct world *never = given_up((struct remind_spec){0});
        assert_int_equal(world_next_timer(never), USEC_INFINITY);
        struct policy *policy = build_policy();
        struct service *service = build_service(policy, "web");
        build_probe(policy, service, "http");
        build_step(policy, service, ACTION_NOTIFY, 1);
        service->remind = hourly;
        world_reload(never, build_done(policy)); /* there are some now */
        world_advance(never, SECONDS(1));
        assert_int_equal(world_count_events(never, EVENT_REMINDER, 0), 1);
        world_free(never);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_flaps_is_told_and_held),
                cmocka_unit_test(test_the_score_falls_and_the_attempt_follows),
                cmocka_unit_test(test_a_process_that_dies_again_and_again),
                cmocka_unit_test(test_flapping_that_holds_nothing),
                cmocka_unit_test(test_flapping_outlives_the_agent),
                cmocka_unit_test(test_a_reload_may_end_flapping),
                cmocka_unit_test(test_observed_only),
                cmocka_unit_test(test_a_host_that_only_observes_starts_nothing),
                cmocka_unit_test(test_a_person_holds_the_host),
                cmocka_unit_test(test_a_hold_outlives_the_agent_and_a_reload),
                cmocka_unit_test(test_a_file_that_holds_everything),
                cmocka_unit_test(test_packages_are_changed),
                cmocka_unit_test(test_a_crash_loop_of_the_agent),
                cmocka_unit_test(test_a_deploy_lock),
                cmocka_unit_test(test_a_forgotten_deploy_lock),
                cmocka_unit_test(test_a_recovery_has_to_last),
                cmocka_unit_test(test_what_ends_too_soon_did_not_recover),
                cmocka_unit_test(test_doubt_at_the_end_of_min_uptime),
                cmocka_unit_test(test_another_start_begins_the_time_anew),
                cmocka_unit_test(test_reminders_become_rarer),
                cmocka_unit_test(test_reminders_outlive_the_agent),
                cmocka_unit_test(test_no_reminders),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
