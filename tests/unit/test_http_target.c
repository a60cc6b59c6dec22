/* Which name a request needs looked up. */

#include <string.h>

#include "base/cleanup.h"
#include "io/http_target.h"
#include "unit_test.h"

static const struct target_case {
        struct http_request request;
        const char *name, *port; /* NULL: none */
} cases[] = {
        {{.url = "http://shop.example/"}, "shop.example", "80"},
        {{.url = "https://shop.example"}, "shop.example", "443"},
        {{.url = "HTTPS://Shop.Example?q"}, "Shop.Example", "443"},
        {{.url = "http://shop.example:8080/a:b@c"}, "shop.example", "8080"},
        {{.url = "http://user:pass@shop.example:81/"}, "shop.example", "81"},
        {{.url = "http://a@b@shop.example/"}, "shop.example", "80"},
        {{.url = "shop.example/health"}, "shop.example", "80"},
        {{.url = "http://db_1/"}, "db_1", "80"},
        {{.url = "http://127.0.0.1:8080/"}, NULL, NULL},
        {{.url = "http://127.1/"}, NULL, NULL},
        {{.url = "http://0x7f000001/"}, NULL, NULL},
        {{.url = "http://[::1]:8080/"}, NULL, NULL},
        {{.url = "http://localhost:8080/"}, NULL, NULL},
        {{.url = "http://a.LOCALHOST/"}, NULL, NULL},
        {{.url = "http://notlocalhost/"}, "notlocalhost", "80"},
        {{.url = "http://b\xc3\xbc"
                 "cher.example/"},
                NULL, NULL},
        {{.url = "http://%31/"}, NULL, NULL},
        {{.url = "http://:80/"}, NULL, NULL},
        {{.url = "http://shop.example:/"}, NULL, NULL},
        {{.url = "http://shop.example:123456/"}, NULL, NULL},
        {{.url = ""}, NULL, NULL},
        {{.url = "http://shop.example/", .unix_socket = "/run/x"}, NULL, NULL},
        {{.url = "http://shop.example/", .connect_to = "10.0.0.1:80"}, NULL, NULL},
        {{.url = "http://10.0.0.1/", .connect_to = "web1:8080"}, "web1", "8080"},
};

static void test_names(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct http_target target;
                bool found = http_target_name(&cases[i].request, &target);
                if (found != (cases[i].name != NULL)) {
                        fail_msg("%s", cases[i].request.url);
                }
                if (found) {
                        assert_string_equal(target.name, cases[i].name);
                        assert_string_equal(target.port, cases[i].port);
                }
        }
}

static void test_a_name_that_is_too_long(void **state) {
        char url[400] = "http://";
        struct http_target target;

        (void) state;
        memset(url + 7, 'x', 253);
        assert_true(http_target_name(&(struct http_request){.url = url}, &target));
        url[7 + 253] = 'x';
        assert_false(http_target_name(&(struct http_request){.url = url}, &target));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_a_name_that_is_too_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
