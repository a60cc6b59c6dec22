/* A read in pieces, of a socket that gives a part each time. */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/read_full.h"
#include "unit_test.h"

/* Each read gives one packet of two bytes. */
static int pieces(const char *text) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        for (; *text; text += 2) {
                assert_int_equal(write(ends[1], text, 2), 2);
        }
        close(ends[1]);
        return ends[0];
}

static void test_all_pieces(void **state) {
        char text[16] = "";
        (void) state;
        int fd = pieces("0123456789");
        assert_int_equal(read_full(fd, text, 6), 6);
        assert_memory_equal(text, "012345", 6);
        assert_int_equal(read_full(fd, text, sizeof(text)), 4);
        assert_memory_equal(text, "6789", 4);
        assert_int_equal(read_full(fd, text, sizeof(text)), 0);
        close(fd);
}

static void test_what_cannot_be_read(void **state) {
        char text[4];
        (void) state;
        assert_int_equal(read_full(-1, text, sizeof(text)), -EBADF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_pieces),
                cmocka_unit_test(test_what_cannot_be_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
