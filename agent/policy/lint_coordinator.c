/* Whether what keeps others out of the coordinator can be read on the network. */

#include <string.h>

#include "base/str.h"
#include "policy/lint.h"

/* "HOST:PORT", with an IPv6 address in brackets. */
static bool is_this_host(const char *server) {
        return str_starts(server, "127.") || str_starts(server, "localhost:") ||
               str_eq(server, "localhost") || str_starts(server, "[::1]");
}

/* NULL: it is safe. */
static const char *address_in_plain(const struct coordinator_spec *spec, const char *server) {
        static const char plain[] = "http://";
        if (spec->kind == COORDINATOR_ETCD && !str_starts(server, plain)) {
                return NULL;
        }
        server += spec->kind == COORDINATOR_ETCD ? strlen(plain) : 0;
        return is_this_host(server) ? NULL : server;
}

void lint_coordinator(struct loading *loading) {
        const struct coordinator_spec *spec = &loading->policy->coordinator;
        const struct node *written = loading->config ? loading->config->coordinator : NULL;
        const struct node *servers = node_get(written, "servers");
        for (uint32_t i = 0; servers && spec->user && i < spec->servers.count; i++) {
                const char *address = address_in_plain(spec, spec->servers.items[i]);
                if (!address) {
                        continue;
                }
                loading_warning(loading, "plain-password", &servers->place,
                        spec->kind == COORDINATOR_ETCD
                                ? "use 'https://' and 'ca_file'"
                                : "reach it through stunnel on this host, or a tunnel such as WireGuard",
                        "the password of '%.64s' crosses the network to %.100s in plain text",
                        spec->user, address);
                return;
        }
}
