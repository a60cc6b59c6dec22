#include "policy_cases.h"

#define C "command: [/bin/x]"
#define LINK "release: {link: /srv/a/current, releases: /srv/a/releases}"

static const struct policy_case cases[] = {
        {"version: 1\nservices:\n  a: {" C ", recover: [restart, rollback]}\n",
                "3:45 'rollback' of the service 'a' has nothing to go back to [no-checkpoint] (add "
                "'checkpoint: {paths: [...]}' to the service, or say what is rolled back: "
                "'release', 'package' or 'exec')\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: /etc/a, recover: [rollback: {" LINK
         "}]}\n",
                "3:56 the service 'a' has a 'checkpoint' and a rollback by 'release': what it "
                "consists of is followed in one way [inconsistent] (leave out one of the two)\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [rollback: {" LINK
         "}, rollback: {package: x}]}\n",
                "3:108 this rollback is by 'package', the one before it by 'release' "
                "[inconsistent] (keep one of them: what a service consists of is followed in one "
                "way)\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [rollback: {" LINK ", package: x}]}\n",
                "3:116 'release', 'package' and 'exec' exclude each other [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [rollback: {exec: [/bin/y]}]}\n",
                "3:53 'exec' needs a 'version', which says what is there at present "
                "[inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C
         ", recover: [rollback: {release: {link: /srv/a/, releases: /srv/b}}]}\n",
                "3:63 'link' ends with a slash, which names its target [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", recover: [rollback: {release: {link: /srv/a}}]}\n",
                "3:56 release: the key 'releases' is missing [missing-key]\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: {paths: [etc/a, /, /etc/../b, /srv/]}}\n",
                "3:47 the path 'etc/a' is relative: nobody knows to what [bad-value]\n"
                "3:54 the path '/' is the whole host, with data that a rollback must not take "
                "back [bad-value]\n"
                "3:57 the path '/etc/../b' is not in its shortest form: without '//', '.', '..' "
                "and a slash at the end [bad-value]\n"
                "3:68 the path '/srv/' is not in its shortest form: without '//', '.', '..' and a "
                "slash at the end [bad-value]\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: {paths: [/etc/a, /etc/ab, /etc/a/b]}}\n",
                "3:64 '/etc/a' and '/etc/a/b' overlap [overlapping-paths] (leave out the inner "
                "one)\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: /etc/a}\n  b: {" C
         ", checkpoint: [/etc/b, /etc/a/b]}\n",
                "4:47 '/etc/a/b' overlaps with '/etc/a' of the service 'a': a rollback of one "
                "would change the other [overlapping-paths] (give it to the one that a rollback "
                "shall follow)\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: {paths: [/etc/a], every: 5m}}\n",
                "3:63 'every' is shorter than 'good_after': each checkpoint would be replaced "
                "before it can earn trust [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", checkpoint: {paths: [/etc/a], good_after: 1h}}\n",
                "warning 3:3 a change has to prove itself for 1h, and is blamed for 30m only: a "
                "failure in between is met with restarts first [unblamed-change] (make "
                "'blame_window' at least as long as 'good_after')\n"},
        {"version: 1\nservices:\n  a: {probes: {p: {tcp: x}}, recover: [rollback: {" LINK "}]}\n",
                "3:40 'rollback' cannot be done for the service 'a': it is only watched, nobody "
                "here starts or stops it [no-manager] (give it a 'command', a 'unit' or 'scripts', "
                "or use exec and notify steps)\n"},
};

static void refuses_what_cannot_be_meant(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static const struct service *only(const struct policy *policy) {
        return &policy->services[0];
}

static void a_checkpoint_alone_has_the_standard_rollback(void **state) {
        (void) state;
        struct policy *policy =
                load_clean("version: 1\nservices:\n  a: {" C ", checkpoint: /etc/a}\n");
        const struct service *service = only(policy);
        assert_int_equal(service->rollback->kind, ROLLBACK_CHECKPOINT);
        assert_int_equal(service->good_after, 10 * USEC_PER_MINUTE);
        assert_int_equal(service->blame_window, 30 * USEC_PER_MINUTE);
        assert_int_equal(service->checkpoint->keep, 5);
        assert_true(service->checkpoint->one_file_system);
        policy_free(policy);
}

static void the_first_rollback_says_what_is_followed(void **state) {
        (void) state;
        struct policy *policy = load_clean(
                "version: 1\nservices:\n  a: {" C ", recover: [restart, rollback: {" LINK
                ", good_after: 2m, approve: manual, schema_guard: /srv/schema}, notify]}\n");
        const struct service *service = only(policy);
        assert_ptr_equal(service->rollback, &service->steps[1].rollback);
        assert_int_equal(service->rollback->kind, ROLLBACK_RELEASE);
        assert_int_equal(service->rollback->approve, APPROVE_MANUAL);
        assert_string_equal(service->rollback->schema_guard->file, "/srv/schema");
        assert_string_equal(service->rollback->release->link, "/srv/a/current");
        assert_int_equal(service->good_after, 2 * USEC_PER_MINUTE);
        assert_int_equal(service->blame_window, 30 * USEC_PER_MINUTE);
        assert_int_equal(service->steps[1].attempts, 1);
        policy_free(policy);
}

static void a_service_without_either_is_not_followed(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\nservices:\n  a: {" C "}\n");
        assert_null(only(policy)->rollback);
        assert_int_equal(only(policy)->good_after, 0);
        policy_free(policy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_what_cannot_be_meant),
                cmocka_unit_test(a_checkpoint_alone_has_the_standard_rollback),
                cmocka_unit_test(the_first_rollback_says_what_is_followed),
                cmocka_unit_test(a_service_without_either_is_not_followed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
