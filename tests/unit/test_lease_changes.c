/* How the changes of the holder of a lease are kept as text. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/lease_changes.h"
#include "unit_test.h"

static char text[LEASE_CHANGES_TEXT_MAX];

static int setup(void **state) {
        (void) state;
        text[0] = '\0';
        return 0;
}

static struct lease_view read_text(void) {
        struct lease_view view = {0};
        lease_changes_read(text, &view);
        return view;
}

static void only_another_holder_is_a_change(void **state) {
        (void) state;
        assert_true(lease_changes_add(text, "one/db", 10));
        assert_string_equal(text, "one/db");
        assert_false(lease_changes_add(text, "one/db", 11));
        assert_true(lease_changes_add(text, "one/db2", 12));
        assert_true(lease_changes_add(text, "one/db", 13));
        assert_false(lease_changes_add(text, "one/db", 14));
        assert_string_equal(text, "one/db 12 13");
        struct lease_view view = read_text();
        assert_int_equal(view.n_changes, 2);
        assert_int_equal(view.changes[0], 12);
        assert_int_equal(view.changes[1], 13);
}

static void the_oldest_makes_room_and_the_longest_fit(void **state) {
        (void) state;
        char members[2][COORDINATION_MEMBER_MAX];
        memset(members, 'm', sizeof(members));
        members[0][COORDINATION_MEMBER_MAX - 1] = members[1][COORDINATION_MEMBER_MAX - 1] = '\0';
        members[1][0] = 'n';
        for (uint64_t i = 0; i <= COORDINATION_CHANGES_MAX + 3; i++) {
                assert_true(lease_changes_add(text, members[i % 2], UINT64_MAX - 1000 + i));
        }
        struct lease_view view = read_text();
        assert_int_equal(view.n_changes, COORDINATION_CHANGES_MAX);
        assert_int_equal(view.changes[0], UINT64_MAX - 1000 + 4);
        assert_int_equal(view.changes[COORDINATION_CHANGES_MAX - 1],
                UINT64_MAX - 1000 + COORDINATION_CHANGES_MAX + 3);
}

static void what_is_no_such_text_says_nothing(void **state) {
        (void) state;
        static const struct {
                const char *text;
                size_t count;
        } rows[] = {{"", 0}, {"one/db", 0}, {"one/db ", 0}, {"one/db soon", 0}, {"12", 0},
                {"one/db 12 soon 13", 1}, {"one/db 99999999999999999999999", 0}, {"one/db 1,2", 1}};
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) str_copy(text, sizeof(text), rows[i].text);
                assert_int_equal(read_text().n_changes, rows[i].count);
        }
        (void) str_copy(text, sizeof(text), "rubbish of no use");
        assert_true(lease_changes_add(text, "one/db", 3));
        assert_string_equal(text, "one/db 3");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(only_another_holder_is_a_change, setup),
                cmocka_unit_test_setup(the_oldest_makes_room_and_the_longest_fit, setup),
                cmocka_unit_test_setup(what_is_no_such_text_says_nothing, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
