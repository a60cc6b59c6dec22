#include "executor/action_budget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "base/units.h"

#define HEADING "recoverd-action-budget 1 "
#define HOST "*" /* no service can be named so */

enum {
        MOMENTS_FIRST = 8,
        ACCOUNT_NAME_MAX = POLICY_NAME_MAX + 1 + STEP_IDENTITY_MAX,
        /* Of each service, its steps and group, and the host; bounds what a file can bring. */
        ACCOUNTS_MAX = 2 * POLICY_SERVICES_MAX + POLICY_GROUPS_MAX + 1,
};

/* Moments are signed: those of an earlier boot may lie before this one began. */
struct account {
        struct list node;
        char name[ACCOUNT_NAME_MAX]; /* of the service, "SERVICE/STEP", ":GROUP", or HOST */
        usec_t per; /* the window when it was last used */
        int64_t *moments; /* CLOCK_BOOTTIME, oldest first */
        size_t count, capacity;
};

struct action_budget {
        struct map *by_name;
        struct list accounts;
        size_t count;
};

struct action_budget *action_budget_new(void) {
        struct action_budget *budget = calloc(1, sizeof(*budget));
        if (!budget) {
                return NULL;
        }
        list_init(&budget->accounts);
        budget->by_name = map_new();
        if (!budget->by_name) {
                free(budget);
                return NULL;
        }
        return budget;
}

static void account_free(struct account *account) {
        list_remove(&account->node);
        free(account->moments);
        free(account);
}

void action_budget_free(struct action_budget *budget) {
        if (!budget) {
                return;
        }
        map_free(budget->by_name);
        LIST_FOREACH (node, &budget->accounts) {
                account_free(LIST_ENTRY(node, struct account, node));
        }
        free(budget);
}

static struct account *account_of(struct action_budget *budget, const char *name) {
        struct account *account = map_get(budget->by_name, name);
        if (account) {
                return account;
        }
        account = budget->count < ACCOUNTS_MAX ? calloc(1, sizeof(*account)) : NULL;
        if (!account) {
                return NULL;
        }
        str_copy(account->name, sizeof(account->name), name);
        if (map_put(budget->by_name, account->name, account) < 0) {
                free(account);
                return NULL;
        }
        list_append(&budget->accounts, &account->node);
        budget->count++;
        return account;
}

/* Makes room for one more; beyond what any budget can ask for, the oldest is forgotten. */
static int account_reserve(struct account *account) {
        if (account->count < account->capacity) {
                return 0;
        }
        if (account->count == POLICY_BUDGET_MAX) {
                account->count--;
                memmove(account->moments, account->moments + 1,
                        account->count * sizeof(account->moments[0]));
                return 0;
        }
        size_t capacity = account->capacity ? 2 * account->capacity : MOMENTS_FIRST;
        int64_t *moments = reallocarray(account->moments, capacity, sizeof(moments[0]));
        if (!moments) {
                return -ENOMEM;
        }
        account->moments = moments;
        account->capacity = capacity;
        return 0;
}

/* Keeps them sorted: a file may bring older ones. */
static int account_add(struct account *account, int64_t moment) {
        int r = account_reserve(account);
        if (r < 0) {
                return r;
        }
        size_t at = account->count++;
        for (; at > 0 && account->moments[at - 1] > moment; at--) {
                account->moments[at] = account->moments[at - 1];
        }
        account->moments[at] = moment;
        return 0;
}

static usec_t effective_window(usec_t per) {
        usec_t tolerance = per / 10;
        return per - (tolerance < ACTION_BUDGET_TOLERANCE ? tolerance : ACTION_BUDGET_TOLERANCE);
}

static size_t account_spent(const struct account *account, usec_t per, usec_t now) {
        size_t spent = 0;
        while (spent < account->count &&
                (int64_t) now - account->moments[account->count - 1 - spent] <
                        (int64_t) effective_window(per)) {
                spent++;
        }
        return spent;
}

/* One of those whose actions an action counts among. */
struct claim {
        struct account *account;
        const char *whose;
        const struct budget_spec *spec;
};

enum { CLAIMS_MAX = 4 };

struct claims {
        struct claim items[CLAIMS_MAX];
        size_t count;
};

static int add_claim(struct action_budget *budget, struct claims *claims, const char *name,
        const char *whose, const struct budget_spec *spec) {
        struct account *account = account_of(budget, name);
        if (!account || account_reserve(account) < 0) {
                return -ENOMEM;
        }
        account->per = spec->per;
        claims->items[claims->count++] = (struct claim){account, whose, spec};
        return 0;
}

static int find_claims(struct action_budget *budget, const struct service *service,
        const struct step_spec *step, const struct budget_spec *host, struct claims *claims) {
        char name[ACCOUNT_NAME_MAX];
        int r = 0;
        if (step && step->budget) {
                snprintf(name, sizeof(name), "%s/%s", service->name, step->identity);
                r = add_claim(budget, claims, name, "the step", step->budget);
        }
        r = r < 0 ? r : add_claim(budget, claims, service->name, "the service", &service->budget);
        if (r == 0 && service->group) {
                snprintf(name, sizeof(name), ":%s", service->group->name);
                r = add_claim(budget, claims, name, "the group", &service->group->budget);
        }
        return r < 0 ? r : add_claim(budget, claims, HOST, "the host", host);
}

