/* Log files: what is opened, and what is cut. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "executor/service_log.h"
#include "support/scratch.h"
#include "unit_test.h"

static char directory[64];
static struct service_log service_log;

static int setup(void **state) {
        (void) state;
        if (scratch_make(directory, sizeof(directory), "test_service_log") < 0) {
                return -1;
        }
        service_log = (struct service_log){
                .target = LOG_TARGET_FILE, .service = "web", .max_size = 10, .keep = 2};
        snprintf(service_log.path, sizeof(service_log.path), "%s/log/web.log", directory);
        return 0;
}

static int teardown(void **state) {
        (void) state;
        return scratch_remove(directory);
}

static void append(const char *text) {
        AUTO_CLOSE int fd = service_log_open(&service_log, NULL);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_content(const char *suffix, const char *expected) {
        char path[SERVICE_LOG_PATH_MAX + 8], text[64] = "";
        snprintf(path, sizeof(path), "%s%s", service_log.path, suffix);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (!expected) {
                assert_int_equal(fd, -1);
                return;
        }
        assert_true(fd >= 0);
        assert_true(read(fd, text, sizeof(text) - 1) >= 0);
        assert_string_equal(text, expected);
}

static void test_plan(void **state) {
        struct command_spec command = {
                .log = {.target = LOG_TARGET_FILE, .max_size = 7, .keep = 1}};
        const struct service service = {.name = "web", .command = &command};
        struct service_log plan;
        (void) state;
        assert_int_equal(service_log_plan(&plan, &service, "/var/lib/recoverd", NULL), 0);
        assert_string_equal(plan.path, "/var/lib/recoverd/log/web.log");
        assert_int_equal(plan.max_size, 7);
        command.log.file = "/var/log/web";
        command.log.target = LOG_TARGET_AUTO; /* a file says what is meant */
        assert_int_equal(service_log_plan(&plan, &service, "/var/lib/recoverd", NULL), 0);
        assert_int_equal(plan.target, LOG_TARGET_FILE);
        assert_string_equal(plan.path, "/var/log/web");
        command.log.target = LOG_TARGET_NONE;
        assert_int_equal(service_log_plan(&plan, &service, "/var/lib/recoverd", NULL), 0);
        assert_int_equal(plan.target, LOG_TARGET_NONE);
}

static void test_what_is_small_stays(void **state) {
        (void) state;
        append("0123456789");
        assert_int_equal(service_log_trim(&service_log, NULL), 0);
        assert_content("", "0123456789");
        assert_content(".1", NULL);
}

static void test_pieces_move_up(void **state) {
        (void) state;
        const char *const texts[] = {"first......\n", "second.....\n", "third......\n"};
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                append(texts[i]);
                assert_int_equal(service_log_trim(&service_log, NULL), 1);
        }
        assert_content("", "");
        assert_content(".1", "third......\n");
        assert_content(".2", "second.....\n");
        assert_content(".3", NULL);
}

static void test_the_writer_goes_on_in_the_same_file(void **state) {
        (void) state;
        AUTO_CLOSE int fd = service_log_open(&service_log, NULL);
        assert_int_equal(write(fd, "before.....\n", 12), 12);
        assert_int_equal(service_log_trim(&service_log, NULL), 1);
        assert_int_equal(write(fd, "after\n", 6), 6);
        assert_content("", "after\n"); /* and no hole in front of it */
}

static void test_no_pieces_are_wanted(void **state) {
        (void) state;
        service_log.keep = 0;
        append("a long line\n");
        assert_int_equal(service_log_trim(&service_log, NULL), 1);
        assert_content("", "");
        assert_content(".1", NULL);
}

static void test_the_limit_comes_before_the_copy(void **state) {
        struct error err = {0};
        char path[SERVICE_LOG_PATH_MAX + 8];
        (void) state;
        append("a long line\n");
        snprintf(path, sizeof(path), "%s.1", service_log.path);
        service_log.keep = 1;
        assert_int_equal(mkdir(path, 0700), 0); /* cannot be replaced by a file */
        assert_int_equal(service_log_trim(&service_log, &err), -EEXIST);
        assert_non_null(strstr(err.text, "cut without a copy"));
        assert_content("", "");
}

static void test_no_file_is_no_error(void **state) {
        (void) state;
        assert_int_equal(service_log_trim(&service_log, NULL), 0);
}

static void test_a_link_is_not_followed(void **state) {
        struct error err = {0};
        char target[128];
        (void) state;
        append("");
        snprintf(target, sizeof(target), "%s/precious", directory);
        AUTO_CLOSE int fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "a precious text\n", 16), 16);
        assert_int_equal(unlink(service_log.path), 0);
        assert_int_equal(symlink(target, service_log.path), 0);
        assert_int_equal(service_log_open(&service_log, &err), -ELOOP);
        assert_int_equal(service_log_trim(&service_log, &err), -ELOOP);
        struct stat status;
        assert_int_equal(stat(target, &status), 0);
        assert_int_equal(status.st_size, 16);
}

static void test_another_one_cuts_it_already(void **state) {
        (void) state;
        append("a long line\n");
        AUTO_CLOSE int fd = open(service_log.path, O_RDWR | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_int_equal(service_log_trim(&service_log, NULL), 0);
        assert_content("", "a long line\n");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plan),
                T(test_what_is_small_stays),
                T(test_pieces_move_up),
                T(test_the_writer_goes_on_in_the_same_file),
                T(test_no_pieces_are_wanted),
                T(test_the_limit_comes_before_the_copy),
                T(test_no_file_is_no_error),
                T(test_a_link_is_not_followed),
                T(test_another_one_cuts_it_already),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
