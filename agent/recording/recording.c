#include "recording/recording.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/fields.h"

const struct enum_text frame_kind_texts[] = {
        {FRAME_BEGIN, "begin", "how it began"},
        {FRAME_CONFIG, "config", "recoverd.yaml"},
        {FRAME_POLICY, "policy", "a policy file"},
        {FRAME_IMAGE, "image", "what the core remembered"},
        {FRAME_INPUT, "input", "an input and what was decided"},
        {FRAME_END, "end", "why it ended"},
        {FRAME_RELOAD, "reload", "the policy files before it came into force"},
        {0, NULL, NULL},
};

static const struct enum_text input_texts[] = {
        {INPUT_OBSERVATION, "observation", NULL},
        {INPUT_TIMER, "timer", NULL},
        {INPUT_DEPENDENCY, "dependency", NULL},
        {INPUT_PROCESS, "process", NULL},
        {INPUT_SAVED, "saved", NULL},
        {INPUT_OUTCOME, "outcome", NULL},
        {INPUT_COMMAND, "command", NULL},
        {INPUT_EXECUTOR, "executor", NULL},
        {INPUT_STORE, "store", NULL},
        {INPUT_GUARDS, "guards", NULL},
        {INPUT_HOLD, "hold", NULL},
        {INPUT_DEPLOY, "deploy", NULL},
        {INPUT_HOST, "host", NULL},
        {INPUT_FILES, "files", NULL},
        {INPUT_PERMIT, "permit", NULL},
        {INPUT_DUTY, "duty", NULL},
        {0, NULL, NULL},
};

static const struct field begin_fields[] = {
        FIELD(struct recording_begin, format, FIELD_U32),
        FIELD_OF_TEXT(struct recording_begin, version),
        FIELD_OF_TEXT(struct recording_begin, digest),
        FIELD(struct recording_begin, at.mono, FIELD_U64),
        FIELD(struct recording_begin, at.wall, FIELD_U64),
        {0},
};

static const struct field input_fields[] = {
        FIELD_OF_WORDS(struct recorded, "kind", kind, input_texts),
        FIELD(struct recorded, number, FIELD_U64),
        FIELD(struct recorded, now.mono, FIELD_U64),
        FIELD(struct recorded, now.wall, FIELD_U64),
        FIELD_OF_TEXT(struct recorded, service),
        FIELD_OF_TEXT(struct recorded, probe),
        FIELD_OF_WORDS(struct recorded, "outcome", outcome, outcome_texts),
        FIELD_OF_WORDS(struct recorded, "cause", cause, cause_texts),
        FIELD_OF_WORDS(struct recorded, "command", command, command_kind_texts),
        FIELD(struct recorded, certain, FIELD_BOOL),
        FIELD(struct recorded, has_value, FIELD_BOOL),
        FIELD(struct recorded, running, FIELD_BOOL),
        FIELD(struct recorded, expected, FIELD_BOOL),
        FIELD(struct recorded, by_person, FIELD_BOOL),
        FIELD(struct recorded, busy, FIELD_BOOL),
        FIELD(struct recorded, ok, FIELD_BOOL),
        FIELD(struct recorded, refused, FIELD_BOOL),
        FIELD(struct recorded, retry, FIELD_BOOL),
        FIELD(struct recorded, lost, FIELD_BOOL),
        FIELD(struct recorded, up, FIELD_BOOL),
        FIELD(struct recorded, value, FIELD_DOUBLE),
        FIELD(struct recorded, at.mono, FIELD_U64),
        FIELD(struct recorded, at.wall, FIELD_U64),
        FIELD(struct recorded, duration, FIELD_U64),
        FIELD(struct recorded, age, FIELD_U64),
        FIELD(struct recorded, pid, FIELD_INT),
        FIELD(struct recorded, token, FIELD_U64),
        FIELD_OF_WORDS(struct recorded, "source", source, hold_source_texts),
        FIELD(struct recorded, on, FIELD_BOOL),
        FIELD(struct recorded, people_too, FIELD_BOOL),
        FIELD(struct recorded, since, FIELD_U64),
        FIELD(struct recorded, until, FIELD_U64),
        FIELD(struct recorded, host.stalled, FIELD_U64),
        FIELD(struct recorded, host.stalled_until, FIELD_U64),
        FIELD(struct recorded, host.late, FIELD_U64),
        FIELD(struct recorded, host.clock_jump, FIELD_U64), /* two's complement */
        FIELD(struct recorded, host.pressure_known, FIELD_BOOL),
        FIELD(struct recorded, host.memory_known, FIELD_BOOL),
        FIELD(struct recorded, host.cpu_percent, FIELD_DOUBLE),
        FIELD(struct recorded, host.memory_percent, FIELD_DOUBLE),
        FIELD(struct recorded, host.available_percent, FIELD_DOUBLE),
        FIELD_OF_WORDS(struct recorded, "files", files, files_state_texts),
        FIELD_OF_WORDS(struct recorded, "permit", permit, permit_texts),
        FIELD(struct recorded, change, FIELD_U64),
        FIELD(struct recorded, status, FIELD_INT),
        FIELD_OF_TEXT(struct recorded, text),
        FIELD_OF_TEXT(struct recorded, by),
        FIELD_OF_TEXT(struct recorded, reason),
        FIELD_OF_TEXT(struct recorded, rows),
        FIELD(struct recorded, effects, FIELD_U64),
        {0},
};

