#pragma once
/* The bundle of an incident: what was known right before its first disruptive action, for whoever
 * wants to find the cause later. Collected by a worker thread, never longer than EVIDENCE_LIMIT,
 * scrubbed of secrets, and kept with the incident. */

#include <stdbool.h>

#include "recovery/recovery.h"

struct runtime;
struct evidence_run; /* valid until done was called */

/* Below the second by which the core's patience with an intent exceeds that of the store. */
#define EVIDENCE_LIMIT (900 * USEC_PER_MSEC)

int evidence_open(struct runtime *runtime, struct error *err);
void evidence_close(struct runtime *runtime); /* no done is called any more */

/* Whether this intent is the first of its incident that disturbs the service. */
bool evidence_is_due(const struct attempt *attempt);

/* Begins; `done` is called once, when all is stored or the time is over. NULL: nothing is
 * collected, and done is never called. */
struct evidence_run *evidence_collect(struct runtime *runtime, const struct effect *effect,
        void (*done)(void *cookie), void *cookie);
