#pragma once
/* A runtime for the tests of agent/control: three services whose state the test writes down, and an
 * HTTP server, a store and a socket that exist in memory only. Included by one test program each;
 * it defines what the modules runtime, recovery, store, probes and io would. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "control/exporter_auth.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/worker.h"
#include "probes/heartbeat.h"
#include "probes/probe.h"
#include "recovery/recovery.h"
#include "recovery/rules.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "tests/unit/unit_test.h"

enum { FAKE_ORDERS, FAKE_CART, FAKE_CHECKOUT, FAKE_SERVICES };
enum { FAKE_PROBES_MAX = 2, FAKE_HEADERS_MAX = 8 };

/* 2026-03-01T12:00:00Z, a hundred thousand seconds after the boot. */
#define FAKE_WALL (UINT64_C(1772366400) * USEC_PER_SEC)
#define FAKE_MONO (UINT64_C(100000) * USEC_PER_SEC)
#define AGO(seconds) (FAKE_MONO - (usec_t) ((seconds) *1e6))
#define IN(seconds) (FAKE_MONO + (usec_t) ((seconds) *1e6))

struct http_exchange {
        const char *method, *path, *body, *accept;
        const char *query[4]; /* name, value, name, value */
        struct unix_peer peer;
        int fd;
        loop_callback on_closed;
        void *on_closed_cookie;
};

struct fake {
        struct policy policy;
        struct service_status status[FAKE_SERVICES];
        bool drained[FAKE_SERVICES];
        struct probe_status probes[FAKE_SERVICES][FAKE_PROBES_MAX];
        struct observation observations[FAKE_SERVICES][FAKE_PROBES_MAX];
        struct measurement measurements[2]; /* of checkout's first probe */
        uint32_t n_measurements;
        struct content_report content; /* of checkout; change 0: nothing was said */
        struct heartbeat beat; /* the last that was taken */
        unsigned beats;
        struct guard_status guards[GUARD_COUNT];
        struct service_counters counters[FAKE_SERVICES];
        struct recovery_counters recovered[FAKE_SERVICES];
        struct incident incident;
        struct attempt attempt;
        struct runtime_stats stats;
        struct suspicion_status suspicion;
        struct runtime_options options;
        struct store_counts store_counts;
        const char *store_why;
        bool useless; /* the first step of every ladder */
        uint32_t budget_left;
        unsigned scrapes;

        /* what was asked for */
        uint32_t command_service;
        enum command_kind command;
        usec_t command_duration;
        char command_by[64], command_reason[128];
        bool held;
        struct hold holds[HOLD_COUNT];
        runtime_reply reply;
        void *reply_cookie;
        runtime_probed probed;
        void *probed_cookie;
        const char *probe;
        store_answer answer;
        void *answer_cookie;
        uint64_t asked_id, asked_before, asked_limit;

        const struct member_snapshot *member; /* the only one; NULL: none */
        const struct pool_snapshot *pool; /* likewise */
        const char *failover_group;
        char failover_to[64];

        /* the server */
        http_handler handler;
        void *handler_cookie;
        struct http_exchange exchange;
        const char *query[4]; /* of the next request: name, value, name, value */
        struct unix_peer peer; /* who makes it; root at first */
        unsigned answer_status; /* of the last answer; 0: none yet */
        char *answer_text;
        char answer_type[80], answer_allow[16], answer_challenge[64];
        struct http_server_config server;
        const char *authorization; /* of the next request */

        /* logins */
        enum exporter_verdict verdict;
        exporter_auth_done judged;
        void *judged_cookie;
        unsigned cancelled;
};
static struct fake fake;

/* ---- The policy ---- */

static struct probe_spec orders_probes[] = {
        {.name = "port", .type = 1, .interval = 5 * USEC_PER_SEC, .fall = 3, .rise = 2}};
static struct probe_spec cart_probes[] = {
        {.name = "ping", .type = 1, .interval = 5 * USEC_PER_SEC, .fall = 3, .rise = 2}};
