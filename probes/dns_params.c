#include "probes/dns_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"

enum { DNS_PORT = 53, SERVER_TEXT_MAX = 80 };

const struct enum_text dns_transport_texts[] = {
        {DNS_TRANSPORT_UDP, "udp", "A datagram; what is truncated is asked for again over TCP."},
        {DNS_TRANSPORT_TCP, "tcp", "A connection from the beginning."},
        {0},
};

/* ---- what the loader asks ---- */

static bool parse_port(const char *text, uint16_t *ret) {
        size_t digits = strspn(text, "0123456789");
        unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 0;
        *ret = (uint16_t) port;
        return text[digits] == '\0' && port >= 1 && port <= 65535;
}

/* `text` is cut in two where a port begins. */
static bool parse_server(char *text, union address *ret) {
        uint16_t port = DNS_PORT;
        if (*text == '[') {
                char *bracket = strchr(text, ']');
                if (!bracket ||
                        (bracket[1] && (bracket[1] != ':' || !parse_port(bracket + 2, &port)))) {
                        return false;
                }
                *bracket = '\0';
                return address_parse(text + 1, port, ret) && ret->any.sa_family == AF_INET6;
        }
        char *colon = strchr(text, ':');
        if (colon && !strchr(colon + 1, ':')) { /* with several it is IPv6 */
                if (!parse_port(colon + 1, &port)) {
                        return false;
                }
                *colon = '\0';
        }
        return address_parse(text, port, ret);
}

int dns_parse_server(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        struct dns_server *server = to;
        char copy[SERVER_TEXT_MAX];
        (void) arena;
        if (server->given) {
                snprintf(why, SCHEMA_WHY_MAX, "expected one server");
                return -EINVAL;
        }
        if (!str_copy(copy, sizeof(copy), text) || !parse_server(copy, &server->address)) {
                snprintf(why, SCHEMA_WHY_MAX,
                        "expected a numeric address such as 127.0.0.1, 127.0.0.1:53 or [::1]:53");
                return -EINVAL;
        }
        server->given = true;
        return 0;
}

void dns_check_params(const void *object, struct schema_report *report) {
        const struct dns_params *params = object;
        if (dns_name_check(params->name) < 0) {
                schema_complain(report, "name",
                        "expected a name of at most 253 characters, in ASCII, with 1 to 63 between "
                        "two dots");
        }
        if (params->expect.count > DNS_VALUES_MAX) {
                schema_complain(report, "expect", "at most %d values", DNS_VALUES_MAX);
        }
        if (params->expect.count > 0 && params->rcode != DNS_NOERROR) {
                schema_complain(report, "expect", "with rcode %s there are no values to expect",
                        enum_text_format(dns_rcode_words, params->rcode));
        }
        if (params->exact && params->expect.count == 0) {
                schema_complain(report, "exact", "exact needs expect");
        }
}

/* ---- resolv.conf ---- */

static bool take_server(char *line, union address *ret) {
        static const char key[] = "nameserver";
        size_t length = strlen(key);
        if (strncmp(line, key, length) != 0 || !strchr(" \t", line[length]) || !line[length]) {
                return false;
        }
        line += length + strspn(line + length, " \t");
        line[strcspn(line, " \t\r\n%#;")] = '\0';
        return address_parse(line, DNS_PORT, ret);
}

void dns_first_server(const char *resolv_conf, union address *ret) {
        for (const char *at = resolv_conf; *at;) {
                char line[SERVER_TEXT_MAX];
                size_t length = strcspn(at, "\n");
                (void) snprintf(line, sizeof(line), "%.*s", (int) length, at);
                if (take_server(line, ret)) {
                        return;
                }
                at += length + (at[length] == '\n');
        }
        (void) address_parse("127.0.0.1", DNS_PORT, ret);
}

/* ---- what an answer means ---- */

/* Names of the DNS know no case; a dot at their end is left out. */
static bool is_same(const char *expected, const char *found) {
        size_t length = strlen(expected);
        length -= length > 1 && expected[length - 1] == '.';
        return strlen(found) == length && strncasecmp(expected, found, length) == 0;
}

