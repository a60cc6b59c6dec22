/* What HAProxy's agent-check is answered, over the runtime in memory. */

#include <string.h>

#include "control/agent_reply.h"
#include "support/fake_runtime.h"

#define RUNTIME ((struct runtime *) &fake)

static char line[AGENT_REPLY_MAX];

static void assert_reply(const char *name, enum agent_answer answer, const char *wanted) {
        assert_int_equal(agent_reply(RUNTIME, name, line), answer);
        assert_string_equal(line, wanted);
}

static int setup(void **state) {
        fake_setup(state);
        for (uint32_t i = 0; i < FAKE_SERVICES; i++) {
                fake.status[i].alive = fake.status[i].ready = true;
        }
        return 0;
}

static int teardown(void **state) {
        (void) state;
        map_free(fake.policy.by_name);
        fake.policy.by_name = NULL;
        return 0;
}

static struct service_status *fail_checkout(enum phase phase) {
        fake_checkout_fails(phase);
        fake.status[FAKE_CHECKOUT].alive = fake.status[FAKE_CHECKOUT].ready = false;
        return &fake.status[FAKE_CHECKOUT];
}

static void one_that_is_well_is_ready(void **state) {
        (void) state;
        assert_reply("checkout", AGENT_ANSWER_READY, "up ready #checkout\n");
}

static void one_that_failed_is_down(void **state) {
        (void) state;
        fail_checkout(PHASE_BACKOFF);
        assert_reply("checkout", AGENT_ANSWER_DOWN, "down #checkout: 503 Service Unavailable\n");
}

static void one_that_lives_and_cannot_serve_is_drained(void **state) {
        (void) state;
        fail_checkout(PHASE_UNATTENDED)->alive = true;
        assert_reply(
                "checkout", AGENT_ANSWER_DRAIN, "up drain #checkout: 503 Service Unavailable\n");
}

static void one_that_is_acted_on_is_drained(void **state) {
        (void) state;
        fake.status[FAKE_CHECKOUT].phase = PHASE_ACTING;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_DRAIN);
        fake.status[FAKE_CHECKOUT].phase = PHASE_VERIFYING;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_DRAIN);
        fake.status[FAKE_CHECKOUT].phase = PHASE_WATCHING;
        fake.drained[FAKE_CHECKOUT] = true;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_DRAIN);
}

static void a_pause_takes_no_traffic_away(void **state) {
        (void) state;
        fake.status[FAKE_CHECKOUT].paused = true;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_READY);
}

static void one_that_is_stopped_on_purpose_is_stopped(void **state) {
        (void) state;
        fake.status[FAKE_CHECKOUT].alive = fake.status[FAKE_CHECKOUT].ready = false;
        fake.status[FAKE_CHECKOUT].phase = PHASE_STOPPED;
        assert_reply("checkout", AGENT_ANSWER_STOPPED, "stopped #checkout: stopped\n");
        fake.status[FAKE_CHECKOUT].phase = PHASE_STANDBY;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_STOPPED);
}

static void what_is_not_known_changes_nothing(void **state) {
        (void) state;
        fake.status[FAKE_CHECKOUT].health = HEALTH_UNKNOWN;
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_UNCHANGED);
        assert_int_equal(line[0], '#');
        assert_reply(
                "chekout", AGENT_ANSWER_UNCHANGED, "#no such service in recoverd's policies\n");
}

static void without_a_name_it_is_the_worst_of_all(void **state) {
        (void) state;
        assert_int_equal(agent_reply(RUNTIME, "", line), AGENT_ANSWER_READY);
        fake.drained[FAKE_ORDERS] = true;
        assert_int_equal(agent_reply(RUNTIME, "", line), AGENT_ANSWER_DRAIN);
        fail_checkout(PHASE_BACKOFF);
        assert_reply("", AGENT_ANSWER_DOWN, "down #checkout: 503 Service Unavailable\n");
        for (uint32_t i = 0; i < FAKE_SERVICES; i++) {
                fake.status[i].phase = PHASE_STOPPED;
        }
        assert_reply("", AGENT_ANSWER_STOPPED, "stopped #no service runs here\n");
}

static void text_from_outside_stays_one_line(void **state) {
        (void) state;
        fail_checkout(PHASE_BACKOFF);
        char detail[400];
        memset(detail, 'x', sizeof(detail));
        detail[3] = '\n';
        detail[sizeof(detail) - 1] = '\0';
        str_copy(fake.observations[FAKE_CHECKOUT][0].detail,
                sizeof(fake.observations[FAKE_CHECKOUT][0].detail), detail);
        assert_int_equal(agent_reply(RUNTIME, "checkout", line), AGENT_ANSWER_DOWN);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(one_that_is_well_is_ready, setup, teardown),
                cmocka_unit_test_setup_teardown(one_that_failed_is_down, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        one_that_lives_and_cannot_serve_is_drained, setup, teardown),
                cmocka_unit_test_setup_teardown(one_that_is_acted_on_is_drained, setup, teardown),
                cmocka_unit_test_setup_teardown(a_pause_takes_no_traffic_away, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        one_that_is_stopped_on_purpose_is_stopped, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_not_known_changes_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        without_a_name_it_is_the_worst_of_all, setup, teardown),
                cmocka_unit_test_setup_teardown(text_from_outside_stays_one_line, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
