/* When the agent suspects itself, and when it ceases to: families and shares counted by hand. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "recovery/suspicion.h"
#include "support/core_world.h"
#include "unit_test.h"

#define SECONDS(n) ((usec_t) (n) *USEC_PER_SEC)

struct bench { /* a suspicion, and one probe of each service */
        struct policy *policy;
        struct suspicion suspicion;
        struct suspect suspects[WORLD_SERVICES_MAX];
        struct probe_status probes[WORLD_SERVICES_MAX];
        usec_t now;
};

static const struct suspicion_spec standard = {
        .enabled = true,
        .share = 30,
        .at_least = 4,
        .at_most = SECONDS(600),
        .calm = SECONDS(10),
        .cpu_pressure = 90,
        .memory_pressure = 40,
        .min_memory = 2,
};

static struct bench *bench_new(struct policy *policy) {
        struct bench *bench = calloc(1, sizeof(*bench));
        assert_non_null(bench);
        bench->policy = policy;
        policy->agent.suspicion = standard;
        assert_int_equal(suspicion_init(&bench->suspicion, policy, bench->suspects), 0);
        bench->now = SECONDS(1000);
        return bench;
}

static void bench_free(struct bench *bench) {
        suspicion_done(&bench->suspicion);
        policy_free(bench->policy);
        free(bench);
}

/* So many services that depend on nothing. */
static struct bench *strangers(unsigned n) {
        struct policy *policy = build_policy();
        for (unsigned i = 0; i < n; i++) {
                char name[16];
                snprintf(name, sizeof(name), "s%u", i);
                build_plain(policy, name);
        }
        return bench_new(build_done(policy));
}

static void say(struct bench *bench, unsigned service, enum tells tells) {
        suspicion_observe(&bench->suspicion, service, &bench->probes[service], tells, bench->now);
}

static void say_all(struct bench *bench, unsigned from, unsigned to, enum tells tells) {
        for (unsigned i = from; i < to; i++) {
                say(bench, i, tells);
        }
}

static void assert_counts(const struct bench *bench, uint32_t failing, uint32_t measured) {
        assert_int_equal(bench->suspicion.failing, failing);
        assert_int_equal(bench->suspicion.measured, measured);
}

static enum suspicion_change judge(struct bench *bench) {
        return suspicion_judge(&bench->suspicion, bench->now);
}

/* ---- What is counted ---- */

static void test_strangers_count_one_each(void **state) {
        (void) state;
        struct bench *b = strangers(20);
        assert_counts(b, 0, 0);
        say_all(b, 0, 20, TELLS_PASS);
        assert_counts(b, 0, 20);
        say_all(b, 0, 7, TELLS_FAILURE);
        say(b, 0, TELLS_FAILURE); /* once more changes nothing */
        assert_counts(b, 7, 20);
        say(b, 3, TELLS_NOTHING); /* not measured: neither here nor there */
        assert_counts(b, 6, 19);
        say_all(b, 0, 20, TELLS_PASS);
        assert_counts(b, 0, 20);
        bench_free(b);
}

static void test_a_service_of_many_probes_counts_once(void **state) {
        (void) state;
        struct bench *b = strangers(2);
        struct probe_status more[3] = {0};
        for (unsigned i = 0; i < 3; i++) {
                suspicion_observe(&b->suspicion, 0, &more[i], TELLS_FAILURE, b->now);
        }
        say(b, 0, TELLS_PASS);
        assert_counts(b, 1, 1);
        suspicion_observe(&b->suspicion, 0, &more[0], TELLS_PASS, b->now);
        suspicion_observe(&b->suspicion, 0, &more[1], TELLS_PASS, b->now);
        assert_counts(b, 1, 1);
        suspicion_observe(&b->suspicion, 0, &more[2], TELLS_NOTHING, b->now);
        assert_counts(b, 0, 1);
        bench_free(b);
}

/* a and b depend on db; c on db and on its own cache, which fewer depend on; mail on nothing. */
static struct bench *family(void) {
        struct policy *policy = build_policy();
        struct service *db = build_plain(policy, "db");
        struct service *cache = build_plain(policy, "cache");
        build_depend(policy, build_plain(policy, "a"), db);
        build_depend(policy, build_plain(policy, "b"), db);
        struct service *c = build_plain(policy, "c");
        build_depend(policy, c, cache);
        build_depend(policy, c, db);
        build_plain(policy, "mail");
        struct service *page = build_plain(policy, "page");
        build_depend(policy, page, &policy->services[2]);
        return bench_new(build_done(policy));
}

