/* What etcd's JSON gateway says, and what is no answer of it. */

#include <errno.h>

#include "base/cleanup.h"
#include "coordinator/etcd_text.h"
#include "unit_test.h"

#define HEADER "{\"header\":{\"revision\":\"7\"}"

static struct etcd_keys keys;

static void test_grant(void **state) {
        uint64_t lease = 0, ttl = 0;
        (void) state;
        const char *body = HEADER ",\"ID\":\"2324035728967613445\",\"TTL\":\"4\"}";
        assert_int_equal(etcd_parse_grant(body, &lease, &ttl, NULL), 0);
        assert_true(lease == 2324035728967613445 && ttl == 4);
}

static void test_keepalive(void **state) {
        uint64_t ttl = 1;
        (void) state;
        assert_int_equal(
                etcd_parse_keepalive(
                        "{\"result\":" HEADER ",\"ID\":\"5\",\"TTL\":\"30\"}}", &ttl, NULL),
                0);
        assert_int_equal(ttl, 30);
        assert_int_equal(
                etcd_parse_keepalive("{\"result\":" HEADER ",\"ID\":\"5\"}}", &ttl, NULL), 0);
        assert_int_equal(ttl, 0); /* gone */
}

static void test_range(void **state) {
        (void) state;
        assert_int_equal(etcd_parse_range(HEADER
                                 ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":"
                                 "\"2\",\"mod_revision\":\"8\",\"value\":\"YiBj\",\"lease\":\"9\"},"
                                 "{\"key\":\"YWI=\",\"create_revision\":\"3\"}]}",
                                 &keys, NULL),
                0);
        assert_int_equal(keys.count, 2);
        assert_string_equal(keys.items[0].key, "a");
        assert_string_equal(keys.items[0].value, "b c");
        assert_true(keys.items[0].created == 2 && keys.items[0].modified == 8 &&
                    keys.items[0].lease == 9);
        assert_string_equal(keys.items[1].key, "ab");
        assert_string_equal(keys.items[1].value, "");
        assert_int_equal(etcd_parse_range(HEADER "}", &keys, NULL), 0);
        assert_int_equal(keys.count, 0);
}

static void test_txn_token_and_error(void **state) {
        bool succeeded = true;
        char text[16];
        (void) state;
        assert_int_equal(etcd_parse_txn(HEADER "}", &succeeded, NULL), 0);
        assert_false(succeeded);
        assert_int_equal(etcd_parse_txn(HEADER ",\"succeeded\":true}", &succeeded, NULL), 0);
        assert_true(succeeded);
        assert_int_equal(
                etcd_parse_token(HEADER ",\"token\":\"abc.1\"}", text, sizeof(text), NULL), 0);
        assert_string_equal(text, "abc.1");
        etcd_parse_error(
                "{\"error\":\"x\",\"message\":\"no\\nway\",\"code\":7}", text, sizeof(text));
        assert_string_equal(text, "no?way");
        etcd_parse_error("<html>", text, sizeof(text));
        assert_string_equal(text, "");
}

static void test_garbage(void **state) {
        (void) state;
        static const char *const bodies[] = {"", "{", "[]", "null", "<html>", "{}",
                "{\"header\":1}", HEADER ",\"ID\":7,\"TTL\":4}",
                HEADER ",\"ID\":\"x\",\"TTL\":\"4\"}", HEADER ",\"ID\":\"-1\",\"TTL\":\"4\"}",
                HEADER ",\"ID\":\"99999999999999999999\",\"TTL\":\"4\"}", HEADER ",\"ID\":\"1\"}",
                "{\"result\":{\"header\":{},\"TTL\":\"\"}}", "{\"result\":[]}",
                HEADER ",\"token\":7,\"kvs\":[{\"key\":\"!\"}]}",
                HEADER ",\"kvs\":[{\"key\":\"YQ==\",\"value\":\"*\"}]}",
                HEADER ",\"token\":\"a\\r\\nHost: b\",\"kvs\":[null]}"};
        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                uint64_t a, b;
                bool succeeded;
                char text[64];
                unsigned refused = 0;
                refused += etcd_parse_grant(bodies[i], &a, &b, NULL) == -EBADMSG;
                refused += etcd_parse_keepalive(bodies[i], &a, NULL) == -EBADMSG;
                refused += etcd_parse_range(bodies[i], &keys, NULL) == -EBADMSG;
                refused += etcd_parse_txn(bodies[i], &succeeded, NULL) == -EBADMSG;
                refused += etcd_parse_token(bodies[i], text, sizeof(text), NULL) == -EBADMSG;
                assert_in_range(refused, i < 7 ? 5 : 3, 5);
        }
}

static void test_texts_are_sent_in_base64(void **state) {
        AUTO_STRBUF struct strbuf body = {0};
        (void) state;
        etcd_add_text(&body, "key", "/recoverd/shop", ",");
        assert_string_equal(strbuf_text(&body), "\"key\":\"L3JlY292ZXJkL3Nob3A=\",");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grant),
                cmocka_unit_test(test_keepalive),
                cmocka_unit_test(test_range),
                cmocka_unit_test(test_txn_token_and_error),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_texts_are_sent_in_base64),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
