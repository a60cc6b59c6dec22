/* The control socket from request to answer, over a runtime in memory. */

#include "control/control.h"
#include "support/fake_group.h"

static struct control *control;
static struct json_object *answer; /* of the last request() that was answered */

static int setup(void **state) {
        fake_setup(state);
        return control_new(&control, (struct runtime *) &fake, "/nonexistent/control.sock", NULL);
}

static int teardown(void **state) {
        (void) state;
        control_free(control);
        json_object_put(answer);
        answer = NULL;
        free(fake.answer_text);
        fake.answer_text = NULL;
        map_free(fake.policy.by_name);
        fake.policy.by_name = NULL;
        return 0;
}

/* ?name=value of the next request. */
static void query(const char *name, const char *value) {
        fake.query[0] = name;
        fake.query[1] = value;
}

static void parse_answer(unsigned status) {
        assert_int_equal(fake.answer_status, status);
        assert_string_equal(fake.answer_type, "application/json");
        json_object_put(answer);
        answer = json_tokener_parse(fake.answer_text);
        assert_non_null(answer);
}

static void request(const char *method, const char *path, const char *body, unsigned status) {
        fake_request(method, path, body);
        parse_answer(status);
}

/* "services.0.name" of the answer, as text. */
static const char *at(const char *path) {
        char pointer[128] = "/";
        struct json_object *value = NULL;
        str_copy(pointer + 1, sizeof(pointer) - 1, path);
        for (char *dot = pointer; (dot = strchr(dot, '.'));) {
                *dot = '/';
        }
        if (json_pointer_get(answer, pointer, &value) < 0) {
                return "(missing)";
        }
        return value ? json_object_get_string(value) : "null";
}

static void assert_error(const char *code, const char *message) {
        assert_string_equal(at("error.code"), code);
        if (message) {
                assert_string_equal(at("error.message"), message);
        }
}

/* ---- Looking ---- */

static void tells_its_version(void **state) {
        (void) state;
        request("GET", "/v1/version", NULL, 200);
        assert_string_equal(at("version"), RECOVERD_VERSION);
        assert_string_equal(at("api"), "1");
}

static void shows_all_services(void **state) {
        (void) state;
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("now"), "2026-03-01T12:00:00.000Z");
        assert_string_equal(at("summary.services"), "3");
        assert_string_equal(at("summary.up"), "3");
        assert_string_equal(at("summary.down"), "0");
        assert_string_equal(at("services.2.name"), "checkout");
        assert_string_equal(at("services.2.description"), "Checkout <API> & \"more\"");
        assert_string_equal(at("services.2.state"), "healthy");
        assert_string_equal(at("services.2.since"), "2026-03-01T11:00:00.000Z");
        assert_string_equal(at("services.2.since_seconds"), "3600");
        assert_string_equal(at("services.2.paused"), "null");
        assert_string_equal(at("services.2.incident"), "null");
        assert_string_equal(at("services.2.failing_probe"), "null");
        assert_string_equal(at("services.2.next_attempt"), "null");
        assert_string_equal(at("services.2.next_attempt_seconds"), "null");
        assert_string_equal(at("services.2.depends_on.0"), "orders-db");
        assert_string_equal(at("services.2.probes.0.type"), "http");
        assert_string_equal(at("services.2.probes.0.window"), "++++-+");
        assert_string_equal(at("services.2.probes.0.last_run_seconds"), "0.4");
        assert_string_equal(at("services.2.probes.0.value"), "null");
        assert_string_equal(at("services.3.name"), "(missing)");
}

