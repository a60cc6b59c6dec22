/* Following a log: what is new, exactly once, whatever is done to the file meanwhile. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"
#include "probes/file_follow.h"
#include "support/tmpdir.h"

struct fixture {
        struct tmpdir dir;
        char path[128];
        struct file_position position;
        struct file_follow_result result;
        struct strbuf lines; /* each followed by a | */
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        snprintf(f->path, sizeof(f->path), "%s/app.log", f->dir.path);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        tmpdir_remove(&f->dir);
        strbuf_done(&f->lines);
        free(f);
        return 0;
}

static void on_line(void *cookie, const char *line, size_t length) {
        struct fixture *f = cookie;
        assert_int_equal(line[length], '\0');
        strbuf_add_bytes(&f->lines, line, length);
        strbuf_add_char(&f->lines, '|');
}

/* The lines of one call. */
static const char *follow(struct fixture *f) {
        strbuf_reset(&f->lines);
        f->result = (struct file_follow_result){0};
        int r = file_follow(f->path, &f->position, on_line, f, &f->result);
        assert_true(r == 0 || r == -ENOENT);
        return strbuf_text(&f->lines);
}

static void append_to(const char *path, const char *text) {
        FILE *file = fopen(path, "ae");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void append(const struct fixture *f, const char *text) {
        append_to(f->path, text);
}

static const char *rotated(const struct fixture *f, const char *name) {
        return tmpdir_file(&f->dir, name);
}

#define LINE "2026-01-01T00:00:00 a line that is long enough to recognise the file by it\n"

static void test_begins_at_the_end(void **state) {
        struct fixture *f = *state;
        append(f, "old\nolder\n");
        assert_string_equal(follow(f), "");
        assert_string_equal(follow(f), "");
        append(f, "new\n\nnewer\n");
        assert_string_equal(follow(f), "new||newer|");
        assert_string_equal(follow(f), "");
}

static void test_partial_line_waits(void **state) {
        struct fixture *f = *state;
        append(f, "old\nhalf a ");
        assert_string_equal(follow(f), "");
        append(f, "line\nand an");
        assert_string_equal(follow(f), "half a line|");
        assert_string_equal(follow(f), "");
        append(f, "other\n");
        assert_string_equal(follow(f), "and another|");
}

/* A file that is made later is new as a whole. */
static void test_appears(void **state) {
        struct fixture *f = *state;
        assert_string_equal(follow(f), "");
        append(f, "first\n");
        assert_string_equal(follow(f), "first|");
}

static void test_renamed(void **state) {
        struct fixture *f = *state;
        append(f, "old\n");
        follow(f);
        append(f, "before\nno newline");
        assert_int_equal(rename(f->path, rotated(f, "app.log.1")), 0);
        append(f, "after\n");
        assert_string_equal(follow(f), "before|no newline|after|");
        assert_false(f->result.lost_end);
}

/* logrotate with `extension .log`, and nothing in the place for a while. */
static void test_renamed_and_missing(void **state) {
        struct fixture *f = *state;
        append(f, "old\n");
        follow(f);
        assert_int_equal(rename(f->path, rotated(f, "app-20260101.log")), 0);
        assert_string_equal(follow(f), "");
        append_to(rotated(f, "app-20260101.log"), "still the old one\n");
        append(f, "new\n");
        assert_string_equal(follow(f), "still the old one|new|");
}

static void copy_to(const struct fixture *f, const char *name) {
        char bytes[8192];
        FILE *from = fopen(f->path, "re");
        assert_non_null(from);
        size_t length = fread(bytes, 1, sizeof(bytes) - 1, from);
        bytes[length] = '\0';
        assert_int_equal(fclose(from), 0);
        tmpdir_write(&f->dir, name, bytes);
}

static void test_copied_and_truncated(void **state) {
        struct fixture *f = *state;
        append(f, LINE LINE);
        follow(f);
        append(f, "before\n");
        copy_to(f, "app.log.1");
        assert_int_equal(truncate(f->path, 0), 0);
        append(f, "after\n");
        assert_string_equal(follow(f), "before|after|");
        assert_false(f->result.lost_end);
}

/* The new text is longer than the old: only what it says gives it away. */
static void test_truncated_and_grown(void **state) {
        struct fixture *f = *state;
        append(f, LINE);
        follow(f);
        assert_int_equal(truncate(f->path, 0), 0);
        append(f, "another line, which is not the one that was there before, and longer\n" LINE);
        assert_non_null(strstr(follow(f), "another line"));
        assert_true(f->result.lost_end); /* there is no copy */
        append(f, "next\n");
        assert_string_equal(follow(f), "next|");
        assert_false(f->result.lost_end);
}

static void test_truncated_within(void **state) {
        struct fixture *f = *state;
        append(f, LINE LINE);
        follow(f);
        assert_int_equal(truncate(f->path, 10), 0);
        assert_string_equal(follow(f), "");
        append(f, "\nx\n");
        assert_string_equal(follow(f), "2026-01-01|x|");
}

/* A compressed old file is not read. */
static void test_old_file_is_gone(void **state) {
        struct fixture *f = *state;
        append(f, LINE);
        follow(f);
        append(f, "never seen\n");
        assert_int_equal(unlink(f->path), 0);
        tmpdir_write(&f->dir, "app.log.1.gz", "not the text");
        append(f, "after\n");
        assert_string_equal(follow(f), "after|");
        assert_true(f->result.lost_end);
}

static void add_bytes(const struct fixture *f, size_t count) {
        FILE *file = fopen(f->path, "ae");
        assert_non_null(file);
        for (size_t i = 0; i < count; i++) {
                (void) fputc('x', file);
        }
        assert_int_equal(fclose(file), 0);
}

static void test_long_line_is_cut(void **state) {
        struct fixture *f = *state;
        follow(f);
        add_bytes(f, 5 * FILE_FOLLOW_LINE_MAX);
        assert_int_equal(strlen(follow(f)), FILE_FOLLOW_LINE_MAX + 1);
        add_bytes(f, 100);
        assert_string_equal(follow(f), "");
        append(f, "end of it\nshort\n");
        assert_string_equal(follow(f), "short|");
}

static void test_too_much_is_skipped(void **state) {
        struct fixture *f = *state;
        follow(f);
        append(f, "first\n");
        add_bytes(f, FILE_FOLLOW_READ_MAX);
        append(f, "\nlast\n");
        assert_string_equal(follow(f), "last|");
        assert_int_equal(f->result.skipped_bytes, strlen("first\n") + strlen("\nlast\n"));
}

static void test_bytes_of_any_kind(void **state) {
        struct fixture *f = *state;
        follow(f);
        int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "a\0b\xff\n", 5), 5);
        close(fd);
        follow(f);
        assert_int_equal(f->lines.length, 5);
        assert_memory_equal(f->lines.data, "a\0b\xff|", 5);
}

