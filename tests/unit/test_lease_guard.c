/* The guard of a member: until when it may be active, under which token, and what it is after that.
 * A whole executor is round it; nothing runs, so each demotion is proven at once. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"
#include "model/group_timing.h"
#include "support/tmpdir.h"
#include "unit_test.h"

#define LEASE USEC_PER_MINUTE
#define POLICY                                                                                     \
        "version: 1\n"                                                                             \
        "groups:\n"                                                                                \
        "  web: {mode: active-standby, members: {blue: {}, green: {}}, lease: 1m,\n"               \
        "    stop_timeout: 2s}\n"                                                                  \
        "services:\n"                                                                              \
        "  blue: {command: [/bin/sleep, \"1000\"], member_of: web}\n"                              \
        "  green: {command: [/bin/sleep, \"1000\"], member_of: web}\n"                             \
        "  lone: {command: [/bin/sleep, \"1000\"]}\n"

struct fixture {
        struct tmpdir folder;
        char policy[96], state[96], runtime[96];
        const char *policies[1];
        struct executor_options options;
        struct loop *loop;
        struct executor *executor;
        struct managed *managed; /* the member blue */
        struct error err;
};

static void run_until_role(struct fixture *f, enum member_role role) {
        usec_t end = usec_add(loop_now(f->loop).mono, USEC_PER_MINUTE);
        while ((!f->managed || f->managed->state.role != role) && loop_now(f->loop).mono < end) {
                assert_int_equal(loop_turn(f->loop, USEC_PER_SEC), 1);
                f->managed = managed_find(f->executor, "blue");
        }
        assert_true(f->managed && f->managed->state.role == role);
}

static void start_executor(struct fixture *f, enum member_role role) {
        f->managed = NULL;
        assert_int_equal(loop_new(&f->loop, &f->err), 0);
        assert_int_equal(executor_new(&f->executor, f->loop, &f->options, &f->err), 0);
        run_until_role(f, role);
}

static void stop_executor(struct fixture *f) {
        executor_free(f->executor);
        loop_free(f->loop);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        assert_non_null(f);
        tmpdir_make(&f->folder);
        tmpdir_write(&f->folder, "policy.yaml", POLICY);
        str_copy(f->policy, sizeof(f->policy), tmpdir_file(&f->folder, "policy.yaml"));
        str_copy(f->state, sizeof(f->state), tmpdir_file(&f->folder, "state"));
        str_copy(f->runtime, sizeof(f->runtime), tmpdir_file(&f->folder, "runtime"));
        f->policies[0] = f->policy;
        f->options = (struct executor_options){.policies = f->policies,
                .n_policies = 1,
                .state_dir = f->state,
                .runtime_dir = f->runtime,
                .socket_fd = -1,
                .listen_fd = -1,
                .sysrq = "/dev/null",
                .linger = EXECUTOR_LINGER};
        start_executor(f, MEMBER_STANDBY);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        stop_executor(f);
        tmpdir_remove(&f->folder);
        free(f);
        return 0;
}

static usec_t now_of(const struct fixture *f) {
        return loop_now(f->loop).mono;
}

static const struct group_spec *group_of(const struct fixture *f) {
        return f->managed->service->group;
}

/* A lease that leaves so much time before its demotion has to begin. */
static int extend(struct fixture *f, uint64_t token, usec_t left) {
        usec_t deadline = now_of(f) + left + group_demotion_time(group_of(f));
        return lease_guard_extend(f->managed, token, deadline, &f->err);
}

static const char *why_not(const struct fixture *f, int action) {
        const struct action_order order = {.action = action};
        return lease_guard_why_not(f->managed, &order);
}

/* As action.c says it, with nothing done. */
static void become_active(struct fixture *f, uint64_t token) {
        const struct action_order order = {.action = ACTION_PROMOTE};
        assert_int_equal(extend(f, token, USEC_PER_MINUTE / 2), 0);
        lease_guard_began(f->managed, &order);
        assert_int_equal(f->managed->state.role, MEMBER_PROMOTING);
        lease_guard_ended(f->managed, ACTION_PROMOTE, true, true, "promoted");
        assert_int_equal(f->managed->state.role, MEMBER_ACTIVE);
}

