/* Small files, and what they may hold. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/small_file.h"
#include "support/tmpdir.h"

static void test_numbers(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int result;
                uint64_t number;
        } cases[] = {
                {"0\n", 0, 0},
                {"18446744073709551615\n", 0, UINT64_MAX},
                {"max\n", 0, UINT64_MAX},
                {"18446744073709551616\n", -EBADMSG, 0},
                {"-1\n", -EBADMSG, 0},
                {"", -EBADMSG, 0},
                {"maximum\n", -EBADMSG, 0},
        };
        struct tmpdir dir;
        uint64_t number;
        tmpdir_make(&dir);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tmpdir_write(&dir, "number", cases[i].text);
                number = 0;
                assert_int_equal(small_file_number(dir.path, "number", &number), cases[i].result);
                assert_int_equal(number, cases[i].number);
        }
        assert_int_equal(small_file_number(dir.path, "none", &number), -ENOENT);
        assert_int_equal(small_file_number(dir.path, "../..", &number), -EISDIR);
        tmpdir_remove(&dir);
}

static void test_keys(void **state) {
        (void) state;
        const char *text = "oom 1\noom_kill 22\nMemTotal:   12 kB\nbad x\nlast 7";
        uint64_t number = 0;
        assert_true(small_file_key(text, "oom", &number));
        assert_int_equal(number, 1);
        assert_true(small_file_key(text, "oom_kill", &number));
        assert_int_equal(number, 22);
        assert_true(small_file_key(text, "MemTotal", &number));
        assert_int_equal(number, 12);
        assert_true(small_file_key(text, "last", &number));
        assert_int_equal(number, 7);
        assert_false(small_file_key(text, "kill", &number));
        assert_false(small_file_key(text, "bad", &number));
        assert_false(small_file_key(text, "las", &number));
        assert_false(small_file_key("", "oom", &number));
}

static void test_cut(void **state) {
        (void) state;
        struct tmpdir dir;
        char long_text[SMALL_FILE_MAX + 100], text[SMALL_FILE_MAX];
        memset(long_text, 'a', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        tmpdir_make(&dir);
        tmpdir_write(&dir, "long", long_text);
        assert_int_equal(small_file_read(dir.path, "long", text), 0);
        assert_int_equal(strlen(text), SMALL_FILE_MAX - 1);
        tmpdir_remove(&dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_cut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
