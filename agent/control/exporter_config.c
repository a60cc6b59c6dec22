#include "control/exporter_config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "policy/problems.h"
#include "policy/yaml_tree.h"

struct reader {
        struct exporter_config *config;
        struct problems *problems;
        const char *directory;
        const struct node *client_auth, *client_ca; /* where they were written */
        bool verify_clients;
};

/* What a key means: it is taken, or refused for a reason. */
struct key_row {
        const char *key; /* ends the table when NULL */
        void (*take)(struct reader *reader, const struct node *value);
        const char *refusal;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct reader *reader, const struct node *node, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        problems_vadd(reader->problems, PROBLEM_ERROR, "web-config", &node->place, NULL, format,
                arguments);
        va_end(arguments);
}

/* ---- Mappings ------------------------------------------------------------------------------- */

static size_t count_rows(const struct key_row *rows) {
        size_t n = 0;
        while (rows[n].key) {
                n++;
        }
        return n;
}

static const struct key_row *find_row(const struct key_row *rows, const char *key) {
        for (; rows->key; rows++) {
                if (str_eq(rows->key, key)) {
                        return rows;
                }
        }
        return NULL;
}

static void complain_unknown(
        struct reader *reader, const struct key_row *rows, const struct node *key) {
        char hint[PROBLEM_HINT_MAX];
        const char *near = problems_nearest(key->text, rows, count_rows(rows), sizeof(*rows));
        problems_add(reader->problems, PROBLEM_ERROR, "unknown-key", &key->place,
                problems_did_you_mean(near, hint), "unknown key '%s'", key->text);
}

static void take_entry(
        struct reader *reader, const struct key_row *rows, const struct entry *entry) {
        const struct key_row *row = find_row(rows, entry->key->text);
        if (!row) {
                complain_unknown(reader, rows, entry->key);
        } else if (row->refusal) {
                complain(
                        reader, entry->key, "%s is not supported here: %s", row->key, row->refusal);
        } else {
                row->take(reader, entry->value);
        }
}

static void take_mapping(
        struct reader *reader, const struct key_row *rows, const struct node *node) {
        char text[NODE_QUOTE_MAX];
        if (node->kind == NODE_NULL) {
                return;
        }
        if (node->kind != NODE_MAPPING) {
                complain(reader, node, "expected a mapping, not %s", node_describe(node, text));
                return;
        }
        for (uint32_t i = 0; i < node->count; i++) {
                take_entry(reader, rows, &node->entries[i]);
        }
}

/* The text of a scalar that is not empty, or NULL after a complaint. */
static const char *scalar(struct reader *reader, const struct node *node, const char *what) {
        char text[NODE_QUOTE_MAX];
        if (node->kind == NODE_SCALAR && *node->text) {
                return node->text;
        }
        complain(reader, node, "expected %s, not %s", what, node_describe(node, text));
        return NULL;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static int read_all(int fd, char *to, size_t size) {
        size_t length = 0;
        while (length < size) {
                ssize_t n = read(fd, to + length, size - length);
                if (n < 0 && errno == EINTR) {
                        continue;
                }
                if (n < 0) {
                        return -errno;
                }
                if (n == 0) {
                        break;
                }
                length += (size_t) n;
        }
        to[length] = '\0';
        return 0;
}

/* Not blocking, so that a pipe in the place of the file cannot hold the agent up. */
static int open_regular(const char *path, size_t *ret_size) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) < 0) {
                return -errno;
        }
        if (!S_ISREG(status.st_mode)) {
                return -EISDIR;
        }
        if (status.st_size > EXPORTER_PEM_MAX) {
                return -EFBIG;
        }
        *ret_size = (size_t) status.st_size;
        return TAKE_FD(fd);
}

static int read_file(struct reader *reader, const char *path, char **ret) {
        size_t size = 0;
        AUTO_CLOSE int fd = open_regular(path, &size);
        if (fd < 0) {
                return fd;
        }
        char *text = arena_alloc(reader->config->arena, size + 1);
        if (!text) {
                return -ENOMEM;
        }
        *ret = text;
        return read_all(fd, text, size);
}

