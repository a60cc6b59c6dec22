/* All processes at once, from directories that look like /proc; and the sharing of one look. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/loop.h"
#include "probes/process_scanner.h"
#include "probes/process_table.h"
#include "support/tmpdir.h"

struct fixture {
        struct tmpdir dir;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

/* Each has 100 ticks of CPU, and 10 of children that have ended, and ten pages. */
static void add(struct fixture *f, int pid, int parent, char process_state, const char *program) {
        char name[64], text[512];
        snprintf(name, sizeof(name), "%d", pid);
        assert_int_equal(mkdir(tmpdir_file(&f->dir, name), 0755), 0);
        snprintf(name, sizeof(name), "%d/stat", pid);
        snprintf(text, sizeof(text),
                "%d (name) %c %d 0 0 0 -1 0 0 0 0 0 60 40 6 4 20 0 1 0 %d 1000 10 0 0 0 0 0\n", pid,
                process_state, parent, 5000 + pid);
        tmpdir_write(&f->dir, name, text);
        snprintf(name, sizeof(name), "%d/exe", pid);
        if (program) {
                assert_int_equal(symlink(program, tmpdir_file(&f->dir, name)), 0);
        }
}

static struct process_table *read_table(struct fixture *f, bool programs) {
        struct process_table *table = NULL;
        assert_int_equal(process_table_read(&table, f->dir.path, programs), 0);
        return table;
}

static void test_family(void **state) {
        struct fixture *f = *state;
        add(f, 1, 0, 'S', NULL);
        add(f, 10, 1, 'S', NULL);
        add(f, 20, 10, 'S', NULL);
        add(f, 21, 10, 'Z', NULL);
        add(f, 30, 20, 'S', NULL);
        add(f, 9, 30, 'Z', NULL); /* process ids wrap around */
        add(f, 40, 1, 'S', NULL);
        struct process_table *table = read_table(f, false);
        struct process_family family;
        assert_int_equal(table->count, 7);
        assert_false(table->restricted);
        process_table_family(table, 10, &family);
        assert_int_equal(family.children, 4);
        assert_int_equal(family.zombies, 2);
        assert_int_equal(family.rss_bytes, 5 * 10 * (uint64_t) sysconf(_SC_PAGESIZE));
        assert_int_equal(family.cpu, 5 * 110 * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK));
        process_table_family(table, 40, &family);
        assert_int_equal(family.children, 0);
        process_table_family(table, 4711, &family);
        assert_int_equal(family.children + family.rss_bytes, 0);
        process_table_free(table);
}

/* Entries vanish between the listing and the reading, or hold something else by then. */
static void test_entries_that_vanish(void **state) {
        struct fixture *f = *state;
        add(f, 1, 0, 'S', NULL);
        add(f, 10, 1, 'S', NULL);
        add(f, 11, 1, 'S', NULL);
        add(f, 12, 1, 'S', NULL);
        assert_int_equal(unlink(tmpdir_file(&f->dir, "10/stat")), 0);
        tmpdir_write(&f->dir, "11/stat", "");
        tmpdir_write(&f->dir, "12/stat", "12 (cut) S 1");
        tmpdir_write(&f->dir, "uptime", "1 2\n");
        struct process_table *table = read_table(f, true);
        assert_int_equal(table->count, 1);
        assert_non_null(process_table_find(table, 1));
        assert_null(process_table_find(table, 10));
        assert_false(table->restricted);
        process_table_free(table);
}

static void test_circle(void **state) {
        struct fixture *f = *state;
        add(f, 1, 0, 'S', NULL);
        add(f, 10, 11, 'S', NULL);
        add(f, 11, 10, 'S', NULL);
        struct process_table *table = read_table(f, false);
        struct process_family family;
        process_table_family(table, 10, &family);
        assert_in_range(family.children, 1, 3);
        process_table_free(table);
}

static void test_hidden(void **state) {
        struct fixture *f = *state;
        add(f, 10, 1, 'S', NULL); /* hidepid=2: the first process is not to be seen */
        struct process_table *table = read_table(f, false);
        assert_true(table->restricted);
        process_table_free(table);
}

