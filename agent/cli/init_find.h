#pragma once
/* What runs on this host of the services that the library knows (cli/init_library.h). */

#include <sys/types.h>

#include "base/error.h"
#include "cli/init_library.h"

enum { FOUND_MAX = 64, FOUND_PORTS_MAX = 8, FOUND_UNIT_MAX = 256 };

struct found_service {
        const struct known_service *known;
        char unit[FOUND_UNIT_MAX]; /* "": a process that no unit is known of */
        char state[16]; /* of the unit: "active", "failed" */
        pid_t pid; /* 0: no main process */
        uint16_t ports[FOUND_PORTS_MAX]; /* on which it listens at 127.0.0.1, ascending */
        size_t n_ports;
        bool elsewhere; /* it listens, and not at 127.0.0.1 */
};

struct found_services {
        struct found_service items[FOUND_MAX];
        size_t count;
};

/* Asks systemd for units, over the system's message bus; blocks until it answers. -ENODEV when
 * systemd does not run here, another -errno when it cannot be asked. */
int find_units(struct found_services *ret, struct error *err);

/* Looks through /proc for their programs; finds each service once. */
void find_processes(struct found_services *ret);

/* The port that a probe of the service should use; `ret_sure` is false when it is not clear. */
uint16_t found_port(const struct found_service *found, bool *ret_sure);
