#include "policy/problems.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "policy/allowances.h"
#include "policy/problem_kinds.h"

enum { MESSAGE_MAX = 768, KEY_MAX = MESSAGE_MAX + 64, NEAREST_WORDS_MAX = 20000 };

void problems_done(struct problems *problems) {
        map_free(problems->seen);
        free(problems->items);
        arena_free(problems->arena);
        *problems = (struct problems){0};
}

static int problems_prepare(struct problems *problems) {
        if (!problems->arena) {
                problems->arena = arena_new();
        }
        if (!problems->seen) {
                problems->seen = map_new();
        }
        return problems->arena && problems->seen ? 0 : -ENOMEM;
}

/* One more that fits; says so in `cut` otherwise. Errors are counted even when they are not kept.
 */
static bool has_room(struct problems *problems, enum problem_level level) {
        size_t warnings = problems->count - MIN(problems->errors, problems->count);

        if (level == PROBLEM_ERROR) {
                problems->errors++;
        }
        if (problems->count >= POLICY_PROBLEMS_MAX ||
                (level == PROBLEM_WARNING && warnings >= POLICY_WARNINGS_MAX)) {
                problems->cut = true;
                return false;
        }
        return true;
}

/* 1 when this was said before at this place. */
static int remember(struct problems *problems, const struct place *place, const char *message) {
        char text[KEY_MAX];
        snprintf(text, sizeof(text), "%u:%u:%u:%s", place->file->order, place->line, place->column,
                message);
        if (map_get(problems->seen, text)) {
                return 1;
        }
        char *key = arena_strdup(problems->arena, text);
        return key ? map_put(problems->seen, key, key) : -ENOMEM;
}

static int grow(struct problems *problems) {
        if (problems->count < problems->capacity) {
                return 0;
        }
        size_t capacity = problems->capacity ? 2 * problems->capacity : 16;
        struct problem *items = reallocarray(problems->items, capacity, sizeof(*items));
        if (!items) {
                return -ENOMEM;
        }
        problems->items = items;
        problems->capacity = capacity;
        return 0;
}

static int append(
        struct problems *problems, const struct problem *wanted, struct source_file *file) {
        int r = grow(problems);
        if (r < 0) {
                return r;
        }
        struct problem *problem = &problems->items[problems->count];
        struct arena *arena = problems->arena;
        *problem = *wanted;
        problem->file = arena_strdup(arena, wanted->file);
        problem->message = arena_strdup(arena, wanted->message);
        problem->hint = wanted->hint ? arena_strdup(arena, wanted->hint) : NULL;
        problem->source = source_file_line(file, wanted->line, arena);
        if (!problem->file || !problem->message || (wanted->hint && !problem->hint)) {
                return -ENOMEM;
        }
        problems->count++;
        return 0;
}

static int add(struct problems *problems, enum problem_level level, const char *code,
        const struct place *place, const char *hint, const char *message) {
        int r = problems_prepare(problems);
        if (r < 0) {
                return r;
        }
        r = problems->cut && problems->count >= POLICY_PROBLEMS_MAX
                    ? 0
                    : remember(problems, place, message);
        if (r != 0) {
                return r;
        }
        if (!has_room(problems, level)) {
                return 0;
        }
        struct problem problem = {
                .level = level,
                .code = code,
                .file = place->file->name,
                .file_order = place->file->order,
                .line = place->line,
                .column = place->column,
                .width = place->width,
                .message = message,
                .hint = hint,
        };
        return append(problems, &problem, place->file);
}

/* Both are asked, so that each comment knows that it is of use. */
static bool is_allowed(
        const struct problems *problems, const struct place *place, const char *code) {
        bool here = allowances_cover(place, code);
        return (problems->subject && allowances_cover(problems->subject, code)) || here;
}

void problems_vadd(struct problems *problems, enum problem_level level, const char *code,
        const struct place *place, const char *hint, const char *format, va_list arguments) {
        char message[MESSAGE_MAX];
        assert(level == PROBLEM_ERROR || problem_kind_find(code)); /* else nobody could allow it */
        if (level == PROBLEM_WARNING && is_allowed(problems, place, code)) {
                problems->allowed++;
                return;
        }
        vsnprintf(message, sizeof(message), format, arguments);
        str_make_printable(message);
        if (add(problems, level, code, place, hint, message) < 0) {
                problems->failed = true;
                problems->errors++;
        }
}

