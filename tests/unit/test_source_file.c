#include <fcntl.h>
#include <sys/stat.h>

#include "policy_cases.h"

/* A directory of its own for each test; /tmp, or what TMPDIR says. */
struct place_for_files {
        char path[128];
};

static int set_up(void **state) {
        static struct place_for_files place;
        const char *base = getenv("TMPDIR");
        snprintf(place.path, sizeof(place.path), "%s/recoverd-test-XXXXXX", base ? base : "/tmp");
        *state = &place;
        return mkdtemp(place.path) ? 0 : -1;
}

static int tear_down(void **state) {
        struct place_for_files *place = *state;
        char name[160];
        static const char *const names[] = {
                "recoverd.yaml", "a.yaml", "b.yaml", "c.yml", ".d.yaml", "fifo.yaml"};
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                snprintf(name, sizeof(name), "%s/%s", place->path, names[i]);
                (void) unlink(name);
        }
        return rmdir(place->path);
}

static const char *path_of(void **state, const char *name) {
        static char paths[4][160];
        static size_t next;
        char *path = paths[next++ % ELEMENTSOF(paths)];
        snprintf(path, sizeof(paths[0]), "%s/%s", ((struct place_for_files *) *state)->path, name);
        return path;
}

static void write_file(void **state, const char *name, const char *text) {
        FILE *file = fopen(path_of(state, name), "we");
        assert_non_null(file);
        assert_int_equal(fputs(text, file) >= 0, 1);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path_of(state, name), 0644), 0);
}

/* Loads; `expected` has the directory as "DIR". */
static struct policy *load(void **state, const char *config, const char *const *paths, size_t n,
        const char *expected) {
        AUTO_STRBUF struct strbuf said = {0}, wanted = {0};
        struct problems problems = {0};
        struct policy *policy = NULL;
        struct policy_sources sources = {.config = config,
                .paths = paths,
                .n_paths = n,
                .probes = fake_probes,
                .trusted_only = true};

        int r = policy_load(&sources, &policy, &problems);
        problems_format(&problems, &said);
        for (const char *p = expected; *p; p++) {
                if (str_starts(p, "DIR")) {
                        strbuf_add(&wanted, ((struct place_for_files *) *state)->path);
                        p += 2;
                } else {
                        strbuf_add_char(&wanted, *p);
                }
        }
        assert_string_equal(strbuf_text(&said), strbuf_text(&wanted));
        assert_int_equal(r, problems.errors ? -EINVAL : 0);
        problems_done(&problems);
        return policy;
}

static struct policy *load_directory(void **state, const char *expected) {
        const char *const paths[] = {((struct place_for_files *) *state)->path};
        return load(state, NULL, paths, 1, expected);
}

#define A "version: 1\nservices: {a: {probes: {p: {tcp: x}}}}\n"
#define B "version: 1\nservices: {b: {extends: t, depends_on: a}}\n"

static void reads_the_configuration_and_directories_in_order(void **state) {
        write_file(state, "recoverd.yaml",
                "version: 1\n"
                "agent: {slack: 7ms}\n"
                "defaults: {fall: 7, rise: 7}\n"
                "templates: {t: {probes: {p: {tcp: y}}}}\n");
        write_file(state, "b.yaml", B);
        write_file(state, "a.yaml", A);
        write_file(state, ".d.yaml", "not: read\n");
        const char *const paths[] = {path_of(state, "a.yaml"), path_of(state, "b.yaml")};
        struct policy *policy = load(state, path_of(state, "recoverd.yaml"), paths, 2, "");
        assert_non_null(policy);
        assert_int_equal(policy->agent.slack, 7 * USEC_PER_MSEC);
        assert_int_equal(probe_of(service_of(policy, "a"), "p")->fall, 7);
        assert_int_equal(probe_of(service_of(policy, "b"), "p")->rise, 7);
        assert_string_equal(service_of(policy, "b")->file, path_of(state, "b.yaml"));
        assert_int_equal(service_of(policy, "b")->line, 2);
        policy_free(policy);
}

static void warns_of_misnamed_files(void **state) {
        write_file(state, "a.yaml", A);
        write_file(state, "c.yml", A);
        struct policy *policy =
                load_directory(state, "DIR: warning: DIR/c.yml is not read [ignored-file]\n"
                                      "         hint: policy files end in .yaml\n");
        assert_non_null(policy);
        policy_free(policy);
}

static void names_both_places_of_a_duplicate(void **state) {
        write_file(state, "a.yaml", A);
        write_file(state, "b.yaml", "version: 1\nservices:\n  a: {probes: {p: {tcp: x}}}\n");
        policy_free(load_directory(state,
                "DIR/b.yaml:3:3: error: the service 'a' is defined twice, first in DIR/a.yaml:2 [duplicate-service]\n"
                "     3 |   a: {probes: {p: {tcp: x}}}\n"
                "       |   ^\n"));
}

