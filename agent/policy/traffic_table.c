/* The keys by which a policy says what a HAProxy is told. */

#include "model/haproxy.h"
#include "policy/loading.h"
#include "policy/step_fields.h"

static void check_sockets(const struct strings *sockets, struct schema_report *report) {
        for (uint32_t i = 0; i < sockets->count; i++) {
                struct haproxy_socket socket;
                struct error err = {0};
                if (haproxy_socket_parse(sockets->items[i], &socket, &err) < 0) {
                        schema_complain(
                                report, "socket", "'%.100s': %s", sockets->items[i], err.text);
                }
        }
        if (sockets->count > HAPROXY_SOCKETS_MAX) {
                schema_complain(report, "socket", "%u sockets, at most %d", sockets->count,
                        HAPROXY_SOCKETS_MAX);
        }
}

static void check_server(const char *server, struct schema_report *report) {
        struct haproxy_target target;
        struct error err = {0};
        if (haproxy_target_parse(server, &target, &err) < 0) {
                schema_complain(report, "server", "'%.100s': %s", server, err.text);
        }
}

static void check_haproxy(const struct haproxy_spec *haproxy, struct schema_report *report) {
        struct haproxy_weight weight;
        struct error err = {0};
        check_sockets(&haproxy->sockets, report);
        check_server(haproxy->server, report);
        if (haproxy->weight && haproxy_weight_parse(haproxy->weight, &weight, &err) < 0) {
                schema_complain(report, "weight", "'%.40s': %s", haproxy->weight, err.text);
        }
}

#define HAPROXY_FIELDS(type)                                                                        \
        {.key = "socket",                                                                           \
                .kind = SCHEMA_STRINGS,                                                             \
                .offset = offsetof(type, haproxy.sockets),                                          \
                .help = "Socket of HAProxy's Runtime API with `level admin`: an absolute path, or " \
                        "`tcp ADDRESS:PORT`. Of several HAProxys a list, each is told.",            \
                .example = "/run/haproxy/admin.sock",                                               \
                .required = true},                                                                  \
                {.key = "server",                                                                   \
                        .kind = SCHEMA_STRING,                                                      \
                        .offset = offsetof(type, haproxy.server),                                   \
                        .help = "The server, as BACKEND/SERVER.",                                   \
                        .example = "shop/web1",                                                     \
                        .required = true},                                                          \
                {.key = "state",                                                                    \
                        .kind = SCHEMA_ENUM,                                                        \
                        .offset = offsetof(type, haproxy.state),                                    \
                        .words = server_state_texts,                                                \
                        .help = "What the server becomes.",                                         \
                        .example = "drain",                                                         \
                        .required = true},                                                          \
                {.key = "weight",                                                                   \
                        .kind = SCHEMA_STRING,                                                      \
                        .offset = offsetof(type, haproxy.weight),                                   \
                        .help = "Its share of the traffic: 0 to 256, or 0% to 100% of the weight "  \
                                "in HAProxy's configuration. Without the key it stays.",            \
                        .example = "50%"},                                                          \
        {                                                                                           \
                .key = "wait", .kind = SCHEMA_DURATION, .offset = offsetof(type, haproxy.wait),     \
                .standard = "0s", .most = "10m",                                                    \
                .help = "After `drain` and `maint`, how long the sessions of the server have to "   \
                        "end; after `ready`, how long HAProxy has to find it up. What is left "     \
                        "then is told and not waited for.",                                         \
                .example = "10s"                                                                    \
        }

/* ---- Of a ladder ---- */

static void check_step(const void *object, struct schema_report *report) {
        const struct step_spec *step = object;
        check_haproxy(&step->haproxy, report);
        usec_t limit = step->timeout > 0 ? step->timeout : USEC_PER_MINUTE;
        if (step->haproxy.wait >= limit) {
                schema_complain(report, "wait",
                        "'wait' has to be shorter than 'timeout', which is 1m without the key");
        }
}

static const struct schema_field step_fields[] = {
        HAPROXY_FIELDS(struct step_spec),
        STEP_FIELDS("1"),
        {0},
};

const struct schema haproxy_step_schema = {
        .name = "haproxy step",
        .help = "Tells HAProxy how much traffic a server gets, through its Runtime API, and believes "
                "it when it reads back so.",
        .size = sizeof(struct step_spec),
        .fields = step_fields,
        .check = check_step,
};

