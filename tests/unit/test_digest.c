#include "policy_cases.h"

static void digest_of(
        const char *text, char service[POLICY_DIGEST_MAX], char whole[POLICY_DIGEST_MAX]) {
        struct policy *policy = load_clean(text);
        str_copy(service, POLICY_DIGEST_MAX, service_of(policy, "a")->digest);
        str_copy(whole, POLICY_DIGEST_MAX, policy->digest);
        assert_int_equal(strlen(service), POLICY_DIGEST_MAX - 1);
        assert_int_equal(strlen(whole), POLICY_DIGEST_MAX - 1);
        policy_free(policy);
}

static const char plain[] = "version: 1\n"
                            "services:\n"
                            "  a: {fall: 2, probes: {p: {tcp: {address: x}, fall: 1}}}\n"
                            "  b: {probes: {p: {tcp: y}}}\n";

static void the_way_of_writing_does_not_matter(void **state) {
        (void) state;
        static const char *const same[] = {
                /* order of keys and services */
                "version: 1\n"
                "services:\n"
                "  b: {probes: {p: {tcp: y}}}\n"
                "  a:\n"
                "    probes:\n"
                "      p:\n"
                "        fall: \"1\"\n"
                "        tcp: {address: 'x'}\n"
                "    fall: 2\n",
                /* templates */
                "version: 1\n"
                "templates: {t: {fall: 2, probes: {p: {fall: 1}}}}\n"
                "services:\n"
                "  a: {extends: t, probes: {p: {tcp: {address: x}}}}\n"
                "  b: {probes: {p: {tcp: y}}}\n",
        };
        char service[POLICY_DIGEST_MAX], whole[POLICY_DIGEST_MAX];
        digest_of(plain, service, whole);
        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                char other_service[POLICY_DIGEST_MAX], other_whole[POLICY_DIGEST_MAX];
                digest_of(same[i], other_service, other_whole);
                assert_string_equal(other_service, service);
                assert_string_equal(other_whole, whole);
        }
}

static void every_difference_matters(void **state) {
        (void) state;
        static const char *const others[] = {
                "version: 1\nservices:\n  a: {fall: 3, probes: {p: {tcp: {address: x}, fall: 1}}}\n",
                "version: 1\nservices:\n  a: {fall: 2, probes: {q: {tcp: {address: x}, fall: 1}}}\n",
                "version: 1\nservices:\n  a: {fall: 2, probes: {p: {tcp: {address: xx}, fall: 1}}}\n",
                "version: 1\ndefaults: {rise: 4}\nservices:\n  a: {fall: 2, probes: {p: {tcp: {address: x}, fall: "
                "1}}}\n",
        };
        char service[POLICY_DIGEST_MAX], whole[POLICY_DIGEST_MAX];
        digest_of(plain, service, whole);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                char other_service[POLICY_DIGEST_MAX], other_whole[POLICY_DIGEST_MAX];
                digest_of(others[i], other_service, other_whole);
                assert_string_not_equal(other_service, service);
                assert_string_not_equal(other_whole, whole);
        }
}

static void other_services_and_settings_change_only_the_whole(void **state) {
        (void) state;
        static const char *const others[] = {
                "version: 1\n"
                "services:\n"
                "  a: {fall: 2, probes: {p: {tcp: {address: x}, fall: 1}}}\n"
                "  c: {probes: {p: {tcp: y}}}\n",
                "version: 1\n"
                "agent: {slack: 10ms}\n"
                "services:\n"
                "  a: {fall: 2, probes: {p: {tcp: {address: x}, fall: 1}}}\n"
                "  b: {probes: {p: {tcp: y}}}\n",
        };
        char service[POLICY_DIGEST_MAX], whole[POLICY_DIGEST_MAX];
        digest_of(plain, service, whole);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                char other_service[POLICY_DIGEST_MAX], other_whole[POLICY_DIGEST_MAX];
                digest_of(others[i], other_service, other_whole);
                assert_string_equal(other_service, service);
                assert_string_not_equal(other_whole, whole);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_way_of_writing_does_not_matter),
                cmocka_unit_test(every_difference_matters),
                cmocka_unit_test(other_services_and_settings_change_only_the_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
