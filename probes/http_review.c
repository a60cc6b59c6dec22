/* What the loader may know of an HTTP probe: what it can find, and which limits make no sense. */

#include <stdio.h>

#include "base/units.h"
#include "probes/http_params.h"

enum { KEY_MAX = 64 };

static usec_t latency_of(const struct http_exchange *exchange) {
        return exchange->expect ? exchange->expect->max_latency : 0;
}

uint32_t http_causes(const void *object) {
        const struct http_params *params = object;
        const struct http_step *steps = params->steps.items;
        usec_t limit = latency_of(&params->exchange);
        for (uint32_t i = 0; i < params->steps.count; i++) {
                limit += latency_of(&steps[i].exchange);
        }
        return CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_WRONG_ANSWER) |
               (limit > 0 ? CAUSE_BIT(CAUSE_SLOW) : 0);
}

/* Each may keep its limit, and all of them together be stopped. */
static void review_sum(const struct probe_review *review, usec_t sum) {
        char together[UNITS_TEXT_MAX], timeout[UNITS_TEXT_MAX];
        if (sum > review->probe->timeout) {
                probe_doubt(review, "steps", "steps-outlast-timeout",
                        "the steps may take %s together, each within its 'max_latency', but a run "
                        "is stopped after its 'timeout' (%s)",
                        units_format_duration_short(sum, together),
                        units_format_duration(review->probe->timeout, timeout));
        }
}

void http_review(const struct probe_review *review) {
        const struct http_params *params = review->probe->params;
        const struct http_step *steps = params->steps.items;
        usec_t sum = 0;
        probe_doubt_latency(review, "expect/max_latency", latency_of(&params->exchange));
        for (uint32_t i = 0; i < params->steps.count; i++) {
                char key[KEY_MAX];
                usec_t latency = latency_of(&steps[i].exchange);
                if (latency >= review->probe->timeout) {
                        snprintf(key, sizeof(key), "steps/%u/expect/max_latency", i);
                        probe_doubt_latency(review, key, latency);
                } else {
                        sum += latency;
                }
        }
        review_sum(review, sum);
}
