/* What the kernel's log says about processes that were killed for want of memory. */

#include "base/cleanup.h"
#include "io/oom_log.h"
#include "unit_test.h"

static const struct {
        const char *record;
        pid_t pid;
} records[] = {
        {"3,1297,1657796269,-;Memory cgroup out of memory: Killed process 17083 (python3) "
         "total-vm:30956kB, anon-rss:20224kB, UID:0 pgtables:104kB oom_score_adj:0\n",
                17083},
        {"3,1298,1657796269,-;Out of memory: Killed process 42 (a b) total-vm:1kB\n", 42},
        {"6,1296,1657796227,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,"
         "oom_memcg=/x,task_memcg=/x,task=python3,pid=17083,uid=0\n",
                17083},
        {"6,1,2,c;Out of memory: Killed process 7 (x)\n SUBSYSTEM=y\n", 7},
        /* Not the kernel itself. */
        {"11,1298,1657796269,-;Out of memory: Killed process 42 (x)\n", 0},
        {"14,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,task=x,pid=42,uid=0\n", 0},
        /* Something else. */
        {"6,1,2,-;python3 invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0\n", 0},
        {"6,1,2,-;[  17083]     0 17083     7739     6714        0             0 python3\n", 0},
        {"6,1,2,-;usb 1-1: Killed process 12\n", 0},
        {"3,1,2,-;Out of memory: Killed process 99999999999999 (x)\n", 0},
        {"3,1,2,-;Out of memory: Killed process -1 (x)\n", 0},
        {"3,1,2,-;Out of memory: Killed process\n", 0},
        {"3,1,2,-;oom-kill:", 0},
        {"Out of memory: Killed process 42 (x)\n", 0},
        {";", 0},
        {"", 0},
};

static void test_records(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(records); i++) {
                if (oom_log_parse(records[i].record) != records[i].pid) {
                        fail_msg("%d: %s", (int) oom_log_parse(records[i].record),
                                records[i].record);
                }
        }
}

/* Whether or not this user may read the log: nobody was killed. */
static void test_nobody_was_killed(void **state) {
        struct oom_log log = {0};
        (void) state;
        oom_log_close(&log);
        oom_log_open(&log);
        assert_false(oom_log_killed(&log, getpid()));
        assert_false(oom_log_killed(&log, 0));
        oom_log_close(&log);
        oom_log_close(&log);
}

/* Two that were killed together are asked for one after the other, each once. */
static void test_what_nobody_has_asked_for_is_remembered(void **state) {
        struct oom_log log;
        (void) state;
        oom_log_open(&log);
        if (log.fd < 0) {
                print_message("skip: the log of the kernel cannot be read here\n");
                skip();
        }
        log.killed[0] = 41;
        log.killed[5] = 42;
        assert_true(oom_log_killed(&log, 42));
        assert_true(oom_log_killed(&log, 41));
        assert_false(oom_log_killed(&log, 41));
        oom_log_close(&log);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_nobody_was_killed),
                cmocka_unit_test(test_what_nobody_has_asked_for_is_remembered),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
