#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "coordinator/peer_message.h"
#include "unit_test.h"

#define SECRET "a secret of the hosts"

static const struct peer_message question = {.kind = PEER_ASK,
        .group = "data",
        .from = "db1/pg",
        .to = "db2",
        .number = 1234567890123456,
        .nonce = "00112233445566778899aabbccddeeff",
        .terms = "ab"};

static void what_is_written_is_read(void **state) {
        (void) state;
        char data[PEER_MESSAGE_MAX];
        struct peer_message read, answer = question;
        int n = peer_message_format(&question, SECRET, data);
        assert_true(n > 0);
        assert_int_equal(peer_message_parse(data, (size_t) n, SECRET, &read), 0);
        assert_int_equal(read.kind, PEER_ASK);
        assert_string_equal(read.group, "data");
        assert_string_equal(read.from, "db1/pg");
        assert_string_equal(read.to, "db2");
        assert_int_equal(read.number, question.number);
        assert_string_equal(read.nonce, question.nonce);
        assert_string_equal(read.terms, "ab");
        answer.kind = PEER_NO;
        snprintf(answer.text, sizeof(answer.text), "it is no standby but active");
        n = peer_message_format(&answer, SECRET, data);
        assert_int_equal(peer_message_parse(data, (size_t) n, SECRET, &read), 0);
        assert_string_equal(read.text, "it is no standby but active");
}

static void each_byte_counts(void **state) {
        (void) state;
        char data[PEER_MESSAGE_MAX];
        struct peer_message read;
        int n = peer_message_format(&question, SECRET, data);
        for (int i = 0; i < n; i++) {
                data[i] ^= 1;
                assert_true(peer_message_parse(data, (size_t) n, SECRET, &read) < 0);
                data[i] ^= 1;
        }
        for (int length = 0; length < n; length++) {
                assert_true(peer_message_parse(data, (size_t) length, SECRET, &read) < 0);
        }
        assert_int_equal(peer_message_parse(data, (size_t) n, "another secret", &read), -EACCES);
        assert_int_equal(peer_message_parse(data, (size_t) n, SECRET, &read), 0);
}

static void signed_garbage_is_garbage(void **state) {
        (void) state;
        char data[PEER_MESSAGE_MAX];
        struct peer_message read, wrong = question;
        wrong.kind = 9;
        int n = peer_message_format(&wrong, SECRET, data);
        assert_int_equal(peer_message_parse(data, (size_t) n, SECRET, &read), -EBADMSG);
        wrong = question;
        snprintf(wrong.group, sizeof(wrong.group), "a\nb"); /* a line too many */
        n = peer_message_format(&wrong, SECRET, data);
        assert_int_equal(peer_message_parse(data, (size_t) n, SECRET, &read), -EBADMSG);
}

static void terms_are_what_a_promise_rests_on(void **state) {
        (void) state;
        struct group_member_spec members[] = {
                {.name = "a", .address = "10.0.0.1:1"}, {.name = "b", .address = "10.0.0.2:1"}};
        const struct group_member_spec turned[] = {members[1], members[0]};
        struct group_spec group = {.name = "g", .lease = 8, .members = members, .n_members = 2};
        char first[PEER_TERMS_MAX], other[PEER_TERMS_MAX];
        assert_int_equal(peer_terms(&group, first), 0);
        group.members = turned;
        assert_int_equal(peer_terms(&group, other), 0);
        assert_string_equal(first, other); /* in whatever order they are written */
        group.lease = 9;
        assert_int_equal(peer_terms(&group, other), 0);
        assert_string_not_equal(first, other);
        group.lease = 8;
        group.n_members = 1;
        assert_int_equal(peer_terms(&group, other), 0);
        assert_string_not_equal(first, other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(each_byte_counts),
                cmocka_unit_test(signed_garbage_is_garbage),
                cmocka_unit_test(terms_are_what_a_promise_rests_on),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
