/* The page that Prometheus scrapes. */

#include "control/metrics_page.h"
#include "support/fake_group.h"

#define RUNTIME ((struct runtime *) &fake)

static struct metrics_page *page;
static struct strbuf text;

static int setup(void **state) {
        fake_setup(state);
        return metrics_page_new(&page, RUNTIME);
}

static int teardown(void **state) {
        (void) state;
        metrics_page_free(page);
        strbuf_done(&text);
        map_free(fake.policy.by_name);
        fake.policy.by_name = NULL;
        return 0;
}

static void scrape(enum metrics_format format) {
        metrics_page_reuse(page, strbuf_take(&text));
        assert_int_equal(metrics_page_render(page, format, &text), 0);
}

/* A whole line of the page. */
static bool has(const char *line) {
        size_t length = strlen(line);
        for (const char *at = strbuf_text(&text); (at = strstr(at, line)); at++) {
                if ((at == text.data || at[-1] == '\n') && at[length] == '\n') {
                        return true;
                }
        }
        return false;
}

static void assert_has(const char *const lines[], size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (!has(lines[i])) {
                        print_error("missing: %s\nin:\n%s", lines[i], strbuf_text(&text));
                }
                assert_true(has(lines[i]));
        }
}

static void tells_about_the_agent(void **state) {
        (void) state;
        fake.stats.stalls = 2;
        fake.stats.reloads_ok = 3;
        fake.stats.reloads_failed = 1;
        fake.stats.worst_lag = 3100;
        fake.store_counts = (struct store_counts){.writes = 412, .dropped = 5};
        fake.suspicion = (struct suspicion_status){
                .state = SUSPICION_HOLDS, .measured = 9, .failing = 4, .count = 2};
        scrape(METRICS_TEXT_004);
        static const char *const lines[] = {
                "recoverd_build_info{version=\"" RECOVERD_VERSION "\"} 1",
                "recoverd_services 3",
                "recoverd_probes 4",
                "recoverd_executor_up 1",
                "recoverd_store_degraded 0",
                "recoverd_self_suspect 1",
                "recoverd_self_suspect_outlived 0",
                "recoverd_self_suspicions_total 2",
                "recoverd_independent_services 9",
                "recoverd_independent_failing 4",
                "recoverd_store_writes_total 412",
                "recoverd_store_dropped_total 5",
                "recoverd_loop_stalls_total 2",
                "recoverd_loop_lag_seconds 0.0031",
                "recoverd_reloads_total{result=\"ok\"} 3",
                "recoverd_reloads_total{result=\"refused\"} 1",
                "recoverd_last_reload_successful 1",
                "recoverd_last_reload_timestamp_seconds 1772362800",
                "recoverd_host_budget_left 58",
                "recoverd_host_budget_limit 60",
                "# TYPE process_cpu_seconds_total counter",
                "# TYPE recoverd_executor_up gauge",
        };
        assert_has(lines, ELEMENTSOF(lines));
        assert_int_equal(fake.scrapes, 1);
}

static void tells_about_services_and_probes(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BACKOFF);
        fake.status[FAKE_CHECKOUT].next_attempt = IN(3.5);
        fake.observations[FAKE_CART][0] = (struct observation){0}; /* has not run yet */
        fake.counters[FAKE_CHECKOUT].probes_by_outcome[OUTCOME_FAIL] = 9;
        fake.counters[FAKE_CHECKOUT].incidents = 2;
        fake.counters[FAKE_CHECKOUT].attempts = 1;
        fake.recovered[FAKE_CHECKOUT].actions[ACTION_RESTART][ATTEMPT_RECOVERED] = 1;
        scrape(METRICS_TEXT_004);
        static const char *const lines[] = {
                "recoverd_service_state{service=\"checkout\",state=\"backoff\"} 1",
                "recoverd_service_state{service=\"cart\",state=\"healthy\"} 1",
                "recoverd_service_up{service=\"checkout\"} 0",
                "recoverd_service_up{service=\"cart\"} 1",
                "recoverd_service_health{service=\"checkout\"} 3",
                "recoverd_incident_open{service=\"checkout\"} 1",
                "recoverd_incidents_total{service=\"checkout\"} 2",
                "recoverd_paused{service=\"checkout\"} 0",
                "recoverd_budget_left{service=\"checkout\"} 9",
                "recoverd_budget_limit{service=\"checkout\"} 10",
                "recoverd_backoff_next_attempt_timestamp_seconds{service=\"checkout\"} "
                "1772366403.5",
                "recoverd_probe_runs_total{service=\"checkout\",outcome=\"fail\"} 9",
                "recoverd_probe_runs_total{service=\"checkout\",outcome=\"pass\"} 0",
                "recoverd_actions_total{service=\"checkout\",action=\"restart\","
                "result=\"recovered\"} 1",
                "recoverd_probe_result{service=\"checkout\",probe=\"health\"} 3",
                "recoverd_probe_result{service=\"cart\",probe=\"ping\"} 0",
                "recoverd_probe_value{service=\"checkout\",probe=\"health\"} 0.0123",
                "recoverd_probe_duration_seconds{service=\"checkout\",probe=\"health\"} 0.0127",
                "recoverd_probe_last_run_timestamp_seconds{service=\"checkout\","
                "probe=\"health\"} 1772366399.613",
        };
        assert_has(lines, ELEMENTSOF(lines));
        static const char *const absent[] = {
                "recoverd_backoff_next_attempt_timestamp_seconds{service=\"cart\"}",
                "recoverd_probe_duration_seconds{service=\"cart\"",
                "recoverd_probe_last_run_timestamp_seconds{service=\"cart\"",
                "recoverd_service_state{service=\"checkout\",state=\"healthy\"}",
                "recoverd_actions_total{service=\"cart\"",
                "recoverd_recovery_seconds_bucket{service=\"checkout\"",
        };
        for (size_t i = 0; i < ELEMENTSOF(absent); i++) {
                assert_null(strstr(strbuf_text(&text), absent[i]));
        }
}

