/* The language of the scripts: one statement a line, by a table of patterns. */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "model/observation.h"
#include "tests/scenarios/scenario.h"

enum { WORDS_MAX = 16 };

/* Upper case words stand for something: SERVICE, TARGET (a service, or service/probe), TIME, CAUSE,
 * "TEXT". */
static const struct {
        const char *pattern;
        enum verb verb;
} patterns[] = {
        {"everything is stopped at first", VERB_STOPPED_AT_FIRST},
        {"TARGET fails TEXT", VERB_FAILS},
        {"TARGET fails TEXT as CAUSE", VERB_FAILS},
        {"TARGET fails TEXT until restarted", VERB_FAILS_UNTIL_RESTARTED},
        {"TARGET fails TEXT until reloaded", VERB_FAILS_UNTIL_RELOADED},
        {"TARGET fails TEXT until signalled", VERB_FAILS_UNTIL_SIGNALLED},
        {"TARGET fails TEXT until rolled back", VERB_FAILS_UNTIL_ROLLED_BACK},
        {"TARGET times out", VERB_TIMES_OUT},
        {"TARGET passes", VERB_PASSES},
        {"TARGET is unknown TEXT", VERB_UNKNOWN},
        {"TARGET is degraded TEXT", VERB_DEGRADED},
        {"SERVICE dies TEXT", VERB_DIES},
        {"SERVICE dies TEXT as CAUSE", VERB_DIES},
        {"SERVICE dies after each start TEXT", VERB_DIES_AGAIN},
        {"somebody starts SERVICE", VERB_RUNS},
        {"somebody stops SERVICE", VERB_STOPPED_OUTSIDE},
        {"the manager restarts SERVICE TEXT", VERB_MANAGER_BUSY},
        {"a person pauses SERVICE for TIME", VERB_PAUSE},
        {"a person resumes SERVICE", VERB_RESUME},
        {"a person acknowledges SERVICE", VERB_ACK},
        {"a person restarts SERVICE", VERB_RESTART},
        {"a person starts SERVICE", VERB_START},
        {"a person stops SERVICE", VERB_STOP},
        {"a person holds all recovery for TIME", VERB_HOLD},
        {"a person releases all recovery", VERB_RELEASE},
        {"packages are changed", VERB_PACKAGES},
        {"the packages are done", VERB_PACKAGES_DONE},
        {"the agent crashed too often for TIME", VERB_CRASHES},
        {"the deploy lock of SERVICE appears", VERB_DEPLOY},
        {"the deploy lock of SERVICE goes", VERB_DEPLOYED},
        {"the group makes SERVICE active", VERB_GROUP_ACTIVE},
        {"the group makes SERVICE standby", VERB_GROUP_STANDBY},
        {"SERVICE is changed", VERB_CHANGED},
        {"SERVICE is changed as before", VERB_CHANGED_AS_BEFORE},
        {"SERVICE as it is becomes good", VERB_RECOVERY_POINT},
        {"nothing is known of changes of SERVICE", VERB_NOTHING_KNOWN},
        {"changes are told in TIME", VERB_COMPARED},
        {"changes are never told", VERB_COMPARED},
        {"saves answer in TIME", VERB_SAVES_ANSWER},
        {"saves fail in TIME", VERB_SAVES_FAIL},
        {"saves never answer", VERB_SAVES_NEVER},
        {"actions succeed in TIME", VERB_ACTIONS_SUCCEED},
        {"actions fail in TIME TEXT", VERB_ACTIONS_FAIL},
        {"actions are refused in TIME TEXT", VERB_ACTIONS_REFUSED},
        {"actions are put off in TIME TEXT", VERB_ACTIONS_LATER},
        {"actions are lost in TIME", VERB_ACTIONS_LOST},
        {"actions never answer", VERB_ACTIONS_NEVER},
        {"the executor leaves", VERB_EXECUTOR_LEAVES},
        {"the executor returns", VERB_EXECUTOR_RETURNS},
        {"the agent stands still for TIME", VERB_STANDS_STILL},
        {"the agent is kept waiting for TIME", VERB_STARVED},
        {"the host is short of memory", VERB_SHORT_OF_MEMORY},
        {"the clock is set forward by TIME", VERB_CLOCK_IS_SET},
        {"the store breaks", VERB_STORE_BREAKS},
        {"the store works", VERB_STORE_WORKS},
        {"the agent is killed for TIME", VERB_KILLED},
        {"the host reboots for TIME", VERB_REBOOTS},
        {"end", VERB_END},
};

