/* The members of pools: what the coordinator says of the others and the core of the service goes
 * in, and the permit that comes of it is told to the core, which holds whatever disrupts the
 * service until then. */

#include "runtime/pools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "coordinator/coordinator.h"
#include "runtime/shell.h"

/* What is not told of is seen after so long. */
#define LOOK_INTERVAL (1 * USEC_PER_SEC)
/* So long what a person asked for waits in line. */
#define WISH_PATIENCE (1 * USEC_PER_HOUR)

struct pool_shell {
        struct runtime *runtime;
        uint32_t service;
        char id[GROUP_MEMBER_ID_MAX];
        struct seat *seat;
        struct loop_timer timer;
        struct pool_input input;
        struct pool_verdict verdict;
        struct pool_wish wish;
        const char *doing; /* the word of an action; "": nothing */
        bool releasing; /* the place was given back, and the coordinator has not said so yet */
        bool told; /* the core was, this: */
        enum permit permit;
        usec_t until;
        char text[POOL_TEXT_MAX];
        struct pool_counts counts;
};

struct pools {
        struct pool_shell **shells, **next; /* next: for the policies to come */
        size_t count;
};

static const struct service *service_of(const struct pool_shell *shell) {
        return &shell->runtime->policy->services[shell->service];
}

static struct pool_shell *shell_of(const struct runtime *runtime, const char *service) {
        for (size_t i = 0; i < runtime->pools->count; i++) {
                struct pool_shell *shell = runtime->pools->shells[i];
                if (str_eq(service_of(shell)->name, service)) {
                        return shell;
                }
        }
        return NULL;
}

static void tell(struct pool_shell *shell, int level, const char *what, const char *why) {
        struct event event = {
                .at = loop_now(shell->runtime->loop).wall, .kind = EVENT_GROUP, .level = level};
        str_copy(event.service, sizeof(event.service), service_of(shell)->name);
        snprintf(event.text, sizeof(event.text), "pool %s: %s: %s", service_of(shell)->group->name,
                what, why);
        effects_tell(shell->runtime, &event);
}

/* ---- What goes in ------------------------------------------------------------------------------
 */

/* A disruption of this service is under way: its word, "" when there is none. */
static const char *see_doing(const struct service_status *status) {
        bool under_way = status->phase == PHASE_SAVING || status->phase == PHASE_ACTING ||
                         status->phase == PHASE_VERIFYING;
        if (!under_way || !status->attempt || status->attempt->origin == ORIGIN_FIRST_START ||
                !action_needs_permit(status->attempt->action)) {
                return "";
        }
        return action_text((enum action) status->attempt->action);
}

static void see_service(struct pool_shell *shell) {
        struct service_status status;
        struct pool_input *input = &shell->input;
        recovery_service_status(shell->runtime->recovery, shell->service, &status);
        shell->doing = see_doing(&status);
        input->begun = shell->doing[0] != '\0';
        input->needs = input->begun || shell->wish.kind != 0 ||
                       (status.phase == PHASE_HELD && status.held_by == GUARD_FLEET);
        input->serves = status.health != HEALTH_FAILED && status.phase != PHASE_STOPPED;
        input->healthy = status.health == HEALTH_HEALTHY && input->serves && !input->begun;
}

static void see_coordinator(struct pool_shell *shell) {
        const struct lease_view *view = seat_view(shell->seat);
        struct pool_input *input = &shell->input;
        input->view = view;
        if (view->session == SESSION_CONNECTED) {
                input->silent_since = 0;
        } else if (input->silent_since == 0) {
                input->silent_since = input->now;
        }
        shell->releasing = shell->releasing && view->standing == LEASE_OURS;
}

/* ---- What comes out ----------------------------------------------------------------------------
 */

