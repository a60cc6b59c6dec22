/* Disks that are full, slow, read-only, broken or gone degrade the store, and nothing else. */

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "fault_vfs.h"
#include "store_fixture.h"

static int set_up(void **state) {
        fault_set(FAULT_NONE);
        *state = fixture_new();
        return 0;
}

static int tear_down(void **state) {
        fault_set(FAULT_NONE);
        fixture_free(*state);
        return 0;
}

/* A store with one attempt that was written. */
static void open_with_attempt(struct fixture *fixture) {
        fixture_open(fixture);
        assert_false(store_degraded(fixture->store));
        save_attempt(fixture, 1, 1);
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        assert_int_equal(fixture->results[0], 0);
}

/* The same with a short patience. */
static void open_impatient(struct fixture *fixture) {
        open_with_attempt(fixture);
        fixture_close(fixture);
        fixture_open_impatient(fixture);
}

static void assert_contains(const char *text, const char *part) {
        if (!strstr(text, part)) {
                fail_msg("no \"%s\" in \"%s\"", part, text);
        }
}

static int64_t count_attempts(const struct fixture *fixture) {
        return sql_number(fixture->path, "SELECT count(*) FROM attempt");
}

static void expect_recovery(struct fixture *fixture) {
        PUMP_UNTIL(fixture, fixture->n_recovered == 1);
        assert_int_equal(fixture->n_degraded, 1);
        assert_false(store_degraded(fixture->store));
        assert_string_equal(store_why(fixture->store), "");
}

/* ---- Faults of a database that is open ------------------------------------------------------ */

/* What all faults have in common: the write fails with the cause, later ones at once; the database
 * can or cannot be read meanwhile; when the fault is gone, what waited is written and the caller is
 * told. */
static void break_and_mend(struct fixture *fixture, enum fault fault, int code, const char *why) {
        fault_set(fault);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fixture->n_done == 2);
        assert_int_equal(fixture->results[1], code);
        assert_int_equal(fixture->n_degraded, 1);
        assert_true(store_degraded(fixture->store));
        assert_contains(fixture->why, why);
        assert_contains(store_why(fixture->store), fixture->path);
        save_attempt(fixture, 1, 3);
        assert_int_equal(fixture->n_done, 2);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_done, 3); /* in the same turn */
        assert_int_equal(fixture->results[2], code);
        fault_set(FAULT_NONE);
        expect_recovery(fixture);
        PUMP_UNTIL(fixture, store_counts(fixture->store).queued == 0);
        assert_int_equal(fixture->n_done, 3);
        assert_int_equal(count_attempts(fixture), 3);
        save_attempt(fixture, 1, 4);
        PUMP_UNTIL(fixture, fixture->n_done == 4);
        assert_int_equal(fixture->results[3], 0);
}

static void test_full_disk(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        break_and_mend(fixture, FAULT_FULL, -ENOSPC, "the file system is full");
        assert_true(store_counts(fixture->store).failures > 0);
}

static void test_broken_disk(void **state) {
        open_with_attempt(*state);
        break_and_mend(*state, FAULT_EIO, -EIO, "input/output error");
}

static void test_hung_disk(void **state) {
        struct fixture *fixture = *state;
        open_impatient(fixture);
        usec_t before = clock_now().mono;
        break_and_mend(fixture, FAULT_HANG, -ETIMEDOUT, "did not finish within 100ms");
        assert_true(clock_now().mono - before > FIXTURE_SHORT_MSEC * USEC_PER_MSEC);
        assert_int_equal(store_counts(fixture->store).timeouts, 1);
}

static void test_a_full_disk_can_be_read(void **state) {
        struct fixture *fixture = *state;
        struct incident incident = make_incident(3, "shop");
        open_with_attempt(fixture);
        store_save_incident(fixture->store, &incident);
        query_incidents(fixture, NULL, 0, 10);
        fault_set(FAULT_FULL);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, store_degraded(fixture->store));
        query_incidents(fixture, NULL, 0, 10);
        assert_int_equal(fixture->answer, 0);
        assert_int_equal(fixture->history.n_incidents, 1);
}

