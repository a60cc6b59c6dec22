/* The ping probe, against the loopback of a network namespace of its own; replies that lie come
 * from system calls that this program stands in for. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/ping_echo.h"
#include "support/probe_rig.h"

/* ---- faults ---- */

static struct {
        bool no_permission;
        unsigned lose; /* bit n: the request with number n is not sent */
        int send_error;
        bool spoil, twice;
        unsigned sent;
} fault;

int socket(int domain, int type, int protocol) {
        int (*real)(int, int, int) = (int (*)(int, int, int)) dlsym(RTLD_NEXT, "socket");
        if (fault.no_permission && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)) {
                errno = EACCES;
                return -1;
        }
        return real(domain, type, protocol);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
        ssize_t (*real)(int, const void *, size_t, int) =
                (ssize_t(*)(int, const void *, size_t, int)) dlsym(RTLD_NEXT, "send");
        unsigned number = fault.sent++;
        if (fault.send_error) {
                errno = fault.send_error;
                return -1;
        }
        if (fault.lose & 1U << number) {
                return (ssize_t) size;
        }
        if (fault.twice) {
                (void) real(fd, bytes, size, flags);
        }
        return real(fd, bytes, size, flags);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags) {
        ssize_t (*real)(int, void *, size_t, int) =
                (ssize_t(*)(int, void *, size_t, int)) dlsym(RTLD_NEXT, "recv");
        ssize_t n = real(fd, bytes, size, flags);
        if (fault.spoil && n > PING_HEADER_SIZE) {
                ((uint8_t *) bytes)[PING_HEADER_SIZE] ^= 1; /* the reply to somebody else */
        }
        return n;
}

/* ---- fixture ---- */

static bool has_network;

static void write_text(const char *path, const char *text) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                ssize_t n = write(fd, text, strlen(text));
                (void) n;
                close(fd);
        }
}

/* Root of a user namespace may also set up a network. */
static bool make_network(void) {
        struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
        char map[64];
        unsigned uid = geteuid();
        if (unshare(CLONE_NEWNET) < 0) {
                if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                        return false;
                }
                snprintf(map, sizeof(map), "0 %u 1", uid);
                write_text("/proc/self/setgroups", "deny");
                write_text("/proc/self/uid_map", map);
                write_text("/proc/self/gid_map", map);
        }
        write_text("/proc/sys/net/ipv4/ping_group_range", "0 0");
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
        close(fd);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
        close(fd);
        return up && fd >= 0;
}

static int setup(void **state) {
        struct rig *rig = calloc(1, sizeof(*rig));
        memset(&fault, 0, sizeof(fault));
        rig_open(rig);
        *state = rig;
        return 0;
}

static int teardown(void **state) {
        rig_close(*state);
        free(*state);
        return 0;
}

static void need_network(void) {
        if (!has_network) {
                print_message("skip: no network namespace can be made here\n");
                skip();
        }
}

static const struct probe_result *run_for(struct rig *rig, const char *probe, usec_t timeout) {
        rig_load(rig, probe);
        fault.sent = 0;
        return rig_run(rig, timeout);
}

/* Half of it is for sending three requests, on a busy machine too. */
#define SHORT (400 * USEC_PER_MSEC)

/* ---- answers ---- */

static void test_answers(void **state) {
        need_network();
        const struct probe_result *result = run_for(*state, "ping: 127.0.0.1", SHORT);
        assert_result(result, OUTCOME_PASS, CAUSE_NONE, "3 of 3 requests answered, in ");
        assert_true(result->has_value && result->value > 0 && result->value < 0.1);
        assert_result(run_for(*state, "ping: {address: '::1', count: 1}", SHORT), OUTCOME_PASS,
                CAUSE_NONE, "1 of 1 requests answered");
        assert_result(run_for(*state, "ping: {address: 127.0.0.1, count: 1, size: 9000B}", SHORT),
                OUTCOME_PASS, CAUSE_NONE, "1 of 1");
        assert_result(run_for(*state, "ping: {address: 127.0.0.2, source: 127.0.0.3}", SHORT),
                OUTCOME_PASS, CAUSE_NONE, "3 of 3");
}

static void test_loss(void **state) {
        need_network();
        fault.lose = 2;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_PASS, CAUSE_NONE,
                "2 of 3 requests answered");
        assert_result(run_for(*state, "ping: {address: 127.0.0.1, max_loss: 20%}", SHORT),
                OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "2 of 3 requests answered, 33% lost, at most 20% allowed");
        fault.lose = 7;
        assert_result(run_for(*state, "ping: {address: 127.0.0.1, max_loss: 99%}", SHORT),
                OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "127.0.0.1: none of 3 requests answered within 400ms");
        assert_false(((struct rig *) *state)->stopped); /* it says so itself */
}

