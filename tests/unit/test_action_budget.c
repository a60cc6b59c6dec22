/* The executor's count of actions: windows, the host, and what a file brings back. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/action_budget.h"
#include "unit_test.h"

#define START ((usec_t) 1000 * USEC_PER_HOUR)
#define WALL ((wall_usec_t) 1700000000 * USEC_PER_SEC)
#define BOOT "aaaaaaaa-0000-0000-0000-000000000000"
#define NEXT_BOOT "bbbbbbbb-0000-0000-0000-000000000000"

static const struct budget_spec host = {.actions = 4, .per = USEC_PER_HOUR};

static struct service service_of(const char *name) {
        return (struct service){.name = name, .budget = {.actions = 2, .per = USEC_PER_HOUR}};
}

static struct instant at(usec_t later) {
        return (struct instant){.mono = START + later, .wall = WALL + later};
}

static int spend(struct action_budget *budget, const char *name, usec_t later) {
        struct service service = service_of(name);
        return action_budget_spend(budget, &service, NULL, &host, at(later), NULL);
}

DEFINE_CLEANUP(action_budget_free_p, struct action_budget, action_budget_free)

static int setup(void **state) {
        *state = action_budget_new();
        return *state ? 0 : -1;
}

static int teardown(void **state) {
        action_budget_free(*state);
        return 0;
}

static void test_a_service_has_its_own(void **state) {
        struct error err = {0};
        struct service service = service_of("web");
        assert_int_equal(spend(*state, "web", 0), 0);
        assert_int_equal(spend(*state, "web", 1), 0);
        assert_int_equal(action_budget_spend(*state, &service, NULL, &host, at(2), &err), -EDQUOT);
        assert_string_equal(err.text, "2 of 2 actions of the service spent within 1h");
        usec_t free_at = action_budget_free_at(*state, &service, NULL, &host, at(2));
        assert_int_equal(action_budget_free_at(*state, &service, NULL, &host, at(2)), free_at);
        const struct instant before = {.mono = free_at - 1}, then = {.mono = free_at};
        assert_int_equal(action_budget_spend(*state, &service, NULL, &host, before, NULL), -EDQUOT);
        assert_int_equal(action_budget_free_at(*state, &service, NULL, &host, then), free_at);
        assert_int_equal(spend(*state, "db", 3), 0);
}

static void test_the_host_has_one_for_all(void **state) {
        struct error err = {0};
        struct service service = service_of("d");
        assert_int_equal(spend(*state, "a", 0), 0);
        assert_int_equal(spend(*state, "b", 0), 0);
        assert_int_equal(spend(*state, "c", 0), 0);
        assert_int_equal(spend(*state, "c", 0), 0);
        assert_int_equal(action_budget_spend(*state, &service, NULL, &host, at(1), &err), -EDQUOT);
        assert_string_equal(err.text, "4 of 4 actions of the host spent within 1h");
}

static void test_a_step_and_a_group_have_their_own(void **state) {
        struct error err = {0};
        const struct budget_spec once = {.actions = 1, .per = USEC_PER_HOUR};
        const struct group_spec shop = {.name = "shop", .budget = {2, USEC_PER_HOUR}};
        const struct step_spec restart = {.identity = "restart", .budget = &once};
        const struct step_spec program = {.identity = "exec-0123456789abcdef"};
        struct service web = service_of("web"), api = service_of("api");
        web.group = api.group = &shop;
        assert_int_equal(action_budget_spend(*state, &web, &restart, &host, at(0), NULL), 0);
        assert_int_equal(action_budget_spend(*state, &web, &restart, &host, at(1), &err), -EDQUOT);
        assert_string_equal(err.text, "1 of 1 actions of the step spent within 1h");

        AUTO_FREE char *text = action_budget_format(*state, BOOT, at(1));
        AUTO(action_budget_free_p) struct action_budget *next = action_budget_new();
        assert_int_equal(action_budget_parse(next, text, BOOT, at(2), NULL), 0);
        assert_int_equal(action_budget_spend(next, &web, &restart, &host, at(2), NULL), -EDQUOT);
        assert_int_equal(action_budget_spend(next, &api, &restart, &host, at(2), NULL), 0);
        assert_int_equal(action_budget_spend(next, &web, &program, &host, at(3), &err), -EDQUOT);
        assert_string_equal(err.text, "2 of 2 actions of the group spent within 1h");
}

static void test_a_refused_action_is_not_counted(void **state) {
        assert_int_equal(spend(*state, "web", 0), 0);
        assert_int_equal(spend(*state, "web", 0), 0);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(spend(*state, "web", 1), -EDQUOT);
        }
        assert_int_equal(spend(*state, "a", 1), 0);
        assert_int_equal(spend(*state, "b", 1), 0);
}

static void test_actions_expire_a_little_early(void **state) {
        usec_t expiry = USEC_PER_HOUR - ACTION_BUDGET_TOLERANCE;
        assert_int_equal(spend(*state, "web", 0), 0);
        assert_int_equal(spend(*state, "web", USEC_PER_MINUTE), 0);
        assert_int_equal(spend(*state, "web", expiry - 1), -EDQUOT);
        assert_int_equal(spend(*state, "web", expiry), 0);
        assert_int_equal(spend(*state, "web", expiry), -EDQUOT);
}

static void test_none_allowed(void **state) {
        struct service service = {.name = "web", .budget = {.actions = 0, .per = USEC_PER_HOUR}};
        assert_int_equal(action_budget_spend(*state, &service, NULL, &host, at(0), NULL), -EDQUOT);
}

/* Two spent, written down, and read at another time or in another boot. */
static int spend_after(
        struct action_budget *before, const char *boot, struct instant now, const char *change) {
        assert_int_equal(spend(before, "web", 0), 0);
        assert_int_equal(spend(before, "web", USEC_PER_SEC), 0);
        AUTO_FREE char *text = action_budget_format(before, BOOT, at(USEC_PER_SEC));
        assert_non_null(text);
        struct action_budget *after = action_budget_new();
        struct service service = service_of("web");
        if (!change) {
                assert_int_equal(action_budget_parse(after, text, boot, now, NULL), 0);
        }
        int r = action_budget_spend(after, &service, NULL, &host, now, NULL);
        action_budget_free(after);
        return r;
}

