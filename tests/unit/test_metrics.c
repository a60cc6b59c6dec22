/* Both exposition formats, byte by byte, and promtool where it is installed. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "metrics/metrics.h"
#include "unit_test.h"

static const struct metric_family up = {
        "recoverd_service_up", METRIC_GAUGE, NULL, "1 when the service is healthy."};
static const struct metric_family probes = {
        "recoverd_probe_runs", METRIC_COUNTER, NULL, "Finished probe runs."};
static const struct metric_family cpu = {
        "recoverd_cpu_seconds", METRIC_COUNTER, "seconds", "CPU time used."};
static const struct metric_family build = {
        "recoverd_build", METRIC_INFO, NULL, "Version of the agent."};
static const struct metric_family duration = {
        "recoverd_probe_duration_seconds", METRIC_HISTOGRAM, "seconds", "Duration of probe runs."};

static const struct metric_label labels[] = {{"service", "shop"}, {"probe", "health"}};
static const double bounds[] = {0.005, 1, 2.5};

static void fill(struct strbuf *out, enum metrics_format format) {
        uint64_t counts[ELEMENTSOF(bounds) + 1] = {0};
        struct histogram histogram = {bounds, ELEMENTSOF(bounds), counts, 0, 0};
        histogram_feed(&histogram, 0.004);
        histogram_feed(&histogram, 2);
        histogram_feed(&histogram, 7);
        struct metrics_writer writer;
        metrics_begin(&writer, out, format);
        metrics_family(&writer, &up);
        metrics_sample_u64(&writer, labels, 1, 1);
        metrics_family(&writer, &probes);
        metrics_sample_u64(&writer, labels, 2, UINT64_MAX);
        metrics_family(&writer, &cpu);
        metrics_sample(&writer, NULL, 0, 1.25);
        metrics_family(&writer, &build);
        metrics_sample_rendered(&writer, "version=\"1.0\"", 1);
        metrics_family(&writer, &duration);
        metrics_histogram(&writer, labels, 2, &histogram);
        metrics_histogram(&writer, NULL, 0, &histogram);
        assert_int_equal(metrics_end(&writer), 0);
}

static void test_text_format(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fill(&out, METRICS_TEXT_004);
        assert_string_equal(strbuf_text(&out),
                "# TYPE recoverd_service_up gauge\n"
                "# HELP recoverd_service_up 1 when the service is healthy.\n"
                "recoverd_service_up{service=\"shop\"} 1\n"
                "# TYPE recoverd_probe_runs_total counter\n"
                "# HELP recoverd_probe_runs_total Finished probe runs.\n"
                "recoverd_probe_runs_total{service=\"shop\",probe=\"health\"} "
                "18446744073709551615\n"
                "# TYPE recoverd_cpu_seconds_total counter\n"
                "# HELP recoverd_cpu_seconds_total CPU time used.\n"
                "recoverd_cpu_seconds_total 1.25\n"
                "# TYPE recoverd_build_info gauge\n"
                "# HELP recoverd_build_info Version of the agent.\n"
                "recoverd_build_info{version=\"1.0\"} 1\n"
                "# TYPE recoverd_probe_duration_seconds histogram\n"
                "# HELP recoverd_probe_duration_seconds Duration of probe runs.\n"
                "recoverd_probe_duration_seconds_bucket"
                "{service=\"shop\",probe=\"health\",le=\"0.005\"} 1\n"
                "recoverd_probe_duration_seconds_bucket"
                "{service=\"shop\",probe=\"health\",le=\"1\"} 1\n"
                "recoverd_probe_duration_seconds_bucket"
                "{service=\"shop\",probe=\"health\",le=\"2.5\"} 2\n"
                "recoverd_probe_duration_seconds_bucket"
                "{service=\"shop\",probe=\"health\",le=\"+Inf\"} 3\n"
                "recoverd_probe_duration_seconds_sum{service=\"shop\",probe=\"health\"} 9.004\n"
                "recoverd_probe_duration_seconds_count{service=\"shop\",probe=\"health\"} 3\n"
                "recoverd_probe_duration_seconds_bucket{le=\"0.005\"} 1\n"
                "recoverd_probe_duration_seconds_bucket{le=\"1\"} 1\n"
                "recoverd_probe_duration_seconds_bucket{le=\"2.5\"} 2\n"
                "recoverd_probe_duration_seconds_bucket{le=\"+Inf\"} 3\n"
                "recoverd_probe_duration_seconds_sum 9.004\n"
                "recoverd_probe_duration_seconds_count 3\n");
}

static void test_openmetrics_differences(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fill(&out, METRICS_OPENMETRICS);
        const char *text = strbuf_text(&out);
        const char *const expected[] = {
                "# TYPE recoverd_probe_runs counter\n# HELP recoverd_probe_runs Finished",
                "\nrecoverd_probe_runs_total{",
                "# TYPE recoverd_cpu_seconds counter\n# UNIT recoverd_cpu_seconds seconds\n"
                "# HELP recoverd_cpu_seconds CPU time used.\nrecoverd_cpu_seconds_total 1.25\n",
                "# TYPE recoverd_build info\n",
                "\nrecoverd_build_info{version=\"1.0\"} 1\n",
                ",le=\"0.005\"} 1\n",
                ",le=\"1.0\"} 1\n",
                ",le=\"+Inf\"} 3\n",
        };
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                if (!strstr(text, expected[i])) {
                        fail_msg("no %s in:\n%s", expected[i], text);
                }
        }
        assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void test_label_values_are_escaped(void **state) {
        (void) state;
        static const struct {
                const char *value, *escaped;
        } rows[] = {
                {"", ""}, {"a\"b\\c\nd", "a\\\"b\\\\c\\nd"}, {"\\n", "\\\\n"},
                {"tab\tstays", "tab\tstays"},
                {"gr\303\274n \342\202\254 \360\237\230\200",
                        "gr\303\274n \342\202\254 \360\237\230\200"},
                {"\377\376", "??"}, /* never in UTF-8 */
                {"\303", "?"}, /* cut */
                {"\303\"", "?\\\""}, /* cut before a quote */
                {"\342\202", "??"}, /* cut */
                {"\300\257", "??"}, /* overlong */
                {"\355\240\200", "???"}, /* surrogate */
                {"\364\220\200\200", "????"}, /* beyond Unicode */
                {"\200", "?"}, /* continuation alone */
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_STRBUF struct strbuf out = {0};
                AUTO_STRBUF struct strbuf expected = {0};
                metrics_render_labels(&out, &(struct metric_label){"l", rows[i].value}, 1);
                strbuf_addf(&expected, "l=\"%s\"", rows[i].escaped);
                assert_string_equal(strbuf_text(&out), strbuf_text(&expected));
        }
}