enum { FRAME_TEXT_MAX = 4096 };

/* ---- What was decided ---- */

static uint64_t add(uint64_t hash, uint64_t number) {
        for (int i = 0; i < 8; i++, number >>= 8) { /* FNV-1a */
                hash = (hash ^ (number & 0xff)) * UINT64_C(0x100000001b3);
        }
        return hash;
}

static uint64_t add_attempt(uint64_t hash, const struct effect *effect) {
        const struct attempt *attempt = &effect->attempt.attempt;
        hash = add(add(add(hash, effect->attempt.token), attempt->incident), attempt->number);
        hash = add(add(hash, (uint64_t) (int64_t) attempt->step), (uint64_t) attempt->action);
        hash = add(add(hash, (uint64_t) attempt->origin), (uint64_t) attempt->result);
        return add(hash, attempt->delay);
}

/* Everything but texts, which may be scrubbed, and what follows from the rest. */
static uint64_t add_effect(uint64_t hash, const struct effect *effect) {
        hash = add(add(hash, effect->kind), effect->service);
        switch (effect->kind) {
        case EFFECT_EVENT:
                hash = add(add(hash, (uint64_t) effect->event.kind), effect->event.rule);
                hash = add(add(hash, (uint64_t) effect->event.phase), effect->event.incident);
                return add(hash, (uint64_t) effect->event.health);
        case EFFECT_SAVE:
        case EFFECT_ATTEMPT:
        case EFFECT_ACT:
                return add_attempt(hash, effect);
        case EFFECT_TIMER:
                return add(hash, effect->at);
        case EFFECT_REPLY:
                return add(hash, effect->reply.ok);
        case EFFECT_MEASURED:
                return add(add(hash, effect->measured.what), effect->measured.duration);
        case EFFECT_INCIDENT:
        case EFFECT_RECORD:
        case EFFECT_PROBE:
        case EFFECT_PACE:
        case EFFECT_TRIALS:
        case EFFECT_GUARDS:
        case EFFECT_FILES:
        case EFFECT_FAILOVER:
        case EFFECT_DEPENDENTS:
                return hash;
        }
        return hash;
}

void recording_decided(
        const struct decided *decided, char rows[RECORDING_ROWS_MAX], uint64_t *ret_effects) {
        const uint32_t *trail;
        size_t n = recovery_trail(decided->recovery, &trail), used = 0;
        rows[0] = '\0';
        for (size_t i = 0; i < n && used < RECORDING_ROWS_MAX; i++) {
                used += (size_t) snprintf(
                        rows + used, RECORDING_ROWS_MAX - used, "%s%u", i ? " " : "", trail[i]);
        }
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < decided->effects->count; i++) {
                hash = add_effect(hash, &decided->effects->items[i]);
        }
        *ret_effects = decided->effects->count > 0 ? hash : 0;
}

/* ---- Writing ---- */

void recording_frame(struct strbuf *out, enum frame_kind kind, const char *bytes, size_t length) {
        strbuf_addf(out, "%s %zu\n", frame_kind_text(kind), length);
        strbuf_add_bytes(out, bytes, length);
        strbuf_add_char(out, '\n');
}

