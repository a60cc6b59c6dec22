#pragma once
/* What the parts of the loader share while policies are being loaded. All of it is gone afterwards,
 * except what lies in the policy's own arena. */

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/probe_traits.h"
#include "policy/load.h"
#include "policy/policy_tables.h"
#include "policy/schema_fill.h"
#include "policy/source_file.h"
#include "policy/yaml_tree.h"

enum {
        EXTENDS_DEPTH_MAX = 32, /* templates that extend templates */
        MERGED_ENTRIES_MAX = 4000000, /* entries of all mappings that merging made */
};

enum template_state { TEMPLATE_NEW = 0, TEMPLATE_RESOLVING, TEMPLATE_DONE };

struct template {
        const struct entry *entry; /* name and body */
        const struct node
                *whole; /* with what it extends; NULL before it is resolved, or after an error */
        enum template_state state;
        bool used;
};

/* One file, taken apart; members are NULL where the file has no such key. */
struct document {
        struct source_file *file;
        const struct node *defaults, *services, *groups, *agent, *coordinator;
        struct template *templates; /* in the order of the mapping */
        const struct node *template_names;
        const struct node *base; /* recoverd.yaml's defaults below this file's */
        const char *kept_name; /* the file's name, in the policy's memory */
};

/* Where a service came from; parallel to policy->services. */
struct origin {
        const struct document *document;
        const struct entry *entry; /* as written */
        const struct node *whole; /* with defaults and templates */
        struct service_form form;
        bool broken; /* problems were reported: its values are not to be relied on */
};

struct loading {
        const struct schema_variant *probes;
        struct policy_tables tables;
        struct source_files files;
        struct arena *scratch; /* files, nodes, forms */
        struct problems *problems;
        struct schema_filler filler;
        struct document *documents;
        uint32_t n_documents;
        const struct document *config; /* recoverd.yaml, or NULL */
        struct origin *origins;
        struct policy *policy;
        const struct entry **groups; /* as written; parallel to policy->groups; NULL: broken */
        uint32_t nodes, merged_entries;
        bool check_accounts; /* whether users and groups exist is asked of the system */
        struct host_facts host;
        bool incomplete; /* a file could not be read or parsed: a missing name may be in there */
};

/* Functions below return 0, also after problems were reported, or -ENOMEM. */

/* Reports an error, or a warning, at a place. */
#define loading_error(loading, code, place, hint, ...)                                             \
        problems_add((loading)->problems, PROBLEM_ERROR, code, place, hint, __VA_ARGS__)
#define loading_warning(loading, code, place, hint, ...)                                           \
        problems_add((loading)->problems, PROBLEM_WARNING, code, place, hint, __VA_ARGS__)

/* documents.c: parses every file and takes its top level apart. */
int documents_parse(struct loading *loading);

/* merge.c: `over` upon `base` (either may be NULL), as the body of a service. */
int merge_service(struct loading *loading, const struct node *base, const struct node *over,
        const struct node **ret);

/* templates.c: `body` upon the templates that it extends, upon the defaults of its file. */
int templates_apply(struct loading *loading, const struct document *document,
        const struct node *body, const struct node **ret);

/* groups.c: the groups of all documents, before the services that refer to them. */
int groups_build(struct loading *loading);

/* groups.c: the group that a service is a member of. */
void groups_join(struct loading *loading, struct service *service, const struct origin *origin);

/* group_rules.c: which member of its group each service is; what groups with one active member may
 * not be. */
void groups_settle(struct loading *loading);

/* content.c: what a service consists of, once its ladder is known. */
/* Of a service whose manager is known: who sends it traffic. */
void traffic_build(struct loading *loading, struct service *service, const struct origin *origin);

void content_settle(struct loading *loading, struct service *service, const struct origin *origin);

/* content.c: what services may not share. */
void content_compare(struct loading *loading);

/* build.c: what may be the name of a thing. */
void check_name(struct loading *loading, const struct node *name, const char *what);

/* templates.c: tries every template and the defaults for themselves, and warns of unused templates.
 */
int templates_check(struct loading *loading);

/* build.c: the services of all documents, and the agent's settings. */
int policy_build(struct loading *loading);

/* build.c: where the coordinator is, which needs nothing of the rest. */
int policy_build_coordinator(struct loading *loading);

/* timing.c: standards that depend on other values, then the checks of what cannot work. */
int timing_settle(struct loading *loading, struct service *service, const struct origin *origin);

/* graph.c: dependencies, dependents, depths; unknown names and cycles. */
int graph_build(struct loading *loading);

/* crosscheck.c: what no single value shows. */
int crosscheck(struct loading *loading);

/* digest.c: the canonical form of a node: the same for all ways to write it. */
void digest_add_node(struct strbuf *out, const struct node *node);

/* digest.c: of each service and of the whole. */
int digest_policy(struct loading *loading);
