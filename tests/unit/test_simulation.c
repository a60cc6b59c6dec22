/* Whole runs: what is counted, that chance is the seed's, and that sleeping changes no decision. */

#include "policy_cases.h"
#include "sim/simulation.h"

static const char shop[] =
        "version: 1\n"
        "defaults: {backoff: {initial: 1s, jitter: full}, flapping: {high: 0%}}\n"
        "services:\n"
        "  db:\n"
        "    command: [/bin/db]\n"
        "    probes: {ping: {tcp: x, interval: 5s}, load: {tcp: x, interval: 3s}}\n"
        "  web:\n"
        "    command: [/bin/web]\n"
        "    depends_on: [db]\n"
        "    probes: {health: {tcp: x, interval: 2s, fall: 3, rise: 2}, disk: {disk: /srv}}\n"
        "    recover: [restart, {exec: {command: [/bin/true]}}, notify]\n"
        "  site:\n"
        "    depends_on: [web]\n"
        "    probes: {page: {tcp: x, interval: 15s}}\n";

struct told { /* everything that was told */
        struct strbuf text;
        size_t lines;
};

static void on_told(
        void *cookie, usec_t at, const char *service, const char *what, const char *text) {
        struct told *told = cookie;
        strbuf_addf(&told->text, "%llu %s %s %s\n", (unsigned long long) at,
                service ? service : "-", what, text);
        told->lines++;
}

static struct fault_plan *plan_of(const char *text, const struct policy *policy) {
        AUTO_STRBUF struct strbuf said = {0};
        struct problems problems = {0};
        struct fault_plan *plan = NULL;
        fault_plan_load_text("faults.yaml", text, strlen(text), policy, &plan, &problems);
        render_problems(&problems, &said);
        assert_string_equal(strbuf_text(&said), "");
        problems_done(&problems);
        return plan;
}

/* The caller frees the result; its names are gone. */
static struct simulation run(
        const char *policy_text, const char *faults, const struct simulation_options *options) {
        struct simulation result;
        struct error err = {0};
        struct policy *policy = load_clean(policy_text);
        struct fault_plan *plan = plan_of(faults, policy);
        assert_int_equal(simulation_run(&result, policy, plan, options, &err), 0);
        fault_plan_free(plan);
        policy_free(policy);
        return result;
}

static struct simulation run_shop(const char *faults, usec_t duration) {
        struct simulation_options options = {.seed = 1, .duration = duration};
        return run(shop, faults, &options);
}

enum { DB, WEB, SITE };

static void test_a_crash_is_counted(void **state) {
        struct simulation result = run_shop("version: 1\n"
                                            "faults: {oom: {services: web, crash: x, at: 10m}}\n",
                USEC_PER_HOUR);
        const struct service_outcome *web = &result.services[WEB];
        (void) state;
        assert_int_equal(web->outages, 1);
        assert_int_equal(web->incidents, 1);
        assert_int_equal(web->actions[ACTION_RESTART], 1);
        assert_int_equal(web->wrong, 0);
        assert_int_equal(web->missed, 0);
        assert_int_equal(web->detection.count, 1);
        assert_int_equal(web->detection.items[0], 0); /* the executor tells at once */
        assert_int_equal(web->recovery.count, 1);
        assert_int_equal(web->recovery.items[0], web->down);
        assert_int_equal(result.services[DB].outages, 0);
        assert_int_equal(result.services[SITE].outages, 1); /* it needs web */
        assert_int_equal(result.faults[0].occurred, 1);
        assert_int_equal(result.faults[0].cured, 1);
        simulation_done(&result);
}

static const char pair[] =
        "version: 1\n"
        "groups:\n"
        "  pair: {mode: active-standby, members: {blue: {}, green: {priority: 200}}}\n"
        "services:\n"
        "  blue: &member\n"
        "    command: [/bin/member]\n"
        "    member_of: pair\n"
        "    probes: {health: {tcp: x, interval: 2s}}\n"
        "    recover: [restart, failover]\n"
        "    backoff: {initial: 1s, jitter: none}\n"
        "  green: *member\n";

enum { BLUE, GREEN };

