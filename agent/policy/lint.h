#pragma once
/* What works, but hardly as its author meant it; each file looks at one side of a service. Codes
 * and explanations are in policy/problem_kinds.c. */

#include "model/probe_traits.h"
#include "policy/loading.h"

/* Whether its ladder has an answer to what its probes can find. */
void lint_ladder(
        struct loading *loading, const struct service *service, const struct origin *origin);

/* Whether its times and counts fit together. */
void lint_times(
        struct loading *loading, const struct service *service, const struct origin *origin);

/* Whether its rollback can do what it is meant for. */
void lint_content(
        struct loading *loading, const struct service *service, const struct origin *origin);

/* Whether the limits of its probes can be broken. */
void lint_limits(
        struct loading *loading, const struct service *service, const struct origin *origin);

/* Whether what keeps others out of the coordinator can be read on the network. */
void lint_coordinator(struct loading *loading);

/* What is hardly meant between services. 0 or -ENOMEM. */
int lint_services(struct loading *loading);

/* ---- Between them ------------------------------------------------------------------------------
 */

/* NULL when the type of the probe says nothing of itself. */
const struct probe_traits *lint_traits(
        const struct loading *loading, const struct probe_spec *probe);

/* The key of its type: "http". */
const char *lint_type(const struct loading *loading, const struct probe_spec *probe);

/* Whether some step stops it and starts it again. */
bool lint_is_restarted(const struct service *service);

/* A key of a step of the ladder; NULL when it was not written. */
const struct node *lint_step_key(const struct node *step, const char *key);
