#pragma once
/* A client of systemd: the states of the units that somebody watches, kept up to date by signals
 * instead of polling, and the ends of jobs. After a lost connection, a reload or a re-execution of
 * systemd everything is looked up again. Protocol: org.freedesktop.systemd1(5). */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/error.h"
#include "base/list.h"
#include "io/bus.h"
#include "io/unit_snapshot.h"
#include "io/unit_state.h"

#define UNIT_BUS_NAME "org.freedesktop.systemd1"
#define UNIT_BUS_PATH "/org/freedesktop/systemd1"
#define UNIT_BUS_MANAGER "org.freedesktop.systemd1.Manager"

enum { UNIT_BUS_ASKING_MAX = 16 }; /* questions at once: systemd has other work to do as well */

/* Units that are not there, or about which systemd did not answer, are asked about again. */
#define UNIT_BUS_LOOK_AGAIN (10 * USEC_PER_SEC)

struct unit_bus; /* heap */
struct unit_record;

/* `peer`: of a connection of its own, made with the first watch. */
int unit_bus_new(struct unit_bus **ret, struct loop *loop, enum bus_peer peer, struct error *err);
void unit_bus_free(struct unit_bus *units); /* accepts NULL; watches and waits must have ended */

/* The connection, for calls to systemd that have nothing to do with a watched unit. */
struct bus *unit_bus_connection(struct unit_bus *units);

/* ---- Units ---- */

/* One who watches a unit, in memory of the owner. Zeroed memory counts as done. */
struct unit_watch {
        struct list node;
        struct unit_record *record;
        /* Something was learnt: a change, an answer to a question, or that nothing can be learnt at
         * present. May end any watch. */
        void (*changed)(void *cookie);
        void *cookie;
};

struct unit_report {
        bool known; /* false: systemd could not be asked; `why` says more, the rest is old or empty
                     */
        bool asking; /* a question is under way, whose answer may be another */
        const char *why;
        const struct unit_snapshot *snapshot;
        struct unit_verdict verdict;
        enum unit_end end; /* also of a unit that systemd has forgotten meanwhile */
};

/* Begins to watch, by full name. `changed` is never called from within. -ENOMEM. */
int unit_watch_start(struct unit_watch *watch, struct unit_bus *units, const char *name,
        void (*changed)(void *cookie), void *cookie);
void unit_watch_end(struct unit_watch *watch);

/* What is known now; valid until the loop turns. */
void unit_watch_report(const struct unit_watch *watch, struct unit_report *ret);

/* Asks systemd now; `changed` is called with the answer. */
void unit_watch_ask(struct unit_watch *watch);

/* ---- Jobs ---- */

/* One who waits for the end of a job of ours, in memory of the owner. */
struct unit_wait {
        struct list node;
        const char *unit; /* as in `watch` */
        uint32_t job; /* 0: systemd has not answered yet, each job of the unit may be it */
        void (*removed)(void *cookie, const char *result); /* as in JobRemoved: "done", "failed" */
        void *cookie;
};

void unit_wait_start(struct unit_wait *wait, struct unit_bus *units);
void unit_wait_end(struct unit_wait *wait); /* accepts zeroed memory */
