#include "executor/lease_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "executor/executor.h"
#include "io/child.h"
#include "model/group_timing.h"

/* Between two tries to prove that it is gone. */
#define PAUSE_FIRST USEC_PER_SEC
#define PAUSE_MAX (10 * USEC_PER_SEC)
/* A demotion that begins later than this is too late for programs ahead of the stop. */
#define LATE_AFTER (500 * USEC_PER_MSEC)

static usec_t now_of(const struct managed *managed) {
        return loop_now(managed->executor->loop).mono;
}

static enum member_role role_of(const struct managed *managed) {
        return managed->state.role;
}

static const struct group_spec *group_of(const struct lease_guard *guard) {
        return guard->service ? guard->service->group : NULL;
}

static const char *group_name(const struct lease_guard *guard) {
        return group_of(guard) ? group_of(guard)->name : "its group";
}

static bool has_time(const struct managed *managed) {
        return now_of(managed) < managed->state.guard_begin;
}

bool lease_guard_holds(const struct managed *managed) {
        return managed->guard && role_of(managed) != MEMBER_STANDBY;
}

/* It was proven to follow the active member, and its policy still wants that. */
static bool is_trusted(const struct managed *managed) {
        const struct group_spec *group = group_of(managed->guard);
        return managed->state.follows != 0 && role_of(managed) == MEMBER_STANDBY && group &&
               group->standby == STANDBY_RUNNING;
}

/* What another manager runs is looked at a little later. */
static bool may_run(const struct managed *managed) {
        return managed->state.running || !managed_is_command(managed);
}

/* ---- What it is ---- */

static void schedule(struct lease_guard *guard);

static void set_role(struct managed *managed, enum member_role role, const char *text) {
        struct lease_guard *guard = managed->guard;
        bool news = role != role_of(managed);
        managed->state.role = role;
        str_copy(guard->text, sizeof(guard->text), text);
        managed_save(managed);
        if (news) {
                log_at(role == MEMBER_STUCK ? LOG_ERR : LOG_NOTICE, "%s: %s of %s: %s",
                        managed->state.service, member_role_text(role), group_name(guard), text);
        }
        managed_announce(managed, UNSENT_ROLE);
        schedule(guard);
}

static void release(struct managed *managed) {
        struct lease_guard *guard = managed->guard;
        managed->guard = NULL;
        loop_timer_done(&guard->timer);
        child_cancel(guard->announcer);
        policy_share_release(guard->share);
        free(guard);
}

void lease_guard_free(struct managed *managed) {
        if (managed->guard) {
                release(managed);
        }
}

/* ---- Where nothing else helps ---- */

/* Past every process that hangs in the kernel, and without stopping anything: whoever takes over
 * waits for nobody. See the kernel's Documentation/admin-guide/sysrq. */
static void reboot_host(const struct managed *managed) {
        const char *path = managed->executor->options.sysrq;
        log_error("%s: REBOOTING this host, because it cannot be proven that the service is gone "
                  "(on_stop_unproven)",
                managed->state.service);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "b", 1) != 1) {
                log_error(
                        "%s: cannot reboot: %s: %s", managed->state.service, path, strerror(errno));
        }
}

/* One that was never promoted here since the host was started has nothing that a reboot would end,
 * and would be there again after it. */
static bool may_reboot(const struct lease_guard *guard) {
        const struct group_spec *group = group_of(guard);
        return group && group->on_stop_unproven == UNPROVEN_REBOOT &&
               guard->managed->state.token != 0;
}

static void note_stuck(struct managed *managed, const char *text) {
        set_role(managed, MEMBER_STUCK, text);
        if (may_reboot(managed->guard)) {
                reboot_host(managed);
        }
}

/* ---- Demotion ---- */

static void demote(struct lease_guard *guard, enum demotion demotion) {
        struct managed *managed = guard->managed;
        const struct action_order order = {.action = ACTION_DEMOTE};
        struct error err = {0};
        guard->demotion = demotion;
        guard->cutting = true;
        action_cut(managed->action, "its lease is over");
        guard->cutting = false;
        if (action_start(managed, &order, &err) < 0) {
                note_stuck(managed, err.text);
        }
}

