#pragma once
/* What is to happen in virtual time: a heap of intrusive nodes like base/heap, in an order that is
 * total, so that a run does not depend on when a node was put in. Nothing allocates once the size
 * is known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct agenda_node {
        usec_t at;
        uint64_t order; /* among those of the same moment; unique, set by the owner */
        size_t position; /* 1-based; 0: not in the agenda */
};

struct agenda {
        struct agenda_node **nodes;
        size_t count, capacity;
};

int agenda_init(struct agenda *agenda, size_t capacity); /* -ENOMEM */
void agenda_done(struct agenda *agenda);
void agenda_set(struct agenda *agenda, struct agenda_node *node, usec_t at); /* adds, or moves */
void agenda_remove(struct agenda *agenda, struct agenda_node *node); /* not in it: no-op */
static inline bool agenda_is_planned(const struct agenda_node *node) {
        return node->position != 0;
}
struct agenda_node *agenda_top(const struct agenda *agenda); /* NULL when empty */