static void test_a_standby_is_left_alone(void **state) {
        struct told told = {0};
        struct simulation_options options = {
                .seed = 1, .duration = USEC_PER_HOUR, .tell = on_told, .cookie = &told};
        struct simulation result =
                run(pair, "version: 1\nfaults: {oom: {crash: x, at: 10m}}\n", &options);
        const struct service_outcome *blue = &result.services[BLUE];
        (void) state;
        assert_true(blue->standby);
        assert_int_equal(blue->outages, 0);
        assert_int_equal(blue->incidents, 0);
        assert_int_equal(blue->down, 0);
        assert_int_equal(blue->missed, 0);
        assert_null(strstr(strbuf_text(&told.text), " blue serves"));
        assert_false(result.services[GREEN].standby);
        assert_int_equal(result.services[GREEN].actions[ACTION_RESTART], 1);
        assert_int_equal(result.services[GREEN].handed_over, 0);
        assert_int_equal(result.faults[0].occurred, 1);
        strbuf_done(&told.text);
        simulation_done(&result);
}

/* The agent that comes back knows it as well. */
static void test_a_failover_is_told(void **state) {
        struct told told = {0};
        struct simulation_options options = {
                .seed = 1, .duration = USEC_PER_HOUR, .tell = on_told, .cookie = &told};
        struct simulation result = run(pair,
                "version: 1\nfaults:\n"
                "  gone: {agent_restart: x, at: 5m, lasts: 1m}\n"
                "  stuck: {hang: x, at: 10m, cured_by: {restart: 0%}}\n",
                &options);
        (void) state;
        assert_true(result.services[GREEN].handed_over > 0);
        assert_non_null(strstr(strbuf_text(&told.text), " green failover blue would take over"));
        assert_int_equal(result.services[BLUE].incidents, 0);
        assert_int_equal(result.services[BLUE].handed_over, 0);
        strbuf_done(&told.text);
        simulation_done(&result);
}

static void test_a_dependent_is_not_acted_on(void **state) {
        struct simulation result = run_shop("version: 1\n"
                                            "faults: {stuck: {services: db, hang: x, at: 10m}}\n",
                USEC_PER_HOUR);
        (void) state;
        assert_int_equal(result.services[DB].actions[ACTION_RESTART], 1);
        assert_int_equal(result.services[WEB].outages, 1);
        assert_int_equal(result.services[WEB].actions[ACTION_RESTART], 0);
        assert_true(service_availability(&result, WEB) < 1);
        simulation_done(&result);
}

static void test_an_action_on_a_healthy_service_is_wrong(void **state) {
        struct simulation result =
                run_shop("version: 1\n"
                         "faults: {cut: {services: db, cut_off: x, at: 10m, lasts: 10m}}\n",
                        USEC_PER_HOUR);
        (void) state;
        assert_true(result.services[DB].wrong > 0);
        assert_int_equal(result.services[DB].wrong, result.services[DB].actions[ACTION_RESTART]);
        simulation_done(&result);
}

static void test_what_no_probe_sees_is_missed(void **state) {
        static const char policy[] = "version: 1\n"
                                     "services:\n"
                                     "  quiet: {command: [/bin/quiet]}\n";
        struct simulation_options options = {.seed = 1, .duration = USEC_PER_HOUR};
        struct simulation result =
                run(policy, "version: 1\nfaults: {stuck: {hang: x, at: 10m}}\n", &options);
        (void) state;
        assert_int_equal(result.services[0].missed, 1);
        assert_int_equal(result.services[0].incidents, 0);
        assert_int_equal(result.services[0].down, 50 * USEC_PER_MINUTE);
        simulation_done(&result);
}

static void test_a_person_mends_what_was_given_up(void **state) {
        struct simulation result = run_shop(
                "version: 1\n"
                "mended_after: 2h\n"
                "faults: {broken: {services: web, bad_release: x, at: 10m, cured_by: {reload: 100%}}}\n",
                USEC_PER_DAY);
        const struct service_outcome *web = &result.services[WEB];
        (void) state;
        assert_int_equal(web->gave_up, 1);
        assert_int_equal(web->actions[ACTION_RESTART], 4);
        assert_true(web->down > 2 * USEC_PER_HOUR && web->down < 3 * USEC_PER_HOUR);
        assert_int_equal(result.faults[0].cured, 0);
        simulation_done(&result);
}

