/* The protocols of caches, mail, directories, brokers and coordinators, byte by byte. */

#include "support/talk_script.h"

#define ANONYMOUS .options = {0}
#define LOGIN .options = {.user = "shop", .password = "secret", .local = true}

/* ---- redis ---- */

#define PING "*1\r\n$4\r\nPING\r\n"
#define REDIS .protocol = PROTOCOL_REDIS, .options = {0}, .lines

static const struct script redis[] = {
        {REDIS = {CLIENT(PING), SERVER("+PONG\r\n")}, PASSES, .text = "PONG"},
        {REDIS = {CLIENT(PING), SERVER("-NOAUTH Authentication required.\r\n")}, DEGRADED,
                .text = "asks for a password: give password_file"},
        {REDIS = {CLIENT(PING), SERVER("-LOADING Redis is loading the dataset in memory\r\n")},
                DEGRADED, .text = "is loading its data set"},
        {REDIS = {CLIENT(PING), SERVER("-MASTERDOWN Link with MASTER is down\r\n")}, WRONG,
                .text = "replica has lost its master"},
        {REDIS = {CLIENT(PING), SERVER("-MISCONF Redis is configured to save\r\n")}, SHORT(DISK),
                .text = "takes no writes"},
        {REDIS = {CLIENT(PING), SERVER("-ERR max number of clients reached\r\n")},
                SHORT(CONNECTIONS), .text = "has too many clients"},
        {REDIS = {CLIENT(PING), SERVER("-BUSY Redis is busy\r\n")}, SILENT,
                .text = "busy with a script"},
        {REDIS = {CLIENT(PING), SERVER("-ERR something else\r\n")}, WRONG,
                .text = "error: ERR something else"},
        {REDIS = {CLIENT(PING), SERVER("HTTP/1.1 400 Bad Request\r\n")}, WRONG,
                .text = "this is not redis: \"HTTP/1.1 400 Bad Request\""},
        {REDIS = {CLIENT(PING), CLOSE}, SILENT, .text = "connection closed without an answer"},
        {REDIS = {CLIENT(PING), SERVER("+PO"), CLOSE}, WRONG, .text = "connection closed before"},
        {.protocol = PROTOCOL_REDIS,
                .options = {.password = "secret"},
                .lines = {CLIENT("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"), SERVER("+OK\r\n"),
                        CLIENT(PING), SERVER("+PONG\r\n")},
                PASSES,
                .text = "PONG"},
        {.protocol = PROTOCOL_REDIS,
                LOGIN,
                .lines = {CLIENT("*3\r\n$4\r\nAUTH\r\n$4\r\nshop\r\n$6\r\nsecret\r\n"),
                        SERVER("-WRONGPASS invalid username-password pair\r\n")},
                WRONG,
                .text = "user or password not accepted"},
        {.protocol = PROTOCOL_REDIS,
                .options = {.password = "secret"},
                .lines = {ANYTHING, SERVER("-ERR no such word: secret, secretsecret.\r\n")},
                WRONG,
                .text = "no such word: ******, ************.",
                .never = "secret"},
};

static void test_redis(void **state) {
        (void) state;
        script_hold_all(redis);
}

/* ---- memcached ---- */

#define MEMCACHED .protocol = PROTOCOL_MEMCACHED, .options = {0}, .lines

static const struct script memcached[] = {
        {MEMCACHED = {CLIENT("version\r\n"), SERVER("VERSION 1.6.18\r\n"), CLIENT("quit\r\n")},
                PASSES, .text = "memcached 1.6.18"},
        {MEMCACHED = {ANYTHING, SERVER("ERROR Too many open connections\r\n")}, WRONG,
                .text = "memcached error: ERROR Too many open connections"},
        {MEMCACHED = {ANYTHING, SERVER("+OK\r\n")}, WRONG,
                .text = "this is not memcached: \"+OK\""},
};

static void test_memcached(void **state) {
        (void) state;
        script_hold_all(memcached);
}

/* ---- smtp, imap ---- */

