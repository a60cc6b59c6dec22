#include "sim/agenda.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int agenda_init(struct agenda *agenda, size_t capacity) {
        *agenda = (struct agenda){.capacity = capacity};
        agenda->nodes = calloc(capacity + 1, sizeof(*agenda->nodes));
        return agenda->nodes ? 0 : -ENOMEM;
}

void agenda_done(struct agenda *agenda) {
        free(agenda->nodes);
        *agenda = (struct agenda){0};
}

static bool is_before(const struct agenda_node *a, const struct agenda_node *b) {
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

/* nodes[1..count]; nodes[0] is not used. */
static void put(struct agenda *agenda, struct agenda_node *node, size_t position) {
        agenda->nodes[position] = node;
        node->position = position;
}

static void rise(struct agenda *agenda, struct agenda_node *node) {
        size_t i = node->position;
        for (; i > 1 && is_before(node, agenda->nodes[i / 2]); i /= 2) {
                put(agenda, agenda->nodes[i / 2], i);
        }
        put(agenda, node, i);
}

static void sink(struct agenda *agenda, struct agenda_node *node) {
        size_t i = node->position;
        for (size_t child; (child = 2 * i) <= agenda->count; i = child) {
                if (child < agenda->count &&
                        is_before(agenda->nodes[child + 1], agenda->nodes[child])) {
                        child++;
                }
                if (!is_before(agenda->nodes[child], node)) {
                        break;
                }
                put(agenda, agenda->nodes[child], i);
        }
        put(agenda, node, i);
}

void agenda_set(struct agenda *agenda, struct agenda_node *node, usec_t at) {
        node->at = at;
        if (node->position == 0) {
                assert(agenda->count < agenda->capacity);
                put(agenda, node, ++agenda->count);
        }
        rise(agenda, node);
        sink(agenda, node);
}

void agenda_remove(struct agenda *agenda, struct agenda_node *node) {
        size_t position = node->position;
        if (position == 0) {
                return;
        }
        struct agenda_node *last = agenda->nodes[agenda->count--];
        node->position = 0;
        if (last != node) {
                put(agenda, last, position);
                rise(agenda, last);
                sink(agenda, last);
        }
}

struct agenda_node *agenda_top(const struct agenda *agenda) {
        return agenda->count > 0 ? agenda->nodes[1] : NULL;
}