/* How much of it there is time for. */
static enum demotion demotion_in_time(const struct managed *managed) {
        usec_t latest = usec_add(managed->state.guard_begin, LATE_AFTER);
        return now_of(managed) < latest ? DEMOTION_WHOLE : DEMOTION_LATE;
}

static void expire(struct lease_guard *guard) {
        struct managed *managed = guard->managed;
        log_error("%s: its lease of %s was not extended, demoting it", managed->state.service,
                group_name(guard));
        demote(guard, demotion_in_time(managed));
}

static void note_overdue(struct lease_guard *guard) {
        guard->overdue = true;
        note_stuck(guard->managed, "its time is over, and it is not proven to be gone");
}

static void on_timer(void *cookie) {
        struct lease_guard *guard = cookie;
        struct managed *managed = guard->managed;
        switch (role_of(managed)) {
        case MEMBER_PROMOTING:
        case MEMBER_ACTIVE:
                expire(guard);
                break;
        case MEMBER_DEMOTING:
                note_overdue(guard);
                break;
        case MEMBER_STUCK:
                if (managed->action) {
                        schedule(guard);
                } else {
                        demote(guard, DEMOTION_AGAIN);
                }
                break;
        case MEMBER_NONE:
        case MEMBER_STANDBY:
                break;
        }
}

/* One that begins too late is given the time that killing takes, all the same. */
static usec_t overdue_at(const struct lease_guard *guard) {
        usec_t deadline = guard->managed->state.guard_deadline;
        usec_t killed = usec_add(guard->demoting_since, GROUP_KILL_TIME);
        if (guard->overdue || deadline == 0) {
                return USEC_INFINITY;
        }
        return deadline > killed ? deadline : killed;
}

static void schedule(struct lease_guard *guard) {
        const struct service_state *state = &guard->managed->state;
        usec_t due = USEC_INFINITY;
        switch (state->role) {
        case MEMBER_PROMOTING:
        case MEMBER_ACTIVE:
                due = state->guard_begin;
                break;
        case MEMBER_DEMOTING:
                due = overdue_at(guard);
                break;
        case MEMBER_STUCK:
                due = usec_add(now_of(guard->managed), guard->pause);
                guard->pause = 2 * guard->pause < PAUSE_MAX ? 2 * guard->pause : PAUSE_MAX;
                break;
        case MEMBER_NONE:
        case MEMBER_STANDBY:
                break;
        }
        loop_timer_set(&guard->timer, due);
}

/* ---- What actions do to it ---- */

/* The programs have run for one that is a standby already. */
static enum demotion demotion_of(const struct lease_guard *guard) {
        bool again = role_of(guard->managed) == MEMBER_STANDBY;
        return again ? DEMOTION_BARE : guard->demotion;
}

void lease_guard_plan(const struct managed *managed, struct action_plan *plan, int action,
        const struct service *service) {
        const struct lease_guard *guard = managed->guard;
        bool has_one = service && service->group && service->group->address.family;
        const struct action_traces traces = {
                .address = guard && (*managed->state.address || has_one),
                .unit = guard && managed->state.unit_unclear,
        };
        action_plan_make(
                plan, action, service, guard ? demotion_of(guard) : DEMOTION_WHOLE, traces);
}

static void begin_following(struct managed *managed, const struct action_order *order) {
        struct lease_guard *guard = managed->guard;
        guard->following = order->token;
        str_copy(guard->active, sizeof(guard->active), order->active);
        fencing_tokens_note(&managed->executor->tokens, group_name(guard), order->token);
}

void lease_guard_began(struct managed *managed, const struct action_order *order) {
        int action = order->action;
        if (!managed->guard) {
                return;
        }
        if (1U << action & (1U << ACTION_FOLLOW | 1U << ACTION_DEMOTE | 1U << ACTION_STOP)) {
                managed->state.follows = 0; /* written before it is done */
                managed_save(managed);
        }
        if (action == ACTION_FOLLOW) {
                begin_following(managed, order);
        }
        if (action == ACTION_PROMOTE && role_of(managed) != MEMBER_ACTIVE) {
                set_role(managed, MEMBER_PROMOTING, "the lease is here");
        } else if (action == ACTION_DEMOTE && role_of(managed) != MEMBER_STUCK) {
                managed->guard->demoting_since = now_of(managed);
                set_role(managed, MEMBER_DEMOTING, "it is being stopped");
        }
}

