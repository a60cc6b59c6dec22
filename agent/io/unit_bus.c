#include "io/unit_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

#define UNIT_PATHS "/org/freedesktop/systemd1/unit"
#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

enum { N_SIGNALS = 6 };

struct unit_bus {
        struct bus *bus;
        struct bus_user user;
        struct list records; /* struct unit_record */
        struct map *by_path; /* object path -> the first record of that unit */
        struct list questions; /* struct unit_record, that wait to be asked about */
        unsigned n_asking;
        struct list waits; /* struct unit_wait */
        struct loop_timer again;
        struct loop_defer sweeping; /* records that nobody watches any more */
        sd_bus_slot *slots[N_SIGNALS];
        bool joined;
};

/* A unit by the name that somebody watches it by. */
struct unit_record {
        struct list node, question;
        struct unit_bus *units;
        struct list watches;
        char name[UNIT_ID_SIZE];
        char *path; /* of the unit's own name: that of an alias is not in signals */
        struct unit_record *twin; /* another name of the same unit */
        sd_bus_slot *asking; /* NULL: no question is under way */
        bool again; /* another one is to follow */
        bool known;
        char why[160];
        struct unit_snapshot snapshot;
        struct unit_history history;
};

/* ---- Telling ---- */

/* Whoever is called may end any watch, so that no place in the list can be kept. */
static void tell(struct unit_record *record) {
        struct list told;
        list_init(&told);
        while (!list_empty(&record->watches)) {
                struct unit_watch *watch =
                        LIST_ENTRY(record->watches.next, struct unit_watch, node);
                list_remove(&watch->node);
                list_append(&told, &watch->node);
                watch->changed(watch->cookie);
        }
        LIST_FOREACH (node, &told) {
                list_remove(node);
                list_append(&record->watches, node);
        }
}

static void note_unknown(struct unit_record *record, const char *why) {
        record->known = false;
        str_copy(record->why, sizeof(record->why), why);
        str_make_printable(record->why);
}

/* ---- Paths ---- */

static void forget_path(struct unit_record *record) {
        struct map *map = record->units->by_path;
        struct unit_record *first = record->path ? map_get(map, record->path) : NULL;
        if (first == record) {
                map_remove(map, record->path);
                if (record->twin) {
                        /* A place has just become free, so there is room. */
                        (void) map_put(map, record->twin->path, record->twin);
                }
        }
        for (; first && first != record; first = first->twin) {
                if (first->twin == record) {
                        first->twin = record->twin;
                }
        }
        record->twin = NULL;
        free(TAKE_PTR(record->path));
}

static int set_path(struct unit_record *record, const char *id) {
        AUTO_FREE char *path = NULL;
        if (sd_bus_path_encode(UNIT_PATHS, id, &path) < 0) {
                return -ENOMEM;
        }
        if (str_eq(path, record->path)) {
                return 0;
        }
        forget_path(record);
        struct unit_record *first = map_get(record->units->by_path, path);
        record->path = TAKE_PTR(path);
        if (first) {
                record->twin = first->twin;
                first->twin = record;
                return 0;
        }
        return map_put(record->units->by_path, record->path, record);
}

/* The records of a unit, by its own name; NULL when nobody watches it. */
static struct unit_record *records_of(const struct unit_bus *units, const char *id) {
        AUTO_FREE char *path = NULL;
        return sd_bus_path_encode(UNIT_PATHS, id, &path) < 0 ? NULL : map_get(units->by_path, path);
}

/* ---- Asking ---- */

static void ask_next(struct unit_bus *units);

static void look_again_later(struct unit_bus *units) {
        if (!loop_timer_armed(&units->again)) {
                loop_timer_set_after(&units->again, UNIT_BUS_LOOK_AGAIN);
        }
}

static void take_answer(struct unit_record *record, sd_bus_message *answer) {
        struct unit_snapshot fresh = {.restart_pause = USEC_INFINITY};
        int r = unit_snapshot_read(&fresh, answer);
        if (r >= 0 && *fresh.id) {
                r = set_path(record, fresh.id);
        }
        if (r < 0) {
                note_unknown(record, "systemd gave an answer that cannot be read");
                return;
        }
        unit_snapshot_recall(&fresh, &record->snapshot);
        record->snapshot = fresh;
        record->known = true;
        unit_history_feed(&record->history, &record->snapshot);
        if (fresh.load != UNIT_LOADED) {
                look_again_later(record->units);
        }
}

static void take_error(struct unit_record *record, const sd_bus_error *error) {
        char why[160];
        snprintf(why, sizeof(why), "systemd does not tell: %s",
                error->message ? error->message : error->name);
        note_unknown(record, why);
        look_again_later(record->units);
}

