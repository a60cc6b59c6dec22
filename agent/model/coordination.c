#include "model/coordination.h"

#include <string.h>

#include "base/str.h"

const struct enum_text coordinator_kind_texts[] = {
        {COORDINATOR_LOCAL, "local", "This host: the members are services of it."},
        {COORDINATOR_ZOOKEEPER, "zookeeper", "An ensemble of ZooKeeper."},
        {COORDINATOR_ETCD, "etcd", "A cluster of etcd."},
        {0},
};

const struct enum_text coordinator_session_texts[] = {
        {SESSION_CONNECTING, "connecting", NULL},
        {SESSION_CONNECTED, "connected", NULL},
        {SESSION_LOST, "lost", NULL},
        {SESSION_REFUSED, "refused", NULL},
        {0},
};

const struct enum_text lease_standing_texts[] = {
        {LEASE_UNKNOWN, "unknown", NULL},
        {LEASE_FREE, "free", NULL},
        {LEASE_OTHER, "other", NULL},
        {LEASE_OURS, "ours", NULL},
        {0},
};

bool member_is_on_host(const char *id, const char *host) {
        size_t length = strlen(host);
        return strncmp(id, host, length) == 0 && id[length] == '/';
}

void member_path_name(const char *id, char ret[COORDINATION_MEMBER_MAX]) {
        (void) str_copy(ret, COORDINATION_MEMBER_MAX, id);
        for (char *slash = ret; (slash = strchr(slash, '/'));) {
                *slash = ':';
        }
}
