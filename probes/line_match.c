#include "probes/line_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/text_pattern.h"

struct line_match {
        char *contains; /* NULL: not asked for, as the others */
        struct pattern *matches, *ignore;
};

static void check_pattern(struct schema_report *report, const char *key, const char *pattern) {
        char why[PATTERN_WHY_MAX];
        if (pattern && pattern_check(pattern, why) < 0) {
                schema_complain(report, key, "%s", why);
        }
}

void line_match_check(const struct line_match_params *params, struct schema_report *report) {
        if (params->contains && !*params->contains) {
                schema_complain(report, "contains", "an empty text is always contained");
        }
        check_pattern(report, "matches", params->matches);
        check_pattern(report, "ignore", params->ignore);
}

const char *line_match_format(
        const struct line_match_params *params, char text[LINE_MATCH_TEXT_MAX]) {
        *text = '\0';
        if (params->contains) {
                snprintf(text, LINE_MATCH_TEXT_MAX, "with \"%.40s\"", params->contains);
        } else if (params->matches) {
                snprintf(text, LINE_MATCH_TEXT_MAX, "matching \"%.40s\"", params->matches);
        }
        return text;
}

DEFINE_CLEANUP(cleanup_match, struct line_match, line_match_free)

static int compile(const char *text, struct pattern **ret) {
        *ret = text ? pattern_new(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

struct line_match *line_match_new(const struct line_match_params *params) {
        AUTO(cleanup_match) struct line_match *match = calloc(1, sizeof(*match));
        if (!match || (params->contains && !(match->contains = strdup(params->contains))) ||
                compile(params->matches, &match->matches) < 0 ||
                compile(params->ignore, &match->ignore) < 0) {
                return NULL;
        }
        return TAKE_PTR(match);
}

void line_match_free(struct line_match *match) {
        if (match) {
                free(match->contains);
                pattern_free(match->matches);
                pattern_free(match->ignore);
                free(match);
        }
}

bool line_match_test(const struct line_match *match, const char *line, size_t length) {
        if (match->contains && !memmem(line, length, match->contains, strlen(match->contains))) {
                return false;
        }
        return (!match->matches || pattern_find(match->matches, line, length) == 1) &&
               (!match->ignore || pattern_find(match->ignore, line, length) != 1);
}