static void test_slow(void **state) {
        need_network();
        struct rig *rig = *state;
        rig_load(rig, "ping: {address: 127.0.0.1, count: 1, max_latency: 1ms}");
        rig_start(rig, SHORT);
        usec_t until = clock_now().mono + 3 * USEC_PER_MSEC;
        while (clock_now().mono < until) { /* the loop is late, so the reply seems to be */
        }
        rig_finish(rig);
        assert_result(&rig->result, OUTCOME_FAIL, CAUSE_SLOW, "on average, at most 1ms allowed");
}

/* Replies to somebody else, and replies that come twice. */
static void test_strange_replies(void **state) {
        need_network();
        fault.twice = true;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_PASS, CAUSE_NONE,
                "3 of 3 requests answered");
        fault.spoil = true;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "none of 3 requests answered");
}

/* ---- what cannot be measured ---- */

static void test_permission(void **state) {
        fault.no_permission = true;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "this user may not send pings: no group of it is in net.ipv4.ping_group_range");
}

static void test_no_route(void **state) {
        need_network();
        assert_result(run_for(*state, "ping: 192.0.2.1", SHORT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "192.0.2.1: Network is unreachable");
}

static void test_send_errors(void **state) {
        need_network();
        fault.send_error = ENOBUFS;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_UNKNOWN, CAUSE_NONE,
                "sending to 127.0.0.1: No buffer space");
        fault.send_error = EHOSTUNREACH;
        assert_result(run_for(*state, "ping: 127.0.0.1", SHORT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "127.0.0.1: No route to host");
}

static void answer_name(const char *name, struct resolver_answer *ret) {
        *ret = (struct resolver_answer){.code = EAI_NONAME};
        if (strcmp(name, "both.example") == 0) {
                *ret = (struct resolver_answer){.count = 2};
                strcpy(ret->addresses[0], "::1"); /* style: allow strcpy: a literal that fits */
                strcpy(ret->addresses[1], "127.0.0.1"); /* style: allow strcpy: as above */
        }
}

static void test_names(void **state) {
        need_network();
        struct rig *rig = *state;
        resolver_set_look_up(rig->host.resolver, answer_name);
        assert_result(
                run_for(rig, "ping: {address: both.example, family: ipv4, count: 1}", RIG_TIMEOUT),
                OUTCOME_PASS, CAUSE_NONE, "1 of 1");
        assert_result(run_for(rig, "ping: gone.example", RIG_TIMEOUT), OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, "no such host: gone.example");
}

static void test_stopped(void **state) {
        need_network();
        struct rig *rig = *state;
        fault.lose = 7;
        rig_load(rig, "ping: 127.0.0.1");
        rig_start(rig, SHORT);
        rig_stop(rig);
        assert_string_equal(rig->result.detail, "0 of 1 requests answered within 400ms");
}

/* ---- bytes ---- */

static void test_parse(void **state) {
        uint8_t packet[PING_HEADER_SIZE + 16];
        const uint8_t nonce[PING_NONCE_SIZE] = "12345678", other[PING_NONCE_SIZE] = "12345679";
        (void) state;
        for (int v6 = 0; v6 < 2; v6++) {
                ping_echo_request(packet, 16, v6, 0x1234, nonce);
                assert_int_equal(ping_echo_parse_returned(packet, PING_HEADER_SIZE, v6), 0x1234);
                assert_true(ping_echo_parse_returned(packet, PING_HEADER_SIZE - 1, v6) < 0);
                assert_true(ping_echo_parse(packet, sizeof(packet), v6, 16, nonce) < 0);
                packet[0] = v6 ? 129 : 0;
                assert_int_equal(ping_echo_parse(packet, sizeof(packet), v6, 16, nonce), 0x1234);
                assert_true(ping_echo_parse(packet, sizeof(packet), !v6, 16, nonce) < 0);
                assert_true(ping_echo_parse(packet, sizeof(packet), v6, 16, other) < 0);
                assert_true(ping_echo_parse(packet, sizeof(packet) - 1, v6, 16, nonce) < 0);
                assert_true(ping_echo_parse(packet, 0, v6, 16, nonce) < 0);
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_answers),
                TEST(test_loss),
                TEST(test_slow),
                TEST(test_strange_replies),
                TEST(test_permission),
                TEST(test_no_route),
                TEST(test_send_errors),
                TEST(test_names),
                TEST(test_stopped),
                cmocka_unit_test(test_parse),
        };
        has_network = make_network();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
