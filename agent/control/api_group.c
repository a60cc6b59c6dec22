/* Groups with one active member, and pools: how they stand, and another active member. */

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "control/call.h"
#include "runtime/members.h"
#include "runtime/pools.h"

static void put_lease(struct view *view, const struct member_snapshot *member) {
        struct json_writer *json = &view->json;
        const struct lease_view *lease = member->view;
        json_begin_object(json, "lease");
        json_put_text(json, "state", lease_standing_text(lease->standing));
        json_put_text(json, "holder", lease->holder[0] ? lease->holder : NULL);
        json_put_uint(json, "token", lease->token);
        if (lease->standing == LEASE_OURS) {
                json_put_seconds(
                        json, "left_seconds", usec_sub(lease->usable_until, view->now.mono));
        } else {
                json_put_null(json, "left_seconds");
        }
        json_end_object(json);
}

static void put_left(struct view *view, const char *key, usec_t until) {
        if (until > view->now.mono) {
                json_put_seconds(&view->json, key, until - view->now.mono);
        } else {
                json_put_null(&view->json, key);
        }
}

static void put_agreement(struct view *view, const struct member_snapshot *member) {
        struct json_writer *json = &view->json;
        const struct agreement_view *agreement = &member->agreement;
        bool promised = agreement->promised_until > view->now.mono;
        json_begin_object(json, "agreement");
        json_put_bool(json, "holds", member->held);
        put_left(view, "left_seconds", agreement->agreed_until);
        json_put_text(json, "disagreement",
                str_empty(agreement->disagreement) ? NULL : agreement->disagreement);
        put_left(view, "promised_seconds", agreement->promised_until);
        json_put_text(json, "promised_to", promised ? agreement->promised_to : NULL);
        json_end_object(json);
}

static const char *lease_last(const struct member_snapshot *member) {
        return member->view->last[0] ? member->view->last : NULL;
}

static void put_guards(struct json_writer *json, const struct member_snapshot *member) {
        json_begin_array(json, "guards");
        for (size_t i = 0; i < MEMBER_GUARDS; i++) {
                json_begin_object(json, NULL);
                json_put_text(json, "guard", member->guards[i].name);
                json_put_bool(json, "holds", member->guards[i].holds);
                json_put_text(json, "text", member->guards[i].text);
                json_end_object(json);
        }
        json_end_array(json);
}

static void put_peers(struct json_writer *json, const struct lease_view *lease) {
        json_begin_array(json, "peers");
        for (size_t i = 0; i < lease->n_peers; i++) {
                json_begin_object(json, NULL);
                json_put_text(json, "member", lease->peers[i].member);
                json_put_text(json, "says", lease->peers[i].text);
                json_end_object(json);
        }
        json_end_array(json);
}

static void put_member(struct view *view, const struct member_snapshot *member) {
        struct json_writer *json = &view->json;
        const struct group_spec *group = member->service->group;
        json_begin_object(json, NULL);
        json_put_text(json, "group", group->name);
        json_put_text(json, "member", member->id);
        json_put_text(json, "service", member->service->name);
        json_put_text(json, "duty", member->duty);
        view_past(view, "since", member->member->since);
        json_put_uint(json, "rule", member->member->last_rule);
        json_put_text(json, "why", member->sentence);
        json_put_bool(json, "can", member->can);
        put_lease(view, member);
        if (group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE) {
                put_agreement(view, member);
        }
        json_put_text(json, "coordinator",
                coordinator_kind_text((enum coordinator_kind) group->coordinator));
        json_put_text(json, "session", coordinator_session_text(member->view->session));
        json_put_text(json, "session_why", member->view->why);
        json_put_text(json, "executor", member->role_text);
        json_put_bool(json, "follows", member->input->follows > 0);
        json_put_text(json, "last_active", lease_last(member));
        json_put_uint(json, "failovers", member->failovers);
        put_guards(json, member);
        put_peers(json, member->view);
        json_end_object(json);
}

/* ---- Pools ---- */

static void put_holders(struct json_writer *json, const struct lease_view *view) {
        json_begin_array(json, "permits");
        for (size_t i = 0; i < view->n_places; i++) {
                json_put_text(json, NULL, view->places[i]);
        }
        json_end_array(json);
}

