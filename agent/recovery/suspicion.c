#include "recovery/suspicion.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "base/units.h"

/* How long the agent itself was kept waiting before a contended CPU counts as a sign: a busy host
 * is not a starved one. */
#define KEPT_WAITING (200 * USEC_PER_MSEC)

const struct enum_text suspicion_state_texts[] = {
        {SUSPICION_NONE, "trusts", "What it sees is evidence."},
        {SUSPICION_HOLDS, "suspects",
                "Failures count as unknown, and what would disturb a service is held."},
        {SUSPICION_OUTLIVED, "outlived",
                "It suspected itself for as long as it may: it acts on what it sees, on one "
                "service at a time."},
        {0, NULL, NULL},
};

/* ---- Families ---- */

static uint32_t find_root(const struct policy *policy, uint32_t index) {
        const struct service *service = &policy->services[index];
        while (service->n_depends_on > 0) {
                const struct service *next = &policy->services[service->depends_on[0]];
                for (uint32_t i = 1; i < service->n_depends_on; i++) {
                        const struct service *other = &policy->services[service->depends_on[i]];
                        next = other->n_dependents > next->n_dependents ? other : next;
                }
                service = next;
        }
        return service->index;
}

static bool family_fails(const struct suspect *root) {
        return root->family_failing > 0 && 2 * root->family_failing >= root->family_measured;
}

struct standing { /* what a service counts for in its family */
        bool measured, failing;
};

static struct standing standing_of(const struct suspect *suspect) {
        bool known_for_long = suspect->failing > 0 && suspect->young.position == 0;
        return (struct standing){
                .measured = suspect->measured > 0 && !known_for_long,
                .failing = suspect->failing > 0 && !known_for_long,
        };
}

static void count(
        struct suspicion *suspicion, const struct suspect *suspect, const struct standing *before) {
        struct standing after = standing_of(suspect);
        struct suspect *root = &suspicion->suspects[suspect->root];
        suspicion->measured -= root->family_measured > 0;
        suspicion->failing -= family_fails(root);
        root->family_measured += after.measured;
        root->family_measured -= before->measured;
        root->family_failing += after.failing;
        root->family_failing -= before->failing;
        suspicion->measured += root->family_measured > 0;
        suspicion->failing += family_fails(root);
}

/* Failures that are known for longer than at_most say nothing about the present. */
static void forget_old(struct suspicion *suspicion, usec_t now) {
        struct heap_node *node;
        while ((node = heap_top(&suspicion->young)) &&
                usec_sub(now, node->key) > suspicion->spec->at_most) {
                struct suspect *suspect = (struct suspect *) node; /* its first member */
                struct standing before = standing_of(suspect);
                heap_remove(&suspicion->young, node);
                count(suspicion, suspect, &before);
        }
}

bool suspicion_observe(struct suspicion *suspicion, uint32_t service, struct probe_status *probe,
        enum tells tells, usec_t now) {
        struct suspect *suspect = &suspicion->suspects[service];
        if (probe->tells == tells) {
                return false;
        }
        struct standing before = standing_of(suspect);
        bool failed = suspect->failing > 0;
        suspect->measured -= probe->tells != TELLS_NOTHING;
        suspect->failing -= probe->tells == TELLS_FAILURE;
        probe->tells = tells;
        suspect->measured += tells != TELLS_NOTHING;
        suspect->failing += tells == TELLS_FAILURE;
        if (suspect->failing == 0) {
                heap_remove(&suspicion->young, &suspect->young);
        } else if (!failed) {
                heap_set(&suspicion->young, &suspect->young, now);
        }
        count(suspicion, suspect, &before);
        return true;
}

void suspicion_reference(struct suspicion *suspicion, enum health before, enum health after) {
        suspicion->references[before]--;
        suspicion->references[after]++;
}

/* ---- Signs ---- */

