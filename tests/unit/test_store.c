/* What is saved is found again, in order, and within its limits. */

#include "store_fixture.h"

static int set_up(void **state) {
        struct fixture *fixture = fixture_new();
        fixture_open(fixture);
        *state = fixture;
        return 0;
}

static int tear_down(void **state) {
        fixture_free(*state);
        return 0;
}

static unsigned mode_of(const char *path) {
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        return status.st_mode & 07777;
}

static void test_a_new_database(void **state) {
        struct fixture *fixture = *state;
        char directory[96];
        assert_false(store_degraded(fixture->store));
        assert_string_equal(store_why(fixture->store), "");
        assert_int_equal(fixture->image.n_services, 0);
        assert_int_equal(fixture->image.n_open, 0);
        assert_int_equal(fixture->image.next_incident, 1);
        (void) snprintf(directory, sizeof(directory), "%s/state", fixture->directory);
        assert_int_equal(mode_of(directory), 0750);
        assert_int_equal(mode_of(fixture->path), 0640);
        loop_turn(fixture->loop, 0);
        assert_int_equal(fixture->n_degraded + fixture->n_recovered, 0);
}

static struct service_record full_record(void) {
        struct service_record record = {
                .service = "shop",
                .boot_id = "5d7f8c9e-0000-4000-8000-123456789abc",
                .written = {1, 2},
                .phase = PHASE_BACKOFF,
                .phase_since = {3, 4},
                .health = HEALTH_FAILED,
                .incident = 7,
                .attempts = 8,
                .step = 2,
                .step_attempts = 9,
                .backoff_level = 10,
                .backoff_previous = 11,
                .next_attempt = {12, 13},
                .healthy_since = {14, 15},
                .attempt = make_attempt(7, 8),
                .stopped = true,
                .paused = true,
                .pause_until = {USEC_INFINITY, 16},
                .pause_reason = "deploy; DROP TABLE service; -- 'quoted' \xc3\xbc \xff",
                .pause_by = "root",
                .reminders = 31,
                .next_reminder = {32, 33},
                .flapping = true,
                .verdicts = UINT32_C(0xAAAAAAAA),
                .n_verdicts = 32,
                .rolled_back = UINT64_MAX - 1,
                .deploy_until = {34, 35},
                .n_waits = 2,
                .waits = {{"exec-0123456789abcdef", 36, 37}, {"restart", 38, 39}},
                .n_spent = 2,
                .spent = {{"", {17, 18}}, {"restart", {19, 20}}},
        };
        (void) str_copy(record.attempt.text, sizeof(record.attempt.text), "exit status 1");
        record.attempt.started = 21;
        record.attempt.acted = 22;
        record.attempt.verified = 23;
        return record;
}

static void test_service_round_trip(void **state) {
        struct fixture *fixture = *state;
        struct service_record record = full_record();
        store_save_service(fixture->store, &record);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_services, 1);
        assert_memory_equal(&fixture->image.services[0], &record, sizeof(record));
        assert_int_equal(fixture->image.next_incident, 8);
}

static void test_host_round_trip(void **state) {
        struct fixture *fixture = *state;
        struct host_record host = {
                .boot_id = "boot",
                .written = {1, 2},
                .held = true,
                .held_since = {8, 9},
                .held_until = {USEC_INFINITY, USEC_INFINITY},
                .held_by = "ann (uid 0)",
                .held_reason = "storage is moved",
                .packages = true,
                .packages_since = {10, 11},
                .packages_until = {12, 13},
                .packages_by = "apt, pid 7",
                .packages_lock = "/var/lib/dpkg/lock",
                .n_spent = 3,
                .spent = {{3, 4}, {5, 6}, {7, USEC_INFINITY}},
        };
        store_save_host(fixture->store, &host);
        fixture_reopen(fixture);
        assert_memory_equal(&fixture->image.host, &host, sizeof(host));
}

