#pragma once
/* What is said to etcd's JSON gateway (the API v3 as JSON, with keys and values in base64) and what
 * it answers. Pure. Answers come from outside: every field is checked, sizes are limited. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum {
        ETCD_KEY_MAX = 512,
        ETCD_VALUE_MAX = 1536,
        ETCD_KEYS_MAX = 128, /* of one group; more are not looked at */
        ETCD_BODY_MAX = 512 * 1024,
};

struct etcd_key {
        char key[ETCD_KEY_MAX], value[ETCD_VALUE_MAX];
        uint64_t created, modified; /* revisions */
        uint64_t lease; /* 0: none */
};

struct etcd_keys {
        struct etcd_key items[ETCD_KEYS_MAX];
        size_t count;
};

/* Adds "key":"BASE64" with a comma behind it, or without. */
void etcd_add_text(struct strbuf *to, const char *name, const char *text, const char *behind);

/* The whole body of a log-in. */
void etcd_add_log_in(struct strbuf *to, const char *user, const char *password);

/* All: -EBADMSG: it is not what etcd says, and err has it. */
int etcd_parse_grant(const char *body, uint64_t *ret_lease, uint64_t *ret_ttl, struct error *err);
int etcd_parse_keepalive(const char *body, uint64_t *ret_ttl, struct error *err); /* 0: gone */
int etcd_parse_range(const char *body, struct etcd_keys *ret, struct error *err);
int etcd_parse_txn(const char *body, bool *ret_succeeded, struct error *err);
int etcd_parse_token(const char *body, char *ret, size_t size, struct error *err);

/* What an error of etcd says, printable; "" when it says nothing. */
void etcd_parse_error(const char *body, char *ret, size_t size);
