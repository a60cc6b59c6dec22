/* Errors: texts, wrapping, cutting, and NULL everywhere. */

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "unit_test.h"

static void test_set_fills_code_and_text(void **state) {
        struct error err = {0};

        (void) state;
        assert_int_equal(error_set(&err, EINVAL, "bad %s %d", "port", 70000), -EINVAL);
        assert_int_equal(err.code, EINVAL);
        assert_string_equal(err.text, "bad port 70000");
}

static void test_set_errno_adds_the_reason(void **state) {
        struct error err = {0};

        (void) state;
        assert_int_equal(error_set_errno(&err, ENOENT, "open %s", "/x"), -ENOENT);
        assert_string_equal(err.text, "open /x: No such file or directory");
}

static void test_wrap_puts_context_in_front(void **state) {
        struct error err = {0};

        (void) state;
        error_set(&err, EACCES, "inner");
        assert_int_equal(error_wrap(&err, "policy %s", "a.yaml"), -EACCES);
        assert_string_equal(err.text, "policy a.yaml: inner");
        assert_int_equal(err.code, EACCES);
}

static void test_own_text_may_be_an_argument(void **state) {
        struct error err = {0};

        (void) state;
        error_set(&err, EIO, "inner");
        error_set(&err, EBUSY, "outer (%s)", err.text);
        assert_string_equal(err.text, "outer (inner)");
        assert_int_equal(err.code, EBUSY);
}

static void test_null_is_accepted(void **state) {
        (void) state;
        assert_int_equal(error_set(NULL, EINVAL, "x"), -EINVAL);
        assert_int_equal(error_set_errno(NULL, ENOMEM, "x"), -ENOMEM);
        assert_int_equal(error_wrap(NULL, "x"), -EIO);
}

static void assert_cut(const struct error *err) {
        size_t length = strlen(err->text);

        assert_true(length < sizeof(err->text));
        assert_true(length > sizeof(err->text) - 8);
        assert_string_equal(err->text + length - 3, "...");
}

static void test_long_texts_are_cut_with_dots(void **state) {
        struct error err = {0};
        char big[ERROR_TEXT_MAX * 2];

        (void) state;
        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        error_set(&err, EIO, "%s", big);
        assert_cut(&err);
        error_wrap(&err, "context");
        assert_cut(&err);
        assert_memory_equal(err.text, "context: xxx", 12);
}

static void test_cut_keeps_utf8_whole(void **state) {
        struct error err = {0};
        char big[ERROR_TEXT_MAX * 2];

        (void) state;
        for (size_t i = 0; i < sizeof(big) - 1; i += 2) {
                memcpy(big + i, "\xc3\xa9", 2);
        }
        big[sizeof(big) - 2] = '\0';
        error_set(&err, EIO, "a%s", big);
        size_t length = strlen(err.text);
        assert_string_equal(err.text + length - 5, "\xc3\xa9...");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set_fills_code_and_text),
                cmocka_unit_test(test_set_errno_adds_the_reason),
                cmocka_unit_test(test_wrap_puts_context_in_front),
                cmocka_unit_test(test_own_text_may_be_an_argument),
                cmocka_unit_test(test_null_is_accepted),
                cmocka_unit_test(test_long_texts_are_cut_with_dots),
                cmocka_unit_test(test_cut_keeps_utf8_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
