/* A recording holds what it was given, an image brings a core to the same decisions, and what is
 * broken is refused. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rng.h"
#include "base/str.h"
#include "recording/core_image.h"
#include "recording/recording.h"
#include "support/core_world.h"
#include "support/random_policy.h"
#include "unit_test.h"

DEFINE_CLEANUP(recovery_free_p, struct recovery, recovery_free)

static struct frame only_frame(struct strbuf *text, enum frame_kind kind) {
        struct recording_reader reader = {.text = text->data, .length = text->length};
        struct frame frame;
        struct error err = {0};
        assert_int_equal(recording_next(&reader, &frame, &err), 1);
        assert_int_equal(frame.kind, kind);
        struct frame more;
        assert_int_equal(recording_next(&reader, &more, &err), 0);
        return frame;
}

/* ---- Inputs ---- */

static const struct observation seen = {
        .service = 0,
        .probe = 0,
        .outcome = OUTCOME_FAIL,
        .cause = CAUSE_SLOW,
        .certain = true,
        .status = 3,
        .has_value = true,
        .value = 0.1,
        .at = {5, 6},
        .duration = 3,
        .detail = "503 with spaces = and equals",
};

/* One of each kind, every member set. */
static const struct input inputs[] = {
        {.kind = INPUT_OBSERVATION, .observation = &seen},
        {.kind = INPUT_TIMER},
        {.kind = INPUT_DEPENDENCY},
        {.kind = INPUT_PROCESS,
                .process = {true, true, true, true, 77, 9, CAUSE_EXITED_SIGNAL, 9,
                        "killed by SIGKILL"}},
        {.kind = INPUT_SAVED, .saved = {12, true}},
        {.kind = INPUT_OUTCOME, .outcome = {13, true, true, true, true, "why"}},
        {.kind = INPUT_COMMAND, .command = {COMMAND_PAUSE, 60, "somebody", "a reason"}},
        {.kind = INPUT_EXECUTOR, .up = true},
        {.kind = INPUT_STORE, .up = true},
        {.kind = INPUT_GUARDS},
        {.kind = INPUT_HOLD,
                .hold = {HOLD_FILE, {true, true, 10, USEC_INFINITY, "somebody", "a reason"}}},
        {.kind = INPUT_DEPLOY, .up = true},
        {.kind = INPUT_DUTY, .up = true},
        {.kind = INPUT_PERMIT, .permit = {PERMIT_RESTART, 77, "nobody was asked"}},
        {.kind = INPUT_FILES, .files = {FILES_CHANGED, 60, UINT64_MAX, "3 files changed"}},
        {.kind = INPUT_HOST, .host = {1, 2, -3, true, true, 4.5, 5.5, 6.5}},
};

static bool is_same_observation(const struct observation *a, const struct observation *b) {
        return a->service == b->service && a->probe == b->probe && a->outcome == b->outcome &&
               a->cause == b->cause && a->status == b->status && a->certain == b->certain &&
               a->has_value == b->has_value && a->value >= b->value && a->value <= b->value &&
               a->at.mono == b->at.mono && a->at.wall == b->at.wall && a->duration == b->duration &&
               str_eq(a->detail, b->detail);
}

static bool is_same(const struct input *a, const struct input *b) {
        if (a->kind != b->kind) {
                return false;
        }
        switch (a->kind) {
        case INPUT_OBSERVATION:
                return is_same_observation(a->observation, b->observation);
        case INPUT_PROCESS:
                return a->process.running == b->process.running &&
                       a->process.expected == b->process.expected &&
                       a->process.by_person == b->process.by_person &&
                       a->process.busy == b->process.busy && a->process.pid == b->process.pid &&
                       a->process.age == b->process.age && a->process.end == b->process.end &&
                       a->process.status == b->process.status &&
                       str_eq(a->process.text, b->process.text);
        case INPUT_SAVED:
                return a->saved.token == b->saved.token && a->saved.ok == b->saved.ok;
        case INPUT_OUTCOME:
                return a->outcome.token == b->outcome.token && a->outcome.ok == b->outcome.ok &&
                       a->outcome.refused == b->outcome.refused &&
                       a->outcome.retry == b->outcome.retry && a->outcome.lost == b->outcome.lost &&
                       str_eq(a->outcome.text, b->outcome.text);
        case INPUT_COMMAND:
                return a->command.kind == b->command.kind &&
                       a->command.duration == b->command.duration &&
                       str_eq(a->command.by, b->command.by) &&
                       str_eq(a->command.reason, b->command.reason);
        case INPUT_HOST: /* its members leave no gaps but behind the flags, which are zero here */
                // NOLINTNEXTLINE(*-memory-comparison,cert-exp42-c,cert-flp37-c): see above
                return memcmp(&a->host, &b->host, sizeof(a->host)) == 0;
        case INPUT_HOLD:
                return a->hold.source == b->hold.source && a->hold.hold.on == b->hold.hold.on &&
                       a->hold.hold.people_too == b->hold.hold.people_too &&
                       a->hold.hold.since == b->hold.hold.since &&
                       a->hold.hold.until == b->hold.hold.until &&
                       str_eq(a->hold.hold.by, b->hold.hold.by) &&
                       str_eq(a->hold.hold.reason, b->hold.hold.reason);
        case INPUT_FILES:
                return a->files.state == b->files.state && a->files.age == b->files.age &&
                       a->files.change == b->files.change && str_eq(a->files.text, b->files.text);
        case INPUT_PERMIT:
                return a->permit.kind == b->permit.kind && a->permit.until == b->permit.until &&
                       str_eq(a->permit.text, b->permit.text);
        case INPUT_EXECUTOR:
        case INPUT_STORE:
        case INPUT_DEPLOY:
        case INPUT_DUTY:
                return a->up == b->up;
        case INPUT_TIMER:
        case INPUT_DEPENDENCY:
        case INPUT_GUARDS:
                return a->service == b->service;
        }
        return false;
}