static struct probe_spec checkout_probes[] = {
        {.name = "health",
                .type = 0,
                .interval = 2 * USEC_PER_SEC,
                .fast_interval = 250 * USEC_PER_MSEC,
                .fall = 3,
                .rise = 2},
        {.name = "process", .type = 1, .interval = 5 * USEC_PER_SEC, .fall = 1, .rise = 1},
};
static struct step_spec checkout_steps[] = {
        {.action = ACTION_RESTART, .attempts = 3},
        {.action = ACTION_NOTIFY, .attempts = 1},
};
static uint32_t checkout_needs[] = {FAKE_ORDERS};
static struct service fake_services[FAKE_SERVICES] = {
        [FAKE_ORDERS] = {.name = "orders-db",
                .description = "Orders",
                .probes = orders_probes,
                .n_probes = 1,
                .require = 1,
                .index = FAKE_ORDERS},
        [FAKE_CART] = {.name = "cart",
                .probes = cart_probes,
                .n_probes = 1,
                .require = 1,
                .index = FAKE_CART},
        [FAKE_CHECKOUT] = {.name = "checkout",
                .description = "Checkout <API> & \"more\"",
                .manager = MANAGER_COMMAND,
                .probes = checkout_probes,
                .n_probes = 2,
                .require = 2,
                .steps = checkout_steps,
                .n_steps = 2,
                .depends_on = checkout_needs,
                .n_depends_on = 1,
                .settle = 5 * USEC_PER_SEC,
                .budget = {10, USEC_PER_HOUR},
                .index = FAKE_CHECKOUT},
};

static inline void fake_observe(
        uint32_t service, uint32_t probe, enum outcome outcome, double age, const char *detail) {
        struct observation *last = &fake.observations[service][probe];
        *last = (struct observation){
                .service = service,
                .probe = probe,
                .outcome = outcome,
                .cause = outcome_is_failure(outcome) ? CAUSE_WRONG_ANSWER : CAUSE_NONE,
                .at = {AGO(age), FAKE_WALL - (usec_t) (age * 1e6)},
                .duration = 12700,
        };
        str_copy(last->detail, sizeof(last->detail), detail);
}

static inline void fake_guards(void) {
        static const struct guard_status guards[] = {
                {GUARD_PAUSED, false, USEC_INFINITY, 0, 0, "not paused"},
                {GUARD_SERVICE_BUDGET, false, FAKE_MONO, 1, 10,
                        "1 of 10 actions of the service spent within 1h"},
                {GUARD_HOST_BUDGET, false, FAKE_MONO, 2, 60,
                        "2 of 60 actions of the host spent within 1h"},
        };
        memcpy(fake.guards, guards, sizeof(guards));
}

/* All is well, since an hour. */
static inline int fake_setup(void **state) {
        (void) state;
        free(fake.answer_text);
        map_free(fake.policy.by_name);
        fake = (struct fake){.store_why = "", .budget_left = 9};
        fake.policy = (struct policy){
                .services = fake_services,
                .n_services = FAKE_SERVICES,
                .n_probes = 4,
                .by_name = map_new(),
                .agent.budget = {60, USEC_PER_HOUR},
                .digest = "4f1c",
        };
        for (uint32_t i = 0; i < FAKE_SERVICES; i++) {
                map_put(fake.policy.by_name, fake_services[i].name, &fake_services[i]);
                fake.status[i] = (struct service_status){
                        .policy = &fake_services[i],
                        .health = HEALTH_HEALTHY,
                        .health_since = AGO(3600),
                        .phase_since = AGO(3600),
                        .timer = USEC_INFINITY,
                        .culprit = UINT32_MAX,
                        .process_known = true,
                        .running = true,
                        .pid = 4711,
                };
                for (uint32_t k = 0; k < fake_services[i].n_probes; k++) {
                        fake.probes[i][k] = (struct probe_status){.health = HEALTH_HEALTHY,
                                .passes = 9,
                                .window = 0x3d,
                                .n_window = 6};
                        fake_observe(i, k, OUTCOME_PASS, 0.4, "200 OK");
                }
        }
        fake_guards();
        fake.stats = (struct runtime_stats){
                .started = {AGO(3600), FAKE_WALL - 3600 * USEC_PER_SEC},
                .executor_up = true,
                .executor_pid = 813,
                .executor_since = {AGO(3599), FAKE_WALL - 3599 * USEC_PER_SEC},
                .last_reload_error = "",
        };
        return 0;
}

