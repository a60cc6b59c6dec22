/* What holds recovery from outside: the hold file, the locks of package managers and the deploy
 * locks of services. A thread looks at them, for a disk may hang: all of them whenever the host is
 * looked at, so that they are seen; and those that concern a service while the intent of an attempt
 * is written, so that what appeared a moment ago still counts. What a person said, and what became
 * of the agent itself, is kept here as well. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/file_lock.h"
#include "io/hold_file.h"
#include "io/worker.h"
#include "runtime/shell.h"

/* A look that hangs tells nothing: everything stays as it was. */
#define LOOK_TIMEOUT (1 * USEC_PER_SEC)

enum { LOOKS_QUEUED_MAX = 64, LOOKS_STUCK_MAX = 2 };

struct holds {
        struct worker_pool *pool;
        struct list calls; /* looks under way */
        bool told_overdue; /* that the package manager takes too long */
        bool looked; /* since the agent started */
};

struct deploy_lock { /* of a service; the path is behind the structs */
        uint32_t service;
        const char *path;
        bool exists;
};

/* The thread's own. */
struct look {
        const char *hold_file;
        char **package_locks; /* NULL ends it */
        struct deploy_lock *locks;
        size_t n_locks;
        char *texts; /* what the paths point into */

        bool held, packages;
        struct hold_file file;
        char by[64], lock[128];
};

struct call { /* who asked for a look; the loop's own */
        struct list node;
        struct runtime *runtime;
        uint64_t reloads; /* the indices are of the policy at that time */
        void (*done)(void *cookie); /* NULL: nobody waits */
        void *cookie;
};

/* ---- In the thread ---- */

static void name_holder(struct look *look, pid_t pid) {
        char path[32], name[32] = "";
        snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
        FILE *stream = pid > 0 ? fopen(path, "re") : NULL;
        if (stream) {
                if (fgets(name, sizeof(name), stream)) {
                        name[strcspn(name, "\n")] = '\0';
                        str_make_printable(name);
                }
                fclose(stream);
        }
        if (pid > 0) {
                snprintf(look->by, sizeof(look->by), "%s%spid %d", name, name[0] ? ", " : "",
                        (int) pid);
        } else {
                snprintf(look->by, sizeof(look->by), "a package manager");
        }
}

static void look_at_packages(struct look *look) {
        for (char **path = look->package_locks; *path; path++) {
                pid_t pid = 0;
                if (file_lock_holder(*path, &pid) == 1) {
                        look->packages = true;
                        str_copy(look->lock, sizeof(look->lock), *path);
                        name_holder(look, pid);
                        return;
                }
        }
}

static int look_in_thread(void *data) {
        struct look *look = data;
        look->held = hold_file_read(look->hold_file, &look->file);
        look_at_packages(look);
        for (size_t i = 0; i < look->n_locks; i++) {
                look->locks[i].exists = access(look->locks[i].path, F_OK) == 0;
        }
        return 0;
}

static void look_free(void *data) {
        struct look *look = data;
        if (look) {
                free(look->package_locks);
                free(look->locks);
                free(look->texts);
                free(look);
        }
}

DEFINE_CLEANUP(look_free_p, struct look, look_free)

/* ---- What is to be looked at ---- */

struct locked { /* services with a deploy lock, by their indices */
        const uint32_t *services;
        uint32_t count;
};

/* All of them, or `only` this one if it has any. */
static struct locked wanted(const struct policy *policy, const uint32_t *only) {
        if (*only == UINT32_MAX) {
                return (struct locked){policy->deploy_locked, policy->n_deploy_locked};
        }
        return (struct locked){only, policy->services[*only].deploy_lock ? 1 : 0};
}

static size_t length_of_texts(const struct policy *policy, const struct locked *locked) {
        size_t length = strlen(policy->agent.hold_file) + 1;
        for (uint32_t i = 0; i < policy->agent.package_locks.count; i++) {
                length += strlen(policy->agent.package_locks.items[i]) + 1;
        }
        for (uint32_t i = 0; i < locked->count; i++) {
                length += strlen(policy->services[locked->services[i]].deploy_lock) + 1;
        }
        return length;
}

static char *keep(char **at, const char *text) {
        size_t size = strlen(text) + 1;
        char *kept = memcpy(*at, text, size);
        *at += size;
        return kept;
}

/* Copies all paths, because a reload frees the policy while a thread may hang. */
static struct look *look_new(const struct policy *policy, uint32_t only) {
        AUTO(look_free_p) struct look *look = calloc(1, sizeof(*look));
        struct locked locked = wanted(policy, &only);
        uint32_t n_packages = policy->agent.package_locks.count;
        if (!look) {
                return NULL;
        }
        look->texts = malloc(length_of_texts(policy, &locked));
        look->package_locks = calloc(n_packages + 1, sizeof(*look->package_locks));
        look->locks = calloc(locked.count + 1, sizeof(*look->locks));
        if (!look->texts || !look->package_locks || !look->locks) {
                return NULL;
        }
        char *at = look->texts;
        look->hold_file = keep(&at, policy->agent.hold_file);
        for (uint32_t i = 0; i < n_packages; i++) {
                look->package_locks[i] = keep(&at, policy->agent.package_locks.items[i]);
        }
        for (uint32_t i = 0; i < locked.count; i++) {
                uint32_t service = locked.services[i];
                look->locks[look->n_locks++] = (struct deploy_lock){.service = service,
                        .path = keep(&at, policy->services[service].deploy_lock)};
        }
        return TAKE_PTR(look);
}

