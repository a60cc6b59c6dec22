/* What the members of groups see and want: the lease and the peers from the coordinators, the role
 * from the executor, the health from the core go in, and what the machine of the member wants is
 * carried out. */

#include "runtime/members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "coordinator/coordinator.h"
#include "recovery/member_rules.h"
#include "runtime/member_shell.h"
#include "runtime/shell.h"

/* What is not told of, such as a pause, is seen after so long. */
#define LOOK_INTERVAL (1 * USEC_PER_SEC)

static struct member_shell *shell_of(const struct runtime *runtime, const char *service) {
        for (size_t i = 0; i < runtime->members->count; i++) {
                struct member_shell *shell = runtime->members->shells[i];
                if (str_eq(member_service(shell)->name, service)) {
                        return shell;
                }
        }
        return NULL;
}

void member_tell(
        struct member_shell *shell, int level, uint32_t rule, const char *text, const char *note) {
        const struct group_spec *group = member_service(shell)->group;
        struct event event = {.at = loop_now(shell->runtime->loop).wall,
                .kind = EVENT_GROUP,
                .level = level,
                .rule = rule};
        str_copy(event.service, sizeof(event.service), member_service(shell)->name);
        snprintf(event.text, sizeof(event.text), "group %s: %s: %s%s%s", group->name,
                duty_text(shell->member.duty), text, note[0] ? ": " : "", note);
        effects_tell(shell->runtime, &event);
}

/* ---- What goes in ------------------------------------------------------------------------------
 */

/* The best of those that could be promoted, or the one that a person named. */
static void see_peers(struct member_shell *shell, const struct lease_view *view) {
        struct member_input *input = &shell->input;
        input->peer_can = false;
        input->peer = NULL;
        for (size_t i = 0; i < view->n_peers; i++) { /* sorted, so the first by name wins a tie */
                uint32_t priority;
                const struct lease_peer *peer = &view->peers[i];
                bool meant = !input->failover || !shell->to[0] ||
                             member_is_called(peer->member, shell->to);
                if (meant && member_peer_can(peer, &priority) &&
                        (!input->peer_can || priority > input->peer_priority)) {
                        input->peer_can = true;
                        input->peer_priority = priority;
                        input->peer = peer->member;
                }
        }
}

/* Servers have a least duration. etcd rounds up to whole seconds, which is no news. */
static void say_granted(struct member_shell *shell, usec_t granted) {
        const struct group_spec *group = member_service(shell)->group;
        char longer[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];
        if (granted == 0 || granted == shell->granted) {
                return;
        }
        shell->granted = granted;
        if (granted >= usec_add(group->lease, USEC_PER_SEC)) {
                units_format_duration(granted, longer);
                units_format_duration(group->lease, wanted);
                effects_say(shell->runtime, LOG_WARNING,
                        "group %s: the coordinator grants a lease of %s at least, not of %s: a host "
                        "that is lost is replaced after that",
                        group->name, longer, wanted);
        }
}

static void see_lease(struct member_shell *shell) {
        const struct lease_view *view = seat_view(shell->seat);
        struct member_input *input = &shell->input;
        input->standing = view->standing;
        input->token = view->token;
        input->usable_until = view->usable_until;
        input->holder = view->holder[0] ? view->holder : NULL;
        input->holder_is_self = str_eq(view->holder, shell->id);
        input->last = view->last[0] ? view->last : NULL;
        input->last_is_self = str_eq(view->last, shell->id);
        input->last_token = view->last_token;
        input->changes = view->changes;
        input->n_changes = view->n_changes;
        see_peers(shell, view);
        say_granted(shell, view->granted);
}

/* What an agent before this one has promised is not known. */
static void see_agreement(struct member_shell *shell) {
        struct agreement_view view;
        const struct members *members = shell->runtime->members;
        const struct group_spec *group = shell->member.group;
        bool asks = group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE;
        usec_t before = asks ? usec_add(members->opened, usec_add(group->lease, group->margin)) : 0;
        agreement_look(members->agreement, group->name, &view);
        shell->input.agreed_until = view.agreed_until;
        shell->input.disagreement = view.disagreement[0] ? view.disagreement : NULL;
        shell->input.promised_until = MAX(view.promised_until, before);
}