static void shows_a_failing_service(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BACKOFF);
        fake.status[FAKE_CHECKOUT].next_attempt = IN(3.9);
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("summary.down"), "1");
        assert_string_equal(at("summary.incidents"), "1");
        assert_string_equal(at("services.2.state"), "backoff");
        assert_string_equal(at("services.2.up"), "false");
        assert_string_equal(at("services.2.down"), "true");
        assert_string_equal(at("services.2.incident"), "17");
        assert_string_equal(at("services.2.failing_probe"), "health");
        assert_string_equal(at("services.2.detail"), "503 Service Unavailable");
        assert_string_equal(at("services.2.step"), "restart");
        assert_string_equal(at("services.2.next_attempt"), "2026-03-01T12:00:03.900Z");
        assert_string_equal(at("services.2.next_attempt_seconds"), "3.9");
        assert_string_equal(at("services.2.probes.0.value"), "0.0123");
        assert_string_equal(at("services.2.probes.0.value_unit"), "seconds");
        assert_string_equal(at("services.2.probes.0.outcome"), "fail");
}

static void shows_several_values_of_a_probe(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BACKOFF);
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("services.2.probes.0.values"), "(missing)");
        fake.measurements[0] = (struct measurement){"load \"1\"", "", 0.5};
        fake.measurements[1] = (struct measurement){"time", "seconds", 0.25};
        fake.n_measurements = 2;
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("services.2.probes.0.values.0.label"), "load \"1\"");
        assert_string_equal(at("services.2.probes.0.values.0.unit"), "null");
        assert_string_equal(at("services.2.probes.0.values.1.value"), "0.25");
        assert_string_equal(at("services.2.probes.0.values.1.unit"), "seconds");
        assert_string_equal(at("services.2.probes.0.values.2"), "(missing)");
}

static void stopped_is_neither_up_nor_down(void **state) {
        (void) state;
        fake.status[FAKE_CART].health = HEALTH_FAILED;
        fake.status[FAKE_CART].phase = PHASE_STOPPED;
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("services.1.up"), "false");
        assert_string_equal(at("services.1.down"), "false");
        assert_string_equal(at("summary.down"), "0");
}

static void shows_one_service(void **state) {
        (void) state;
        struct service_status *cart = &fake.status[FAKE_CART];
        cart->paused = true;
        cart->pause_until = IN(90);
        cart->pause_by = "alice";
        cart->pause_reason = "release";
        cart->process_known = false;
        query("service", "cart");
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(at("services.0.name"), "cart");
        assert_string_equal(at("services.1"), "(missing)");
        assert_string_equal(at("services.0.paused.until_seconds"), "90");
        assert_string_equal(at("services.0.paused.by"), "alice");
        assert_string_equal(at("services.0.paused.reason"), "release");
        assert_string_equal(at("services.0.pid"), "null");
        assert_string_equal(at("services.0.running"), "null");
        assert_string_equal(at("summary.paused"), "1");
}

static void shows_what_the_agent_lacks(void **state) {
        (void) state;
        fake.store_why = "disk full";
        fake.stats.executor_up = false;
        fake.stats.executor_since.mono = AGO(3);
        fake.stats.last_reload = FAKE_WALL - 10 * USEC_PER_SEC;
        fake.stats.reloads_failed = 1;
        fake.stats.last_reload_error = "shop.yaml:1:1: error";
        request("GET", "/v1/status", NULL, 200);
        assert_string_equal(
                at("agent.degraded.0"), "the executor is away since 3s: actions are held");
        assert_string_equal(at("agent.degraded.1"),
                "the state database does not work, actions are capped: disk full");
        assert_string_equal(at("agent.degraded.2"),
                "the last reload was refused: the policies of before are in force");
        assert_string_equal(at("agent.store.degraded"), "true");
        assert_string_equal(at("agent.executor.up"), "false");
        assert_string_equal(at("agent.executor.pid"), "null");
        assert_string_equal(at("agent.reload.last_ok"), "false");
        assert_string_equal(at("agent.reload.last_seconds"), "10");
        assert_string_equal(at("agent.reload.error"), "shop.yaml:1:1: error");
}

static void suggests_a_service(void **state) {
        (void) state;
        query("service", "chekout");
        request("GET", "/v1/status", NULL, 404);
        assert_error("unknown-service", "there is no service 'chekout', did you mean 'checkout'?");
        query("service", "something\033[2Jelse");
        request("GET", "/v1/status", NULL, 404);
        assert_error("unknown-service", "there is no service 'something?[2Jelse'");
}