#define SMTP .protocol = PROTOCOL_SMTP, .options = {0}, .lines
#define SMTP_TLS .protocol = PROTOCOL_SMTP, .options = {.upgrade = true}, .lines
#define EHLO CLIENT("EHLO localhost\r\n")
#define GREETING SERVER("220 mail.example ESMTP\r\n")

static const struct script smtp[] = {
        {SMTP = {GREETING, EHLO, SERVER("250-mail.example\r\n250-SIZE 1000\r\n250 HELP\r\n"),
                 CLIENT("QUIT\r\n")},
                PASSES, .text = "SMTP: 220 mail.example ESMTP"},
        {SMTP = {SERVER("220-one\r\n220 two\r\n"), EHLO, SERVER("250 ok\n")}, PASSES,
                .text = "SMTP: 220 two"},
        {SMTP = {SERVER("554 no service\r\n")}, WRONG, .text = "connection answered with \"554 no"},
        {SMTP = {SERVER("421 too busy\r\n")}, WRONG, .text = "\"421 too busy\""},
        {SMTP = {GREETING, EHLO, SERVER("550 go away\r\n")}, WRONG,
                .text = "EHLO answered with \"550 go away\""},
        {SMTP = {SERVER("SSH-2.0-OpenSSH_9.2\r\n")}, WRONG, .text = "this is not SMTP: \"SSH-2.0"},
        {SMTP = {SERVER("2200\r\n")}, WRONG, .text = "this is not SMTP"},
        {SMTP = {GREETING, EHLO, SERVER("250-mail\r\n"), CLOSE}, WRONG,
                .text = "connection closed before the SMTP conversation was over"},
        {SMTP_TLS = {GREETING, EHLO, SERVER("250-mail\r\n250-STARTTLS\r\n250 HELP\r\n"),
                 CLIENT("STARTTLS\r\n"), SERVER("220 go ahead\r\n"), TLS, EHLO,
                 SERVER("250 mail\r\n"), CLIENT("QUIT\r\n")},
                PASSES, .text = "SMTP: 220 mail.example"},
        {SMTP_TLS = {GREETING, EHLO, SERVER("250 mail\r\n")}, WRONG,
                .text = "does not offer STARTTLS"},
        {SMTP_TLS = {GREETING, EHLO, SERVER("250 STARTTLS\r\n"), CLIENT("STARTTLS\r\n"),
                 SERVER("454 not now\r\n")},
                WRONG, .text = "STARTTLS answered with \"454 not now\""},
};

/* What was sent before TLS had begun must not count as said under it (CVE-2011-0411). */
static void test_nothing_before_tls(void **state) {
        static const struct script injected = {
                SMTP_TLS = {GREETING, EHLO, SERVER("250 STARTTLS\r\n"), ANYTHING,
                        SERVER("220 go\r\n250 injected\r\n")},
                WRONG, .text = "sent something before TLS had begun"};
        (void) state;
        script_hold_once(&injected, 0);
}

#define IMAP .protocol = PROTOCOL_IMAP, .options = {0}, .lines
#define IMAP_TLS .protocol = PROTOCOL_IMAP, .options = {.upgrade = true}, .lines
#define LOGOUT CLIENT("a2 LOGOUT\r\n")

static const struct script imap[] = {
        {IMAP = {SERVER("* OK [CAPABILITY IMAP4rev1] ready.\r\n"), LOGOUT}, PASSES,
                .text = "IMAP: OK [CAPABILITY IMAP4rev1] ready."},
        {IMAP = {SERVER("* PREAUTH hello\r\n"), LOGOUT}, PASSES, .text = "IMAP: PREAUTH hello"},
        {IMAP = {SERVER("* BYE too many\r\n")}, WRONG, .text = "turned away: BYE too many"},
        {IMAP = {SERVER("+OK pop3\r\n")}, WRONG, .text = "this is not IMAP: \"+OK pop3\""},
        {IMAP_TLS = {SERVER("* OK hi\r\n"), CLIENT("a1 STARTTLS\r\n"),
                 SERVER("* CAPABILITY x\r\na1 OK begin\r\n"), TLS, LOGOUT},
                PASSES, .text = "IMAP: OK hi"},
        {IMAP_TLS = {SERVER("* OK hi\r\n"), ANYTHING, SERVER("a1 BAD what\r\n")}, WRONG,
                .text = "STARTTLS answered with \"a1 BAD what\""},
};

