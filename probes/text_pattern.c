#include "probes/text_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/cleanup.h"
#include "base/str.h"

DEFINE_CLEANUP(cleanup_code, pcre2_code, pcre2_code_free)
DEFINE_CLEANUP(cleanup_context, pcre2_compile_context, pcre2_compile_context_free)

/* Bytes, not characters: what comes from outside need not be UTF-8. No repeat is made possessive,
 * as the library does on its own where it can: what is never gone back over is never counted. */
static pcre2_code *compile(const char *pattern, int *ret_code, size_t *ret_offset) {
        const uint32_t options = PCRE2_ANCHORED | PCRE2_MULTILINE | PCRE2_NEVER_UTF |
                                 PCRE2_NEVER_UCP | PCRE2_NO_AUTO_POSSESS;
        AUTO(cleanup_context) pcre2_compile_context *context = pcre2_compile_context_create(NULL);
        if (!context) {
                *ret_code = PCRE2_ERROR_NOMEMORY;
                return NULL;
        }
        (void) pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        return pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED, options, ret_code,
                ret_offset, context);
}

/* The library counts its steps anew for each place where a search may begin. So it gets one place,
 * and the way to the others is part of the pattern. */
static pcre2_code *compile_search(const char *pattern) {
        char search[PATTERN_MAX + 32];
        int code;
        size_t offset;
        (void) snprintf(search, sizeof(search), "(?s:.*?)(?:%s)", pattern);
        return compile(search, &code, &offset);
}

/* ---- what a policy may use ---- */

/* What takes work that the library does not count. */
static const struct {
        const char *start, *name;
} refused_groups[] = {
        {"(?=", "a look-ahead"},
        {"(?!", "a look-ahead"},
        {"(?<=", "a look-behind"},
        {"(?<!", "a look-behind"},
        {"(?>", "an atomic group"},
        {"(?P=", "a back-reference"},
        {"(?(", "a condition"},
        {"(?C", "a callout"},
        {"(*", "a verb"},
};

static const char *refused_group(const char *p) {
        for (size_t i = 0; i < ELEMENTSOF(refused_groups); i++) {
                if (str_starts(p, refused_groups[i].start)) {
                        return refused_groups[i].name;
                }
        }
        return NULL;
}

/* Behind a class such as [^]a[:digit:]]; NULL when it does not end. */
static const char *skip_class(const char *p) {
        p += p[1] == '^' ? 2 : 1;
        for (p += *p == ']'; *p && *p != ']'; p++) {
                if (*p == '\\' && p[1]) {
                        p++;
                } else if (*p == '[' && p[1] == ':') {
                        const char *end = strstr(p, ":]");
                        p = end ? end + 1 : p;
                }
        }
        return *p ? p + 1 : NULL;
}