static bool is_among(const char *value, const struct dns_values *values) {
        for (size_t i = 0; i < values->count; i++) {
                if (is_same(value, values->items[i])) {
                        return true;
                }
        }
        return false;
}

static bool is_expected(const struct dns_params *params, const char *value) {
        for (uint32_t i = 0; i < params->expect.count; i++) {
                if (is_same(params->expect.items[i], value)) {
                        return true;
                }
        }
        return false;
}

enum { VALUES_TEXT_MAX = 72 };

/* "192.0.2.1, 192.0.2.2, and 3 more" */
static const char *list_values(const struct dns_values *values, char ret[VALUES_TEXT_MAX]) {
        size_t length = 0;
        for (size_t i = 0; i < values->count; i++) {
                const char *value = values->items[i];
                size_t more = strlen(value) + 2;
                if (i > 0 && length + more + sizeof(", and 4294967295 more") > VALUES_TEXT_MAX) {
                        (void) snprintf(ret + length, VALUES_TEXT_MAX - length, ", and %u more",
                                (unsigned) (values->records - i));
                        return ret;
                }
                length += (size_t) snprintf(ret + length, VALUES_TEXT_MAX - length, "%s%.45s",
                        i > 0 ? ", " : "", value);
        }
        return ret;
}

static bool judge_values(const struct dns_params *params, const struct dns_values *values,
        struct probe_result *result) {
        char text[VALUES_TEXT_MAX] = "none";
        const char *type = enum_text_format(dns_type_words, params->type);
        if (values->records == 0) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%.80s has no %s records",
                        params->name, type);
                return false;
        }
        for (uint32_t i = 0; i < params->expect.count; i++) {
                if (!is_among(params->expect.items[i], values)) {
                        probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                                "no %s %.50s in the answer: %s", type, params->expect.items[i],
                                list_values(values, text));
                        return false;
                }
        }
        for (size_t i = 0; params->exact && i < values->count; i++) {
                if (!is_expected(params, values->items[i])) {
                        probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER,
                                "%s %.50s was not expected; the answer: %s", type, values->items[i],
                                list_values(values, text));
                        return false;
                }
        }
        return true;
}

static const char *rcode_help(unsigned rcode) {
        for (const struct enum_text *word = dns_rcode_words; word->text; word++) {
                if (word->value == (int) rcode) {
                        return word->help;
                }
        }
        return "";
}

static bool judge_rcode(
        const struct dns_params *params, unsigned rcode, struct probe_result *result) {
        if (rcode == (unsigned) params->rcode) {
                return true;
        }
        probe_conclude(result, OUTCOME_FAIL, CAUSE_WRONG_ANSWER, "%.60s: %s (%u), expected %s. %s",
                params->name, enum_text_format(dns_rcode_words, (int) rcode), rcode,
                enum_text_format(dns_rcode_words, params->rcode), rcode_help(rcode));
        return false;
}

static void judge_latency(const struct dns_params *params, const struct dns_answer *answer,
        usec_t took, struct probe_result *result) {
        char text[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX], values[VALUES_TEXT_MAX] = "";
        units_format_duration_short(took, text);
        list_values(&answer->values, values);
        const char *what = *values ? values : enum_text_format(dns_rcode_words, params->rcode);
        if (params->max_latency > 0 && took > params->max_latency) {
                probe_conclude(result, OUTCOME_FAIL, CAUSE_SLOW,
                        "%s, answered in %s, at most %s allowed", what, text,
                        units_format_duration(params->max_latency, most));
        } else {
                probe_conclude(result, OUTCOME_PASS, CAUSE_NONE, "%s, answered in %s", what, text);
        }
}

void dns_judge(const struct dns_params *params, const struct dns_answer *answer, usec_t took,
        struct probe_result *result) {
        result->has_value = true;
        result->value = (double) took / USEC_PER_SEC;
        if (judge_rcode(params, answer->rcode, result) &&
                (params->rcode != DNS_NOERROR || judge_values(params, &answer->values, result))) {
                judge_latency(params, answer, took, result);
        }
}
