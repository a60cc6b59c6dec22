#include "runtime/probe_means.h"

#include "io/http_client.h"
#include "io/journal_reader.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/unit_bus.h"
#include "io/worker.h"
#include "probes/exec_host.h"
#include "probes/file_changes.h"
#include "probes/heartbeat.h"
#include "probes/mount_pools.h"
#include "probes/process_scanner.h"

enum { DISK_THREADS = 16, DISK_QUEUE = 4096, DISK_STUCK = 64 };

static int open_heartbeats(
        struct probe_host *host, const struct policy *policy, struct error *err) {
        int r = heartbeat_board_new(&host->heartbeats);
        r = r < 0 ? r : heartbeat_board_expect(host->heartbeats, policy, loop_now(host->loop));
        return r < 0 ? error_set_errno(err, -r, "cannot prepare the heartbeats") : 0;
}

static int open_http(struct probe_host *host, const struct policy *policy, struct error *err) {
        uint32_t max = policy->agent.max_in_flight;
        struct http_client_limits limits = {
                .max_in_flight = max, .max_queue = max, .resolver = host->resolver};
        return http_client_new(&host->http, host->loop, &limits, err);
}

/* What files, processes and programs are looked at by. */
static int open_local(struct probe_host *host, struct error *err) {
        static const struct worker_limits disk = {"disk", DISK_THREADS, DISK_QUEUE, DISK_STUCK};
        int r = mount_pools_new(&host->mounts, host->loop, err);
        r = r < 0 ? r : file_changes_new(&host->changes, host->loop, err);
        r = r < 0 ? r : process_scanner_new(&host->processes, host->loop, "/proc", err);
        r = r < 0 ? r : exec_host_new(&host->exec, host->loop, err);
        return r < 0 ? r : worker_pool_new(&host->disk, host->loop, &disk, err);
}

int probe_means_open(struct probe_host *host, const struct policy *policy, struct error *err) {
        int r = open_heartbeats(host, policy, err);
        r = r < 0 ? r : journal_reader_new(&host->journal, err);
        r = r < 0 ? r : resolver_new(&host->resolver, host->loop, err);
        r = r < 0 ? r : open_local(host, err);
        r = r < 0 ? r : open_http(host, policy, err);
        return r < 0 ? r : unit_bus_new(&host->units, host->loop, bus_peer_of_user(), err);
}

void probe_means_close(struct probe_host *host) {
        http_client_free(host->http);
        worker_pool_free(host->disk);
        journal_reader_free(host->journal);
        exec_host_free(host->exec);
        heartbeat_board_free(host->heartbeats);
        resolver_free(host->resolver);
        unit_bus_free(host->units);
        process_scanner_free(host->processes);
        file_changes_free(host->changes);
        mount_pools_free(host->mounts);
}
