#include "probes/offload.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct offload {
        atomic_uint references;
        atomic_bool returned; /* run has returned, or will never be called */
        _Atomic(const char *) step; /* NULL: not begun */

        /* Of the loop. */
        struct worker_task *task; /* NULL: done or cancelled */
        struct offload **slot;
        usec_t started;

        /* Fixed before the thread begins. */
        struct offload_request request;
};

static void offload_unref(struct offload *call) {
        if (atomic_fetch_sub(&call->references, 1) == 1) {
                free(call);
        }
}

static int run_in_thread(void *data) {
        struct offload *call = data;
        atomic_store(&call->step, "its first step");
        call->request.run(call, call->request.data);
        return 0;
}

static void release_in_any_thread(void *data) {
        struct offload *call = data;
        call->request.release(call->request.data);
        atomic_store(&call->returned, true);
        offload_unref(call);
}

/* `data` is the call itself while it is not abandoned. The slot is emptied before the probe hears
 * of the result, because it may start the next call or end for good from there. */
static void done_in_loop(void *cookie, int result, void *data) {
        struct offload *call = cookie;
        void (*done)(void *, void *) = call->request.done;
        void *done_cookie = call->request.cookie;
        void *done_data = data && result == 0 ? call->request.data : NULL;

        call->task = NULL;
        if (done_data) {
                *call->slot = NULL;
                offload_unref(call);
        }
        done(done_cookie, done_data);
}

/* A call on a mount that was taken away meanwhile may hang on; what is there now is another pool's.
 */
static bool is_in_the_way(const struct offload *call, const struct worker_pool *pool) {
        return call && !atomic_load(&call->returned) && call->request.pool == pool;
}

int offload_start(struct offload **slot, const struct offload_request *request, struct error *err) {
        if (is_in_the_way(*slot, request->pool)) {
                return error_set(err, EALREADY, "the last call has not returned yet");
        }
        offload_release(slot);
        struct offload *call = calloc(1, sizeof(*call));
        if (!call) {
                return error_set(err, ENOMEM, "out of memory");
        }
        atomic_init(&call->references, 2);
        call->slot = slot;
        call->started = request->now;
        call->request = *request;
        const struct worker_job job = {
                .run = run_in_thread,
                .release = release_in_any_thread,
                .done = done_in_loop,
                .data = call,
                .cookie = call,
                .deadline = request->deadline,
        };
        int r = worker_submit(request->pool, &job, &call->task, err);
        if (r < 0) {
                free(call);
                return r;
        }
        *slot = call;
        return 0;
}

void offload_step(struct offload *call, const char *step) {
        atomic_store(&call->step, step);
}

const char *offload_waits_for(const struct offload *slot) {
        return atomic_load(&slot->step);
}

usec_t offload_started(const struct offload *slot) {
        return slot->started;
}

void offload_cancel(struct offload *slot) {
        if (slot && slot->task) {
                worker_cancel(TAKE_PTR(slot->task));
        }
}

void offload_release(struct offload **slot) {
        offload_cancel(*slot);
        if (*slot) {
                offload_unref(TAKE_PTR(*slot));
        }
}
