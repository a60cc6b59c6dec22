/* What several probes say together, what a start excuses, and services without steps. */

#include <stdio.h>

#include "recovery/recovery.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

static void test_start_grace_excuses_failures_after_an_action(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->start_grace = SECONDS(10);
        struct world *w = world_new(build_done(policy), 1);

        world_runs(w, 0, SECONDS(3)); /* started three seconds ago */
        world_fails(w, 0, 10);
        assert_int_equal(world_status(w, 0).health, HEALTH_UNKNOWN);
        world_advance(w, SECONDS(7));
        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

static void test_start_grace_does_not_hide_a_death(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web")->start_grace = SECONDS(10);
        struct world *w = world_new(build_done(policy), 1);

        world_runs(w, 0, 0);
        world_dies(w, 0, "exited with status 1");
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        world_free(w);
}

static void test_one_of_two_is_enough(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_plain(policy, "web");
        build_probe(policy, web, "tcp");
        web->require = 1;
        struct world *w = world_new(build_done(policy), 1);

        world_observe(w, 0, 1, OUTCOME_PASS, 1);
        world_fails(w, 0, 10);
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        world_advance(w, SECONDS(60));
        world_observe(w, 0, 1, OUTCOME_FAIL, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_int_equal(world_status(w, 0).incident->failing_since, w->now.wall);
        world_free(w);
}

static void test_sixty_four_probes(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        build_step(policy, web, ACTION_RESTART, 3);
        for (int i = 0; i < POLICY_PROBES_MAX; i++) {
                char name[16];
                snprintf(name, sizeof(name), "p%d", i);
                build_probe(policy, web, name);
        }
        struct service *shop = build_plain(policy, "shop");
        build_depend(policy, shop, web);
        struct world *w = world_new(build_done(policy), 1);

        for (uint32_t i = 0; i < POLICY_PROBES_MAX; i++) {
                assert_int_not_equal(world_status(w, 0).health, HEALTH_HEALTHY);
                world_observe(w, 0, i, OUTCOME_PASS, 1);
        }
        assert_int_equal(world_status(w, 0).health, HEALTH_HEALTHY);
        world_fails(w, 1, 3); /* asks all of them */
        for (uint32_t i = 0; i < POLICY_PROBES_MAX; i++) {
                assert_int_equal(world_phase(w, 1), PHASE_CHECKING);
                world_observe(w, 0, i, OUTCOME_PASS, 1);
        }
        assert_int_equal(world_phase(w, 1), PHASE_BACKOFF);
        world_observe(w, 0, POLICY_PROBES_MAX - 1, OUTCOME_FAIL, 3);
        assert_int_equal(world_phase(w, 0), PHASE_BACKOFF);
        assert_string_equal(world_status(w, 0).incident->probe, "p63");
        world_free(w);
}

static void test_without_steps_it_is_only_watched(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        struct service *web = build_service(policy, "web");
        web->manager = MANAGER_NONE;
        build_probe(policy, web, "http");
        struct world *w = world_new(build_done(policy), 1);

        world_fails(w, 0, 3);
        assert_int_equal(world_phase(w, 0), PHASE_UNATTENDED);
        assert_int_equal(world_next_timer(w), USEC_INFINITY);
        assert_false(world_command(w, 0, COMMAND_RESTART, 0)->reply.ok);
        world_passes(w, 0, 2);
        assert_int_equal(world_phase(w, 0), PHASE_WATCHING);
        assert_int_equal(world_count_events(w, EVENT_INCIDENT_CLOSED, 0), 1);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_start_grace_excuses_failures_after_an_action),
                cmocka_unit_test(test_start_grace_does_not_hide_a_death),
                cmocka_unit_test(test_one_of_two_is_enough),
                cmocka_unit_test(test_sixty_four_probes),
                cmocka_unit_test(test_without_steps_it_is_only_watched),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
