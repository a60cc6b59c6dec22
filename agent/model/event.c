#include "model/event.h"

#include "base/cleanup.h"

const struct enum_text event_kind_texts[] = {
        {EVENT_HEALTH, "health", "The health of a service changed."},
        {EVENT_INCIDENT_OPENED, "incident-opened", "A service failed."},
        {EVENT_PHASE, "phase", "A rule moved the incident state machine."},
        {EVENT_ATTEMPT_INTENDED, "attempt-intended", "An attempt was decided on and written down."},
        {EVENT_ATTEMPT_STARTED, "attempt-started", "The executor began an action."},
        {EVENT_ATTEMPT_ENDED, "attempt-ended", "An attempt was verified, or failed."},
        {EVENT_NOTIFY, "notify", "A notify step tells people."},
        {EVENT_EXHAUSTED, "exhausted", "A service was given up."},
        {EVENT_INCIDENT_CLOSED, "incident-closed", "An incident is over."},
        {EVENT_COMMAND, "command",
                "A person paused, resumed, acknowledged, restarted, stopped or started."},
        {EVENT_AGENT, "agent", "About the agent itself."},
        {EVENT_INCIDENT_CHANGED, "incident-changed",
                "An incident went from readiness to liveness, or back."},
        {EVENT_WARNING, "warning", "A warning probe failed, or is well again."},
        {EVENT_FLAPPING, "flapping", "A service began or ceased to flap."},
        {EVENT_REMINDER, "reminder", "A service is still given up."},
        {EVENT_DEPLOY, "deploy",
                "The deploy lock of a service came, went, or is there for too long."},
        {EVENT_SUSPICION, "suspicion", "The agent suspects itself, or trusts itself again."},
        {EVENT_PASSED_OVER, "passed-over", "A step that has shown to be useless was passed over."},
        {EVENT_GROUP, "group",
                "A member of a group became, or ceased to be, the active one, or tries to."},
        {0},
};

/* Random and fixed for ever: journalctl MESSAGE_ID=... and alerting rules depend on them. */
static const char *const message_ids[] = {
        [EVENT_HEALTH] = "e862997f9d76447f96fcb16a91c26770",
        [EVENT_INCIDENT_OPENED] = "1b589581b0b946199a23bd8e45a36087",
        [EVENT_PHASE] = "e98491e93d5943f39c76b024f7459d16",
        [EVENT_ATTEMPT_INTENDED] = "67d793ad33f24d058ec5df2126b42879",
        [EVENT_ATTEMPT_STARTED] = "2c0bb3e693a1401397793238045e4844",
        [EVENT_ATTEMPT_ENDED] = "4c877cfd57ba4baabdc8357d3976cb45",
        [EVENT_NOTIFY] = "27ef0a6f0f3f4ef58eaa57cd0de23cba",
        [EVENT_EXHAUSTED] = "a9988d8e6a8845fba8911d6d778bf425",
        [EVENT_INCIDENT_CLOSED] = "07645db9b28d42c784360f72405948b5",
        [EVENT_COMMAND] = "d3cfa74c4cd04341a19e889edd2d5f9b",
        [EVENT_AGENT] = "9c4a24eb696040c9842a938ee4a9adc1",
        [EVENT_INCIDENT_CHANGED] = "b2a02d135903407498518d5969ebee8c",
        [EVENT_WARNING] = "9df6cbd2c280453d949ae3455c936446",
        [EVENT_FLAPPING] = "73857778b9ebf9feea0816cd3629222e",
        [EVENT_REMINDER] = "cb2eba7f5970335e47e9ce3faaebaf9a",
        [EVENT_DEPLOY] = "17c54c6e1d9104b78fa0e21bbc55b797",
        [EVENT_SUSPICION] = "4d62a104473e43a9aadee2e0f603e8ec",
        [EVENT_PASSED_OVER] = "5b2f7a0c6c1d4f0e9a37d2b8e41f6c93",
        [EVENT_GROUP] = "c4b8a1f27d3e4b6f8a90e5d1723c6b4f",
};

const char *event_message_id(enum event_kind kind) {
        size_t index = (size_t) kind;
        return index < ELEMENTSOF(message_ids) ? message_ids[index] : NULL;
}
