/* Which requests go without libcurl, to which address, and how they look on the wire. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/http_plain.h"
#include "unit_test.h"

#define URL "http://127.0.0.1:8080/"

static const char *const lines[] = {"X: 1", "Host: shop", "Accept: text/plain", "Connection: close",
        "te: trailers", "X-Empty: ", "X;: 1", "Authorization: x", "User-Agent: me"};

static struct http_session *some_session = (struct http_session *) &some_session;
static struct http_keep some_keep;

static const struct plain_case {
        struct http_request request;
        const char *address; /* NULL: it goes over libcurl */
} cases[] = {
        {{.url = URL}, "127.0.0.1:8080"},
        {{.url = "HTTP://127.0.0.1"}, "127.0.0.1:80"},
        {{.url = "http://127.0.0.1?q=a%20b"}, "127.0.0.1:80"},
        {{.url = "http://[::1]:8080/a/../b"}, "::1:8080"},
        {{.url = "http://[::1]/"}, "::1:80"},
        {{.url = URL, .method = "POST", .body = "x", .body_length = 1}, "127.0.0.1:8080"},
        {{.url = URL, .version = HTTP_VERSION_1_1, .user = "me"}, "127.0.0.1:8080"},
        {{.url = URL, .headers = lines, .n_headers = 3}, "127.0.0.1:8080"},
        {{.url = URL, .headers = lines + 8, .n_headers = 1}, "127.0.0.1:8080"},
        {{.url = URL, .connect_to = "10.0.0.1:81"}, "10.0.0.1:81"},
        {{.url = "http://shop.example/", .connect_to = "[fe80::1]:81"}, "fe80::1:81"},
        {{.url = "http://shop.example/", .unix_socket = "/run/shop"}, "/run/shop"},
        {{.url = URL, .keep = &some_keep}, "127.0.0.1:8080"},
        {{.url = URL, .keep = &some_keep, .method = "HEAD"}, "127.0.0.1:8080"},

        {{.url = "https://127.0.0.1/"}, NULL},
        {{.url = "127.0.0.1/"}, NULL},
        {{.url = ""}, NULL},
        {{.url = "http://"}, NULL},
        {{.url = "http://localhost/"}, NULL},
        {{.url = "http://shop.example/"}, NULL}, /* nobody has looked it up */
        {{.url = "http://127.1/"}, NULL},
        {{.url = "http://2130706433/"}, NULL},
        {{.url = "http://127.1/", .connect_to = "10.0.0.1:81"}, NULL},
        {{.url = "http://me@127.0.0.1/"}, NULL},
        {{.url = "http://127.0.0.1:/"}, NULL},
        {{.url = "http://127.0.0.1:080/"}, NULL},
        {{.url = "http://127.0.0.1:65536/"}, NULL},
        {{.url = "http://127.0.0.1:8x/"}, NULL},
        {{.url = "http://127.0.0.1/#part"}, NULL},
        {{.url = "http://127.0.0.1/a b"}, NULL},
        {{.url = "http://127.0.0.1/\r\nX: 1"}, NULL},
        {{.url = "http://127.0.0.1/\xc3\xbc"}, NULL},
        {{.url = "http://[::1"}, NULL},
        {{.url = "http://[::1]x/"}, NULL},
        {{.url = "http://[0:0::1]/"}, NULL},
        {{.url = "http://[fe80::1%25eth0]/"}, NULL},
        {{.url = URL, .method = "CONNECT"}, NULL},
        {{.url = URL, .method = "HEAD", .body = "x", .body_length = 1}, NULL},
        {{.url = URL, .keep = &some_keep, .method = "POST"}, NULL},
        {{.url = URL, .version = HTTP_VERSION_1_0}, NULL},
        {{.url = URL, .version = HTTP_VERSION_2_PRIOR_KNOWLEDGE}, NULL},
        {{.url = URL, .follow_redirects = true}, NULL},
        {{.url = URL, .want_certificate = true}, NULL},
        {{.url = URL, .connect_timeout = 1}, NULL},
        {{.url = URL, .user = "me", .bearer = "token"}, NULL},
        {{.url = URL, .bearer = "token\r\nX: 1"}, NULL},
        {{.url = URL, .headers = lines + 3, .n_headers = 1}, NULL},
        {{.url = URL, .headers = lines + 4, .n_headers = 1}, NULL},
        {{.url = URL, .headers = lines + 5, .n_headers = 1}, NULL},
        {{.url = URL, .headers = lines + 6, .n_headers = 1}, NULL},
        {{.url = URL, .headers = lines + 7, .n_headers = 1}, NULL},
        {{.url = URL, .connect_to = "10.0.0.1"}, NULL},
        {{.url = URL, .connect_to = "web1:81"}, NULL},
        {{.url = URL, .unix_socket = ""}, NULL},
        {{.url = URL,
                 .unix_socket = "/0123456789/0123456789/0123456789/0123456789/0123456789/"
                                "0123456789/0123456789/0123456789/0123456789/0123456789"},
                NULL},
};