/* ---- What became of it ---- */

static void tell_services(struct runtime *runtime) {
        for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                turns_feed(runtime, &(struct input){.kind = INPUT_GUARDS, .service = i});
        }
}

static void set(struct runtime *runtime, enum hold_source source, const struct hold *hold) {
        struct input input = {.kind = INPUT_HOLD, .hold = {.source = source, .hold = *hold}};
        turns_feed(runtime, &input);
        persist_host(runtime);
        tell_services(runtime);
}

static void let_go(struct runtime *runtime, enum hold_source source, const char *why) {
        set(runtime, source, &(struct hold){0});
        effects_say(runtime, LOG_NOTICE, "%s", why);
}

static const struct hold *present(const struct runtime *runtime, enum hold_source source) {
        return recovery_hold(runtime->recovery, source);
}

static void apply_file(struct runtime *runtime, const struct look *look) {
        const struct hold *before = present(runtime, HOLD_FILE);
        if (!look->held) {
                if (before->on) {
                        let_go(runtime, HOLD_FILE, "the hold file is gone: recovery goes on");
                }
                return;
        }
        if (before->on && str_eq(before->reason, look->file.reason) &&
                before->people_too == look->file.people_too) {
                return;
        }
        struct hold hold = {
                .on = true,
                .people_too = look->file.people_too,
                .since = before->on ? before->since : loop_now(runtime->loop).mono,
                .until = USEC_INFINITY,
        };
        snprintf(hold.by, sizeof(hold.by), "the file %.50s", look->hold_file);
        str_copy(hold.reason, sizeof(hold.reason), look->file.reason);
        set(runtime, HOLD_FILE, &hold);
        effects_say(runtime, LOG_WARNING, "recovery is held by %s%s%s%s", hold.by,
                hold.reason[0] ? ": " : "", hold.reason,
                hold.people_too ? "; what people ask for is held, too" : "");
}

static void apply_packages(struct runtime *runtime, const struct look *look) {
        const struct hold *before = present(runtime, HOLD_PACKAGES);
        /* The store remembers who was at work before the agent was gone; it may be another now. */
        bool same = runtime->holds->looked || str_eq(before->by, look->by);
        runtime->holds->looked = true;
        if (look->packages == before->on && (!before->on || same)) {
                return;
        }
        if (!look->packages) {
                let_go(runtime, HOLD_PACKAGES, "the package manager is done: recovery goes on");
                return;
        }
        usec_t now = loop_now(runtime->loop).mono, most = runtime->policy->agent.hold_at_most;
        struct hold hold = {.on = true, .since = now, .until = usec_add(now, most)};
        char how_long[UNITS_TEXT_MAX];
        str_copy(hold.by, sizeof(hold.by), look->by);
        str_copy(hold.reason, sizeof(hold.reason), look->lock);
        runtime->holds->told_overdue = false;
        set(runtime, HOLD_PACKAGES, &hold);
        effects_say(runtime, LOG_NOTICE,
                "packages are being changed (%s holds %s): recovery is held for at most %s",
                hold.by, hold.reason, units_format_duration_short(most, how_long));
}

static void apply_locks(struct runtime *runtime, const struct look *look) {
        for (size_t i = 0; i < look->n_locks; i++) {
                turns_feed(runtime, &(struct input){
                                            .kind = INPUT_DEPLOY,
                                            .service = look->locks[i].service,
                                            .up = look->locks[i].exists,
                                    });
        }
}

static void on_looked(void *cookie, int result, void *data) {
        struct call *call = cookie;
        struct runtime *runtime = call->runtime;
        const struct look *look = data;
        if (look && result >= 0 && call->reloads == runtime->stats.reloads_ok) {
                apply_file(runtime, look);
                apply_packages(runtime, look);
                apply_locks(runtime, look);
        }
        list_remove(&call->node);
        if (call->done) {
                call->done(call->cookie);
        }
        free(call);
}

int holds_look(
        struct runtime *runtime, uint32_t service, void (*done)(void *cookie), void *cookie) {
        struct call *call = calloc(1, sizeof(*call));
        struct look *look = look_new(runtime->policy, service);
        if (!call || !look) {
                free(call);
                look_free(look);
                return -ENOMEM;
        }
        *call = (struct call){
                .runtime = runtime,
                .reloads = runtime->stats.reloads_ok,
                .done = done,
                .cookie = cookie,
        };
        struct worker_job job = {
                .run = look_in_thread,
                .release = look_free,
                .done = on_looked,
                .data = look,
                .cookie = call,
                .deadline = usec_add(loop_now(runtime->loop).mono, LOOK_TIMEOUT),
        };
        struct error err = {0};
        int r = worker_submit(runtime->holds->pool, &job, NULL, &err);
        if (r < 0) { /* one that hangs was told of; everything stays as it was */
                free(call);
                look_free(look);
                return r;
        }
        list_append(&runtime->holds->calls, &call->node);
        return 0;
}

