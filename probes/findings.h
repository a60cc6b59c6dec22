#pragma once
/* Collects what the checks of one run found, and makes one result of it. The worst finding is the
 * result: a broken limit, before what could not be measured, before what needs attention soon. Of
 * equals the first counts. */

#include "probes/probe.h"

struct findings {
        struct probe_result *result; /* zeroed by the caller, who may fill in its value */
        int worst; /* of what was found so far; 0: nothing */
};

void findings_fail(struct findings *findings, enum cause cause, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void findings_unknown(struct findings *findings, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void findings_degraded(struct findings *findings, enum cause cause, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Nothing was found: passes with this text. */
void findings_pass(struct findings *findings, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
