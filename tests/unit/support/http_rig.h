#pragma once
/* HTTP clients against a scripted server in the same loop: one that chooses its ways itself, one
 * that sends everything over libcurl. */

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/http_client.h"
#include "tests/unit/support/scripted_server.h"
#include "tests/unit/unit_test.h"

struct http_rig {
        struct loop *loop;
        struct http_client *client, *over_libcurl;
        struct server server;
        char url[64];
        struct http_request request;
        bool done;
        struct http_result result; /* of the last request; its texts are these: */
        char error[512], body[4096], headers[4096];
};

static inline struct http_client *http_rig_client(struct loop *loop, bool libcurl_only) {
        const struct http_client_limits limits = {.libcurl_only = libcurl_only};
        struct http_client *client = NULL;

        assert_int_equal(http_client_new(&client, loop, &limits, NULL), 0);
        return client;
}

static inline void http_rig_serve(struct http_rig *rig, const char *answer) {
        rig->server.answer = answer;
        rig->server.answer_length = strlen(answer);
}

static inline void http_rig_open(struct http_rig *rig) {
        uint16_t port;

        *rig = (struct http_rig){0};
        assert_int_equal(loop_new(&rig->loop, NULL), 0);
        rig->client = http_rig_client(rig->loop, false);
        rig->over_libcurl = http_rig_client(rig->loop, true);
        serve_on(&rig->server, rig->loop, listen_tcp(&port));
        (void) snprintf(rig->url, sizeof(rig->url), "http://127.0.0.1:%d/path", port);
        rig->request = (struct http_request){.url = rig->url, .timeout = 10 * USEC_PER_SEC};
}

static inline void http_rig_close(struct http_rig *rig) {
        http_client_free(rig->client);
        http_client_free(rig->over_libcurl);
        server_done(&rig->server);
        loop_free(rig->loop);
}

static inline void http_rig_done(void *cookie, const struct http_result *result) {
        struct http_rig *rig = cookie;

        assert_false(rig->done);
        rig->done = true;
        rig->result = *result;
        str_copy(rig->error, sizeof(rig->error), result->error ? result->error : "");
        str_copy(rig->body, sizeof(rig->body), result->body);
        str_copy(rig->headers, sizeof(rig->headers), result->headers);
}

static inline void http_rig_fetch_by(struct http_rig *rig, struct http_client *client) {
        struct error err = {0};

        rig->done = false;
        if (http_client_start(client, &rig->request, http_rig_done, rig, NULL, &err) < 0) {
                fail_msg("%s", err.text);
        }
        while (!rig->done) {
                assert_int_equal(loop_turn(rig->loop, 10 * USEC_PER_SEC), 1);
        }
}

static inline void http_rig_fetch(struct http_rig *rig) {
        http_rig_fetch_by(rig, rig->client);
}

/* Until the server has noticed what the client did, or the client what the server did. */
static inline void http_rig_settle(struct http_rig *rig) {
        for (int i = 0; i < 3; i++) {
                assert_int_equal(loop_turn(rig->loop, USEC_PER_MSEC), 1);
        }
}
