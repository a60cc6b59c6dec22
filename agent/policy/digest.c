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

static void add_node(struct strbuf *out, const struct node *node) {
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
                        add_node(out, node->items[i]);
                }
                return;
        case NODE_MAPPING:
                add_count(out, 'm', node->count);
                for (uint32_t i = 0; i < node->count; i++) {
                        const struct entry *entry = &node->entries[node->order[i]];
                        add_text(out, entry->key->text);
                        add_node(out, entry->value);
                }
                return;
        }
}

/* What a service extends is in it already; by which way does not matter. */
static void add_service(struct strbuf *out, const struct node *whole) {
        if (whole->kind != NODE_MAPPING) {
                add_node(out, whole);
                return;
        }
        for (uint32_t i = 0; i < whole->count; i++) {
                const struct entry *entry = &whole->entries[whole->order[i]];
                if (!str_eq(entry->key->text, "extends")) {
                        add_text(out, entry->key->text);
                        add_node(out, entry->value);
                }
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
                add_node(out, loading->config->agent);
        }
        return 0;
}

static int digest_all(
        struct loading *loading, EVP_MD_CTX *context, const EVP_MD *type, struct strbuf *text) {
        struct policy *policy = loading->policy;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                strbuf_reset(text);
                add_service(text, loading->origins[i].whole);
                int r = hash(context, type, text, policy->services[i].digest);
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
