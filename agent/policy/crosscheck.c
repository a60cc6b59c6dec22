#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "base/map.h"
#include "base/str.h"
#include "base/units.h"
#include "model/manager.h"
#include "model/observation.h"
#include "policy/lint.h"

struct checking {
        struct loading *loading;
        struct map *users, *groups; /* name -> known or unknown, so that each is asked for once */
};

/* Values of the maps; only their addresses count. */
static char known, unknown;

/* The place of a key of the service, or of its name. */
static const struct place *place_of(const struct origin *origin, const char *key) {
        const struct node *node = node_get(origin->whole, key);
        return node ? &node->place : &origin->entry->key->place;
}

/* ---- Backoff ----------------------------------------------------------------------------------
 */

static void check_backoff(
        struct loading *loading, const struct node *backoff, const struct backoff_spec *spec) {
        const struct entry *delays = node_entry(backoff, "delays");
        static const char *const curve[] = {"initial", "factor", "max"};

        for (size_t i = 0; delays && i < sizeof(curve) / sizeof(curve[0]); i++) {
                const struct entry *entry = node_entry(backoff, curve[i]);
                if (entry) {
                        loading_error(loading, "inconsistent", &entry->key->place, NULL,
                                "'%s' and 'delays' exclude each other", curve[i]);
                }
        }
        if (delays && spec->delays.count == 0) {
                loading_error(
                        loading, "bad-value", &delays->value->place, NULL, "'delays' is empty");
        }
        if (!delays && spec->initial == 0 && node_entry(backoff, "factor")) {
                loading_warning(loading, "backoff-never-grows",
                        &node_entry(backoff, "factor")->key->place,
                        "write 'initial: 100ms', or 'delays: [0s, 1s, 10s]'",
                        "'factor' has no effect: a wait that begins with 0 stays 0");
        }
}

static void check_step_backoffs(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const struct node *ladder = node_get(origin->whole, "recover");

        for (uint32_t i = 0;
                ladder && ladder->kind == NODE_LIST && i < service->n_steps && i < ladder->count;
                i++) {
                const struct node *step = ladder->items[i];
                if (service->steps[i].backoff && step->kind == NODE_MAPPING && step->count == 1) {
                        check_backoff(loading, node_get(step->entries[0].value, "backoff"),
                                service->steps[i].backoff);
                }
        }
}

/* ---- Environment and accounts ------------------------------------------------------------------
 */

