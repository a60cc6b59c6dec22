#pragma once
/* The policies that recoverd brings along for well-known services, and how `recoverctl init` makes
 * one fit this host. Each is a whole policy file for the standard unit and port of its service. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum { KNOWN_UNITS_MAX = 6 };

struct known_service {
        const char *name; /* of the file, without ".yaml", and of the service in it; ends the table
                             when NULL */
        const char *unit; /* in the file */
        const char *units[KNOWN_UNITS_MAX]; /* patterns (glob(7)) of what distributions and projects
                                               call it */
        const char *program; /* an argument of its processes: the name of the program, or the main
                                class */
        uint16_t port; /* in the file, on 127.0.0.1 */
};

extern const struct known_service known_services[];
extern const size_t n_known_services; /* without the last */

/* NULL: none of that name. */
const struct known_service *known_service_find(const char *name);
/* The first whose patterns fit the name of a unit; NULL: none. */
const struct known_service *known_service_of_unit(const char *unit);

/* What a file of the library becomes on this host. */
struct policy_fit {
        const struct known_service *known;
        const char *name; /* of the service */
        const char *unit;
        uint16_t port;
        const char *schema; /* path of the JSON Schema */
        bool host_observes; /* the agent as a whole only observes: the file need not say so */
};
void policy_fit(const struct policy_fit *fit, const char *text, struct strbuf *out);

/* Reads the file of a service from the library. -errno, with the path in `err`. */
int library_read(const char *library, const struct known_service *known, struct strbuf *ret,
        struct error *err);
