#include "policy/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/allowances.h"
#include "policy/loading.h"

static void loading_done(struct loading *loading) {
        source_files_done(&loading->files);
        arena_free(loading->scratch);
        policy_free(loading->policy);
}

static struct policy *new_policy(void) {
        struct arena *arena = arena_new();
        struct policy *policy = arena ? arena_alloc(arena, sizeof(*policy)) : NULL;
        if (!policy) {
                arena_free(arena);
                return NULL;
        }
        policy->arena = arena;
        return policy;
}

static int prepare(
        struct loading *loading, const struct schema_variant *probes, struct problems *problems) {
        loading->probes = probes;
        loading->problems = problems;
        loading->scratch = arena_new();
        loading->policy = new_policy();
        if (!loading->scratch || !loading->policy) {
                return -ENOMEM;
        }
        loading->files.arena = loading->scratch;
        loading->filler =
                (struct schema_filler){.arena = loading->policy->arena, .problems = problems};
        policy_tables_init(&loading->tables, probes);
        return 0;
}

/* Before the first warning about what the files say. */
static int allowances_find(struct loading *loading) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < loading->files.count; i++) {
                struct source_file *file = loading->files.items[i];
                r = file->text ? allowances_read(file, loading->scratch, loading->problems) : 0;
        }
        return r;
}

/* What stands in the way of an error is not looked at, so that a comment may seem to be of no use.
 */
static void allowances_check(struct loading *loading) {
        for (size_t i = 0; loading->problems->errors == 0 && i < loading->files.count; i++) {
                allowances_check_use(loading->files.items[i], loading->problems);
        }
}

/* From the files' text to a policy that is complete, unless problems were reported. */
static int load_files(struct loading *loading) {
        static int (*const stages[])(struct loading *) = {
                documents_parse,
                allowances_find,
                policy_build,
                templates_check,
                graph_build,
                crosscheck,
        };
        for (size_t i = 0; i < ELEMENTSOF(stages); i++) {
                int r = stages[i](loading);
                if (r < 0) {
                        return r;
                }
        }
        allowances_check(loading);
        return loading->problems->errors == 0 ? digest_policy(loading) : -EINVAL;
}

static int finish(struct loading *loading, int r, struct policy **ret) {
        problems_sort(loading->problems);
        if (loading->problems->failed) {
                return -ENOMEM;
        }
        if (r == 0) {
                *ret = TAKE_PTR(loading->policy);
        }
        return r;
}

static struct host_facts this_host(void) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        return (struct host_facts){
                .memory_bytes = pages > 0 && page > 0 ? (uint64_t) pages * (uint64_t) page : 0,
                .processors = processors > 0 ? (uint32_t) processors : 0};
}

int policy_load(
        const struct policy_sources *sources, struct policy **ret, struct problems *problems) {
        AUTO(loading_done) struct loading loading = {.check_accounts = true, .host = this_host()};
        int r = prepare(&loading, sources->probes, problems);
        r = r < 0 ? r : source_files_read(&loading.files, sources, problems);
        r = r < 0 ? r : load_files(&loading);
        return finish(&loading, r, ret);
}

int policy_load_coordinator(const char *config, struct policy **ret, struct problems *problems) {
        const struct policy_sources sources = {.config = config, .trusted_only = true};
        AUTO(loading_done) struct loading loading = {0};
        int r = prepare(&loading, NULL, problems);
        r = r < 0 ? r : source_files_read(&loading.files, &sources, problems);
        r = r < 0 ? r : documents_parse(&loading);
        r = r < 0 ? r : policy_build_coordinator(&loading);
        return finish(&loading, r == 0 && problems->errors > 0 ? -EINVAL : r, ret);
}

int policy_load_texts(const struct policy_text *texts, size_t n,
        const struct schema_variant *probes, struct policy **ret, struct problems *problems) {
        AUTO(loading_done) struct loading loading = {0};
        int r = prepare(&loading, probes, problems);
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = source_files_add_text(&loading.files, texts[i].name, texts[i].text,
                        strlen(texts[i].text), texts[i].config);
        }
        r = r < 0 ? r : load_files(&loading);
        return finish(&loading, r, ret);
}

int policy_load_text(const char *name, const char *text, size_t length,
        const struct schema_variant *probes, struct policy **ret, struct problems *problems) {
        AUTO(loading_done) struct loading loading = {0};
        int r = prepare(&loading, probes, problems);
        r = r < 0 ? r : source_files_add_text(&loading.files, name, text, length, true);
        r = r < 0 ? r : load_files(&loading);
        return finish(&loading, r, ret);
}
