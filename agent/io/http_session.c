#include "io/http_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct http_session {
        CURLSH *share;
};

DEFINE_CLEANUP(cleanup_session, struct http_session, http_session_free)
DEFINE_CLEANUP(cleanup_easy, CURL, curl_easy_cleanup)
DEFINE_CLEANUP(cleanup_list, struct curl_slist, curl_slist_free_all)

struct http_session *http_session_new(void) {
        AUTO(cleanup_session) struct http_session *session = calloc(1, sizeof(*session));
        if (!session || !(session->share = curl_share_init()) ||
                curl_share_setopt(session->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) !=
                        CURLSHE_OK) {
                return NULL;
        }
        return TAKE_PTR(session);
}

void http_session_free(struct http_session *session) {
        if (session) {
                (void) curl_share_cleanup(session->share);
                free(session);
        }
}

/* The value in a line of libcurl's list: domain, flag, path, secure, expiry, name and value with
 * tabs between them. NULL: another name. */
static const char *value_in_line(const char *line, const char *name) {
        size_t length = strlen(name);
        for (int tabs = 0; tabs < 5; tabs++) {
                line = strchr(line, '\t');
                if (!line) {
                        return NULL;
                }
                line++;
        }
        return strncmp(line, name, length) == 0 && line[length] == '\t' ? line + length + 1 : NULL;
}

static int take_value(const struct curl_slist *cookies, const char *name, char *ret) {
        const char *value = NULL;
        for (; cookies; cookies = cookies->next) {
                const char *one = value_in_line(cookies->data, name);
                value = one ? one : value;
        }
        if (!value) {
                return -ENOENT;
        }
        if (strlen(value) > HTTP_COOKIE_MAX) {
                return -E2BIG;
        }
        memcpy(ret, value, strlen(value) + 1);
        return 0;
}

int http_session_cookie(
        const struct http_session *session, const char *name, char ret[HTTP_COOKIE_MAX + 1]) {
        AUTO(cleanup_easy) CURL *easy = curl_easy_init();
        AUTO(cleanup_list) struct curl_slist *cookies = NULL;
        if (!easy || curl_easy_setopt(easy, CURLOPT_SHARE, session->share) != CURLE_OK ||
                curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &cookies) != CURLE_OK) {
                return -ENOMEM;
        }
        return take_value(cookies, name, ret);
}

CURLSH *http_session_share(const struct http_session *session) {
        return session->share;
}
