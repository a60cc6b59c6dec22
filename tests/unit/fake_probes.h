#pragma once
/* Probe types for tests of the loader: small tables that use every kind of key. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/schema.h"

struct fake_header {
        const char *name;
        const char *equals;
};

struct fake_expect {
        uint32_t status; /* sum of the statuses listed */
        struct objects headers;
        struct strings words;
};

struct fake_http {
        const char *url;
        bool follow;
        usec_t max_latency;
        uint64_t max_body;
        struct fake_expect expect;
        struct pairs headers;
};

struct fake_tcp {
        const char *address;
};

struct fake_process {
        struct amount max_rss, max_open_files;
        double max_cpu;
        uint32_t max_threads;
};

struct fake_disk {
        const char *path;
        double max_used;
};

static inline int fake_parse_status(
        const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        unsigned long value = strtoul(text, NULL, 10);
        if (value < 100 || value > 599) {
                snprintf(why, SCHEMA_WHY_MAX, "expected a status such as 200");
                return -EINVAL;
        }
        *(uint32_t *) to += (uint32_t) value;
        return 0;
}

static const struct schema_field fake_header_fields[] = {
        {.key = "equals",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct fake_header, equals),
                .help = "The whole value.",
                .example = "nginx"},
        {0},
};

static const struct schema fake_header_schema = {.name = "header",
        .help = "What a header must be.",
        .size = sizeof(struct fake_header),
        .fields = fake_header_fields};

static const struct schema_field fake_expect_fields[] = {
        {.key = "status",
                .kind = SCHEMA_CUSTOM,
                .offset = offsetof(struct fake_expect, status),
                .standard = "200",
                .parse = fake_parse_status,
                .pattern = "^[1-5][0-9][0-9]$",
                .help = "Accepted statuses.",
                .example = "[200, 204]"},
        {.key = "headers",
                .kind = SCHEMA_OBJECT_MAP,
                .offset = offsetof(struct fake_expect, headers),
                .object = &fake_header_schema,
                .help = "Headers of the answer.",
                .example = "{Server: {equals: nginx}}"},
        {.key = "words",
                .kind = SCHEMA_STRINGS,
                .offset = offsetof(struct fake_expect, words),
                .help = "Words in the body.",
                .example = "[ready, ok]"},
        {0},
};

static const struct schema fake_expect_schema = {.name = "http expect",
        .help = "What the answer must be.",
        .size = sizeof(struct fake_expect),
        .fields = fake_expect_fields};

static const struct schema_field fake_http_fields[] = {
        {.key = "url",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct fake_http, url),
                .help = "Where to ask.",
                .example = "http://127.0.0.1:8080/",
                .required = true},
        {.key = "follow",
                .kind = SCHEMA_BOOL,
                .offset = offsetof(struct fake_http, follow),
                .standard = "false",
                .help = "Follow redirects.",
                .example = "true"},
        {.key = "max_latency",
                .kind = SCHEMA_DURATION,
                .offset = offsetof(struct fake_http, max_latency),
                .least = "1ms",
                .most = "1h",
                .help = "Slowest right answer.",
                .example = "300ms"},
        {.key = "max_body",
                .kind = SCHEMA_SIZE,
                .offset = offsetof(struct fake_http, max_body),
                .standard = "1MiB",
                .most = "16MiB",
                .help = "Longest body.",
                .example = "64KiB"},
        {.key = "expect",
                .kind = SCHEMA_OBJECT,
                .offset = offsetof(struct fake_http, expect),
                .object = &fake_expect_schema,
                .help = "What the answer must be.",
                .example = "{status: 200}"},
        {.key = "headers",
                .kind = SCHEMA_PAIRS,
                .offset = offsetof(struct fake_http, headers),
                .help = "Headers to send.",
                .example = "{Host: shop.example}"},
        {0},
};

static const struct schema fake_http_schema = {.name = "http probe",
        .help = "Asks a web server.",
        .size = sizeof(struct fake_http),
        .fields = fake_http_fields};

static const struct schema_field fake_tcp_fields[] = {
        {.key = "address",
                .kind = SCHEMA_STRING,
                .offset = offsetof(struct fake_tcp, address),
                .help = "Where to connect.",
                .example = "127.0.0.1:6379",
                .required = true},
        {0},
};

static const struct schema fake_tcp_schema = {.name = "tcp probe",
        .help = "Connects.",
        .size = sizeof(struct fake_tcp),
        .fields = fake_tcp_fields,
        .shorthand = "address"};

static const struct schema_field fake_process_fields[] = {
        {.key = "max_rss",
                .kind = SCHEMA_AMOUNT,
                .offset = offsetof(struct fake_process, max_rss),
                .units = SCHEMA_UNITS_SIZE,
                .least = "1MiB",
                .help = "Most memory.",
                .example = "1GiB"},
        {.key = "max_open_files",
                .kind = SCHEMA_AMOUNT,
                .offset = offsetof(struct fake_process, max_open_files),
                .units = SCHEMA_UNITS_COUNT | SCHEMA_UNITS_PERCENT,
                .help = "Most open files.",
                .example = "80%"},
        {.key = "max_cpu",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct fake_process, max_cpu),
                .help = "Most CPU.",
                .example = "150%"},
        {.key = "max_threads",
                .kind = SCHEMA_UINT,
                .offset = offsetof(struct fake_process, max_threads),
                .least = "1",
                .help = "Most threads.",
                .example = "200"},
        {0},
};

static const struct schema fake_process_schema = {.name = "process probe",
        .help = "Looks at the process.",
        .size = sizeof(struct fake_process),
        .fields = fake_process_fields};

static const struct schema_field fake_disk_fields[] = {
        {.key = "path",
                .kind = SCHEMA_PATH,
                .offset = offsetof(struct fake_disk, path),
                .help = "A path on it.",
                .example = "/srv",
                .required = true},
        {.key = "max_used",
                .kind = SCHEMA_PERCENT,
                .offset = offsetof(struct fake_disk, max_used),
                .standard = "90%",
                .most = "100%",
                .help = "Most space in use.",
                .example = "85%"},
        {0},
};

static const struct schema fake_disk_schema = {.name = "disk probe",
        .help = "Looks at a file system.",
        .size = sizeof(struct fake_disk),
        .fields = fake_disk_fields,
        .shorthand = "path"};

/* What services of the other managers are watched by. */
static const struct schema fake_unit_schema = {
        .name = "unit probe", .help = "Looks at a unit.", .size = 1};
static const struct schema fake_status_schema = {
        .name = "status probe", .help = "Asks the scripts.", .size = 1};

enum { FAKE_HTTP, FAKE_TCP, FAKE_PROCESS, FAKE_DISK, FAKE_UNIT, FAKE_STATUS };

static const struct schema_variant fake_probes[] = {
        {"http", FAKE_HTTP, &fake_http_schema, "Asks a web server."},
        {"tcp", FAKE_TCP, &fake_tcp_schema, "Connects."},
        {"process", FAKE_PROCESS, &fake_process_schema, "Looks at the process."},
        {"disk", FAKE_DISK, &fake_disk_schema, "Looks at a file system."},
        {"unit", FAKE_UNIT, &fake_unit_schema, "Looks at a unit."},
        {"status", FAKE_STATUS, &fake_status_schema, "Asks the scripts."},
        {0},
};
