/* The agent's answers as text: tables, colours, widths. */

#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/json_read.h"
#include "cli/render.h"
#include "cli/session.h"
#include "cli/state_machine_page.h"
#include "cli/text_table.h"
#include "recovery/rules.h"
#include "unit_test.h"

static const struct terminal plain = {0};

static int setup(void **state) {
        (void) state;
        setenv("TZ", "UTC", 1);
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* ---- Tables ---- */

static const char *const headers[] = {"NAME", "STATE", "DETAIL"};

static void add_row(
        struct text_table *table, const char *name, const char *word, const char *detail) {
        text_table_add(table, name, PAINT_NONE);
        text_table_add(table, word, PAINT_GOOD);
        text_table_add(table, detail, PAINT_NONE);
}

static void assert_table(
        const struct text_table *table, const struct terminal *terminal, const char *expected) {
        AUTO_STRBUF struct strbuf out = {0};
        text_table_render(table, terminal, &out);
        assert_string_equal(strbuf_text(&out), expected);
}

static void aligns_by_display_width(void **state) {
        (void) state;
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        add_row(&table, "caf\xc3\xa9", "ok", "one column for an accent");
        add_row(&table, "\xe6\x9c\x8d\xe5\x8a\xa1", "ok", "two for each of these");
        add_row(&table, "e\xcc\x81t\xc3\xa9", "", "none for a combining mark");
        assert_table(&table, &plain,
                "NAME  STATE  DETAIL\n"
                "caf\xc3\xa9  ok     one column for an accent\n"
                "\xe6\x9c\x8d\xe5\x8a\xa1  ok     two for each of these\n"
                "e\xcc\x81t\xc3\xa9   -      none for a combining mark\n");
}

static void cuts_the_last_column_on_a_terminal_only(void **state) {
        (void) state;
        AUTO_TEXT_TABLE struct text_table table = {0};
        const struct terminal narrow = {.width = 26}, tiny = {.width = 5};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        add_row(&table, "web", "ok", "a long piece of evidence");
        add_row(&table, "db", "ok", "exactly fits.");
        assert_table(&table, &plain,
                "NAME  STATE  DETAIL\n"
                "web   ok     a long piece of evidence\n"
                "db    ok     exactly fits.\n");
        assert_table(&table, &narrow,
                "NAME  STATE  DETAIL\n"
                "web   ok     a long piece\xe2\x80\xa6\n"
                "db    ok     exactly fits.\n");
        assert_table(&table, &tiny,
                "NAME  STATE  DETAIL\n"
                "web   ok     a long pi\xe2\x80\xa6\n"
                "db    ok     exactly f\xe2\x80\xa6\n");
}

static void colours_do_not_shift_columns(void **state) {
        (void) state;
        AUTO_TEXT_TABLE struct text_table table = {0};
        const struct terminal color = {.color = true};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        add_row(&table, "web", "ok", "x");
        assert_table(&table, &color,
                "\033[1mNAME\033[0m  \033[1mSTATE\033[0m  \033[1mDETAIL\033[0m\n"
                "web   \033[32mok\033[0m     x\n");
}

static void lets_no_control_character_through(void **state) {
        (void) state;
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        add_row(&table, "web", "\033[31m", "two\nlines\xff");
        assert_table(&table, &plain,
                "NAME  STATE  DETAIL\n"
                "web   ?[31m  two?lines?\n");
        AUTO_STRBUF struct strbuf lines = {0};
        terminal_add_lines(&lines, "a\033b\nc\td\n");
        assert_string_equal(strbuf_text(&lines), "a?b\nc?d\n");
}

static void an_empty_table_is_no_table(void **state) {
        (void) state;
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        assert_table(&table, &plain, "");
        text_table_add(&table, "half a row", PAINT_NONE);
        assert_table(&table, &plain, "");
}

static void breaks_paragraphs_at_blanks(void **state) {
        (void) state;
        const struct terminal narrow = {.width = 12};
        AUTO_STRBUF struct strbuf out = {0};
        render_paragraph(&narrow, &out, "one two three averyveryverylongword end");
        assert_string_equal(strbuf_text(&out), "one two\nthree\naveryveryverylongword\nend\n");
}

/* ---- Answers ---- */

typedef void (*renderer)(
        struct json_object *json, const struct terminal *terminal, struct strbuf *out);

static void assert_rendered(renderer render, const char *json, const char *expected) {
        AUTO_STRBUF struct strbuf out = {0};
        AUTO_JSON struct json_object *parsed = json_tokener_parse(json);
        render(parsed, &plain, &out);
        assert_string_equal(strbuf_text(&out), expected);
}

static void renders_status(void **state) {
        (void) state;
        assert_rendered(render_status,
                "{'services': ["
                "{'name': 'db', 'state': 'exhausted', 'down': true, 'since_seconds': 126.4, "
                "'failing_probe': 'port', 'detail': 'connection refused'},"
                "{'name': 'checkout', 'state': 'blocked', 'down': true, 'since_seconds': 2.5, "
                "'blocked_by': 'db', 'detail': null},"
                "{'name': 'web', 'state': 'backoff', 'next_attempt': 'x', "
                "'next_attempt_seconds': 3.9, 'step': 'restart'},"
                "{'name': 'cart', 'state': 'healthy', 'health': 'healthy', 'since_seconds': 86400, "
                "'paused': {'until_seconds': 90}}],"
                "'summary': {'services': 4, 'up': 1, 'down': 3, 'exhausted': 1, 'paused': 1},"
                "'agent': {'degraded': ['the executor is away'], 'dry_run': true}}",
                "SERVICE   STATE      SINCE  PROBE  NEXT              DETAIL\n"
                "db        exhausted  2m6s   port   ack               connection refused\n"
                "checkout  blocked    2.5s   -      after db          -\n"
                "web       backoff    -      -      restart in 3.9s   -\n"
                "cart      healthy    1d     -      paused for 1m30s  -\n"
                "\n"
                "1 of 4 services up, 3 down, 1 given up, 1 paused\n"
                "Dry run: the agent decides and never acts.\n"
                "Agent: the executor is away\n");
}

static void renders_an_empty_host(void **state) {
        (void) state;
        assert_rendered(render_status,
                "{'services': [], 'summary': {'services': 0, 'up': 0}, 'agent': {}}",
                "0 of 0 services up\n");
        assert_rendered(render_incidents, "{'incidents': []}", "No incidents.\n");
}

static void renders_incidents(void **state) {
        (void) state;
        assert_rendered(render_incidents,
                "{'incidents': [{'id': 17, 'service': 'web', 'opened': "
                "'2026-03-01T12:03:02.410Z', 'end': 'recovered', 'duration_seconds': 3.4, "
                "'attempts': 1, 'cause': 'exited', 'detail': 'killed by SIGKILL'}]}",
                "ID  SERVICE  OPENED               END        LASTED  ATTEMPTS  CAUSE   DETAIL\n"
                "17  web      2026-03-01 12:03:02  recovered  3.4s    1         exited  killed by "
                "SIGKILL\n");
}

static void renders_one_incident(void **state) {
        (void) state;
        assert_rendered(render_incident,
                "{'incident': {'id': 17, 'service': 'web', 'probe': 'health', 'cause': "
                "'wrong-answer', 'detail': '503', 'opened': '2026-03-01T12:03:02.410Z', 'end': "
                "'recovered', 'duration_seconds': 3.4, 'detection_seconds': 0.51, "
                "'recovery_seconds': 3.9, 'attempts': [{'number': 1, 'action': 'restart', "
                "'delay_seconds': 1, 'action_seconds': 0.277, 'verify_seconds': 2.1, 'result': "
                "'recovered', 'text': 'started', 'why': {'summary': 'web is failed.'}}], 'events': [{'at': '2026-03-01T12:03:02.410Z', "
                "'kind': 'incident-opened', 'phase': 'checking', 'level': 'err', 'text': "
                "'failed: 503'}]}}",
                "Incident 17 of web\n"
                "Opened 2026-03-01 12:03:02, lasted 3.4s; recovered\n"
                "Probe health, wrong-answer: 503\n"
                "\n"
                "Measured\n"
                "detected after   510ms (from the first failed probe run)\n"
                "recovered after  3.9s (from the first failed run to the proof)\n"
                "\n"
                "Attempts\n"
                "ATTEMPT  ACTION   WAITED  TOOK   VERIFIED IN  RESULT     DETAIL\n"
                "1        restart  1s      277ms  2.1s         recovered  started\n"
                "\n"
                "Why\n"
                "Attempt 1: web is failed.\n"
                "\n"
                "Timeline\n"
                "TIME      EVENT            STATE     TEXT\n"
                "12:03:02  incident-opened  checking  failed: 503\n");
}

static void renders_probe_results(void **state) {
        (void) state;
        assert_rendered(render_probed,
                "{'probes': [{'name': 'health', 'type': 'http', 'outcome': 'fail', "
                "'duration_seconds': 0.0127, 'value': 0.0123, 'value_unit': 'seconds', 'detail': "
                "'503'}, {'name': 'memory', 'type': 'process', 'outcome': 'pass', "
                "'duration_seconds': 0, 'value': 1048576, 'value_unit': 'bytes', 'detail': ''}, "
                "{'name': 'disk', 'type': 'disk', 'outcome': 'unknown', 'value': 0.173, "
                "'value_unit': 'ratio'}, {'name': 'other', 'value': null}]}",
                "PROBE   TYPE     OUTCOME  TOOK    VALUE   DETAIL\n"
                "health  http     fail     12.7ms  12.3ms  503\n"
                "memory  process  pass     0s      1MiB    -\n"
                "disk    disk     unknown  -       17.3%   -\n"
                "other   -        -        -       -       -\n");
}

/* An answer of another release lacks members, or has them in another form: nothing may break. */
static void stands_strange_answers(void **state) {
        (void) state;
        static const renderer renderers[] = {
                render_status, render_why, render_incidents, render_incident, render_probed};
        static const char *const answers[] = {"{}",
                "{'services': 5, 'incidents': {}, 'probes': "
                "'x', 'incident': []}",
                "{'services': [null, 1, {}], 'incidents': [null], "
                "'probes': [[]], 'incident': {'attempts': [1], 'events': [null]}, 'evidence': "
                "[{}], 'guards': [{}], 'ladder': [{}], 'dependencies': [{}]}"};
        for (size_t i = 0; i < ELEMENTSOF(renderers); i++) {
                for (size_t k = 0; k < ELEMENTSOF(answers); k++) {
                        AUTO_STRBUF struct strbuf out = {0};
                        AUTO_JSON struct json_object *json = json_tokener_parse(answers[k]);
                        assert_non_null(json);
                        renderers[i](json, &plain, &out);
                        assert_non_null(strbuf_text(&out));
                }
        }
}

static void reads_moments_in_local_time(void **state) {
        (void) state;
        char text[JSON_TIME_MAX];
        AUTO_JSON struct json_object *json = json_tokener_parse(
                "{'good': '2026-03-01T12:03:02.410Z', 'bad': 'yesterday', 'none': null}");
        setenv("TZ", "UTC-2", 1); /* east of Greenwich in POSIX notation */
        tzset();
        assert_string_equal(json_local_time(json, "good", text), "2026-03-01 14:03:02");
        assert_string_equal(json_local_clock(json, "good", text), "14:03:02");
        assert_string_equal(json_local_clock(json, "bad", text), "-");
        assert_string_equal(json_local_time(json, "none", text), "-");
        setenv("TZ", "UTC", 1);
        tzset();
}

/* ---- The state machine's page ---- */

static void describes_every_rule(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf out = {0};
        state_machine_page(&out);
        for (size_t i = 0; i < n_rules; i++) {
                char row[16];
                snprintf(row, sizeof(row), "\n| %u | ", rules[i].number);
                assert_non_null(strstr(strbuf_text(&out), row));
        }
        assert_non_null(strstr(strbuf_text(&out), "```mermaid\nstateDiagram-v2\n"));
        assert_non_null(strstr(strbuf_text(&out), "| `watching` | No incident"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(aligns_by_display_width),
                cmocka_unit_test(cuts_the_last_column_on_a_terminal_only),
                cmocka_unit_test(colours_do_not_shift_columns),
                cmocka_unit_test(lets_no_control_character_through),
                cmocka_unit_test(an_empty_table_is_no_table),
                cmocka_unit_test(breaks_paragraphs_at_blanks),
                cmocka_unit_test(renders_status),
                cmocka_unit_test(renders_an_empty_host),
                cmocka_unit_test(renders_incidents),
                cmocka_unit_test(renders_one_incident),
                cmocka_unit_test(renders_probe_results),
                cmocka_unit_test(stands_strange_answers),
                cmocka_unit_test(reads_moments_in_local_time),
                cmocka_unit_test(describes_every_rule),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