/* How it is goes before the place is given back, so that the next one knows. */
static void use_seat(struct pool_shell *shell) {
        char text[COORDINATION_TEXT_MAX];
        const struct pool_verdict *verdict = &shell->verdict;
        pool_publish(shell->input.healthy, shell->doing, text);
        seat_publish(shell->seat, text);
        if (verdict->release && !shell->releasing) {
                shell->releasing = true;
                seat_release(shell->seat, NULL);
        } else if (!verdict->release) {
                seat_want(shell->seat, verdict->want);
        }
}

static void tell_core(struct pool_shell *shell) {
        const struct pool_verdict *verdict = &shell->verdict;
        bool same = shell->told && shell->permit == verdict->permit &&
                    shell->until == verdict->until && str_eq(shell->text, verdict->text);
        if (same) {
                return;
        }
        if (verdict->permit != shell->permit && shell->input.needs) {
                shell->counts.permits += verdict->permit == PERMIT_GRANTED;
                shell->counts.without += verdict->permit == PERMIT_RESTART;
        }
        shell->told = true;
        shell->permit = verdict->permit;
        shell->until = verdict->until;
        str_copy(shell->text, sizeof(shell->text), verdict->text);
        struct input input = {.kind = INPUT_PERMIT,
                .service = shell->service,
                .permit = {.kind = verdict->permit, .until = verdict->until}};
        str_copy(input.permit.text, sizeof(input.permit.text), verdict->text);
        turns_feed(shell->runtime, &input);
}

/* ---- What a person asked for -------------------------------------------------------------------
 */

static void drop_wish(struct pool_shell *shell, const char *why) {
        char what[EVENT_TEXT_MAX];
        snprintf(what, sizeof(what), "the %s that %s asked for is given up",
                command_kind_text(shell->wish.kind), shell->wish.by);
        shell->wish = (struct pool_wish){0};
        tell(shell, LOG_WARNING, what, why);
}

static void do_wish(struct pool_shell *shell) {
        struct runtime *runtime = shell->runtime;
        struct input input = {.kind = INPUT_COMMAND,
                .service = shell->service,
                .command = {.kind = shell->wish.kind}};
        str_copy(input.command.by, sizeof(input.command.by), shell->wish.by);
        runtime->replied = false;
        turns_feed(runtime, &input);
        const struct effect *reply = &runtime->reply;
        if (runtime->replied && !reply->reply.ok) {
                drop_wish(shell, reply->reply.text);
        }
        shell->wish = (struct pool_wish){0};
}

static void look_at_wish(struct pool_shell *shell) {
        struct guard_status guard;
        struct service_status status;
        if (shell->wish.kind == 0) {
                return;
        }
        struct instant now = loop_now(shell->runtime->loop);
        recovery_service_status(shell->runtime->recovery, shell->service, &status);
        if (usec_sub(now.mono, shell->wish.since) >= WISH_PATIENCE) {
                drop_wish(shell, "it has waited in line for an hour");
        } else if (status.phase != PHASE_SAVING && status.phase != PHASE_ACTING &&
                   recovery_person_guard(shell->runtime->recovery, shell->service, shell->wish.kind,
                           now, &guard) != GUARD_FLEET) {
                do_wish(shell);
        }
}

static void look(void *cookie) {
        struct pool_shell *shell = cookie;
        struct runtime *runtime = shell->runtime;
        if (runtime->stopping || runtime->stepping) {
                return; /* the step that is under way wakes it at its end */
        }
        shell->input.now = loop_now(runtime->loop).mono;
        see_coordinator(shell);
        see_service(shell);
        pool_judge(&shell->input, &shell->verdict);
        use_seat(shell);
        loop_timer_set(
                &shell->timer, MIN(shell->verdict.look, usec_add(shell->input.now, LOOK_INTERVAL)));
        tell_core(shell);
        look_at_wish(shell);
}

void pools_touched(struct runtime *runtime, uint32_t service) {
        const struct service *policy = &runtime->policy->services[service];
        struct pool_shell *shell =
                policy_is_pooled(policy) ? shell_of(runtime, policy->name) : NULL;
        if (shell) {
                loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
        }
}