static void test_calls_round_trip(void **state) {
        struct fixture *fixture = *state;
        struct call_record call = {
                .service = "backup",
                .probe = "done",
                .boot_id = "boot",
                .since = {1, 2},
                .called = true,
                .failed = true,
                .overdue = true,
                .excused = 3,
                .text = "42 files",
        };
        store_save_call(fixture->store, &call);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_calls, 1);
        const struct call_record *kept = &fixture->image.calls[0];
        assert_string_equal(kept->service, "backup");
        assert_string_equal(kept->probe, "done");
        assert_string_equal(kept->boot_id, "boot");
        assert_int_equal(kept->since.mono, call.since.mono);
        assert_int_equal(kept->since.wall, call.since.wall);
        assert_true(kept->called && kept->failed && kept->overdue);
        assert_int_equal(kept->excused, 3);
        assert_string_equal(kept->text, "42 files");
        (void) str_copy(call.probe, sizeof(call.probe), "begun");
        store_save_call(fixture->store, &call);
        store_forget_call(fixture->store, "backup", "done");
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_calls, 1);
        assert_string_equal(fixture->image.calls[0].probe, "begun");
        store_forget_service(fixture->store, "backup");
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_calls, 0);
}

static void test_trials_are_replaced_and_forgotten(void **state) {
        struct fixture *fixture = *state;
        struct service_record service = full_record();
        struct trials_record record = {"", "restart", CAUSE_WRONG_ANSWER, {5, 9, 77}};
        (void) str_copy(record.service, sizeof(record.service), service.service);
        store_save_trials(fixture->store, &record);
        record.trials = (struct trials){UINT32_MAX, TRIALS_MAX, 78};
        store_save_trials(fixture->store, &record);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_trials, 1);
        const struct trials_record *kept = &fixture->image.trials[0];
        assert_string_equal(kept->service, record.service);
        assert_string_equal(kept->step, "restart");
        assert_int_equal(kept->cause, CAUSE_WRONG_ANSWER);
        assert_int_equal(kept->trials.results, UINT32_MAX);
        assert_int_equal(kept->trials.count, TRIALS_MAX);
        assert_int_equal(kept->trials.last, 78);
        store_forget_service(fixture->store, record.service);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_trials, 0);
}

static void test_why_stays_with_the_attempt(void **state) {
        struct fixture *fixture = *state;
        struct incident incident = make_incident(7, "shop");
        struct attempt attempt = make_attempt(7, 1);
        store_save_incident(fixture->store, &incident);
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        store_save_why(fixture->store, &attempt, "shop", "{\"summary\": \"it failed\"}");
        attempt.result = ATTEMPT_RECOVERED; /* written once more, when it is over */
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        attempt.number = 2;
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        query_incident(fixture, 7);
        assert_int_equal(fixture->history.n_attempts, 2);
        assert_int_equal(fixture->history.attempts[0].result, ATTEMPT_RECOVERED);
        assert_string_equal(fixture->history.whys[0].text, "{\"summary\": \"it failed\"}");
        assert_string_equal(fixture->history.whys[1].text, "");
}

static void test_evidence_is_kept_with_the_incident(void **state) {
        struct fixture *fixture = *state;
        struct incident incident = make_incident(7, "shop");
        incident.closed = 1;
        store_save_incident(fixture->store, &incident);
        AUTO_FREE char *text = malloc(2 * STORE_EVIDENCE_MAX);
        memset(text, 'x', 2 * STORE_EVIDENCE_MAX);
        text[2 * STORE_EVIDENCE_MAX - 1] = '\0';
        store_save_evidence(fixture->store, 7, 1234, text);
        query_incident(fixture, 7);
        assert_int_equal(fixture->answer, 0);
        assert_int_equal(sql_number(fixture->path, "SELECT length(text) FROM evidence"),
                STORE_EVIDENCE_MAX - 1);
        assert_int_equal(sql_number(fixture->path, "SELECT at FROM evidence"), 1234);
}

static void test_spent_times_are_replaced(void **state) {
        struct fixture *fixture = *state;
        struct service_record record = full_record();
        record.n_spent = RECORD_SPENT_MAX;
        for (uint32_t i = 0; i < record.n_spent; i++) {
                record.spent[i] = (struct spent_record){.at = {i + 1, i + 2}};
        }
        store_save_service(fixture->store, &record);
        fixture_reopen(fixture);
        assert_memory_equal(&fixture->image.services[0], &record, sizeof(record));
        record.n_spent = 1;
        store_save_service(fixture->store, &record);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.services[0].n_spent, 1);
        assert_int_equal(fixture->image.services[0].spent[0].at.mono, 1);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM spent"), 1);
}

static void test_a_forgotten_service_leaves_nothing(void **state) {
        struct fixture *fixture = *state;
        struct service_record record = full_record();
        store_save_service(fixture->store, &record);
        (void) str_copy(record.service, sizeof(record.service), "cart");
        store_save_service(fixture->store, &record);
        store_forget_service(fixture->store, "shop");
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_services, 1);
        assert_string_equal(fixture->image.services[0].service, "cart");
        assert_int_equal(
                sql_number(fixture->path, "SELECT count(*) FROM spent WHERE service = 'shop'"), 0);
}

