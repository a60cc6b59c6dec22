/* Frames that ask for an address and announce one, byte by byte after the RFCs, and what counts as
 * an answer. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "executor/neighbour.h"
#include "unit_test.h"

static const uint8_t own[NEIGHBOUR_MAC_SIZE] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t other[NEIGHBOUR_MAC_SIZE] = {0x02, 0, 0, 0, 0, 0x02};

static struct neighbour_address address_of(const char *text) {
        struct neighbour_address address;
        assert_int_equal(neighbour_address_parse(text, &address), 0);
        return address;
}

static void test_addresses(void **state) {
        (void) state;
        struct neighbour_address address;
        assert_int_equal(address_of("192.0.2.10").family, AF_INET);
        assert_int_equal(address_of("2001:db8::10").family, AF_INET6);
        assert_int_equal(neighbour_address_parse("192.0.2.10/24", &address), -EINVAL);
        assert_int_equal(neighbour_address_parse("eth0", &address), -EINVAL);
        assert_int_equal(neighbour_address_parse("", &address), -EINVAL);
}

static void test_an_arp_probe_tells_nobody_an_address(void **state) {
        (void) state;
        static const uint8_t wanted[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 8,
                6, 0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192,
                0, 2, 10};
        const struct neighbour_address address = address_of("192.0.2.10");
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        assert_int_equal(neighbour_make_probe(&address, own, frame), sizeof(wanted));
        assert_memory_equal(frame, wanted, sizeof(wanted));
}

static void test_an_arp_announcement_has_the_address_twice(void **state) {
        (void) state;
        const struct neighbour_address address = address_of("192.0.2.10");
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        assert_int_equal(neighbour_make_announcement(&address, own, frame), 42);
        assert_memory_equal(frame + 28, address.bytes, 4);
        assert_memory_equal(frame + 38, address.bytes, 4);
}

/* The one's complement sum over the pseudo header and the message, checksum included, is all ones.
 */
static uint16_t sum_of(const uint8_t *frame, size_t length) {
        uint32_t sum = (uint32_t) (length - 54) + 58;
        for (size_t i = 22; i < length; i += 2) {
                sum += (uint32_t) frame[i] << 8 | frame[i + 1];
        }
        while (sum >> 16) {
                sum = (sum & 0xffff) + (sum >> 16);
        }
        return (uint16_t) sum;
}

static void test_a_solicitation_comes_from_nobody(void **state) {
        (void) state;
        static const uint8_t to[] = {0x33, 0x33, 0xff, 0x12, 0x34, 0x56};
        static const uint8_t nobody[16];
        const struct neighbour_address address = address_of("2001:db8::ab12:3456");
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        assert_int_equal(neighbour_make_probe(&address, own, frame), 78);
        assert_memory_equal(frame, to, sizeof(to));
        assert_memory_equal(frame + 22, nobody, 16);
        assert_int_equal(frame[21], 255);
        assert_int_equal(frame[54], 135);
        assert_memory_equal(frame + 62, address.bytes, 16);
        assert_int_equal(sum_of(frame, 78), 0xffff);
}

static void test_an_advertisement_overrides(void **state) {
        (void) state;
        static const uint8_t to[] = {0x33, 0x33, 0, 0, 0, 1};
        const struct neighbour_address address = address_of("2001:db8::10");
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        assert_int_equal(neighbour_make_announcement(&address, own, frame), 86);
        assert_memory_equal(frame, to, sizeof(to));
        assert_memory_equal(frame + 22, address.bytes, 16);
        assert_int_equal(frame[54], 136);
        assert_int_equal(frame[58], 0x20);
        assert_int_equal(frame[78], 2);
        assert_memory_equal(frame + 80, own, sizeof(own));
        assert_int_equal(sum_of(frame, 86), 0xffff);
}

static bool conflicts(const char *address, const uint8_t *frame, size_t length) {
        const struct neighbour_address wanted = address_of(address);
        uint8_t whose[NEIGHBOUR_MAC_SIZE];
        bool conflict = neighbour_is_conflict(&wanted, own, frame, length, whose);
        if (conflict) {
                assert_memory_equal(whose, other, sizeof(other));
        }
        return conflict;
}

static void test_who_has_it_and_who_asks_too(void **state) {
        (void) state;
        const char *const texts[] = {"192.0.2.10", "2001:db8::10"};
        const char *const neighbours[] = {"192.0.2.11", "2001:db8::11"};
        for (int i = 0; i < 2; i++) {
                const struct neighbour_address address = address_of(texts[i]);
                uint8_t frame[NEIGHBOUR_FRAME_MAX];
                size_t length = neighbour_make_announcement(&address, other, frame);
                assert_true(conflicts(texts[i], frame, length));
                assert_false(conflicts(neighbours[i], frame, length));
                assert_false(conflicts(texts[i], frame, length > 50 ? 40 : 30));
                length = neighbour_make_probe(&address, other, frame);
                assert_true(conflicts(texts[i], frame, length));
                length = neighbour_make_announcement(&address, own, frame);
                assert_false(conflicts(texts[i], frame, length));
        }
}

/* Somebody who looks for its owner, as all do who want to send to it. */
static void test_a_question_is_no_conflict(void **state) {
        (void) state;
        const struct neighbour_address address = address_of("192.0.2.10");
        uint8_t frame[NEIGHBOUR_FRAME_MAX];
        size_t length = neighbour_make_probe(&address, other, frame);
        frame[28] = 192; /* it has an address of its own */
        assert_false(conflicts("192.0.2.10", frame, length));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_an_arp_probe_tells_nobody_an_address),
                cmocka_unit_test(test_an_arp_announcement_has_the_address_twice),
                cmocka_unit_test(test_a_solicitation_comes_from_nobody),
                cmocka_unit_test(test_an_advertisement_overrides),
                cmocka_unit_test(test_who_has_it_and_who_asks_too),
                cmocka_unit_test(test_a_question_is_no_conflict),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
