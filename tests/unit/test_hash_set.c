/* A set of hashes. */

#include "base/cleanup.h"
#include "executor/checkpoint/hash_set.h"
#include "unit_test.h"

static struct content_hash hash_of(unsigned char byte) {
        struct content_hash hash = {{byte}};
        return hash;
}

static void test_each_once_and_found(void **state) {
        AUTO(hash_set_done) struct hash_set set = {0};
        (void) state;
        hash_set_sort(&set);
        struct content_hash absent = hash_of(99);
        assert_false(hash_set_has(&set, &absent));
        for (int i = 0; i < 300; i++) {
                struct content_hash hash = hash_of((unsigned char) (i * 7 % 90));
                assert_int_equal(hash_set_add(&set, &hash), 0);
        }
        hash_set_sort(&set);
        assert_int_equal(set.count, 90);
        assert_false(hash_set_has(&set, &absent));
        for (unsigned char i = 0; i < 90; i++) {
                struct content_hash hash = hash_of(i);
                assert_true(hash_set_has(&set, &hash));
        }
}

static void test_objects_of_a_manifest(void **state) {
        AUTO(hash_set_done) struct hash_set set = {0};
        struct entry entries[] = {
                {.path = "/a", .type = ENTRY_DIRECTORY},
                {.path = "/a/b", .type = ENTRY_FILE, .size = 1, .hash = hash_of(1)},
                {.path = "/a/c",
                        .type = ENTRY_FILE,
                        .size = 1,
                        .hash = hash_of(1),
                        .hardlink = "/a/b"},
                {.path = "/a/d", .type = ENTRY_FILE},
        };
        const struct manifest manifest = {.entries = entries, .count = ELEMENTSOF(entries)};
        (void) state;
        assert_int_equal(hash_set_add_objects(&set, &manifest), 0);
        hash_set_sort(&set);
        assert_int_equal(set.count, 1);
        assert_ptr_equal(hash_set_meets(&set, &manifest), &entries[1].hash);
        set.items[0] = hash_of(2);
        assert_null(hash_set_meets(&set, &manifest));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_once_and_found),
                cmocka_unit_test(test_objects_of_a_manifest),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
