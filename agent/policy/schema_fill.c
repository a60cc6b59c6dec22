#include "policy/schema_fill.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* An object being filled, and the one it lies in. */
struct frame {
        struct schema_filler *filler;
        const struct schema *schema;
        const struct place *place;
        const struct node *node; /* NODE_MAPPING, or NULL where nothing was written */
        void *object;
        const struct frame *outer;
        bool strange_key; /* has an unknown key, which may be the missing one misspelt */
};

struct schema_report {
        const struct frame *frame;
        bool complained;
};

static int fill_object(struct schema_filler *filler, const struct schema *schema,
        const struct place *place, const struct node *node, void *object,
        const struct frame *outer);

/* The worse of two results: out of memory ends everything, a reported problem does not. */
static int worse(int a, int b) {
        if (a == -ENOMEM || b == -ENOMEM) {
                return -ENOMEM;
        }
        return a < b ? a : b;
}

/* ---- Problems ---------------------------------------------------------------------------------
 */

__attribute__((format(printf, 5, 6))) static int complain(const struct frame *frame,
        const char *code, const struct place *place, const char *hint, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(frame->filler->problems, PROBLEM_ERROR, code, place, hint, format, arguments);
        va_end(arguments);
        return -EINVAL;
}

static int complain_kind(const struct frame *frame, const struct schema_field *field,
        const struct node *node, const char *wanted, const char *hint) {
        char text[NODE_QUOTE_MAX];
        return complain(frame, "bad-value", &node->place, hint, "'%s': expected %s, found %s",
                field->key, wanted, node_describe(node, text));
}

void schema_complain(struct schema_report *report, const char *key, const char *format, ...) {
        const struct frame *frame = report->frame;
        const struct node *value = key ? node_get(frame->node, key) : NULL;
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(frame->filler->problems, PROBLEM_ERROR, "inconsistent",
                value ? &value->place : frame->place, NULL, format, arguments);
        va_end(arguments);
        report->complained = true;
}

/* ---- Scalars ----------------------------------------------------------------------------------
 */

static int fill_scalar(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        char why[SCHEMA_WHY_MAX] = "", hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];

        frame->filler->values++;
        if (node->kind == NODE_NULL) {
                return complain(
                        frame, "bad-value", &node->place, NULL, "'%s' has no value", field->key);
        }
        if (node->kind != NODE_SCALAR) {
                return complain_kind(frame, field, node, "a single value", NULL);
        }
        int r = schema_parse_scalar(frame->filler, field, node->text, to, why);
        if (r == -ERANGE) {
                complain(frame, "out-of-range", &node->place, NULL, "'%s' %s", field->key, why);
                return -EINVAL;
        }
        if (r == -EINVAL) {
                complain(frame, "bad-value", &node->place,
                        schema_scalar_hint(field, node->text, hint), "'%s': %s, found %s",
                        field->key, why, node_describe(node, text));
        }
        return r;
}

/* A text that many services inherit is copied once: the node remembers its copy. Nodes are const to
 * everyone else, because nobody else may change what was written. */
static int fill_string(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        bool kept = !frame->filler->partial && node->kind == NODE_SCALAR;
        if (kept && node->kept && field->kind == SCHEMA_STRING) {
                *(const char **) to = node->kept;
                frame->filler->values++;
                return 0;
        }
        int r = fill_scalar(frame, field, node, to);
        if (r == 0 && kept) {
                ((struct node *) node)->kept = *(const char **) to;
        }
        return r;
}

/* ---- Lists and mappings of scalars -------------------------------------------------------------
 */

static int check_count(
        const struct frame *frame, const struct schema_field *field, const struct node *node) {
        if (node->count > SCHEMA_ITEMS_MAX) {
                return complain(frame, "too-large", &node->place, NULL,
                        "'%s' has more than %d entries", field->key, SCHEMA_ITEMS_MAX);
        }
        return 0;
}

/* The array that a list kind adds to, with room for n and a terminator. */
static int reserve_items(
        const struct frame *frame, const struct schema_field *field, uint32_t n, void *to) {
        struct arena *arena = frame->filler->arena;
        if (field->kind == SCHEMA_DURATIONS) {
                struct durations *durations = to;
                durations->items = arena_alloc_array(arena, n + 1, sizeof(*durations->items));
                return durations->items ? 0 : -ENOMEM;
        }
        if (field->kind == SCHEMA_STRINGS || field->kind == SCHEMA_COMMAND) {
                struct strings *strings = to;
                strings->items = arena_alloc_array(arena, n + 1, sizeof(*strings->items));
                return strings->items ? 0 : -ENOMEM;
        }
        return 0;
}

