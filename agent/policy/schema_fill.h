#pragma once
/* The engine that fills structs from YAML nodes as the tables of model/schema.h describe them. */

#include <stdbool.h>
#include <stdint.h>

#include "model/schema.h"
#include "policy/yaml_tree.h"

enum {
        SCHEMA_ITEMS_MAX = 4096, /* entries of any one list or mapping */
        SCHEMA_VALUES_MAX = 8000000, /* values of all objects together, inherited ones included */
};

struct schema_filler {
        struct arena *arena; /* owns what the structs point to */
        struct problems *problems;
        bool partial; /* a template: what is missing may come from elsewhere, and nothing is kept */
        uint32_t values; /* looked at so far */
};

/* Fills the zeroed `object`, of schema->size bytes, from a mapping (NULL or an empty value:
 * standards only). `place` is what messages about the object as a whole point at. Keys are filled
 * in the order of the table, so that an object inside can inherit from the keys before it. 0,
 * -EINVAL after problems were reported, or -ENOMEM. */
int schema_fill(struct schema_filler *filler, const struct schema *schema,
        const struct place *place, const struct node *node, void *object);

/* ---- Between the two files of the engine -------------------------------------------------------
 */

/* One scalar: fills `to` from `text`, or writes the reason into `why` and returns -EINVAL; -ENOMEM.
 * Limits are checked too. */
int schema_parse_scalar(struct schema_filler *filler, const struct schema_field *field,
        const char *text, void *to, char why[SCHEMA_WHY_MAX]);

/* Whether the kind is written as one scalar. */
bool schema_kind_is_scalar(enum schema_kind kind);

/* Bytes of the member that the kind fills; 0 for an inline object, whose schema knows. */
size_t schema_kind_size(enum schema_kind kind);

/* What was probably meant by a refused scalar, as a hint; NULL when unknown. */
const char *schema_scalar_hint(
        const struct schema_field *field, const char *text, char hint[PROBLEM_HINT_MAX]);
