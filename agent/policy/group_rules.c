/* What groups with a mode may not be. */

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "model/group_timing.h"
#include "policy/loading.h"

/* Programs at a change of the active member delay it. */
#define PROGRAM_TIME_MAX (5 * USEC_PER_MINUTE)

struct judging {
        struct loading *loading;
        const struct group_spec *group;
        const struct entry *entry;
};

static const struct node *written(const struct judging *judging, const char *key) {
        return node_get(judging->entry->value, key);
}

/* Of a key of the group, or of its name where the key is not there. */
static const struct place *place_of(const struct judging *judging, const char *key) {
        const struct node *node = written(judging, key);
        return node ? &node->place : &judging->entry->key->place;
}

/* ---- Keys that are not of the mode --------------------------------------------------------------
 */

static bool is_one_of(const char *key, const char *const *keys) {
        for (; *keys; keys++) {
                if (str_eq(*keys, key)) {
                        return true;
                }
        }
        return false;
}

static void check_keys(const struct judging *judging) {
        static const char *const without_mode[] = {"budget", "mode", NULL};
        static const char *const of_pool[] = {"budget", "mode", "coordinator", "members", "lease",
                "min_healthy", "max_disruptions", NULL};
        static const char *const not_of_active[] = {"min_healthy", "max_disruptions", NULL};
        const struct node *node = judging->entry->value;
        int mode = judging->group->mode;
        for (uint32_t i = 0; node->kind == NODE_MAPPING && i < node->count; i++) {
                const struct node *key = node->entries[i].key;
                if (mode == GROUP_SHARED_BUDGET && !is_one_of(key->text, without_mode)) {
                        bool pool = is_one_of(key->text, not_of_active);
                        loading_error(judging->loading, "inconsistent", &key->place,
                                pool ? "add 'mode: pool', or remove it"
                                     : "add 'mode: active-standby', or remove it",
                                "'%.32s' has no effect in a group without 'mode'", key->text);
                } else if (mode == GROUP_POOL && !is_one_of(key->text, of_pool)) {
                        loading_error(judging->loading, "inconsistent", &key->place,
                                "remove it: it is of 'mode: active-standby'",
                                "'%.32s' has no effect in a group with 'mode: pool'", key->text);
                } else if (mode == GROUP_ACTIVE_STANDBY && is_one_of(key->text, not_of_active)) {
                        loading_error(judging->loading, "inconsistent", &key->place,
                                "remove it: it is of 'mode: pool'",
                                "'%.32s' has no effect in a group with 'mode: active-standby'",
                                key->text);
                }
        }
}

/* Likewise in the members. */
static void check_keys_of_members(const struct judging *judging) {
        const struct node *members = written(judging, "members");
        bool pool = judging->group->mode == GROUP_POOL;
        const char *other = pool ? "priority" : "zone";
        for (uint32_t i = 0; members && members->kind == NODE_MAPPING && i < members->count; i++) {
                const struct node *node = node_get(members->entries[i].value, other);
                if (node) {
                        loading_error(judging->loading, "inconsistent", &node->place, "remove it",
                                "'%s' has no effect in a group with 'mode: %s'", other,
                                group_mode_text((enum group_mode) judging->group->mode));
                }
        }
}

/* ---- Members ----------------------------------------------------------------------------------
 */

static const struct place *place_of_service(
        const struct judging *judging, const struct service *service) {
        const struct origin *origin = &judging->loading->origins[service->index];
        const struct node *node = node_get(origin->whole, "member_of");
        return node ? &node->place : &origin->entry->key->place;
}

static const char *hint_for_local(
        const struct judging *judging, const char *name, char hint[PROBLEM_HINT_MAX]) {
        const struct policy *policy = judging->loading->policy;
        if (policy_service(policy, name)) {
                snprintf(hint, PROBLEM_HINT_MAX, "add 'member_of: %.64s' to the service",
                        judging->group->name);
                return hint;
        }
        const char *near = problems_nearest(
                name, &policy->services->name, policy->n_services, sizeof(*policy->services));
        return near ? problems_did_you_mean(near, hint)
                    : "with 'coordinator: local' the members are services of this host";
}