/* The PEM text of a file that a key names. */
static void take_pem(struct reader *reader, const struct node *node, const char **to) {
        const char *name = scalar(reader, node, "the path of a PEM file");
        char path[PATH_MAX], *text = NULL;
        if (!name) {
                return;
        }
        bool absolute = name[0] == '/';
        int length = snprintf(path, sizeof(path), "%s%s%s", absolute ? "" : reader->directory,
                absolute ? "" : "/", name);
        int r = length < PATH_MAX ? read_file(reader, path, &text) : -ENAMETOOLONG;
        if (r < 0) {
                complain(reader, node, "cannot read %s: %s", path, strerror(-r));
        } else if (!strstr(text, "-----BEGIN ")) {
                complain(reader, node, "%s holds no PEM text", path);
        } else {
                *to = text;
        }
}

/* ---- tls_server_config ---------------------------------------------------------------------- */

static void take_certificate(struct reader *reader, const struct node *node) {
        take_pem(reader, node, &reader->config->tls_certificate);
}

static void take_key(struct reader *reader, const struct node *node) {
        take_pem(reader, node, &reader->config->tls_key);
}

static void take_client_ca(struct reader *reader, const struct node *node) {
        reader->client_ca = node;
        take_pem(reader, node, &reader->config->tls_client_ca);
}

static void take_client_auth(struct reader *reader, const struct node *node) {
        const char *type = scalar(reader, node, "the name of a policy");
        reader->client_auth = node;
        reader->verify_clients = str_eq(type, "RequireAndVerifyClientCert");
        if (type && !reader->verify_clients && !str_eq(type, "NoClientCert")) {
                complain(reader, node,
                        "client_auth_type '%s' is not supported here: use "
                        "RequireAndVerifyClientCert or NoClientCert",
                        type);
        }
}

