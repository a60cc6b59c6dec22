/* The DNS probe and its messages, against a name server on loopback. */

#include <errno.h>

#include "probes/byte_reader.h"
#include "probes/dns_params.h"
#include "support/loopback_server.h"
#include "support/probe_rig.h"

/* ---- messages ---- */

static const uint8_t fixed[34] = {0x12, 0x34};

#define QUESTION "\4shop\7example\0\0\1\0\1"
#define HEAD(flags, answers) "\x12\x34" flags "\0\1\0" answers "\0\0\0\0"
#define RECORD(type, length) "\xc0\x0c\0" type "\0\1\0\0\0\x3c\0" length

static int read_answer(
        enum dns_type type, const char *message, size_t length, struct dns_answer *ret) {
        struct dns_query query;
        dns_query_make(&query, "SHOP.example.", type, fixed, sizeof(fixed));
        assert_string_equal(query.name, "shop.example"); /* the bits of the case are all zero */
        return dns_answer_read(&query, message, length, ret);
}

#define READ(type, message, answer) read_answer(type, message, sizeof(message) - 1, answer)

static void test_query(void **state) {
        static const char expected[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION;
        struct strbuf text = {0};
        struct dns_query query;
        (void) state;
        dns_query_make(&query, "shop.example", DNS_A, fixed, sizeof(fixed));
        dns_query_write(&query, &text);
        assert_int_equal(text.length, sizeof(expected) - 1);
        assert_memory_equal(text.data, expected, text.length);
        strbuf_done(&text);
}

static void test_values(void **state) {
        struct dns_answer answer;
        (void) state;
        static const char two[] = HEAD("\x81\x80", "\2")
                QUESTION RECORD("\1", "\4") "\xc0\0\2\1" RECORD("\1", "\4") "\xc0\0\2\2";
        for (size_t i = 0; i < sizeof(two) - 1; i++) { /* cut anywhere, it is no answer */
                assert_true(read_answer(DNS_A, two, i, &answer) < 0);
        }
        assert_int_equal(READ(DNS_A, two, &answer), 0);
        assert_int_equal(answer.values.records, 2);
        assert_string_equal(answer.values.items[0], "192.0.2.1");
        assert_string_equal(answer.values.items[1], "192.0.2.2");
}

/* All but A; the question is the same with another type. */
static void test_other_values(void **state) {
        static const struct {
                enum dns_type type;
                const char *code, *data;
                size_t length;
                const char *text;
        } rows[] = {
                {DNS_AAAA, "\x1c", "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1"},
                {DNS_CNAME, "\5", "\3www\xc0\x0c", 6, "www.shop.example"},
                {DNS_MX, "\x0f", "\0\x0a\4mail\xc0\x0c", 9, "10 mail.shop.example"},
                {DNS_TXT, "\x10", "\2ab\3c\1d", 7, "abc?d"},
                {DNS_SRV, "\x21", "\0\1\0\2\x13\xc4\3sip\0", 11, "1 2 5060 sip"},
                {DNS_SOA, "\6", "\2ns\xc0\x0c\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26,
                        "ns.shop.example . 1 2 3 4 5"},
                {DNS_NS, "\2", "\0", 1, "."},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct strbuf message = {0};
                struct dns_answer answer;
                strbuf_add_bytes(&message, HEAD("\x81\x80", "\1") "\4shop\7example\0\0", 12 + 15);
                strbuf_add_bytes(&message, rows[i].code, 1);
                strbuf_add_bytes(&message, "\0\1\xc0\x0c\0", 5);
                strbuf_add_bytes(&message, rows[i].code, 1);
                strbuf_add_bytes(&message, "\0\1\0\0\0\x3c", 6);
                bytes_add_big(&message, (uint32_t) rows[i].length, 2);
                strbuf_add_bytes(&message, rows[i].data, rows[i].length);
                assert_int_equal(
                        read_answer(rows[i].type, message.data, message.length, &answer), 0);
                assert_string_equal(answer.values.items[0], rows[i].text);
                strbuf_done(&message);
        }
}

static void test_not_an_answer(void **state) {
        struct dns_answer answer;
        (void) state;
        assert_int_equal(READ(DNS_A, HEAD("\x01\x80", "\0") QUESTION, &answer), -ENOMSG);
        assert_int_equal(
                READ(DNS_A, "\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION, &answer), -ENOMSG);
        assert_int_equal(READ(DNS_AAAA, HEAD("\x81\x80", "\0") QUESTION, &answer), -ENOMSG);
        /* in another spelling than the query, which only a forger would use */
        assert_int_equal(
                READ(DNS_A, HEAD("\x81\x80", "\0") "\4Shop\7example\0\0\1\0\1", &answer), -ENOMSG);
        assert_int_equal(READ(DNS_A, HEAD("\x81\x80", "\0") QUESTION, &answer), 0);
        assert_int_equal(READ(DNS_A, HEAD("\x83\x83", "\1") QUESTION, &answer), 0);
        assert_true(answer.truncated && answer.rcode == DNS_NXDOMAIN);
}

/* Pointers forwards, to themselves, and in circles. */
static void test_compression_loops(void **state) {
        struct dns_answer answer;
        (void) state;
        assert_int_equal(READ(DNS_A, HEAD("\x81\x80", "\0") "\xc0\x0c\0\1\0\1", &answer), -ENOMSG);
        assert_int_equal(READ(DNS_A, HEAD("\x81\x80", "\0") "\xc0\x20\0\1\0\1", &answer), -ENOMSG);
        assert_int_equal(
                READ(DNS_A, HEAD("\x81\x80", "\1") QUESTION "\1a\xc0\x1e\0\1\0\1\0\0\0\0\0\0",
                        &answer),
                -EBADMSG);
        assert_int_equal(READ(DNS_A, HEAD("\x81\x80", "\1") QUESTION "\x40xyz", &answer), -EBADMSG);
}

static void test_names(void **state) {
        char label[66], name[300];
        (void) state;
        assert_int_equal(dns_name_check("."), 0);
        assert_int_equal(dns_name_check("a.b."), 0);
        assert_int_equal(dns_name_check("_sip._tcp.shop.example"), 0);
        assert_int_equal(dns_name_check(""), -EINVAL);
        assert_int_equal(dns_name_check("a..b"), -EINVAL);
        assert_int_equal(dns_name_check(".a"), -EINVAL);
        assert_int_equal(dns_name_check("a b"), -EINVAL);
        memset(label, 'x', sizeof(label));
        label[63] = '\0';
        assert_int_equal(dns_name_check(label), 0);
        label[63] = 'x';
        label[64] = '\0';
        assert_int_equal(dns_name_check(label), -EINVAL);
        memset(name, 'y', sizeof(name));
        for (size_t i = 50; i < sizeof(name); i += 50) {
                name[i] = '.';
        }
        name[254] = '\0';
        assert_int_equal(dns_name_check(name), -EINVAL);
        name[253] = '\0';
        assert_int_equal(dns_name_check(name), 0);
}

static void test_resolv_conf(void **state) {
        static const struct {
                const char *text, *server;
        } rows[] = {
                {"# c\nsearch a\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.1:53"},
                {"nameserver\t2001:db8::1", "[2001:db8::1]:53"},
                {"nameserver bad\nnameserver fe80::1%eth0\n", "[fe80::1]:53"},
                {"", "127.0.0.1:53"},
                {"nameservers 192.0.2.1\nnameserver", "127.0.0.1:53"},
        };
        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                union address address;
                char text[ADDRESS_TEXT_MAX];
                dns_first_server(rows[i].text, &address);
                assert_string_equal(address_format(&address, text), rows[i].server);
        }
}

/* ---- the probe ---- */

/* Answers one query: the id and the question as they came, and what follows. */
struct name_server {
        int fd;
        uint16_t port;
        pthread_t thread;
        const char *flags, *records; /* two bytes; records behind a count */
        size_t length; /* of the records */
        uint8_t count;
        bool forge; /* sends answers of somebody else before */
        bool silent;
        struct loopback_server stream;
        bool streaming;
};

static void build_answer(
        const struct name_server *server, const uint8_t *query, size_t n, struct strbuf *to) {
        strbuf_add_bytes(to, query, 2);
        strbuf_add_bytes(to, server->flags, 2);
        strbuf_add_bytes(to, "\0\1\0", 3);
        strbuf_add_char(to, (char) server->count);
        strbuf_add_bytes(to, "\0\0\0\0", 4);
        strbuf_add_bytes(to, query + 12, n - 12);
        strbuf_add_bytes(to, server->records, server->length);
}

static void *serve_datagrams(void *data) {
        struct name_server *server = data;
        struct sockaddr_in peer;
        socklen_t length = sizeof(peer);
        uint8_t query[512];
        ssize_t n;
        while ((n = recvfrom(server->fd, query, sizeof(query), 0, (struct sockaddr *) &peer,
                        &length)) > 12) {
                struct strbuf answer = {0};
                build_answer(server, query, (size_t) n, &answer);
                if (server->forge) {
                        struct strbuf other = {0};
                        strbuf_add_bytes(&other, answer.data, answer.length);
                        other.data[1] ^= 1;
                        (void) !sendto(server->fd, other.data, other.length, 0,
                                (struct sockaddr *) &peer, length);
                        strbuf_done(&other);
                }
                if (!server->silent) {
                        (void) !sendto(server->fd, answer.data, answer.length, 0,
                                (struct sockaddr *) &peer, length);
                }
                strbuf_done(&answer);
        }
        return NULL;
}

/* The same over TCP, without the truncation. */
static void serve_stream(int fd, void *cookie) {
        struct name_server whole = *(const struct name_server *) cookie;
        uint8_t query[512];
        struct strbuf answer = {0}, framed = {0};
        whole.flags = "\x81\x80";
        ssize_t n = recv(fd, query, sizeof(query), 0);
        if (n > 14) {
                build_answer(&whole, query + 2, (size_t) n - 2, &answer);
                bytes_add_big(&framed, (uint32_t) answer.length, 2);
                strbuf_add_bytes(&framed, answer.data, answer.length);
                (void) !send(fd, framed.data, 1, MSG_NOSIGNAL);
                (void) !send(fd, framed.data + 1, framed.length - 1, MSG_NOSIGNAL);
        }
        strbuf_done(&answer);
        strbuf_done(&framed);
        loopback_drain(fd);
}

static void start_server(struct name_server *server) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        loopback_start(&server->stream, serve_stream, server); /* both on the same port */
        address.sin_port = htons(server->stream.port);
        server->port = server->stream.port;
        server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server->fd, (struct sockaddr *) &address, length), 0);
        assert_int_equal(pthread_create(&server->thread, NULL, serve_datagrams, server), 0);
}

