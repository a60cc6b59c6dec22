#pragma once
/* Indexed binary min-heap of intrusive nodes, for due times: O(log n) add, move and remove. The
 * array is reserved in advance, so that nothing allocates once the size is known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
        uint64_t key;
        size_t position; /* 1-based; 0: not in a heap */
};

struct heap_entry { /* the key is there twice, because nodes lie far apart in memory */
        uint64_t key;
        struct heap_node *node;
};

struct heap {
        struct heap_entry *entries;
        size_t count, capacity;
};

int heap_init(struct heap *heap, size_t capacity); /* -ENOMEM */
void heap_done(struct heap *heap);
int heap_reserve(struct heap *heap, size_t capacity); /* -ENOMEM, heap unchanged */
void heap_set(struct heap *heap, struct heap_node *node, uint64_t key); /* adds, or moves */
void heap_remove(struct heap *heap, struct heap_node *node); /* a node that is not in: no-op */
struct heap_node *heap_top(const struct heap *heap); /* NULL when empty */
