/* The packets between agent and executor: what is written is read again, and nothing else is. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "model/wire.h"
#include "unit_test.h"

static struct wire_message decode(const char *packet) {
        struct wire_message message = {0};
        struct error err = {0};
        if (wire_decode(packet, strlen(packet), &message, &err) < 0) {
                fail_msg("%s", err.text);
        }
        return message;
}

static void assert_refused(const char *packet, size_t length, const char *why) {
        struct wire_message message = {.pid = 77};
        struct error err = {0};
        assert_int_equal(wire_decode(packet, length, &message, &err), -EBADMSG);
        assert_string_equal(err.text, why);
        assert_int_equal(message.pid, 77);
}

static void test_round_trip_keeps_every_member(void **state) {
        (void) state;
        struct wire_message sent = {
                .type = WIRE_OBSERVATION,
                .version = WIRE_VERSION,
                .request = UINT64_MAX,
                .incident = 42,
                .attempt = 3,
                .step = STEP_NONE,
                .action = ACTION_STOP,
                .role = MEMBER_STUCK,
                .proven = true,
                .token = UINT64_MAX,
                .deadline = 12345678,
                .ok = true,
                .running = true,
                .busy = true,
                .adopted = true,
                .certain = true,
                .has_value = true,
                .pid = 4194304,
                .start_time = 123456789,
                .since = 1700000000000000,
                .exit_kind = WIRE_EXIT_SIGNAL,
                .exit_code = 11,
                .core_dumped = true,
                .expected = true,
                .refusal = REFUSAL_BUDGET,
                .outcome = OUTCOME_TIMEOUT,
                .cause = CAUSE_SLOW,
                .value = 0.1,
                .duration = 1500,
                .timeout = 2000000,
                .service = "shop@1.web-a_b",
                .probe = "health",
                .digest = "0123456789abcdef",
                .text = "no answer = none",
        };
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(&sent, packet);
        assert_true(length > 0);
        struct wire_message got = {0};
        assert_int_equal(wire_decode(packet, (size_t) length, &got, NULL), 0);
        assert_memory_equal(&got, &sent, sizeof(got));
}

static void test_only_what_differs_from_zero_is_sent(void **state) {
        (void) state;
        struct wire_message message = {.type = WIRE_LIST};
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(&message, packet);
        assert_int_equal(length, strlen("type=list\n"));
        assert_memory_equal(packet, "type=list\n", (size_t) length);
}

static void test_a_text_cannot_smuggle_a_line(void **state) {
        (void) state;
        struct wire_message message = {.type = WIRE_DONE, .text = "failed\nok=1\nrequest=9"};
        char packet[WIRE_PACKET_MAX + 1];
        ssize_t length = wire_encode(&message, packet);
        assert_true(length > 0);
        packet[length] = '\0';
        struct wire_message got = decode(packet);
        assert_false(got.ok);
        assert_int_equal(got.request, 0);
        assert_string_equal(got.text, "failed ok=1 request=9");
}

static void test_unknown_keys_are_ignored(void **state) {
        (void) state;
        struct wire_message got = decode("type=done\nfuture=1\nok=1\n");
        assert_int_equal(got.type, WIRE_DONE);
        assert_true(got.ok);
}

static void test_the_longest_members_fit(void **state) {
        (void) state;
        struct wire_message message = {.type = WIRE_DONE, .value = -1.2345678901234567e-300};
        memset(message.service, 's', sizeof(message.service) - 1);
        memset(message.probe, 'p', sizeof(message.probe) - 1);
        memset(message.digest, 'd', sizeof(message.digest) - 1);
        memset(message.text, 't', sizeof(message.text) - 1);
        char packet[WIRE_PACKET_MAX];
        ssize_t length = wire_encode(&message, packet);
        assert_true(length > 0 && length < WIRE_PACKET_MAX);
        struct wire_message got;
        assert_int_equal(wire_decode(packet, (size_t) length, &got, NULL), 0);
        assert_memory_equal(&got, &message, sizeof(got));
}

static const struct {
        const char *packet, *why;
} malformed[] = {
        {"", "empty"},
        {"type=list", "the last line is cut"},
        {"type=list\nok=1", "the last line is cut"},
        {"type\n", "a line without '='"},
        {"\n", "a line without '='"},
        {"ok=1\ntype=list\n", "does not begin with type="},
        {"type=format-disk\n", "unknown type"},
        {"future=1\ntype=list\n", "does not begin with type="},
        {"type=list\ntype=do\n", "type: twice"},
        {"type=do\nrequest=1\nrequest=2\n", "request: twice"},
        {"type=do\nrequest=\n", "request: expected a count"},
        {"type=do\nrequest=-1\n", "request: expected a count"},
        {"type=do\nrequest= 1\n", "request: expected a count"},
        {"type=do\nrequest=1x\n", "request: expected a count"},
        {"type=do\nrequest=18446744073709551616\n", "request: expected a count"},
        {"type=do\nattempt=4294967296\n", "attempt: expected a count"},
        {"type=do\nstep=-\n", "step: expected an integer"},
        {"type=do\nstep=2147483648\n", "step: expected an integer"},
        {"type=do\naction=explode\n", "unknown action"},
        {"type=done\nok=2\n", "ok: expected a count"},
        {"type=observation\nvalue=nan\n", "value: expected a finite number"},
        {"type=observation\nvalue=inf\n", "value: expected a finite number"},
        {"type=observation\nvalue=\n", "value: expected a finite number"},
        {"type=do\nservice=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                "service: too long"},
};

static void test_malformed_packets_are_refused(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(malformed); i++) {
                assert_refused(malformed[i].packet, strlen(malformed[i].packet), malformed[i].why);
        }
        assert_refused("type=list\n\0\n", 12, "holds a zero byte");
        char big[WIRE_PACKET_MAX + 1];
        memset(big, 'x', sizeof(big));
        assert_refused(big, sizeof(big), "longer than 4096 bytes");
}

/* Bytes flipped at random: whatever is accepted can be sent again. */
static void test_noise_is_refused_or_understood(void **state) {
        (void) state;
        struct rng rng;
        uint64_t seed = 20240301;
        print_message("seed %llu\n", (unsigned long long) seed);
        rng_seed(&rng, seed);
        const char base[] = "type=service\nrequest=7\nservice=web\nrunning=1\npid=12\ntext=fine\n";
        for (int round = 0; round < 20000; round++) {
                char packet[sizeof(base)], again[WIRE_PACKET_MAX];
                memcpy(packet, base, sizeof(base));
                for (int flips = 0; flips < 3; flips++) {
                        packet[rng_below(&rng, sizeof(base) - 1)] = (char) rng_below(&rng, 256);
                }
                struct wire_message message;
                if (wire_decode(packet, sizeof(base) - 1, &message, NULL) == 0) {
                        assert_true(wire_encode(&message, again) > 0);
                }
        }
}

static void lines_are_folded_and_unfolded(void **state) {
        (void) state;
        static const char lines[] = "-port 1\n+port 2\n";
        char line[64], back[64], cut[14];
        wire_fold(lines, line, sizeof(line));
        assert_null(strchr(line, '\n'));
        wire_unfold(line, back, sizeof(back));
        assert_string_equal(back, lines);
        wire_fold(lines, cut, sizeof(cut)); /* the second line does not fit */
        wire_unfold(cut, back, sizeof(back));
        assert_string_equal(back, "-port 1\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip_keeps_every_member),
                cmocka_unit_test(test_only_what_differs_from_zero_is_sent),
                cmocka_unit_test(test_a_text_cannot_smuggle_a_line),
                cmocka_unit_test(test_unknown_keys_are_ignored),
                cmocka_unit_test(test_the_longest_members_fit),
                cmocka_unit_test(test_malformed_packets_are_refused),
                cmocka_unit_test(test_noise_is_refused_or_understood),
                cmocka_unit_test(lines_are_folded_and_unfolded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