bool pools_wait(
        struct runtime *runtime, const struct input *command, runtime_reply call, void *cookie) {
        const struct service *service = &runtime->policy->services[command->service];
        struct pool_shell *shell =
                policy_is_pooled(service) ? shell_of(runtime, service->name) : NULL;
        struct guard_status guard;
        struct instant now = loop_now(runtime->loop);
        char text[OBSERVATION_DETAIL_MAX];
        if (shell && command->command.kind == COMMAND_PAUSE && shell->wish.kind != 0) {
                drop_wish(shell, "the service is paused");
        }
        if (!shell || !command_needs_permit(command->command.kind) ||
                recovery_person_guard(runtime->recovery, command->service, command->command.kind,
                        now, &guard) != GUARD_FLEET) {
                return false;
        }
        shell->wish = (struct pool_wish){.kind = command->command.kind, .since = now.mono};
        str_copy(shell->wish.by, sizeof(shell->wish.by), command->command.by);
        tell(shell, LOG_NOTICE, "waits in line for a permit",
                command_kind_text(command->command.kind));
        snprintf(text, sizeof(text),
                "%s of %.32s waits in line for a permit of the pool %.32s; 'recoverctl group' shows it",
                command_kind_text(command->command.kind), service->name, service->group->name);
        answers_reply(runtime, call, cookie, 0, text);
        loop_timer_set(&shell->timer, now.mono);
        return true;
}

/* ---- Snapshots ---------------------------------------------------------------------------------
 */

size_t runtime_pools(const struct runtime *runtime) {
        return runtime->pools->count;
}

void runtime_pool(const struct runtime *runtime, size_t index, struct pool_snapshot *ret) {
        struct pool_shell *shell = runtime->pools->shells[index];
        shell->input.view = seat_view(shell->seat);
        *ret = (struct pool_snapshot){
                .service = service_of(shell),
                .id = shell->id,
                .input = &shell->input,
                .verdict = &shell->verdict,
                .wish = &shell->wish,
                .permit = permit_text(shell->verdict.permit),
                .asked = shell->wish.kind ? command_kind_text(shell->wish.kind) : "",
                .doing = shell->doing,
                .counts = shell->counts,
        };
}

/* ---- Coming and going --------------------------------------------------------------------------
 */

static void shell_free(struct pool_shell *shell) {
        if (shell) {
                seat_leave(shell->seat);
                loop_timer_done(&shell->timer);
                free(shell);
        }
}

/* Of the policies in force. */
static void see_policy(struct pool_shell *shell, const struct service *service) {
        shell->service = service->index;
        shell->input.group = service->group;
        shell->input.self = service->member;
        shell->told = false;
}

/* NULL, and err says why. */
static struct pool_shell *shell_new(
        struct runtime *runtime, const struct service *service, struct error *err) {
        struct pool_shell *shell = calloc(1, sizeof(*shell));
        if (!shell) {
                error_set_errno(err, ENOMEM, "a member of a pool");
                return NULL;
        }
        shell->runtime = runtime;
        shell->doing = "";
        policy_member_id(runtime->policy, service, shell->id);
        shell->input.id = shell->id;
        see_policy(shell, service);
        struct coordinator *coordinator = NULL;
        const struct seat_request request = {.group = service->group->name,
                .member = shell->id,
                .places = service->group->max_disruptions,
                .lease = service->group->lease,
                .on_change = look,
                .cookie = shell};
        int r = loop_timer_init(&shell->timer, runtime->loop, look, shell);
        r = r < 0 ? error_set_errno(err, -r, "a member of a pool")
                  : coordinators_get(runtime, service->group->coordinator, &coordinator, err);
        r = r < 0 ? r : coordinator_join(coordinator, &request, &shell->seat, err);
        if (r < 0) {
                shell_free(shell);
                error_wrap(err, "the pool %s", service->group->name);
                return NULL;
        }
        return shell;
}

