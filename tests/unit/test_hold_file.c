/* A file that stops everything by being there. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/hold_file.h"
#include "unit_test.h"

static bool read_with(const char *text, struct hold_file *ret) {
        char path[] = "/tmp/recoverd-hold-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        bool exists = hold_file_read(path, ret);
        unlink(path);
        return exists;
}

static void test_it_need_not_say_why(void **state) {
        (void) state;
        struct hold_file file;
        assert_true(read_with("", &file));
        assert_string_equal(file.reason, "");
        assert_false(file.people_too);
}

static void test_its_first_line_says_why(void **state) {
        (void) state;
        struct hold_file file;
        assert_true(read_with("\nnetwork\tmove, ask ann\nmore\n", &file));
        assert_string_equal(file.reason, "network?move, ask ann");
        assert_false(file.people_too);
}

static void test_everything_is_people_too(void **state) {
        (void) state;
        struct hold_file file;
        assert_true(read_with("everything\nintruder on the host\n", &file));
        assert_true(file.people_too);
        assert_string_equal(file.reason, "intruder on the host");
        assert_true(read_with("everything is fine\n", &file));
        assert_false(file.people_too);
}

static void test_nothing_to_read_holds_too(void **state) {
        (void) state;
        char path[] = "/tmp/recoverd-hold-XXXXXX";
        struct hold_file file;
        assert_non_null(mkdtemp(path));
        assert_true(hold_file_read(path, &file)); /* a folder */
        assert_string_equal(file.reason, "");
        char fifo[64];
        snprintf(fifo, sizeof(fifo), "%s/fifo", path);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_true(hold_file_read(fifo, &file));
        unlink(fifo);
        rmdir(path);
        assert_false(hold_file_read(path, &file));
        assert_false(hold_file_read("/nowhere/hold", &file));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_need_not_say_why),
                cmocka_unit_test(test_its_first_line_says_why),
                cmocka_unit_test(test_everything_is_people_too),
                cmocka_unit_test(test_nothing_to_read_holds_too),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
