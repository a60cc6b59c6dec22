#pragma once
/* Cookies that some requests share, one after the other: what one answer sets, the next request
 * sends, by the rules of RFC 6265 as libcurl keeps them. Nothing of it outlives the session. */

#include <curl/curl.h>
#include <stddef.h>

enum { HTTP_COOKIE_MAX = 4096 }; /* bytes of a value, as in browsers */

struct http_session;

struct http_session *http_session_new(void); /* NULL when out of memory */
/* Accepts NULL. No request of the session may be under way. */
void http_session_free(struct http_session *session);

/* The value of the last cookie of this name, whatever server set it. -ENOENT; -ENOMEM; -E2BIG. */
int http_session_cookie(
        const struct http_session *session, const char *name, char ret[HTTP_COOKIE_MAX + 1]);

/* For http_slot: what a handle shares. */
CURLSH *http_session_share(const struct http_session *session);
