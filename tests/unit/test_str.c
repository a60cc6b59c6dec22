/* String predicates, safe copies, distance, and the growing buffer. */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "unit_test.h"

static void test_predicates(void **state) {
        (void) state;
        assert_true(str_eq("a", "a"));
        assert_false(str_eq("a", "b"));
        assert_true(str_eq(NULL, NULL));
        assert_false(str_eq("a", NULL));
        assert_true(str_starts("unix:/x", "unix:"));
        assert_false(str_starts("uni", "unix:"));
        assert_true(str_empty(NULL));
        assert_true(str_empty(""));
        assert_false(str_empty("x"));
}

static void test_copy_terminates_and_reports(void **state) {
        char to[4];

        (void) state;
        assert_true(str_copy(to, sizeof(to), "abc"));
        assert_string_equal(to, "abc");
        assert_false(str_copy(to, sizeof(to), "abcd"));
        assert_string_equal(to, "abc");
        assert_false(str_copy(to, 0, ""));
}

static void test_copy_never_splits_utf8(void **state) {
        char to[5];

        (void) state;
        assert_false(str_copy(to, sizeof(to), "ab\xe2\x82\xac"));
        assert_string_equal(to, "ab");
        assert_false(str_copy(to, sizeof(to), "abc\xc3\xa9"));
        assert_string_equal(to, "abc");
        assert_true(str_copy(to, sizeof(to), "a\xe2\x82\xac"));
}

static void check_printable(const char *from, const char *expected) {
        char text[64];

        str_copy(text, sizeof(text), from);
        str_make_printable(text);
        assert_string_equal(text, expected);
}

static void test_make_printable(void **state) {
        (void) state;
        check_printable("plain ~", "plain ~");
        check_printable("a\nb\x1b[0m\x7f", "a?b?[0m?");
        check_printable(
                "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
        check_printable("\xc3", "?"); /* cut at the end */
        check_printable("\xe2\x82x", "??x"); /* cut in the middle */
        check_printable("\xc0\xaf", "??"); /* overlong */
        check_printable("\xed\xa0\x80", "???"); /* surrogate */
        check_printable("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
        check_printable("\xc2\x9b", "??"); /* C1 control */
        check_printable("\xff\xfe", "??");
}

static void test_distance(void **state) {
        char long_word[80];

        (void) state;
        assert_int_equal(str_distance("", ""), 0);
        assert_int_equal(str_distance("", "abc"), 3);
        assert_int_equal(str_distance("interval", "interval"), 0);
        assert_int_equal(str_distance("interval", "intervall"), 1);
        assert_int_equal(str_distance("interval", "intreval"), 1);
        assert_int_equal(str_distance("kitten", "sitting"), 3);
        assert_int_equal(str_distance("abc", "xyz"), 3);
        memset(long_word, 'a', sizeof(long_word) - 1);
        long_word[sizeof(long_word) - 1] = '\0';
        assert_true(str_distance(long_word, "a") == SIZE_MAX);
        long_word[64] = '\0';
        assert_int_equal(str_distance(long_word, "a"), 63);
}

static void test_strbuf_grows(void **state) {
        AUTO_STRBUF struct strbuf buf = {0};

        (void) state;
        assert_string_equal(strbuf_text(&buf), "");
        strbuf_add(&buf, "a");
        strbuf_add_char(&buf, 'b');
        strbuf_add_bytes(&buf, "cd", 2);
        strbuf_add_repeated(&buf, ' ', 200);
        strbuf_add_u64(&buf, 0);
        strbuf_add_u64(&buf, UINT64_MAX);
        strbuf_addf(&buf, "%s-%0300d", "x", 7);
        assert_int_equal(buf.length, 4 + 200 + 1 + 20 + 2 + 300);
        assert_int_equal(strlen(strbuf_text(&buf)), buf.length);
        assert_memory_equal(strbuf_text(&buf) + 204, "018446744073709551615x-0000", 27);
        assert_int_equal(buf.data[buf.length - 1], '7');
}

static void test_strbuf_reset_keeps_memory(void **state) {
        AUTO_STRBUF struct strbuf buf = {0};

        (void) state;
        strbuf_add(&buf, "abc");
        const char *memory = buf.data;
        strbuf_reset(&buf);
        assert_string_equal(strbuf_text(&buf), "");
        strbuf_add(&buf, "d");
        assert_ptr_equal(buf.data, memory);
        assert_string_equal(strbuf_text(&buf), "d");
}

static void test_strbuf_take_hands_over(void **state) {
        AUTO_STRBUF struct strbuf buf = {0};

        (void) state;
        AUTO_FREE char *empty = strbuf_take(&buf);
        assert_string_equal(empty, "");
        strbuf_add(&buf, "abc");
        AUTO_FREE char *text = strbuf_take(&buf);
        assert_string_equal(text, "abc");
        assert_null(buf.data);
        assert_int_equal(buf.length, 0);
}

static void test_strbuf_failure_sticks(void **state) {
        AUTO_STRBUF struct strbuf buf = {0};

        (void) state;
        strbuf_add(&buf, "abc");
        strbuf_reserve(&buf, SIZE_MAX);
        assert_true(buf.failed);
        strbuf_add(&buf, "d");
        strbuf_addf(&buf, "%d", 1);
        strbuf_add_repeated(&buf, 'x', 2);
        assert_null(strbuf_text(&buf));
        assert_null(strbuf_take(&buf));
        assert_false(buf.failed); /* taking reset it */
        strbuf_add(&buf, "new");
        assert_string_equal(strbuf_text(&buf), "new");
}

/* The vectors of RFC 4648, 10, and bytes that text does not have. */
static void test_base64(void **state) {
        static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
                {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                AUTO_STRBUF struct strbuf buf = {0};
                strbuf_add_base64(&buf, vectors[i][0], strlen(vectors[i][0]));
                assert_string_equal(strbuf_text(&buf), vectors[i][1]);
        }
        AUTO_STRBUF struct strbuf buf = {0};
        strbuf_add_base64(&buf, "\xff\xfe\x00", 3);
        assert_string_equal(strbuf_text(&buf), "//4A");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_predicates),
                cmocka_unit_test(test_copy_terminates_and_reports),
                cmocka_unit_test(test_copy_never_splits_utf8),
                cmocka_unit_test(test_make_printable),
                cmocka_unit_test(test_distance),
                cmocka_unit_test(test_strbuf_grows),
                cmocka_unit_test(test_strbuf_reset_keeps_memory),
                cmocka_unit_test(test_strbuf_take_hands_over),
                cmocka_unit_test(test_strbuf_failure_sticks),
                cmocka_unit_test(test_base64),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
