/* What the store is given, and what it remembers. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "runtime/evidence.h"
#include "runtime/shell.h"

enum { KEEP_EVENTS = 20000 };

/* An intent on its way to the disk. */
struct intent {
        struct list node;
        struct runtime *runtime;
        uint64_t token;
        /* The store's word, a look at what holds the service, and the evidence. */
        unsigned awaited;
        bool saved;
        char service[POLICY_NAME_MAX + 1]; /* by name: a reload may move the index meanwhile */
};

static void on_health(void *cookie, bool degraded, const char *why) {
        struct runtime *runtime = cookie;
        turns_feed(runtime, &(struct input){.kind = INPUT_STORE, .up = !degraded});
        if (degraded) {
                effects_say(runtime, LOG_ERR,
                        "the state database does not work: %s; going on from memory with fewer actions",
                        why);
                return;
        }
        effects_say(runtime, LOG_NOTICE, "the state database works%s%s",
                str_empty(why) ? " again" : ": ", str_empty(why) ? "" : why);
        persist_everything(runtime);
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                turns_feed(runtime, &(struct input){.kind = INPUT_GUARDS, .service = i});
        }
}

int persist_open(struct runtime *runtime, struct store_image *ret_image) {
        AUTO_FREE char *path = NULL;
        if (asprintf(&path, "%s/state.db", runtime->options.state_dir) < 0) {
                return -ENOMEM;
        }
        struct store_options options = {
                .path = path,
                .timeout = runtime->policy->agent.store_timeout,
                .keep_incidents = runtime->policy->agent.keep_incidents,
                .keep_events = KEEP_EVENTS,
                .on_health = on_health,
                .cookie = runtime,
        };
        return store_open(runtime->loop, &options, &runtime->store, ret_image);
}

/* The newest open incident of a service: its record may be older than that. */
static const struct incident *find_open(const struct store_image *image, const char *service) {
        const struct incident *found = NULL;
        for (size_t i = 0; i < image->n_open; i++) {
                const struct incident *one = &image->open[i];
                if (str_eq(one->service, service) && (!found || one->id > found->id)) {
                        found = one;
                }
        }
        return found;
}

static bool is_resumed(const struct runtime *runtime, const struct incident *incident) {
        const struct service *service = policy_service(runtime->policy, incident->service);
        struct service_status status;
        if (!service) {
                return false;
        }
        recovery_service_status(runtime->recovery, service->index, &status);
        return status.incident && status.incident->id == incident->id;
}

/* Incidents that nobody goes on with: the service left the policies while the agent was not
 * looking, or its record was lost. */
static void drop_orphans(struct runtime *runtime, const struct store_image *image) {
        for (size_t i = 0; i < image->n_open; i++) {
                struct incident incident = image->open[i];
                if (!is_resumed(runtime, &incident)) {
                        incident.closed = loop_now(runtime->loop).wall;
                        incident.end = INCIDENT_DROPPED;
                        store_save_incident(runtime->store, &incident);
                }
        }
}

void persist_restore(struct runtime *runtime, const struct store_image *image) {
        struct instant now = loop_now(runtime->loop);
        recovery_restore_host(runtime->recovery, &image->host, now);
        for (size_t i = 0; i < image->n_services; i++) {
                const struct service_record *record = &image->services[i];
                if (recovery_restore(
                            runtime->recovery, record, find_open(image, record->service), now)) {
                        uint32_t index = policy_service(runtime->policy, record->service)->index;
                        runtime->tables.services[index].touched = true;
                } else {
                        store_forget_service(runtime->store, record->service);
                }
        }
        for (size_t i = 0; i < image->n_trials; i++) {
                (void) recovery_restore_trials(runtime->recovery, &image->trials[i]);
        }
        drop_orphans(runtime, image);
        heartbeats_restore(runtime, image);
}

static void save_record(struct runtime *runtime, uint32_t service) {
        struct service_record record;
        recovery_save_record(runtime->recovery, service, loop_now(runtime->loop), &record);
        store_save_service(runtime->store, &record);
}

void persist_record(struct runtime *runtime, uint32_t service) {
        struct service_shell *shell = &runtime->tables.services[service];
        shell->touched = true;
        if (!shell->record_dirty) {
                shell->record_dirty = true;
                runtime->tables.dirty[runtime->tables.n_dirty++] = service;
                loop_defer_schedule(&runtime->flush);
        }
}

