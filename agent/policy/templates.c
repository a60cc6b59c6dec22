#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/loading.h"

/* The templates that are being resolved, outermost first: a chain that comes back to itself is a
 * cycle. */
struct chain {
        const struct template *items[EXTENDS_DEPTH_MAX];
        uint32_t count;
};

static int resolve(struct loading *loading, const struct document *document,
        struct template *template, struct chain *chain);

/* ---- Finding ----------------------------------------------------------------------------------
 */

static struct template *find_in(const struct document *document, const char *name) {
        const struct entry *entry = document ? node_entry(document->template_names, name) : NULL;
        return entry ? &document->templates[entry - document->template_names->entries] : NULL;
}

/* The file's own, then recoverd.yaml's. `home` is the file that it is in. */
static struct template *find(const struct loading *loading, const struct document *document,
        const char *name, const struct document **home) {
        struct template *own = find_in(document, name);
        *home = own ? document : loading->config;
        return own ? own : find_in(loading->config, name);
}

static const char *nearest_in(const struct document *document, const char *name) {
        enum { NAMES_MAX = 256 };
        const char *names[NAMES_MAX];
        uint32_t n = 0;
        const struct node *known = document ? document->template_names : NULL;
        for (; known && n < known->count && n < NAMES_MAX; n++) {
                names[n] = known->entries[n].key->text;
        }
        return problems_nearest(name, names, n, sizeof(names[0]));
}

static void report_unknown(
        struct loading *loading, const struct document *document, const struct node *name) {
        char hint[PROBLEM_HINT_MAX], text[NODE_QUOTE_MAX];
        const char *near[] = {
                nearest_in(document, name->text), nearest_in(loading->config, name->text)};
        const char *best = problems_nearest(name->text, near, ELEMENTSOF(near), sizeof(near[0]));

        if (loading->incomplete && !loading->config) {
                return; /* recoverd.yaml, which may have it, could not be read */
        }
        loading_error(loading, "unknown-template", &name->place, problems_did_you_mean(best, hint),
                "there is no template %s in this file or in recoverd.yaml",
                node_describe(name, text));
}

static void report_cycle(struct loading *loading, const struct node *name,
        const struct template *again, const struct chain *chain) {
        AUTO_STRBUF struct strbuf path = {0};
        uint32_t i = 0;
        while (i < chain->count && chain->items[i] != again) {
                i++;
        }
        for (; i < chain->count; i++) {
                strbuf_addf(&path, "%.64s -> ", chain->items[i]->entry->key->text);
        }
        strbuf_addf(&path, "%.64s", again->entry->key->text);
        const char *text = strbuf_text(&path);
        loading_error(loading, "cycle", &name->place, NULL, "templates extend each other: %s",
                text ? text : "");
}

/* ---- Resolving --------------------------------------------------------------------------------
 */

/* Lays one named template over what is there. */
static int apply_one(struct loading *loading, const struct document *document,
        const struct node *name, struct chain *chain, const struct node **whole) {
        const struct document *home;
        struct template *template =
                name->kind == NODE_SCALAR ? find(loading, document, name->text, &home) : NULL;

        if (name->kind != NODE_SCALAR) {
                return 0; /* the engine reports it with the other values of the key */
        }
        if (!template) {
                report_unknown(loading, document, name);
                return 0;
        }
        template->used = true;
        if (template->state == TEMPLATE_RESOLVING) {
                report_cycle(loading, name, template, chain);
                return 0;
        }
        if (template->state == TEMPLATE_NEW && chain->count == EXTENDS_DEPTH_MAX) {
                loading_error(loading, "too-deep", &name->place, NULL,
                        "templates extend each other more than %d levels deep", EXTENDS_DEPTH_MAX);
                return 0;
        }
        int r = resolve(loading, home, template, chain);
        return r < 0 ? r : merge_service(loading, *whole, template->whole, whole);
}

static int apply_all(struct loading *loading, const struct document *document,
        const struct node *body, struct chain *chain, const struct node **whole) {
        const struct node *extends = node_get(body, "extends");
        int r = 0;

        if (extends && extends->kind == NODE_LIST) {
                for (uint32_t i = 0; r == 0 && i < extends->count; i++) {
                        r = apply_one(loading, document, extends->items[i], chain, whole);
                }
        } else if (extends) {
                r = apply_one(loading, document, extends, chain, whole);
        }
        return r < 0 ? r : merge_service(loading, *whole, body, whole);
}

static int resolve(struct loading *loading, const struct document *document,
        struct template *template, struct chain *chain) {
        if (template->state == TEMPLATE_DONE) {
                return 0;
        }
        const struct node *body = template->entry->value, *whole = NULL;
        template->state = TEMPLATE_RESOLVING;
        chain->items[chain->count++] = template;
        int r = body->kind == NODE_MAPPING ? apply_all(loading, document, body, chain, &whole) : 0;
        chain->count--;
        template->whole = whole;
        template->state = TEMPLATE_DONE;
        return r;
}

int templates_apply(struct loading *loading, const struct document *document,
        const struct node *body, const struct node **ret) {
        struct chain chain = {0};
        const struct node *whole = document->base;
        int r = apply_all(loading, document, body, &chain, &whole);
        *ret = whole;
        return r;
}

/* ---- Templates and defaults for themselves ------------------------------------------------------
 */

/* Values are checked even when no service uses them; what is missing may come from the service. */
static int try_partial(struct loading *loading, const struct place *place, const struct node *body,
        struct arena *arena) {
        struct service_form form = {0};
        struct schema_filler filler = {.arena = arena,
                .problems = loading->problems,
                .partial = true,
                .values = loading->filler.values};

        int r = schema_fill(&filler, &loading->tables.service, place, body, &form);
        loading->filler.values = filler.values;
        return r == -ENOMEM ? r : 0;
}

/* recoverd.yaml may hold more than the files of this host use. */
static bool is_library(const struct loading *loading, const struct document *document) {
        return document == loading->config && loading->n_documents > 1;
}

static int check_template(struct loading *loading, const struct document *document,
        struct template *template, struct arena *arena) {
        struct chain chain = {0};
        const struct node *name = template->entry->key;

        if (!template->used && !is_library(loading, document)) {
                loading_warning(loading, "unused-template", &name->place, NULL,
                        "no service uses the template '%.64s'", name->text);
        }
        int r = resolve(loading, document, template, &chain);
        return r < 0 ? r : try_partial(loading, &name->place, template->entry->value, arena);
}

static int check_document(
        struct loading *loading, const struct document *document, struct arena *arena) {
        int r = document->defaults ? try_partial(loading, &document->defaults->place,
                                             document->defaults, arena)
                                   : 0;
        for (uint32_t i = 0;
                r == 0 && document->template_names && i < document->template_names->count; i++) {
                r = check_template(loading, document, &document->templates[i], arena);
        }
        return r;
}

static void free_arena(struct arena **arena) {
        arena_free(*arena);
}

int templates_check(struct loading *loading) {
        AUTO(free_arena) struct arena *arena = arena_new();
        int r = arena ? 0 : -ENOMEM;
        for (uint32_t i = 0; r == 0 && i < loading->n_documents; i++) {
                r = check_document(loading, &loading->documents[i], arena);
        }
        return r;
}
