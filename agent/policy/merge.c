#include <errno.h>

#include "base/str.h"
#include "policy/loading.h"

/* What a mapping is, where that decides how it merges. */
enum role { ROLE_PLAIN, ROLE_SERVICE, ROLE_PROBES, ROLE_PROBE, ROLE_BACKOFF };

static enum role role_below(enum role role, const char *key) {
        if (role == ROLE_SERVICE && str_eq(key, "probes")) {
                return ROLE_PROBES;
        }
        if (role == ROLE_SERVICE && str_eq(key, "backoff")) {
                return ROLE_BACKOFF;
        }
        return role == ROLE_PROBES ? ROLE_PROBE : ROLE_PLAIN;
}

static bool is_type(const struct loading *loading, const char *key) {
        for (const struct schema_variant *probe = loading->probes; probe->key; probe++) {
                if (str_eq(probe->key, key)) {
                        return true;
                }
        }
        return false;
}

/* Whether the mapping names a probe type, other than `type`. */
static bool has_other_type(
        const struct loading *loading, const struct node *mapping, const char *type) {
        for (uint32_t i = 0; i < mapping->count; i++) {
                const char *key = mapping->entries[i].key->text;
                if (is_type(loading, key) && !str_eq(key, type)) {
                        return true;
                }
        }
        return false;
}

static bool has_curve(const struct node *backoff) {
        return node_entry(backoff, "initial") || node_entry(backoff, "factor") ||
               node_entry(backoff, "max");
}

static bool has_manager(const struct node *service) {
        for (uint32_t i = 0; i < service->count; i++) {
                if (policy_is_manager_key(service->entries[i].key->text)) {
                        return true;
                }
        }
        return false;
}

/* Keys that exclude each other: the later definition drives the earlier out. */
static bool is_driven_out(
        const struct loading *loading, enum role role, const char *key, const struct node *over) {
        if (role == ROLE_SERVICE) {
                return policy_is_manager_key(key) && has_manager(over);
        }
        if (role == ROLE_PROBE) {
                return is_type(loading, key) && has_other_type(loading, over, key);
        }
        if (role == ROLE_BACKOFF) {
                bool curve = str_eq(key, "initial") || str_eq(key, "factor") || str_eq(key, "max");
                return curve ? node_entry(over, "delays") != NULL
                             : str_eq(key, "delays") && has_curve(over);
        }
        return false;
}

static int merge(struct loading *loading, enum role role, const struct node *base,
        const struct node *over, const struct node **ret);

static int charge(struct loading *loading, const struct node *over, uint32_t entries) {
        if (entries > MERGED_ENTRIES_MAX - loading->merged_entries) {
                loading_error(loading, "too-large", &over->place, NULL,
                        "defaults and templates unfold to more than %d entries",
                        MERGED_ENTRIES_MAX);
                return -E2BIG;
        }
        loading->merged_entries += entries;
        return 0;
}

/* What is in the base, overlaid; in the base's order. */
static int merge_base(struct loading *loading, enum role role, const struct node *base,
        const struct node *over, struct node *to) {
        for (uint32_t i = 0; i < base->count; i++) {
                const struct entry *below = &base->entries[i];
                const struct entry *above = node_entry(over, below->key->text);
                struct entry *entry = &to->entries[to->count];
                *entry = above ? *above : *below;
                if (!above && is_driven_out(loading, role, below->key->text, over)) {
                        continue;
                }
                if (above) {
                        int r = merge(loading, role_below(role, below->key->text), below->value,
                                above->value, &entry->value);
                        if (r < 0) {
                                return r;
                        }
                }
                to->count++;
        }
        return 0;
}

static void append_new(const struct node *base, const struct node *over, struct node *to) {
        for (uint32_t i = 0; i < over->count; i++) {
                if (!node_entry(base, over->entries[i].key->text)) {
                        to->entries[to->count++] = over->entries[i];
                }
        }
}

static int merge_mappings(struct loading *loading, enum role role, const struct node *base,
        const struct node *over, const struct node **ret) {
        int r = charge(loading, over, base->count + over->count);
        if (r < 0) {
                return r;
        }
        struct node *to = arena_alloc(loading->scratch, sizeof(*to));
        if (!to) {
                return -ENOMEM;
        }
        to->place = over->place;
        to->kind = NODE_MAPPING;
        to->entries = arena_alloc_array(
                loading->scratch, base->count + over->count + 1, sizeof(*to->entries));
        if (!to->entries) {
                return -ENOMEM;
        }
        r = merge_base(loading, role, base, over, to);
        if (r < 0) {
                return r;
        }
        append_new(base, over, to);
        *ret = to;
        return node_sort(to, loading->scratch);
}

/* Only mappings merge; an empty value over a mapping leaves it as it is. The depth is that of the
 * nodes, which YAML_DEPTH_MAX bounds. */
static int merge(struct loading *loading, enum role role, const struct node *base,
        const struct node *over, const struct node **ret) {
        if (base && base->kind == NODE_MAPPING && over && over->kind == NODE_MAPPING) {
                return merge_mappings(loading, role, base, over, ret);
        }
        bool keeps = !over || (over->kind == NODE_NULL && base && base->kind == NODE_MAPPING);
        *ret = keeps ? base : over;
        return 0;
}

int merge_service(struct loading *loading, const struct node *base, const struct node *over,
        const struct node **ret) {
        *ret = over;
        int r = merge(loading, ROLE_SERVICE, base, over, ret);
        return r == -E2BIG ? 0 : r;
}
