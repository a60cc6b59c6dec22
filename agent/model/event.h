#pragma once
/* A transition, as it is logged, stored and sent on. */

#include <stdint.h>

#include "base/clock.h"
#include "model/enum_text.h"
#include "model/incident.h"

enum event_kind {
        EVENT_HEALTH = 1, /* unknown, healthy, suspect, failed */
        EVENT_INCIDENT_OPENED,
        EVENT_PHASE, /* a numbered rule moved the state machine */
        EVENT_ATTEMPT_INTENDED,
        EVENT_ATTEMPT_STARTED,
        EVENT_ATTEMPT_ENDED,
        EVENT_NOTIFY, /* a notify step */
        EVENT_EXHAUSTED,
        EVENT_INCIDENT_CLOSED,
        EVENT_COMMAND, /* a person's: pause, resume, ack, restart, stop, start */
        EVENT_AGENT, /* about the agent itself: start, stop, reload, store, executor, stall */
        EVENT_INCIDENT_CHANGED, /* from readiness to liveness, or back */
        EVENT_WARNING, /* a warning probe failed, or is well again */
        EVENT_FLAPPING, /* a service began or ceased to flap */
        EVENT_REMINDER, /* a service is still given up */
        EVENT_DEPLOY, /* the deploy lock of a service came, went, or was there for too long */
        EVENT_SUSPICION, /* the agent began, or ceased, to suspect itself */
        EVENT_PASSED_OVER, /* a step of the ladder that has shown to be useless */
        EVENT_GROUP, /* a member of a group became, or ceased to be, the active one, or tries to */
};
DECLARE_ENUM_TEXT(event_kind)

/* MESSAGE_ID of the journal for a kind: 32 hexadecimal digits. */
const char *event_message_id(enum event_kind kind);

enum { EVENT_TEXT_MAX = 320 };

struct event {
        uint64_t id; /* given by the store; 0 before */
        wall_usec_t at;
        int kind; /* enum event_kind */
        int level; /* syslog level */
        char service[POLICY_NAME_MAX + 1]; /* "": about the agent */
        uint64_t incident; /* 0: none */
        uint32_t rule; /* 0: none */
        int phase; /* after the event; enum phase */
        int health; /* after the event; enum health */
        char text[EVENT_TEXT_MAX];
};
