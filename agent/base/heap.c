#include "base/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Positions are 1-based, so the children of p are 2p and 2p + 1, and 0 means "not in". */
static struct heap_entry *entry(const struct heap *heap, size_t position) {
        return &heap->entries[position - 1];
}

static void place(struct heap *heap, struct heap_node *node, size_t position) {
        *entry(heap, position) = (struct heap_entry){.key = node->key, .node = node};
        node->position = position;
}

static void move(struct heap *heap, size_t from, size_t to) {
        *entry(heap, to) = *entry(heap, from);
        entry(heap, to)->node->position = to;
}

static void sift_up(struct heap *heap, struct heap_node *node) {
        size_t position = node->position;

        while (position > 1 && entry(heap, position / 2)->key > node->key) {
                move(heap, position / 2, position);
                position /= 2;
        }
        place(heap, node, position);
}

static size_t smaller_child(const struct heap *heap, size_t position) {
        size_t child = position * 2;
        bool right = child < heap->count && entry(heap, child + 1)->key < entry(heap, child)->key;
        return right ? child + 1 : child;
}

static void sift_down(struct heap *heap, struct heap_node *node) {
        size_t position = node->position;

        while (position * 2 <= heap->count) {
                size_t child = smaller_child(heap, position);
                if (entry(heap, child)->key >= node->key) {
                        break;
                }
                move(heap, child, position);
                position = child;
        }
        place(heap, node, position);
}

int heap_init(struct heap *heap, size_t capacity) {
        *heap = (struct heap){0};
        return heap_reserve(heap, capacity);
}

void heap_done(struct heap *heap) {
        free(heap->entries);
        *heap = (struct heap){0};
}

int heap_reserve(struct heap *heap, size_t capacity) {
        if (capacity <= heap->capacity) {
                return 0;
        }
        struct heap_entry *entries = reallocarray(heap->entries, capacity, sizeof(*entries));
        if (!entries) {
                return -ENOMEM;
        }
        heap->entries = entries;
        heap->capacity = capacity;
        return 0;
}

void heap_set(struct heap *heap, struct heap_node *node, uint64_t key) {
        node->key = key;
        if (node->position == 0) {
                assert(heap->count < heap->capacity);
                node->position = ++heap->count;
                sift_up(heap, node);
                return;
        }
        sift_up(heap, node);
        sift_down(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node) {
        if (node->position == 0) {
                return;
        }
        struct heap_node *last = entry(heap, heap->count)->node;
        size_t hole = node->position;
        heap->count--;
        node->position = 0;
        if (last != node) {
                last->position = hole;
                sift_up(heap, last);
                sift_down(heap, last);
        }
}

struct heap_node *heap_top(const struct heap *heap) {
        return heap->count > 0 ? heap->entries[0].node : NULL;
}