static void test_within_a_boot_the_monotonic_clock_counts(void **state) {
        struct instant now = {.mono = START + USEC_PER_MINUTE, .wall = WALL + 48 * USEC_PER_HOUR};
        assert_int_equal(spend_after(*state, BOOT, now, NULL), -EDQUOT);
}

static void test_within_a_boot_they_expire(void **state) {
        struct instant now = {.mono = START + 2 * USEC_PER_HOUR, .wall = WALL};
        assert_int_equal(spend_after(*state, BOOT, now, NULL), 0);
}

/* The monotonic clock begins anew, below the age of what was spent. */
static void test_after_a_boot_the_wall_clock_counts(void **state) {
        struct instant now = {.mono = 5 * USEC_PER_SEC, .wall = WALL + 30 * USEC_PER_MINUTE};
        assert_int_equal(spend_after(*state, NEXT_BOOT, now, NULL), -EDQUOT);
}

static void test_after_a_boot_they_expire_by_the_wall_clock(void **state) {
        struct instant now = {.mono = 5 * USEC_PER_SEC, .wall = WALL + 2 * USEC_PER_HOUR};
        assert_int_equal(spend_after(*state, NEXT_BOOT, now, NULL), 0);
}

static void test_a_clock_set_back_does_not_free_the_budget(void **state) {
        struct instant now = {.mono = 5 * USEC_PER_SEC, .wall = WALL - 48 * USEC_PER_HOUR};
        assert_int_equal(spend_after(*state, NEXT_BOOT, now, NULL), -EDQUOT);
}

static void test_without_the_file_it_is_free(void **state) {
        assert_int_equal(spend_after(*state, BOOT, at(2), "lost"), 0);
}

static const struct {
        const char *text, *why;
} damaged[] = {
        {"", "not an action budget"},
        {"something else\n", "not an action budget"},
        {"recoverd-action-budget 1 " BOOT "\nweb\n", "line 2: not of the form"},
        {"recoverd-action-budget 1 " BOOT "\nweb 1 2\n", "line 2: not of the form"},
        {"recoverd-action-budget 1 " BOOT "\nweb 1 2 3\ndb 1 2 3", "line 3: not of the form"},
};

static void test_damaged_files(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(damaged); i++) {
                struct error err = {0};
                assert_int_equal(
                        action_budget_parse(*state, damaged[i].text, BOOT, at(0), &err), -EBADMSG);
                assert_string_equal(err.text, damaged[i].why);
        }
}

/* A file with more actions than any budget allows takes no more memory for it. */
static void test_a_huge_file_is_bounded(void **state) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_addf(&text, "recoverd-action-budget 1 %s\n", BOOT);
        for (int i = 0; i < 1000; i++) {
                strbuf_addf(&text, "web %d %llu %llu\n", 1000000, (unsigned long long) START,
                        (unsigned long long) WALL);
        }
        assert_int_equal(action_budget_parse(*state, strbuf_text(&text), BOOT, at(0), NULL), 0);
        AUTO_FREE char *again = action_budget_format(*state, BOOT, at(0));
        size_t lines = 0;
        for (const char *c = again; *c; c++) {
                lines += *c == '\n';
        }
        assert_int_equal(lines, POLICY_BUDGET_MAX + 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_a_service_has_its_own),
                T(test_the_host_has_one_for_all),
                T(test_a_step_and_a_group_have_their_own),
                T(test_a_refused_action_is_not_counted),
                T(test_actions_expire_a_little_early),
                T(test_none_allowed),
                T(test_within_a_boot_the_monotonic_clock_counts),
                T(test_within_a_boot_they_expire),
                T(test_after_a_boot_the_wall_clock_counts),
                T(test_after_a_boot_they_expire_by_the_wall_clock),
                T(test_a_clock_set_back_does_not_free_the_budget),
                T(test_without_the_file_it_is_free),
                T(test_damaged_files),
                T(test_a_huge_file_is_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