void problems_add(struct problems *problems, enum problem_level level, const char *code,
        const struct place *place, const char *hint, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(problems, level, code, place, hint, format, arguments);
        va_end(arguments);
}

static int compare_numbers(uint64_t a, uint64_t b) {
        return (a > b) - (a < b);
}

static int compare_problems(const void *left, const void *right) {
        const struct problem *a = left, *b = right;
        int r = compare_numbers(a->file_order, b->file_order);
        r = r ? r : compare_numbers(a->line, b->line);
        r = r ? r : compare_numbers(a->column, b->column);
        r = r ? r : compare_numbers(a->level, b->level);
        return r ? r : strcmp(a->message, b->message);
}

void problems_sort(struct problems *problems) {
        if (problems->count > 1) {
                qsort(problems->items, problems->count, sizeof(*problems->items), compare_problems);
        }
}

/* A word that is off by more than a third of its letters was hardly meant. */
static size_t distance_allowed(const char *word) {
        size_t length = strlen(word);
        if (length <= 1) {
                return 0;
        }
        return length <= 3 ? 1 : length / 3;
}

/* The distance is at least the difference of the lengths, which is much faster to know. */
static bool may_be_near(const char *a, const char *b, size_t limit) {
        size_t left = strlen(a), right = strlen(b);
        return (left > right ? left - right : right - left) < limit;
}

/* "disk" for "resource.disk". */
static bool is_last_part(const char *part, const char *word) {
        const char *dot = strrchr(word, '.');
        return dot && str_eq(dot + 1, part);
}

const char *problems_nearest(const char *wrong, const void *words, size_t n, size_t stride) {
        const char *best = NULL;
        size_t best_distance = distance_allowed(wrong) + 1;

        for (size_t i = 0; i < MIN(n, (size_t) NEAREST_WORDS_MAX); i++) {
                const char *word = *(const char *const *) ((const char *) words + i * stride);
                if (word && is_last_part(wrong, word)) {
                        return word;
                }
                if (!word || !may_be_near(wrong, word, best_distance)) {
                        continue;
                }
                size_t distance = str_distance(wrong, word);
                if (distance < best_distance) {
                        best = word;
                        best_distance = distance;
                }
        }
        return best;
}

const char *problems_did_you_mean(const char *word, char text[PROBLEM_HINT_MAX]) {
        if (!word) {
                return NULL;
        }
        snprintf(text, PROBLEM_HINT_MAX, "did you mean '%s'?", word);
        return text;
}

static void format_place(const struct problem *problem, struct strbuf *out) {
        strbuf_add(out, problem->file);
        if (problem->line > 0) {
                strbuf_addf(out, ":%u:%u", problem->line, problem->column);
        }
}

static size_t count_characters(const char *text) {
        size_t n = 0;
        for (; *text; text++) {
                n += ((unsigned char) *text & 0xC0) != 0x80;
        }
        return n;
}

/* The line of the file, and a caret below the place; both behind the same margin. */
static void format_excerpt(const struct problem *problem, struct strbuf *out) {
        strbuf_addf(out, "%6u | %s\n       | ", problem->line, problem->source);
        size_t length = count_characters(problem->source);
        if (problem->column == 0 || problem->column > length + 1) {
                strbuf_add_char(out, '\n');
                return;
        }
        strbuf_add_repeated(out, ' ', problem->column - 1);
        strbuf_add_char(out, '^');
        size_t rest = length + 1 - problem->column;
        size_t width = MIN((size_t) problem->width, rest);
        strbuf_add_repeated(out, '~', width > 0 ? width - 1 : 0);
        strbuf_add_char(out, '\n');
}

static void format_problem(const struct problem *problem, struct strbuf *out) {
        format_place(problem, out);
        strbuf_addf(out, ": %s: %s [%s]\n", problem->level == PROBLEM_ERROR ? "error" : "warning",
                problem->message, problem->code);
        if (problem->source) {
                format_excerpt(problem, out);
        }
        if (problem->hint) {
                strbuf_addf(out, "         hint: %s\n", problem->hint);
        }
}

void problems_format(const struct problems *problems, struct strbuf *out) {
        for (size_t i = 0; i < problems->count; i++) {
                format_problem(&problems->items[i], out);
        }
        if (problems->cut) {
                strbuf_add(out, "there are more problems than are shown here\n");
        }
}