/* Checkout answers 503 for three seconds; incident 17 is open. */
static inline void fake_checkout_fails(enum phase phase) {
        struct service_status *status = &fake.status[FAKE_CHECKOUT];
        fake_observe(FAKE_CHECKOUT, 0, OUTCOME_FAIL, 0.387, "503 Service Unavailable");
        fake.observations[FAKE_CHECKOUT][0].has_value = true;
        fake.observations[FAKE_CHECKOUT][0].value = 0.0123;
        fake.probes[FAKE_CHECKOUT][0] = (struct probe_status){.health = HEALTH_FAILED,
                .fails = 9,
                .window = 0,
                .n_window = 9,
                .failing_since = AGO(3)};
        fake.incident = (struct incident){
                .id = 17,
                .failing_since = FAKE_WALL - 3000000,
                .opened = FAKE_WALL - 2500000,
                .cause = CAUSE_WRONG_ANSWER,
                .attempts = 1,
                .service = "checkout",
                .probe = "health",
                .text = "503 Service Unavailable",
        };
        status->health = HEALTH_FAILED;
        status->health_since = AGO(2.5);
        status->phase = phase;
        status->phase_since = AGO(2.5);
        status->incident = &fake.incident;
        status->step_attempts = 1;
        status->last_rule = 206;
        status->last_rule_at = AGO(2.5);
        status->evidence = &fake.observations[FAKE_CHECKOUT][0];
}

/* ---- The runtime ---- */

struct loop *runtime_loop(const struct runtime *runtime) {
        return (struct loop *) runtime;
}

struct instant loop_now(const struct loop *loop) {
        (void) loop;
        return (struct instant){FAKE_MONO, FAKE_WALL};
}

const struct policy *runtime_policy(const struct runtime *runtime) {
        (void) runtime;
        return &fake.policy;
}

const struct recovery *runtime_recovery(const struct runtime *runtime) {
        return (const struct recovery *) runtime;
}

struct store *runtime_store(const struct runtime *runtime) {
        return (struct store *) runtime;
}

const struct runtime_options *runtime_options(const struct runtime *runtime) {
        (void) runtime;
        return &fake.options;
}

const struct observation *runtime_observation(
        const struct runtime *runtime, uint32_t service, uint32_t probe) {
        (void) runtime;
        return &fake.observations[service][probe];
}

/* Answers with what was asked, as a JSON object. */
void runtime_checkpoint(struct runtime *runtime, uint32_t service, enum checkpoint_verb verb,
        const char *a, const char *b, runtime_reply call, void *cookie) {
        char text[256];
        (void) runtime;
        snprintf(text, sizeof(text),
                "{\"service\": %u, \"do\": \"%s\", \"a\": \"%s\", \"b\": \"%s\"}", service,
                checkpoint_verb_text(verb), a, b);
        call(cookie, 0, text);
}

const struct content_report *runtime_content(const struct runtime *runtime, uint32_t service) {
        (void) runtime;
        return service == FAKE_CHECKOUT && fake.content.change ? &fake.content : NULL;
}

const struct measurement *runtime_measurements(
        const struct runtime *runtime, uint32_t service, uint32_t probe, uint32_t *ret_count) {
        (void) runtime;
        *ret_count = service == FAKE_CHECKOUT && probe == 0 ? fake.n_measurements : 0;
        return *ret_count ? fake.measurements : NULL;
}

