#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/policy_tables.h"
#include "policy/reference.h"

/* Builders take over what they are given and return what the caller owns; NULL, out of memory,
 * passes through all of them, so that one check at the end is enough. */

#define PATTERN_DURATION "^(0|([0-9]+([.][0-9]+)?(us|ms|s|m|h|d|w))+)$"
#define PATTERN_SIZE "^(0|[0-9]+([.][0-9]+)?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB))$"
#define PATTERN_PERCENT "^[0-9]+([.][0-9]+)?%$"
#define PATTERN_COUNT "^[0-9]+$"
#define PATTERN_NAME "^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"

static struct json_object *object_of_field(const struct schema_field *field, bool strict);

static struct json_object *set(
        struct json_object *object, const char *key, struct json_object *value) {
        if (!object || !value || json_object_object_add(object, key, value) < 0) {
                json_object_put(value);
                json_object_put(object);
                return NULL;
        }
        return object;
}

static struct json_object *append(struct json_object *array, struct json_object *value) {
        if (!array || !value || json_object_array_add(array, value) < 0) {
                json_object_put(value);
                json_object_put(array);
                return NULL;
        }
        return array;
}

static struct json_object *set_text(struct json_object *object, const char *key, const char *text) {
        return set(object, key, json_object_new_string(text));
}

static struct json_object *of_type(const char *type) {
        return set_text(json_object_new_object(), "type", type);
}

static struct json_object *pattern(const char *text) {
        return set_text(of_type("string"), "pattern", text);
}

static struct json_object *reference(const char *name) {
        char path[64];
        snprintf(path, sizeof(path), "#/$defs/%s", name);
        return set_text(json_object_new_object(), "$ref", path);
}

static struct json_object *either(struct json_object *a, struct json_object *b) {
        return set(
                json_object_new_object(), "anyOf", append(append(json_object_new_array(), a), b));
}

static struct json_object *list_of(struct json_object *items) {
        return set(of_type("array"), "items", items);
}

/* Numbers may be written bare or in quotes, and bare 022 is a number to YAML. */
static struct json_object *scalar(void) {
        struct json_object *types =
                append(append(json_object_new_array(), json_object_new_string("string")),
                        json_object_new_string("number"));
        return set(
                json_object_new_object(), "type", append(types, json_object_new_string("boolean")));
}

static struct json_object *scalar_like(const char *text) {
        return set_text(scalar(), "pattern", text);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static struct json_object *words_of(const struct enum_text *words) {
        struct json_object *values = json_object_new_array();
        for (const struct enum_text *row = words; row->text; row++) {
                values = append(values, json_object_new_string(row->text));
        }
        return set(json_object_new_object(), "enum", values);
}

static struct json_object *number(const struct schema_field *field) {
        struct json_object *value = of_type("integer");
        value = set(value, "minimum",
                json_object_new_int64(field->least ? strtoll(field->least, NULL, 10) : 0));
        return field->most ? set(value, "maximum",
                                     json_object_new_int64(strtoll(field->most, NULL, 10)))
                           : value;
}

static struct json_object *amount(unsigned units) {
        struct json_object *choices = json_object_new_array();
        choices = units & SCHEMA_UNITS_PERCENT ? append(choices, reference("percent")) : choices;
        choices = units & SCHEMA_UNITS_SIZE ? append(choices, reference("size")) : choices;
        choices = units & SCHEMA_UNITS_COUNT ? append(choices, reference("count")) : choices;
        return set(json_object_new_object(), "anyOf", choices);
}

static struct json_object *named(struct json_object *value) {
        struct json_object *object = set(of_type("object"), "additionalProperties", value);
        return object;
}

/* A name, or a mapping of one name to one of the words. */
static struct json_object *marked(const struct enum_text *words) {
        struct json_object *one = named(words_of(words));
        one = set(one, "minProperties", json_object_new_int(1));
        return either(scalar(), set(one, "maxProperties", json_object_new_int(1)));
}

static struct json_object *or_nothing(struct json_object *object) {
        return either(object, of_type("null"));
}

static struct json_object *or_list(
        const struct schema_field *field, struct json_object *one, struct json_object *same) {
        if (field->single) {
                json_object_put(same);
                return one;
        }
        return either(one, list_of(same));
}

/* A command is written whole, so its first word can be checked. */
static struct json_object *command(void) {
        struct json_object *first = append(json_object_new_array(), pattern("^/"));
        struct json_object *value = set(of_type("array"), "prefixItems", first);
        value = set(value, "items", scalar());
        return set(value, "minItems", json_object_new_int(1));
}

static struct json_object *value_of(const struct schema_field *field, bool strict) {
        switch (field->kind) {
        case SCHEMA_STRING:
                return scalar();
        case SCHEMA_PATH:
                return pattern("^/");
        case SCHEMA_BOOL:
                return of_type("boolean");
        case SCHEMA_UINT:
                return number(field);
        case SCHEMA_DURATION:
                return reference("duration");
        case SCHEMA_SIZE:
                return reference("size");
        case SCHEMA_PERCENT:
                return reference("percent");
        case SCHEMA_AMOUNT:
                return amount(field->units);
        case SCHEMA_ENUM:
                return words_of(field->words);
        case SCHEMA_ENUM_SET:
                return either(words_of(field->words), list_of(words_of(field->words)));
        case SCHEMA_STRINGS:
                return either(scalar(), list_of(scalar()));
        case SCHEMA_COMMAND:
                return command();
        case SCHEMA_DURATIONS:
                return either(reference("duration"), list_of(reference("duration")));
        case SCHEMA_PAIRS:
                return or_nothing(named(scalar()));
        case SCHEMA_MARKED:
                return either(marked(field->words), list_of(marked(field->words)));
        case SCHEMA_OBJECT:
        case SCHEMA_OBJECT_PTR:
                return object_of_field(field, strict);
        case SCHEMA_OBJECTS:
                return or_nothing(list_of(object_of_field(field, true)));
        case SCHEMA_OBJECT_MAP:
                return or_nothing(named(object_of_field(field, strict)));
        case SCHEMA_CUSTOM:
                return or_list(field, scalar_like(field->pattern), scalar_like(field->pattern));
        }
        return NULL;
}

/* ---- Objects ----------------------------------------------------------------------------------
 */

static struct json_object *standard_of(const struct schema_field *field) {
        if (field->kind == SCHEMA_UINT) {
                return json_object_new_int64(strtoll(field->standard, NULL, 10));
        }
        if (field->kind == SCHEMA_BOOL) {
                return json_object_new_boolean(strcmp(field->standard, "true") == 0);
        }
        return json_object_new_string(field->standard);
}

static struct json_object *field_of(const struct schema_field *field, bool strict) {
        struct json_object *value = set_text(value_of(field, strict), "description", field->help);
        return field->standard && !field->inherited ? set(value, "default", standard_of(field))
                                                    : value;
}

static bool is_listed(const char *const *keys, const char *key) {
        for (; keys && *keys; keys++) {
                if (strcmp(*keys, key) == 0) {
                        return true;
                }
        }
        return false;
}

static struct json_object *properties_of(
        const struct schema *schema, const char *const *without, bool strict);

static struct json_object *required_of(const struct schema *schema) {
        struct json_object *keys = json_object_new_array();
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                keys = field->required ? append(keys, json_object_new_string(field->key)) : keys;
        }
        return keys;
}