static void explains_a_service(void **state) {
        (void) state;
        fake_checkout_fails(PHASE_BACKOFF);
        fake.status[FAKE_CHECKOUT].next_attempt = IN(3.9);
        query("service", "checkout");
        request("GET", "/v1/why", NULL, 200);
        assert_string_equal(at("service"), "checkout");
        assert_string_equal(at("rule.number"), "206");
        assert_string_equal(at("rule.sentence"), "the next attempt waits for its backoff");
        assert_string_equal(at("evidence.0.decided"), "true");
        assert_string_equal(at("evidence.1.decided"), "false");
        assert_string_equal(at("guards.1.name"), "service-budget");
        assert_string_equal(at("guards.1.until"), "null");
        assert_string_equal(at("budget.spent"), "1");
        assert_string_equal(at("budget.limit"), "10");
        assert_string_equal(at("budget.per_seconds"), "3600");
        assert_string_equal(at("budget.host_spent"), "2");
        assert_string_equal(at("ladder.0.made"), "1");
        assert_string_equal(at("ladder.0.current"), "true");
        assert_string_equal(at("ladder.1.current"), "false");
        assert_string_equal(at("incident.id"), "17");
        assert_string_equal(at("incident.detection_seconds"), "0.5");
        assert_string_equal(at("incident.recovery_seconds"), "null");
        assert_string_equal(at("next.what"), "attempt");
        assert_string_equal(at("next.at_seconds"), "3.9");
        assert_string_equal(at("dependencies.0.name"), "orders-db");
        assert_string_equal(at("dependencies.0.culprit"), "false");
}

static void why_needs_a_service(void **state) {
        (void) state;
        request("GET", "/v1/why", NULL, 400);
        assert_error("missing", "the query has to name a service: ?service=NAME");
}

/* ---- History ---- */

static void lists_incidents(void **state) {
        (void) state;
        struct incident incidents[] = {
                {.id = 9,
                        .service = "cart",
                        .failing_since = FAKE_WALL,
                        .opened = FAKE_WALL + 500000,
                        .closed = FAKE_WALL + 2500000,
                        .end = INCIDENT_RECOVERED},
                {.id = 7,
                        .service = "cart",
                        .opened = FAKE_WALL,
                        .closed = FAKE_WALL + 1,
                        .end = INCIDENT_STOPPED},
        };
        struct store_history history = {.incidents = incidents, .n_incidents = 2};
        query("limit", "2");
        fake.query[2] = "before";
        fake.query[3] = "10";
        fake_request("GET", "/v1/incidents", NULL);
        assert_int_equal(fake.answer_status, 0); /* the store answers later */
        assert_int_equal(fake.asked_limit, 2);
        assert_int_equal(fake.asked_before, 10);
        fake.answer(fake.answer_cookie, 0, &history);
        parse_answer(200);
        assert_string_equal(at("incidents.0.id"), "9");
        assert_string_equal(at("incidents.0.recovery_seconds"), "2.5");
        assert_string_equal(at("incidents.0.detection_seconds"), "0.5");
        assert_string_equal(at("incidents.0.duration_seconds"), "2");
        assert_string_equal(at("incidents.0.end"), "recovered");
        assert_string_equal(at("incidents.1.recovery_seconds"), "null"); /* it did not recover */
        assert_string_equal(at("incidents.1.detection_seconds"), "null");
}

static void refuses_bad_numbers(void **state) {
        (void) state;
        static const char *const bad[] = {"0", "1001", "-1", "x", "", "1x", "99999999999999999999"};
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                query("limit", bad[i]);
                request("GET", "/v1/incidents", NULL, 400);
                assert_error("invalid", "limit has to be a number from 1 to 1000");
        }
}

