#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/own_file.h"
#include "tests/unit/support/tmpdir.h"

enum { MAX_BYTES = 16 };

static void what_is_written_is_read(void **state) {
        struct tmpdir dir;
        struct stat status;
        AUTO_FREE char *text = NULL;
        (void) state;
        tmpdir_make(&dir);
        AUTO_CLOSE int folder = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(own_file_replace(folder, "aside", "memory", "sixteen bytes...", true), 0);
        assert_int_equal(own_file_replace(folder, "aside", "memory", "shorter", false), 0);
        assert_int_equal(fstatat(folder, "memory", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(own_file_read(folder, "memory", MAX_BYTES, &text), 0);
        assert_string_equal(text, "shorter");
        tmpdir_remove(&dir);
}

static void a_replacement_leaves_nothing_aside(void **state) {
        struct tmpdir dir;
        char *text = NULL;
        (void) state;
        tmpdir_make(&dir);
        AUTO_CLOSE int folder = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int durable = 0; durable < 2; durable++) {
                AUTO_FREE char *found = NULL;
                assert_int_equal(own_file_replace(folder, "aside", "memory", "new", durable), 0);
                assert_int_equal(own_file_read(folder, "memory", MAX_BYTES, &found), 0);
                assert_string_equal(found, "new");
        }
        assert_int_equal(mkdirat(folder, "taken", 0700), 0);
        assert_int_equal(own_file_replace(folder, "aside", "taken", "new", true), -EISDIR);
        assert_int_equal(own_file_read(folder, "aside", MAX_BYTES, &text), -ENOENT);
        tmpdir_remove(&dir);
}

static void only_a_small_regular_file_is_read(void **state) {
        struct tmpdir dir;
        char *text = NULL;
        (void) state;
        tmpdir_make(&dir);
        AUTO_CLOSE int folder = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(own_file_read(folder, "absent", MAX_BYTES, &text), -ENOENT);
        assert_int_equal(own_file_replace(folder, "aside", "large", "more than sixteen", false), 0);
        assert_int_equal(own_file_read(folder, "large", MAX_BYTES, &text), -EBADMSG);
        assert_int_equal(mkfifoat(folder, "fifo", 0600), 0);
        assert_int_equal(own_file_read(folder, "fifo", MAX_BYTES, &text), -EBADMSG);
        assert_int_equal(symlinkat("large", folder, "link"), 0);
        assert_int_equal(own_file_read(folder, "link", MAX_BYTES, &text), -ELOOP);
        assert_int_equal(own_file_replace(folder, "link", "memory", "x", false), -ELOOP);
        assert_null(text);
        tmpdir_remove(&dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(a_replacement_leaves_nothing_aside),
                cmocka_unit_test(only_a_small_regular_file_is_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
