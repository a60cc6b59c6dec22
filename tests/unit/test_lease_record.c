/* The lease of a group as a file: what a visit of a member makes of it, and its text. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/lease_record.h"
#include "unit_test.h"

#define LEASE (10 * USEC_PER_SEC)
#define BOOT "0f0e0d0c-0000-4000-8000-000000000001"

static struct lease_record record;

static int setup(void **state) {
        (void) state;
        record = (struct lease_record){0};
        return 0;
}

static struct lease_visit by(const char *member) {
        return (struct lease_visit){.boot = BOOT, .member = member, .lease = LEASE, .places = 1};
}

static struct lease_visit wanting(const char *member) {
        struct lease_visit visit = by(member);
        visit.wish.want = true;
        return visit;
}

static struct lease_visit giving(const char *member, const char *to) {
        struct lease_visit visit = by(member);
        visit.wish.release = true;
        (void) str_copy(visit.wish.release_to, sizeof(visit.wish.release_to), to);
        return visit;
}

static struct lease_view see(struct lease_visit visit, usec_t seconds) {
        struct lease_view view;
        assert_int_equal(lease_record_visit(&record, &visit, seconds * USEC_PER_SEC, NULL), 0);
        lease_record_view(&record, &visit, &view);
        return view;
}

static void test_free_until_somebody_wants_it(void **state) {
        (void) state;
        assert_int_equal(see(by("h/blue"), 1).standing, LEASE_FREE);
        struct lease_view view = see(wanting("h/green"), 2);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_int_equal(view.token, 1);
        assert_int_equal(view.usable_until, 12 * USEC_PER_SEC);
        view = see(wanting("h/blue"), 3);
        assert_int_equal(view.standing, LEASE_OTHER);
        assert_string_equal(view.holder, "h/green");
        assert_int_equal(view.usable_until, 0);
        assert_int_equal(view.n_peers, 1);
        assert_string_equal(view.peers[0].member, "h/green");
}

static void test_kept_by_visits_and_lost_without(void **state) {
        (void) state;
        (void) see(wanting("h/blue"), 1);
        assert_int_equal(see(by("h/blue"), 9).usable_until, 19 * USEC_PER_SEC);
        assert_int_equal(see(wanting("h/green"), 18).standing, LEASE_OTHER);
        struct lease_view view = see(wanting("h/green"), 19);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_int_equal(view.token, 2);
        assert_int_equal(see(wanting("h/blue"), 20).standing, LEASE_OTHER);
}

/* An agent that was killed and is back has what its former life had; nobody else has it earlier. */
static void test_found_again_by_its_holder(void **state) {
        (void) state;
        (void) see(wanting("h/blue"), 1);
        struct lease_visit leaving = by("h/blue");
        leaving.leaving = true;
        assert_int_equal(lease_record_visit(&record, &leaving, 2 * USEC_PER_SEC, NULL), 0);
        assert_int_equal(see(wanting("h/green"), 5).standing, LEASE_OTHER);
        struct lease_view view = see(by("h/blue"), 6);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_int_equal(view.token, 1);
}

static void test_boot_ends_leases_and_keeps_the_token(void **state) {
        (void) state;
        (void) see(wanting("h/blue"), 1);
        struct lease_visit visit = wanting("h/green");
        visit.boot = "0f0e0d0c-0000-4000-8000-000000000002";
        struct lease_view view = see(visit, 2);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_int_equal(view.token, 2);
        assert_int_equal(view.n_peers, 0);
}

static void test_who_was_active_last_outlives_lease_and_boot(void **state) {
        (void) state;
        struct lease_visit active = wanting("h/blue");
        active.wish.active = true;
        assert_string_equal(see(wanting("h/blue"), 1).last, "");
        struct lease_view view = see(active, 2);
        assert_string_equal(view.last, "h/blue");
        assert_int_equal(view.last_token, 1);
        (void) see(giving("h/blue", ""), 3);
        view = see(wanting("h/green"), 4); /* has the lease, and is not active yet */
        assert_int_equal(view.standing, LEASE_OURS);
        assert_string_equal(view.last, "h/blue");
        struct lease_visit visit = by("h/green");
        visit.boot = "0f0e0d0c-0000-4000-8000-000000000002";
        assert_string_equal(see(visit, 5).last, "h/blue");
        str_copy(record.last, sizeof(record.last), "no token");
        assert_string_equal(see(visit, 6).last, "");
}

