/* A recording made in memory, run again: the same, another policy, and what is no recording. */

#include "policy_cases.h"
#include "recording/core_image.h"
#include "sim/rerun.h"

static const char shop[] = "version: 1\n"
                           "services:\n"
                           "  web:\n"
                           "    command: [/bin/web]\n"
                           "    probes: {p: {tcp: x, interval: 5s, fall: 2}}\n"
                           "    recover: [restart: {attempts: 2}]\n"
                           "    backoff: {initial: 1s, jitter: full}\n";

struct recorder { /* what the agent does, in short */
        struct policy *policy;
        struct recovery *recovery;
        struct effects effects;
        struct instant now;
        uint64_t number;
        struct strbuf text;
};

static void feed(struct recorder *recorder, const struct input *input) {
        struct decided decided = {recorder->recovery, &recorder->effects};
        recovery_step(recorder->recovery, input, recorder->now, &recorder->effects);
        if (recorder->number > 0) {
                recording_write_input(&recorder->text, recorder->number++, recorder->policy, input,
                        recorder->now, &decided);
        }
}

static void fail_probe(struct recorder *recorder, unsigned times) {
        for (unsigned i = 0; i < times; i++) {
                struct observation observation = {
                        .outcome = OUTCOME_FAIL, .cause = CAUSE_WRONG_ANSWER, .at = recorder->now};
                feed(recorder,
                        &(struct input){.kind = INPUT_OBSERVATION, .observation = &observation});
                recorder->now.mono += USEC_PER_SEC;
                recorder->now.wall += USEC_PER_SEC;
        }
}

static void begin(struct recorder *recorder) {
        struct recording_begin header = {
                .format = RECORDING_FORMAT, .version = "test", .at = recorder->now};
        AUTO_STRBUF struct strbuf image = {0};
        core_image_write(recorder->recovery, &image);
        recording_write_begin(&recorder->text, &header);
        recording_write_file(&recorder->text, true, "shop.yaml", shop);
        recording_frame(&recorder->text, FRAME_IMAGE, image.data, image.length);
        recorder->number = 1;
}

/* The first failure comes before the recording begins: only the image knows of it. */
static char *record(size_t *ret_length) {
        struct recorder *recorder = calloc(1, sizeof(*recorder));
        struct recovery_settings settings = {.seed = 5, .next_incident = 1};
        struct error err = {0};
        assert_non_null(recorder);
        recorder->policy = load_clean(shop);
        recorder->now = (struct instant){.mono = USEC_PER_HOUR, .wall = 50 * USEC_PER_DAY};
        assert_int_equal(
                recovery_new(&recorder->recovery, recorder->policy, &settings, recorder->now, &err),
                0);
        feed(recorder, &(struct input){.kind = INPUT_EXECUTOR, .up = true});
        feed(recorder, &(struct input){.kind = INPUT_PROCESS,
                               .process = {.running = true, .pid = 7, .age = USEC_PER_HOUR / 2}});
        fail_probe(recorder, 1);
        begin(recorder);
        fail_probe(recorder, 2);
        feed(recorder, &(struct input){.kind = INPUT_TIMER});
        recording_frame(&recorder->text, FRAME_END, "done", 4);
        *ret_length = recorder->text.length;
        char *text = strbuf_take(&recorder->text);
        recovery_free(recorder->recovery);
        policy_free(recorder->policy);
        free(recorder);
        return text;
}

static int run_again(char *text, size_t length, const struct policy *policy, struct rerun *ret) {
        struct rerun_options options = {.probes = fake_probes, .policy = policy};
        struct problems problems = {0};
        struct error err = {0};
        int r = rerun_recording(text, length, &options, ret, &problems, &err);
        problems_done(&problems);
        return r;
}

static void test_the_same_decisions(void **state) {
        size_t length;
        AUTO_FREE char *text = record(&length);
        struct rerun report;
        (void) state;
        assert_int_equal(run_again(text, length, NULL, &report), 0);
        assert_false(report.differs);
        assert_int_equal(report.inputs, 3);
        assert_string_equal(report.end, "done");
        assert_string_equal(report.version, "test");
}

static void test_another_policy_differs_where_it_decides_otherwise(void **state) {
        AUTO_STRBUF struct strbuf other = {0};
        size_t length;
        AUTO_FREE char *text = record(&length);
        struct rerun report;
        (void) state;
        strbuf_add(&other, shop);
        memcpy(strstr(other.data, "fall: 2"), "fall: 9", strlen("fall: 9"));
        struct policy *policy = load_clean(other.data);
        assert_int_equal(run_again(text, length, policy, &report), 0);
        assert_true(report.differs);
        assert_int_equal(report.recorded.number, 1);
        assert_string_equal(report.recorded.service, "web");
        assert_string_equal(report.recorded.rows, "104 208");
        assert_string_equal(report.rows, "");
        policy_free(policy);
}

static void test_a_policy_without_the_service_leaves_its_inputs_out(void **state) {
        static const char other[] = "version: 1\nservices: {db: {command: [/bin/db]}}\n";
        size_t length;
        AUTO_FREE char *text = record(&length);
        struct policy *policy = load_clean(other);
        struct rerun report;
        (void) state;
        assert_int_equal(run_again(text, length, policy, &report), 0);
        assert_false(report.differs);
        assert_int_equal(report.skipped, 3);
        policy_free(policy);
}

static void test_a_cut_recording_is_run_as_far_as_it_goes(void **state) {
        size_t length;
        AUTO_FREE char *text = record(&length);
        struct rerun report;
        (void) state;
        length -= 30;
        text[length] = '\0';
        assert_int_equal(run_again(text, length, NULL, &report), 0);
        assert_int_equal(report.inputs, 2);
        assert_string_equal(report.end, "");
}

static void test_what_is_no_recording_is_refused(void **state) {
        char nothing[] = "", prose[] = "version: 1\n", headless[] = "end 1\nx\n";
        char foreign[] = "begin 9\nformat=7\n\n";
        struct rerun report;
        (void) state;
        assert_int_equal(run_again(nothing, 0, NULL, &report), -EBADMSG);
        assert_int_equal(run_again(prose, strlen(prose), NULL, &report), -EBADMSG);
        assert_int_equal(run_again(headless, strlen(headless), NULL, &report), -EBADMSG);
        assert_int_equal(run_again(foreign, strlen(foreign), NULL, &report), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same_decisions),
                cmocka_unit_test(test_another_policy_differs_where_it_decides_otherwise),
                cmocka_unit_test(test_a_policy_without_the_service_leaves_its_inputs_out),
                cmocka_unit_test(test_a_cut_recording_is_run_as_far_as_it_goes),
                cmocka_unit_test(test_what_is_no_recording_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
