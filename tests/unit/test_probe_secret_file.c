/* Secrets from files. */

#include <errno.h>
#include <sys/stat.h>

#include "probes/secret_file.h"
#include "support/probe_rig.h"
#include "support/tmpdir.h"

struct fixture {
        struct rig rig;
        struct tmpdir dir;
        struct secret_file file;
};

static unsigned calls;
static char seen[SECRET_MAX + 1], seen_why[SECRET_WHY_MAX];

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        calls = 0;
        tmpdir_make(&f->dir);
        rig_open(&f->rig);
        f->rig.run = (struct probe_run){
                .host = &f->rig.host, .started = clock_now(), .timeout = RIG_TIMEOUT};
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        secret_file_release(&f->file);
        rig_close(&f->rig);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static void on_secret(struct probe_run *run, const char *secret, const char *why) {
        (void) run;
        calls++;
        assert_true(!secret != !why);
        snprintf(seen, sizeof(seen), "%s", secret ? secret : "");
        snprintf(seen_why, sizeof(seen_why), "%s", why ? why : "");
}

static void write_bytes(struct fixture *f, const char *bytes, size_t length) {
        FILE *file = fopen(tmpdir_file(&f->dir, "secret"), "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
}

static int load(struct fixture *f, const char *bytes, size_t length) {
        static char secret[SECRET_MAX + 1];
        size_t got = 0;
        write_bytes(f, bytes, length);
        int r = secret_file_load(tmpdir_file(&f->dir, "secret"), secret, &got, seen_why);
        if (r == 0) {
                assert_int_equal(strlen(secret), got);
                memcpy(seen, secret, got + 1);
        }
        return r;
}

static void test_one_line(void **state) {
        static const char *const files[] = {"pass word", "pass word\n", "pass word\r\n"};
        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(load(*state, files[i], strlen(files[i])), 0);
                assert_string_equal(seen, "pass word");
        }
        assert_int_equal(load(*state, " \n", 2), 0);
        assert_string_equal(seen, " "); /* blanks may be part of it */
}

static void test_refused(void **state) {
        static const struct {
                const char *bytes;
                size_t length;
                const char *why;
        } rows[] = {
                {"", 0, "it is empty"},
                {"\n", 1, "it is empty"},
                {"\r\n", 2, "it is empty"},
                {"qqq\nrrr\n", 8, "several lines"},
                {"qqq\rrrr", 7, "several lines"},
                {"qqq\n\n", 5, "several lines"},
                {"a\0b", 3, "a NUL byte"},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_int_equal(load(*state, rows[i].bytes, rows[i].length), -EINVAL);
                assert_non_null(strstr(seen_why, rows[i].why));
                assert_null(strstr(seen_why, "qqq"));
        }
}

static void test_size(void **state) {
        static char bytes[SECRET_MAX + 100];
        memset(bytes, 'x', sizeof(bytes));
        assert_int_equal(load(*state, bytes, SECRET_MAX), 0);
        assert_int_equal(load(*state, bytes, SECRET_MAX + 1), -EINVAL);
        assert_int_equal(load(*state, bytes, SECRET_MAX + 100), -EINVAL);
        assert_non_null(strstr(seen_why, "larger than 4096 bytes"));
        memcpy(&bytes[SECRET_MAX], "\r\n", 2);
        assert_int_equal(load(*state, bytes, SECRET_MAX + 2), 0);
        assert_int_equal(strlen(seen), SECRET_MAX);
}

static void test_no_file(void **state) {
        struct fixture *f = *state;
        static char secret[SECRET_MAX + 1];
        size_t length;
        const char *path = tmpdir_file(&f->dir, "secret");
        assert_int_equal(secret_file_load(path, secret, &length, seen_why), -ENOENT);
        assert_non_null(strstr(seen_why, "/secret: No such file or directory"));
        assert_int_equal(mkfifo(path, 0600), 0); /* would hang whoever opens it */
        assert_int_equal(secret_file_load(path, secret, &length, seen_why), -EINVAL);
        assert_non_null(strstr(seen_why, "no regular file"));
}

static void test_for_a_run(void **state) {
        struct fixture *f = *state;
        const char *path = tmpdir_file(&f->dir, "secret");
        write_bytes(f, "one\n", 4);
        secret_file_read(&f->file, &f->rig.run, path, on_secret);
        rig_wait(&f->rig, &calls, 1);
        assert_string_equal(seen, "one");
        write_bytes(f, "two\n", 4);
        secret_file_read(&f->file, &f->rig.run, path, on_secret);
        rig_wait(&f->rig, &calls, 2);
        assert_string_equal(seen, "two"); /* a changed secret counts at once */
        assert_int_equal(unlink(path), 0);
        secret_file_read(&f->file, &f->rig.run, path, on_secret);
        rig_wait(&f->rig, &calls, 3);
        assert_non_null(strstr(seen_why, "No such file"));
}

static void test_cancelled(void **state) {
        struct fixture *f = *state;
        struct secret_file other = {0};
        const char *path = tmpdir_file(&f->dir, "secret");
        write_bytes(f, "one\n", 4);
        secret_file_cancel(&f->file); /* nothing to cancel yet */
        secret_file_read(&f->file, &f->rig.run, path, on_secret);
        secret_file_cancel(&f->file);
        secret_file_read(&other, &f->rig.run, path, on_secret);
        rig_wait(&f->rig, &calls, 1);
        loop_turn(f->rig.host.loop, 0);
        assert_int_equal(calls, 1);
        secret_file_release(&other);
}

/* Too late to begin: the run hears of it all the same. */
static void test_deadline(void **state) {
        struct fixture *f = *state;
        write_bytes(f, "one\n", 4);
        f->rig.run.started.mono = 1;
        f->rig.run.timeout = 1;
        secret_file_read(&f->file, &f->rig.run, tmpdir_file(&f->dir, "secret"), on_secret);
        rig_wait(&f->rig, &calls, 1);
        assert_string_equal(seen_why, "the secret's file could not be read in time");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_one_line),
                TEST(test_refused),
                TEST(test_size),
                TEST(test_no_file),
                TEST(test_for_a_run),
                TEST(test_cancelled),
                TEST(test_deadline),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