/* ---- Until when ---- */

static void a_deadline_is_never_later_than_one_lease(void **state) {
        struct fixture *f = *state;
        usec_t now = now_of(f);
        assert_int_equal(lease_guard_extend(f->managed, 1, now + USEC_PER_HOUR, &f->err), 0);
        assert_int_equal(f->managed->state.guard_deadline, now + LEASE);
        assert_int_equal(
                f->managed->state.guard_begin, now + LEASE - group_demotion_time(group_of(f)));
        assert_int_equal(lease_guard_extend(f->managed, 1, now + LEASE - 1, &f->err), 0);
        assert_int_equal(f->managed->state.guard_deadline, now + LEASE - 1);
}

static void without_time_to_stop_it_again_it_is_not_promoted(void **state) {
        struct fixture *f = *state;
        assert_string_equal(
                why_not(f, ACTION_PROMOTE), "it has no lease, or no time left under it");
        assert_int_equal(extend(f, 1, 0), 0);
        assert_string_equal(
                why_not(f, ACTION_PROMOTE), "it has no lease, or no time left under it");
        assert_int_equal(extend(f, 1, 1), 0);
        assert_null(why_not(f, ACTION_PROMOTE));
        assert_int_equal(lease_guard_extend(f->managed, 0, 0, &f->err), 0); /* it is taken back */
        assert_string_equal(
                why_not(f, ACTION_PROMOTE), "it has no lease, or no time left under it");
}

static void only_a_promotion_starts_it(void **state) {
        struct fixture *f = *state;
        assert_int_equal(extend(f, 1, USEC_PER_SEC), 0);
        assert_string_equal(why_not(f, ACTION_RESTART),
                "it is not the active member of its group, only a promotion starts it");
        assert_null(why_not(f, ACTION_STOP));
        become_active(f, 1);
        assert_null(why_not(f, ACTION_RESTART));
        assert_string_equal(
                why_not(f, ACTION_PROMOTE), "only what is proven to be a standby is promoted");
}

static void a_deadline_that_passes_demotes_it(void **state) {
        struct fixture *f = *state;
        become_active(f, 1);
        assert_int_equal(extend(f, 1, USEC_PER_MSEC), 0);
        run_until_role(f, MEMBER_STANDBY);
        assert_false(lease_guard_holds(f->managed));
}

static void one_that_had_passed_when_it_came_does_at_once(void **state) {
        struct fixture *f = *state;
        become_active(f, 1);
        assert_int_equal(lease_guard_extend(f->managed, 1, now_of(f) - 1, &f->err), 0);
        assert_string_equal(
                why_not(f, ACTION_RESTART), "it has no lease, or no time left under it");
        run_until_role(f, MEMBER_STANDBY);
}

static void an_extension_that_comes_late_takes_nothing_back(void **state) {
        struct fixture *f = *state;
        become_active(f, 1);
        lease_guard_began(f->managed, &(struct action_order){.action = ACTION_DEMOTE});
        assert_int_equal(f->managed->state.role, MEMBER_DEMOTING);
        assert_int_equal(extend(f, 1, USEC_PER_SEC), 0);
        assert_int_equal(f->managed->state.role, MEMBER_DEMOTING);
        lease_guard_ended(f->managed, ACTION_DEMOTE, true, true, "it is gone");
        assert_int_equal(f->managed->state.role, MEMBER_STANDBY);
}

/* ---- Under which token ---- */

static void a_smaller_token_than_before_is_refused(void **state) {
        struct fixture *f = *state;
        assert_int_equal(extend(f, 0, USEC_PER_SEC), -EPERM);
        assert_string_equal(f->err.text, "a lease without a fencing token");
        assert_int_equal(extend(f, 7, USEC_PER_SEC), 0);
        f->err = (struct error){0};
        assert_int_equal(extend(f, 6, 2 * USEC_PER_SEC), -EPERM);
        assert_non_null(strstr(f->err.text, "the fencing token 6 is older than 7"));
        assert_int_equal(f->managed->state.token, 7);
        assert_int_equal(extend(f, 8, USEC_PER_SEC), 0);
        assert_int_equal(f->managed->state.token, 8);
}

