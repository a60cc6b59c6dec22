#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"
#include "model/cause_kinds.h"
#include "model/manager.h"
#include "policy/lint.h"
#include "policy/loading.h"

/* What the ladder of a service that somebody manages is when it has none. */
enum { STANDARD_RESTARTS = 5 };

/* ---- Names ------------------------------------------------------------------------------------
 */

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void check_name(struct loading *loading, const struct node *name, const char *what) {
        const char *text = name->text;
        char quoted[NODE_QUOTE_MAX];

        if (strlen(text) > POLICY_NAME_MAX) {
                loading_error(loading, "bad-name", &name->place, NULL,
                        "the name of a %s has at most %d bytes, this one has %zu", what,
                        POLICY_NAME_MAX, strlen(text));
        } else if (strspn(text, NAME_FIRST) == 0 || text[strspn(text, NAME_FIRST "_.@-")] != '\0') {
                loading_error(loading, "bad-name", &name->place,
                        "names begin with a letter or digit and go on with letters, digits and "
                        "_ . @ -",
                        "%s cannot be the name of a %s", node_describe(name, quoted), what);
        }
}

/* Twice in one file is a duplicate key, which was reported when the file was parsed. */
static int register_name(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const struct place *place = &origin->entry->key->place;
        const struct service *first = map_get(loading->policy->by_name, service->name);
        if (!first) {
                return map_put(loading->policy->by_name, service->name, service);
        }
        if (first->file != service->file) {
                loading_error(loading, "duplicate-service", place, NULL,
                        "the service '%.64s' is defined twice, first in %s:%u", service->name,
                        first->file, first->line);
        }
        return 0;
}

/* ---- Probes -----------------------------------------------------------------------------------
 */

static const struct schema_variant *find_probe_type(
        const struct loading *loading, const char *key) {
        for (const struct schema_variant *variant = loading->probes; variant->key; variant++) {
                if (str_eq(variant->key, key)) {
                        return variant;
                }
        }
        return NULL;
}

static bool has_liveness_probe_of(const struct service *service, int type) {
        for (uint32_t i = 0; i < service->n_probes; i++) {
                if (service->probes[i].type == type && service->probes[i].role == ROLE_LIVENESS) {
                        return true;
                }
        }
        return false;
}

/* The name of the type, with something behind it where a probe of another type has that name. */
static const char *free_probe_name(
        struct loading *loading, const struct service *service, const char *type) {
        static const char *const suffixes[] = {"", "-alive", "-implied"};
        char name[POLICY_NAME_MAX + 1];
        size_t i = 0;
        snprintf(name, sizeof(name), "%s", type);
        while (++i < ELEMENTSOF(suffixes) && policy_probe(service, name)) {
                snprintf(name, sizeof(name), "%s%s", type, suffixes[i]);
        }
        return arena_strdup(loading->policy->arena, name);
}

static int fill_implied(struct loading *loading, const struct service_form *form,
        const struct origin *origin, const struct schema_variant *variant,
        struct probe_spec *probe) {
        void *params = arena_alloc(loading->policy->arena, variant->object->size);
        if (!params) {
                return -ENOMEM;
        }
        probe->type = variant->tag;
        probe->params = params;
        probe->interval = form->interval;
        probe->fast_interval = form->fast_interval;
        probe->down_interval = form->down_interval;
        probe->timeout = form->timeout;
        probe->fall = form->fall;
        probe->rise = form->rise;
        probe->implied = true;
        return schema_fill(
                &loading->filler, variant->object, &origin->entry->key->place, NULL, params);
}

