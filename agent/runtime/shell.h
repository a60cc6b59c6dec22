#pragma once
/* The inside of the runtime. Private to agent/runtime. */

#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "metrics/metrics.h"
#include "model/coordination.h"
#include "model/event.h"
#include "model/wire.h"
#include "policy/load.h"
#include "probes/heartbeat.h"
#include "runtime/agreement.h"
#include "runtime/executor_link.h"
#include "runtime/runtime.h"
#include "runtime/scheduler.h"
#include "store/store.h"

enum {
        RUNTIME_PENDING_MAX = 256, /* inputs that wait for the end of a step */
        RUNTIME_PROBE_REQUESTS_MAX = 64,
        RUNTIME_COORDINATORS = COORDINATOR_ETCD + 1, /* kinds */
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
        struct content_report *content; /* NULL: nothing was said of what it consists of */
        usec_t look_due; /* when the executor is asked about that again */
        bool drained; /* its traffic was taken away by the executor, and is not back */
        usec_t traffic_due, traffic_pause; /* when that is asked for again, and the wait after it */
};

struct tables { /* sized by the policy */
        struct service_shell *services;
        struct service_counters *counters;
        struct recovery_counters *recovered;
        uint32_t *dependents; /* services whose dependents are to be fed */
        uint32_t *dirty; /* services whose records changed in this turn */
        size_t n_services, n_dependents, n_dirty;
};

struct runtime {
        struct loop *loop;
        struct runtime_options options;
        int lock_fd;
        struct policy *policy;
        struct agreement_secret peers_secret; /* read with the policies, until it is made use of */
        struct recovery *recovery;
        struct scheduler *scheduler;
        struct store *store;
        struct executor_link *link;
        struct worker_pool *reload_pool, *evidence_pool;
        struct heartbeats *heartbeats;
        struct holds *holds;
        struct coordinator *coordinators[RUNTIME_COORDINATORS]; /* by kind; NULL: not open */
        struct members *members; /* NULL before the start */
        struct pools *pools; /* likewise */
        bool executor_agrees; /* as far as it has said: it follows the policies in force */
        struct recorder *recorder;
        struct tables tables;
        char boot_id[BOOT_ID_MAX];

        struct heap timers; /* of the services, one loop timer for all */
        struct loop_timer timer;
        struct loop_timer content_timer; /* see content_watch.c */
        struct loop_defer flush; /* records that changed in this turn */

        struct effects *effects; /* of the step under way */
        bool stepping;
        bool guards_due; /* what is held is to be looked at again */
        struct input *pending; /* ring */
        size_t pending_first, pending_count;

        struct event *events; /* ring of RUNTIME_EVENTS_KEPT */
        uint64_t n_events;

        struct list replies; /* answers on their way */
        struct list probe_requests; /* people who wait for probes */
        struct list checkpoint_asks; /* people who wait for the executor's word on checkpoints */
        uint64_t last_ask;
        size_t n_probe_requests;
        struct list attempts; /* intents being written */
        struct list evidence_runs;
        struct effect reply; /* of the command being fed */
        bool replied;

