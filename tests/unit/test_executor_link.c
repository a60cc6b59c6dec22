/* The agent's side of the connection, against executors of this test: a socket in the same loop,
 * and this program itself, started as the link would start recoverd-executor. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "io/unix_socket.h"
#include "runtime/executor_link.h"
#include "support/scratch.h"
#include "unit_test.h"

enum { TURNS_MAX = 20000 };

struct fixture {
        struct loop *loop;
        struct executor_link *link;
        char directory[64], socket[96], program[256];
        int up, down, messages;
        char why[256];
        struct wire_message last;

        /* An executor in this loop. */
        int listen_fd;
        struct loop_watch listening;
        struct unix_link peer;
        bool has_peer;
        uint32_t version;
        int hellos;
        struct wire_message heard;
};

static struct fixture f;

static void on_up(void *cookie) {
        assert_ptr_equal(cookie, &f);
        f.up++;
}

static void on_down(void *cookie, const char *why) {
        assert_ptr_equal(cookie, &f);
        f.down++;
        str_copy(f.why, sizeof(f.why), why);
}

static void on_message(void *cookie, const struct wire_message *message) {
        assert_ptr_equal(cookie, &f);
        f.messages++;
        f.last = *message;
}

static int setup(void **state) {
        (void) state;
        f = (struct fixture){.listen_fd = -1, .version = WIRE_VERSION};
        ssize_t length = readlink("/proc/self/exe", f.program, sizeof(f.program) - 1);
        if (scratch_make(f.directory, sizeof(f.directory), "test_executor_link") < 0 ||
                length < 0) {
                return -1;
        }
        snprintf(f.socket, sizeof(f.socket), "%s/executor.sock", f.directory);
        return loop_new(&f.loop, NULL);
}

static void stop_serving(void) {
        loop_watch_remove(&f.listening);
        unix_link_done(&f.peer);
        f.has_peer = false;
        if (f.listen_fd >= 0) {
                close(f.listen_fd);
                f.listen_fd = -1;
        }
}

static int teardown(void **state) {
        (void) state;
        executor_link_free(f.link);
        stop_serving();
        loop_free(f.loop);
        while (waitpid(-1, NULL, 0) > 0) { /* executors of this test end with their link */
        }
        return scratch_remove(f.directory);
}

static void make_link(const char *program) {
        static const char *const policies[] = {"/etc/a", "/etc/b"};
        const struct executor_link_options options = {
                .policies = policies,
                .n_policies = 2,
                .state_dir = f.directory,
                .runtime_dir = f.directory,
                .executor_path = program,
        };
        const struct executor_link_callbacks callbacks = {on_up, on_down, on_message};
        assert_int_equal(executor_link_new(&f.link, f.loop, &options, &callbacks, &f, NULL), 0);
        assert_int_equal(f.up, 0);
}

static void run_until(const int *counter, int value) {
        for (int i = 0; i < TURNS_MAX && *counter < value; i++) {
                assert_int_equal(loop_turn(f.loop, USEC_PER_SEC), 1);
        }
        assert_int_equal(*counter, value);
}

/* ---- An executor in this loop ---- */

static void say(const struct wire_message *message) {
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(message, packet);
        assert_int_equal(unix_link_send(&f.peer, packet, (size_t) length), 0);
}

static void on_heard(void *cookie, const char *data, size_t length) {
        (void) cookie;
        assert_int_equal(wire_decode(data, length, &f.heard, NULL), 0);
        if (f.heard.type == WIRE_HELLO) {
                f.hellos++;
                say(&(struct wire_message){
                        .type = WIRE_WELCOME, .version = f.version, .pid = 77, .digest = "abc"});
        }
}

static void on_peer_closed(void *cookie, int error) {
        (void) cookie;
        (void) error;
        unix_link_done(&f.peer);
        f.has_peer = false;
}

static void on_connection(void *cookie, uint32_t events) {
        (void) cookie;
        (void) events;
        int fd = unix_accept(f.listen_fd);
        assert_true(fd >= 0);
        unix_link_done(&f.peer);
        assert_int_equal(unix_link_init(&f.peer, f.loop, fd, on_heard, on_peer_closed, &f), 0);
        f.has_peer = true;
}

