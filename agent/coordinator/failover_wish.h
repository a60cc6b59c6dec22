#pragma once
/* A person's wish for another active member, as an agent passes it on through the coordinator: at
 * the end of what its own member publishes about itself, for the active one to read. */

#include <stdbool.h>
#include <stdint.h>

#include "model/coordination.h"

enum { WISH_BY_MAX = 64 }; /* with the terminating zero */

struct failover_wish {
        uint64_t token; /* of the lease whose holder is asked; 0: there is no wish */
        uint64_t number; /* tells one from the next */
        char to[COORDINATION_MEMBER_MAX]; /* host, service or id of a member; "": the best */
        char by[WISH_BY_MAX]; /* for a person */
};

/* Appends it to the text, as far as that has room for all of it. */
void failover_wish_add(char text[COORDINATION_TEXT_MAX], const struct failover_wish *wish);

/* Whether there is one in the text. */
bool failover_wish_read(const char *text, struct failover_wish *ret);

/* Whether it is one and the same. */
bool failover_wish_is(const struct failover_wish *one, const struct failover_wish *other);
