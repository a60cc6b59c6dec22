/* The resolver, with a look-up that the test controls. */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/resolver.h"
#include "unit_test.h"

enum { QUERIES = 4 };

static atomic_int n_look_ups;
static int gate[2]; /* a name that begins with "slow" waits for a byte from it */

struct fixture {
        struct loop *loop;
        struct resolver *resolver;
        struct resolver_query queries[QUERIES];
        unsigned n_done;
        struct resolver_answer last;
        bool free_in_done;
};

static void fake_look_up(const char *name, struct resolver_answer *ret) {
        char byte;

        n_look_ups++;
        if (strncmp(name, "slow", 4) == 0 && read(gate[0], &byte, 1) < 0) {
                ret->code = EAI_FAIL;
        } else if (strcmp(name, "missing") == 0) {
                ret->code = EAI_NONAME;
        } else {
                ret->count = 2;
                memcpy(ret->addresses[0], "192.0.2.1", sizeof("192.0.2.1"));
                memcpy(ret->addresses[1], "2001:db8::1", sizeof("2001:db8::1"));
        }
}

static void on_done(void *cookie, const struct resolver_answer *answer) {
        struct fixture *f = cookie;

        f->n_done++;
        f->last = *answer;
        if (f->free_in_done) {
                resolver_free(TAKE_PTR(f->resolver));
        }
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        n_look_ups = 0;
        assert_int_equal(loop_new(&f->loop, NULL), 0);
        assert_int_equal(resolver_new(&f->resolver, f->loop, NULL), 0);
        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        resolver_set_look_up(f->resolver, fake_look_up);
        for (int i = 0; i < QUERIES; i++) {
                list_init(&f->queries[i].node);
                f->queries[i].done = on_done;
                f->queries[i].cookie = f;
        }
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        resolver_free(f->resolver);
        resolver_free(NULL);
        loop_free(f->loop);
        close(gate[1]); /* threads that still wait go on */
        free(f);
        return 0;
}

static int ask(struct fixture *f, const char *name, int query) {
        const struct resolver_answer *answer = NULL;
        int r = resolver_ask(f->resolver, name, &f->queries[query], &answer, NULL);

        if (r == 1) {
                f->last = *answer;
        }
        return r;
}

static void run_until(struct fixture *f, unsigned n_done) {
        while (f->n_done < n_done) {
                assert_int_equal(loop_turn(f->loop, 10 * USEC_PER_SEC), 1);
        }
        assert_int_equal(f->n_done, n_done);
}

static void wait_for_look_ups(int count) {
        while (n_look_ups < count) {
                sched_yield();
        }
        assert_int_equal(n_look_ups, count);
}

static void test_an_answer_comes_and_is_remembered(void **state) {
        struct fixture *f = *state;

        assert_int_equal(ask(f, "shop", 0), 0);
        assert_int_equal(f->n_done, 0);
        run_until(f, 1);
        assert_int_equal(f->last.code, 0);
        assert_int_equal(f->last.count, 2);
        assert_string_equal(f->last.addresses[0], "192.0.2.1");
        assert_string_equal(f->last.addresses[1], "2001:db8::1");
        memset(&f->last, 0, sizeof(f->last));
        assert_int_equal(ask(f, "shop", 0), 1);
        assert_string_equal(f->last.addresses[1], "2001:db8::1");
        assert_int_equal(n_look_ups, 1);
        assert_int_equal(ask(f, "other", 0), 0);
        run_until(f, 2);
        assert_int_equal(n_look_ups, 2);
}

static void test_a_failure_is_an_answer(void **state) {
        struct fixture *f = *state;

        assert_int_equal(ask(f, "missing", 0), 0);
        run_until(f, 1);
        assert_int_equal(f->last.code, EAI_NONAME);
        assert_int_equal(f->last.count, 0);
        assert_int_equal(ask(f, "missing", 0), 1);
        assert_int_equal(f->last.code, EAI_NONAME);
}

static void test_many_who_ask_share_one_look_up(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < QUERIES; i++) {
                assert_int_equal(ask(f, "slow", i), 0);
        }
        resolver_cancel(&f->queries[1]);
        resolver_cancel(&f->queries[1]);
        assert_int_equal(write(gate[1], "x", 1), 1);
        run_until(f, QUERIES - 1);
        assert_int_equal(n_look_ups, 1);
}

static void test_a_slow_name_does_not_delay_others(void **state) {
        struct fixture *f = *state;

        assert_int_equal(ask(f, "slow", 0), 0);
        wait_for_look_ups(1);
        assert_int_equal(ask(f, "shop", 1), 0);
        run_until(f, 1);
        assert_int_equal(f->last.count, 2);
        assert_int_equal(write(gate[1], "x", 1), 1);
        run_until(f, 2);
}

static void test_a_name_that_is_too_long(void **state) {
        struct fixture *f = *state;
        char name[RESOLVER_NAME_MAX + 2];

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(ask(f, name, 0), -ENAMETOOLONG);
        name[RESOLVER_NAME_MAX] = '\0';
        assert_int_equal(ask(f, name, 0), 0);
        run_until(f, 1);
}

static void test_the_resolver_may_be_freed_by_a_callback(void **state) {
        struct fixture *f = *state;

        f->free_in_done = true;
        for (int i = 0; i < QUERIES; i++) {
                assert_int_equal(ask(f, "shop", i), 0);
        }
        run_until(f, 1);
        assert_int_equal(loop_turn(f->loop, 0), 1);
        assert_int_equal(f->n_done, 1);
}

static void test_teardown_with_look_ups_under_way(void **state) {
        struct fixture *f = *state;

        assert_int_equal(ask(f, "slow1", 0), 0);
        assert_int_equal(ask(f, "slow2", 1), 0);
        wait_for_look_ups(2);
}

static void test_the_systems_resolver_knows_localhost(void **state) {
        struct fixture *f = *state;
        struct resolver *resolver;
        const struct resolver_answer *answer;

        assert_int_equal(resolver_new(&resolver, f->loop, NULL), 0);
        assert_int_equal(resolver_ask(resolver, "localhost", &f->queries[0], &answer, NULL), 0);
        run_until(f, 1);
        assert_int_equal(f->last.code, 0);
        assert_true(f->last.count >= 1);
        assert_true(strcmp(f->last.addresses[0], "127.0.0.1") == 0 ||
                    strcmp(f->last.addresses[0], "::1") == 0);
        resolver_free(resolver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_an_answer_comes_and_is_remembered),
                TEST(test_a_failure_is_an_answer),
                TEST(test_many_who_ask_share_one_look_up),
                TEST(test_a_slow_name_does_not_delay_others),
                TEST(test_a_name_that_is_too_long),
                TEST(test_the_resolver_may_be_freed_by_a_callback),
                TEST(test_teardown_with_look_ups_under_way),
                TEST(test_the_systems_resolver_knows_localhost),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