static void test_queries_time_out_on_a_hung_disk(void **state) {
        struct fixture *fixture = *state;
        open_impatient(fixture);
        fault_set(FAULT_HANG);
        save_attempt(fixture, 1, 2);
        query_incidents(fixture, NULL, 0, 10);
        assert_int_equal(fixture->answer, -ETIMEDOUT);
        assert_int_equal(fixture->history.n_incidents, 0);
}

static void test_too_many_queries_are_refused(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        fault_set(FAULT_HANG);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fault_hanging() == 1);
        for (int i = 0; i < STORE_QUERIES_MAX; i++) {
                store_query_incident(fixture->store, 1, fixture_on_answer, fixture);
        }
        fixture->answer = FIXTURE_NOT_DONE;
        store_query_incident(fixture->store, 1, fixture_on_answer, fixture);
        assert_int_equal(fixture->answer, FIXTURE_NOT_DONE);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->answer, -EAGAIN);
}

/* The agent was stopped or starved, which says nothing about the disk. */
static void test_time_that_stood_still_is_no_timeout(void **state) {
        struct fixture *fixture = *state;
        open_impatient(fixture);
        fault_set(FAULT_HANG);
        save_attempt(fixture, 1, 2);
        usleep((2 * FIXTURE_SHORT_MSEC + 20) * 1000); /* no turn of the loop */
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_done, 1);
        fault_set(FAULT_NONE);
        PUMP_UNTIL(fixture, fixture->n_done == 2);
        assert_int_equal(fixture->results[1], 0);
        assert_int_equal(fixture->n_degraded, 0);
}

static void test_records_do_not_wait_while_degraded(void **state) {
        struct fixture *fixture = *state;
        struct service_record record = {.service = "shop"};
        struct event event = make_event(1, "shop failed");
        open_with_attempt(fixture);
        fault_set(FAULT_FULL);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, store_degraded(fixture->store));
        store_save_service(fixture->store, &record);
        store_add_event(fixture->store, &event);
        assert_int_equal(store_counts(fixture->store).queued, 2); /* attempt and event */
        fault_set(FAULT_NONE);
        expect_recovery(fixture);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM service"), 0);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM event"), 1);
}

/* ---- Queue ---------------------------------------------------------------------------------- */

static void test_events_are_dropped_first(void **state) {
        struct fixture *fixture = *state;
        struct event event = make_event(0, "something");
        struct incident incident = make_incident(1, "shop");
        fixture_open(fixture);
        fault_set(FAULT_HANG);
        for (int i = 0; i < STORE_QUEUE_EVENTS_MAX + 100; i++) {
                store_add_event(fixture->store, &event);
        }
        store_save_incident(fixture->store, &incident);
        save_attempt(fixture, 1, 1);
        assert_int_equal(store_counts(fixture->store).dropped, 100);
        assert_int_equal(store_counts(fixture->store).dropped_events, 100);
        assert_int_equal(store_counts(fixture->store).queued, STORE_QUEUE_EVENTS_MAX + 2);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_false(store_degraded(fixture->store)); /* history, not state */
        fault_set(FAULT_NONE);
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        assert_int_equal(fixture->results[0], 0);
}

static void test_attempts_are_refused_last(void **state) {
        struct fixture *fixture = *state;
        struct host_record host = {0};
        fixture_open(fixture);
        fault_set(FAULT_HANG);
        for (int i = 0; i < STORE_QUEUE_STATE_MAX; i++) {
                host.written.wall = (wall_usec_t) i; /* SQLite does not write what is the same */
                store_save_host(fixture->store, &host);
        }
        assert_int_equal(store_counts(fixture->store).dropped, 0);
        store_save_host(fixture->store, &host);
        assert_int_equal(store_counts(fixture->store).dropped, 1);
        for (int i = STORE_QUEUE_STATE_MAX; i < STORE_QUEUE_MAX; i++) {
                store_save_attempt(fixture->store, &(struct attempt){.number = (uint32_t) i},
                        "shop", NULL, NULL, NULL, NULL);
        }
        assert_int_equal(store_counts(fixture->store).dropped, 1);
        save_attempt(fixture, 1, 1);
        assert_int_equal(fixture->n_done, 0);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_done, 1);
        assert_int_equal(fixture->results[0], -EAGAIN);
        assert_int_equal(fixture->n_degraded, 1);
        assert_contains(fixture->why, "too slow");
        fault_set(FAULT_NONE);
        expect_recovery(fixture);
        assert_int_equal(store_counts(fixture->store).queued, 0);
}

