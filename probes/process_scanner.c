#include "probes/process_scanner.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "io/worker.h"

/* How old a table may be for another who asks. */
#define TABLE_FRESH USEC_PER_SEC

/* Reading takes some milliseconds; a kernel that answers no more is given up after this. */
#define READ_PATIENCE (10 * USEC_PER_SEC)

struct scan { /* of the thread, and with it of the pool */
        const char *proc;
        bool programs;
        struct process_table *table;
};

struct process_scanner {
        struct loop *loop;
        const char *proc;
        struct worker_pool *pool;
        struct list waiting;
        struct loop_defer begin;
        bool reading, reading_programs;
        struct process_table *table; /* the last, or NULL */
        usec_t begun; /* when reading it began */
};

static int run_scan(void *data) {
        struct scan *scan = data;
        return process_table_read(&scan->table, scan->proc, scan->programs);
}

static void release_scan(void *data) {
        struct scan *scan = data;
        process_table_free(scan->table);
        free(scan);
}

static void finish(struct process_query *query, const struct process_table *table, int code) {
        list_remove(&query->node);
        loop_timer_done(&query->deadline);
        query->scanner = NULL;
        query->done(query->cookie, table, code);
}

static bool answers(const struct process_table *table, const struct process_query *query) {
        return table && (table->has_programs || !query->programs);
}

/* Those that came while the table was read get the next one, if this one lacks what they need. */
static void answer_all(struct process_scanner *scanner, int code) {
        struct list now = {0};
        list_init(&now);
        LIST_FOREACH (node, &scanner->waiting) {
                struct process_query *query = LIST_ENTRY(node, struct process_query, node);
                if (code < 0 || answers(scanner->table, query)) {
                        list_remove(node);
                        list_append(&now, node);
                }
        }
        while (!list_empty(&now)) {
                finish(LIST_ENTRY(now.next, struct process_query, node),
                        code < 0 ? NULL : scanner->table, code);
        }
        if (!list_empty(&scanner->waiting)) {
                loop_defer_schedule(&scanner->begin);
        }
}

static void on_scanned(void *cookie, int result, void *data) {
        struct process_scanner *scanner = cookie;
        struct scan *scan = data;
        scanner->reading = false;
        if (result >= 0 && scan) {
                process_table_free(scanner->table);
                scanner->table = TAKE_PTR(scan->table);
        }
        answer_all(scanner, result);
}

static bool want_programs(const struct process_scanner *scanner) {
        LIST_FOREACH (node, &scanner->waiting) {
                if (LIST_ENTRY(node, struct process_query, node)->programs) {
                        return true;
                }
        }
        return false;
}

/* At the end of the turn, so that all that ask in it share one table. */
static void begin(void *cookie) {
        struct process_scanner *scanner = cookie;
        if (scanner->reading || list_empty(&scanner->waiting)) {
                return;
        }
        struct scan *scan = calloc(1, sizeof(*scan));
        int r = -ENOMEM;
        usec_t now = loop_now(scanner->loop).mono;
        if (scan) {
                scan->proc = scanner->proc;
                scan->programs = want_programs(scanner);
                const struct worker_job job = {
                        .run = run_scan,
                        .release = release_scan,
                        .done = on_scanned,
                        .data = scan,
                        .cookie = scanner,
                        .deadline = usec_add(now, READ_PATIENCE),
                };
                r = worker_submit(scanner->pool, &job, NULL, NULL);
        }
        if (r < 0) {
                free(scan);
                answer_all(scanner, r);
                return;
        }
        scanner->reading = true;
        scanner->begun = now;
}

static void on_deadline(void *cookie) {
        finish(cookie, NULL, -ETIMEDOUT);
}

void process_query_start(struct process_query *query, struct process_scanner *scanner,
        usec_t deadline, bool programs) {
        usec_t now = loop_now(scanner->loop).mono;
        list_init(&query->node);
        query->scanner = scanner;
        query->programs = programs;
        if (!scanner->reading && answers(scanner->table, query) &&
                usec_sub(now, scanner->begun) <= TABLE_FRESH) {
                finish(query, scanner->table, 0);
                return;
        }
        if (loop_timer_init(&query->deadline, scanner->loop, on_deadline, query) < 0) {
                finish(query, NULL, -ENOMEM);
                return;
        }
        loop_timer_set(&query->deadline, deadline);
        list_append(&scanner->waiting, &query->node);
        loop_defer_schedule(&scanner->begin);
}

void process_query_cancel(struct process_query *query) {
        if (query->scanner) {
                list_remove(&query->node);
                loop_timer_done(&query->deadline);
                query->scanner = NULL;
        }
}

DEFINE_CLEANUP(cleanup_scanner, struct process_scanner, process_scanner_free)

int process_scanner_new(
        struct process_scanner **ret, struct loop *loop, const char *proc, struct error *err) {
        static const struct worker_limits limits = {
                .name = "process table", .max_threads = 1, .max_queue = 1, .max_stuck = 2};
        AUTO(cleanup_scanner) struct process_scanner *scanner = calloc(1, sizeof(*scanner));
        if (!scanner) {
                return error_set(err, ENOMEM, "out of memory");
        }
        scanner->loop = loop;
        scanner->proc = proc;
        list_init(&scanner->waiting);
        loop_defer_init(&scanner->begin, loop, begin, scanner);
        int r = worker_pool_new(&scanner->pool, loop, &limits, err);
        if (r < 0) {
                return r;
        }
        *ret = TAKE_PTR(scanner);
        return 0;
}

void process_scanner_free(struct process_scanner *scanner) {
        if (scanner) {
                loop_defer_cancel(&scanner->begin);
                worker_pool_free(scanner->pool);
                process_table_free(scanner->table);
                free(scanner);
        }
}
