/* The ping probe: echo requests to a host, and how many of them are answered how soon. */

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "probes/address.h"
#include "probes/ping_echo.h"
#include "probes/types.h"

enum { PING_COUNT_MAX = 20, PING_RECEIVED_A_TURN = 64 };

/* Requests are sent this far apart, and all of them within half of the timeout. */
#define SPACING_MAX (200 * USEC_PER_MSEC)

enum ping_family { FAMILY_ANY = 0, FAMILY_IPV4, FAMILY_IPV6 };

struct ping_params {
        const char *address, *source;
        int family; /* enum ping_family */
        uint32_t count;
        double max_loss; /* percent */
        usec_t max_latency; /* 0: no limit */
        uint64_t size;
};

enum ping_step { STEP_RESOLVE, STEP_ECHO };

struct echo {
        usec_t sent;
        usec_t took; /* when answered */
        bool answered, refused;
};

struct ping_run {
        enum ping_step step;
        struct resolver_query query;
        union address to;
        int fd; /* -1: none */
        struct loop_watch watch;
        struct loop_timer next; /* request */
        struct loop_timer last_moment;
        uint8_t nonce[PING_NONCE_SIZE];
        uint8_t *packet; /* owned: a request, and a byte more for what is too long */
        uint32_t sent, answered, refused;
        int error; /* positive errno of the last request that could not be sent or was refused */
        struct echo echoes[PING_COUNT_MAX];
};

/* ---- options ---- */

static const struct enum_text family_texts[] = {
        {FAMILY_ANY, "any", "Whatever address of the name comes first."},
        {FAMILY_IPV4, "ipv4", "IPv4 only."},
        {FAMILY_IPV6, "ipv6", "IPv6 only."},
        {0},
};

static void check_ping(const void *object, struct schema_report *report) {
        const struct ping_params *params = object;
        union address source;
        if (params->address && (!*params->address || strpbrk(params->address, " /[]"))) {
                schema_complain(report, "address",
                        "expected a host name or an address such as 192.0.2.1 or 2001:db8::1");
        }
        if (params->source && !address_parse(params->source, 0, &source)) {
                schema_complain(report, "source", "expected an address of this host");
        }
}

#define AT(member) offsetof(struct ping_params, member)

static const struct schema_field ping_fields[] = {
        {"address", SCHEMA_STRING, AT(address), .required = true, .example = "192.0.2.1",
                .help = "The host, by name or address."},
        {"family", SCHEMA_ENUM, AT(family), .words = family_texts, .standard = "any",
                .example = "ipv4", .help = "Which addresses of a name are used."},
        {"source", SCHEMA_STRING, AT(source), .example = "192.0.2.7",
                .help = "Address of this host to send from."},
        {"count", SCHEMA_UINT, AT(count), .standard = "3", .least = "1", .most = "20",
                .example = "5",
                .help = "How many requests a run sends, 200ms apart or within half of the timeout."},
        {"max_loss", SCHEMA_PERCENT, AT(max_loss), .standard = "50%", .most = "99%",
                .example = "20%", .help = "Fails when more of the requests stay unanswered."},
        {"max_latency", SCHEMA_DURATION, AT(max_latency), .least = "1ms", .example = "100ms",
                .help = "Fails as slow when the replies took longer on average."},
        {"size", SCHEMA_SIZE, AT(size), .standard = "56B", .least = "8B", .most = "65499B",
                .example = "1400B", .help = "Bytes of data in a request, without headers."},
        {NULL},
};

const struct schema ping_schema = {
        .name = "ping probe",
        .help = "Sends ICMP echo requests to a host. Needs no privilege but a group in "
                "net.ipv4.ping_group_range.",
        .size = sizeof(struct ping_params),
        .fields = ping_fields,
        .shorthand = "address",
        .check = check_ping,
};

/* ---- the end of a run ---- */

static void clear_room(struct ping_run *room) {
        resolver_cancel(&room->query);
        loop_timer_done(&room->next);
        loop_timer_done(&room->last_moment);
        loop_watch_remove(&room->watch);
        if (room->fd >= 0) {
                close(TAKE_FD(room->fd));
        }
        free(TAKE_PTR(room->packet));
}

static void finish(struct probe_run *run, const struct probe_result *result) {
        clear_room(run->room);
        probe_run_finish(run, result);
}

static void finish_unknown(struct probe_run *run, const char *what, int code) {
        const struct ping_params *params = run->spec->params;
        struct probe_result result = {0};
        if (code == EACCES) {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "this user may not send pings: no group of it is in "
                        "net.ipv4.ping_group_range (sysctl)");
        } else {
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%s %.80s: %s", what,
                        params->address, strerrordesc_np(code));
        }
        finish(run, &result);
}

static usec_t average(const struct ping_run *room) {
        usec_t sum = 0;
        for (uint32_t i = 0; i < room->sent; i++) {
                sum += room->echoes[i].answered ? room->echoes[i].took : 0;
        }
        return sum / room->answered;
}

