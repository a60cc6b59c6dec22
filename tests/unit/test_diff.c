#include "policy/diff.h"
#include "policy_cases.h"

static void render(const struct policy_diff *diff, struct strbuf *out) {
        for (uint32_t i = 0; i < diff->count; i++) {
                strbuf_addf(
                        out, "%s %s\n", diff->items[i].name, change_text(diff->items[i].change));
        }
}

static void compares_by_name(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        AUTO(policy_diff_done) struct policy_diff diff = {0};
        struct policy *old = load_clean("version: 1\n"
                                        "services:\n"
                                        "  same: {probes: {p: {tcp: x}}}\n"
                                        "  changed: {probes: {p: {tcp: x}}}\n"
                                        "  removed: {probes: {p: {tcp: x}}}\n");
        struct policy *new = load_clean("version: 1\n"
                                        "services:\n"
                                        "  added: {probes: {p: {tcp: x}}}\n"
                                        "  changed: {probes: {p: {tcp: y}}}\n"
                                        "  same: {probes: {p: {tcp: x}}}\n");
        assert_int_equal(policy_diff(old, new, &diff), 0);
        render(&diff, &text);
        assert_string_equal(
                strbuf_text(&text), "added added\nchanged changed\nsame same\nremoved removed\n");
        assert_int_equal(diff.n_same, 1);
        assert_int_equal(diff.n_changed, 1);
        assert_int_equal(diff.n_added, 1);
        assert_int_equal(diff.n_removed, 1);
        assert_ptr_equal(diff.items[1].old, service_of(old, "changed"));
        assert_ptr_equal(diff.items[1].new, service_of(new, "changed"));
        assert_null(diff.items[0].old);
        assert_null(diff.items[3].new);
        policy_free(old);
        policy_free(new);
}

static void the_first_load_adds_everything(void **state) {
        (void) state;
        AUTO(policy_diff_done) struct policy_diff diff = {0};
        struct policy *new = load_clean("version: 1\nservices:\n  a: {probes: {p: {tcp: x}}}\n");
        assert_int_equal(policy_diff(NULL, new, &diff), 0);
        assert_int_equal(diff.n_added, 1);
        policy_free(new);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compares_by_name),
                cmocka_unit_test(the_first_load_adds_everything),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