/* ---- Of a group ---- */

static void check_group_step(const void *object, struct schema_report *report) {
        check_haproxy(&((const struct group_step_spec *) object)->haproxy, report);
}

static const struct schema_field group_step_fields[] = {
        HAPROXY_FIELDS(struct group_step_spec),
        {.key = "timeout",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct group_step_spec, timeout),
                .standard = "1s",
                .least = "100ms",
                .most = "1m",
                .help = "Longest time for HAProxy's answers, `wait` not counted. Both are part of the "
                        "time of a demotion that has to fit into the lease.",
                .example = "500ms"},
        {.key = "on_error",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct group_step_spec, on_error),
                .words = traffic_error_texts,
                .help = "What becomes of a promotion when HAProxy cannot be told. Standard: `fail`. A "
                        "demotion goes on in any case.",
                .example = "ignore"},
        {0},
};

const struct schema haproxy_group_step_schema = {
        .name = "group haproxy step",
        .help = "Tells HAProxy how much traffic a server gets at a change of the active member.",
        .size = sizeof(struct group_step_spec),
        .fields = group_step_fields,
        .check = check_group_step,
};

/* ---- Of a service ---- */

static void check_balancer(const void *object, struct schema_report *report) {
        const struct haproxy_spec *haproxy = object;
        check_sockets(&haproxy->sockets, report);
        check_server(haproxy->server, report);
}

static const struct schema_field balancer_fields[] = {
        {.key = "socket",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct haproxy_spec, sockets),
                .help = "Socket of HAProxy's Runtime API with `level admin`: an absolute path, or "
                        "`tcp ADDRESS:PORT`. Of several HAProxys a list, each is told.",
                .example = "[/run/haproxy/admin.sock, \"tcp 10.0.0.5:9999\"]",
                .required = true},
        {.key = "server",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct haproxy_spec, server),
                .help = "The service, as BACKEND/SERVER in HAProxy's configuration.",
                .example = "shop/web1",
                .required = true},
        {0},
};

static const struct schema balancer_schema = {
        .name = "traffic of a HAProxy",
        .help = "The HAProxy in front of the service.",
        .size = sizeof(struct haproxy_spec),
        .fields = balancer_fields,
        .check = check_balancer,
};

static const struct schema_field traffic_fields[] = {
        {.key = "haproxy",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct traffic_spec, away),
                .object = &balancer_schema,
                .help = "The HAProxy in front of the service.",
                .example = "{socket: /run/haproxy/admin.sock, server: shop/web1}",
                .required = true},
        {.key = "drain",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct traffic_spec, away.wait),
                .standard = "10s",
                .most = "10m",
                .help = "How long requests that are under way have to end before the service is "
                        "interrupted. 0s: they are cut off.",
                .example = "30s"},
        {.key = "on_error",
                .kind = SCHEMA_ENUM,
                .offset = offsetof(struct traffic_spec, on_error),
                .standard = "ignore",
                .words = traffic_error_texts,
                .help = "What becomes of an action when HAProxy cannot be told: a HAProxy that is down "
                        "has no traffic to lose.",
                .example = "fail"},
        {0},
};

const struct schema traffic_schema = {
        .name = "traffic",
        .help = "Before a restart, a stop or a rollback the service gets no new requests, and those "
                "under way may end.",
        .size = sizeof(struct traffic_spec),
        .fields = traffic_fields,
};

void traffic_build(struct loading *loading, struct service *service, const struct origin *origin) {
        struct traffic_spec *traffic = origin->form.traffic;
        if (!traffic) {
                return;
        }
        if (service->manager == MANAGER_NONE) {
                loading_error(loading, "no-manager", &node_get(origin->whole, "traffic")->place,
                        "remove it, or give the service a 'command', a 'unit' or 'scripts'",
                        "the service '%.64s' is only watched: nobody here interrupts it",
                        service->name);
        }
        traffic->back = traffic->away;
        traffic->back.wait = 0;
        traffic->back.state = SERVER_READY;
        traffic->away.state = SERVER_DRAIN;
        service->traffic = traffic;
}