/* One variant's key, or for what merges also none of them. */
static struct json_object *one_variant(const struct schema *schema, bool strict) {
        struct json_object *choices = json_object_new_array(), *any = json_object_new_array();
        for (const struct schema_variant *variant = schema->variants; variant->key; variant++) {
                struct json_object *key =
                        append(json_object_new_array(), json_object_new_string(variant->key));
                struct json_object *same =
                        append(json_object_new_array(), json_object_new_string(variant->key));
                choices = append(choices, set(json_object_new_object(), "required", key));
                any = append(any, set(json_object_new_object(), "required", same));
        }
        struct json_object *none =
                set(json_object_new_object(), "not", set(json_object_new_object(), "anyOf", any));
        if (strict && !schema->variant_optional) {
                json_object_put(none);
                return choices;
        }
        return append(choices, none);
}

/* What lies in a list is never merged, so it has to be whole: `strict`. */
static struct json_object *object_of(
        const struct schema *schema, const char *const *without, bool strict) {
        struct json_object *object = set_text(of_type("object"), "description", schema->help);
        object = set(object, "properties", properties_of(schema, without, strict));
        object = set(object, "additionalProperties", json_object_new_boolean(false));
        if (strict) {
                object = set(object, "required", required_of(schema));
        }
        return schema->variants ? set(object, "oneOf", one_variant(schema, strict)) : object;
}

static struct json_object *variant_words(const struct schema *schema) {
        struct json_object *values = json_object_new_array();
        for (const struct schema_variant *variant = schema->variants; variant->key; variant++) {
                values = append(values, json_object_new_string(variant->key));
        }
        return set(json_object_new_object(), "enum", values);
}

/* With the other ways to write it: nothing, the bare value of its shorthand, the bare word of a
 * variant. */
static struct json_object *writable(const struct schema *schema, bool strict) {
        struct json_object *choices =
                append(json_object_new_array(), object_of(schema, NULL, strict));
        if (!schema->variants || !strict) {
                choices = append(choices, of_type("null"));
        }
        for (const struct schema_field *field = schema->fields; schema->shorthand && field->key;
                field++) {
                if (strcmp(field->key, schema->shorthand) == 0) {
                        choices = append(choices, value_of(field, strict));
                }
        }
        if (schema->variants && !schema->shorthand) {
                choices = append(choices, variant_words(schema));
        }
        return set(json_object_new_object(), "anyOf", choices);
}

