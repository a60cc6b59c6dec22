#pragma once
/* Stands in for the name servers. */

#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "io/resolver.h"

static struct {
        int code; /* what a look-up returns: 0, EAI_NONAME, ... */
        const char *addresses[3]; /* what it finds; NULL: the end */
        atomic_uint calls;
        int gate; /* a look-up reads a byte from it; 0: it does not */
} names;

static inline void fake_look_up(const char *name, struct resolver_answer *ret) {
        char byte;
        (void) name;
        names.calls++;
        if (names.gate) {
                (void) !read(names.gate, &byte, 1);
        }
        ret->code = names.code;
        while (names.code == 0 && names.addresses[ret->count]) {
                (void) snprintf(ret->addresses[ret->count], sizeof(ret->addresses[0]), "%s",
                        names.addresses[ret->count]);
                ret->count++;
        }
}