/* With the local coordinator the members are the services that say so, and no other. */
static void check_local_members(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        const struct node *members = written(judging, "members");
        char hint[PROBLEM_HINT_MAX];
        for (uint32_t i = 0; i < group->n_members; i++) {
                const char *name = group->members[i].name;
                const struct service *service = policy_service(judging->loading->policy, name);
                if ((service && service->group == group) || judging->loading->incomplete) {
                        continue;
                }
                loading_error(judging->loading, "unknown-service",
                        &node_entry(members, name)->key->place, hint_for_local(judging, name, hint),
                        service ? "the service '%.64s' does not say that it is a member"
                                : "there is no service '%.64s'",
                        name);
        }
}

static void check_member_names(const struct judging *judging) {
        const struct node *members = written(judging, "members");
        for (uint32_t i = 0; members && members->kind == NODE_MAPPING && i < members->count; i++) {
                check_name(judging->loading, members->entries[i].key, "member");
        }
}

static void check_members(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        if (!written(judging, "members")) {
                loading_error(judging->loading, "missing-key", &judging->entry->key->place,
                        group->coordinator == COORDINATOR_LOCAL
                                ? "add 'members: {blue: {}, green: {}}', which name services"
                                : "add 'members: {host1: {}, host2: {}}'",
                        "the key 'members' is missing");
                return;
        }
        bool pool = group->mode == GROUP_POOL;
        unsigned most = pool ? POOL_MEMBERS_MAX : GROUP_MEMBERS_MAX;
        check_member_names(judging);
        check_keys_of_members(judging);
        if (group->n_members < 2) {
                loading_error(judging->loading, "inconsistent", place_of(judging, "members"), NULL,
                        pool ? "%u members: no other would be left, 2 are needed"
                             : "%u members: nobody could take over, 2 are needed",
                        group->n_members);
        } else if (group->n_members > most) {
                loading_error(judging->loading, "too-large", place_of(judging, "members"), NULL,
                        "%u members, at most %u", group->n_members, most);
        }
        if (group->coordinator == COORDINATOR_LOCAL) {
                check_local_members(judging);
        }
}

/* ---- Steps ------------------------------------------------------------------------------------
 */

static uint32_t count_steps(const struct group_steps *steps, int action) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < steps->count; i++) {
                n += steps->items[i].action == action;
        }
        return n;
}

/* Programs, and where `wanted` is given that once: a promotion has to start, a demotion to stop. */
static void check_steps(const struct judging *judging, const char *key,
        const struct group_steps *steps, int wanted) {
        const struct place *place = place_of(judging, key);
        uint32_t programs = count_steps(steps, ACTION_EXEC);
        uint32_t wants = wanted >= 0 ? count_steps(steps, wanted) : 0;
        uint32_t switches = wanted >= 0 ? count_steps(steps, ACTION_HAPROXY) : 0;
        if (steps->count > GROUP_STEPS_MAX) {
                loading_error(judging->loading, "too-large", place, NULL,
                        "%u steps in '%s', at most %d", steps->count, key, GROUP_STEPS_MAX);
        } else if (wanted >= 0 && wants != 1) {
                loading_error(judging->loading, "inconsistent", place, NULL,
                        "'%s' needs one '%s', and has %u", key, action_text((enum action) wanted),
                        wants);
        } else if (programs + wants + switches != steps->count) {
                loading_error(judging->loading, "impossible-step", place, NULL,
                        wanted >= 0 ? "besides '%2$s' only programs ('exec') and 'haproxy' are "
                                      "possible in '%1$s'"
                                    : "only programs ('exec') are possible in '%1$s'",
                        key, wanted >= 0 ? action_text((enum action) wanted) : "");
        }
}

/* What a demotion does about traffic that its stop could cut off. */
static void check_traffic_of_demotion(const struct judging *judging) {
        const struct group_steps *steps = &judging->group->demote;
        const struct place *place = place_of(judging, "demote");
        bool stopped = false;
        for (uint32_t i = 0; i < steps->count; i++) {
                const struct group_step_spec *step = &steps->items[i];
                stopped = stopped || step->action == ACTION_STOP;
                if (step->action != ACTION_HAPROXY) {
                        continue;
                }
                if (step->on_error == TRAFFIC_FAIL) {
                        loading_error(judging->loading, "inconsistent", place, "remove 'on_error'",
                                "a demotion does not wait for HAProxy: its lease goes on to end");
                }
                if (!stopped && step->haproxy.state != SERVER_READY && step->haproxy.wait == 0) {
                        loading_warning(judging->loading, "no-drain-time", place,
                                "add 'wait: 2s', which has to fit into the lease",
                                "the stop does not wait for the sessions of '%.64s' to end, and "
                                "cuts them off",
                                step->haproxy.server);
                }
        }
}

