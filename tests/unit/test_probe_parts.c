/* The parts that probes are made of: patterns, pidfiles, /proc, names. */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/address.h"
#include "probes/pidfile.h"
#include "probes/probe.h"
#include "probes/proc_read.h"
#include "probes/text_pattern.h"
#include "support/tmpdir.h"

/* ---- patterns ---- */

static int search(const char *pattern, const char *text) {
        return pattern_search(pattern, text, strlen(text), NULL);
}

static void test_pattern_search(void **state) {
        (void) state;
        assert_int_equal(search("ready|ok", "all is ok here"), 1);
        assert_int_equal(search("^ok$", "first\nok\nlast"), 1);
        assert_int_equal(search("^ok$", "not ok"), 0);
        assert_int_equal(search("a.b", "a\nb"), 0);
        assert_int_equal(search("\"n\": *[0-9]{2}[^0-9]", "{\"n\": 42}"), 1);
        assert_int_equal(search("x$", "xy\nx"), 1);
        assert_int_equal(search("", ""), 1);
        assert_int_equal(search("[[:digit:]]\\d\\++", "a12++"), 1);
        assert_int_equal(pattern_search("end", "a\0b\0end", 7, NULL), 1);
        assert_int_equal(pattern_search("end", "a\0b\0end", 6, NULL), 0);
        assert_int_equal(search(".", "\xff\xfe"), 1);
}

static void test_pattern_captures(void **state) {
        (void) state;
        static const char text[] = "first\nid=42; next";
        struct pattern_piece piece;
        assert_int_equal(pattern_search("id=([0-9]+)", text, strlen(text), &piece), 1);
        assert_ptr_equal(piece.start, text + 9);
        assert_int_equal(piece.length, 2);
        assert_int_equal(pattern_search("id=(x)?", text, strlen(text), &piece), 1);
        assert_int_equal(piece.length, 0);
        assert_int_equal(pattern_search("next", text, strlen(text), &piece), 1);
        assert_int_equal(piece.length, 0);
        assert_int_equal(pattern_groups("id=([0-9]+)"), 1);
        assert_int_equal(pattern_groups("(?:a)b[(]\\("), 0);
}

/* Beyond the part that is looked at nothing is found; within it, at its very end, it is. */
static void test_pattern_looks_at_the_beginning(void **state) {
        (void) state;
        size_t size = PATTERN_SEARCHED + 16;
        char *text = calloc(1, size + 1);
        assert_non_null(text);
        memset(text, 'a', size);
        memcpy(text + PATTERN_SEARCHED - 3, "end", 3);
        assert_int_equal(pattern_search("end", text, size, NULL), 1);
        memset(text, 'a', size);
        memcpy(text + PATTERN_SEARCHED - 2, "end", 3);
        assert_int_equal(pattern_search("end", text, size, NULL), 0);
        free(text);
}

/* Minutes and years instead of milliseconds, were the work not limited; all of it is needed for
 * eight words that are not there. */
static void test_pattern_work_is_limited(void **state) {
        (void) state;
        static const struct {
                const char *pattern;
                int found;
        } cases[] = {{"a+bc", -E2BIG}, {"(a|aa)+$x", -E2BIG}, {"(.*)*x", -E2BIG},
                {"(a?){20}a{20}b", -E2BIG}, {"(?s).*?.*?.*?q", -E2BIG},
                {"one|two|three|four|five|six|seven|eight", 0}};
        char *text = calloc(1, PATTERN_SEARCHED + 1);
        assert_non_null(text);
        memset(text, 'a', PATTERN_SEARCHED);
        memcpy(text + PATTERN_SEARCHED - 3, "cb", 2);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                usec_t before = clock_cpu();
                assert_int_equal(pattern_search(cases[i].pattern, text, PATTERN_SEARCHED, NULL),
                        cases[i].found);
                assert_true(clock_cpu() - before < USEC_PER_SEC);
        }
        free(text);
}