static void test_programs(void **state) {
        struct fixture *f = *state;
        add(f, 1, 0, 'S', "/sbin/init");
        add(f, 10, 1, 'S', "/usr/bin/shop");
        add(f, 11, 1, 'S', "/usr/bin/shop (deleted)");
        add(f, 12, 1, 'S', NULL); /* a thread of the kernel */
        struct process_table *table = read_table(f, true);
        uint64_t shop = process_program_key("/usr/bin/shop");
        assert_int_equal(process_table_find(table, 10)->program, shop);
        assert_int_equal(process_table_find(table, 11)->program, shop);
        assert_int_equal(process_table_find(table, 12)->program, 0);
        assert_int_not_equal(process_table_find(table, 1)->program, shop);
        process_table_free(table);
}

static void test_many(void **state) {
        struct fixture *f = *state;
        for (int pid = 1; pid <= 1500; pid++) {
                add(f, pid, pid / 2, 'S', NULL);
        }
        struct process_table *table = read_table(f, false);
        struct process_family family;
        process_table_family(table, 1, &family);
        assert_int_equal(family.children, 1499);
        process_table_free(table);
}

static void test_no_proc(void **state) {
        struct process_table *table = NULL;
        (void) state;
        assert_int_equal(process_table_read(&table, "/nonexistent", false), -ENOENT);
}

/* ---- sharing ---- */

struct asking {
        struct process_query query;
        const struct process_table *table;
        int code;
        bool answered;
};

static void on_answer(void *cookie, const struct process_table *table, int code) {
        struct asking *asking = cookie;
        assert_false(asking->answered);
        asking->answered = true;
        asking->table = table;
        asking->code = code;
}

static void ask(struct asking *asking, struct process_scanner *scanner, bool programs) {
        *asking = (struct asking){.query = {.done = on_answer, .cookie = asking}};
        process_query_start(&asking->query, scanner, clock_now().mono + USEC_PER_MINUTE, programs);
}

static void wait_for(struct loop *loop, const struct asking *asking) {
        while (!asking->answered) {
                assert_int_equal(loop_turn(loop, USEC_PER_SEC), 1);
        }
}

static void test_one_look_for_all(void **state) {
        struct fixture *f = *state;
        struct loop *loop = NULL;
        struct process_scanner *scanner = NULL;
        struct asking first, second, third, gone;
        add(f, 1, 0, 'S', "/sbin/init");
        assert_int_equal(loop_new(&loop, NULL), 0);
        assert_int_equal(process_scanner_new(&scanner, loop, f->dir.path, NULL), 0);
        ask(&first, scanner, false);
        ask(&second, scanner, true);
        ask(&gone, scanner, true);
        process_query_cancel(&gone.query);
        wait_for(loop, &first);
        wait_for(loop, &second);
        assert_ptr_equal(first.table, second.table);
        assert_true(first.table->has_programs);
        ask(&third, scanner, true);
        assert_true(third.answered); /* the table is fresh */
        assert_ptr_equal(third.table, first.table);
        assert_false(gone.answered);
        process_scanner_free(scanner);
        loop_free(loop);
}

static void test_look_that_fails(void **state) {
        struct loop *loop = NULL;
        struct process_scanner *scanner = NULL;
        struct asking asking;
        (void) state;
        assert_int_equal(loop_new(&loop, NULL), 0);
        assert_int_equal(process_scanner_new(&scanner, loop, "/nonexistent", NULL), 0);
        ask(&asking, scanner, false);
        wait_for(loop, &asking);
        assert_null(asking.table);
        assert_int_equal(asking.code, -ENOENT);
        process_scanner_free(scanner);
        loop_free(loop);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_family),
                TEST(test_entries_that_vanish),
                TEST(test_circle),
                TEST(test_hidden),
                TEST(test_programs),
                TEST(test_many),
                TEST(test_no_proc),
                TEST(test_one_look_for_all),
                TEST(test_look_that_fails),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