static void check_step_times(
        const struct judging *judging, const char *key, const struct group_steps *steps) {
        for (uint32_t i = 0; i < steps->count; i++) {
                if (steps->items[i].timeout > PROGRAM_TIME_MAX) {
                        loading_error(judging->loading, "out-of-range", place_of(judging, key),
                                NULL,
                                "a 'timeout' beyond 5m is for programs of 'follow', not of '%s'",
                                key);
                }
        }
}

/* ---- Standbys that run ------------------------------------------------------------------------
 */

static void check_stopped_standby(const struct judging *judging) {
        if (written(judging, "follow")) {
                loading_error(judging->loading, "inconsistent", place_of(judging, "follow"),
                        "add 'standby: running', or remove it",
                        "'follow' has no effect while standbys are stopped");
        }
}

/* One that is not told so would start as what it was last: the active one. */
static void check_running_standby(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        if (!written(judging, "follow")) {
                loading_error(judging->loading, "missing-key", place_of(judging, "standby"),
                        "add 'follow: [exec: {command: [...]}, start]'",
                        "'standby: running' needs 'follow', which makes a member follow the active one");
                return;
        }
        check_steps(judging, "follow", &group->follow, ACTION_START);
        if (count_steps(&group->follow, ACTION_EXEC) == 0) {
                loading_error(judging->loading, "inconsistent", place_of(judging, "follow"),
                        "add 'exec: {command: [...]}' ahead of 'start'",
                        "'follow' needs a program: a service that is only started follows nobody");
        }
        if (count_steps(&group->promote, ACTION_EXEC) == 0) {
                loading_error(judging->loading, "inconsistent", place_of(judging, "promote"),
                        "add 'exec: {command: [...]}' behind 'start'",
                        "with 'standby: running' 'promote' needs a program that makes the service, "
                        "which runs already, the active one");
        }
        if (group->requires_healthy.count == 0) {
                loading_warning(judging->loading, "lag-unknown", place_of(judging, "standby"),
                        "name a probe of the replication in 'requires_healthy'",
                        "a standby is promoted however far it lags behind the active member");
        }
}

/* systemd would start it at a boot, as what it was last. */
static void warn_of_unit(const struct judging *judging, const struct service *service) {
        if (judging->group->standby == STANDBY_RUNNING && service->manager == MANAGER_UNIT) {
                loading_warning(judging->loading, "unit-enabled",
                        place_of_service(judging, service),
                        "'systemctl disable' it, and silence this warning",
                        "if the unit of '%.64s' is enabled, systemd starts it at each boot as what it "
                        "was last, perhaps the active member, until recoverd has stopped it",
                        service->name);
        }
}

/* ---- Times ------------------------------------------------------------------------------------
 */

static void check_times(const struct judging *judging) {
        struct group_timing timing;
        group_timing(judging->group, &timing);
        if (timing.total < judging->group->lease) {
                return;
        }
        char lease[UNITS_TEXT_MAX], renewal[UNITS_TEXT_MAX], programs[UNITS_TEXT_MAX];
        char peers[UNITS_TEXT_MAX + sizeof(" to ask the other members + ")] = "";
        char stop[UNITS_TEXT_MAX], kill[UNITS_TEXT_MAX], margin[UNITS_TEXT_MAX];
        char total[UNITS_TEXT_MAX], least[UNITS_TEXT_MAX], hint[PROBLEM_HINT_MAX];
        snprintf(hint, sizeof(hint), "'lease' has to be longer than %s; or shorten the rest",
                units_format_duration_short(timing.least_lease, least));
        if (timing.peers > 0) {
                snprintf(peers, sizeof(peers), "%s to ask the other members + ",
                        units_format_duration_short(timing.peers, lease));
        }
        loading_error(judging->loading, "impossible-timing", place_of(judging, "lease"), hint,
                "a lease of %s is over before a member that loses it has stopped for certain: %s from "
                "one renewal to the next + %s%s for the programs of 'demote' + %s to stop + %s to kill + "
                "%s margin = %s",
                units_format_duration_short(judging->group->lease, lease),
                units_format_duration_short(timing.renewal, renewal), peers,
                units_format_duration_short(timing.programs, programs),
                units_format_duration_short(timing.stop, stop),
                units_format_duration_short(timing.kill, kill),
                units_format_duration_short(timing.margin, margin),
                units_format_duration_short(timing.total, total));
}

