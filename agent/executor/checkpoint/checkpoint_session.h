#pragma once
/* What most commands begin with: the store, and the checkpoints of a service. */

#include <json-c/json.h>

#include "base/error.h"
#include "executor/checkpoint/catalog.h"
#include "executor/checkpoint/checkpoint_create.h"
#include "executor/checkpoint/checkpoint_options.h"
#include "executor/checkpoint/depot.h"

struct checkpoint_session {
        struct depot depot;
        struct catalog catalog;
};

/* To be ended whatever comes of it. The catalog stays closed where the call names no service. */
int session_begin(struct checkpoint_session *session, const struct checkpoint_call *call,
        enum depot_access depot, enum catalog_access catalog, struct error *err);
void session_end(struct checkpoint_session *session);

/* "states": how many checkpoints the service has of each. */
void session_put_states(struct json_object *answer, const struct catalog *catalog);

/* A checkpoint as it is printed, with its service. */
struct json_object *session_describe(
        const struct catalog *catalog, const struct checkpoint *checkpoint);
/* Adds the list of what was skipped, and of what is torn. */
void session_put_notes(struct json_object *answer, const struct present *present);