static const char *text_of(const struct http_address *address, char text[200]) {
        char host[INET6_ADDRSTRLEN] = "";

        switch (address->any.sa_family) {
        case AF_INET:
                inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
                (void) snprintf(text, 200, "%s:%d", host, ntohs(address->v4.sin_port));
                break;
        case AF_INET6:
                inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
                (void) snprintf(text, 200, "%s:%d", host, ntohs(address->v6.sin6_port));
                break;
        default:
                (void) snprintf(text, 200, "%s", address->local.sun_path);
        }
        return text;
}

static void test_which_way(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct http_address address;
                char text[200];
                bool plain = http_plain_suits(&cases[i].request, NULL, &address);
                if (plain != (cases[i].address != NULL)) {
                        fail_msg("case %zu: %s", i, cases[i].request.url);
                }
                if (plain) {
                        assert_string_equal(text_of(&address, text), cases[i].address);
                }
        }
}

static void test_a_session_goes_over_libcurl(void **state) {
        const struct http_request request = {.url = URL, .session = some_session};
        struct http_address address;

        (void) state;
        assert_false(http_plain_suits(&request, NULL, &address));
}

static void test_a_name_needs_a_single_address(void **state) {
        struct http_request request = {.url = "http://shop.example:81/"};
        struct resolver_answer answer = {.count = 1, .addresses = {"10.0.0.1", "10.0.0.2"}};
        struct http_address address;
        char text[200];

        (void) state;
        assert_true(http_plain_suits(&request, &answer, &address));
        assert_string_equal(text_of(&address, text), "10.0.0.1:81");
        request.connect_to = "web1:82";
        assert_true(http_plain_suits(&request, &answer, &address));
        assert_string_equal(text_of(&address, text), "10.0.0.1:82");
        answer.count = 2;
        assert_false(http_plain_suits(&request, &answer, &address));
}

static const struct format_case {
        struct http_request request;
        const char *text;
} formats[] = {
        {{.url = "http://127.0.0.1:8080/a?b=c"},
                "GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: recoverd/" RECOVERD_VERSION
                "\r\nAccept: */*\r\n\r\n"},
        {{.url = "http://[::1]:80?b", .method = "HEAD", .headers = lines + 8, .n_headers = 1},
                "HEAD /?b HTTP/1.1\r\nHost: [::1]\r\nAccept: */*\r\nUser-Agent: me\r\n\r\n"},
        {{.url = "http://10.0.0.1",
                 .method = "POST",
                 .headers = lines,
                 .n_headers = 3,
                 .user = "me",
                 .password = "se:cret"},
                "POST / HTTP/1.1\r\nHost: shop\r\nAuthorization: Basic bWU6c2U6Y3JldA==\r\n"
                "User-Agent: recoverd/" RECOVERD_VERSION
                "\r\nX: 1\r\nAccept: text/plain\r\nContent-Length: 0\r\n\r\n"},
        {{.url = "http://10.0.0.1/",
                 .method = "PUT",
                 .bearer = "abc",
                 .body = "{}",
                 .body_length = 2},
                "PUT / HTTP/1.1\r\nHost: 10.0.0.1\r\nAuthorization: Bearer abc\r\n"
                "User-Agent: recoverd/" RECOVERD_VERSION
                "\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n{}"},
};

static void test_on_the_wire(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                AUTO_STRBUF struct strbuf buf = {0};
                http_plain_format(&formats[i].request, &buf);
                assert_string_equal(strbuf_text(&buf), formats[i].text);
        }
}

static void test_peers(void **state) {
        const struct http_request with_port = {.url = URL}, without = {.url = "http://[::1]/"},
                                  there = {.url = URL, .connect_to = "10.0.0.1:81"},
                                  local = {.url = URL, .unix_socket = "/run/shop"};
        char text[HTTP_PEER_MAX];

        (void) state;
        assert_string_equal(http_plain_peer(&with_port, text), "127.0.0.1:8080");
        assert_string_equal(http_plain_peer(&without, text), "[::1]:80");
        assert_string_equal(http_plain_peer(&there, text), "10.0.0.1:81");
        assert_string_equal(http_plain_peer(&local, text), "/run/shop");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_which_way),
                cmocka_unit_test(test_a_session_goes_over_libcurl),
                cmocka_unit_test(test_a_name_needs_a_single_address),
                cmocka_unit_test(test_on_the_wire),
                cmocka_unit_test(test_peers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