static void test_pattern_check(void **state) {
        (void) state;
        static const struct {
                const char *pattern, *why;
        } bad[] = {
                {"(a", "bad regular expression, after 2 bytes: missing closing parenthesis"},
                {"a)b(", "bad regular expression"},
                {"[a", "bad regular expression"},
                {"a{2,1}", "bad regular expression"},
                {"(a)\\1", "a back-reference is not supported (\"\\1\")"},
                {"(?<n>a)\\k<n>", "a back-reference is not supported"},
                {"x(?!a)", "a look-ahead is not supported (\"(?!a)\")"},
                {"(?<=a)b", "a look-behind is not supported"},
                {"(?>a*)b", "an atomic group is not supported"},
                {"[^]+]a*+b", "a possessive repeat is not supported (\"*+b\")"},
                {"(*COMMIT)a", "a verb is not supported"},
                {"\\Qa", "an open quotation or comment is not supported"},
                {"(?x)a # b", "an open quotation or comment is not supported"},
                {"(a{100}){100}", "repetitions multiply to more than 1000"},
                {"a{1,20000}", "repetitions multiply to more than 1000"},
        };
        char why[PATTERN_WHY_MAX];
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(pattern_check(bad[i].pattern, why), -EINVAL);
                if (!strstr(why, bad[i].why)) {
                        fail_msg("%s: %s", bad[i].pattern, why);
                }
        }
        char longest[PATTERN_MAX + 2];
        memset(longest, 'a', sizeof(longest));
        longest[PATTERN_MAX + 1] = '\0';
        assert_int_equal(pattern_check(longest, why), -EINVAL);
        assert_non_null(strstr(why, "at most 512 bytes"));
        longest[PATTERN_MAX] = '\0';
        assert_int_equal(pattern_check(longest, why), 0);
        assert_int_equal(search(longest, longest), 1);
        assert_int_equal(pattern_check("\\\\1 a{3} [0-9]+$ \\++ [*+]+ [[:alpha:]++]", why), 0);
}

/* ---- pidfiles ---- */

static void test_pidfile_parse(void **state) {
        (void) state;
        static const char *const bad[] = {
                "", "\n", "abc", "12x", "-5", "0", "99999999999", "1.5", "2147483648", " ", "\n12"};
        pid_t pid = 0;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(pidfile_parse(bad[i], &pid), -EBADMSG);
        }
        assert_int_equal(pidfile_parse("123", &pid), 0);
        assert_int_equal(pid, 123);
        assert_int_equal(pidfile_parse(" 77 \r\n", &pid), 0);
        assert_int_equal(pid, 77);
        assert_int_equal(pidfile_parse("4711\n/var/lib/postgresql/15/main\n5432\n", &pid), 0);
        assert_int_equal(pid, 4711);
}

static void test_pidfile_read(void **state) {
        (void) state;
        struct tmpdir dir;
        pid_t pid = 0;
        tmpdir_make(&dir);
        assert_int_equal(pidfile_read(tmpdir_file(&dir, "none"), &pid), -ENOENT);
        assert_int_equal(pidfile_read(dir.path, &pid), -EBADMSG);
        tmpdir_write(&dir, "one", "31\n");
        assert_int_equal(pidfile_read(tmpdir_file(&dir, "one"), &pid), 0);
        assert_int_equal(pid, 31);

        /* What was just used is in the cache; what is not there, or behind a link, has to be asked.
         */
        pid = 0;
        assert_int_equal(pidfile_read_in_memory(tmpdir_file(&dir, "one"), &pid), 0);
        assert_int_equal(pid, 31);
        assert_int_equal(symlink("one", tmpdir_file(&dir, "link")), 0);
        assert_int_equal(pidfile_read_in_memory(tmpdir_file(&dir, "link"), &pid), -EAGAIN);
        assert_int_equal(pidfile_read_in_memory(tmpdir_file(&dir, "none"), &pid), -EAGAIN);
        tmpdir_remove(&dir);
}

/* ---- /proc ---- */

static void test_parse_stat(void **state) {
        (void) state;
        struct proc_stat stat;
        const char *text = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 "
                           "123456 1000000 300 18446744073709551615 1 1 0 0 0\n";
        assert_int_equal(proc_parse_stat(text, &stat), 0);
        assert_int_equal(stat.state, 'S');
        assert_int_equal(stat.threads, 7);
        assert_int_equal(stat.start_time, 123456);
        assert_int_equal(stat.cpu, 300 * USEC_PER_SEC / (usec_t) sysconf(_SC_CLK_TCK));
        assert_int_equal(stat.rss_bytes, 300 * (uint64_t) sysconf(_SC_PAGESIZE));
        assert_int_equal(proc_parse_stat("42 (cut) S 1 42", &stat), -EBADMSG);
        assert_int_equal(proc_parse_stat("", &stat), -EBADMSG);
}

/* A first thread that ended before the others shows as a zombie, too. */
static void test_dead_states(void **state) {
        (void) state;
        assert_true(proc_stat_dead(&(struct proc_stat){.state = 'Z', .threads = 1}));
        assert_true(proc_stat_dead(&(struct proc_stat){.state = 'X', .threads = 0}));
        assert_false(proc_stat_dead(&(struct proc_stat){.state = 'Z', .threads = 3}));
        assert_false(proc_stat_dead(&(struct proc_stat){.state = 'T', .threads = 1}));
}

