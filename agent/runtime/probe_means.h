#pragma once
/* What the probes of the agent use together: clients, threads, tables. */

#include "base/error.h"
#include "probes/probe.h"

/* Fills what `loop`, `notify` and `cookie` of the host leave open. After an error, too,
 * probe_means_close frees what was made. */
int probe_means_open(struct probe_host *host, const struct policy *policy, struct error *err);
void probe_means_close(struct probe_host *host);
