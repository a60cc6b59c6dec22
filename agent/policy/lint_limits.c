/* Whether the limits of probes can be broken: each type knows its own (probes/), and is asked here.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/lint.h"

/* Where the doubts of a probe type point. */
struct doubted {
        struct loading *loading;
        const struct node *params;
};

const struct probe_traits *lint_traits(
        const struct loading *loading, const struct probe_spec *probe) {
        for (const struct schema_variant *variant = loading->probes; variant->key; variant++) {
                if (variant->tag == probe->type) {
                        return variant->traits;
                }
        }
        return NULL;
}

const struct node *lint_step_key(const struct node *step, const char *key) {
        bool has_body = step && step->kind == NODE_MAPPING && step->count == 1;
        return has_body ? node_get(step->entries[0].value, key) : NULL;
}

static const struct node *step_into(const struct node *node, const char *word) {
        if (node->kind == NODE_LIST) {
                unsigned long index = strtoul(word, NULL, 10);
                return index < node->count ? node->items[index] : NULL;
        }
        return node_get(node, word);
}

/* As far as the path was written. */
static const struct node *walk(const struct node *node, const char *path) {
        enum { WORD_MAX = 64 };
        char word[WORD_MAX];
        while (*path) {
                size_t length = strcspn(path, "/");
                snprintf(word, sizeof(word), "%.*s", (int) length, path);
                const struct node *next = step_into(node, word);
                if (!next) {
                        break;
                }
                node = next;
                path += length + (path[length] == '/');
        }
        return node;
}

void probe_doubt(const struct probe_review *review, const char *key, const char *code,
        const char *format, ...) {
        const struct doubted *doubted = review->origin;
        const struct node *node = walk(doubted->params, key);
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(doubted->loading->problems, PROBLEM_WARNING, code, &node->place, NULL, format,
                arguments);
        va_end(arguments);
}

const char *lint_type(const struct loading *loading, const struct probe_spec *probe) {
        for (const struct schema_variant *variant = loading->probes; variant->key; variant++) {
                if (variant->tag == probe->type) {
                        return variant->key;
                }
        }
        return "";
}

void lint_limits(
        struct loading *loading, const struct service *service, const struct origin *origin) {
        const struct node *probes = node_get(origin->whole, "probes");
        for (uint32_t i = 0; i < service->n_probes; i++) {
                const struct probe_spec *probe = &service->probes[i];
                const struct probe_traits *traits = lint_traits(loading, probe);
                const struct node *params =
                        node_get(node_get(probes, probe->name), lint_type(loading, probe));
                if (probe->implied || !traits || !traits->review || !params) {
                        continue; /* it has the standards, or nothing to say */
                }
                const struct doubted doubted = {.loading = loading, .params = params};
                const struct probe_review review = {.service = service,
                        .probe = probe,
                        .host = loading->host,
                        .origin = &doubted};
                traits->review(&review);
        }
}
