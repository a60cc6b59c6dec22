#pragma once
/* What has to outlive the agent: incidents, attempts (intent before action), the recovery state of
 * each service, pauses, events. SQLite in WAL mode, used by one thread of its own; every call
 * returns at once and completes in the loop. A database that is slow, full, read-only or corrupt
 * degrades the store, it never stalls the caller: see store_health. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/record.h"

struct loop;
struct store; /* heap */

enum { STORE_QUEUE_MAX = 4096, STORE_SCHEMA_VERSION = 1 };

struct store_options {
        const char *path; /* state.db */
        usec_t timeout; /* a write not finished by then completes with -ETIMEDOUT */
        uint64_t keep_incidents, keep_events;
        /* Called in the loop at each change between working and degraded; `why` for a person. */
        void (*on_health)(void *cookie, bool degraded, const char *why);
        void *cookie;
};

/* What was known when the agent last ended. Owned by the caller. */
struct store_image {
        struct service_record *services;
        size_t n_services;
        struct host_record host;
        struct incident *open; /* incidents that are not closed */
        size_t n_open;
        uint64_t next_incident; /* larger than every id in the database */
};
void store_image_done(struct store_image *image);

/* Starts the thread. The database is opened there, within options->timeout; this call waits for it
 * at most that long. On a database that cannot be used it still succeeds, degraded, with an empty
 * image: a corrupt one is moved aside (state.db.corrupt-TIME) and a new one begun; a read-only,
 * full, hung or newer-schema one is left alone and opening is retried every 30 s. -ENOMEM only. */
int store_open(struct loop *loop, const struct store_options *options, struct store **ret,
        struct store_image *ret_image);

/* Writes what is queued, for at most `patience`, and ends. A thread stuck in the kernel is left
 * behind. */
void store_close(struct store *store, usec_t patience);

/* Completion, in the loop: 0, or negative errno (-ETIMEDOUT, -ENOSPC, -EROFS, -EIO, -EBADMSG
 * corrupt, -EAGAIN queue full). Called exactly once per call that took it, never from within the
 * call. A write that timed out may still become durable later. */
typedef void (*store_done)(void *cookie, int result);

/* One transaction for each; `done` may be NULL. All arguments are copied. Writes complete in order.
 */
void store_save_attempt(struct store *store, const struct attempt *attempt, const char *service,
        const struct service_record *record, const struct host_record *host, store_done done,
        void *cookie);
void store_save_incident(struct store *store, const struct incident *incident);
void store_save_service(struct store *store, const struct service_record *record);
void store_save_host(struct store *store, const struct host_record *record);
void store_add_event(struct store *store, const struct event *event);
void store_forget_service(struct store *store, const char *name);

bool store_degraded(const struct store *store);
const char *store_why(const struct store *store); /* "" when working */

struct store_counts { /* for the metrics */
        uint64_t writes, failures, timeouts, dropped, queued;
        usec_t last_latency, worst_latency;
        uint64_t database_bytes;
};
struct store_counts store_counts(const struct store *store);

/* Queries, answered in the loop with copies that the callback owns for its duration. */
struct store_history {
        struct incident *incidents; /* newest first */
        size_t n_incidents;
        struct attempt *attempts; /* of the one incident asked for, oldest first */
        size_t n_attempts;
        struct event *events; /* of the one incident asked for, oldest first */
        size_t n_events;
};
typedef void (*store_answer)(void *cookie, int result, const struct store_history *history);

/* The newest `limit` incidents, of one service or (NULL) all, with id below `before` (0: no bound).
 */
void store_query_incidents(struct store *store, const char *service, uint64_t before, size_t limit,
        store_answer answer, void *cookie);

/* One incident with its attempts and events; -ENOENT when there is none. */
void store_query_incident(struct store *store, uint64_t id, store_answer answer, void *cookie);
