#include "executor/address_step.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/executor.h"
#include "executor/host_address.h"
#include "executor/lease_guard.h"
#include "executor/own_program.h"
#include "io/child.h"
#include "policy/custom_values.h"

#define PROGRAM "recoverd-neighbour"
/* Mostly a third of a second. A host that is slow is no reason not to promote, and the end of the
 * lease's time cuts it off anyway. */
#define PROBE_LIMIT (10 * USEC_PER_SEC)
#define ANNOUNCE_LIMIT (10 * USEC_PER_SEC)

enum { IN_USE = 3 }; /* exit status of the program */

/* What the kernel is asked, in a worker thread. */
struct look {
        struct address_spec addresses[2];
        unsigned count;
        bool found;
        char device[HOST_DEVICE_MAX];
        struct error err;
};

struct address_step {
        struct operation operation;
        const struct address_spec *address; /* of the policy */
        char text[HOST_ADDRESS_TEXT_MAX];
        struct worker_task *task;
        struct child *child;
};

static void end(struct address_step *step, bool ok, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void end(struct address_step *step, bool ok, const char *format, ...) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        operation_end(&step->operation, ok, text);
}

/* It was not added. */
static void refuse(struct address_step *step, const char *why) {
        *step->operation.request.refused = true;
        end(step, false, "%s: %s", step->text, why);
}

static void release(struct operation *operation) {
        struct address_step *step = (struct address_step *) operation;
        if (step->task) {
                worker_cancel(step->task);
        }
        child_cancel(step->child);
}

static int submit(struct address_step *step, const struct look *data, int (*run)(void *data),
        void (*done)(void *cookie, int result, void *data), struct error *err) {
        const struct operation_request *request = &step->operation.request;
        struct look *look = malloc(sizeof(*look));
        if (!look) {
                return error_set(err, ENOMEM, "out of memory");
        }
        *look = *data;
        const struct worker_job job = {
                .run = run,
                .release = free,
                .done = done,
                .data = look,
                .cookie = step,
                .deadline = request->deadline,
        };
        int r = worker_submit(request->executor->addresses, &job, &step->task, err);
        if (r < 0) {
                free(look);
        }
        return r;
}

static const char *why(int result, const struct look *look) {
        return look && *look->err.text ? look->err.text : strerrordesc_np(-result);
}

/* ---- The neighbours ---- */

static int ask_neighbours(struct child **ret, struct executor *executor, const char *verb,
        const struct address_spec *address, usec_t limit, child_done done, void *cookie,
        struct error *err) {
        static const char *const environment[] = {"LANG=C.UTF-8", NULL};
        char path[PATH_MAX], number[HOST_ADDRESS_TEXT_MAX];
        host_address_format(address, number);
        number[strcspn(number, "/")] = '\0';
        const char *argv[] = {own_program_find(PROGRAM, path), verb, number, address->device, NULL};
        struct child_request request = {
                .spawn = SPAWN_REQUEST_INIT,
                .timeout = limit,
                .separate_errors = true,
        };
        request.spawn.argv = argv;
        request.spawn.environment = environment;
        return child_start(ret, executor->loop, &request, done, cookie, err);
}

static void describe(const struct child_result *result, char *text, size_t size) {
        char how[160];
        if (result->end == CHILD_EXITED && result->code == IN_USE) {
                snprintf(text, size, "another machine has it: %.40s", result->output);
        } else {
                snprintf(text, size, "%.300s",
                        result->errors_length ? result->errors
                                              : child_describe(result, how, sizeof(how)));
        }
        text[strcspn(text, "\n")] = '\0';
        str_make_printable(text);
}

static void on_announced(void *cookie, const struct child_result *result) {
        struct lease_guard *guard = cookie;
        char text[320];
        guard->announcer = NULL;
        if (result->end != CHILD_EXITED || result->code != 0) {
                describe(result, text, sizeof(text));
                log_warning("%s: the network may look for its address in the old place: %s",
                        guard->managed->state.service, text);
        }
}

static void announce(struct address_step *step) {
        const struct operation_request *request = &step->operation.request;
        struct lease_guard *guard = request->managed->guard;
        struct error err = {0};
        child_cancel(TAKE_PTR(guard->announcer));
        if (ask_neighbours(&guard->announcer, request->executor, "announce", step->address,
                    ANNOUNCE_LIMIT, on_announced, guard, &err) < 0) {
                log_warning(
                        "%s: its address is not announced: %s", request->service->name, err.text);
        }
}

