#pragma once
/* The address of a group: taken where nobody on the network has it, and given back. */

#include "executor/operation.h"

#define ADDRESS_STEP_LIMIT (5 * USEC_PER_SEC)

/* Asks this host and its neighbours, adds it, and tells the neighbours in the background. Ends as
 * refused where it was not added. */
extern const struct operation_kind address_take;

/* Also what was taken under an earlier policy. Proves that no interface has it. */
extern const struct operation_kind address_drop;
