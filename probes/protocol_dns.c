/* DNS as one protocol among others: whether the server answers at all, asked for the name servers
 * of the root. What it should answer is the business of the `dns` probe. */

#include "base/cleanup.h"
#include "probes/dns_message.h"
#include "probes/protocol.h"

struct dns_room {
        struct dns_query query;
        struct dns_answer answer;
};

/* A server that refuses, or knows of no root, is there and does its work. */
static enum talk_action judge(struct talk *talk, const struct dns_answer *answer) {
        if (answer->rcode == DNS_NOERROR) {
                return talk_pass(talk, "DNS answered");
        }
        const char *word = enum_text_format(dns_rcode_words, (int) answer->rcode);
        return answer->rcode == DNS_REFUSED || answer->rcode == DNS_NXDOMAIN
                       ? talk_pass(talk, "DNS answered %s", word)
                       : talk_fail(talk, "DNS answered %s (%u) for the root", word, answer->rcode);
}

/* Over TCP a length comes first (RFC 1035, 4.2.2); a datagram is the message. */
static int take_message(struct talk *talk, struct byte_reader *ret) {
        struct byte_reader header;
        if (talk->options.datagrams) {
                return talk_message(talk, talk_unread_length(talk), ret);
        }
        if (talk_message(talk, 2, &header) <= 0) {
                return 0;
        }
        int r = talk_message(talk, 2 + byte_reader_big(&header, 2), ret);
        if (r == 1) {
                (void) byte_reader_take(ret, 2);
        }
        return r;
}

/* A datagram that does not fit is somebody else's; over TCP there is nobody else. */
static enum talk_action on_answer(struct talk *talk) {
        struct dns_room *room = talk->room;
        struct byte_reader message;
        int r = take_message(talk, &message);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        r = dns_answer_read(&room->query, message.at, message.left, &room->answer);
        if (r == 0) {
                return judge(talk, &room->answer);
        }
        if (r == -ENOMSG && talk->options.datagrams) {
                talk->used = talk->in.length;
                return TALK_READ;
        }
        return talk_strange(talk);
}

static enum talk_action begin(struct talk *talk) {
        struct dns_room *room = talk->room;
        AUTO_STRBUF struct strbuf query = {0};
        dns_query_make(&room->query, ".", DNS_NS, talk->options.random, TALK_RANDOM_BYTES);
        dns_query_write(&room->query, &query);
        if (!talk->options.datagrams) {
                bytes_add_big(&talk->out, (uint32_t) query.length, 2);
        }
        strbuf_add_bytes(&talk->out, query.data, query.length);
        talk->out.failed |= query.failed;
        return talk_then(talk, on_answer);
}

const struct protocol dns_protocol = {
        .title = "DNS",
        .port = 53,
        .tls_port = 853,
        .tls = PROTOCOL_TLS_FIRST,
        .login = PROTOCOL_ANONYMOUS,
        .datagrams = true,
        .room_size = sizeof(struct dns_room),
        .begin = begin,
};
