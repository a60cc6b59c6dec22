/* The guard of pools: whatever disrupts a member is held until there is a permit. */

#include "base/str.h"
#include "support/core_world.h"
#include "unit_test.h"

static struct world *one_member(void) {
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        struct group_spec *group = build_group(policy, "pool", 20, USEC_PER_HOUR);
        group->mode = GROUP_POOL;
        service->group = group;
        return world_new(build_done(policy), 1);
}

static void permit(struct world *w, enum permit kind, usec_t until) {
        struct input input = {.kind = INPUT_PERMIT, .permit = {.kind = kind, .until = until}};
        (void) str_copy(input.permit.text, sizeof(input.permit.text), "as the pool says");
        world_feed(w, &input);
}

static void assert_fleet_holds(struct world *w) {
        assert_int_equal(world_phase(w, 0), PHASE_HELD);
        assert_int_equal(world_status(w, 0).held_by, GUARD_FLEET);
}

static void fall(struct world *w) {
        world_passes(w, 0, 2);
        world_fails(w, 0, 3);
        world_advance(w, 1 * USEC_PER_SEC);
}

static void test_a_restart_waits_for_its_permit(void **state) {
        (void) state;
        struct world *w = one_member();
        fall(w);
        assert_fleet_holds(w);
        permit(w, PERMIT_NONE, 0);
        assert_fleet_holds(w);
        permit(w, PERMIT_GRANTED, w->now.mono + 5 * USEC_PER_SEC);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* As when the agent stood still while the intent was written. */
static void test_a_permit_that_ran_out_meanwhile(void **state) {
        (void) state;
        struct world *w = one_member();
        fall(w);
        permit(w, PERMIT_GRANTED, w->now.mono + 100 * USEC_PER_MSEC);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_advance(w, 200 * USEC_PER_MSEC);
        world_saved(w, 0, true);
        assert_fleet_holds(w);
        assert_int_equal(world_count(w, EFFECT_ACT, 0), 0);
        assert_int_equal(recovery_budget_left(w->recovery, 0, w->now), 10);
        world_free(w);
}

static void test_without_a_coordinator_only_a_restart(void **state) {
        (void) state;
        static const struct {
                enum action step;
                bool held;
        } cases[] = {{ACTION_RESTART, false}, {ACTION_STOP, true}, {ACTION_START, false},
                {ACTION_RELOAD, false}};
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct policy *policy = build_policy();
                struct service *service = build_service(policy, "web");
                build_probe(policy, service, "http");
                build_step(policy, service, cases[i].step, 1);
                service->group = build_group(policy, "pool", 20, USEC_PER_HOUR);
                ((struct group_spec *) service->group)->mode = GROUP_POOL;
                struct world *w = world_new(build_done(policy), 1);
                permit(w, PERMIT_RESTART, USEC_INFINITY);
                fall(w);
                assert_int_equal(world_phase(w, 0), cases[i].held ? PHASE_HELD : PHASE_SAVING);
                world_free(w);
        }
}

static void test_people_need_one_too(void **state) {
        (void) state;
        static const enum command_kind kinds[] = {COMMAND_RESTART, COMMAND_STOP};
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                struct world *w = one_member();
                struct guard_status status;
                world_passes(w, 0, 2);
                permit(w, PERMIT_NONE, 0);
                const struct effect *reply = world_command(w, 0, kinds[i], 0);
                assert_false(reply->reply.ok);
                assert_string_equal(reply->reply.text, "as the pool says");
                assert_int_equal(recovery_person_guard(w->recovery, 0, kinds[i], w->now, &status),
                        GUARD_FLEET);
                permit(w, PERMIT_RESTART, USEC_INFINITY); /* it serves */
                assert_false(world_command(w, 0, kinds[i], 0)->reply.ok);
                permit(w, PERMIT_GRANTED, w->now.mono + USEC_PER_SEC);
                assert_true(world_command(w, 0, kinds[i], 0)->reply.ok);
                assert_int_equal(world_phase(w, 0), PHASE_SAVING);
                world_free(w);
        }
}

static void test_a_start_needs_none(void **state) {
        (void) state;
        struct world *w = one_member();
        assert_true(world_command(w, 0, COMMAND_START, 0)->reply.ok);
        world_free(w);
        w = one_member();
        world_idle(w, 0); /* the first one */
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

static void test_others_need_none(void **state) {
        (void) state;
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        struct world *w = world_new(build_done(policy), 1);
        fall(w);
        assert_int_equal(world_phase(w, 0), PHASE_SAVING);
        world_free(w);
}

/* It may be in another pool now. */
static void test_a_reload_forgets_it(void **state) {
        (void) state;
        struct world *w = one_member();
        permit(w, PERMIT_GRANTED, USEC_INFINITY);
        struct policy *policy = build_policy();
        struct service *service = build_plain(policy, "web");
        service->group = build_group(policy, "pool", 20, USEC_PER_HOUR);
        ((struct group_spec *) service->group)->mode = GROUP_POOL;
        world_reload(w, build_done(policy));
        fall(w);
        assert_fleet_holds(w);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_restart_waits_for_its_permit),
                cmocka_unit_test(test_a_permit_that_ran_out_meanwhile),
                cmocka_unit_test(test_without_a_coordinator_only_a_restart),
                cmocka_unit_test(test_people_need_one_too),
                cmocka_unit_test(test_a_start_needs_none),
                cmocka_unit_test(test_others_need_none),
                cmocka_unit_test(test_a_reload_forgets_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
