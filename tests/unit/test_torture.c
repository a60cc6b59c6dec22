/* Every allocation on the way from a policy file to a running core fails once. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fake_probes.h"
#include "policy/load.h"
#include "recovery/recovery.h"
#include "support/torture.h"

static const char shop[] = "version: 1\n"
                           "templates:\n"
                           "  web: {fall: 2, recover: [restart, {notify: {message: help}}]}\n"
                           "services:\n"
                           "  db:\n"
                           "    command: [/usr/bin/db, --port, \"5432\"]\n"
                           "    environment: {LANG: C}\n"
                           "    backoff: {delays: [0s, 1s, 5s]}\n"
                           "  shop:\n"
                           "    extends: [web]\n"
                           "    depends_on: [db]\n"
                           "    command: [/usr/bin/shop]\n"
                           "    probes: {a: {http: {url: \"http://127.0.0.1/\"}}}\n";

/* Three kinds of mistakes, so that the reports are made, too. */
static const char broken[] = "version: 1\n"
                             "services:\n"
                             "  db: {comand: [/usr/bin/db]}\n"
                             "  shop: {command: [shop], depends_on: [bd], fall: 0}\n";

static int load(const char *text, struct policy **ret) {
        struct problems problems = {0};
        AUTO_STRBUF struct strbuf said = {0};
        int r = policy_load_text("t.yaml", text, strlen(text), fake_probes, ret, &problems);
        problems_format(&problems, &said);
        assert_true(r == 0 || r == -ENOMEM || r == -EINVAL);
        assert_int_equal(*ret != NULL, r == 0);
        problems_done(&problems);
        return r;
}

static bool load_once(void *cookie) {
        struct policy *policy = NULL;
        int r = load(cookie, &policy);
        policy_free(policy);
        return r != -ENOMEM;
}

static void test_loading_a_policy(void **state) {
        (void) state;
        char text[sizeof(shop)];
        memcpy(text, shop, sizeof(shop));
        assert_true(torture(load_once, text) > 100);
}

static void test_loading_a_broken_policy(void **state) {
        (void) state;
        char text[sizeof(broken)];
        memcpy(text, broken, sizeof(broken));
        assert_true(torture(load_once, text) > 30);
}

static const struct recovery_settings settings = {.seed = 1, .next_incident = 1};
static const struct instant now = {.mono = 1000 * USEC_PER_SEC, .wall = 2000 * USEC_PER_SEC};

/* A core, an incident in it, and a second core that takes it over at a reload. */
static bool reload_once(void *cookie) {
        struct policy *policy = cookie;
        struct recovery *recovery = NULL, *next = NULL;
        struct error err = {0};
        int r = recovery_new(&recovery, policy, &settings, now, &err);
        if (r == 0) {
                r = recovery_reload(&next, recovery, policy, now, &err);
        }
        assert_true(r == 0 || r == -ENOMEM);
        recovery_free(next);
        recovery_free(recovery);
        return r == 0;
}

static void test_a_core_and_its_reload(void **state) {
        (void) state;
        struct policy *policy = NULL;
        assert_int_equal(load(shop, &policy), 0);
        assert_true(torture(reload_once, policy) > 4);
        policy_free(policy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_loading_a_policy),
                cmocka_unit_test(test_loading_a_broken_policy),
                cmocka_unit_test(test_a_core_and_its_reload),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