void lease_guard_clears_up(struct managed *managed, int action) {
        bool follow = action == ACTION_FOLLOW;
        if (managed->guard && (follow || action == ACTION_PROMOTE)) {
                managed->guard->demoting_since = now_of(managed);
                set_role(managed, MEMBER_DEMOTING,
                        follow ? "it could not be made to follow" : "the promotion failed");
        }
}

static void note_standby(struct managed *managed, const char *text) {
        struct lease_guard *guard = managed->guard;
        guard->demotion = DEMOTION_WHOLE;
        guard->pause = PAUSE_FIRST;
        guard->overdue = false;
        managed->state.follows = 0;
        set_role(managed, MEMBER_STANDBY, text);
        if (guard->leaving) {
                managed->state.role = MEMBER_NONE;
                managed_save(managed);
                release(managed);
        }
}

static void note_following(struct managed *managed, uint64_t token) {
        char text[MANAGED_TEXT_MAX];
        if (!may_run(managed)) {
                note_standby(managed, "it ended as soon as it was started to follow");
                return;
        }
        managed->state.follows = token;
        snprintf(text, sizeof(text), "it runs and follows %s", managed->guard->active);
        set_role(managed, MEMBER_STANDBY, text);
        lease_guard_looked(managed); /* it may have ended meanwhile, or its policy be another */
}

void lease_guard_ended(
        struct managed *managed, int action, bool ok, bool proven, const char *text) {
        struct lease_guard *guard = managed->guard;
        bool changes_role =
                action == ACTION_PROMOTE || action == ACTION_DEMOTE || action == ACTION_FOLLOW;
        if (!guard || !changes_role) {
                return;
        }
        uint64_t following = guard->following;
        guard->following = 0;
        if (guard->cutting) {
                return;
        }
        if (action == ACTION_PROMOTE && ok) {
                managed->state.follows = 0;
                set_role(managed, MEMBER_ACTIVE, text);
        } else if (action == ACTION_FOLLOW && ok) {
                note_following(managed, following);
        } else if (proven) {
                note_standby(managed, text);
        } else {
                note_stuck(managed, text);
        }
}

/* ---- Leases ---- */

static int check_token(const struct managed *managed, uint64_t token, struct error *err) {
        const struct lease_guard *guard = managed->guard;
        const struct service_state *state = &managed->state;
        const struct fencing_tokens *tokens = &managed->executor->tokens;
        uint64_t highest = fencing_tokens_highest(tokens, group_name(guard));
        if (token == 0) {
                return error_set(err, EPERM, "a lease without a fencing token");
        }
        if (token < highest) {
                return error_set(err, EPERM,
                        "the fencing token %" PRIu64 " is older than %" PRIu64
                        ", which was here before. Where the coordinator was set up anew: stop the "
                        "executor and remove %s",
                        token, highest, tokens->file.path);
        }
        if (token != state->token && role_of(managed) != MEMBER_STANDBY) {
                return error_set(err, EPERM,
                        "it is %s under the token %" PRIu64 ", and takes %" PRIu64
                        " once it is proven to be a standby",
                        member_role_text(role_of(managed)), state->token, token);
        }
        return 0;
}

int lease_guard_extend(
        struct managed *managed, uint64_t token, usec_t deadline, struct error *err) {
        struct lease_guard *guard = managed->guard;
        struct service_state *state = &managed->state;
        usec_t now = now_of(managed);
        if (!guard || guard->leaving) {
                return error_set(err, EPERM, "it is in no group with one active member");
        }
        int r = deadline > 0 ? check_token(managed, token, err) : 0;
        if (r < 0) {
                return r;
        }
        usec_t longest = usec_add(now, group_of(guard)->lease);
        if (deadline > 0) {
                state->guard_deadline = deadline < longest ? deadline : longest;
                state->guard_begin = group_demotion_begin(group_of(guard), state->guard_deadline);
        } else {
                state->guard_begin = now;
        }
        if (deadline > 0 && token != state->token) {
                state->token = token;
                fencing_tokens_note(&managed->executor->tokens, group_name(guard), token);
        }
        managed_save(managed);
        managed_announce(managed, UNSENT_ROLE);
        if (role_of(managed) != MEMBER_STUCK) {
                schedule(guard);
        }
        return 0;
}