static void warn_staying(const struct judging *judging) {
        if (judging->group->on_coordinator_loss == LOSS_STAY) {
                loading_warning(judging->loading, "two-may-be-active",
                        place_of(judging, "on_coordinator_loss"),
                        "write 'demote' where two active members could destroy data",
                        "a member that is cut off from the coordinator goes on, while another is "
                        "promoted: two are active then");
        }
}

/* ---- The agreement of all members --------------------------------------------------------------
 */

static void check_member_address(const struct judging *judging, uint32_t index) {
        const struct group_spec *group = judging->group;
        const struct group_member_spec *member = &group->members[index];
        const struct entry *entry = node_entry(written(judging, "members"), member->name);
        if (!member->address) {
                loading_error(judging->loading, "missing-key", &entry->key->place,
                        "add 'address', where its agent listens: '{address: \"10.0.0.1:7946\"}'",
                        "the others cannot ask the member '%.64s': the key 'address' is missing",
                        member->name);
                return;
        }
        for (uint32_t i = 0; i < index; i++) {
                const struct group_member_spec *other = &group->members[i];
                if (other->address && str_eq(other->address, member->address)) {
                        loading_error(judging->loading, "duplicate-address", &entry->key->place,
                                NULL, "the member '%.64s' has the same address", other->name);
                }
        }
}

static bool is_here(const struct judging *judging) {
        const struct policy *policy = judging->loading->policy;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                if (policy->services[i].group == judging->group && policy->services[i].member) {
                        return true;
                }
        }
        return false;
}

/* Where recoverd.yaml is not at hand, there is nothing to be said of it. */
static void check_listener(const struct judging *judging) {
        const struct coordinator_spec *spec = &judging->loading->policy->coordinator;
        if (is_here(judging) && spec->kind == judging->group->coordinator && !spec->peers.listen) {
                loading_error(judging->loading, "missing-key",
                        place_of(judging, "on_coordinator_loss"),
                        "add 'peers: {listen: ..., secret_file: ...}' to 'coordinator'",
                        "the members cannot ask each other: 'coordinator' of recoverd.yaml has no "
                        "'peers'");
        }
}

static void check_agreement(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        if (group->on_coordinator_loss != LOSS_HOLD_IF_ALL_AGREE) {
                return;
        }
        if (group->coordinator == COORDINATOR_LOCAL) {
                loading_error(judging->loading, "inconsistent",
                        place_of(judging, "on_coordinator_loss"), "write 'demote'",
                        "with 'coordinator: local' all members are on this host, and have one agent: "
                        "there is nobody to ask");
                return;
        }
        for (uint32_t i = 0; i < group->n_members && written(judging, "members"); i++) {
                check_member_address(judging, i);
        }
        check_listener(judging);
}

/* ---- Services ---------------------------------------------------------------------------------
 */

static void check_required_probes(const struct judging *judging, const struct service *service) {
        const struct strings *required = &judging->group->requires_healthy;
        const struct node *node = written(judging, "requires_healthy");
        for (uint32_t i = 0; i < required->count; i++) {
                char hint[PROBLEM_HINT_MAX];
                const char *near = problems_nearest(required->items[i], &service->probes->name,
                        service->n_probes, sizeof(*service->probes));
                const struct node *item =
                        node->kind == NODE_LIST && i < node->count ? node->items[i] : node;
                if (!policy_probe(service, required->items[i])) {
                        loading_error(judging->loading, "inconsistent", &item->place,
                                near ? problems_did_you_mean(near, hint) : NULL,
                                "the member '%.64s' has no probe '%.64s'", service->name,
                                required->items[i]);
                }
        }
}

