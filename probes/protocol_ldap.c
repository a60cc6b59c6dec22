/* LDAP (RFC 4511): StartTLS when wanted, a simple bind (anonymous without a user), unbind. */

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum {
        BER_INTEGER = 0x02,
        BER_OCTETS = 0x04,
        BER_ENUMERATED = 0x0a,
        BER_SEQUENCE = 0x30,
        BER_LENGTH_BYTES_MAX = 4,
        BER_HEADER_MAX = 2 + BER_LENGTH_BYTES_MAX,

        LDAP_BIND_REQUEST = 0x60,
        LDAP_BIND_RESPONSE = 0x61,
        LDAP_UNBIND_REQUEST = 0x42,
        LDAP_EXTENDED_REQUEST = 0x77,
        LDAP_EXTENDED_RESPONSE = 0x78,
        LDAP_SIMPLE = 0x80, /* [0], the password */
        LDAP_REQUEST_NAME = 0x80, /* [0] */

        LDAP_ID_BIND = 1,
        LDAP_ID_STARTTLS = 2,
};

#define LDAP_OID_STARTTLS "1.3.6.1.4.1.1466.20037"

/* ---- encoding ---- */

/* Length on two bytes: all that is sent here is shorter than 64KiB. */
static void add_header(struct strbuf *to, uint8_t tag, size_t length) {
        bytes_add_big(to, tag, 1);
        bytes_add_big(to, 0x82, 1);
        bytes_add_big(to, (uint32_t) length, 2);
}

static void add_octets(struct strbuf *to, uint8_t tag, const char *text) {
        add_header(to, tag, strlen(text));
        strbuf_add(to, text);
}

static void add_integer(struct strbuf *to, uint8_t value) {
        const uint8_t bytes[] = {BER_INTEGER, 1, value};
        strbuf_add_bytes(to, bytes, sizeof(bytes));
}

static void send_operation(struct talk *talk, uint8_t id, uint8_t tag, const struct strbuf *body) {
        AUTO_STRBUF struct strbuf message = {0};
        add_integer(&message, id);
        add_header(&message, tag, body->length);
        strbuf_add_bytes(&message, body->data, body->length);
        add_header(&talk->out, BER_SEQUENCE, message.length);
        strbuf_add_bytes(&talk->out, message.data, message.length);
        talk->out.failed |= message.failed || body->failed;
}

static void send_unbind(struct talk *talk) {
        static const uint8_t unbind[] = {
                BER_SEQUENCE, 5, BER_INTEGER, 1, 3, LDAP_UNBIND_REQUEST, 0};
        strbuf_add_bytes(&talk->out, unbind, sizeof(unbind));
}

/* ---- decoding ---- */

/* The contents of the next element, which must have this tag. */
static struct byte_reader take_element(struct byte_reader *from, uint8_t tag) {
        uint8_t found = byte_reader_u8(from);
        size_t length = byte_reader_u8(from);
        if (length & 0x80) {
                size_t bytes = length & 0x7f;
                from->failed |= bytes == 0 || bytes > BER_LENGTH_BYTES_MAX;
                length = from->failed ? 0 : byte_reader_big(from, bytes);
        }
        const uint8_t *contents = byte_reader_take(from, length);
        from->failed |= found != tag;
        return contents ? byte_reader_of(contents, length) : (struct byte_reader){.failed = true};
}

static uint32_t take_number(struct byte_reader *from, uint8_t tag) {
        struct byte_reader contents = take_element(from, tag);
        from->failed |= contents.left == 0 || contents.left > 4;
        return from->failed ? 0 : byte_reader_big(&contents, contents.left);
}

/* 1: the length of the whole message; 0: more is needed; negative: it is none. */
static int message_length(const struct talk *talk, size_t *ret) {
        struct byte_reader header = byte_reader_of(talk_unread(talk), talk_unread_length(talk));
        if (byte_reader_u8(&header) != BER_SEQUENCE) {
                return -1;
        }
        uint8_t first = byte_reader_u8(&header);
        size_t bytes = first & 0x80 ? first & 0x7f : 0;
        if (header.failed) {
                return 0;
        }
        if (bytes > BER_LENGTH_BYTES_MAX || first == 0x80) {
                return -1;
        }
        size_t contents = bytes > 0 ? byte_reader_big(&header, bytes) : first;
        *ret = 2 + bytes + contents;
        return header.failed ? 0 : 1;
}

struct ldap_result {
        uint32_t id, code;
        uint8_t operation;
        struct byte_reader text;
};

/* 1, 0: more is needed, negative: concluded. */
static int take_result(struct talk *talk, struct ldap_result *ret) {
        struct byte_reader message;
        size_t length = 0;
        int r = message_length(talk, &length);
        if (r < 0) {
                (void) talk_strange(talk);
        }
        r = r == 1 ? talk_message(talk, length, &message) : r;
        if (r <= 0) {
                return r;
        }
        struct byte_reader sequence = take_element(&message, BER_SEQUENCE);
        ret->id = take_number(&sequence, BER_INTEGER);
        ret->operation = sequence.left > 0 ? *sequence.at : 0;
        struct byte_reader operation = take_element(&sequence, ret->operation);
        ret->code = take_number(&operation, BER_ENUMERATED);
        (void) take_element(&operation, BER_OCTETS); /* matchedDN */
        ret->text = take_element(&operation, BER_OCTETS);
        if (sequence.failed || operation.failed || ret->text.failed) {
                (void) talk_strange(talk);
                return -1;
        }
        talk->used += length;
        return 1;
}