/* ---- Taking it ---- */

static int run_add(void *data) {
        struct look *look = data;
        return host_address_add(&look->addresses[0], &look->err);
}

static void on_added(void *cookie, int result, void *data) {
        struct address_step *step = cookie;
        step->task = NULL;
        if (result < 0) {
                end(step, false, "%s: %s", step->text, why(result, data));
                return;
        }
        announce(step);
        end(step, true, "%s taken", step->text);
}

static void add(struct address_step *step) {
        const struct look look = {.addresses = {*step->address}, .count = 1};
        struct error err = {0};
        if (lease_guard_note_address(step->operation.request.managed, step->text, &err) < 0 ||
                submit(step, &look, run_add, on_added, &err) < 0) {
                refuse(step, err.text);
        }
}

static void on_probed(void *cookie, const struct child_result *result) {
        struct address_step *step = cookie;
        char text[320];
        step->child = NULL;
        if (result->end == CHILD_EXITED && result->code == 0) {
                add(step);
        } else {
                describe(result, text, sizeof(text));
                refuse(step, text);
        }
}

static int run_look(void *data) {
        struct look *look = data;
        int r = host_address_find(&look->addresses[0], look->device, &look->err);
        look->found = r == 1;
        return r < 0 ? r : 0;
}

/* One that is where it should be was taken before the executor was restarted. */
static void on_looked(void *cookie, int result, void *data) {
        struct address_step *step = cookie;
        const struct look *look = data;
        struct error err = {0};
        char text[64];
        step->task = NULL;
        if (result < 0) {
                refuse(step, why(result, look));
        } else if (look->found && !str_eq(look->device, step->address->device)) {
                snprintf(text, sizeof(text), "%s of this host has it already", look->device);
                refuse(step, text);
        } else if (look->found) {
                add(step);
        } else if (ask_neighbours(&step->child, step->operation.request.executor, "probe",
                           step->address, PROBE_LIMIT, on_probed, step, &err) < 0) {
                refuse(step, err.text);
        }
}

static int start_take(struct operation *operation, struct error *err) {
        struct address_step *step = (struct address_step *) operation;
        step->address = &operation->request.service->group->address;
        host_address_format(step->address, step->text);
        const struct look look = {.addresses = {*step->address}, .count = 1};
        return submit(step, &look, run_look, on_looked, err);
}

const struct operation_kind address_take = {
        .size = sizeof(struct address_step),
        .start = start_take,
        .release = release,
};

/* ---- Giving it back ---- */

static int run_remove(void *data) {
        struct look *look = data;
        int r = 0;
        for (unsigned i = 0; r == 0 && i < look->count; i++) {
                r = host_address_remove(&look->addresses[i], &look->err);
        }
        return r;
}

static void on_removed(void *cookie, int result, void *data) {
        struct address_step *step = cookie;
        struct managed *managed = step->operation.request.managed;
        const struct look *look = data;
        struct error err = {0};
        step->task = NULL;
        if (result < 0) {
                end(step, false, "its address is not proven to be gone: %s", why(result, look));
                return;
        }
        if (lease_guard_note_address(managed, "", &err) < 0) { /* the next look finds it out */
                log_warning("%s: %s", managed->state.service, err.text);
        }
        end(step, true, "%s", look->count ? "its address is gone" : "its address is another's");
}

static void add_address(struct look *look, const struct address_spec *address) {
        if (address->family &&
                (look->count == 0 || memcmp(address, &look->addresses[0], sizeof(*address)) != 0)) {
                look->addresses[look->count++] = *address;
        }
}

/* The one that was taken, and the one that the policy has now. */
static int start_drop(struct operation *operation, struct error *err) {
        struct address_step *step = (struct address_step *) operation;
        const struct operation_request *request = &operation->request;
        const struct service_state *state = &request->managed->state;
        struct look look = {0};
        struct address_spec taken = {0};
        char ignored[SCHEMA_WHY_MAX];
        child_cancel(TAKE_PTR(request->managed->guard->announcer));
        if (*state->address && parse_address(state->address, &taken, NULL, ignored) == 0) {
                add_address(&look, &taken);
        }
        if (request->service && request->service->group &&
                !lease_guard_shares_address(request->managed)) {
                add_address(&look, &request->service->group->address);
        }
        return submit(step, &look, run_remove, on_removed, err);
}

const struct operation_kind address_drop = {
        .size = sizeof(struct address_step),
        .start = start_drop,
        .release = release,
};