/* ---- Time ---- */

static bool is_over(const struct hold *hold, usec_t now) {
        return hold->on && now >= hold->until;
}

static void end_what_is_over(struct runtime *runtime) {
        usec_t now = loop_now(runtime->loop).mono;
        struct holds *holds = runtime->holds;
        if (is_over(present(runtime, HOLD_PERSON), now)) {
                let_go(runtime, HOLD_PERSON, "the hold is over: recovery goes on");
        }
        if (is_over(present(runtime, HOLD_CRASHES), now)) {
                let_go(runtime, HOLD_CRASHES,
                        "the agent has run long enough without a crash: recovery goes on");
                starts_forget(runtime);
        }
        if (is_over(present(runtime, HOLD_PACKAGES), now) && !holds->told_overdue) {
                char how_long[UNITS_TEXT_MAX];
                holds->told_overdue = true;
                units_format_duration_short(runtime->policy->agent.hold_at_most, how_long);
                effects_say(runtime, LOG_WARNING,
                        "packages are being changed for longer than hold_at_most (%s): recovery goes on",
                        how_long);
                tell_services(runtime);
        }
}

void holds_look_at_all(struct runtime *runtime) {
        end_what_is_over(runtime);
        (void) holds_look(runtime, UINT32_MAX, NULL, NULL);
}

int holds_open(struct runtime *runtime, struct error *err) {
        static const struct worker_limits limits = {"holds", 1, LOOKS_QUEUED_MAX, LOOKS_STUCK_MAX};
        struct holds *holds = calloc(1, sizeof(*holds));
        if (!holds) {
                return error_set(err, ENOMEM, "out of memory");
        }
        list_init(&holds->calls);
        runtime->holds = holds;
        return worker_pool_new(&holds->pool, runtime->loop, &limits, err);
}

void holds_close(struct runtime *runtime) {
        struct holds *holds = runtime->holds;
        if (!holds) {
                return;
        }
        worker_pool_free(holds->pool);
        LIST_FOREACH (node, &holds->calls) {
                free(LIST_ENTRY(node, struct call, node));
        }
        free(holds);
        runtime->holds = NULL;
}

/* ---- People ---- */

static bool is_ending(struct runtime *runtime, runtime_reply call, void *cookie) {
        if (runtime->stopping) {
                answers_reply(runtime, call, cookie, -ESHUTDOWN, "the agent is ending");
        }
        return runtime->stopping;
}

void runtime_hold(struct runtime *runtime, usec_t duration, const char *by, const char *reason,
        runtime_reply call, void *cookie) {
        usec_t now = loop_now(runtime->loop).mono;
        char how_long[UNITS_TEXT_MAX], text[64];
        if (is_ending(runtime, call, cookie)) {
                return;
        }
        struct hold hold = {.on = true,
                .since = now,
                .until = duration ? usec_add(now, duration) : USEC_INFINITY};
        str_copy(hold.by, sizeof(hold.by), by);
        str_copy(hold.reason, sizeof(hold.reason), reason);
        set(runtime, HOLD_PERSON, &hold);
        snprintf(text, sizeof(text), "%s%s", duration ? "for " : "until it is released",
                duration ? units_format_duration_short(duration, how_long) : "");
        effects_say(runtime, LOG_WARNING, "all recovery is held by %s %s: %s", by, text, reason);
        char answer[96];
        snprintf(answer, sizeof(answer), "all recovery is held %s", text);
        answers_reply(runtime, call, cookie, 0, answer);
}

void runtime_release(struct runtime *runtime, const char *by, runtime_reply call, void *cookie) {
        bool person = present(runtime, HOLD_PERSON)->on;
        bool crashes = present(runtime, HOLD_CRASHES)->on;
        const struct hold *file = present(runtime, HOLD_FILE);
        char said[128], answer[256];
        if (is_ending(runtime, call, cookie)) {
                return;
        }
        snprintf(said, sizeof(said), "released by %s: recovery goes on", by);
        if (person) {
                let_go(runtime, HOLD_PERSON, said);
        }
        if (crashes) {
                let_go(runtime, HOLD_CRASHES, said);
                starts_forget(runtime);
        }
        snprintf(answer, sizeof(answer), "%s%s%s%s",
                person || crashes ? "released" : "nobody held it", file->on ? "; but " : "",
                file->on ? file->by : "", file->on ? " still holds: remove it" : "");
        answers_reply(runtime, call, cookie, file->on ? -EBUSY : 0, answer);
}
