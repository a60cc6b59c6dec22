/* The pure parts of the control interface: the JSON writer, bodies of commands, addresses,
 * permissions. */

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/listen_address.h"
#include "base/log.h"
#include "control/command_args.h"
#include "control/json_writer.h"
#include "control/peers.h"
#include "control/routes.h"
#include "support/fake_runtime.h"

/* ---- JSON ---- */

static void writes_nested_values(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        struct json_writer json = {.out = &out};
        json_begin_object(&json, NULL);
        json_put_uint(&json, "n", UINT64_MAX);
        json_put_int(&json, "least", INT64_MIN);
        json_begin_array(&json, "list");
        json_put_bool(&json, NULL, true);
        json_put_null(&json, NULL);
        json_begin_object(&json, NULL);
        json_end_object(&json);
        json_end_array(&json);
        json_put_text(&json, "none", NULL);
        json_put_number(&json, "inf", 1.0 / 0.0);
        json_end_object(&json);
        assert_string_equal(strbuf_text(&out),
                "{\"n\":18446744073709551615,\"least\":-9223372036854775808,"
                "\"list\":[true,null,{}],\"none\":null,\"inf\":null}");
}

static void writes_seconds_without_trailing_zeros(void **state) {
        (void) state;
        static const struct {
                usec_t duration;
                const char *text;
        } rows[] = {
                {0, "0"},
                {1, "0.000001"},
                {1500000, "1.5"},
                {60 * USEC_PER_SEC, "60"},
                {12700, "0.0127"},
                {USEC_PER_SEC + 10, "1.00001"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_STRBUF struct strbuf out = {0};
                struct json_writer json = {.out = &out};
                json_put_seconds(&json, NULL, rows[i].duration);
                assert_string_equal(strbuf_text(&out), rows[i].text);
        }
}

static void escapes_text(void **state) {
        (void) state;
        static const struct {
                const char *text, *json;
        } rows[] = {
                {"a\"b\\c", "\"a\\\"b\\\\c\""},
                {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
                {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
                {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\x80", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\x80\""},
                {"\xff", "\"\xef\xbf\xbd\""},
                {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* overlong */
                {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* surrogate */
                {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* cut short */
                {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
                {"", "\"\""},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_STRBUF struct strbuf out = {0};
                struct json_writer json = {.out = &out};
                json_put_text(&json, NULL, rows[i].text);
                assert_string_equal(strbuf_text(&out), rows[i].json);
                struct json_object *parsed = json_tokener_parse(strbuf_text(&out));
                assert_true(json_object_is_type(parsed, json_type_string));
                json_object_put(parsed);
        }
}

/* ---- Bodies ---- */

enum { ALL_MEMBERS = 63 };

static void refuses_bad_bodies(void **state) {
        (void) state;
        static const struct {
                const char *body;
                unsigned takes;
                const char *code, *message;
        } rows[] = {
                {"{", ALL_MEMBERS, "malformed", "the body is not JSON: it ends too early"},
                {"[]", ALL_MEMBERS, "malformed", "the body has to be a JSON object"},
                {"null", ALL_MEMBERS, "malformed", NULL},
                {"{} {}", ALL_MEMBERS, "malformed", NULL},
                {"{'service': 'a'}", ALL_MEMBERS, "malformed", NULL},
                {"{\"service\": [[[[[[1]]]]]]}", ALL_MEMBERS, "malformed", NULL},
                {"", ALL_MEMBERS, "missing", "the member service is missing"},
                {"{\"all\": false}", ALL_MEMBERS, "missing", "the member service is missing"},
                {"{\"service\": \"a\", \"all\": true}", ALL_MEMBERS, "invalid",
                        "service and all do not go together"},
                {"{\"service\": 1}", ALL_MEMBERS, "invalid", "service has to be text"},
                {"{\"service\": null}", ALL_MEMBERS, "invalid", "service has to be text"},
                {"{\"service\": \"a\\u0000b\"}", ALL_MEMBERS, "invalid",
                        "service holds a NUL byte"},
                {"{\"service\": \"a\", \"all\": 1}", ALL_MEMBERS, "invalid",
                        "all has to be true or false"},
                {"{\"service\": \"a\", \"for_seconds\": 0.5}", ALL_MEMBERS, "invalid",
                        "for_seconds has to be a number of seconds from 1 to 2592000"},
                {"{\"service\": \"a\", \"for_seconds\": \"1h\"}", ALL_MEMBERS, "invalid", NULL},
                {"{\"service\": \"a\", \"for_seconds\": 1e300}", ALL_MEMBERS, "invalid", NULL},
                {"{\"service\": \"a\", \"raeson\": \"x\"}", ALL_MEMBERS, "unknown-member",
                        "this command has no member 'raeson'"},
                {"{\"service\": \"a\", \"for_seconds\": 5}", COMMAND_TAKES_SERVICE,
                        "unknown-member", "this command has no member 'for_seconds'"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct command_args args;
                struct api_error error = {0};
                assert_int_equal(command_args_parse(rows[i].body, strlen(rows[i].body),
                                         rows[i].takes, &args, &error),
                        -EINVAL);
                assert_int_equal(error.status, 400);
                assert_string_equal(error.code, rows[i].code);
                if (rows[i].message) {
                        assert_string_equal(error.message, rows[i].message);
                }
        }
}

static void refuses_long_bodies(void **state) {
        (void) state;
        static char body[COMMAND_BODY_MAX + 2];
        struct command_args args;
        struct api_error error;
        memset(body, ' ', sizeof(body) - 1);
        assert_int_equal(
                command_args_parse(body, sizeof(body) - 1, ALL_MEMBERS, &args, &error), -EINVAL);
        assert_int_equal(error.status, 413);

        char name[128];
        snprintf(name, sizeof(name), "{\"service\": \"%065d\"}", 0);
        assert_int_equal(
                command_args_parse(name, strlen(name), ALL_MEMBERS, &args, &error), -EINVAL);
        assert_string_equal(error.message, "service is longer than 64 bytes");
}

static void takes_all_members(void **state) {
        (void) state;
        static const char body[] = "{\"service\": \"checkout\", \"probe\": \"health\", "
                                   "\"for_seconds\": 1.5, \"reason\": \"a\\u001bb\", "
                                   "\"by\": \"alice\"}\n";
        struct command_args args;
        struct api_error error;
        assert_int_equal(command_args_parse(body, strlen(body), ALL_MEMBERS, &args, &error), 0);
        assert_string_equal(args.service, "checkout");
        assert_string_equal(args.probe, "health");
        assert_string_equal(args.reason, "a?b"); /* no escape sequences reach a log */
        assert_string_equal(args.by, "alice");
        assert_int_equal(args.duration, 1500000);
        assert_false(args.all);
}

static void pauses_for_an_hour_unless_told(void **state) {
        (void) state;
        struct command_args args;
        struct api_error error;
        assert_int_equal(command_args_parse("{\"all\": true}", 13, ALL_MEMBERS, &args, &error), 0);
        assert_true(args.all);
        assert_int_equal(args.duration, 3600 * USEC_PER_SEC);
}

/* ---- Addresses ---- */

static void parses_addresses(void **state) {
        (void) state;
        static const struct {
                const char *text;
                int family; /* 0: refused */
                uint16_t port;
                const char *host;
        } rows[] = {
                {"127.0.0.1:7790", AF_INET, 7790, "127.0.0.1"},
                {"[::1]:65535", AF_INET6, 65535, "::1"},
                {"[127.0.0.1]:80", AF_INET, 80, "127.0.0.1"},
                {":7790", AF_INET6, 7790, "::"},
                {"::1:7790", 0, 0, NULL},
                {"localhost:7790", 0, 0, NULL},
                {"127.0.0.1", 0, 0, NULL},
                {"127.0.0.1:", 0, 0, NULL},
                {"127.0.0.1:0", 0, 0, NULL},
                {"127.0.0.1:65536", 0, 0, NULL},
                {"127.0.0.1:-1", 0, 0, NULL},
                {"127.0.0.1:80x", 0, 0, NULL},
                {"[::1:80", 0, 0, NULL},
                {"[::1]80", 0, 0, NULL},
                {"", 0, 0, NULL},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct listen_address parsed;
                struct error error = {0};
                int r = listen_address_parse(rows[i].text, &parsed, &error);
                if (rows[i].family == 0) {
                        assert_int_equal(r, -EINVAL);
                        assert_non_null(strstr(error.text, "expected ADDRESS:PORT"));
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(parsed.address.ss_family, rows[i].family);
                char host[INET6_ADDRSTRLEN];
                const struct sockaddr_in *v4 = (const void *) &parsed.address;
                const struct sockaddr_in6 *v6 = (const void *) &parsed.address;
                bool is_v4 = rows[i].family == AF_INET;
                inet_ntop(rows[i].family,
                        is_v4 ? (const void *) &v4->sin_addr : (const void *) &v6->sin6_addr, host,
                        sizeof(host));
                assert_string_equal(host, rows[i].host);
                assert_int_equal(ntohs(is_v4 ? v4->sin_port : v6->sin6_port), rows[i].port);
        }
}

static void says_what_to_do_when_the_port_is_taken(void **state) {
        (void) state;
        struct error error = {0};
        struct sockaddr_in taken = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(taken);
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &taken, length), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &taken, &length), 0);
        char text[32];
        snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(taken.sin_port));
        assert_int_equal(listen_address_open(text, &error), -EADDRINUSE);
        assert_non_null(strstr(error.text, "another program uses this port"));
        assert_non_null(strstr(error.text, "listen: none"));
}

/* ---- Permissions ---- */

static void only_root_own_user_and_operators_command(void **state) {
        (void) state;
        static const gid_t groups[] = {1000, 27};
        static const struct {
                size_t n_groups;
                uid_t uid;
                gid_t gid, operators;
                bool allowed;
        } rows[] = {
                {0, 0, 0, PEERS_NO_GROUP, true}, /* root */
                {0, 990, 990, PEERS_NO_GROUP, true}, /* the agent's own user */
                {2, 1000, 1000, PEERS_NO_GROUP, false}, /* no group is named */
                {2, 1000, 1000, 27, true}, /* supplementary group */
                {0, 1000, 27, 27, true}, /* primary group */
                {2, 1000, 1000, 28, false}, /* another group */
                {0, 1000, 1000, 27, false}, /* the kernel did not tell the groups */
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct unix_peer peer = {1, rows[i].uid, rows[i].gid};
                assert_int_equal(
                        peers_allowed(&peer, groups, rows[i].n_groups, 990, rows[i].operators),
                        rows[i].allowed);
        }
}

static void looks_the_group_up(void **state) {
        (void) state;
        int fds[2];
        struct peers *peers = NULL;
        struct unix_peer peer = {.pid = 1, .uid = 12345, .gid = 0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(peers_new(&peers, NULL, NULL), 0);
        assert_false(peers_may_command(peers, &peer, fds[0]));
        peers_set_group(peers, "root");
        assert_true(peers_may_command(peers, &peer, fds[0]));
        log_set_level(LOG_CRIT); /* the warning is expected */
        peers_set_group(peers, "no-such-group-here");
        log_set_level(LOG_INFO);
        assert_false(peers_may_command(peers, &peer, fds[0]));
        peers_set_group(peers, NULL);
        assert_false(peers_may_command(peers, &peer, fds[0]));
        peers_free(peers);
        close(fds[0]);
        close(fds[1]);
}

/* ---- Routes ---- */

static void finds_routes(void **state) {
        (void) state;
        static const struct {
                const char *method, *path, *allow, *tail;
                bool found, for_all;
        } rows[] = {
                {"GET", "/v1/status", NULL, "", true, true},
                {"GET", "/v1/version", NULL, "", true, true},
                {"GET", "/v1/why", NULL, "", true, false},
                {"GET", "/v1/incidents", NULL, "", true, false},
                {"GET", "/v1/incidents/17", NULL, "17", true, false},
                {"GET", "/v1/incidents/", NULL, NULL, false, false},
                {"POST", "/v1/pause", NULL, "", true, false},
                {"GET", "/v1/pause", "POST", NULL, false, false},
                {"DELETE", "/v1/status", "GET", NULL, false, false},
                {"POST", "/v1/incidents/17", "GET", NULL, false, false},
                {"GET", "/v1/statuses", NULL, NULL, false, false},
                {"GET", "/", NULL, NULL, false, false},
                {"GET", "", NULL, NULL, false, false},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *tail = NULL, *allow = NULL;
                const struct route *route = route_find(rows[i].method, rows[i].path, &tail, &allow);
                assert_int_equal(route != NULL, rows[i].found);
                if (route) {
                        assert_string_equal(tail, rows[i].tail);
                        assert_int_equal(route->for_all, rows[i].for_all);
                } else {
                        assert_true(str_eq(allow, rows[i].allow));
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_nested_values),
                cmocka_unit_test(writes_seconds_without_trailing_zeros),
                cmocka_unit_test(escapes_text),
                cmocka_unit_test(refuses_bad_bodies),
                cmocka_unit_test(refuses_long_bodies),
                cmocka_unit_test(takes_all_members),
                cmocka_unit_test(pauses_for_an_hour_unless_told),
                cmocka_unit_test(parses_addresses),
                cmocka_unit_test(says_what_to_do_when_the_port_is_taken),
                cmocka_unit_test(only_root_own_user_and_operators_command),
                cmocka_unit_test(looks_the_group_up),
                cmocka_unit_test(finds_routes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