static int fill_items(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        int r = check_count(frame, field, node);
        r = r < 0 ? r : reserve_items(frame, field, node->count, to);
        for (uint32_t i = 0; r == 0 && i < node->count; i++) {
                r = fill_scalar(frame, field, node->items[i], to);
        }
        return r;
}

/* One scalar stands for a list of one, except for a command: there it would look like a shell line.
 */
static int fill_list(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        if (node->kind == NODE_LIST && !field->single) {
                if (field->kind == SCHEMA_COMMAND && node->count == 0) {
                        return complain(frame, "bad-value", &node->place, NULL, "'%s' is empty",
                                field->key);
                }
                return fill_items(frame, field, node, to);
        }
        if (field->kind == SCHEMA_COMMAND) {
                return complain_kind(frame, field, node, "a list of words",
                        "programs run without a shell: [/usr/bin/program, argument]");
        }
        int r = reserve_items(frame, field, 1, to);
        return r < 0 ? r : fill_scalar(frame, field, node, to);
}

static int fill_pair(const struct frame *frame, const struct entry *entry, struct pairs *pairs) {
        const struct schema_field field = {.key = entry->key->text, .kind = SCHEMA_STRING};
        struct pair *pair = &pairs->items[pairs->count++];

        int r = fill_string(frame, &field, entry->key, &pair->key);
        return r < 0 ? r : fill_string(frame, &field, entry->value, &pair->value);
}

static int fill_pairs(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        struct pairs *pairs = to;

        if (node->kind == NODE_NULL) {
                return 0;
        }
        if (node->kind != NODE_MAPPING) {
                return complain_kind(frame, field, node, "a mapping of names to texts", NULL);
        }
        int r = check_count(frame, field, node);
        if (r < 0) {
                return r;
        }
        pairs->items =
                arena_alloc_array(frame->filler->arena, node->count + 1, sizeof(*pairs->items));
        if (!pairs->items) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < node->count; i++) {
                r = worse(r, fill_pair(frame, &node->entries[i], pairs));
        }
        return r;
}

/* `cache` or `{cache: soft}`. */
static int fill_marked(const struct frame *frame, const struct schema_field *field,
        const struct node *node, struct pairs *pairs) {
        const struct schema_field name = {.key = field->key, .kind = SCHEMA_STRING};
        const struct schema_field word = {
                .key = field->key, .kind = SCHEMA_ENUM, .words = field->words};
        struct pair *pair = &pairs->items[pairs->count++];
        int value = field->words->value;
        int r = 0;
        if (node->kind == NODE_MAPPING && node->count != 1) {
                return complain_kind(frame, field, node, "a name, or a mapping of one name",
                        "give each name an entry of its own in the list");
        }
        if (node->kind == NODE_MAPPING) {
                r = fill_scalar(frame, &word, node->entries[0].value, &value);
                node = node->entries[0].key;
        }
        pair->value = enum_text_format(field->words, value);
        return r < 0 ? r : fill_string(frame, &name, node, &pair->key);
}

static int fill_marked_list(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        struct pairs *pairs = to;
        uint32_t n = node->kind == NODE_LIST ? node->count : 1;
        int r = node->kind == NODE_LIST ? check_count(frame, field, node) : 0;
        if (r < 0) {
                return r;
        }
        pairs->items = arena_alloc_array(frame->filler->arena, n + 1, sizeof(*pairs->items));
        if (!pairs->items) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < n; i++) {
                const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
                r = worse(r, fill_marked(frame, field, item, pairs));
        }
        return r;
}

/* ---- Objects ----------------------------------------------------------------------------------
 */

static int fill_inline(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        return fill_object(frame->filler, field->object, &node->place, node, to, frame);
}

static int fill_pointer(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        void *object = arena_alloc(frame->filler->arena, field->object->size);
        if (!object) {
                return -ENOMEM;
        }
        *(void **) to = object;
        return fill_inline(frame, field, node, object);
}

static int reserve_objects(const struct frame *frame, const struct schema_field *field,
        const struct node *node, struct objects *objects) {
        int r = check_count(frame, field, node);
        if (r == 0) {
                objects->items =
                        arena_alloc_array(frame->filler->arena, node->count, field->object->size);
                r = objects->items || node->count == 0 ? 0 : -ENOMEM;
        }
        return r;
}