/* What its manager knows of a service is watched, whether or not the policy says so. */
static int add_implied_probe(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const char *type = manager_traits(service->manager)->probe;
        const struct schema_variant *variant = type ? find_probe_type(loading, type) : NULL;
        if (!variant || has_liveness_probe_of(service, variant->tag)) {
                return 0;
        }
        struct probe_spec *probes =
                arena_alloc_array(loading->policy->arena, service->n_probes + 1, sizeof(*probes));
        if (!probes) {
                return -ENOMEM;
        }
        if (service->n_probes > 0) {
                memcpy(probes, service->probes, service->n_probes * sizeof(*probes));
        }
        struct probe_spec *probe = &probes[service->n_probes];
        probe->name = free_probe_name(loading, service, type);
        if (!probe->name) {
                return -ENOMEM;
        }
        int r = fill_implied(loading, &origin->form, origin, variant, probe);
        service->probes = probes;
        service->n_probes++;
        return r;
}

/* "Any" and numbers count the liveness probes that were written. The implied one comes on top: a
 * service whose process is gone is not well, and a living process alone does not make it so. */
static void set_require(struct loading *loading, struct service *service,
        const struct origin *origin, uint32_t implied) {
        uint32_t wanted = origin->form.require;
        uint32_t written = policy_count_probes(service, ROLE_LIVENESS) - implied;
        if (wanted > written && wanted > 1) {
                const struct node *node = node_get(origin->whole, "require");
                loading_error(loading, "inconsistent",
                        node ? &node->place : &origin->entry->key->place, NULL,
                        "'require' asks for %u liveness probes, there are %u", wanted, written);
        }
        service->require =
                (wanted == REQUIRE_ALL || wanted >= written ? written : wanted) + implied;
}

static int build_probes(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const struct objects *probes = &origin->form.probes;
        const struct node *names = node_get(origin->whole, "probes");
        const struct place *place = &origin->entry->key->place;

        service->probes = probes->items;
        service->n_probes = probes->count;
        for (uint32_t i = 0; names && names->kind == NODE_MAPPING && i < names->count; i++) {
                check_name(loading, names->entries[i].key, "probe");
        }
        if (probes->count > POLICY_PROBES_MAX) {
                loading_error(loading, "too-large", place, NULL,
                        "%u probes in one service, at most %d", probes->count, POLICY_PROBES_MAX);
        }
        int r = add_implied_probe(loading, service, origin);
        if (service->n_probes == 0) {
                loading_error(loading, "no-probes", place,
                        "add 'probes', or say what to run: a 'command', a 'unit' or 'scripts'",
                        "the service '%.64s' has nothing to watch", service->name);
        } else if (policy_count_probes(service, ROLE_WARNING) == service->n_probes) {
                loading_error(loading, "no-probes", names ? &names->place : place,
                        "give one of them 'role: liveness'",
                        "the service '%.64s' has nothing but warnings, and nothing says whether it "
                        "lives",
                        service->name);
        }
        set_require(loading, service, origin, service->n_probes - probes->count);
        return r;
}

/* ---- Ladder -----------------------------------------------------------------------------------
 */

static const char *hint_for_step(const struct service *service, int action) {
        if (service->manager == MANAGER_NONE) {
                return "give it a 'command', a 'unit' or 'scripts', or use exec and notify steps";
        }
        return action == ACTION_RELOAD ? "add 'reload: [/path/to/program]' to 'scripts', or use "
                                         "restart"
                                       : "use reload, restart or exec";
}

static void check_step(struct loading *loading, const struct service *service,
        const struct origin *origin, uint32_t index) {
        int action = service->steps[index].action;
        const char *why_not = manager_why_not(service, action);
        const struct node *ladder = node_get(origin->whole, "recover");
        bool known = ladder && ladder->kind == NODE_LIST && index < ladder->count;
        if (why_not) {
                loading_error(loading,
                        service->manager == MANAGER_NONE ? "no-manager" : "impossible-step",
                        known ? &ladder->items[index]->place : &origin->entry->key->place,
                        hint_for_step(service, action),
                        "'%s' cannot be done for the service '%.64s': %s",
                        action_text((enum action) action), service->name, why_not);
        }
}

