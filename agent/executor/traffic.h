#pragma once
/* The traffic of a service: taken away by the first part of an action that interrupts it, and given
 * back when the agent says that its probes prove it well. In between it stands in the state file,
 * so that no executor forgets it. */

#include "executor/managed.h"

struct haproxy_spec;

/* A part of an action is about to tell a HAProxy; NULL: it is about something else. */
void traffic_part_begins(struct managed *managed, const struct haproxy_spec *haproxy);

/* Gives it back, unless it has it already or an action is under way. */
void traffic_give_back(struct managed *managed);
