/* The keys of `coordinator`. */

#include "model/coordination.h"
#include "policy/custom_values.h"
#include "policy/policy_tables.h"

/* What the keys need beside them in an example. */
#define ETCD "kind: etcd, servers: [\"https://etcd1:2379\"]"

static void check_coordinator(const void *object, struct schema_report *report) {
        const struct coordinator_spec *spec = object;
        bool zookeeper = spec->kind == COORDINATOR_ZOOKEEPER;
        if (spec->kind == COORDINATOR_LOCAL) {
                schema_complain(
                        report, "kind", "'local' needs no settings: groups say it themselves");
        }
        if (zookeeper && (!spec->user || !spec->password_file)) {
                schema_complain(report, NULL,
                        "ZooKeeper needs a 'user' and a 'password_file': what everybody may change "
                        "keeps nobody apart");
        } else if (spec->user && !spec->password_file) {
                schema_complain(report, "user", "'user' needs a 'password_file'");
        }
        if (zookeeper && (spec->ca_file || spec->cert_file || spec->key_file)) {
                schema_complain(report, spec->ca_file ? "ca_file" : NULL,
                        "'ca_file', 'cert_file' and 'key_file' are for etcd");
        }
        if (!spec->cert_file != !spec->key_file) {
                schema_complain(report, spec->cert_file ? "cert_file" : "key_file",
                        "'cert_file' and 'key_file' go together");
        }
        if (!spec->peers.listen != !spec->peers.secret_file) {
                schema_complain(report, "peers",
                        "'listen' and 'secret_file' go together: what strangers could say is not "
                        "listened to");
        }
        if (spec->servers.count > COORDINATION_SERVERS_MAX) {
                schema_complain(report, "servers", "more than 9 servers");
        }
}

static const struct schema_field peers_fields[] = {
        {.key = "listen",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct peers_spec, listen),
                .help = "Address and UDP port of this host at which the others ask it.",
                .example = "\"10.0.0.1:7946\"",
                .with = "secret_file: /etc/recoverd/peers.secret",
                .parse = parse_peer,
                .pattern = PATTERN_PEER,
                .single = true},
        {.key = "secret_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct peers_spec, secret_file),
                .help = "A file with a secret of at least 16 characters, the same on all hosts, which "
                        "the agent can read and others cannot. It proves that a message is from a member.",
                .example = "/etc/recoverd/peers.secret",
                .with = "listen: \"10.0.0.1:7946\""},
        {0},
};

static const struct schema peers_schema = {
        .name = "peers",
        .help = "How the agents of the members ask each other while the coordinator is away.",
        .size = sizeof(struct peers_spec),
        .fields = peers_fields,
};

static const struct schema_field coordinator_fields[] = {
        {.key = "kind",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct coordinator_spec, kind),
                .words = coordinator_kind_texts,
                .help = "What it is: `zookeeper` or `etcd`.",
                .example = "etcd",
                .with = "servers: [\"https://etcd1:2379\"]",
                .required = true},
        {.key = "servers",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct coordinator_spec, servers),
                .help = "All its servers, at most 9: HOST:PORT for ZooKeeper, an URL for etcd.",
                .example =
                        "[\"https://etcd1:2379\", \"https://etcd2:2379\", \"https://etcd3:2379\"]",
                .with = "kind: etcd",
                .required = true},
        {.key = "root",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct coordinator_spec, root),
                .standard = "/recoverd",
                .help = "Everything is kept below this path.",
                .example = "/shop/recoverd",
                .with = ETCD},
        {.key = "user",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct coordinator_spec, user),
                .help = "The user whose nodes they are; ZooKeeper needs one.",
                .example = "recoverd",
                .with = ETCD ", password_file: /etc/recoverd/etcd.password"},
        {.key = "password_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct coordinator_spec, password_file),
                .help = "A file with the password of the user, readable for the agent only.",
                .example = "/etc/recoverd/etcd.password",
                .with = ETCD ", user: recoverd"},
        {.key = "ca_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct coordinator_spec, ca_file),
                .help = "etcd: certificates of the authorities that are trusted. Standard: the system's.",
                .example = "/etc/recoverd/ca.pem",
                .with = ETCD},
        {.key = "cert_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct coordinator_spec, cert_file),
                .help = "etcd: the certificate of this host.",
                .example = "/etc/recoverd/host.pem",
                .with = ETCD ", key_file: /etc/recoverd/host.key"},
        {.key = "key_file",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct coordinator_spec, key_file),
                .help = "etcd: the key of that certificate.",
                .example = "/etc/recoverd/host.key",
                .with = ETCD ", cert_file: /etc/recoverd/host.pem"},
        {.key = "peers",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct coordinator_spec, peers),
                .object = &peers_schema,
                .help = "How the members of groups with `on_coordinator_loss: "
                        "hold-if-all-peers-agree` reach each other.",
                .example = "{listen: \"10.0.0.1:7946\", secret_file: /etc/recoverd/peers.secret}",
                .with = ETCD},
        {0},
};

const struct schema coordinator_schema = {
        .name = "coordinator",
        .help = "Who says which member of a group is active, for groups over several hosts; in "
                "recoverd.yaml.",
        .size = sizeof(struct coordinator_spec),
        .fields = coordinator_fields,
        .check = check_coordinator,
};
