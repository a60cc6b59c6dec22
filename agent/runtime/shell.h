#pragma once
/* The inside of the runtime. Private to agent/runtime. */

#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "metrics/metrics.h"
#include "model/event.h"
#include "model/wire.h"
#include "policy/load.h"
#include "probes/heartbeat.h"
#include "runtime/executor_link.h"
#include "runtime/runtime.h"
#include "runtime/scheduler.h"
#include "store/store.h"

enum {
        RUNTIME_PENDING_MAX = 256, /* inputs that wait for the end of a step */
        RUNTIME_PROBE_REQUESTS_MAX = 64,
};

/* A turn or a sleep that took this much longer than planned: what was measured meanwhile measured
 * the agent. */
#define STALL_THRESHOLD (1 * USEC_PER_SEC)
/* For the executor to come up and look at what runs. */
#define FIRST_WORD_PATIENCE (10 * USEC_PER_SEC)
/* A reload reads files, which may lie on a broken disk. */
#define RELOAD_TIMEOUT (30 * USEC_PER_SEC)
/* For the executor to stop all services at exit, dependents first. */
#define STOP_ALL_TIMEOUT (90 * USEC_PER_SEC)
/* For the last writes at exit. */
#define STORE_CLOSE_PATIENCE (3 * USEC_PER_SEC)

/* Per-service members of the runtime, by service index; remade at reload. */
struct service_shell {
        struct heap_node timer; /* due moment of INPUT_TIMER */
        bool record_dirty, touched;
        bool dependents_due;
        bool listed; /* the executor has said what it knows of the attempt under way */
};

struct tables { /* sized by the policy */
        struct service_shell *services;
        struct service_counters *counters;
        uint32_t *dependents; /* services whose dependents are to be fed */
        uint32_t *dirty; /* services whose records changed in this turn */
        size_t n_dependents, n_dirty;
};

struct runtime {
        struct loop *loop;
        struct runtime_options options;
        int lock_fd;
        struct policy *policy;
        struct recovery *recovery;
        struct scheduler *scheduler;
        struct store *store;
        struct executor_link *link;
        struct worker_pool *reload_pool;
        struct heartbeats *heartbeats;
        struct tables tables;
        char boot_id[BOOT_ID_MAX];

        struct heap timers; /* of the services, one loop timer for all */
        struct loop_timer timer;
        struct loop_defer flush; /* records that changed in this turn */

        struct effects *effects; /* of the step under way */
        bool stepping;
        struct input *pending; /* ring */
        size_t pending_first, pending_count;

        struct event *events; /* ring of RUNTIME_EVENTS_KEPT */
        uint64_t n_events;

        struct list replies; /* answers on their way */
        struct list probe_requests; /* people who wait for probes */
        size_t n_probe_requests;
        struct list attempts; /* intents being written */
        struct effect reply; /* of the command being fed */
        bool replied;

        struct runtime_stats stats;
        char *reload_error;
        struct waiting *reload; /* under way; NULL: none */
        struct loop_timer stop_timer, watchdog_timer;
        usec_t watchdog;
        bool stopping;
};

/* turns.c: feeds the core and carries its effects out. Never re-entered: an input that comes up
 * while a step is under way waits for its end. */
void turns_feed(struct runtime *runtime, const struct input *input);
void turns_arm(struct runtime *runtime, uint32_t service, usec_t due);
void turns_on_timer(void *cookie);

/* effects.c */
void effects_carry_out(struct runtime *runtime, const struct effect *effect);
void effects_log(const struct event *event);
void effects_tell(struct runtime *runtime, const struct event *event);
void effects_say(struct runtime *runtime, int level, const char *format, ...)
        __attribute__((format(printf, 3, 4))); /* an event about the agent itself */

/* persist.c */
int persist_open(struct runtime *runtime, struct store_image *ret_image);
void persist_restore(struct runtime *runtime, const struct store_image *image);
void persist_record(struct runtime *runtime, uint32_t service);
void persist_attempt(struct runtime *runtime, const struct effect *effect, bool intent);
void persist_flush(void *cookie);
void persist_everything(struct runtime *runtime);
void persist_done(struct runtime *runtime);

/* executor_talk.c */
extern const struct executor_link_callbacks executor_talk;
void executor_act(struct runtime *runtime, const struct effect *effect);
int executor_ask(void *cookie, uint64_t request, uint32_t index, uint32_t probe, usec_t timeout);
void executor_send(struct runtime *runtime, enum wire_type type);

/* counters.c */
void counters_observed(struct runtime *runtime, const struct observation *observation);
void counters_measured(struct runtime *runtime, const struct effect *effect);
void counters_attempt(struct runtime *runtime, uint32_t service, const struct attempt *attempt);

/* answers.c: people who wait for an answer */
void answers_observed(struct runtime *runtime, const struct observation *observation);
void answers_reply(
        struct runtime *runtime, runtime_reply call, void *cookie, int result, const char *text);
void answers_reloaded(struct runtime *runtime);
void answers_done(struct runtime *runtime);

/* heartbeats.c: after the scheduler, before its end */
int heartbeats_open(struct runtime *runtime, struct error *err);
void heartbeats_close(struct runtime *runtime);

/* reloading.c */
int reloading_prepare(struct runtime *runtime, struct error *err);
void reloading_done(struct runtime *runtime);
int reloading_load(
        const struct runtime_options *options, struct policy **ret, struct strbuf *ret_text);
int reloading_tables_init(struct runtime *runtime, const struct policy *policy, struct tables *ret);
void reloading_tables_done(struct tables *tables);
