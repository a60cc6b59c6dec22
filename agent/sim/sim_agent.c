/* The agent that is played may be killed, and comes back with what its state database remembers;
 * and that may fail. What is in it is not written down here action by action: it is what the core
 * knows, or knew when the database began to fail. */

#include <stdlib.h>

#include "base/str.h"
#include "sim/sim_host.h"

/* ---- The store ---- */

static struct trials_record *find_trials(
        const struct sim_store *store, const struct trials_record *like) {
        for (size_t i = 0; i < store->n_trials; i++) {
                struct trials_record *one = &store->trials[i];
                if (one->cause == like->cause && str_eq(one->service, like->service) &&
                        str_eq(one->step, like->step)) {
                        return one;
                }
        }
        return NULL;
}

void sim_keep_trials(struct sim_host *host, const struct trials_record *record) {
        struct sim_store *store = &host->store;
        if (!store->wanted || store->kept) {
                return;
        }
        struct trials_record *place = find_trials(store, record);
        if (!place && store->n_trials == store->trials_room) {
                size_t room = store->trials_room ? 2 * store->trials_room : 64;
                struct trials_record *more =
                        reallocarray(store->trials, room, sizeof(*store->trials));
                if (!more) {
                        host->failed = true;
                        return;
                }
                store->trials = more;
                store->trials_room = room;
        }
        place = place ? place : &store->trials[store->n_trials++];
        *place = *record;
}

/* A core that carries over to the same policy is a copy. */
static void keep_what_is_known(struct sim_host *host) {
        struct error err = {0};
        if (recovery_reload(&host->store.kept, host->recovery, host->policy, host->now, &err) < 0) {
                host->failed = true;
        }
}

void sim_store_changed(struct sim_host *host) {
        struct sim_store *store = &host->store;
        bool fails = sim_host_has_fault(host, FAULT_STORE_FAILURE);
        if (fails && !store->kept && !host->gone) {
                keep_what_is_known(host);
        }
        if (host->now.mono < host->stalled_until) {
                return;
        }
        if (!fails) { /* all that it missed is written */
                recovery_free(store->kept);
                store->kept = NULL;
        }
        if (fails == store->told) {
                return;
        }
        store->told = fails;
        host->guards_due = !fails;
        sim_feed(host, &(struct input){.kind = INPUT_STORE, .up = !fails});
}

void sim_store_done(struct sim_store *store) {
        recovery_free(store->kept);
        free(store->trials);
}

/* ---- Death ---- */

void sim_agent_dies(struct sim_host *host) {
        if (!host->gone) {
                host->gone = true;
                host->died = host->now;
        }
}

/* ---- Return ---- */

struct remembered { /* one at a time: they are large */
        struct host_record host;
        struct service_record service;
};

static uint64_t next_incident(const struct sim_host *host) {
        uint64_t next = 1;
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                next += host->result->services[i].incidents;
        }
        return next;
}

static void remember(const struct sim_host *host, struct recovery *to, const struct recovery *from,
        struct remembered *room) {
        recovery_save_host(from, host->died, &room->host);
        recovery_restore_host(to, &room->host, host->now);
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                struct service_status status;
                recovery_service_status(from, i, &status);
                recovery_save_record(from, i, host->died, &room->service);
                (void) recovery_restore(to, &room->service, status.incident, host->now);
        }
        for (size_t i = 0; i < host->store.n_trials; i++) {
                (void) recovery_restore_trials(to, &host->store.trials[i]);
        }
}

static int make_core_anew(struct sim_host *host) {
        struct recovery_settings settings = {
                .seed = host->options->seed + ++host->restarts,
                .next_incident = next_incident(host),
        };
        struct recovery *next = NULL;
        struct remembered *room = calloc(1, sizeof(*room));
        struct error err = {0};
        str_copy(settings.boot_id, sizeof(settings.boot_id), "simulated");
        int r = room ? recovery_new(&next, host->policy, &settings, host->now, &err) : -1;
        if (r == 0) {
                const struct recovery *from = host->store.kept;
                remember(host, next, from ? from : host->recovery, room);
                recovery_free(host->recovery);
                host->recovery = next;
        }
        free(room);
        return r;
}

/* What the dead agent waited for comes to nobody; the executor's answer comes to the new one. */
static void forget_waits(struct sim_host *host, struct sim_service *service) {
        struct service_status status;
        recovery_service_status(host->recovery, service->policy->index, &status);
        agenda_remove(&host->agenda, &service->saved_due.node);
        agenda_remove(&host->agenda, &service->files_due.node);
        agenda_remove(&host->agenda, &service->timer.node);
        if (status.timer != USEC_INFINITY) {
                sim_plan(host, &service->timer, status.timer);
        }
        service->pace = status.pace;
}

/* The executor knows nothing of an attempt whose intent is all that there is. */
static void answer_what_is_lost(struct sim_host *host, const struct sim_service *service) {
        struct service_status status;
        recovery_service_status(host->recovery, service->policy->index, &status);
        if (status.phase == PHASE_ACTING && !agenda_is_planned(&service->answer_due.node)) {
                sim_feed(host, &(struct input){
                                       .kind = INPUT_OUTCOME,
                                       .service = service->policy->index,
                                       .outcome = {.token = service->token, .lost = true},
                               });
        }
}

void sim_agent_returns(struct sim_host *host) {
        host->gone = false;
        if (make_core_anew(host) < 0) {
                host->failed = true;
                return;
        }
        agenda_remove(&host->agenda, &host->look.node);
        host->store.told = false;
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                forget_waits(host, &host->services[i]);
        }
        sim_probes_begin(host);
        sim_store_changed(host);
        for (uint32_t i = 0; i < host->policy->n_services; i++) {
                sim_tell_duty(host, &host->services[i]);
                sim_tell_process(host, &host->services[i], USEC_PER_HOUR);
                answer_what_is_lost(host, &host->services[i]);
        }
        host->guards_due = true;
        sim_tell_permits(host);
        sim_feed(host, &(struct input){.kind = INPUT_EXECUTOR, .up = true});
}
