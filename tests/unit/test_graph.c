#include "policy_cases.h"

#define C "command: [/bin/x]"

static const struct policy_case cases[] = {
        {"version: 1\nservices:\n  a: {" C ", depends_on: [order-db]}\n  orders-db: {" C "}\n",
                "3:39 there is no service 'order-db' [unknown-service] (did you mean 'orders-db'?)\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: a}\n",
                "3:38 the service 'a' depends on itself [cycle]\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [b, b]}\n  b: {" C "}\n",
                "3:42 'b' is listed twice [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [b]}\n  b: {" C
         ", depends_on: [c]}\n  c: {" C ", depends_on: [a]}\n",
                "3:39 services depend on each other: a -> b -> c -> a [cycle]\n"},
        /* two cycles, and one service that only leads to the first */
        {"version: 1\nservices:\n  z: {" C ", depends_on: [a]}\n  a: {" C
         ", depends_on: [b]}\n  b: {" C ", depends_on: [a]}\n  c: {" C
         ", depends_on: [d]}\n  d: {" C ", depends_on: [c]}\n",
                "4:39 services depend on each other: a -> b -> a [cycle]\n"
                "6:39 services depend on each other: c -> d -> c [cycle]\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [{a: soft}]}\n",
                "3:40 the service 'a' depends on itself [cycle]\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [b, {b: soft}]}\n  b: {" C "}\n",
                "3:43 'b' is listed twice [inconsistent]\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: {b: sof}}\n  b: {" C "}\n",
                "3:42 'depends_on': expected hard or soft, found 'sof' [bad-value] (did you mean 'soft'?)\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [{b: soft, c: soft}]}\n  b: {" C
         "}\n  c: {" C "}\n",
                "3:39 'depends_on': expected a name, or a mapping of one name, found a mapping [bad-value] "
                "(give each name an entry of its own in the list)\n"},
        {"version: 1\nservices:\n  a: {" C ", depends_on: [{b: hard}]}\n  b: {" C
         ", depends_on: a}\n",
                "3:40 services depend on each other: a -> b -> a [cycle]\n"},
        /* checked although the service is broken otherwise */
        {"version: 1\nservices:\n  a: {" C ", fall: 0, depends_on: [x]}\n",
                "3:32 'fall' must be at least 1 [out-of-range]\n"
                "3:48 there is no service 'x' [unknown-service]\n"},
};

static void refuses_broken_dependencies(void **state) {
        (void) state;
        run_cases(cases, ELEMENTSOF(cases));
}

static void computes_depths_and_dependents(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "defaults: {probes: {p: {tcp: x}}}\n"
                                           "services:\n"
                                           "  shop: {depends_on: [checkout, web]}\n"
                                           "  checkout: {depends_on: [db, web]}\n"
                                           "  web: {}\n"
                                           "  db: {}\n");
        const struct service *web = service_of(policy, "web");
        assert_int_equal(service_of(policy, "shop")->depth, 2);
        assert_int_equal(service_of(policy, "checkout")->depth, 1);
        assert_int_equal(web->depth, 0);
        assert_int_equal(web->n_dependents, 2);
        assert_string_equal(policy->services[web->dependents[0]].name, "shop");
        assert_string_equal(policy->services[web->dependents[1]].name, "checkout");
        static const char *const order[] = {"web", "db", "checkout", "shop"};
        for (uint32_t i = 0; i < ELEMENTSOF(order); i++) {
                assert_string_equal(policy->services[policy->by_depth[i]].name, order[i]);
        }
        policy_free(policy);
}

/* Nothing waits for a soft dependency: it gives no order, and may lead in a circle. */
static void soft_dependencies_order_nothing(void **state) {
        (void) state;
        struct policy *policy = load_clean("version: 1\n"
                                           "defaults: {probes: {p: {tcp: x}}}\n"
                                           "services:\n"
                                           "  shop: {depends_on: [{cache: soft}, db]}\n"
                                           "  cache: {depends_on: {shop: soft}}\n"
                                           "  db: {}\n");
        const struct service *shop = service_of(policy, "shop");
        assert_int_equal(shop->n_depends_on, 1);
        assert_string_equal(policy->services[shop->depends_on[0]].name, "db");
        assert_int_equal(shop->n_soft_depends_on, 1);
        assert_string_equal(policy->services[shop->soft_depends_on[0]].name, "cache");
        assert_int_equal(service_of(policy, "cache")->depth, 0);
        assert_int_equal(service_of(policy, "cache")->n_dependents, 0);
        policy_free(policy);
}

static void a_long_chain_is_no_problem(void **state) {
        (void) state;
        enum { LINKS = 5000 };
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text, "version: 1\ndefaults: {probes: {p: {tcp: x}}}\nservices:\n  s0: {}\n");
        for (int i = 1; i < LINKS; i++) {
                strbuf_addf(&text, "  s%d: {depends_on: s%d}\n", i, i - 1);
        }
        struct policy *policy = load_clean(strbuf_text(&text));
        assert_int_equal(policy->services[LINKS - 1].depth, LINKS - 1);
        policy_free(policy);
}

static void a_long_cycle_is_cut_in_the_message(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_add(&text,
                "version: 1\ndefaults: {probes: {p: {tcp: x}}}\nservices:\n  s0: {depends_on: s19}\n");
        for (int i = 1; i < 20; i++) {
                strbuf_addf(&text, "  s%d: {depends_on: s%d}\n", i, i - 1);
        }
        policy_free(load_expecting(strbuf_text(&text),
                "4:20 services depend on each other: s0 -> s19 -> s18 -> s17 -> s16 -> s15 -> s14 -> s13 -> ... -> "
                "s0 [cycle]\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_broken_dependencies),
                cmocka_unit_test(computes_depths_and_dependents),
                cmocka_unit_test(soft_dependencies_order_nothing),
                cmocka_unit_test(a_long_chain_is_no_problem),
                cmocka_unit_test(a_long_cycle_is_cut_in_the_message),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
