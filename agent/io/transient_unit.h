#pragma once
/* Starts a program as a transient service of systemd: it is systemd's child, in a cgroup of its
 * own, so it shares neither sandbox nor life with the process that asked for it. Protocol:
 * StartTransientUnit of org.freedesktop.systemd1(5); the settings are those of systemd.exec(5) and
 * systemd.kill(5). */

#include "base/clock.h"
#include "base/error.h"
#include "io/spawn.h"
#include "io/unit_bus.h"

struct transient_spec {
        const char *name; /* full, as recoverd-web.service */
        const char *description, *slice;
        const char *user, *group; /* NULL: root's, and the user's */
        struct spawn_request
                program; /* as for spawn_start, without descriptors of cgroups and ids */
        int stop_signal; /* for whoever stops the unit; 0: SIGTERM */
        usec_t stop_timeout;
        bool once; /* it is followed to its end, and has no INVOCATION_ID (Type=oneshot) */
        usec_t limit; /* with once: systemd ends it after this, for when nobody else does */
};

struct transient_request {
        struct loop *loop;
        struct unit_bus *units;
        usec_t deadline; /* moment on CLOCK_BOOTTIME */
        const struct transient_spec *spec; /* borrowed until the end, with its descriptors */
};

struct transient; /* heap; gone when `ended` was called or it was cancelled */

struct transient_result {
        pid_t pid; /* of the main process, whose execve worked; 0: see text, for a person */
        int exit_code, exit_status; /* with once: si_code and si_status; 0: see text */
        bool lost; /* with once: it has begun, or may have, and nobody saw how it ended */
        const char *text;
};

typedef void (*transient_ended)(void *cookie, const struct transient_result *result);

/* `ended` is never called from within. A unit of this name that still ends is waited for, one that
 * has failed is reset. */
int transient_start(struct transient **ret, const struct transient_request *request,
        transient_ended ended, void *cookie, struct error *err);

/* Without a word; what systemd has begun it goes on with. Accepts NULL. */
void transient_cancel(struct transient *transient);

/* exec-recoverd-NAME-REQUEST.service for what is done once for a service: no name of a service's
 * own unit begins like that. -ENAMETOOLONG. */
int transient_name_once(const char *name, uint64_t request, char ret[UNIT_ID_SIZE]);

/* recoverd-NAME.service for a name, with what a unit's name may not hold escaped, see
 * systemd.unit(5). -ENAMETOOLONG. */
int transient_name(const char *name, char ret[UNIT_ID_SIZE]);