/* What keeps recoverd from acting by itself, of all that can hold an attempt. */
static const char *see_hold(struct member_shell *shell) {
        static const enum guard holding[] = {
                GUARD_PAUSED, GUARD_HOLD, GUARD_DRY_RUN, GUARD_OBSERVE};
        struct guard_status guards[GUARD_COUNT];
        size_t n = recovery_guards(
                shell->runtime->recovery, shell->service, loop_now(shell->runtime->loop), guards);
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; guards[i].holds && j < ELEMENTSOF(holding); j++) {
                        if (guards[i].guard == holding[j]) {
                                str_copy(shell->held, sizeof(shell->held), guards[i].text);
                                return shell->held;
                        }
                }
        }
        return NULL;
}

static bool see_probes(const struct member_shell *shell) {
        const struct service *service = member_service(shell);
        const struct strings *required = &service->group->requires_healthy;
        for (uint32_t i = 0; i < required->count; i++) {
                const struct probe_spec *probe = policy_probe(service, required->items[i]);
                struct probe_status status;
                recovery_probe_status(shell->runtime->recovery, shell->service,
                        (uint32_t) (probe - service->probes), &status);
                if (status.health != HEALTH_HEALTHY) {
                        return false;
                }
        }
        return true;
}

static void see_service(struct member_shell *shell) {
        struct service_status status;
        struct member_input *input = &shell->input;
        recovery_service_status(shell->runtime->recovery, shell->service, &status);
        if (status.phase == PHASE_WATCHING && status.health == HEALTH_HEALTHY) {
                shell->asks_failover = false;
        }
        input->running = status.process_known && status.running;
        input->beyond_repair =
                shell->active && (shell->asks_failover || status.phase == PHASE_EXHAUSTED ||
                                         status.phase == PHASE_UNATTENDED);
        input->held = see_hold(shell);
        input->probes_pass = see_probes(shell);
}

/* ---- What comes out ----------------------------------------------------------------------------
 */

static int send(struct member_shell *shell, struct wire_message *message) {
        const struct service *service = member_service(shell);
        str_copy(message->service, sizeof(message->service), service->name);
        str_copy(message->digest, sizeof(message->digest), service->digest);
        return executor_link_send(shell->runtime->link, message);
}

/* Its own request has to be new to the executor also after a start of the agent. */
static uint64_t new_request(struct runtime *runtime) {
        struct members *members = runtime->members;
        members->last_request =
                MAX(members->last_request + 1, (uint64_t) loop_now(runtime->loop).wall);
        return members->last_request;
}

static void send_guard(struct member_shell *shell, const struct member_effects *effects) {
        if (!effects->guards || !executor_link_up(shell->runtime->link) ||
                (shell->guard == effects->guard &&
                        (effects->guard == 0 || shell->guard_token == effects->token))) {
                return;
        }
        struct wire_message message = {.type = WIRE_GUARD,
                .request = new_request(shell->runtime),
                .token = effects->guard ? effects->token : 0,
                .deadline = effects->guard};
        if (send(shell, &message) == 0) {
                shell->guard = effects->guard;
                shell->guard_token = effects->token;
        }
}

/* As the group calls whoever has the lease: "HOST/SERVICE" is its id. */
static void name_holder(const struct member_shell *shell, char *ret, size_t size) {
        const char *id = shell->input.holder, *slash = strchr(id, '/');
        if (slash && member_service(shell)->group->coordinator == COORDINATOR_LOCAL) {
                str_copy(ret, size, slash + 1);
        } else {
                snprintf(ret, size, "%.*s", (int) strcspn(id, "/"), id);
        }
}

static void ask_executor(struct member_shell *shell, enum member_act act) {
        static const int actions[] = {[MEMBER_ACT_PROMOTE] = ACTION_PROMOTE,
                [MEMBER_ACT_DEMOTE] = ACTION_DEMOTE,
                [MEMBER_ACT_FOLLOW] = ACTION_FOLLOW};
        struct wire_message message = {.type = WIRE_DO,
                .request = new_request(shell->runtime),
                .step = STEP_NONE,
                .action = actions[act]};
        if (act == MEMBER_ACT_FOLLOW) {
                message.token = shell->input.token;
                name_holder(shell, message.to, sizeof(message.to));
        }
        shell->request = message.request;
        shell->asked = act;
        shell->input.answer = ANSWER_NONE;
        if (send(shell, &message) < 0) {
                shell->request = 0;
                shell->input.answer = ANSWER_REFUSED;
        }
}

