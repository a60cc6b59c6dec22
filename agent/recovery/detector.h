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

/* From here on only `rise` passes in a row prove the probe healthy. That it fails is no news until
 * it failed `fall` times anew. */
void detector_doubt(struct probe_status *probe);

/* The health of a service as far as its probes of one role tell. Of the liveness probes
 * `service->require` have to be healthy, of the others all. Healthy when so many are; failed when
 * so many have failed that this cannot be reached; suspect while one that is needed is suspect;
 * else unknown. Healthy where there is no probe of the role. */
enum health detector_of_role(
        const struct service *service, const struct probe_status *probes, enum probe_role role);

/* The health of a service: that of its liveness and its readiness together, whichever is worse. A
 * warning says nothing about it. Unknown where no probe says anything. */
enum health detector_combine(const struct service *service, const struct probe_status *probes);

/* Whether its liveness failed by what its probes have shown, not only by doubt. */
bool detector_liveness_failed(const struct service *service, const struct probe_status *probes);