static void check_service(const struct judging *judging, struct service *service) {
        const struct group_spec *group = judging->group;
        const struct place *place = place_of_service(judging, service);
        bool local = group->coordinator == COORDINATOR_LOCAL;
        const char *name = local ? service->name : judging->loading->policy->agent.host;
        service->member = policy_group_member(group, name);
        if (service->manager == MANAGER_NONE) {
                loading_error(judging->loading, "no-manager", place,
                        "give it a 'command', a 'unit' or 'scripts'",
                        "the service '%.64s' is only watched, so it cannot be a member of a %s",
                        service->name,
                        group->mode == GROUP_POOL ? "pool" : "group with one active member");
        }
        if (!service->member && group->n_members > 0) {
                if (local) {
                        loading_error(judging->loading, "inconsistent", place, NULL,
                                "'members' of the group '%.64s' does not name the service '%.64s'",
                                group->name, service->name);
                } else {
                        loading_warning(judging->loading, "not-a-member", place,
                                "'host' in 'agent' of recoverd.yaml says what this host is called",
                                "this host, '%.64s', is no member of the group '%.64s': the service "
                                "is %s",
                                name, group->name,
                                group->mode == GROUP_POOL ? "disrupted here without asking the pool"
                                                          : "never started here");
                }
        }
        check_required_probes(judging, service);
        warn_of_unit(judging, service);
}

static void check_services(const struct judging *judging) {
        struct policy *policy = judging->loading->policy;
        const struct service *first = NULL;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                struct service *service = &policy->services[i];
                if (judging->loading->origins[i].broken || service->group != judging->group) {
                        continue;
                }
                check_service(judging, service);
                if (first && judging->group->coordinator != COORDINATOR_LOCAL) {
                        loading_error(judging->loading, "inconsistent",
                                place_of_service(judging, service),
                                "let the others say 'depends_on: [...]' of the one",
                                "a host has one service in a %s, and '%.64s' is in '%.64s' already",
                                judging->group->mode == GROUP_POOL ? "pool"
                                                                   : "group with one active member",
                                first->name, judging->group->name);
                }
                first = first ? first : service;
        }
}