static void put_wish(struct view *view, const struct pool_snapshot *pool) {
        struct json_writer *json = &view->json;
        if (!pool->asked[0]) {
                json_put_null(json, "waiting");
                return;
        }
        json_begin_object(json, "waiting");
        json_put_text(json, "command", pool->asked);
        json_put_text(json, "by", pool->wish->by);
        view_past(view, "since", pool->wish->since);
        json_end_object(json);
}

static void put_pool(struct view *view, const struct pool_snapshot *pool) {
        struct json_writer *json = &view->json;
        const struct group_spec *group = pool->service->group;
        const struct lease_view *lease = pool->input->view;
        json_begin_object(json, NULL);
        json_put_text(json, "group", group->name);
        json_put_text(json, "member", pool->id);
        json_put_text(json, "service", pool->service->name);
        json_put_text(json, "zone", pool->service->member ? pool->service->member->zone : NULL);
        json_put_bool(json, "healthy", pool->input->healthy);
        json_put_text(json, "doing", pool->doing);
        json_put_text(json, "permit", pool->permit);
        json_put_text(json, "why", pool->verdict->text);
        json_put_uint(json, "healthy_members", pool->verdict->healthy);
        json_put_uint(json, "min_healthy", pool->verdict->least);
        json_put_uint(json, "members", group->n_members);
        json_put_uint(json, "max_disruptions", group->max_disruptions);
        put_holders(json, lease);
        put_wish(view, pool);
        json_put_text(json, "coordinator",
                coordinator_kind_text((enum coordinator_kind) group->coordinator));
        json_put_text(json, "session", coordinator_session_text(lease->session));
        json_put_text(json, "session_why", lease->why);
        put_peers(json, lease);
        json_end_object(json);
}

static void put_pools(struct view *view, const struct runtime *runtime, const char *only) {
        json_begin_array(&view->json, "pools");
        for (size_t i = 0; i < runtime_pools(runtime); i++) {
                struct pool_snapshot pool;
                runtime_pool(runtime, i, &pool);
                if (!only || str_eq(pool.service->group->name, only)) {
                        put_pool(view, &pool);
                }
        }
        json_end_array(&view->json);
}

void api_groups(struct call *call) {
        const char *only = http_exchange_query(call->exchange, "group");
        if (only && !policy_group(runtime_policy(call->runtime), only)) {
                call_fail(call, 404, "unknown-group", "there is no group '%s'", only);
                return;
        }
        struct view view = view_of(call->runtime, &call->out);
        json_begin_object(&view.json, NULL);
        json_begin_array(&view.json, "members");
        for (size_t i = 0; i < runtime_members(call->runtime); i++) {
                struct member_snapshot member;
                runtime_member(call->runtime, i, &member);
                if (!only || str_eq(member.service->group->name, only)) {
                        put_member(&view, &member);
                }
        }
        json_end_array(&view.json);
        put_pools(&view, call->runtime, only);
        json_end_object(&view.json);
        call_answer(call);
}

static void on_failover(void *cookie, int result, const char *text) {
        static const struct {
                int result;
                unsigned status;
                const char *code;
        } refusals[] = {
                {-ENOENT, 409, "not-active"},
                {-EHOSTUNREACH, 409, "coordinator-away"},
                {-EINVAL, 404, "unknown-member"},
                {-EBUSY, 409, "refused"},
        };
        struct call *call = cookie;
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                if (result == refusals[i].result) {
                        call_fail(call, refusals[i].status, refusals[i].code, "%s", text);
                        return;
                }
        }
        if (result < 0) {
                call_fail(call, 500, "internal", "%s", text);
        } else {
                call_done(call, text);
        }
}

void api_failover(struct call *call) {
        const struct command_args *args = &call->args;
        const struct group_spec *group = policy_group(runtime_policy(call->runtime), args->group);
        if (!group || group->mode != GROUP_ACTIVE_STANDBY) {
                call_fail(call, 404, "unknown-group",
                        !group ? "there is no group '%s'"
                        : group->mode == GROUP_POOL
                                ? "the group '%s' is a pool: all of its members may be active"
                                : "the group '%s' has no active member: it only shares a budget",
                        args->group);
                return;
        }
        runtime_failover(call->runtime, group->name, args->member[0] ? args->member : NULL,
                args->by, on_failover, call);
}
