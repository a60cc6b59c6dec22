/* Files that are watched, in a folder of this test. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/loop.h"
#include "probes/file_changes.h"
#include "support/tmpdir.h"

enum { MARKS = 2 };

struct fixture {
        struct tmpdir dir;
        struct loop *loop;
        struct file_changes *changes;
        struct file_mark marks[MARKS];
};

static int setup(void **state) {
        static struct fixture f;
        f = (struct fixture){0};
        tmpdir_make(&f.dir);
        assert_int_equal(loop_new(&f.loop, NULL), 0);
        assert_int_equal(file_changes_new(&f.changes, f.loop, NULL), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        for (size_t i = 0; i < MARKS; i++) {
                file_changes_forget(&f->marks[i]);
        }
        file_changes_free(f->changes);
        loop_free(f->loop);
        tmpdir_remove(&f->dir);
        return 0;
}

/* The kernel is asked once a turn. */
static void next_turn(struct fixture *f) {
        usec_t before = loop_now(f->loop).mono;
        while (loop_now(f->loop).mono == before) {
                assert_int_equal(loop_turn(f->loop, 0), 1);
        }
}

static int open_file(struct fixture *f, const char *name) {
        int fd = open(tmpdir_file(&f->dir, name), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void watch(struct fixture *f, size_t mark, const char *name) {
        int fd = open_file(f, name);
        file_changes_watch(f->changes, &f->marks[mark], fd);
        assert_true(file_changes_same(&f->marks[mark], fd));
        close(fd);
}

static bool unchanged(struct fixture *f, size_t mark) {
        next_turn(f);
        return file_changes_none(&f->marks[mark]);
}

/* ---- what is seen ---- */

static void write_it(struct fixture *f) {
        int fd = open(tmpdir_file(&f->dir, "pid"), O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "2", 1, 0), 1);
        close(fd);
}

static void truncate_it(struct fixture *f) {
        assert_int_equal(truncate(tmpdir_file(&f->dir, "pid"), 0), 0);
}

static void change_its_mode(struct fixture *f) {
        assert_int_equal(chmod(tmpdir_file(&f->dir, "pid"), 0600), 0);
}

static void remove_it(struct fixture *f) {
        assert_int_equal(unlink(tmpdir_file(&f->dir, "pid")), 0);
}

static void rename_it(struct fixture *f) {
        char from[128];
        snprintf(from, sizeof(from), "%s/pid", f->dir.path);
        assert_int_equal(rename(from, tmpdir_file(&f->dir, "old")), 0);
}

static void replace_it(struct fixture *f) {
        char from[128];
        snprintf(from, sizeof(from), "%s/new", f->dir.path);
        tmpdir_write(&f->dir, "new", "2\n");
        assert_int_equal(rename(from, tmpdir_file(&f->dir, "pid")), 0);
}

static void test_each_change_is_seen(void **state) {
        static void (*const ways[])(struct fixture *) = {
                write_it, truncate_it, change_its_mode, remove_it, rename_it, replace_it};
        struct fixture *f = *state;
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                tmpdir_write(&f->dir, "pid", "1\n");
                watch(f, 0, "pid");
                assert_true(unchanged(f, 0));
                ways[i](f);
                assert_false(unchanged(f, 0));
                assert_false(unchanged(f, 0)); /* until it is watched anew */
                file_changes_forget(&f->marks[0]);
                next_turn(f);
        }
}

static void test_reading_is_no_change(void **state) {
        struct fixture *f = *state;
        char byte;
        tmpdir_write(&f->dir, "pid", "1\n");
        watch(f, 0, "pid");
        int fd = open_file(f, "pid");
        assert_int_equal(read(fd, &byte, 1), 1);
        close(fd);
        tmpdir_write(&f->dir, "other", "beside it");
        assert_true(unchanged(f, 0));
}

/* After one change each is read, and watched, once more; that by itself changes nothing. */
static void test_watching_anew_is_no_change(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "pid", "1\n");
        tmpdir_write(&f->dir, "other", "1\n");
        watch(f, 0, "pid");
        watch(f, 1, "other");
        write_it(f);
        assert_false(unchanged(f, 1));
        watch(f, 0, "pid");
        watch(f, 1, "other");
        assert_true(unchanged(f, 0));
        assert_true(unchanged(f, 1));
}

static void test_the_path_may_lead_to_another_file(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "pid", "1\n");
        tmpdir_write(&f->dir, "other", "1\n");
        watch(f, 0, "pid");
        int fd = open_file(f, "other");
        assert_false(file_changes_same(&f->marks[0], fd));
        close(fd);
}

/* Both have one watch of the kernel's. That it ended with the first is told to the second. */
static void test_two_marks_of_one_file(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "pid", "1\n");
        watch(f, 0, "pid");
        watch(f, 1, "pid");
        assert_true(unchanged(f, 0));
        file_changes_forget(&f->marks[0]);
        assert_false(unchanged(f, 0));
        assert_false(unchanged(f, 1));
        watch(f, 1, "pid");
        assert_true(unchanged(f, 1));
        write_it(f);
        assert_false(unchanged(f, 1));
}

static void test_nothing_is_watched_without_it(void **state) {
        struct fixture *f = *state;
        tmpdir_write(&f->dir, "pid", "1\n");
        int fd = open_file(f, "pid");
        file_changes_watch(NULL, &f->marks[0], fd);
        assert_false(file_changes_none(&f->marks[0]));
        assert_false(file_changes_same(&f->marks[0], fd));
        file_changes_forget(&f->marks[0]);
        close(fd);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_each_change_is_seen),
                TEST(test_reading_is_no_change),
                TEST(test_watching_anew_is_no_change),
                TEST(test_the_path_may_lead_to_another_file),
                TEST(test_two_marks_of_one_file),
                TEST(test_nothing_is_watched_without_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
