/* How policies name servers, weights and sockets of HAProxy. */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "model/haproxy.h"
#include "unit_test.h"

static void test_servers(void **state) {
        (void) state;
        static const char *const wrong[] = {"", "web1", "shop/", "/web1", "shop/web1/x",
                "shop/web 1", "shop/web1;shutdown", "shop/web1\nquit", "sh\\op/web1"};
        struct haproxy_target target;
        assert_int_equal(haproxy_target_parse("shop_be/web-1.example:80", &target, NULL), 0);
        assert_string_equal(target.backend, "shop_be");
        assert_string_equal(target.server, "web-1.example:80");
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                struct error err = {0};
                assert_int_equal(haproxy_target_parse(wrong[i], &target, &err), -EINVAL);
                assert_non_null(strstr(err.text, "BACKEND/SERVER"));
        }
}

static void test_weights(void **state) {
        (void) state;
        static const char *const wrong[] = {
                "", "%", "257", "101%", "-1", "1.5", "50 %", " 5", "0x10", "99999999999999999999"};
        struct haproxy_weight weight;
        assert_int_equal(haproxy_weight_parse("256", &weight, NULL), 0);
        assert_true(weight.value == 256 && !weight.percent);
        assert_int_equal(haproxy_weight_parse("0%", &weight, NULL), 0);
        assert_true(weight.value == 0 && weight.percent);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                assert_int_equal(haproxy_weight_parse(wrong[i], &weight, NULL), -EINVAL);
        }
}

static void test_sockets(void **state) {
        (void) state;
        static const char *const wrong[] = {"", "run/haproxy.sock", "tcp ", "tcp 10.0.0.5",
                "tcp 10.0.0.5:0", "tcp 10.0.0.5:65536", "tcp lb1:9999", "tcp [fd00::5:9999",
                "tcp []:9999", "tcp fd00::5:9999", "10.0.0.5:9999", "tcp [:9"};
        struct haproxy_socket socket;
        assert_int_equal(haproxy_socket_parse("/run/haproxy/admin.sock", &socket, NULL), 0);
        assert_int_equal(socket.address.ss_family, AF_UNIX);
        assert_int_equal(haproxy_socket_parse("tcp 10.0.0.5:9999", &socket, NULL), 0);
        assert_int_equal(ntohs(((struct sockaddr_in *) &socket.address)->sin_port), 9999);
        assert_int_equal(haproxy_socket_parse("tcp [fd00::5]:9999", &socket, NULL), 0);
        assert_int_equal(socket.address.ss_family, AF_INET6);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                assert_int_equal(haproxy_socket_parse(wrong[i], &socket, NULL), -EINVAL);
        }
}

static void test_a_path_that_is_too_long(void **state) {
        (void) state;
        struct haproxy_socket socket;
        struct error err = {0};
        char path[sizeof(((struct sockaddr_un *) NULL)->sun_path) + 1];
        memset(path, 'a', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(haproxy_socket_parse(path, &socket, &err), -EINVAL);
        assert_string_equal(err.text, "a path of more than 107 bytes");
        path[sizeof(path) - 2] = '\0';
        assert_int_equal(haproxy_socket_parse(path, &socket, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_servers),
                cmocka_unit_test(test_weights),
                cmocka_unit_test(test_sockets),
                cmocka_unit_test(test_a_path_that_is_too_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
