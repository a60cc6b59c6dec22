#include "cli/init_library.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* clang-format off */
const struct known_service known_services[] = {
        {"nginx", "nginx.service", {"nginx.service"}, "nginx", 80},
        {"haproxy", "haproxy.service", {"haproxy.service"}, "haproxy", 80},
        {"redis", "redis-server.service",
                {"redis-server.service", "redis.service", "redis-server@*.service", "redis@*.service"}, "redis-server", 6379},
        {"postgresql", "postgresql@15-main.service",
                {"postgresql@*.service", "postgresql.service", "postgresql-[0-9]*.service"}, "postgres", 5432},
        {"mariadb", "mariadb.service",
                {"mariadb.service", "mysql.service", "mysqld.service", "mariadb@*.service"}, "mariadbd", 3306},
        {"rabbitmq", "rabbitmq-server.service", {"rabbitmq-server.service"}, "rabbitmq-server", 5672},
        {"kafka", "kafka.service",
                {"kafka.service", "confluent-server.service", "confluent-kafka.service"}, "kafka.Kafka", 9092},
        {"zookeeper", "zookeeper.service",
                {"zookeeper.service", "zookeeper-server.service", "confluent-zookeeper.service"},
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", 2181},
        {"cassandra", "cassandra.service", {"cassandra.service"}, "org.apache.cassandra.service.CassandraDaemon", 9042},
        {"hadoop-namenode", "hadoop-hdfs-namenode.service",
                {"hadoop-hdfs-namenode.service", "hadoop-namenode.service", "hdfs-namenode.service"},
                "org.apache.hadoop.hdfs.server.namenode.NameNode", 9870},
        {"hadoop-datanode", "hadoop-hdfs-datanode.service",
                {"hadoop-hdfs-datanode.service", "hadoop-datanode.service", "hdfs-datanode.service"},
                "org.apache.hadoop.hdfs.server.datanode.DataNode", 9864},
        {0},
};
/* clang-format on */
const size_t n_known_services = ELEMENTSOF(known_services) - 1;

enum { LIBRARY_FILE_MAX = 64 * 1024 };

const struct known_service *known_service_find(const char *name) {
        for (const struct known_service *known = known_services; known->name; known++) {
                if (str_eq(known->name, name)) {
                        return known;
                }
        }
        return NULL;
}

const struct known_service *known_service_of_unit(const char *unit) {
        for (const struct known_service *known = known_services; known->name; known++) {
                for (size_t i = 0; known->units[i]; i++) {
                        if (fnmatch(known->units[i], unit, 0) == 0) {
                                return known;
                        }
                }
        }
        return NULL;
}

/* ---- Fitting ---- */

/* Adds a line, with each `from` in it replaced. */
static void add_replaced(
        struct strbuf *out, const char *line, size_t length, const char *from, const char *to) {
        const char *end = line + length, *found;
        while ((found = memmem(line, (size_t) (end - line), from, strlen(from)))) {
                strbuf_add_bytes(out, line, (size_t) (found - line));
                strbuf_add(out, to);
                line = found + strlen(from);
        }
        strbuf_add_bytes(out, line, (size_t) (end - line));
}

static bool begins(const char *line, size_t length, const char *with) {
        return length >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static void add_line(
        const struct policy_fit *fit, const char *line, size_t length, struct strbuf *out) {
        static const char schema[] = "# yaml-language-server: $schema=";
        char from[300], to[300];
        if (begins(line, length, schema)) {
                strbuf_addf(out, "%s%s", schema, fit->schema);
                return;
        }
        snprintf(from, sizeof(from), "  %s:", fit->known->name);
        if (begins(line, length, from)) {
                strbuf_addf(out, "  %s:", fit->name);
                strbuf_add_bytes(out, line + strlen(from), length - strlen(from));
                return;
        }
        snprintf(from, sizeof(from), "    unit: %s", fit->known->unit);
        if (begins(line, length, from)) {
                strbuf_addf(out, "    unit: %s", fit->unit);
                return;
        }
        if (fit->host_observes && begins(line, length, "    mode: observe")) {
                strbuf_add(out,
                        "    # mode: observe           # recoverd.yaml says so for the whole host; once it does not, "
                        "this line does for this service");
                return;
        }
        snprintf(from, sizeof(from), "127.0.0.1:%u", fit->known->port);
        snprintf(to, sizeof(to), "127.0.0.1:%u", fit->port);
        add_replaced(out, line, length, from, to);
}

void policy_fit(const struct policy_fit *fit, const char *text, struct strbuf *out) {
        while (*text) {
                size_t length = strcspn(text, "\n");
                add_line(fit, text, length, out);
                strbuf_add_char(out, '\n');
                text += length + (text[length] == '\n');
        }
}

/* ---- Files ---- */

int library_read(const char *library, const struct known_service *known, struct strbuf *ret,
        struct error *err) {
        AUTO_STRBUF struct strbuf path = {0};
        strbuf_addf(&path, "%s/%s.yaml", library, known->name);
        if (!strbuf_text(&path)) {
                return -ENOMEM;
        }
        AUTO_FCLOSE FILE *file = fopen(strbuf_text(&path), "re");
        if (!file) {
                return error_set_errno(err, errno, "%s", strbuf_text(&path));
        }
        char chunk[4096];
        size_t n;
        while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0 && ret->length < LIBRARY_FILE_MAX) {
                strbuf_add_bytes(ret, chunk, n);
        }
        return ret->failed ? -ENOMEM : 0;
}