static void test_open_incidents_are_in_the_image(void **state) {
        struct fixture *fixture = *state;
        struct incident open = make_incident(41, "shop");
        struct incident closed = make_incident(42, "cart");
        (void) str_copy(open.probe, sizeof(open.probe), "health");
        (void) str_copy(open.text, sizeof(open.text), "503 Service Unavailable, expected 200-299");
        open.exhausted = true;
        closed.closed = closed.opened + 5;
        closed.end = INCIDENT_RECOVERED;
        store_save_incident(fixture->store, &closed);
        store_save_incident(fixture->store, &open);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.n_open, 1);
        assert_memory_equal(&fixture->image.open[0], &open, sizeof(open));
        assert_int_equal(fixture->image.next_incident, 43);
}

static void test_an_attempt_is_durable_when_done(void **state) {
        struct fixture *fixture = *state;
        struct service_record record = full_record();
        struct host_record host = {
                .boot_id = "boot", .written = {1, 2}, .n_spent = 1, .spent = {{3, 4}}};
        struct attempt attempt = make_attempt(7, 1);
        store_save_attempt(
                fixture->store, &attempt, "shop", &record, &host, fixture_on_done, fixture);
        assert_int_equal(fixture->n_done, 0); /* never from within the call */
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        assert_int_equal(fixture->results[0], 0);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), 1);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM service"), 1);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM spent"), 3);
        assert_int_equal(store_counts(fixture->store).writes, 1);
        assert_true(store_counts(fixture->store).worst_latency > 0);
}

struct numbered {
        uint32_t number, *n_done;
};

static void expect_in_order(void *cookie, int result) {
        struct numbered *numbered = cookie;
        assert_int_equal(result, 0);
        assert_int_equal(numbered->number, ++*numbered->n_done);
}

static void test_writes_complete_once_and_in_order(void **state) {
        struct fixture *fixture = *state;
        enum { ATTEMPTS = 700 }; /* more than one transaction */
        static struct numbered cookies[ATTEMPTS];
        uint32_t n_done = 0;
        for (uint32_t i = 0; i < ATTEMPTS; i++) {
                struct attempt attempt = make_attempt(1, i + 1);
                cookies[i] = (struct numbered){i + 1, &n_done};
                store_save_attempt(
                        fixture->store, &attempt, "shop", NULL, NULL, expect_in_order, &cookies[i]);
        }
        PUMP_UNTIL(fixture, n_done == ATTEMPTS);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), ATTEMPTS);
}

static void test_a_changed_attempt_stays_one(void **state) {
        struct fixture *fixture = *state;
        struct attempt attempt = make_attempt(0, 1);
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        store_save_attempt(fixture->store, &attempt, "cart", NULL, NULL, NULL, NULL);
        attempt.result = ATTEMPT_NOT_CURED;
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        attempt.intended++; /* another restart by hand */
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        fixture_close(fixture);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), 3);
        assert_int_equal(
                sql_number(fixture->path, "SELECT count(*) FROM attempt WHERE service = 'shop' AND "
                                          "result = 'not-cured' AND action = 'restart'"),
                2);
        fixture_open(fixture);
}

static void test_incidents_are_listed_newest_first(void **state) {
        struct fixture *fixture = *state;
        for (uint64_t id = 1; id <= 10; id++) {
                struct incident incident = make_incident(id, id % 2 ? "shop" : "cart");
                store_save_incident(fixture->store, &incident);
        }
        query_incidents(fixture, NULL, 0, 3); /* sees what was asked for before */
        assert_int_equal(fixture->answer, 0);
        assert_int_equal(fixture->history.n_incidents, 3);
        assert_int_equal(fixture->history.incidents[0].id, 10);
        assert_int_equal(fixture->history.incidents[2].id, 8);
        query_incidents(fixture, NULL, 8, 100);
        assert_int_equal(fixture->history.n_incidents, 7);
        assert_int_equal(fixture->history.incidents[0].id, 7);
        query_incidents(fixture, "cart", 10, 2);
        assert_int_equal(fixture->history.n_incidents, 2);
        assert_int_equal(fixture->history.incidents[0].id, 8);
        assert_string_equal(fixture->history.incidents[1].service, "cart");
        query_incidents(fixture, "nobody", 0, 10);
        assert_int_equal(fixture->answer, 0);
        assert_int_equal(fixture->history.n_incidents, 0);
        query_incidents(fixture, NULL, UINT64_MAX, 0);
        assert_int_equal(fixture->history.n_incidents, 0);
}

