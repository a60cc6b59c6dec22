/* What the service manager is told: ready, reloading, ending, a line of status, and that the agent
 * is alive. Where there is none, nothing of it does anything. */

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "runtime/shell.h"

/* What is later than this makes no progress any more. Above what a starved host or a stop of the
 * process explains, which the parts themselves tell apart. */
#define STANDSTILL (10 * USEC_PER_SEC)

/* ---- The line of status ---- */

static void say_status(const struct runtime *runtime, const char *state) {
        const struct policy *policy = runtime->policy;
        uint32_t incidents = 0;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                incidents += status.incident != NULL;
        }
        bool observing = policy->agent.mode == MODE_OBSERVE || runtime->options.dry_run;
        (void) sd_notifyf(0, "%sSTATUS=services: %" PRIu32 ", open incidents: %" PRIu32 "%s%s",
                state, policy->n_services, incidents, observing ? ", only observing" : "",
                runtime->stats.last_reload_ok ? "" : ", the last reload was refused");
}

void announce_ready(const struct runtime *runtime) {
        say_status(runtime, "READY=1\n");
}

void announce_reloading(void) {
        (void) sd_notify(0, "RELOADING=1");
}

void announce_stopping(void) {
        (void) sd_notify(0, "STOPPING=1\nSTATUS=ending");
}

/* ---- The watchdog ---- */

static usec_t probes_overdue(const struct runtime *runtime) {
        return scheduler_counts(runtime->scheduler).overdue;
}

static usec_t link_overdue(const struct runtime *runtime) {
        return executor_link_overdue(runtime->link);
}

static usec_t database_overdue(const struct runtime *runtime) {
        return store_overdue(runtime->store);
}

/* Not merely that the loop turns. A database that does not work and an executor that is away are no
 * standstill: what waits for them is given up in time, and tried again. */
static const struct part {
        const char *name;
        usec_t (*overdue)(const struct runtime *runtime);
} parts[] = {
        {"the probes stand", probes_overdue},
        {"the connection to the executor stands", link_overdue},
        {"the writing of the database stands", database_overdue},
};

static const char *standing(const struct runtime *runtime) {
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (parts[i].overdue(runtime) >= STANDSTILL) {
                        return parts[i].name;
                }
        }
        return NULL;
}

static void on_watchdog(void *cookie) {
        struct runtime *runtime = cookie;
        const char *part = standing(runtime);
        if (!part) {
                say_status(runtime, "WATCHDOG=1\n");
        } else if (!runtime->standing) {
                effects_say(runtime, LOG_ERR,
                        "%s still: systemd is no longer told that the agent is alive", part);
        }
        runtime->standing = part != NULL;
        loop_timer_set_after(&runtime->watchdog_timer, runtime->watchdog / 2);
}

int announce_init(struct runtime *runtime) {
        return loop_timer_init(&runtime->watchdog_timer, runtime->loop, on_watchdog, runtime);
}

void announce_start(struct runtime *runtime) {
        uint64_t usec = 0;
        if (sd_watchdog_enabled(0, &usec) > 0) {
                runtime->watchdog = usec;
                on_watchdog(runtime);
        }
        announce_ready(runtime);
}
