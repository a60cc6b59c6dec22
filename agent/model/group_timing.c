#include "model/group_timing.h"

enum { RENEWALS_PER_LEASE = 3 };

static usec_t programs_time(const struct group_steps *steps) {
        usec_t time = 0;
        for (uint32_t i = 0; i < steps->count; i++) {
                time = usec_add(time, steps->items[i].timeout);
                time = usec_add(time, steps->items[i].haproxy.wait);
        }
        return time;
}

usec_t group_demotion_time(const struct group_spec *group) {
        usec_t time = usec_add(programs_time(&group->demote), group->stop_timeout);
        return usec_add(time, GROUP_KILL_TIME);
}

usec_t group_renewal(const struct group_spec *group) {
        return group->lease / RENEWALS_PER_LEASE;
}

void group_timing(const struct group_spec *group, struct group_timing *ret) {
        bool asks = group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE;
        ret->renewal = group_renewal(group);
        ret->peers = asks ? GROUP_PEERS_TIME : 0;
        ret->programs = programs_time(&group->demote);
        ret->stop = group->stop_timeout;
        ret->kill = GROUP_KILL_TIME;
        ret->margin = group->margin;
        usec_t fixed = usec_add(ret->peers, usec_add(group_demotion_time(group), group->margin));
        ret->total = usec_add(ret->renewal, fixed);
        /* What is left of the lease at a renewal, two thirds, has to cover the rest. */
        ret->least_lease = usec_add(fixed, fixed / (RENEWALS_PER_LEASE - 1) + 1);
}

usec_t group_guard_deadline(const struct group_spec *group, usec_t usable_until) {
        return usec_sub(usable_until, group->margin);
}

usec_t group_demotion_begin(const struct group_spec *group, usec_t deadline) {
        return usec_sub(deadline, group_demotion_time(group));
}