static void reports_all_files_in_order(void **state) {
        write_file(state, "a.yaml", "version: 1\nservices: {\n");
        write_file(state, "b.yaml",
                "version: 1\nagent: {}\nservices: {b: {probes: {p: {tcp: x}}, depends_on: a}}\n");
        policy_free(load_directory(state,
                "DIR/a.yaml:3:1: error: not valid YAML: did not find expected node content while parsing a flow node "
                "[not-yaml]\n"
                "     3 | \n"
                "       | ^\n"
                "DIR/b.yaml:2:1: error: 'agent' does not belong into a policy file [misplaced-key]\n"
                "     2 | agent: {}\n"
                "       | ^~~~~\n"
                "         hint: put it into recoverd.yaml\n"));
}

static void refuses_files_that_others_may_write(void **state) {
        write_file(state, "a.yaml", A);
        assert_int_equal(chmod(path_of(state, "a.yaml"), 0664), 0);
        policy_free(load_directory(state,
                "DIR/a.yaml: error: the file may be written to by others than its owner [untrusted-file]\n"
                "         hint: chmod go-w DIR/a.yaml\n"));
}

static void refuses_directories_that_others_may_write(void **state) {
        const char *directory = ((struct place_for_files *) *state)->path;
        write_file(state, "a.yaml", A);
        assert_int_equal(chmod(directory, 0777), 0);
        policy_free(load_directory(state,
                "DIR: error: the directory may be written to by others than its owner [untrusted-file]\n"
                "         hint: chmod go-w DIR\n"));
        const char *const paths[] = {path_of(state, "a.yaml")};
        policy_free(load(state, NULL, paths, 1,
                "DIR/a.yaml: error: the directory may be written to by others than its owner [untrusted-file]\n"
                "         hint: chmod go-w DIR\n"));
        assert_int_equal(chmod(directory, 01777), 0); /* nobody else can rename files in it */
        struct policy *policy = load(state, NULL, paths, 1, "");
        assert_non_null(policy);
        policy_free(policy);
}

static void refuses_strange_owners(void **state) {
        if (geteuid() != 0) {
                skip();
        }
        write_file(state, "a.yaml", A);
        assert_int_equal(chown(path_of(state, "a.yaml"), 12345, 0), 0);
        policy_free(load_directory(state,
                "DIR/a.yaml: error: the file is owned by user 12345, who is neither root nor the user of this "
                "process [untrusted-file]\n"
                "         hint: chown root DIR/a.yaml\n"));
}

static void does_not_wait_for_a_fifo(void **state) {
        assert_int_equal(mkfifo(path_of(state, "fifo.yaml"), 0600), 0);
        policy_free(load_directory(
                state, "DIR/fifo.yaml: error: not a regular file [unreadable-file]\n"));
}

static void missing_files_are_errors(void **state) {
        const char *const paths[] = {path_of(state, "a.yaml")};
        policy_free(load(state, path_of(state, "recoverd.yaml"), paths, 1,
                "DIR/recoverd.yaml: error: there is no such file [missing-file]\n"
                "DIR/a.yaml: error: there is no such file [missing-file]\n"));
}

static void refuses_huge_files(void **state) {
        write_file(state, "a.yaml", A);
        assert_int_equal(truncate(path_of(state, "a.yaml"), (16 << 20) + 1), 0);
        policy_free(load_directory(state,
                "DIR/a.yaml: error: the file has 16777217 bytes, more than the 16777216 that are read [too-large]\n"
                "         hint: split it into several files\n"));
}

static void warns_of_unknown_accounts(void **state) {
        write_file(state, "a.yaml",
                "version: 1\n"
                "services:\n"
                "  a: {command: [/bin/a], user: no-such-user, group: no-such-group}\n"
                "  b: {command: [/bin/a], user: root, group: \"0\"}\n");
        struct policy *policy = load_directory(state,
                "DIR/a.yaml:3:32: warning: this host has no user 'no-such-user' [missing-user]\n"
                "     3 |   a: {command: [/bin/a], user: no-such-user, group: no-such-group}\n"
                "       |                                ^~~~~~~~~~~~\n"
                "DIR/a.yaml:3:53: warning: this host has no group 'no-such-group' [missing-group]\n"
                "     3 |   a: {command: [/bin/a], user: no-such-user, group: no-such-group}\n"
                "       |                                                     ^~~~~~~~~~~~~\n");
        assert_non_null(policy);
        policy_free(policy);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                FILE_TEST(reads_the_configuration_and_directories_in_order),
                FILE_TEST(warns_of_misnamed_files),
                FILE_TEST(names_both_places_of_a_duplicate),
                FILE_TEST(reports_all_files_in_order),
                FILE_TEST(refuses_files_that_others_may_write),
                FILE_TEST(refuses_directories_that_others_may_write),
                FILE_TEST(refuses_strange_owners),
                FILE_TEST(does_not_wait_for_a_fifo),
                FILE_TEST(missing_files_are_errors),
                FILE_TEST(refuses_huge_files),
                FILE_TEST(warns_of_unknown_accounts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
