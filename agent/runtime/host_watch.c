/* Looks at the host every few seconds: is it starved, was its clock set? None of these reads waits.
 * What holds recovery from outside is looked at in the same turn, so that an agent that has nothing
 * to do is woken for both at once. */

#include "probes/pressure_read.h"
#include "runtime/shell.h"

#define LOOK_INTERVAL (4 * USEC_PER_SEC)
/* By how much the clocks may move against each other between two looks: more than a clock that is
 * being slewed does. */
#define CLOCK_JUMP_MIN (1 * (int64_t) USEC_PER_SEC)

static int64_t clock_jump(const struct instant *before, const struct instant *now) {
        int64_t wall = (int64_t) (now->wall - before->wall);
        int64_t jump = wall - (int64_t) (now->mono - before->mono);
        return jump >= CLOCK_JUMP_MIN || jump <= -CLOCK_JUMP_MIN ? jump : 0;
}

static void read_pressure(struct host_signs *signs) {
        struct pressure_stall cpu, memory;
        if (pressure_read_stall("/proc/pressure", "cpu", &cpu) < 0 ||
                pressure_read_stall("/proc/pressure", "memory", &memory) < 0) {
                return; /* not every kernel accounts it */
        }
        signs->pressure_known = true;
        signs->cpu_percent = cpu.some[PRESSURE_10S];
        signs->memory_percent = memory.full[PRESSURE_10S];
}

static void read_memory(struct host_signs *signs) {
        struct host_memory memory;
        if (pressure_read_memory("/proc", &memory) < 0 || memory.total_bytes == 0) {
                return;
        }
        signs->memory_known = true;
        signs->available_percent =
                100 * (double) memory.available_bytes / (double) memory.total_bytes;
}

static void plan_next(struct runtime *runtime, const struct instant *now) {
        runtime->host.last = *now;
        runtime->host.due = usec_add(now->mono, LOOK_INTERVAL);
        loop_timer_set(&runtime->host.timer, runtime->host.due);
}

static void on_look(void *cookie) {
        struct runtime *runtime = cookie;
        struct instant now = loop_now(runtime->loop);
        struct input input = {.kind = INPUT_HOST};
        input.host.late = usec_sub(now.mono, runtime->host.due);
        input.host.clock_jump = clock_jump(&runtime->host.last, &now);
        read_pressure(&input.host);
        read_memory(&input.host);
        plan_next(runtime, &now);
        turns_feed(runtime, &input);
        holds_look_at_all(runtime);
}

int host_watch_start(struct runtime *runtime) {
        int r = loop_timer_init(&runtime->host.timer, runtime->loop, on_look, runtime);
        if (r < 0) {
                return r;
        }
        struct instant now = loop_now(runtime->loop);
        plan_next(runtime, &now);
        return 0;
}

void host_watch_done(struct runtime *runtime) {
        loop_timer_done(&runtime->host.timer);
}

void host_watch_stalled(struct runtime *runtime, usec_t gap) {
        struct host_signs signs = {.stalled = gap, .stalled_until = clock_now().mono};
        turns_feed(runtime, &(struct input){.kind = INPUT_HOST, .host = signs});
}