        struct runtime_stats stats;
        struct {
                struct loop_timer timer;
                usec_t due;
                struct instant last; /* both clocks at the last look */
        } host;
        char *reload_error;
        struct waiting *reload; /* under way; NULL: none */
        struct loop_timer stop_timer, watchdog_timer;
        usec_t watchdog; /* 0: nobody waits for signs of life */
        bool standing; /* a part makes no progress, so there are none */
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
void persist_host(struct runtime *runtime);
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

/* traffic_watch.c: the executor took the traffic away, or it is back; something of it changed */
void traffic_heard(struct runtime *runtime, uint32_t index, bool drained);
void traffic_touched(struct runtime *runtime, uint32_t index);

/* host_watch.c: what may say that the agent cannot trust what it sees */
int host_watch_start(struct runtime *runtime);
void host_watch_done(struct runtime *runtime);
void host_watch_stalled(struct runtime *runtime, usec_t gap);

/* recorder.c: lives as long as the runtime; idle unless somebody wants a recording. */
struct recorder;
int recorder_new(struct runtime *runtime, struct error *err);
void recorder_free(struct recorder *recorder); /* accepts NULL */
void recorder_note(struct runtime *runtime, const struct input *input, struct instant now);
void recorder_end(struct runtime *runtime, const char *why);
/* A recording goes on with other policies: their files, read in the thread that loaded them, and
 * the moment of the swap. Without the files it ends. */
bool recorder_is_active(const struct runtime *runtime);
int recorder_read_files(const struct runtime_options *options, struct strbuf *ret);
void recorder_reloaded(
        struct runtime *runtime, const struct policy *policy, const struct strbuf *files);

/* heartbeats.c: after the scheduler, before its end */
int heartbeats_open(struct runtime *runtime, struct error *err);

/* Hands the store what is new of the calls, or all; and takes what it remembers. */
void heartbeats_save(struct runtime *runtime, bool all);
void heartbeats_restore(struct runtime *runtime, const struct store_image *image);

/* Those of services that stay, for probes that do not: their calls are forgotten. */
void heartbeats_forget(struct runtime *runtime, const struct policy *next);
void heartbeats_close(struct runtime *runtime);

/* holds.c */
int holds_open(struct runtime *runtime, struct error *err);
void holds_look_at_all(struct runtime *runtime); /* also ends what is over */
void holds_close(struct runtime *runtime);
/* Looks at what holds the service (UINT32_MAX: any) from outside, feeds the core, then calls done,
 * which may be NULL; from a later turn of the loop. Negative errno: it is not called. */
int holds_look(struct runtime *runtime, uint32_t service, void (*done)(void *cookie), void *cookie);

/* checkpoint_asks.c: what people ask of checkpoints, and the executor answers */
void checkpoint_asks_heard(struct runtime *runtime, const struct wire_message *message);
bool checkpoint_asks_refused(struct runtime *runtime, const struct wire_message *message);
void checkpoint_asks_drop(struct runtime *runtime); /* no answer will come */

/* content_watch.c: what services consist of */
int content_open(struct runtime *runtime);
void content_start(struct runtime *runtime);
void content_close(struct runtime *runtime);
/* Looks at once, and tells the core what is known, also where nothing is. */
void content_failed(struct runtime *runtime, uint32_t index);
void content_look_soon(struct runtime *runtime, uint32_t index); /* in the next turn */
void content_heard(struct runtime *runtime, const struct wire_message *message);
void content_judge(struct runtime *runtime, const struct effect *effect);

/* coordinators.c: opens one where it is wanted first; closed after all seats were left */
struct coordinator;
int coordinators_get(
        struct runtime *runtime, int kind, struct coordinator **ret, struct error *err);
void coordinators_reloaded(struct runtime *runtime); /* says what waits for another start */
void coordinators_close(struct runtime *runtime);

/* pools.c: members of pools, see pools.h. None where the agent only says what it would do. */
struct pools;
int pools_open(struct runtime *runtime, struct error *err);
void pools_close(struct runtime *runtime);
void pools_touched(struct runtime *runtime, uint32_t service); /* something of it changed */
/* Keeps what a person asks for until there is a permit; false: nothing but that is in its way. */
bool pools_wait(
        struct runtime *runtime, const struct input *command, runtime_reply call, void *cookie);
/* Of a reload, as for members. */
int pools_reserve(struct runtime *runtime, const struct policy *next);
void pools_carry(struct runtime *runtime, const struct policy *next);
void pools_reloaded(struct runtime *runtime);

/* members.c: members of groups, see members.h. None where the agent only says what it would do. */
struct members;
int members_open(struct runtime *runtime, struct error *err);
void members_close(struct runtime *runtime);
void members_touched(struct runtime *runtime, uint32_t service); /* something of it changed */
void members_failover(struct runtime *runtime, uint32_t service); /* its ladder asks for one */
void members_heard(struct runtime *runtime, const struct wire_message *message);
bool members_answered(struct runtime *runtime, const struct wire_message *message);
uint64_t members_rejected(const struct runtime *runtime); /* messages of peers */
void members_executor(struct runtime *runtime, bool up);
void members_agreed(struct runtime *runtime); /* the executor follows the policies in force */
/* Of a reload: what is needed for the members of these policies; their change, while those before
 * are still there; and what comes after it. */
int members_reserve(struct runtime *runtime, const struct policy *next);
void members_carry(struct runtime *runtime, const struct policy *next);
void members_reloaded(struct runtime *runtime);

/* starts.c: whether the agent crashes again and again. Noted once, when the core is there. */
void starts_note(struct runtime *runtime);
void starts_forget(struct runtime *runtime); /* all but the present one */
void starts_end(struct runtime *runtime); /* the present one, too: it ends in order */

/* announce.c: what the service manager is told */
int announce_init(struct runtime *runtime);
void announce_start(struct runtime *runtime);
void announce_ready(const struct runtime *runtime); /* again, after a reload */
void announce_reloading(void);
void announce_stopping(void);

/* reloading.c */
int reloading_prepare(struct runtime *runtime, struct error *err);
void reloading_done(struct runtime *runtime);
int reloading_load(
        const struct runtime_options *options, struct policy **ret, struct strbuf *ret_text);
int reloading_tables_init(struct runtime *runtime, const struct policy *policy, struct tables *ret);
void reloading_tables_done(struct tables *tables);