static void stop_server(struct name_server *server) {
        shutdown(server->fd, SHUT_RDWR);
        pthread_join(server->thread, NULL);
        close(server->fd);
        loopback_stop(&server->stream);
}

#define ONE_A "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"

static const struct case_row {
        const char *options;
        const char *flags;
        uint8_t count;
        bool forge;
        enum outcome outcome;
        enum cause cause;
        const char *text;
} cases[] = {
        {"", "\x81\x80", 1, false, OUTCOME_PASS, CAUSE_NONE, "192.0.2.1, answered in "},
        {"", "\x81\x80", 1, true, OUTCOME_PASS, CAUSE_NONE, "192.0.2.1, answered in "},
        {", expect: 192.0.2.1", "\x81\x80", 1, false, OUTCOME_PASS, CAUSE_NONE, "192.0.2.1"},
        {", expect: 192.0.2.9", "\x81\x80", 1, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no A 192.0.2.9 in the answer: 192.0.2.1"},
        {", expect: [192.0.2.1, 192.0.2.2]", "\x81\x80", 1, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "no A 192.0.2.2 in the answer"},
        {", expect: 192.0.2.1, exact: true", "\x81\x80", 1, false, OUTCOME_PASS, CAUSE_NONE, ""},
        {"", "\x81\x80", 0, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "shop.example has no A records"},
        {"", "\x81\x83", 0, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                "shop.example: NXDOMAIN (3), expected NOERROR. The name does not exist."},
        {"", "\x81\x82", 0, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "SERVFAIL (2)"},
        {"", "\x81\x85", 0, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "REFUSED (5)"},
        {", rcode: NXDOMAIN", "\x81\x83", 0, false, OUTCOME_PASS, CAUSE_NONE, "NXDOMAIN, answered"},
        {"", "\x83\x80", 1, false, OUTCOME_PASS, CAUSE_NONE, "192.0.2.1, answered"}, /* by TCP */
        {", transport: tcp", "\x81\x80", 1, false, OUTCOME_PASS, CAUSE_NONE, "192.0.2.1"},
        {"", "\x81\x80", 2, false, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "malformed answer from 127"},
};

static void test_probe(void **state) {
        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct case_row *row = &cases[i];
                struct name_server server = {.flags = row->flags,
                        .count = row->count,
                        .records = ONE_A,
                        .length = row->count ? sizeof(ONE_A) - 1 : 0,
                        .forge = row->forge};
                char probe[256];
                struct rig rig;
                start_server(&server);
                rig_open(&rig);
                snprintf(probe, sizeof(probe),
                        "dns: {name: shop.example, server: '127.0.0.1:%u'%s}", server.port,
                        row->options);
                rig_load(&rig, probe);
                assert_result(rig_run(&rig, RIG_TIMEOUT), row->outcome, row->cause, row->text);
                rig_close(&rig);
                stop_server(&server);
        }
}