static void serve(void) {
        const struct unix_listen_request request = {
                .path = f.socket, .type = SOCK_SEQPACKET, .mode = 0600, .group = (gid_t) -1};
        f.listen_fd = unix_listen(&request, NULL);
        assert_true(f.listen_fd >= 0);
        assert_int_equal(
                loop_watch_add(&f.listening, f.loop, f.listen_fd, EPOLLIN, on_connection, &f), 0);
}

static void test_who_serves_is_used(void **state) {
        (void) state;
        serve();
        make_link("/nonexistent");
        assert_string_equal(executor_link_why(f.link), "not connected yet");
        run_until(&f.up, 1);
        assert_true(executor_link_up(f.link));
        assert_int_equal(executor_link_pid(f.link), 77);
        assert_string_equal(executor_link_why(f.link), "");
        assert_int_equal(f.messages, 1); /* `welcome`, for its digest */
        assert_string_equal(f.last.digest, "abc");
}

static void test_messages_both_ways(void **state) {
        const struct wire_message ask = {.type = WIRE_DO, .request = 5, .service = "web"};
        (void) state;
        serve();
        make_link("/nonexistent");
        assert_int_equal(executor_link_send(f.link, &ask), -ENOTCONN);
        run_until(&f.up, 1);
        assert_int_equal(executor_link_send(f.link, &ask), 0);
        say(&(struct wire_message){.type = WIRE_DONE, .request = 5, .ok = true});
        run_until(&f.messages, 2);
        assert_int_equal(f.last.type, WIRE_DONE);
        assert_int_equal(f.last.request, 5);
        assert_int_equal(f.heard.type, WIRE_DO);
        assert_string_equal(f.heard.service, "web");
}

static void test_it_comes_back_at_once(void **state) {
        (void) state;
        serve();
        make_link("/nonexistent");
        run_until(&f.up, 1);
        unix_link_done(&f.peer);
        run_until(&f.down, 1);
        assert_string_equal(f.why, "the executor is gone");
        assert_false(executor_link_up(f.link));
        assert_int_equal(executor_link_pid(f.link), 0);
        usec_t before = clock_now().mono;
        run_until(&f.up, 2);
        assert_true(clock_now().mono - before < EXECUTOR_RETRY_FIRST);
}

static void test_another_version_is_not_up(void **state) {
        (void) state;
        f.version = WIRE_VERSION + 1;
        serve();
        make_link("/nonexistent");
        run_until(&f.hellos, 1);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(loop_turn(f.loop, 0), 1);
        }
        assert_int_equal(f.up, 0);
        assert_int_equal(f.down, 0);
        assert_string_equal(executor_link_why(f.link), "the executor speaks version 2, not 1");
}

static void test_what_is_not_a_message_ends_the_connection(void **state) {
        (void) state;
        serve();
        make_link("/nonexistent");
        run_until(&f.up, 1);
        assert_int_equal(unix_link_send(&f.peer, "type=nonsense\n", 14), 0);
        run_until(&f.down, 1);
        assert_string_equal(f.why, "a packet of the executor is not understood: unknown type");
}

static void test_the_queue_is_bounded(void **state) {
        const struct wire_message ask = {.type = WIRE_DO, .request = 5, .service = "web"};
        int sent = 0, r = 0;
        (void) state;
        serve();
        make_link("/nonexistent");
        run_until(&f.up, 1);
        assert_int_equal(executor_link_room(f.link), UNIX_QUEUE_MAX);
        while (sent < TURNS_MAX && (r = executor_link_send(f.link, &ask)) == 0) {
                sent++;
        }
        assert_int_equal(r, -EAGAIN);
        assert_int_equal(executor_link_room(f.link), 0);
        assert_true(executor_link_up(f.link));
        for (int i = 0; i < TURNS_MAX && executor_link_room(f.link) < UNIX_QUEUE_MAX; i++) {
                assert_int_equal(loop_turn(f.loop, USEC_PER_SEC), 1);
        }
        assert_int_equal(executor_link_send(f.link, &ask), 0);
}

/* ---- An executor of its own ---- */

static void test_one_is_started_where_nobody_serves(void **state) {
        (void) state;
        make_link(f.program);
        run_until(&f.up, 1);
        pid_t pid = executor_link_pid(f.link);
        assert_true(pid > 0 && pid != getpid());
        assert_int_equal(getsid(pid), pid); /* Ctrl-C here does not reach it */
        assert_string_equal(f.last.text, "--policies /etc/a --policies /etc/b");
}