static void shows_one_incident(void **state) {
        (void) state;
        struct incident incident = {.id = 17,
                .service = "checkout",
                .opened = FAKE_WALL,
                .closed = FAKE_WALL + USEC_PER_SEC,
                .end = INCIDENT_RECOVERED,
                .attempts = 1};
        struct attempt attempt = {.number = 1,
                .result = ATTEMPT_RECOVERED,
                .rule = 206,
                .delay = USEC_PER_SEC,
                .started = FAKE_WALL,
                .acted = FAKE_WALL + 277000,
                .verified = FAKE_WALL + 2377000,
                .step = STEP_NONE};
        struct event event = {.id = 1, .at = FAKE_WALL, .kind = EVENT_HEALTH, .level = 5};
        struct store_history history = {&incident, 1, &attempt, 1, &event, 1};
        fake_request("GET", "/v1/incidents/17", NULL);
        assert_int_equal(fake.asked_id, 17);
        fake.answer(fake.answer_cookie, 0, &history);
        parse_answer(200);
        assert_string_equal(at("incident.attempts_count"), "1");
        assert_string_equal(at("incident.attempts.0.action_seconds"), "0.277");
        assert_string_equal(at("incident.attempts.0.verify_seconds"), "2.1");
        assert_string_equal(at("incident.attempts.0.step"), "null");
        assert_string_equal(
                at("incident.attempts.0.rule_sentence"), "the next attempt waits for its backoff");
        assert_string_equal(at("incident.events.0.level"), "notice");
        assert_string_equal(at("incident.events.0.service"), "null");
}

static void says_that_there_is_no_such_incident(void **state) {
        (void) state;
        static const struct store_history none;
        fake_request("GET", "/v1/incidents/18", NULL);
        fake.answer(fake.answer_cookie, -ENOENT, &none);
        parse_answer(404);
        assert_error("unknown-incident", "there is no such incident");
        request("GET", "/v1/incidents/x", NULL, 404);
        assert_error("unknown-incident", "an incident is named by its number");
        request("GET", "/v1/incidents/99999999999999999999999", NULL, 404);
}

static void says_that_history_cannot_be_read(void **state) {
        (void) state;
        static const struct store_history none;
        fake.store_why = "disk full";
        fake_request("GET", "/v1/incidents", NULL);
        fake.answer(fake.answer_cookie, -EIO, &none);
        parse_answer(503);
        assert_error("store-degraded", "the state database cannot be read: disk full");
}

static void shows_recent_events(void **state) {
        (void) state;
        request("GET", "/v1/events", NULL, 200);
        assert_string_equal(at("events.0.kind"), "incident-opened");
        assert_string_equal(at("events.0.level"), "err");
        query("service", "cart");
        request("GET", "/v1/events", NULL, 200);
        assert_string_equal(at("events"), "[ ]");
}

/* ---- Commanding ---- */

static void gives_orders(void **state) {
        (void) state;
        static const struct {
                const char *path;
                enum command_kind kind;
        } rows[] = {
                {"/v1/pause", COMMAND_PAUSE},
                {"/v1/resume", COMMAND_RESUME},
                {"/v1/ack", COMMAND_ACK},
                {"/v1/restart", COMMAND_RESTART},
                {"/v1/start", COMMAND_START},
                {"/v1/stop", COMMAND_STOP},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_request("POST", rows[i].path, "{\"service\": \"cart\"}");
                assert_int_equal(fake.answer_status, 0);
                assert_int_equal(fake.command, rows[i].kind);
                assert_int_equal(fake.command_service, FAKE_CART);
                assert_string_equal(fake.command_by, "uid 0");
                fake_reply(0, "it is under way");
                parse_answer(200);
                assert_string_equal(at("service"), "cart");
                assert_string_equal(at("ok"), "true");
                assert_string_equal(at("text"), "it is under way");
        }
}

static void hands_on_who_why_and_how_long(void **state) {
        (void) state;
        fake_request("POST", "/v1/pause",
                "{\"service\": \"cart\", \"for_seconds\": 90, \"reason\": \"release\", "
                "\"by\": \"alice\"}");
        assert_int_equal(fake.command_duration, 90 * USEC_PER_SEC);
        assert_string_equal(fake.command_by, "alice (uid 0)");
        assert_string_equal(fake.command_reason, "release");
        fake_reply(0, "");
}

