/* What a member reads before it says its first word to etcd. */

#include <errno.h>
#include <sys/stat.h>

#include "coordinator/etcd_prelude.h"
#include "tests/unit/support/tmpdir.h"

static struct coordinator coordinator;
static struct seat seat = {.coordinator = &coordinator, .group = "shop", .member = "one/web"};

static void the_number_is_drawn_once(void **state) {
        struct tmpdir dir;
        char first[ETCD_GUID_MAX];
        (void) state;
        tmpdir_make(&dir);
        coordinator = (struct coordinator){.runtime = dir.path};
        for (int i = 0; i < 2; i++) {
                struct etcd_prelude *prelude = etcd_prelude_new(&seat);
                assert_non_null(prelude);
                assert_int_equal(etcd_prelude_run(prelude), 0);
                assert_int_equal(strlen(prelude->guid), ETCD_GUID_MAX - 1);
                if (i == 0) {
                        memcpy(first, prelude->guid, sizeof(first));
                }
                assert_string_equal(prelude->guid, first);
                etcd_prelude_free(prelude);
        }
        assert_int_equal(access(tmpdir_file(&dir, "coordination/shop.one:web.guid"), R_OK), 0);
        tmpdir_remove(&dir);
}

static void without_its_files_it_does_not_begin(void **state) {
        struct tmpdir dir;
        (void) state;
        tmpdir_make(&dir);
        char missing[] = "/nonexistent/ca.pem";
        coordinator = (struct coordinator){.runtime = dir.path, .ca_file = missing};
        struct etcd_prelude *prelude = etcd_prelude_new(&seat);
        assert_non_null(prelude);
        assert_int_equal(etcd_prelude_run(prelude), -ENOENT);
        assert_string_equal(prelude->guid, "");
        assert_non_null(strstr(prelude->err.text, "ca_file /nonexistent/ca.pem"));
        etcd_prelude_free(prelude);
        etcd_prelude_free(NULL);
        tmpdir_remove(&dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_number_is_drawn_once),
                cmocka_unit_test(without_its_files_it_does_not_begin),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