/* What needs a running service is no cure for one that has ended. */
static void settle_causes(struct step_spec *step) {
        step->causes = causes_widen(step->causes);
        if (step->causes == 0 && action_traits(step->action)->needs_running) {
                for (const struct enum_text *row = cause_texts; row->text; row++) {
                        step->causes |= UINT32_C(1) << row->value;
                }
                step->causes &= ~(CAUSE_BIT(CAUSE_NONE) | CAUSES_OF_ABSENCE |
                                  CAUSE_BIT(CAUSE_DEPENDENCY) | CAUSE_BIT(CAUSE_CHANGED));
        }
}

static int standard_ladder(struct loading *loading, struct service *service) {
        service->steps = arena_alloc(loading->policy->arena, sizeof(*service->steps));
        if (!service->steps) {
                return -ENOMEM;
        }
        service->steps[0] = (struct step_spec){
                .action = ACTION_RESTART, .attempts = STANDARD_RESTARTS, .verify = service->verify};
        service->n_steps = 1;
        return 0;
}

static int name_steps(struct loading *loading, struct service *service) {
        char text[STEP_IDENTITY_MAX];
        for (uint32_t i = 0; i < service->n_steps; i++) {
                struct step_spec *step = &service->steps[i];
                step->identity =
                        arena_strdup(loading->policy->arena, step_identity_format(step, text));
                if (!step->identity) {
                        return -ENOMEM;
                }
        }
        return 0;
}

/* What is remembered of all steps of a service has to fit into its record. */
static void check_step_budgets(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        uint32_t together = 0;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                together += service->steps[i].budget ? service->steps[i].budget->actions : 0;
        }
        if (together > POLICY_STEP_BUDGET_MAX) {
                loading_error(loading, "too-large", &node_get(origin->whole, "recover")->place,
                        NULL, "the budgets of the steps allow %u actions together, at most %d",
                        together, POLICY_STEP_BUDGET_MAX);
        }
}

static int copy_ladder(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const struct objects *recover = &origin->form.recover;
        const struct step_form *forms = recover->items;

        service->steps =
                arena_alloc_array(loading->policy->arena, recover->count, sizeof(*service->steps));
        if (!service->steps) {
                return recover->count ? -ENOMEM : 0;
        }
        for (uint32_t i = 0; i < recover->count; i++) {
                if (!forms[i].body) {
                        continue; /* refused before */
                }
                service->steps[i] = *forms[i].body;
                service->steps[i].action = forms[i].action;
                service->steps[i].attempts += service->steps[i].attempts == 0; /* has no such key */
                settle_causes(&service->steps[i]);
                check_step(loading, service, origin, i);
        }
        service->n_steps = recover->count;
        return 0;
}

static int build_ladder(
        struct loading *loading, struct service *service, const struct origin *origin) {
        if (origin->form.recover.count > POLICY_STEPS_MAX) {
                loading_error(loading, "too-large", &node_get(origin->whole, "recover")->place,
                        NULL, "%u steps in one ladder, at most %d", origin->form.recover.count,
                        POLICY_STEPS_MAX);
                return 0;
        }
        if (service->manager != MANAGER_NONE && !node_get(origin->whole, "recover")) {
                return standard_ladder(loading, service);
        }
        return copy_ladder(loading, service, origin);
}

/* ---- Services ---------------------------------------------------------------------------------
 */

static int build_command(
        struct loading *loading, struct service *service, const struct service_form *form) {
        if (form->command.command.count == 0) {
                return 0;
        }
        service->command = arena_alloc(loading->policy->arena, sizeof(*service->command));
        if (!service->command) {
                return -ENOMEM;
        }
        *service->command = form->command;
        if (form->command.log.file) {
                service->command->log.target = LOG_TARGET_FILE;
        }
        service->manager = MANAGER_COMMAND;
        return 0;
}

static int build_unit(
        struct loading *loading, struct service *service, const struct service_form *form) {
        if (!form->unit.name) {
                return 0;
        }
        service->unit = arena_alloc(loading->policy->arena, sizeof(*service->unit));
        if (!service->unit) {
                return -ENOMEM;
        }
        *service->unit = form->unit;
        service->manager = MANAGER_UNIT;
        return 0;
}

