/* The command line of recoverctl: options, arguments, help, suggestions. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/agent_client.h"
#include "cli/command.h"
#include "unit_test.h"

enum { WORDS_MAX = 8 };

/* Parses the words for a command. */
static int parse(
        const char *name, const char *const words[], struct invocation *ret, char why[WHY_MAX]) {
        char *argv[WORDS_MAX + 1] = {0};
        int argc = 0;
        while (argc < WORDS_MAX && words[argc]) {
                argv[argc] = (char *) words[argc];
                argc++;
        }
        *why = 0;
        return command_parse(command_find(name), argc, argv, ret, why);
}

#define WORDS(...) ((const char *const[WORDS_MAX + 1]){__VA_ARGS__})

static void takes_options_in_every_form(void **state) {
        (void) state;
        static struct invocation got;
        char why[WHY_MAX];
        const char *const *const forms[] = {
                WORDS("web", "--for", "30m", "--reason", "new release", "--json"),
                WORDS("--for=30m", "-j", "web", "--reason=new release"),
                WORDS("-f", "30m", "-r", "new release", "-j", "--", "web"),
                WORDS("-f30m", "-rnew release", "--json", "web"),
        };
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                assert_int_equal(parse("pause", forms[i], &got, why), EXIT_DONE);
                assert_string_equal(got.duration, "30m");
                assert_string_equal(got.reason, "new release");
                assert_true(got.json);
                assert_false(got.all);
                assert_int_equal(got.n_arguments, 1);
                assert_string_equal(got.arguments[0], "web");
        }
}

static void says_what_is_wrong(void **state) {
        (void) state;
        static const struct {
                const char *command;
                const char *words[4];
                const char *why;
        } rows[] = {
                {"status", {"--wacth"}, "status has no option '--wacth', did you mean '--watch'?"},
                {"status", {"--limit", "5"}, "status has no option '--limit'"},
                {"status", {"--jsom"}, "status has no option '--jsom', did you mean '--json'?"},
                {"status", {"-x"}, "status has no option '-x'"},
                {"status", {"-jw"}, "status has no option '-jw'"},
                {"status", {"--json=yes"}, "--json takes no value"},
                {"status", {"--socket"}, "--socket needs a value: --socket PATH"},
                {"status", {"a", "b"}, "status: 'b' is one argument too many"},
                {"reload", {"web"}, "reload: 'web' is one argument too many"},
                {"why", {NULL}, "why needs SERVICE"},
                {"incident", {"--json"}, "incident needs ID"},
        };
        static struct invocation got;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char why[WHY_MAX];
                assert_int_equal(parse(rows[i].command, rows[i].words, &got, why), EXIT_USAGE);
                assert_string_equal(why, rows[i].why);
        }
}

static void help_needs_no_arguments(void **state) {
        (void) state;
        static struct invocation got;
        char why[WHY_MAX];
        assert_int_equal(parse("why", WORDS("--help"), &got, why), EXIT_DONE);
        assert_true(got.help);
}

static void finds_the_socket(void **state) {
        (void) state;
        static struct invocation got;
        char why[WHY_MAX];
        unsetenv("RECOVERD_SOCKET");
        assert_int_equal(parse("status", WORDS(NULL), &got, why), EXIT_DONE);
        assert_string_equal(got.socket, AGENT_SOCKET_STANDARD);
        setenv("RECOVERD_SOCKET", "/tmp/a.sock", 1);
        assert_int_equal(parse("status", WORDS(NULL), &got, why), EXIT_DONE);
        assert_string_equal(got.socket, "/tmp/a.sock");
        assert_int_equal(parse("status", WORDS("-s", "/tmp/b.sock"), &got, why), EXIT_DONE);
        assert_string_equal(got.socket, "/tmp/b.sock");
        unsetenv("RECOVERD_SOCKET");
}

static void suggests_commands(void **state) {
        (void) state;
        assert_string_equal(command_similar("statsu")->name, "status");
        assert_string_equal(command_similar("incidnt")->name, "incident");
        assert_null(command_similar("frobnicate"));
        assert_null(command_similar("genrate")); /* hidden */
        assert_non_null(command_find("generate"));
        assert_null(command_find("statsu"));
}

/* Every command that is shown has all that its help promises. */
static void every_command_is_documented(void **state) {
        (void) state;
        struct terminal terminal = {0};
        AUTO_STRBUF struct strbuf overview = {0};
        command_overview(&terminal, &overview);
        for (const struct command *command = commands; command->name; command++) {
                AUTO_STRBUF struct strbuf out = {0};
                char summary[128];
                command_help(command, &terminal, &out);
                assert_non_null(strstr(strbuf_text(&out), "\n  recoverctl "));
                assert_non_null(strstr(strbuf_text(&out), "--json"));
                assert_non_null(command->run);
                assert_true(command->least <= command->most);
                snprintf(summary, sizeof(summary), "  %-10s %s\n", command->name, command->summary);
                assert_int_equal(strstr(strbuf_text(&overview), summary) == NULL, command->hidden);
        }
}

static void escapes_for_urls(void **state) {
        (void) state;
        static const struct {
                const char *text, *escaped;
        } rows[] = {
                {"checkout@eu-1.x_y~", "checkout%40eu-1.x_y~"},
                {"a&b=c/d?e f", "a%26b%3Dc%2Fd%3Fe%20f"},
                {"\xc3\xbc", "%C3%BC"},
                {"", ""},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AUTO_FREE char *escaped = agent_escape(rows[i].text);
                assert_string_equal(escaped, rows[i].escaped);
        }
}

static void says_where_no_agent_is(void **state) {
        (void) state;
        struct agent_request request = {
                .socket = "/nonexistent/control.sock", .path = "/v1/status"};
        struct agent_reply reply;
        struct error error = {0};
        assert_int_equal(agent_ask(&request, &reply, &error), -ENOENT);
        assert_string_equal(error.text,
                "no agent at /nonexistent/control.sock: there is no such socket. Start it "
                "(systemctl start recoverd), or name its socket with --socket or RECOVERD_SOCKET");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_options_in_every_form),
                cmocka_unit_test(says_what_is_wrong),
                cmocka_unit_test(help_needs_no_arguments),
                cmocka_unit_test(finds_the_socket),
                cmocka_unit_test(suggests_commands),
                cmocka_unit_test(every_command_is_documented),
                cmocka_unit_test(escapes_for_urls),
                cmocka_unit_test(says_where_no_agent_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
