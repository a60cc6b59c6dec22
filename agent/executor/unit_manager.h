#pragma once
/* The manager `unit`: services that are units of systemd. It watches them and tells how they are,
 * and has systemd start, stop, restart and reload them, and send them signals. */

#include "base/error.h"
#include "executor/manager_kind.h"

struct unit_bus;

extern const struct manager_kind unit_manager;

/* The executor's connection to systemd, which is made when it is first needed; freed with it. */
int unit_manager_bus(struct executor *executor, struct unit_bus **ret, struct error *err);
