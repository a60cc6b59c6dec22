/* A key of etcd, over its JSON gateway: a read of the key, and a transaction on its mod revision.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/coordinator.h"
#include "coordinator/coordinator_files.h"
#include "coordinator/etcd_text.h"
#include "fence/fence_node.h"
#include "io/http_client.h"

enum { TOKEN_MAX = 1024 };

#define PAUSE (50 * USEC_PER_MSEC) /* before another server is asked */
#define TRY_MIN (500 * USEC_PER_MSEC) /* what is shorter only hides what went wrong before */

struct fence_node {
        const struct coordinator_spec *spec;
        struct coordinator_files files;
        usec_t deadline;
        struct loop *loop;
        struct http_client *client;
        char key[ETCD_KEY_MAX];
        uint32_t server; /* that is asked */
        char url[512], header[TOKEN_MAX + 32]; /* header: with the token; "": not logged in */
        struct strbuf body, answer;
        struct etcd_keys *keys;

        bool answered; /* and by what: */
        enum http_outcome outcome;
        int status;
        char why[COORDINATION_WHY_MAX];
};

/* ---- requests ---- */

static void on_answer(void *cookie, const struct http_result *result) {
        struct fence_node *node = cookie;
        node->answered = true;
        node->outcome = result->outcome;
        node->status = result->status;
        (void) str_copy(node->why, sizeof(node->why), result->error ? result->error : "");
        strbuf_reset(&node->answer);
        strbuf_add(&node->answer, result->body ? result->body : "");
}

static int send_request(struct fence_node *node, const char *path, struct error *err) {
        const char *headers[] = {"Content-Type: application/json", node->header};
        usec_t left = usec_sub(node->deadline, clock_now().mono);
        const char *server = node->spec->servers.items[node->server];
        size_t length = coordinator_setting_length(server);
        (void) snprintf(node->url, sizeof(node->url), "%.*s/v3/%s",
                (int) (length < 400 ? length : 400), server, path);
        const struct http_request request = {
                .url = node->url,
                .method = "POST",
                .headers = headers,
                .n_headers = *node->header ? 2 : 1,
                .body = strbuf_text(&node->body),
                .body_length = node->body.length,
                .timeout = left / 2 > TRY_MIN ? left / 2 : TRY_MIN, /* the others need time too */
                .max_body = ETCD_BODY_MAX,
                .tls = coordinator_files_tls(&node->files, node->spec->ca_file),
        };
        node->answered = false;
        int r = node->body.failed
                        ? error_set_errno(err, ENOMEM, "a request")
                        : http_client_start(node->client, &request, on_answer, node, NULL, err);
        while (r == 0 && !node->answered) {
                r = loop_turn(node->loop, USEC_INFINITY) < 0 ? -EIO : 0;
        }
        return r;
}

/* Of an answer that is none of a server that is well: -EAGAIN where another one may be better. */
static int judge(struct fence_node *node, const char *path, struct error *err) {
        char said[COORDINATION_WHY_MAX] = "";
        const char *server = node->spec->servers.items[node->server];
        bool away = node->outcome != HTTP_OK || node->status >= 500;
        if (node->outcome == HTTP_OK && node->status == 200) {
                return 0;
        }
        if (node->outcome == HTTP_OK) {
                etcd_parse_error(strbuf_text(&node->answer), said, sizeof(said));
        }
        if (away) {
                node->server = (node->server + 1) % node->spec->servers.count;
                (void) loop_turn(node->loop, PAUSE);
        }
        if (node->outcome == HTTP_TIMEOUT && err->code != 0) {
                return -EAGAIN; /* what was said before tells more */
        }
        if (node->outcome != HTTP_OK) {
                return error_set(err, EAGAIN, "%s: %s", server, node->why);
        }
        if (*said) {
                return error_set(err, away ? EAGAIN : EACCES, "%s: %s: %s", server, path, said);
        }
        return error_set(err, away ? EAGAIN : EBADMSG,
                "%s: status %d for /v3/%s: this is no etcd of version 3.4 or later", server,
                node->status, path);
}

/* Every server in turn until one answers or the time is over. With another answer than 200 the
 * request did nothing, or it is not known what it did. */
