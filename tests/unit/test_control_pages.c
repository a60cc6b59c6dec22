/* The pages of the listener: status page, /healthz, and which request gets what. */

#include <arpa/inet.h>
#include <stdio.h>

#include "control/health_page.h"
#include "control/listener.h"
#include "control/status_page.h"
#include "support/fake_runtime.h"

#define RUNTIME ((struct runtime *) &fake)

static int teardown(void **state) {
        (void) state;
        free(fake.answer_text);
        fake.answer_text = NULL;
        map_free(fake.policy.by_name);
        fake.policy.by_name = NULL;
        return 0;
}

/* ---- Health ---- */

static void assert_health(bool ok, const char *text) {
        AUTO_STRBUF struct strbuf out = {0};
        assert_int_equal(health_page(RUNTIME, &out), ok);
        assert_string_equal(strbuf_text(&out), text);
}

static void is_healthy(void **state) {
        (void) state;
        assert_health(true, "ok\n");
}

static void a_store_that_fails_is_only_told(void **state) {
        (void) state;
        fake.store_why = "disk full";
        assert_health(
                true, "ok\nthe state database does not work, actions are capped: disk full\n");
}

static void an_executor_may_be_away_for_a_moment(void **state) {
        (void) state;
        fake.stats.executor_up = false;
        fake.stats.executor_since.mono = AGO(9.9);
        assert_health(true, "ok\nthe executor is away since 9.9s: actions are held\n");
        fake.stats.executor_since.mono = AGO(10.1);
        assert_health(false, "the executor is away since 10.1s: actions are held\n");
}

static void an_executor_that_never_came_counts_from_the_start(void **state) {
        (void) state;
        fake.stats.executor_up = false;
        fake.stats.executor_since.mono = 0;
        fake.stats.started.mono = AGO(20);
        assert_health(false, "the executor is away since 20s: actions are held\n");
}

static void a_loop_that_does_not_keep_up_is_ill(void **state) {
        (void) state;
        fake.stats.lag = 6 * USEC_PER_SEC;
        assert_health(false, "the event loop is 6s late\n");
}

/* ---- Status page ---- */

static void escapes_html(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        status_page_escape(&out, "<a href=\"x\" title='y'>&amp;\xc3\xbc</a>");
        assert_string_equal(strbuf_text(&out),
                "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;\xc3\xbc&lt;/a&gt;");
}

static void shows_services_that_need_someone_first(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fake_checkout_fails(PHASE_BACKOFF);
        fake.status[FAKE_CHECKOUT].next_attempt = IN(3.9);
        str_copy(fake.observations[FAKE_CHECKOUT][0].detail, OBSERVATION_DETAIL_MAX,
                "<script>alert(1)</script>");
        status_page(RUNTIME, &out);
        const char *page = strbuf_text(&out);
        assert_true(strstr(page, "<b>checkout</b>") < strstr(page, "<b>orders-db</b>"));
        assert_non_null(strstr(page, "Checkout &lt;API&gt; &amp; &quot;more&quot;"));
        assert_non_null(strstr(page, "attempt in 3.9s"));
        assert_non_null(strstr(page, "2 of 3 services up"));
        assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert_null(strstr(page, "<script"));
        assert_null(strstr(page, "http://")); /* self-contained */
}

/* ---- The listener ---- */

static void does_not_listen_where_there_is_none(void **state) {
        (void) state;
        struct listener *listener = (struct listener *) &fake;
        fake.policy.agent.listen = "none";
        assert_int_equal(listener_new(&listener, RUNTIME, NULL), 0);
        assert_null(listener);
        listener_free(listener);
}

/* On a port that was free a moment ago. */
static struct listener *start(const char *web_config_file) {
        static char listen_text[32];
        struct listener *listener = NULL;
        struct error error = {0};
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        close(fd);
        snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%u", ntohs(address.sin_port));
        fake.policy.agent.listen = listen_text;
        fake.policy.agent.web_config_file = web_config_file;
        assert_int_equal(listener_new(&listener, RUNTIME, &error), 0);
        return listener;
}

static void serves_its_pages_and_nothing_else(void **state) {
        (void) state;
        static const struct {
                const char *method, *path;
                unsigned status;
                const char *type, *text;
        } rows[] = {
                {"GET", "/", 200, "text/html; charset=utf-8", "<!doctype html>"},
                {"HEAD", "/", 200, "text/html; charset=utf-8", ""},
                {"GET", "/healthz", 200, "text/plain", "ok\n"},
                {"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "# "},
                {"POST", "/metrics", 405, "text/plain", ""},
                {"POST", "/v1/restart", 404, "text/plain", ""},
                {"GET", "/v1/status", 404, "text/plain", ""},
                {"GET", "/metrics/", 404, "text/plain", ""},
        };
        struct listener *listener = NULL;
        fake.policy.agent.listen = "127.0.0.1:0";
        struct error error = {0};
        assert_int_equal(listener_new(&listener, RUNTIME, &error), -EINVAL);
        assert_non_null(strstr(error.text, "expected ADDRESS:PORT"));
        listener = start(NULL);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_request(rows[i].method, rows[i].path, NULL);
                assert_int_equal(fake.answer_status, rows[i].status);
                assert_string_equal(fake.answer_type, rows[i].type);
                assert_true(str_starts(fake.answer_text, rows[i].text));
        }
        fake.stats.lag = 6 * USEC_PER_SEC;
        fake_request("GET", "/healthz", NULL);
        assert_int_equal(fake.answer_status, 503);
        listener_free(listener);
}