static void one_that_is_active_keeps_its_token(void **state) {
        struct fixture *f = *state;
        become_active(f, 3);
        assert_int_equal(extend(f, 4, USEC_PER_SEC), -EPERM);
        assert_non_null(strstr(f->err.text, "it is active under the token 3, and takes 4 once"));
        assert_int_equal(extend(f, 3, USEC_PER_SEC), 0);
}

static void the_token_is_that_of_the_group(void **state) {
        struct fixture *f = *state;
        struct managed *green = managed_find(f->executor, "green");
        assert_int_equal(extend(f, 7, USEC_PER_SEC), 0);
        assert_int_equal(lease_guard_extend(green, 6, now_of(f) + LEASE, &f->err), -EPERM);
        assert_int_equal(lease_guard_extend(managed_find(f->executor, "lone"), 9, now_of(f),
                                 &(struct error){0}),
                -EPERM);
}

/* ---- When it cannot be proven ---- */

static void a_failed_proof_is_tried_again_ever_later(void **state) {
        struct fixture *f = *state;
        static const usec_t pauses[] = {2, 4, 8, 10, 10};
        become_active(f, 1);
        for (size_t i = 0; i < ELEMENTSOF(pauses); i++) {
                lease_guard_ended(f->managed, ACTION_DEMOTE, false, false, "it would not go");
                assert_int_equal(f->managed->state.role, MEMBER_STUCK);
                assert_int_equal(f->managed->guard->pause, pauses[i] * USEC_PER_SEC);
        }
        assert_true(lease_guard_holds(f->managed));
        assert_false(lease_guard_needs_us(f->managed)); /* nobody can help it by waiting */
        assert_int_equal(extend(f, 2, USEC_PER_SEC), -EPERM);
        lease_guard_ended(f->managed, ACTION_DEMOTE, true, true, "it is gone");
        assert_int_equal(f->managed->state.role, MEMBER_STANDBY);
        assert_int_equal(f->managed->guard->pause, USEC_PER_SEC);
        assert_int_equal(extend(f, 2, USEC_PER_SEC), 0);
}

static void a_promotion_that_failed_is_stuck_unless_it_is_proven_gone(void **state) {
        struct fixture *f = *state;
        const struct action_order order = {.action = ACTION_PROMOTE};
        assert_int_equal(extend(f, 1, USEC_PER_SEC), 0);
        lease_guard_began(f->managed, &order);
        lease_guard_ended(f->managed, ACTION_PROMOTE, false, true, "it did not start");
        assert_int_equal(f->managed->state.role, MEMBER_STANDBY);
        lease_guard_began(f->managed, &order);
        lease_guard_ended(f->managed, ACTION_PROMOTE, false, false, "it did not start");
        assert_int_equal(f->managed->state.role, MEMBER_STUCK);
}

/* ---- Over a restart of the executor ---- */

static void the_next_executor_goes_by_the_deadline(void **state) {
        struct fixture *f = *state;
        become_active(f, 5);
        stop_executor(f);
        start_executor(f, MEMBER_ACTIVE);
        assert_int_equal(f->managed->state.token, 5);
        assert_int_equal(lease_guard_extend(f->managed, 5, now_of(f), &f->err), 0);
        stop_executor(f);
        start_executor(f, MEMBER_STANDBY);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_deadline_is_never_later_than_one_lease, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        without_time_to_stop_it_again_it_is_not_promoted, setup, teardown),
                cmocka_unit_test_setup_teardown(only_a_promotion_starts_it, setup, teardown),
                cmocka_unit_test_setup_teardown(a_deadline_that_passes_demotes_it, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        one_that_had_passed_when_it_came_does_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        an_extension_that_comes_late_takes_nothing_back, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        a_smaller_token_than_before_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        one_that_is_active_keeps_its_token, setup, teardown),
                cmocka_unit_test_setup_teardown(the_token_is_that_of_the_group, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        a_failed_proof_is_tried_again_ever_later, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        a_promotion_that_failed_is_stuck_unless_it_is_proven_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        the_next_executor_goes_by_the_deadline, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
