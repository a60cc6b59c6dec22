/* What the host tells of a process: of this one. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/evidence_facts.h"
#include "unit_test.h"

static int listen_somewhere(unsigned *ret_port) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static void test_a_process_and_its_sockets(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0}, line = {0};
        unsigned port = 0;
        AUTO_CLOSE int fd = listen_somewhere(&port);
        assert_int_equal(setenv("PLAIN_NAME", "hunter2", 1), 0);
        evidence_facts(&out, &(struct evidence_target){.pid = getpid()});
        strbuf_addf(&line, "tcp 127.0.0.1:%u 0.0.0.0:0 LISTEN\n", port);
        assert_non_null(strstr(strbuf_text(&out), strbuf_text(&line)));
        assert_non_null(strstr(strbuf_text(&out), "== process\nName:\ttest_evidence_f"));
        assert_non_null(strstr(strbuf_text(&out), "\nMax open files"));
        assert_non_null(strstr(strbuf_text(&out), "\n== kernel: out of memory"));
        assert_null(strstr(strbuf_text(&out), "hunter2")); /* never the environment */
}

static void test_what_is_not_there(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        evidence_facts(&out, &(struct evidence_target){.log_file = "/nowhere/x.log"});
        assert_non_null(
                strstr(strbuf_text(&out), "== log\n(cannot be read: No such file or directory)\n"));
        assert_null(strstr(strbuf_text(&out), "== process"));
}

static void test_the_end_of_a_long_log(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        char path[] = "/tmp/test_evidence_facts.XXXXXX";
        AUTO_CLOSE int fd = mkstemp(path);
        assert_true(fd >= 0);
        for (int i = 0; i < 3 * EVIDENCE_SECTION_MAX / 10; i++) {
                assert_int_equal(write(fd, "012345678\n", 10), 10);
        }
        assert_int_equal(write(fd, "the end\n", 8), 8);
        evidence_facts(&out, &(struct evidence_target){.log_file = path});
        unlink(path);
        assert_non_null(strstr(strbuf_text(&out), "\nthe end\n"));
        assert_true(out.length < 2 * EVIDENCE_SECTION_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_process_and_its_sockets),
                cmocka_unit_test(test_what_is_not_there),
                cmocka_unit_test(test_the_end_of_a_long_log),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
