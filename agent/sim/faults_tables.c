/* The keys of a faults file. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/faults.h"

#define BIT(action) (UINT32_C(1) << ACTION_##action)

static const struct fault_traits traits[] = {
        [FAULT_CRASH] = {"crash", "killed by SIGSEGV", false, false, OUTCOME_FAIL,
                CAUSE_UNRESPONSIVE, BIT(RESTART) | BIT(START)},
        [FAULT_HANG] = {"hang", "no answer in time", false, false, OUTCOME_TIMEOUT,
                CAUSE_UNRESPONSIVE, BIT(RESTART)},
        [FAULT_SLOW] = {"slow", "a right answer, but too late", false, false, OUTCOME_FAIL,
                CAUSE_SLOW, BIT(RESTART)},
        [FAULT_BAD_RELEASE] = {"bad_release", "500 Internal Server Error", false, false,
                OUTCOME_FAIL, CAUSE_WRONG_ANSWER, BIT(ROLLBACK)},
        [FAULT_DEPENDENCY_LOSS] = {"dependency_loss", "503 Service Unavailable", false, false,
                OUTCOME_FAIL, CAUSE_WRONG_ANSWER, 0},
        [FAULT_DISK_FULL] = {"disk_full", "no space left on device", false, false, OUTCOME_FAIL,
                CAUSE_RESOURCE_DISK, 0},
        [FAULT_FLAPPING] = {"flapping", "502 Bad Gateway", false, false, OUTCOME_FAIL,
                CAUSE_WRONG_ANSWER, 0},
        [FAULT_HOST_STALL] = {"host_stall", "the agent stands still", true, true, OUTCOME_UNKNOWN,
                CAUSE_NONE, 0},
        [FAULT_AGENT_RESTART] = {"agent_restart", "the agent is gone", true, true, OUTCOME_UNKNOWN,
                CAUSE_NONE, 0},
        [FAULT_STORE_FAILURE] = {"store_failure", "the state database cannot be written", true,
                true, OUTCOME_UNKNOWN, CAUSE_NONE, 0},
        [FAULT_CUT_OFF] = {"cut_off", "network is unreachable", true, false, OUTCOME_TIMEOUT,
                CAUSE_UNRESPONSIVE, 0},
};

const struct fault_traits *fault_traits(int kind) {
        return &traits[kind];
}

/* ---- What is seen ------------------------------------------------------------------------------
 */

#define SYMPTOM_FIELDS                                                                             \
        {                                                                                          \
                .key = "text", .kind = SCHEMA_STRING,                                              \
                .offset = offsetof(struct symptom_spec, text),                                     \
                .help = "What the probes, or the executor, say of it.",                            \
                .example = "killed by SIGABRT"                                                     \
        }

static const struct schema_field symptom_fields[] = {
        SYMPTOM_FIELDS,
        {0},
};

static const struct schema_field flapping_fields[] = {
        SYMPTOM_FIELDS,
        {.key = "bad",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct symptom_spec, bad),
                .standard = "10s",
                .least = "1ms",
                .most = "1d",
                .help = "How long it fails each time.",
                .example = "30s"},
        {.key = "fine",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct symptom_spec, fine),
                .standard = "20s",
                .least = "1ms",
                .most = "1d",
                .help = "How long it is well in between.",
                .example = "1m"},
        {0},
};

#define SYMPTOM(title, sentence, table)                                                            \
        {                                                                                          \
                .name = title, .help = sentence, .size = sizeof(struct symptom_spec),              \
                .fields = table, .shorthand = "text",                                              \
        }

static const struct schema crash_schema = SYMPTOM("crash",
        "The process ends by itself, and again after a start that does not cure it.",
        symptom_fields);
static const struct schema hang_schema =
        SYMPTOM("hang", "The process lives, and its probes time out.", symptom_fields);
static const struct schema slow_schema =
        SYMPTOM("slow", "Its probes answer too late, with the cause slow.", symptom_fields);
static const struct schema bad_release_schema = SYMPTOM("bad_release",
        "Its files change and its probes get wrong answers, and a restart changes nothing.",
        symptom_fields);
static const struct schema dependency_loss_schema = SYMPTOM("dependency_loss",
        "Something outside of the policies that it needs is gone.", symptom_fields);
static const struct schema disk_full_schema =
        SYMPTOM("disk_full", "Its probes fail with the cause resource.", symptom_fields);
static const struct schema flapping_schema =
        SYMPTOM("flapping", "It fails and is well again, in turn.", flapping_fields);
