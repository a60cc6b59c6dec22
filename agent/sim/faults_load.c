#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/problems.h"
#include "policy/schema_fill.h"
#include "sim/faults.h"

struct reading {
        struct arena *scratch; /* files and nodes */
        struct source_files files;
        struct problems *problems;
        const struct policy *policy;
        struct fault_plan *plan;
};

static void reading_done(struct reading *reading) {
        source_files_done(&reading->files);
        arena_free(reading->scratch);
        fault_plan_free(reading->plan);
}

static int prepare(
        struct reading *reading, const struct policy *policy, struct problems *problems) {
        struct arena *arena = arena_new();
        reading->scratch = arena_new();
        reading->plan = arena ? arena_alloc(arena, sizeof(*reading->plan)) : NULL;
        if (!reading->scratch || !reading->plan) {
                arena_free(arena);
                return -ENOMEM;
        }
        reading->plan->arena = arena;
        reading->files.arena = reading->scratch;
        reading->problems = problems;
        reading->policy = policy;
        return 0;
}

/* ---- Names ---- */

static void check_service(const struct reading *reading, const struct node *name) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const struct policy *policy = reading->policy;
        if (name->kind != NODE_SCALAR || policy_service(policy, name->text)) {
                return;
        }
        const char *near = policy->n_services == 0
                                   ? NULL
                                   : problems_nearest(name->text, &policy->services[0].name,
                                             policy->n_services, sizeof(*policy->services));
        problems_add(reading->problems, PROBLEM_ERROR, "unknown-service", &name->place,
                problems_did_you_mean(near, hint), "the policies have no service %s",
                node_describe(name, text));
}

static void check_services(const struct reading *reading, const struct node *services) {
        if (!services) {
                return;
        }
        if (services->kind != NODE_LIST) {
                check_service(reading, services);
        }
        for (uint32_t i = 0; services->kind == NODE_LIST && i < services->count; i++) {
                check_service(reading, services->items[i]);
        }
}

static size_t count_actions(void) {
        size_t n = 0;
        while (action_texts[n].text) {
                n++;
        }
        return n;
}

/* The keys of a mapping have to be actions. */
static void check_actions(const struct reading *reading, const struct node *mapping) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        for (uint32_t i = 0; mapping && mapping->kind == NODE_MAPPING && i < mapping->count; i++) {
                const struct node *key = mapping->entries[i].key;
                if (action_parse(key->text) < 0) {
                        const char *near = problems_nearest(key->text, &action_texts[0].text,
                                count_actions(), sizeof(action_texts[0]));
                        problems_add(reading->problems, PROBLEM_ERROR, "unknown-action",
                                &key->place, problems_did_you_mean(near, hint),
                                "there is no action %s", node_describe(key, text));
                }
        }
}

static void check_names(const struct reading *reading, const struct node *root) {
        const struct node *faults = node_get(root, "faults");
        check_actions(reading, node_get(root, "actions"));
        for (uint32_t i = 0; faults && faults->kind == NODE_MAPPING && i < faults->count; i++) {
                const struct node *fault = faults->entries[i].value;
                check_services(reading, node_get(fault, "services"));
                check_actions(reading, node_get(fault, "cured_by"));
        }
}

/* ---- From what was written to what is asked for ---- */

static void resolve_actions(struct fault_plan *plan) {
        const struct action_form *forms = plan->actions_written.items;
        for (int action = 0; action < ACTION_COUNT; action++) {
                plan->actions[action] = (struct action_play){.takes = USEC_PER_SEC};
        }
        for (uint32_t i = 0; i < plan->actions_written.count; i++) {
                int action = action_parse(forms[i].action);
                if (action >= 0) {
                        plan->actions[action] =
                                (struct action_play){forms[i].takes, forms[i].fails};
                }
        }
}

static void resolve_cures(struct fault_spec *fault) {
        const struct cure_form *forms = fault->cured_by.items;
        uint32_t standard = fault_traits(fault->kind)->cured_by;
        for (int action = 0; fault->cured_by.count == 0 && action < ACTION_COUNT; action++) {
                fault->cures[action].chance = standard & (UINT32_C(1) << action) ? 100 : 0;
        }
        for (uint32_t i = 0; i < fault->cured_by.count; i++) {
                int action = action_parse(forms[i].action);
                if (action >= 0) {
                        fault->cures[action] = (struct cure){forms[i].chance, forms[i].after};
                }
        }
}

static int fill(struct reading *reading, struct source_file *file, const struct node *root) {
        struct schema_filler filler = {
                .arena = reading->plan->arena, .problems = reading->problems};
        const struct place start = {.file = file, .line = 1, .column = 1, .width = 1};
        int r = schema_fill(&filler, &faults_schema, &start, root, reading->plan);
        if (r == -ENOMEM) {
                return r;
        }
        check_names(reading, root);
        if (reading->problems->errors > 0) {
                return -EINVAL;
        }
        struct fault_spec *faults = reading->plan->faults.items;
        for (uint32_t i = 0; i < reading->plan->faults.count; i++) {
                resolve_cures(&faults[i]);
        }
        resolve_actions(reading->plan);
        return 0;
}

static int parse(struct reading *reading) {
        uint32_t nodes = 0;
        const struct node *root = NULL;
        struct source_file *file = reading->files.items[0];
        int r = yaml_tree_parse(file, reading->scratch, &nodes, reading->problems, &root);
        if (r < 0) {
                return r;
        }
        return reading->problems->errors > 0 ? -EINVAL : fill(reading, file, root);
}

static int read_plan(struct reading *reading, struct fault_plan **ret) {
        const struct source_files *files = &reading->files;
        if (files->count > 0 && !files->items[0]->text && reading->problems->errors == 0) {
                const struct place whole = {.file = files->items[0]};
                problems_add(reading->problems, PROBLEM_ERROR, "not-a-file", &whole, NULL,
                        "expected one file of faults, found a directory");
        }
        int r = reading->problems->errors > 0 || files->count == 0 ? -EINVAL : parse(reading);
        problems_sort(reading->problems);
        if (r == 0) {
                *ret = TAKE_PTR(reading->plan);
        }
        return reading->problems->failed ? -ENOMEM : r;
}

int fault_plan_load(const char *path, const struct policy *policy, struct fault_plan **ret,
        struct problems *problems) {
        AUTO(reading_done) struct reading reading = {0};
        const struct policy_sources sources = {.paths = &path, .n_paths = 1};
        int r = prepare(&reading, policy, problems);
        r = r < 0 ? r : source_files_read(&reading.files, &sources, problems);
        return r < 0 ? r : read_plan(&reading, ret);
}

int fault_plan_load_text(const char *name, const char *text, size_t length,
        const struct policy *policy, struct fault_plan **ret, struct problems *problems) {
        AUTO(reading_done) struct reading reading = {0};
        int r = prepare(&reading, policy, problems);
        r = r < 0 ? r : source_files_add_text(&reading.files, name, text, length, false);
        return r < 0 ? r : read_plan(&reading, ret);
}

void fault_plan_free(struct fault_plan *plan) {
        if (plan) {
                arena_free(plan->arena);
        }
}
