/* A node of ZooKeeper, set by its version in a session of a moment. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/coordinator_files.h"
#include "coordinator/zookeeper_session.h"
#include "fence/fence_node.h"

#define SESSION_TIMEOUT (6 * USEC_PER_SEC)

struct fence_node {
        struct zk_settings settings;
        struct zk_session session;
        atomic_bool closing;
        char folder[FENCE_FOLDER_MAX], path[ZK_PATH_MAX];
};

/* Turns a code of the library into an errno. */
static int explain(struct fence_node *node, int code, const char *path, struct error *err) {
        const char *why = node->session.why;
        switch (code) {
        case ZOK:
                return 0;
        case ZCONNECTIONLOSS:
        case ZOPERATIONTIMEOUT:
                return error_set(err, EAGAIN, "no server of the ensemble has answered in time%s%s",
                        *why ? ": " : "", why);
        default:
                (void) zk_explain(&node->session, code, path, err);
                return -err->code;
        }
}

static int connect_now(struct fence_node *node, struct error *err) {
        struct zk_session *session = &node->session;
        while (!session->connected && clock_now().mono < node->settings.give_up) {
                if (!zk_session_wait(session, node->settings.give_up)) {
                        return error_set(
                                err, EACCES, "the ensemble ended the session: %s", session->why);
                }
        }
        return session->connected ? 0 : explain(node, ZCONNECTIONLOSS, "", err);
}

static int refuse_open(struct fence_node *node, const char *path, struct error *err) {
        bool open = false;
        int r = explain(node, zk_is_open(&node->session, path, &open), path, err);
        if (r == 0 && open) {
                r = error_set(err, EPERM,
                        "%s: anybody may change it; remove it, or give it an ACL of the user alone",
                        path);
        }
        return r;
}

static void node_close(struct fence_node *node) {
        zk_session_end(&node->session);
        explicit_bzero(&node->settings, sizeof(node->settings));
        free(node);
}

static int fill_settings(
        struct fence_node *node, const struct coordinator_spec *spec, struct error *err) {
        struct zk_settings *settings = &node->settings;
        struct coordinator_files files;
        size_t length = 0;
        int r = coordinator_files_read(&files, spec, err);
        if (r < 0) {
                return r;
        }
        (void) snprintf(settings->login, sizeof(settings->login), "%.100s:%.128s", spec->user,
                files.password);
        coordinator_files_done(&files);
        for (uint32_t i = 0; i < spec->servers.count && length < ZK_SERVERS_MAX; i++) {
                length += (size_t) snprintf(settings->servers + length, ZK_SERVERS_MAX - length,
                        "%s%s", i > 0 ? "," : "", spec->servers.items[i]);
        }
        settings->timeout = SESSION_TIMEOUT;
        settings->closing = &node->closing;
        settings->wake_fd = -1;
        return zookeeper_library_load(&settings->library, err);
}

static int prepare(struct fence_node *node, struct error *err) {
        char failed[ZK_PATH_MAX] = "";
        int r = connect_now(node, err);
        if (r == 0) {
                int code = zk_make_path(&node->session, node->folder, failed);
                r = explain(node, code, failed, err);
        }
        return r == 0 ? refuse_open(node, node->folder, err) : r;
}

static int node_open(struct fence_node **ret, const struct coordinator_spec *spec, const char *name,
        usec_t deadline, struct error *err) {
        struct fence_node *node = calloc(1, sizeof(*node));
        if (!node) {
                return error_set_errno(err, ENOMEM, "a session");
        }
        fence_folder(spec, node->folder);
        (void) snprintf(node->path, sizeof(node->path), "%s/%s", node->folder, name);
        node->settings.give_up = deadline;
        int r = fill_settings(node, spec, err);
        if (r == 0 && zk_session_open(&node->session, &node->settings, NULL) != ZOK) {
                r = error_set(err, EINVAL, "a session could not be begun: %s", node->session.why);
        }
        while (r == 0 && (r = prepare(node, err)) == -EAGAIN && clock_now().mono < deadline) {
                r = 0;
        }
        if (r < 0) {
                node_close(node);
                return r == -EAGAIN ? -ETIMEDOUT : r;
        }
        *ret = node;
        return 0;
}

/* Version 0 of ZooKeeper is one that is there: here it is 1. */
static int node_read(struct fence_node *node, char ret_text[FENCE_TEXT_MAX], uint64_t *ret_version,
        struct error *err) {
        char data[ZK_DATA_MAX];
        struct Stat stat;
        int r = connect_now(node, err);
        if (r < 0) {
                return r;
        }
        int code = zk_get(&node->session, node->path, false, data, &stat);
        *ret_version = 0;
        if (code == ZNONODE) {
                *ret_text = '\0';
                return 0;
        }
        r = explain(node, code, node->path, err);
        r = r == 0 ? refuse_open(node, node->path, err) : r;
        if (r == 0) {
                *ret_version = (uint64_t) (uint32_t) stat.version + 1;
                if (!str_copy(ret_text, FENCE_TEXT_MAX, data)) {
                        *ret_text = '\0'; /* too long for a number */
                }
        }
        return r;
}

static int node_write(
        struct fence_node *node, const char *text, uint64_t version, struct error *err) {
        int code = version == 0 ? zk_create(&node->session, node->path, text, 0)
                                : zk_set(&node->session, node->path, text,
                                          (int) (uint32_t) (version - 1));
        return code == ZNODEEXISTS || code == ZNONODE || code == ZBADVERSION
                       ? error_set(err, EAGAIN, "others changed %s again and again", node->path)
                       : explain(node, code, node->path, err);
}

const struct fence_node_kind fence_zookeeper = {node_open, node_close, node_read, node_write};
