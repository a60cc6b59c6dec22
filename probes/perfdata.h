#pragma once
/* Performance data of monitoring plug-ins: 'label'=value[UOM];[warn];[crit];[min];[max], separated
 * by spaces. Monitoring Plugins Development Guidelines, section "Performance data":
 * https://www.monitoring-plugins.org/doc/guidelines.html#AEN201
 *
 * It comes from programs that may write anything. What is not exactly of the form is passed over
 * and counted; a number is never guessed from half a text. Thresholds are passed over: what is too
 * much is for the plug-in to say. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/observation.h"

struct perfdata {
        struct measurement values[MEASUREMENTS_MAX];
        uint32_t count;
        uint32_t left_out; /* malformed, not finite, undetermined (U), named twice, or too many */
};

/* Adds what one stretch of performance data holds. Units are normalised: us, ms and s to seconds,
 * % to a ratio, B, KB (1000), KiB (1024) and so on to bytes, c to a count; another unit of at most
 * MEASUREMENT_UNIT_MAX - 1 bytes is kept as it is. The first value of a label counts. */
void perfdata_parse(struct perfdata *data, const char *text, size_t length);

/* NULL: there is none of that label. */
const struct measurement *perfdata_find(const struct perfdata *data, const char *label);

/* Writes values so that perfdata_parse reads the same ones; as many as fit. Returns text. */
const char *perfdata_format(
        const struct measurement *values, uint32_t count, char *text, size_t size);