static void test_every_input_comes_back(void **state) {
        struct policy *policy = build_policy();
        build_plain(policy, "web");
        struct world *world = world_new(build_done(policy), 1);
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(inputs); i++) {
                AUTO_STRBUF struct strbuf text = {0};
                struct decided decided = {world->recovery, world->effects};
                struct recorded recorded;
                struct input back;
                struct observation observation;
                struct error err = {0};
                recording_write_input(
                        &text, i + 1, policy, &inputs[i], (struct instant){7, 8}, &decided);
                struct frame frame = only_frame(&text, FRAME_INPUT);
                assert_int_equal(recording_read_input(&frame, &recorded, &err), 0);
                assert_int_equal(recorded.number, i + 1);
                assert_int_equal(recorded.now.wall, 8);
                assert_int_equal(recording_input(&recorded, policy, &back, &observation), 0);
                assert_true(is_same(&inputs[i], &back));
        }
        world_free(world);
}

static void test_what_the_policies_lack_is_said(void **state) {
        struct policy *policy = build_policy(), *other = build_policy();
        struct input back;
        struct observation observation;
        struct recorded recorded = {.kind = INPUT_TIMER, .service = "gone"};
        (void) state;
        build_plain(policy, "web");
        build_service(other, "web");
        build_done(policy);
        build_done(other);
        assert_int_equal(recording_input(&recorded, policy, &back, &observation), -ENOENT);
        recorded = (struct recorded){.kind = INPUT_OBSERVATION, .service = "web", .probe = "http"};
        assert_int_equal(recording_input(&recorded, policy, &back, &observation), 0);
        assert_int_equal(recording_input(&recorded, other, &back, &observation), -ENOENT);
        policy_free(policy);
        policy_free(other);
}

static void test_broken_frames_are_refused(void **state) {
        static const char *const texts[] = {"input\n", "input x\n", "inputs 3\nabc\n",
                "input 4\nabc\n", "input 3\nabcd", "input 99999999999999999999\nabc\n",
                "input -1\n\n", "input 3"};
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char text[64];
                str_copy(text, sizeof(text), texts[i]);
                struct recording_reader reader = {.text = text, .length = strlen(text)};
                struct frame frame;
                struct error err = {0};
                assert_int_equal(recording_next(&reader, &frame, &err), -EBADMSG);
        }
}

static void test_secrets_are_blotted_out(void **state) {
        static const char *const cases[][2] = {
                {"password: hunter2\n", "password: xxxxxxx\n"},
                {"{Authorization: \"Basic QUJD\", X: 1}", "{Authorization: \"xxxxx xxxx\", X: 1}"},
                {"password_file: /etc/x", "password_file: /etc/x"},
                {"url: http://me:pw@host/a", "url: http://xx:xx@host/a"},
                {"DB_PASSWORD=geheim, A=b", "DB_PASSWORD=xxxxxx, A=b"},
                {"Set-Cookie: {contains: a}", "Set-Cookie: {contains: a}"},
                {"503 Service Unavailable", "503 Service Unavailable"},
        };
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[128];
                str_copy(text, sizeof(text), cases[i][0]);
                recording_scrub(text);
                assert_string_equal(text, cases[i][1]);
        }
}

/* ---- Images ---- */

