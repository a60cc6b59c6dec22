#include "io/http_target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "io/piece.h"

/* "host:port" of "scheme://user@host:port/path". */
static struct piece authority_of(const char *url) {
        const char *scheme_end = strstr(url, "://");
        const char *start = scheme_end ? scheme_end + strlen("://") : url;
        size_t length = strcspn(start, "/?#");
        const char *user_end = memrchr(start, '@', length);

        if (user_end) {
                length -= (size_t) (user_end + 1 - start);
                start = user_end + 1;
        }
        return (struct piece){start, length};
}

static bool is_local(const char *name) {
        static const char local[] = "localhost";
        size_t length = strlen(name), local_length = strlen(local);

        return length >= local_length && strcasecmp(name + length - local_length, local) == 0 &&
               (length == local_length || name[length - local_length - 1] == '.');
}

static bool is_plain_name(const char *name) {
        static const char allowed[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
        struct in_addr address;

        /* inet_aton() takes all old forms of numeric addresses, as libcurl does */
        return name[strspn(name, allowed)] == '\0' && inet_aton(name, &address) == 0 &&
               !is_local(name);
}

bool http_target_name(const struct http_request *request, struct http_target *ret) {
        bool tls = strncasecmp(request->url, "https:", strlen("https:")) == 0;

        if (request->unix_socket) {
                return false;
        }
        struct piece authority =
                authority_of(request->connect_to ? request->connect_to : request->url);
        const char *colon = memchr(authority.start, ':', authority.length);
        struct piece host = authority, port = {tls ? "443" : "80", tls ? 3 : 2};
        if (colon) {
                host.length = (size_t) (colon - authority.start);
                port = (struct piece){colon + 1, authority.length - host.length - 1};
        }
        return piece_copy(host, ret->name, sizeof(ret->name)) &&
               piece_copy(port, ret->port, sizeof(ret->port)) && is_plain_name(ret->name);
}
