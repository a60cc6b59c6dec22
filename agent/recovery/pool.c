#include "recovery/pool.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"

enum { NAMES_MAX = 96 };

/* ---- What members say ---- */

void pool_publish(bool healthy, const char *doing, char text[COORDINATION_TEXT_MAX]) {
        (void) snprintf(text, COORDINATION_TEXT_MAX, "pool healthy=%d doing=%s", healthy,
                *doing ? doing : "nothing");
}

bool pool_is_healthy(const char *text) {
        return str_starts(text, "pool healthy=1 ");
}

const struct group_member_spec *pool_member_of(const struct group_spec *group, const char *id) {
        const char *slash = strchr(id, '/');
        for (uint32_t i = 0; slash && i < group->n_members; i++) {
                const char *name = group->members[i].name;
                if (group->coordinator == COORDINATOR_LOCAL ? str_eq(slash + 1, name)
                                                            : member_is_on_host(id, name)) {
                        return &group->members[i];
                }
        }
        return NULL;
}

/* ---- What is known ---- */

/* Its position among those that hold a place; their number where it has none. */
static size_t place_of(const struct lease_view *view, const char *id) {
        size_t i = 0;
        while (i < view->n_places && !str_eq(view->places[i], id)) {
                i++;
        }
        return i;
}

/* Other members that are healthy, leaving out the first `before` of those that hold a place. */
static uint32_t count_healthy(const struct pool_input *input, size_t before) {
        const struct lease_view *view = input->view;
        uint32_t n = 0;
        for (size_t i = 0; i < view->n_peers; i++) {
                const struct lease_peer *peer = &view->peers[i];
                n += pool_is_healthy(peer->text) && pool_member_of(input->group, peer->member) &&
                     place_of(view, peer->member) >= before;
        }
        return n;
}

static const char *zone_of(const struct group_spec *group, const char *id) {
        const struct group_member_spec *member = pool_member_of(group, id);
        return member && member->zone ? member->zone : "";
}

/* The first of those that came before this one and stand in another zone; `before`: none. */
static size_t find_other_zone(const struct pool_input *input, size_t before) {
        const char *zone = input->self->zone ? input->self->zone : "";
        for (size_t i = 0; i < before; i++) {
                const char *id = input->view->places[i];
                if (pool_member_of(input->group, id) && !str_eq(zone_of(input->group, id), zone)) {
                        return i;
                }
        }
        return before;
}

static const char *list_holders(const struct lease_view *view, char names[NAMES_MAX]) {
        size_t length = 0;
        names[0] = '\0';
        for (size_t i = 0; i < view->n_places && length < NAMES_MAX; i++) {
                length += (size_t) snprintf(names + length, NAMES_MAX - length, "%s%s",
                        i > 0 ? ", " : "", view->places[i]);
        }
        return names;
}

/* ---- The verdict ---- */

static void judge_alone(const struct pool_input *input, struct pool_verdict *ret) {
        usec_t end = usec_add(input->silent_since, input->group->lease);
        char left[UNITS_TEXT_MAX];
        if (input->now < end) {
                ret->look = end;
                (void) snprintf(ret->text, sizeof(ret->text),
                        "the coordinator does not answer, and is waited for for another %s",
                        units_format_duration_short(usec_sub(end, input->now), left));
        } else if (input->serves) {
                (void) snprintf(ret->text, sizeof(ret->text),
                        "the coordinator does not answer, so a member that serves is left alone");
        } else {
                ret->permit = PERMIT_RESTART;
                ret->until = USEC_INFINITY;
                (void) snprintf(ret->text, sizeof(ret->text),
                        "the coordinator does not answer: what is down may be restarted without a "
                        "permit");
        }
}

static void keep_permit(const struct pool_input *input, struct pool_verdict *ret) {
        ret->permit = PERMIT_GRANTED;
        ret->until = ret->look = input->view->usable_until;
        (void) snprintf(ret->text, sizeof(ret->text),
                "it has a permit of its pool, one of %u at once; %u members are healthy, %u have to be",
                input->group->max_disruptions, ret->healthy, ret->least);
}

/* It has a place: does it have to wait for those that came before it? */
static void judge_place(const struct pool_input *input, size_t place, struct pool_verdict *ret) {
        size_t other = find_other_zone(input, place);
        if (!input->begun && other < place) {
                const char *id = input->view->places[other];
                (void) snprintf(ret->text, sizeof(ret->text),
                        "%.64s in zone %.32s has a permit, and this one is in zone %.32s", id,
                        zone_of(input->group, id), input->self->zone ? input->self->zone : "");
        } else if (!input->begun && input->serves && count_healthy(input, place) < ret->least) {
                (void) snprintf(ret->text, sizeof(ret->text),
                        "with those that have a permit already only %u other members would be left, and "
                        "%u have to stay healthy",
                        count_healthy(input, place), ret->least);
        } else {
                keep_permit(input, ret);
        }
}

static void judge_need(const struct pool_input *input, bool ours, struct pool_verdict *ret) {
        const struct lease_view *view = input->view;
        uint32_t others = count_healthy(input, 0);
        char names[NAMES_MAX];
        if (!input->begun && input->serves && others < ret->least) {
                ret->want = false; /* nobody is to wait behind one that may not go */
                ret->release = ours;
                (void) snprintf(ret->text, sizeof(ret->text),
                        "only %u other members are healthy, and %u have to stay so: one that serves "
                        "is left alone",
                        others, ret->least);
        } else if (ours) {
                judge_place(input, place_of(view, input->id), ret);
        } else if (view->standing == LEASE_OTHER) {
                (void) snprintf(ret->text, sizeof(ret->text),
                        "it waits in line for a permit of its pool: %u at once, held by %s",
                        input->group->max_disruptions, list_holders(view, names));
        } else {
                (void) snprintf(ret->text, sizeof(ret->text),
                        "it is asking its pool for a permit: %u at once",
                        input->group->max_disruptions);
        }
}

void pool_judge(const struct pool_input *input, struct pool_verdict *ret) {
        const struct lease_view *view = input->view;
        bool ours = view->standing == LEASE_OURS && input->now < view->usable_until;
        *ret = (struct pool_verdict){
                .want = input->needs,
                .look = USEC_INFINITY,
                .healthy = count_healthy(input, 0) + (input->healthy && input->self),
                .least = policy_min_healthy(input->group),
                .holders = (uint32_t) view->n_places,
        };
        if (!input->self) {
                ret->want = false;
                ret->release = ours;
                ret->permit = PERMIT_GRANTED;
                ret->until = USEC_INFINITY;
                (void) snprintf(ret->text, sizeof(ret->text),
                        "this host is no member of the pool, so nobody is asked");
        } else if (!input->needs) {
                ret->release = ours;
                (void) snprintf(ret->text, sizeof(ret->text),
                        "it needs no permit; %u members are healthy, %u have to be, %u have a permit",
                        ret->healthy, ret->least, ret->holders);
        } else if (input->silent_since != 0 && !(ours && input->begun)) {
                judge_alone(input, ret);
        } else {
                judge_need(input, ours, ret);
        }
}
