/* The families about pools: none where there are none. */

#include "control/metrics_rows.h"
#include "runtime/pools.h"

static double healthy(const struct pool_snapshot *pool) {
        return pool->verdict->healthy;
}

static double least(const struct pool_snapshot *pool) {
        return pool->verdict->least;
}

static double members(const struct pool_snapshot *pool) {
        return pool->service->group->n_members;
}

static double permits(const struct pool_snapshot *pool) {
        return pool->verdict->holders;
}

static double permit(const struct pool_snapshot *pool) {
        return pool->verdict->permit == PERMIT_GRANTED && pool->input->needs;
}

static double waiting(const struct pool_snapshot *pool) {
        return pool->verdict->permit == PERMIT_NONE && pool->input->needs;
}

static double connected(const struct pool_snapshot *pool) {
        return pool->input->silent_since == 0;
}

static double granted(const struct pool_snapshot *pool) {
        return (double) pool->counts.permits;
}

static double without(const struct pool_snapshot *pool) {
        return (double) pool->counts.without;
}

static const struct {
        struct metric_family family;
        double (*value)(const struct pool_snapshot *pool);
} families[] = {
        {{"recoverd_group_healthy", METRIC_GAUGE, NULL,
                 "Members of the pool that are healthy, as this host sees them."},
                healthy},
        {{"recoverd_group_min_healthy", METRIC_GAUGE, NULL,
                 "Members of the pool that have to stay healthy."},
                least},
        {{"recoverd_group_members", METRIC_GAUGE, NULL, "Members that the pool has."}, members},
        {{"recoverd_group_permits", METRIC_GAUGE, NULL,
                 "Members of the pool that have a permit to be disrupted."},
                permits},
        {{"recoverd_group_permit", METRIC_GAUGE, NULL, "1 while the service has such a permit."},
                permit},
        {{"recoverd_group_permit_waiting", METRIC_GAUGE, NULL,
                 "1 while the service waits for one."},
                waiting},
        {{"recoverd_group_pool_connected", METRIC_GAUGE, NULL,
                 "1 while the coordinator of the pool answers."},
                connected},
        {{"recoverd_group_permits_granted", METRIC_COUNTER, NULL,
                 "Permits that the service was given, since the agent started."},
                granted},
        {{"recoverd_group_permits_missed", METRIC_COUNTER, NULL,
                 "Restarts of the service that were allowed without one, because the coordinator did "
                 "not answer."},
                without},
};

void metrics_put_pools(struct metrics_writer *writer, const struct runtime *runtime) {
        size_t n = runtime_pools(runtime);
        for (size_t f = 0; n > 0 && f < sizeof(families) / sizeof(families[0]); f++) {
                metrics_family(writer, &families[f].family);
                for (size_t i = 0; i < n; i++) {
                        struct pool_snapshot pool;
                        runtime_pool(runtime, i, &pool);
                        const struct metric_label labels[] = {{"group", pool.service->group->name},
                                {"service", pool.service->name}};
                        metrics_sample(writer, labels, 2, families[f].value(&pool));
                }
        }
}
