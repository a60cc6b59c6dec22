#pragma once
/* At most N actions in any window of a given length: a ring of the times of the last N actions. */

#include <stdint.h>

#include "base/clock.h"
#include "model/policy.h"

struct budget {
        usec_t *times; /* ring of `capacity` moments; memory of the caller */
        uint32_t capacity;
        uint32_t count, oldest;
};

/* Notes one action. Beyond the capacity the oldest is forgotten. */
void budget_spend(struct budget *budget, usec_t when);

/* The same for a moment that may lie before others that are noted already. */
void budget_insert(struct budget *budget, usec_t when);

/* Takes back what was spent at that moment, for an action that was never carried out; the others
 * keep their order. */
void budget_refund(struct budget *budget, usec_t when);

/* How many actions lie within (now - window, now]. */
uint32_t budget_spent(const struct budget *budget, usec_t now, usec_t window);

/* When another action is allowed: `now` when it is already; USEC_INFINITY when none ever is. */
usec_t budget_free_at(const struct budget *budget, const struct budget_spec *spec, usec_t now);

/* The i-th moment, oldest first. */
usec_t budget_time(const struct budget *budget, uint32_t i);
