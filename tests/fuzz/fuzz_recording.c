/* Recordings and files of faults from a hostile author: whatever the bytes, the readers return what
 * keeps its promises, or say what is wrong, within bounded time and memory. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probes/probe.h"
#include "recording/recording.h"
#include "sim/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char shop[] = "version: 1\n"
                           "services:\n"
                           "  web: {command: [/bin/web], probes: {p: {tcp: 127.0.0.1:1}}}\n";

static struct policy *shop_policy(void) {
        struct problems problems = {0};
        struct policy *policy = NULL;
        int r = policy_load_text(
                "shop.yaml", shop, strlen(shop), probe_variants, &policy, &problems);
        assert(r == 0);
        problems_done(&problems);
        return policy;
}

static void read_recording(const struct policy *policy, char *text, size_t length) {
        struct recording_reader reader = {.text = text, .length = length};
        struct frame frame;
        struct error err = {0};
        while (recording_next(&reader, &frame, &err) > 0) {
                struct recorded recorded;
                struct recording_begin begin;
                struct observation observation;
                struct input input;
                assert(frame.bytes[frame.length] == '\0' && reader.at <= reader.length);
                if (frame.kind == FRAME_BEGIN) {
                        recording_read_begin(&frame, &begin, &err);
                } else if (frame.kind == FRAME_INPUT &&
                           recording_read_input(&frame, &recorded, &err) == 0 &&
                           recording_input(&recorded, policy, &input, &observation) == 0) {
                        assert(input.kind != INPUT_OBSERVATION || input.observation->probe < 2);
                }
        }
}

static void read_faults(const struct policy *policy, const char *text, size_t length) {
        struct problems problems = {0};
        struct fault_plan *plan = NULL;
        int r = fault_plan_load_text("faults.yaml", text, length, policy, &plan, &problems);
        assert((r == 0) == (plan != NULL));
        assert(r != -EINVAL || problems.errors > 0);
        fault_plan_free(plan);
        problems_done(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_FREE char *text = malloc(size + 1);
        if (!text) {
                return 0;
        }
        struct policy *policy = shop_policy();
        memcpy(text, data, size);
        text[size] = '\0';
        read_faults(policy, text, size);
        recording_scrub(text);
        read_recording(policy, text, size);
        policy_free(policy);
        return 0;
}
