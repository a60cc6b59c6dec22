/* A child holds a lock; it is found by asking the kernel and by reading its table. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file_lock.h"
#include "unit_test.h"

struct held {
        char path[64];
        pid_t child;
};

/* Returns when the child has its lock. */
static struct held hold_lock(short type) {
        struct held held = {.path = "/tmp/recoverd-lock-XXXXXX"};
        int fd = mkstemp(held.path), ready[2];
        assert_true(fd >= 0);
        assert_int_equal(pipe(ready), 0);
        held.child = fork();
        if (held.child == 0) {
                struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
                (void) !write(ready[1], fcntl(fd, F_SETLK, &lock) == 0 ? "y" : "n", 1);
                for (;;) {
                        pause();
                }
        }
        char answer = 0;
        assert_int_equal(read(ready[0], &answer, 1), 1);
        assert_int_equal(answer, 'y');
        close(ready[0]);
        close(ready[1]);
        close(fd);
        return held;
}

static void let_go(struct held *held) {
        kill(held->child, SIGKILL);
        assert_int_equal(waitpid(held->child, NULL, 0), held->child);
}

static void test_a_writer_is_found(void **state) {
        (void) state;
        struct held held = hold_lock(F_WRLCK);
        pid_t pid = 0;
        assert_int_equal(file_lock_holder(held.path, &pid), 1);
        assert_int_equal(pid, held.child);
        pid = 0;
        assert_int_equal(file_lock_holder_by_table(held.path, &pid), 1);
        assert_int_equal(pid, held.child);
        let_go(&held);
        assert_int_equal(file_lock_holder(held.path, &pid), 0);
        assert_int_equal(file_lock_holder_by_table(held.path, &pid), 0);
        unlink(held.path);
}

/* Readers of a package database change nothing. */
static void test_a_reader_does_not_count(void **state) {
        (void) state;
        struct held held = hold_lock(F_RDLCK);
        pid_t pid;
        int r = file_lock_holder(held.path, &pid);
        int by_table = file_lock_holder_by_table(held.path, &pid);
        let_go(&held);
        unlink(held.path);
        assert_int_equal(r, 0);
        assert_int_equal(by_table, 0);
}

static void test_no_such_file(void **state) {
        (void) state;
        pid_t pid;
        assert_int_equal(file_lock_holder("/nowhere/lock", &pid), 0);
        assert_int_equal(file_lock_holder_by_table("/nowhere/lock", &pid), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_writer_is_found),
                cmocka_unit_test(test_a_reader_does_not_count),
                cmocka_unit_test(test_no_such_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
