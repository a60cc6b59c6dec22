#pragma once
/* Inside http_client: whom a request connects to, as far as it has to be known before libcurl does.
 */

#include <stdbool.h>

#include "io/http_client.h"
#include "io/resolver.h"

struct http_target {
        char name[RESOLVER_NAME_MAX + 1];
        char port[6];
};

/* The name that has to be looked up for the request. False: none (a numeric address, localhost, a
 * unix socket), or nothing this understands, such as an international name: libcurl then knows. */
bool http_target_name(const struct http_request *request, struct http_target *ret);