static void write_begin(
        struct strbuf *out, enum frame_kind kind, const struct recording_begin *begin) {
        char text[FRAME_TEXT_MAX];
        ssize_t length = fields_write(begin_fields, begin, text, sizeof(text));
        out->failed |= length < 0;
        recording_frame(out, kind, text, length < 0 ? 0 : (size_t) length);
}

void recording_write_begin(struct strbuf *out, const struct recording_begin *begin) {
        write_begin(out, FRAME_BEGIN, begin);
}

void recording_write_reload(struct strbuf *out, const struct recording_begin *begin) {
        write_begin(out, FRAME_RELOAD, begin);
}

void recording_write_file(struct strbuf *out, bool config, const char *name, const char *text) {
        AUTO_STRBUF struct strbuf body = {0};
        strbuf_addf(&body, "%s\n%s", name, text);
        if (!strbuf_text(&body)) {
                out->failed = true;
                return;
        }
        recording_scrub(strchr(body.data, '\n'));
        recording_frame(out, config ? FRAME_CONFIG : FRAME_POLICY, body.data, body.length);
}

static void flatten_observation(const struct service *service, const struct input *input,
        struct instant now, struct recorded *ret) {
        const struct observation *observation = input->observation;
        assert(service);
        str_copy(ret->probe, sizeof(ret->probe), service->probes[observation->probe].name);
        ret->outcome = (int) observation->outcome;
        ret->cause = (int) observation->cause;
        ret->status = observation->status;
        ret->certain = observation->certain;
        ret->has_value = observation->has_value;
        ret->value = observation->value;
        ret->duration = observation->duration;
        if (observation->at.mono != now.mono || observation->at.wall != now.wall) {
                ret->at = observation->at;
        }
        str_copy(ret->text, sizeof(ret->text), observation->detail);
}

static void flatten_process(const struct input *input, struct recorded *ret) {
        ret->running = input->process.running;
        ret->expected = input->process.expected;
        ret->by_person = input->process.by_person;
        ret->busy = input->process.busy;
        ret->pid = input->process.pid;
        ret->age = input->process.age;
        ret->cause = (int) input->process.end;
        ret->status = input->process.status;
        str_copy(ret->text, sizeof(ret->text), input->process.text);
}

static void flatten_outcome(const struct input *input, struct recorded *ret) {
        ret->token = input->outcome.token;
        ret->ok = input->outcome.ok;
        ret->refused = input->outcome.refused;
        ret->retry = input->outcome.retry;
        ret->lost = input->outcome.lost;
        str_copy(ret->text, sizeof(ret->text), input->outcome.text);
}

static void flatten_command(const struct input *input, struct recorded *ret) {
        ret->command = (int) input->command.kind;
        ret->duration = input->command.duration;
        str_copy(ret->by, sizeof(ret->by), input->command.by);
        str_copy(ret->reason, sizeof(ret->reason), input->command.reason);
}

static void flatten_hold(const struct input *input, struct recorded *ret) {
        const struct hold *hold = &input->hold.hold;
        ret->source = (int) input->hold.source;
        ret->on = hold->on;
        ret->people_too = hold->people_too;
        ret->since = hold->since;
        ret->until = hold->until;
        str_copy(ret->by, sizeof(ret->by), hold->by);
        str_copy(ret->reason, sizeof(ret->reason), hold->reason);
}

static void flatten_files(const struct input *input, struct recorded *ret) {
        ret->files = (int) input->files.state;
        ret->age = input->files.age;
        ret->change = input->files.change;
        str_copy(ret->text, sizeof(ret->text), input->files.text);
}

static void flatten_permit(const struct input *input, struct recorded *ret) {
        ret->permit = (int) input->permit.kind;
        ret->until = input->permit.until;
        str_copy(ret->text, sizeof(ret->text), input->permit.text);
}

/* Of no service. */
static bool is_of_host(enum input_kind kind) {
        return kind == INPUT_EXECUTOR || kind == INPUT_STORE || kind == INPUT_HOLD ||
               kind == INPUT_HOST;
}