static void conclude_silence(const struct probe_run *run, struct probe_result *result) {
        const struct ping_params *params = run->spec->params;
        const struct ping_run *room = run->room;
        char timeout[UNITS_TEXT_MAX];
        if (room->refused == room->sent) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "%.80s: %s",
                        params->address, strerrordesc_np(room->error));
                return;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                "%.80s: none of %u requests answered within %s", params->address, room->sent,
                units_format_duration(run->timeout, timeout));
}

static void conclude_answers(const struct probe_run *run, struct probe_result *result) {
        const struct ping_params *params = run->spec->params;
        const struct ping_run *room = run->room;
        char text[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        double lost = 100.0 * (room->sent - room->answered) / room->sent;
        usec_t took = average(room);
        units_format_duration_short(took, text);
        result->has_value = true;
        result->value = (double) took / USEC_PER_SEC;
        if (lost > params->max_loss) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE,
                        "%u of %u requests answered, %.0f%% lost, at most %g%% allowed",
                        room->answered, room->sent, lost, params->max_loss);
        } else if (params->max_latency > 0 && took > params->max_latency) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_SLOW,
                        "answered in %s on average, at most %s allowed", text,
                        units_format_duration(params->max_latency, most));
        } else {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE,
                        "%u of %u requests answered, in %s on average", room->answered, room->sent,
                        text);
        }
}

static void judge(struct probe_run *run) {
        const struct ping_run *room = run->room;
        struct probe_result result = {0};
        if (room->answered == 0) {
                conclude_silence(run, &result);
        } else {
                conclude_answers(run, &result);
        }
        finish(run, &result);
}

static bool is_over(const struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        const struct ping_run *room = run->room;
        return room->sent == params->count && room->answered + room->refused == room->sent;
}

/* ---- echoes ---- */

static struct echo *open_echo(struct ping_run *room, int sequence) {
        struct echo *echo =
                sequence >= 0 && sequence < (int) room->sent ? &room->echoes[sequence] : NULL;
        return echo && !echo->answered && !echo->refused ? echo : NULL;
}

static void take_reply(struct ping_run *room, int sequence) {
        struct echo *echo = open_echo(room, sequence);
        if (echo) {
                echo->answered = true;
                echo->took = usec_sub(clock_now().mono, echo->sent);
                room->answered++;
        }
}

static void take_refusal(struct ping_run *room, int sequence, int code) {
        struct echo *echo = open_echo(room, sequence);
        if (echo) {
                echo->refused = true;
                room->refused++;
                room->error = code;
        }
}

/* A few a turn: nobody keeps the loop by answering without rest. */
static void receive(struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        bool v6 = room->to.any.sa_family == AF_INET6;
        size_t size = PING_HEADER_SIZE + params->size + 1;
        int code, sequence;
        for (int i = 0; i < PING_RECEIVED_A_TURN; i++) {
                if ((code = ping_echo_error(room->fd, v6, &sequence)) > 0) {
                        take_refusal(room, sequence, code);
                        continue;
                }
                ssize_t n = recv(room->fd, room->packet, size, MSG_DONTWAIT);
                if (n < 0 && errno == EAGAIN) {
                        return;
                }
                if (n >= 0) { /* an error that was waiting comes through the queue as well */
                        take_reply(room, ping_echo_parse(room->packet, (size_t) n, v6, params->size,
                                                 room->nonce));
                }
        }
}

static void on_ready(void *cookie, uint32_t events) {
        struct probe_run *run = cookie;
        (void) events;
        receive(run);
        if (is_over(run)) {
                judge(run);
        }
}

static bool is_own_fault(int code) {
        return code == ENOBUFS || code == ENOMEM || code == EPERM || code == EACCES ||
               code == EINVAL || code == EADDRNOTAVAIL;
}

/* A request that the kernel refuses at once (no route) is as good as an answer that says so. */
static int send_one(struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        bool v6 = room->to.any.sa_family == AF_INET6;
        uint32_t sequence = room->sent;
        ping_echo_request(room->packet, params->size, v6, (uint16_t) sequence, room->nonce);
        room->echoes[sequence].sent = clock_now().mono;
        ssize_t n = send(room->fd, room->packet, PING_HEADER_SIZE + params->size, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && is_own_fault(errno)) {
                return -errno;
        }
        room->sent++;
        if (n < 0) {
                take_refusal(room, (int) sequence, errno);
        }
        return 0;
}

static void on_next(void *cookie) {
        struct probe_run *run = cookie;
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        usec_t spacing = run->timeout / (2 * params->count);
        int r = send_one(run);
        if (r < 0) {
                finish_unknown(run, "sending to", -r);
        } else if (is_over(run)) {
                judge(run);
        } else if (room->sent < params->count) {
                loop_timer_set_after(&room->next, spacing < SPACING_MAX ? spacing : SPACING_MAX);
        }
}

static void on_last_moment(void *cookie) {
        struct probe_run *run = cookie;
        const struct ping_params *params = run->spec->params;
        const struct ping_run *room = run->room;
        if (room->step == STEP_RESOLVE) {
                struct probe_result result = {0};
                probe_conclude_name(&result, params->address, 0);
                finish(run, &result);
        } else {
                judge(run);
        }
}

