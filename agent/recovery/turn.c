#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "recovery/state.h"

struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint32_t service) {
        assert(effects->count < EFFECTS_MAX);
        struct effect *effect = &effects->items[effects->count++];
        memset(effect, 0, sizeof(*effect));
        effect->kind = kind;
        effect->service = service;
        return effect;
}

struct effect *turn_effect(struct turn *turn, enum effect_kind kind) {
        return effects_add(turn->effects, kind, turn->service->policy->index);
}

void turn_event(struct turn *turn, enum event_kind kind, int level, const char *format, ...) {
        struct service_state *service = turn->service;
        struct event *event = &turn_effect(turn, EFFECT_EVENT)->event;
        event->at = turn->now.wall;
        event->kind = kind;
        event->level = level;
        event->incident = service->file->incident.id;
        event->rule = turn->rule ? turn->rule->number : 0;
        /* While a row fires: the phase that it leads to, for the old one is over. */
        event->phase = turn->rule && turn->rule->next != PHASE_SAME ? turn->rule->next
                                                                    : (int) service->phase;
        event->health = service->health;
        str_copy(event->service, sizeof(event->service), service->policy->name);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(event->text, sizeof(event->text), format, arguments);
        va_end(arguments);
}

void turn_reply(struct turn *turn, bool ok, const char *format, ...) {
        struct effect *effect = turn_effect(turn, EFFECT_REPLY);
        effect->reply.ok = ok;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(effect->reply.text, sizeof(effect->reply.text), format, arguments);
        va_end(arguments);
}

void turn_note(struct turn *turn, const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(turn->note, sizeof(turn->note), format, arguments);
        va_end(arguments);
}