static void tells_why_an_order_is_refused(void **state) {
        (void) state;
        static const struct {
                int result;
                unsigned status;
                const char *code;
        } rows[] = {
                {-EBUSY, 409, "busy"},
                {-EINVAL, 409, "refused"},
                {-ESHUTDOWN, 503, "stopping"},
                {-ENOMEM, 500, "internal"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_request("POST", "/v1/restart", "{\"service\": \"cart\"}");
                fake_reply(rows[i].result, "because");
                parse_answer(rows[i].status);
                assert_error(rows[i].code, "because");
        }
}

static void pauses_all_one_after_the_other(void **state) {
        (void) state;
        fake_request("POST", "/v1/pause", "{\"all\": true}");
        assert_int_equal(fake.command_service, FAKE_ORDERS);
        fake_reply(0, "paused");
        assert_int_equal(fake.command_service, FAKE_CART);
        fake_reply(-EINVAL, "no");
        assert_int_equal(fake.command_service, FAKE_CHECKOUT);
        assert_int_equal(fake.answer_status, 0);
        fake_reply(0, "paused");
        parse_answer(200);
        assert_string_equal(at("ok"), "false");
        assert_string_equal(at("results.0.service"), "orders-db");
        assert_string_equal(at("results.1.ok"), "false");
        assert_string_equal(at("results.1.text"), "no");
        assert_string_equal(at("results.2.service"), "checkout");
        assert_null(fake.reply);
}

static void survives_a_reload_between_two_pauses(void **state) {
        (void) state;
        fake_request("POST", "/v1/resume", "{\"all\": true}");
        fake_reply(0, "resumed");
        fake.policy.n_services = 1;
        fake_reply(0, "resumed");
        parse_answer(200);
        assert_string_equal(at("results.0.service"), "orders-db");
        assert_string_equal(at("results.1"), "(missing)");
}

static void runs_probes(void **state) {
        (void) state;
        struct observation results[] = {
                fake.observations[FAKE_CHECKOUT][1], fake.observations[FAKE_CHECKOUT][0]};
        fake_request("POST", "/v1/probe", "{\"service\": \"checkout\"}");
        assert_null(fake.probe);
        fake.probed(fake.probed_cookie, results, 2);
        parse_answer(200);
        assert_string_equal(at("ok"), "true");
        assert_string_equal(at("probes.0.name"), "process");
        assert_string_equal(at("probes.1.name"), "health");

        results[0].outcome = OUTCOME_UNKNOWN; /* what could not be measured did not pass */
        fake_request("POST", "/v1/probe", "{\"service\": \"checkout\", \"probe\": \"process\"}");
        assert_string_equal(fake.probe, "process");
        fake.probed(fake.probed_cookie, results, 1);
        parse_answer(200);
        assert_string_equal(at("ok"), "false");
        assert_string_equal(at("probes.0.outcome"), "unknown");

        request("POST", "/v1/probe", "{\"service\": \"checkout\", \"probe\": \"x\"}", 404);
        assert_error("unknown-probe", "service checkout has no probe 'x'");
}

static void takes_heartbeats(void **state) {
        (void) state;
        request("POST", "/v1/heartbeat", "{\"service\": \"checkout\"}", 200);
        assert_string_equal(at("text"), "heartbeat taken");
        assert_int_equal(fake.beats, 1);
        request("POST", "/v1/heartbeat",
                "{\"service\": \"checkout\", \"probe\": \"alive\", \"failed\": true, "
                "\"status\": \"disk full\"}",
                200);
        assert_true(fake.beat.failed);
        assert_string_equal(fake.beat.text, "disk full");
        request("POST", "/v1/heartbeat", "{\"service\": \"checkout\", \"probe\": \"health\"}", 404);
        assert_error("unknown-probe", "service checkout has no heartbeat probe named health");
        request("POST", "/v1/heartbeat", "{\"service\": \"cart\"}", 404);
        assert_error("unknown-probe", "service cart has no heartbeat probe");
        request("POST", "/v1/heartbeat", "{\"service\": \"nobody\"}", 404);
        assert_error("unknown-service", NULL);
        assert_int_equal(fake.beats, 2);
}

/* Others need the token, and learn nothing without it. */
static void takes_heartbeats_of_others_with_a_token(void **state) {
        (void) state;
        static const struct {
                const char *service, *token;
                unsigned status;
        } rows[] = {
                {"checkout", "0123456789abcdef", 200},
                {"checkout", "0123456789abcdeX", 403},
                {"checkout", "", 403},
                {"nobody", "0123456789abcdef", 403},
                {"nobody", "", 403},
                {"checkout", "busy", 503},
        };
        fake.peer.uid = geteuid() + 1000;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char body[256];
                snprintf(body, sizeof(body),
                        "{\"service\": \"%s\", \"probe\": \"alive\", \"token\": \"%s\"}",
                        rows[i].service, rows[i].token);
                request("POST", "/v1/heartbeat", body, rows[i].status);
        }
        assert_int_equal(fake.beats, 1);
}

