/* Groups of which one member is active. The first by priority of those on this host is, for all of
 * the time: the others are standbys, which are not started, and fail nobody. Who would take over is
 * told and not played. */

#include "sim/sim_host.h"

/* The members of a group are sorted, the highest priority first. */
static bool comes_before(const struct service *a, const struct service *b) {
        return a->group == b->group && a->member && a->member < b->member;
}

/* One on a host that is not among the members is never promoted. */
bool sim_is_standby(const struct policy *policy, const struct service *service) {
        bool first = service->member;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                first = first && !comes_before(&policy->services[i], service);
        }
        return policy_is_member(service) && !first;
}

void sim_tell_duty(struct sim_host *host, const struct sim_service *service) {
        if (service->standby) {
                sim_feed(host,
                        &(struct input){.kind = INPUT_DUTY, .service = service->policy->index});
        }
}

/* The best of the standbys on this host; NULL: there is none. */
static const struct service *successor_of(
        const struct sim_host *host, const struct service *active) {
        const struct service *best = NULL;
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                const struct service *one = &host->policy->services[i];
                bool could = one != active && one->group == active->group && one->member;
                best = could && (!best || comes_before(one, best)) ? one : best;
        }
        return best;
}

void sim_failover(struct sim_host *host, const struct effect *effect) {
        const struct sim_service *service = &host->services[effect->service];
        const struct service *next = successor_of(host, service->policy);
        host->result->services[effect->service].handed_over++;
        sim_tell(host, service, "failover", "%s would take over, which is not played",
                next ? next->name : "another host");
}
