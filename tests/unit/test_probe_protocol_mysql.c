/* MySQL and MariaDB, byte by byte. The proofs were computed by another implementation. */

#include "support/talk_script.h"

#define ZEROS "\0\0\0\0\0\0\0\0\0\0"
#define SCRAMBLE_8 "ABCDEFGH"
#define SCRAMBLE_12 "IJKLMNOPQRST"
#define CAPABILITIES_LOW "\xff\xff"
#define GREETING_OF(length, version, high, plugin)                                                 \
        SERVER(length "\0\0\0\x0a" version "\0\x01\0\0\0" SCRAMBLE_8 "\0" CAPABILITIES_LOW         \
                      "\x2d\x02\0" high "\x15" ZEROS SCRAMBLE_12 "\0" plugin "\0")
#define GREETING GREETING_OF("\x59", "5.5.5-10.11.6-MariaDB", "\xff\x81", "mysql_native_password")
#define GREETING_SHA2 GREETING_OF("\x4a", "8.0.36", "\xff\xdf", "caching_sha2_password")
#define FLAGS "\x01\x82\x08\0"
#define FLAGS_TLS "\x01\x8a\x08\0"
#define LOGIN_HEAD(length, number, flags)                                                          \
        length "\0\0" number flags "\0\0\0\x01\x2d" ZEROS ZEROS "\0\0\0"
#define NATIVE "\x28\x44\x15\x90\x67\x42\x85\xe7\xd0\x3c\xae\x7a\xf2\x37\x50\x47\x97\xf7\x0e\x91"
#define SHA2                                                                                       \
        "\xd7\x21\xe1\x83\xc1\xf0\x36\xa1\x96\xc1\x38\x92\x01\xb8\xd5\x3f"                         \
        "\x38\x06\x4a\x16\xf1\xd0\x92\x36\x83\xab\x88\x67\x63\x15\x2d\x75"
#define LOGIN_NATIVE                                                                               \
        CLIENT(LOGIN_HEAD("\x50", "\x01", FLAGS) "shop\0\x14" NATIVE "mysql_native_password\0")
#define LOGIN_SHA2                                                                                 \
        CLIENT(LOGIN_HEAD("\x5c", "\x01", FLAGS) "shop\0\x20" SHA2 "caching_sha2_password\0")
#define LOGIN_NOBODY CLIENT(LOGIN_HEAD("\x40", "\x01", FLAGS) "recoverd\0\0mysql_native_password\0")
#define OK(number) SERVER("\x07\0\0" number "\0\0\0\x02\0\0\0")
#define QUIT CLIENT("\x01\0\0\0\x01")
#define ERROR_OF(length, number, code, message)                                                    \
        SERVER(length "\0\0" number "\xff" code "#28000" message)

#define NOBODY .protocol = PROTOCOL_MYSQL, .options = {0}, .lines
#define SHOP(...)                                                                                  \
        .protocol = PROTOCOL_MYSQL,                                                                \
        .options = {.user = "shop", .password = "secret", __VA_ARGS__}, .lines

static const struct script mysql[] = {
        {NOBODY = {GREETING, LOGIN_NOBODY, ERROR_OF("\x0f", "\x02", "\x15\x04", "denied")}, PASSES,
                .text = "MariaDB 10.11.6 answered (1045: denied)"},
        {NOBODY = {GREETING, LOGIN_NOBODY, OK("\x02"), QUIT}, PASSES,
                .text = "MariaDB 10.11.6, logged in as recoverd"},
        {NOBODY = {GREETING, LOGIN_NOBODY,
                 SERVER("\x2c\0\0\x02\xfemysql_native_password\0ABCDEFGHIJKLMNOPQRST\0"),
                 CLIENT("\0\0\0\x03"), ERROR_OF("\x0f", "\x04", "\x15\x04", "denied")},
                PASSES, .text = "answered (1045: denied)"},
        {NOBODY = {SERVER("\x0c\0\0\0\xff\x10\x04Too many.")}, SHORT(CONNECTIONS),
                .text = "error 1040: Too many."},
        {NOBODY = {SERVER("\x0b\0\0\0\xff\x69\x04"
                          "blocked.")},
                WRONG, .text = "error 1129: blocked."},
        {NOBODY = {SERVER("\x0f\0\0\0\xff\x6a\x04Not allowed.")}, PASSES,
                .text = "answered (1130: Not allowed.)"},
        {SHOP() = {SERVER("\x0f\0\0\0\xff\x6a\x04Not allowed.")}, WRONG,
                .text = "error 1130: Not allowed."},
        {NOBODY = {SERVER("SSH-2.0-OpenSSH")}, WRONG, .text = "is not MySQL's"},
        {NOBODY = {SERVER("\x03\0\0\0\x09"
                          "ab")},
                WRONG, .text = "this is not MySQL"},
        {NOBODY = {CLOSE}, SILENT, .text = "without an answer"},
        {SHOP() = {GREETING, LOGIN_NATIVE, OK("\x02"), QUIT}, PASSES,
                .text = "MariaDB 10.11.6, logged in as shop"},
        {SHOP() = {GREETING, LOGIN_NATIVE, ERROR_OF("\x0f", "\x02", "\x15\x04", "denied")}, WRONG,
                .text = "MariaDB 10.11.6: error 1045: denied"},
        {SHOP() = {GREETING_SHA2, LOGIN_SHA2, SERVER("\x02\0\0\x02\x01\x03"), OK("\x03"), QUIT},
                PASSES, .text = "MySQL 8.0.36, logged in as shop"},
        {SHOP(.local = true) = {GREETING_SHA2, LOGIN_SHA2, SERVER("\x02\0\0\x02\x01\x04"),
                 CLIENT("\x07\0\0\x03secret\0"), OK("\x04"), QUIT},
                PASSES, .text = "logged in as shop"},
        {SHOP() = {GREETING_SHA2, LOGIN_SHA2, SERVER("\x02\0\0\x02\x01\x04")}, UNKNOWN,
                .text = "wants the whole password of shop, on an open line: set tls"},
        {SHOP() = {GREETING, LOGIN_NATIVE, SERVER("\x02\0\0\x02\x01\x04")}, WRONG,
                .text = "this is not MySQL"},
        {SHOP() = {GREETING, LOGIN_NATIVE,
                 SERVER("\x10\0\0\x02\xfe"
                        "client_ed25519\0")},
                UNKNOWN, .text = "asks shop to log in by client_ed25519, which is not spoken here"},
        {SHOP(.upgrade = true) = {GREETING, CLIENT(LOGIN_HEAD("\x20", "\x01", FLAGS_TLS)), TLS,
                 CLIENT(LOGIN_HEAD("\x50", "\x02", FLAGS_TLS) "shop\0\x14" NATIVE
                                                              "mysql_native_password\0"),
                 OK("\x03"), QUIT},
                PASSES, .text = "logged in as shop"},
};

static void test_mysql(void **state) {
        (void) state;
        script_hold_all(mysql);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mysql),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