static void flatten(const struct policy *policy, const struct input *input, struct instant now,
        struct recorded *ret) {
        const struct service *service =
                input->service < policy->n_services ? &policy->services[input->service] : NULL;
        if (service && !is_of_host(input->kind)) {
                str_copy(ret->service, sizeof(ret->service), service->name);
        }
        switch (input->kind) {
        case INPUT_OBSERVATION:
                flatten_observation(service, input, now, ret);
                return;
        case INPUT_PROCESS:
                flatten_process(input, ret);
                return;
        case INPUT_SAVED:
                ret->token = input->saved.token;
                ret->ok = input->saved.ok;
                return;
        case INPUT_OUTCOME:
                flatten_outcome(input, ret);
                return;
        case INPUT_COMMAND:
                flatten_command(input, ret);
                return;
        case INPUT_HOLD:
                flatten_hold(input, ret);
                return;
        case INPUT_HOST:
                ret->host = input->host;
                return;
        case INPUT_FILES:
                flatten_files(input, ret);
                return;
        case INPUT_PERMIT:
                flatten_permit(input, ret);
                return;
        case INPUT_EXECUTOR:
        case INPUT_STORE:
        case INPUT_DEPLOY:
        case INPUT_DUTY:
                ret->up = input->up;
                return;
        case INPUT_TIMER:
        case INPUT_DEPENDENCY:
        case INPUT_GUARDS:
                return;
        }
}

void recording_write_input(struct strbuf *out, uint64_t number, const struct policy *policy,
        const struct input *input, struct instant now, const struct decided *decided) {
        struct recorded recorded = {.kind = (int) input->kind, .number = number, .now = now};
        char text[FRAME_TEXT_MAX];
        flatten(policy, input, now, &recorded);
        recording_scrub(recorded.text);
        recording_scrub(recorded.reason);
        recording_decided(decided, recorded.rows, &recorded.effects);
        ssize_t length = fields_write(input_fields, &recorded, text, sizeof(text));
        out->failed |= length < 0;
        recording_frame(out, FRAME_INPUT, text, length < 0 ? 0 : (size_t) length);
}

/* ---- Reading ---- */

static int broken(struct error *err, size_t at, const char *what) {
        return error_set(err, EBADMSG, "byte %zu: %s", at, what);
}

int recording_next(struct recording_reader *reader, struct frame *ret, struct error *err) {
        char *line = reader->text + reader->at;
        size_t left = reader->length - reader->at;
        if (left == 0) {
                return 0;
        }
        char *end = memchr(line, '\n', left), *number = memchr(line, ' ', left);
        if (!end || !number || number > end) {
                return broken(err, reader->at, "expected a frame, as in 'input 123'");
        }
        *number++ = *end = '\0';
        char *behind;
        unsigned long long length = strtoull(number, &behind, 10);
        int kind = frame_kind_parse(line);
        if (kind < 0 || !isdigit((unsigned char) *number) || *behind) {
                return broken(err, reader->at, "expected a frame, as in 'input 123'");
        }
        size_t room = left - (size_t) (end + 1 - line);
        if (length >= room || end[1 + length] != '\n') {
                return broken(err, reader->at, "the frame is cut");
        }
        end[1 + length] = '\0';
        *ret = (struct frame){(enum frame_kind) kind, end + 1, length};
        reader->at += (size_t) (end + 1 - line) + length + 1;
        return 1;
}

int recording_read_begin(struct frame *frame, struct recording_begin *ret, struct error *err) {
        *ret = (struct recording_begin){0};
        int r = fields_read(begin_fields, frame->bytes, ret, err);
        if (r == 0 && ret->format != RECORDING_FORMAT) {
                return error_set(err, EBADMSG, "of format %u, this program reads format %d",
                        ret->format, RECORDING_FORMAT);
        }
        return r;
}

void recording_read_file(struct frame *frame, const char **ret_name, const char **ret_text) {
        char *end = strchr(frame->bytes, '\n');
        *ret_name = frame->bytes;
        *ret_text = end ? end + 1 : "";
        if (end) {
                *end = '\0';
        }
}

int recording_read_input(struct frame *frame, struct recorded *ret, struct error *err) {
        *ret = (struct recorded){0};
        return fields_read(input_fields, frame->bytes, ret, err);
}

static int unflatten_observation(const struct recorded *recorded, const struct service *service,
        struct input *ret, struct observation *observation) {
        assert(service);
        const struct probe_spec *probe = policy_probe(service, recorded->probe);
        if (!probe) {
                return -ENOENT;
        }
        *observation = (struct observation){
                .service = service->index,
                .probe = (uint32_t) (probe - service->probes),
                .outcome = (enum outcome) recorded->outcome,
                .cause = (enum cause) recorded->cause,
                .status = recorded->status,
                .certain = recorded->certain,
                .has_value = recorded->has_value,
                .value = recorded->value,
                .at = recorded->at.mono ? recorded->at : recorded->now,
                .duration = recorded->duration,
        };
        str_copy(observation->detail, sizeof(observation->detail), recorded->text);
        ret->observation = observation;
        return 0;
}

