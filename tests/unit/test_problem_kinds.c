/* The table of what can be said, with the real probe types. */

#include <ctype.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/problem_kinds.h"
#include "probes/probe.h"
#include "unit_test.h"

/* Whether exactly this is said of its example. */
static bool says_it(const struct problem_kind *kind) {
        AUTO_STRBUF struct strbuf said = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        (void) policy_load_text("policy.yaml", kind->example, strlen(kind->example), probe_variants,
                &policy, &problems);
        bool found = problems.count > 0;
        for (size_t i = 0; i < problems.count; i++) {
                found = found && str_eq(problems.items[i].code, kind->code) &&
                        problems.items[i].level == kind->level;
        }
        if (!found) {
                problems_format(&problems, &said);
                print_error("---- the example of %s\n%s---- said\n%s----\n", kind->code,
                        kind->example, said.length ? strbuf_text(&said) : "nothing\n");
        }
        policy_free(policy);
        problems_done(&problems);
        return found;
}

static void each_example_gets_what_it_is_for(void **state) {
        (void) state;
        size_t wrong = 0;
        for (const struct problem_kind *kind = problem_kinds; kind->code; kind++) {
                wrong += kind->example && !says_it(kind);
        }
        assert_int_equal(wrong, 0);
}

static bool is_code(const char *code) {
        return code[strspn(code, "abcdefghijklmnopqrstuvwxyz-")] == '\0' && islower(code[0]);
}

static void the_table_is_sorted_and_complete(void **state) {
        (void) state;
        for (const struct problem_kind *kind = problem_kinds; kind->code; kind++) {
                assert_true(is_code(kind->code));
                assert_non_null(kind->means);
                assert_true(kind->cure || (kind->level == PROBLEM_ERROR && !kind->example));
                if (kind > problem_kinds) {
                        assert_true(kind[-1].level <= kind->level);
                        assert_true(kind[-1].level < kind->level ||
                                    strcmp(kind[-1].code, kind->code) < 0);
                }
                assert_ptr_equal(problem_kind_find(kind->code), kind);
        }
        assert_null(problem_kind_find("no-such-code"));
        assert_string_equal(problem_kind_nearest("unused-tempate"), "unused-template");
        assert_null(problem_kind_nearest("alias-bomb"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_example_gets_what_it_is_for),
                cmocka_unit_test(the_table_is_sorted_and_complete),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