static int check(const struct claim *claim, usec_t now, struct error *err) {
        const struct budget_spec *spec = claim->spec;
        size_t spent = account_spent(claim->account, spec->per, now);
        char per[UNITS_TEXT_MAX];
        if (spent < spec->actions) {
                return 0;
        }
        return error_set(err, EDQUOT, "%zu of %u actions of %s spent within %s", spent,
                (unsigned) spec->actions, claim->whose, units_format_duration(spec->per, per));
}

int action_budget_spend(struct action_budget *budget, const struct service *service,
        const struct step_spec *step, const struct budget_spec *host, struct instant now,
        struct error *err) {
        struct claims claims = {0};
        if (find_claims(budget, service, step, host, &claims) < 0) {
                return error_set(err, ENOMEM, "out of memory");
        }
        for (size_t i = 0; i < claims.count; i++) {
                int r = check(&claims.items[i], now.mono, err);
                if (r < 0) {
                        return r;
                }
        }
        for (size_t i = 0; i < claims.count; i++) {
                account_add(claims.items[i].account, (int64_t) now.mono); /* there is room */
        }
        return 0;
}

/* The oldest of those that would have to be over by then. */
static usec_t claim_free_at(const struct claim *claim, usec_t now) {
        const struct account *account = claim->account;
        const struct budget_spec *spec = claim->spec;
        if (account_spent(account, spec->per, now) < spec->actions) {
                return now;
        }
        if (spec->actions == 0) {
                return USEC_INFINITY;
        }
        int64_t over = account->moments[account->count - spec->actions];
        return (usec_t) (over + (int64_t) effective_window(spec->per));
}

usec_t action_budget_free_at(struct action_budget *budget, const struct service *service,
        const struct step_spec *step, const struct budget_spec *host, struct instant now) {
        struct claims claims = {0};
        usec_t latest = now.mono;
        if (find_claims(budget, service, step, host, &claims) < 0) {
                return now.mono;
        }
        for (size_t i = 0; i < claims.count; i++) {
                usec_t moment = claim_free_at(&claims.items[i], now.mono);
                latest = moment > latest ? moment : latest;
        }
        return latest;
}

/* ---- As text: a heading with the boot, then "NAME WINDOW MONOTONIC WALL" a line, in microseconds
 * ---- */

static void format_account(struct strbuf *text, const struct account *account, struct instant now) {
        size_t spent = account_spent(account, account->per, now.mono);
        for (size_t i = account->count - spent; i < account->count; i++) {
                int64_t age = (int64_t) now.mono - account->moments[i];
                strbuf_addf(text, "%s %" PRIu64 " %" PRId64 " %" PRIu64 "\n", account->name,
                        account->per, account->moments[i], usec_sub(now.wall, (usec_t) age));
        }
}

char *action_budget_format(
        const struct action_budget *budget, const char *boot_id, struct instant now) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_addf(&text, HEADING "%s\n", boot_id);
        LIST_FOREACH (node, &budget->accounts) {
                format_account(&text, LIST_ENTRY(node, struct account, node), now);
        }
        return strbuf_take(&text);
}

static int64_t moment_of(int64_t mono, uint64_t wall, bool same_boot, struct instant now) {
        if (same_boot) {
                return mono < (int64_t) now.mono ? mono : (int64_t) now.mono;
        }
        usec_t age = usec_sub(now.wall, wall);
        return (int64_t) now.mono - (int64_t) (age < INT64_MAX / 2 ? age : INT64_MAX / 2);
}

static int parse_number(const char **at, int64_t *ret) {
        char *end = NULL;
        errno = 0;
        *ret = strtoll(*at, &end, 10);
        if (end == *at || errno == ERANGE) {
                return -EBADMSG;
        }
        *at = end;
        return 0;
}

static int parse_line(
        struct action_budget *budget, const char *line, bool same_boot, struct instant now) {
        char name[ACCOUNT_NAME_MAX];
        int64_t per, mono, wall;
        size_t length = strcspn(line, " \n");
        const char *at = line + length;
        if (length == 0 || length >= ACCOUNT_NAME_MAX || parse_number(&at, &per) < 0 ||
                parse_number(&at, &mono) < 0 || parse_number(&at, &wall) < 0 || *at != '\n' ||
                per < 0 || wall < 0) {
                return -EBADMSG;
        }
        memcpy(name, line, length);
        name[length] = '\0';
        struct account *account = account_of(budget, name);
        if (!account) {
                return -ENOMEM;
        }
        account->per = (usec_t) per;
        return account_add(account, moment_of(mono, (uint64_t) wall, same_boot, now));
}

int action_budget_parse(struct action_budget *budget, const char *text, const char *boot_id,
        struct instant now, struct error *err) {
        if (!str_starts(text, HEADING)) {
                return error_set(err, EBADMSG, "not an action budget");
        }
        const char *boot = text + strlen(HEADING);
        bool same_boot = str_starts(boot, boot_id) && boot[strlen(boot_id)] == '\n';
        unsigned number = 1;
        for (const char *line = strchr(boot, '\n'); line && line[1]; line = strchr(line, '\n')) {
                line++;
                number++;
                int r = strchr(line, '\n') ? parse_line(budget, line, same_boot, now) : -EBADMSG;
                if (r < 0) {
                        return error_set(err, -r, "line %u: %s", number,
                                r == -EBADMSG ? "not of the form" : strerror(-r));
                }
        }
        return 0;
}
