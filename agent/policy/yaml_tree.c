#include "policy/yaml_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/str.h"

/* Functions that build return 0, -EINVAL after a problem was reported, or -ENOMEM. */
struct builder {
        yaml_parser_t parser;
        struct source_file *file;
        struct arena *arena;
        struct problems *problems;
        uint32_t *nodes;
        struct map *anchors; /* name -> the finished node, or `unfinished` */
        const struct node **stack; /* children of the collections that are open */
        size_t top, capacity;
        uint32_t depth;
};

/* Stands for an anchored node whose end has not come yet. */
static struct node unfinished;

static int build_node(struct builder *builder, yaml_event_t *event, const struct node **ret);

/* ---- Problems ---------------------------------------------------------------------------------
 */

static struct place place_of(
        const struct builder *builder, const yaml_mark_t *start, const yaml_mark_t *end) {
        bool one_line = end->line == start->line && end->column > start->column;
        return (struct place){
                .file = builder->file,
                .line = (uint32_t) start->line + 1,
                .column = (uint32_t) start->column + 1,
                .width = one_line ? (uint32_t) (end->column - start->column) : 1,
        };
}

__attribute__((format(printf, 5, 6))) static int reject(struct builder *builder,
        const yaml_event_t *event, const char *code, const char *hint, const char *format, ...) {
        struct place place = place_of(builder, &event->start_mark, &event->end_mark);
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(builder->problems, PROBLEM_ERROR, code, &place, hint, format, arguments);
        va_end(arguments);
        return -EINVAL;
}

/* What libyaml says in its own terms, and what a person may do about it. */
static const struct {
        const char *problem, *hint;
} syntax_hints[] = {
        {"mapping values are not allowed in this context",
                "a line above lacks its ':' or quotes, or this one is indented too far"},
        {"did not find expected key", "compare the indentation with the lines above"},
        {"could not find expected ':'", "a key needs a ':' and a space behind it"},
        {"did not find expected '-' indicator", "compare the indentation with the items above"},
        {"did not find expected ',' or '}'", "a '{' is not closed"},
        {"did not find expected ',' or ']'", "a '[' is not closed"},
        {"found unexpected end of stream", "a quote is not closed"},
        {"found unexpected document indicator", "a quote or bracket is not closed"},
        {"block sequence entries are not allowed in this context",
                "a list begins on a line of its own"},
};

static const char *syntax_hint(struct source_file *file, const char *problem, uint32_t line) {
        if (str_eq(problem, "found character that cannot start any token")) {
                return source_file_has_tab_indent(file, line)
                               ? "indent with spaces, YAML does not allow tabs"
                               : "put the value in quotes";
        }
        for (size_t i = 0; i < ELEMENTSOF(syntax_hints); i++) {
                if (str_eq(problem, syntax_hints[i].problem)) {
                        return syntax_hints[i].hint;
                }
        }
        return NULL;
}

static int report_syntax(struct builder *builder) {
        const yaml_parser_t *parser = &builder->parser;
        if (parser->error == YAML_MEMORY_ERROR) {
                return -ENOMEM;
        }
        struct place place = place_of(builder, &parser->problem_mark, &parser->problem_mark);
        const char *problem = parser->problem ? parser->problem : "cannot be understood";
        problems_add(builder->problems, PROBLEM_ERROR, "not-yaml", &place,
                syntax_hint(builder->file, problem, place.line), "not valid YAML: %s%s%s", problem,
                parser->context ? " " : "", parser->context ? parser->context : "");
        return -EINVAL;
}

static int next_event(struct builder *builder, yaml_event_t *event) {
        return yaml_parser_parse(&builder->parser, event) ? 0 : report_syntax(builder);
}

/* ---- Nodes ------------------------------------------------------------------------------------
 */

