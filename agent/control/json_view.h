#pragma once
/* The state of the agent as JSON, member by member as docs/control-api.md describes it. Everything
 * is read from the runtime's snapshots; nothing is kept between two answers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "control/json_writer.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/observation.h"
#include "model/policy.h"
#include "recovery/recovery.h"

struct runtime;

/* One answer being written. */
struct view {
        const struct runtime *runtime;
        struct instant now;
        struct json_writer json;
};

struct view view_of(const struct runtime *runtime, struct strbuf *out);

/* A monotonic moment on the wall clock, as far as the two have drifted apart until now. */
wall_usec_t view_wall(const struct view *view, usec_t mono);

/* Members `key` and `key`_seconds; 0 and USEC_INFINITY: both null. */
void view_past(struct view *view, const char *key, usec_t mono);
void view_future(struct view *view, const char *key, usec_t mono);
/* Member `key`; 0: null. */
void view_wall_moment(struct view *view, const char *key, wall_usec_t wall);
/* Member `key`, from one moment to another; null when either is missing. */
void view_between(struct view *view, const char *key, wall_usec_t from, wall_usec_t to);

/* Each writes one whole object. */
void view_agent(struct view *view, const char *key);
void view_service(struct view *view, uint32_t index);
void view_incident(struct view *view, const char *key, const struct incident *incident);
void view_attempt(struct view *view, const char *key, const struct attempt *attempt);
/* With the record of why it was decided on, as it was kept; "": there is none. */
void view_explained_attempt(struct view *view, const struct attempt *attempt, const char *why);
void view_event(struct view *view, const struct event *event);
void view_observation(struct view *view, const struct observation *observation);

/* Members of the object that is being written. */
void view_incident_members(struct view *view, const struct incident *incident);
void view_observation_members(struct view *view, const struct observation *observation);
void view_pause(struct view *view, const struct service_status *status);

/* What the agent itself lacks, in sentences; calls back for each. */
typedef void (*view_sentence)(void *cookie, const char *sentence);
void view_degraded(const struct view *view, view_sentence sentence, void *cookie);

enum { VIEW_WINDOW_MAX = 65 };
/* The last results of a probe, oldest first: "+++-+". Returns text. */
const char *view_window(const struct probe_status *status, char text[VIEW_WINDOW_MAX]);
