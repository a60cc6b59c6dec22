/* Failovers that people ask for: on the host of the active member, or on another, which then passes
 * it on through the coordinator. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/member_shell.h"
#include "runtime/shell.h"

/* So long a wish is published; a member that has not obeyed by then does not any more. */
#define WISH_PATIENCE (20 * USEC_PER_SEC)

/* "can=1 priority=200 duty=standby", as a member publishes it: false unless it can. */
bool member_peer_can(const struct lease_peer *peer, uint32_t *ret_priority) {
        static const char able[] = "can=1 priority=";
        char *end = NULL;
        if (!str_starts(peer->text, able)) {
                return false;
        }
        errno = 0;
        unsigned long priority = strtoul(peer->text + strlen(able), &end, 10);
        if (*end != ' ' || errno != 0 || priority > UINT32_MAX) {
                return false;
        }
        *ret_priority = (uint32_t) priority;
        return true;
}

bool member_is_called(const char *id, const char *name) {
        const char *slash = strchr(id, '/');
        return str_eq(id, name) || (slash && str_eq(slash + 1, name)) ||
               member_is_on_host(id, name);
}

/* ---- Through the coordinator ---- */

void members_add_wish(struct member_shell *shell, char text[COORDINATION_TEXT_MAX]) {
        const struct lease_view *view = seat_view(shell->seat);
        bool over = view->token != shell->wish.token || view->standing != LEASE_OTHER ||
                    loop_now(shell->runtime->loop).mono >= shell->wish_until;
        if (over) {
                shell->wish.token = 0;
        }
        if (shell->wish.token != 0) {
                failover_wish_add(text, &shell->wish);
        }
}

/* A wish is for the holder of one lease, so nobody after it takes it for its own. */
void members_hear_wishes(struct member_shell *shell) {
        const struct lease_view *view = seat_view(shell->seat);
        bool active = shell->member.duty == DUTY_ACTIVE && view->standing == LEASE_OURS;
        for (size_t i = 0; active && i < view->n_peers; i++) {
                struct failover_wish wish;
                if (!failover_wish_read(view->peers[i].text, &wish) || wish.token != view->token ||
                        failover_wish_is(&wish, &shell->heard)) {
                        continue;
                }
                shell->heard = wish;
                shell->input.failover = true;
                str_copy(shell->to, sizeof(shell->to), wish.to);
                member_tell(shell, LOG_NOTICE, 0, "a failover is asked for by", wish.by);
        }
}

/* ---- Who could ---- */

struct answer {
        int result;
        char text[COORDINATION_WHY_MAX];
};

