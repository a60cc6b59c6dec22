/* Arena: zeroed, aligned, separate pieces; sizes; overflow. */

#include <string.h>

#include "base/arena.h"
#include "unit_test.h"

static int setup(void **state) {
        *state = arena_new();
        return *state ? 0 : -1;
}

static int teardown(void **state) {
        arena_free(*state);
        return 0;
}

static void test_pieces_are_zeroed_aligned_and_apart(void **state) {
        unsigned char *last = NULL;
        size_t last_size = 0;

        for (size_t size = 0; size < 300; size++) {
                unsigned char *piece = arena_alloc(*state, size);
                assert_non_null(piece);
                assert_int_equal((uintptr_t) piece % _Alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++) {
                        assert_int_equal(piece[i], 0);
                }
                assert_true(!last || piece != last);
                assert_true(!last || piece >= last + last_size || piece < last);
                memset(piece, 0xff, size);
                last = piece;
                last_size = size;
        }
}

static void test_large_pieces_get_chunks_of_their_own(void **state) {
        size_t before = arena_size(*state);
        char *piece = arena_alloc(*state, 5 * 1024 * 1024);

        assert_non_null(piece);
        piece[5 * 1024 * 1024 - 1] = 'x';
        assert_true(arena_size(*state) >= before + 5 * 1024 * 1024);
        assert_non_null(arena_alloc(*state, 16));
}

static void test_many_pieces_stay_intact(void **state) {
        enum { COUNT = 20000 };
        uint64_t *numbers[COUNT];

        for (uint64_t i = 0; i < COUNT; i++) {
                numbers[i] = arena_alloc(*state, 100);
                assert_non_null(numbers[i]);
                *numbers[i] = i;
        }
        for (uint64_t i = 0; i < COUNT; i++) {
                assert_int_equal(*numbers[i], i);
        }
        assert_true(arena_size(*state) >= (size_t) COUNT * 100);
        assert_true(arena_size(*state) < (size_t) COUNT * 100 * 3);
}

static void test_overflow_is_refused(void **state) {
        assert_null(arena_alloc_array(*state, SIZE_MAX / 2, 4));
        assert_null(arena_alloc(*state, SIZE_MAX));
        assert_non_null(arena_alloc_array(*state, 3, 4));
}

static void test_texts(void **state) {
        assert_string_equal(arena_strdup(*state, "text"), "text");
        assert_string_equal(arena_strndup(*state, "text", 2), "te");
        assert_string_equal(arena_strndup(*state, "text", 100), "text");
        assert_string_equal(arena_printf(*state, "%s=%d", "x", 42), "x=42");
        assert_string_equal(arena_strdup(*state, ""), "");
}

static void test_free_accepts_null(void **state) {
        (void) state;
        arena_free(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_pieces_are_zeroed_aligned_and_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_large_pieces_get_chunks_of_their_own, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many_pieces_stay_intact, setup, teardown),
                cmocka_unit_test_setup_teardown(test_overflow_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
                cmocka_unit_test(test_free_accepts_null),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
