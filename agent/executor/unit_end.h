#pragma once
/* Ends a unit for certain, which a demotion waits for: systemd is told to stop it, and what is left
 * of its cgroup at the deadline is killed, whether systemd answers or not. It has ended when
 * systemd says that it is down and the kernel that its cgroup is empty. */

#include "executor/operation.h"

extern const struct operation_kind unit_end;