static void test_mail(void **state) {
        (void) state;
        script_hold_all(smtp);
        script_hold_all(imap);
}

/* ---- ldap ---- */

#define LDAP .protocol = PROTOCOL_LDAP, .options = {0}, .lines
#define LDAP_LOGIN .protocol = PROTOCOL_LDAP, LOGIN, .lines
#define BOUND SERVER("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")
#define LDAP_RESULT(code) SERVER("\x30\x0e\x02\x01\x01\x61\x09\x0a\x01" code "\x04\x00\x04\x02no")

static const struct script ldap[] = {
        {LDAP = {CLIENT("\x30\x82\x00\x12\x02\x01\x01\x60\x82\x00\x0b\x02\x01\x03\x04\x82\x00\x00"
                        "\x80\x82\x00\x00"),
                 BOUND, CLIENT("\x30\x05\x02\x01\x03\x42\x00")},
                PASSES, .text = "LDAP, anonymous login"},
        {LDAP_LOGIN = {CLIENT("\x30\x82\x00\x1c\x02\x01\x01\x60\x82\x00\x15\x02\x01\x03"
                              "\x04\x82\x00\x04shop\x80\x82\x00\x06secret"),
                 BOUND, ANYTHING},
                PASSES, .text = "LDAP, logged in as shop"},
        {LDAP_LOGIN = {ANYTHING, LDAP_RESULT("\x31")}, WRONG,
                .text = "LDAP login: user or password not accepted (49): no"},
        {LDAP_LOGIN = {ANYTHING, LDAP_RESULT("\x30")}, WRONG, .text = "not allowed (48)"},
        {LDAP = {ANYTHING, LDAP_RESULT("\x30")}, DEGRADED,
                .text = "LDAP anonymous login: this way to log in is not allowed (48): no"},
        {LDAP = {ANYTHING, LDAP_RESULT("\x33")}, SPENT, .text = "the server is busy (51)"},
        {LDAP = {ANYTHING, LDAP_RESULT("\x7e")}, WRONG, .text = "other result (126)"},
        /* length on three bytes, as OpenLDAP on other systems sends it */
        {LDAP = {ANYTHING,
                 SERVER("\x30\x83\x00\x00\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
                PASSES, .text = "anonymous login"},
        /* notice of disconnection: unavailable */
        {LDAP = {ANYTHING, SERVER("\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00")},
                WRONG, .text = "LDAP ended by the server: the server is unavailable (52)"},
        {LDAP = {ANYTHING, SERVER("\x30\x84\x7f\xff\xff\xff")}, WRONG,
                .text = "a message of 2GiB is not LDAP's"},
        {LDAP = {ANYTHING, SERVER("\x30\x80")}, WRONG, .text = "this is not LDAP"},
        {LDAP = {ANYTHING, SERVER("\x30\x02\x02\x05")}, WRONG, .text = "this is not LDAP"},
        {LDAP = {ANYTHING, SERVER("H")}, WRONG, .text = "this is not LDAP: \"H"},
        {.protocol = PROTOCOL_LDAP,
                .options = {.upgrade = true},
                .lines = {CLIENT("\x30\x82\x00\x21\x02\x01\x02\x77\x82\x00\x1a\x80\x82\x00\x16"
                                 "1.3.6.1.4.1.1466.20037"),
                        SERVER("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), TLS,
                        ANYTHING, BOUND},
                PASSES,
                .text = "anonymous login"},
        {.protocol = PROTOCOL_LDAP,
                .options = {.upgrade = true},
                .lines = {ANYTHING,
                        SERVER("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x02\x04\x00\x04\x00")},
                WRONG,
                .text = "LDAP StartTLS: protocol error (2)"},
};

static void test_ldap(void **state) {
        (void) state;
        script_hold_all(ldap);
}

/* ---- amqp ---- */

#define AMQP .protocol = PROTOCOL_AMQP, .options = {0}, .lines
#define AMQP_LOGIN .protocol = PROTOCOL_AMQP, LOGIN, .lines
#define AMQP_HELLO CLIENT("AMQP\0\0\x09\x01")
#define AMQP_START                                                                                 \
        SERVER("\x01\0\0\0\0\0\x5b\0\x0a\0\x0a\0\x09\0\0\0\x36"                                    \
               "\x04more"                                                                          \
               "F\0\0\0\x04\x01xt\x01"                                                             \
               "\x07product"                                                                       \
               "S\0\0\0\x08RabbitMQ"                                                               \
               "\x07version"                                                                       \
               "S\0\0\0\x06"                                                                       \
               "3.10.8"                                                                            \
               "\0\0\0\x0ePLAIN AMQPLAIN\0\0\0\x05"                                                \
               "en_US\xce")

static const struct script amqp[] = {
        {AMQP = {AMQP_HELLO, AMQP_START}, PASSES, .text = "AMQP 0-9-1, RabbitMQ 3.10.8"},
        {AMQP = {AMQP_HELLO, SERVER("AMQP\0\x01\0\0")}, WRONG,
                .text = "the server speaks AMQP 1-0-0 (protocol 0), not 0-9-1"},
        {AMQP = {AMQP_HELLO, SERVER("HTTP/1.1 400")}, WRONG, .text = "this is not AMQP: \"H"},
        {AMQP = {AMQP_HELLO, SERVER("\x01\0\0\xff\xff\xff\xff")}, WRONG,
                .text = "a message of 4GiB is not AMQP's"},
        {AMQP_LOGIN = {AMQP_HELLO, AMQP_START,
                 CLIENT("\x01\0\0\0\0\0\x55\0\x0a\0\x0b\0\0\0\x31\x0c"
                        "capabilitiesF\0\0\0\x1f\x1c"
                        "authentication_failure_closet\x01\x05PLAIN\0\0\0\x0c\0shop\0secret\x05"
                        "en_US\xce"),
                 SERVER("\x01\0\0\0\0\0\x0c\0\x0a\0\x1e\x07\xff\0\x02\0\0\0\x3c\xce"),
                 CLIENT("\x01\0\0\0\0\0\x0c\0\x0a\0\x1f\x07\xff\0\x02\0\0\0\x3c\xce"
                        "\x01\0\0\0\0\0\x08\0\x0a\0\x28\x01/\0\0\xce"),
                 SERVER("\x01\0\0\0\0\0\x05\0\x0a\0\x29\0\xce"),
                 CLIENT("\x01\0\0\0\0\0\x0b\0\x0a\0\x32\0\xc8\0\0\0\0\0\xce")},
                PASSES, .text = "RabbitMQ 3.10.8, logged in as shop"},
        {AMQP_LOGIN = {AMQP_HELLO, AMQP_START, ANYTHING,
                 SERVER("\x01\0\0\0\0\0\x0e\0\x0a\0\x32\x01\x93\x07refused\xce")},
                WRONG, .text = "AMQP: 403 refused"},
};

static void test_amqp(void **state) {
        (void) state;
        script_hold_all(amqp);
}

/* ---- mqtt ---- */

#define MQTT .protocol = PROTOCOL_MQTT, .options = {0}, .lines
#define MQTT_LOGIN .protocol = PROTOCOL_MQTT, LOGIN, .lines

static const struct script mqtt[] = {
        {MQTT = {CLIENT("\x10\x1d\0\x04MQTT\x04\x02\0\x3c\0\x11recoverd-00010203"),
                 SERVER("\x20\x02\0\0"), CLIENT("\xe0\0")},
                PASSES, .text = "MQTT, connected"},
        {MQTT_LOGIN = {CLIENT("\x10\x2b\0\x04MQTT\x04\xc2\0\x3c\0\x11recoverd-00010203"
                              "\0\x04shop\0\x06secret"),
                 SERVER("\x20\x02\0\0")},
                PASSES, .text = "MQTT, logged in as shop"},
        {MQTT_LOGIN = {ANYTHING, SERVER("\x20\x02\0\x04")}, WRONG,
                .text = "MQTT refused: user or password not accepted (4)"},
        {MQTT_LOGIN = {ANYTHING, SERVER("\x20\x02\0\x05")}, WRONG, .text = "not authorised (5)"},
        {MQTT = {ANYTHING, SERVER("\x20\x02\0\x05")}, DEGRADED, .text = "MQTT asks for a login"},
        {MQTT = {ANYTHING, SERVER("\x20\x02\0\x03")}, WRONG,
                .text = "the server is unavailable (3)"},
        {MQTT = {ANYTHING, SERVER("\x20\x02\0\x7f")}, WRONG, .text = "unknown reason (127)"},
        {MQTT = {ANYTHING, SERVER("\x20\x03\0\0")}, WRONG, .text = "this is not MQTT"},
        {MQTT = {ANYTHING, SERVER("+PONG")}, WRONG, .text = "this is not MQTT: \"+"},
        {MQTT = {ANYTHING, CLOSE}, SILENT, .text = "without an answer"},
};

static void test_mqtt(void **state) {
        (void) state;
        script_hold_all(mqtt);
}

/* ---- zookeeper ---- */

#define ZOOKEEPER .protocol = PROTOCOL_ZOOKEEPER, .options = {0}, .lines
#define RUOK .protocol = PROTOCOL_ZOOKEEPER_RUOK, .options = {0}, .lines

static const struct script zookeeper[] = {
        {ZOOKEEPER = {CLIENT("srvr"),
                 SERVER("Zookeeper version: 3.8.0\nLatency min/avg/max: 0/1.5/20\nReceived: 9\n"
                        "Sent: 8\nConnections: 3\nOutstanding: 0\nZxid: 0x1\nMode: follower\n"
                        "Node count: 5\n"),
                 CLOSE},
                PASSES,
                .text = "ZooKeeper is follower, 3 connections, latency min/avg/max 0/1.5/20 ms;"},
        {ZOOKEEPER = {ANYTHING,
                 SERVER("This ZooKeeper instance is not currently serving requests\n")},
                WRONG, .text = "it has no quorum"},
        {ZOOKEEPER = {ANYTHING,
                 SERVER("srvr is not executed because it is not in the whitelist.\n")},
                DEGRADED, .text = "srvr is not in its 4lw.commands.whitelist"},
        {ZOOKEEPER = {ANYTHING, CLOSE}, SILENT, .text = "without an answer to srvr"},
        {ZOOKEEPER = {ANYTHING, SERVER("hello\n"), CLOSE}, WRONG, .text = "this is not ZooKeeper"},
        {RUOK = {CLIENT("ruok"), SERVER("imok")}, PASSES, .text = "imok"},
        {RUOK = {ANYTHING, SERVER("ruok is not executed because it is not in the whitelist."),
                 CLOSE},
                DEGRADED, .text = "ruok is not in its 4lw.commands.whitelist"},
        {RUOK = {ANYTHING, CLOSE}, SILENT, .text = "without an answer to ruok"},
        {RUOK = {ANYTHING, SERVER("what?"), CLOSE}, WRONG,
                .text = "this is not ZooKeeper: \"what?\""},
};

static void test_zookeeper(void **state) {
        (void) state;
        script_hold_all(zookeeper);
}

/* ---- cassandra, kafka ---- */

#define CASSANDRA .protocol = PROTOCOL_CASSANDRA, .options = {0}, .lines
#define CQL_OPTIONS CLIENT("\x04\0\0\0\x05\0\0\0\0")

static const struct script cassandra[] = {
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x84\0\0\0\x06\0\0\0\x2c\0\x02\0\x0b"
                                          "COMPRESSION\0\x01\0\x03lz4\0\x0b"
                                          "CQL_VERSION\0\x01\0\x05"
                                          "3.4.5")},
                PASSES, .text = "Cassandra, CQL version 3.4.5"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x84\0\0\0\0\0\0\0\x09\0\0\x10\x01\0\x03low")}, SPENT,
                .text = "Cassandra: error 0x1001: low"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x84\0\0\0\0\0\0\0\x09\0\0\x10\x02\0\x03new")}, DEGRADED,
                .text = "Cassandra is starting: new"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x83\0\0\0\0\0\0\0\x09\0\0\0\x0a\0\x03old")}, WRONG,
                .text = "Cassandra: error 0x000a: old"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x84\0\0\0\x06\0\0\0\x04\xff\xff\0\x09")}, WRONG,
                .text = "this is not Cassandra"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("\x84\0\0\0\x06\x10\0\0\0")}, WRONG,
                .text = "a message of 256MiB is not Cassandra's"},
        {CASSANDRA = {CQL_OPTIONS, SERVER("hello")}, WRONG, .text = "this is not Cassandra: \"h"},
};

