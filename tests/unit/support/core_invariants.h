#pragma once
/* What must hold of a service between the steps of the core. */

#include "recovery/recovery.h"

/* What does not hold, as a sentence; NULL when everything does. */
const char *invariant_broken(const struct service_status *status);
