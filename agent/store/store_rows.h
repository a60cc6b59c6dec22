#pragma once
/* Records as rows and back. All functions run in the thread of the store, inside a transaction that
 * the caller began; errors are those of store_database.h. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/record.h"
#include "store/store.h"
#include "store/store_database.h"

int store_rows_save_service(
        struct store_database *database, const struct service_record *record, struct error *err);
int store_rows_forget_service(
        struct store_database *database, const char *service, struct error *err);
int store_rows_save_host(
        struct store_database *database, const struct host_record *record, struct error *err);
int store_rows_save_call(
        struct store_database *database, const struct call_record *record, struct error *err);
int store_rows_forget_call(
        struct store_database *database, const struct call_record *record, struct error *err);
int store_rows_save_why(struct store_database *database, const char *service,
        const struct attempt *attempt, const char *why, struct error *err);
int store_rows_save_evidence(struct store_database *database, uint64_t incident, wall_usec_t at,
        const char *text, struct error *err);
int store_rows_save_trials(
        struct store_database *database, const struct trials_record *record, struct error *err);
int store_rows_save_incident(
        struct store_database *database, const struct incident *incident, struct error *err);
int store_rows_save_attempt(struct store_database *database, const char *service,
        const struct attempt *attempt, struct error *err);
int store_rows_add_event(
        struct store_database *database, const struct event *event, struct error *err);

/* Everything the agent starts from. On failure the image is empty. */
int store_rows_load(
        struct store_database *database, struct store_image *ret_image, struct error *err);

/* As store_query_incidents() and store_query_incident(). The arrays are the caller's, also on
 * failure. */
int store_rows_incidents(struct store_database *database, const char *service, uint64_t before,
        size_t limit, struct store_history *ret_history, struct error *err);
int store_rows_incident(struct store_database *database, uint64_t id,
        struct store_history *ret_history, struct error *err);
void store_history_done(struct store_history *history);

enum { STORE_TRIM_MAX = 256 }; /* rows that one round deletes, of each kind */

/* One round of deleting closed incidents beyond the newest `keep_incidents`, with their attempts
 * and events, and events beyond the newest `keep_events`. Returns STORE_TRIM_MAX when there may be
 * more. */
int store_rows_trim(struct store_database *database, uint64_t keep_incidents, uint64_t keep_events,
        struct error *err);
