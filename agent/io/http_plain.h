#pragma once
/* Inside http_client: requests that are so simple that they go without libcurl, whose own work is
 * the better part of what such a check costs
 * (docs/decisions/0006-simple-requests-without-libcurl.md).
 */

#include <stdbool.h>

#include "base/str.h"
#include "io/http_client.h"
#include "io/http_connection.h"
#include "io/resolver.h"

enum { HTTP_PEER_MAX = 300 };

/* The one decision which way a request goes. True: without libcurl, to *ret. That takes all of
 *
 * - http: over TCP or a unix socket, in HTTP/1.1; no redirects to follow, no session, no
 *   certificate to look at, no time limit of its own for connecting;
 * - one address that is known: the numeric host of the URL or of `connect_to`, a name with a single
 *   address in `addresses` (NULL: none was looked up), or the path of the unix socket;
 * - a URL, a method and headers that are sent just as they are written, and none of the headers
 * that change how messages are framed or what becomes of the connection;
 * - for a connection that may be kept, a method that may be sent twice (RFC 9110, 9.2.2).
 *
 * Whatever is in doubt goes the other way, so libcurl also finds the words for what cannot be sent.
 */
bool http_plain_suits(const struct http_request *request, const struct resolver_answer *addresses,
        struct http_address *ret);

/* Appends such a request as it goes on the wire. */
void http_plain_format(const struct http_request *request, struct strbuf *to);

/* Whom it talks to, for a person: "127.0.0.1:8080", or the unix socket. */
const char *http_plain_peer(const struct http_request *request, char text[HTTP_PEER_MAX]);
