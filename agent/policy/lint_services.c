/* What is hardly meant between services: each of them for itself is well. */

#include <errno.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "policy/lint.h"

enum { HERD_LEAST = 3 }; /* services that come back at the same moment, and are a crowd */

/* ---- Probes that several services have ---------------------------------------------------------
 */

struct shared_probes {
        struct loading *loading;
        struct map *first; /* type and parameters -> the service that was the first to have it */
};

/* The parameters of a probe, where they alone say whom it asks; NULL otherwise. */
static const struct node *target_of(const struct loading *loading, const struct origin *origin,
        const struct probe_spec *probe) {
        const struct probe_traits *traits = lint_traits(loading, probe);
        const struct node *probes = node_get(origin->whole, "probes");
        return traits && traits->names_target && !probe->implied && probe->role == ROLE_LIVENESS
                       ? node_get(node_get(probes, probe->name), lint_type(loading, probe))
                       : NULL;
}

static int compare_probe(struct shared_probes *shared, const struct service *service,
        const struct origin *origin, const struct probe_spec *probe) {
        AUTO_STRBUF struct strbuf key = {0};
        const struct node *target = target_of(shared->loading, origin, probe);
        if (!target) {
                return 0;
        }
        strbuf_addf(&key, "%d:", probe->type);
        digest_add_node(&key, target);
        if (!strbuf_text(&key)) {
                return -ENOMEM;
        }
        const struct service *first = map_get(shared->first, strbuf_text(&key));
        if (!first) {
                char *kept = arena_strdup(shared->loading->scratch, strbuf_text(&key));
                return kept ? map_put(shared->first, kept, (void *) service) : -ENOMEM;
        }
        if (first != service) {
                loading_warning(shared->loading, "same-probe", &target->place,
                        "give each service a probe of its own, or let one depend on the other",
                        "the probe '%.64s' of '%.64s' asks what '%.64s' is asked as well: one "
                        "failure has both restarted",
                        probe->name, service->name, first->name);
        }
        return 0;
}

static int compare_probes(
        struct shared_probes *shared, const struct service *service, const struct origin *origin) {
        int r = 0;
        for (uint32_t i = 0; r == 0 && lint_is_restarted(service) && i < service->n_probes; i++) {
                r = compare_probe(shared, service, origin, &service->probes[i]);
        }
        return r;
}

/* ---- Services that wait for the same one -------------------------------------------------------
 */

static bool waits_in_step(const struct service *service) {
        return service->backoff.jitter == JITTER_NONE && lint_is_restarted(service);
}

static uint32_t count_herd(const struct policy *policy, const struct service *dependency) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < dependency->n_dependents; i++) {
                n += waits_in_step(&policy->services[dependency->dependents[i]]);
        }
        return n;
}

static void warn_herd(
        const struct loading *loading, const struct service *service, const struct origin *origin) {
        const struct node *jitter = node_get(node_get(origin->whole, "backoff"), "jitter");
        for (uint32_t i = 0; jitter && waits_in_step(service) && i < service->n_depends_on; i++) {
                const struct service *dependency =
                        &loading->policy->services[service->depends_on[i]];
                uint32_t herd = count_herd(loading->policy, dependency);
                if (herd >= HERD_LEAST) {
                        loading_warning(loading, "no-jitter", &jitter->place,
                                "leave 'jitter' out, or write 'jitter: equal'",
                                "%u services that depend on '%.64s' wait without jitter: after its "
                                "failure they are all restarted at the same moments",
                                herd, dependency->name);
                        return;
                }
        }
}

int lint_services(struct loading *loading) {
        struct shared_probes shared = {.loading = loading, .first = map_new()};
        int r = shared.first ? 0 : -ENOMEM;
        for (uint32_t i = 0; r == 0 && i < loading->policy->n_services; i++) {
                const struct origin *origin = &loading->origins[i];
                if (!origin->broken) {
                        loading->problems->subject = &origin->entry->key->place;
                        r = compare_probes(&shared, &loading->policy->services[i], origin);
                        warn_herd(loading, &loading->policy->services[i], origin);
                }
        }
        loading->problems->subject = NULL;
        map_free(shared.first);
        return r;
}