static const struct {
        const char *name, *priorities;
} versions[] = {
        {"TLS12", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"}, /* the standard */
        {"TLS13", "NORMAL:-VERS-ALL:+VERS-TLS1.3"},
};

static void take_min_version(struct reader *reader, const struct node *node) {
        const char *name = scalar(reader, node, "TLS12 or TLS13");
        for (size_t i = 0; name && i < ELEMENTSOF(versions); i++) {
                if (str_eq(versions[i].name, name)) {
                        reader->config->tls_priorities = versions[i].priorities;
                        return;
                }
        }
        if (name) {
                complain(reader, node, "min_version '%s' is not supported here: use TLS12 or TLS13",
                        name);
        }
}

static const char inline_pem[] = "name a file instead, which can be kept from other readers";
static const char gnutls_decides[] =
        "GnuTLS decides, by the policy of the system (/etc/gnutls/config)";

static const struct key_row tls_rows[] = {
        {"cert_file", take_certificate, NULL},
        {"key_file", take_key, NULL},
        {"client_auth_type", take_client_auth, NULL},
        {"client_ca_file", take_client_ca, NULL},
        {"min_version", take_min_version, NULL},
        {"cert", NULL, inline_pem},
        {"key", NULL, inline_pem},
        {"client_ca", NULL, inline_pem},
        {"client_allowed_sans", NULL, "use a certificate authority of its own for the clients"},
        {"max_version", NULL, gnutls_decides},
        {"cipher_suites", NULL, gnutls_decides},
        {"curve_preferences", NULL, gnutls_decides},
        {"prefer_server_cipher_suites", NULL, gnutls_decides},
        {NULL},
};

static void check_tls(struct reader *reader, const struct node *node) {
        const struct exporter_config *config = reader->config;
        bool has_ca = node_get(node, "client_ca_file") != NULL;
        if (!node_get(node, "cert_file") || !node_get(node, "key_file")) {
                complain(reader, node, "TLS needs both cert_file and key_file");
        }
        if (has_ca && !reader->verify_clients && config->tls_client_ca) {
                complain(reader, reader->client_ca,
                        "client_ca_file does nothing without client_auth_type: "
                        "RequireAndVerifyClientCert");
        }
        if (!has_ca && reader->verify_clients) {
                complain(reader, reader->client_auth,
                        "RequireAndVerifyClientCert needs client_ca_file");
        }
}

static void take_tls(struct reader *reader, const struct node *node) {
        take_mapping(reader, tls_rows, node);
        if (node->kind != NODE_MAPPING || node->count == 0) {
                return;
        }
        if (!reader->config->tls_priorities) {
                reader->config->tls_priorities = versions[0].priorities;
        }
        check_tls(reader, node);
}

/* ---- http_server_config --------------------------------------------------------------------- */

static void take_http2(struct reader *reader, const struct node *node) {
        const char *value = scalar(reader, node, "true or false");
        if (value && !str_eq(value, "false")) {
                complain(reader, node, "HTTP/2 is not spoken here: write false, or leave it away");
        }
}

static const struct key_row http_rows[] = {
        {"http2", take_http2, NULL},
        {"headers", NULL, "the listener sends fixed ones"},
        {NULL},
};

static void take_http(struct reader *reader, const struct node *node) {
        take_mapping(reader, http_rows, node);
}

/* ---- basic_auth_users ----------------------------------------------------------------------- */

/* $2b$12$ and 53 characters of salt and hash. */
static bool is_bcrypt(const char *hash, int *ret_cost) {
        static const char alphabet[] =
                "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        enum { HASH_LENGTH = 60, PREFIX_LENGTH = 7 };
        bool prefix = strlen(hash) == HASH_LENGTH && str_starts(hash, "$2") &&
                      strchr("aby", hash[2]) && hash[3] == '$' &&
                      isdigit((unsigned char) hash[4]) && isdigit((unsigned char) hash[5]) &&
                      hash[6] == '$';
        if (!prefix || strspn(hash + PREFIX_LENGTH, alphabet) != HASH_LENGTH - PREFIX_LENGTH) {
                return false;
        }
        *ret_cost = (hash[4] - '0') * 10 + (hash[5] - '0');
        return true;
}

static bool check_hash(struct reader *reader, const struct node *node, const char *hash) {
        enum { COST_MIN = 4 };
        int cost;
        if (!is_bcrypt(hash, &cost)) { /* what it is instead may be a password: not quoted */
                complain(reader, node,
                        "expected a bcrypt hash such as `htpasswd -nBC 10 NAME` prints");
                return false;
        }
        if (cost < COST_MIN || cost > EXPORTER_COST_MAX) {
                complain(reader, node, "the cost of a bcrypt hash has to be %d to %d, not %d",
                        COST_MIN, EXPORTER_COST_MAX, cost);
                return false;
        }
        return true;
}

static void take_user(struct reader *reader, const struct entry *entry) {
        struct exporter_config *config = reader->config;
        const char *hash = scalar(reader, entry->value, "a bcrypt hash");
        if (!*entry->key->text || strchr(entry->key->text, ':')) {
                complain(reader, entry->key, "a user name is not empty and holds no colon");
                return;
        }
        if (!hash || !check_hash(reader, entry->value, hash)) {
                return;
        }
        config->users[config->n_users++] = (struct exporter_user){
                .name = arena_strdup(config->arena, entry->key->text),
                .hash = arena_strdup(config->arena, hash),
        };
}

static void take_users(struct reader *reader, const struct node *node) {
        char text[NODE_QUOTE_MAX];
        struct exporter_config *config = reader->config;
        if (node->kind != NODE_MAPPING || node->count == 0) { /* not an open door by mistake */
                complain(reader, node, "expected users and their bcrypt hashes, not %s",
                        node_describe(node, text));
                return;
        }
        if (node->count > EXPORTER_USERS_MAX) {
                complain(reader, node, "more than %d users", EXPORTER_USERS_MAX);
                return;
        }
        config->users = arena_alloc_array(config->arena, node->count, sizeof(*config->users));
        for (uint32_t i = 0; config->users && i < node->count; i++) {
                take_user(reader, &node->entries[i]);
        }
}

static const struct key_row top_rows[] = {
        {"tls_server_config", take_tls, NULL},
        {"http_server_config", take_http, NULL},
        {"basic_auth_users", take_users, NULL},
        {"rate_limit", NULL, "the number of connections is limited instead"},
        {NULL},
};

/* ---- Loading -------------------------------------------------------------------------------- */

/* One line for a log; `recoverctl check` is not about this file. */
static int report(const char *path, struct problems *problems, struct error *err) {
        problems_sort(problems);
        if (problems->failed || problems->count == 0) {
                return error_set_errno(err, ENOMEM, "%s", path);
        }
        const struct problem *first = &problems->items[0];
        char more[64] = "";
        if (problems->errors > 1) {
                (void) snprintf(more, sizeof(more), " (and %zu more)", problems->errors - 1);
        }
        char where[32] = ""; /* the file as a whole */
        if (first->line > 0) {
                (void) snprintf(where, sizeof(where), ":%u:%u", first->line, first->column);
        }
        return error_set(err, EINVAL, "%s%s: %s%s%s%s", path, where, first->message,
                first->hint ? "; " : "", first->hint ? first->hint : "", more);
}

static int read_tree(
        const char *path, struct arena *arena, struct problems *problems, const struct node **ret) {
        struct source_files files = {.arena = arena};
        uint32_t nodes = 0;
        struct policy_sources sources = {.config = path, .trusted_only = true};
        *ret = NULL;
        int r = source_files_read(&files, &sources, problems);
        if (r == 0 && problems->errors == 0 && files.count == 1) {
                r = yaml_tree_parse(files.items[0], arena, &nodes, problems, ret);
        }
        source_files_done(&files);
        return r;
}

/* Takes what is in the tree; whether memory was enough for all that was wanted. */
static bool fill(struct reader *reader, const struct node *root) {
        struct exporter_config *config = reader->config;
        take_mapping(reader, top_rows, root);
        for (size_t i = 0; i < config->n_users; i++) {
                if (!config->users[i].name || !config->users[i].hash) {
                        return false;
                }
        }
        return !node_get(root, "basic_auth_users") || config->users || reader->problems->errors > 0;
}

static int load(const char *path, struct exporter_config *config, struct problems *problems,
        struct error *err) {
        char copy[PATH_MAX];
        const struct node *root;
        if (!str_copy(copy, sizeof(copy), path)) {
                return error_set_errno(err, ENAMETOOLONG, "%s", path);
        }
        struct reader reader = {config, problems, dirname(copy)};
        int r = read_tree(path, config->arena, problems, &root);
        if (r == 0 && root && !fill(&reader, root)) {
                r = -ENOMEM;
        }
        if (r < 0) {
                return error_set_errno(err, -r, "%s", path);
        }
        return problems->errors > 0 || problems->failed ? report(path, problems, err) : 0;
}

int exporter_config_load(const char *path, struct exporter_config **ret, struct error *err) {
        AUTO(problems_done) struct problems problems = {0};
        struct arena *arena = arena_new();
        struct exporter_config *config = arena ? arena_alloc(arena, sizeof(*config)) : NULL;
        if (!config) {
                arena_free(arena);
                return error_set_errno(err, ENOMEM, "%s", path);
        }
        config->arena = arena;
        int r = load(path, config, &problems, err);
        if (r < 0) {
                exporter_config_free(config);
                return r;
        }
        *ret = config;
        return 0;
}

void exporter_config_free(struct exporter_config *config) {
        if (config) {
                arena_free(config->arena); /* holds the configuration itself */
        }
}