static const struct schema host_stall_schema = SYMPTOM("host_stall",
        "The agent stands still, as after SIGSTOP or under starvation; what it was measuring counts as unknown.",
        symptom_fields);
static const struct schema agent_restart_schema = SYMPTOM("agent_restart",
        "The agent is killed, and is back when it is over, with what its store remembers. The executor stays, and ends what was under way.",
        symptom_fields);
static const struct schema store_failure_schema = SYMPTOM("store_failure",
        "Nothing can be written to the state database, as on a full disk: the agent goes on from memory, with few actions.",
        symptom_fields);
static const struct schema cut_off_schema = SYMPTOM("cut_off",
        "The agent sees nothing through the network any more, while the services are well: every probe but those of processes times out.",
        symptom_fields);

static const struct schema_variant kinds[] = {
        {"crash", FAULT_CRASH, &crash_schema,
                "The process ends. Where nothing else is written, restart and start cure it."},
        {"hang", FAULT_HANG, &hang_schema,
                "It lives and does not answer. Where nothing else is written, restart cures it."},
        {"slow", FAULT_SLOW, &slow_schema,
                "It answers too late. Where nothing else is written, restart cures it."},
        {"bad_release", FAULT_BAD_RELEASE, &bad_release_schema,
                "Its files change, and it answers wrongly. Where nothing else is written, rollback "
                "cures it."},
        {"dependency_loss", FAULT_DEPENDENCY_LOSS, &dependency_loss_schema,
                "What it needs, outside of the policies, is gone."},
        {"disk_full", FAULT_DISK_FULL, &disk_full_schema, "Its disk is full."},
        {"flapping", FAULT_FLAPPING, &flapping_schema, "Bad and well in turn."},
        {"host_stall", FAULT_HOST_STALL, &host_stall_schema,
                "The agent stands still. It has no services."},
        {"agent_restart", FAULT_AGENT_RESTART, &agent_restart_schema,
                "The agent is gone for a while. It has no services."},
        {"store_failure", FAULT_STORE_FAILURE, &store_failure_schema,
                "The state database cannot be written. It has no services."},
        {"cut_off", FAULT_CUT_OFF, &cut_off_schema, "The agent is cut off from the services."},
        {0},
};

/* ---- When, for how long, and what helps -------------------------------------------------------
 */

static int parse_shape(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        char *end;
        double value = strtod(text, &end);
        bool digits = text[strspn(text, "0123456789.")] == '\0' && end != text && *end == '\0';
        if (!digits || value < 0.1 || value > 10) {
                snprintf(why, SCHEMA_WHY_MAX, "expected a number from 0.1 to 10");
                return -EINVAL;
        }
        *(double *) to = value;
        return 0;
}

static const struct schema_field mtbf_fields[] = {
        {.key = "mean",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct mtbf_spec, mean),
                .least = "1s",
                .most = "36500d",
                .help = "Mean time from one occurrence to the next, of each service.",
                .example = "10d",
                .required = true},
        {.key = "distribution",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct mtbf_spec, distribution),
                .standard = "exponential",
                .words = distribution_texts,
                .help = "How the times spread round the mean.",
                .example = "weibull"},
        {.key = "shape",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct mtbf_spec, shape),
                .standard = "1",
                .help = "Of weibull and lognormal, from 0.1 to 10.",
                .example = "0.7",
                .parse = parse_shape,
                .pattern = "^[0-9]+([.][0-9]+)?$",
                .single = true},
        {0},
};

static const struct schema mtbf_schema = {
        .name = "mtbf",
        .help = "Mean time between failures.",
        .size = sizeof(struct mtbf_spec),
        .fields = mtbf_fields,
        .shorthand = "mean",
};

static const struct schema_field cure_fields[] = {
        {.key = "chance",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct cure_form, chance),
                .standard = "100%",
                .help = "How likely one such action cures it.",
                .example = "70%"},
        {.key = "after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct cure_form, after),
                .standard = "0s",
                .most = "1d",
                .help = "How long after the action it is cured.",
                .example = "20s"},
        {0},
};

static const struct schema cure_schema = {
        .name = "cure",
        .help = "What an action does against the fault.",
        .size = sizeof(struct cure_form),
        .fields = cure_fields,
        .shorthand = "chance",
};

