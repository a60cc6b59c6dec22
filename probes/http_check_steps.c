/* What the loader asks about the steps of an HTTP probe, and the values that they hand on. */

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/http_capture.h"
#include "probes/http_json.h"
#include "probes/http_params.h"
#include "probes/http_template.h"
#include "probes/text_pattern.h"

enum { SIMILAR = 2 }; /* letters that a mistyped name may differ in */

/* ---- one capture ---- */

static void check_sources(const struct http_capture *capture, struct schema_report *report) {
        int sources = (capture->json != NULL) + (capture->header != NULL) +
                      (capture->matches != NULL) + (capture->cookie != NULL);
        if (sources != 1) {
                schema_complain(
                        report, NULL, "exactly one of json, header, matches and cookie is needed");
        }
}

static void check_group(const char *pattern, struct schema_report *report) {
        char why[PATTERN_WHY_MAX];
        if (pattern_check(pattern, why) < 0) {
                schema_complain(report, "matches", "%s", why);
        } else if (pattern_groups(pattern) != 1) {
                schema_complain(report, "matches",
                        "exactly one group in parentheses is needed, for the value; (?:...) is for "
                        "others");
        }
}

void http_check_capture(const void *object, struct schema_report *report) {
        const struct http_capture *capture = object;
        char why[SCHEMA_WHY_MAX];
        if (!http_is_name(capture->name)) {
                schema_complain(report, NULL,
                        "'%.60s' is not a name: at most %d letters, digits and _, not beginning "
                        "with a digit",
                        capture->name, HTTP_NAME_MAX);
        }
        check_sources(capture, report);
        if (capture->json && http_json_check_pointer(capture->json, why) < 0) {
                schema_complain(report, "json", "%s", why);
        }
        if (capture->header && !http_is_token(capture->header)) {
                schema_complain(
                        report, "header", "'%s' is not the name of a header", capture->header);
        }
        if (capture->cookie && !http_is_token(capture->cookie)) {
                schema_complain(
                        report, "cookie", "'%s' is not the name of a cookie", capture->cookie);
        }
        if (capture->matches) {
                check_group(capture->matches, report);
        }
}

/* ---- one step ---- */

static void check_target(const struct http_step *step, struct schema_report *report) {
        char host[HTTP_HOST_MAX + 1], why[SCHEMA_WHY_MAX];
        if (!step->url == !step->path) {
                schema_complain(report, NULL, "either url or path is needed");
        } else if (step->url && http_check_url(step->url, host, why) < 0) {
                schema_complain(report, "url", "%s", why);
        } else if (step->path && *step->path != '/') {
                schema_complain(report, "path", "a path begins with /");
        } else if (step->path &&
                   (!http_is_url_text(step->path) || strlen(step->path) > HTTP_URL_MAX)) {
                schema_complain(report, "path",
                        "a path has at most 2048 bytes, and no blanks and no bytes outside ASCII; "
                        "write them as %%20 and the like");
        }
}

void http_check_step(const void *object, struct schema_report *report) {
        const struct http_step *step = object;
        const struct http_expect *expect = step->exchange.expect;
        check_target(step, report);
        http_check_exchange(&step->exchange, true, report);
        if (str_empty(step->name) || strlen(step->name) > HTTP_NAME_MAX) {
                schema_complain(report, "name", "a name has 1 to %d bytes", HTTP_NAME_MAX);
        }
        if (str_eq(step->exchange.method, "HEAD") && http_captures_body(step)) {
                schema_complain(report, "capture", "the answer to HEAD has no body to search");
        }
        if (expect && expect->certificate > 0 && step->url && !http_url_is_tls(step->url)) {
                schema_complain(
                        report, "expect", "certificate needs a url that begins with https://");
        }
}

/* ---- names in the texts of a step ---- */

/* The names that steps before have captured, and where to complain. */
struct known {
        const char *names[HTTP_VALUES_MAX];
        unsigned count;
        struct schema_report *report;
        const struct http_step *step; /* that is looked at */
};

static bool is_known(const struct known *known, const char *name) {
        for (unsigned i = 0; i < known->count; i++) {
                if (str_eq(known->names[i], name)) {
                        return true;
                }
        }
        return false;
}

static const char *similar_name(const struct known *known, const char *name) {
        const char *best = NULL;
        size_t least = SIMILAR + 1;
        for (unsigned i = 0; i < known->count; i++) {
                size_t distance = str_distance(known->names[i], name);
                if (distance < least) {
                        least = distance;
                        best = known->names[i];
                }
        }
        return best;
}

static void complain_of_name(const struct known *known, const char *name) {
        const char *similar = similar_name(known, name);
        schema_complain(known->report, "steps",
                "step %s: no step before it captures ${%s}%s%s%s; write $${ for a literal ${",
                known->step->name, name, similar ? ", did you mean ${" : "", similar ? similar : "",
                similar ? "}?" : "");
}

static void check_text(const struct known *known, const char *text) {
        const char *name;
        size_t length;
        while (text && (text = http_template_next(text, &name, &length))) {
                char copy[HTTP_NAME_MAX + 1] = "";
                memcpy(copy, name, length);
                if (!is_known(known, copy)) {
                        complain_of_name(known, copy);
                }
        }
}

static void check_texts(const struct known *known) {
        const struct http_step *step = known->step;
        check_text(known, step->url);
        check_text(known, step->path);
        check_text(known, step->exchange.body);
        for (uint32_t i = 0; i < step->exchange.headers.count; i++) {
                check_text(known, step->exchange.headers.items[i].value);
        }
}

static void learn_captures(struct known *known) {
        const struct http_capture *captures = known->step->capture.items;
        for (uint32_t i = 0; i < known->step->capture.count; i++) {
                if (is_known(known, captures[i].name)) {
                        continue;
                }
                if (known->count == HTTP_VALUES_MAX) {
                        schema_complain(known->report, "steps", "at most %d captured values",
                                HTTP_VALUES_MAX);
                        return;
                }
                known->names[known->count++] = captures[i].name;
        }
}

/* ---- all of them ---- */

static void check_alone(const struct http_params *params, struct schema_report *report) {
        if (params->exchange.body || params->exchange.expect ||
                !str_eq(params->exchange.method, "GET")) {
                schema_complain(report, "steps",
                        "with steps, method, body and expect stand in each step and not beside "
                        "them");
        }
}

static void check_name_is_unique(
        const struct http_step *steps, uint32_t n, struct schema_report *report) {
        for (uint32_t i = 0; i < n; i++) {
                if (str_eq(steps[i].name, steps[n].name)) {
                        schema_complain(
                                report, "steps", "two steps have the name %s", steps[n].name);
                }
        }
}

void http_check_steps(const struct http_params *params, struct schema_report *report) {
        const struct http_step *steps = params->steps.items;
        struct known known = {.report = report};
        if (params->steps.count == 0) {
                return;
        }
        check_alone(params, report);
        if (params->steps.count > HTTP_STEPS_MAX) {
                schema_complain(report, "steps", "at most %d steps", HTTP_STEPS_MAX);
                return;
        }
        for (uint32_t i = 0; i < params->steps.count; i++) {
                known.step = &steps[i];
                check_name_is_unique(steps, i, report);
                check_texts(&known);
                learn_captures(&known);
                if (steps[i].exchange.headers.count + params->exchange.headers.count >
                        HTTP_HEADERS_MAX) {
                        schema_complain(report, "steps", "step %s: at most %d headers",
                                steps[i].name, HTTP_HEADERS_MAX);
                }
        }
}
