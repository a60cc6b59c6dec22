#include "probes/text_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Anchored at the start of the text (\`), so that regexec does not begin anew at each byte; [^\n]
 * matches a NUL, which . does not. */
static int compile(const char *pattern, regex_t *ret) {
        char anchored[PATTERN_MAX + 32];
        snprintf(anchored, sizeof(anchored), "\\`([^\n]|\n)*(%s)", pattern);
        return regcomp(ret, anchored, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
}

static bool has_back_reference(const char *pattern) {
        for (const char *p = strchr(pattern, '\\'); p && p[1]; p = strchr(p + 2, '\\')) {
                if (isdigit((unsigned char) p[1])) {
                        return true;
                }
        }
        return false;
}

/* A brace that is no repetition counts as none. */
static bool repeats_too_much(const char *pattern) {
        unsigned long product = 1;
        for (const char *p = strchr(pattern, '{'); p; p = strchr(p + 1, '{')) {
                char *end;
                unsigned long most = strtoul(p + 1, &end, 10);
                if (*end == ',' && isdigit((unsigned char) end[1])) {
                        most = strtoul(end + 1, NULL, 10);
                }
                product *= most > 1 ? most : 1;
                if (most > PATTERN_REPEAT_MAX || product > PATTERN_REPEAT_MAX) {
                        return true;
                }
        }
        return false;
}

/* The pattern by itself, so that an unbalanced one cannot lean on the parentheses around it. */
static int compile_bare(const char *pattern, char why[PATTERN_WHY_MAX]) {
        regex_t regex;
        int code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
        if (code != 0) {
                char reason[PATTERN_WHY_MAX - 32];
                regerror(code, &regex, reason, sizeof(reason));
                snprintf(why, PATTERN_WHY_MAX, "bad regular expression: %s", reason);
                return -EINVAL;
        }
        regfree(&regex);
        return 0;
}

int pattern_check(const char *pattern, char why[PATTERN_WHY_MAX]) {
        if (strlen(pattern) > PATTERN_MAX) {
                snprintf(why, PATTERN_WHY_MAX, "a regular expression has at most %d bytes",
                        PATTERN_MAX);
        } else if (has_back_reference(pattern)) {
                snprintf(why, PATTERN_WHY_MAX,
                        "back-references such as \\1 are not supported, they take exponential time");
        } else if (repeats_too_much(pattern)) {
                snprintf(why, PATTERN_WHY_MAX, "repetitions multiply to more than %d",
                        PATTERN_REPEAT_MAX);
        } else {
                return compile_bare(pattern, why);
        }
        return -EINVAL;
}

int pattern_search(const char *pattern, const char *text, size_t length) {
        regex_t regex;
        if (compile(pattern, &regex) != 0) {
                return -ENOMEM; /* a checked pattern fails for nothing else */
        }
        size_t searched = length < PATTERN_SEARCHED ? length : PATTERN_SEARCHED;
        regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t) searched};
        int code = regexec(&regex, text, 1, &range, REG_STARTEND);
        regfree(&regex);
        return code == 0 ? 1 : code == REG_NOMATCH ? 0 : -ENOMEM;
}
