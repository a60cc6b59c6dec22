#include "recovery/budget.h"

#include <stdbool.h>

static usec_t *slot(const struct budget *budget, uint32_t i) {
        return &budget->times[(budget->oldest + i) % budget->capacity];
}

void budget_spend(struct budget *budget, usec_t when) {
        if (budget->capacity == 0) {
                return;
        }
        if (budget->count == budget->capacity) {
                budget->oldest = (budget->oldest + 1) % budget->capacity;
                budget->count--;
        }
        *slot(budget, budget->count++) = when;
}

void budget_insert(struct budget *budget, usec_t when) {
        bool full = budget->count == budget->capacity;
        if (full && (budget->count == 0 || when < *slot(budget, 0))) {
                return;
        }
        budget_spend(budget, when);
        for (uint32_t i = budget->count - 1; i > 0 && *slot(budget, i - 1) > when; i--) {
                *slot(budget, i) = *slot(budget, i - 1);
                *slot(budget, i - 1) = when;
        }
}

void budget_refund(struct budget *budget, usec_t when) {
        for (uint32_t i = budget->count; i-- > 0;) {
                if (*slot(budget, i) == when) {
                        budget->count--;
                        for (; i < budget->count; i++) {
                                *slot(budget, i) = *slot(budget, i + 1);
                        }
                        return;
                }
        }
}

usec_t budget_time(const struct budget *budget, uint32_t i) {
        return *slot(budget, i);
}

uint32_t budget_spent(const struct budget *budget, usec_t now, usec_t window) {
        uint32_t spent = 0;
        while (spent < budget->count &&
                usec_sub(now, budget_time(budget, budget->count - 1 - spent)) < window) {
                spent++;
        }
        return spent;
}

usec_t budget_free_at(const struct budget *budget, const struct budget_spec *spec, usec_t now) {
        if (spec->actions == 0) {
                return USEC_INFINITY;
        }
        if (budget_spent(budget, now, spec->per) < spec->actions) {
                return now;
        }
        return usec_add(budget_time(budget, budget->count - spec->actions), spec->per);
}
