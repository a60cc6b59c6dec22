/* recoverctl init: which policy of the library is for which unit, and how it is made to fit. */

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/init_plan.h"
#include "policy/load.h"
#include "probes/probe.h"
#include "unit_test.h"

#define LIBRARY SOURCE_DIR "/policies"

static void units_are_known_by_many_names(void **state) {
        (void) state;
        static const struct {
                const char *unit, *name;
        } rows[] = {
                {"nginx.service", "nginx"},
                {"redis-server.service", "redis"},
                {"redis-server@cache.service", "redis"},
                {"redis.service", "redis"},
                {"postgresql@15-main.service", "postgresql"},
                {"postgresql-16.service", "postgresql"},
                {"mysqld.service", "mariadb"},
                {"hadoop-hdfs-datanode.service", "hadoop-datanode"},
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct known_service *known = known_service_of_unit(rows[i].unit);
                assert_non_null(known);
                assert_string_equal(known->name, rows[i].name);
        }
        assert_null(known_service_of_unit("nginx-exporter.service"));
        assert_null(known_service_of_unit("postgresql-backup.service"));
        assert_null(known_service_find("apache"));
}

/* What init replaces has to be in each file, in the form in which it looks for it. */
static void the_library_holds_what_is_replaced(void **state) {
        (void) state;
        for (const struct known_service *known = known_services; known->name; known++) {
                AUTO_STRBUF struct strbuf text = {0}, line = {0};
                struct error error = {0};
                assert_int_equal(library_read(LIBRARY, known, &text, &error), 0);
                strbuf_addf(&line, "\n  %s:\n", known->name);
                assert_non_null(strstr(strbuf_text(&text), strbuf_text(&line)));
                strbuf_reset(&line);
                strbuf_addf(&line, "\n    unit: %s", known->unit);
                assert_non_null(strstr(strbuf_text(&text), strbuf_text(&line)));
                strbuf_reset(&line);
                strbuf_addf(&line, "127.0.0.1:%u", known->port);
                assert_non_null(strstr(strbuf_text(&text), strbuf_text(&line)));
                assert_non_null(strstr(strbuf_text(&text), "\n    mode: observe "));
                assert_true(str_starts(strbuf_text(&text), "# yaml-language-server: $schema="));
                assert_ptr_equal(known_service_of_unit(known->unit), known);
        }
        assert_int_equal(known_services[n_known_services - 1].name != NULL, 1);
        assert_null(known_services[n_known_services].name);
}

static struct policy *load(const struct strbuf *text) {
        AUTO(problems_done) struct problems problems = {0};
        struct policy *policy = NULL;
        int r = policy_load_text(
                "fitted.yaml", text->data, text->length, probe_variants, &policy, &problems);
        if (r < 0) {
                AUTO_STRBUF struct strbuf said = {0};
                problems_format(&problems, &said);
                print_error("%s", strbuf_text(&said));
        }
        assert_int_equal(r, 0);
        assert_int_equal(problems.count, 0);
        return policy;
}

static void each_file_fits_another_unit_and_port(void **state) {
        (void) state;
        for (const struct known_service *known = known_services; known->name; known++) {
                AUTO_STRBUF struct strbuf text = {0}, fitted = {0};
                const struct policy_fit fit = {.known = known,
                        .name = "other",
                        .unit = "other@2.service",
                        .port = 4711,
                        .schema = "/usr/share/x.json"};
                assert_int_equal(library_read(LIBRARY, known, &text, NULL), 0);
                policy_fit(&fit, strbuf_text(&text), &fitted);
                struct policy *policy = load(&fitted);
                assert_int_equal(policy->n_services, 1);
                assert_string_equal(policy->services[0].name, "other");
                assert_string_equal(policy->services[0].unit->name, "other@2.service");
                assert_int_equal(policy->services[0].mode, MODE_OBSERVE);
                assert_non_null(strstr(strbuf_text(&fitted), "127.0.0.1:4711"));
                assert_true(str_starts(strbuf_text(&fitted),
                        "# yaml-language-server: $schema=/usr/share/x.json\n"));
                policy_free(policy);
        }
}

static void what_the_host_says_is_not_said_again(void **state) {
        (void) state;
        AUTO_STRBUF struct strbuf text = {0}, fitted = {0};
        const struct known_service *known = known_service_find("nginx");
        const struct policy_fit fit = {.known = known,
                .name = "nginx",
                .unit = "nginx.service",
                .port = 80,
                .schema = "x",
                .host_observes = true};
        assert_int_equal(library_read(LIBRARY, known, &text, NULL), 0);
        policy_fit(&fit, strbuf_text(&text), &fitted);
        struct policy *policy = load(&fitted);
        assert_int_equal(policy->services[0].mode, MODE_ACT);
        assert_non_null(strstr(strbuf_text(&fitted), "\n    # mode: observe "));
        policy_free(policy);
}

/* ---- Ports ---- */

