#include "control/metrics_rows.h"

#include <math.h>

#include "base/cleanup.h"

static double seconds(usec_t duration) {
        return (double) duration / (double) USEC_PER_SEC;
}

/* ---- The agent ---- */

#define AGENT(name, expression)                                                                    \
        static double agent_##name(const struct agent_row *row) {                                  \
                return (double) (expression);                                                      \
        }

AGENT(services, row->policy->n_services)
AGENT(probes, row->policy->n_probes)
AGENT(dry_run, row->dry_run)
AGENT(host_budget_left, row->host_budget_left)
AGENT(host_budget_limit, row->policy->agent.budget.actions)
AGENT(executor_up, row->stats.executor_up)
AGENT(suspects, row->suspicion.state == SUSPICION_HOLDS)
AGENT(outlived, row->suspicion.state == SUSPICION_OUTLIVED)
AGENT(suspicions, row->suspicion.count)
AGENT(independent, row->suspicion.measured)
AGENT(independent_failing, row->suspicion.failing)
AGENT(lag, seconds(row->stats.worst_lag))
AGENT(stalls, row->stats.stalls)
AGENT(peer_messages_rejected, row->stats.peer_messages_rejected)
AGENT(last_stall, seconds(row->stats.last_stall))
AGENT(lateness, seconds(row->stats.worst_lateness))
AGENT(in_flight, row->stats.probe_in_flight)
AGENT(store_degraded, row->store_degraded)
AGENT(store_writes, row->store.writes)
AGENT(store_failures, row->store.failures)
AGENT(store_timeouts, row->store.timeouts)
AGENT(store_dropped, row->store.dropped)
AGENT(store_queued, row->store.queued)
AGENT(store_latency, seconds(row->store.last_latency))
AGENT(store_bytes, row->store.database_bytes)
AGENT(reload_ok, row->stats.last_reload == 0 || row->stats.last_reload_ok)
AGENT(reload_at, seconds(row->stats.last_reload ? row->stats.last_reload : row->stats.started.wall))
AGENT(cpu, row->process.cpu_seconds)
AGENT(started, seconds(row->started))
AGENT(resident, row->process.resident_bytes)
AGENT(virtual, row->process.virtual_bytes)
AGENT(open_fds, row->process.open_fds)
AGENT(max_fds, row->process.max_fds == UINT64_MAX ? INFINITY : (double) row->process.max_fds)

