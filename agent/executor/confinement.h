#pragma once
/* What this executor's unit shuts, and which services of the policies need it open. A drop-in such
 * as executor-strict.conf is right for hosts whose policies need none of it, and policies change
 * later. */

#include <stdbool.h>

#include "model/policy.h"

struct confinement {
        bool no_new_privileges; /* of what it starts itself */
        bool own_tmp; /* its /tmp is not the host's */
        bool read_only_usr;
        bool no_addresses; /* it may not change those of the host, or has a network of its own */
        bool no_reboot;
        bool no_network; /* neither it nor its children may open a TCP connection */
};

enum { CONFINEMENT_LINES_MAX = 9, CONFINEMENT_LINE_MAX = 256 };

/* As it is for this process. sysrq: where a host is rebooted by writing. */
struct confinement confinement_now(const char *sysrq);

/* What the service asks for that is shut, as lines for a person; returns how many. */
size_t confinement_conflicts(const struct confinement *confinement, const struct service *service,
        char lines[CONFINEMENT_LINES_MAX][CONFINEMENT_LINE_MAX]);

/* Warns of the services of a policy, of the first few each by name. */
void confinement_warn(const struct confinement *confinement, const struct policy *policy);