static int level_of(enum duty duty) {
        switch (duty) {
        case DUTY_STUCK:
                return LOG_CRIT;
        case DUTY_ACTIVE:
        case DUTY_DEMOTING:
        case DUTY_PROMOTING:
        case DUTY_RESUMING:
                return LOG_NOTICE;
        case DUTY_UNKNOWN:
        case DUTY_STANDBY:
        case DUTY_FOLLOWING:
        case DUTY_CANDIDATE:
        case DUTY_RELEASING:
                return LOG_INFO;
        }
        return LOG_INFO;
}

static void tell_rules(struct member_shell *shell, const struct member_effects *effects) {
        for (size_t i = 0; i < effects->n_trail; i++) {
                const struct member_rule *rule = member_rule_by_number(effects->trail[i]);
                bool last = i + 1 == effects->n_trail;
                bool stays = rule->next == DUTY_SAME;
                int level = stays ? LOG_WARNING : level_of((enum duty) rule->next);
                if (last || level <= LOG_NOTICE) {
                        member_tell(shell, level, rule->number, rule->sentence,
                                last ? effects->note : "");
                }
        }
}

/* The core looks after the active one, and leaves the others to the group. */
static void tell_core(struct member_shell *shell) {
        bool active = shell->member.duty == DUTY_ACTIVE;
        if (active != shell->active) {
                shell->active = active;
                shell->asks_failover = false;
                turns_feed(shell->runtime,
                        &(struct input){
                                .kind = INPUT_DUTY, .service = shell->service, .up = active});
        }
}

static void publish(struct member_shell *shell) {
        char text[COORDINATION_TEXT_MAX];
        snprintf(text, sizeof(text), "can=%d priority=%" PRIu32 " duty=%s",
                member_can(&shell->member, &shell->input),
                shell->member.self ? shell->member.self->priority : 0,
                duty_text(shell->member.duty));
        members_add_wish(shell, text);
        if (!str_eq(text, shell->published)) {
                str_copy(shell->published, sizeof(shell->published), text);
                seat_publish(shell->seat, text);
        }
}

static void carry_out(struct member_shell *shell, const struct member_effects *effects) {
        tell_rules(shell, effects);
        if (effects->forget_failover) {
                shell->input.failover = false;
                shell->to[0] = '\0';
        }
        send_guard(shell, effects);
        struct agreement *agreement = shell->runtime->members->agreement;
        if (effects->ask_peers && agreement) {
                agreement_ask(
                        agreement, &(struct agreement_member){shell->member.group, shell->id});
        }
        if (effects->act != MEMBER_ACT_NOTHING) {
                ask_executor(shell, effects->act);
        }
        if (effects->release) {
                seat_release(shell->seat, effects->to);
        } else {
                seat_want(shell->seat, effects->want);
        }
        seat_mark(shell->seat, shell->member.duty == DUTY_ACTIVE &&
                                       shell->member.group->standby == STANDBY_RUNNING);
        tell_core(shell);
        publish(shell);
}

static void look(void *cookie) {
        struct member_shell *shell = cookie;
        struct runtime *runtime = shell->runtime;
        struct member_effects effects;
        if (runtime->stopping || runtime->stepping) {
                return; /* the step that is under way wakes it at its end */
        }
        shell->input.now = loop_now(runtime->loop).mono;
        shell->input.wall = loop_now(runtime->loop).wall;
        shell->input.agrees = runtime->executor_agrees;
        members_hear_wishes(shell);
        see_lease(shell);
        see_service(shell);
        see_agreement(shell);
        member_step(&shell->member, &shell->input, &effects);
        carry_out(shell, &effects);
        loop_timer_set(
                &shell->timer, MIN(effects.timer, usec_add(shell->input.now, LOOK_INTERVAL)));
}

/* ---- What is heard -----------------------------------------------------------------------------
 */

void members_touched(struct runtime *runtime, uint32_t service) {
        const struct service *policy = &runtime->policy->services[service];
        struct member_shell *shell =
                policy_is_member(policy) ? shell_of(runtime, policy->name) : NULL;
        if (shell) {
                loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
        }
}

void members_failover(struct runtime *runtime, uint32_t service) {
        struct member_shell *shell = shell_of(runtime, runtime->policy->services[service].name);
        if (shell) {
                shell->asks_failover = true;
        }
}