static void seen(struct suspicion *suspicion, usec_t now, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void seen(struct suspicion *suspicion, usec_t now, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(suspicion->text, sizeof(suspicion->text), format, arguments);
        va_end(arguments);
        suspicion->last_sign = now;
}

static void look_at_memory(
        struct suspicion *suspicion, const struct host_signs *signs, usec_t now) {
        const struct suspicion_spec *spec = suspicion->spec;
        if (signs->memory_known && signs->available_percent < spec->min_memory) {
                seen(suspicion, now, "%.1f%% of the memory of the host is available (under %.1f%%)",
                        signs->available_percent, spec->min_memory);
        }
        if (signs->pressure_known && spec->memory_pressure > 0 &&
                signs->memory_percent >= spec->memory_pressure) {
                seen(suspicion, now,
                        "the whole host waited for memory in %.0f%% of the last 10s (from %.0f%% on)",
                        signs->memory_percent, spec->memory_pressure);
        }
}

void suspicion_host(struct suspicion *suspicion, const struct host_signs *signs, usec_t now) {
        const struct suspicion_spec *spec = suspicion->spec;
        char time[UNITS_TEXT_MAX];
        if (!spec->enabled) {
                return;
        }
        look_at_memory(suspicion, signs, now);
        if (signs->pressure_known && spec->cpu_pressure > 0 &&
                signs->cpu_percent >= spec->cpu_pressure && signs->late >= KEPT_WAITING) {
                seen(suspicion, now,
                        "the CPU was contended in %.0f%% of the last 10s (from %.0f%% on), and the agent itself waited for %s",
                        signs->cpu_percent, spec->cpu_pressure,
                        units_format_duration_short(signs->late, time));
        }
        if (signs->clock_jump != 0) {
                usec_t by =
                        (usec_t) (signs->clock_jump < 0 ? -signs->clock_jump : signs->clock_jump);
                seen(suspicion, now, "the wall clock was set %s by %s",
                        signs->clock_jump < 0 ? "back" : "forward",
                        units_format_duration_short(by, time));
        }
        if (signs->stalled > 0) {
                usec_t until = signs->stalled_until > now ? signs->stalled_until : now;
                seen(suspicion, until, "the agent stood still for %s",
                        units_format_duration_short(signs->stalled, time));
        }
}

static bool is_share(const struct suspicion_spec *spec, uint64_t failing, uint64_t measured) {
        return failing >= spec->at_least &&
               (double) failing * 100 >= spec->share * (double) measured;
}

static void look_at_services(struct suspicion *suspicion, usec_t now) {
        const struct suspicion_spec *spec = suspicion->spec;
        const uint32_t *references = suspicion->references;
        uint64_t failing = suspicion->failing;
        forget_old(suspicion, now);
        suspicion->together =
                is_share(spec, suspicion->together ? 2 * failing : failing, suspicion->measured);
        if (references[HEALTH_HEALTHY] > 0) { /* the network is there: the services are gone */
                suspicion->together = false;
        } else if (references[HEALTH_FAILED] > 0 && references[HEALTH_SUSPECT] == 0 &&
                   references[HEALTH_UNKNOWN] == 0) {
                seen(suspicion, now, "no reference answers (%" PRIu32 " of %" PRIu32 ")",
                        references[HEALTH_FAILED], references[HEALTH_FAILED]);
                return;
        }
        if (suspicion->together) {
                seen(suspicion, now,
                        "%" PRIu32 " of %" PRIu32
                        " services that share no dependency fail together (from %" PRIu32
                        " and %.0f%% on)",
                        suspicion->failing, suspicion->measured, spec->at_least, spec->share);
        }
}

/* ---- Conclusions ---- */

static void begin(struct suspicion *suspicion, usec_t now) {
        bool again =
                suspicion->ended != 0 && usec_sub(now, suspicion->ended) < suspicion->spec->at_most;
        suspicion->held_before = again ? suspicion->held_before : 0;
        suspicion->since = now;
        suspicion->state = SUSPICION_HOLDS;
        suspicion->count++;
}

static void end(struct suspicion *suspicion, usec_t now) {
        if (suspicion->state == SUSPICION_HOLDS) {
                suspicion->trusted_since = now;
        }
        suspicion->held_before = usec_add(suspicion->held_before, usec_sub(now, suspicion->since));
        suspicion->ended = now;
        suspicion->state = SUSPICION_NONE;
}

usec_t suspicion_bound(const struct suspicion *suspicion) {
        usec_t left = usec_sub(suspicion->spec->at_most, suspicion->held_before);
        return suspicion->state == SUSPICION_HOLDS ? usec_add(suspicion->since, left)
                                                   : USEC_INFINITY;
}

enum suspicion_change suspicion_judge(struct suspicion *suspicion, usec_t now) {
        bool enabled = suspicion->spec->enabled;
        if (enabled) {
                look_at_services(suspicion, now);
        }
        bool sign = enabled && suspicion->last_sign != 0 &&
                    usec_sub(now, suspicion->last_sign) < suspicion->spec->calm;
        if (!sign && suspicion->state != SUSPICION_NONE) {
                end(suspicion, now);
                return SUSPICION_ENDED;
        }
        if (sign && suspicion->state == SUSPICION_NONE) {
                begin(suspicion, now);
                return SUSPICION_BEGAN;
        }
        if (now >= suspicion_bound(suspicion)) {
                suspicion->state = SUSPICION_OUTLIVED;
                suspicion->trusted_since = now;
                return SUSPICION_WAS_OUTLIVED;
        }
        return SUSPICION_SAME;
}

/* ---- Making ---- */

int suspicion_init(
        struct suspicion *suspicion, const struct policy *policy, struct suspect *suspects) {
        *suspicion = (struct suspicion){.spec = &policy->agent.suspicion, .suspects = suspects};
        int r = heap_init(&suspicion->young, policy->n_services + 1);
        if (r < 0) {
                return r;
        }
        for (uint32_t i = 0; i < policy->n_services; i++) {
                suspicion->suspects[i].root = find_root(policy, i);
                suspicion->references[HEALTH_UNKNOWN] += policy->services[i].reference;
        }
        return 0;
}

void suspicion_done(struct suspicion *suspicion) {
        heap_done(&suspicion->young);
}

void suspicion_carry_service(struct suspicion *to, uint32_t service, const struct suspicion *from,
        uint32_t before, const struct probe_status *probes, uint32_t n_probes) {
        struct suspect *suspect = &to->suspects[service];
        const struct suspect *was = &from->suspects[before];
        struct standing nothing = {0};
        for (uint32_t i = 0; i < n_probes; i++) {
                suspect->measured += probes[i].tells != TELLS_NOTHING;
                suspect->failing += probes[i].tells == TELLS_FAILURE;
        }
        if (suspect->failing > 0 && was->young.position != 0) {
                heap_set(&to->young, &suspect->young, was->young.key);
        }
        count(to, suspect, &nothing);
}

void suspicion_carry(struct suspicion *to, const struct suspicion *from) {
        to->state = from->state;
        to->together = from->together;
        to->since = from->since;
        to->last_sign = from->last_sign;
        to->held_before = from->held_before;
        to->ended = from->ended;
        to->trusted_since = from->trusted_since;
        to->count = from->count;
        str_copy(to->text, sizeof(to->text), from->text);
}