static int ask(struct fence_node *node, const char *path, struct error *err) {
        int r;
        do {
                r = send_request(node, path, err);
                r = r == 0 ? judge(node, path, err) : r;
        } while (r == -EAGAIN && usec_add(clock_now().mono, TRY_MIN) < node->deadline);
        return r;
}

static int log_in(struct fence_node *node, struct error *err) {
        char token[TOKEN_MAX];
        if (!node->spec->user) {
                return 0;
        }
        strbuf_reset(&node->body);
        etcd_add_log_in(&node->body, node->spec->user, node->files.password);
        int r = ask(node, "auth/authenticate", err);
        r = r == 0 ? etcd_parse_token(strbuf_text(&node->answer), token, sizeof(token), err) : r;
        if (r == 0) {
                (void) snprintf(node->header, sizeof(node->header), "Authorization: %s", token);
        }
        return r;
}

/* ---- the node ---- */

static void node_close(struct fence_node *node) {
        http_client_free(node->client);
        loop_free(node->loop);
        coordinator_files_done(&node->files);
        strbuf_done(&node->body);
        strbuf_done(&node->answer);
        free(node->keys);
        free(node);
}

static int node_open(struct fence_node **ret, const struct coordinator_spec *spec, const char *name,
        usec_t deadline, struct error *err) {
        char folder[FENCE_FOLDER_MAX];
        struct fence_node *node = calloc(1, sizeof(*node));
        if (!node) {
                return error_set_errno(err, ENOMEM, "a request");
        }
        node->spec = spec;
        node->deadline = deadline;
        fence_folder(spec, folder);
        (void) snprintf(node->key, sizeof(node->key), "%s/%s", folder, name);
        node->keys = calloc(1, sizeof(*node->keys));
        int r = node->keys ? 0 : error_set_errno(err, ENOMEM, "a request");
        r = r < 0 ? r : coordinator_files_read(&node->files, spec, err);
        r = r < 0 ? r : loop_new(&node->loop, err);
        r = r < 0 ? r : http_client_new(&node->client, node->loop, NULL, err);
        r = r < 0 ? r : log_in(node, err);
        if (r < 0) {
                node_close(node);
                return r == -EAGAIN ? -ETIMEDOUT : r;
        }
        *ret = node;
        return 0;
}

/* Not `serializable`: such a read may be one of a server that is cut off. */
static int node_read(struct fence_node *node, char ret_text[FENCE_TEXT_MAX], uint64_t *ret_version,
        struct error *err) {
        strbuf_reset(&node->body);
        strbuf_add_char(&node->body, '{');
        etcd_add_text(&node->body, "key", node->key, "}");
        int r = ask(node, "kv/range", err);
        r = r == 0 ? etcd_parse_range(strbuf_text(&node->answer), node->keys, err) : r;
        if (r < 0) {
                return r;
        }
        const struct etcd_key *key = node->keys->count > 0 ? &node->keys->items[0] : NULL;
        *ret_version = key ? key->modified : 0;
        if (!str_copy(ret_text, FENCE_TEXT_MAX, key ? key->value : "")) {
                *ret_text = '\0'; /* too long for a number */
        }
        return 0;
}

static int node_write(
        struct fence_node *node, const char *text, uint64_t version, struct error *err) {
        bool succeeded = false;
        strbuf_reset(&node->body);
        strbuf_add(&node->body, "{\"compare\":[{\"target\":\"MOD\",");
        etcd_add_text(&node->body, "key", node->key, ",");
        strbuf_addf(&node->body,
                "\"mod_revision\":\"%" PRIu64 "\"}],\"success\":[{\"request_put\":{", version);
        etcd_add_text(&node->body, "key", node->key, ",");
        etcd_add_text(&node->body, "value", text, "}}]}");
        int r = ask(node, "kv/txn", err);
        r = r == 0 ? etcd_parse_txn(strbuf_text(&node->answer), &succeeded, err) : r;
        return r == 0 && !succeeded
                       ? error_set(err, EAGAIN, "others changed %s again and again", node->key)
                       : r;
}

const struct fence_node_kind fence_etcd = {node_open, node_close, node_read, node_write};
