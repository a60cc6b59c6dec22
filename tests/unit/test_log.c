/* Log: levels, sinks, and lines on standard error, which is a pipe here. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "unit_test.h"

static char captured[4096];
static int captured_level;

static void capture(void *cookie, const struct log_record *record) {
        *(int *) cookie += 1;
        captured_level = record->level;
        (void) snprintf(captured, sizeof(captured), "%s", record->text);
}

static void test_levels_and_sink(void **state) {
        int count = 0;

        (void) state;
        log_set_sink(capture, &count);
        log_info("hello %d", 1);
        assert_int_equal(count, 1);
        assert_string_equal(captured, "hello 1");
        log_debug("dropped");
        assert_int_equal(count, 1);
        log_set_level(LOG_DEBUG);
        assert_int_equal(log_level(), LOG_DEBUG);
        log_debug("kept");
        assert_int_equal(count, 2);
        assert_int_equal(captured_level, LOG_DEBUG);
        log_set_level(LOG_INFO);
        log_set_sink(NULL, NULL);
}

/* Standard error is the pipe's end while  runs; what came out is in captured. */
static void with_stderr_pipe(const int pipe_fds[2], void (*write_lines)(void)) {
        int saved = dup(STDERR_FILENO);

        assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
        write_lines();
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);
        ssize_t n = read(pipe_fds[0], captured, sizeof(captured) - 1);
        captured[n > 0 ? n : 0] = '\0';
}

static void write_fields(void) {
        static const struct log_field fields[] = {
                {"SERVICE", "cart"}, {"REASON", "two words\n"}, {"EMPTY", ""}};

        log_set_name("agent");
        log_record(&(struct log_record){
                .level = LOG_WARNING, .text = "down\x1b", .fields = fields, .n_fields = 3});
}

static void test_line_format(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        with_stderr_pipe(fds, write_fields);
        assert_memory_equal(captured, "warning 20", 10);
        assert_non_null(
                strstr(captured, "Z agent: down? SERVICE=cart REASON=\"two words?\" EMPTY=\"\"\n"));
        close(fds[0]);
        close(fds[1]);
}

static void write_huge(void) {
        static char text[20000];

        memset(text, 'x', sizeof(text) - 1);
        log_record(&(struct log_record){.level = LOG_ERR, .text = text});
}

static void test_huge_lines_are_cut(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        with_stderr_pipe(fds, write_huge);
        assert_true(strlen(captured) > 4000);
        close(fds[0]);
        close(fds[1]);
}

static void fill(int fd) {
        static const char zeros[4096];
        while (write(fd, zeros, sizeof(zeros)) > 0) {
        }
}

static void write_one(void) {
        log_error("line");
}

static void drain(int fd) {
        while (read(fd, captured, sizeof(captured)) > 0) {
        }
}

static void test_a_stuck_reader_does_not_block(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        fill(fds[1]);
        assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0); /* would block now */
        with_stderr_pipe(fds, write_one);
        drain(fds[0]);
        with_stderr_pipe(fds, write_one);
        assert_non_null(strstr(captured, "1 log lines were lost before this\n"));
        assert_non_null(strstr(captured, ": line\n"));
        close(fds[0]);
        close(fds[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_levels_and_sink),
                cmocka_unit_test(test_line_format),
                cmocka_unit_test(test_huge_lines_are_cut),
                cmocka_unit_test(test_a_stuck_reader_does_not_block),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
