#include <errno.h>

#include "base/cleanup.h"
#include "cli/check_report.h"
#include "cli/session.h"
#include "policy/problems.h"
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

static int print_report(const struct invocation *invocation, const struct check_report *report) {
        int status = check_report_is_ok(report) ? EXIT_DONE : EXIT_NO;
        if (invocation->json) {
                AUTO_JSON struct json_object *json = check_report_json(report);
                return json ? session_print_json(json, status) : session_complain("out of memory");
        }
        AUTO_STRBUF struct strbuf out = {0};
        check_report_text(report, &invocation->terminal, &out);
        return session_print(&out, status);
}

static int complain_unknown(const struct policy *policy, const char *name) {
        const char *near = problems_nearest(
                name, &policy->services->name, policy->n_services, sizeof(*policy->services));
        session_complain("these policies have no service '%.64s'%s%s%s", name,
                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        return EXIT_USAGE;
}

int run_check(struct invocation *invocation) {
        struct policy_sources sources = sources_of(invocation);
        AUTO(problems_done) struct problems problems = {0};
        AUTO(cleanup_policy) struct policy *policy = NULL;
        int r = policy_load(&sources, &policy, &problems);
        if (r < 0 && r != -EINVAL) {
                return session_complain("%s", strerror(-r));
        }
        const struct service *explained = NULL;
        if (policy && invocation->explain) {
                explained = policy_service(policy, invocation->explain);
                if (!explained) {
                        return complain_unknown(policy, invocation->explain);
                }
        }
        const struct check_report report = {.policy = policy,
                .problems = &problems,
                .explained = explained,
                .strict = invocation->strict};
        return print_report(invocation, &report);
}