void persist_flush(void *cookie) {
        struct runtime *runtime = cookie;
        while (runtime->tables.n_dirty > 0) {
                uint32_t service = runtime->tables.dirty[--runtime->tables.n_dirty];
                runtime->tables.services[service].record_dirty = false;
                save_record(runtime, service);
        }
}

void persist_host(struct runtime *runtime) {
        struct host_record host;
        recovery_save_host(runtime->recovery, loop_now(runtime->loop), &host);
        store_save_host(runtime->store, &host);
}

/* The database missed something: what is not as it would be after a fresh start is written anew. */
void persist_everything(struct runtime *runtime) {
        persist_host(runtime);
        heartbeats_save(runtime, true);
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                struct service_status status;
                if (!runtime->tables.services[i].touched) {
                        continue;
                }
                recovery_service_status(runtime->recovery, i, &status);
                if (status.incident) {
                        store_save_incident(runtime->store, status.incident);
                }
                save_record(runtime, i);
        }
}

static void on_intent_ready(void *cookie) {
        struct intent *intent = cookie;
        if (--intent->awaited > 0) {
                return;
        }
        struct runtime *runtime = intent->runtime;
        const struct service *service = policy_service(runtime->policy, intent->service);
        struct input input = {
                .kind = INPUT_SAVED,
                .service = service ? service->index : 0,
                .saved = {.token = intent->token, .ok = intent->saved},
        };
        list_remove(&intent->node);
        free(intent);
        if (service) {
                turns_feed(runtime, &input);
        }
}

static void on_intent_saved(void *cookie, int result) {
        struct intent *intent = cookie;
        intent->saved = result >= 0;
        on_intent_ready(intent);
}

static void save_why(struct runtime *runtime, uint32_t service, const struct attempt *attempt) {
        AUTO_STRBUF struct strbuf why = {0};
        if (!runtime->options.explain) {
                return;
        }
        runtime->options.explain(runtime, service, &why);
        if (!why.failed && why.length < STORE_WHY_MAX) {
                store_save_why(runtime->store, attempt, runtime->policy->services[service].name,
                        strbuf_text(&why));
        }
}

void persist_attempt(struct runtime *runtime, const struct effect *effect, bool is_intent) {
        struct instant now = loop_now(runtime->loop);
        const char *name = runtime->policy->services[effect->service].name;
        struct service_record record;
        struct host_record host;
        recovery_save_record(runtime->recovery, effect->service, now, &record);
        recovery_save_host(runtime->recovery, now, &host);
        runtime->tables.services[effect->service].touched = true;
        if (!is_intent) {
                store_save_attempt(
                        runtime->store, &effect->attempt.attempt, name, &record, &host, NULL, NULL);
                return;
        }
        struct intent *intent = calloc(1, sizeof(*intent));
        if (!intent) {
                turns_feed(runtime, &(struct input){
                                            .kind = INPUT_SAVED,
                                            .service = effect->service,
                                            .saved = {.token = effect->attempt.token},
                                    });
                return;
        }
        intent->runtime = runtime;
        intent->token = effect->attempt.token;
        str_copy(intent->service, sizeof(intent->service), name);
        list_append(&runtime->attempts, &intent->node);
        intent->awaited = 3;
        intent->awaited -= holds_look(runtime, effect->service, on_intent_ready, intent) < 0;
        intent->awaited -= !evidence_is_due(&effect->attempt.attempt) ||
                           !evidence_collect(runtime, effect, on_intent_ready, intent);
        store_save_attempt(runtime->store, &effect->attempt.attempt, name, &record, &host,
                on_intent_saved, intent);
        save_why(runtime, effect->service, &effect->attempt.attempt);
}

void persist_done(struct runtime *runtime) {
        evidence_close(runtime); /* before the intents that its runs point to */
        if (!runtime->store) {
                return;
        }
        persist_flush(runtime);
        heartbeats_save(runtime, false);
        store_close(runtime->store, STORE_CLOSE_PATIENCE);
        runtime->store = NULL;
        LIST_FOREACH (node, &runtime->attempts) {
                free(LIST_ENTRY(node, struct intent, node));
        }
        list_init(&runtime->attempts);
}
