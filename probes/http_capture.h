#pragma once
/* What a step of an HTTP probe takes out of its answer for the steps after it. */

#include "io/http_session.h"
#include "probes/http_params.h"
#include "probes/http_template.h"

/* Adds all captured values of a step. False: one is not to be had, and the result says which and
 * why. `cut`: the body was longer than what was read. */
bool http_capture(const struct http_step *step, const struct http_result *response, bool cut,
        const struct http_session *session, struct http_values *values,
        struct probe_result *result);

/* Whether a step needs the body for what it captures. */
bool http_captures_body(const struct http_step *step);