/* What of the pattern is refused, at *ret; NULL: nothing. */
static const char *refused_part(const char *pattern, const char **ret) {
        const char *p = pattern;
        while (p && *p) {
                *ret = p;
                if (*p == '\\' && p[1]) {
                        if (strchr("123456789gk", p[1])) {
                                return "a back-reference";
                        }
                        p += 2;
                } else if (*p == '[') {
                        p = skip_class(p);
                } else if (*p == '(' && refused_group(p)) {
                        return refused_group(p);
                } else if (strchr("*+?}", *p) && p[1] == '+') {
                        return "a possessive repeat";
                } else {
                        p++;
                }
        }
        return NULL;
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

static int complain(char why[PATTERN_WHY_MAX], int code, size_t offset) {
        char reason[PATTERN_WHY_MAX - 64] = "";
        (void) pcre2_get_error_message(code, (PCRE2_UCHAR *) reason, sizeof(reason));
        snprintf(why, PATTERN_WHY_MAX, "bad regular expression, after %zu bytes: %s", offset,
                reason);
        return -EINVAL;
}

int pattern_check(const char *pattern, char why[PATTERN_WHY_MAX]) {
        int code = 0;
        size_t offset = 0;
        const char *where = pattern;
        if (strlen(pattern) > PATTERN_MAX) {
                snprintf(why, PATTERN_WHY_MAX, "a regular expression has at most %d bytes",
                        PATTERN_MAX);
                return -EINVAL;
        }
        if (repeats_too_much(pattern)) {
                snprintf(why, PATTERN_WHY_MAX, "repetitions multiply to more than %d",
                        PATTERN_REPEAT_MAX);
                return -EINVAL;
        }
        AUTO(cleanup_code) pcre2_code *bare = compile(pattern, &code, &offset);
        if (!bare) {
                return complain(why, code, offset);
        }
        const char *refused = refused_part(pattern, &where);
        AUTO(cleanup_code) pcre2_code *search = refused ? NULL : compile_search(pattern);
        if (!search) {
                snprintf(why, PATTERN_WHY_MAX,
                        "%s is not supported (\"%.16s\"): its work could not be limited",
                        refused ? refused : "an open quotation or comment", where);
                return -EINVAL;
        }
        return 0;
}

/* ---- searching ---- */

unsigned pattern_groups(const char *pattern) {
        int code;
        size_t offset;
        uint32_t groups = 0;
        AUTO(cleanup_code) pcre2_code *compiled = compile(pattern, &code, &offset);
        if (compiled) {
                (void) pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
        }
        return groups;
}

static pcre2_match_context *make_limits(void) {
        pcre2_match_context *limits = pcre2_match_context_create(NULL);
        if (limits) {
                (void) pcre2_set_match_limit(limits, PATTERN_STEPS_MAX);
                (void) pcre2_set_heap_limit(limits, PATTERN_HEAP_KIB);
        }
        return limits;
}

struct pattern {
        pcre2_code *code;
        pcre2_match_context *limits;
        pcre2_match_data *data;
};

void pattern_free(struct pattern *pattern) {
        if (pattern) {
                pcre2_match_data_free(pattern->data);
                pcre2_match_context_free(pattern->limits);
                pcre2_code_free(pattern->code);
                free(pattern);
        }
}

DEFINE_CLEANUP(cleanup_pattern, struct pattern, pattern_free)

struct pattern *pattern_new(const char *text) {
        AUTO(cleanup_pattern) struct pattern *pattern = calloc(1, sizeof(*pattern));
        if (!pattern) {
                return NULL;
        }
        pattern->code = compile_search(text);
        pattern->limits = make_limits();
        pattern->data =
                pattern->code ? pcre2_match_data_create_from_pattern(pattern->code, NULL) : NULL;
        return pattern->data && pattern->limits ? TAKE_PTR(pattern) : NULL;
}

/* Negative codes of pcre2_match(). */
static int failure(int code) {
        switch (code) {
        case PCRE2_ERROR_NOMATCH:
                return 0;
        case PCRE2_ERROR_MATCHLIMIT:
        case PCRE2_ERROR_HEAPLIMIT:
                return -E2BIG;
        default:
                return -ENOMEM; /* a checked pattern fails for nothing else */
        }
}

int pattern_find(struct pattern *pattern, const char *text, size_t length) {
        size_t searched = length < PATTERN_SEARCHED ? length : PATTERN_SEARCHED;
        int n = pcre2_match(
                pattern->code, (PCRE2_SPTR) text, searched, 0, 0, pattern->data, pattern->limits);
        return n < 0 ? failure(n) : 1;
}

static struct pattern_piece first_group(const struct pattern *pattern, const char *text) {
        const size_t *ends = pcre2_get_ovector_pointer(pattern->data);
        if (pcre2_get_ovector_count(pattern->data) < 2 || ends[2] == PCRE2_UNSET) {
                return (struct pattern_piece){text, 0};
        }
        return (struct pattern_piece){text + ends[2], ends[3] - ends[2]};
}

int pattern_search(
        const char *pattern, const char *text, size_t length, struct pattern_piece *ret_group) {
        AUTO(cleanup_pattern) struct pattern *compiled = pattern_new(pattern);
        if (!compiled) {
                return -ENOMEM;
        }
        int r = pattern_find(compiled, text, length);
        if (r == 1 && ret_group) {
                *ret_group = first_group(compiled, text);
        }
        return r;
}
