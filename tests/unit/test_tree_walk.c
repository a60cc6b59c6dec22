/* The walk over the declared paths: what it takes, and what it makes of a directory it cannot read.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/checkpoint/tree_walk.h"
#include "support/scratch.h"
#include "unit_test.h"

enum { NOBODY = 65534 };

struct fixture {
        char directory[64], root[96];
        int parent; /* of the root */
        struct manifest manifest;
        struct tree_notes notes;
        bool is_root;
};

static struct fixture fixture;

static void declare(const char *path) {
        struct error err = {0};
        struct tree_scope scope = {.paths = {path}, .n_paths = 1};
        assert_int_equal(manifest_init(&fixture.manifest), 0);
        assert_int_equal(tree_declare(&fixture.manifest, &scope, "/store", &err), 0);
}

static int setup(void **state) {
        (void) state;
        fixture = (struct fixture){.is_root = geteuid() == 0};
        int r = scratch_make(fixture.directory, sizeof(fixture.directory), "test_tree_walk");
        if (r < 0) {
                return r;
        }
        snprintf(fixture.root, sizeof(fixture.root), "%s/srv", fixture.directory);
        fixture.parent = open(fixture.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(chmod(fixture.directory, 0755), 0);
        assert_int_equal(mkdirat(fixture.parent, "srv", 0755), 0);
        assert_int_equal(mkdirat(fixture.parent, "srv/closed", 0700), 0);
        assert_int_equal(mkdirat(fixture.parent, "srv/closed/inside", 0700), 0);
        assert_int_equal(mkdirat(fixture.parent, "srv/open", 0755), 0);
        declare(fixture.root);
        return 0;
}

static int teardown(void **state) {
        (void) state;
        tree_notes_done(&fixture.notes);
        manifest_done(&fixture.manifest);
        close(fixture.parent);
        return scratch_remove(fixture.directory);
}

static const struct entry *found(const char *below) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", fixture.root, below);
        return manifest_find(&fixture.manifest, path);
}

static void test_in_order(void **state) {
        struct error err = {0};
        (void) state;
        assert_int_equal(tree_walk(&fixture.manifest, NULL, &fixture.notes, &err), 0);
        assert_int_equal(fixture.manifest.count, 4);
        assert_string_equal(fixture.manifest.entries[0].path, fixture.root);
        assert_ptr_equal(&fixture.manifest.entries[2], found("closed/inside"));
        assert_ptr_equal(&fixture.manifest.entries[3], found("open"));
        assert_null(found("closed")->torn);
}

/* Also where an error was met before and dealt with: it is not the one of this directory. */
static void test_a_directory_that_cannot_be_read_is_torn(void **state) {
        const struct tree_place here = {.parents = &fixture.parent};
        struct error before = {.code = ENOENT, .text = "reading version: No such file"};
        (void) state;
        assert_int_equal(fchmodat(fixture.parent, "srv/closed", 0, 0), 0);
        assert_true(!fixture.is_root || seteuid(NOBODY) == 0);
        int r = tree_walk(&fixture.manifest, &here, &fixture.notes, &before);
        assert_true(!fixture.is_root || seteuid(0) == 0);
        assert_int_equal(fchmodat(fixture.parent, "srv/closed", 0700, 0), 0);
        assert_int_equal(r, 0);
        assert_string_equal(found("closed")->torn, "Permission denied");
        assert_null(found("closed/inside"));
        assert_null(found("open")->torn);
}

static void test_a_path_that_is_not_there_gives_no_entry(void **state) {
        char path[128];
        struct error err = {0};
        (void) state;
        manifest_done(&fixture.manifest);
        snprintf(path, sizeof(path), "%s/gone/srv", fixture.directory);
        declare(path);
        assert_int_equal(tree_walk(&fixture.manifest, NULL, &fixture.notes, &err), 0);
        assert_int_equal(fixture.manifest.count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_directory_that_cannot_be_read_is_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_path_that_is_not_there_gives_no_entry, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