static void test_answers_are_bounded(void **state) {
        struct fixture *fixture = *state;
        for (uint64_t id = 1; id <= STORE_ANSWER_MAX + 5; id++) {
                struct incident incident = make_incident(id, "shop");
                store_save_incident(fixture->store, &incident);
        }
        query_incidents(fixture, NULL, 0, SIZE_MAX);
        assert_int_equal(fixture->history.n_incidents, STORE_ANSWER_MAX);
}

static void test_one_incident_with_its_history(void **state) {
        struct fixture *fixture = *state;
        struct incident incident = make_incident(5, "shop");
        struct attempt second = make_attempt(5, 2);
        struct attempt first = make_attempt(5, 1);
        struct attempt other = make_attempt(6, 1);
        struct event event = make_event(5, "shop failed");
        struct event other_event = make_event(6, "not this one");
        store_save_incident(fixture->store, &incident);
        store_save_attempt(fixture->store, &second, "shop", NULL, NULL, NULL, NULL);
        store_save_attempt(fixture->store, &first, "shop", NULL, NULL, NULL, NULL);
        store_save_attempt(fixture->store, &other, "shop", NULL, NULL, NULL, NULL);
        store_add_event(fixture->store, &other_event);
        store_add_event(fixture->store, &event);
        (void) str_copy(event.text, sizeof(event.text), "shop is well");
        store_add_event(fixture->store, &event);
        query_incident(fixture, 5);
        assert_int_equal(fixture->answer, 0);
        assert_int_equal(fixture->history.n_incidents, 1);
        assert_memory_equal(&fixture->history.incidents[0], &incident, sizeof(incident));
        assert_int_equal(fixture->history.n_attempts, 2);
        assert_memory_equal(&fixture->history.attempts[0], &first, sizeof(first));
        assert_memory_equal(&fixture->history.attempts[1], &second, sizeof(second));
        assert_int_equal(fixture->history.n_events, 2);
        event.id = fixture->history.events[1].id; /* given by the store */
        assert_true(event.id > fixture->history.events[0].id);
        assert_memory_equal(&fixture->history.events[1], &event, sizeof(event));
        query_incident(fixture, 4);
        assert_int_equal(fixture->answer, -ENOENT);
        assert_int_equal(fixture->history.n_incidents, 0);
}

static void test_closing_writes_what_waits(void **state) {
        struct fixture *fixture = *state;
        for (uint32_t i = 1; i <= 1000; i++) {
                save_attempt(fixture, 1, i);
        }
        fixture_close(fixture); /* without a turn of the loop in between */
        assert_int_equal(fixture->n_done, 0);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), 1000);
        assert_int_equal(loop_turn(fixture->loop, 0), 1);
        assert_int_equal(fixture->n_done, 0);
}

/* ---- Retention ------------------------------------------------------------------------------ */

static void save_history(struct fixture *fixture, uint64_t id, bool closed) {
        struct incident incident = make_incident(id, "shop");
        struct attempt attempt = make_attempt(id, 1);
        struct attempt alone = make_attempt(0, (uint32_t) id);
        struct event event = make_event(id, "failed");
        incident.closed = closed ? incident.opened + 1 : 0;
        store_save_incident(fixture->store, &incident);
        store_save_attempt(fixture->store, &attempt, "shop", NULL, NULL, NULL, NULL);
        store_save_attempt(fixture->store, &alone, "shop", NULL, NULL, NULL, NULL);
        store_add_event(fixture->store, &event);
}

static void test_old_history_is_deleted(void **state) {
        struct fixture *fixture = *state;
        fixture_close(fixture);
        fixture->options.keep_incidents = 5;
        fixture->options.keep_events = 50;
        fixture_open(fixture);
        save_history(fixture, 1, false); /* open: stays, however old */
        for (uint64_t id = 2; id <= 600; id++) {
                save_history(fixture, id, true);
        }
        PUMP_UNTIL(fixture,
                sql_number(fixture->path, "SELECT max(id) FROM incident") == 600 &&
                        sql_number(fixture->path, "SELECT count(*) FROM incident") == 6 &&
                        sql_number(fixture->path, "SELECT count(*) FROM attempt") == 6 + 5);
        assert_int_equal(sql_number(fixture->path, "SELECT min(id) FROM incident"), 1);
        assert_int_equal(
                sql_number(fixture->path, "SELECT min(id) FROM incident WHERE closed > 0"), 596);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM event "
                                                   "WHERE incident BETWEEN 2 AND 595"),
                0);
        assert_true(sql_number(fixture->path, "SELECT count(*) FROM event") <= 51);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.next_incident, 601);
}