static void test_one_refused_write_spoils_no_other(void **state) {
        struct fixture *fixture = *state;
        struct event event = make_event(0, "numbered twice");
        open_with_attempt(fixture);
        fault_set(FAULT_HANG);
        save_attempt(fixture, 1, 2); /* keeps the thread busy, so that the rest is one batch */
        PUMP_UNTIL(fixture, fault_hanging() == 1);
        event.id = 77;
        store_add_event(fixture->store, &event);
        store_add_event(fixture->store, &event);
        save_attempt(fixture, 1, 3);
        fault_set(FAULT_NONE);
        PUMP_UNTIL(fixture, fixture->n_done == 3);
        assert_int_equal(fixture->results[2], 0);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM event"), 1);
        assert_int_equal(store_counts(fixture->store).failures, 1);
        assert_int_equal(fixture->n_degraded, 0);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void test_opening_a_hung_disk(void **state) {
        struct fixture *fixture = *state;
        struct incident incident = make_incident(9, "shop");
        fixture_open(fixture);
        store_save_incident(fixture->store, &incident);
        fixture_close(fixture);
        fault_set(FAULT_HANG);
        fixture->options.timeout = 20 * USEC_PER_MSEC;
        usec_t before = clock_now().mono;
        fixture_open(fixture);
        assert_true(clock_now().mono - before < 2 * USEC_PER_SEC);
        assert_true(store_degraded(fixture->store));
        assert_contains(store_why(fixture->store), "could not be opened within 20ms");
        assert_int_equal(fixture->n_degraded, 0); /* not from within */
        assert_int_equal(fixture->image.n_open, 0);
        assert_true(fixture->image.next_incident > 1000000000);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_degraded, 1);
        fault_set(FAULT_NONE);
        expect_recovery(fixture);
}

static void test_closing_leaves_a_stuck_thread_behind(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        fault_set(FAULT_HANG);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fault_hanging() == 1);
        store_close(fixture->store, 10 * USEC_PER_MSEC);
        fixture->store = NULL;
        assert_int_equal(fault_hanging(), 1);
        fault_set(FAULT_NONE);
        while (count_attempts(fixture) != 2) { /* the thread ends its work, and itself */
                usleep(1000);
        }
        assert_int_equal(fixture->n_done, 1);
}

static void test_closing_while_degraded_tries_once_more(void **state) {
        struct fixture *fixture = *state;
        fixture->options.retry = USEC_PER_HOUR;
        open_with_attempt(fixture);
        fault_set(FAULT_FULL);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fixture->n_done == 2);
        fault_set(FAULT_NONE);
        fixture_close(fixture);
        assert_int_equal(count_attempts(fixture), 2);
}

/* Opens a store that is degraded from the start, for this reason. */
static void open_degraded(struct fixture *fixture, const char *why) {
        fixture_open(fixture);
        assert_true(store_degraded(fixture->store));
        assert_contains(store_why(fixture->store), why);
        assert_contains(store_why(fixture->store), fixture->path);
        assert_true(fixture->image.next_incident > 1000000000);
        save_attempt(fixture, 1, 1);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_degraded, 1);
        assert_int_equal(fixture->n_done, 1);
        assert_true(fixture->results[0] < 0);
        query_incidents(fixture, NULL, 0, 10);
        assert_int_equal(fixture->answer, fixture->results[0]);
}

static void state_directory(const struct fixture *fixture, char path[128]) {
        (void) snprintf(path, 128, "%s/state", fixture->directory);
}

