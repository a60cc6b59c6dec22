/* Answers of a HAProxy's Runtime API. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "executor/haproxy_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct haproxy_target target = {"shop", "web1"};
        AUTO_FREE char *text = calloc(1, size + 1);
        struct haproxy_server server = {0};
        uint32_t sessions;
        if (text) {
                memcpy(text, data, size);
                (void) haproxy_answer_check(text, &target, NULL);
                (void) haproxy_answer_sessions(text, &target, &sessions, NULL);
                if (haproxy_answer_server(text, &target, &server, NULL) == 0) {
                        const struct haproxy_weight half = {50, true};
                        assert(haproxy_weight_of(&server, half) <= HAPROXY_WEIGHT_MAX);
                        assert(server.state >= SERVER_READY && server.state <= SERVER_MAINT);
                }
        }
        return 0;
}