/* ---- what results mean ---- */

/* RFC 4511, 4.1.9 and appendix A. */
static const struct ldap_code {
        uint32_t code;
        bool at_the_door; /* the server judges logins, which is enough where nobody is to log in */
        enum cause cause;
        const char *text;
} ldap_codes[] = {
        {1, false, CAUSE_WRONG_ANSWER, "operations error"},
        {2, false, CAUSE_WRONG_ANSWER, "protocol error"},
        {3, false, CAUSE_UNRESPONSIVE, "time limit exceeded"},
        {7, true, CAUSE_WRONG_ANSWER, "simple login is not supported"},
        {8, true, CAUSE_WRONG_ANSWER, "a stronger login is required"},
        {11, false, CAUSE_RESOURCE, "administrative limit exceeded"},
        {13, true, CAUSE_WRONG_ANSWER, "TLS is required"},
        {32, false, CAUSE_WRONG_ANSWER, "there is no such user"},
        {34, false, CAUSE_WRONG_ANSWER, "the user is no distinguished name"},
        {48, true, CAUSE_WRONG_ANSWER, "this way to log in is not allowed"},
        {49, false, CAUSE_WRONG_ANSWER, "user or password not accepted"},
        {50, true, CAUSE_WRONG_ANSWER, "access not allowed"},
        {51, false, CAUSE_RESOURCE, "the server is busy"},
        {52, false, CAUSE_WRONG_ANSWER, "the server is unavailable"},
        {53, false, CAUSE_WRONG_ANSWER, "the server is unwilling"},
        {80, false, CAUSE_WRONG_ANSWER, "internal error"},
};

static enum talk_action conclude_code(
        struct talk *talk, const char *what, const struct ldap_result *result) {
        static const struct ldap_code other = {0, false, CAUSE_WRONG_ANSWER, "other result"};
        const struct ldap_code *code = &other;
        char quote[TALK_QUOTE_MAX];
        for (size_t i = 0; i < ELEMENTSOF(ldap_codes); i++) {
                if (ldap_codes[i].code == result->code) {
                        code = &ldap_codes[i];
                }
        }
        bool lives = code->at_the_door && !talk->options.user;
        const char *text = talk_quote(talk, result->text.at, result->text.left, quote);
        return talk_conclude(talk, lives ? OUTCOME_DEGRADED : OUTCOME_FAIL,
                lives ? CAUSE_NONE : code->cause, "LDAP %s: %s (%u)%s%s", what, code->text,
                result->code, *text ? ": " : "", text);
}

/* ---- the conversation ---- */

/* A notice of disconnection has no message id (RFC 4511, 4.4.1). */
static enum talk_action unexpected(
        struct talk *talk, const char *what, const struct ldap_result *result) {
        return result->id == 0 && result->operation == LDAP_EXTENDED_RESPONSE
                       ? conclude_code(talk, "ended by the server", result)
                       : talk_fail(talk, "LDAP: not an answer to %s", what);
}

static enum talk_action on_bound(struct talk *talk) {
        const char *user = talk->options.user;
        struct ldap_result result;
        int r = take_result(talk, &result);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (result.id != LDAP_ID_BIND || result.operation != LDAP_BIND_RESPONSE) {
                return unexpected(talk, "bind", &result);
        }
        if (result.code != 0) {
                return conclude_code(talk, user ? "login" : "anonymous login", &result);
        }
        send_unbind(talk);
        return user ? talk_pass(talk, "LDAP, logged in as %.60s", user)
                    : talk_pass(talk, "LDAP, anonymous login");
}

static enum talk_action bind(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        AUTO_STRBUF struct strbuf body = {0};
        add_integer(&body, 3); /* version */
        add_octets(&body, BER_OCTETS, options->user ? options->user : "");
        add_octets(&body, LDAP_SIMPLE, options->user && options->password ? options->password : "");
        send_operation(talk, LDAP_ID_BIND, LDAP_BIND_REQUEST, &body);
        return talk_then(talk, on_bound);
}

static enum talk_action on_starttls(struct talk *talk) {
        struct ldap_result result;
        int r = take_result(talk, &result);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (result.id != LDAP_ID_STARTTLS || result.operation != LDAP_EXTENDED_RESPONSE) {
                return unexpected(talk, "StartTLS", &result);
        }
        if (result.code != 0) {
                return conclude_code(talk, "StartTLS", &result);
        }
        talk->step = bind;
        return TALK_SECURE;
}

static enum talk_action begin(struct talk *talk) {
        AUTO_STRBUF struct strbuf body = {0};
        if (!talk->options.upgrade) {
                return bind(talk);
        }
        add_octets(&body, LDAP_REQUEST_NAME, LDAP_OID_STARTTLS);
        send_operation(talk, LDAP_ID_STARTTLS, LDAP_EXTENDED_REQUEST, &body);
        return talk_then(talk, on_starttls);
}

const struct protocol ldap_protocol = {
        .title = "LDAP",
        .port = 389,
        .tls_port = 636,
        .tls = PROTOCOL_TLS_EITHER,
        .login = PROTOCOL_USER_PASSWORD,
        .begin = begin,
};
