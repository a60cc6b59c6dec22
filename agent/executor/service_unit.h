#pragma once
/* Command services as transient units of systemd: their names, and how their processes ended, which
 * only systemd learns, whose children they are. All else is as for a child: the executor holds the
 * main process by its pidfd and the group by its cgroup. */

#include <stdbool.h>

#include "base/error.h"
#include "executor/managed.h"
#include "io/transient_unit.h"

#define SERVICE_UNIT_SLICE "recoverd.slice"
#define SERVICE_UNIT_PATIENCE (2 * USEC_PER_SEC) /* for systemd to say how a process ended */

enum service_units { SERVICE_UNITS_AUTO = 0, SERVICE_UNITS_YES, SERVICE_UNITS_NO };

/* Whether services become units: by default where systemd runs and a standing executor of root
 * serves. */
bool service_units_chosen(enum service_units wish, bool standing);

/* Where systemd will put a unit of that slice. */
int service_unit_cgroup(const char *unit, char ret[CONTROL_GROUP_PATH_MAX], struct error *err);

/* The directory of a cgroup that systemd names, as "/system.slice/nginx.service". */
int service_unit_directory(
        const char *control_group, char ret[CONTROL_GROUP_PATH_MAX], struct error *err);

/* Writes unit and cgroup into the service's state. */
int service_unit_plan(struct managed *managed, struct error *err);

struct service_unit; /* heap: follows the unit of a process that is held */

/* NULL when out of memory or systemd cannot be asked: then nobody will know how it ends. */
struct service_unit *service_unit_follow(struct managed *managed);
void service_unit_free(struct service_unit *unit); /* accepts NULL */

/* Whether systemd is told to stop it, as far as is known; the agent hears of it. Accepts NULL. */
bool service_unit_stopping(const struct service_unit *unit);

/* The process has ended: calls back once systemd has said how and why, or was silent for too long;
 * never from within. Returns false when it is known already. */
bool service_unit_await(struct service_unit *unit, void (*known)(struct managed *managed));

/* Fills in the exit of the state, WIRE_EXIT_UNKNOWN when systemd did not say, and whether it ended
 * by a stop job, which is always somebody else's: the executor's own stops need none. */
void service_unit_exit(const struct service_unit *unit, struct service_state *state);
