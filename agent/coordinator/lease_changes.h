#pragma once
/* When the lease of a group went from one member to another, as a coordinator keeps it beyond the
 * end of leases and agents: "MEMBER MOMENT MOMENT ...". The member is the one that was given the
 * lease last, the moments are the latest changes, the oldest first, each in microseconds by the
 * wall clock of whoever got the lease. What is no such text says nothing. */

#include "model/coordination.h"

enum { LEASE_CHANGES_TEXT_MAX = COORDINATION_MEMBER_MAX + COORDINATION_CHANGES_MAX * 21 };

/* The moments into `view`. */
void lease_changes_read(const char *text, struct lease_view *view);

/* `member` has the lease. False: it had it last, too, and `text` stays as it is. The first member
 * of all is written down without a moment, for nobody had the lease before. */
bool lease_changes_add(char text[LEASE_CHANGES_TEXT_MAX], const char *member, wall_usec_t at);