static int fill_objects(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        struct objects *objects = to;

        if (node->kind == NODE_NULL) {
                return 0;
        }
        if (node->kind != NODE_LIST) {
                return complain_kind(frame, field, node, "a list", "begin each entry with '- '");
        }
        int r = reserve_objects(frame, field, node, objects);
        for (uint32_t i = 0; objects->items && i < node->count; i++) {
                void *object = (char *) objects->items + objects->count++ * field->object->size;
                r = worse(r, fill_inline(frame, field, node->items[i], object));
        }
        return r;
}

static int fill_named(const struct frame *frame, const struct schema_field *field,
        const struct entry *entry, void *object) {
        const struct schema_field name = {.key = field->key, .kind = SCHEMA_STRING};
        int r = fill_string(frame, &name, entry->key, object);
        return r < 0 ? r
                     : fill_object(frame->filler, field->object, &entry->key->place, entry->value,
                               object, frame);
}

static int fill_object_map(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        struct objects *objects = to;

        if (node->kind == NODE_NULL) {
                return 0;
        }
        if (node->kind != NODE_MAPPING) {
                return complain_kind(frame, field, node, "a mapping of names", NULL);
        }
        int r = reserve_objects(frame, field, node, objects);
        for (uint32_t i = 0; objects->items && i < node->count; i++) {
                void *object = (char *) objects->items + objects->count++ * field->object->size;
                r = worse(r, fill_named(frame, field, &node->entries[i], object));
        }
        return r;
}

/* ---- Fields -----------------------------------------------------------------------------------
 */

static int fill_present(const struct frame *frame, const struct schema_field *field,
        const struct node *node, void *to) {
        switch (field->kind) {
        case SCHEMA_STRING:
        case SCHEMA_PATH:
                return fill_string(frame, field, node, to);
        case SCHEMA_BOOL:
        case SCHEMA_UINT:
        case SCHEMA_DURATION:
        case SCHEMA_SIZE:
        case SCHEMA_PERCENT:
        case SCHEMA_AMOUNT:
        case SCHEMA_ENUM:
                return fill_scalar(frame, field, node, to);
        case SCHEMA_ENUM_SET:
        case SCHEMA_STRINGS:
        case SCHEMA_COMMAND:
        case SCHEMA_DURATIONS:
        case SCHEMA_CUSTOM:
                return fill_list(frame, field, node, to);
        case SCHEMA_PAIRS:
                return fill_pairs(frame, field, node, to);
        case SCHEMA_MARKED:
                return fill_marked_list(frame, field, node, to);
        case SCHEMA_OBJECT:
                return fill_inline(frame, field, node, to);
        case SCHEMA_OBJECT_PTR:
                return fill_pointer(frame, field, node, to);
        case SCHEMA_OBJECTS:
                return fill_objects(frame, field, node, to);
        case SCHEMA_OBJECT_MAP:
                return fill_object_map(frame, field, node, to);
        }
        return -EINVAL;
}

static const struct schema_field *find_field(const struct schema *schema, const char *key) {
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                if (str_eq(field->key, key)) {
                        return field;
                }
        }
        return NULL;
}

static const struct schema_variant *find_variant(const struct schema *schema, const char *key) {
        for (const struct schema_variant *variant = schema->variants; variant && variant->key;
                variant++) {
                if (str_eq(variant->key, key)) {
                        return variant;
                }
        }
        return NULL;
}

/* The nearest enclosing object that has the key has filled it already. */
static bool inherit(const struct frame *frame, const struct schema_field *field, void *to) {
        for (const struct frame *outer = frame->outer; outer; outer = outer->outer) {
                const struct schema_field *same = find_field(outer->schema, field->key);
                if (same && same->kind == field->kind) {
                        memcpy(to, (const char *) outer->object + same->offset,
                                schema_kind_size(field->kind));
                        return true;
                }
        }
        return false;
}

/* A standard is part of the program: that it cannot be parsed is a programmer's error. */
static int fill_standard(const struct frame *frame, const struct schema_field *field, void *to) {
        char why[SCHEMA_WHY_MAX];

        if (field->kind == SCHEMA_STRING || field->kind == SCHEMA_PATH) {
                *(const char **) to = field->standard;
                return 0;
        }
        int r = reserve_items(frame, field, 1, to);
        r = r < 0 ? r : schema_parse_scalar(frame->filler, field, field->standard, to, why);
        assert(r == 0 || r == -ENOMEM);
        return r;
}