static struct answer answer(int result, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static struct answer answer(int result, const char *format, ...) {
        struct answer ret = {.result = result};
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(ret.text, sizeof(ret.text), format, arguments);
        va_end(arguments);
        return ret;
}

/* Among all members but the active one. */
struct search {
        bool named, able; /* there is such a member; one of them could be promoted */
};

static void consider(struct search *search, const char *id, const char *to, bool can) {
        if (!to || member_is_called(id, to)) {
                search->named = true;
                search->able = search->able || can;
        }
}

static struct search search_target(
        const struct member_shell *shell, const char *active, const char *to) {
        const struct lease_view *view = seat_view(shell->seat);
        struct search search = {0};
        for (size_t i = 0; i < view->n_peers; i++) {
                uint32_t priority;
                if (!str_eq(view->peers[i].member, active)) {
                        consider(&search, view->peers[i].member, to,
                                member_peer_can(&view->peers[i], &priority));
                }
        }
        if (!str_eq(shell->id, active)) {
                consider(&search, shell->id, to, member_can(&shell->member, &shell->input));
        }
        return search;
}

/* result 0: there is one. */
static struct answer find_target(
        const struct member_shell *shell, const char *active, const char *to) {
        struct search search = search_target(shell, active, to);
        if (to && !search.named) {
                return member_is_called(active, to)
                               ? answer(-EINVAL, "%.100s is the active member already", active)
                               : answer(-EINVAL, "no other member '%.64s' takes part at present",
                                         to);
        }
        if (!search.able) {
                return answer(-EBUSY,
                        "%.64s could be promoted at present; 'recoverctl why GROUP' on its host says "
                        "why",
                        to ? "that member is not known as one that" : "no other member");
        }
        return answer(0, "%s", "");
}

/* ---- People ---- */

static struct member_shell *find_shell(
        const struct runtime *runtime, const char *group, bool active) {
        for (size_t i = 0; i < runtime->members->count; i++) {
                struct member_shell *shell = runtime->members->shells[i];
                if (str_eq(member_service(shell)->group->name, group) &&
                        (!active || shell->member.duty == DUTY_ACTIVE)) {
                        return shell;
                }
        }
        return NULL;
}

static struct answer ask_here(struct member_shell *shell, const char *to, const char *by) {
        const struct lease_view *view = seat_view(shell->seat);
        if (view->standing != LEASE_OURS) {
                return answer(-EHOSTUNREACH,
                        "nobody can take over while the coordinator does not answer: %.120s",
                        view->why);
        }
        struct answer found = find_target(shell, shell->id, to);
        if (found.result < 0) {
                return found;
        }
        str_copy(shell->to, sizeof(shell->to), to ? to : "");
        shell->input.failover = true;
        member_tell(shell, LOG_NOTICE, 0, "a failover is asked for by", by);
        return answer(0, "%.64s hands over", member_service(shell)->name);
}

static const struct lease_peer *find_peer(const struct lease_view *view, const char *id) {
        for (size_t i = 0; i < view->n_peers; i++) {
                if (str_eq(view->peers[i].member, id)) {
                        return &view->peers[i];
                }
        }
        return NULL;
}

/* result 0: it is another, and active. */
static struct answer find_active(const struct member_shell *shell) {
        const struct lease_view *view = seat_view(shell->seat);
        const struct lease_peer *peer = find_peer(view, view->holder);
        if (view->standing == LEASE_UNKNOWN || view->session != SESSION_CONNECTED) {
                return answer(-EHOSTUNREACH,
                        "the coordinator does not answer, so the active member cannot be asked: %.120s",
                        view->why);
        }
        if (view->standing == LEASE_FREE) {
                return answer(-ENOENT, "no member of the group %.64s is active at present",
                        shell->member.group->name);
        }
        if (view->standing == LEASE_OURS || !peer || !strstr(peer->text, "duty=active")) {
                return answer(-ENOENT,
                        "%.100s has the lease of the group %.64s, and is not active yet",
                        view->standing == LEASE_OURS ? shell->id : view->holder,
                        shell->member.group->name);
        }
        return answer(0, "%s", "");
}

static struct answer ask_elsewhere(struct member_shell *shell, const char *to, const char *by) {
        const struct lease_view *view = seat_view(shell->seat);
        struct instant now = loop_now(shell->runtime->loop);
        struct answer found = find_active(shell);
        found = found.result < 0 ? found : find_target(shell, view->holder, to);
        if (found.result < 0) {
                return found;
        }
        shell->wish = (struct failover_wish){.token = view->token, .number = now.wall};
        str_copy(shell->wish.to, sizeof(shell->wish.to), to ? to : "");
        snprintf(shell->wish.by, sizeof(shell->wish.by), "%.30s on %.28s", by, shell->id);
        shell->wish_until = usec_add(now.mono, WISH_PATIENCE);
        return to ? answer(0, "asked %.100s, which is active, to hand over to %.64s", view->holder,
                            to)
                  : answer(0, "asked %.100s, which is active, to hand over", view->holder);
}

void runtime_failover(struct runtime *runtime, const char *group, const char *to, const char *by,
        runtime_reply call, void *cookie) {
        struct member_shell *active = find_shell(runtime, group, true);
        struct member_shell *shell = active ? active : find_shell(runtime, group, false);
        struct answer said =
                active  ? ask_here(active, to, by)
                : shell ? ask_elsewhere(shell, to, by)
                        : answer(-ENOENT,
                                  "no service of this host is a member of the group %.64s; ask on a "
                                  "host that has one",
                                  group);
        if (said.result == 0) {
                loop_timer_set(&shell->timer, loop_now(runtime->loop).mono);
        }
        answers_reply(runtime, call, cookie, said.result, said.text);
}