void members_heard(struct runtime *runtime, const struct wire_message *message) {
        struct member_shell *shell = shell_of(runtime, message->service);
        if (!shell) {
                return;
        }
        shell->input.role = message->role;
        shell->input.role_token = message->token;
        shell->input.follows = message->follows;
        shell->input.role_count++;
        str_copy(shell->role_text, sizeof(shell->role_text), message->text);
        look(shell);
}

static void count_answer(struct member_shell *shell, bool ok) {
        struct member_counts *counts = &shell->counts;
        if (shell->asked == MEMBER_ACT_FOLLOW) {
                return;
        }
        uint64_t *count = shell->asked == MEMBER_ACT_PROMOTE
                                  ? (ok ? &counts->promotions : &counts->promotions_failed)
                                  : (ok ? &counts->demotions : &counts->demotions_unproven);
        ++*count;
}

/* So that the others are told that it could not, until it can. */
static void note_spent(struct member_shell *shell, const struct wire_message *message) {
        if (message->type == WIRE_REFUSED && message->refusal == REFUSAL_BUDGET &&
                shell->asked == MEMBER_ACT_PROMOTE) {
                str_copy(shell->spent, sizeof(shell->spent), message->text);
                shell->input.spent = shell->spent;
                shell->input.spent_until = message->deadline;
        }
}

bool members_answered(struct runtime *runtime, const struct wire_message *message) {
        struct member_shell *shell = shell_of(runtime, message->service);
        if (!shell || shell->request == 0 || message->request != shell->request) {
                return false;
        }
        bool done = message->type == WIRE_DONE;
        if (done) {
                count_answer(shell, message->ok);
        }
        if (!done || !message->ok) {
                static const char *const failures[] = {
                        [MEMBER_ACT_PROMOTE] = "it could not be promoted",
                        [MEMBER_ACT_DEMOTE] = "it could not be demoted yet",
                        [MEMBER_ACT_FOLLOW] = "it could not be made to follow"};
                member_tell(shell, LOG_WARNING, 0, failures[shell->asked], message->text);
        }
        note_spent(shell, message);
        shell->request = 0;
        shell->input.answer = !done ? ANSWER_REFUSED : message->ok ? ANSWER_DONE : ANSWER_FAILED;
        look(shell);
        return true;
}

void members_executor(struct runtime *runtime, bool up) {
        for (size_t i = 0; i < runtime->members->count && !up; i++) {
                struct member_shell *shell = runtime->members->shells[i];
                shell->input.role = MEMBER_NONE;
                shell->input.follows = 0;
                shell->guard = USEC_INFINITY; /* another executor is told anew */
                if (shell->request != 0) {
                        shell->request = 0;
                        shell->input.answer = ANSWER_LOST;
                }
                look(shell);
        }
}

/* What it refused for the sake of other policies is said again; other budgets may allow more. */
void members_agreed(struct runtime *runtime) {
        for (size_t i = 0; i < runtime->members->count; i++) {
                runtime->members->shells[i]->guard = USEC_INFINITY;
                runtime->members->shells[i]->input.spent_until = 0;
                look(runtime->members->shells[i]);
        }
}

/* ---- Snapshots ---------------------------------------------------------------------------------
 */

size_t runtime_members(const struct runtime *runtime) {
        return runtime->members->count;
}

void runtime_member(const struct runtime *runtime, size_t index, struct member_snapshot *ret) {
        const struct member_shell *shell = runtime->members->shells[index];
        const struct member_rule *rule = member_rule_by_number(shell->member.last_rule);
        *ret = (struct member_snapshot){
                .service = member_service(shell),
                .duty = duty_text(shell->member.duty),
                .sentence = rule ? rule->sentence : "",
                .failovers = member_failovers(&shell->member, loop_now(runtime->loop).mono),
                .id = shell->id,
                .member = &shell->member,
                .input = &shell->input,
                .view = seat_view(shell->seat),
                .role_text = shell->role_text,
                .can = member_can(&shell->member, &shell->input),
                .held = shell->member.duty == DUTY_ACTIVE &&
                        member_is_held(&shell->member, &shell->input),
                .counts = shell->counts,
        };
        agreement_look(
                runtime->members->agreement, member_service(shell)->group->name, &ret->agreement);
        member_guards(&shell->member, &shell->input, ret->guards);
}

