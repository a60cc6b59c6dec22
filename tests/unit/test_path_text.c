/* Paths as text and back, and the order in which trees are walked. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "executor/checkpoint/path_text.h"
#include "unit_test.h"

static void check_word(const char *bytes, const char *word) {
        AUTO_STRBUF struct strbuf text = {0};
        path_text_add_word(&text, bytes);
        assert_string_equal(strbuf_text(&text), word);
        assert_int_equal(path_text_parse(text.data), 0);
        assert_string_equal(text.data, bytes);
}

static void check_text(const char *bytes, const char *shown) {
        AUTO_STRBUF struct strbuf text = {0};
        path_text_add(&text, bytes);
        assert_string_equal(strbuf_text(&text), shown);
        assert_int_equal(path_text_parse(text.data), 0);
        assert_string_equal(text.data, bytes);
}

static void test_words(void **state) {
        (void) state;
        check_word("/etc/shop.conf", "/etc/shop.conf");
        check_word("a b\nc", "a\\040b\\012c");
        check_word("\xff\\#=", "\\377\\134\\043\\075");
        check_word("\xc3\xa4", "\\303\\244");
}

static void test_for_people(void **state) {
        (void) state;
        check_text("a b\nc", "a b\\012c");
        check_text("\xc3\xa4\xff\\", "\xc3\xa4\\377\\\\");
}

static void test_every_byte(void **state) {
        (void) state;
        for (int c = 1; c < 256; c++) {
                const char bytes[] = {(char) c, 'x', 0};
                AUTO_STRBUF struct strbuf word = {0};
                path_text_add_word(&word, bytes);
                assert_int_equal(path_text_parse(word.data), 0);
                assert_string_equal(word.data, bytes);
        }
}

static void test_bad_text(void **state) {
        static const char *const bad[] = {"\\", "a\\1", "\\12x", "\\000", "\\777", "\\n"};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                AUTO_FREE char *copy = strdup(bad[i]);
                assert_int_equal(path_text_parse(copy), -EINVAL);
        }
}

static void test_order_of_a_walk(void **state) {
        static const char *const order[] = {
                "/a", "/a/b", "/a/b/c", "/a/c", "/a\x01", "/a b", "/a-b", "/b", "/\xff"};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                for (size_t j = 0; j < ELEMENTSOF(order); j++) {
                        int r = path_compare(order[i], order[j]);
                        assert_true(i < j ? r < 0 : i > j ? r > 0 : r == 0);
                }
        }
}

static void test_below(void **state) {
        (void) state;
        assert_true(path_is_below("/a", "/a"));
        assert_true(path_is_below("/a/b", "/a"));
        assert_false(path_is_below("/ab", "/a"));
        assert_false(path_is_below("/", "/a"));
}

static void test_plain(void **state) {
        static const char *const bad[] = {
                "", "/", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/../a"};
        (void) state;
        assert_true(path_is_plain("/a"));
        assert_true(path_is_plain("/a/.b/..c/..."));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_false(path_is_plain(bad[i]));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_for_people),
                cmocka_unit_test(test_every_byte),
                cmocka_unit_test(test_bad_text),
                cmocka_unit_test(test_order_of_a_walk),
                cmocka_unit_test(test_below),
                cmocka_unit_test(test_plain),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
