#pragma once
/* What the policy of one service implies, at length: for each probe how soon it notices a failure,
 * and for each attempt of the ladder how long is waited before it and when it ends at the latest.
 */

#include "cli/terminal.h"
#include "policy/implications.h"

void check_explain(const struct policy *policy, const struct service *service,
        const struct terminal *terminal, struct strbuf *out);

/* With the bounds that the backoff of recovery/ keeps. */
void check_imply(
        const struct policy *policy, const struct service *service, struct implications *ret);

/* "2s" or "1s-2s". */
void check_add_range(struct strbuf *out, usec_t least, usec_t most);
