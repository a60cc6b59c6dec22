#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/param.h>

#include "base/map.h"
#include "base/str.h"
#include "base/units.h"
#include "model/manager.h"
#include "model/observation.h"
#include "policy/loading.h"

#define SLOW_DETECTION (15 * USEC_PER_MINUTE)

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
                loading_warning(checking->loading, is_user ? "unknown-user" : "unknown-group",
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

static void warn_budget(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        uint64_t actions = 0;
        char per[UNITS_TEXT_MAX];

        for (uint32_t i = 0; i < service->n_steps; i++) {
                actions +=
                        service->steps[i].action == ACTION_NOTIFY ? 0 : service->steps[i].attempts;
        }
        if (actions > service->budget.actions) {
                loading_warning(loading, "ladder-outlasts-budget", place_of(origin, "budget"), NULL,
                        "the ladder has %" PRIu64
                        " attempts, the budget allows %u within %s: the others will be held",
                        actions, service->budget.actions,
                        units_format_duration(service->budget.per, per));
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

static bool cures_an_exit(const struct step_spec *step) {
        return step->action != ACTION_NOTIFY &&
               (step->causes == 0 || (step->causes & UINT32_C(1) << CAUSE_EXITED));
}

/* Steps for a running service alone leave one that has ended to itself. */
static void warn_no_cure(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        bool needs_running = false, cured = false;
        for (uint32_t i = 0; i < service->n_steps; i++) {
                needs_running = needs_running || action_needs_running(service->steps[i].action);
                cured = cured || cures_an_exit(&service->steps[i]);
        }
        if (needs_running && !cured) {
                loading_warning(loading, "no-cure", place_of(origin, "recover"),
                        "add a restart as the last step",
                        "reload and signal need a running service: no step helps when it has ended");
        }
}

static void warn_slow(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        char text[UNITS_TEXT_MAX];

        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_spec *probe = &service->probes[i];
                usec_t each = MAX(probe->fast_interval, probe->timeout);
                usec_t worst = probe->interval + (probe->fall - 1) * each + probe->timeout;
                const struct entry *entry =
                        node_entry(node_get(origin->whole, "probes"), probe->name);
                if (worst > SLOW_DETECTION && !probe->implied && entry) {
                        loading_warning(loading, "slow-detection", &entry->key->place, NULL,
                                "the probe '%.64s' may take %s to notice a failure", probe->name,
                                units_format_duration_short(worst, text));
                }
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
        warn_budget(loading, service, origin);
        warn_no_cure(loading, service, origin);
        warn_slow(loading, service, origin);
        check_probes(loading, service, origin);
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
                        r = check_service(
                                checking, &loading->policy->services[i], &loading->origins[i]);
                }
        }
        return r;
}

int crosscheck(struct loading *loading) {
        struct checking checking = {.loading = loading, .users = map_new(), .groups = map_new()};
        int r = checking.users && checking.groups ? check_services(&checking) : -ENOMEM;
        map_free(checking.users);
        map_free(checking.groups);
        warn_empty(loading);
        return r;
}