/* Labels come from programs that may write anything. */
static void tells_about_several_values_of_a_probe(void **state) {
        (void) state;
        fake.measurements[0] = (struct measurement){"load \"1\"\\", "", 0.5};
        fake.measurements[1] = (struct measurement){"time", "seconds", 0.25};
        fake.n_measurements = 2;
        scrape(METRICS_TEXT_004);
        static const char *const lines[] = {
                "recoverd_probe_perfdata{service=\"checkout\",probe=\"health\","
                "label=\"load \\\"1\\\"\\\\\",unit=\"\"} 0.5",
                "recoverd_probe_perfdata{service=\"checkout\",probe=\"health\",label=\"time\","
                "unit=\"seconds\"} 0.25",
        };
        assert_has(lines, ELEMENTSOF(lines));
        assert_null(strstr(strbuf_text(&text), "recoverd_probe_perfdata{service=\"cart\""));
}

static void tells_how_long_recovery_took(void **state) {
        (void) state;
        struct recovery_counters *recovered = &fake.recovered[FAKE_CHECKOUT];
        fake.counters[FAKE_CHECKOUT].measured = 3;
        recovered->recovery[6] = 2; /* up to 2.5 s */
        recovered->recovery[RUNTIME_BUCKETS] = 1; /* beyond an hour */
        recovered->recovery_sum = 4004.5;
        scrape(METRICS_TEXT_004);
        static const char *const lines[] = {
                "# TYPE recoverd_recovery_seconds histogram",
                "recoverd_recovery_seconds_bucket{service=\"checkout\",le=\"1\"} 0",
                "recoverd_recovery_seconds_bucket{service=\"checkout\",le=\"2.5\"} 2",
                "recoverd_recovery_seconds_bucket{service=\"checkout\",le=\"3600\"} 2",
                "recoverd_recovery_seconds_bucket{service=\"checkout\",le=\"+Inf\"} 3",
                "recoverd_recovery_seconds_count{service=\"checkout\"} 3",
                "recoverd_recovery_seconds_sum{service=\"checkout\"} 4004.5",
        };
        assert_has(lines, ELEMENTSOF(lines));
}

static void tells_which_guard_holds(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_HELD);
        fake.status[FAKE_CHECKOUT].held_by = GUARD_FLAPPING;
        scrape(METRICS_TEXT_004);
        assert_true(has("recoverd_service_held{service=\"checkout\",guard=\"flapping\"} 1"));
        assert_true(has("recoverd_held_services{guard=\"flapping\"} 1"));
        assert_null(strstr(strbuf_text(&text), "recoverd_service_held{service=\"cart\""));
}

static void a_refused_reload_shows(void **state) {
        (void) state;
        fake.stats.last_reload = FAKE_WALL;
        fake.stats.last_reload_ok = false;
        scrape(METRICS_TEXT_004);
        assert_true(has("recoverd_last_reload_successful 0"));
        assert_true(has("recoverd_last_reload_timestamp_seconds 1772366400"));
}

static void speaks_openmetrics(void **state) {
        (void) state;
        scrape(METRICS_OPENMETRICS);
        static const char *const lines[] = {
                "# TYPE recoverd_build info",
                "# TYPE recoverd_incidents counter",
                "# UNIT recoverd_probe_duration_seconds seconds",
                "# EOF",
        };
        assert_has(lines, ELEMENTSOF(lines));
}

/* The names of a policy are rendered once; another policy at the same address is another policy. */
static void follows_a_reload(void **state) {
        (void) state;
        scrape(METRICS_TEXT_004);
        const char *name = fake_services[FAKE_CART].name;
        fake_services[FAKE_CART].name = "basket";
        fake.stats.reloads_ok++;
        scrape(METRICS_TEXT_004);
        fake_services[FAKE_CART].name = name;
        assert_true(has("recoverd_service_up{service=\"basket\"} 1"));
        assert_null(strstr(strbuf_text(&text), "\"cart\""));
}

