/* The journal probe and its reader, on a journal that this program plays. */

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "support/probe_rig.h"

/* ---- the journal ---- */

enum { ENTRIES_MAX = 16 };

struct entry {
        const char *message, *unit, *priority, *identifier;
        wall_usec_t at;
};

static struct {
        pthread_mutex_t lock;
        struct entry entries[ENTRIES_MAX];
        int count, position, matches;
        int open_error, next_error;
        bool empty; /* no files */
        int fd;
} played = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int fake_open(sd_journal **ret) {
        *ret = (sd_journal *) &played;
        return played.open_error;
}

int sd_journal_open(sd_journal **ret, int flags) {
        (void) flags;
        return fake_open(ret);
}

int sd_journal_open_directory(sd_journal **ret, const char *path, int flags) {
        (void) path;
        (void) flags;
        return fake_open(ret);
}

void sd_journal_close(sd_journal *j) {
        (void) j;
}

int sd_journal_has_runtime_files(sd_journal *j) {
        (void) j;
        return !played.empty;
}

int sd_journal_has_persistent_files(sd_journal *j) {
        (void) j;
        return 0;
}

int sd_journal_get_usage(sd_journal *j, uint64_t *bytes) {
        (void) j;
        *bytes = played.empty ? 0 : 4096;
        return 0;
}

int sd_journal_get_fd(sd_journal *j) {
        (void) j;
        return played.fd;
}

int sd_journal_get_events(sd_journal *j) {
        (void) j;
        return 1; /* POLLIN */
}

int sd_journal_get_timeout(sd_journal *j, uint64_t *ret) {
        (void) j;
        *ret = UINT64_MAX;
        return 1;
}

int sd_journal_process(sd_journal *j) {
        uint64_t count;
        (void) j;
        return read(played.fd, &count, sizeof(count)) > 0 ? SD_JOURNAL_APPEND : SD_JOURNAL_NOP;
}

void sd_journal_flush_matches(sd_journal *j) {
        (void) j;
        played.matches = 0;
}

int sd_journal_add_match(sd_journal *j, const void *data, size_t size) {
        (void) j;
        (void) data;
        (void) size;
        played.matches++;
        return 0;
}

int sd_journal_add_disjunction(sd_journal *j) {
        (void) j;
        return 0;
}

int sd_journal_seek_tail(sd_journal *j) {
        (void) j;
        played.position = played.count;
        return 0;
}

int sd_journal_seek_head(sd_journal *j) {
        (void) j;
        played.position = 0;
        return 0;
}

int sd_journal_previous(sd_journal *j) {
        (void) j;
        return played.position > 0;
}

int sd_journal_next(sd_journal *j) {
        (void) j;
        pthread_mutex_lock(&played.lock);
        int r = played.next_error ? played.next_error : played.position < played.count;
        played.position += r > 0;
        pthread_mutex_unlock(&played.lock);
        return r;
}

int sd_journal_get_realtime_usec(sd_journal *j, uint64_t *ret) {
        (void) j;
        *ret = played.entries[played.position - 1].at;
        return 0;
}

int sd_journal_get_data(sd_journal *j, const char *field, const void **ret, size_t *ret_length) {
        static _Thread_local char text[512];
        const struct entry *e = &played.entries[played.position - 1];
        const char *value = strcmp(field, "MESSAGE") == 0             ? e->message
                            : strcmp(field, "_SYSTEMD_UNIT") == 0     ? e->unit
                            : strcmp(field, "PRIORITY") == 0          ? e->priority
                            : strcmp(field, "SYSLOG_IDENTIFIER") == 0 ? e->identifier
                                                                      : NULL;
        (void) j;
        if (!value) {
                return -ENOENT;
        }
        snprintf(text, sizeof(text), "%s=%s", field, value);
        *ret = text;
        *ret_length = strlen(text);
        return 0;
}

static void say(const char *unit, const char *priority, const char *identifier, const char *text) {
        uint64_t one = 1;
        pthread_mutex_lock(&played.lock);
        played.entries[played.count++] =
                (struct entry){text, unit, priority, identifier, clock_now().wall};
        pthread_mutex_unlock(&played.lock);
        assert_int_equal(write(played.fd, &one, sizeof(one)), sizeof(one));
}

/* ---- fixture ---- */

static int setup(void **state) {
        struct rig *rig = calloc(1, sizeof(*rig));
        played.count = played.position = played.open_error = played.next_error = 0;
        played.empty = false;
        played.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        rig_open(rig);
        *state = rig;
        return 0;
}