/* Only checkout has one. */
int runtime_heartbeat(struct runtime *runtime, uint32_t service, const char *probe,
        const struct heartbeat *beat) {
        (void) runtime;
        if (service != FAKE_CHECKOUT || (probe && !str_eq(probe, "alive"))) {
                return -ENOENT;
        }
        fake.beat = *beat;
        fake.beats++;
        return 0;
}

void runtime_heartbeat_by_token(struct runtime *runtime, const char *service, const char *probe,
        const char *token, const struct heartbeat *beat, runtime_reply call, void *cookie) {
        bool known = str_eq(service, "checkout") && str_eq(probe, "alive");
        if (str_eq(token, "busy")) {
                call(cookie, -EAGAIN, "too many calls at once");
        } else if (!known || !str_eq(token, "0123456789abcdef")) {
                call(cookie, -EACCES, "refused");
        } else {
                call(cookie, runtime_heartbeat(runtime, FAKE_CHECKOUT, probe, beat),
                        "heartbeat taken");
        }
}

void runtime_stats(const struct runtime *runtime, struct runtime_stats *ret) {
        (void) runtime;
        *ret = fake.stats;
}

bool runtime_drained(const struct runtime *runtime, uint32_t service) {
        (void) runtime;
        return fake.drained[service];
}

void runtime_note_agent_check(struct runtime *runtime, enum agent_answer answer) {
        (void) runtime;
        fake.stats.agent_checks[answer]++;
}

void runtime_scraped(struct runtime *runtime) {
        (void) runtime;
        fake.scrapes++;
}

const double runtime_bucket_bounds[RUNTIME_BUCKETS] = {
        0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600};

const struct service_counters *runtime_counters(const struct runtime *runtime, uint32_t service) {
        (void) runtime;
        fake.counters[service].recovered = &fake.recovered[service];
        return &fake.counters[service];
}

size_t runtime_recent_events(
        const struct runtime *runtime, uint32_t service, const struct event **ret, size_t limit) {
        static const struct event event = {
                .id = 901,
                .at = FAKE_WALL,
                .kind = EVENT_INCIDENT_OPENED,
                .level = 3,
                .service = "checkout",
                .incident = 17,
                .rule = 206,
                .phase = PHASE_BACKOFF,
                .health = HEALTH_FAILED,
                .text = "it failed",
        };
        (void) runtime;
        if (limit == 0 || (service != UINT32_MAX && service != FAKE_CHECKOUT)) {
                return 0;
        }
        ret[0] = &event;
        return 1;
}

#include "tests/unit/support/fake_members.h"

void runtime_hold(struct runtime *runtime, usec_t duration, const char *by, const char *reason,
        runtime_reply reply, void *cookie) {
        (void) runtime;
        fake.held = true;
        fake.command_duration = duration;
        str_copy(fake.command_by, sizeof(fake.command_by), by);
        str_copy(fake.command_reason, sizeof(fake.command_reason), reason);
        fake.reply = reply;
        fake.reply_cookie = cookie;
}

void runtime_release(struct runtime *runtime, const char *by, runtime_reply reply, void *cookie) {
        (void) runtime;
        fake.held = false;
        str_copy(fake.command_by, sizeof(fake.command_by), by);
        fake.reply = reply;
        fake.reply_cookie = cookie;
}

void runtime_command(struct runtime *runtime, uint32_t service, enum command_kind kind,
        usec_t duration, const char *by, const char *reason, runtime_reply reply, void *cookie) {
        (void) runtime;
        fake.command_service = service;
        fake.command = kind;
        fake.command_duration = duration;
        str_copy(fake.command_by, sizeof(fake.command_by), by);
        str_copy(fake.command_reason, sizeof(fake.command_reason), reason);
        fake.reply = reply;
        fake.reply_cookie = cookie;
}

void runtime_reload(struct runtime *runtime, runtime_reply reply, void *cookie) {
        (void) runtime;
        fake.reply = reply;
        fake.reply_cookie = cookie;
}

void runtime_record_start(struct runtime *runtime, runtime_reply reply, void *cookie) {
        (void) runtime;
        fake.reply = reply;
        fake.reply_cookie = cookie;
}

