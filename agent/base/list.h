#pragma once
/* Intrusive doubly linked list. A node is a member of the element; LIST_ENTRY gets the element
 * back. */

#include <stdbool.h>
#include <stddef.h>

struct list {
        struct list *next, *previous;
};

#define LIST_ENTRY(node, type, member) ((type *) ((char *) (node) -offsetof(type, member)))

/* Safe against removal of the current node. */
#define LIST_FOREACH(node, head)                                                                   \
        for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
                node = node##_next, node##_next = node->next)

static inline void list_init(struct list *head) {
        head->next = head->previous = head;
}

static inline bool list_empty(const struct list *head) {
        return head->next == head;
}

static inline void list_append(struct list *head, struct list *node) {
        node->next = head;
        node->previous = head->previous;
        head->previous->next = node;
        head->previous = node;
}

/* A removed node may be removed again, and appended anywhere. */
static inline void list_remove(struct list *node) {
        node->next->previous = node->previous;
        node->previous->next = node->next;
        node->next = node->previous = node;
}
