#pragma once
/* What has to outlive the agent: incidents, attempts (intent before action), the recovery state of
 * each service, pauses, trials of steps, events. SQLite in WAL mode, used by one thread of its own;
 * every call returns at once and completes in the loop. A database that is slow, full, read-only or
 * corrupt degrades the store, it never stalls the caller: see store_degraded().
 *
 * While the store is degraded, attempts, incidents, trials, events and forgotten services wait in
 * memory, within the limits below, and are written first when the database works again. Service,
 * host and call records are not kept: when on_health() reports that the store works again, the
 * caller saves its current state anew. */

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

enum {
        /* Writes that wait. Events are dropped first, then other writes, attempts last. A dropped
         * event is counted; any other dropped write also degrades the store until the queue was
         * written. */
        STORE_QUEUE_EVENTS_MAX = 4096,
        STORE_QUEUE_STATE_MAX = 32768, /* above POLICY_SERVICES_MAX: all may be saved at once */
        STORE_QUEUE_MAX = 36864,
        STORE_QUERIES_MAX = 64, /* queries that wait */
        STORE_ANSWER_MAX = 1000, /* rows of each kind in one answer */
        STORE_WHY_MAX = 16384, /* bytes of the record of one attempt, with the terminating zero */
        STORE_EVIDENCE_MAX = 65536, /* bytes, likewise; longer evidence is cut */
        STORE_RETRY_SECONDS = 30,
        STORE_CORRUPT_KEEP = 3, /* databases that were moved aside */
};

struct store_options {
        const char *path; /* state.db */
        usec_t timeout; /* a write not finished by then completes with -ETIMEDOUT */
        usec_t retry; /* between tries of a database that failed; 0: STORE_RETRY_SECONDS */
        uint64_t keep_incidents, keep_events; /* the newest closed ones; at least 1 each */
        /* Called in the loop at each change between working and degraded; `why` for a person. */
        void (*on_health)(void *cookie, bool degraded, const char *why);
        void *cookie;
};

/* What was known when the agent last ended. Owned by the caller. */
struct store_image {
        struct service_record *services;
        size_t n_services;
        struct trials_record *trials;
        size_t n_trials;
        struct host_record host;
        struct incident *open; /* incidents that are not closed */
        size_t n_open;
        struct call_record *calls; /* for heartbeat probes */
        size_t n_calls;
        uint64_t next_incident; /* larger than every id in the database */
};
void store_image_done(struct store_image *image);

/* Starts the thread. The database is opened there, within options->timeout; this call waits for it
 * at most that long. On a database that cannot be used it still succeeds, degraded, with an empty
 * image whose next_incident is taken from the clock, so that it collides with nothing in the
 * database. A corrupt one is moved aside (state.db.corrupt-TIME, the newest STORE_CORRUPT_KEEP
 * stay) and a new one begun, which on_health() tells in the first turn. A read-only, full, hung,
 * foreign or newer-schema one is left alone and opening is retried. on_health is never called from
 * within. -ENOMEM, -EAGAIN (no thread), -EMFILE. */
int store_open(struct loop *loop, const struct store_options *options, struct store **ret,
        struct store_image *ret_image);

/* Accepts NULL. Writes what is queued, for at most `patience`, and ends. A thread stuck in the
 * kernel is left behind. No callback is called any more. Not from within a callback of the store.
 */
void store_close(struct store *store, usec_t patience);

/* Completion, in the loop: 0, or negative errno (-ETIMEDOUT, -ENOSPC, -EROFS, -EIO, -EBADMSG
 * corrupt, -EAGAIN queue full, -EINVAL the database refuses these values). Called exactly once per
 * call that took it, unless store_close() comes first, and never from within the call. What
 * completed with another code than -EAGAIN and -EINVAL may still become durable later. */
typedef void (*store_done)(void *cookie, int result);

/* One transaction for each call; calls that wait together may share one, in order. `done` may be
 * NULL. All arguments are copied.
 *
 * An attempt is saved when it is intended, and again at each change; its service, incident, number
 * and time of intention identify it. It is on disk (fsync) when done reports 0. The other writes
 * survive a crash of the agent once they are written, and a crash of the host a moment later. */
void store_save_attempt(struct store *store, const struct attempt *attempt, const char *service,
        const struct service_record *record, const struct host_record *host, store_done done,
        void *cookie);
/* Adds to an attempt that was saved before why it was decided on; at most STORE_WHY_MAX - 1 bytes.
 */
void store_save_why(
        struct store *store, const struct attempt *attempt, const char *service, const char *why);
/* Kept with the incident, and deleted with it. */
void store_save_evidence(struct store *store, uint64_t incident, wall_usec_t at, const char *text);
void store_save_incident(struct store *store, const struct incident *incident);
void store_save_service(struct store *store, const struct service_record *record);
void store_save_host(struct store *store, const struct host_record *record);
void store_save_call(struct store *store, const struct call_record *record);
void store_forget_call(struct store *store, const char *service, const char *probe);
void store_save_trials(struct store *store, const struct trials_record *record);
void store_add_event(struct store *store, const struct event *event);
void store_forget_service(struct store *store, const char *name);

bool store_degraded(const struct store *store);
const char *store_why(const struct store *store); /* "" when working */

/* How late the oldest call that is to complete is, now. A call completes in time also when the
 * database hangs, so this grows only when the store itself stands still. */
usec_t store_overdue(const struct store *store);

struct store_counts { /* for the metrics */
        uint64_t writes; /* that became durable */
        uint64_t failures; /* refused values, and each time the database failed */
        uint64_t timeouts; /* writes and queries not finished in time */
        uint64_t dropped; /* writes that never will become durable: queue full, out of memory */
        uint64_t dropped_events; /* those of them that were events */
        uint64_t queued;
        usec_t last_latency, worst_latency;
        uint64_t database_bytes; /* with its write-ahead log */
};
struct store_counts store_counts(const struct store *store);

/* Queries, answered in the loop with copies that live as long as the callback. They see all writes
 * that were asked for before. On failure (-ETIMEDOUT, -EAGAIN, -ENOENT, or what degraded the store)
 * the history is empty, never NULL. */
struct store_why {
        char text[STORE_WHY_MAX]; /* JSON, or "" */
};

struct store_evidence {
        wall_usec_t at;
        char text[STORE_EVIDENCE_MAX];
};

struct store_history {
        struct incident *incidents; /* newest first */
        size_t n_incidents;
        struct attempt *attempts; /* of the one incident asked for, oldest first */
        size_t n_attempts;
        struct event *events; /* of the one incident asked for, oldest first */
        size_t n_events;
        struct store_why *whys; /* of each attempt, in the same order; NULL: none was asked for */
        struct store_evidence *evidence; /* of the one incident asked for; NULL: there is none */
};
typedef void (*store_answer)(void *cookie, int result, const struct store_history *history);

/* The newest `limit` incidents (at most STORE_ANSWER_MAX), of one service or (NULL) all, with id
 * below `before` (0: no bound). */
void store_query_incidents(struct store *store, const char *service, uint64_t before, size_t limit,
        store_answer answer, void *cookie);

/* One incident with its attempts and events; -ENOENT when there is none. */
void store_query_incident(struct store *store, uint64_t id, store_answer answer, void *cookie);