#define KAFKA .protocol = PROTOCOL_KAFKA, .options = {0}, .lines
#define KAFKA_ASKS_3                                                                               \
        CLIENT("\0\0\0\x23\0\x12\0\x03reco\0\x08recoverd\0\x09recoverd\x06" RECOVERD_VERSION "\0")
#define KAFKA_ASKS_0 CLIENT("\0\0\0\x12\0\x12\0\0reco\0\x08recoverd")

static const struct script kafka[] = {
        {KAFKA = {KAFKA_ASKS_3, SERVER("\0\0\0\x1a"
                                       "reco\0\0\x03\0\0\0\0\0\x09\0\0\x12\0\0\0\x03\0\0\0\0\0\0")},
                PASSES, .text = "Kafka, 2 APIs,"},
        {KAFKA = {KAFKA_ASKS_3,
                 SERVER("\0\0\0\x10"
                        "reco\0\x23\0\0\0\x01\0\x12\0\0\0\0"),
                 KAFKA_ASKS_0,
                 SERVER("\0\0\0\x16"
                        "reco\0\0\0\0\0\x02\0\0\0\0\0\x02\0\x12\0\0\0\0")},
                PASSES, .text = "Kafka, 2 APIs,"},
        {KAFKA = {KAFKA_ASKS_3, SERVER("\0\0\0\x0b"
                                       "reco\0\x2a\x01\0\0\0\0")},
                WRONG, .text = "Kafka: error 42 in the answer to ApiVersions"},
        {KAFKA = {KAFKA_ASKS_3, SERVER("\0\0\0\x0a"
                                       "else\0\0\x01\0\0\0")},
                WRONG, .text = "this is not Kafka"},
        {KAFKA = {KAFKA_ASKS_3, SERVER("\0\0\0\x0b"
                                       "reco\0\0\xff\xff\xff\xff\x0f")},
                WRONG, .text = "this is not Kafka"},
        {KAFKA = {KAFKA_ASKS_3, SERVER("HTTP")}, WRONG,
                .text = "a message of 1.13GiB is not Kafka's"},
        {KAFKA = {KAFKA_ASKS_3, CLOSE}, SILENT, .text = "without an answer"},
};