/* ---- Heartbeats ---- */

static void takes_heartbeats_with_a_token(void **state) {
        (void) state;
        static const struct {
                const char *path, *authorization;
                unsigned status;
        } rows[] = {
                {"/heartbeat/checkout/alive", "Bearer 0123456789abcdef", 200},
                {"/heartbeat/checkout/alive", "bearer 0123456789abcdef", 200},
                {"/heartbeat/checkout/alive", "Bearer 0123456789abcdeX", 401},
                {"/heartbeat/checkout/alive", "Bearer ", 401},
                {"/heartbeat/checkout/alive", "Basic 0123456789abcdef", 401},
                {"/heartbeat/checkout/alive", NULL, 401},
                {"/heartbeat/checkout/other", "Bearer 0123456789abcdef", 401},
                {"/heartbeat/nobody/alive", "Bearer 0123456789abcdef", 401},
                {"/heartbeat/checkout/alive", "Bearer busy", 503},
                {"/heartbeat/checkout", "Bearer 0123456789abcdef", 404},
                {"/heartbeat/checkout/", "Bearer 0123456789abcdef", 404},
                {"/heartbeat//alive", "Bearer 0123456789abcdef", 404},
                {"/heartbeat/", "Bearer 0123456789abcdef", 404},
        };
        struct listener *listener = start(NULL);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake.authorization = rows[i].authorization;
                fake.beats = 0;
                fake_request("POST", rows[i].path, "42 orders\nand more");
                assert_int_equal(fake.answer_status, rows[i].status);
                assert_int_equal(fake.beats, rows[i].status == 200);
                if (rows[i].status == 401) { /* no word about what was wrong */
                        assert_string_equal(fake.answer_text, "");
                        assert_true(str_starts(fake.answer_challenge, "Bearer "));
                }
        }
        assert_string_equal(fake.beat.text, "42 orders");
        assert_false(fake.beat.failed);
        fake_request("GET", "/heartbeat/checkout/alive", NULL);
        assert_int_equal(fake.answer_status, 405);
        assert_string_equal(fake.answer_allow, "POST");
        listener_free(listener);
}

/* ---- TLS and passwords ---- */

static void hands_the_web_config_on(void **state) {
        (void) state;
        struct listener *listener = start("/etc/recoverd/web.yaml");
        assert_string_equal(fake.server.tls_certificate, "certificate");
        assert_string_equal(fake.server.tls_key, "key");
        assert_string_equal(fake.server.tls_client_ca, "authority");
        assert_string_equal(fake.server.tls_priorities, "priorities");
        listener_free(listener);
}

static void a_bad_web_config_is_no_listener(void **state) {
        (void) state;
        struct listener *listener = (struct listener *) &fake;
        struct error error = {0};
        fake.policy.agent.listen = "127.0.0.1:1";
        fake.policy.agent.web_config_file = "/tmp/web.yaml";
        assert_int_equal(listener_new(&listener, RUNTIME, &error), -EINVAL);
        assert_string_equal(error.text, "web_config_file: /tmp/web.yaml:1:1: bad");
        assert_null(listener);
}

static void every_page_needs_the_password(void **state) {
        (void) state;
        static const char *const paths[] = {"/", "/metrics", "/healthz", "/other"};
        struct listener *listener = start("/etc/recoverd/web.yaml");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                fake_request("GET", paths[i], NULL);
                assert_int_equal(fake.answer_status, 401);
                assert_true(str_starts(fake.answer_challenge, "Basic realm="));
        }
        fake.authorization = "Basic x";
        fake.verdict = EXPORTER_ALLOWED; /* it was right before */
        fake_request("GET", "/healthz", NULL);
        assert_int_equal(fake.answer_status, 200);
        fake.verdict = EXPORTER_BUSY;
        fake_request("GET", "/healthz", NULL);
        assert_int_equal(fake.answer_status, 503);
        listener_free(listener);
}

static void waits_for_the_verdict(void **state) {
        (void) state;
        struct listener *listener = start("/etc/recoverd/web.yaml");
        fake.authorization = "Basic x";
        fake.verdict = EXPORTER_PENDING;
        fake_request("GET", "/healthz", NULL);
        assert_int_equal(fake.answer_status, 0);
        fake.judged(fake.judged_cookie, EXPORTER_ALLOWED);
        assert_int_equal(fake.answer_status, 200);
        fake_request("GET", "/healthz", NULL);
        fake.judged(fake.judged_cookie, EXPORTER_REFUSED);
        assert_int_equal(fake.answer_status, 401);
        assert_int_equal(fake.cancelled, 0);

        fake_request("GET", "/healthz", NULL);
        fake_client_leaves();
        assert_int_equal(fake.cancelled, 1);
        fake_request("GET", "/healthz", NULL);
        listener_free(listener); /* with a verdict outstanding */
        assert_int_equal(fake.cancelled, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(is_healthy),
                TEST(a_store_that_fails_is_only_told),
                TEST(an_executor_may_be_away_for_a_moment),
                TEST(an_executor_that_never_came_counts_from_the_start),
                TEST(a_loop_that_does_not_keep_up_is_ill),
                TEST(escapes_html),
                TEST(shows_services_that_need_someone_first),
                TEST(does_not_listen_where_there_is_none),
                TEST(serves_its_pages_and_nothing_else),
                TEST(takes_heartbeats_with_a_token),
                TEST(hands_the_web_config_on),
                TEST(a_bad_web_config_is_no_listener),
                TEST(every_page_needs_the_password),
                TEST(waits_for_the_verdict),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
