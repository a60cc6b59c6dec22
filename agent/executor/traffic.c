#include "executor/traffic.h"

#include "base/log.h"
#include "executor/action.h"

void traffic_part_begins(struct managed *managed, const struct haproxy_spec *haproxy) {
        const struct service *service = managed->service;
        if (haproxy && service && service->traffic && haproxy == &service->traffic->away) {
                managed->state.drained = true;
                managed_announce(managed, UNSENT_SERVICE);
        }
}

/* A failure is logged as that of any action, and the agent asks again. */
static void on_given_back(void *cookie, struct managed *managed, bool ok, const char *text) {
        (void) cookie;
        (void) text;
        if (ok) {
                managed->state.drained = false;
                managed_save(managed);
                managed_announce(managed, UNSENT_SERVICE);
        }
}

void traffic_give_back(struct managed *managed) {
        const struct action_order order = {.action = ACTION_HAPROXY, .ended = on_given_back};
        struct error err = {0};
        if (!managed->state.drained || managed->action) {
                return;
        }
        if (!managed->service || !managed->service->traffic) {
                log_warning(
                        "%s: its policy says no more whose traffic was taken away: give it back "
                        "by hand",
                        managed->state.service);
                managed->state.drained = false;
                managed_save(managed);
        } else if (action_start(managed, &order, &err) < 0) {
                log_warning("%s: its traffic is not back: %s", managed->state.service, err.text);
        }
}
