#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/shell.h"

void effects_log(const struct event *event) {
        char incident[24], rule[16], text[sizeof(event->service) + sizeof(event->text) + 4];
        snprintf(incident, sizeof(incident), "%llu", (unsigned long long) event->incident);
        snprintf(rule, sizeof(rule), "%u", event->rule);
        snprintf(text, sizeof(text), "%s%s%s", event->service, event->service[0] ? ": " : "",
                event->text);
        struct log_field fields[3];
        size_t n = 0;
        if (event->service[0]) {
                fields[n++] = (struct log_field){"SERVICE", event->service};
        }
        if (event->incident) {
                fields[n++] = (struct log_field){"INCIDENT", incident};
        }
        if (event->rule) {
                fields[n++] = (struct log_field){"RULE", rule};
        }
        struct log_record record = {
                .level = event->level,
                .message_id = event->level <= LOG_NOTICE
                                      ? event_message_id((enum event_kind) event->kind)
                                      : NULL,
                .text = text,
                .fields = fields,
                .n_fields = n,
        };
        log_record(&record);
}

void effects_tell(struct runtime *runtime, const struct event *event) {
        effects_log(event);
        runtime->events[runtime->n_events++ % RUNTIME_EVENTS_KEPT] = *event;
        if (runtime->store) {
                store_add_event(runtime->store, event);
        }
}

void effects_say(struct runtime *runtime, int level, const char *format, ...) {
        struct event event = {
                .at = clock_now().wall,
                .kind = EVENT_AGENT,
                .level = level,
        };
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(event.text, sizeof(event.text), format, arguments);
        va_end(arguments);
        effects_tell(runtime, &event);
}

static void carry_event(struct runtime *runtime, const struct effect *effect) {
        if (effect->event.kind == EVENT_INCIDENT_OPENED) {
                runtime->tables.counters[effect->service].incidents++;
        }
        effects_tell(runtime, &effect->event);
}

static void carry_incident(struct runtime *runtime, const struct effect *effect) {
        if (effect->incident.closed) {
                runtime->stats.incidents_by_cause[effect->incident.cause]++;
        }
        store_save_incident(runtime->store, &effect->incident);
}

static void carry_record(struct runtime *runtime, const struct effect *effect) {
        persist_record(runtime, effect->service);
}

static void carry_save(struct runtime *runtime, const struct effect *effect) {
        persist_attempt(runtime, effect, true);
}

static void carry_attempt(struct runtime *runtime, const struct effect *effect) {
        persist_attempt(runtime, effect, false);
        counters_attempt(runtime, effect->service, &effect->attempt.attempt);
        content_judge(runtime, effect);
}

static void carry_timer(struct runtime *runtime, const struct effect *effect) {
        turns_arm(runtime, effect->service, effect->at);
}

static void carry_probe(struct runtime *runtime, const struct effect *effect) {
        scheduler_hurry(runtime->scheduler, effect->service);
}

static void carry_pace(struct runtime *runtime, const struct effect *effect) {
        struct service_status status;
        recovery_service_status(runtime->recovery, effect->service, &status);
        scheduler_pace(runtime->scheduler, effect->service, status.pace);
}

static void carry_dependents(struct runtime *runtime, const struct effect *effect) {
        struct service_shell *shell = &runtime->tables.services[effect->service];
        if (!shell->dependents_due && runtime->policy->services[effect->service].n_dependents > 0) {
                shell->dependents_due = true;
                runtime->tables.dependents[runtime->tables.n_dependents++] = effect->service;
        }
}

static void carry_reply(struct runtime *runtime, const struct effect *effect) {
        runtime->reply = *effect;
        runtime->replied = true;
}

static void carry_guards(struct runtime *runtime, const struct effect *effect) {
        (void) effect;
        runtime->guards_due = true;
}

static void carry_trials(struct runtime *runtime, const struct effect *effect) {
        store_save_trials(runtime->store, &effect->trials);
}

static void carry_files(struct runtime *runtime, const struct effect *effect) {
        content_failed(runtime, effect->service);
}

static void carry_failover(struct runtime *runtime, const struct effect *effect) {
        members_failover(runtime, effect->service);
}

/* Every kind of effect has its row; a test walks the table. */
static void (*const carriers[EFFECT_COUNT])(struct runtime *, const struct effect *) = {
        [EFFECT_EVENT] = carry_event,
        [EFFECT_INCIDENT] = carry_incident,
        [EFFECT_RECORD] = carry_record,
        [EFFECT_SAVE] = carry_save,
        [EFFECT_ATTEMPT] = carry_attempt,
        [EFFECT_ACT] = executor_act,
        [EFFECT_TIMER] = carry_timer,
        [EFFECT_PROBE] = carry_probe,
        [EFFECT_PACE] = carry_pace,
        [EFFECT_DEPENDENTS] = carry_dependents,
        [EFFECT_REPLY] = carry_reply,
        [EFFECT_MEASURED] = counters_measured,
        [EFFECT_GUARDS] = carry_guards,
        [EFFECT_TRIALS] = carry_trials,
        [EFFECT_FILES] = carry_files,
        [EFFECT_FAILOVER] = carry_failover,
};

void effects_carry_out(struct runtime *runtime, const struct effect *effect) {
        assert((int) effect->kind < EFFECT_COUNT && carriers[effect->kind]);
        carriers[effect->kind](runtime, effect);
}