static void writes_into_the_memory_of_the_page_before(void **state) {
        (void) state;
        struct strbuf second = {0}, third = {0};
        scrape(METRICS_TEXT_004);
        char *first = strbuf_take(&text);
        assert_int_equal(metrics_page_render(page, METRICS_TEXT_004, &second), 0);
        assert_ptr_not_equal(second.data, first); /* the first is still being sent */
        metrics_page_reuse(page, strbuf_take(&second));
        metrics_page_reuse(page, first); /* two are not kept */
        assert_int_equal(metrics_page_render(page, METRICS_TEXT_004, &third), 0);
        assert_true(str_starts(third.data, "# "));
        assert_non_null(strstr(third.data, "recoverd_services 3\n"));
        assert_int_equal(strlen(third.data), third.length);
        metrics_page_reuse(page, strbuf_take(&third));
}

static void tells_about_groups(void **state) {
        (void) state;
        scrape(METRICS_TEXT_004);
        assert_null(strstr(strbuf_text(&text), "recoverd_group_"));
        fake_join_group();
        scrape(METRICS_TEXT_004);
        static const char *const lines[] = {
                "recoverd_group_active{group=\"shop\",service=\"checkout\"} 1",
                "recoverd_group_stuck{group=\"shop\",service=\"checkout\"} 0",
                "recoverd_group_can_promote{group=\"shop\",service=\"checkout\"} 1",
                "recoverd_group_lease_left_seconds{group=\"shop\",service=\"checkout\"} 9.5",
                "recoverd_group_token{group=\"shop\",service=\"checkout\"} 7",
                "recoverd_group_coordinator_connected{group=\"shop\",service=\"checkout\"} 1",
                "recoverd_group_promotions_total{group=\"shop\",service=\"checkout\"} 3",
                "recoverd_group_promotions_failed_total{group=\"shop\",service=\"checkout\"} 1",
                "recoverd_group_demotions_total{group=\"shop\",service=\"checkout\"} 2",
                "recoverd_group_demotions_unproven_total{group=\"shop\",service=\"checkout\"} 0",
        };
        assert_has(lines, ELEMENTSOF(lines));
        fake_lease =
                (struct lease_view){.standing = LEASE_OTHER, .token = 8, .session = SESSION_LOST};
        fake_machine.duty = DUTY_STUCK;
        scrape(METRICS_TEXT_004);
        fake_machine.duty = DUTY_ACTIVE;
        fake_leave_group();
        static const char *const later[] = {
                "recoverd_group_active{group=\"shop\",service=\"checkout\"} 0",
                "recoverd_group_stuck{group=\"shop\",service=\"checkout\"} 1",
                "recoverd_group_lease_left_seconds{group=\"shop\",service=\"checkout\"} 0",
                "recoverd_group_coordinator_connected{group=\"shop\",service=\"checkout\"} 0",
        };
        assert_has(later, ELEMENTSOF(later));
}

static void stands_an_empty_policy(void **state) {
        (void) state;
        fake.policy.n_services = 0;
        fake.policy.n_probes = 0;
        scrape(METRICS_TEXT_004);
        assert_true(has("recoverd_services 0"));
        assert_null(strstr(strbuf_text(&text), "service=\""));
}

static void tells_about_pools(void **state) {
        (void) state;
        static const struct group_spec group = {
                .name = "web", .mode = GROUP_POOL, .n_members = 3, .max_disruptions = 1};
        const struct service service = {.name = "web1", .group = &group};
        const struct pool_input input = {.group = &group, .needs = true};
        const struct pool_verdict verdict = {
                .permit = PERMIT_GRANTED, .healthy = 2, .least = 2, .holders = 1};
        const struct pool_snapshot pool = {.service = &service,
                .input = &input,
                .verdict = &verdict,
                .counts = {.permits = 4, .without = 1}};
        fake.pool = &pool;
        scrape(METRICS_TEXT_004);
        fake.pool = NULL;
        assert_true(has("recoverd_group_healthy{group=\"web\",service=\"web1\"} 2"));
        assert_true(has("recoverd_group_min_healthy{group=\"web\",service=\"web1\"} 2"));
        assert_true(has("recoverd_group_members{group=\"web\",service=\"web1\"} 3"));
        assert_true(has("recoverd_group_permits{group=\"web\",service=\"web1\"} 1"));
        assert_true(has("recoverd_group_permit{group=\"web\",service=\"web1\"} 1"));
        assert_true(has("recoverd_group_permit_waiting{group=\"web\",service=\"web1\"} 0"));
        assert_true(has("recoverd_group_permits_granted_total{group=\"web\",service=\"web1\"} 4"));
        assert_true(has("recoverd_group_permits_missed_total{group=\"web\",service=\"web1\"} 1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(tells_about_the_agent),
                TEST(tells_about_services_and_probes),
                TEST(tells_about_several_values_of_a_probe),
                TEST(tells_how_long_recovery_took),
                TEST(tells_which_guard_holds),
                TEST(a_refused_reload_shows),
                TEST(speaks_openmetrics),
                TEST(follows_a_reload),
                TEST(writes_into_the_memory_of_the_page_before),
                TEST(tells_about_groups),
                TEST(stands_an_empty_policy),
                TEST(tells_about_pools),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