static void test_help_is_escaped(void **state) {
        (void) state;
        const struct metric_family family = {"m", METRIC_GAUGE, NULL, "a \"b\" \\ c\nd"};
        AUTO_STRBUF struct strbuf plain = {0};
        AUTO_STRBUF struct strbuf open = {0};
        struct metrics_writer writer;
        metrics_begin(&writer, &plain, METRICS_TEXT_004);
        metrics_family(&writer, &family);
        metrics_begin(&writer, &open, METRICS_OPENMETRICS);
        metrics_family(&writer, &family);
        assert_string_equal(strbuf_text(&plain), "# TYPE m gauge\n# HELP m a \"b\" \\\\ c\\nd\n");
        assert_string_equal(
                strbuf_text(&open), "# TYPE m gauge\n# HELP m a \\\"b\\\" \\\\ c\\nd\n");
}

static void test_special_values(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        struct metrics_writer writer;
        metrics_begin(&writer, &out, METRICS_TEXT_004);
        metrics_family(&writer, &(struct metric_family){"m", METRIC_GAUGE, NULL, "h"});
        strbuf_reset(&out);
        metrics_sample(&writer, NULL, 0, (double) NAN);
        metrics_sample(&writer, NULL, 0, (double) INFINITY);
        metrics_sample_rendered(&writer, "", -(double) INFINITY);
        assert_string_equal(strbuf_text(&out), "m NaN\nm +Inf\nm -Inf\n");
}

