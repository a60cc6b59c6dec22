/* All probe types, in the order of the reference. A new type is one file and one row in each table.
 */

#include "probes/probe.h"
#include "probes/types.h"

enum {
        TYPE_HTTP,
        TYPE_TCP,
        TYPE_PROCESS,
        TYPE_DISK,
        TYPE_FILE,
        TYPE_EXEC,
        TYPE_PRESSURE,
        TYPE_UNIT,
        TYPE_STATUS,
        TYPE_PING,
        TYPE_HEARTBEAT,
        TYPE_DNS,
        TYPE_JOURNAL,
        TYPE_CERTIFICATE
};

const struct probe_type *const probe_types[] = {
        [TYPE_HTTP] = &http_probe,
        [TYPE_TCP] = &tcp_probe,
        [TYPE_PROCESS] = &process_probe,
        [TYPE_DISK] = &disk_probe,
        [TYPE_FILE] = &file_probe,
        [TYPE_EXEC] = &exec_probe,
        [TYPE_PRESSURE] = &pressure_probe,
        [TYPE_UNIT] = &unit_probe,
        [TYPE_STATUS] = &status_probe,
        [TYPE_PING] = &ping_probe,
        [TYPE_HEARTBEAT] = &heartbeat_probe,
        [TYPE_DNS] = &dns_probe,
        [TYPE_JOURNAL] = &journal_probe,
        [TYPE_CERTIFICATE] = &certificate_probe,
        NULL,
};

const struct schema_variant probe_variants[] = {
        {"http", TYPE_HTTP, &http_schema, "Sends an HTTP request and judges the answer.",
                &http_probe.traits},
        {"tcp", TYPE_TCP, &tcp_schema, "Connects to a port or socket, and may talk there.",
                &tcp_probe.traits},
        {"process", TYPE_PROCESS, &process_schema, "Watches a process and what it uses.",
                &process_probe.traits},
        {"disk", TYPE_DISK, &disk_schema, "Watches a file system, and may write to it.",
                &disk_probe.traits},
        {"file", TYPE_FILE, &file_schema, "Watches a file and what is added to it.",
                &file_probe.traits},
        {"exec", TYPE_EXEC, &exec_schema, "Runs a program, such as a plug-in of Nagios.",
                &exec_probe.traits},
        {"pressure", TYPE_PRESSURE, &pressure_schema,
                "Watches how short the host or the service is of CPU, memory and disk.",
                &pressure_probe.traits},
        {"unit", TYPE_UNIT, &unit_schema, "Watches a unit of systemd, or several.",
                &unit_probe.traits},
        {"status", TYPE_STATUS, &status_schema,
                "Asks the scripts or the resource agent of the service.", &status_probe.traits},
        {"ping", TYPE_PING, &ping_schema, "Sends ICMP echo requests to a host.",
                &ping_probe.traits},
        {"heartbeat", TYPE_HEARTBEAT, &heartbeat_schema,
                "Expects the service, or a job, to call in.", &heartbeat_probe.traits},
        {"dns", TYPE_DNS, &dns_schema, "Asks a name server for a name.", &dns_probe.traits},
        {"journal", TYPE_JOURNAL, &journal_schema, "Counts messages in the systemd journal.",
                &journal_probe.traits},
        {"certificate", TYPE_CERTIFICATE, &certificate_schema,
                "Watches certificates of a file or a server.", &certificate_probe.traits},
        {NULL},
};