static void test_events_alone_are_capped(void **state) {
        struct fixture *fixture = *state;
        fixture_close(fixture);
        fixture->options.keep_events = 10;
        fixture_open(fixture);
        for (int i = 0; i < 1000; i++) {
                struct event event = make_event(0, "agent started");
                store_add_event(fixture->store, &event);
        }
        PUMP_UNTIL(fixture, sql_number(fixture->path, "SELECT max(id) FROM event") == 1000);
        PUMP_UNTIL(fixture, sql_number(fixture->path, "SELECT count(*) FROM event") == 10);
}

static void test_nothing_kept_still_numbers_on(void **state) {
        struct fixture *fixture = *state;
        fixture_close(fixture);
        fixture->options.keep_incidents = 0;
        fixture->options.keep_events = UINT64_MAX;
        fixture_open(fixture);
        save_history(fixture, 1, true);
        save_history(fixture, 2, true);
        PUMP_UNTIL(fixture, sql_number(fixture->path, "SELECT count(*) FROM incident") == 1);
        fixture_reopen(fixture);
        assert_int_equal(fixture->image.next_incident, 3);
}

static void test_the_log_stays_short(void **state) {
        struct fixture *fixture = *state;
        char log[128];
        struct stat status;
        (void) snprintf(log, sizeof(log), "%s-wal", fixture->path);
        for (int i = 0; i < 12000; i++) {
                struct event event = make_event(0, "some text that takes up a little space");
                store_add_event(fixture->store, &event);
                if (i % 1000 == 999) {
                        PUMP_UNTIL(fixture, store_counts(fixture->store).queued == 0);
                }
        }
        assert_int_equal(stat(log, &status), 0);
        assert_true(status.st_size < 12 * 1024 * 1024);
        PUMP_UNTIL(fixture, store_counts(fixture->store).database_bytes > 0);
        assert_int_equal(store_counts(fixture->store).dropped, 0);
}

static void test_an_operator_may_read_and_lock(void **state) {
        struct fixture *fixture = *state;
        sqlite3 *db = NULL;
        fixture_close(fixture);
        fixture_open_impatient(fixture);
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        sqlite3_busy_timeout(db, 10000); /* the store may just be writing */
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        save_attempt(fixture, 1, 1);
        PUMP_UNTIL(fixture, fixture->n_done == 1);
        assert_int_equal(fixture->results[0], -ETIMEDOUT);
        assert_int_equal(fixture->n_degraded, 1);
        assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        PUMP_UNTIL(fixture, fixture->n_recovered == 1);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_int_equal(sql_number(fixture->path, "SELECT count(*) FROM attempt"), 1);
        assert_int_equal(fixture->n_done, 1);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                STORE_TEST(test_a_new_database),
                STORE_TEST(test_service_round_trip),
                STORE_TEST(test_host_round_trip),
                STORE_TEST(test_calls_round_trip),
                STORE_TEST(test_trials_are_replaced_and_forgotten),
                STORE_TEST(test_why_stays_with_the_attempt),
                STORE_TEST(test_evidence_is_kept_with_the_incident),
                STORE_TEST(test_spent_times_are_replaced),
                STORE_TEST(test_a_forgotten_service_leaves_nothing),
                STORE_TEST(test_open_incidents_are_in_the_image),
                STORE_TEST(test_an_attempt_is_durable_when_done),
                STORE_TEST(test_writes_complete_once_and_in_order),
                STORE_TEST(test_a_changed_attempt_stays_one),
                STORE_TEST(test_incidents_are_listed_newest_first),
                STORE_TEST(test_answers_are_bounded),
                STORE_TEST(test_one_incident_with_its_history),
                STORE_TEST(test_closing_writes_what_waits),
                STORE_TEST(test_old_history_is_deleted),
                STORE_TEST(test_events_alone_are_capped),
                STORE_TEST(test_nothing_kept_still_numbers_on),
                STORE_TEST(test_the_log_stays_short),
                STORE_TEST(test_an_operator_may_read_and_lock),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
