/* What a HAProxy 2.6 said, and what one could say. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "executor/haproxy_answer.h"
#include "unit_test.h"

static const struct haproxy_target web1 = {"shop", "web1"};

#define STATE_HEADER                                                                               \
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "    \
        "srv_iweight srv_time_since_last_change\n"
#define STAT_HEADER "# pxname,svname,qcur,qmax,scur,smax,slim,stot\n"

static struct haproxy_server server_of(const char *answer) {
        struct haproxy_server server;
        struct error err = {0};
        if (haproxy_answer_server(answer, &web1, &server, &err) < 0) {
                fail_msg("%s", err.text);
        }
        return server;
}

static void assert_refused(const char *answer, int code, const char *text) {
        struct haproxy_server server;
        struct error err = {0};
        assert_int_equal(haproxy_answer_server(answer, &web1, &server, &err), code);
        if (!strstr(err.text, text)) {
                fail_msg("'%s' is not in '%s'", text, err.text);
        }
}

static void test_a_server(void **state) {
        (void) state;
        struct haproxy_server server =
                server_of(STATE_HEADER "3 shop 1 web10 127.0.0.1 0 0 1 1 14\n"
                                       "3 shop 2 web1 127.0.0.1 2 8 50 100 14\n\n");
        assert_int_equal(server.backend_id, 3);
        assert_int_equal(server.server_id, 2);
        assert_int_equal(server.state, SERVER_DRAIN);
        assert_true(server.up);
        assert_int_equal(server.weight, 50);
        assert_int_equal(server.initial_weight, 100);
}

static void test_states(void **state) {
        (void) state;
        static const struct {
                const char *numbers;
                int state;
                bool up;
        } rows[] = {
                {"2 0", SERVER_READY, true},
                {"0 0", SERVER_READY, false},
                {"1 16", SERVER_DRAIN, true},
                {"3 8", SERVER_DRAIN, false},
                {"0 1", SERVER_MAINT, false},
                {"0 5", SERVER_MAINT, false},
                {"0 9", SERVER_MAINT, false},
                {"0 32", SERVER_MAINT, false},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char answer[512];
                snprintf(answer, sizeof(answer), STATE_HEADER "3 shop 2 web1 - %s 1 1 14\n",
                        rows[i].numbers);
                struct haproxy_server server = server_of(answer);
                assert_int_equal(server.state, rows[i].state);
                assert_int_equal(server.up, rows[i].up);
        }
}

static void test_columns_are_found_by_name(void **state) {
        (void) state;
        struct haproxy_server server = server_of(
                "2\n# srv_name be_name new srv_admin_state srv_op_state srv_id be_id srv_iweight "
                "srv_uweight\nweb1 shop x 0 2 7 9 4 3\n");
        assert_true(server.backend_id == 9 && server.server_id == 7 && server.weight == 3);
}

static void test_what_is_wrong_is_told(void **state) {
        (void) state;
        assert_refused("Can't find backend.\n\n", -ENOENT, "no such backend");
        assert_refused("Permission denied\n\n", -EPERM, "level admin");
        assert_refused("Unknown command. Please enter one of\n", -EPROTO, "Runtime API");
        assert_refused("", -EPROTO, "nothing");
        assert_refused("\n\n", -EPROTO, "nothing");
        assert_refused("HTTP/1.0 400 Bad request\r\n", -EPROTO, "'HTTP/1.0 400 Bad request'");
        assert_refused("a\nb\nc\n", -EPROTO, "answers 'a'");
        assert_refused(STATE_HEADER, -ENOENT, "no server web1");
        assert_refused(STATE_HEADER "3 other 2 web1 - 2 0 1 1 14\n", -ENOENT, "no server web1");
        assert_refused(STATE_HEADER "3 shop 2 web1 - x 0 1 1 14\n", -EPROTO, "lacks a number");
        assert_refused(STATE_HEADER "3 shop 2 web1\n", -EPROTO, "lacks a number");
        assert_refused(STATE_HEADER "3 shop 2 web1 - 2 -1 1 1 14\n", -EPROTO, "lacks a number");
        assert_refused(
                STATE_HEADER "99999999999 shop 2 web1 - 2 0 1 1\n", -EPROTO, "lacks a number");
        assert_refused("1\n# be_id be_name\n3 shop\n", -EPROTO, "without srv_name");
        assert_refused("\x01\x02 \xff garbage", -EPROTO, "?? ? garbage");
}

static void test_an_answer_to_a_command(void **state) {
        (void) state;
        struct error err = {0};
        assert_int_equal(haproxy_answer_check("\n", &web1, &err), 0);
        assert_int_equal(haproxy_answer_check("", &web1, &err), 0);
        assert_int_equal(haproxy_answer_check("No such server.\n\n", &web1, &err), -ENOENT);
        assert_string_equal(err.text, "shop/web1: the backend has no such server");
        assert_int_equal(haproxy_answer_check("No such backend.\n", &web1, &err), -ENOENT);
        assert_int_equal(haproxy_answer_check("Backend is using a static LB algorithm and only "
                                              "accepts weights '0%' and '100%'.\n",
                                 &web1, &err),
                -EPROTO);
        assert_non_null(strstr(err.text, "static LB algorithm"));
}

static void test_sessions(void **state) {
        (void) state;
        uint32_t sessions = 7;
        struct error err = {0};
        assert_int_equal(haproxy_answer_sessions(
                                 STAT_HEADER "shop,web1,2,0,3,9,,12\n\n", &web1, &sessions, &err),
                0);
        assert_int_equal(sessions, 5);
        assert_int_equal(haproxy_answer_sessions(STAT_HEADER "shop,web1,4294967295,0,3,9,,12\n",
                                 &web1, &sessions, &err),
                0);
        assert_int_equal(sessions, UINT32_MAX);
        assert_int_equal(
                haproxy_answer_sessions(STAT_HEADER "shop,web1,,0,3\n", &web1, &sessions, &err),
                -EPROTO);
        assert_int_equal(
                haproxy_answer_sessions("No such proxy.\n", &web1, &sessions, &err), -ENOENT);
}

static void test_weights(void **state) {
        (void) state;
        const struct haproxy_server server = {.initial_weight = 30};
        assert_int_equal(haproxy_weight_of(&server, (struct haproxy_weight){7, false}), 7);
        assert_int_equal(haproxy_weight_of(&server, (struct haproxy_weight){50, true}), 15);
        assert_int_equal(haproxy_weight_of(&server, (struct haproxy_weight){5, true}), 1);
        const struct haproxy_server odd = {.initial_weight = UINT32_MAX};
        assert_int_equal(haproxy_weight_of(&odd, (struct haproxy_weight){100, true}), 256);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_server),
                cmocka_unit_test(test_states),
                cmocka_unit_test(test_columns_are_found_by_name),
                cmocka_unit_test(test_what_is_wrong_is_told),
                cmocka_unit_test(test_an_answer_to_a_command),
                cmocka_unit_test(test_sessions),
                cmocka_unit_test(test_weights),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
