#include "policy/problems.h"
#include "policy_cases.h"

static void expect_format(const char *text, const char *expected) {
        AUTO_STRBUF struct strbuf out = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        (void) policy_load_text("shop.yaml", text, strlen(text), fake_probes, &policy, &problems);
        problems_format(&problems, &out);
        assert_string_equal(strbuf_text(&out), expected);
        problems_done(&problems);
        policy_free(policy);
}

static void shows_place_line_caret_and_hint(void **state) {
        (void) state;
        expect_format("version: 1\n"
                      "services:\n"
                      "  checkout:\n"
                      "    command: [/bin/a]\n"
                      "    fast_intervl: 1s\n",
                "shop.yaml:5:5: error: service: unknown key 'fast_intervl' [unknown-key]\n"
                "     5 |     fast_intervl: 1s\n"
                "       |     ^~~~~~~~~~~~\n"
                "         hint: did you mean 'fast_interval'?\n");
}

static void carets_count_characters(void **state) {
        (void) state;
        expect_format("version: 1\n"
                      "services:\n"
                      "  a: {command: [/bin/a], description: \"\xC3\xBC\xC3\xB6\", fall: \t0}\n",
                "shop.yaml:3:52: error: 'fall' must be at least 1 [out-of-range]\n"
                "     3 |   a: {command: [/bin/a], description: \"\xC3\xBC\xC3\xB6\", fall:  0}\n"
                "       |                                                    ^\n");
}

static void warnings_say_so(void **state) {
        (void) state;
        expect_format("version: 1\n"
                      "templates: {t: {fall: 2}}\n"
                      "services: {a: {command: [/bin/a]}}\n",
                "shop.yaml:2:13: warning: no service uses the template 't' [unused-template]\n"
                "     2 | templates: {t: {fall: 2}}\n"
                "       |             ^\n");
}

static void long_lines_are_cut(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0}, out = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        strbuf_add(&text, "version: 1\nservices: {a: {fal: ");
        strbuf_add_repeated(&text, 'x', 1000);
        strbuf_add(&text, ", comand: x}}\n");
        assert_int_equal(
                policy_load_text("t", text.data, text.length, fake_probes, &policy, &problems),
                -EINVAL);
        assert_int_equal(problems.count, 2);
        assert_int_equal(strlen(problems.items[0].source), 240);
        problems_format(&problems, &out);
        assert_true(out.length < 1000);
        problems_done(&problems);
}

static void many_problems_are_cut_but_counted(void **state) {
        (void) state;
        enum { SERVICES = 1500 };
        AUTO_STRBUF struct strbuf text = {0}, out = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        strbuf_add(&text, "version: 1\nservices:\n");
        for (int i = 0; i < SERVICES; i++) {
                strbuf_addf(&text, "  s%d: {command: [/bin/a], fall: 0}\n", i);
        }
        assert_int_equal(
                policy_load_text("t", text.data, text.length, fake_probes, &policy, &problems),
                -EINVAL);
        assert_int_equal(problems.count, POLICY_PROBLEMS_MAX);
        assert_true(problems.cut);
        problems_format(&problems, &out);
        assert_non_null(strstr(strbuf_text(&out), "there are more problems than are shown here\n"));
        problems_done(&problems);
}

/* Warnings must never crowd out an error. */
static void warnings_leave_room_for_errors(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        strbuf_add(&text, "version: 1\nservices:\n");
        for (int i = 0; i < 1200; i++) {
                strbuf_addf(&text, "  s%d: {user: x, probes: {p: {tcp: x}}}\n", i);
        }
        strbuf_add(&text, "  last: {fall: 0, probes: {p: {tcp: x}}}\n");
        assert_int_equal(
                policy_load_text("t", text.data, text.length, fake_probes, &policy, &problems),
                -EINVAL);
        assert_int_equal(problems.errors, 1);
        assert_int_equal(problems.count, POLICY_WARNINGS_MAX + 1);
        assert_string_equal(
                problems.items[problems.count - 1].message, "'fall' must be at least 1");
        problems_done(&problems);
}

static void nearest_is_near_enough_to_be_meant(void **state) {
        (void) state;
        static const char *const dotted = "resource.disk";
        static const char *const words[] = {"interval", "timeout", NULL, "fall"};
        const size_t n = ELEMENTSOF(words);
        assert_string_equal(problems_nearest("intervall", words, n, sizeof(words[0])), "interval");
        assert_string_equal(problems_nearest("tiemout", words, n, sizeof(words[0])), "timeout");
        assert_null(problems_nearest("elephant", words, n, sizeof(words[0])));
        assert_string_equal(problems_nearest("disk", &dotted, 1, sizeof(dotted)), "resource.disk");
        assert_null(problems_nearest("x", words, n, sizeof(words[0])));
        assert_null(problems_nearest("x", NULL, 0, sizeof(words[0])));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shows_place_line_caret_and_hint),
                cmocka_unit_test(carets_count_characters),
                cmocka_unit_test(warnings_say_so),
                cmocka_unit_test(long_lines_are_cut),
                cmocka_unit_test(many_problems_are_cut_but_counted),
                cmocka_unit_test(warnings_leave_room_for_errors),
                cmocka_unit_test(nearest_is_near_enough_to_be_meant),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