static void unflatten_process(const struct recorded *recorded, struct input *ret) {
        ret->process.running = recorded->running;
        ret->process.expected = recorded->expected;
        ret->process.by_person = recorded->by_person;
        ret->process.busy = recorded->busy;
        ret->process.pid = recorded->pid;
        ret->process.age = recorded->age;
        ret->process.end = (enum cause) recorded->cause;
        ret->process.status = recorded->status;
        str_copy(ret->process.text, sizeof(ret->process.text), recorded->text);
}

static void unflatten_outcome(const struct recorded *recorded, struct input *ret) {
        ret->outcome.token = recorded->token;
        ret->outcome.ok = recorded->ok;
        ret->outcome.refused = recorded->refused;
        ret->outcome.retry = recorded->retry;
        ret->outcome.lost = recorded->lost;
        str_copy(ret->outcome.text, sizeof(ret->outcome.text), recorded->text);
}

static void unflatten_command(const struct recorded *recorded, struct input *ret) {
        ret->command.kind = (enum command_kind) recorded->command;
        ret->command.duration = recorded->duration;
        str_copy(ret->command.by, sizeof(ret->command.by), recorded->by);
        str_copy(ret->command.reason, sizeof(ret->command.reason), recorded->reason);
}

static void unflatten_hold(const struct recorded *recorded, struct input *ret) {
        struct hold *hold = &ret->hold.hold;
        ret->hold.source = (enum hold_source) recorded->source;
        hold->on = recorded->on;
        hold->people_too = recorded->people_too;
        hold->since = recorded->since;
        hold->until = recorded->until;
        str_copy(hold->by, sizeof(hold->by), recorded->by);
        str_copy(hold->reason, sizeof(hold->reason), recorded->reason);
}

static void unflatten_permit(const struct recorded *recorded, struct input *ret) {
        ret->permit.kind = (enum permit) recorded->permit;
        ret->permit.until = recorded->until;
        str_copy(ret->permit.text, sizeof(ret->permit.text), recorded->text);
}

static void unflatten_files(const struct recorded *recorded, struct input *ret) {
        ret->files.state = (enum files_state) recorded->files;
        ret->files.age = recorded->age;
        ret->files.change = recorded->change;
        str_copy(ret->files.text, sizeof(ret->files.text), recorded->text);
}

int recording_input(const struct recorded *recorded, const struct policy *policy, struct input *ret,
        struct observation *observation) {
        const struct service *service = policy_service(policy, recorded->service);
        *ret = (struct input){.kind = (enum input_kind) recorded->kind,
                .service = service ? service->index : UINT32_MAX};
        if (!service && !is_of_host(ret->kind)) {
                return -ENOENT;
        }
        switch (ret->kind) {
        case INPUT_OBSERVATION:
                return unflatten_observation(recorded, service, ret, observation);
        case INPUT_PROCESS:
                unflatten_process(recorded, ret);
                return 0;
        case INPUT_SAVED:
                ret->saved.token = recorded->token;
                ret->saved.ok = recorded->ok;
                return 0;
        case INPUT_OUTCOME:
                unflatten_outcome(recorded, ret);
                return 0;
        case INPUT_COMMAND:
                unflatten_command(recorded, ret);
                return recorded->command ? 0 : -ENOENT;
        case INPUT_HOLD:
                unflatten_hold(recorded, ret);
                return 0;
        case INPUT_HOST:
                ret->host = recorded->host;
                return 0;
        case INPUT_FILES:
                unflatten_files(recorded, ret);
                return 0;
        case INPUT_PERMIT:
                unflatten_permit(recorded, ret);
                return 0;
        case INPUT_EXECUTOR:
        case INPUT_STORE:
        case INPUT_DEPLOY:
        case INPUT_DUTY:
                ret->up = recorded->up;
                return 0;
        case INPUT_TIMER:
        case INPUT_DEPENDENCY:
        case INPUT_GUARDS:
                return 0;
        }
        return -ENOENT;
}
