#include <assert.h>
#include <string.h>

#include "runtime/shell.h"

void turns_arm(struct runtime *runtime, uint32_t service, usec_t due) {
        struct heap_node *node = &runtime->tables.services[service].timer;
        if (due == USEC_INFINITY) {
                heap_remove(&runtime->timers, node);
                return;
        }
        heap_set(&runtime->timers, node, due);
        const struct heap_node *top = heap_top(&runtime->timers);
        if (!loop_timer_armed(&runtime->timer) || top->key < runtime->timer.node.key) {
                loop_timer_set(&runtime->timer, top->key);
        }
}

void turns_on_timer(void *cookie) {
        struct runtime *runtime = cookie;
        usec_t now = loop_now(runtime->loop).mono;
        struct heap_node *node;
        while ((node = heap_top(&runtime->timers)) && node->key <= now) {
                struct service_shell *shell = LIST_ENTRY(node, struct service_shell, timer);
                heap_remove(&runtime->timers, node);
                turns_feed(
                        runtime, &(struct input){
                                         .kind = INPUT_TIMER,
                                         .service = (uint32_t) (shell - runtime->tables.services),
                                 });
        }
        if (node) {
                loop_timer_set(&runtime->timer, node->key);
        }
}

static void step(struct runtime *runtime, const struct input *input) {
        struct effects *effects = runtime->effects;
        recovery_step(runtime->recovery, input, loop_now(runtime->loop), effects);
        recorder_note(runtime, input, loop_now(runtime->loop));
        for (size_t i = 0; i < effects->count; i++) {
                effects_carry_out(runtime, &effects->items[i]);
        }
        if (runtime->members && runtime->pools && input->service < runtime->policy->n_services) {
                members_touched(runtime, input->service);
                pools_touched(runtime, input->service);
        }
        if (input->service < runtime->policy->n_services) {
                traffic_touched(runtime, input->service);
        }
}

/* Dependents are told one after the other, each in a step of its own; what they do may concern
 * theirs. */
static void feed_dependents(struct runtime *runtime) {
        while (runtime->tables.n_dependents > 0) {
                uint32_t index = runtime->tables.dependents[--runtime->tables.n_dependents];
                const struct service *service = &runtime->policy->services[index];
                runtime->tables.services[index].dependents_due = false;
                for (uint32_t i = 0; i < service->n_dependents; i++) {
                        step(runtime, &(struct input){
                                              .kind = INPUT_DEPENDENCY,
                                              .service = service->dependents[i],
                                      });
                }
        }
}

static void feed_guards(struct runtime *runtime) {
        while (runtime->guards_due) {
                runtime->guards_due = false;
                for (uint32_t i = 0; i < runtime->policy->n_services; i++) {
                        struct service_status status;
                        recovery_service_status(runtime->recovery, i, &status);
                        if (status.phase == PHASE_HELD) {
                                step(runtime, &(struct input){.kind = INPUT_GUARDS, .service = i});
                                feed_dependents(runtime);
                        }
                }
        }
}

static void wait_for_turn(struct runtime *runtime, const struct input *input) {
        assert(runtime->pending_count < RUNTIME_PENDING_MAX);
        size_t last = (runtime->pending_first + runtime->pending_count++) % RUNTIME_PENDING_MAX;
        runtime->pending[last] = *input;
}

void turns_feed(struct runtime *runtime, const struct input *input) {
        if (runtime->stopping) { /* what ends now was ended by us */
                return;
        }
        if (runtime->stepping) {
                wait_for_turn(runtime, input);
                return;
        }
        runtime->stepping = true;
        step(runtime, input);
        feed_dependents(runtime);
        feed_guards(runtime);
        while (runtime->pending_count > 0) {
                struct input next = runtime->pending[runtime->pending_first];
                runtime->pending_first = (runtime->pending_first + 1) % RUNTIME_PENDING_MAX;
                runtime->pending_count--;
                step(runtime, &next);
                feed_dependents(runtime);
                feed_guards(runtime);
        }
        runtime->stepping = false;
}