static void a_port_is_chosen_only_where_it_is_clear(void **state) {
        (void) state;
        static const struct {
                uint16_t ports[3];
                size_t n;
                bool elsewhere;
                uint16_t port;
                bool sure;
        } rows[] = {
                {{0}, 0, false, 6379, true}, /* nobody may look */
                {{6379, 16379}, 2, false, 6379, true}, {{6380}, 1, false, 6380, true},
                {{6380, 16380}, 2, false, 6379, false},
                {{0}, 0, true, 6379, false}, /* at another address */
        };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct found_service found = {.known = known_service_find("redis"),
                        .n_ports = rows[i].n,
                        .elsewhere = rows[i].elsewhere};
                memcpy(found.ports, rows[i].ports, sizeof(rows[i].ports));
                bool sure;
                assert_int_equal(found_port(&found, &sure), rows[i].port);
                assert_int_equal(sure, rows[i].sure);
        }
}

/* ---- Plans ---- */

static void several_of_a_kind_get_names_of_their_own(void **state) {
        (void) state;
        static struct found_services found;
        static struct plans plans;
        const struct known_service *redis = known_service_find("redis"),
                                   *nginx = known_service_find("nginx");
        found = (struct found_services){.count = 4,
                .items = {{.known = nginx, .unit = "nginx.service"},
                        {.known = redis, .unit = "redis-server.service"},
                        {.known = redis,
                                .unit = "redis-server@cart.service",
                                .ports = {6380},
                                .n_ports = 1},
                        {.known = redis, .unit = "redis.service"}}};
        plans_make(&found, &plans);
        assert_int_equal(plans.count, 4);
        assert_string_equal(plans.items[0].name, "nginx");
        assert_string_equal(plans.items[1].name, "redis");
        assert_string_equal(plans.items[2].name, "redis-cart");
        assert_string_equal(plans.items[2].note, "port 6380");
        assert_string_equal(plans.items[3].name, "redis-redis");
}

static char folder[] = "/tmp/recoverd-init-XXXXXX";

static void remove_folder(void) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_addf(&path, "%s/nginx.yaml", folder);
        unlink(strbuf_text(&path));
        rmdir(folder);
}

static void a_file_is_written_once_and_never_over_another(void **state) {
        (void) state;
        static struct found_services found;
        static struct plans plans;
        AUTO_STRBUF struct strbuf path = {0}, dry = {0};
        struct stat status;
        assert_non_null(mkdtemp(folder));
        strbuf_addf(&path, "%s/nginx.yaml", folder);
        const struct plan_folders folders = {LIBRARY, folder, NULL};
        found = (struct found_services){.count = 1,
                .items = {{.known = known_service_find("nginx"), .unit = "nginx.service"}}};
        plans_make(&found, &plans);
        plan_carry_out(&plans.items[0], &folders, &dry);
        assert_int_equal(plans.items[0].result, PLAN_WOULD_WRITE);
        assert_non_null(strstr(strbuf_text(&dry), "unit: nginx.service"));
        assert_int_equal(stat(strbuf_text(&path), &status), -1);
        plan_carry_out(&plans.items[0], &folders, NULL);
        assert_int_equal(plans.items[0].result, PLAN_WRITTEN);
        assert_int_equal(stat(strbuf_text(&path), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0644);
        plan_carry_out(&plans.items[0], &folders, NULL);
        assert_int_equal(plans.items[0].result, PLAN_EXISTS);
        remove_folder();
        plan_carry_out(&plans.items[0], &folders, NULL);
        assert_int_equal(plans.items[0].result, PLAN_FAILED); /* the folder is gone */
        assert_string_equal(plans.items[0].note, strerror(ENOENT));
}

static void what_another_policy_has_is_left_alone(void **state) {
        (void) state;
        static struct found_services found;
        static struct plans plans;
        AUTO_STRBUF struct strbuf text = {0}, dry = {0};
        strbuf_add(&text,
                "version: 1\nservices:\n  front: {unit: nginx.service}\n  redis: {command: [/bin/true]}\n");
        AUTO(problems_done) struct problems problems = {0};
        struct policy *present = NULL;
        int r = policy_load_text("x", text.data, text.length, probe_variants, &present, &problems);
        assert_int_equal(r, 0);
        const struct plan_folders folders = {LIBRARY, "/nonexistent", present};
        found = (struct found_services){.count = 2,
                .items = {{.known = known_service_find("nginx"), .unit = "nginx.service"},
                        {.known = known_service_find("redis"), .unit = "redis-server.service"}}};
        plans_make(&found, &plans);
        for (size_t i = 0; i < plans.count; i++) {
                plan_carry_out(&plans.items[i], &folders, &dry);
                assert_int_equal(plans.items[i].result, PLAN_MANAGED);
        }
        assert_string_equal(plans.items[0].note, "the service 'front' is there");
        assert_int_equal(dry.length, 0);
        policy_free(present);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(units_are_known_by_many_names),
                cmocka_unit_test(the_library_holds_what_is_replaced),
                cmocka_unit_test(each_file_fits_another_unit_and_port),
                cmocka_unit_test(what_the_host_says_is_not_said_again),
                cmocka_unit_test(a_port_is_chosen_only_where_it_is_clear),
                cmocka_unit_test(several_of_a_kind_get_names_of_their_own),
                cmocka_unit_test(a_file_is_written_once_and_never_over_another),
                cmocka_unit_test(what_another_policy_has_is_left_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
