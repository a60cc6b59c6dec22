/* Policies against faults, in virtual time. */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/session.h"
#include "cli/simulate_replay.h"
#include "cli/simulate_report.h"
#include "policy/load.h"
#include "probes/probe.h"

enum { RUNS_MAX = 2 };
#define DURATION_STANDARD (30 * USEC_PER_DAY)
#define DURATION_MAX (36500 * USEC_PER_DAY)

struct session { /* everything of one call */
        const struct invocation *invocation;
        struct simulation_options options;
        struct fault_plan *plan;
        struct simulated runs[RUNS_MAX];
        size_t n_runs;
};

static void session_done(struct session *session) {
        for (size_t i = 0; i < session->n_runs; i++) {
                simulation_done(&session->runs[i].result);
                policy_free(session->runs[i].policy);
                strbuf_done(&session->runs[i].timeline);
                json_object_put(session->runs[i].events);
        }
        fault_plan_free(session->plan);
}

static int bad(const char *why) {
        session_complain("simulate: %s", why);
        return EXIT_USAGE;
}

static int take_options(const struct invocation *invocation, struct simulation_options *ret) {
        char *end = NULL;
        *ret = (struct simulation_options){
                .seed = 1, .duration = DURATION_STANDARD, .probes = probe_variants};
        if (invocation->duration &&
                (units_parse_duration(invocation->duration, &ret->duration) < 0 ||
                        ret->duration == 0 || ret->duration > DURATION_MAX)) {
                return bad("--for takes a duration such as 12h or 30d");
        }
        if (invocation->seed) {
                errno = 0;
                ret->seed = strtoull(invocation->seed, &end, 10);
                if (errno || *end || end == invocation->seed || invocation->seed[0] == '-') {
                        return bad("--seed takes a number");
                }
        }
        return EXIT_DONE;
}

/* The problems of a file go to standard error: standard output holds results only. */
static int complain_of(const struct problems *problems, int r) {
        AUTO_STRBUF struct strbuf text = {0}, clean = {0};
        problems_format(problems, &text);
        terminal_add_lines(&clean, strbuf_text(&text) ? strbuf_text(&text) : "out of memory\n");
        if (r < 0) {
                fputs(strbuf_text(&clean) ? strbuf_text(&clean) : "", stderr);
        }
        return r < 0 ? EXIT_NO : EXIT_DONE;
}

static int load_policy(struct session *session, const char *const *paths, size_t n) {
        AUTO(problems_done) struct problems problems = {0};
        struct simulated *run = &session->runs[session->n_runs++];
        struct policy_sources sources = {
                .config = session->invocation->config,
                .paths = paths,
                .n_paths = n,
                .probes = probe_variants,
        };
        run->title = paths[0];
        if (session->invocation->json && session->invocation->timeline) {
                run->events = json_object_new_array();
        }
        return complain_of(&problems, policy_load(&sources, &run->policy, &problems));
}

static int load_faults(struct session *session) {
        AUTO(problems_done) struct problems problems = {0};
        const char *path = session->invocation->faults;
        const struct policy *policy = session->runs[0].policy;
        int r = path ? fault_plan_load(path, policy, &session->plan, &problems)
                     : fault_plan_load_text("usual faults", fault_plan_usual,
                               strlen(fault_plan_usual), policy, &session->plan, &problems);
        return complain_of(&problems, r);
}

static int run_all(struct session *session) {
        struct error err = {0};
        for (size_t i = 0; i < session->n_runs; i++) {
                struct simulated *run = &session->runs[i];
                struct simulation_options options = session->options;
                options.tell = session->invocation->timeline ? simulate_report_tell : NULL;
                options.cookie = run;
                if (simulation_run(&run->result, run->policy, session->plan, &options, &err) < 0) {
                        return session_complain("%s", err.text);
                }
        }
        return EXIT_DONE;
}

static int report(const struct session *session) {
        const struct invocation *invocation = session->invocation;
        if (invocation->json) {
                AUTO_JSON struct json_object *json =
                        simulate_report_json(session->runs, session->n_runs, session->options.seed);
                return json ? session_print_json(json, EXIT_DONE)
                            : session_complain("out of memory");
        }
        AUTO_STRBUF struct strbuf out = {0};
        simulate_report_text(
                session->runs, session->n_runs, session->options.seed, &invocation->terminal, &out);
        return session_print(&out, EXIT_DONE);
}

static int replay(struct session *session) {
        const struct invocation *invocation = session->invocation;
        bool other = invocation->n_arguments > 0;
        if (invocation->faults || invocation->against || invocation->seed || invocation->duration ||
                invocation->timeline) {
                return bad("--replay goes with a policy and --json only");
        }
        int r = other ? load_policy(session, invocation->arguments, invocation->n_arguments)
                      : EXIT_DONE;
        return r == EXIT_DONE ? simulate_replay(invocation, other ? session->runs[0].policy : NULL)
                              : r;
}

int run_simulate(struct invocation *invocation) {
        AUTO(session_done) struct session session = {.invocation = invocation};
        if (invocation->replay) {
                return replay(&session);
        }
        if (invocation->n_arguments == 0) {
                return bad("name a policy, or a recording with --replay");
        }
        int r = take_options(invocation, &session.options);
        if (r == EXIT_DONE) {
                r = load_policy(&session, invocation->arguments, invocation->n_arguments);
        }
        if (r == EXIT_DONE && invocation->against) {
                r = load_policy(&session, &invocation->against, 1);
        }
        r = r == EXIT_DONE ? load_faults(&session) : r;
        r = r == EXIT_DONE ? run_all(&session) : r;
        return r == EXIT_DONE ? report(&session) : r;
}
