#pragma once
/* Makes a request of what a policy says, and of what a run has read and captured so far. */

#include "base/str.h"
#include "io/http_client.h"
#include "probes/http_files.h"
#include "probes/http_params.h"
#include "probes/http_template.h"

/* What goes into a request. */
struct http_making {
        const struct http_params *params;
        const struct http_step *step; /* NULL: the only request of the probe */
        const struct http_values *values;
        const struct http_texts *texts;
        const char *user, *password; /* NULL: no basic authentication */
        struct http_session *session; /* NULL: none */
        struct http_keep *keep; /* of the probe, for `reuse` */
        usec_t timeout;
};

/* A request with all it points to, but for what it was made of; zeroed at first. */
struct http_made {
        struct http_request request;
        const char **lines;
        struct strbuf url, headers, body;
};

/* 0, or a negative errno and why: -ENOMEM, or -EINVAL when a captured value does not fit. */
int http_make(const struct http_making *making, struct http_made *made, char why[SCHEMA_WHY_MAX]);
void http_made_done(struct http_made *made);

/* What the request sends and expects. */
const struct http_exchange *http_exchange_of(
        const struct http_params *params, const struct http_step *step);
