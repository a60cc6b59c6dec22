#include "executor/checkpoint/text_diff.h"

#include <stdlib.h>

#include "base/cleanup.h"

enum {
        CONTEXT = 3,
        EDITS_MAX = 1000, /* beyond that, memory and time grow with its square for nothing */
};

struct line {
        const char *text;
        size_t length; /* without its newline */
};

struct side {
        struct line *lines;
        bool *odd; /* the line is only on this side */
        size_t count;
        bool unended; /* the last line lacks a newline */
};

static void side_done(struct side *side) {
        free(side->lines);
        free(side->odd);
}

static bool side_init(struct side *side, const char *text) {
        size_t most = 1;
        for (const char *at = text; *at; at++) {
                most += *at == '\n';
        }
        *side = (struct side){
                .lines = calloc(most, sizeof(*side->lines)),
                .odd = calloc(most, sizeof(*side->odd)),
        };
        if (!side->lines || !side->odd) {
                return false;
        }
        while (*text) {
                size_t length = strcspn(text, "\n");
                side->lines[side->count++] = (struct line){text, length};
                side->unended = text[length] == '\0';
                text += length + !side->unended;
        }
        return true;
}

/* The last line of a text without a newline is another one than the same line with it. */
static bool same_line(const struct side *a, size_t i, const struct side *b, size_t j) {
        const struct line *one = &a->lines[i], *other = &b->lines[j];
        bool one_ends = i + 1 < a->count || !a->unended;
        bool other_ends = j + 1 < b->count || !b->unended;
        return one->length == other->length && one_ends == other_ends &&
               memcmp(one->text, other->text, one->length) == 0;
}

/* ---- Which lines are odd ----------------------------------------------------------------------
 */

/* The part between what both texts have at their beginnings and at their ends. */
struct middle {
        struct side *a, *b;
        size_t skip, n, m;
        int *traces[EDITS_MAX + 2]; /* of each number of edits d, how far diagonals -d..d reach */
};

static void middle_done(struct middle *middle) {
        for (size_t i = 0; i < ELEMENTSOF(middle->traces); i++) {
                free(middle->traces[i]);
        }
}

static void trim(struct middle *middle) {
        const struct side *a = middle->a, *b = middle->b;
        size_t least = a->count < b->count ? a->count : b->count, end = 0;
        while (middle->skip < least && same_line(a, middle->skip, b, middle->skip)) {
                middle->skip++;
        }
        while (end < least - middle->skip &&
                same_line(a, a->count - 1 - end, b, b->count - 1 - end)) {
                end++;
        }
        middle->n = a->count - middle->skip - end;
        middle->m = b->count - middle->skip - end;
}

/* From which neighbouring diagonal k is reached best with d edits. */
static int better_neighbour(const int *reach, int d, int k) {
        return k == -d || (k != d && reach[k - 1] < reach[k + 1]) ? k + 1 : k - 1;
}

static int advance(const struct middle *middle, int x, int k) {
        while (x < (int) middle->n && x - k < (int) middle->m &&
                same_line(middle->a, middle->skip + (size_t) x, middle->b,
                        middle->skip + (size_t) (x - k))) {
                x++;
        }
        return x;
}

/* One more edit. Returns whether the end is reached. */
static bool extend(const struct middle *middle, const int *before, int *after, int d) {
        for (int k = -d; k <= d; k += 2) {
                int from = d == 0 ? 0 : better_neighbour(before, d, k);
                int x = d == 0 ? 0 : before[from] + (from < k);
                after[k] = advance(middle, x, k);
                if (after[k] >= (int) middle->n && after[k] - k >= (int) middle->m) {
                        return true;
                }
        }
        return false;
}

/* The least number of edits, or -1: too many, or no memory. */
static int count_edits(struct middle *middle) {
        const int *before = NULL;
        for (int d = 0; d <= EDITS_MAX; d++) {
                int *trace = malloc((size_t) (2 * d + 3) * sizeof(*trace));
                if (!trace) {
                        return -1;
                }
                middle->traces[d] = trace;
                for (int i = 0; i < 2 * d + 3; i++) {
                        trace[i] = -1;
                }
                int *after = trace + d + 1;
                if (extend(middle, before, after, d)) {
                        return d;
                }
                before = after;
        }
        return -1;
}

