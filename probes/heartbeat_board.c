/* The board of heartbeats. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "probes/heartbeat.h"
#include "probes/probe.h"

enum { KEY_MAX = 2 * (POLICY_NAME_MAX + 1) };

struct entry {
        struct list node;
        struct heartbeat_record record;
        usec_t limit; /* period and grace */
        struct instant since; /* of the record, on the clocks of that boot */
        wall_usec_t excused; /* of the record */
        char boot_id[BOOT_ID_MAX];
        bool dirty, overdue; /* as it was saved last */
        char service[POLICY_NAME_MAX + 1], probe[POLICY_NAME_MAX + 1];
        char key[KEY_MAX];
};

struct heartbeat_board {
        struct map *by_key;
        struct list entries;
        char boot_id[BOOT_ID_MAX]; /* "": not known */
};

/* No name holds a slash. */
static const char *key_of(const char *service, const char *probe, char key[KEY_MAX]) {
        snprintf(key, KEY_MAX, "%s/%s", service, probe);
        return key;
}

int heartbeat_board_new(struct heartbeat_board **ret) {
        AUTO_FREE struct heartbeat_board *board = calloc(1, sizeof(*board));
        if (!board || !(board->by_key = map_new())) {
                return -ENOMEM;
        }
        list_init(&board->entries);
        if (clock_boot_id(board->boot_id) < 0) {
                board->boot_id[0] = '\0';
        }
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

static bool is_overdue(const struct entry *entry, usec_t now) {
        return (int64_t) now - entry->record.since > (int64_t) entry->limit;
}

static void count_from(struct heartbeat_board *board, struct entry *entry, struct instant since) {
        entry->record.since = (int64_t) since.mono;
        entry->record.is_excused = false;
        entry->since = since;
        str_copy(entry->boot_id, sizeof(entry->boot_id), board->boot_id);
        entry->dirty = true;
}

int heartbeat_board_put(struct heartbeat_board *board, const char *service, const char *probe,
        const struct heartbeat *beat) {
        struct entry *entry = entry_of(board, service, probe);
        if (!entry) {
                return -ENOMEM;
        }
        bool news = entry->overdue || entry->record.last.failed != beat->failed;
        entry->record = (struct heartbeat_record){.last = *beat, .called = true};
        count_from(board, entry, beat->at);
        return news;
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

static void excuse(struct entry *entry, int64_t until, wall_usec_t wall) {
        entry->record.is_excused = true;
        entry->record.excused = until;
        entry->excused = wall;
        entry->dirty = true;
}

void heartbeat_board_break(struct heartbeat_board *board, usec_t from, struct instant to) {
        LIST_FOREACH (node, &board->entries) {
                struct entry *entry = LIST_ENTRY(node, struct entry, node);
                if (!is_overdue(entry, from)) {
                        excuse(entry, (int64_t) to.mono, to.wall);
                }
        }
}

/* ---- Which are expected ---- */

bool heartbeat_expected(const struct probe_spec *spec) {
        return str_eq(probe_types[spec->type]->name, "heartbeat");
}

static const struct probe_spec *spec_of(const struct policy *policy, const struct entry *entry) {
        const struct service *service = policy_service(policy, entry->service);
        const struct probe_spec *spec = service ? policy_probe(service, entry->probe) : NULL;
        return spec && heartbeat_expected(spec) ? spec : NULL;
}

static void sweep(struct heartbeat_board *board, const struct policy *policy) {
        LIST_FOREACH (node, &board->entries) {
                struct entry *entry = LIST_ENTRY(node, struct entry, node);
                if (!spec_of(policy, entry)) {
                        entry_remove(board, entry);
                }
        }
}

static int expect(struct heartbeat_board *board, const struct service *service,
        const struct probe_spec *spec, struct instant now) {
        const struct heartbeat_params *params = spec->params;
        bool known = heartbeat_board_get(board, service->name, spec->name);
        struct entry *entry = entry_of(board, service->name, spec->name);
        if (!entry) {
                return -ENOMEM;
        }
        entry->limit = usec_add(params->period, params->grace);
        if (!known) {
                count_from(board, entry, now);
        }
        return 0;
}

int heartbeat_board_expect(
        struct heartbeat_board *board, const struct policy *policy, struct instant now) {
        int r = 0;
        sweep(board, policy);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *service = &policy->services[i];
                for (uint32_t j = 0; r == 0 && j < service->n_probes; j++) {
                        if (heartbeat_expected(&service->probes[j])) {
                                r = expect(board, service, &service->probes[j], now);
                        }
                }
        }
        return r;
}

/* ---- What outlives the agent ---- */

static void fill_record(const struct entry *entry, struct call_record *ret) {
        *ret = (struct call_record){
                .since = entry->since,
                .called = entry->record.called,
                .failed = entry->record.last.failed,
                .overdue = entry->overdue,
                .excused = entry->record.is_excused ? entry->excused : 0,
        };
        str_copy(ret->service, sizeof(ret->service), entry->service);
        str_copy(ret->probe, sizeof(ret->probe), entry->probe);
        str_copy(ret->boot_id, sizeof(ret->boot_id), entry->boot_id);
        str_copy(ret->text, sizeof(ret->text), entry->record.last.text);
}

void heartbeat_board_save(struct heartbeat_board *board, usec_t now, bool all,
        void (*save)(void *cookie, const struct call_record *record), void *cookie) {
        LIST_FOREACH (node, &board->entries) {
                struct entry *entry = LIST_ENTRY(node, struct entry, node);
                bool overdue = is_overdue(entry, now);
                if (all || entry->dirty || overdue != entry->overdue) {
                        struct call_record record;
                        entry->overdue = overdue;
                        entry->dirty = false;
                        fill_record(entry, &record);
                        save(cookie, &record);
                }
        }
}

/* After a boot only wall time is left, which may lie: never in the future. */
static usec_t age_of(
        const struct heartbeat_board *board, const struct call_record *record, struct instant now) {
        bool same_boot = *board->boot_id && str_eq(board->boot_id, record->boot_id);
        return same_boot ? usec_sub(now.mono, record->since.mono)
                         : usec_sub(now.wall, record->since.wall);
}

bool heartbeat_board_restore(
        struct heartbeat_board *board, const struct call_record *record, struct instant now) {
        char key[KEY_MAX];
        struct entry *entry = map_get(board->by_key, key_of(record->service, record->probe, key));
        if (!entry) {
                return false;
        }
        usec_t age = age_of(board, record, now);
        entry->record = (struct heartbeat_record){
                .last = {.at = {.mono = usec_sub(now.mono, age), .wall = record->since.wall},
                        .failed = record->failed},
                .called = record->called,
                .since = (int64_t) now.mono - (int64_t) age,
        };
        str_copy(entry->record.last.text, sizeof(entry->record.last.text), record->text);
        str_copy(entry->boot_id, sizeof(entry->boot_id), record->boot_id);
        entry->since = record->since;
        entry->overdue = record->overdue;
        entry->dirty = false;
        if (!record->overdue) {
                excuse(entry, (int64_t) now.mono, now.wall);
        } else if (record->excused > 0) {
                usec_t ago = usec_sub(now.wall, record->excused);
                excuse(entry, (int64_t) now.mono - (int64_t) ago, record->excused);
        }
        return true;
}