static void ask(struct unit_record *record);

static int on_answer(sd_bus_message *answer, void *cookie, sd_bus_error *ret_error) {
        struct unit_record *record = cookie;
        struct unit_bus *units = record->units;
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        (void) ret_error;
        record->asking = sd_bus_slot_unref(record->asking);
        units->n_asking--;
        if (error) {
                take_error(record, error);
        } else {
                take_answer(record, answer);
        }
        if (record->again) { /* the answer is older than what is known to have changed */
                record->again = false;
                ask(record);
        } else {
                tell(record);
        }
        ask_next(units);
        return 0;
}

static void put_question(struct unit_record *record) {
        struct unit_bus *units = record->units;
        int r = sd_bus_call_method_async(bus_connection(units->bus), &record->asking, UNIT_BUS_NAME,
                record->path, PROPERTIES_INTERFACE, "GetAll", on_answer, record, "s", "");
        if (r < 0) {
                note_unknown(record, strerrordesc_np(-r));
                look_again_later(units);
        } else {
                units->n_asking++;
        }
}

static void ask_next(struct unit_bus *units) {
        while (bus_connection(units->bus) && units->n_asking < UNIT_BUS_ASKING_MAX &&
                !list_empty(&units->questions)) {
                struct unit_record *record =
                        LIST_ENTRY(units->questions.next, struct unit_record, question);
                list_remove(&record->question);
                put_question(record);
        }
}

static void ask(struct unit_record *record) {
        if (record->asking) {
                record->again = true;
        } else if (list_empty(&record->question)) {
                list_append(&record->units->questions, &record->question);
                ask_next(record->units);
        }
}

static void ask_all(struct unit_bus *units, bool (*wanted)(const struct unit_record *record)) {
        LIST_FOREACH (node, &units->records) {
                struct unit_record *record = LIST_ENTRY(node, struct unit_record, node);
                if (!wanted || wanted(record)) {
                        ask(record);
                }
        }
}

static bool is_doubtful(const struct unit_record *record) {
        return !record->known || record->snapshot.load != UNIT_LOADED;
}

static void on_again(void *cookie) {
        struct unit_bus *units = cookie;
        if (bus_connection(units->bus)) {
                ask_all(units, is_doubtful);
        }
}

/* ---- Signals ---- */

/* systemd passes through `failed` and `inactive` on its way to a restart, and tells the end of the
 * process before the state: a unit that looks down is asked about once more. */
static void take_change(struct unit_record *record, bool whole) {
        if (!record->known) {
                return;
        }
        if (whole) {
                unit_history_feed(&record->history, &record->snapshot);
        }
        if (unit_is_down(&record->snapshot)) {
                ask(record);
        } else if (whole) {
                tell(record);
        }
}

/* The interface of the unit comes last, after that of the service. */
static int on_properties(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        struct unit_bus *units = cookie;
        const char *path = sd_bus_message_get_path(signal), *interface;
        struct unit_record *record = path ? map_get(units->by_path, path) : NULL;
        (void) ret_error;
        for (; record; record = record->twin) {
                if (sd_bus_message_rewind(signal, true) < 0 ||
                        sd_bus_message_read(signal, "s", &interface) < 0 ||
                        unit_snapshot_read(&record->snapshot, signal) < 0) {
                        ask(record);
                } else {
                        take_change(record, str_eq(interface, UNIT_INTERFACE));
                }
        }
        return 0;
}

static bool is_ours(const struct unit_bus *units, const struct unit_record *record, uint32_t job) {
        LIST_FOREACH (node, &units->waits) {
                const struct unit_wait *wait = LIST_ENTRY(node, struct unit_wait, node);
                if (wait->job ? wait->job == job : str_eq(wait->unit, record->name)) {
                        return true;
                }
        }
        return false;
}

static void tell_removed(struct unit_bus *units, uint32_t job, const char *result) {
        LIST_FOREACH (node, &units->waits) {
                struct unit_wait *wait = LIST_ENTRY(node, struct unit_wait, node);
                if (wait->job == job) {
                        list_remove(&wait->node);
                        wait->removed(wait->cookie, result);
                        return;
                }
        }
}

/* A unit that was not loaded yet changes without a word but these. */
static int on_job_new(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        struct unit_bus *units = cookie;
        uint32_t job;
        const char *path, *unit;
        (void) ret_error;
        if (sd_bus_message_read(signal, "uos", &job, &path, &unit) >= 0) {
                for (struct unit_record *i = records_of(units, unit); i; i = i->twin) {
                        ask(i);
                }
        }
        return 0;
}