static void test_rendered_labels_give_the_same_sample(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf once = {0};
        AUTO_STRBUF struct strbuf direct = {0};
        AUTO_STRBUF struct strbuf rendered = {0};
        struct metrics_writer writer;
        metrics_render_labels(&once, labels, 2);
        metrics_begin(&writer, &direct, METRICS_TEXT_004);
        metrics_family(&writer, &probes);
        metrics_sample(&writer, labels, 2, 0.25);
        metrics_begin(&writer, &rendered, METRICS_TEXT_004);
        metrics_family(&writer, &probes);
        metrics_sample_rendered(&writer, strbuf_text(&once), 0.25);
        assert_string_equal(strbuf_text(&direct), strbuf_text(&rendered));
}

static void test_huge_label_value(void **state) {
        (void) state;
        enum { HUGE_LENGTH = 1 << 20 };
        AUTO_STRBUF struct strbuf value = {0};
        AUTO_STRBUF struct strbuf out = {0};
        struct metrics_writer writer;
        strbuf_add_repeated(&value, '"', HUGE_LENGTH);
        metrics_begin(&writer, &out, METRICS_TEXT_004);
        metrics_family(&writer, &up);
        strbuf_reset(&out);
        metrics_sample_u64(&writer, &(struct metric_label){"l", strbuf_text(&value)}, 1, 1);
        assert_int_equal(out.length, strlen("recoverd_service_up{l=\"\"} 1\n") + 2 * HUGE_LENGTH);
        assert_int_equal(metrics_end(&writer), 0);
}

static void test_failed_buffer_is_reported(void **state) {
        (void) state;
        struct strbuf out = {.failed = true};
        uint64_t counts[1] = {0};
        struct histogram histogram = {NULL, 0, counts, 0, 0};
        struct metrics_writer writer;
        metrics_begin(&writer, &out, METRICS_OPENMETRICS);
        metrics_family(&writer, &duration);
        metrics_sample(&writer, labels, 2, 1);
        metrics_sample_rendered(&writer, "a=\"b\"", 1);
        metrics_histogram(&writer, labels, 2, &histogram);
        assert_int_equal(metrics_end(&writer), -ENOMEM);
}

/* ---- promtool ------------------------------------------------------------------------------- */

static pid_t start_promtool(int *ret_input) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                dup2(ends[0], STDIN_FILENO);
                execlp("promtool", "promtool", "check", "metrics", (char *) NULL);
                _exit(127);
        }
        close(ends[0]);
        *ret_input = ends[1];
        return pid;
}

static void test_promtool_finds_nothing(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        fill(&out, METRICS_TEXT_004);
        int input, status;
        pid_t pid = start_promtool(&input);
        ssize_t written = write(input, out.data, out.length);
        close(input);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                print_message("promtool is not installed (package prometheus)\n");
                skip();
        }
        assert_int_equal(written, out.length);
        assert_int_equal(status, 0);
}

int main(void) {
        signal(SIGPIPE, SIG_IGN);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_format),
                cmocka_unit_test(test_openmetrics_differences),
                cmocka_unit_test(test_label_values_are_escaped),
                cmocka_unit_test(test_help_is_escaped),
                cmocka_unit_test(test_special_values),
                cmocka_unit_test(test_rendered_labels_give_the_same_sample),
                cmocka_unit_test(test_huge_label_value),
                cmocka_unit_test(test_failed_buffer_is_reported),
                cmocka_unit_test(test_promtool_finds_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
