#pragma once
/* What came of a simulation, as text and as JSON: one run, or several side by side. */

#include <json-c/json.h>

#include "cli/terminal.h"
#include "sim/simulation.h"

struct simulated { /* one run */
        const char *title; /* the policy's file, as given */
        struct policy *policy;
        struct simulation result;
        struct strbuf timeline; /* text lines */
        struct json_object *events; /* the same as JSON; NULL: not wanted */
};

/* Cookie: a struct simulated. Adds a line to its timeline, or an object where it has `events`. */
void simulate_report_tell(
        void *cookie, usec_t at, const char *service, const char *what, const char *text);

/* `n` runs of the same faults, with the seed that drew them. */
void simulate_report_text(const struct simulated *runs, size_t n, uint64_t seed,
        const struct terminal *terminal, struct strbuf *out);

/* The caller's; NULL when out of memory. */
struct json_object *simulate_report_json(const struct simulated *runs, size_t n, uint64_t seed);
