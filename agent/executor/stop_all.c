#include "executor/stop_all.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/lease_guard.h"

static uint32_t level_of(const struct managed *managed) {
        return managed->service ? managed->service->depth + 1 : UINT32_MAX;
}

/* The highest level below the present one; 0: that was the last. */
static uint32_t next_level(const struct stop_all *all) {
        uint32_t next = 0;
        LIST_FOREACH (node, &all->executor->services) {
                uint32_t level = level_of(LIST_ENTRY(node, struct managed, node));
                if (level < all->level && level > next) {
                        next = level;
                }
        }
        return next;
}

static void on_stopped(void *cookie, struct managed *managed, bool ok, const char *text) {
        struct stop_all *all = cookie;
        size_t length = strlen(all->text);
        if (ok) {
                return;
        }
        all->failures++;
        snprintf(all->text + length, sizeof(all->text) - length, "%s%s: %s", length ? "; " : "",
                managed->state.service, text);
}

/* Returns whether the service has to be waited for. */
static bool stop_one(struct stop_all *all, struct managed *managed) {
        const struct action_order order = {
                .action = lease_guard_holds(managed) ? ACTION_DEMOTE : ACTION_STOP,
                .ended = on_stopped,
                .cookie = all,
        };
        if (managed->action) {
                return true; /* what is under way is finished first */
        }
        bool idle = managed_gone(managed) && !lease_guard_holds(managed);
        if (idle || managed->stop_tried) {
                return false;
        }
        /* Where too many wait already, one of them ends and brings us back here. */
        managed->stop_tried = action_start(managed, &order, NULL) == 0;
        return managed->action || !managed->stop_tried;
}

/* Returns whether something of this level has to be waited for. */
static bool stop_level(struct stop_all *all) {
        bool waiting = false;
        LIST_FOREACH (node, &all->executor->services) {
                struct managed *managed = LIST_ENTRY(node, struct managed, node);
                if (level_of(managed) == all->level) {
                        waiting = stop_one(all, managed) || waiting;
                }
        }
        return waiting;
}

static void finish(struct stop_all *all) {
        struct wire_message reply = {
                .type = WIRE_STOPPED_ALL,
                .request = all->request,
                .ok = all->failures == 0,
        };
        all->active = false;
        snprintf(reply.text, sizeof(reply.text), "%s",
                all->failures ? all->text : "all services are stopped");
        log_notice("stopping all services: %s", reply.text);
        agent_port_reply(&all->executor->port, &reply);
}

void stop_all_init(struct stop_all *all, struct executor *executor) {
        *all = (struct stop_all){.executor = executor};
}

void stop_all_start(struct stop_all *all, uint64_t request) {
        all->request = request;
        if (all->active) {
                return;
        }
        *all = (struct stop_all){
                .executor = all->executor, .active = true, .request = request, .level = UINT32_MAX};
        LIST_FOREACH (node, &all->executor->services) {
                LIST_ENTRY(node, struct managed, node)->stop_tried = false;
        }
        executor_settled(all->executor); /* begins at the end of this turn */
}

void stop_all_continue(struct stop_all *all) {
        while (all->active && !stop_level(all)) {
                all->level = next_level(all);
                if (all->level == 0) {
                        finish(all);
                }
        }
}