static int fill_absent(const struct frame *frame, const struct schema_field *field, void *to) {
        if (field->kind == SCHEMA_OBJECT) {
                return fill_object(frame->filler, field->object, frame->place, NULL, to, frame);
        }
        if (field->inherited && inherit(frame, field, to)) {
                return 0;
        }
        if (field->standard) {
                return fill_standard(frame, field, to);
        }
        if (field->required && !frame->filler->partial && !frame->strange_key) {
                return complain(frame, "missing-key", frame->place, NULL,
                        "%s: the key '%s' is missing", frame->schema->name, field->key);
        }
        return 0;
}

static int fill_fields(const struct frame *frame) {
        int r = 0;
        for (const struct schema_field *field = frame->schema->fields; field && field->key;
                field++) {
                const struct node *node = node_get(frame->node, field->key);
                void *to = (char *) frame->object + field->offset;
                r = worse(r, node ? fill_present(frame, field, node, to)
                                  : fill_absent(frame, field, to));
        }
        return r;
}

/* ---- Variants ---------------------------------------------------------------------------------
 */

static void list_variants(const struct schema *schema, struct strbuf *out) {
        for (const struct schema_variant *variant = schema->variants; variant->key; variant++) {
                const char *separator = variant == schema->variants ? ""
                                        : variant[1].key            ? ", "
                                                                    : " or ";
                strbuf_addf(out, "%s%s", separator, variant->key);
        }
}

static int complain_no_variant(const struct frame *frame) {
        AUTO_STRBUF struct strbuf words = {0};
        list_variants(frame->schema, &words);
        const char *text = strbuf_text(&words);
        return !text ? -ENOMEM
                     : complain(frame, "missing-key", frame->place, NULL, "%s: expected one of %s",
                               frame->schema->name, text);
}

static int fill_variant(const struct frame *frame, const struct schema_variant *variant,
        const struct place *place, const struct node *body) {
        void *object = arena_alloc(frame->filler->arena, variant->object->size);
        if (!object) {
                return -ENOMEM;
        }
        *(int *) ((char *) frame->object + frame->schema->tag_offset) = variant->tag;
        *(void **) ((char *) frame->object + frame->schema->variant_offset) = object;
        return fill_object(frame->filler, variant->object, place, body, object, frame);
}

static int fill_variants(const struct frame *frame) {
        const struct entry *found = NULL;

        for (const struct schema_variant *variant = frame->schema->variants; variant->key;
                variant++) {
                const struct entry *entry = node_entry(frame->node, variant->key);
                if (entry && found) {
                        return complain(frame, "inconsistent", &entry->key->place, NULL,
                                "%s: '%s' and '%s' exclude each other", frame->schema->name,
                                found->key->text, variant->key);
                }
                found = entry ? entry : found;
        }
        if (found) {
                return fill_variant(frame, find_variant(frame->schema, found->key->text),
                        &found->key->place, found->value);
        }
        *(int *) ((char *) frame->object + frame->schema->tag_offset) = -1;
        bool may_lack =
                frame->schema->variant_optional || frame->filler->partial || frame->strange_key;
        return may_lack ? 0 : complain_no_variant(frame);
}

/* ---- Unknown keys -----------------------------------------------------------------------------
 */

static bool knows(const struct schema *schema, const char *key) {
        return find_field(schema, key) || find_variant(schema, key);
}

/* The right key in the wrong place, one object too high or too low, is the most frequent mistake.
 */
static const char *misplaced_hint(
        const struct frame *frame, const char *key, char hint[PROBLEM_HINT_MAX]) {
        for (const struct schema_field *field = frame->schema->fields; field && field->key;
                field++) {
                if (field->object && knows(field->object, key)) {
                        snprintf(hint, PROBLEM_HINT_MAX, "'%s' belongs into '%s'", key, field->key);
                        return hint;
                }
        }
        for (const struct frame *outer = frame->outer; outer; outer = outer->outer) {
                if (knows(outer->schema, key)) {
                        snprintf(hint, PROBLEM_HINT_MAX, "'%s' belongs to the %s around it", key,
                                outer->schema->name);
                        return hint;
                }
        }
        return NULL;
}

static size_t count_fields(const struct schema *schema) {
        size_t n = 0;
        while (schema->fields && schema->fields[n].key) {
                n++;
        }
        return n;
}

static size_t count_variants(const struct schema *schema) {
        size_t n = 0;
        while (schema->variants && schema->variants[n].key) {
                n++;
        }
        return n;
}

