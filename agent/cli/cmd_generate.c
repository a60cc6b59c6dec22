/* The generated references: each is written from the tables that drive the program. */

#include "base/cleanup.h"
#include "cli/session.h"
#include "cli/state_machine_page.h"
#include "policy/reference.h"
#include "probes/probe.h"

static int write_reference(struct strbuf *out) {
        return reference_write(probe_variants, out);
}

static int write_schema(struct strbuf *out) {
        return json_schema_write(probe_variants, out);
}

static int write_state_machine(struct strbuf *out) {
        state_machine_page(out);
        return 0;
}

static const struct {
        const char *name;
        int (*write)(struct strbuf *out);
} documents[] = {
        {"policy-reference", write_reference},
        {"json-schema", write_schema},
        {"state-machine", write_state_machine},
};

int run_generate(struct invocation *invocation) {
        AUTO_STRBUF struct strbuf out = {0};
        const char *name = invocation->arguments[0];
        for (size_t i = 0; i < ELEMENTSOF(documents); i++) {
                if (str_eq(documents[i].name, name)) {
                        int r = documents[i].write(&out);
                        return r < 0 ? session_complain("%s", strerror(-r))
                                     : session_print(&out, EXIT_DONE);
                }
        }
        session_complain("generate knows %s, not '%.60s'", invocation->command->arguments, name);
        return EXIT_USAGE;
}
