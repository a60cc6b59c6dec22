#include "policy/schema_words.h"

bool schema_written_first(struct schema_written *written, const struct schema *schema) {
        for (size_t i = 0; i < written->count; i++) {
                if (written->objects[i] == schema) {
                        return false;
                }
        }
        if (written->count < SCHEMA_WRITTEN_MAX) {
                written->objects[written->count++] = schema;
        }
        return true;
}

static void add_code(struct strbuf *out, const char *text) {
        strbuf_addf(out, "`%s`", text);
}

static void add_words(struct strbuf *out, const struct enum_text *words) {
        for (const struct enum_text *row = words; row->text; row++) {
                strbuf_add(out, row == words ? "" : ", ");
                add_code(out, row->text);
        }
}

static void add_amount(struct strbuf *out, unsigned units) {
        static const char *const names[] = {"percentage", "size", "number"};
        const char *separator = "";
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                if (units & (1U << i)) {
                        strbuf_add(out, separator);
                        strbuf_add(out, names[i]);
                        separator = " or ";
                }
        }
}

static const char *kind_name(enum schema_kind kind) {
        static const char *const names[] = {
                [SCHEMA_STRING] = "text",
                [SCHEMA_PATH] = "absolute path",
                [SCHEMA_BOOL] = "boolean",
                [SCHEMA_UINT] = "number",
                [SCHEMA_DURATION] = "duration",
                [SCHEMA_SIZE] = "size",
                [SCHEMA_PERCENT] = "percentage",
                [SCHEMA_AMOUNT] = "",
                [SCHEMA_ENUM] = "",
                [SCHEMA_ENUM_SET] = "one or a list of ",
                [SCHEMA_STRINGS] = "text, or a list of texts",
                [SCHEMA_COMMAND] = "command",
                [SCHEMA_DURATIONS] = "duration, or a list of durations",
                [SCHEMA_PAIRS] = "mapping of names to texts",
                [SCHEMA_MARKED] = "text, or `{text: word}` with the word ",
                [SCHEMA_OBJECT] = "",
                [SCHEMA_OBJECT_PTR] = "",
                [SCHEMA_OBJECTS] = "list of ",
                [SCHEMA_OBJECT_MAP] = "mapping of names to ",
                [SCHEMA_CUSTOM] = "",
        };
        return names[kind];
}

void schema_words_kind(const struct schema_field *field, struct strbuf *out) {
        strbuf_add(out, kind_name(field->kind));
        if (field->kind == SCHEMA_ENUM || field->kind == SCHEMA_ENUM_SET ||
                field->kind == SCHEMA_MARKED) {
                add_words(out, field->words);
                strbuf_add(out, field->kind == SCHEMA_MARKED ? "; or a list of these" : "");
        } else if (field->kind == SCHEMA_AMOUNT) {
                add_amount(out, field->units);
        } else if (field->kind == SCHEMA_CUSTOM) {
                strbuf_add(out, field->single ? "value" : "value, or a list of values");
        }
}

void schema_words_standard(const struct schema_field *field, struct strbuf *out) {
        if (field->required) {
                strbuf_add(out, "required");
        } else if (field->standard) {
                add_code(out, field->standard);
        } else if (field->inherited) {
                strbuf_add(out, "the service's");
        }
}

void schema_words_limits(const struct schema_field *field, struct strbuf *out) {
        if (field->least) {
                strbuf_addf(out, "from `%s`", field->least);
        }
        if (field->most) {
                strbuf_addf(out, "%sto `%s`", field->least ? " " : "", field->most);
        }
}