static void does_not_name_probes_of_another_policy(void **state) {
        (void) state;
        fake_request("POST", "/v1/probe", "{\"service\": \"checkout\"}");
        map_remove(fake.policy.by_name, "checkout");
        fake.probed(fake.probed_cookie, fake.observations[FAKE_CHECKOUT], 2);
        parse_answer(409);
        assert_error("busy", "the policies were reloaded meanwhile");
}

static void reloads(void **state) {
        (void) state;
        fake_request("POST", "/v1/reload", "");
        fake_reply(0, "2 services changed");
        parse_answer(200);
        assert_string_equal(at("text"), "2 services changed");

        fake_request("POST", "/v1/reload", NULL);
        fake_reply(-EINVAL, "shop.yaml:1:1: error: unknown key\nshop.yaml:2:1: error: another");
        parse_answer(422);
        assert_error("policy-refused",
                "shop.yaml:1:1: error: unknown key\nshop.yaml:2:1: error: another");
}

static void records(void **state) {
        (void) state;
        fake_request("POST", "/v1/record/start", "");
        fake_reply(0, "recording to /state/recording.rec");
        parse_answer(200);
        assert_string_equal(at("text"), "recording to /state/recording.rec");

        fake_request("POST", "/v1/record/start", "");
        fake_reply(-EBUSY, "a recording is under way");
        parse_answer(409);
        assert_error("busy", "a recording is under way");

        fake_request("POST", "/v1/record/stop", "");
        fake_reply(-EINVAL, "it cannot");
        parse_answer(409);
        assert_error("refused", "it cannot");

        request("GET", "/v1/record", NULL, 200);
        assert_string_equal(at("path"), "/state/recording.rec");
}

/* ---- Refusals ---- */

static void knows_its_paths_and_methods(void **state) {
        (void) state;
        request("GET", "/v2/status", NULL, 404);
        assert_error("unknown-path", NULL);
        request("GET", "/v1/restart", NULL, 405);
        assert_error("wrong-method", NULL);
        assert_string_equal(fake.answer_allow, "POST");
        request("PUT", "/v1/status", NULL, 405);
        assert_string_equal(fake.answer_allow, "GET");
}

static void refuses_malformed_bodies(void **state) {
        (void) state;
        request("POST", "/v1/restart", "{\"service\": ", 400);
        assert_error("malformed", NULL);
        request("POST", "/v1/restart", "", 400);
        assert_error("missing", NULL);
        request("POST", "/v1/restart", "{\"service\": \"cart\", \"all\": true}", 400);
        assert_error("unknown-member", "this command has no member 'all'");
        request("POST", "/v1/reload", "{\"service\": \"cart\"}", 400);
        assert_error("unknown-member", NULL);
        request("POST", "/v1/restart", "{\"service\": \"nobody\"}", 404);
        assert_null(fake.reply);
}

