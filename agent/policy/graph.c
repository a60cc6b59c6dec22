#include <errno.h>
#include <stdlib.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "policy/loading.h"

enum {
        NAMES_SHOWN_MAX = 8, /* of a cycle */
        HINTS_MAX = 20, /* searches for what was meant: each looks at every service */
};

/* ---- Edges ------------------------------------------------------------------------------------
 */

/* Edges come from the nodes: those of a service that is broken otherwise are checked, too. */
static uint32_t count_dependencies(const struct node *list) {
        if (!list || list->kind == NODE_NULL) {
                return 0;
        }
        return list->kind == NODE_LIST ? list->count : 1;
}

struct dependency_node {
        const struct node *name; /* NULL: reported with the other values of the service */
        bool soft;
};

/* `orders-db`, `{cache: soft}`, `{cache: hard}`. */
static struct dependency_node dependency_node(const struct node *list, uint32_t index) {
        const struct node *node = list->kind == NODE_LIST ? list->items[index] : list;
        if (node->kind == NODE_MAPPING && node->count == 1) {
                const struct node *word = node->entries[0].value;
                bool soft = word->kind == NODE_SCALAR &&
                            str_eq(word->text, dependency_text(DEPENDENCY_SOFT));
                return (struct dependency_node){node->entries[0].key, soft};
        }
        return (struct dependency_node){node->kind == NODE_SCALAR ? node : NULL, false};
}

static const char *nearest_service(const struct policy *policy, const char *name) {
        const struct service *services = policy->services;
        return problems_nearest(name, &services->name, policy->n_services, sizeof(*services));
}

static void report_unknown(struct loading *loading, const struct node *node) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const char *near = NULL;

        if (loading->incomplete) {
                return; /* it may be in the file that could not be read */
        }
        if (loading->problems->errors < HINTS_MAX) {
                near = nearest_service(loading->policy, node->text);
        }
        loading_error(loading, "unknown-service", &node->place, problems_did_you_mean(near, hint),
                "there is no service %s", node_describe(node, text));
}

static bool depends_already(const struct service *service, uint32_t other) {
        for (uint32_t i = 0; i < service->n_depends_on; i++) {
                if (service->depends_on[i] == other) {
                        return true;
                }
        }
        for (uint32_t i = 0; i < service->n_soft_depends_on; i++) {
                if (service->soft_depends_on[i] == other) {
                        return true;
                }
        }
        return false;
}

static void add_dependency(
        struct loading *loading, struct service *service, struct dependency_node dependency) {
        const struct node *node = dependency.name;
        if (!node) {
                return;
        }
        const struct service *other = map_get(loading->policy->by_name, node->text);
        if (!other) {
                report_unknown(loading, node);
        } else if (other == service) {
                loading_error(loading, "cycle", &node->place, NULL,
                        "the service '%.64s' depends on itself", service->name);
        } else if (depends_already(service, other->index)) {
                loading_error(loading, "inconsistent", &node->place, NULL,
                        "'%.64s' is listed twice", other->name);
        } else if (dependency.soft) {
                service->soft_depends_on[service->n_soft_depends_on++] = other->index;
        } else {
                service->depends_on[service->n_depends_on++] = other->index;
        }
}

static int resolve_dependencies(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const struct node *list = node_get(origin->whole, "depends_on");
        uint32_t n = count_dependencies(list);

        if (n > POLICY_DEPENDENCIES_MAX) {
                loading_error(loading, "too-large", &list->place, NULL,
                        "%u dependencies, at most %d", n, POLICY_DEPENDENCIES_MAX);
        }
        if (n == 0 || n > POLICY_DEPENDENCIES_MAX) {
                return 0;
        }
        service->depends_on =
                arena_alloc_array(loading->policy->arena, n, sizeof(*service->depends_on));
        service->soft_depends_on =
                arena_alloc_array(loading->policy->arena, n, sizeof(*service->soft_depends_on));
        if (!service->depends_on || !service->soft_depends_on) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < n; i++) {
                add_dependency(loading, service, dependency_node(list, i));
        }
        return 0;
}

static int build_dependents(struct policy *policy) {
        for (uint32_t i = 0; i < policy->n_services; i++) {
                for (uint32_t j = 0; j < policy->services[i].n_depends_on; j++) {
                        policy->services[policy->services[i].depends_on[j]].n_dependents++;
                }
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service *service = &policy->services[i];
                if (service->n_dependents == 0) {
                        continue;
                }
                service->dependents = arena_alloc_array(
                        policy->arena, service->n_dependents, sizeof(*service->dependents));
                if (!service->dependents) {
                        return -ENOMEM;
                }
                service->n_dependents = 0;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                for (uint32_t j = 0; j < policy->services[i].n_depends_on; j++) {
                        struct service *other =
                                &policy->services[policy->services[i].depends_on[j]];
                        other->dependents[other->n_dependents++] = i;
                }
        }
        return 0;
}

/* ---- Order (Kahn 1962) -------------------------------------------------------------------------
 * By the hard edges alone: nothing waits for a soft one, and so a circle of them harms nobody. */

struct walk {
        struct policy *policy;
        uint32_t *waits; /* dependencies of a service that have no depth yet */
        uint32_t *queue; /* services that have one, in the order in which they got it */
        uint32_t queued;
};