static void test_cassandra_and_kafka(void **state) {
        (void) state;
        script_hold_all(cassandra);
        script_hold_all(kafka);
}

/* ---- dns ---- */

#define DNS .protocol = PROTOCOL_DNS, .options = {0}, .lines
#define DNS_ASKS "\0\x01\x01\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01"
#define DNS_ANSWER(flags) "\0\x01" flags "\0\x01\0\0\0\0\0\0\0\0\x02\0\x01"

static const struct script dns[] = {
        {DNS = {CLIENT("\0\x11" DNS_ASKS), SERVER("\0\x11" DNS_ANSWER("\x81\x80"))}, PASSES,
                .text = "DNS answered"},
        {DNS = {ANYTHING, SERVER("\0\x11" DNS_ANSWER("\x81\x85"))}, PASSES,
                .text = "DNS answered REFUSED"},
        {DNS = {ANYTHING, SERVER("\0\x11" DNS_ANSWER("\x81\x82"))}, WRONG,
                .text = "DNS answered SERVFAIL (2) for the root"},
        {DNS = {ANYTHING, SERVER("\0\x11" DNS_ANSWER("\x01\x80"))}, WRONG,
                .text = "this is not DNS"},
};

static void test_dns(void **state) {
        (void) state;
        script_hold_all(dns);
}

