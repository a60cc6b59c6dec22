/* Servers that lie: whatever bytes come, in whatever pieces, a conversation comes to an end within
 * bounded memory, with a text that can be printed, and DNS answers decode or not. */

#include <assert.h>
#include <stdint.h>

#include "probes/dns_message.h"
#include "probes/protocol.h"

enum { PIECES = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Computing takes time, and is not what is tested here. */
static enum talk_action act(struct talk *talk, enum talk_action action) {
        while (action == TALK_SECURE || action == TALK_DERIVE) {
                if (action == TALK_DERIVE) {
                        talk->work->done = true;
                        action = talk_derived(talk);
                } else {
                        action = talk_secured(talk);
                }
        }
        return action;
}

static void hold(
        int kind, bool login, bool upgrade, size_t piece, const uint8_t *data, size_t size) {
        const struct talk_options options = {
                .user = login ? "shop" : NULL,
                .password = login ? "secret" : NULL,
                .upgrade = upgrade,
                .local = true,
        };
        struct talk talk;
        enum talk_action action = act(&talk, talk_begin(&talk, protocol_of(kind), &options));
        while (action == TALK_READ && size > 0) {
                size_t n = size < piece ? size : piece;
                strbuf_reset(&talk.out);
                action = act(&talk, talk_receive(&talk, data, n));
                data += n;
                size -= n;
        }
        action = action == TALK_READ ? talk_closed(&talk) : action;
        assert(action == TALK_OVER && talk.text[0]);
        assert(talk.outcome != OUTCOME_TIMEOUT);
        talk_done(&talk);
}

static void decode(const uint8_t *data, size_t size) {
        static const uint8_t random[TALK_RANDOM_BYTES];
        struct dns_query query;
        struct dns_answer answer;
        for (const struct enum_text *type = dns_type_words; type->text; type++) {
                dns_query_make(&query, "a.b", (enum dns_type) type->value, random, sizeof(random));
                if (dns_answer_read(&query, data, size, &answer) == 0) {
                        assert(answer.values.count <= DNS_VALUES_MAX);
                }
        }
}

/* The first byte chooses the protocol, the second the pieces and the login. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2) {
                return 0;
        }
        int kind = 1 + data[0] % (PROTOCOL_KINDS - 1);
        size_t piece = data[1] % PIECES == 0 ? size : (size_t) data[1] % PIECES;
        hold(kind, data[1] & 0x80, data[1] & 0x40, piece, data + 2, size - 2);
        decode(data + 2, size - 2);
        return 0;
}