static int on_job_removed(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        struct unit_bus *units = cookie;
        uint32_t job;
        const char *path, *unit, *result;
        (void) ret_error;
        if (sd_bus_message_read(signal, "uoss", &job, &path, &unit, &result) < 0) {
                return 0;
        }
        for (struct unit_record *i = records_of(units, unit); i; i = i->twin) {
                unit_history_job_ended(&i->history, str_eq(result, "done"), is_ours(units, i, job));
                i->snapshot.job = i->snapshot.job == job ? 0 : i->snapshot.job;
                ask(i);
        }
        tell_removed(units, job, result);
        return 0;
}

static int on_reloading(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        struct unit_bus *units = cookie;
        int begins = 0;
        (void) ret_error;
        if (sd_bus_message_read(signal, "b", &begins) >= 0 && !begins) {
                ask_all(units, NULL);
        }
        return 0;
}

static int on_files_changed(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        (void) signal;
        (void) ret_error;
        ask_all(cookie, is_doubtful);
        return 0;
}

/* ---- The connection ---- */

/* Without it systemd sends no signals over a message bus; a refusal shows in their absence only,
 * and over the private socket it means nothing. */
static void subscribe(struct unit_bus *units) {
        int r = sd_bus_call_method_async(bus_connection(units->bus), NULL, UNIT_BUS_NAME,
                UNIT_BUS_PATH, UNIT_BUS_MANAGER, "Subscribe", NULL, NULL, "");
        if (r < 0) {
                log_warning(
                        "systemd cannot be asked for signals: %s, ignoring", strerrordesc_np(-r));
        }
}

static int on_owner_changed(sd_bus_message *signal, void *cookie, sd_bus_error *ret_error) {
        struct unit_bus *units = cookie;
        const char *name, *before, *after;
        (void) ret_error;
        if (sd_bus_message_read(signal, "sss", &name, &before, &after) >= 0 && *after) {
                subscribe(units);
                ask_all(units, NULL);
        }
        return 0;
}

#define OF_MANAGER(name)                                                                           \
        {                                                                                          \
                .sender = UNIT_BUS_NAME, .path = UNIT_BUS_PATH, .interface = UNIT_BUS_MANAGER,     \
                .member = (name)                                                                   \
        }

static const struct signal {
        struct bus_match match;
        sd_bus_message_handler_t handler;
} signals[N_SIGNALS] = {
        {{.sender = UNIT_BUS_NAME,
                 .path_namespace = UNIT_PATHS,
                 .interface = PROPERTIES_INTERFACE,
                 .member = "PropertiesChanged"},
                on_properties},
        {OF_MANAGER("JobNew"), on_job_new},
        {OF_MANAGER("JobRemoved"), on_job_removed},
        {OF_MANAGER("Reloading"), on_reloading},
        {OF_MANAGER("UnitFilesChanged"), on_files_changed},
        {{.sender = "org.freedesktop.DBus",
                 .interface = "org.freedesktop.DBus",
                 .member = "NameOwnerChanged",
                 .arg0 = UNIT_BUS_NAME},
                on_owner_changed},
};

static void on_up(void *cookie) {
        struct unit_bus *units = cookie;
        for (size_t i = 0; i < N_SIGNALS; i++) {
                int r = bus_match_add(
                        units->bus, &units->slots[i], &signals[i].match, signals[i].handler, units);
                if (r < 0) {
                        log_warning("systemd's %s cannot be watched: %s, ignoring",
                                signals[i].match.member, strerrordesc_np(-r));
                }
        }
        subscribe(units);
        loop_timer_cancel(&units->again);
        ask_all(units, NULL);
        ask_next(units); /* what was asked for meanwhile */
}

static void lose_record(struct unit_record *record, const char *why) {
        record->asking = sd_bus_slot_unref(record->asking);
        record->again = false;
        list_remove(&record->question);
        unit_history_gap(&record->history);
        note_unknown(record, why);
}

static void on_down(void *cookie, const char *why) {
        struct unit_bus *units = cookie;
        for (size_t i = 0; i < N_SIGNALS; i++) {
                units->slots[i] = sd_bus_slot_unref(units->slots[i]);
        }
        units->n_asking = 0;
        LIST_FOREACH (node, &units->records) {
                lose_record(LIST_ENTRY(node, struct unit_record, node), why);
        }
        LIST_FOREACH (node, &units->records) {
                tell(LIST_ENTRY(node, struct unit_record, node));
        }
}

/* ---- Made and freed ---- */

static void record_free(struct unit_record *record) {
        if (record->asking) {
                sd_bus_slot_unref(record->asking);
                record->units->n_asking--;
        }
        list_remove(&record->question);
        list_remove(&record->node);
        forget_path(record);
        free(record);
}

