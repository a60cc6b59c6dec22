/* init: policies for what runs on this host, from the library that recoverd brings along. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/init_plan.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "policy/load.h"
#include "policy/problems.h"
#include "probes/probe.h"

DEFINE_CLEANUP(cleanup_policy, struct policy, policy_free)

#define STANDARD_CONFIG RECOVERD_SYSCONFDIR "/recoverd.yaml"
#define STANDARD_POLICIES RECOVERD_SYSCONFDIR "/policies.d"

struct init {
        const struct invocation *invocation;
        const char *from, *to;
        bool systemd; /* it was asked */
        bool host_observes; /* the configuration of the agent says so */
        struct found_services found;
        struct plans plans;
};

/* ---- Before anything is done ---- */

static int check_library(const char *from) {
        struct stat status;
        if (stat(from, &status) == 0) {
                return EXIT_DONE;
        }
        session_complain(
                "%s: %s: the policies that recoverd brings along are not there; is the package "
                "recoverd-policies installed? --from names another folder",
                from, strerror(errno));
        return EXIT_USAGE;
}

static int check_target(const char *to) {
        struct stat status;
        int r = stat(to, &status);
        if (r == 0 && S_ISDIR(status.st_mode)) {
                return EXIT_DONE;
        }
        session_complain("%s: %s: make it first, or name another folder with --to", to,
                r < 0 ? strerror(errno) : "it is not a folder");
        return EXIT_USAGE;
}

