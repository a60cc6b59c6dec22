#pragma once
/* What the loader may know of a probe type beyond its keys: what it can find, and which of its
 * limits make no sense. Said by the types (probes/), asked by agent/policy. */

#include <stdbool.h>
#include <stdint.h>

#include "model/cause_kinds.h"
#include "model/policy.h"

/* What a limit may be compared with on this host; 0: not known, or not to be asked for. */
struct host_facts {
        uint64_t memory_bytes;
        uint32_t processors;
};

/* One probe of a service that is looked at. */
struct probe_review {
        const struct service *service;
        const struct probe_spec *probe;
        struct host_facts host;
        const void *origin; /* the loader's */
};

struct probe_traits {
        uint32_t causes; /* bits of all that it can ever report */
        /* Of those, what it can report with these parameters; NULL: all. */
        uint32_t (*causes_of)(const void *params);
        /* Of those, what lies outside the service, so that nothing done to its process cures it,
         * and why: "a restart makes no room on a disk". */
        uint32_t outside;
        const char *outside_why;
        /* Its parameters alone say whom it asks: two probes that share them ask the same. */
        bool names_target;
        /* Says which limits are doubtful, by probe_doubt; NULL: it has none. */
        void (*review)(const struct probe_review *review);
};

/* NULL traits can report nothing. */
static inline uint32_t probe_causes(const struct probe_traits *traits, const void *params) {
        if (!traits) {
                return 0;
        }
        return traits->causes_of ? traits->causes_of(params) : traits->causes;
}

/* A warning with a code of policy/problem_kinds.h. `key` leads from the parameters of the probe to
 * what it is about, as "expect/max_latency" or "steps/0/path"; where that was not written, the
 * warning points at the nearest thing that was. */
void probe_doubt(const struct probe_review *review, const char *key, const char *code,
        const char *format, ...) __attribute__((format(printf, 4, 5)));
