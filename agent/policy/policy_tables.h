#pragma once
/* The keys of policy files: the tables that the loader, the JSON Schema and the reference walk.
 * What the engine fills are the forms below; policy_build turns them into the model. */

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/schema.h"

enum { REQUIRE_ALL = 0 };

struct step_form {
        int action; /* enum action: the variant */
        const struct step_spec
                *body; /* all variants fill the same struct; its `action` is not set */
};

struct service_form {
        const char *description;
        struct command_spec command; /* a manager where it has a `command` */
        struct unit_spec unit; /* likewise, a name */
        const struct scripts_spec *scripts; /* NULL: none */
        struct pairs depends_on;
        struct strings extends;
        bool reference;
        usec_t interval, fast_interval, down_interval, timeout; /* standards of its probes */
        uint32_t fall, rise;
        int mode; /* enum mode */
        const char *deploy_lock;
        usec_t deploy_lock_max;
        usec_t start_grace, settle, verify, min_uptime;
        uint32_t require; /* how many probes; REQUIRE_ALL: all of them */
        struct objects probes; /* struct probe_spec */
        struct objects recover; /* struct step_form */
        struct backoff_spec backoff;
        struct flapping_spec flapping;
        struct remind_spec remind;
        struct budget_spec budget;
        struct effectiveness_spec effectiveness;
        struct traffic_spec *traffic; /* NULL: none */
        const struct checkpoint_spec *checkpoint; /* NULL: none */
        const char *member_of; /* NULL: no group */
};

struct group_step_form {
        int action; /* enum action: the variant */
        const struct group_step_spec *body; /* its `action` is not set */
};

struct group_form {
        struct group_spec spec; /* without its lists */
        struct objects members; /* struct group_member_spec */
        struct objects promote, demote, fence, follow; /* struct group_step_form */
};

enum { SERVICE_FIELDS_MAX = 64, PROBE_VARIANTS_MAX = 32 };

/* The tables that depend on which probe types there are. */
struct policy_tables {
        struct schema service;
        struct schema_field service_fields[SERVICE_FIELDS_MAX];
        struct schema probe;
};

void policy_tables_init(struct policy_tables *tables, const struct schema_variant *probes);

extern const struct schema agent_schema; /* struct agent_spec */
extern const struct schema coordinator_schema; /* struct coordinator_spec */
extern const struct schema backoff_schema; /* struct backoff_spec */
extern const struct schema group_schema; /* struct group_form */
extern const struct schema step_budget_schema; /* struct budget_spec */
extern const struct schema scripts_schema; /* struct scripts_spec */
extern const struct schema step_schema; /* struct step_form */
extern const struct schema traffic_schema; /* struct traffic_spec */
extern const struct schema haproxy_step_schema; /* struct step_spec */
extern const struct schema haproxy_group_step_schema; /* struct group_step_spec */
extern const struct schema checkpoint_schema; /* struct checkpoint_spec */
extern const struct schema release_schema; /* struct release_spec */
extern const struct schema value_source_schema; /* struct value_source */
extern const struct schema host_budget_schema; /* struct budget_spec */
extern const struct schema suspicion_schema; /* struct suspicion_spec */
extern const struct schema_variant step_variants[];

/* A key that names one service, so that it makes no sense in `defaults`; NULL ends the table. */
extern const char *const policy_identity_keys[];

/* Keys that do something only where there is a `command`. */
extern const char *const policy_command_keys[];

/* Whether the key names a manager: a service has one, and the later definition drives out another.
 */
bool policy_is_manager_key(const char *key);

/* The keys at the top of a file, with a sentence each; `agent` only in recoverd.yaml. */
struct top_level_key {
        const char *key, *help;
        bool config_only;
};
extern const struct top_level_key top_level_keys[]; /* ends with a NULL key */
