#include <errno.h>

#include "base/cleanup.h"
#include "cli/check_report.h"
#include "cli/session.h"
#include "policy/load.h"
#include "probes/probe.h"

DEFINE_CLEANUP(cleanup_policy, struct policy, policy_free)

#define STANDARD_CONFIG RECOVERD_SYSCONFDIR "/recoverd.yaml"
#define STANDARD_POLICIES RECOVERD_SYSCONFDIR "/policies.d"

/* Without arguments: what the agent would read, under the rule of ownership that it keeps. */
static struct policy_sources sources_of(const struct invocation *invocation) {
        static const char *const standard[] = {STANDARD_POLICIES};
        struct policy_sources sources = {
                .config = invocation->config,
                .paths = invocation->arguments,
                .n_paths = invocation->n_arguments,
                .probes = probe_variants,
        };
        if (invocation->n_arguments == 0 && !invocation->config) {
                sources.config = access(STANDARD_CONFIG, F_OK) == 0 ? STANDARD_CONFIG : NULL;
                sources.paths = standard;
                sources.n_paths = ELEMENTSOF(standard);
                sources.trusted_only = true;
        }
        return sources;
}

static int report(const struct invocation *invocation, const struct policy *policy,
        const struct problems *problems) {
        int status = policy ? EXIT_DONE : EXIT_NO;
        if (invocation->json) {
                AUTO_JSON struct json_object *json = check_report_json(policy, problems);
                return json ? session_print_json(json, status) : session_complain("out of memory");
        }
        AUTO_STRBUF struct strbuf out = {0};
        check_report_text(policy, problems, &invocation->terminal, &out);
        return session_print(&out, status);
}

int run_check(struct invocation *invocation) {
        struct policy_sources sources = sources_of(invocation);
        AUTO(problems_done) struct problems problems = {0};
        AUTO(cleanup_policy) struct policy *policy = NULL;
        int r = policy_load(&sources, &policy, &problems);
        if (r < 0 && r != -EINVAL) {
                return session_complain("%s", strerror(-r));
        }
        return report(invocation, policy, &problems);
}
