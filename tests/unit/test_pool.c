/* Whether a member of a pool may be disrupted: each case of the verdict. */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "recovery/pool.h"
#include "unit_test.h"

#define NOW (100 * USEC_PER_SEC)

static const struct group_member_spec members[] = {
        {.name = "one", .zone = "a"},
        {.name = "two", .zone = "a"},
        {.name = "three", .zone = "b"},
        {.name = "four", .zone = "b"},
};

static struct group_spec group;
static struct lease_view view;
static struct pool_input input;
static struct pool_verdict verdict;

static void say(const char *id, bool healthy) {
        struct lease_peer *peer = &view.peers[view.n_peers++];
        (void) str_copy(peer->member, sizeof(peer->member), id);
        pool_publish(healthy, "", peer->text);
}

static void hold(const char *id) {
        (void) str_copy(view.places[view.n_places++], COORDINATION_MEMBER_MAX, id);
}

/* Member one of four healthy ones, of which two have to stay so. It serves, and is to be restarted.
 */
static int setup(void **state) {
        (void) state;
        group = (struct group_spec){.name = "web",
                .mode = GROUP_POOL,
                .coordinator = COORDINATOR_ETCD,
                .lease = 10 * USEC_PER_SEC,
                .members = members,
                .n_members = ELEMENTSOF(members),
                .min_healthy = {2, AMOUNT_COUNT},
                .max_disruptions = 2};
        view = (struct lease_view){.session = SESSION_CONNECTED, .standing = LEASE_FREE};
        input = (struct pool_input){.now = NOW,
                .group = &group,
                .self = &members[0],
                .id = "one/web",
                .view = &view,
                .healthy = true,
                .serves = true,
                .needs = true};
        say("four/web", true);
        say("three/web", true);
        say("two/web", true);
        return 0;
}

static void judge(void) {
        pool_judge(&input, &verdict);
}

static void give_place(void) {
        hold("one/web");
        view.standing = LEASE_OURS;
        view.usable_until = NOW + 5 * USEC_PER_SEC;
}

static void assert_held(const char *text) {
        judge();
        assert_int_equal(verdict.permit, PERMIT_NONE);
        assert_string_equal(verdict.text, text);
}

static void test_asks_and_is_given(void **state) {
        (void) state;
        assert_held("it is asking its pool for a permit: 2 at once");
        assert_true(verdict.want);
        give_place();
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
        assert_int_equal(verdict.until, view.usable_until);
        assert_true(verdict.want);
        assert_false(verdict.release);
        assert_int_equal(verdict.healthy, 4);
        assert_int_equal(verdict.holders, 1);
        assert_string_equal(verdict.text,
                "it has a permit of its pool, one of 2 at once; 4 members are healthy, 2 have to be");
        input.now = view.usable_until; /* nobody has renewed it */
        judge();
        assert_int_equal(verdict.permit, PERMIT_NONE);
}

static void test_waits_in_line(void **state) {
        (void) state;
        hold("two/web");
        hold("three/web");
        view.standing = LEASE_OTHER;
        assert_held(
                "it waits in line for a permit of its pool: 2 at once, held by two/web, three/web");
        assert_true(verdict.want);
}

static void test_what_is_over_is_given_back(void **state) {
        (void) state;
        give_place();
        input.needs = false;
        assert_held("it needs no permit; 4 members are healthy, 2 have to be, 1 have a permit");
        assert_true(verdict.release);
        assert_false(verdict.want);
}

/* Too few others: nobody waits behind one that may not go. */
static void test_one_that_serves_is_left_alone(void **state) {
        (void) state;
        pool_publish(false, "restart", view.peers[0].text);
        (void) str_copy(view.peers[1].text, COORDINATION_TEXT_MAX, "can=1 priority=100 duty=x");
        give_place();
        assert_held(
                "only 1 other members are healthy, and 2 have to stay so: one that serves is left "
                "alone");
        assert_true(verdict.release);
        assert_false(verdict.want);
        input.serves = input.healthy = false; /* what is down takes nothing away */
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
        input.serves = true;
        input.begun = true; /* what was begun is finished */
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
}

