#include "policy/yaml_tree.h"
#include "policy_cases.h"

static const struct policy_case syntax_cases[] = {
        {"version: 1\nservices: {\n",
                "3:1 not valid YAML: did not find expected node content while parsing a flow node [not-yaml]\n"},
        {"version: 1\nservices:\n\ta: {}\n",
                "3:1 not valid YAML: found character that cannot start any token while scanning for the next "
                "token [not-yaml] (indent with spaces, YAML does not allow tabs)\n"},
        {"version: 1\nservices:\n  a: b: c\n",
                "3:7 not valid YAML: mapping values are not allowed in this context [not-yaml] (a line above "
                "lacks its ':' or quotes, or this one is indented too far)\n"},
        {"version: 1\nservices:\n  a: @x\n",
                "3:6 not valid YAML: found character that cannot start any token while scanning for the next "
                "token [not-yaml] (put the value in quotes)\n"},
        {"version: 1\nservices:\n  a: \"x\n",
                "4:1 not valid YAML: found unexpected end of stream while scanning a quoted scalar "
                "[not-yaml] (a quote is not closed)\n"},
        {"version: 1\n---\nversion: 1\n",
                "2:1 a second YAML document in one file [unsupported-yaml] (put it into a file of its own)\n"},
        {"version: 1\nservices:\n  a: !ruby x\n",
                "3:6 the tag '!ruby' is not supported [unsupported-yaml]\n"},
        {"version: 1\nservices:\n  a:\n    <<: {fall: 1}\n",
                "4:5 the merge key '<<' is not supported [unsupported-yaml] (write 'extends: NAME' with an "
                "entry of 'templates', which merges deeply)\n"},
        {"version: 1\nservices:\n  [a, b]: c\n",
                "3:3 a key must be a plain word [unsupported-yaml]\n"},
        {"version: 1\nservices:\n  a: *b\n",
                "3:6 no anchor '&b' was set before this alias [unknown-anchor]\n"},
        {"version: 1\nservices:\n  a: &b [*b]\n",
                "3:10 the alias '*b' stands within its own anchor [unknown-anchor]\n"},
        {"version: 1\nservices:\n  a: \"x\\0y\"\n",
                "3:6 a text must not contain a NUL character [not-text]\n"},
        {"version: 1\nservices: {}\nversion: 1\n",
                "3:1 the key 'version' appears twice, first in line 1 [duplicate-key]\n"},
        {"version: 1\nservices:\n  a:\n    command: [/bin/a]\n    environment: {A: 1, B: 2, A: 3, B: 4}\n",
                "5:31 the key 'A' appears twice, first in line 5 [duplicate-key]\n"
                "5:37 the key 'B' appears twice, first in line 5 [duplicate-key]\n"},
        {"version: 1\nservices:\n  a: \x01\n",
                "3:6 the control character 0x01 is not allowed [not-text]\n"},
        {"version: 1\n# \xC3\xA9 \xFF\n",
                "2:5 the byte 0xff is not UTF-8 [not-text] (save the file as UTF-8)\n"},
        {"version: 1\n# \xED\xA0\x80\n",
                "2:3 the byte 0xed is not UTF-8 [not-text] (save the file as UTF-8)\n"},
        {"", "1:1 the key 'version' is missing [missing-key] (begin the file with 'version: 1')\n"},
        {"version: 1\n", "warning 0:0 no service is defined in any policy file [no-services]\n"},
};

static void refuses_what_is_not_clean_yaml(void **state) {
        (void) state;
        run_cases(syntax_cases, ELEMENTSOF(syntax_cases));
}

/* Loads a text of which the expected problem is known to be the only one. */
static void expect_only(const struct strbuf *text, const char *expected) {
        policy_free(load_expecting(strbuf_text(text), expected));
}

static void refuses_nul_bytes(void **state) {
        (void) state;
        static const char text[] = "version: 1\n\0services: {}\n";
        struct problems problems = {0};
        struct policy *policy = NULL;
        assert_int_equal(
                policy_load_text("t.yaml", text, sizeof(text) - 1, fake_probes, &policy, &problems),
                -EINVAL);
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0].message, "a NUL byte: this is not a text file");
        assert_int_equal(problems.items[0].line, 2);
        problems_done(&problems);
}

static void refuses_deep_nesting(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\nservices: ");
        strbuf_add_repeated(&text, '[', 100000);
        expect_only(&text, "2:74 nested more than 64 levels deep [too-deep]\n");
}

static void refuses_depth_by_aliases(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\nservices:\n  a0: &a0 [x]\n");
        for (int i = 1; i < 70; i++) {
                strbuf_addf(&text, "  a%d: &a%d [*a%d]\n", i, i, i - 1);
        }
        expect_only(&text, "64:14 nested more than 64 levels deep [too-deep]\n");
}

static void refuses_alias_bombs(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\nservices:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 10; i++) {
                strbuf_addf(&text,
                        "  a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                        i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        }
        expect_only(&text,
                "9:27 the aliases of this file expand to more than 2000000 values [alias-bomb] (use "
                "'extends' with an entry of 'templates')\n");
}

static void refuses_long_texts(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\nservices:\n  a: ");
        strbuf_add_repeated(&text, 'x', YAML_SCALAR_MAX + 1);
        expect_only(&text, "3:6 a text of more than 65536 bytes [too-large]\n");
}

static void errors_in_aliases_point_at_the_anchor(void **state) {
        (void) state;
        policy_free(load_expecting("version: 1\n"
                                   "services:\n"
                                   "  a:\n"
                                   "    probes: &probes\n"
                                   "      p: {tcp: x, fall: 0}\n"
                                   "  b:\n"
                                   "    probes: *probes\n",
                "5:25 'fall' must be at least 1 [out-of-range]\n"));
}

static void aliases_work(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "services:\n"
                                           "  a:\n"
                                           "    interval: &often 2s\n"
                                           "    probes: &probes\n"
                                           "      p: {tcp: x}\n"
                                           "  b:\n"
                                           "    interval: *often\n"
                                           "    probes: *probes\n");
        assert_int_equal(probe_of(service_of(policy, "b"), "p")->interval, 2 * USEC_PER_SEC);
        policy_free(policy);
}

static void accepts_a_byte_order_mark_and_crlf(void **state) {
        (void) state;
        policy_free(load_clean(
                "\xEF\xBB\xBFversion: 1\r\nservices:\r\n  a:\r\n    probes: {p: {tcp: x}}\r\n"));
        policy_free(load_expecting("version: 1\r\nservices:\r\n  a: {comand: [x]}\r\n",
                "3:7 service: unknown key 'comand' [unknown-key] (did you mean 'command'?)\n"));
}

/* Thousands of keys must not take quadratic time. */
static void many_keys_are_quick(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\nservices:\n  a:\n    command: [/bin/a]\n    environment:\n");
        for (int i = 0; i < 4097; i++) {
                strbuf_addf(&text, "      V%d: x\n", i);
        }
        expect_only(&text, "6:7 'environment' has more than 4096 entries [too-large]\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_what_is_not_clean_yaml),
                cmocka_unit_test(refuses_nul_bytes),
                cmocka_unit_test(refuses_deep_nesting),
                cmocka_unit_test(refuses_depth_by_aliases),
                cmocka_unit_test(refuses_alias_bombs),
                cmocka_unit_test(refuses_long_texts),
                cmocka_unit_test(errors_in_aliases_point_at_the_anchor),
                cmocka_unit_test(aliases_work),
                cmocka_unit_test(accepts_a_byte_order_mark_and_crlf),
                cmocka_unit_test(many_keys_are_quick),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
