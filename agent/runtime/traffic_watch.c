/* Traffic that the executor took away for an action: it gets the word to give it back when the
 * probes have proven the service well, and not when the action is over. */

#include <sys/param.h>

#include "base/log.h"
#include "base/str.h"
#include "runtime/shell.h"

/* Between two words: a HAProxy may be away for long. */
#define PAUSE_FIRST (2 * USEC_PER_SEC)
#define PAUSE_MOST (1 * USEC_PER_MINUTE)

static bool is_well(const struct runtime *runtime, uint32_t index) {
        struct service_status status;
        recovery_service_status(runtime->recovery, index, &status);
        return status.health == HEALTH_HEALTHY && status.phase == PHASE_WATCHING && status.ready;
}

void traffic_touched(struct runtime *runtime, uint32_t index) {
        struct service_shell *shell = &runtime->tables.services[index];
        usec_t now = loop_now(runtime->loop).mono;
        if (!shell->drained || now < shell->traffic_due || !is_well(runtime, index)) {
                return;
        }
        struct wire_message message = {.type = WIRE_TRAFFIC};
        str_copy(message.service, sizeof(message.service), runtime->policy->services[index].name);
        shell->traffic_due = usec_add(now, shell->traffic_pause);
        shell->traffic_pause = MIN(2 * shell->traffic_pause, PAUSE_MOST);
        if (executor_link_send(runtime->link, &message) < 0) {
                log_debug("%s: the executor cannot be asked for its traffic now, trying again",
                        message.service);
        }
}

void traffic_heard(struct runtime *runtime, uint32_t index, bool drained) {
        struct service_shell *shell = &runtime->tables.services[index];
        if (drained && !shell->drained) {
                shell->traffic_due = 0;
                shell->traffic_pause = PAUSE_FIRST;
        }
        shell->drained = drained;
}

bool runtime_drained(const struct runtime *runtime, uint32_t service) {
        return runtime->tables.services[service].drained;
}