static const struct schema_field fault_fields[] = {
        {.key = "services",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct fault_spec, services),
                .help = "Whom it hits, each at times of its own. Without the key: every service.",
                .example = "[checkout]"},
        {.key = "at",
                .kind = SCHEMA_DURATIONS,
                .offset = offsetof(struct fault_spec, at),
                .most = "36500d",
                .help = "When it occurs, since the beginning.",
                .example = "[10m, 3h]"},
        {.key = "mtbf",
                .kind = SCHEMA_OBJECT_PTR,
                .offset = offsetof(struct fault_spec, mtbf),
                .object = &mtbf_schema,
                .help = "Lets it occur by chance, which the seed decides.",
                .example = "{mean: 10d, distribution: weibull, shape: 0.7}"},
        {.key = "lasts",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct fault_spec, lasts),
                .least = "1ms",
                .most = "36500d",
                .help = "It ends by itself after this time. Without the key: only a cure ends it.",
                .example = "30m"},
        {.key = "cured_by",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct fault_spec, cured_by),
                .object = &cure_schema,
                .help = "The actions that help, in place of those of its kind.",
                .example = "{restart: 70%, exec: {chance: 100%, after: 20s}}"},
        {0},
};

static bool is_cured(const struct fault_spec *fault) {
        return fault->cured_by.count > 0 || fault_traits(fault->kind)->cured_by != 0;
}

static void check_fault(const void *object, struct schema_report *report) {
        const struct fault_spec *fault = object;
        const char *key = fault->kind >= 0 ? fault_traits(fault->kind)->key : "";
        if (fault->kind < 0) {
                return;
        }
        if (fault->at.count == 0 && !fault->mtbf) {
                schema_complain(report, NULL,
                        "the fault '%s' never occurs: it needs 'at' or 'mtbf'", fault->name);
        }
        if (fault->lasts == 0 && (!is_cured(fault) || fault_traits(fault->kind)->of_host)) {
                schema_complain(report, NULL, "nothing ends the fault '%s': %s needs 'lasts'%s",
                        fault->name, key,
                        fault_traits(fault->kind)->of_host ? "" : " or 'cured_by'");
        }
        if (fault_traits(fault->kind)->of_host && fault->cured_by.count > 0) {
                schema_complain(report, "cured_by", "no action cures %s", key);
        }
        if (fault_traits(fault->kind)->of_all && fault->services.count > 0) {
                schema_complain(report, "services", "%s hits the host, not services", key);
        }
}

static const struct schema fault_schema = {
        .name = "fault",
        .help = "One thing that goes wrong. Occurrences that come while it lasts are left out.",
        .size = sizeof(struct fault_spec),
        .fields = fault_fields,
        .variants = kinds,
        .tag_offset = offsetof(struct fault_spec, kind),
        .variant_offset = offsetof(struct fault_spec, symptom),
        .check = check_fault,
};

/* ---- The file ---------------------------------------------------------------------------------
 */

static const struct schema_field action_fields[] = {
        {.key = "takes",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct action_form, takes),
                .standard = "1s",
                .least = "2us",
                .most = "1d",
                .help = "From its beginning to the executor's answer. What it does happens half way.",
                .example = "5s"},
        {.key = "fails",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct action_form, fails),
                .standard = "0%",
                .help = "How likely it fails, and does nothing.",
                .example = "2%"},
        {0},
};

static const struct schema action_schema = {
        .name = "action",
        .help = "How an action goes.",
        .size = sizeof(struct action_form),
        .fields = action_fields,
        .shorthand = "takes",
};

static const struct schema_field plan_fields[] = {
        {.key = "version",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct fault_plan, version),
                .least = "1",
                .most = "1",
                .help = "The version of this grammar.",
                .example = "1",
                .required = true},
        {.key = "startup",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct fault_plan, startup),
                .standard = "1s",
                .most = "1d",
                .help = "How long a service takes from its start until it answers.",
                .example = "5s"},
        {.key = "mended_after",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct fault_plan, mended_after),
                .standard = "1h",
                .least = "1s",
                .most = "36500d",
                .help = "How long it takes people to mend a service that was given up, or for which "
                        "the policy has no step.",
                .example = "4h"},
        {.key = "actions",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct fault_plan, actions_written),
                .object = &action_schema,
                .help = "How the actions of the ladders go, by their words.",
                .example = "{restart: {takes: 5s, fails: 2%}}"},
        {.key = "faults",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct fault_plan, faults),
                .object = &fault_schema,
                .help = "The faults by name.",
                .example = "{oom: {crash: killed by SIGKILL, mtbf: 10d}}",
                .required = true},
        {0},
};

const struct schema faults_schema = {
        .name = "faults file",
        .help = "What `recoverctl simulate --faults` takes.",
        .size = sizeof(struct fault_plan),
        .fields = plan_fields,
};