static void test_who_depends_on_the_same_counts_once(void **state) {
        (void) state;
        struct bench *b = family();
        static const uint32_t roots[] = {0, 1, 0, 0, 0, 5, 0};
        for (unsigned i = 0; i < 7; i++) {
                assert_int_equal(b->suspects[i].root, roots[i]);
        }
        say_all(b, 0, 7, TELLS_PASS);
        assert_counts(b, 0, 3);
        say(b, 2, TELLS_FAILURE);
        say(b, 3, TELLS_FAILURE);
        assert_counts(b, 0, 3); /* 2 of 5 of the family: more their own fault than ours */
        say(b, 4, TELLS_FAILURE);
        assert_counts(b, 1, 3);
        say(b, 0, TELLS_FAILURE);
        say(b, 6, TELLS_FAILURE);
        assert_counts(b, 1, 3);
        say(b, 1, TELLS_FAILURE);
        say(b, 5, TELLS_FAILURE);
        assert_counts(b, 3, 3);
        bench_free(b);
}

static void test_what_is_known_for_long_counts_no_more(void **state) {
        (void) state;
        struct bench *b = strangers(10);
        say_all(b, 0, 10, TELLS_PASS);
        say_all(b, 0, 3, TELLS_FAILURE);
        b->now += standard.at_most + 1;
        assert_int_equal(judge(b), SUSPICION_SAME);
        assert_counts(b, 0, 7);
        say(b, 0, TELLS_NOTHING);
        say(b, 0, TELLS_FAILURE); /* a new run */
        assert_counts(b, 1, 8);
        say(b, 1, TELLS_PASS);
        assert_counts(b, 1, 9);
        bench_free(b);
}

/* Counted anew from the last words of all, after each of many random ones. */
static void test_the_counts_are_those_of_a_census(void **state) {
        (void) state;
        struct bench *b = family();
        struct rng rng;
        rng_seed(&rng, 20260301);
        for (unsigned round = 0; round < 20000; round++) {
                say(b, (unsigned) rng_below(&rng, 7), (enum tells) rng_below(&rng, 3));
                uint32_t measured[7] = {0}, failing[7] = {0}, all = 0, bad = 0;
                for (unsigned i = 0; i < 7; i++) {
                        measured[b->suspects[i].root] += b->probes[i].tells != TELLS_NOTHING;
                        failing[b->suspects[i].root] += b->probes[i].tells == TELLS_FAILURE;
                }
                for (unsigned i = 0; i < 7; i++) {
                        all += measured[i] > 0;
                        bad += failing[i] > 0 && 2 * failing[i] >= measured[i];
                }
                assert_counts(b, bad, all);
        }
        bench_free(b);
}

/* ---- When it begins and ends ---- */

static void test_the_share_and_the_least_number(void **state) {
        (void) state;
        static const struct {
                unsigned services, failing;
                bool suspects;
        } cases[] = {
                {63, 18, false},
                {63, 19, true}, /* 30 % of 63 are 18.9 */
                {20, 5, false},
                {20, 6, true},
                {10, 3, false}, /* 30 %, and fewer than 4 */
                {10, 4, true},
                {4, 3, false},
                {4, 4, true},
                {3, 3, false},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct bench *b = strangers(cases[i].services);
                say_all(b, 0, cases[i].services, TELLS_PASS);
                say_all(b, 0, cases[i].failing, TELLS_FAILURE);
                assert_int_equal(judge(b), cases[i].suspects ? SUSPICION_BEGAN : SUSPICION_SAME);
                bench_free(b);
        }
}

static struct bench *suspecting(void) {
        struct bench *b = strangers(20);
        say_all(b, 0, 20, TELLS_PASS);
        say_all(b, 0, 6, TELLS_FAILURE);
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        assert_string_equal(b->suspicion.text,
                "6 of 20 services that share no dependency fail together (from 4 and 30% on)");
        return b;
}

static void test_it_ends_below_half_of_the_share_and_after_a_calm(void **state) {
        (void) state;
        struct bench *b = suspecting();
        say_all(b, 0, 3, TELLS_PASS);
        b->now += SECONDS(60);
        assert_int_equal(judge(b), SUSPICION_SAME); /* 3 of 20 is half */
        say(b, 3, TELLS_PASS);
        b->now += SECONDS(9);
        assert_int_equal(judge(b), SUSPICION_SAME); /* not calm for long enough */
        b->now += SECONDS(1);
        assert_int_equal(judge(b), SUSPICION_ENDED);
        assert_int_equal(b->suspicion.trusted_since, b->now);
        say_all(b, 0, 4, TELLS_FAILURE); /* 6 again: it begins where it began, not at half */
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        bench_free(b);
}

