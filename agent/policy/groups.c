/* Groups: services that are limited together, or of which one is active. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/loading.h"

/* A list as written, or the one step that is the standard. */
static int build_steps(struct loading *loading, const struct objects *written, int standard,
        struct group_steps *ret) {
        const struct group_step_form *forms = written->items;
        uint32_t count = written->count > 0 ? written->count : standard >= 0;
        struct group_step_spec *steps =
                arena_alloc_array(loading->policy->arena, count + 1, sizeof(*steps));
        if (!steps) {
                return -ENOMEM;
        }
        steps[0].action = standard;
        for (uint32_t i = 0; i < written->count && forms[i].body; i++) {
                steps[i] = *forms[i].body;
                steps[i].action = forms[i].action;
        }
        *ret = (struct group_steps){.items = steps, .count = count};
        return 0;
}

static int compare_members(const void *left, const void *right) {
        const struct group_member_spec *a = left, *b = right;
        return a->priority != b->priority ? (a->priority < b->priority ? 1 : -1)
                                          : strcmp(a->name, b->name);
}

/* In a pool all priorities are equal, so that they are in the order of their names. */
static void build_members(const struct group_form *form, struct group_spec *group) {
        struct group_member_spec *members = form->members.items;
        if (form->members.count > 0) {
                qsort(members, form->members.count, sizeof(*members), compare_members);
        }
        group->members = members;
        group->n_members = form->members.count;
}

static int build_active_standby(
        struct loading *loading, const struct group_form *form, struct group_spec *group) {
        int r = build_steps(loading, &form->fence, -1, &group->fence);
        r = r < 0 ? r : build_steps(loading, &form->promote, ACTION_START, &group->promote);
        r = r < 0 ? r : build_steps(loading, &form->demote, ACTION_STOP, &group->demote);
        return r < 0 ? r : build_steps(loading, &form->follow, -1, &group->follow);
}

static int fill_group(
        struct loading *loading, const struct entry *entry, struct group_spec *group) {
        struct group_form form = {0};
        const struct group_spec named = *group;
        int r = schema_fill(
                &loading->filler, &group_schema, &entry->key->place, entry->value, &form);
        if (r == -ENOMEM) {
                return r;
        }
        if (r < 0) {
                loading->groups[group->index] = NULL; /* not to be relied on */
                return 0;
        }
        *group = form.spec;
        group->name = named.name;
        group->index = named.index;
        if (group->mode != GROUP_SHARED_BUDGET) {
                build_members(&form, group);
        }
        return group->mode == GROUP_ACTIVE_STANDBY ? build_active_standby(loading, &form, group)
                                                   : 0;
}

/* Twice in one file is a duplicate key, which was reported when the file was parsed. */
static int build_group(struct loading *loading, const struct entry *entry) {
        struct policy *policy = loading->policy;
        if (policy_group(policy, entry->key->text)) {
                loading_error(loading, "duplicate-group", &entry->key->place, NULL,
                        "the group '%.64s' is defined twice", entry->key->text);
                return 0;
        }
        struct group_spec *group = &policy->groups[policy->n_groups];
        group->name = arena_strdup(policy->arena, entry->key->text);
        group->index = policy->n_groups++;
        if (!group->name) {
                return -ENOMEM;
        }
        check_name(loading, entry->key, "group");
        loading->groups[group->index] = entry;
        return fill_group(loading, entry, group);
}

static uint32_t count_groups(struct loading *loading) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < loading->n_documents; i++) {
                struct document *document = &loading->documents[i];
                if (!document->groups) {
                        continue;
                }
                n += document->groups->count;
                if (n > POLICY_GROUPS_MAX) {
                        loading_error(loading, "too-large", &document->groups->place, NULL,
                                "more than %d groups", POLICY_GROUPS_MAX);
                        n -= document->groups->count;
                        document->groups = NULL;
                }
        }
        return n;
}

int groups_build(struct loading *loading) {
        struct policy *policy = loading->policy;
        uint32_t n = count_groups(loading);
        policy->groups = arena_alloc_array(policy->arena, n + 1, sizeof(*policy->groups));
        loading->groups =
                arena_alloc_array(loading->scratch, (size_t) n + 1, sizeof(const struct entry *));
        if (!policy->groups || !loading->groups) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < loading->n_documents; i++) {
                const struct node *groups = loading->documents[i].groups;
                for (uint32_t j = 0; groups && j < groups->count; j++) {
                        int r = build_group(loading, &groups->entries[j]);
                        if (r < 0) {
                                return r;
                        }
                }
        }
        return 0;
}

void groups_join(struct loading *loading, struct service *service, const struct origin *origin) {
        const struct policy *policy = loading->policy;
        const char *name = origin->form.member_of;
        char hint[PROBLEM_HINT_MAX];
        if (!name) {
                return;
        }
        service->group = policy_group(policy, name);
        if (service->group || loading->incomplete) {
                return; /* or it is in the file that could not be read */
        }
        const char *near = problems_nearest(
                name, &policy->groups->name, policy->n_groups, sizeof(*policy->groups));
        loading_error(loading, "unknown-group", &node_get(origin->whole, "member_of")->place,
                near ? problems_did_you_mean(near, hint) : "define it below 'groups'",
                "there is no group '%.64s'", name);
}
