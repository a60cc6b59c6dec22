/* The board of heartbeats. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "probes/heartbeat.h"

enum { KEY_MAX = 2 * (POLICY_NAME_MAX + 1) };

struct entry {
        struct list node;
        struct heartbeat_record record;
        char service[POLICY_NAME_MAX + 1], probe[POLICY_NAME_MAX + 1];
        char key[KEY_MAX];
};

struct heartbeat_board {
        struct map *by_key;
        struct list entries;
        usec_t since;
};

/* No name holds a slash. */
static const char *key_of(const char *service, const char *probe, char key[KEY_MAX]) {
        snprintf(key, KEY_MAX, "%s/%s", service, probe);
        return key;
}

int heartbeat_board_new(struct heartbeat_board **ret, usec_t now) {
        AUTO_FREE struct heartbeat_board *board = calloc(1, sizeof(*board));
        if (!board || !(board->by_key = map_new())) {
                return -ENOMEM;
        }
        list_init(&board->entries);
        board->since = now;
        *ret = TAKE_PTR(board);
        return 0;
}

static void entry_remove(struct heartbeat_board *board, struct entry *entry) {
        (void) map_remove(board->by_key, entry->key);
        list_remove(&entry->node);
        free(entry);
}

void heartbeat_board_free(struct heartbeat_board *board) {
        if (!board) {
                return;
        }
        LIST_FOREACH (node, &board->entries) {
                entry_remove(board, LIST_ENTRY(node, struct entry, node));
        }
        map_free(board->by_key);
        free(board);
}

static struct entry *entry_new(
        struct heartbeat_board *board, const char *service, const char *probe) {
        AUTO_FREE struct entry *entry = calloc(1, sizeof(*entry));
        if (!entry || !str_copy(entry->service, sizeof(entry->service), service) ||
                !str_copy(entry->probe, sizeof(entry->probe), probe)) {
                return NULL;
        }
        key_of(service, probe, entry->key);
        if (map_put(board->by_key, entry->key, entry) < 0) {
                return NULL;
        }
        list_append(&board->entries, &entry->node);
        return TAKE_PTR(entry);
}

static struct entry *entry_of(
        struct heartbeat_board *board, const char *service, const char *probe) {
        char key[KEY_MAX];
        struct entry *entry = map_get(board->by_key, key_of(service, probe, key));
        return entry ? entry : entry_new(board, service, probe);
}

int heartbeat_board_put(struct heartbeat_board *board, const char *service, const char *probe,
        const struct heartbeat *beat) {
        struct entry *entry = entry_of(board, service, probe);
        if (!entry) {
                return -ENOMEM;
        }
        entry->record = (struct heartbeat_record){.last = *beat};
        return 0;
}

int heartbeat_board_refuse(struct heartbeat_board *board, const char *service, const char *probe,
        usec_t now, const char *why) {
        struct entry *entry = entry_of(board, service, probe);
        if (!entry) {
                return -ENOMEM;
        }
        entry->record.refused = now;
        str_copy(entry->record.why, sizeof(entry->record.why), why);
        return 0;
}

const struct heartbeat_record *heartbeat_board_get(
        const struct heartbeat_board *board, const char *service, const char *probe) {
        char key[KEY_MAX];
        const struct entry *entry = map_get(board->by_key, key_of(service, probe, key));
        return entry ? &entry->record : NULL;
}

usec_t heartbeat_board_since(const struct heartbeat_board *board) {
        return board->since;
}

void heartbeat_board_resume(struct heartbeat_board *board, usec_t now) {
        board->since = now;
}

void heartbeat_board_sweep(struct heartbeat_board *board, const struct policy *policy) {
        LIST_FOREACH (node, &board->entries) {
                struct entry *entry = LIST_ENTRY(node, struct entry, node);
                const struct service *service = policy_service(policy, entry->service);
                if (!service || !policy_probe(service, entry->probe)) {
                        entry_remove(board, entry);
                }
        }
}
