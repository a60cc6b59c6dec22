#pragma once
/* The executor's own count of actions, so that an agent that is wrong, or taken over, can do no
 * more than the policies allow. In memory; action_budget_format and _parse carry it over a restart.
 */

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/policy.h"

/* The agent counts an action when it decides on it, the executor when the request arrives. So that
 * an agent that keeps to its count is never refused, actions expire here a little earlier: by a
 * tenth of the window, at most this. */
#define ACTION_BUDGET_TOLERANCE (5 * USEC_PER_SEC)

enum { ACTION_BUDGET_TEXT_MAX = 4 * 1024 * 1024 };

struct action_budget; /* heap */

struct action_budget *action_budget_new(void); /* NULL when out of memory */
void action_budget_free(struct action_budget *budget); /* accepts NULL */

/* Counts one action against the service, its group, the host and, when it is of the ladder, its
 * step (NULL: none); -EDQUOT when one of them has none left, and nothing is counted then. -ENOMEM.
 */
int action_budget_spend(struct action_budget *budget, const struct service *service,
        const struct step_spec *step, const struct budget_spec *host, struct instant now,
        struct error *err);

/* From when on the same action would be allowed: USEC_INFINITY when none is, ever; `now.mono` when
 * it is already, or could be for all that is known, memory being short. Counts nothing. */
usec_t action_budget_free_at(struct action_budget *budget, const struct service *service,
        const struct step_spec *step, const struct budget_spec *host, struct instant now);

/* What still counts, as text lines for a file; the caller frees it. NULL when out of memory. */
char *action_budget_format(
        const struct action_budget *budget, const char *boot_id, struct instant now);

/* Adds what a file remembers. Within the same boot the monotonic moments count; after another one
 * the wall clock, never in the future. -EBADMSG: not such a file; what came before the bad line
 * counts. */
int action_budget_parse(struct action_budget *budget, const char *text, const char *boot_id,
        struct instant now, struct error *err);
