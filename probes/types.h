#pragma once
/* The probe types, one a file; probes/table.c lists them for everybody else. */

#include "probes/probe.h"

extern const struct probe_type http_probe, tcp_probe, process_probe, disk_probe;
extern const struct schema http_schema, tcp_schema, process_schema, disk_schema;
extern const struct probe_type file_probe;
extern const struct schema file_schema;
extern const struct probe_type exec_probe;
extern const struct schema exec_schema;
extern const struct probe_type pressure_probe;
extern const struct schema pressure_schema;
extern const struct probe_type status_probe;
extern const struct schema status_schema;
extern const struct probe_type unit_probe;
extern const struct schema unit_schema;
extern const struct probe_type ping_probe;
extern const struct schema ping_schema;
extern const struct probe_type heartbeat_probe;
extern const struct schema heartbeat_schema;
extern const struct probe_type dns_probe;
extern const struct schema dns_schema;
extern const struct probe_type journal_probe;
extern const struct schema journal_schema;
extern const struct probe_type certificate_probe;
extern const struct schema certificate_schema;
