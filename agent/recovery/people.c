/* What a row does with a person's word. */

#include <string.h>

#include "recovery/state.h"

void refuse_person(struct turn *turn) {
        struct guard_status status;
        if (turn->service->policy->manager == MANAGER_NONE) {
                turn_reply(turn, false,
                        "%s is only watched: its policy says no way to start or stop it",
                        turn->service->policy->name);
                return;
        }
        guards_first_for_person(
                turn->recovery, turn->service, turn->now.mono, turn->input->command.kind, &status);
        turn_reply(turn, false, "%s", status.text);
}

void refuse_busy(struct turn *turn) {
        turn_reply(turn, false, "%s of %s is under way; try again when it is over",
                action_text((enum action) turn->service->file->attempt.action),
                turn->service->policy->name);
}

void refuse_ack(struct turn *turn) {
        turn_reply(turn, false, "%s was not given up, there is nothing to acknowledge",
                turn->service->policy->name);
}

void reply_stopped(struct turn *turn) {
        turn_reply(turn, true, "%s is stopped already", turn->service->policy->name);
}

void acknowledge(struct turn *turn) {
        forget_backoff(turn);
        ladder_enter(turn);
        cause_ask_files(turn);
        turn_note(turn, "by %s", turn->input->command.by);
        turn_reply(turn, true, "%s is acknowledged: recovery begins again",
                turn->service->policy->name);
}

/* What its probes said is of a time that is over. */
static void forget_health(struct turn *turn) {
        struct service_state *service = turn->service;
        service->dead = false;
        service->health = HEALTH_UNKNOWN;
        service->health_since = turn->now.mono;
        service->healthy_since = 0;
        service->ignore_before = turn->now.mono;
        memset(service->probes, 0, service->policy->n_probes * sizeof(*service->probes));
}

void close_stopped(struct turn *turn) {
        struct service_state *service = turn->service;
        bool proven = turn->input->kind == INPUT_OUTCOME && turn->input->outcome.ok;
        attempt_end(turn, proven ? ATTEMPT_DONE : ATTEMPT_ACTION_FAILED,
                turn->input->kind == INPUT_OUTCOME ? turn->input->outcome.text
                                                   : "the executor did not answer");
        incident_close(turn, INCIDENT_STOPPED);
        service->stopped = true;
        forget_health(turn);
}

void leave_stopped(struct turn *turn) {
        if (turn->service->token) {
                attempt_end(turn, ATTEMPT_SUPERSEDED, "somebody stopped it");
        }
        incident_close(turn, INCIDENT_STOPPED);
        turn->service->stopped = true;
        turn->service->first_start = false;
        forget_health(turn);
}

void leave_to_group(struct turn *turn) {
        if (turn->service->token) {
                attempt_end(turn, ATTEMPT_SUPERSEDED, "its group has it stopped");
        }
        incident_close(turn, INCIDENT_HANDED_OVER);
        turn->service->stopped = false;
        turn->service->first_start = false;
        forget_health(turn);
}

void refuse_standby(struct turn *turn) {
        const struct service *service = turn->service->policy;
        turn_reply(turn, false,
                "%s is not the active member of its group; 'recoverctl failover %s' changes that",
                service->name, service->group ? service->group->name : "GROUP");
}

void look_after_again(struct turn *turn) {
        turn->service->stopped = false;
        forget_health(turn);
}

void forget_stop(struct turn *turn) {
        turn->service->stopped = false;
}
