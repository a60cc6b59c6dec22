#pragma once
/* The protocols that the TCP probe knows, one file and one row each. */

#include <stddef.h>
#include <stdint.h>

#include "model/enum_text.h"
#include "probes/talk.h"

enum protocol_kind {
        PROTOCOL_NONE = 0,
        PROTOCOL_REDIS,
        PROTOCOL_POSTGRESQL,
        PROTOCOL_MYSQL,
        PROTOCOL_MEMCACHED,
        PROTOCOL_SMTP,
        PROTOCOL_IMAP,
        PROTOCOL_LDAP,
        PROTOCOL_AMQP,
        PROTOCOL_MQTT,
        PROTOCOL_ZOOKEEPER,
        PROTOCOL_ZOOKEEPER_RUOK,
        PROTOCOL_CASSANDRA,
        PROTOCOL_KAFKA,
        PROTOCOL_DNS,
        PROTOCOL_KINDS,
};
DECLARE_ENUM_TEXT(protocol_kind)

enum protocol_tls {
        PROTOCOL_TLS_FIRST, /* from the first byte only */
        PROTOCOL_TLS_WITHIN, /* is always agreed on within the protocol */
        PROTOCOL_TLS_EITHER, /* either; `starttls` chooses */
};

enum protocol_login {
        PROTOCOL_ANONYMOUS, /* nobody logs in */
        PROTOCOL_PASSWORD, /* with a password, and a user beside it or none */
        PROTOCOL_USER, /* with a user, and a password or none */
        PROTOCOL_USER_PASSWORD, /* with both, or with none */
};

struct protocol {
        const char *title; /* in texts */
        uint16_t port, tls_port; /* standard ones; tls_port 0: the same */
        enum protocol_tls tls;
        enum protocol_login login;
        bool database; /* a database may be named */
        bool datagrams; /* is spoken over UDP as well */
        size_t room_size;
        talk_step begin; /* fills `out` or not, and sets the first step */
        talk_step closed; /* the peer closed: concludes; NULL: that is a failure */
        void (*release)(void *room); /* what the room holds; NULL: nothing */
};

/* NULL for PROTOCOL_NONE. */
const struct protocol *protocol_of(int kind);

extern const struct protocol redis_protocol, postgresql_protocol, mysql_protocol,
        memcached_protocol, smtp_protocol, imap_protocol, ldap_protocol, amqp_protocol,
        mqtt_protocol, zookeeper_protocol, zookeeper_ruok_protocol, cassandra_protocol,
        kafka_protocol, dns_protocol;