static void test_a_stall_alone_changes_nothing(void **state) {
        struct simulation result =
                run_shop("version: 1\n"
                         "faults: {stall: {host_stall: x, at: [10m, 20m], lasts: 43s}}\n",
                        USEC_PER_HOUR);
        (void) state;
        for (uint32_t i = 0; i < result.n_services; i++) {
                assert_int_equal(result.services[i].incidents, 0);
        }
        simulation_done(&result);
}

/* In the midst of the action, before its intent is on disk, and while nothing goes on. */
static void test_a_restart_of_the_agent_repeats_nothing(void **state) {
        static const char *const moments[] = {"10m", "10m1s500ms", "10m2s", "10m4s", "5m"};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(moments); i++) {
                char faults[256];
                snprintf(faults, sizeof(faults),
                        "version: 1\n"
                        "actions: {restart: 4s}\n"
                        "faults:\n"
                        "  oom: {services: web, crash: x, at: 10m}\n"
                        "  update: {agent_restart: x, at: %s, lasts: 3s}\n",
                        moments[i]);
                struct simulation result = run_shop(faults, USEC_PER_HOUR);
                const struct service_outcome *web = &result.services[WEB];
                assert_int_equal(web->incidents, 1);
                assert_int_equal(web->actions[ACTION_RESTART], 1);
                assert_int_equal(web->missed, 0);
                assert_true(web->down < USEC_PER_MINUTE);
                assert_int_equal(result.faults[1].occurred, 1);
                simulation_done(&result);
        }
}

/* It is gone when web crashes, and finds out when it is back. */
static void test_a_crash_while_the_agent_is_gone_is_found(void **state) {
        struct simulation result = run_shop("version: 1\n"
                                            "faults:\n"
                                            "  oom: {services: web, crash: x, at: 10m1s}\n"
                                            "  update: {agent_restart: x, at: 10m, lasts: 1m}\n",
                USEC_PER_HOUR);
        const struct service_outcome *web = &result.services[WEB];
        (void) state;
        assert_int_equal(web->incidents, 1);
        assert_int_equal(web->actions[ACTION_RESTART], 1);
        assert_int_equal(web->detection.items[0], 59 * USEC_PER_SEC);
        simulation_done(&result);
}

/* What is not written down is done, but not as often; and a restart of the agent forgets it. */
static void test_few_actions_while_the_store_fails(void **state) {
        static const char faults[] =
                "version: 1\n"
                "faults:\n"
                "  broken: {services: web, crash: x, at: 10m, cured_by: {exec: 100%}}\n"
                "  full: {store_failure: x, at: 5m, lasts: 30m}\n";
        static const char ladder[] = "version: 1\n"
                                     "services:\n"
                                     "  web:\n"
                                     "    command: [/bin/web]\n"
                                     "    flapping: {high: 0%}\n"
                                     "    recover: [{restart: {attempts: 20}}, notify]\n"
                                     "    backoff: {delays: [1s]}\n"
                                     "    budget: {actions: 20, per: 1h}\n";
        struct simulation_options options = {.seed = 1, .duration = 35 * USEC_PER_MINUTE};
        struct simulation failing = run(ladder, faults, &options);
        struct simulation working = run(ladder,
                "version: 1\n"
                "faults: {broken: {services: web, crash: x, at: 10m, cured_by: {exec: 100%}}}\n",
                &options);
        (void) state;
        assert_int_equal(working.services[0].actions[ACTION_RESTART], 20);
        assert_in_range(failing.services[0].actions[ACTION_RESTART], 1, 5);
        simulation_done(&failing);
        simulation_done(&working);
}

static void test_the_seed_decides(void **state) {
        struct told one = {0}, same = {0}, other = {0};
        struct simulation_options options = {
                .seed = 5, .duration = 20 * USEC_PER_DAY, .tell = on_told};
        struct simulation result;
        (void) state;
        options.cookie = &one;
        result = run(shop, fault_plan_usual, &options);
        simulation_done(&result);
        options.cookie = &same;
        result = run(shop, fault_plan_usual, &options);
        simulation_done(&result);
        options.seed = 6;
        options.cookie = &other;
        result = run(shop, fault_plan_usual, &options);
        simulation_done(&result);
        assert_true(one.lines > 10);
        assert_string_equal(strbuf_text(&one.text), strbuf_text(&same.text));
        assert_string_not_equal(strbuf_text(&one.text), strbuf_text(&other.text));
        strbuf_done(&one.text);
        strbuf_done(&same.text);
        strbuf_done(&other.text);
}

