#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/datagram_socket.h"
#include "io/loop.h"
#include "unit_test.h"

struct heard {
        int count;
        size_t length;
        char data[DATAGRAM_MAX];
        struct listen_address from;
};

static void note(void *cookie, const struct listen_address *from, const char *data, size_t length) {
        struct heard *heard = cookie;
        heard->count++;
        heard->length = length;
        heard->from = *from;
        memcpy(heard->data, data, length);
}

/* A port that is free at this moment, as text with the address. */
static void find_port(char ret[32]) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof(address);
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        snprintf(ret, 32, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void open_on_free_port(struct datagram_socket **ret, struct loop *loop,
        struct listen_address *ret_address, struct heard *heard) {
        struct error err = {0};
        char text[32];
        do {
                find_port(text);
                assert_int_equal(listen_address_parse(text, ret_address, &err), 0);
        } while (datagram_socket_new(ret, loop, text, note, heard, &err) < 0);
}

static void wait_for(struct loop *loop, const struct heard *heard, int count) {
        for (int i = 0; i < 1000 && heard->count < count; i++) {
                loop_turn(loop, 10 * USEC_PER_MSEC);
        }
        assert_int_equal(heard->count, count);
}

static void what_is_sent_arrives_with_its_sender(void **state) {
        (void) state;
        static char large[DATAGRAM_MAX + 1];
        struct error err = {0};
        struct loop *loop = NULL;
        struct datagram_socket *one = NULL, *two = NULL;
        struct listen_address at_one, at_two;
        struct heard by_one = {0}, by_two = {0};
        assert_int_equal(loop_new(&loop, &err), 0);
        open_on_free_port(&one, loop, &at_one, &by_one);
        open_on_free_port(&two, loop, &at_two, &by_two);
        assert_int_equal(datagram_socket_send(one, &at_two, large, sizeof(large)), 0);
        assert_int_equal(datagram_socket_send(one, &at_two, "hello", 5), 0);
        wait_for(loop, &by_two, 1); /* what is too long is dropped */
        assert_int_equal(by_two.length, 5);
        assert_memory_equal(by_two.data, "hello", 5);
        assert_int_equal(datagram_socket_send(two, &by_two.from, "", 0), 0);
        wait_for(loop, &by_one, 1);
        assert_int_equal(by_one.length, 0);
        datagram_socket_free(two);
        /* Nobody is there: neither this nor the next one is an error that stays. */
        (void) datagram_socket_send(one, &at_two, "x", 1);
        (void) datagram_socket_send(one, &at_one, "y", 1);
        (void) datagram_socket_send(one, &at_one, "y", 1);
        for (int i = 0; i < 1000 && by_one.count < 2; i++) {
                loop_turn(loop, 10 * USEC_PER_MSEC);
        }
        assert_true(by_one.count >= 2);
        datagram_socket_free(one);
        loop_free(loop);
}

static void an_address_in_use_is_an_error(void **state) {
        (void) state;
        struct error err = {0};
        struct loop *loop = NULL;
        struct datagram_socket *one = NULL, *two = NULL;
        struct listen_address at;
        struct heard heard = {0};
        char text[32];
        assert_int_equal(loop_new(&loop, &err), 0);
        open_on_free_port(&one, loop, &at, &heard);
        snprintf(text, sizeof(text), "127.0.0.1:%d",
                ntohs(((struct sockaddr_in *) &at.address)->sin_port));
        assert_int_equal(datagram_socket_new(&two, loop, text, note, &heard, &err), -EADDRINUSE);
        assert_int_equal(datagram_socket_new(&two, loop, "here", note, &heard, &err), -EINVAL);
        datagram_socket_free(one);
        datagram_socket_free(NULL);
        loop_free(loop);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_sent_arrives_with_its_sender),
                cmocka_unit_test(an_address_in_use_is_an_error),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