const struct agent_metric agent_metrics[] = {
        {{"recoverd_services", METRIC_GAUGE, NULL, "Services in the policies."}, agent_services},
        {{"recoverd_probes", METRIC_GAUGE, NULL, "Probes in the policies."}, agent_probes},
        {{"recoverd_dry_run", METRIC_GAUGE, NULL, "1 when the agent decides and never acts."},
                agent_dry_run},
        {{"recoverd_host_budget_left", METRIC_GAUGE, NULL,
                 "Actions that the budget of the whole host still allows."},
                agent_host_budget_left},
        {{"recoverd_host_budget_limit", METRIC_GAUGE, NULL,
                 "Actions that the budget of the whole host allows in its window."},
                agent_host_budget_limit},
        {{"recoverd_executor_up", METRIC_GAUGE, NULL, "1 while the executor answers."},
                agent_executor_up},
        {{"recoverd_self_suspect", METRIC_GAUGE, NULL,
                 "1 while the agent suspects itself and holds actions."},
                agent_suspects},
        {{"recoverd_self_suspect_outlived", METRIC_GAUGE, NULL,
                 "1 while the agent suspects itself for too long to hold actions, and acts on one "
                 "service at a time."},
                agent_outlived},
        {{"recoverd_self_suspicions", METRIC_COUNTER, NULL,
                 "Times the agent began to suspect itself."},
                agent_suspicions},
        {{"recoverd_independent_services", METRIC_GAUGE, NULL,
                 "Services that share no dependency, and are measured."},
                agent_independent},
        {{"recoverd_independent_failing", METRIC_GAUGE, NULL,
                 "Services that share no dependency, and fail now."},
                agent_independent_failing},
        {{"recoverd_loop_lag_seconds", METRIC_GAUGE, "seconds",
                 "Worst lateness of the event loop since the last scrape."},
                agent_lag},
        {{"recoverd_loop_stalls", METRIC_COUNTER, NULL,
                 "Times the agent found itself stopped, starved or blocked."},
                agent_stalls},
        {{"recoverd_loop_last_stall_seconds", METRIC_GAUGE, "seconds",
                 "Length of the last stall, 0 when there was none."},
                agent_last_stall},
        {{"recoverd_peer_messages_rejected", METRIC_COUNTER, NULL,
                 "Messages to the members of groups that are of no member, or old."},
                agent_peer_messages_rejected},
        {{"recoverd_probe_lateness_seconds", METRIC_GAUGE, "seconds",
                 "Worst delay of a probe's start behind its due time since the last scrape."},
                agent_lateness},
        {{"recoverd_probes_in_flight", METRIC_GAUGE, NULL, "Probe runs under way."},
                agent_in_flight},
        {{"recoverd_store_degraded", METRIC_GAUGE, NULL,
                 "1 while the state database does not work and actions are capped."},
                agent_store_degraded},
        {{"recoverd_store_writes", METRIC_COUNTER, NULL, "Writes to the state database."},
                agent_store_writes},
        {{"recoverd_store_failures", METRIC_COUNTER, NULL,
                 "Writes to the state database that failed."},
                agent_store_failures},
        {{"recoverd_store_timeouts", METRIC_COUNTER, NULL,
                 "Writes to the state database that did not finish in time."},
                agent_store_timeouts},
        {{"recoverd_store_dropped", METRIC_COUNTER, NULL,
                 "Writes given up because too many were waiting."},
                agent_store_dropped},
        {{"recoverd_store_queued", METRIC_GAUGE, NULL, "Writes that wait for the state database."},
                agent_store_queued},
        {{"recoverd_store_latency_seconds", METRIC_GAUGE, "seconds",
                 "Duration of the last write to the state database."},
                agent_store_latency},
        {{"recoverd_store_database_bytes", METRIC_GAUGE, "bytes", "Size of the state database."},
                agent_store_bytes},
        {{"recoverd_last_reload_successful", METRIC_GAUGE, NULL,
                 "1 when the last reload, or the start, took the policies; 0 when they were "
                 "refused."},
                agent_reload_ok},
        {{"recoverd_last_reload_timestamp_seconds", METRIC_GAUGE, "seconds",
                 "When the policies were last loaded, or refused."},
                agent_reload_at},
        {{"process_cpu_seconds", METRIC_COUNTER, "seconds",
                 "Total user and system CPU time spent in seconds."},
                agent_cpu},
        {{"process_start_time_seconds", METRIC_GAUGE, "seconds",
                 "Start time of the process since unix epoch in seconds."},
                agent_started},
        {{"process_resident_memory_bytes", METRIC_GAUGE, "bytes", "Resident memory size in bytes."},
                agent_resident},
        {{"process_virtual_memory_bytes", METRIC_GAUGE, "bytes", "Virtual memory size in bytes."},
                agent_virtual},
        {{"process_open_fds", METRIC_GAUGE, NULL, "Number of open file descriptors."},
                agent_open_fds},
        {{"process_max_fds", METRIC_GAUGE, NULL, "Maximum number of open file descriptors."},
                agent_max_fds},
};
const size_t n_agent_metrics = ELEMENTSOF(agent_metrics);

/* ---- Services ---- */

#define SERVICE(name, expression)                                                                  \
        static double service_##name(const struct service_row *row) {                              \
                return (double) (expression);                                                      \
        }

SERVICE(up, row->alive)
SERVICE(ready, row->ready)
SERVICE(warnings, row->warnings)
SERVICE(health, row->health)
SERVICE(paused, row->paused)
SERVICE(incident_open, row->incident)
SERVICE(incidents, row->counters->incidents)
SERVICE(budget_left, row->budget_left)
SERVICE(budget_limit, row->budget_limit)

static double service_flapping(const struct service_row *row) {
        return row->flapping ? row->flapping_score / 100 : NAN;
}

static double service_reminders(const struct service_row *row) {
        return row->reminders ? (double) row->reminders : NAN;
}

static double service_changed(const struct service_row *row) {
        bool known = row->content && row->content->state != FILES_UNKNOWN;
        return known ? (double) (row->content->state == FILES_CHANGED) : NAN;
}

static double service_recovery_points(const struct service_row *row) {
        return row->content ? (double) row->content->n_trusted : NAN;
}

