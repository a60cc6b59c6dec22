/* The files that the settings of a coordinator name. */

#include <errno.h>
#include <sys/stat.h>

#include "coordinator/coordinator_files.h"
#include "tests/unit/support/tmpdir.h"

static void write_file(const char *path, const char *text) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void what_is_named_is_read(void **state) {
        struct tmpdir dir;
        struct coordinator_files files;
        (void) state;
        tmpdir_make(&dir);
        char *password = strdup(tmpdir_file(&dir, "password")),
             *ca = strdup(tmpdir_file(&dir, "ca"));
        assert_true(password && ca);
        write_file(password, "barley\r\n");
        write_file(ca, "one\ntwo\n");
        const struct coordinator_spec spec = {.password_file = password, .ca_file = ca};
        assert_int_equal(coordinator_files_read(&files, &spec, NULL), 0);
        assert_string_equal(files.password, "barley");
        assert_string_equal(files.ca, "one\ntwo\n");
        assert_null(files.cert);
        assert_null(files.key);
        coordinator_files_done(&files);
        assert_null(files.password);
        free(password);
        free(ca);
        tmpdir_remove(&dir);
}

static void what_cannot_be_read_is_said(void **state) {
        struct tmpdir dir;
        struct coordinator_files files;
        struct error err = {0};
        (void) state;
        tmpdir_make(&dir);
        char *path = strdup(tmpdir_file(&dir, "key"));
        assert_non_null(path);
        const struct coordinator_spec spec = {.key_file = path};
        assert_int_equal(coordinator_files_read(&files, &spec, &err), -ENOENT);
        assert_non_null(strstr(err.text, "coordinator: key_file /"));
        assert_non_null(strstr(err.text, "/key: No such file or directory"));
        write_file(path, "");
        assert_int_equal(coordinator_files_read(&files, &spec, &err), -EINVAL);
        assert_non_null(strstr(err.text, "/key is empty"));
        assert_int_equal(truncate(path, COORDINATOR_FILE_MAX + 1), 0);
        assert_int_equal(coordinator_files_read(&files, &spec, &err), -EINVAL);
        assert_non_null(strstr(err.text, "/key is too large"));
        assert_null(files.key);
        free(path);
        tmpdir_remove(&dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_named_is_read),
                cmocka_unit_test(what_cannot_be_read_is_said),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