/* Neither is opened for reading, which would block or fail in odd ways; the place is kept. */
static void test_replaced_by_something_else(void **state) {
        struct fixture *f = *state;
        append(f, "old\n");
        follow(f);
        append(f, "new\n");
        assert_int_equal(rename(f->path, rotated(f, "elsewhere")), 0);
        assert_int_equal(mkfifo(f->path, 0600), 0);
        assert_int_equal(file_follow(f->path, &f->position, on_line, f, &f->result), -EINVAL);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(mkdir(f->path, 0700), 0);
        assert_int_equal(file_follow(f->path, &f->position, on_line, f, &f->result), -EISDIR);
        assert_int_equal(rmdir(f->path), 0);
        assert_int_equal(rename(rotated(f, "elsewhere"), f->path), 0);
        assert_string_equal(follow(f), "new|");
}

static void test_links(void **state) {
        struct fixture *f = *state;
        char target[160];
        snprintf(target, sizeof(target), "%s/target", f->dir.path);
        append_to(target, "old\n");
        assert_int_equal(symlink("target", f->path), 0);
        assert_string_equal(follow(f), "");
        append_to(target, "new\n");
        assert_string_equal(follow(f), "new|");
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(symlink("app.log", f->path), 0);
        assert_int_equal(file_follow(f->path, &f->position, on_line, f, &f->result), -ELOOP);
}

/* Somebody who may write to the folder points the log at a file of another owner. */
static void test_foreign_link(void **state) {
        struct fixture *f = *state;
        if (geteuid() != 0) {
                print_message("skip: only root can give files away\n");
                skip();
        }
        append_to(rotated(f, "secret"), "old\n");
        assert_int_equal(symlink("secret", f->path), 0);
        assert_int_equal(lchown(f->path, 4711, 4711), 0);
        assert_int_equal(file_follow(f->path, &f->position, on_line, f, &f->result), -EXDEV);
        assert_int_equal(chown(rotated(f, "secret"), 4711, 4711), 0);
        assert_string_equal(follow(f), "");
}

/* Random writers and rotations: every line comes once and in order. What was in a log that was all
 * but empty at the last look and was truncated since can be lost. */
static void test_random_rotations(void **state) {
        struct fixture *f = *state;
        unsigned seed = (unsigned) time(NULL), next = 0, seen = 0;
        print_message("seed %u\n", seed);
        srandom(seed); /* style: allow srandom: a test that prints its seed */
        append(f, LINE);
        follow(f);
        for (int i = 0; i < 200; i++) {
                char line[128], name[32];
                for (long n = random() % 5; n > 0; n--) { /* style: allow random: as above */
                        snprintf(line, sizeof(line), "%u %.*s %u\n", next, (int) strlen(LINE) - 1,
                                LINE, next);
                        next++;
                        append(f, line);
                }
                snprintf(name, sizeof(name), "app.log.%d", i % 3);
                switch (random() % 4) { /* style: allow random: as above */
                case 0:
                        assert_int_equal(rename(f->path, rotated(f, name)), 0);
                        append(f, "");
                        break;
                case 1:
                        copy_to(f, name);
                        assert_int_equal(truncate(f->path, 0), 0);
                        break;
                }
                bool recognisable = f->position.offset >= FILE_FOLLOW_MARK_LEAST;
                for (const char *p = follow(f); *p; p = strchr(p, '|') + 1) {
                        assert_int_equal(strtoul(p, NULL, 10), seen++);
                }
                assert_true(!recognisable || !f->result.lost_end);
                assert_true(!recognisable || seen == next);
                seen = next;
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_begins_at_the_end),
                TEST(test_partial_line_waits),
                TEST(test_appears),
                TEST(test_renamed),
                TEST(test_renamed_and_missing),
                TEST(test_copied_and_truncated),
                TEST(test_truncated_and_grown),
                TEST(test_truncated_within),
                TEST(test_old_file_is_gone),
                TEST(test_long_line_is_cut),
                TEST(test_too_much_is_skipped),
                TEST(test_bytes_of_any_kind),
                TEST(test_replaced_by_something_else),
                TEST(test_links),
                TEST(test_foreign_link),
                TEST(test_random_rotations),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
