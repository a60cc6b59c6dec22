/* PostgreSQL, byte by byte. The SCRAM messages were computed by another implementation. */

#include "support/talk_script.h"

#define START(length, user)                                                                        \
        CLIENT("\0\0\0" length "\0\x03\0\0user\0" user                                             \
               "\0database\0postgres\0application_name\0recoverd\0\0")
#define START_SHOP START("\x3f", "shop")
#define START_NOBODY START("\x43", "recoverd")
#define AUTH_OK "R\0\0\0\x08\0\0\0\0"
#define VERSION                                                                                    \
        "S\0\0\0\x21server_version\0"                                                              \
        "15.8 (Debian)\0"
#define READY "Z\0\0\0\x05I"
#define KEY "K\0\0\0\x0c\0\0\0\1\0\0\0\2"
#define TERMINATE CLIENT("X\0\0\0\x04")
#define ERROR_OF(length, code, message)                                                            \
        SERVER("E\0\0\0" length "SFATAL\0VFATAL\0C" code "\0M" message "\0\0")

#define NOBODY .protocol = PROTOCOL_POSTGRESQL, .options = {0}, .lines
#define SHOP(...)                                                                                  \
        .protocol = PROTOCOL_POSTGRESQL,                                                           \
        .options = {.user = "shop", .password = "correct horse", __VA_ARGS__}, .lines

static const struct script starts[] = {
        {NOBODY = {START_NOBODY, SERVER(AUTH_OK VERSION KEY READY), TERMINATE}, PASSES,
                .text = "PostgreSQL 15.8, logged in as recoverd"},
        {NOBODY = {START_NOBODY, SERVER("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")}, PASSES,
                .text = "PostgreSQL asks for a password (SASL)"},
        {NOBODY = {START_NOBODY, ERROR_OF("\x24", "28000", "no entry")}, PASSES,
                .text = "PostgreSQL answered (28000: no entry)"},
        {NOBODY = {START_NOBODY, ERROR_OF("\x21", "57P03", "start")}, DEGRADED,
                .text = "PostgreSQL: 57P03 start"},
        {NOBODY = {START_NOBODY, ERROR_OF("\x20", "53300", "full")}, SHORT(CONNECTIONS),
                .text = "PostgreSQL: 53300 full"},
        {NOBODY = {START_NOBODY, ERROR_OF("\x1f", "XX000", "bad")}, WRONG,
                .text = "PostgreSQL: FATAL XX000 bad"},
        {NOBODY = {START_NOBODY, SERVER("HTTP/1.1 400 Bad Request\r\n")}, WRONG,
                .text = "this is not PostgreSQL: \"H"},
        {NOBODY = {START_NOBODY, SERVER("R\0\0\0\x03")}, WRONG, .text = "this is not PostgreSQL"},
        {NOBODY = {START_NOBODY, SERVER("R\x7f\xff\xff\xff")}, WRONG,
                .text = "a message of 2GiB is not PostgreSQL's"},
        {NOBODY = {START_NOBODY, SERVER(READY)}, WRONG, .text = "this is not PostgreSQL"},
        {NOBODY = {START_NOBODY, CLOSE}, SILENT, .text = "without an answer"},
        {SHOP() = {START_SHOP, SERVER(AUTH_OK READY), TERMINATE}, PASSES,
                .text = "logged in as shop (no password was asked for)"},
        {SHOP() = {START_SHOP, SERVER(AUTH_OK), ERROR_OF("\x20", "3D000", "gone")}, PASSES,
                .text = "logged in as shop (no database postgres)"},
        {SHOP() = {START_SHOP, ERROR_OF("\x1f", "28P01", "no!")}, WRONG,
                .text = "PostgreSQL: FATAL 28P01 no!"},
        {.protocol = PROTOCOL_POSTGRESQL,
                .options = {.user = "shop"},
                .lines = {START_SHOP, SERVER("R\0\0\0\x08\0\0\0\x03")},
                UNKNOWN,
                .text = "asks for the password of shop: give password_file"},
        {SHOP(.local = true) = {START_SHOP, SERVER("R\0\0\0\x08\0\0\0\x03"),
                 CLIENT("p\0\0\0\x12"
                        "correct horse\0"),
                 SERVER(AUTH_OK VERSION READY), TERMINATE},
                PASSES, .text = "PostgreSQL 15.8, logged in as shop"},
        {SHOP() = {START_SHOP, SERVER("R\0\0\0\x08\0\0\0\x03")}, UNKNOWN,
                .text = "asks for the password in clear on an open line: set tls"},
        {SHOP() = {START_SHOP, SERVER("R\0\0\0\x08\0\0\0\x07")}, UNKNOWN,
                .text = "asks shop for GSSAPI, which is not spoken here"},
        {.protocol = PROTOCOL_POSTGRESQL,
                .options = {.user = "shop", .password = "secret"},
                .lines = {START_SHOP, SERVER("R\0\0\0\x0c\0\0\0\x05\1\2\3\4"),
                        CLIENT("p\0\0\0\x28md509c7baab7568cd5d6bd39754f079adc5\0"),
                        SERVER(AUTH_OK READY), TERMINATE},
                PASSES,
                .text = "PostgreSQL, logged in as shop"},
        {SHOP(.upgrade = true) = {CLIENT("\0\0\0\x08\x04\xd2\x16\x2f"), SERVER("N")}, WRONG,
                .text = "PostgreSQL does not speak TLS"},
        {SHOP(.upgrade = true) = {ANYTHING, SERVER("S"), TLS, START_SHOP, SERVER(AUTH_OK READY),
                 TERMINATE},
                PASSES, .text = "logged in as shop"},
        {SHOP(.upgrade = true) = {ANYTHING, ERROR_OF("\x20", "53300", "full")}, SHORT(CONNECTIONS),
                .text = "PostgreSQL: 53300 full"},
};