static void sweep(void *cookie) {
        struct unit_bus *units = cookie;
        LIST_FOREACH (node, &units->records) {
                struct unit_record *record = LIST_ENTRY(node, struct unit_record, node);
                if (list_empty(&record->watches)) {
                        record_free(record);
                }
        }
        ask_next(units);
}

DEFINE_CLEANUP(cleanup_units, struct unit_bus, unit_bus_free)

int unit_bus_new(struct unit_bus **ret, struct loop *loop, enum bus_peer peer, struct error *err) {
        AUTO(cleanup_units) struct unit_bus *units = calloc(1, sizeof(*units));
        if (!units) {
                return error_set(err, ENOMEM, "out of memory");
        }
        list_init(&units->records);
        list_init(&units->questions);
        list_init(&units->waits);
        loop_defer_init(&units->sweeping, loop, sweep, units);
        units->user = (struct bus_user){.on_up = on_up, .on_down = on_down, .cookie = units};
        if (!(units->by_path = map_new()) ||
                loop_timer_init(&units->again, loop, on_again, units) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        int r = bus_new(&units->bus, loop, peer, err);
        if (r == 0) {
                *ret = TAKE_PTR(units);
        }
        return r;
}

void unit_bus_free(struct unit_bus *units) {
        if (!units) {
                return;
        }
        LIST_FOREACH (node, &units->records) {
                record_free(LIST_ENTRY(node, struct unit_record, node));
        }
        for (size_t i = 0; i < N_SIGNALS; i++) {
                sd_bus_slot_unref(units->slots[i]);
        }
        loop_defer_cancel(&units->sweeping);
        if (units->joined) {
                bus_leave(units->bus, &units->user);
        }
        bus_free(units->bus);
        loop_timer_done(&units->again);
        map_free(units->by_path);
        free(units);
}

struct bus *unit_bus_connection(struct unit_bus *units) {
        return units->bus;
}

/* ---- Records ---- */

static struct unit_record *record_new(struct unit_bus *units, const char *name) {
        struct unit_record *record = calloc(1, sizeof(*record));
        if (!record) {
                return NULL;
        }
        record->units = units;
        str_copy(record->name, sizeof(record->name), name);
        str_copy(record->snapshot.id, sizeof(record->snapshot.id), name);
        list_init(&record->watches);
        list_init(&record->question);
        list_append(&units->records, &record->node);
        note_unknown(record,
                bus_connection(units->bus) ? "systemd has not answered yet" : bus_why(units->bus));
        if (set_path(record, name) < 0) { /* swept away again, as nobody watches it */
                loop_defer_schedule(&units->sweeping);
                return NULL;
        }
        return record;
}

static struct unit_record *find_record(struct unit_bus *units, const char *name) {
        struct unit_record *record = records_of(units, name);
        while (record && !str_eq(record->name, name)) {
                record = record->twin;
        }
        return record;
}

static void join(struct unit_bus *units) {
        if (!units->joined) {
                units->joined = true;
                bus_join(units->bus, &units->user);
                if (bus_connection(units->bus)) { /* others use it already */
                        on_up(units);
                }
        }
}

int unit_watch_start(struct unit_watch *watch, struct unit_bus *units, const char *name,
        void (*changed)(void *cookie), void *cookie) {
        struct unit_record *record = find_record(units, name);
        if (!record && !(record = record_new(units, name))) {
                return -ENOMEM;
        }
        *watch = (struct unit_watch){.record = record, .changed = changed, .cookie = cookie};
        list_append(&record->watches, &watch->node);
        join(units);
        ask(record);
        return 0;
}

void unit_watch_end(struct unit_watch *watch) {
        struct unit_record *record = watch->record;
        if (!record) {
                return;
        }
        watch->record = NULL;
        list_remove(&watch->node);
        loop_defer_schedule(&record->units->sweeping);
}

void unit_watch_report(const struct unit_watch *watch, struct unit_report *ret) {
        const struct unit_record *record = watch->record;
        bool own = record->snapshot.job && is_ours(record->units, record, record->snapshot.job);
        *ret = (struct unit_report){
                .known = record->known,
                .asking = record->asking || !list_empty(&record->question),
                .why = record->why,
                .snapshot = &record->snapshot,
                .end = record->history.end,
        };
        unit_judge(&record->snapshot, &record->history, own, &ret->verdict);
}

void unit_watch_ask(struct unit_watch *watch) {
        ask(watch->record);
}

/* ---- Waiting for jobs ---- */

void unit_wait_start(struct unit_wait *wait, struct unit_bus *units) {
        list_append(&units->waits, &wait->node);
}

void unit_wait_end(struct unit_wait *wait) {
        if (wait->node.next) {
                list_remove(&wait->node);
        }
}
