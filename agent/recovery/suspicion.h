#pragma once
/* Is it me? Tells whether what the agent sees speaks against the services or against the agent
 * itself: it stood still, the host is starved, the wall clock jumped, every reference target is out
 * of reach, or services that share no dependency fail together.
 *
 * The last is counted in families. A service speaks for one family: that of the service at which
 * one arrives by following `depends_on`, always to the dependency that most services depend on. So
 * a service of many probes counts once, and so does a database with all that depend on it. The
 * latest result of each probe counts until the next one comes: a service fails while the latest
 * result of one of its probes is a failure, and a family fails while at least half of its measured
 * services do. What is explained otherwise counts for nothing: what the manager says about a
 * process, failures of a service that is not running or has just been started, results that could
 * not be measured, and a service that has been failing for longer than `at_most`. An observation
 * costs O(1), and O(log n) when it changes whether a service fails.
 *
 * Suspicion ends when no sign was seen for `calm`; a share counts as a sign until it is below half
 * of what began it. It holds actions for `at_most` in all, counting what it held within `at_most`
 * before: then it is outlived, and the agent acts on what it sees, on one service at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "model/incident.h"
#include "model/policy.h"
#include "recovery/recovery.h"

struct suspect { /* what one service says; and, as the root of a family, what the family says */
        struct heap_node young; /* in a run of failures no older than at_most, by its beginning */
        uint32_t root; /* index of the service at the root of its family */
        uint32_t measured, failing; /* its probes, by their latest results */
        uint32_t family_measured, family_failing; /* services of the family */
};

struct suspicion {
        const struct suspicion_spec *spec;
        struct suspect *suspects; /* by service */
        struct heap young; /* failing services, the oldest run first */
        uint32_t measured, failing; /* families */
        uint32_t references[HEALTH_FAILED + 1]; /* reference services by health */
        enum suspicion_state state;
        bool together; /* the share was reached, and is not below half of it since */
        usec_t since; /* of this suspicion */
        usec_t last_sign;
        usec_t held_before; /* time that earlier suspicions held, which count with this one */
        usec_t ended;
        usec_t trusted_since; /* what was seen before this moment is not acted on */
        uint64_t count; /* suspicions begun */
        char text[OBSERVATION_DETAIL_MAX]; /* the sign that was seen last */
};

/* Nothing is measured at first. `suspects` is zeroed memory of the caller, one for each service.
 * -ENOMEM. */
int suspicion_init(
        struct suspicion *suspicion, const struct policy *policy, struct suspect *suspects);
void suspicion_done(struct suspicion *suspicion); /* zeroed memory is fine */

/* A result of a probe. `probe` remembers what it told. Whether it tells something else than before;
 * otherwise nothing changed. */
bool suspicion_observe(struct suspicion *suspicion, uint32_t service, struct probe_status *probe,
        enum tells tells, usec_t now);

/* The health of a reference service changed. */
void suspicion_reference(struct suspicion *suspicion, enum health before, enum health after);

/* What the host looks like. */
void suspicion_host(struct suspicion *suspicion, const struct host_signs *signs, usec_t now);

enum suspicion_change {
        SUSPICION_SAME = 0,
        SUSPICION_BEGAN,
        SUSPICION_WAS_OUTLIVED,
        SUSPICION_ENDED
};

/* Draws the conclusion from all that was seen; to be asked after each change, and every few seconds
 * while it is suspected. */
enum suspicion_change suspicion_judge(struct suspicion *suspicion, usec_t now);

/* Until when it holds actions at the most; USEC_INFINITY: it holds none. */
usec_t suspicion_bound(const struct suspicion *suspicion);

/* Takes over, for a new policy, what one service said under the old one, and what is suspected. */
void suspicion_carry_service(struct suspicion *to, uint32_t service, const struct suspicion *from,
        uint32_t before, const struct probe_status *probes, uint32_t n_probes);
void suspicion_carry(struct suspicion *to, const struct suspicion *from);
