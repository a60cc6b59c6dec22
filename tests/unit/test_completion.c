/* What can stand where on the command line, and that every command has a manual page. */

#include <errno.h>

#include "base/cleanup.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "unit_test.h"

static void kinds_follow_from_names(void **state) {
        (void) state;
        static const struct {
                const char *name;
                enum completion_kind kind;
                const char *words;
        } rows[] = {
                {"[SERVICE]", COMPLETION_SERVICES, ""},
                {"SERVICE|--all", COMPLETION_SERVICES, ""},
                {"SERVICE[/PROBE]", COMPLETION_PROBES, ""},
                {"[PATH...]", COMPLETION_FILES, ""},
                {"FILE", COMPLETION_FILES, ""},
                {"DIR", COMPLETION_DIRECTORIES, ""},
                {"ID", COMPLETION_INCIDENTS, ""},
                {"on|off", COMPLETION_WORDS, "on off"},
                {"DURATION", COMPLETION_WORDS, "15m 30m 1h 2h 4h"},
                {"TEXT", COMPLETION_NONE, ""},
                {"N", COMPLETION_NONE, ""},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct completion got;
                completion_of(rows[i].name, &got);
                assert_int_equal(got.kind, rows[i].kind);
                assert_string_equal(got.words, rows[i].words);
        }
}

static void arguments_are_told_by_position(void **state) {
        (void) state;
        static const struct {
                const char *arguments;
                size_t position;
                const char *name;
        } rows[] = {
                {"", 0, ""},
                {"SERVICE", 0, "SERVICE"},
                {"SERVICE", 1, ""},
                {"create|list SERVICE [ID]", 0, "create|list"},
                {"create|list SERVICE [ID]", 2, "[ID]"},
                {"create|list SERVICE [ID]", 3, ""},
                {"[PATH...]", 7, "[PATH...]"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct command command = {.arguments = rows[i].arguments};
                char got[ARGUMENT_NAME_MAX];
                completion_argument(&command, rows[i].position, got);
                assert_string_equal(got, rows[i].name);
        }
}

static void every_command_is_in_each_script(void **state) {
        (void) state;
        static void (*const scripts[])(struct strbuf * out) = {
                completion_bash, completion_zsh, completion_fish};
        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                AUTO_STRBUF struct strbuf out = {0};
                scripts[i](&out);
                for (const struct command *command = commands; command->name; command++) {
                        bool there = strstr(strbuf_text(&out), command->name);
                        assert_true(there || command->hidden);
                }
        }
}

static void every_command_is_on_a_page(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf names = {0}, all = {0};
        manual_names(&names);
        char *rest = strbuf_text(&names) ? names.data : NULL, *name;
        while ((name = strsep(&rest, "\n")) && *name) {
                *strrchr(name, '.') = 0;
                assert_int_equal(manual_write(name, &all), 0);
        }
        const char *pages = strbuf_text(&all);
        for (const struct command *command = commands; command->name; command++) {
                AUTO_STRBUF struct strbuf heading = {0};
                strbuf_addf(&heading, "\n.SS %s\n", command->name);
                assert_true(command->hidden == !strstr(pages ? pages : "", strbuf_text(&heading)));
        }
        assert_int_equal(manual_write("recoverctl-poems", &all), -ENOENT);
        assert_int_equal(manual_write("recoverctl-why", &all), -ENOENT); /* on another's page */
        assert_int_equal(manual_write("recoverctl-generate", &all), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kinds_follow_from_names),
                cmocka_unit_test(arguments_are_told_by_position),
                cmocka_unit_test(every_command_is_in_each_script),
                cmocka_unit_test(every_command_is_on_a_page),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