static void strangers_see_the_status_only(void **state) {
        (void) state;
        static const struct {
                const char *method, *path;
                unsigned status;
        } rows[] = {
                {"GET", "/v1/version", 200},
                {"GET", "/v1/status", 200},
                {"GET", "/v1/why", 403},
                {"GET", "/v1/incidents", 403},
                {"GET", "/v1/incidents/17", 403},
                {"GET", "/v1/events", 403},
                {"POST", "/v1/restart", 403},
                {"POST", "/v1/pause", 403},
                {"POST", "/v1/reload", 403},
                {"POST", "/v1/probe", 403},
                {"GET", "/v1/nothing", 404},
        };
        fake.peer = (struct unix_peer){4000, 54321, 54321};
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                request(rows[i].method, rows[i].path, "{\"service\": \"cart\"}", rows[i].status);
                assert_null(fake.reply);
                assert_null(fake.answer);
        }
        assert_string_equal(at("error.code"), "unknown-path");
}

static void operators_may_command(void **state) {
        (void) state;
        fake.peer = (struct unix_peer){4000, 54321, 0};
        request("POST", "/v1/ack", "{\"service\": \"cart\"}", 403);
        fake.policy.agent.operators_group = "root"; /* as after a reload */
        fake_request("POST", "/v1/ack", "{\"service\": \"cart\"}");
        assert_string_equal(fake.command_by, "uid 54321");
        fake_reply(0, "done");
        parse_answer(200);
}

/* ---- Groups ---- */

static void shows_the_members_of_groups(void **state) {
        (void) state;
        request("GET", "/v1/groups", NULL, 200);
        assert_string_equal(at("members.0"), "(missing)");
        fake_join_group();
        request("GET", "/v1/groups", NULL, 200);
        static const char *const expected[][2] = {
                {"members.0.group", "shop"},
                {"members.0.member", "db1/checkout"},
                {"members.0.service", "checkout"},
                {"members.0.duty", "active"},
                {"members.0.since_seconds", "60"},
                {"members.0.rule", "741"},
                {"members.0.why", "it was promoted"},
                {"members.0.can", "true"},
                {"members.0.lease.state", "ours"},
                {"members.0.lease.holder", "db1/checkout"},
                {"members.0.lease.token", "7"},
                {"members.0.lease.left_seconds", "9.5"},
                {"members.0.coordinator", "etcd"},
                {"members.0.session", "connected"},
                {"members.0.executor", "active"},
                {"members.0.failovers", "1"},
                {"members.0.guards.1.guard", "health"},
                {"members.0.guards.1.holds", "true"},
                {"members.0.guards.1.text", "it is beyond repair"},
                {"members.0.peers.0.member", "db2/checkout"},
                {"members.0.peers.0.says", "can=1 priority=100 duty=standby"},
                {"members.1", "(missing)"},
        };
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_string_equal(at(expected[i][0]), expected[i][1]);
        }
        fake_lease = (struct lease_view){.session = SESSION_LOST, .why = "no answer"};
        request("GET", "/v1/groups", NULL, 200);
        assert_string_equal(at("members.0.lease.state"), "unknown");
        assert_string_equal(at("members.0.lease.holder"), "null");
        assert_string_equal(at("members.0.lease.left_seconds"), "null");
        assert_string_equal(at("members.0.session_why"), "no answer");
        fake_leave_group();
}

static void shows_one_group(void **state) {
        (void) state;
        fake_join_group();
        query("group", "shop");
        request("GET", "/v1/groups", NULL, 200);
        assert_string_equal(at("members.0.group"), "shop");
        query("group", "batch");
        request("GET", "/v1/groups", NULL, 200);
        assert_string_equal(at("members.0"), "(missing)");
        query("group", "shops");
        request("GET", "/v1/groups", NULL, 404);
        assert_error("unknown-group", "there is no group 'shops'");
        fake_leave_group();
}

static void hands_a_failover_on(void **state) {
        static const struct {
                int result;
                unsigned status;
                const char *code;
        } rows[] = {{0, 200, NULL}, {-ENOENT, 409, "not-active"}, {-EINVAL, 404, "unknown-member"},
                {-EBUSY, 409, "refused"}, {-EIO, 500, "internal"}};
        (void) state;
        fake_join_group();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_request("POST", "/v1/failover", "{\"group\": \"shop\", \"member\": \"db2\"}");
                assert_string_equal(fake.failover_group, "shop");
                assert_string_equal(fake.failover_to, "db2");
                fake_reply(rows[i].result, "so it is");
                parse_answer(rows[i].status);
                if (rows[i].code) {
                        assert_error(rows[i].code, "so it is");
                }
        }
        fake_request("POST", "/v1/failover", "{\"group\": \"shop\"}");
        assert_string_equal(fake.failover_to, "");
        fake_reply(0, "db2 is next");
        parse_answer(200);
        fake_leave_group();
}