static void test_changes_of_the_holder_outlive_lease_and_boot(void **state) {
        (void) state;
        struct lease_visit blue = wanting("h/blue"), green = wanting("h/green");
        blue.wall = 5;
        green.wall = 7;
        assert_int_equal(see(blue, 1).n_changes, 0);
        assert_int_equal(see(blue, 30).n_changes, 0); /* it ran out, and is its own again */
        struct lease_view view = see(green, 60);
        assert_int_equal(view.n_changes, 1);
        assert_int_equal(view.changes[0], 7);
        blue.boot = "0f0e0d0c-0000-4000-8000-000000000002";
        blue.wall = 9;
        view = see(blue, 61);
        assert_int_equal(view.n_changes, 2);
        assert_int_equal(view.changes[1], 9);
        assert_string_equal(record.changes, "h/blue 7 9");
}

static void test_several_places_have_no_changes(void **state) {
        (void) state;
        struct lease_visit visit = wanting("h/blue");
        visit.places = 2;
        (void) see(visit, 1);
        assert_string_equal(record.changes, "");
}

static void test_release(void **state) {
        (void) state;
        (void) see(wanting("h/blue"), 1);
        assert_int_equal(see(giving("h/green", ""), 2).standing, LEASE_OTHER); /* not its own */
        assert_int_equal(see(giving("h/blue", ""), 3).standing, LEASE_FREE);
        assert_int_equal(see(wanting("h/green"), 4).token, 2);
}

static void test_hand_over_is_left_to_the_one_it_is_for(void **state) {
        (void) state;
        (void) see(by("h/red"), 1);
        (void) see(wanting("h/blue"), 1);
        (void) see(giving("h/blue", "h/red"), 2);
        assert_int_equal(see(wanting("h/green"), 3).standing, LEASE_FREE);
        assert_int_equal(see(wanting("h/red"), 4).standing, LEASE_OURS);
        (void) see(giving("h/red", ""), 5);
        assert_int_equal(see(wanting("h/green"), 5).standing, LEASE_OURS);
}

static void test_hand_over_to_one_who_does_not_come(void **state) {
        (void) state;
        (void) see(wanting("h/blue"), 1);
        (void) see(giving("h/blue", "h/absent"), 2);
        assert_int_equal(see(wanting("h/green"), 3).standing, LEASE_OURS); /* takes no part */
        (void) see(by("h/red"), 4);
        (void) see(giving("h/green", "h/red"), 4);
        assert_int_equal(see(wanting("h/blue"), 8).standing, LEASE_FREE);
        assert_int_equal(see(wanting("h/blue"), 9).standing, LEASE_OURS); /* does not want it */
}

static struct lease_visit wanting_one_of_two(const char *member) {
        struct lease_visit visit = wanting(member);
        visit.places = 2;
        return visit;
}

static void test_several_places(void **state) {
        (void) state;
        struct lease_view view = see(wanting_one_of_two("h/blue"), 1);
        assert_int_equal(view.standing, LEASE_OURS);
        view = see(wanting_one_of_two("h/green"), 2);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_int_equal(view.usable_until, 12 * USEC_PER_SEC);
        view = see(wanting_one_of_two("h/red"), 3);
        assert_int_equal(view.standing, LEASE_OTHER);
        assert_int_equal(view.n_places, 2);
        assert_string_equal(view.places[0], "h/blue");
        assert_string_equal(view.places[1], "h/green");
        struct lease_visit back = giving("h/blue", "");
        back.places = 2;
        view = see(back, 4);
        assert_int_equal(view.standing, LEASE_FREE);
        assert_string_equal(view.holder, "");
        assert_int_equal(view.n_places, 1);
        view = see(wanting_one_of_two("h/red"), 5);
        assert_int_equal(view.standing, LEASE_OURS);
        assert_string_equal(view.places[0], "h/green"); /* it came before */
        assert_string_equal(view.places[1], "h/red");
        view = see(wanting_one_of_two("h/blue"), 12); /* that of green has run out */
        assert_int_equal(view.standing, LEASE_OURS);
        assert_string_equal(view.places[0], "h/red");
}