static void test_read_own_process(void **state) {
        (void) state;
        struct proc_stat stat;
        uint64_t before, after, limit;
        assert_int_equal(proc_read_stat(getpid(), &stat), 0);
        assert_true(stat.rss_bytes > 100000 && stat.rss_bytes < proc_memory_size());
        assert_true(stat.threads >= 1 && stat.start_time > 0);
        assert_int_equal(proc_count_open_files(getpid(), &before), 0);
        int fd = dup(STDERR_FILENO);
        assert_int_equal(proc_count_open_files(getpid(), &after), 0);
        assert_int_equal(after, before + 1);
        close(fd);
        assert_int_equal(proc_read_open_files_limit(getpid(), &limit), 0);
        assert_int_equal(limit, sysconf(_SC_OPEN_MAX));
}

static void test_read_missing_process(void **state) {
        (void) state;
        struct proc_stat stat;
        uint64_t count;
        pid_t pid = fork();
        if (pid == 0) {
                _exit(0);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(proc_read_stat(pid, &stat), -ESRCH);
        assert_int_equal(proc_count_open_files(pid, &count), -ESRCH);
        assert_int_equal(proc_read_open_files_limit(pid, &count), -ESRCH);
}

/* ---- names ---- */

static void test_no_address(void **state) {
        (void) state;
        struct probe_result result = {0};
        probe_conclude_name(&result, "db.example", EAI_NONAME);
        assert_int_equal(result.outcome, OUTCOME_FAIL);
        assert_int_equal(result.cause, CAUSE_UNRESPONSIVE);
        assert_string_equal(result.detail, "no such host: db.example");
        probe_conclude_name(&result, "db.example", EAI_NODATA);
        assert_int_equal(result.outcome, OUTCOME_FAIL);
        static const int nobody_knows[] = {EAI_AGAIN, EAI_FAIL, EAI_SYSTEM, EAI_MEMORY};
        for (size_t i = 0; i < sizeof(nobody_knows) / sizeof(nobody_knows[0]); i++) {
                probe_conclude_name(&result, "db.example", nobody_knows[i]);
                assert_int_equal(result.outcome, OUTCOME_UNKNOWN);
        }
        probe_conclude_name(&result, "db.example", 0);
        assert_int_equal(result.outcome, OUTCOME_UNKNOWN);
        assert_string_equal(result.detail, "db.example not looked up: no name server answers");
}

static void test_numeric_addresses(void **state) {
        (void) state;
        union address address;
        char text[ADDRESS_TEXT_MAX];
        assert_true(address_parse("192.0.2.7", 80, &address));
        assert_string_equal(address_format(&address, text), "192.0.2.7:80");
        assert_int_equal(address_length(&address), sizeof(struct sockaddr_in));
        assert_true(address_parse("2001:db8::1", 443, &address));
        assert_string_equal(address_format(&address, text), "[2001:db8::1]:443");
        assert_int_equal(address_length(&address), sizeof(struct sockaddr_in6));
        assert_false(address_parse("localhost", 80, &address));
        assert_false(address_parse("", 80, &address));
}

/* ---- results ---- */

static void test_conclude_is_safe(void **state) {
        (void) state;
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_FAIL, CAUSE_SLOW, "a\nb\x1b[31m %d", 5);
        assert_string_equal(result.detail, "a?b?[31m 5");
        char text[400];
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        probe_conclude(&result, OUTCOME_PASS, CAUSE_NONE, "%s", text);
        assert_int_equal(strlen(result.detail), OBSERVATION_DETAIL_MAX - 1);
}

static void test_last_moment(void **state) {
        (void) state;
        struct probe_run run = {.started.mono = 1000 * USEC_PER_SEC, .timeout = 2 * USEC_PER_SEC};
        assert_int_equal(probe_run_last_moment(&run), 1001980 * USEC_PER_MSEC);
        run.timeout = 100 * USEC_PER_MSEC;
        assert_int_equal(probe_run_last_moment(&run), 1000095 * USEC_PER_MSEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pattern_search),
                cmocka_unit_test(test_pattern_captures),
                cmocka_unit_test(test_pattern_looks_at_the_beginning),
                cmocka_unit_test(test_pattern_work_is_limited),
                cmocka_unit_test(test_pattern_check),
                cmocka_unit_test(test_pidfile_parse),
                cmocka_unit_test(test_pidfile_read),
                cmocka_unit_test(test_parse_stat),
                cmocka_unit_test(test_dead_states),
                cmocka_unit_test(test_read_own_process),
                cmocka_unit_test(test_read_missing_process),
                cmocka_unit_test(test_no_address),
                cmocka_unit_test(test_numeric_addresses),
                cmocka_unit_test(test_conclude_is_safe),
                cmocka_unit_test(test_last_moment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
