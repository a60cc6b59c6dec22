/* The folder of the store: what it accepts, who may write at the same time, and files that are
 * replaced. */

#include <errno.h>

#include "base/cleanup.h"
#include "depot_fixture.h"

static struct depot_fixture fixture;

static int setup(void **state) {
        (void) state;
        return depot_setup(&fixture);
}

static int teardown(void **state) {
        (void) state;
        return depot_teardown(&fixture);
}

static int open_again(enum depot_access access) {
        AUTO(depot_close) struct depot depot;
        struct error err = {0};
        return depot_open(&depot, fixture.store, access, 0, &err);
}

static void test_one_alone_or_many(void **state) {
        (void) state;
        assert_int_equal(open_again(DEPOT_READ), 0);
        assert_int_equal(open_again(DEPOT_WRITE), 0);
        assert_int_equal(open_again(DEPOT_ALONE), -EWOULDBLOCK);
        depot_close(&fixture.depot);
        assert_int_equal(open_again(DEPOT_ALONE), 0);
}

static void test_what_is_no_store(void **state) {
        AUTO(depot_close) struct depot depot = DEPOT_CLOSED;
        char path[128];
        struct error err = {0};
        (void) state;
        snprintf(path, sizeof(path), "%s/other", fixture.directory);
        assert_int_equal(depot_open(&depot, path, DEPOT_READ, 0, &err), -ESRCH);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(chmod(path, 0755), 0);
        assert_int_equal(depot_open(&depot, path, DEPOT_WRITE, 0, &err), -ECANCELED);
        depot_close(&depot);
        assert_int_equal(chmod(path, 0700), 0);
        assert_int_equal(depot_open(&depot, path, DEPOT_READ, 0, &err), -ESRCH);
        depot_close(&depot);
        assert_int_equal(depot_open(&depot, path, DEPOT_WRITE, 0, &err), 0);
}

/* A crash while it was made leaves folders without the file that says what they are. */
static void test_its_making_goes_on(void **state) {
        (void) state;
        assert_int_equal(unlinkat(fixture.depot.fd, "version", 0), 0);
        assert_int_equal(unlinkat(fixture.depot.fd, "damaged", AT_REMOVEDIR), 0);
        assert_int_equal(open_again(DEPOT_READ), -ESRCH);
        assert_int_equal(open_again(DEPOT_WRITE), 0);
        assert_int_equal(faccessat(fixture.depot.fd, "damaged", F_OK, 0), 0);
}

static void test_services(void **state) {
        static const char *const bad[] = {"", ".", "..", ".hidden", "a/b"};
        struct error err = {0};
        (void) state;
        assert_int_equal(depot_open_service(&fixture.depot, "shop", false, &err), -ESRCH);
        AUTO_CLOSE int fd = depot_open_service(&fixture.depot, "shop", true, &err);
        assert_true(fd >= 0);
        AUTO_CLOSE int lock = depot_lock_service(&fixture.depot, fd, "shop", &err);
        assert_true(lock >= 0);
        assert_int_equal(depot_lock_service(&fixture.depot, fd, "shop", &err), -EWOULDBLOCK);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(depot_open_service(&fixture.depot, bad[i], true, &err), -EINVAL);
        }
}

static void test_files(void **state) {
        AUTO_STRBUF struct strbuf text = {0};
        struct error err = {0};
        int fd = fixture.depot.fd;
        (void) state;
        assert_int_equal(depot_read_file(fd, "file", &text, &err), -ENOENT);
        assert_int_equal(depot_replace_file(fd, "file", "one", 3, &err), 0);
        assert_int_equal(depot_replace_file(fd, "file", "two", 3, &err), 0);
        assert_int_equal(depot_read_file(fd, "file", &text, &err), 0);
        assert_string_equal(strbuf_text(&text), "two");
        assert_int_equal(faccessat(fd, ".file.new", F_OK, 0), -1);
        assert_int_equal(depot_remove_file(fd, "file", &err), 0);
        assert_int_equal(depot_remove_file(fd, "file", &err), 0);
}

static void test_a_link_is_not_followed(void **state) {
        AUTO_STRBUF struct strbuf text = {0};
        struct error err = {0};
        (void) state;
        assert_int_equal(symlinkat("/etc/passwd", fixture.depot.fd, "link"), 0);
        assert_int_equal(depot_read_file(fixture.depot.fd, "link", &text, &err), -ELOOP);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_one_alone_or_many),
                T(test_what_is_no_store),
                T(test_its_making_goes_on),
                T(test_services),
                T(test_files),
                T(test_a_link_is_not_followed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