static void test_too_many_members(void **state) {
        (void) state;
        char name[32];
        struct error err = {0};
        for (int i = 0; i < COORDINATION_PEERS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "h/%d", i);
                (void) see(by(name), 1);
        }
        struct lease_visit visit = wanting("h/more");
        assert_int_equal(lease_record_visit(&record, &visit, 2 * USEC_PER_SEC, &err), -ENOSPC);
        assert_string_equal(err.text, "32 members take part already");
}

static void test_text_there_and_back(void **state) {
        (void) state;
        AUTO_FREE char *text = NULL, *again = NULL;
        struct lease_record back;
        struct lease_visit visit = wanting("h/blue");
        (void) str_copy(visit.wish.text, sizeof(visit.wish.text), "well, 3 behind");
        (void) see(visit, 1);
        (void) see(by("h/red"), 1);
        (void) see(giving("h/blue", "h/red"), 2);
        (void) see(wanting("h/red"), 2);
        (void) see(giving("h/red", "h/blue"), 2);
        assert_int_equal(lease_record_format(&record, &text), 0);
        assert_int_equal(lease_record_parse(text, &back, NULL), 0);
        assert_int_equal(lease_record_format(&back, &again), 0);
        assert_string_equal(text, again);
        assert_non_null(strstr(text, "member 12000000 h/blue"));
        assert_non_null(strstr(text, "next 7000000 h/blue"));
}

static void test_damaged_text(void **state) {
        (void) state;
        static const struct {
                const char *text, *error;
        } cases[] = {
                {"x\n", "line 1 is not of a lease"},
                {"recoverd-lease 2\n", "line 1 is not of a lease"},
                {"recoverd-lease 1\ntoken -1\n", "line 2 is not of a lease"},
                {"recoverd-lease 1\ntoken 99999999999999999999\n", "line 2 is not of a lease"},
                {"recoverd-lease 1\ntoken\n", "line 2 is not of a lease"},
                {"recoverd-lease 1\nholder 5\n", "line 2 is not of a lease"},
                {"recoverd-lease 1\nmember 5 \n", "line 2 is not of a lease"},
                {"recoverd-lease 1\nboot x\nfuture 1\n", "line 3 is not of a lease"},
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct error err = {0};
                struct lease_record back;
                assert_int_equal(lease_record_parse(cases[i].text, &back, &err), -EBADMSG);
                assert_string_equal(err.text, cases[i].error);
        }
        assert_int_equal(lease_record_parse("", &record, NULL), 0);
        assert_int_equal(record.token, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_free_until_somebody_wants_it, setup),
                cmocka_unit_test_setup(test_kept_by_visits_and_lost_without, setup),
                cmocka_unit_test_setup(test_found_again_by_its_holder, setup),
                cmocka_unit_test_setup(test_boot_ends_leases_and_keeps_the_token, setup),
                cmocka_unit_test_setup(test_who_was_active_last_outlives_lease_and_boot, setup),
                cmocka_unit_test_setup(test_changes_of_the_holder_outlive_lease_and_boot, setup),
                cmocka_unit_test_setup(test_several_places_have_no_changes, setup),
                cmocka_unit_test_setup(test_release, setup),
                cmocka_unit_test_setup(test_hand_over_is_left_to_the_one_it_is_for, setup),
                cmocka_unit_test_setup(test_hand_over_to_one_who_does_not_come, setup),
                cmocka_unit_test_setup(test_several_places, setup),
                cmocka_unit_test_setup(test_too_many_members, setup),
                cmocka_unit_test_setup(test_text_there_and_back, setup),
                cmocka_unit_test_setup(test_damaged_text, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
