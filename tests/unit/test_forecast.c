/* The forecast: what a disk does in life, and what the trend makes of it. */

#include <math.h>

#include "base/rng.h"
#include "probes/forecast.h"
#include "tests/unit/unit_test.h"

#define WINDOW USEC_PER_HOUR
#define FULL 100.0

/* Levels are percent; `level` is asked for each minute of the past hour. */
static bool predict(double (*level)(unsigned minute), unsigned minutes, usec_t *ret) {
        struct forecast forecast = {0};
        for (unsigned minute = 0; minute < minutes; minute++) {
                const struct forecast_sample sample = {
                        .at = USEC_PER_DAY + minute * USEC_PER_MINUTE, .level = level(minute)};
                forecast_add(&forecast, &sample, WINDOW);
        }
        return forecast_time_until(&forecast, FULL, WINDOW, ret);
}

static double steady(unsigned minute) {
        return 40 + 0.25 * minute;
}

/* A quarter percent a minute from 54.75 %: 181 minutes. */
static void test_steady_growth(void **state) {
        (void) state;
        usec_t left = 0;
        assert_true(predict(steady, 60, &left));
        assert_in_range(left, 180 * USEC_PER_MINUTE, 182 * USEC_PER_MINUTE);
}

static double random_part(double most) {
        static struct rng rng;
        static bool seeded;
        if (!seeded) {
                rng_seed(&rng, 20260301);
                seeded = true;
        }
        return most * (2 * rng_unit(&rng) - 1);
}

static double noisy_growth(unsigned minute) {
        return steady(minute) + random_part(2);
}

static void test_noisy_growth(void **state) {
        (void) state;
        usec_t left = 0;
        assert_true(predict(noisy_growth, 60, &left));
        assert_in_range(left, 140 * USEC_PER_MINUTE, 230 * USEC_PER_MINUTE);
}

static double noise(unsigned minute) {
        (void) minute;
        return 90 + random_part(2);
}

/* A disk that is rather full and goes up and down will not be full within a working day. */
static void test_noise_is_no_trend(void **state) {
        (void) state;
        unsigned alarms = 0;
        for (unsigned i = 0; i < 200; i++) {
                usec_t left;
                alarms += predict(noise, 60, &left) && left < 8 * USEC_PER_HOUR;
        }
        assert_in_range(alarms, 0, 20);
}

static double flat(unsigned minute) {
        (void) minute;
        return 50;
}

static double shrinking(unsigned minute) {
        return 60 - 0.25 * minute;
}

static void test_nothing_to_say(void **state) {
        (void) state;
        usec_t left = 0;
        assert_false(predict(flat, 60, &left));
        assert_false(predict(shrinking, 60, &left));
        assert_false(predict(steady, FORECAST_SAMPLES_LEAST - 1, &left));
        assert_false(predict(steady, 30, &left)); /* not yet half a window */
        assert_true(predict(steady, 32, &left));
}

static double rotated_late(unsigned minute) {
        return steady(minute) - (minute >= 50 ? 20 : 0);
}

/* Space that was freed ten minutes ago lowers the level and leaves the trend. */
static void test_rotation_late_in_the_window(void **state) {
        (void) state;
        usec_t left = 0;
        assert_true(predict(rotated_late, 60, &left));
        assert_in_range(left, 240 * USEC_PER_MINUTE, 360 * USEC_PER_MINUTE);
}

static double rotated_often(unsigned minute) {
        return 40 + minute % 15;
}

/* A saw-tooth, one percent a minute and back every quarter of an hour, never fills the disk. */
static void test_rotation_again_and_again(void **state) {
        (void) state;
        usec_t left = 0;
        assert_false(predict(rotated_often, 60, &left));
}

static double burst(unsigned minute) {
        return minute >= 54 ? 70 : 40;
}

static double burst_that_went(unsigned minute) {
        return 40 + (minute >= 20 && minute < 26 ? 50 : 0);
}

/* A copy of something large, once, is no growth. */
static void test_burst(void **state) {
        (void) state;
        usec_t left = 0;
        assert_true(!predict(burst, 60, &left) || left > USEC_PER_DAY);
        assert_true(!predict(burst_that_went, 60, &left) || left > USEC_PER_DAY);
}

static void test_reached(void **state) {
        (void) state;
        struct forecast forecast = {0};
        usec_t left = 1;
        for (unsigned minute = 0; minute < 60; minute++) {
                const struct forecast_sample sample = {
                        .at = minute * USEC_PER_MINUTE, .level = fmin(60 + minute, FULL)};
                forecast_add(&forecast, &sample, WINDOW);
        }
        assert_true(forecast_time_until(&forecast, FULL, WINDOW, &left));
        assert_int_equal(left, 0);
}

/* A probe that runs every 100ms fills the window all the same, and no more than the ring. */
static void test_bounded(void **state) {
        (void) state;
        struct forecast forecast = {0};
        usec_t left = 0;
        for (unsigned i = 0; i < 100000; i++) {
                const struct forecast_sample sample = {
                        .at = i * 100 * USEC_PER_MSEC, .level = i * 0.0005};
                forecast_add(&forecast, &sample, WINDOW);
                assert_true(forecast.count <= FORECAST_SAMPLES_MAX);
        }
        assert_true(forecast.count > FORECAST_SAMPLES_MAX / 2);
        assert_true(forecast_time_until(&forecast, FULL, WINDOW, &left));
        assert_in_range(left, 160 * USEC_PER_MINUTE, 180 * USEC_PER_MINUTE);
}

/* What is older than the window is forgotten, also after a pause without runs. */
static void test_pause(void **state) {
        (void) state;
        struct forecast forecast = {0};
        usec_t left;
        for (unsigned minute = 0; minute < 60; minute++) {
                const struct forecast_sample sample = {
                        .at = minute * USEC_PER_MINUTE, .level = steady(minute)};
                forecast_add(&forecast, &sample, WINDOW);
        }
        const struct forecast_sample later = {.at = 3 * USEC_PER_HOUR, .level = 90};
        forecast_add(&forecast, &later, WINDOW);
        assert_int_equal(forecast.count, 1);
        assert_false(forecast_time_until(&forecast, FULL, WINDOW, &left));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_steady_growth),
                cmocka_unit_test(test_noisy_growth),
                cmocka_unit_test(test_noise_is_no_trend),
                cmocka_unit_test(test_nothing_to_say),
                cmocka_unit_test(test_rotation_late_in_the_window),
                cmocka_unit_test(test_rotation_again_and_again),
                cmocka_unit_test(test_burst),
                cmocka_unit_test(test_reached),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_pause),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
