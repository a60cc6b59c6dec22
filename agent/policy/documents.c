#include <errno.h>

#include "base/str.h"
#include "policy/loading.h"

static size_t count_top_level(void) {
        size_t n = 0;
        while (top_level_keys[n].key) {
                n++;
        }
        return n;
}

static const struct top_level_key *find_top_level(const char *key) {
        for (const struct top_level_key *row = top_level_keys; row->key; row++) {
                if (str_eq(row->key, key)) {
                        return row;
                }
        }
        return NULL;
}

static void refuse_key(
        struct loading *loading, const struct document *document, const struct node *key) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const struct top_level_key *row = find_top_level(key->text);

        if (!row) {
                const char *near = problems_nearest(
                        key->text, top_level_keys, count_top_level(), sizeof(*row));
                loading_error(loading, "unknown-key", &key->place,
                        problems_did_you_mean(near, hint), "unknown key %s at the top of the file",
                        node_describe(key, text));
        } else if (row->config_only && !document->file->config) {
                loading_error(loading, "misplaced-key", &key->place, "put it into recoverd.yaml",
                        "'%s' does not belong into a policy file", key->text);
        }
}

static void check_version(
        struct loading *loading, const struct document *document, const struct node *root) {
        const struct node *version = node_get(root, "version");
        char text[NODE_QUOTE_MAX];

        if (!version) {
                const struct place start = {
                        .file = document->file, .line = 1, .column = 1, .width = 1};
                loading_error(loading, "missing-key", &start, "begin the file with 'version: 1'",
                        "the key 'version' is missing");
        } else if (version->kind != NODE_SCALAR || !str_eq(version->text, "1")) {
                loading_error(loading, "bad-value", &version->place, NULL,
                        "'version': expected 1, found %s", node_describe(version, text));
        }
}

/* A key of the top level that holds a mapping; NULL when it is absent, empty, or something else. */
static const struct node *get_mapping(
        struct loading *loading, const struct node *root, const char *key) {
        const struct node *value = node_get(root, key);
        char text[NODE_QUOTE_MAX];

        if (!value || value->kind == NODE_NULL) {
                return NULL;
        }
        if (value->kind != NODE_MAPPING) {
                loading_error(loading, "bad-value", &value->place, NULL,
                        "'%s': expected a mapping, found %s", key, node_describe(value, text));
                return NULL;
        }
        return value;
}

static int list_templates(
        struct loading *loading, struct document *document, const struct node *templates) {
        if (!templates) {
                return 0;
        }
        document->template_names = templates;
        document->templates = arena_alloc_array(
                loading->scratch, templates->count + 1, sizeof(*document->templates));
        if (!document->templates) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < templates->count; i++) {
                document->templates[i].entry = &templates->entries[i];
        }
        return 0;
}

static void check_defaults(struct loading *loading, const struct node *defaults) {
        for (const char *const *key = policy_identity_keys; *key; key++) {
                const struct entry *entry = node_entry(defaults, *key);
                if (entry) {
                        loading_error(loading, "misplaced-key", &entry->key->place, NULL,
                                "'%s' belongs to one service, not into 'defaults'", *key);
                }
        }
}

static int take_apart(struct loading *loading, struct document *document, const struct node *root) {
        char text[NODE_QUOTE_MAX];

        if (root && root->kind != NODE_MAPPING && root->kind != NODE_NULL) {
                loading_error(loading, "bad-value", &root->place, NULL,
                        "expected a mapping with the keys version, defaults, templates and "
                        "services, found %s",
                        node_describe(root, text));
                return 0;
        }
        check_version(loading, document, root);
        for (uint32_t i = 0; root && root->kind == NODE_MAPPING && i < root->count; i++) {
                refuse_key(loading, document, root->entries[i].key);
        }
        document->defaults = get_mapping(loading, root, "defaults");
        document->services = get_mapping(loading, root, "services");
        document->groups = get_mapping(loading, root, "groups");
        document->agent = document->file->config ? get_mapping(loading, root, "agent") : NULL;
        document->coordinator =
                document->file->config ? get_mapping(loading, root, "coordinator") : NULL;
        check_defaults(loading, document->defaults);
        int r = list_templates(loading, document, get_mapping(loading, root, "templates"));
        const struct node *below = loading->config ? loading->config->defaults : NULL;
        return r < 0 ? r : merge_service(loading, below, document->defaults, &document->base);
}

static int parse_document(struct loading *loading, struct document *document) {
        size_t errors = loading->problems->errors;
        const struct node *root;

        int r = yaml_tree_parse(
                document->file, loading->scratch, &loading->nodes, loading->problems, &root);
        if (r < 0) {
                return r;
        }
        if (!root && loading->problems->errors > errors) {
                loading->incomplete = true;
                return 0;
        }
        return take_apart(loading, document, root);
}

/* The configuration comes first in the list, so that its defaults are known to all others. */
int documents_parse(struct loading *loading) {
        struct source_files *files = &loading->files;
        loading->documents =
                arena_alloc_array(loading->scratch, files->count + 1, sizeof(*loading->documents));
        if (!loading->documents) {
                return -ENOMEM;
        }
        loading->incomplete = files->incomplete;
        for (size_t i = 0; i < files->count; i++) {
                if (!files->items[i]->text) {
                        continue; /* a directory, or refused: listed for the sake of messages about
                                     it */
                }
                struct document *document = &loading->documents[loading->n_documents++];
                document->file = files->items[i];
                int r = parse_document(loading, document);
                if (r < 0) {
                        return r;
                }
                loading->config = document->file->config ? document : loading->config;
        }
        return 0;
}