/* Prints the lines round the first difference. */
static void show_difference(uint64_t seed, const char *asleep, const char *awake) {
        size_t same = 0, begin = 0;
        while (asleep[same] && asleep[same] == awake[same]) {
                same++;
                begin = asleep[same] == '\n' ? same + 1 : begin;
        }
        print_error("sleep changes the decisions with seed %llu; asleep:\n%.400s\nawake:\n%.400s\n",
                (unsigned long long) seed, asleep + begin, awake + begin);
}

/* Every round of every probe, or only those that can change something: the same is told. */
static bool is_same(const char *faults, uint64_t seed, usec_t duration) {
        struct told asleep = {0}, awake = {0};
        struct simulation_options options = {.seed = seed, .duration = duration, .tell = on_told};
        options.cookie = &asleep;
        struct simulation quick = run(shop, faults, &options);
        options.cookie = &awake;
        options.every_round = true;
        struct simulation slow = run(shop, faults, &options);
        bool same = str_eq(strbuf_text(&asleep.text), strbuf_text(&awake.text));
        if (!same) {
                show_difference(seed, strbuf_text(&asleep.text), strbuf_text(&awake.text));
        }
        assert_true(quick.steps < slow.steps);
        simulation_done(&quick);
        simulation_done(&slow);
        strbuf_done(&asleep.text);
        strbuf_done(&awake.text);
        return same;
}

static void test_sleep_changes_no_decision(void **state) {
        static const char storm[] =
                "version: 1\n"
                "startup: 2s\n"
                "actions: {restart: {takes: 2s, fails: 10%}}\n"
                "faults:\n"
                "  crash: {crash: killed, mtbf: {mean: 3h, distribution: weibull, shape: 0.7}}\n"
                "  hang: {hang: stuck, mtbf: 5h, cured_by: {restart: 60%, exec: {chance: 80%, after: 3s}}}\n"
                "  slow: {slow: late, mtbf: 7h, lasts: 5m}\n"
                "  flap: {flapping: {bad: 3s, fine: 7s}, mtbf: 9h, lasts: 4m}\n"
                "  full: {disk_full: full, mtbf: 11h, lasts: 10m}\n"
                "  stall: {host_stall: starved, mtbf: 6h, lasts: 20s}\n"
                "  update: {agent_restart: gone, mtbf: 2h, lasts: 4s}\n"
                "  no-room: {store_failure: full, mtbf: 7h, lasts: 10m}\n"
                "  cut: {cut_off: gone, mtbf: 8h, lasts: 43s}\n";
        (void) state;
        for (uint64_t seed = 1; seed <= 6; seed++) {
                assert_true(is_same(storm, seed, 6 * USEC_PER_HOUR));
        }
        assert_true(is_same(fault_plan_usual, 3, USEC_PER_DAY));
}

static void test_percentiles_are_nearest_ranks(void **state) {
        usec_t items[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        struct sample_set ten = {.items = items, .count = 10}, none = {0};
        (void) state;
        assert_int_equal(sample_percentile(&ten, 0), 1);
        assert_int_equal(sample_percentile(&ten, 50), 5);
        assert_int_equal(sample_percentile(&ten, 51), 6);
        assert_int_equal(sample_percentile(&ten, 95), 10);
        assert_int_equal(sample_percentile(&ten, 100), 10);
        assert_int_equal(sample_percentile(&none, 50), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_crash_is_counted),
                cmocka_unit_test(test_a_standby_is_left_alone),
                cmocka_unit_test(test_a_failover_is_told),
                cmocka_unit_test(test_a_dependent_is_not_acted_on),
                cmocka_unit_test(test_an_action_on_a_healthy_service_is_wrong),
                cmocka_unit_test(test_what_no_probe_sees_is_missed),
                cmocka_unit_test(test_a_person_mends_what_was_given_up),
                cmocka_unit_test(test_a_stall_alone_changes_nothing),
                cmocka_unit_test(test_a_restart_of_the_agent_repeats_nothing),
                cmocka_unit_test(test_a_crash_while_the_agent_is_gone_is_found),
                cmocka_unit_test(test_few_actions_while_the_store_fails),
                cmocka_unit_test(test_the_seed_decides),
                cmocka_unit_test(test_sleep_changes_no_decision),
                cmocka_unit_test(test_percentiles_are_nearest_ranks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
