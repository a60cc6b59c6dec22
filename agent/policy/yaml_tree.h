#pragma once
/* YAML text to a tree of nodes that remember where they were written. Anchors and aliases share
 * their nodes, so the tree is a graph without cycles; its expanded size is bounded. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/problems.h"
#include "policy/source_file.h"

enum {
        YAML_DEPTH_MAX = 64,
        YAML_NODES_MAX = 4000000, /* written, in all files together, keys included */
        YAML_EXPANDED_MAX = 2000000, /* values of one file after its aliases are followed */
        YAML_SCALAR_MAX = 64 << 10, /* bytes */
        YAML_ANCHORS_MAX = 10000, /* of one file */
};

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node;

struct entry {
        const struct node *key; /* a scalar */
        const struct node *value;
};

struct node {
        struct place place;
        uint8_t kind; /* enum node_kind */
        uint8_t height; /* levels below it, following aliases */
        bool plain; /* a scalar without quotes */
        uint32_t count; /* items or entries */
        uint32_t weight; /* nodes in its expansion, itself included; never above YAML_EXPANDED_MAX
                            by much */
        union {
                const char *text; /* NODE_SCALAR; "" for NODE_NULL */
                const struct node **items;
                struct entry *entries; /* as written */
        };
        union {
                const uint32_t *order; /* NODE_MAPPING: indices of the entries, sorted by key */
                const char *kept; /* NODE_SCALAR: its copy in the policy, shared by all that inherit
                                     it */
        };
};

/* The root of the file's one document; NULL after a problem was reported, or for a file without
 * content.
 * `*nodes` counts the nodes of all files. -ENOMEM otherwise 0. */
int yaml_tree_parse(struct source_file *file, struct arena *arena, uint32_t *nodes,
        struct problems *problems, const struct node **ret);

/* The value of a key of a mapping; NULL when the node is NULL, not a mapping, or lacks the key. */
const struct node *node_get(const struct node *mapping, const char *key);

/* The entry of a key, with the place of the key. */
const struct entry *node_entry(const struct node *mapping, const char *key);

/* Sorts a mapping's entries by key, into memory of the arena. */
int node_sort(struct node *mapping, struct arena *arena);

/* What a message calls the node: "a list"; a scalar as quoted, printable text cut to fit. */
enum { NODE_QUOTE_MAX = 96 };
const char *node_describe(const struct node *node, char text[NODE_QUOTE_MAX]);