static bool is_variable_name(const char *text) {
        return *text &&
               text[strspn(
                       text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] ==
                       '\0' &&
               !(*text >= '0' && *text <= '9');
}

static void check_environment(struct loading *loading, const struct node *environment) {
        char text[NODE_QUOTE_MAX];
        for (uint32_t i = 0; environment && i < environment->count; i++) {
                const struct node *name = environment->entries[i].key;
                if (!is_variable_name(name->text)) {
                        loading_error(loading, "bad-name", &name->place, NULL,
                                "%s cannot be the name of an environment variable",
                                node_describe(name, text));
                }
        }
}

static bool is_number(const char *text) {
        return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool user_exists(const char *name) {
        return getpwnam(name) != NULL;
}

static bool group_exists(const char *name) {
        return getgrnam(name) != NULL;
}

static int ask_once(struct map *map, const char *name, bool (*exists)(const char *)) {
        const char *answer = map_get(map, name);
        if (!answer) {
                answer = exists(name) ? &known : &unknown;
                if (map_put(map, name, (void *) answer) < 0) {
                        return -ENOMEM;
                }
        }
        return answer == &known;
}

/* A warning only: the policy may be meant for another host. */
static int check_account(
        struct checking *checking, const struct place *place, const char *name, bool is_user) {
        if (!name || is_number(name) || !checking->loading->check_accounts) {
                return 0;
        }
        int r = ask_once(is_user ? checking->users : checking->groups, name,
                is_user ? user_exists : group_exists);
        if (r == 0) {
                loading_warning(checking->loading, is_user ? "missing-user" : "missing-group",
                        place, NULL, "this host has no %s '%.64s'", is_user ? "user" : "group",
                        name);
        }
        return r < 0 ? r : 0;
}

static int check_accounts(
        struct checking *checking, const struct service *service, const struct origin *origin) {
        int r = 0;
        if (service->command) {
                r = check_account(checking, place_of(origin, "user"), service->command->user, true);
                r = r < 0 ? r
                          : check_account(checking, place_of(origin, "group"),
                                    service->command->group, false);
        }
        if (service->scripts) {
                const struct node *user = node_get(node_get(origin->whole, "scripts"), "user");
                r = check_account(checking, user ? &user->place : place_of(origin, "scripts"),
                        service->scripts->user, true);
        }
        for (uint32_t i = 0; r == 0 && i < service->n_steps; i++) {
                r = check_account(
                        checking, place_of(origin, "recover"), service->steps[i].exec.user, true);
        }
        return r;
}

/* ---- What works, but hardly as meant ------------------------------------------------------------
 */

/* Only what the service itself says: templates and defaults may serve both kinds. */
static void warn_without_effect(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        for (const char *const *key = policy_command_keys; !service->command && *key; key++) {
                const struct entry *entry = node_entry(origin->entry->value, *key);
                if (entry) {
                        loading_warning(loading, "no-effect", &entry->key->place, NULL,
                                "'%s' has no effect without a 'command'", *key);
                }
        }
}

/* A probe that asks the service's own manager needs one of that sort. */
static void check_probes(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const char *type = manager_traits(MANAGER_SCRIPTS)->probe;
        for (uint32_t i = 0; i < service->n_probes && !service->scripts; i++) {
                const struct node *probe =
                        node_get(node_get(origin->whole, "probes"), service->probes[i].name);
                const struct entry *entry = node_entry(probe, type);
                if (entry) {
                        loading_error(loading, "no-manager", &entry->key->place,
                                "give it 'scripts', or use another probe",
                                "'%s' asks the 'scripts' of the service, and the service '%.64s' "
                                "has none",
                                type, service->name);
                }
        }
}

/* What the agent may restart says nothing about the network. */
static void check_reference(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        if (service->reference && service->manager != MANAGER_NONE) {
                loading_error(loading, "reference-with-manager", place_of(origin, "reference"),
                        "make the reference a service of its own that is only watched",
                        "the service '%.64s' has a '%s', so it cannot be a reference",
                        service->name, manager_traits((enum manager) service->manager)->key);
        }
}

/* ---- All of it --------------------------------------------------------------------------------
 */

static int check_service(
        struct checking *checking, const struct service *service, const struct origin *origin) {
        struct loading *loading = checking->loading;
        check_backoff(loading, node_get(origin->whole, "backoff"), &service->backoff);
        check_step_backoffs(loading, service, origin);
        check_environment(loading, node_get(origin->whole, "environment"));
        check_environment(loading, node_get(node_get(origin->whole, "scripts"), "environment"));
        warn_without_effect(loading, service, origin);
        check_probes(loading, service, origin);
        check_reference(loading, service, origin);
        lint_times(loading, service, origin);
        lint_ladder(loading, service, origin);
        lint_limits(loading, service, origin);
        lint_content(loading, service, origin);
        return check_accounts(checking, service, origin);
}

static void warn_empty(struct loading *loading) {
        if (loading->policy->n_services == 0 && loading->n_documents > 0 &&
                loading->problems->errors == 0) {
                const struct place place = {
                        .file = loading->documents[loading->n_documents - 1].file};
                loading_warning(loading, "no-services", &place, NULL,
                        "no service is defined in any policy file");
        }
}

static int check_services(struct checking *checking) {
        const struct loading *loading = checking->loading;
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < loading->policy->n_services; i++) {
                if (!loading->origins[i].broken) {
                        loading->problems->subject = &loading->origins[i].entry->key->place;
                        r = check_service(
                                checking, &loading->policy->services[i], &loading->origins[i]);
                }
        }
        loading->problems->subject = NULL;
        return r;
}

int crosscheck(struct loading *loading) {
        struct checking checking = {.loading = loading, .users = map_new(), .groups = map_new()};
        int r = checking.users && checking.groups ? check_services(&checking) : -ENOMEM;
        map_free(checking.users);
        map_free(checking.groups);
        warn_empty(loading);
        content_compare(loading);
        return r < 0 ? r : lint_services(loading);
}
