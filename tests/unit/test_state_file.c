/* The executor's memory of a service: whole or not at all. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/state_file.h"
#include "support/scratch.h"
#include "unit_test.h"

static char directory[64];
static struct service_state loaded[4];
static size_t n_loaded;

static int setup(void **state) {
        (void) state;
        n_loaded = 0;
        return scratch_make(directory, sizeof(directory), "test_state_file");
}

static int teardown(void **state) {
        (void) state;
        return scratch_remove(directory);
}

static struct service_state example(void) {
        struct service_state state = {
                .version = STATE_FILE_VERSION,
                .service = "shop@1",
                .boot_id = "2ca7245a-0000-0000-0000-000000000000",
                .invocation = "0123456789abcdef0123456789abcdef",
                .cgroup = "/sys/fs/cgroup/recoverd-1/shop@1",
                .running = true,
                .leftovers = true,
                .pid = 4321,
                .start_time = 99,
                .stop_signal = 15,
                .stop_timeout = 10 * USEC_PER_SEC,
                .since = 1700000000000000,
                .exit_kind = WIRE_EXIT_SIGNAL,
                .exit_code = 9,
                .expected = true,
                .by_person = true,
                .request = 5,
                .action = ACTION_STOP,
                .result_request = 4,
                .result_ok = true,
                .result_text = "stopped within 1s; started, pid 4321",
                .whole = true,
        };
        return state;
}

static void write_text(const char *name, const char *text, size_t length) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", directory, name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, length), length);
}

static void note(void *cookie, const struct service_state *state) {
        (void) cookie;
        assert_true(n_loaded < ELEMENTSOF(loaded));
        loaded[n_loaded++] = *state;
}

static void test_round_trip(void **state) {
        struct service_state saved = example(), back;
        (void) state;
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        assert_int_equal(state_file_load(directory, "shop@1", &back, NULL), 0);
        assert_memory_equal(&back, &saved, sizeof(back));
}

static void test_the_longest_state_fits(void **state) {
        struct service_state saved = example(), back;
        (void) state;
        memset(saved.service, 's', sizeof(saved.service) - 1);
        memset(saved.cgroup, 'c', sizeof(saved.cgroup) - 1);
        memset(saved.result_text, 't', sizeof(saved.result_text) - 1);
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        assert_int_equal(state_file_load(directory, saved.service, &back, NULL), 0);
        assert_memory_equal(&back, &saved, sizeof(back));
}

static void test_another_name_is_refused(void **state) {
        struct service_state saved = example(), back;
        struct error err = {0};
        char from[128], to[128];
        (void) state;
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        snprintf(from, sizeof(from), "%s/shop@1.state", directory);
        snprintf(to, sizeof(to), "%s/web.state", directory);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(state_file_load(directory, "web", &back, &err), -EBADMSG);
        assert_non_null(strstr(err.text, "of another version or service"));
}

static void test_all_whole_files_are_loaded(void **state) {
        struct service_state one = example(), two = example();
        (void) state;
        str_copy(two.service, sizeof(two.service), "db");
        assert_int_equal(state_file_save(directory, &one, NULL), 0);
        assert_int_equal(state_file_save(directory, &two, NULL), 0);
        write_text(".db.state", "version=1\nservice=db\n", 21);
        write_text("notes.txt", "hello\n", 6);
        assert_int_equal(state_files_load(directory, note, NULL), 0);
        assert_int_equal(n_loaded, 2);
        assert_string_not_equal(loaded[0].service, loaded[1].service);
}

/* Cut at every length: never taken for whole, never the end of anything. */
static void test_cut_files_are_removed(void **state) {
        struct service_state saved = example();
        char path[128], text[STATE_FILE_SIZE];
        (void) state;
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        snprintf(path, sizeof(path), "%s/shop@1.state", directory);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, text, sizeof(text)), STATE_FILE_SIZE);
        close(fd);
        for (size_t cut = 0; cut < strlen(text); cut++) {
                write_text("shop@1.state", text, cut);
                assert_int_equal(state_files_load(directory, note, NULL), 0);
                assert_int_equal(n_loaded, 0);
                assert_int_equal(access(path, F_OK), -1);
        }
}

static void test_a_shorter_state_replaces_a_longer_one(void **state) {
        struct service_state saved = example(), back;
        (void) state;
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        memset(saved.result_text, 0, sizeof(saved.result_text));
        saved.request = 0;
        assert_int_equal(state_file_save(directory, &saved, NULL), 0);
        assert_int_equal(state_file_load(directory, "shop@1", &back, NULL), 0);
        assert_memory_equal(&back, &saved, sizeof(back));
}

static void test_a_directory_that_is_not_there(void **state) {
        struct service_state saved = example();
        struct error err = {0};
        (void) state;
        assert_int_equal(state_files_load("/nonexistent", note, NULL), -ENOENT);
        assert_int_equal(state_file_save("/nonexistent", &saved, &err), -ENOENT);
        assert_string_equal(err.text, "open /nonexistent/shop@1.state: No such file or directory");
        state_file_remove("/nonexistent", "web");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_round_trip),
                T(test_the_longest_state_fits),
                T(test_another_name_is_refused),
                T(test_all_whole_files_are_loaded),
                T(test_cut_files_are_removed),
                T(test_a_shorter_state_replaces_a_longer_one),
                T(test_a_directory_that_is_not_there),
        };
        log_set_level(LOG_ERR); /* a warning for each damaged file is wanted, but not here */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
