/* Who is let in: by bcrypt in a thread, or because the same was right before. */

#include "base/cleanup.h"
#include "base/str.h"
#include "control/exporter_auth.h"
#include "unit_test.h"

/* Of "open sesame", "" and "p:q", at the lowest costs. */
static struct exporter_user users[] = {
        {"prometheus", "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"},
        {"empty", "$2y$05$abcdefghijklmnopqrstuu0oImNDIy4flhldV9YqunRgBAePKmw7m"},
        {"colon", "$2a$04$abcdefghijklmnopqrstuu3NO5o8POfWPx.jRKkKiLc7EyOXSthO."},
};

static const char right[] = "Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ=="; /* prometheus:open sesame */
static const char wrong[] = "Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtMA=="; /* prometheus:open sesam0 */

struct fixture {
        struct loop *loop;
        struct exporter_config config;
        struct exporter_auth *auth;
        struct exporter_auth_check *check;
        int n_done;
        enum exporter_verdict verdict;
};

static int set_up(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        assert_non_null(fixture);
        assert_int_equal(loop_new(&fixture->loop, NULL), 0);
        fixture->config = (struct exporter_config){.users = users, .n_users = ELEMENTSOF(users)};
        assert_int_equal(
                exporter_auth_new(&fixture->auth, fixture->loop, &fixture->config, NULL), 0);
        *state = fixture;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *fixture = *state;
        exporter_auth_free(fixture->auth);
        loop_free(fixture->loop);
        free(fixture);
        return 0;
}

static void on_done(void *cookie, enum exporter_verdict verdict) {
        struct fixture *fixture = cookie;
        fixture->n_done++;
        fixture->verdict = verdict;
}

static enum exporter_verdict check(struct fixture *fixture, const char *header) {
        return exporter_auth_check(fixture->auth, header, on_done, fixture, &fixture->check);
}

static void wait_for(struct fixture *fixture, int n_done) {
        usec_t until = clock_now().mono + 20 * USEC_PER_SEC;
        while (fixture->n_done < n_done) {
                assert_true(clock_now().mono < until);
                assert_int_equal(loop_turn(fixture->loop, USEC_PER_SEC), 1);
        }
        assert_int_equal(fixture->n_done, n_done);
}

/* A check that goes through the thread. */
static enum exporter_verdict check_slowly(struct fixture *fixture, const char *header) {
        int n_done = fixture->n_done;
        assert_int_equal(check(fixture, header), EXPORTER_PENDING);
        assert_non_null(fixture->check);
        assert_int_equal(fixture->n_done, n_done); /* never from within */
        wait_for(fixture, n_done + 1);
        return fixture->verdict;
}

static void test_right_is_remembered(void **state) {
        assert_int_equal(check_slowly(*state, right), EXPORTER_ALLOWED);
        assert_int_equal(check(*state, right), EXPORTER_ALLOWED);
        assert_int_equal(
                check(*state, "basic   cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ=="), EXPORTER_ALLOWED);
}

static void test_wrong_is_not(void **state) {
        assert_int_equal(check_slowly(*state, wrong), EXPORTER_REFUSED);
        assert_int_equal(check_slowly(*state, right), EXPORTER_ALLOWED);
        assert_int_equal(check_slowly(*state, wrong), EXPORTER_REFUSED);
}

/* The password of the first user, whose hash stands in: the name alone makes it wrong. */
static void test_an_unknown_name_is_hashed_and_refused(void **state) {
        static const char nobody[] = "Basic bm9ib2R5Om9wZW4gc2VzYW1l"; /* nobody:open sesame */
        assert_int_equal(check_slowly(*state, nobody), EXPORTER_REFUSED);
        assert_int_equal(check_slowly(*state, nobody), EXPORTER_REFUSED);
}

static void test_passwords_may_be_empty_or_hold_colons(void **state) {
        assert_int_equal(check_slowly(*state, "Basic ZW1wdHk6"), EXPORTER_ALLOWED); /* empty: */
        assert_int_equal(check_slowly(*state, "Basic Y29sb246cDpx"), EXPORTER_ALLOWED);
        assert_int_equal(check(*state, "Basic ZW1wdHk6"), EXPORTER_ALLOWED);
}

static void test_no_credentials_are_refused_at_once(void **state) {
        static const char *const headers[] = {
                NULL,
                "",
                "Basic",
                "Basic ",
                "Basic !!!!",
                "Basic cHJv", /* no colon */
                "Basic cHJvbWV0aGV1cw=", /* not a multiple of four */
                "Basic cHJvAG1l", /* a NUL inside */
                "Basic AAAA",
                "Bearer cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==",
                "Basiccccc cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==",
        };
        for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                assert_int_equal(check(*state, headers[i]), EXPORTER_REFUSED);
        }
}

static void test_a_huge_header_is_refused(void **state) {
        AUTO_STRBUF struct strbuf header = {0};
        strbuf_add(&header, "Basic ");
        strbuf_add_repeated(&header, 'Y', 1 << 20);
        assert_int_equal(check(*state, strbuf_text(&header)), EXPORTER_REFUSED);
}

static void test_without_users_all_are_allowed(void **state) {
        struct fixture *fixture = *state;
        fixture->config.n_users = 0;
        assert_int_equal(check(fixture, NULL), EXPORTER_ALLOWED);
        assert_null(fixture->check);
}

static void test_too_many_at_once(void **state) {
        struct fixture *fixture = *state;
        int pending = 0;
        while (check(fixture, wrong) == EXPORTER_PENDING) {
                pending++; /* what was hashed meanwhile has made room */
                assert_true(pending <= 10 * EXPORTER_AUTH_QUEUE);
        }
        assert_true(pending >= EXPORTER_AUTH_QUEUE);
        wait_for(fixture, pending);
        assert_int_equal(check_slowly(fixture, right), EXPORTER_ALLOWED);
}

static void test_a_cancelled_check_is_not_told(void **state) {
        struct fixture *fixture = *state;
        assert_int_equal(check(fixture, right), EXPORTER_PENDING);
        exporter_auth_cancel(fixture->check);
        assert_int_equal(check_slowly(fixture, wrong), EXPORTER_REFUSED);
        assert_int_equal(fixture->n_done, 1);
}

static void test_freeing_with_checks_under_way(void **state) {
        struct fixture *fixture = *state;
        assert_int_equal(check(fixture, right), EXPORTER_PENDING);
        assert_int_equal(check(fixture, wrong), EXPORTER_PENDING);
        exporter_auth_free(fixture->auth);
        fixture->auth = NULL;
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_done, 0);
}

#define AUTH_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                AUTH_TEST(test_right_is_remembered),
                AUTH_TEST(test_wrong_is_not),
                AUTH_TEST(test_an_unknown_name_is_hashed_and_refused),
                AUTH_TEST(test_passwords_may_be_empty_or_hold_colons),
                AUTH_TEST(test_no_credentials_are_refused_at_once),
                AUTH_TEST(test_a_huge_header_is_refused),
                AUTH_TEST(test_without_users_all_are_allowed),
                AUTH_TEST(test_too_many_at_once),
                AUTH_TEST(test_a_cancelled_check_is_not_told),
                AUTH_TEST(test_freeing_with_checks_under_way),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
