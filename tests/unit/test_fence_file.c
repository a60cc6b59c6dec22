/* The file of recoverd-fence: what counts as a token, and that a lock is one. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fence/fence_file.h"
#include "unit_test.h"

static char folder[64], path[80];

static int setup(void **state) {
        (void) state;
        (void) snprintf(folder, sizeof(folder), "/tmp/test_fence_file-XXXXXX");
        assert_non_null(mkdtemp(folder));
        (void) snprintf(path, sizeof(path), "%s/fence", folder);
        return 0;
}

static int teardown(void **state) {
        char lock[96];
        (void) state;
        (void) snprintf(lock, sizeof(lock), "%s.lock", path);
        (void) unlink(lock);
        (void) unlink(path);
        return rmdir(folder);
}

static void test_tokens(void **state) {
        uint64_t token = 5;
        (void) state;
        static const char *const bad[] = {
                "", "0", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616"};
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(fence_parse(bad[i], &token), -EINVAL);
                assert_int_equal(token, 5);
        }
        assert_int_equal(fence_parse("18446744073709551615", &token), 0);
        assert_true(token == UINT64_MAX);
}

static void test_there_and_back(void **state) {
        uint64_t token = 5;
        (void) state;
        assert_int_equal(fence_read(path, &token, NULL), 0);
        assert_int_equal(token, 0);
        assert_int_equal(fence_write(path, UINT64_MAX, NULL), 0);
        assert_int_equal(fence_read(path, &token, NULL), 0);
        assert_true(token == UINT64_MAX);
}

static void test_one_lock(void **state) {
        struct error err = {0};
        (void) state;
        int first = fence_lock(path, 0, NULL);
        assert_true(first >= 0);
        assert_int_equal(fence_lock(path, 0, &err), -EBUSY);
        close(first);
        int second = fence_lock(path, 0, NULL);
        assert_true(second >= 0);
        close(second);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_lock, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
