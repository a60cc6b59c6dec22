#pragma once
/* From single results to the health of a probe, and from probes to the health of a service. */

#include <stdint.h>

#include "model/incident.h"
#include "model/observation.h"
#include "model/policy.h"
#include "recovery/recovery.h"

/* Feeds one result. `spec->fall` failures in a row make the probe failed, `spec->rise` passes in a
 * row make a failed one healthy; a first pass makes an unknown one healthy; certain evidence needs
 * no counting. `unknown` counts for nothing, but as many of them in a row as `fall` say that the
 * health is no longer known, unless it is failed. With `excused` (start_grace) a failure that is
 * not certain breaks a row of passes and counts for nothing else. The form is that of HAProxy's
 * checks (rise, fall, fastinter). */
void detector_feed(struct probe_status *probe, const struct probe_spec *spec,
        const struct observation *observation, bool excused);

/* From here on only `rise` passes in a row prove the probe healthy. */
void detector_doubt(struct probe_status *probe);

/* The health of a service out of its probes': healthy when at least `require` are; failed when so
 * many have failed that this cannot be reached; suspect while one that is needed is suspect; else
 * unknown. */
enum health detector_combine(
        const struct probe_status *probes, uint32_t n_probes, uint32_t require);