static int new_node(struct builder *builder, const yaml_event_t *event, enum node_kind kind,
        struct node **ret) {
        if (++*builder->nodes > YAML_NODES_MAX) {
                return reject(builder, event, "too-large", NULL,
                        "the policy files hold more than %d values and keys", YAML_NODES_MAX);
        }
        struct node *node = arena_alloc(builder->arena, sizeof(*node));
        if (!node) {
                return -ENOMEM;
        }
        node->place = place_of(builder, &event->start_mark, &event->end_mark);
        node->kind = (uint8_t) kind;
        node->weight = 1;
        node->text = "";
        *ret = node;
        return 0;
}

/* Counts a child into its parent; refuses what grows beyond the limits when aliases are followed.
 */
static int account(struct builder *builder, const yaml_event_t *event, struct node *parent,
        const struct node *child) {
        assert(child);
        parent->weight += child->weight;
        parent->height = (uint8_t) MAX(parent->height, child->height + 1);
        if (parent->weight > YAML_EXPANDED_MAX) {
                return reject(builder, event, "alias-bomb",
                        "use 'extends' with an entry of 'templates'",
                        "the aliases of this file expand to more than %d values",
                        YAML_EXPANDED_MAX);
        }
        if (builder->depth + parent->height > YAML_DEPTH_MAX) {
                return reject(builder, event, "too-deep", NULL, "nested more than %d levels deep",
                        YAML_DEPTH_MAX);
        }
        return 0;
}

static int push(struct builder *builder, const struct node *node) {
        if (builder->top == builder->capacity) {
                size_t capacity = builder->capacity ? 2 * builder->capacity : 256;
                const struct node **stack = reallocarray(builder->stack, capacity, sizeof(*stack));
                if (!stack) {
                        return -ENOMEM;
                }
                builder->stack = stack;
                builder->capacity = capacity;
        }
        builder->stack[builder->top++] = node;
        return 0;
}

/* A later anchor of the same name replaces the earlier, as YAML has it. */
static int set_anchor(struct builder *builder, const yaml_event_t *event, const yaml_char_t *name,
        const struct node *node) {
        if (!name) {
                return 0;
        }
        if (map_size(builder->anchors) >= YAML_ANCHORS_MAX) {
                return reject(builder, event, "too-large", NULL, "more than %d anchors in one file",
                        YAML_ANCHORS_MAX);
        }
        map_remove(builder->anchors, (const char *) name);
        char *key = arena_strdup(builder->arena, (const char *) name);
        return key ? map_put(builder->anchors, key, (void *) node) : -ENOMEM;
}

static int reject_tag(struct builder *builder, const yaml_event_t *event, const yaml_char_t *tag) {
        return tag ? reject(builder, event, "unsupported-yaml", NULL,
                             "the tag '%.64s' is not supported", (const char *) tag)
                   : 0;
}

static bool is_null(const char *text, bool plain) {
        return plain && (str_empty(text) || str_eq(text, "~") || str_eq(text, "null"));
}

static int build_scalar(
        struct builder *builder, const yaml_event_t *event, const struct node **ret) {
        const char *text = (const char *) event->data.scalar.value;
        size_t length = event->data.scalar.length;
        bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        int r = reject_tag(builder, event, event->data.scalar.tag);
        if (r < 0) {
                return r;
        }
        if (length > YAML_SCALAR_MAX) {
                return reject(builder, event, "too-large", NULL, "a text of more than %d bytes",
                        YAML_SCALAR_MAX);
        }
        if (strlen(text) != length) {
                return reject(builder, event, "not-text", NULL,
                        "a text must not contain a NUL character");
        }
        struct node *node = NULL;
        r = new_node(builder, event, is_null(text, plain) ? NODE_NULL : NODE_SCALAR, &node);
        if (!node) {
                return r;
        }
        node->plain = plain;
        node->text = node->kind == NODE_NULL ? "" : arena_strndup(builder->arena, text, length);
        if (!node->text) {
                return -ENOMEM;
        }
        *ret = node;
        return set_anchor(builder, event, event->data.scalar.anchor, node);
}

