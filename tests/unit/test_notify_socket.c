/* Datagrams in the words of sd_notify, and what else may come through such a socket. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "io/notify_socket.h"
#include "support/tmpdir.h"

struct fixture {
        struct loop *loop;
        struct notify_socket *socket;
        struct tmpdir dir;
        char path[128];
        unsigned n;
        struct unix_peer peer;
        char text[NOTIFY_MESSAGE_MAX + 1];
};

static void received(void *cookie, const struct unix_peer *peer, const char *text) {
        struct fixture *f = cookie;
        f->n++;
        f->peer = *peer;
        snprintf(f->text, sizeof(f->text), "%s", text);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        tmpdir_make(&f->dir);
        snprintf(f->path, sizeof(f->path), "%s/notify.sock", f->dir.path);
        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(notify_socket_new(&f->socket, f->loop, f->path, received, f, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        notify_socket_free(f->socket);
        assert_int_not_equal(access(f->path, F_OK), 0);
        loop_free(f->loop);
        tmpdir_remove(&f->dir);
        free(f);
        return 0;
}

static int connect_to(const struct fixture *f) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", f->path);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        return fd;
}

static void turn(struct fixture *f) {
        assert_int_equal(loop_turn(f->loop, 0), 1);
}

static void test_sd_notify(void **state) {
        struct fixture *f = *state;
        assert_int_equal(setenv("NOTIFY_SOCKET", f->path, 1), 0);
        assert_true(sd_notify(1, "WATCHDOG=1\nSTATUS=42 orders") > 0);
        turn(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->text, "WATCHDOG=1\nSTATUS=42 orders");
        assert_int_equal(f->peer.pid, getpid());
        assert_int_equal(f->peer.uid, getuid());
}

static void test_anybody_may_send(void **state) {
        struct fixture *f = *state;
        struct stat st;
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0666);
}

static unsigned open_files(void) {
        unsigned n = 0;
        for (int fd = 0; fd < 256; fd++) {
                n += fcntl(fd, F_GETFD) >= 0;
        }
        return n;
}

/* sd_notify() passes descriptors for FDSTORE and BARRIER; whoever sends more of them than anybody
 * wants must not fill our table. */
static void test_descriptors_are_closed(void **state) {
        struct fixture *f = *state;
        enum { MANY = 40 };
        int fd = connect_to(f), fds[MANY];
        for (size_t i = 0; i < MANY; i++) {
                fds[i] = fd;
        }
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {0};
        char words[] = "FDSTORE=1";
        struct iovec text = {.iov_base = words, .iov_len = 9};
        struct msghdr message = {.msg_iov = &text,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control)};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(header), fds, sizeof(fds));
        unsigned before = open_files();
        assert_int_equal(sendmsg(fd, &message, 0), 9);
        turn(f);
        assert_int_equal(open_files(), before);
        assert_int_equal(f->n, 1);
        assert_int_equal(f->peer.pid, getpid());
        close(fd);
}

static void test_what_is_no_message_is_dropped(void **state) {
        struct fixture *f = *state;
        char large[NOTIFY_MESSAGE_MAX + 1];
        int fd = connect_to(f);
        memset(large, 'x', sizeof(large));
        assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
        assert_int_equal(send(fd, "A=1\0B=2", 7, 0), 7);
        turn(f);
        assert_int_equal(f->n, 0);
        assert_int_equal(send(fd, "", 0, 0), 0);
        assert_int_equal(send(fd, large, NOTIFY_MESSAGE_MAX, 0), NOTIFY_MESSAGE_MAX);
        turn(f);
        assert_int_equal(f->n, 2);
        assert_int_equal(strlen(f->text), NOTIFY_MESSAGE_MAX);
        close(fd);
}

/* A flood is read in pieces, so that the loop can do something else in between. */
static void test_a_flood(void **state) {
        struct fixture *f = *state;
        int fd = connect_to(f);
        unsigned sent = 0;
        while (sent < 3 * NOTIFY_PER_TURN && send(fd, "WATCHDOG=1", 10, MSG_DONTWAIT) == 10) {
                sent++;
        }
        assert_in_range(sent, 1, 3 * NOTIFY_PER_TURN);
        turn(f);
        assert_in_range(f->n, 1, NOTIFY_PER_TURN);
        for (int i = 0; i < 10; i++) {
                turn(f);
        }
        assert_int_equal(f->n, sent);
        close(fd);
}

static void test_a_socket_left_behind_is_replaced(void **state) {
        struct fixture *f = *state;
        struct notify_socket *second;
        assert_int_equal(notify_socket_new(&second, f->loop, f->path, received, f, NULL), 0);
        int fd = connect_to(f);
        assert_int_equal(send(fd, "A=1", 3, 0), 3);
        turn(f);
        assert_string_equal(f->text, "A=1");
        close(fd);
        notify_socket_free(second);
}

static void test_anything_else_is_left_alone(void **state) {
        struct fixture *f = *state;
        struct notify_socket *socket;
        struct error err;
        tmpdir_write(&f->dir, "file", "text");
        assert_true(notify_socket_new(
                            &socket, f->loop, tmpdir_file(&f->dir, "file"), received, f, &err) < 0);
        assert_non_null(strstr(err.text, "/file: "));
        char path[256];
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(
                notify_socket_new(&socket, f->loop, path, received, f, &err), -ENAMETOOLONG);
}

static void test_values(void **state) {
        static const char text[] = "STATUS=a=b\nSTATUS=second\nEMPTY=\nNOTSTATUS=x\nLAST=1";
        char value[8];
        (void) state;
        assert_true(notify_value(text, "STATUS", value, sizeof(value)));
        assert_string_equal(value, "a=b");
        assert_true(notify_value(text, "EMPTY", value, sizeof(value)));
        assert_string_equal(value, "");
        assert_true(notify_value(text, "LAST", value, sizeof(value)));
        assert_string_equal(value, "1");
        assert_true(notify_value("LONG=0123456789", "LONG", value, sizeof(value)));
        assert_string_equal(value, "0123456");
        assert_false(notify_value(text, "LAS", value, sizeof(value)));
        assert_false(notify_value(text, "TATUS", value, sizeof(value)));
        assert_false(notify_value("", "STATUS", value, sizeof(value)));
        assert_false(notify_value("\n\nSTATUS", "STATUS", value, sizeof(value)));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_sd_notify),
                TEST(test_anybody_may_send),
                TEST(test_descriptors_are_closed),
                TEST(test_what_is_no_message_is_dropped),
                TEST(test_a_flood),
                TEST(test_a_socket_left_behind_is_replaced),
                TEST(test_anything_else_is_left_alone),
                cmocka_unit_test(test_values),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
