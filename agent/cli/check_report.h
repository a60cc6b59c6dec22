#pragma once
/* What `recoverctl check` says about policies: their problems, and what each service's policy
 * implies. */

#include <json-c/json.h>

#include "cli/terminal.h"
#include "policy/load.h"

struct check_report {
        const struct policy *policy; /* NULL where there were errors */
        const struct problems *problems;
        const struct service *explained; /* the only one that is told of; NULL: all */
        bool strict; /* warnings are refused */
};

bool check_report_is_ok(const struct check_report *report);

void check_report_text(
        const struct check_report *report, const struct terminal *terminal, struct strbuf *out);

/* On the heap; NULL when out of memory. */
struct json_object *check_report_json(const struct check_report *report);
