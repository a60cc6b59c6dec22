#include "probes/protocol.h"

static const struct protocol *const protocols[PROTOCOL_KINDS] = {
        [PROTOCOL_REDIS] = &redis_protocol,
        [PROTOCOL_POSTGRESQL] = &postgresql_protocol,
        [PROTOCOL_MYSQL] = &mysql_protocol,
        [PROTOCOL_MEMCACHED] = &memcached_protocol,
        [PROTOCOL_SMTP] = &smtp_protocol,
        [PROTOCOL_IMAP] = &imap_protocol,
        [PROTOCOL_LDAP] = &ldap_protocol,
        [PROTOCOL_AMQP] = &amqp_protocol,
        [PROTOCOL_MQTT] = &mqtt_protocol,
        [PROTOCOL_ZOOKEEPER] = &zookeeper_protocol,
        [PROTOCOL_ZOOKEEPER_RUOK] = &zookeeper_ruok_protocol,
        [PROTOCOL_CASSANDRA] = &cassandra_protocol,
        [PROTOCOL_KAFKA] = &kafka_protocol,
        [PROTOCOL_DNS] = &dns_protocol,
};

const struct enum_text protocol_kind_texts[] = {
        {PROTOCOL_REDIS, "redis", "AUTH when a password is given, then PING."},
        {PROTOCOL_POSTGRESQL, "postgresql",
                "Start, and login by SCRAM-SHA-256, MD5 or a password in clear; no query."},
        {PROTOCOL_MYSQL, "mysql",
                "MySQL and MariaDB: greeting and login by mysql_native_password or caching_sha2_password."},
        {PROTOCOL_MEMCACHED, "memcached", "version."},
        {PROTOCOL_SMTP, "smtp", "Greeting, EHLO, QUIT; with `starttls` STARTTLS between them."},
        {PROTOCOL_IMAP, "imap", "Greeting, LOGOUT; with `starttls` STARTTLS between them."},
        {PROTOCOL_LDAP, "ldap", "A simple bind, anonymous without a user."},
        {PROTOCOL_AMQP, "amqp",
                "AMQP 0-9-1 (RabbitMQ): the header, and with a user login and opening of a virtual host."},
        {PROTOCOL_MQTT, "mqtt", "MQTT 3.1.1: CONNECT, DISCONNECT."},
        {PROTOCOL_ZOOKEEPER, "zookeeper", "srvr: mode, connections, latency."},
        {PROTOCOL_ZOOKEEPER_RUOK, "zookeeper-ruok", "ruok, answered by imok."},
        {PROTOCOL_CASSANDRA, "cassandra", "An OPTIONS frame, answered by SUPPORTED."},
        {PROTOCOL_KAFKA, "kafka", "ApiVersions, which a broker answers without a login."},
        {PROTOCOL_DNS, "dns", "A query for the name servers of the root, over TCP or UDP."},
        {0},
};

const struct protocol *protocol_of(int kind) {
        return kind > PROTOCOL_NONE && kind < PROTOCOL_KINDS ? protocols[kind] : NULL;
}