static void test_one_that_dies_is_replaced(void **state) {
        (void) state;
        make_link(f.program);
        run_until(&f.up, 1);
        pid_t pid = executor_link_pid(f.link);
        assert_int_equal(kill(pid, SIGKILL), 0);
        run_until(&f.down, 1);
        run_until(&f.up, 2);
        assert_int_not_equal(executor_link_pid(f.link), pid);
}

static void test_a_program_that_is_not_there(void **state) {
        (void) state;
        make_link("/nonexistent/recoverd-executor");
        usec_t until = clock_now().mono + 150 * USEC_PER_MSEC; /* a few tries */
        while (clock_now().mono < until) {
                assert_int_equal(loop_turn(f.loop, USEC_PER_MSEC), 1);
        }
        assert_int_equal(f.up, 0);
        assert_string_not_equal(executor_link_why(f.link), "");
}

/* No try starts one; `serve` is the host's own, which comes later. */
static void expect_to_wait_for_it(void) {
        make_link(f.program);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(loop_turn(f.loop, 10 * USEC_PER_MSEC), 1);
        }
        assert_int_equal(f.up, 0);
        assert_non_null(strstr(executor_link_why(f.link), "No such file or directory"));
        serve();
        run_until(&f.up, 1);
}

static void need_root(void) {
        if (geteuid() != 0) {
                print_message("skip: only root can give a file away\n");
                skip();
        }
}

static void test_none_is_started_in_the_way_of_another_users(void **state) {
        char path[96];
        (void) state;
        need_root();
        snprintf(path, sizeof(path), "%s/executor.lock", f.directory);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(fchown(fd, 65534, 65534), 0);
        expect_to_wait_for_it();
}

static void test_none_is_started_in_another_users_folder(void **state) {
        (void) state;
        need_root();
        assert_int_equal(chown(f.directory, 65534, 65534), 0);
        expect_to_wait_for_it();
}

static void test_directories_are_required(void **state) {
        const struct executor_link_options options = {.state_dir = "/tmp"};
        const struct executor_link_callbacks callbacks = {0};
        struct error err = {0};
        (void) state;
        assert_int_equal(
                executor_link_new(&f.link, f.loop, &options, &callbacks, NULL, &err), -EINVAL);
        assert_string_equal(err.text, "the directories of the executor are not set");
}

/* This program as an executor: says welcome, with its last arguments, and ends with the connection.
 */
static int be_an_executor(int argc, char **argv) {
        struct wire_message welcome = {
                .type = WIRE_WELCOME, .version = WIRE_VERSION, .pid = getpid()};
        char packet[WIRE_PACKET_MAX];
        for (int i = argc - 4; i < argc; i++) {
                strncat(welcome.text, argv[i], sizeof(welcome.text) - strlen(welcome.text) - 1);
                strncat(welcome.text, i + 1 < argc ? " " : "", 2);
        }
        if (fcntl(STDIN_FILENO, F_SETFL, 0) < 0) { /* waits for the agent */
                return 1;
        }
        ssize_t length = recv(STDIN_FILENO, packet, sizeof(packet), 0);
        if (length <= 0 || (length = wire_encode(&welcome, packet)) < 0 ||
                send(STDIN_FILENO, packet, (size_t) length, 0) != length) {
                return 1;
        }
        while (recv(STDIN_FILENO, packet, sizeof(packet), 0) > 0) {
        }
        return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv) {
        if (argc > 4 && str_eq(argv[1], "--socket-fd=0")) {
                return be_an_executor(argc, argv);
        }
        const struct CMUnitTest tests[] = {
                T(test_who_serves_is_used),
                T(test_messages_both_ways),
                T(test_it_comes_back_at_once),
                T(test_another_version_is_not_up),
                T(test_what_is_not_a_message_ends_the_connection),
                T(test_the_queue_is_bounded),
                T(test_one_is_started_where_nobody_serves),
                T(test_one_that_dies_is_replaced),
                T(test_a_program_that_is_not_there),
                T(test_none_is_started_in_the_way_of_another_users),
                T(test_none_is_started_in_another_users_folder),
                T(test_directories_are_required),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