static void test_path_is_a_directory(void **state) {
        struct fixture *fixture = *state;
        char directory[128];
        state_directory(fixture, directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        assert_int_equal(mkdir(fixture->path, 0700), 0);
        open_degraded(fixture, "is a directory");
        assert_int_equal(rmdir(fixture->path), 0);
        expect_recovery(fixture);
        assert_int_equal(count_attempts(fixture), 1);
}

static void test_path_is_no_file(void **state) {
        struct fixture *fixture = *state;
        char directory[128];
        state_directory(fixture, directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        assert_int_equal(mkfifo(fixture->path, 0600), 0);
        open_degraded(fixture, "is not a regular file");
}

static void test_directory_above_is_missing(void **state) {
        struct fixture *fixture = *state;
        (void) snprintf(
                fixture->path, sizeof(fixture->path), "%s/no/such/state.db", fixture->directory);
        open_degraded(fixture, "the directory above it does not exist");
}

static void test_permission_denied(void **state) {
        struct fixture *fixture = *state;
        enum { NOBODY = 65534 };
        assert_int_equal(chmod(fixture->directory, 0555), 0);
        bool is_root = geteuid() == 0;
        assert_true(!is_root || seteuid(NOBODY) == 0);
        open_degraded(fixture, "permission denied");
        assert_true(!is_root || seteuid(0) == 0);
        assert_int_equal(chmod(fixture->directory, 0755), 0);
        expect_recovery(fixture);
}

/* ---- Real file systems ---------------------------------------------------------------------- */

/* A small file system of its own; the test is skipped where that is not allowed. */
static void mount_small(struct fixture *fixture) {
        static int private_mounts = 1; /* not tried yet */
        if (private_mounts > 0) {
                private_mounts = unshare(CLONE_NEWNS);
                if (private_mounts == 0) {
                        private_mounts = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
                }
        }
        if (private_mounts < 0 || mount("tmpfs", fixture->directory, "tmpfs", 0, "size=400k") < 0) {
                print_message("cannot mount a small tmpfs: not root, or no CAP_SYS_ADMIN\n");
                skip();
        }
}

static void unmount(struct fixture *fixture) {
        fixture_close(fixture);
        assert_int_equal(umount2(fixture->directory, MNT_DETACH), 0);
}

static void test_really_full_file_system(void **state) {
        struct fixture *fixture = *state;
        char ballast[128];
        char block[4096] = {1};
        mount_small(fixture);
        open_with_attempt(fixture);
        (void) snprintf(ballast, sizeof(ballast), "%s/ballast", fixture->directory);
        int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, block, sizeof(block)) > 0) {
        }
        close(fd);
        uint32_t number = 1;
        while (!store_degraded(fixture->store)) {
                size_t n_done = fixture->n_done;
                save_attempt(fixture, 1, ++number);
                PUMP_UNTIL(fixture, fixture->n_done > n_done);
        }
        assert_int_equal(fixture->results[fixture->n_done - 1], -ENOSPC);
        assert_contains(fixture->why, "the file system is full");
        assert_int_equal(unlink(ballast), 0);
        expect_recovery(fixture);
        assert_int_equal(count_attempts(fixture), number);
        unmount(fixture);
}

static void test_full_from_the_start(void **state) {
        struct fixture *fixture = *state;
        char ballast[128];
        char block[4096] = {1};
        mount_small(fixture);
        (void) snprintf(ballast, sizeof(ballast), "%s/ballast", fixture->directory);
        int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, block, sizeof(block)) > 0) {
        }
        close(fd);
        open_degraded(fixture, "the file system is full");
        assert_int_equal(unlink(ballast), 0);
        expect_recovery(fixture);
        unmount(fixture);
}