static const char *nearest_key(const struct schema *schema, const char *key) {
        const char *words[2] = {
                problems_nearest(
                        key, schema->fields, count_fields(schema), sizeof(struct schema_field)),
                problems_nearest(key, schema->variants, count_variants(schema),
                        sizeof(struct schema_variant)),
        };
        return problems_nearest(key, words, ELEMENTSOF(words), sizeof(words[0]));
}

static int complain_unknown(const struct frame *frame, const struct node *key) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const char *shown = misplaced_hint(frame, key->text, hint);
        if (!shown && !frame->filler->problems->cut) {
                shown = problems_did_you_mean(nearest_key(frame->schema, key->text), hint);
        }
        return complain(frame, "unknown-key", &key->place, shown, "%s: unknown key %s",
                frame->schema->name, node_describe(key, text));
}

static int check_keys(struct frame *frame) {
        int r = 0;
        for (uint32_t i = 0; frame->node && i < frame->node->count; i++) {
                const struct node *key = frame->node->entries[i].key;
                if (!knows(frame->schema, key->text)) {
                        frame->strange_key = true;
                        r = complain_unknown(frame, key);
                }
        }
        return r;
}

/* ---- An object --------------------------------------------------------------------------------
 */

static int check_object(const struct frame *frame) {
        struct schema_report report = {.frame = frame};
        if (frame->schema->check && !frame->filler->partial) {
                frame->schema->check(frame->object, &report);
        }
        return report.complained ? -EINVAL : 0;
}

static int fill_frame(struct frame *frame) {
        int r = check_keys(frame);
        r = worse(r, fill_fields(frame));
        if (frame->schema->variants) {
                r = worse(r, fill_variants(frame));
        }
        return r < 0 ? r : check_object(frame);
}

/* `disk: /srv` for `disk: {path: /srv}`: the value of the key that the bare value stands for; the
 * others take their standards. */
static int fill_shorthand(struct frame *frame, const struct node *value) {
        struct node key = {
                .place = value->place, .kind = NODE_SCALAR, .text = frame->schema->shorthand};
        struct entry entry = {.key = &key, .value = value};
        const uint32_t order[] = {0};
        const struct node mapping = {.place = value->place,
                .kind = NODE_MAPPING,
                .count = 1,
                .entries = &entry,
                .order = order};
        frame->node = &mapping;
        int r = fill_frame(frame);
        frame->node = NULL;
        return r;
}

/* `- restart` for `- restart: {}`. */
static int fill_bare_variant(struct frame *frame, const struct node *value) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const struct schema *schema = frame->schema;
        const struct schema_variant *variant = find_variant(schema, value->text);
        if (!variant) {
                const char *near = problems_nearest(
                        value->text, schema->variants, count_variants(schema), sizeof(*variant));
                return complain(frame, "bad-value", &value->place,
                        problems_did_you_mean(near, hint), "%s: expected a mapping, found %s",
                        schema->name, node_describe(value, text));
        }
        int r = fill_fields(frame);
        r = worse(r, fill_variant(frame, variant, &value->place, NULL));
        return r < 0 ? r : check_object(frame);
}

static int fill_object(struct schema_filler *filler, const struct schema *schema,
        const struct place *place, const struct node *node, void *object,
        const struct frame *outer) {
        char text[NODE_QUOTE_MAX];
        struct frame frame = {.filler = filler,
                .schema = schema,
                .place = place,
                .object = object,
                .outer = outer};

        if (++filler->values > SCHEMA_VALUES_MAX) {
                return complain(&frame, "too-large", place, NULL,
                        "the policies have more than %d values, inherited ones included",
                        SCHEMA_VALUES_MAX);
        }
        if (!node || node->kind == NODE_NULL) {
                return fill_frame(&frame);
        }
        if (node->kind == NODE_MAPPING) {
                frame.node = node;
                return fill_frame(&frame);
        }
        if (schema->shorthand) {
                return fill_shorthand(&frame, node);
        }
        if (schema->variants && node->kind == NODE_SCALAR) {
                return fill_bare_variant(&frame, node);
        }
        return complain(&frame, "bad-value", &node->place, NULL, "%s: expected a mapping, found %s",
                schema->name, node_describe(node, text));
}

int schema_fill(struct schema_filler *filler, const struct schema *schema,
        const struct place *place, const struct node *node, void *object) {
        return fill_object(filler, schema, place, node, object, NULL);
}
