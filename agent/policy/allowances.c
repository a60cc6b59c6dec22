#include "policy/allowances.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "policy/problem_kinds.h"
#include "policy/problems.h"

enum { CODE_MAX = 64 };

static const char marker[] = "recoverd:", verb[] = "allow";

/* ---- Lines ------------------------------------------------------------------------------------
 */

static const char *line_at(const struct source_file *file, uint32_t line) {
        return file->lines[line - 1];
}

static const char *line_end(const struct source_file *file, uint32_t line) {
        return line < file->n_lines ? line_at(file, line + 1) : file->text + file->length;
}

static size_t indent_of(const struct source_file *file, uint32_t line) {
        return strspn(line_at(file, line), " ");
}

static bool is_comment(const struct source_file *file, uint32_t line) {
        return line_at(file, line)[indent_of(file, line)] == '#';
}

static bool is_blank(const struct source_file *file, uint32_t line) {
        return line_at(file, line) + strspn(line_at(file, line), " \t\r\n") >= line_end(file, line);
}

/* The line that begins what a comment on `line` is about. */
static uint32_t first_line(const struct source_file *file, uint32_t line) {
        while (line < file->n_lines && (is_comment(file, line) || is_blank(file, line))) {
                line++;
        }
        return line;
}

/* A list may stand as far to the left as its key. */
static bool is_below(const struct source_file *file, uint32_t first, uint32_t line) {
        size_t outer = indent_of(file, first), inner = indent_of(file, line);
        bool item = line_at(file, line)[inner] == '-', list = line_at(file, first)[outer] == '-';
        return inner > outer || (inner == outer && item && !list);
}

static uint32_t last_line(const struct source_file *file, uint32_t first) {
        uint32_t last = first;
        for (uint32_t line = first + 1; line <= file->n_lines; line++) {
                if (is_blank(file, line) || is_comment(file, line)) {
                        continue;
                }
                if (!is_below(file, first, line)) {
                        break;
                }
                last = line;
        }
        return last;
}

/* ---- One comment ------------------------------------------------------------------------------
 */

/* What a comment says, in the text of its file. */
struct said {
        const char *hash, *code, *reason, *end;
        size_t code_length;
};

static const char *skip_spaces(const char *p) {
        return p + strspn(p, " \t");
}

/* Whether the comment at `hash` is meant for us. */
static bool parse_comment(const char *hash, const char *end, struct said *ret) {
        const char *p = skip_spaces(hash + 1);
        if (!str_starts(p, marker)) {
                return false;
        }
        p = skip_spaces(p + strlen(marker));
        if (!str_starts(p, verb) || !strchr(" \t\r\n", p[strlen(verb)])) {
                return false;
        }
        *ret = (struct said){.hash = hash, .end = end, .code = skip_spaces(p + strlen(verb))};
        ret->code_length = strcspn(ret->code, " \t\r\n");
        ret->reason = skip_spaces(ret->code + ret->code_length);
        return true;
}

static bool find_comment(const struct source_file *file, uint32_t line, struct said *ret) {
        const char *start = line_at(file, line), *end = line_end(file, line);
        for (const char *p = start; p < end && (p = memchr(p, '#', (size_t) (end - p))); p++) {
                bool begins = p == start || p[-1] == ' ' || p[-1] == '\t';
                if (begins && parse_comment(p, end, ret)) {
                        return true;
                }
        }
        return false;
}

static uint32_t count_characters(const char *from, const char *to) {
        uint32_t n = 0;
        for (; from < to; from++) {
                n += ((unsigned char) *from & 0xC0) != 0x80;
        }
        return n;
}

static struct place place_of(struct source_file *file, uint32_t line, const struct said *said) {
        const char *end = said->end;
        while (end > said->hash && strchr(" \t\r\n", end[-1])) {
                end--;
        }
        return (struct place){.file = file,
                .line = line,
                .column = count_characters(line_at(file, line), said->hash) + 1,
                .width = count_characters(said->hash, end)};
}

/* The code as the table has it, or NULL after a warning. */
static const char *check_comment(
        const struct said *said, const struct place *place, struct problems *problems) {
        char code[CODE_MAX], hint[PROBLEM_HINT_MAX];
        snprintf(code, sizeof(code), "%.*s", (int) said->code_length, said->code);
        const struct problem_kind *kind = problem_kind_find(code);

        if (kind && kind->level == PROBLEM_ERROR) {
                problems_add(problems, PROBLEM_WARNING, "bad-allow", place, NULL,
                        "'%s' is an error, which cannot be allowed", code);
                return NULL;
        }
        if (!kind) {
                problems_add(problems, PROBLEM_WARNING, "bad-allow", place,
                        problems_did_you_mean(problem_kind_nearest(code), hint),
                        "there is no warning '%s'", code);
                return NULL;
        }
        if (said->reason >= said->end || strchr("\r\n", *said->reason)) {
                problems_add(problems, PROBLEM_WARNING, "bad-allow", place,
                        "# recoverd: allow CODE reason", "the reason for allowing '%s' is missing",
                        code);
                return NULL;
        }
        return kind->code;
}

static int read_comment(struct source_file *file, uint32_t line, const struct said *said,
        struct arena *arena, struct problems *problems) {
        struct place place = place_of(file, line, said);
        const char *code = check_comment(said, &place, problems);
        if (!code) {
                return 0;
        }
        struct allowance *allowance = arena_alloc(arena, sizeof(*allowance));
        if (!allowance) {
                return -ENOMEM;
        }
        uint32_t first = is_comment(file, line) ? first_line(file, line) : line;
        *allowance = (struct allowance){.next = file->allowances,
                .code = code,
                .place = place,
                .first = first,
                .last = last_line(file, first)};
        file->allowances = allowance;
        return 0;
}

/* ---- A file -----------------------------------------------------------------------------------
 */

int allowances_read(struct source_file *file, struct arena *arena, struct problems *problems) {
        struct said said;
        int r = 0;
        if (!strstr(file->text, marker)) {
                return 0;
        }
        if (!source_file_find_lines(file, arena)) {
                return -ENOMEM;
        }
        for (uint32_t line = 1; r == 0 && line <= file->n_lines; line++) {
                if (find_comment(file, line, &said)) {
                        r = read_comment(file, line, &said, arena, problems);
                }
        }
        return r;
}

bool allowances_cover(const struct place *place, const char *code) {
        bool covered = false;
        for (struct allowance *one = place->file ? place->file->allowances : NULL; one;
                one = one->next) {
                bool holds = place->line >= one->first && place->line <= one->last;
                if (holds && str_eq(one->code, code)) {
                        one->used = covered = true;
                }
        }
        return covered;
}

void allowances_check_use(const struct source_file *file, struct problems *problems) {
        for (const struct allowance *one = file->allowances; one; one = one->next) {
                if (!one->used && !problem_kind_find(one->code)->of_host) {
                        problems_add(problems, PROBLEM_WARNING, "unused-allow", &one->place,
                                "remove the comment", "there is no warning '%s' here to allow",
                                one->code);
                }
        }
}