/* What several places hold is written once. */
static const char *definition_of(const struct schema *schema) {
        static const struct {
                const char *name, *definition;
        } shared[] = {{"probe", "probe"}, {"backoff", "backoff"}, {"recover step", "step"}};
        for (size_t i = 0; i < ELEMENTSOF(shared); i++) {
                if (strcmp(schema->name, shared[i].name) == 0) {
                        return shared[i].definition;
                }
        }
        return NULL;
}

static struct json_object *object_of_field(const struct schema_field *field, bool strict) {
        const char *definition = definition_of(field->object);
        return definition ? reference(definition) : writable(field->object, strict);
}

static struct json_object *properties_of(
        const struct schema *schema, const char *const *without, bool strict) {
        struct json_object *properties = json_object_new_object();
        for (const struct schema_field *field = schema->fields; field && field->key; field++) {
                if (!is_listed(without, field->key)) {
                        properties = set(properties, field->key, field_of(field, strict));
                }
        }
        for (const struct schema_variant *variant = schema->variants; variant && variant->key;
                variant++) {
                struct json_object *value =
                        set_text(writable(variant->object, strict), "description", variant->help);
                properties = set(properties, variant->key, value);
        }
        return properties;
}

/* ---- The file ---------------------------------------------------------------------------------
 */

static struct json_object *definitions(const struct policy_tables *tables) {
        struct json_object *zero_or_text = either(pattern(PATTERN_DURATION),
                set(json_object_new_object(), "const", json_object_new_int(0)));
        struct json_object *size = either(pattern(PATTERN_SIZE),
                set(json_object_new_object(), "const", json_object_new_int(0)));
        struct json_object *count = set(of_type("integer"), "minimum", json_object_new_int(0));
        struct json_object *all = set(json_object_new_object(), "duration", zero_or_text);
        all = set(all, "size", size);
        all = set(all, "percent", pattern(PATTERN_PERCENT));
        all = set(all, "count", either(count, pattern(PATTERN_COUNT)));
        for (const struct schema_field *field = tables->service.fields; field->key; field++) {
                const char *name = field->object ? definition_of(field->object) : NULL;
                if (name) { /* steps lie in a list, and lists are never merged */
                        bool strict = field->kind == SCHEMA_OBJECTS;
                        all = set(all, name, writable(field->object, strict));
                }
        }
        return set(all, "service", object_of(&tables->service, NULL, false));
}

static struct json_object *by_name(struct json_object *value) {
        struct json_object *names = set_text(json_object_new_object(), "pattern", PATTERN_NAME);
        return or_nothing(set(named(value), "propertyNames", names));
}

static struct json_object *top_level_value(
        const struct policy_tables *tables, const struct top_level_key *row) {
        if (strcmp(row->key, "version") == 0) {
                return set(json_object_new_object(), "const", json_object_new_int(1));
        }
        if (strcmp(row->key, "agent") == 0) {
                return or_nothing(object_of(&agent_schema, NULL, false));
        }
        if (strcmp(row->key, "coordinator") == 0) {
                return or_nothing(object_of(&coordinator_schema, NULL, false));
        }
        if (strcmp(row->key, "defaults") == 0) {
                return or_nothing(object_of(&tables->service, policy_identity_keys, false));
        }
        if (strcmp(row->key, "groups") == 0) {
                return by_name(writable(&group_schema, false));
        }
        return by_name(reference("service"));
}

static struct json_object *document(const struct policy_tables *tables) {
        struct json_object *properties = json_object_new_object();
        for (const struct top_level_key *row = top_level_keys; row->key; row++) {
                struct json_object *value =
                        set_text(top_level_value(tables, row), "description", row->help);
                properties = set(properties, row->key, value);
        }
        struct json_object *root = set_text(json_object_new_object(), "$schema",
                "https://json-schema.org/draft/2020-12/schema");
        root = set_text(root, "title", "recoverd policy");
        root = set_text(root, "description",
                "Generated by `recoverctl generate json-schema` from the tables that drive the "
                "parser.");
        root = set_text(root, "type", "object");
        root = set(root, "required",
                append(json_object_new_array(), json_object_new_string("version")));
        root = set(root, "additionalProperties", json_object_new_boolean(false));
        root = set(root, "properties", properties);
        return set(root, "$defs", definitions(tables));
}

int json_schema_write(const struct schema_variant *probes, struct strbuf *out) {
        struct policy_tables tables;
        policy_tables_init(&tables, probes);
        struct json_object *root = document(&tables);
        const char *text = root ? json_object_to_json_string_ext(
                                          root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE)
                                : NULL;
        int r = text ? 0 : -ENOMEM;
        if (text) {
                strbuf_add(out, text);
                strbuf_add_char(out, '\n');
        }
        json_object_put(root);
        return out->failed ? -ENOMEM : r;
}
