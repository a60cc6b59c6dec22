#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "base/str.h"
#include "policy/yaml_tree.h"

/* By key, then as written: of two equal keys the first comes first. */
static int compare_entries(const void *left, const void *right, void *cookie) {
        const struct entry *entries = cookie;
        uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;
        int r = strcmp(entries[a].key->text, entries[b].key->text);
        return r ? r : (a > b) - (a < b);
}

int node_sort(struct node *mapping, struct arena *arena) {
        uint32_t n = mapping->count;
        uint32_t *order = arena_alloc_array(arena, MAX(n, 1U), sizeof(*order));
        if (!order) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < n; i++) {
                order[i] = i;
        }
        qsort_r(order, n, sizeof(*order), compare_entries, mapping->entries);
        mapping->order = order;
        return 0;
}

const struct entry *node_entry(const struct node *mapping, const char *key) {
        if (!mapping || mapping->kind != NODE_MAPPING) {
                return NULL;
        }
        for (uint32_t low = 0, high = mapping->count; low < high;) {
                uint32_t middle = low + (high - low) / 2;
                const struct entry *entry = &mapping->entries[mapping->order[middle]];
                int r = strcmp(key, entry->key->text);
                if (r == 0) {
                        return entry;
                }
                if (r < 0) {
                        high = middle;
                } else {
                        low = middle + 1;
                }
        }
        return NULL;
}

const struct node *node_get(const struct node *mapping, const char *key) {
        const struct entry *entry = node_entry(mapping, key);
        return entry ? entry->value : NULL;
}

const char *node_describe(const struct node *node, char text[NODE_QUOTE_MAX]) {
        static const char *const kinds[] = {
                [NODE_NULL] = "nothing",
                [NODE_LIST] = "a list",
                [NODE_MAPPING] = "a mapping",
        };
        enum { SHOWN_MAX = 60 };

        if (node->kind != NODE_SCALAR) {
                return kinds[node->kind];
        }
        char shown[SHOWN_MAX + 1];
        bool whole = str_copy(shown, sizeof(shown), node->text);
        str_make_printable(shown);
        snprintf(text, NODE_QUOTE_MAX, "'%s%s'", shown, whole ? "" : "...");
        return text;
}
