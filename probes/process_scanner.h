#pragma once
/* Looks at all processes for many probes at once: those that ask in the same turn, or shortly after
 * each other, get the same table, which one worker thread reads. */

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"
#include "probes/process_table.h"

struct process_scanner;

/* `proc` is where proc(5) is mounted; a literal. */
int process_scanner_new(
        struct process_scanner **ret, struct loop *loop, const char *proc, struct error *err);
void process_scanner_free(struct process_scanner *scanner); /* nobody may wait any more */

/* A question under way, in the memory of who asks; zeroed means none. */
struct process_query {
        struct list node;
        struct loop_timer deadline;
        struct process_scanner *scanner; /* NULL: none under way */
        bool programs;
        /* Once: the table, borrowed for the call, or NULL and a negative errno. */
        void (*done)(void *cookie, const struct process_table *table, int code);
        void *cookie;
};

/* Asks for a table that is at most a second old; `done` may be called at once. */
void process_query_start(struct process_query *query, struct process_scanner *scanner,
        usec_t deadline, bool programs);

/* `done` is not called any more. */
void process_query_cancel(struct process_query *query);
