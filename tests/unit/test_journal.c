/* The journal sink against a datagram socket that plays journald. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/journal.h"
#include "unit_test.h"

struct fixture {
        char directory[32], path[64];
        int fd;
        struct journal *journal;
        char received[16 * 1024];
};

static int listen_on(const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
        return fd;
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        memcpy(f->directory, "/tmp/test_log_XXXXXX", sizeof("/tmp/test_log_XXXXXX"));
        assert_non_null(mkdtemp(f->directory));
        (void) snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
        f->fd = listen_on(f->path);
        assert_int_equal(journal_open(&f->journal, f->path, "agent", NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        journal_close(f->journal);
        journal_close(NULL);
        close(f->fd);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(rmdir(f->directory), 0);
        free(f);
        return 0;
}

static const char *receive(struct fixture *f) {
        ssize_t n = recv(f->fd, f->received, sizeof(f->received) - 1, 0);

        f->received[n > 0 ? n : 0] = '\0';
        return f->received;
}

static void test_a_record_with_fields(void **state) {
        static const struct log_field fields[] = {{"SERVICE", "cart"}, {"REASON", "a b=c"}};
        struct fixture *f = *state;

        journal_sink(f->journal, &(struct log_record){.level = LOG_NOTICE,
                                         .message_id = "0123456789abcdef0123456789abcdef",
                                         .text = "cart has failed",
                                         .fields = fields,
                                         .n_fields = 2});
        assert_string_equal(receive(f), "PRIORITY=5\nSYSLOG_IDENTIFIER=agent\n"
                                        "MESSAGE_ID=0123456789abcdef0123456789abcdef\n"
                                        "MESSAGE=cart has failed\nSERVICE=cart\nREASON=a b=c\n");
}

static void test_values_cannot_forge_fields(void **state) {
        static const struct log_field fields[] = {
                {"REASON", "x\n_UID=0"}, {"_UID", "0"}, {"bad key", "x"}, {"", "x"}};
        struct fixture *f = *state;

        journal_sink(f->journal, &(struct log_record){.level = LOG_ERR,
                                         .text = "t\nPRIORITY=0",
                                         .fields = fields,
                                         .n_fields = 4});
        assert_string_equal(receive(f),
                "PRIORITY=3\nSYSLOG_IDENTIFIER=agent\nMESSAGE=t?PRIORITY=0\nREASON=x?_UID=0\n");
}

static void test_huge_records_are_cut(void **state) {
        static char text[20000];
        struct fixture *f = *state;

        memset(text, 'x', sizeof(text) - 1);
        const struct log_field fields[] = {{"MORE", "lost"}};
        journal_sink(f->journal,
                &(struct log_record){
                        .level = LOG_ERR, .text = text, .fields = fields, .n_fields = 1});
        size_t length = strlen(receive(f));
        assert_in_range(length, 8000, 8192);
        assert_int_equal(f->received[length - 1], '\n');
}

static void test_a_stuck_journald_does_not_block(void **state) {
        struct fixture *f = *state;
        const struct log_record record = {.level = LOG_INFO, .text = "line"};

        while (journal_dropped(f->journal) < 3) {
                journal_sink(f->journal, &record);
        }
        while (*receive(f)) {
        }
        journal_sink(f->journal, &record);
        assert_non_null(strstr(receive(f), "MESSAGE=3 log records were dropped before this\n"));
        assert_non_null(strstr(receive(f), "MESSAGE=line\n"));
        journal_sink(f->journal, &record);
        assert_non_null(strstr(receive(f), "MESSAGE=line\n"));
}

static void test_a_restarted_journald_is_found_again(void **state) {
        struct fixture *f = *state;
        const struct log_record record = {.level = LOG_INFO, .text = "line"};

        close(f->fd);
        assert_int_equal(unlink(f->path), 0);
        journal_sink(f->journal, &record);
        assert_int_equal(journal_dropped(f->journal), 1);
        f->fd = listen_on(f->path);
        journal_sink(f->journal, &record);
        assert_non_null(strstr(receive(f), "1 log records were dropped"));
        assert_non_null(strstr(receive(f), "MESSAGE=line\n"));
}

static void test_no_journald(void **state) {
        struct journal *journal;
        struct error err = {0};

        (void) state;
        assert_true(journal_open(&journal, "/nonexistent/socket", "agent", &err) < 0);
        assert_non_null(strstr(err.text, "/nonexistent/socket"));
}

static void test_stderr_is_the_journal_only_if_the_variable_names_it(void **state) {
        char text[64];
        struct stat st;

        (void) state;
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        assert_false(journal_on_stderr());
        assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
        assert_false(journal_on_stderr());
        assert_int_equal(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
        assert_false(journal_on_stderr());
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        (void) snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long) st.st_dev,
                (unsigned long long) st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
        assert_true(journal_on_stderr());
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_record_with_fields, setup, teardown),
                cmocka_unit_test_setup_teardown(test_values_cannot_forge_fields, setup, teardown),
                cmocka_unit_test_setup_teardown(test_huge_records_are_cut, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_stuck_journald_does_not_block, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_restarted_journald_is_found_again, setup, teardown),
                cmocka_unit_test(test_no_journald),
                cmocka_unit_test(test_stderr_is_the_journal_only_if_the_variable_names_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
