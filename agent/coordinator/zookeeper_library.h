#pragma once
/* libzookeeper, loaded when a policy asks for it: the agent starts on hosts that do not have it. */

#include <sys/time.h>
#include <zookeeper/zookeeper.h>

#include "base/error.h"

struct zookeeper_library {
        __typeof__(zookeeper_init2) *init;
        __typeof__(zookeeper_close) *close;
        __typeof__(zookeeper_interest) *interest;
        __typeof__(zookeeper_process) *process;
        __typeof__(zoo_set_servers_resolution_delay) *set_resolution_delay;
        __typeof__(zoo_state) *state;
        __typeof__(zoo_client_id) *client_id;
        __typeof__(zoo_recv_timeout) *timeout;
        __typeof__(zoo_add_auth) *add_auth;
        __typeof__(zoo_acreate) *create;
        __typeof__(zoo_adelete) *remove;
        __typeof__(zoo_awget) *get;
        __typeof__(zoo_aset) *set;
        __typeof__(zoo_awget_children) *children;
        __typeof__(zoo_aget_acl) *get_acl;
        __typeof__(zerror) *error_text;
};

/* Loads it once for the process; it stays. -ENOENT: it is not installed, or not as it should be. */
int zookeeper_library_load(const struct zookeeper_library **ret, struct error *err);
