/* Which checkpoints stay: the newest of each state, and what an undo goes back to. */

#include <json-c/json.h>

#include "base/cleanup.h"
#include "depot_fixture.h"
#include "executor/checkpoint/apply_journal.h"
#include "executor/checkpoint/retention.h"

static struct depot_fixture fixture;
static struct catalog catalog;

static int setup(void **state) {
        struct error err = {0};
        (void) state;
        int r = depot_setup(&fixture);
        return r < 0 ? r : catalog_open(&catalog, &fixture.depot, "shop", CATALOG_MAKE, &err);
}

static int teardown(void **state) {
        (void) state;
        catalog_close(&catalog);
        return depot_teardown(&fixture);
}

/* The number names it, and says how new it is. */
static void add(unsigned number, enum checkpoint_state checkpoint_state) {
        struct checkpoint *checkpoint = catalog_add(&catalog);
        struct error err = {0};
        assert_non_null(checkpoint);
        snprintf(checkpoint->id, sizeof(checkpoint->id), "%016x", number);
        checkpoint->state = checkpoint_state;
        checkpoint->created = checkpoint->seen = checkpoint->trusted = number * USEC_PER_SEC;
        checkpoint->paths = json_object_new_array();
        checkpoint->exclude = json_object_new_array();
        assert_int_equal(catalog_save(&catalog, checkpoint, &err), 0);
}

static bool is_there(unsigned number) {
        char id[CHECKPOINT_ID_MAX];
        snprintf(id, sizeof(id), "%016x", number);
        return catalog_exact(&catalog, id) != NULL;
}

static void count(void *cookie, const char *id) {
        unsigned *n = cookie;
        (void) id;
        ++*n;
}

static void test_prune_keeps_the_newest_of_each_state(void **state) {
        struct error err = {0};
        unsigned removed = 0;
        (void) state;
        for (unsigned i = 0; i < 5; i++) {
                add(10 + i, CHECKPOINT_RECOVERY_POINT);
                add(20 + i, CHECKPOINT_SUSPECT);
                add(30 + i, CHECKPOINT_CANDIDATE);
                add(40 + i, CHECKPOINT_WITHDRAWN);
        }
        assert_int_equal(retention_prune(&catalog, 2, count, &removed, &err), 0);
        assert_int_equal(removed, 3 + 2 + 3 + 2);
        assert_true(is_there(13) && is_there(14) && !is_there(12));
        assert_true(is_there(22) && !is_there(21));
        assert_true(is_there(33) && !is_there(32));
        assert_true(is_there(42) && !is_there(41));
}

static void test_trim_is_of_one_state(void **state) {
        struct error err = {0};
        (void) state;
        for (unsigned i = 0; i < 5; i++) {
                add(10 + i, CHECKPOINT_RECOVERY_POINT);
                add(20 + i, CHECKPOINT_SUSPECT);
                add(30 + i, CHECKPOINT_CANDIDATE);
        }
        assert_int_equal(retention_trim(&catalog, CHECKPOINT_SUSPECT, &err), 0);
        assert_int_equal(catalog.count, 5 + 3 + 5);
        assert_true(is_there(24) && is_there(22) && !is_there(21));
        assert_int_equal(retention_trim(&catalog, CHECKPOINT_RECOVERY_POINT, &err), 0);
        assert_int_equal(catalog.count, 5 + 3 + 5);
}

static void test_the_way_back_stays(void **state) {
        struct applied applied = {"0000000000000014", "000000000000000a", USEC_PER_SEC};
        struct error err = {0};
        (void) state;
        for (unsigned i = 0; i < 6; i++) {
                add(20 + i, CHECKPOINT_SUSPECT);
        }
        assert_int_equal(applied_save(catalog.fd, &applied, &err), 0);
        assert_int_equal(retention_trim(&catalog, CHECKPOINT_SUSPECT, &err), 0);
        assert_true(is_there(20) && !is_there(21) && is_there(23));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_prune_keeps_the_newest_of_each_state, setup, teardown),
                cmocka_unit_test_setup_teardown(test_trim_is_of_one_state, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_way_back_stays, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