static int build_alias(
        struct builder *builder, const yaml_event_t *event, const struct node **ret) {
        const char *name = (const char *) event->data.alias.anchor;
        const struct node *node = map_get(builder->anchors, name);
        if (!node) {
                return reject(builder, event, "unknown-anchor", NULL,
                        "no anchor '&%.64s' was set before this alias", name);
        }
        if (node == &unfinished) {
                return reject(builder, event, "unknown-anchor", NULL,
                        "the alias '*%.64s' stands within its own anchor", name);
        }
        *ret = node;
        return 0;
}

static int finish_list(struct builder *builder, struct node *list, size_t base) {
        size_t n = builder->top - base;
        list->count = (uint32_t) n;
        list->items = arena_alloc_array(builder->arena, MAX(n, (size_t) 1), sizeof(*list->items));
        if (!list->items) {
                return -ENOMEM;
        }
        if (n > 0) { /* the stack may not exist yet */
                memcpy(list->items, builder->stack + base, n * sizeof(*list->items));
        }
        builder->top = base;
        return 0;
}

static int build_items(struct builder *builder, struct node *list) {
        size_t base = builder->top;
        for (;;) {
                AUTO(yaml_event_delete) yaml_event_t event = {0};
                const struct node *item = NULL;
                int r = next_event(builder, &event);
                if (r == 0 && event.type == YAML_SEQUENCE_END_EVENT) {
                        return finish_list(builder, list, base);
                }
                r = r < 0 ? r : build_node(builder, &event, &item);
                r = r < 0 ? r : account(builder, &event, list, item);
                r = r < 0 ? r : push(builder, item);
                if (r < 0) {
                        return r;
                }
        }
}

static int build_key(struct builder *builder, yaml_event_t *event, const struct node **ret) {
        if (event->type != YAML_SCALAR_EVENT) {
                return reject(
                        builder, event, "unsupported-yaml", NULL, "a key must be a plain word");
        }
        if (str_eq((const char *) event->data.scalar.value, "<<") &&
                event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
                return reject(builder, event, "unsupported-yaml",
                        "write 'extends: NAME' with an entry of 'templates', which merges deeply",
                        "the merge key '<<' is not supported");
        }
        return build_scalar(builder, event, ret);
}

static int build_entry(struct builder *builder, yaml_event_t *key_event, struct node *mapping) {
        AUTO(yaml_event_delete) yaml_event_t event = {0};
        const struct node *key = NULL, *value = NULL;

        int r = build_key(builder, key_event, &key);
        r = r < 0 ? r : next_event(builder, &event);
        r = r < 0 ? r : build_node(builder, &event, &value);
        r = r < 0 ? r : account(builder, &event, mapping, value);
        r = r < 0 ? r : push(builder, key);
        return r < 0 ? r : push(builder, value);
}

static void report_duplicates(struct builder *builder, const struct node *mapping) {
        for (uint32_t i = 1; i < mapping->count; i++) {
                const struct node *first = mapping->entries[mapping->order[i - 1]].key;
                const struct node *again = mapping->entries[mapping->order[i]].key;
                if (str_eq(first->text, again->text)) {
                        char text[NODE_QUOTE_MAX];
                        problems_add(builder->problems, PROBLEM_ERROR, "duplicate-key",
                                &again->place, NULL, "the key %s appears twice, first in line %u",
                                node_describe(again, text), first->place.line);
                }
        }
}

static int finish_mapping(struct builder *builder, struct node *mapping, size_t base) {
        size_t n = (builder->top - base) / 2;
        mapping->count = (uint32_t) n;
        mapping->entries =
                arena_alloc_array(builder->arena, MAX(n, (size_t) 1), sizeof(*mapping->entries));
        if (!mapping->entries) {
                return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                mapping->entries[i].key = builder->stack[base + 2 * i];
                mapping->entries[i].value = builder->stack[base + 2 * i + 1];
        }
        builder->top = base;
        int r = node_sort(mapping, builder->arena);
        if (r == 0) {
                report_duplicates(builder, mapping);
        }
        return r;
}

