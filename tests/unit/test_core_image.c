/* A core that is written down and read again, at any step of a random world, takes the same
 * decisions as the one that was not. */

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "base/str.h"
#include "recording/core_image.h"
#include "support/core_chaos.h"
#include "unit_test.h"

enum { WORLDS = 25, EVERY_MOST = 300 };
#define FIRST_SEED UINT64_C(20261130)

static struct recovery *copy_of(
        const struct recovery *recovery, const struct policy *policy, struct instant now) {
        AUTO_STRBUF struct strbuf image = {0};
        struct recovery *copy = NULL;
        struct recovery_settings settings = {0};
        struct error err = {0};
        core_image_write(recovery, &image);
        assert_int_equal(recovery_new(&copy, policy, &settings, now, &err), 0);
        assert_int_equal(core_image_read(copy, strbuf_text(&image), &err), 0);
        return copy;
}

static void test_a_copy_takes_the_same_decisions(void **state) {
        (void) state;
        struct rng rng;
        uint64_t copies_made = 0;
        rng_seed(&rng, FIRST_SEED);
        for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + WORLDS; seed++) {
                struct chaos_copies copies = {
                        .every = 1 + rng_below(&rng, EVERY_MOST), .copy = copy_of};
                struct chaos_tally one = {0}, copied = {0};
                chaos_run(seed, &one);
                chaos_run_copied(seed, &copied, &copies);
                if (one.hash != copied.hash || one.steps != copied.steps) {
                        fail_msg("seed %" PRIu64 ": a copy every %" PRIu64
                                 " steps decides otherwise",
                                seed, copies.every);
                }
                copies_made += copies.made;
        }
        fprintf(stderr, "%d worlds, %" PRIu64 " copies\n", WORLDS, copies_made);
        assert_true(copies_made > WORLDS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_copy_takes_the_same_decisions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
