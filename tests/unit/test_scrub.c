/* No secret comes through, and what is none stays readable. */

#include "base/cleanup.h"
#include "base/rng.h"
#include "base/scrub.h"
#include "unit_test.h"

static void test_secrets_are_removed(void **state) {
        (void) state;
        static const char *const rows[][2] = {
                {"", ""},
                {"nothing to hide\nhere\n", "nothing to hide\nhere\n"},
                {"password=hunter2 rest", "password=[removed] rest"},
                {"DB_PASSWORD: hunter2", "DB_PASSWORD: [removed]"},
                {"{\"token\": \"abc.def\", \"a\": 1}", "{\"token\": \"[removed]\", \"a\": 1}"},
                {"GET /x?api_key=123&y=2", "GET /x?api_key=[removed]&y=2"},
                {"GET /x?key=123&y=2", "GET /x?key=[removed]&y=2"},
                {"Authorization: Basic dXNlcjpw more", "Authorization: [removed]"},
                {"Set-Cookie: a=b; c=d", "Set-Cookie: [removed]"},
                {"with Bearer eyJh.x.y", "with Bearer [removed]"},
                {"mysql --password hunter2 -h db", "mysql --password [removed] -h db"},
                {"postgres://shop:s3@db:5432/x", "postgres://[removed]@db:5432/x"},
                {"http://u:p@w@host/ http://other/", "http://[removed]@host/ http://other/"},
                {"see http://host/a@b", "see http://host/a@b"},
                {"the token expired", "the token expired"},
                {"-requirepass open-sesame", "-requirepass [removed]"},
                {"a=1\nclient_secret='x'\nb=2", "a=1\nclient_secret='[removed]'\nb=2"},
                {"k\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nl",
                        "k\n[removed]\nl"},
                {"-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_STRBUF struct strbuf out = {0};
                scrub(&out, rows[i][0]);
                assert_string_equal(out.data ? out.data : "", rows[i][1]);
        }
}

/* Whatever surrounds it. */
static void test_random_text(void **state) {
        (void) state;
        static const char *const pieces[] = {"password", "=", ":", " ", "\n", "\"", "://", "@", "x",
                "-----BEGIN PRIVATE KEY-----", "-----END", "token", "cookie", "--", "\xff", "&"};
        enum { SEED = 20261130, RUNS = 20000 };
        struct rng rng;
        print_message("seed %d\n", SEED);
        rng_seed(&rng, SEED);
        for (int run = 0; run < RUNS; run++) {
                AUTO_STRBUF struct strbuf text = {0}, out = {0};
                for (uint64_t n = rng_below(&rng, 12); n > 0; n--) {
                        strbuf_add(&text, pieces[rng_below(&rng, ELEMENTSOF(pieces))]);
                }
                strbuf_add(&text, "\npassword=hunter2\n-----END PRIVATE KEY-----\n");
                scrub(&out, strbuf_text(&text));
                assert_null(strstr(strbuf_text(&out), "hunter2"));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_secrets_are_removed),
                cmocka_unit_test(test_random_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