void runtime_record_stop(struct runtime *runtime, runtime_reply reply, void *cookie) {
        runtime_record_start(runtime, reply, cookie);
}

void runtime_record_status(const struct runtime *runtime, struct runtime_record *ret) {
        (void) runtime;
        *ret = (struct runtime_record){
                .active = true, .path = "/state/recording.rec", .inputs = 3, .bytes = 400};
}

/* The runtime answers what it was asked last. */
static inline void fake_reply(int result, const char *text) {
        runtime_reply reply = fake.reply;
        fake.reply = NULL;
        assert_non_null(reply);
        reply(fake.reply_cookie, result, text);
}

int runtime_probe(struct runtime *runtime, uint32_t service, const char *probe, runtime_probed done,
        void *cookie) {
        (void) runtime;
        (void) service;
        fake.probe = probe;
        fake.probed = done;
        fake.probed_cookie = cookie;
        return 0;
}

/* ---- The core ---- */

void recovery_service_status(
        const struct recovery *recovery, uint32_t service, struct service_status *ret) {
        (void) recovery;
        *ret = fake.status[service];
        bool up = ret->health == HEALTH_HEALTHY || ret->health == HEALTH_SUSPECT;
        ret->alive |= up;
        ret->ready |= up;
}

void recovery_probe_status(const struct recovery *recovery, uint32_t service, uint32_t probe,
        struct probe_status *ret) {
        (void) recovery;
        *ret = fake.probes[service][probe];
}

const char *recovery_state_word(const struct service_status *status) {
        if (status->phase == PHASE_WATCHING && status->warnings > 0) {
                return "degraded";
        }
        if (status->phase == PHASE_UNATTENDED && status->alive) {
                return "not-ready";
        }
        return status->phase == PHASE_WATCHING ? health_text(status->health)
                                               : phase_text(status->phase);
}

const struct hold *recovery_hold(const struct recovery *recovery, enum hold_source source) {
        (void) recovery;
        return &fake.holds[source];
}

size_t recovery_guards(const struct recovery *recovery, uint32_t service, struct instant now,
        struct guard_status ret[GUARD_COUNT]) {
        (void) recovery;
        (void) service;
        (void) now;
        memcpy(ret, fake.guards, 3 * sizeof(*ret));
        return 3;
}

uint32_t recovery_ladder(const struct recovery *recovery, uint32_t index, struct instant now,
        struct step_status ret[POLICY_STEPS_MAX]) {
        (void) recovery;
        (void) now;
        const struct service_status *status = &fake.status[index];
        for (uint32_t i = 0; i < fake_services[index].n_steps; i++) {
                bool current = status->incident && status->step == (int) i;
                ret[i] = (struct step_status){
                        .current = current, .made = current ? status->step_attempts : 0};
                if (i == 0 && fake.useless) {
                        ret[i] = (struct step_status){.fit = STEP_USELESS, .tried = 9};
                }
        }
        return fake_services[index].n_steps;
}

void recovery_suspicion(const struct recovery *recovery, struct suspicion_status *ret) {
        (void) recovery;
        *ret = fake.suspicion;
}

const struct enum_text suspicion_state_texts[] = {
        {SUSPICION_NONE, "trusts", ""},
        {SUSPICION_HOLDS, "suspects", ""},
        {SUSPICION_OUTLIVED, "outlived", ""},
        {0, NULL, NULL},
};

uint32_t recovery_budget_left(
        const struct recovery *recovery, uint32_t service, struct instant now) {
        (void) recovery;
        (void) now;
        return service == UINT32_MAX ? 58 : fake.budget_left;
}