static void test_it_holds_for_at_most_so_long(void **state) {
        (void) state;
        struct bench *b = suspecting();
        b->now += standard.at_most - 1;
        assert_int_equal(judge(b), SUSPICION_SAME);
        assert_int_equal(suspicion_bound(&b->suspicion), b->now + 1);
        b->now += 1;
        assert_int_equal(judge(b), SUSPICION_WAS_OUTLIVED);
        assert_int_equal(b->suspicion.trusted_since, b->now);
        assert_true(suspicion_bound(&b->suspicion) == USEC_INFINITY);
        say_all(b, 0, 20, TELLS_PASS);
        b->now += standard.calm;
        assert_int_equal(judge(b), SUSPICION_ENDED);
        bench_free(b);
}

static void test_what_it_held_shortly_before_counts(void **state) {
        (void) state;
        struct bench *b = suspecting();
        b->now += SECONDS(300);
        assert_int_equal(judge(b), SUSPICION_SAME);
        say_all(b, 0, 20, TELLS_PASS);
        b->now += SECONDS(10);
        assert_int_equal(judge(b), SUSPICION_ENDED);
        b->now += SECONDS(30);
        say_all(b, 0, 6, TELLS_FAILURE);
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        assert_int_equal(suspicion_bound(&b->suspicion), b->now + SECONDS(290));
        say_all(b, 0, 20, TELLS_PASS);
        b->now += SECONDS(10);
        assert_int_equal(judge(b), SUSPICION_ENDED);
        b->now += standard.at_most; /* and no longer than that */
        say_all(b, 0, 6, TELLS_FAILURE);
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        assert_int_equal(suspicion_bound(&b->suspicion), b->now + standard.at_most);
        bench_free(b);
}

static void test_nothing_is_suspected_when_it_is_off(void **state) {
        (void) state;
        struct bench *b = strangers(20);
        b->policy->agent.suspicion.enabled = false;
        say_all(b, 0, 20, TELLS_FAILURE);
        suspicion_host(&b->suspicion, &(struct host_signs){.stalled = SECONDS(9)}, b->now);
        assert_int_equal(judge(b), SUSPICION_SAME);
        bench_free(b);
}

/* ---- References ---- */

static struct bench *with_references(void) {
        struct policy *policy = build_policy();
        for (unsigned i = 0; i < 10; i++) {
                char name[16];
                snprintf(name, sizeof(name), "s%u", i);
                build_plain(policy, name)->reference = i >= 8;
        }
        return bench_new(build_done(policy));
}

static void test_a_reference_that_answers_clears_the_agent(void **state) {
        (void) state;
        struct bench *b = with_references();
        say_all(b, 0, 8, TELLS_FAILURE);
        suspicion_reference(&b->suspicion, HEALTH_UNKNOWN, HEALTH_HEALTHY);
        assert_int_equal(judge(b), SUSPICION_SAME);
        suspicion_reference(&b->suspicion, HEALTH_HEALTHY, HEALTH_SUSPECT);
        assert_int_equal(judge(b), SUSPICION_BEGAN); /* nobody knows: the share counts */
        bench_free(b);
}

static void test_no_reference_answers(void **state) {
        (void) state;
        struct bench *b = with_references();
        say_all(b, 0, 8, TELLS_PASS);
        suspicion_reference(&b->suspicion, HEALTH_UNKNOWN, HEALTH_FAILED);
        assert_int_equal(judge(b), SUSPICION_SAME); /* the other is not known */
        suspicion_reference(&b->suspicion, HEALTH_UNKNOWN, HEALTH_FAILED);
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        assert_string_equal(b->suspicion.text, "no reference answers (2 of 2)");
        suspicion_reference(&b->suspicion, HEALTH_FAILED, HEALTH_HEALTHY);
        b->now += standard.calm;
        assert_int_equal(judge(b), SUSPICION_ENDED);
        bench_free(b);
}

/* ---- The host ---- */