/* Cuts a line into words; what stands in quotes is one word, its first byte being the quote. */
static int cut(char *line, char *words[WORDS_MAX]) {
        int n = 0;
        for (char *p = line; *p;) {
                if (isspace((unsigned char) *p)) {
                        *p++ = '\0';
                        continue;
                }
                if (n == WORDS_MAX) {
                        return -EINVAL;
                }
                words[n++] = p;
                if (*p == '"') {
                        p = strchr(p + 1, '"');
                        if (!p) {
                                return -EINVAL;
                        }
                        *p++ = '\0';
                } else {
                        p += strcspn(p, " \t");
                }
        }
        return n;
}

static bool take_service(const struct policy *policy, const char *name, struct statement *ret) {
        const struct service *service = policy_service(policy, name);
        if (service) {
                ret->service = service->index;
        }
        return service != NULL;
}

static bool take_target(const struct policy *policy, const char *word, struct statement *ret) {
        char name[POLICY_NAME_MAX + 1];
        const char *slash = strchr(word, '/');
        ret->probe = EVERY_PROBE;
        if (!slash) {
                return take_service(policy, word, ret);
        }
        if ((size_t) (slash - word) >= sizeof(name)) {
                return false;
        }
        memcpy(name, word, (size_t) (slash - word));
        name[slash - word] = '\0';
        if (!take_service(policy, name, ret)) {
                return false;
        }
        const struct service *service = &policy->services[ret->service];
        const struct probe_spec *probe = policy_probe(service, slash + 1);
        if (probe) {
                ret->probe = (uint32_t) (probe - service->probes);
        }
        return probe != NULL;
}

static bool take(
        const struct policy *policy, const char *wanted, const char *word, struct statement *ret) {
        if (str_eq(wanted, "SERVICE")) {
                return take_service(policy, word, ret);
        }
        if (str_eq(wanted, "TARGET")) {
                return take_target(policy, word, ret);
        }
        if (str_eq(wanted, "TIME")) {
                return units_parse_duration(word, &ret->time) == 0;
        }
        if (str_eq(wanted, "CAUSE")) {
                ret->cause = cause_parse(word);
                return ret->cause > CAUSE_NONE;
        }
        if (str_eq(wanted, "TEXT")) {
                return word[0] == '"' && str_copy(ret->text, sizeof(ret->text), word + 1);
        }
        return str_eq(wanted, word);
}

static bool matches(const struct policy *policy, const char *pattern, char *const words[], int n,
        struct statement *ret) {
        char copy[STATEMENT_TEXT_MAX], *wanted[WORDS_MAX];
        str_copy(copy, sizeof(copy), pattern);
        if (cut(copy, wanted) != n) {
                return false;
        }
        for (int i = 0; i < n; i++) {
                if (!take(policy, wanted[i], words[i], ret)) {
                        return false;
                }
        }
        return true;
}

/* "at TIME" in front is optional: without it the statement is for the same moment as the one
 * before. */
static int parse_line(char *line, const struct policy *policy, struct scenario *ret) {
        char *words[WORDS_MAX];
        int n = cut(line, words), first = 0;
        if (n <= 0) {
                return n;
        }
        if (ret->n_statements == STATEMENTS_MAX) {
                return -E2BIG;
        }
        usec_t at = ret->n_statements > 0 ? ret->statements[ret->n_statements - 1].at : 0;
        if (n > 2 && str_eq(words[0], "at")) {
                if (units_parse_duration(words[1], &at) < 0) {
                        return -EINVAL;
                }
                first = 2;
        }
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                struct statement *statement = &ret->statements[ret->n_statements];
                *statement = (struct statement){
                        .at = at,
                        .verb = patterns[i].verb,
                        .service = UINT32_MAX,
                        .probe = UINT32_MAX,
                };
                if (matches(policy, patterns[i].pattern, words + first, n - first, statement)) {
                        ret->n_statements++;
                        return 0;
                }
        }
        return -EINVAL;
}

int script_parse(
        const char *text, const struct policy *policy, struct scenario *ret, struct error *err) {
        while (*text) {
                char line[512], shown[512];
                size_t length = strcspn(text, "\n");
                if (length >= sizeof(line)) {
                        return error_set(err, EINVAL, "a line of the script is too long");
                }
                memcpy(line, text, length);
                line[length] = '\0';
                memcpy(shown, line, length + 1);
                text += length + (text[length] == '\n');
                char *comment = strstr(line, " #");
                if (comment) {
                        *comment = '\0';
                }
                if (parse_line(line, policy, ret) < 0) {
                        return error_set(err, EINVAL, "not a statement: %s", shown);
                }
        }
        return 0;
}