/* ---- The agreement of all ----------------------------------------------------------------------
 */

static struct member_shell *shell_of_group(const struct runtime *runtime, const char *group) {
        for (size_t i = 0; i < runtime->members->count; i++) {
                if (str_eq(runtime->members->shells[i]->member.group->name, group)) {
                        return runtime->members->shells[i];
                }
        }
        return NULL;
}

/* The member of one with the local coordinator is never asked: its policy names no addresses. */
static bool find_for_peer(void *cookie, const char *group, struct agreement_member *ret) {
        const struct member_shell *shell = shell_of_group(cookie, group);
        if (shell) {
                *ret = (struct agreement_member){shell->member.group, shell->id};
        }
        return shell != NULL;
}

static bool may_promise(
        void *cookie, const char *group, const char *asker, char ret[MEMBER_NOTE_MAX]) {
        struct member_shell *shell = shell_of_group(cookie, group);
        shell->input.now = loop_now(shell->runtime->loop).mono;
        see_lease(shell);
        see_service(shell);
        return member_may_promise(&shell->member, &shell->input, asker, ret);
}

static void on_agreement(void *cookie, const char *group) {
        struct member_shell *shell = shell_of_group(cookie, group);
        if (shell) {
                loop_timer_set(&shell->timer, loop_now(shell->runtime->loop).mono);
        }
}

uint64_t members_rejected(const struct runtime *runtime) {
        return runtime->members ? agreement_rejected(runtime->members->agreement) : 0;
}

static bool somebody_asks(const struct policy *policy) {
        for (uint32_t i = 0; i < policy->n_services; i++) {
                const struct service *service = &policy->services[i];
                if (policy_is_member(service) &&
                        service->group->on_coordinator_loss == LOSS_HOLD_IF_ALL_AGREE) {
                        return true;
                }
        }
        return false;
}

/* Without it the active member is demoted when the coordinator does not answer, and so are the
 * others, which nobody on this host answers. */
static void open_agreement(struct runtime *runtime) {
        static const struct agreement_callbacks callbacks = {
                .find = find_for_peer, .may_promise = may_promise, .changed = on_agreement};
        struct members *members = runtime->members;
        const struct peers_spec *spec = &runtime->policy->coordinator.peers;
        struct error err = {0};
        if (members->agreement && !agreement_is(members->agreement, spec)) {
                effects_say(runtime, LOG_WARNING,
                        "recoverd.yaml has other 'peers' now: the agent goes on with those before "
                        "until it is started anew");
        }
        if (members->agreement || !spec->listen || !somebody_asks(runtime->policy)) {
                return;
        }
        if (agreement_new(&members->agreement, runtime->loop, spec, &runtime->peers_secret,
                    &callbacks, runtime, &err) < 0) {
                effects_say(runtime, LOG_ERR,
                        "%s: no member can hold by the agreement of all, all demote instead",
                        err.text);
        }
}

static void follow_peers(struct runtime *runtime) {
        if (!runtime->options.dry_run) {
                open_agreement(runtime);
        }
        agreement_secret_done(&runtime->peers_secret);
}

/* ---- Coming and going --------------------------------------------------------------------------
 */

static void shell_free(struct member_shell *shell) {
        if (shell) {
                seat_leave(shell->seat);
                loop_timer_done(&shell->timer);
                free(shell);
        }
}

/* NULL, and err says why. */
static struct member_shell *shell_new(
        struct runtime *runtime, const struct service *service, struct error *err) {
        struct member_shell *shell = calloc(1, sizeof(*shell));
        if (!shell) {
                error_set_errno(err, ENOMEM, "a member of a group");
                return NULL;
        }
        shell->runtime = runtime;
        shell->service = service->index;
        shell->guard = USEC_INFINITY;
        policy_member_id(runtime->policy, service, shell->id);
        member_init(&shell->member, service->group, service->member, shell->id,
                loop_now(runtime->loop).mono);
        struct coordinator *coordinator = NULL;
        const struct seat_request request = {.group = service->group->name,
                .member = shell->id,
                .lease = service->group->lease,
                .on_change = look,
                .cookie = shell};
        int r = loop_timer_init(&shell->timer, runtime->loop, look, shell);
        r = r < 0 ? error_set_errno(err, -r, "a member of a group")
                  : coordinators_get(runtime, service->group->coordinator, &coordinator, err);
        r = r < 0 ? r : coordinator_join(coordinator, &request, &shell->seat, err);
        if (r < 0) {
                shell_free(shell);
                error_wrap(err, "the group %s", service->group->name);
                return NULL;
        }
        return shell;
}

