/* The families about groups with one active member: none where there are no such groups. */

#include "control/metrics_rows.h"
#include "runtime/members.h"

static double active(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return member->member->duty == DUTY_ACTIVE;
}

static double stuck(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return member->member->duty == DUTY_STUCK;
}

static double can(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return member->can;
}

static double lease_left(const struct member_snapshot *member, usec_t now) {
        bool ours = member->view->standing == LEASE_OURS;
        return ours ? (double) usec_sub(member->view->usable_until, now) / (double) USEC_PER_SEC
                    : 0;
}

static double token(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->view->token;
}

static double connected(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return member->view->session == SESSION_CONNECTED;
}

static double held(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return member->held;
}

static double agreed_left(const struct member_snapshot *member, usec_t now) {
        return (double) usec_sub(member->agreement.agreed_until, now) / (double) USEC_PER_SEC;
}

static double promised_left(const struct member_snapshot *member, usec_t now) {
        return (double) usec_sub(member->agreement.promised_until, now) / (double) USEC_PER_SEC;
}

static double agreements(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->agreement.agreements;
}

static double disagreements(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->agreement.disagreements;
}

static double promotions(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->counts.promotions;
}

static double promotions_failed(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->counts.promotions_failed;
}

static double demotions(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->counts.demotions;
}

static double demotions_unproven(const struct member_snapshot *member, usec_t now) {
        (void) now;
        return (double) member->counts.demotions_unproven;
}

static const struct {
        struct metric_family family;
        double (*value)(const struct member_snapshot *member, usec_t now);
} families[] = {
        {{"recoverd_group_active", METRIC_GAUGE, NULL,
                 "1 where the service is the active member of its group."},
                active},
        {{"recoverd_group_stuck", METRIC_GAUGE, NULL,
                 "1 where it could not be proven that the service is gone: nobody is promoted."},
                stuck},
        {{"recoverd_group_can_promote", METRIC_GAUGE, NULL,
                 "1 where the service could be promoted if the lease were its own."},
                can},
        {{"recoverd_group_lease_left_seconds", METRIC_GAUGE, "seconds",
                 "Until when nobody else is given the lease; 0 where it is not its own."},
                lease_left},
        {{"recoverd_group_token", METRIC_GAUGE, NULL,
                 "Fencing token of the lease, whoever has it; grows with each holder."},
                token},
        {{"recoverd_group_coordinator_connected", METRIC_GAUGE, NULL,
                 "1 while the coordinator answers."},
                connected},
        {{"recoverd_group_held_by_agreement", METRIC_GAUGE, NULL,
                 "1 while the service is active without the coordinator, because all members agree."},
                held},
        {{"recoverd_group_agreement_left_seconds", METRIC_GAUGE, "seconds",
                 "For how long all other members have promised not to be promoted."},
                agreed_left},
        {{"recoverd_group_promise_left_seconds", METRIC_GAUGE, "seconds",
                 "For how long the service has promised another member not to be promoted."},
                promised_left},
        {{"recoverd_group_agreements", METRIC_COUNTER, NULL,
                 "Times that all other members were asked for their agreement, and gave it."},
                agreements},
        {{"recoverd_group_disagreements", METRIC_COUNTER, NULL,
                 "Times that all other members were asked for their agreement, and one did not."},
                disagreements},
        {{"recoverd_group_promotions", METRIC_COUNTER, NULL,
                 "Promotions of the service that worked, since the agent started."},
                promotions},
        {{"recoverd_group_promotions_failed", METRIC_COUNTER, NULL,
                 "Promotions of the service that did not work, since the agent started."},
                promotions_failed},
        {{"recoverd_group_demotions", METRIC_COUNTER, NULL,
                 "Demotions of the service that the agent asked for and that were proven."},
                demotions},
        {{"recoverd_group_demotions_unproven", METRIC_COUNTER, NULL,
                 "Demotions of the service that the agent asked for and that were not proven."},
                demotions_unproven},
};

void metrics_put_groups(struct metrics_writer *writer, const struct runtime *runtime, usec_t now) {
        size_t n = runtime_members(runtime);
        for (size_t f = 0; n > 0 && f < sizeof(families) / sizeof(families[0]); f++) {
                metrics_family(writer, &families[f].family);
                for (size_t i = 0; i < n; i++) {
                        struct member_snapshot member;
                        runtime_member(runtime, i, &member);
                        const struct metric_label labels[] = {
                                {"group", member.service->group->name},
                                {"service", member.service->name}};
                        metrics_sample(writer, labels, 2, families[f].value(&member, now));
                }
        }
}