static void test_read_only_file_system(void **state) {
        struct fixture *fixture = *state;
        mount_small(fixture);
        open_with_attempt(fixture);
        fixture_close(fixture);
        fixture->n_done = 0;
        assert_int_equal(mount(NULL, fixture->directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
        open_degraded(fixture, "the file system is read-only");
        assert_int_equal(mount(NULL, fixture->directory, NULL, MS_REMOUNT, NULL), 0);
        expect_recovery(fixture);
        unmount(fixture);
}

static void limit_file_size(rlim_t bytes) {
        struct rlimit limit;
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_file_size_limit(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        limit_file_size(4096);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fixture->n_done == 2);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(fixture->results[1], -EFBIG);
        assert_contains(fixture->why, "limit of file sizes");
        expect_recovery(fixture);
        assert_int_equal(count_attempts(fixture), 2);
}

/* ---- Databases that are not ours, or not sound ---------------------------------------------- */

static void make_database(struct fixture *fixture, const char *sql) {
        char directory[128];
        sqlite3 *db = NULL;
        state_directory(fixture, directory);
        assert_true(mkdir(directory, 0700) == 0 || errno == EEXIST);
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *read_file(const char *path, size_t *ret_size) {
        AUTO_FCLOSE FILE *file = fopen(path, "rb");
        assert_non_null(file);
        char *bytes = malloc(1 << 20);
        assert_non_null(bytes);
        *ret_size = fread(bytes, 1, 1 << 20, file);
        return bytes;
}

static void expect_left_alone(struct fixture *fixture, const char *sql, const char *why) {
        size_t before_size, after_size;
        make_database(fixture, sql);
        AUTO_FREE char *before = read_file(fixture->path, &before_size);
        open_degraded(fixture, why);
        usleep(12000); /* some retries */
        fixture_close(fixture);
        AUTO_FREE char *after = read_file(fixture->path, &after_size);
        assert_int_equal(before_size, after_size);
        assert_memory_equal(before, after, before_size);
        assert_int_equal(fixture->n_recovered, 0);
}

static void test_newer_schema_is_left_alone(void **state) {
        expect_left_alone(*state,
                "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x52435644;"
                "PRAGMA user_version = 4711; CREATE TABLE t(a); INSERT INTO t VALUES(1)",
                "was written by a newer recoverd (schema 4711");
}

static void test_foreign_database_is_left_alone(void **state) {
        expect_left_alone(*state, "PRAGMA user_version = 1; CREATE TABLE incident(a)",
                "belongs to another program");
}

static size_t count_moved_aside(const struct fixture *fixture, const char *suffix) {
        char pattern[160];
        glob_t found;
        (void) snprintf(pattern, sizeof(pattern), "%s.corrupt-*Z%s", fixture->path, suffix);
        size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
        globfree(&found);
        return n;
}

static void expect_new_database(struct fixture *fixture) {
        PUMP_UNTIL(fixture, fixture->n_recovered == 1);
        assert_int_equal(fixture->n_degraded, 1);
        assert_contains(fixture->why, "the file is damaged");
        assert_contains(fixture->why, "and a new one was begun");
        assert_int_equal(count_moved_aside(fixture, ""), 1);
}

static void test_garbage_is_moved_aside(void **state) {
        struct fixture *fixture = *state;
        char directory[128];
        state_directory(fixture, directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        FILE *file = fopen(fixture->path, "wb");
        assert_non_null(file);
        for (int i = 0; i < 4096; i++) {
                assert_true(fputs("garbage ", file) >= 0);
        }
        assert_int_equal(fclose(file), 0);
        fixture_open(fixture);
        assert_false(store_degraded(fixture->store)); /* it works, and the turn will tell */
        assert_true(fixture->image.next_incident > 1000000000);
        expect_new_database(fixture);
        save_attempt(fixture, 1, 1);
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        assert_int_equal(fixture->results[0], 0);
}

/* Pages behind the first, which says what the file is. */
static void damage_pages(const struct fixture *fixture) {
        char junk[4096];
        struct stat status;
        int fd = open(fixture->path, O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        memset(junk, 0x5a, sizeof(junk));
        for (off_t at = 4096; at < status.st_size; at += (off_t) sizeof(junk)) {
                assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
        }
        close(fd);
}

static void test_damage_is_found_at_open(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        fixture_close(fixture);
        damage_pages(fixture);
        fixture->n_done = 0;
        fixture_open(fixture);
        expect_new_database(fixture);
        assert_int_equal(count_attempts(fixture), 0);
}

/* A history too large to be checked at open, or to be in memory after it, and damaged then. */
static void open_and_damage_history(struct fixture *fixture) {
        struct incident incident = make_incident(1, "shop");
        open_with_attempt(fixture);
        store_save_incident(fixture->store, &incident);
        fixture_close(fixture);
        make_database(fixture,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
                "INSERT INTO event SELECT 2 * i, i, 'phase', 5, 'shop', 1, 0, 'watching', "
                "'failed', printf('%.300c', 'x') FROM n");
        fixture->options.keep_events = 100000;
        fixture->n_done = 0;
        fixture_open(fixture);
        PUMP_UNTIL(fixture, store_counts(fixture->store).database_bytes > 0); /* idle */
        damage_pages(fixture);
}

static void test_damage_is_found_later(void **state) {
        struct fixture *fixture = *state;
        open_and_damage_history(fixture);
        struct event event = make_event(3, "shop failed");
        event.id = 30001; /* in the middle of what nobody looked at */
        store_add_event(fixture->store, &event);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        expect_new_database(fixture);
        PUMP_UNTIL(fixture, store_counts(fixture->store).queued == 0);
        assert_int_equal(count_attempts(fixture), 1);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM event"), 1);
}

static void test_damage_is_found_by_a_query(void **state) {
        struct fixture *fixture = *state;
        open_and_damage_history(fixture);
        query_incident(fixture, 1);
        assert_int_equal(fixture->answer, -EBADMSG);
        expect_new_database(fixture);
        query_incident(fixture, 1);
        assert_int_equal(fixture->answer, -ENOENT);
}

static void test_removed_database_is_begun_anew(void **state) {
        struct fixture *fixture = *state;
        open_with_attempt(fixture);
        assert_int_equal(unlink(fixture->path), 0);
        save_attempt(fixture, 1, 2);
        PUMP_UNTIL(fixture, fixture->n_done == 2);
        PUMP_UNTIL(fixture, fixture->n_recovered == 1);
        assert_contains(fixture->why, "was removed or replaced");
        assert_int_equal(count_attempts(fixture), 1);
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        fault_vfs_install();
        const struct CMUnitTest tests[] = {
                FAULT_TEST(test_full_disk),
                FAULT_TEST(test_broken_disk),
                FAULT_TEST(test_hung_disk),
                FAULT_TEST(test_a_full_disk_can_be_read),
                FAULT_TEST(test_queries_time_out_on_a_hung_disk),
                FAULT_TEST(test_too_many_queries_are_refused),
                FAULT_TEST(test_time_that_stood_still_is_no_timeout),
                FAULT_TEST(test_records_do_not_wait_while_degraded),
                FAULT_TEST(test_events_are_dropped_first),
                FAULT_TEST(test_attempts_are_refused_last),
                FAULT_TEST(test_one_refused_write_spoils_no_other),
                FAULT_TEST(test_opening_a_hung_disk),
                FAULT_TEST(test_closing_leaves_a_stuck_thread_behind),
                FAULT_TEST(test_closing_while_degraded_tries_once_more),
                FAULT_TEST(test_path_is_a_directory),
                FAULT_TEST(test_path_is_no_file),
                FAULT_TEST(test_directory_above_is_missing),
                FAULT_TEST(test_permission_denied),
                FAULT_TEST(test_really_full_file_system),
                FAULT_TEST(test_full_from_the_start),
                FAULT_TEST(test_read_only_file_system),
                FAULT_TEST(test_file_size_limit),
                FAULT_TEST(test_newer_schema_is_left_alone),
                FAULT_TEST(test_foreign_database_is_left_alone),
                FAULT_TEST(test_garbage_is_moved_aside),
                FAULT_TEST(test_damage_is_found_at_open),
                FAULT_TEST(test_damage_is_found_later),
                FAULT_TEST(test_damage_is_found_by_a_query),
                FAULT_TEST(test_removed_database_is_begun_anew),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
