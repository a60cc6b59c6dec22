/* SHA-256 as FIPS 180-2 has it, and as text. */

#include <errno.h>

#include "base/cleanup.h"
#include "executor/checkpoint/content_hash.h"
#include "unit_test.h"

#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_known_values(void **state) {
        struct content_hash hash;
        char text[HASH_TEXT_MAX];
        (void) state;
        assert_int_equal(content_hash_of("abc", 3, &hash), 0);
        assert_string_equal(content_hash_format(&hash, text), OF_ABC);
        assert_int_equal(content_hash_of("", 0, &hash), 0);
        assert_string_equal(content_hash_format(&hash, text), OF_NOTHING);
}

static void test_one_hasher_for_many(void **state) {
        AUTO(hasher_done) struct hasher hasher = {0};
        (void) state;
        assert_int_equal(hasher_init(&hasher), 0);
        for (int i = 0; i < 3; i++) {
                struct content_hash hash;
                char text[HASH_TEXT_MAX];
                hasher_begin(&hasher);
                hasher_feed(&hasher, "a", 1);
                hasher_feed(&hasher, "bc", 2);
                hasher_end(&hasher, &hash);
                assert_string_equal(content_hash_format(&hash, text), OF_ABC);
        }
}

static void test_from_text(void **state) {
        static const char *const bad[] = {"", "ba78", OF_ABC "0",
                "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
                "xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
        struct content_hash hash, other;
        (void) state;
        assert_int_equal(content_hash_parse(OF_ABC, &hash), 0);
        assert_int_equal(content_hash_of("abc", 3, &other), 0);
        assert_true(content_hash_equal(&hash, &other));
        assert_int_equal(content_hash_compare(&hash, &other), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(content_hash_parse(bad[i], &hash), -EINVAL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_one_hasher_for_many),
                cmocka_unit_test(test_from_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