/* A datagram that somebody else sent is passed over. */
static void test_dns_over_udp(void **state) {
        static const struct talk_options options = {.datagrams = true, .random = {0, 1}};
        static const char forged[] = "\0\x02\x81\x80", right[] = DNS_ANSWER("\x81\x80");
        struct talk talk;
        (void) state;
        assert_int_equal(talk_begin(&talk, &dns_protocol, &options), TALK_READ);
        assert_int_equal(talk.out.length, sizeof(DNS_ASKS) - 1);
        assert_memory_equal(talk.out.data, DNS_ASKS, sizeof(DNS_ASKS) - 1);
        assert_int_equal(talk_receive(&talk, forged, sizeof(forged) - 1), TALK_READ);
        assert_int_equal(talk_receive(&talk, "", 0), TALK_READ);
        assert_int_equal(talk_receive(&talk, right, sizeof(right) - 1), TALK_OVER);
        assert_int_equal(talk.outcome, OUTCOME_PASS);
        talk_done(&talk);
}

/* ---- what all have in common ---- */

/* A server that talks and talks comes to an end. */
static void test_endless(void **state) {
        (void) state;
        for (int kind = PROTOCOL_NONE + 1; kind < PROTOCOL_KINDS; kind++) {
                const struct talk_options options = {0};
                struct talk talk;
                enum talk_action action = talk_begin(&talk, protocol_of(kind), &options);
                char bytes[997];
                size_t sent = 0;
                memset(bytes, 'x', sizeof(bytes));
                while (action == TALK_READ && sent < 2 * (size_t) TALK_RECEIVED_MAX) {
                        action = talk_receive(&talk, bytes, sizeof(bytes));
                        sent += sizeof(bytes);
                }
                assert_int_equal(action, TALK_OVER);
                assert_int_equal(talk.outcome, OUTCOME_FAIL);
                assert_true(sent <= (size_t) TALK_RECEIVED_MAX + sizeof(bytes));
                talk_done(&talk);
        }
}