/* The thread ends by itself; it may not find a closed descriptor that somebody else has now. */
static int teardown(void **state) {
        rig_close(*state);
        free(*state);
        return 0;
}

#define HERE "directory: /played"

/* Runs until the text is there: the thread takes its time. */
static void expect(struct rig *rig, enum outcome outcome, enum cause cause, const char *detail) {
        usec_t until = clock_now().mono + 5 * USEC_PER_SEC;
        while (!strstr(rig_run(rig, RIG_TIMEOUT)->detail, detail) && clock_now().mono < until) {
                assert_int_equal(loop_turn(rig->host.loop, USEC_PER_MSEC), 1);
        }
        assert_result(&rig->result, outcome, cause, detail);
}

/* ---- messages ---- */

static void test_counts(void **state) {
        struct rig *rig = *state;
        say("nginx.service", "3", "nginx", "before the probe");
        rig_load(rig, "journal: {unit: nginx.service, window: 1m, ignore: harmless, " HERE "}");
        expect(rig, OUTCOME_PASS, CAUSE_NONE, "0 messages within 1m");
        say("nginx.service", "6", "nginx", "only for information");
        say("other.service", "3", "other", "of somebody else");
        say("nginx.service", "3", "nginx", "harmless");
        say("nginx.service", "2", "nginx", "upstream is\tgone");
        expect(rig, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "1 message within 1m, at most 0 allowed; last: upstream is?gone");
        assert_true(rig->result.has_value && rig->result.value == 1);
        rig->skew = 65 * USEC_PER_SEC;
        expect(rig, OUTCOME_PASS, CAUSE_NONE, "0 messages within 1m");
}

static void test_own_messages_do_not_count(void **state) {
        struct rig *rig = *state;
        rig_load(rig, "journal: {contains: gone, priority: info, " HERE "}");
        expect(rig, OUTCOME_PASS, CAUSE_NONE, "0 messages with \"gone\"");
        say("recoverd.service", "4", "recoverd", "a service failed: last: gone");
        say("any.service", "6", "any", "gone");
        expect(rig, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "1 message with \"gone\" within 5m");
}

static void test_new_process_is_forgiven(void **state) {
        struct rig *rig = *state;
        rig_load(rig, "journal: {identifier: shop, max_matches: 1, " HERE "}");
        rig->run.target = (struct probe_target){true, 100, 1};
        expect(rig, OUTCOME_PASS, CAUSE_NONE, "0 messages");
        say(NULL, "3", "shop", "one");
        say(NULL, "3", "shop", "two");
        expect(rig, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "2 messages within 5m, at most 1 allowed");
        rig->run.target.start_time = 2;
        assert_result(rig_run(rig, RIG_TIMEOUT), OUTCOME_PASS, CAUSE_NONE, "0 messages");
}

/* ---- what cannot be read ---- */

static void test_absent(void **state) {
        struct rig *rig = *state;
        played.open_error = -ENOENT;
        rig_load(rig, "journal: {unit: a.service, " HERE "}");
        expect(rig, OUTCOME_UNKNOWN, CAUSE_NONE, "there is no journal in /played");
}

/* A folder that is there and holds none is not a quiet journal. */
static void test_nothing_in_it(void **state) {
        struct rig *rig = *state;
        played.empty = true;
        rig_load(rig, "journal: {unit: a.service, " HERE "}");
        expect(rig, OUTCOME_UNKNOWN, CAUSE_NONE, "there is no journal in /played");
}

static void test_error(void **state) {
        struct rig *rig = *state;
        played.next_error = -EIO;
        rig_load(rig, "journal: {unit: a.service, " HERE "}");
        expect(rig, OUTCOME_UNKNOWN, CAUSE_NONE,
                "the journal could not be read: Input/output error");
}

static void test_refused(void **state) {
        static const struct rig_refused refused[] = {
                {"journal: nginx", "the full name of a unit such as nginx.service"},
                {"journal: {priority: debug}", "every message of the host"},
                {"journal: {unit: a.service, priority: bad}", "priority"},
                {"journal: {unit: a.service, matches: '('}", "bad regular expression"},
                {"journal: {unit: a.service, window: 0s}", "window"},
        };
        (void) state;
        rig_refuses(refused, sizeof(refused) / sizeof(refused[0]));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_counts),
                TEST(test_own_messages_do_not_count),
                TEST(test_new_process_is_forgiven),
                TEST(test_absent),
                TEST(test_nothing_in_it),
                TEST(test_error),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
