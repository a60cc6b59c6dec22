#pragma once
/* From YAML files to a struct policy. All errors of all files are reported in one pass; a policy is
 * returned only when there was none. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "model/policy.h"
#include "model/schema.h"

enum problem_level { PROBLEM_ERROR = 0, PROBLEM_WARNING };

struct problem {
        enum problem_level level;
        const char *code; /* stable kebab-case word, "unknown-key" */
        const char *file; /* as given */
        uint32_t line, column; /* 1-based; column counts characters; 0: the file as a whole */
        const char *message; /* one sentence without a period */
        const char *source; /* the line of the file, or NULL */
        uint32_t width; /* characters the caret underlines */
        const char *hint; /* "did you mean 'interval'?", or NULL */
        uint32_t file_order; /* the file's position in the load: problems are sorted by it, then by
                                place */
};

struct place;

/* Grows in an arena of its own. */
struct problems {
        struct arena *arena;
        struct problem *items;
        size_t count, capacity, errors;
        size_t allowed; /* warnings that a comment in the file silences; not among the items */
        const struct place *subject; /* of the service being looked at: a comment there silences
                                        warnings about it as well; NULL: none */
        struct map *seen; /* one place never says the same thing twice */
        bool cut; /* there were more than POLICY_PROBLEMS_MAX, or POLICY_WARNINGS_MAX warnings */
        bool failed; /* out of memory */
};
enum { POLICY_PROBLEMS_MAX = 1000, POLICY_WARNINGS_MAX = 200 };

void problems_done(struct problems *problems);

/* "file:line:column: error: message [code]", the source line, a caret, the hint; all of them,
 * sorted by place. */
void problems_format(const struct problems *problems, struct strbuf *out);

struct policy_sources {
        const char *config; /* recoverd.yaml; NULL: built-in standards */
        const char *const *paths; /* files, or directories whose *.yaml are read in sorted order */
        size_t n_paths;
        const struct schema_variant *probes; /* the probe types */
        bool trusted_only; /* refuse files not owned by root or this user, or writable by others
                              (executor and agent) */
};

/* 0 and a policy (the caller's, policy_free), or -EINVAL with at least one error in `problems`, or
 * -ENOMEM. `problems` is zero-initialised by the caller and must be freed in both cases; warnings
 * may be in it in both. */
int policy_load(
        const struct policy_sources *sources, struct policy **ret, struct problems *problems);

/* Only where the coordinator is: a policy with nothing else in it. Of the other keys of the file
 * only their form is looked at. The file has to be trustworthy, as with `trusted_only`. */
int policy_load_coordinator(const char *config, struct policy **ret, struct problems *problems);

struct policy_text { /* a file in memory */
        const char *name, *text;
        bool config; /* recoverd.yaml, of which there is at most one, the first */
};

/* The same of files in memory. Whether users and groups exist is not asked. */
int policy_load_texts(const struct policy_text *texts, size_t n,
        const struct schema_variant *probes, struct policy **ret, struct problems *problems);

/* The same from memory, for tests and fuzzing; `name` stands in for the file name. */
int policy_load_text(const char *name, const char *text, size_t length,
        const struct schema_variant *probes, struct policy **ret, struct problems *problems);