static void test_signs_of_the_host(void **state) {
        (void) state;
        static const struct {
                struct host_signs signs;
                const char *text; /* NULL: no sign */
        } cases[] = {
                {{.stalled = SECONDS(7)}, "the agent stood still for 7s"},
                {{.clock_jump = 3600 * (int64_t) USEC_PER_SEC},
                        "the wall clock was set forward by 1h"},
                {{.clock_jump = -90 * (int64_t) USEC_PER_SEC},
                        "the wall clock was set back by 1m30s"},
                {{.pressure_known = true, .cpu_percent = 97, .late = 300 * USEC_PER_MSEC},
                        "the CPU was contended in 97% of the last 10s (from 90% on), and the agent itself waited for 300ms"},
                {{.pressure_known = true, .cpu_percent = 97, .late = 100 * USEC_PER_MSEC}, NULL},
                {{.pressure_known = true, .cpu_percent = 80, .late = SECONDS(1)}, NULL},
                {{.late = SECONDS(1)}, NULL}, /* the kernel does not tell */
                {{.pressure_known = true, .memory_percent = 55},
                        "the whole host waited for memory in 55% of the last 10s (from 40% on)"},
                {{.memory_known = true, .available_percent = 1.25},
                        "1.2% of the memory of the host is available (under 2.0%)"},
                {{.memory_known = true, .available_percent = 2}, NULL},
                {{.available_percent = 0}, NULL},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct bench *b = strangers(2);
                suspicion_host(&b->suspicion, &cases[i].signs, b->now);
                assert_int_equal(judge(b), cases[i].text ? SUSPICION_BEGAN : SUSPICION_SAME);
                assert_string_equal(b->suspicion.text, cases[i].text ? cases[i].text : "");
                b->now += standard.calm;
                assert_int_equal(judge(b), cases[i].text ? SUSPICION_ENDED : SUSPICION_SAME);
                bench_free(b);
        }
}

/* A turn that was too long is noticed at its end, and its moment is that of its beginning. */
static void test_the_calm_begins_when_a_stall_is_over(void **state) {
        (void) state;
        struct bench *b = strangers(2);
        struct host_signs signs = {.stalled = SECONDS(20), .stalled_until = b->now + SECONDS(20)};
        suspicion_host(&b->suspicion, &signs, b->now);
        assert_int_equal(judge(b), SUSPICION_BEGAN);
        b->now += SECONDS(20) + standard.calm - 1;
        assert_int_equal(judge(b), SUSPICION_SAME);
        b->now += 1;
        assert_int_equal(judge(b), SUSPICION_ENDED);
        bench_free(b);
}

/* ---- A reload ---- */

static void test_a_reload_forgets_nothing(void **state) {
        (void) state;
        struct bench *b = suspecting(), *other = strangers(20);
        b->now += SECONDS(30);
        other->now = b->now;
        for (unsigned i = 0; i < 20; i++) {
                other->probes[i].tells = b->probes[i].tells;
                suspicion_carry_service(
                        &other->suspicion, i, &b->suspicion, i, &other->probes[i], 1);
        }
        suspicion_carry(&other->suspicion, &b->suspicion);
        assert_counts(other, 6, 20);
        assert_int_equal(judge(other), SUSPICION_SAME);
        assert_int_equal(other->suspicion.state, SUSPICION_HOLDS);
        assert_int_equal(suspicion_bound(&other->suspicion), suspicion_bound(&b->suspicion));
        bench_free(b);
        bench_free(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strangers_count_one_each),
                cmocka_unit_test(test_a_service_of_many_probes_counts_once),
                cmocka_unit_test(test_who_depends_on_the_same_counts_once),
                cmocka_unit_test(test_what_is_known_for_long_counts_no_more),
                cmocka_unit_test(test_the_counts_are_those_of_a_census),
                cmocka_unit_test(test_the_share_and_the_least_number),
                cmocka_unit_test(test_it_ends_below_half_of_the_share_and_after_a_calm),
                cmocka_unit_test(test_it_holds_for_at_most_so_long),
                cmocka_unit_test(test_what_it_held_shortly_before_counts),
                cmocka_unit_test(test_nothing_is_suspected_when_it_is_off),
                cmocka_unit_test(test_a_reference_that_answers_clears_the_agent),
                cmocka_unit_test(test_no_reference_answers),
                cmocka_unit_test(test_signs_of_the_host),
                cmocka_unit_test(test_the_calm_begins_when_a_stall_is_over),
                cmocka_unit_test(test_a_reload_forgets_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