/* One service, one manager: two of them would act on each other's doings. */
static void check_managers(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const char *chosen = manager_traits(service->manager)->key;
        for (int manager = MANAGER_NONE; manager < MANAGER_COUNT; manager++) {
                const char *key = manager_traits(manager)->key;
                const struct entry *entry = key ? node_entry(origin->whole, key) : NULL;
                if (entry && manager != service->manager) {
                        loading_error(loading, "inconsistent", &entry->key->place,
                                "a service is managed in one way",
                                "'%s' and '%s' exclude each other", key, chosen);
                }
        }
}

static int build_manager(
        struct loading *loading, struct service *service, const struct origin *origin) {
        int r = build_command(loading, service, &origin->form);
        r = r < 0 ? r : build_unit(loading, service, &origin->form);
        service->scripts = origin->form.scripts;
        if (service->scripts) {
                service->manager = MANAGER_SCRIPTS;
        }
        check_managers(loading, service, origin);
        return r;
}

static int fill_form(struct loading *loading, struct origin *origin) {
        size_t errors = loading->problems->errors;
        const struct node *body = origin->entry->value;
        const struct place *place = &origin->entry->key->place;

        int r = body->kind == NODE_MAPPING
                        ? templates_apply(loading, origin->document, body, &origin->whole)
                        : 0;
        origin->whole = body->kind == NODE_MAPPING ? origin->whole : body;
        r = r < 0 ? r
                  : schema_fill(&loading->filler, &loading->tables.service, place, origin->whole,
                            &origin->form);
        origin->broken = r == -EINVAL || loading->problems->errors > errors;
        return r == -ENOMEM ? r : 0;
}

static int build_body(
        struct loading *loading, struct service *service, const struct origin *origin) {
        const struct service_form *form = &origin->form;
        service->description = form->description;
        service->reference = form->reference;
        service->start_grace = form->start_grace;
        service->settle = form->settle;
        service->verify = form->verify;
        service->min_uptime = form->min_uptime;
        service->mode = form->mode;
        service->deploy_lock = form->deploy_lock;
        service->deploy_lock_max = form->deploy_lock_max;
        service->flapping = form->flapping;
        service->remind = form->remind;
        service->backoff = form->backoff;
        service->budget = form->budget;
        service->effectiveness = form->effectiveness;

        int r = build_manager(loading, service, origin);
        r = r < 0 ? r : build_probes(loading, service, origin);
        r = r < 0 ? r : build_ladder(loading, service, origin);
        traffic_build(loading, service, origin);
        content_settle(loading, service, origin);
        r = r < 0 ? r : name_steps(loading, service);
        check_step_budgets(loading, service, origin);
        groups_join(loading, service, origin);
        return r < 0 ? r : timing_settle(loading, service, origin);
}

static int build_service(struct loading *loading, uint32_t index) {
        struct origin *origin = &loading->origins[index];
        struct service *service = &loading->policy->services[index];

        int r = fill_form(loading, origin);
        if (r < 0 || origin->broken) {
                return r;
        }
        size_t errors = loading->problems->errors;
        r = build_body(loading, service, origin);
        loading->policy->n_probes += service->n_probes;
        origin->broken = loading->problems->errors > errors;
        return r;
}

/* Names first: services refer to each other, also to those that turn out to be broken. */
static int name_service(struct loading *loading, uint32_t index, const struct document *document,
        const struct entry *entry) {
        struct arena *arena = loading->policy->arena;
        struct service *service = &loading->policy->services[index];
        loading->origins[index] = (struct origin){.document = document, .entry = entry};
        service->name = arena_strdup(arena, entry->key->text);
        service->file = document->kept_name;
        service->line = entry->key->place.line;
        service->index = index;
        if (!service->name) {
                return -ENOMEM;
        }
        check_name(loading, entry->key, "service");
        return register_name(loading, service, &loading->origins[index]);
}

