/* Unix sockets: socket files, peers, and links of whole packets. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/unix_socket.h"
#include "unit_test.h"

enum { PACKETS_KEPT = 256 };

struct end {
        struct unix_link link;
        unsigned n_packets, n_closed;
        size_t lengths[PACKETS_KEPT];
        char last[UNIX_PACKET_MAX + 1];
        int error;
        bool done_on_packet;
};

struct fixture {
        struct loop *loop;
        char directory[32], path[64];
        struct end a, b;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        memcpy(f->directory, "/tmp/test_unix_XXXXXX", sizeof("/tmp/test_unix_XXXXXX"));
        assert_non_null(mkdtemp(f->directory));
        (void) snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
        assert_int_equal(loop_new(&f->loop, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        unix_link_done(&f->a.link);
        unix_link_done(&f->b.link);
        (void) unlink(f->path);
        assert_int_equal(rmdir(f->directory), 0);
        loop_free(f->loop);
        free(f);
        return 0;
}

static void on_packet(void *cookie, const char *data, size_t length) {
        struct end *end = cookie;

        end->lengths[end->n_packets++ % PACKETS_KEPT] = length;
        memcpy(end->last, data, length + 1);
        if (end->done_on_packet) {
                unix_link_done(&end->link);
        }
}

static void on_closed(void *cookie, int error) {
        struct end *end = cookie;

        end->n_closed++;
        end->error = error;
        unix_link_done(&end->link);
}

static int listen_on(const struct fixture *f, int type, mode_t mode, struct error *err) {
        struct unix_listen_request request = {
                .path = f->path, .type = type, .mode = mode, .group = (gid_t) -1};
        return unix_listen(&request, err);
}

static void link_pair(struct fixture *f) {
        int fds[2];

        assert_int_equal(unix_pair(SOCK_SEQPACKET, fds), 0);
        assert_int_equal(
                unix_link_init(&f->a.link, f->loop, fds[0], on_packet, on_closed, &f->a), 0);
        assert_int_equal(
                unix_link_init(&f->b.link, f->loop, fds[1], on_packet, on_closed, &f->b), 0);
}

static void turn(struct fixture *f) {
        assert_int_equal(loop_turn(f->loop, 0), 1);
}

static void test_listen_sets_mode_and_accepts(void **state) {
        struct fixture *f = *state;
        struct unix_peer peer;
        struct stat st;
        AUTO_CLOSE int listener = listen_on(f, SOCK_SEQPACKET, 0660, NULL);

        assert_true(listener >= 0);
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(unix_accept(listener), -EAGAIN);
        AUTO_CLOSE int client = unix_connect(f->path, SOCK_SEQPACKET, NULL);
        assert_true(client >= 0);
        AUTO_CLOSE int server = unix_accept(listener);
        assert_true(server >= 0);
        assert_int_equal(unix_peer_of(server, &peer), 0);
        assert_int_equal(peer.pid, getpid());
        assert_int_equal(peer.uid, getuid());
        assert_int_equal(peer.gid, getgid());
}

static void test_peer_of_tcp_is_not_supported(void **state) {
        struct unix_peer peer;
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) state;
        assert_int_equal(unix_peer_of(fd, &peer), -EOPNOTSUPP);
}

static void test_stale_socket_is_replaced_but_a_live_one_is_not(void **state) {
        struct fixture *f = *state;
        struct error err = {0};
        char expected[128];

        int first = listen_on(f, SOCK_SEQPACKET, 0600, NULL);
        assert_true(first >= 0);
        assert_int_equal(listen_on(f, SOCK_SEQPACKET, 0600, &err), -EADDRINUSE);
        (void) snprintf(expected, sizeof(expected), "somebody listens on %s already", f->path);
        assert_string_equal(err.text, expected);
        assert_int_equal(listen_on(f, SOCK_STREAM, 0600, &err), -EADDRINUSE);
        close(first);
        AUTO_CLOSE int second = listen_on(f, SOCK_SEQPACKET, 0600, &err);
        assert_true(second >= 0);
}

static void test_other_files_are_left_alone(void **state) {
        struct fixture *f = *state;
        struct error err = {0};
        AUTO_CLOSE int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(listen_on(f, SOCK_STREAM, 0600, &err), -EEXIST);
        assert_int_equal(access(f->path, F_OK), 0);
}

static void test_connect_errors(void **state) {
        struct fixture *f = *state;
        struct error err = {0};
        char long_path[200];

        assert_int_equal(unix_connect(f->path, SOCK_STREAM, &err), -ENOENT);
        assert_non_null(strstr(err.text, ": No such file or directory"));
        memset(long_path, 'x', sizeof(long_path) - 1);
        long_path[sizeof(long_path) - 1] = '\0';
        assert_int_equal(unix_connect(long_path, SOCK_STREAM, &err), -ENAMETOOLONG);
        int listener = listen_on(f, SOCK_STREAM, 0600, NULL);
        close(listener);
        assert_int_equal(unix_connect(f->path, SOCK_STREAM, &err), -ECONNREFUSED);
}

static void test_packets_keep_their_borders(void **state) {
        struct fixture *f = *state;
        static char large[UNIX_PACKET_MAX];

        link_pair(f);
        memset(large, 'x', sizeof(large));
        assert_int_equal(unix_link_send(&f->a.link, "one", 3), 0);
        assert_int_equal(unix_link_send(&f->a.link, "second", 6), 0);
        assert_int_equal(unix_link_send(&f->a.link, large, sizeof(large)), 0);
        while (f->b.n_packets < 3) {
                turn(f);
        }
        assert_int_equal(f->b.lengths[0], 3);
        assert_int_equal(f->b.lengths[1], 6);
        assert_int_equal(f->b.lengths[2], UNIX_PACKET_MAX);
        assert_memory_equal(f->b.last, large, UNIX_PACKET_MAX);
        assert_int_equal(unix_link_send(&f->a.link, large, UNIX_PACKET_MAX + 1), -EMSGSIZE);
        assert_int_equal(unix_link_send(&f->a.link, large, 0), -EMSGSIZE);
}

static void test_a_peer_that_leaves_closes_the_link_once(void **state) {
        struct fixture *f = *state;

        link_pair(f);
        assert_int_equal(unix_link_send(&f->a.link, "last", 4), 0);
        unix_link_done(&f->a.link);
        for (int i = 0; i < 5; i++) {
                turn(f);
        }
        assert_string_equal(f->b.last, "last");
        assert_int_equal(f->b.n_closed, 1);
        assert_int_equal(f->b.error, 0);
}

static void test_sending_to_a_peer_that_left(void **state) {
        struct fixture *f = *state;

        link_pair(f);
        unix_link_done(&f->b.link);
        assert_int_equal(unix_link_send(&f->a.link, "x", 1), -EPIPE);
        assert_int_equal(f->a.n_closed, 0); /* not from inside */
        assert_int_equal(unix_link_send(&f->a.link, "x", 1), -EPIPE);
        turn(f);
        assert_int_equal(f->a.n_closed, 1);
}