static void refuses_a_failover_of_what_has_none(void **state) {
        (void) state;
        fake_join_group();
        request("POST", "/v1/failover", "{\"group\": \"shops\"}", 404);
        assert_error("unknown-group", "there is no group 'shops'");
        request("POST", "/v1/failover", "{\"group\": \"batch\"}", 404);
        assert_error(
                "unknown-group", "the group 'batch' has no active member: it only shares a budget");
        assert_null(fake.reply);
        fake.peer = (struct unix_peer){4000, 54321, 54321};
        request("POST", "/v1/failover", "{\"group\": \"shop\"}", 403);
        assert_null(fake.reply);
        fake_leave_group();
}

/* ---- Clients that leave ---- */

static void survives_a_client_that_leaves(void **state) {
        (void) state;
        fake_request("POST", "/v1/restart", "{\"service\": \"cart\"}");
        fake_client_leaves();
        fake_reply(0, "done");
        assert_int_equal(fake.answer_status, 0);
}

static void bounds_the_requests_under_way(void **state) {
        (void) state;
        runtime_reply replies[CONTROL_CALLS_MAX];
        void *cookies[CONTROL_CALLS_MAX];
        for (size_t i = 0; i < CONTROL_CALLS_MAX; i++) {
                fake_request("POST", "/v1/restart", "{\"service\": \"cart\"}");
                fake_client_leaves();
                replies[i] = fake.reply;
                cookies[i] = fake.reply_cookie;
        }
        request("POST", "/v1/restart", "{\"service\": \"cart\"}", 503);
        assert_error("overloaded", NULL);
        for (size_t i = 0; i < CONTROL_CALLS_MAX; i++) {
                replies[i](cookies[i], 0, "done");
        }
        request("GET", "/v1/version", NULL, 200);
}

static void ends_with_requests_under_way(void **state) {
        (void) state;
        fake_request("POST", "/v1/pause", "{\"all\": true}");
        fake_reply(0, "paused"); /* part of an answer is written; teardown frees it */
        assert_int_equal(fake.answer_status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(tells_its_version),
                TEST(shows_all_services),
                TEST(shows_a_failing_service),
                TEST(shows_several_values_of_a_probe),
                TEST(stopped_is_neither_up_nor_down),
                TEST(shows_one_service),
                TEST(shows_what_the_agent_lacks),
                TEST(suggests_a_service),
                TEST(explains_a_service),
                TEST(why_needs_a_service),
                TEST(lists_incidents),
                TEST(refuses_bad_numbers),
                TEST(shows_one_incident),
                TEST(says_that_there_is_no_such_incident),
                TEST(says_that_history_cannot_be_read),
                TEST(shows_recent_events),
                TEST(gives_orders),
                TEST(hands_on_who_why_and_how_long),
                TEST(tells_why_an_order_is_refused),
                TEST(pauses_all_one_after_the_other),
                TEST(survives_a_reload_between_two_pauses),
                TEST(runs_probes),
                TEST(takes_heartbeats),
                TEST(takes_heartbeats_of_others_with_a_token),
                TEST(does_not_name_probes_of_another_policy),
                TEST(reloads),
                TEST(records),
                TEST(knows_its_paths_and_methods),
                TEST(refuses_malformed_bodies),
                TEST(strangers_see_the_status_only),
                TEST(operators_may_command),
                TEST(shows_the_members_of_groups),
                TEST(shows_one_group),
                TEST(hands_a_failover_on),
                TEST(refuses_a_failover_of_what_has_none),
                TEST(survives_a_client_that_leaves),
                TEST(bounds_the_requests_under_way),
                TEST(ends_with_requests_under_way),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
