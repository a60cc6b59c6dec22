#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/loading.h"

enum { SHA256_BYTES = 32 };

/* ---- Canonical form ----------------------------------------------------------------------------
 */

/* Lengths and counts in front make it unambiguous; keys are sorted, so the order in a file does not
 * matter. */
static void add_text(struct strbuf *out, const char *text) {
        size_t length = strlen(text);
        strbuf_add_char(out, 's');
        strbuf_add_u64(out, length);
        strbuf_add_char(out, ':');
        strbuf_add_bytes(out, text, length);
}

static void add_count(struct strbuf *out, char kind, uint32_t count) {
        strbuf_add_char(out, kind);
        strbuf_add_u64(out, count);
        strbuf_add_char(out, ':');
}

void digest_add_node(struct strbuf *out, const struct node *node) {
        switch ((enum node_kind) node->kind) {
        case NODE_NULL:
                strbuf_add_char(out, 'n');
                return;
        case NODE_SCALAR:
                add_text(out, node->text);
                return;
        case NODE_LIST:
                add_count(out, 'l', node->count);
                for (uint32_t i = 0; i < node->count; i++) {
                        digest_add_node(out, node->items[i]);
                }
                return;
        case NODE_MAPPING:
                add_count(out, 'm', node->count);
                for (uint32_t i = 0; i < node->count; i++) {
                        const struct entry *entry = &node->entries[node->order[i]];
                        add_text(out, entry->key->text);
                        digest_add_node(out, entry->value);
                }
                return;
        }
}

/* What a service extends is in it already; by which way does not matter. */
static void add_service(struct strbuf *out, const struct node *whole) {
        if (whole->kind != NODE_MAPPING) {
                digest_add_node(out, whole);
                return;
        }
        for (uint32_t i = 0; i < whole->count; i++) {
                const struct entry *entry = &whole->entries[whole->order[i]];
                if (!str_eq(entry->key->text, "extends")) {
                        add_text(out, entry->key->text);
                        digest_add_node(out, entry->value);
                }
        }
}

/* The group is part of what its members may do. */
static void add_group(
        const struct loading *loading, struct strbuf *out, const struct group_spec *group) {
        add_text(out, group->name);
        add_count(out, 'a', group->budget.actions);
        strbuf_add_u64(out, group->budget.per);
        if (group->mode != GROUP_SHARED_BUDGET) {
                digest_add_node(out, loading->groups[group->index]->value);
        }
}

/* ---- Hashing ----------------------------------------------------------------------------------
 */

static int hash(EVP_MD_CTX *context, const EVP_MD *type, const struct strbuf *text,
        char ret[POLICY_DIGEST_MAX]) {
        unsigned char bytes[SHA256_BYTES];
        if (text->failed || !EVP_DigestInit_ex(context, type, NULL) ||
                !EVP_DigestUpdate(context, text->data ? text->data : "", text->length) ||
                !EVP_DigestFinal_ex(context, bytes, NULL)) {
                return -ENOMEM;
        }
        for (size_t i = 0; i < SHA256_BYTES; i++) {
                static const char digits[] = "0123456789abcdef";
                ret[2 * i] = digits[bytes[i] >> 4];
                ret[2 * i + 1] = digits[bytes[i] & 0xF];
        }
        ret[2 * SHA256_BYTES] = '\0';
        return 0;
}

static int compare_services(const void *left, const void *right) {
        const struct service *const *a = left, *const *b = right;
        return strcmp((*a)->name, (*b)->name);
}

/* All services by name, whichever files they are in, and the agent's settings. */
static int add_policy(const struct loading *loading, struct strbuf *out) {
        const struct policy *policy = loading->policy;
        const struct service **sorted = arena_alloc_array(
                loading->scratch, policy->n_services + 1, sizeof(const struct service *));
        if (!sorted) {
                return -ENOMEM;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                sorted[i] = &policy->services[i];
        }
        qsort(sorted, policy->n_services, sizeof(const struct service *), compare_services);
        for (uint32_t i = 0; i < policy->n_services; i++) {
                add_text(out, sorted[i]->name);
                add_text(out, sorted[i]->digest);
        }
        if (loading->config && loading->config->agent) {
                digest_add_node(out, loading->config->agent);
        }
        if (loading->config && loading->config->coordinator) {
                digest_add_node(out, loading->config->coordinator);
        }
        return 0;
}

/* Its parameters are what stands under the name of its type; an implied probe has none. */
static const struct node *parameters_of(
        const struct loading *loading, const struct node *whole, const struct probe_spec *probe) {
        const struct node *probes = node_get(whole, "probes");
        const struct node *node =
                probes && probes->kind == NODE_MAPPING ? node_get(probes, probe->name) : NULL;
        return node && node->kind == NODE_MAPPING ? node_get(node, loading->probes[probe->type].key)
                                                  : NULL;
}

static int digest_probes(const struct loading *loading, uint32_t index, EVP_MD_CTX *context,
        const EVP_MD *type, struct strbuf *text) {
        struct service *service = &loading->policy->services[index];
        char digest[POLICY_DIGEST_MAX];
        for (uint32_t i = 0; i < service->n_probes; i++) {
                struct probe_spec *probe = &service->probes[i];
                const struct node *parameters =
                        parameters_of(loading, loading->origins[index].whole, probe);
                if (!parameters) {
                        continue;
                }
                strbuf_reset(text);
                digest_add_node(text, parameters);
                int r = hash(context, type, text, digest);
                if (r < 0) {
                        return r;
                }
                digest[16] = '\0'; /* as much as a number holds */
                probe->digest = strtoull(digest, NULL, 16);
        }
        return 0;
}

static int digest_all(
        struct loading *loading, EVP_MD_CTX *context, const EVP_MD *type, struct strbuf *text) {
        struct policy *policy = loading->policy;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                strbuf_reset(text);
                add_service(text, loading->origins[i].whole);
                if (policy->services[i].group) {
                        add_group(loading, text, policy->services[i].group);
                }
                int r = hash(context, type, text, policy->services[i].digest);
                if (r == 0) {
                        r = digest_probes(loading, i, context, type, text);
                }
                if (r < 0) {
                        return r;
                }
        }
        strbuf_reset(text);
        int r = add_policy(loading, text);
        return r < 0 ? r : hash(context, type, text, policy->digest);
}

int digest_policy(struct loading *loading) {
        AUTO_STRBUF struct strbuf text = {0};
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_MD *type = EVP_MD_fetch(NULL, "SHA256", NULL);
        int r = context && type ? digest_all(loading, context, type, &text) : -ENOMEM;
        EVP_MD_free(type);
        EVP_MD_CTX_free(context);
        return r;
}
