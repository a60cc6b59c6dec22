/* What a service needs, and whether it is shut. */

#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "executor/confinement.h"
#include "unit_test.h"

static const struct confinement open_unit, shut_unit = {true, true, true, true, true, true};

static char lines[CONFINEMENT_LINES_MAX][CONFINEMENT_LINE_MAX];

static void test_an_open_unit_is_good_for_all(void **state) {
        (void) state;
        const struct service service = {.name = "web", .manager = MANAGER_SCRIPTS};
        assert_int_equal(confinement_conflicts(&open_unit, &service, lines), 0);
}

static void test_units_and_commands_run_elsewhere(void **state) {
        (void) state;
        const enum manager managers[] = {MANAGER_NONE, MANAGER_COMMAND, MANAGER_UNIT};
        for (size_t i = 0; i < ELEMENTSOF(managers); i++) {
                const struct service service = {.name = "web", .manager = managers[i]};
                assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 0);
        }
}

static void test_scripts_are_children(void **state) {
        (void) state;
        const struct service service = {.name = "web", .manager = MANAGER_SCRIPTS};
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 1);
        assert_string_equal(lines[0],
                "web: its scripts, and the daemons that they start, run without new privileges");
}

static void test_a_haproxy_of_another_host(void **state) {
        (void) state;
        const char *here[] = {"/run/haproxy/admin.sock"};
        const char *there[] = {"/run/haproxy/admin.sock", "tcp 10.0.0.5:9999"};
        struct traffic_spec traffic = {.away.sockets = {here, 1}};
        const struct step_spec step = {.action = ACTION_HAPROXY, .haproxy.sockets = {there, 2}};
        struct service service = {.name = "web", .traffic = &traffic};
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 0);
        traffic.away.sockets = (struct strings){there, 2};
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 1);
        assert_string_equal(lines[0],
                "web: its HAProxy cannot be told over TCP: this executor may not use the network");
        service =
                (struct service){.name = "web", .steps = (struct step_spec *) &step, .n_steps = 1};
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 1);
        assert_int_equal(confinement_conflicts(&open_unit, &service, lines), 0);
}

static size_t conflicts_of_path(const char *path) {
        const char *paths[] = {"/etc/shop", path};
        const struct checkpoint_spec checkpoint = {.paths = {paths, ELEMENTSOF(paths)}};
        const struct service service = {.name = "web", .checkpoint = &checkpoint};
        return confinement_conflicts(&shut_unit, &service, lines);
}

static void test_paths_that_the_executor_itself_cannot_reach(void **state) {
        (void) state;
        assert_int_equal(conflicts_of_path("/srv/shop"), 0);
        assert_int_equal(conflicts_of_path("/usrlocal"), 0);
        assert_int_equal(conflicts_of_path("/tmp/shop"), 1);
        assert_non_null(strstr(lines[0], "in /tmp"));
        assert_int_equal(conflicts_of_path("/usr"), 1);
        assert_non_null(strstr(lines[0], "in /usr"));
}

static void test_releases_and_versions(void **state) {
        (void) state;
        const char *command[] = {"/usr/bin/psql"};
        const struct value_source schema = {.command = {command, 1}};
        const struct release_spec release = {"/usr/lib/shop/current", "/srv/releases"};
        const struct rollback_spec rollback = {.release = &release, .schema_guard = &schema};
        const struct service service = {.name = "web", .rollback = &rollback};
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 2);
        assert_non_null(strstr(lines[0], "tells its version"));
        assert_non_null(strstr(lines[1], "in /usr"));
}

static void test_members_of_groups(void **state) {
        (void) state;
        const struct group_spec plain = {.mode = GROUP_ACTIVE_STANDBY};
        const struct group_spec all = {.mode = GROUP_ACTIVE_STANDBY,
                .address = {.family = AF_INET},
                .on_stop_unproven = UNPROVEN_REBOOT};
        const struct service simple = {.name = "web", .group = &plain};
        const struct service service = {.name = "web", .group = &all};
        assert_int_equal(confinement_conflicts(&shut_unit, &simple, lines), 0);
        assert_int_equal(confinement_conflicts(&shut_unit, &service, lines), 2);
        assert_non_null(strstr(lines[0], "addresses of the host"));
        assert_non_null(strstr(lines[1], "reboot"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_open_unit_is_good_for_all),
                cmocka_unit_test(test_units_and_commands_run_elsewhere),
                cmocka_unit_test(test_scripts_are_children),
                cmocka_unit_test(test_a_haproxy_of_another_host),
                cmocka_unit_test(test_paths_that_the_executor_itself_cannot_reach),
                cmocka_unit_test(test_releases_and_versions),
                cmocka_unit_test(test_members_of_groups),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