static int complain_unknown(const char *name) {
        const char *near = problems_nearest(
                name, &known_services->name, n_known_services, sizeof(*known_services));
        session_complain("there is no policy for '%.64s' in the library%s%s%s", name,
                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        return EXIT_USAGE;
}

/* NULL when it has errors: what it manages is not known then. */
static struct policy *load_present(const char *to) {
        const char *const paths[] = {to};
        bool standard = str_eq(to, STANDARD_POLICIES) && access(STANDARD_CONFIG, F_OK) == 0;
        struct policy_sources sources = {.config = standard ? STANDARD_CONFIG : NULL,
                .paths = paths,
                .n_paths = ELEMENTSOF(paths),
                .probes = probe_variants};
        AUTO(problems_done) struct problems problems = {0};
        struct policy *present = NULL;
        if (access(to, F_OK) == 0 && policy_load(&sources, &present, &problems) < 0) {
                session_complain(
                        "the policies in %s have errors (recoverctl check), so which units they have is not known",
                        to);
        }
        return present;
}

/* ---- What to write ---- */

static bool is_wanted(const struct invocation *invocation, const char *name) {
        for (size_t i = 0; i < invocation->n_arguments; i++) {
                if (str_eq(invocation->arguments[i], name)) {
                        return true;
                }
        }
        return invocation->n_arguments == 0;
}

/* Of what was found, what was asked for; and what was asked for and not found, as the library has
 * it. */
static void choose(struct init *init) {
        struct found_services chosen = {0};
        for (size_t i = 0; i < init->found.count; i++) {
                if (is_wanted(init->invocation, init->found.items[i].known->name)) {
                        chosen.items[chosen.count++] = init->found.items[i];
                }
        }
        for (size_t i = 0; i < init->invocation->n_arguments; i++) {
                const struct known_service *known =
                        known_service_find(init->invocation->arguments[i]);
                bool there = false;
                for (size_t k = 0; k < chosen.count; k++) {
                        there = there || chosen.items[k].known == known;
                }
                if (!there && chosen.count < FOUND_MAX) {
                        chosen.items[chosen.count++] =
                                (struct found_service){.known = known, .state = "not found"};
                }
        }
        init->found = chosen;
}

static int find(struct init *init) {
        struct error error = {0};
        int r = find_units(&init->found, &error);
        init->systemd = r == 0;
        if (r < 0 && r != -ENODEV) {
                return session_complain("%s", error.text);
        }
        if (r == -ENODEV) {
                find_processes(&init->found);
        }
        choose(init);
        return EXIT_DONE;
}

/* ---- The report ---- */

static void put_ports(const struct found_service *found, struct text_table *table) {
        AUTO_STRBUF struct strbuf ports = {0};
        for (size_t i = 0; i < found->n_ports; i++) {
                strbuf_addf(&ports, "%s%u", i ? ", " : "", found->ports[i]);
        }
        text_table_add(table, strbuf_text(&ports) ? strbuf_text(&ports) : "", PAINT_NONE);
}

static void put_table(const struct init *init, struct strbuf *out) {
        static const char *const headers[] = {
                "FOUND", "UNIT", "STATE", "LISTENS AT", "POLICY", "RESULT", "NOTE"};
        AUTO_TEXT_TABLE struct text_table table = {0};
        text_table_init(&table, headers, ELEMENTSOF(headers));
        for (size_t i = 0; i < init->plans.count; i++) {
                const struct plan *plan = &init->plans.items[i];
                text_table_add(&table, plan->found->known->name, PAINT_NONE);
                text_table_add(&table, plan->found->unit, PAINT_NONE);
                text_table_add(&table, plan->found->state, PAINT_NONE);
                put_ports(plan->found, &table);
                text_table_addf(&table, "%s.yaml", plan->name);
                text_table_add(&table, plan_result_text(plan->result),
                        plan->result == PLAN_FAILED    ? PAINT_BAD
                        : plan->result == PLAN_WRITTEN ? PAINT_GOOD
                                                       : PAINT_NONE);
                text_table_add(&table, plan->note, PAINT_DIM);
        }
        text_table_render(&table, &init->invocation->terminal, out);
}

static size_t count_results(const struct init *init, enum plan_result result) {
        size_t n = 0;
        for (size_t i = 0; i < init->plans.count; i++) {
                n += init->plans.items[i].result == result;
        }
        return n;
}

static void put_next_step(const struct init *init, struct strbuf *out) {
        bool standard = str_eq(init->to, STANDARD_POLICIES);
        strbuf_addf(out,
                "\nNext: read them, then\n"
                "  recoverctl check%s%s\n"
                "  systemctl reload recoverd\n"
                "  recoverctl status\n"
                "Nothing is acted upon yet: 'recoverctl why SERVICE' says what would be done. To act, delete the line\n"
                "'mode: observe' in %s, and reload again.\n",
                standard ? "" : " ", standard ? "" : init->to,
                init->host_observes ? STANDARD_CONFIG " (the whole host)"
                                    : "a policy (that service)");
}

static void put_report(const struct init *init, struct strbuf *out) {
        put_table(init, out);
        strbuf_addf(out, "\n%zu written to %s, %zu left alone, %zu failed.\n",
                count_results(init, PLAN_WRITTEN), init->to,
                count_results(init, PLAN_EXISTS) + count_results(init, PLAN_MANAGED),
                count_results(init, PLAN_FAILED));
        if (count_results(init, PLAN_WRITTEN) > 0) {
                put_next_step(init, out);
        }
}

static struct json_object *plan_json(const struct init *init, const struct plan *plan) {
        AUTO_JSON struct json_object *object = json_object_new_object();
        struct json_object *ports = json_object_new_array();
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s.yaml", init->to, plan->name);
        for (size_t i = 0; ports && i < plan->found->n_ports; i++) {
                json_object_array_add(ports, json_object_new_int(plan->found->ports[i]));
        }
        if (!object || session_put(object, "ports", ports) < 0 ||
                session_put(object, "found", json_object_new_string(plan->found->known->name)) <
                        0 ||
                session_put(object, "unit", json_object_new_string(plan->found->unit)) < 0 ||
                session_put(object, "state", json_object_new_string(plan->found->state)) < 0 ||
                session_put(object, "service", json_object_new_string(plan->name)) < 0 ||
                session_put(object, "path", json_object_new_string(path)) < 0 ||
                session_put(object, "result",
                        json_object_new_string(plan_result_text(plan->result))) < 0 ||
                session_put(object, "note", json_object_new_string(plan->note)) < 0) {
                return NULL;
        }
        return TAKE_PTR(object);
}

static int print_json(const struct init *init, int status) {
        AUTO_JSON struct json_object *object = json_object_new_object();
        struct json_object *list = json_object_new_array();
        for (size_t i = 0; list && i < init->plans.count; i++) {
                json_object_array_add(list, plan_json(init, &init->plans.items[i]));
        }
        if (!object || session_put(object, "systemd", json_object_new_boolean(init->systemd)) < 0 ||
                session_put(object, "services", list) < 0) {
                return session_complain("out of memory");
        }
        return session_print_json(object, status);
}

/* ---- When there is nothing to write ---- */

static void add_library(struct strbuf *out) {
        for (const struct known_service *known = known_services; known->name; known++) {
                strbuf_addf(out, "%s%s", known == known_services ? "" : ", ", known->name);
        }
}

static int say_nothing_found(const struct init *init) {
        AUTO_STRBUF struct strbuf library = {0};
        if (init->invocation->json) {
                return print_json(init, EXIT_NO);
        }
        add_library(&library);
        return session_complain(
                "nothing runs here that the library has a policy for. It has %s; 'recoverctl init NAME' "
                "writes one all the same",
                strbuf_text(&library) ? strbuf_text(&library) : "");
}

/* The policies of the library are for units; what runs without systemd is only told. */
static int say_no_systemd(const struct init *init) {
        AUTO_STRBUF struct strbuf out = {0};
        if (init->invocation->json) {
                return print_json(init, EXIT_NO);
        }
        for (size_t i = 0; i < init->found.count; i++) {
                const struct found_service *found = &init->found.items[i];
                strbuf_addf(&out, "%s runs here: pid %d", found->known->name, found->pid);
                for (size_t k = 0; k < found->n_ports; k++) {
                        strbuf_addf(&out, "%s%u", k ? ", " : ", listens at port ", found->ports[k]);
                }
                strbuf_add(&out, "\n");
        }
        session_print(&out, EXIT_NO);
        return session_complain(
                "systemd does not run here, and the policies of the library are for its units: nothing was "
                "written. 'recoverctl init --dry-run NAME' shows one to begin with: put 'command:' or 'scripts:' in place of its 'unit:'");
}

/* ---- The command ---- */

static int carry_out(struct init *init) {
        AUTO(cleanup_policy) struct policy *present = load_present(init->to);
        AUTO_STRBUF struct strbuf texts = {0}, report = {0};
        bool dry = init->invocation->dry_run;
        const struct plan_folders folders = {init->from, init->to, present};
        init->host_observes = present && present->agent.mode == MODE_OBSERVE;
        plans_make(&init->found, &init->plans);
        for (size_t i = 0; i < init->plans.count; i++) {
                plan_carry_out(&init->plans.items[i], &folders, dry ? &texts : NULL);
        }
        int status = count_results(init, PLAN_FAILED) > 0 ? EXIT_NO : EXIT_DONE;
        if (init->invocation->json) {
                return print_json(init, status);
        }
        put_report(init, &report);
        if (!dry) {
                return session_print(&report, status);
        }
        fputs(strbuf_text(&report) ? strbuf_text(&report) : "",
                stderr); /* the files alone can be piped on */
        return session_print(&texts, status);
}

int run_init(struct invocation *invocation) {
        AUTO_FREE struct init *init = calloc(1, sizeof(*init));
        if (!init) {
                return session_complain("out of memory");
        }
        *init = (struct init){.invocation = invocation,
                .from = invocation->from ? invocation->from : RECOVERD_SHARE "/policies",
                .to = invocation->to ? invocation->to : STANDARD_POLICIES};
        for (size_t i = 0; i < invocation->n_arguments; i++) {
                if (!known_service_find(invocation->arguments[i])) {
                        return complain_unknown(invocation->arguments[i]);
                }
        }
        int r = check_library(init->from);
        if (r != EXIT_DONE || (!invocation->dry_run && (r = check_target(init->to)) != EXIT_DONE) ||
                (r = find(init)) != EXIT_DONE) {
                return r;
        }
        if (!init->systemd && invocation->n_arguments == 0) {
                return say_no_systemd(init);
        }
        return init->found.count == 0 ? say_nothing_found(init) : carry_out(init);
}
