/* Output that is kept, and output that is too much. */

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/capture.h"
#include "unit_test.h"

static struct capture capture;
static struct loop *loop;
static bool ended;

static void on_ended(void *cookie) {
        ended = true;
        loop_exit(cookie, 0);
}

static int set_up(void **state) {
        (void) state;
        ended = false;
        return loop_new(&loop, NULL);
}

static int tear_down(void **state) {
        (void) state;
        capture_done(&capture);
        loop_free(loop);
        return 0;
}

static int begin(size_t max) {
        capture_init(&capture, max, on_ended, loop);
        int fd = capture_open(&capture, NULL);
        assert_true(fd >= 0);
        return fd;
}

static void expect_text(const char *expected) {
        size_t length;
        const char *text = capture_text(&capture, &length);
        assert_string_equal(text, expected);
        assert_int_equal(length, strlen(expected));
}

static void test_it_is_read_to_its_end(void **state) {
        AUTO_CLOSE int fd = begin(100);
        (void) state;
        assert_int_equal(capture_watch(&capture, loop), 0);
        assert_int_equal(write(fd, "hello\n", 6), 6);
        close(TAKE_FD(fd));
        assert_int_equal(loop_run(loop, NULL), 0);
        assert_true(ended);
        expect_text("hello\n");
}

static void test_what_is_too_much_is_dropped(void **state) {
        AUTO_CLOSE int fd = begin(4);
        (void) state;
        assert_int_equal(write(fd, "hello\n", 6), 6);
        capture_drain(&capture);
        assert_false(ended);
        expect_text("hell");
        assert_int_equal(capture.dropped_bytes, 2);
}

static void test_a_whole_pipe_is_drained_at_once(void **state) {
        AUTO_CLOSE int fd = begin(10);
        static const char page[4096];
        size_t written = 0;
        (void) state;
        for (int i = 0; i < 16; i++) {
                written += (size_t) write(fd, page, sizeof(page));
        }
        capture_drain(&capture);
        assert_int_equal(capture.dropped_bytes, written - 10);
}

static void test_without_a_pipe(void **state) {
        (void) state;
        capture_init(&capture, 10, on_ended, loop);
        assert_int_equal(capture_watch(&capture, loop), 0);
        capture_drain(&capture);
        expect_text("");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_it_is_read_to_its_end, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        test_what_is_too_much_is_dropped, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                        test_a_whole_pipe_is_drained_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_without_a_pipe, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
