#pragma once
/* What `recoverctl check` says about policies: their problems, and what each service's policy
 * implies. */

#include <json-c/json.h>

#include "cli/terminal.h"
#include "policy/load.h"

/* `policy` is NULL where there were errors. */
void check_report_text(const struct policy *policy, const struct problems *problems,
        const struct terminal *terminal, struct strbuf *out);

/* On the heap; NULL when out of memory. */
struct json_object *check_report_json(const struct policy *policy, const struct problems *problems);