/* Those that came before count as if they were down; those that come after do not. */
static void test_two_take_what_is_there_for_one(void **state) {
        (void) state;
        group.min_healthy = (struct amount){60, AMOUNT_PERCENT}; /* of four: three */
        static const struct group_member_spec plain[] = {
                {.name = "one"}, {.name = "two"}, {.name = "three"}, {.name = "four"}};
        group.members = plain;
        input.self = &plain[0];
        hold("two/web");
        give_place();
        assert_held(
                "with those that have a permit already only 2 other members would be left, and 3 "
                "have to stay healthy");
        assert_false(verdict.release); /* it comes next */
        view.n_places = 0;
        give_place();
        hold("two/web");
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
}

static void test_zones(void **state) {
        (void) state;
        hold("three/web");
        give_place();
        assert_held("three/web in zone b has a permit, and this one is in zone a");
        assert_false(verdict.release);
        (void) str_copy(view.places[0], COORDINATION_MEMBER_MAX, "two/web");
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
        view.n_places = 0;
        give_place();
        hold("three/web"); /* which waits for this one */
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
}

static void test_without_a_coordinator(void **state) {
        (void) state;
        view.session = SESSION_LOST;
        view.standing = LEASE_UNKNOWN;
        input.silent_since = NOW - 4 * USEC_PER_SEC;
        assert_held("the coordinator does not answer, and is waited for for another 6s");
        assert_int_equal(verdict.look, NOW + 6 * USEC_PER_SEC);
        input.now = verdict.look;
        assert_held("the coordinator does not answer, so a member that serves is left alone");
        input.serves = false;
        judge();
        assert_int_equal(verdict.permit, PERMIT_RESTART);
        assert_true(verdict.want);
}

/* A permit that is there when the coordinator goes is good for what was begun with it only. */
static void test_coordinator_goes(void **state) {
        (void) state;
        give_place();
        view.session = SESSION_LOST;
        input.silent_since = NOW;
        judge();
        assert_int_equal(verdict.permit, PERMIT_NONE);
        input.begun = true;
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
}

static void test_not_a_member(void **state) {
        (void) state;
        input.self = NULL;
        judge();
        assert_int_equal(verdict.permit, PERMIT_GRANTED);
        assert_false(verdict.want);
        assert_string_equal(verdict.text, "this host is no member of the pool, so nobody is asked");
}

static void test_members_by_id(void **state) {
        (void) state;
        assert_ptr_equal(pool_member_of(&group, "two/web"), &members[1]);
        assert_null(pool_member_of(&group, "tw/o"));
        assert_null(pool_member_of(&group, "two"));
        group.coordinator = COORDINATOR_LOCAL;
        assert_ptr_equal(pool_member_of(&group, "host/two"), &members[1]);
        assert_null(pool_member_of(&group, "two/web"));
}

static void test_shares_are_rounded_up(void **state) {
        (void) state;
        static const struct {
                struct amount written;
                uint32_t least;
        } cases[] = {{{50, AMOUNT_PERCENT}, 2}, {{51, AMOUNT_PERCENT}, 3},
                {{75, AMOUNT_PERCENT}, 3}, {{100, AMOUNT_PERCENT}, 4}, {{0, AMOUNT_COUNT}, 0},
                {{3, AMOUNT_COUNT}, 3}};
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                group.min_healthy = cases[i].written;
                assert_int_equal(policy_min_healthy(&group), cases[i].least);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_asks_and_is_given, setup),
                cmocka_unit_test_setup(test_waits_in_line, setup),
                cmocka_unit_test_setup(test_what_is_over_is_given_back, setup),
                cmocka_unit_test_setup(test_one_that_serves_is_left_alone, setup),
                cmocka_unit_test_setup(test_two_take_what_is_there_for_one, setup),
                cmocka_unit_test_setup(test_zones, setup),
                cmocka_unit_test_setup(test_without_a_coordinator, setup),
                cmocka_unit_test_setup(test_coordinator_goes, setup),
                cmocka_unit_test_setup(test_not_a_member, setup),
                cmocka_unit_test_setup(test_members_by_id, setup),
                cmocka_unit_test_setup(test_shares_are_rounded_up, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
