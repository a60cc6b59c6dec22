#pragma once
/* Inside http_client: libcurl's multi interface on the loop. */

#include <curl/curl.h>

#include "base/error.h"
#include "base/list.h"
#include "io/loop.h"

struct http_multi {
        CURLM *handle;
        struct loop *loop;
        struct loop_timer timer; /* libcurl's one timer */
        struct list used_sockets, free_sockets;
        unsigned n_free_sockets;
        void (*acted)(void *cookie); /* libcurl may have finished something; it is not active */
        void *cookie;
};

/* Zeroed memory counts as done. -ENOMEM, -EINVAL; http_multi_done() in any case. */
int http_multi_init(
        struct http_multi *multi, struct loop *loop, void (*acted)(void *cookie), void *cookie);
/* Closes kept connections as well. */
void http_multi_done(struct http_multi *multi);
