#pragma once
/* Whether a step has shown to be of no use against a cause: the last attempts that probes judged
 * are trials of "this step cures this cause", and its chance p to do so has a Beta posterior. */

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/record.h"

/* Notes one more trial; beyond TRIALS_MAX the oldest is forgotten. */
void trials_add(struct trials *trials, bool cured, wall_usec_t now);

uint32_t trials_cured(const struct trials *trials);

/* P(p < limit) after `cured` and `failed` trials, with Jeffreys' prior Beta(1/2, 1/2): the
 * regularised incomplete beta function I_limit(cured + 1/2, failed + 1/2), from its closed form at
 * (1/2, 1/2) by the recurrences of DLMF 8.17.18 and 8.17.19 (https://dlmf.nist.gov/8.17). Exact but
 * for rounding, for counts up to some thousands. `limit` is in [0, 1]. */
double effectiveness_below(uint32_t cured, uint32_t failed, double limit);

/* Whether it is to be believed, with 95 %, that it cures fewer than `useful` of the failures. What
 * was last tried longer than `remember` ago says nothing. */
bool effectiveness_useless(
        const struct trials *trials, const struct effectiveness_spec *spec, wall_usec_t now);
