#include <stdint.h>
#include <sys/param.h>

#include "base/units.h"
#include "policy/loading.h"

/* Where a value of a probe was written. What comes from a more general place than the interval
 * gives way to it; what stands at the same place or nearer contradicts it. */
enum level { LEVEL_STANDARD, LEVEL_SERVICE, LEVEL_PROBE };

struct written {
        enum level level;
        const struct node *node;
};

static struct written find_written(
        const struct origin *origin, const struct node *probe, const char *key) {
        const struct node *own = node_get(probe, key), *inherited = node_get(origin->whole, key);
        if (own) {
                return (struct written){LEVEL_PROBE, own};
        }
        return inherited ? (struct written){LEVEL_SERVICE, inherited}
                         : (struct written){LEVEL_STANDARD, NULL};
}

static const struct node *probe_node(const struct origin *origin, const struct probe_spec *probe) {
        return probe->implied ? NULL : node_get(node_get(origin->whole, "probes"), probe->name);
}

/* A key that may not exceed the interval. */
static void settle_below_interval(struct loading *loading, const struct origin *origin,
        const struct node *node, const char *key, usec_t interval, usec_t *value) {
        char ours[UNITS_TEXT_MAX], theirs[UNITS_TEXT_MAX];
        struct written written = find_written(origin, node, key);

        if (*value <= interval) {
                return;
        }
        if (written.node && written.level >= find_written(origin, node, "interval").level) {
                loading_error(loading, "impossible-timing", &written.node->place, NULL,
                        "'%s' (%s) is longer than 'interval' (%s)", key,
                        units_format_duration(*value, ours),
                        units_format_duration(interval, theirs));
        }
        *value = interval;
}

static void settle_probe(
        struct loading *loading, const struct origin *origin, struct probe_spec *probe) {
        const struct node *node = probe_node(origin, probe);
        settle_below_interval(loading, origin, node, "timeout", probe->interval, &probe->timeout);
        settle_below_interval(
                loading, origin, node, "fast_interval", probe->interval, &probe->fast_interval);
        probe->down_interval = probe->down_interval ? probe->down_interval : probe->interval;
}

/* Time that the passes of the slowest probe take. */
static usec_t time_to_rise(const struct service *service, const struct probe_spec **ret) {
        usec_t longest = 0;
        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_spec *probe = &service->probes[i];
                if (probe->rise * probe->fast_interval > longest) {
                        longest = probe->rise * probe->fast_interval;
                        *ret = probe;
                }
        }
        return longest;
}

static const struct place *place_of_key(
        const struct origin *origin, const struct node *node, const char *key) {
        const struct node *value = node_get(node, key);
        value = value ? value : node_get(origin->whole, key);
        return value ? &value->place : &origin->entry->key->place;
}

static void check_verify(struct loading *loading, const struct service *service,
        const struct place *place, usec_t verify) {
        const struct probe_spec *slowest = NULL;
        char given[UNITS_TEXT_MAX], each[UNITS_TEXT_MAX];
        usec_t rise = time_to_rise(service, &slowest);

        if (slowest && verify < rise) {
                loading_error(loading, "impossible-timing", place, NULL,
                        "'verify' (%s) is too short for the probe '%.64s', which has to pass %u "
                        "times, every %s",
                        units_format_duration(verify, given), slowest->name, slowest->rise,
                        units_format_duration(slowest->fast_interval, each));
        }
}

/* Failures that are expected until the grace is over must not be taken for a failed attempt. */
static void check_grace(struct loading *loading, const struct service *service,
        const struct place *place, usec_t verify) {
        const struct probe_spec *slowest = NULL;
        char given[UNITS_TEXT_MAX], grace[UNITS_TEXT_MAX], need[UNITS_TEXT_MAX];
        usec_t least = usec_add(service->start_grace, time_to_rise(service, &slowest));

        if (verify < least) {
                loading_error(loading, "impossible-timing", place, NULL,
                        "'verify' (%s) leaves no room for 'start_grace' (%s) and the passes "
                        "after it: at least %s",
                        units_format_duration(verify, given),
                        units_format_duration(service->start_grace, grace),
                        units_format_duration(least, need));
        }
}

static usec_t shortest_verify(const struct service *service) {
        usec_t shortest = service->verify;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                usec_t verify = service->steps[i].verify;
                shortest = verify ? MIN(shortest, verify) : shortest;
        }
        return shortest;
}

/* The standard grace takes what `verify` leaves. */
static void settle_grace(struct service *service, const struct origin *origin) {
        const struct probe_spec *slowest = NULL;
        if (!node_get(origin->whole, "start_grace")) {
                usec_t room = usec_sub(shortest_verify(service), time_to_rise(service, &slowest));
                service->start_grace = MIN(service->start_grace, room);
        }
}

/* The body of a step, where it has one: `- restart: {...}`. */
static const struct node *step_body(const struct origin *origin, uint32_t index) {
        const struct node *ladder = node_get(origin->whole, "recover");
        bool known = ladder && ladder->kind == NODE_LIST && index < ladder->count;
        const struct node *step = known ? ladder->items[index] : NULL;
        return step && step->kind == NODE_MAPPING && step->count == 1 ? step->entries[0].value
                                                                      : NULL;
}

/* Where nothing can be done there is nothing to verify: a service that is only watched may be
 * probed as rarely as one likes. */
static bool is_ever_acted_on(const struct service *service) {
        return service->manager != MANAGER_NONE || service->n_steps > 0;
}

static void check_times(struct loading *loading, const struct service *service,
        const struct place *place, usec_t verify) {
        size_t errors = loading->problems->errors;
        if (!is_ever_acted_on(service)) {
                return;
        }
        check_verify(loading, service, place, verify);
        if (loading->problems->errors == errors && service->manager != MANAGER_NONE) {
                check_grace(loading, service, place, verify);
        }
}

int timing_settle(struct loading *loading, struct service *service, const struct origin *origin) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                settle_probe(loading, origin, &service->probes[i]);
        }
        settle_grace(service, origin);
        check_times(loading, service, place_of_key(origin, NULL, "verify"), service->verify);
        for (uint32_t i = 0; i < service->n_steps; i++) {
                if (service->steps[i].verify && service->steps[i].verify != service->verify) {
                        check_times(loading, service,
                                place_of_key(origin, step_body(origin, i), "verify"),
                                service->steps[i].verify);
                }
        }
        return 0;
}