int pools_reserve(struct runtime *runtime, const struct policy *next) {
        struct pools *pools = runtime->pools;
        size_t n = 1;
        for (uint32_t i = 0; i < next->n_services; i++) {
                n += policy_is_pooled(&next->services[i]);
        }
        free(pools->next);
        pools->next = calloc(n, sizeof(*pools->next));
        return pools->next ? 0 : -ENOMEM;
}

/* Without its seat nobody can be asked, as when the coordinator is away: only what is down is
 * restarted. */
static void go_without(struct runtime *runtime, const struct service *service, const char *why) {
        struct input input = {.kind = INPUT_PERMIT,
                .service = service->index,
                .permit = {.kind = PERMIT_RESTART, .until = USEC_INFINITY}};
        effects_say(runtime, LOG_ERR, "%s cannot take part: %s", service->name, why);
        snprintf(input.permit.text, sizeof(input.permit.text),
                "it cannot ask its pool, so only what is down is restarted: %.96s", why);
        turns_feed(runtime, &input);
}

static void add_or_say(struct runtime *runtime, const struct service *service) {
        struct error err = {0};
        struct pool_shell *shell = shell_new(runtime, service, &err);
        if (shell) {
                runtime->pools->shells[runtime->pools->count++] = shell;
                loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
        } else {
                go_without(runtime, service, err.text);
        }
}

int pools_open(struct runtime *runtime, struct error *err) {
        const struct policy *policy = runtime->policy;
        struct pools *pools = runtime->pools = calloc(1, sizeof(*runtime->pools));
        if (!pools || pools_reserve(runtime, policy) < 0) {
                return error_set_errno(err, ENOMEM, "the members of pools");
        }
        pools->shells = TAKE_PTR(pools->next);
        for (uint32_t i = 0; i < policy->n_services && !runtime->options.dry_run; i++) {
                if (policy_is_pooled(&policy->services[i])) {
                        add_or_say(runtime, &policy->services[i]);
                }
        }
        return 0;
}

/* Whether it can go on under the next policies without leaving its seat. */
static bool stays(
        const struct pool_shell *shell, const struct policy *next, const struct service *service) {
        char id[GROUP_MEMBER_ID_MAX];
        const struct group_spec *group = shell->input.group;
        return service && policy_is_pooled(service) &&
               str_eq(policy_member_id(next, service, id), shell->id) &&
               str_eq(service->group->name, group->name) &&
               service->group->coordinator == group->coordinator &&
               service->group->max_disruptions == group->max_disruptions &&
               service->group->lease == group->lease;
}

void pools_carry(struct runtime *runtime, const struct policy *next) {
        struct pools *pools = runtime->pools;
        size_t n = 0;
        for (size_t i = 0; i < pools->count; i++) {
                struct pool_shell *shell = pools->shells[i];
                const struct service *service = policy_service(next, service_of(shell)->name);
                if (!stays(shell, next, service)) {
                        shell_free(shell);
                        continue;
                }
                see_policy(shell, service);
                pools->next[n++] = shell;
        }
        free(pools->shells);
        pools->shells = TAKE_PTR(pools->next);
        pools->count = n;
}

void pools_reloaded(struct runtime *runtime) {
        const struct policy *policy = runtime->policy;
        for (uint32_t i = 0; i < policy->n_services && !runtime->options.dry_run; i++) {
                const struct service *service = &policy->services[i];
                struct pool_shell *shell = shell_of(runtime, service->name);
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                if (shell) {
                        loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
                } else if (policy_is_pooled(service)) {
                        add_or_say(runtime, service);
                } else if (status.phase == PHASE_HELD && status.held_by == GUARD_FLEET) {
                        turns_feed(runtime, &(struct input){.kind = INPUT_GUARDS, .service = i});
                }
        }
}

void pools_close(struct runtime *runtime) {
        struct pools *pools = runtime->pools;
        for (size_t i = 0; pools && i < pools->count; i++) {
                shell_free(pools->shells[i]);
        }
        if (pools) {
                free(pools->shells);
                free(pools->next);
        }
        free(pools);
        runtime->pools = NULL;
}