static double service_trusted(const struct service_row *row) {
        return row->content && row->content->trusted ? seconds(row->content->trusted) : NAN;
}

static double service_next_attempt(const struct service_row *row) {
        if (row->next_attempt == 0 || row->next_attempt == USEC_INFINITY) {
                return NAN;
        }
        double distance = row->next_attempt > row->now.mono
                                  ? seconds(row->next_attempt - row->now.mono)
                                  : -seconds(row->now.mono - row->next_attempt);
        return seconds(row->now.wall) + distance;
}

const struct service_metric service_metrics[] = {
        {{"recoverd_service_up", METRIC_GAUGE, NULL,
                 "1 while the service lives: its liveness is healthy or suspect."},
                service_up},
        {{"recoverd_service_ready", METRIC_GAUGE, NULL,
                 "1 while the service lives and its readiness is healthy or suspect."},
                service_ready},
        {{"recoverd_service_warnings", METRIC_GAUGE, NULL,
                 "Warning probes of the service that have failed."},
                service_warnings},
        {{"recoverd_service_health", METRIC_GAUGE, NULL,
                 "Health of the service, liveness and readiness together: 0 unknown, 1 healthy, "
                 "2 suspect, 3 failed."},
                service_health},
        {{"recoverd_paused", METRIC_GAUGE, NULL, "1 while recovery of the service is paused."},
                service_paused},
        {{"recoverd_incident_open", METRIC_GAUGE, NULL,
                 "1 while an incident of the service is open."},
                service_incident_open},
        {{"recoverd_incidents", METRIC_COUNTER, NULL, "Incidents of the service."},
                service_incidents},
        {{"recoverd_backoff_next_attempt_timestamp_seconds", METRIC_GAUGE, "seconds",
                 "When the next attempt is planned; no series when none is."},
                service_next_attempt},
        {{"recoverd_budget_left", METRIC_GAUGE, NULL,
                 "Actions that the budget of the service still allows."},
                service_budget_left},
        {{"recoverd_budget_limit", METRIC_GAUGE, NULL,
                 "Actions that the budget of the service allows in its window."},
                service_budget_limit},
        {{"recoverd_flapping_ratio", METRIC_GAUGE, "ratio",
                 "Weighted share of the last 20 checks that changed, while the service flaps; "
                 "otherwise no series."},
                service_flapping},
        {{"recoverd_content_changed", METRIC_GAUGE, NULL,
                 "1 while the service consists of something else than it was well with; no series "
                 "where that is not known, or not followed."},
                service_changed},
        {{"recoverd_recovery_points", METRIC_GAUGE, NULL,
                 "Versions of the service, or checkpoints of its files, that have earned trust."},
                service_recovery_points},
        {{"recoverd_recovery_point_timestamp_seconds", METRIC_GAUGE, "seconds",
                 "When the newest of them earned trust; no series when none has."},
                service_trusted},
        {{"recoverd_reminders", METRIC_GAUGE, NULL,
                 "Reminders since the service was given up; no series when there was none."},
                service_reminders},
};
const size_t n_service_metrics = ELEMENTSOF(service_metrics);

/* ---- Probes ---- */

static double probe_result(const struct observation *last) {
        return (double) last->outcome;
}

static uint64_t probe_duration(const struct observation *last) {
        return last->at.mono ? last->duration : USEC_INFINITY;
}

static double probe_value(const struct observation *last) {
        return last->at.mono && last->has_value ? last->value : NAN;
}

static uint64_t probe_last_run(const struct observation *last) {
        return last->at.mono ? last->at.wall : USEC_INFINITY;
}

const struct probe_metric probe_metrics[] = {
        {{"recoverd_probe_result", METRIC_GAUGE, NULL,
                 "Outcome of the last run: 0 unknown, 1 pass, 2 degraded, 3 fail, 4 timeout."},
                probe_result},
        {{"recoverd_probe_duration_seconds", METRIC_GAUGE, "seconds", "Duration of the last run."},
                NULL, probe_duration},
        {{"recoverd_probe_value", METRIC_GAUGE, NULL,
                 "What the last run measured, in the unit of the probe type."},
                probe_value},
        {{"recoverd_probe_last_run_timestamp_seconds", METRIC_GAUGE, "seconds",
                 "When the last run was concluded."},
                NULL, probe_last_run},
};
const size_t n_probe_metrics = ELEMENTSOF(probe_metrics);
