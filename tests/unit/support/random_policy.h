#pragma once
/* Policies by chance, for random runs of the core. */

#include <stdint.h>

#include "model/policy.h"

enum { RANDOM_SERVICES_MAX = 5, RANDOM_PROBES_MAX = 3 };

/* The same seed gives the same policy. The caller frees it. */
struct policy *random_policy(uint64_t seed);