static void mark(struct middle *middle, int edits) {
        int x = (int) middle->n, y = (int) middle->m;
        for (int d = edits; d > 0; d--) {
                const int *before = middle->traces[d - 1] + d;
                int k = x - y, from = better_neighbour(before, d, k);
                x = before[from];
                y = x - from;
                if (from < k) {
                        middle->a->odd[middle->skip + (size_t) x] = true;
                } else {
                        middle->b->odd[middle->skip + (size_t) y] = true;
                }
        }
}

static void mark_all(struct middle *middle) {
        for (size_t i = 0; i < middle->n; i++) {
                middle->a->odd[middle->skip + i] = true;
        }
        for (size_t i = 0; i < middle->m; i++) {
                middle->b->odd[middle->skip + i] = true;
        }
}

static void compare(struct side *a, struct side *b) {
        AUTO(middle_done) struct middle middle = {.a = a, .b = b};
        trim(&middle);
        int edits = count_edits(&middle);
        if (edits >= 0) {
                mark(&middle, edits);
        } else {
                mark_all(&middle);
        }
}

/* ---- Hunks ------------------------------------------------------------------------------------
 */

/* A place between lines of both sides. */
struct place {
        size_t a, b;
};

static bool is_odd(const struct side *side, size_t i) {
        return i < side->count && side->odd[i];
}

static bool at_end(const struct side *a, const struct side *b, struct place at) {
        return at.a >= a->count && at.b >= b->count;
}

static void add_line(struct strbuf *out, char mark, const struct side *side, size_t i) {
        strbuf_add_char(out, mark);
        strbuf_add_bytes(out, side->lines[i].text, side->lines[i].length);
        strbuf_add_char(out, '\n');
        if (side->unended && i + 1 == side->count) {
                strbuf_add(out, "\\ No newline at end of file\n");
        }
}

/* Behind one line: of one side where it is odd, else of both. `out` may be NULL. */
static struct place step(
        struct strbuf *out, const struct side *a, const struct side *b, struct place at) {
        char mark = is_odd(a, at.a) ? '-' : is_odd(b, at.b) ? '+' : ' ';
        if (out) {
                add_line(out, mark, mark == '+' ? b : a, mark == '+' ? at.b : at.a);
        }
        at.a += mark != '+';
        at.b += mark != '-';
        return at;
}

/* The end of the hunk that begins at `at`: behind the context of its last change. */
static struct place end_of_hunk(const struct side *a, const struct side *b, struct place at) {
        struct place end = at;
        size_t same = 0;
        bool changed = false;
        while (!at_end(a, b, at) && (same <= (size_t) 2 * CONTEXT || !changed)) {
                bool odd = is_odd(a, at.a) || is_odd(b, at.b);
                at = step(NULL, a, b, at);
                same = odd ? 0 : same + 1;
                changed = changed || odd;
                if (same <= CONTEXT || !changed) {
                        end = at;
                }
        }
        return end;
}

static size_t first_line(size_t index, size_t count) {
        return count > 0 ? index + 1 : index;
}

static struct place add_hunk(
        struct strbuf *out, const struct side *a, const struct side *b, struct place at) {
        struct place end = end_of_hunk(a, b, at);
        strbuf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", first_line(at.a, end.a - at.a), end.a - at.a,
                first_line(at.b, end.b - at.b), end.b - at.b);
        while (at.a < end.a || at.b < end.b) {
                at = step(out, a, b, at);
        }
        return at;
}

static void add_hunks(struct strbuf *out, const struct side *a, const struct side *b) {
        struct place at = {0};
        while (!at_end(a, b, at)) {
                struct place next = at;
                while (!at_end(a, b, next) && !is_odd(a, next.a) && !is_odd(b, next.b)) {
                        next = step(NULL, a, b, next);
                }
                if (at_end(a, b, next)) {
                        return;
                }
                size_t back = next.a - at.a < CONTEXT ? next.a - at.a : CONTEXT;
                at = add_hunk(out, a, b, (struct place){next.a - back, next.b - back});
        }
}

void text_diff(struct strbuf *out, const char *from_name, const char *to_name, const char *from,
        const char *to) {
        AUTO(side_done) struct side a = {0};
        AUTO(side_done) struct side b = {0};
        if (str_eq(from, to)) {
                return;
        }
        if (!side_init(&a, from) || !side_init(&b, to)) {
                out->failed = true;
                return;
        }
        compare(&a, &b);
        strbuf_addf(out, "--- %s\n+++ %s\n", from_name, to_name);
        add_hunks(out, &a, &b);
}
