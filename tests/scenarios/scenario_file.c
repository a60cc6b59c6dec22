/* Reads a scenario: sections `policy:` and `script:`, each indented by two blanks. What stands in
 * front of them is for people, what stands under `decisions:` is what test_scenarios.py compares
 * with. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/load.h"
#include "tests/scenarios/scenario.h"
#include "tests/unit/fake_probes.h"

static int read_file(const char *path, char **ret, struct error *err) {
        AUTO_FCLOSE FILE *f = fopen(path, "re");
        if (!f) {
                return error_set_errno(err, errno, "cannot open %s", path);
        }
        AUTO_FREE char *text = calloc(1, SCENARIO_FILE_MAX + 1);
        if (!text) {
                return error_set(err, ENOMEM, "out of memory");
        }
        size_t length = fread(text, 1, SCENARIO_FILE_MAX, f);
        if (ferror(f) || length == SCENARIO_FILE_MAX) {
                return error_set(err, EINVAL, "%s is too large or cannot be read", path);
        }
        *ret = TAKE_PTR(text);
        return 0;
}

/* The lines under `heading`, without their indentation. */
static void section(const char *text, const char *heading, struct strbuf *out) {
        bool inside = false;
        while (*text) {
                size_t length = strcspn(text, "\n");
                bool indented = str_starts(text, "  ");
                if (inside && (indented || length == 0)) {
                        strbuf_add_bytes(
                                out, text + (indented ? 2 : 0), length - (indented ? 2 : 0));
                        strbuf_add_char(out, '\n');
                } else {
                        inside = length == strlen(heading) && memcmp(text, heading, length) == 0;
                }
                text += length + (text[length] == '\n');
        }
}

static int load_policy(const char *text, struct policy **ret, struct error *err) {
        AUTO(problems_done) struct problems problems = {0};
        int r = policy_load_text("policy", text, strlen(text), fake_probes, ret, &problems);
        if (r < 0) { /* what is only unwise may be what the scenario is about */
                AUTO_STRBUF struct strbuf out = {0};
                problems_format(&problems, &out);
                return error_set(err, -r, "%s", strbuf_text(&out));
        }
        return 0;
}

int scenario_load(const char *path, struct scenario *ret, struct error *err) {
        AUTO_FREE char *text = NULL;
        AUTO_STRBUF struct strbuf policy = {0}, script = {0};
        memset(ret, 0, sizeof(*ret));
        int r = read_file(path, &text, err);
        if (r < 0 || !text) {
                return r;
        }
        section(text, "policy:", &policy);
        section(text, "script:", &script);
        if (policy.failed || script.failed) {
                return error_set(err, ENOMEM, "out of memory");
        }
        r = load_policy(strbuf_text(&policy), &ret->policy, err);
        if (r < 0) {
                return r;
        }
        return script_parse(strbuf_text(&script), ret->policy, ret, err);
}

void scenario_done(struct scenario *scenario) {
        policy_free(scenario->policy);
        scenario->policy = NULL;
}
