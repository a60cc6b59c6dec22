#include "recovery/budget.h"

void budget_spend(struct budget *budget, usec_t when) {
        if (budget->capacity == 0) {
                return;
        }
        if (budget->count == budget->capacity) {
                budget->oldest = (budget->oldest + 1) % budget->capacity;
                budget->count--;
        }
        budget->times[(budget->oldest + budget->count) % budget->capacity] = when;
        budget->count++;
}

void budget_refund(struct budget *budget) {
        if (budget->count > 0) {
                budget->count--;
        }
}

usec_t budget_time(const struct budget *budget, uint32_t i) {
        return budget->times[(budget->oldest + i) % budget->capacity];
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