/* Without a group there is nobody to take over. */
static void check_failover_steps(struct loading *loading, const struct service *service) {
        const struct origin *origin = &loading->origins[service->index];
        const struct node *ladder = node_get(origin->whole, "recover");
        for (uint32_t i = 0; i < service->n_steps; i++) {
                bool known = ladder && ladder->kind == NODE_LIST && i < ladder->count;
                if (service->steps[i].action == ACTION_FAILOVER && !policy_is_member(service)) {
                        loading_error(loading, "impossible-step",
                                known ? &ladder->items[i]->place : &origin->entry->key->place,
                                "add 'member_of' and a group with 'mode: active-standby'",
                                "'failover' cannot be done for the service '%.64s': no other member of a "
                                "group could take over",
                                service->name);
                }
        }
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static void check_address(const struct judging *judging) {
        const struct policy *policy = judging->loading->policy;
        const struct address_spec *address = &judging->group->address;
        for (uint32_t i = 0; address->family != 0 && i < judging->group->index; i++) {
                const struct address_spec *other = &policy->groups[i].address;
                if (other->family == address->family &&
                        memcmp(other->bytes, address->bytes, sizeof(other->bytes)) == 0) {
                        loading_error(judging->loading, "duplicate-address",
                                place_of(judging, "address"), NULL,
                                "the group '%.64s' has the same address", policy->groups[i].name);
                }
        }
}

/* Policies are also checked where the configuration of their host is not at hand. */
static void warn_without_coordinator(const struct judging *judging) {
        const struct policy *policy = judging->loading->policy;
        int kind = judging->group->coordinator;
        if (is_here(judging) && kind != COORDINATOR_LOCAL && policy->coordinator.kind != kind) {
                loading_warning(judging->loading, "no-coordinator",
                        place_of(judging, "coordinator"), "add 'coordinator' to recoverd.yaml",
                        "recoverd.yaml has no coordinator of the kind %s: %s",
                        coordinator_kind_text((enum coordinator_kind) kind),
                        judging->group->mode == GROUP_POOL ? "only what is down is restarted here"
                                                           : "nobody is promoted here");
        }
}

/* ---- Pools ------------------------------------------------------------------------------------
 */

static void check_min_healthy(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        const struct place *place = place_of(judging, "min_healthy");
        uint32_t least = policy_min_healthy(group);
        if (!written(judging, "min_healthy")) {
                loading_error(judging->loading, "missing-key", place,
                        "add 'min_healthy: 60%', or a count of members",
                        "the key 'min_healthy' is missing");
        } else if (least > group->n_members) {
                loading_error(judging->loading, "inconsistent", place, NULL,
                        "%u members would have to stay healthy, and the group has %u", least,
                        group->n_members);
        } else if (least == group->n_members) {
                loading_warning(judging->loading, "pool-without-room", place,
                        "leave room for one member at least",
                        "all %u members have to stay healthy: a person's restart of one that serves "
                        "would wait for ever",
                        least);
        }
}

static void check_disruptions(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        const struct place *place = place_of(judging, "max_disruptions");
        if (group->max_disruptions == 0) {
                loading_error(judging->loading, "inconsistent", place, NULL,
                        "with 'max_disruptions: 0' nothing could ever be restarted");
        } else if (group->max_disruptions > group->n_members) {
                loading_error(judging->loading, "inconsistent", place, NULL,
                        "%u disruptions at once, and the group has %u members",
                        group->max_disruptions, group->n_members);
        }
}

/* Zones are a rule between members: one that has none would be of no zone. */
static void check_zones(const struct judging *judging) {
        const struct group_spec *group = judging->group;
        uint32_t zoned = 0;
        for (uint32_t i = 0; i < group->n_members; i++) {
                zoned += group->members[i].zone != NULL;
        }
        for (uint32_t i = 0; zoned > 0 && i < group->n_members; i++) {
                if (!group->members[i].zone) {
                        const struct node *members = written(judging, "members");
                        loading_error(judging->loading, "inconsistent",
                                &node_entry(members, group->members[i].name)->key->place,
                                "give all members a 'zone', or none",
                                "the member '%.64s' has no zone, and others have",
                                group->members[i].name);
                }
        }
}

static void check_pool(const struct judging *judging) {
        check_keys(judging);
        check_members(judging);
        if (judging->group->n_members > 0) {
                check_min_healthy(judging);
                check_disruptions(judging);
        }
        check_zones(judging);
        check_services(judging);
        warn_without_coordinator(judging);
}

static void check_active_standby(const struct judging *judging) {
        check_keys(judging);
        check_members(judging);
        check_steps(judging, "fence", &judging->group->fence, -1);
        check_steps(judging, "promote", &judging->group->promote, ACTION_START);
        check_steps(judging, "demote", &judging->group->demote, ACTION_STOP);
        check_traffic_of_demotion(judging);
        check_step_times(judging, "fence", &judging->group->fence);
        check_step_times(judging, "promote", &judging->group->promote);
        check_step_times(judging, "demote", &judging->group->demote);
        if (judging->group->standby == STANDBY_RUNNING) {
                check_running_standby(judging);
        } else {
                check_stopped_standby(judging);
        }
        check_times(judging);
        warn_staying(judging);
        check_address(judging);
        check_services(judging);
        check_agreement(judging);
        warn_without_coordinator(judging);
}

void groups_settle(struct loading *loading) {
        for (uint32_t i = 0; i < loading->policy->n_services && !loading->incomplete; i++) {
                if (!loading->origins[i].broken) {
                        check_failover_steps(loading, &loading->policy->services[i]);
                }
        }
        for (uint32_t i = 0; i < loading->policy->n_groups; i++) {
                const struct judging judging = {
                        .loading = loading,
                        .group = &loading->policy->groups[i],
                        .entry = loading->groups[i],
                };
                if (!judging.entry) {
                        continue;
                }
                if (judging.group->mode == GROUP_ACTIVE_STANDBY) {
                        check_active_standby(&judging);
                } else if (judging.group->mode == GROUP_POOL) {
                        check_pool(&judging);
                } else {
                        check_keys(&judging);
                }
        }
}