static int build_entries(struct builder *builder, struct node *mapping) {
        size_t base = builder->top;
        for (;;) {
                AUTO(yaml_event_delete) yaml_event_t event = {0};
                int r = next_event(builder, &event);
                if (r == 0 && event.type == YAML_MAPPING_END_EVENT) {
                        return finish_mapping(builder, mapping, base);
                }
                r = r < 0 ? r : build_entry(builder, &event, mapping);
                if (r < 0) {
                        return r;
                }
        }
}

static int build_collection(struct builder *builder, const yaml_event_t *event, enum node_kind kind,
        const yaml_char_t *anchor, const yaml_char_t *tag, const struct node **ret) {
        struct node *node = NULL;

        int r = reject_tag(builder, event, tag);
        if (r == 0 && ++builder->depth > YAML_DEPTH_MAX) {
                r = reject(builder, event, "too-deep", NULL, "nested more than %d levels deep",
                        YAML_DEPTH_MAX);
        }
        r = r < 0 ? r : new_node(builder, event, kind, &node);
        r = r < 0 ? r : set_anchor(builder, event, anchor, &unfinished);
        if (r == 0 && node) {
                node->place.width = 1;
                r = kind == NODE_LIST ? build_items(builder, node) : build_entries(builder, node);
        }
        builder->depth--;
        *ret = node;
        return r < 0 ? r : set_anchor(builder, event, anchor, node);
}

static int build_node(struct builder *builder, yaml_event_t *event, const struct node **ret) {
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return build_scalar(builder, event, ret);
        case YAML_ALIAS_EVENT:
                return build_alias(builder, event, ret);
        case YAML_SEQUENCE_START_EVENT:
                return build_collection(builder, event, NODE_LIST,
                        event->data.sequence_start.anchor, event->data.sequence_start.tag, ret);
        case YAML_MAPPING_START_EVENT:
                return build_collection(builder, event, NODE_MAPPING,
                        event->data.mapping_start.anchor, event->data.mapping_start.tag, ret);
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                break;
        }
        return reject(builder, event, "not-yaml", NULL, "not valid YAML");
}

/* ---- The document -----------------------------------------------------------------------------
 */

/* Between the documents of a stream: the first is built, a second is refused. */
static int build_stream(struct builder *builder, const struct node **ret) {
        const struct node *root = NULL;
        for (;;) {
                AUTO(yaml_event_delete) yaml_event_t event = {0};
                int r = next_event(builder, &event);
                if (r < 0) {
                        return r;
                }
                if (event.type == YAML_STREAM_END_EVENT) {
                        *ret = root;
                        return 0;
                }
                if (event.type == YAML_STREAM_START_EVENT ||
                        event.type == YAML_DOCUMENT_END_EVENT) {
                        continue;
                }
                if (event.type == YAML_DOCUMENT_START_EVENT && root) {
                        return reject(builder, &event, "unsupported-yaml",
                                "put it into a file of its own",
                                "a second YAML document in one file");
                }
                if (event.type != YAML_DOCUMENT_START_EVENT) {
                        r = build_node(builder, &event, &root);
                }
                if (r < 0) {
                        return r;
                }
        }
}

static void builder_done(struct builder *builder) {
        yaml_parser_delete(&builder->parser);
        map_free(builder->anchors);
        free(builder->stack);
}

int yaml_tree_parse(struct source_file *file, struct arena *arena, uint32_t *nodes,
        struct problems *problems, const struct node **ret) {
        *ret = NULL;
        if (!source_file_check_text(file, problems)) {
                return 0;
        }
        AUTO(builder_done)
        struct builder builder = {.file = file,
                .arena = arena,
                .problems = problems,
                .nodes = nodes,
                .anchors = map_new()};
        if (!yaml_parser_initialize(&builder.parser) || !builder.anchors) {
                return -ENOMEM;
        }
        yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(
                &builder.parser, (const unsigned char *) file->text, file->length);
        int r = build_stream(&builder, ret);
        return r == -ENOMEM ? r : 0;
}