static struct input random_input(const struct recovery *recovery, const struct policy *policy,
        struct instant now, struct rng *rng, struct observation *observation) {
        uint32_t index = (uint32_t) rng_below(rng, policy->n_services);
        const struct service *service = &policy->services[index];
        struct service_status status;
        recovery_service_status(recovery, index, &status);
        uint64_t token = status.attempt ? status.attempt->intended : 0;
        switch (rng_below(rng, 8)) {
        case 0:
                return (struct input){.kind = INPUT_PROCESS,
                        .service = index,
                        .process = {.running = rng_below(rng, 3) > 0, .text = "killed"}};
        case 1:
                return (struct input){.kind = INPUT_TIMER, .service = index};
        case 2:
                return (struct input){
                        .kind = INPUT_SAVED, .service = index, .saved = {token, true}};
        case 3:
                return (struct input){.kind = INPUT_OUTCOME,
                        .service = index,
                        .outcome = {.token = token, .ok = rng_below(rng, 2) == 0}};
        case 4:
                return (struct input){.kind = INPUT_DEPENDENCY, .service = index};
        default:
                *observation = (struct observation){
                        .service = index,
                        .probe = (uint32_t) rng_below(rng, service->n_probes),
                        .outcome = (enum outcome) rng_below(rng, OUTCOME_TIMEOUT + 1),
                        .cause = CAUSE_WRONG_ANSWER,
                        .at = now,
                        .detail = "by chance",
                };
                return (struct input){
                        .kind = INPUT_OBSERVATION, .service = index, .observation = observation};
        }
}

static void pass_time(struct instant *now, struct rng *rng) {
        usec_t step = rng_below(rng, 3 * USEC_PER_SEC);
        now->mono += step;
        now->wall += step;
}

static struct recovery *copy_of(
        const struct recovery *recovery, const struct policy *policy, struct instant now) {
        AUTO_STRBUF struct strbuf image = {0};
        AUTO(recovery_free_p) struct recovery *copy = NULL;
        struct recovery_settings settings = {0};
        struct error err = {0};
        core_image_write(recovery, &image);
        assert_int_equal(recovery_new(&copy, policy, &settings, now, &err), 0);
        assert_int_equal(core_image_read(copy, strbuf_text(&image), &err), 0);
        return TAKE_PTR(copy);
}

static uint64_t decide(struct recovery *recovery, const struct input *input, struct instant now,
        struct effects *effects, char rows[RECORDING_ROWS_MAX]) {
        struct decided decided = {recovery, effects};
        uint64_t hash;
        recovery_step(recovery, input, now, effects);
        recording_decided(&decided, rows, &hash);
        return hash;
}

/* Two cores go the same way from a random moment on, when one is the other's image. */
static void try_image(uint64_t seed) {
        AUTO_FREE struct effects *effects = calloc(1, sizeof(*effects));
        struct policy *policy = random_policy(seed);
        struct world *world = world_new(policy, seed);
        struct instant now = world->now;
        struct rng rng;
        rng_seed(&rng, seed);
        struct recovery *copy = NULL;
        for (int i = 0; i < 600; i++) {
                char rows[RECORDING_ROWS_MAX], same[RECORDING_ROWS_MAX];
                struct observation observation;
                pass_time(&now, &rng);
                struct input input = random_input(world->recovery, policy, now, &rng, &observation);
                uint64_t hash = decide(world->recovery, &input, now, effects, rows);
                if (copy) {
                        assert_int_equal(hash, decide(copy, &input, now, effects, same));
                        assert_string_equal(rows, same);
                }
                if (i % 150 == 100) {
                        recovery_free(copy);
                        copy = copy_of(world->recovery, policy, now);
                }
        }
        recovery_free(copy);
        world_free(world);
}

static void test_an_image_decides_alike(void **state) {
        (void) state;
        for (uint64_t seed = 1; seed <= 40; seed++) {
                try_image(seed);
        }
}

static void test_a_damaged_image_is_refused(void **state) {
        struct policy *policy = random_policy(3);
        struct world *world = world_new(policy, 3);
        AUTO_STRBUF struct strbuf image = {0};
        struct rng rng;
        (void) state;
        rng_seed(&rng, 1);
        core_image_write(world->recovery, &image);
        size_t refused = 0;
        for (int i = 0; i < 200; i++) {
                AUTO(recovery_free_p) struct recovery *copy = NULL;
                AUTO_FREE char *text = strdup(strbuf_text(&image));
                struct recovery_settings settings = {0};
                struct error err = {0};
                text[rng_below(&rng, image.length)] = (char) ('0' + rng_below(&rng, 80));
                assert_int_equal(recovery_new(&copy, policy, &settings, world->now, &err), 0);
                refused += core_image_read(copy, text, &err) < 0;
        }
        assert_true(refused > 20); /* a digit for another one cannot be noticed */
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_input_comes_back),
                cmocka_unit_test(test_what_the_policies_lack_is_said),
                cmocka_unit_test(test_broken_frames_are_refused),
                cmocka_unit_test(test_secrets_are_blotted_out),
                cmocka_unit_test(test_an_image_decides_alike),
                cmocka_unit_test(test_a_damaged_image_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