/* Lines that never make up an answer, and one that never ends. */
static void test_endless_lines(void **state) {
        const struct talk_options options = {0};
        struct talk talk;
        (void) state;
        enum talk_action action = talk_begin(&talk, &smtp_protocol, &options);
        for (int i = 0; i < 10000 && action == TALK_READ; i++) {
                action = talk_receive(&talk, "220-more\r\n", 10);
        }
        assert_string_equal(talk.text, "sent more than 64KiB without coming to an end");
        talk_done(&talk);
        action = talk_begin(&talk, &smtp_protocol, &options);
        for (int i = 0; i < 10000 && action == TALK_READ; i++) {
                action = talk_receive(&talk, "220-more", 8);
        }
        assert_non_null(strstr(talk.text, "a message of 2.01KiB is not SMTP's"));
        talk_done(&talk);
}

/* Each row is complete, and has a word. */
static void test_table(void **state) {
        (void) state;
        assert_null(protocol_of(PROTOCOL_NONE));
        assert_null(protocol_of(PROTOCOL_KINDS));
        for (int kind = PROTOCOL_NONE + 1; kind < PROTOCOL_KINDS; kind++) {
                const struct protocol *protocol = protocol_of(kind);
                assert_non_null(protocol);
                assert_non_null(protocol->title);
                assert_non_null(protocol->begin);
                assert_true(protocol->port > 0);
                assert_string_not_equal(protocol_kind_text((enum protocol_kind) kind), "?");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_redis),
                cmocka_unit_test(test_memcached),
                cmocka_unit_test(test_mail),
                cmocka_unit_test(test_nothing_before_tls),
                cmocka_unit_test(test_ldap),
                cmocka_unit_test(test_amqp),
                cmocka_unit_test(test_mqtt),
                cmocka_unit_test(test_zookeeper),
                cmocka_unit_test(test_cassandra_and_kafka),
                cmocka_unit_test(test_dns),
                cmocka_unit_test(test_dns_over_udp),
                cmocka_unit_test(test_endless),
                cmocka_unit_test(test_endless_lines),
                cmocka_unit_test(test_table),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
