/* Accept headers against the format that they ask for. */

#include "base/cleanup.h"
#include "metrics/metrics.h"
#include "unit_test.h"

static const struct {
        const char *accept;
        enum metrics_format format;
} rows[] = {
        {NULL, METRICS_TEXT_004},
        {"", METRICS_TEXT_004},
        {"*/*", METRICS_TEXT_004},
        {"text/html", METRICS_TEXT_004},
        {"text/plain", METRICS_TEXT_004},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"Application/OpenMetrics-Text; Version=\"1.0.0\"", METRICS_OPENMETRICS},
        /* What Prometheus 2.42 and 3.0 send. */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;"
         "version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                METRICS_OPENMETRICS},
        /* A tie is no preference, whatever the order. */
        {"application/openmetrics-text, text/plain", METRICS_TEXT_004},
        {"application/openmetrics-text, */*", METRICS_TEXT_004},
        {"text/plain;q=0.9, application/openmetrics-text;q=0.8", METRICS_TEXT_004},
        {"text/plain;q=0.8, application/openmetrics-text;q=0.801", METRICS_OPENMETRICS},
        /* The specific range counts, even where the wildcard is kinder. */
        {"application/openmetrics-text;q=0.5, text/plain;q=0.2, */*;q=0.9", METRICS_OPENMETRICS},
        {"application/openmetrics-text;q=0.5, text/*;q=0.6", METRICS_TEXT_004},
        {"application/openmetrics-text;q=0", METRICS_TEXT_004},
        /* Versions that nobody here speaks. */
        {"application/openmetrics-text;version=2.0.0", METRICS_TEXT_004},
        {"application/openmetrics-text;version=2.0.0, text/plain;q=0.1", METRICS_TEXT_004},
        /* Malformed pieces do not count; what is well-formed beside them does. */
        {"application/openmetrics-text;q=2", METRICS_TEXT_004},
        {"application/openmetrics-text;q=", METRICS_TEXT_004},
        {"application/openmetrics-text;q=0.1234", METRICS_TEXT_004},
        {"application/openmetrics-text;q=1.001", METRICS_TEXT_004},
        {"application/openmetrics-text;q=0,5", METRICS_TEXT_004},
        {",,;;q=1,=,\",application/openmetrics-text", METRICS_TEXT_004},
        {";;;,application/openmetrics-text;q=0.2,,", METRICS_OPENMETRICS},
        {"x/y;a=\"text/plain, z\", application/openmetrics-text;q=0.2", METRICS_OPENMETRICS},
};

static void test_negotiation(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (metrics_negotiate(rows[i].accept) != rows[i].format) {
                        fail_msg("wrong format for Accept: %s", rows[i].accept);
                }
        }
}

static void test_content_types(void **state) {
        (void) state;
        assert_string_equal(
                metrics_content_type(METRICS_TEXT_004), "text/plain; version=0.0.4; charset=utf-8");
        assert_string_equal(metrics_content_type(METRICS_OPENMETRICS),
                "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_negotiation),
                cmocka_unit_test(test_content_types),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
