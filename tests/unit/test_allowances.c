#include "policy_cases.h"

#define ZERO "backoff: {initial: 0s, factor: 2}"
#define SAID                                                                                       \
        " 'factor' has no effect: a wait that begins with 0 stays 0 [backoff-never-grows] "        \
        "(write 'initial: 100ms', or 'delays: [0s, 1s, 10s]')\n"
#define ALLOW "# recoverd: allow backoff-never-grows it is a test\n"

static const struct policy_case cases[] = {
        /* on the line, above it, above the service, above all services */
        {"version: 1\nservices:\n  a:\n    command: [/bin/a]\n    " ZERO " " ALLOW, ""},
        {"version: 1\nservices:\n  a:\n    command: [/bin/a]\n    " ALLOW
         "    # and more\n\n    " ZERO "\n",
                ""},
        {"version: 1\nservices:\n  " ALLOW "  a:\n    command: [/bin/a]\n    " ZERO "\n", ""},
        {"version: 1\nservices:\n  a: " ALLOW "    command: [/bin/a]\n    " ZERO "\n", ""},
        {"version: 1\nservices: " ALLOW "  a:\n    command: [/bin/a]\n    " ZERO "\n", ""},
        {"version: 1\nservices:\n  a: {" ZERO ", #recoverd:allow backoff-never-grows why\n"
         "    command: [/bin/a]}\n",
                ""},
        /* in a template, and in a service for what comes from a template */
        {"version: 1\ntemplates:\n  " ALLOW "  t: {" ZERO
         "}\nservices:\n  a: {command: [/bin/a], extends: t}\n",
                ""},
        {"version: 1\ndefaults: {" ZERO "}\nservices:\n  " ALLOW "  a: {command: [/bin/a]}\n", ""},
        {"version: 1\ndefaults: {" ZERO "}\nservices:\n  " ALLOW
         "  a: {command: [/bin/a]}\n  b: {command: [/bin/a]}\n",
                "warning 2:35" SAID},
        /* a list may stand as far to the left as its key */
        {"version: 1\nservices:\n  a:\n    command: [/bin/a]\n    " ALLOW
         "    recover:\n    - restart: {backoff: {initial: 0s, factor: 2}}\n    - notify\n",
                ""},
        /* too far away */
        {"version: 1\nservices:\n  a:\n    command: [/bin/a] " ALLOW "    " ZERO "\n",
                "warning 4:23 there is no warning 'backoff-never-grows' here to allow [unused-allow] (remove the "
                "comment)\nwarning 5:28" SAID},
        {"version: 1\nservices:\n  " ALLOW
         "  b: {command: [/bin/b]}\n  a: {command: [/bin/a], " ZERO "}\n",
                "warning 3:3 there is no warning 'backoff-never-grows' here to allow [unused-allow] (remove the "
                "comment)\nwarning 5:49" SAID},
        /* what says nothing */
        {"version: 1\nservices:\n  a: {command: [/bin/a], " ZERO
         "} # recoverd: allow backoff-never-grows\n",
                "warning 3:49" SAID
                "warning 3:61 the reason for allowing 'backoff-never-grows' is missing [bad-allow] (# recoverd: allow "
                "CODE reason)\n"},
        {"version: 1\n# recoverd: allow unused-templat we are many\nservices: {a: {command: [/bin/a]}}\n",
                "warning 2:1 there is no warning 'unused-templat' [bad-allow] (did you mean 'unused-template'?)\n"},
        {"version: 1\n# recoverd: allow\nservices: {a: {command: [/bin/a]}}\n",
                "warning 2:1 there is no warning '' [bad-allow]\n"},
        {"version: 1\nservices:\n  a: {command: [/bin/a], fal: 3} # recoverd: allow unknown-key I know better\n",
                "3:26 service: unknown key 'fal' [unknown-key] (did you mean 'fall'?)\n"
                "warning 3:34 'unknown-key' is an error, which cannot be allowed [bad-allow]\n"},
        /* errors hide what would have been found */
        {"version: 1\nservices:\n  a: {command: [/bin/a], fall: 0} # recoverd: allow no-cure a test\n",
                "3:32 'fall' must be at least 1 [out-of-range]\n"},
        /* of this host: it may be of use on another */
        {"version: 1\nservices: {a: {command: [/bin/a]}} # recoverd: allow missing-user made by Ansible later\n",
                ""},
        /* not meant for us */
        {"version: 1\n# recoverd: keeps it alive. recoverd: allows much\nservices: {a: {command: [/bin/a, "
         "\"x#recoverd: allow y\"]}}\n",
                ""},
};

static void warnings_are_allowed_where_they_are_given(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void allowed_warnings_are_counted(void **state) {
        (void) state;
        static const char text[] =
                "version: 1\nservices:\n  a:\n    command: [/bin/a]\n    " ZERO " " ALLOW;
        struct problems problems = {0};
        struct policy *policy = NULL;
        assert_int_equal(
                policy_load_text("t.yaml", text, strlen(text), fake_probes, &policy, &problems), 0);
        assert_int_equal(problems.count, 0);
        assert_int_equal(problems.allowed, 1);
        policy_free(policy);
        problems_done(&problems);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(warnings_are_allowed_where_they_are_given),
                cmocka_unit_test(allowed_warnings_are_counted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
