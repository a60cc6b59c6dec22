/* Why a service fails: what its probes see of it, and what is known besides. */

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"
#include "base/units.h"
#include "recovery/state.h"

static struct incident *incident_of(const struct turn *turn) {
        return &turn->service->file->incident;
}

/* ---- The cause ---- */

bool state_blames_change(const struct service_state *service) {
        wall_usec_t opened = service->file->incident.opened, changed = service->files.changed;
        return service->files.state == FILES_CHANGED && changed <= opened &&
               opened - changed < service->policy->blame_window;
}

/* What it can do without may still be why it fails; NULL: nothing of that is down. */
static const struct service *soft_culprit(const struct turn *turn) {
        const struct service *policy = turn->service->policy;
        for (uint32_t i = 0; i < policy->n_soft_depends_on; i++) {
                const struct service_state *other =
                        state_of(turn->recovery, policy->soft_depends_on[i]);
                if (state_is_down(other)) {
                        return other->policy;
                }
        }
        return NULL;
}

/* From what is certain to what is a mere guess. */
enum cause cause_now(const struct turn *turn) {
        if (if_dependency_down(turn)) {
                return CAUSE_DEPENDENCY;
        }
        if (state_blames_change(turn->service)) {
                return CAUSE_CHANGED;
        }
        return soft_culprit(turn) ? CAUSE_DEPENDENCY : (enum cause) incident_of(turn)->symptom;
}

/* ---- In words ---- */

static void add_words(struct incident *incident, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void add_words(struct incident *incident, const char *format, ...) {
        size_t used = strlen(incident->text);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(incident->text + used, sizeof(incident->text) - used, format, arguments);
        va_end(arguments);
}

static void describe_change(const struct turn *turn, struct incident *incident) {
        char before[UNITS_TEXT_MAX];
        usec_t age = usec_sub(incident->opened, turn->service->files.changed);
        if (state_blames_change(turn->service)) {
                add_words(incident, " (%s before: %s)", units_format_duration_short(age, before),
                        turn->service->file->files_text);
        }
}

void cause_describe(struct turn *turn) {
        const struct service_state *service = turn->service;
        const struct observation *evidence = &service->file->evidence;
        const struct service *soft = soft_culprit(turn);
        struct incident *incident = incident_of(turn);
        incident->symptom = service->has_evidence ? (int) evidence->cause : CAUSE_NONE;
        incident->status = service->has_evidence ? evidence->status : 0;
        incident->cause = (int) cause_now(turn);
        incident->probe[0] = '\0';
        str_copy(incident->text, sizeof(incident->text),
                service->has_evidence ? evidence->detail : "not proven well");
        if (service->has_evidence && evidence->probe < service->policy->n_probes) {
                str_copy(incident->probe, sizeof(incident->probe),
                        service->policy->probes[evidence->probe].name);
        }
        describe_change(turn, incident);
        if (soft) {
                add_words(incident, "; its soft dependency %s is down", soft->name);
        }
}

/* ---- Described again ---- */

/* Steps that were not for what it looked like before are looked at again. */
void describe_anew(struct turn *turn) {
        uint32_t before = ladder_meant(turn->service);
        cause_describe(turn);
        turn_effect(turn, EFFECT_INCIDENT)->incident = *incident_of(turn);
        ladder_back(turn, before);
        ladder_plan_delay(turn);
}

static bool looks_different(const struct turn *turn) {
        const struct service_state *service = turn->service;
        const struct incident *incident = incident_of(turn);
        int seen = service->has_evidence ? (int) service->file->evidence.cause : CAUSE_NONE;
        return seen != incident->symptom || (int) cause_now(turn) != incident->cause;
}

/* Much may have happened while it settled: to itself, to its dependencies and to its files. */
void describe_settled(struct turn *turn) {
        uint32_t before = ladder_meant(turn->service);
        if (looks_different(turn)) {
                cause_describe(turn);
                turn_effect(turn, EFFECT_INCIDENT)->incident = *incident_of(turn);
                ladder_reconsider(turn, before);
        }
        cause_ask_files(turn);
}

void cause_review(struct turn *turn) {
        if ((int) cause_now(turn) != incident_of(turn)->cause) {
                cause_describe(turn);
                turn_effect(turn, EFFECT_INCIDENT)->incident = *incident_of(turn);
        }
}

/* ---- Its files ---- */

void cause_ask_files(struct turn *turn) {
        struct service_state *service = turn->service;
        if (service->policy->rollback) {
                service->files.state = FILES_UNKNOWN;
                service->files.awaited_until = usec_add(turn->now.mono, FILES_PATIENCE);
                turn_effect(turn, EFFECT_FILES);
        }
}

void cause_take_files(struct turn *turn) {
        struct service_state *service = turn->service;
        const struct files_report *report = &turn->input->files;
        turn->meant = ladder_meant(service);
        service->files.state = report->state;
        service->files.changed = usec_sub(turn->now.wall, report->age);
        service->files.change = report->change;
        service->files.awaited_until = 0;
        str_copy(service->file->files_text, sizeof(service->file->files_text), report->text);
}

bool if_files_are_awaited(const struct turn *turn) {
        const struct service_state *service = turn->service;
        return !service->first_start && service->files.awaited_until > turn->now.mono &&
               ladder_heeds_files(service);
}

bool if_files_matter(const struct turn *turn) {
        return incident_of(turn)->id != 0 &&
               (ladder_meant(turn->service) != turn->meant ||
                       (int) cause_now(turn) != incident_of(turn)->cause);
}

void wait_for_files(struct turn *turn) {
        turn->service->phase_deadline = turn->service->files.awaited_until;
}

void go_without_files(struct turn *turn) {
        turn->service->files.awaited_until = 0;
}

void heed_files(struct turn *turn) {
        const struct incident *incident = incident_of(turn);
        int before = incident->cause;
        if (!if_files_matter(turn)) {
                return;
        }
        cause_describe(turn);
        turn_effect(turn, EFFECT_INCIDENT)->incident = *incident;
        if (incident->cause != before && incident->cause == CAUSE_CHANGED) {
                turn_event(turn, EVENT_INCIDENT_CHANGED, LOG_WARNING,
                        "it was changed shortly before it failed: %s", incident->text);
        }
        ladder_reconsider(turn, turn->meant);
}
