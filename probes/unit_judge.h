#pragma once
/* Pure: what the state of a unit is for a probe. */

#include "io/unit_bus.h"
#include "probes/probe.h"

/* `states`: as in struct unit_params. */
void unit_probe_judge(const struct unit_snapshot *snapshot, const struct unit_verdict *verdict,
        uint32_t states, struct probe_result *result);