static void test_a_slow_peer_is_queued_for_and_then_refused(void **state) {
        struct fixture *f = *state;
        static char packet[UNIX_PACKET_MAX];
        unsigned sent = 0;
        int r;

        link_pair(f);
        while ((r = unix_link_send(&f->a.link, packet, 1000 + sent % 100)) == 0) {
                sent++;
        }
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(f->a.link.queued, UNIX_QUEUE_MAX);
        while (f->b.n_packets < sent) {
                turn(f);
        }
        assert_int_equal(f->a.link.queued, 0);
        assert_int_equal(f->b.lengths[(sent - 1) % PACKETS_KEPT], 1000 + (sent - 1) % 100);
        unsigned turns = f->b.n_packets;
        turn(f);
        assert_int_equal(f->b.n_packets, turns); /* and the writable end does not keep it awake */
        assert_int_equal(f->a.link.watch.events, EPOLLIN);
}

static void test_teardown_with_a_full_queue(void **state) {
        struct fixture *f = *state;

        link_pair(f);
        while (unix_link_send(&f->a.link, "packet", 6) == 0) {
        }
        assert_int_equal(f->a.link.queued, UNIX_QUEUE_MAX);
}

static void test_an_oversized_packet_breaks_the_link(void **state) {
        struct fixture *f = *state;
        static char large[UNIX_PACKET_MAX + 1];

        link_pair(f);
        assert_int_equal(send(f->a.link.fd, large, sizeof(large), 0), sizeof(large));
        turn(f);
        turn(f);
        assert_int_equal(f->b.n_packets, 0);
        assert_int_equal(f->b.n_closed, 1);
        assert_int_equal(f->b.error, -EMSGSIZE);
}

static void test_done_within_a_callback(void **state) {
        struct fixture *f = *state;

        link_pair(f);
        f->b.done_on_packet = true;
        assert_int_equal(unix_link_send(&f->a.link, "x", 1), 0);
        turn(f);
        turn(f);
        assert_int_equal(f->b.n_packets, 1);
        assert_int_equal(f->a.n_closed, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_listen_sets_mode_and_accepts, setup, teardown),
                cmocka_unit_test(test_peer_of_tcp_is_not_supported),
                cmocka_unit_test_setup_teardown(
                        test_stale_socket_is_replaced_but_a_live_one_is_not, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_files_are_left_alone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_connect_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_packets_keep_their_borders, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_peer_that_leaves_closes_the_link_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sending_to_a_peer_that_left, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_slow_peer_is_queued_for_and_then_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_teardown_with_a_full_queue, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_an_oversized_packet_breaks_the_link, setup, teardown),
                cmocka_unit_test_setup_teardown(test_done_within_a_callback, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