/* A host without a way to it (no route, no network) does not answer: that is a failure of the
 * target, as for the other network probes. */
static void conclude_no_way(struct probe_run *run, int code) {
        const struct ping_params *params = run->spec->params;
        struct probe_result result = {0};
        probe_conclude(&result, OUTCOME_FAIL, CAUSE_UNRESPONSIVE, "%.80s: %s", params->address,
                strerrordesc_np(code));
        finish(run, &result);
}

static int prepare(struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        union address source;
        bool bound = params->source && address_parse(params->source, 0, &source);
        if (getrandom(room->nonce, sizeof(room->nonce), 0) != sizeof(room->nonce)) {
                return -EIO;
        }
        room->packet = malloc(PING_HEADER_SIZE + params->size + 1);
        if (!room->packet) {
                return -ENOMEM;
        }
        room->fd = ping_echo_open(&room->to, bound ? &source : NULL);
        return room->fd < 0 ? room->fd
                            : loop_watch_add(&room->watch, run->host->loop, room->fd, EPOLLIN,
                                      on_ready, run);
}

static void begin_echoes(struct probe_run *run) {
        struct ping_run *room = run->room;
        room->step = STEP_ECHO;
        int r = prepare(run);
        if (r == -ENETUNREACH || r == -EHOSTUNREACH) {
                conclude_no_way(run, -r);
        } else if (r < 0) {
                finish_unknown(run, "no ping to", -r);
        } else {
                on_next(run);
        }
}

/* ---- names ---- */

static bool fits_family(const struct ping_params *params, const union address *address) {
        int family = address->any.sa_family;
        return params->family == FAMILY_ANY ||
               family == (params->family == FAMILY_IPV6 ? AF_INET6 : AF_INET);
}

static void use_answer(struct probe_run *run, const struct resolver_answer *answer) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        for (size_t i = 0; i < answer->count; i++) {
                if (address_parse(answer->addresses[i], 0, &room->to) &&
                        fits_family(params, &room->to)) {
                        begin_echoes(run);
                        return;
                }
        }
        struct probe_result result = {0};
        probe_conclude_name(&result, params->address, answer->code ? answer->code : EAI_NODATA);
        finish(run, &result);
}

static void on_answer(void *cookie, const struct resolver_answer *answer) {
        use_answer(cookie, answer);
}

static void look_up(struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        const struct resolver_answer *answer;
        struct error err = {0};
        room->query.done = on_answer;
        room->query.cookie = run;
        int r = resolver_ask(run->host->resolver, params->address, &room->query, &answer, &err);
        if (r == 1) {
                use_answer(run, answer);
        } else if (r < 0) {
                struct probe_result result = {0};
                probe_conclude(&result, OUTCOME_UNKNOWN, CAUSE_NONE, "%.80s not looked up: %s",
                        params->address, err.text);
                finish(run, &result);
        }
}

/* ---- a run ---- */

static void ping_start(struct probe_run *run) {
        const struct ping_params *params = run->spec->params;
        struct ping_run *room = run->room;
        room->fd = -1;
        list_init(&room->query.node);
        if (loop_timer_init(&room->next, run->host->loop, on_next, run) < 0 ||
                loop_timer_init(&room->last_moment, run->host->loop, on_last_moment, run) < 0) {
                finish_unknown(run, "no ping to", ENOMEM);
                return;
        }
        loop_timer_set(&room->last_moment, probe_run_last_moment(run));
        if (address_parse(params->address, 0, &room->to)) {
                begin_echoes(run);
        } else {
                look_up(run);
        }
}

static void ping_stop(struct probe_run *run, char detail[OBSERVATION_DETAIL_MAX]) {
        const struct ping_run *room = run->room;
        char limit[UNITS_TEXT_MAX];
        units_format_duration(run->timeout, limit);
        if (room->step == STEP_RESOLVE) {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "name not resolved within %s", limit);
        } else {
                snprintf(detail, OBSERVATION_DETAIL_MAX, "%u of %u requests answered within %s",
                        room->answered, room->sent, limit);
        }
        clear_room(run->room);
}

static uint32_t ping_causes(const void *object) {
        const struct ping_params *params = object;
        return CAUSE_BIT(CAUSE_UNRESPONSIVE) |
               (params->max_latency > 0 ? CAUSE_BIT(CAUSE_SLOW) : 0);
}

static void ping_review(const struct probe_review *review) {
        const struct ping_params *params = review->probe->params;
        probe_doubt_latency(review, "max_latency", params->max_latency);
}

const struct probe_type ping_probe = {
        .name = "ping",
        .help = "Sends ICMP echo requests to a host.",
        .value_unit = "seconds",
        .schema = &ping_schema,
        .traits = {.causes = CAUSE_BIT(CAUSE_UNRESPONSIVE) | CAUSE_BIT(CAUSE_SLOW),
                .causes_of = ping_causes,
                .names_target = true,
                .review = ping_review},
        .run_size = sizeof(struct ping_run),
        .start = ping_start,
        .stop = ping_stop,
};
