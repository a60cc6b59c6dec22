#pragma once
/* The `web.config.file` that Prometheus exporters share: TLS and basic authentication of the
 * listener. https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
 *
 * What cannot be honoured here is refused, never ignored: a file that asks for more protection than
 * the listener gives is an error, with its place. */

#include <stddef.h>

#include "base/error.h"

enum {
        EXPORTER_USERS_MAX = 64,
        EXPORTER_PEM_MAX = 1 << 20, /* bytes of a certificate chain or key */
        EXPORTER_COST_MAX = 15, /* of bcrypt: some seconds of CPU for each new password */
};

struct exporter_user {
        const char *name, *hash; /* bcrypt: $2a$, $2b$ or $2y$ */
};

struct exporter_config {
        struct arena *arena; /* owns all of this */
        const char *tls_certificate, *tls_key; /* PEM text; NULL: no TLS */
        const char *tls_client_ca; /* PEM text: clients must show a certificate of it; or NULL */
        const char *tls_priorities; /* as GnuTLS takes them; NULL without TLS */
        struct exporter_user *users; /* none: no authentication */
        size_t n_users;
};

/* Files that it names are read as well, relative to its directory. It has to belong to root or to
 * the user of this process, and nobody else may write to it. -EINVAL with "file:line:column:
 * message" of the first error and how many more there are, or -ENOMEM. */
int exporter_config_load(const char *path, struct exporter_config **ret, struct error *err);
void exporter_config_free(struct exporter_config *config); /* accepts NULL */