/* Services with a depth give one to those that waited only for them. */
static void assign_depths(struct walk *walk) {
        struct policy *policy = walk->policy;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                walk->waits[i] = policy->services[i].n_depends_on;
                if (walk->waits[i] == 0) {
                        walk->queue[walk->queued++] = i;
                }
        }
        for (uint32_t next = 0; next < walk->queued; next++) {
                const struct service *service = &policy->services[walk->queue[next]];
                for (uint32_t i = 0; i < service->n_dependents; i++) {
                        uint32_t index = service->dependents[i];
                        struct service *dependent = &policy->services[index];
                        dependent->depth = MAX(dependent->depth, service->depth + 1);
                        if (--walk->waits[index] == 0) {
                                walk->queue[walk->queued++] = index;
                        }
                }
        }
}

static uint32_t *waiting_dependency(const struct walk *walk, const struct service *service) {
        uint32_t *dependency = service->depends_on;
        while (walk->waits[*dependency] == 0) {
                dependency++;
        }
        return dependency;
}

static void format_cycle(const struct walk *walk, uint32_t start, struct strbuf *out) {
        uint32_t shown = 0, index = start;
        do {
                if (shown++ < NAMES_SHOWN_MAX) {
                        strbuf_addf(out, "%s -> ", walk->policy->services[index].name);
                }
                index = *waiting_dependency(walk, &walk->policy->services[index]);
        } while (index != start);
        strbuf_addf(out, "%s%s", shown > NAMES_SHOWN_MAX ? "... -> " : "",
                walk->policy->services[start].name);
}

/* Points at the dependency that the first service of the cycle has on the second. */
static void report_cycle(struct loading *loading, const struct walk *walk, uint32_t start) {
        AUTO_STRBUF struct strbuf path = {0};
        const struct service *service = &loading->policy->services[start];
        const struct service *next = &loading->policy->services[*waiting_dependency(walk, service)];
        const struct node *list = node_get(loading->origins[start].whole, "depends_on");
        const struct place *place = &list->place;
        for (uint32_t i = 0; i < count_dependencies(list); i++) {
                const struct node *name = dependency_node(list, i).name;
                place = name && str_eq(name->text, next->name) ? &name->place : place;
        }
        format_cycle(walk, start, &path);
        const char *text = strbuf_text(&path);
        loading_error(loading, "cycle", place, NULL, "services depend on each other: %s",
                text ? text : "");
}

/* What has no depth depends on a cycle. Following one such dependency of each ends in one; each
 * walk marks its own way, so that every cycle found is reported once and the whole takes linear
 * time. */
static int report_cycles(struct loading *loading, const struct walk *walk) {
        struct policy *policy = loading->policy;
        uint32_t *marks = arena_alloc_array(loading->scratch, policy->n_services, sizeof(*marks));
        if (!marks) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                uint32_t index = i;
                if (walk->waits[i] == 0 || marks[i]) {
                        continue;
                }
                while (!marks[index]) {
                        marks[index] = i + 1;
                        index = *waiting_dependency(walk, &policy->services[index]);
                }
                if (marks[index] == i + 1) {
                        report_cycle(loading, walk, index);
                }
        }
        return 0;
}

static int compare_depths(const void *left, const void *right, void *cookie) {
        const struct service *services = cookie;
        const struct service *a = &services[*(const uint32_t *) left],
                             *b = &services[*(const uint32_t *) right];
        if (a->depth != b->depth) {
                return a->depth < b->depth ? -1 : 1;
        }
        return (a->index > b->index) - (a->index < b->index);
}

static int sort_by_depth(struct policy *policy) {
        policy->by_depth =
                arena_alloc_array(policy->arena, policy->n_services + 1, sizeof(*policy->by_depth));
        if (!policy->by_depth) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                policy->by_depth[i] = i;
        }
        qsort_r(policy->by_depth, policy->n_services, sizeof(*policy->by_depth), compare_depths,
                policy->services);
        return 0;
}

/* They are looked at again and again; the others need not be walked for that. */
static int list_deploy_locked(struct policy *policy) {
        policy->deploy_locked = arena_alloc_array(
                policy->arena, policy->n_services + 1, sizeof(*policy->deploy_locked));
        if (!policy->deploy_locked) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                if (policy->services[i].deploy_lock) {
                        policy->deploy_locked[policy->n_deploy_locked++] = i;
                }
        }
        return 0;
}

int graph_build(struct loading *loading) {
        struct policy *policy = loading->policy;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < policy->n_services; i++) {
                r = resolve_dependencies(loading, &policy->services[i], &loading->origins[i]);
        }
        r = r < 0 ? r : build_dependents(policy);
        r = r < 0 ? r : list_deploy_locked(policy);
        struct walk walk = {
                .policy = policy,
                .waits = arena_alloc_array(
                        loading->scratch, policy->n_services + 1, sizeof(*walk.waits)),
                .queue = arena_alloc_array(
                        loading->scratch, policy->n_services + 1, sizeof(*walk.queue)),
        };
        if (r < 0 || !walk.waits || !walk.queue) {
                return -ENOMEM;
        }
        assign_depths(&walk);
        r = walk.queued < policy->n_services ? report_cycles(loading, &walk) : 0;
        return r < 0 ? r : sort_by_depth(policy);
}