static const char *why_not_follow(const struct managed *managed, uint64_t token) {
        const struct group_spec *group = group_of(managed->guard);
        if (!group || managed->guard->leaving || group->standby != STANDBY_RUNNING) {
                return "the standbys of its group do not run";
        }
        if (role_of(managed) != MEMBER_STANDBY) {
                return "only what is proven to be a standby follows another";
        }
        if (token < fencing_tokens_highest(&managed->executor->tokens, group->name)) {
                return "another member was active since under a larger fencing token";
        }
        return NULL;
}

const char *lease_guard_why_not(const struct managed *managed, const struct action_order *order) {
        int action = order->action;
        const uint32_t harmless = 1U << ACTION_DEMOTE | 1U << ACTION_STOP | 1U << ACTION_RELOAD |
                                  1U << ACTION_SIGNAL | 1U << ACTION_HAPROXY;
        if (!managed->guard || harmless & 1U << action) {
                bool of_group = action == ACTION_PROMOTE || action == ACTION_FOLLOW;
                return of_group ? "it is in no group with one active member" : NULL;
        }
        if (action == ACTION_FOLLOW) {
                return why_not_follow(managed, order->token);
        }
        bool promotion = action == ACTION_PROMOTE;
        if (promotion && role_of(managed) != MEMBER_STANDBY) {
                return "only what is proven to be a standby is promoted";
        }
        if (!promotion && role_of(managed) != MEMBER_ACTIVE) {
                return "it is not the active member of its group, only a promotion starts it";
        }
        return has_time(managed) ? NULL : "it has no lease, or no time left under it";
}

/* ---- Following ---- */

static int begin_guard(struct managed *managed) {
        struct lease_guard *guard = calloc(1, sizeof(*guard));
        if (!guard ||
                loop_timer_init(&guard->timer, managed->executor->loop, on_timer, guard) < 0) {
                free(guard);
                return -ENOMEM;
        }
        guard->managed = managed;
        guard->pause = PAUSE_FIRST;
        managed->guard = guard;
        return 0;
}

/* After a start of the executor, or for a new member. */
static void find_out(struct lease_guard *guard) {
        struct managed *managed = guard->managed;
        struct service_state *state = &managed->state;
        switch (state->role) {
        case MEMBER_ACTIVE:
                if (has_time(managed)) {
                        log_notice("%s: active member of %s, under its lease still", state->service,
                                group_name(guard));
                        schedule(guard);
                } else {
                        expire(guard);
                }
                break;
        case MEMBER_PROMOTING:
        case MEMBER_DEMOTING:
        case MEMBER_STUCK: /* nobody knows how far it came */
                demote(guard, demotion_in_time(managed));
                break;
        case MEMBER_STANDBY:
        case MEMBER_NONE:
                if (is_trusted(managed) && may_run(managed)) {
                        set_role(managed, MEMBER_STANDBY, "it runs and follows, since before");
                } else {
                        demote(guard, DEMOTION_BARE);
                }
                break;
        }
}

static void take_policy(struct lease_guard *guard) {
        struct policy_share *before = guard->share;
        guard->share = policy_share_hold(guard->managed->share);
        guard->service = guard->managed->service;
        policy_share_release(before);
}

static void leave(struct lease_guard *guard) {
        struct managed *managed = guard->managed;
        if (guard->leaving) {
                return;
        }
        guard->leaving = true;
        if (guard->following) {
                demote(guard, DEMOTION_BARE);
        } else if (role_of(managed) == MEMBER_STANDBY) {
                note_standby(managed, "it has left the group");
        } else if (role_of(managed) != MEMBER_DEMOTING || !managed->action) {
                log_warning("%s: has left the group %s, demoting it", managed->state.service,
                        group_name(guard));
                demote(guard, DEMOTION_WHOLE);
        }
}

