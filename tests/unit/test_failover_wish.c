#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "coordinator/failover_wish.h"
#include "unit_test.h"

static void what_is_added_is_read(void **state) {
        (void) state;
        static const struct failover_wish wishes[] = {
                {.token = 7,
                        .number = 1234567890123456,
                        .to = "db2/pg",
                        .by = "root on db3: why: so"},
                {.token = UINT64_MAX, .number = 0, .to = "", .by = ""},
        };
        for (size_t i = 0; i < ELEMENTSOF(wishes); i++) {
                char text[COORDINATION_TEXT_MAX] = "can=1 priority=100 duty=standby";
                struct failover_wish read;
                failover_wish_add(text, &wishes[i]);
                assert_int_equal(strncmp(text, "can=1 priority=100 duty=standby ", 32), 0);
                assert_true(failover_wish_read(text, &read));
                assert_true(failover_wish_is(&read, &wishes[i]));
                read.number++;
                assert_false(failover_wish_is(&read, &wishes[i]));
        }
}

static void what_has_no_room_is_left_out(void **state) {
        (void) state;
        const struct failover_wish wish = {.token = 7, .number = 8, .to = "db2", .by = "ann"};
        char text[COORDINATION_TEXT_MAX];
        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 10] = '\0';
        failover_wish_add(text, &wish);
        assert_int_equal(strlen(text), sizeof(text) - 10);
}

static void garbage_is_no_wish(void **state) {
        (void) state;
        static const char *const texts[] = {"", "can=1 priority=100 duty=standby",
                " wish=", " wish=1", " wish=1:", " wish=1:2", " wish=1:2:", " wish=1:2:db2",
                " wish=0:2:db2:ann", " wish=-1:2:db2:ann", " wish=x:2:db2:ann",
                " wish=99999999999999999999:2:db2:ann", "wish=1:2:db2:ann"};
        struct failover_wish read;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_false(failover_wish_read(texts[i], &read));
        }
        char text[COORDINATION_TEXT_MAX];
        snprintf(text, sizeof(text), " wish=1:2:%0200d:ann", 0);
        assert_false(failover_wish_read(text, &read));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_added_is_read),
                cmocka_unit_test(what_has_no_room_is_left_out),
                cmocka_unit_test(garbage_is_no_wish),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