static int name_services(struct loading *loading) {
        uint32_t index = 0;
        for (uint32_t i = 0; i < loading->n_documents; i++) {
                const struct document *document = &loading->documents[i];
                for (uint32_t j = 0; document->services && j < document->services->count; j++) {
                        int r = name_service(
                                loading, index++, document, &document->services->entries[j]);
                        if (r < 0) {
                                return r;
                        }
                }
        }
        return 0;
}

/* Counts, and copies the file names that services keep. */
static int prepare_documents(struct loading *loading) {
        struct policy *policy = loading->policy;
        size_t n = 0;

        for (uint32_t i = 0; i < loading->n_documents; i++) {
                struct document *document = &loading->documents[i];
                document->kept_name = arena_strdup(policy->arena, document->file->name);
                if (!document->kept_name) {
                        return -ENOMEM;
                }
                n += document->services ? document->services->count : 0;
                if (n > POLICY_SERVICES_MAX) {
                        loading_error(loading, "too-large", &document->services->place, NULL,
                                "more than %d services", POLICY_SERVICES_MAX);
                        document->services = NULL;
                        n = POLICY_SERVICES_MAX;
                }
        }
        return (int) n;
}

static int build_services(struct loading *loading) {
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < loading->policy->n_services; i++) {
                r = build_service(loading, i);
        }
        return r;
}

/* dpkg and apt; rpm, dnf and zypper, where distributions have put the database of rpm. */
static const char *standard_package_locks[] = {"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock",
        "/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock", NULL};

static int name_host(struct loading *loading, const struct node *node) {
        struct agent_spec *agent = &loading->policy->agent;
        char name[HOST_NAME_MAX + 1] = "";
        const struct node *written = node_get(node, "host");
        if (written) {
                check_name(loading, written, "host");
                return 0;
        }
        gethostname(name, sizeof(name) - 1);
        agent->host = arena_strdup(loading->policy->arena, name[0] ? name : "localhost");
        return agent->host ? 0 : -ENOMEM;
}

/* Without the key the kind stays `local`: there is nothing to be asked but this host. */
int policy_build_coordinator(struct loading *loading) {
        const struct node *node = loading->config ? loading->config->coordinator : NULL;
        int r = node ? schema_fill(&loading->filler, &coordinator_schema, &node->place, node,
                               &loading->policy->coordinator)
                     : 0;
        return r == -ENOMEM ? r : 0;
}

static int build_agent(struct loading *loading) {
        const struct node *node = loading->config ? loading->config->agent : NULL;
        const struct place nowhere = {0};
        int r = schema_fill(&loading->filler, &agent_schema, node ? &node->place : &nowhere, node,
                &loading->policy->agent);
        if (!node || !node_get(node, "package_locks")) {
                loading->policy->agent.package_locks = (struct strings){
                        standard_package_locks, ELEMENTSOF(standard_package_locks) - 1};
        }
        return r == -ENOMEM ? r : name_host(loading, node);
}

int policy_build(struct loading *loading) {
        struct policy *policy = loading->policy;
        int n = prepare_documents(loading);
        if (n < 0) {
                return n;
        }
        policy->services =
                arena_alloc_array(policy->arena, (size_t) n + 1, sizeof(*policy->services));
        loading->origins =
                arena_alloc_array(loading->scratch, (size_t) n + 1, sizeof(*loading->origins));
        policy->by_name = map_new();
        if (!policy->services || !loading->origins || !policy->by_name) {
                return -ENOMEM;
        }
        policy->n_services = (uint32_t) n;
        int r = name_services(loading);
        r = r < 0 ? r : groups_build(loading);
        r = r < 0 ? r : build_services(loading);
        r = r < 0 ? r : build_agent(loading);
        r = r < 0 ? r : policy_build_coordinator(loading);
        if (r == 0) {
                lint_coordinator(loading);
                groups_settle(loading);
        }
        return r;
}