void lease_guard_follow(struct managed *managed) {
        bool member = managed->service && policy_is_member(managed->service);
        bool was = role_of(managed) != MEMBER_NONE;
        bool fresh = !managed->guard && (member || was);
        if (fresh && begin_guard(managed) < 0) {
                log_error("%s: out of memory, its lease is not guarded", managed->state.service);
                return;
        }
        if (!managed->guard) {
                return;
        }
        if (member) {
                take_policy(managed->guard);
                managed->guard->leaving = false;
        }
        if (!member && managed->executor->policy) {
                leave(managed->guard);
        } else if (fresh) {
                find_out(managed->guard);
        } else {
                lease_guard_looked(managed);
        }
}

bool lease_guard_needs_us(const struct managed *managed) {
        return lease_guard_holds(managed) && role_of(managed) != MEMBER_STUCK;
}

void lease_guard_give_up(struct managed *managed) {
        if (lease_guard_needs_us(managed) && role_of(managed) != MEMBER_DEMOTING) {
                demote(managed->guard, demotion_in_time(managed));
        }
}

void lease_guard_looked(struct managed *managed) {
        struct lease_guard *guard = managed->guard;
        if (!guard || guard->leaving || role_of(managed) != MEMBER_STANDBY || managed->action ||
                is_trusted(managed) || !managed_runs(managed)) {
                return;
        }
        log_error(
                "%s: runs, and neither has the lease of %s nor follows: somebody else has started "
                "it, stopping it",
                managed->state.service, group_name(guard));
        demote(guard, DEMOTION_BARE);
}

/* Whoever starts it next may start it as the active one. */
void lease_guard_lost(struct managed *managed) {
        if (!managed->guard || managed->state.follows == 0) {
                return;
        }
        managed->state.follows = 0;
        if (role_of(managed) == MEMBER_STANDBY) {
                set_role(managed, MEMBER_STANDBY,
                        "it has followed the active member, and has ended");
        }
}

/* ---- Its address ---- */

int lease_guard_note_address(struct managed *managed, const char *address, struct error *err) {
        str_copy(managed->state.address, sizeof(managed->state.address), address);
        return managed_try_save(managed, err);
}

static bool is_of_group(const struct managed *managed, const char *group) {
        return managed->guard && str_eq(group_name(managed->guard), group);
}

bool lease_guard_shares_address(const struct managed *managed) {
        LIST_FOREACH (node, &managed->executor->services) {
                const struct managed *other = LIST_ENTRY(node, struct managed, node);
                if (other != managed && *other->state.address &&
                        is_of_group(other, group_name(managed->guard))) {
                        return true;
                }
        }
        return false;
}

/* ---- Told ---- */

void lease_guard_describe(const struct managed *managed, struct wire_message *ret) {
        const struct service_state *state = &managed->state;
        *ret = (struct wire_message){
                .type = WIRE_ROLE,
                .role = state->role,
                .proven = state->role == MEMBER_STANDBY,
                .follows = managed->guard && is_trusted(managed) ? state->follows : 0,
                .token = state->token,
                .deadline = state->guard_deadline,
        };
        str_copy(ret->service, sizeof(ret->service), state->service);
        str_copy(ret->text, sizeof(ret->text), managed->guard ? managed->guard->text : "");
}

void lease_guard_environment(const struct managed *managed, struct environment *environment) {
        const struct lease_guard *guard = managed->guard;
        char token[24];
        if (!guard || !group_of(guard)) {
                return;
        }
        bool active = role_of(managed) == MEMBER_PROMOTING || role_of(managed) == MEMBER_ACTIVE;
        snprintf(token, sizeof(token), "%" PRIu64, managed->state.token);
        environment_set(environment, "RECOVERD_GROUP", group_of(guard)->name);
        environment_set(environment, "RECOVERD_ROLE", active ? "active" : "standby");
        environment_set(environment, "RECOVERD_FENCING_TOKEN", token);
        if (guard->service->member) {
                environment_set(environment, "RECOVERD_MEMBER", guard->service->member->name);
        }
        if (guard->following) {
                environment_set(environment, "RECOVERD_ACTIVE", guard->active);
        }
}