const struct rule rules[] = {
        {.number = 200, .phases = 1, .happenings = 1, .when_text = "somebody stopped it"},
        {.number = 203, .phases = 2, .happenings = 1, .when_text = "of another phase"},
        {.number = 204, .phases = 1, .happenings = 2, .when_text = "of another happening"},
        {.number = 205, .phases = 3, .happenings = 3, .when_text = "no probe has failed"},
        {.number = 206,
                .phases = 1,
                .happenings = 1,
                .when_text = "its time has not come",
                .sentence = "the next attempt waits for its backoff"},
        {.number = 207, .phases = 1, .happenings = 1, .when_text = "a guard holds it"},
};
const size_t n_rules = sizeof(rules) / sizeof(rules[0]);

const struct rule *rule_by_number(uint32_t number) {
        return number == 206 ? &rules[4] : NULL;
}

static const struct probe_type type_http = {.name = "http", .value_unit = "seconds"};
static const struct probe_type type_tcp = {.name = "tcp"};
const struct probe_type *const probe_types[] = {&type_http, &type_tcp, NULL};

/* ---- The store ---- */

bool store_degraded(const struct store *store) {
        (void) store;
        return *fake.store_why != 0;
}

const char *store_why(const struct store *store) {
        (void) store;
        return fake.store_why;
}

struct store_counts store_counts(const struct store *store) {
        (void) store;
        return fake.store_counts;
}

void store_query_incidents(struct store *store, const char *service, uint64_t before, size_t limit,
        store_answer answer, void *cookie) {
        (void) store;
        (void) service;
        fake.asked_before = before;
        fake.asked_limit = limit;
        fake.answer = answer;
        fake.answer_cookie = cookie;
}

void store_query_incident(struct store *store, uint64_t id, store_answer answer, void *cookie) {
        (void) store;
        fake.asked_id = id;
        fake.answer = answer;
        fake.answer_cookie = cookie;
}

/* ---- The server ---- */