static void test_starts(void **state) {
        (void) state;
        script_hold_all(starts);
}

/* ---- SCRAM ---- */

#define NONCE "AAECAwQFBgcICQoLDA0ODxAR"
#define MECHANISMS SERVER("R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
#define FIRST CLIENT("p\0\0\0\x36SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=" NONCE)
#define CHALLENGE(length, nonce, salt, rounds)                                                     \
        SERVER("R\0\0\0" length "\0\0\0\x0br=" nonce ",s=" salt ",i=" rounds)
#define RIGHT_CHALLENGE CHALLENGE("\x4e", NONCE "serverpart", "MDEyMzQ1Njc4OWFiY2RlZg==", "4096")
#define PROOF                                                                                      \
        CLIENT("p\0\0\0\x5e"                                                                       \
               "c=biws,r=" NONCE "serverpart,p=6vxpBgz6GLbmfsY8ljIBDR9VQ3nVdfS1BvoTbqhYW0I=")
#define SIGNATURE "R\0\0\0\x36\0\0\0\x0cv=EJoc4bnvsr1ykCnCU/6s7rQiXeIPk/TSUlywQTWgOVY="

static const struct script scram[] = {
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, RIGHT_CHALLENGE, WORK, PROOF,
                 SERVER(SIGNATURE AUTH_OK VERSION READY), TERMINATE},
                PASSES, .text = "PostgreSQL 15.8, logged in as shop"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, RIGHT_CHALLENGE, WORK, PROOF,
                 ERROR_OF("\x1f", "28P01", "no!")},
                WRONG, .text = "28P01 no!"},
        /* a server that does not know the password */
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, RIGHT_CHALLENGE, WORK, PROOF,
                 SERVER("R\0\0\0\x36\0\0\0\x0cv=AAAA4bnvsr1ykCnCU/6s7rQiXeIPk/TSUlywQTWgOVY=")},
                WRONG, .text = "the server did not prove that it knows the password"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, RIGHT_CHALLENGE, WORK, PROOF, SERVER(AUTH_OK)},
                WRONG, .text = "the server did not prove that it knows the password"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, SERVER(AUTH_OK)}, WRONG,
                .text = "the server did not prove that it knows the password"},
        {SHOP() = {START_SHOP, SERVER("R\0\0\0\x0c\0\0\0\x0cv=xx")}, WRONG,
                .text = "this is not PostgreSQL"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST,
                 CHALLENGE("\x26", "someone", "MDEyMzQ1Njc4", "4096")},
                WRONG, .text = "SCRAM challenge without our nonce"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST,
                 CHALLENGE("\x3b", NONCE "x", "MDEyMzQ1", "1000000000")},
                WRONG, .text = "malformed SCRAM challenge"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST,
                 CHALLENGE("\x38", NONCE "x", "MDEyMzQ1", "9999999")},
                WRONG, .text = "asks for 9999999 SCRAM iterations, allowed are 4096 to 1000000"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, CHALLENGE("\x32", NONCE "x", "MDEyMzQ1", "1")},
                WRONG, .text = "asks for 1 SCRAM iterations"},
        {SHOP() = {START_SHOP, MECHANISMS, FIRST, CHALLENGE("\x34", NONCE "x", "MDEyMz!", "4096")},
                WRONG, .text = "malformed SCRAM challenge"},
        {SHOP() = {START_SHOP, SERVER("R\0\0\0\x1c\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0")}, UNKNOWN,
                .text = "another login than SCRAM-SHA-256"},
};

static void test_scram(void **state) {
        (void) state;
        script_hold_all(scram);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_starts),
                cmocka_unit_test(test_scram),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