static void begin(struct runtime *runtime, struct member_shell *shell) {
        turns_feed(runtime,
                &(struct input){
                        .kind = INPUT_DUTY, .service = shell->service, .up = shell->active});
        loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
}

static uint32_t count_members(const struct policy *policy) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < policy->n_services; i++) {
                n += policy_is_member(&policy->services[i]);
        }
        return n;
}

int members_reserve(struct runtime *runtime, const struct policy *next) {
        struct members *members = runtime->members;
        free(members->next);
        members->next = calloc(count_members(next) + 1, sizeof(*members->next));
        return members->next ? 0 : -ENOMEM;
}

/* A member without its seat is never promoted: it stays a standby, and it is said why. */
static void add_or_say(struct runtime *runtime, const struct service *service) {
        struct error err = {0};
        struct member_shell *shell = shell_new(runtime, service, &err);
        if (shell) {
                runtime->members->shells[runtime->members->count++] = shell;
                begin(runtime, shell);
        } else {
                effects_say(runtime, LOG_ERR, "%s cannot take part: %s", service->name, err.text);
                turns_feed(runtime, &(struct input){.kind = INPUT_DUTY, .service = service->index});
        }
}

int members_open(struct runtime *runtime, struct error *err) {
        const struct policy *policy = runtime->policy;
        struct members *members = runtime->members = calloc(1, sizeof(*runtime->members));
        if (!members || members_reserve(runtime, policy) < 0) {
                return error_set_errno(err, ENOMEM, "the members of groups");
        }
        members->opened = clock_now().mono;
        members->shells = TAKE_PTR(members->next);
        follow_peers(runtime);
        for (uint32_t i = 0; i < policy->n_services && !runtime->options.dry_run; i++) {
                if (policy_is_member(&policy->services[i])) {
                        add_or_say(runtime, &policy->services[i]);
                }
        }
        return 0;
}

/* Whether it can go on as a member under the next policies without leaving its seat. */
static bool stays(const struct member_shell *shell, const struct policy *next,
        const struct service *service) {
        char id[GROUP_MEMBER_ID_MAX];
        const struct group_spec *group = shell->member.group;
        return service && policy_is_member(service) &&
               str_eq(policy_member_id(next, service, id), shell->id) &&
               str_eq(service->group->name, group->name) &&
               service->group->coordinator == group->coordinator &&
               service->group->lease == group->lease;
}

void members_carry(struct runtime *runtime, const struct policy *next) {
        struct members *members = runtime->members;
        size_t n = 0;
        for (size_t i = 0; i < members->count; i++) {
                struct member_shell *shell = members->shells[i];
                const struct service *service = policy_service(next, member_service(shell)->name);
                if (!stays(shell, next, service)) {
                        shell_free(shell);
                        continue;
                }
                shell->service = service->index;
                shell->member.group = service->group;
                shell->member.self = service->member;
                members->next[n++] = shell;
        }
        free(members->shells);
        members->shells = TAKE_PTR(members->next);
        members->count = n;
}

void members_reloaded(struct runtime *runtime) {
        const struct policy *policy = runtime->policy;
        follow_peers(runtime);
        for (uint32_t i = 0; i < policy->n_services && !runtime->options.dry_run; i++) {
                const struct service *service = &policy->services[i];
                struct member_shell *shell = shell_of(runtime, service->name);
                struct service_status status;
                recovery_service_status(runtime->recovery, i, &status);
                if (shell) {
                        begin(runtime, shell);
                } else if (policy_is_member(service)) {
                        add_or_say(runtime, service);
                } else if (status.phase == PHASE_STANDBY) { /* it is in no group any more */
                        turns_feed(runtime,
                                &(struct input){.kind = INPUT_DUTY, .service = i, .up = true});
                }
        }
}

void members_close(struct runtime *runtime) {
        struct members *members = runtime->members;
        for (size_t i = 0; members && i < members->count; i++) {
                shell_free(members->shells[i]);
        }
        if (members) {
                agreement_free(members->agreement);
                free(members->shells);
                free(members->next);
        }
        free(members);
        runtime->members = NULL;
}