int unix_listen(const struct unix_listen_request *request, struct error *err) {
        (void) request;
        (void) err;
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int http_server_new(struct http_server **ret, struct loop *loop,
        const struct http_server_config *config, http_handler handler, void *cookie,
        struct error *err) {
        (void) loop;
        (void) err;
        fake.server = *config;
        fake.handler = handler;
        fake.handler_cookie = cookie;
        *ret = (struct http_server *) &fake.server;
        return 0;
}

void http_server_free(struct http_server *server) {
        if (server) {
                close(fake.server.fd);
        }
        if (fake.exchange.on_closed && fake.answer_status == 0) {
                fake.exchange.on_closed(fake.exchange.on_closed_cookie);
        }
}

const char *http_exchange_method(const struct http_exchange *exchange) {
        return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange) {
        return exchange->path;
}

const char *http_exchange_query(const struct http_exchange *exchange, const char *name) {
        for (size_t i = 0; i + 1 < ELEMENTSOF(exchange->query); i += 2) {
                if (exchange->query[i] && str_eq(exchange->query[i], name)) {
                        return exchange->query[i + 1];
                }
        }
        return NULL;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name) {
        return str_eq(name, "Accept")          ? exchange->accept
               : str_eq(name, "Authorization") ? fake.authorization
                                               : NULL;
}

const char *http_exchange_body(const struct http_exchange *exchange, size_t *ret_length) {
        const char *body = exchange->body ? exchange->body : "";
        *ret_length = strlen(body);
        return body;
}

int http_exchange_peer(const struct http_exchange *exchange, struct unix_peer *ret) {
        *ret = exchange->peer;
        return 0;
}

int http_exchange_fd(const struct http_exchange *exchange) {
        return exchange->fd;
}

void http_exchange_on_closed(struct http_exchange *exchange, loop_callback callback, void *cookie) {
        exchange->on_closed = callback;
        exchange->on_closed_cookie = cookie;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply) {
        assert_ptr_equal(exchange, &fake.exchange);
        assert_int_equal(fake.answer_status, 0); /* answered once */
        fake.answer_status = reply->status;
        free(fake.answer_text);
        fake.answer_text = strdup(reply->body ? reply->body : "");
        if (reply->release) {
                reply->release(reply->release_cookie, reply->body);
        } else {
                free(reply->body);
        }
        str_copy(fake.answer_type, sizeof(fake.answer_type),
                reply->content_type ? reply->content_type : "text/plain");
        *fake.answer_allow = 0;
        for (size_t i = 0; i < reply->n_headers; i++) {
                if (str_eq(reply->headers[i].name, "WWW-Authenticate")) {
                        str_copy(fake.answer_challenge, sizeof(fake.answer_challenge),
                                reply->headers[i].value);
                }
                if (str_eq(reply->headers[i].name, "Allow")) {
                        str_copy(fake.answer_allow, sizeof(fake.answer_allow),
                                reply->headers[i].value);
                }
        }
}

void http_exchange_reply_text(struct http_exchange *exchange, unsigned status, const char *text) {
        struct http_reply reply = {.status = status, .body = strdup(text)};
        http_exchange_reply(exchange, &reply);
}

/* One request; the answer is in fake.answer_status and fake.answer_text, at once or later. */
static inline void fake_request(const char *method, const char *path, const char *body) {
        fake.answer_status = 0;
        fake.exchange = (struct http_exchange){
                .method = method, .path = path, .body = body, .fd = -1, .peer = fake.peer};
        memcpy(fake.exchange.query, fake.query, sizeof(fake.query));
        memset(fake.query, 0, sizeof(fake.query));
        fake.handler(fake.handler_cookie, &fake.exchange);
}

static inline void fake_client_leaves(void) {
        fake.exchange.on_closed(fake.exchange.on_closed_cookie);
        fake.exchange.on_closed = NULL;
}

/* ---- web.config.file ---- */

static struct exporter_user fake_user = {"prometheus", "hash"};
static struct exporter_config fake_web = {.tls_certificate = "certificate",
        .tls_key = "key",
        .tls_client_ca = "authority",
        .tls_priorities = "priorities",
        .users = &fake_user,
        .n_users = 1};

int exporter_config_load(const char *path, struct exporter_config **ret, struct error *err) {
        if (!str_eq(path, "/etc/recoverd/web.yaml")) {
                return error_set(err, EINVAL, "%s:1:1: bad", path);
        }
        *ret = &fake_web;
        return 0;
}

void exporter_config_free(struct exporter_config *config) {
        assert_true(!config || config == &fake_web);
}

int exporter_auth_new(struct exporter_auth **ret, struct loop *loop,
        const struct exporter_config *config, struct error *err) {
        (void) loop;
        (void) err;
        assert_ptr_equal(config, &fake_web);
        *ret = (struct exporter_auth *) &fake_web;
        return 0;
}

void exporter_auth_free(struct exporter_auth *auth) {
        (void) auth;
}

enum exporter_verdict exporter_auth_check(struct exporter_auth *auth, const char *authorization,
        exporter_auth_done done, void *cookie, struct exporter_auth_check **ret_check) {
        assert_ptr_equal(auth, &fake_web);
        if (!authorization) {
                return EXPORTER_REFUSED;
        }
        fake.judged = done;
        fake.judged_cookie = cookie;
        *ret_check = (struct exporter_auth_check *) &fake;
        return fake.verdict;
}

void exporter_auth_cancel(struct exporter_auth_check *check) {
        assert_ptr_equal(check, &fake);
        fake.cancelled++;
}

/* ---- Threads: what is submitted has run when the call returns ---- */

int worker_pool_new(struct worker_pool **ret, struct loop *loop, const struct worker_limits *limits,
        struct error *err) {
        (void) loop;
        (void) limits;
        (void) err;
        *ret = NULL;
        return 0;
}

void worker_pool_free(struct worker_pool *pool) {
        assert_null(pool);
}

int worker_submit(struct worker_pool *pool, const struct worker_job *job, struct worker_task **ret,
        struct error *err) {
        (void) pool;
        (void) err;
        *ret = NULL;
        int result = job->run(job->data);
        job->done(job->cookie, result, job->data);
        job->release(job->data);
        return 0;
}

void worker_cancel(struct worker_task *task) {
        assert_null(task);
}
