#pragma once
/* Loads policy texts with the fake probe types, and renders what was said about them in short. */

#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fake_probes.h"
#include "policy/load.h"
#include "unit_test.h"

/* "LINE:COLUMN message [code] (hint)", a line each; warnings begin with "warning ". */
static inline void render_problems(const struct problems *problems, struct strbuf *out) {
        for (size_t i = 0; i < problems->count; i++) {
                const struct problem *problem = &problems->items[i];
                strbuf_addf(out, "%s%u:%u %s [%s]",
                        problem->level == PROBLEM_WARNING ? "warning " : "", problem->line,
                        problem->column, problem->message, problem->code);
                if (problem->hint) {
                        strbuf_addf(out, " (%s)", problem->hint);
                }
                strbuf_add_char(out, '\n');
        }
}

/* Whether the problems are exactly these; prints both where they are not. `*ret`: the policy, or
 * NULL when there was an error. */
static inline bool load_says(const char *text, const char *expected, struct policy **ret) {
        AUTO_STRBUF struct strbuf said = {0};
        struct problems problems = {0};

        *ret = NULL;
        int r = policy_load_text("t.yaml", text, strlen(text), fake_probes, ret, &problems);
        render_problems(&problems, &said);
        bool same = str_eq(strbuf_text(&said), expected);
        if (!same) {
                print_error("---- policy\n%s---- said\n%s---- expected\n%s----\n", text,
                        strbuf_text(&said), expected);
        }
        assert_int_equal(r, problems.errors > 0 ? -EINVAL : 0);
        assert_int_equal(*ret != NULL, r == 0);
        problems_done(&problems);
        return same;
}

static inline struct policy *load_expecting(const char *text, const char *expected) {
        struct policy *policy;
        assert_true(load_says(text, expected, &policy));
        return policy;
}

/* The text loads without a word. */
static inline struct policy *load_clean(const char *text) {
        return load_expecting(text, "");
}

struct policy_case {
        const char *text, *expected;
};

/* All of them are tried, so that one run shows every difference. */
static inline void run_cases(const struct policy_case *cases, size_t n) {
        size_t wrong = 0;
        for (size_t i = 0; i < n; i++) {
                struct policy *policy;
                wrong += !load_says(cases[i].text, cases[i].expected, &policy);
                policy_free(policy);
        }
        assert_int_equal(wrong, 0);
}

static inline const struct service *service_of(const struct policy *policy, const char *name) {
        const struct service *service = policy_service(policy, name);
        assert_non_null(service);
        return service;
}

static inline const struct probe_spec *probe_of(const struct service *service, const char *name) {
        const struct probe_spec *probe = policy_probe(service, name);
        assert_non_null(probe);
        return probe;
}