static void test_silence(void **state) {
        struct name_server server = {.flags = "\x81\x80", .records = "", .silent = true};
        char probe[128];
        struct rig rig;
        (void) state;
        start_server(&server);
        rig_open(&rig);
        snprintf(probe, sizeof(probe), "dns: {name: shop.example, server: '127.0.0.1:%u'}",
                server.port);
        rig_load(&rig, probe);
        rig_run(&rig, 30 * USEC_PER_MSEC);
        assert_true(rig.stopped);
        assert_non_null(strstr(rig.result.detail, " within 30ms"));
        server.forge = true;
        rig_run(&rig, 30 * USEC_PER_MSEC);
        assert_non_null(strstr(rig.result.detail, "but 1 datagrams that do not fit the query"));
        rig_close(&rig);
        stop_server(&server);
}

static void test_refused(void **state) {
        char probe[128];
        struct rig rig;
        (void) state;
        rig_open(&rig);
        snprintf(probe, sizeof(probe), "dns: {name: shop.example, server: '127.0.0.1:%u'}",
                loopback_free_port());
        rig_load(&rig, probe);
        assert_result(rig_run(&rig, RIG_TIMEOUT), OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "nobody listens at 127.0.0.1:");
        rig_close(&rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_query),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_other_values),
                cmocka_unit_test(test_not_an_answer),
                cmocka_unit_test(test_compression_loops),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_resolv_conf),
                cmocka_unit_test(test_probe),
                cmocka_unit_test(test_silence),
                cmocka_unit_test(test_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
