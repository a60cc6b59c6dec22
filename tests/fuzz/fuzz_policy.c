/* Policy files from a hostile author: whatever the bytes, the loader returns a policy that keeps
 * its promises, or problems that can be printed, within bounded time and memory. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/str.h"
#include "policy/diff.h"
#include "policy/load.h"
#include "probes/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What everyone who uses a policy relies on. */
static void check_service(const struct policy *policy, const struct service *service) {
        assert(policy_service(policy, service->name) == service);
        assert(strlen(service->name) <= POLICY_NAME_MAX);
        assert(service->n_probes > 0 && service->n_probes <= POLICY_PROBES_MAX + 1);
        assert(service->require >= 1 && service->require <= service->n_probes);
        assert(service->n_steps <= POLICY_STEPS_MAX);
        assert(service->budget.actions <= POLICY_BUDGET_MAX && service->budget.per > 0);
        assert((service->manager == MANAGER_COMMAND) == (service->command != NULL));
        assert((service->manager == MANAGER_UNIT) == (service->unit != NULL));
        assert((service->manager == MANAGER_SCRIPTS) == (service->scripts != NULL));
        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_spec *probe = &service->probes[i];
                assert(probe->name && probe->params && probe->type >= 0);
                assert(probe->fall > 0 && probe->rise > 0 && probe->interval > 0);
                assert(probe->timeout > 0 && probe->timeout <= probe->interval);
                assert(probe->fast_interval > 0 && probe->fast_interval <= probe->interval);
        }
        for (uint32_t i = 0; i < service->n_depends_on; i++) {
                assert(policy->services[service->depends_on[i]].depth < service->depth);
        }
}

static void check_policy(const struct policy *policy) {
        struct policy_diff diff;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                check_service(policy, &policy->services[i]);
        }
        if (policy_diff(policy, policy, &diff) == 0) {
                assert(diff.n_same == policy->n_services && diff.count == policy->n_services);
                policy_diff_done(&diff);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct problems problems = {0};
        struct strbuf text = {0};
        struct policy *policy = NULL;

        int r = policy_load_text(
                "fuzz.yaml", (const char *) data, size, probe_variants, &policy, &problems);
        assert((r == 0) == (policy != NULL));
        assert(r != -EINVAL || problems.errors > 0);
        problems_format(&problems, &text);
        if (policy) {
                check_policy(policy);
        }
        policy_free(policy);
        problems_done(&problems);
        strbuf_done(&text);
        return 0;
}
