#include "policy/custom_values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/unit_name.h"
#include "policy/policy_tables.h"

#define OCF_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static int because(char why[SCHEMA_WHY_MAX], const char *reason) {
        snprintf(why, SCHEMA_WHY_MAX, "%s", reason);
        return -EINVAL;
}

int parse_factor(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        char *end;
        double value = strtod(text, &end);
        /* Only digits and one point: strtod also takes "inf", "nan" and hexadecimal. */
        if (text[strspn(text, "0123456789.")] != '\0' || end == text || *end != '\0') {
                return because(why, "expected a number such as 2 or 1.5");
        }
        if (value < 1 || value > 100) {
                return because(why, "expected a number from 1 to 100");
        }
        *(double *) to = value;
        return 0;
}

int parse_umask(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        enum { DIGITS_MAX = 4, UMASK_MAX = 0777 };
        (void) arena;
        size_t length = strlen(text);
        if (length == 0 || length > DIGITS_MAX || text[strspn(text, "01234567")] != '\0') {
                return because(why, "expected an octal number such as 022");
        }
        unsigned long value = strtoul(text, NULL, 8);
        if (value > UMASK_MAX) {
                return because(why, "expected at most 0777");
        }
        *(uint32_t *) to = (uint32_t) value;
        return 0;
}

int parse_signal(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        static const struct {
                const char *name;
                int number;
        } signals[] = {
                {"TERM", SIGTERM},
                {"QUIT", SIGQUIT},
                {"INT", SIGINT},
                {"HUP", SIGHUP},
                {"USR1", SIGUSR1},
                {"USR2", SIGUSR2},
                {"WINCH", SIGWINCH},
                {"KILL", SIGKILL},
                {"ABRT", SIGABRT},
        };
        (void) arena;
        const char *name = str_starts(text, "SIG") ? text + strlen("SIG") : text;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                if (str_eq(name, signals[i].name)) {
                        *(int *) to = signals[i].number;
                        return 0;
                }
        }
        return because(
                why, "expected a signal: TERM, QUIT, INT, HUP, USR1, USR2, WINCH, KILL or ABRT");
}

int parse_require(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        enum { DIGITS_MAX = 4 };
        (void) arena;
        if (str_eq(text, "all")) {
                *(uint32_t *) to = REQUIRE_ALL;
                return 0;
        }
        if (str_eq(text, "any")) {
                *(uint32_t *) to = 1;
                return 0;
        }
        size_t length = strlen(text);
        unsigned long value = strtoul(text, NULL, 10);
        if (length > DIGITS_MAX || text[strspn(text, "0123456789")] != '\0' || value == 0) {
                return because(why, "expected all, any, or a number of probes from 1");
        }
        *(uint32_t *) to = (uint32_t) value;
        return 0;
}

static int keep_text(const char *text, void *to, struct arena *arena) {
        char *copy = arena_strdup(arena, text);
        *(const char **) to = copy;
        return copy ? 0 : -ENOMEM;
}

int parse_unit(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        const char *expected;
        if (unit_name_check(text, &expected) < 0) {
                snprintf(why, SCHEMA_WHY_MAX, "expected %s", expected);
                return -EINVAL;
        }
        return keep_text(text, to, arena);
}

/* Names of files below /usr/lib/ocf/resource.d: a letter or digit first, so never `..`. */
static size_t ocf_name_length(const char *text) {
        enum { OCF_NAME_MAX = 64 };
        size_t first = strspn(text, OCF_FIRST);
        size_t length = first > 0 ? strspn(text, OCF_FIRST "_.-") : 0;
        return length <= OCF_NAME_MAX ? length : 0;
}

static bool is_ocf(const char *text) {
        size_t provider = ocf_name_length(text);
        if (provider == 0 || text[provider] != ':') {
                return false;
        }
        const char *type = text + provider + 1;
        size_t length = ocf_name_length(type);
        return length > 0 && type[length] == '\0';
}

int parse_ocf(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        if (!is_ocf(text)) {
                return because(why, "expected PROVIDER:TYPE of a resource agent, such as "
                                    "heartbeat:redis");
        }
        return keep_text(text, to, arena);
}

/* Pacemaker writes `ocf:heartbeat:redis`, and takes heartbeat for granted. */
const char *hint_ocf(const char *text, char *hint, size_t size) {
        char whole[128];
        const char *name = str_starts(text, "ocf:") ? text + strlen("ocf:") : text;
        const char *provider = strchr(name, ':') ? "" : "heartbeat:";
        if (snprintf(whole, sizeof(whole), "%s%s", provider, name) >= (int) sizeof(whole) ||
                !is_ocf(whole)) {
                return NULL;
        }
        snprintf(hint, size, "did you mean '%s'?", whole);
        return hint;
}

static int refuse_listen(char why[SCHEMA_WHY_MAX]) {
        return because(why,
                "expected an address and a port such as 127.0.0.1:7790 or [::1]:7790, or none");
}

static bool is_port(const char *text) {
        enum { DIGITS_MAX = 5, PORT_MAX = 65535 };
        size_t length = strlen(text);
        return length > 0 && length <= DIGITS_MAX && text[strspn(text, "0123456789")] == '\0' &&
               strtoul(text, NULL, 10) <= PORT_MAX;
}

/* Addresses, not names: a listener must not wait for a name server. */
static bool is_address(const char *host) {
        struct in6_addr six;
        struct in_addr four;
        size_t length = strlen(host);
        if (host[0] == '[' && host[length - 1] == ']') {
                char inside[INET6_ADDRSTRLEN];
                snprintf(inside, sizeof(inside), "%.*s", (int) length - 2, host + 1);
                return inet_pton(AF_INET6, inside, &six) == 1;
        }
        return str_eq(host, "localhost") || inet_pton(AF_INET, host, &four) == 1;
}

static bool is_address_with_port(const char *text) {
        enum { HOST_MAX = 64 };
        char host[HOST_MAX];
        const char *colon = strrchr(text, ':');
        size_t length = colon ? (size_t) (colon - text) : 0;
        if (length == 0 || length >= sizeof(host) || !is_port(colon + 1)) {
                return false;
        }
        memcpy(host, text, length);
        host[length] = '\0';
        return is_address(host);
}

int parse_listen(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        if (!str_eq(text, "none") && !is_address_with_port(text)) {
                return refuse_listen(why);
        }
        return keep_text(text, to, arena);
}

/* Of another host, so neither a name nor this host by its name. */
int parse_peer(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        if (!is_address_with_port(text) || str_starts(text, "localhost")) {
                return because(why, "expected an address and a port such as 10.0.0.1:7946 or "
                                    "[2001:db8::1]:7946");
        }
        return keep_text(text, to, arena);
}

/* "ADDRESS/PREFIX dev INTERFACE", as ip(8) has it. */
static bool read_address(const char *text, struct address_spec *ret) {
        char host[INET6_ADDRSTRLEN], prefix[4];
        const char *slash = strchr(text, '/'), *space = slash ? strchr(slash, ' ') : NULL;
        size_t length = slash ? (size_t) (slash - text) : 0;
        size_t digits = space ? (size_t) (space - slash) - 1 : 0;
        if (length == 0 || length >= sizeof(host) || digits == 0 || digits >= sizeof(prefix) ||
                strncmp(space, " dev ", 5) != 0) {
                return false;
        }
        snprintf(host, sizeof(host), "%.*s", (int) length, text);
        snprintf(prefix, sizeof(prefix), "%.*s", (int) digits, slash + 1);
        const char *device = space + 5;
        size_t name = strlen(device);
        ret->family = strchr(host, ':') ? AF_INET6 : AF_INET;
        ret->prefix = (uint32_t) strtoul(prefix, NULL, 10);
        snprintf(ret->device, sizeof(ret->device), "%s", device);
        return name > 0 && name < sizeof(ret->device) && device[strcspn(device, " /")] == '\0' &&
               prefix[strspn(prefix, "0123456789")] == '\0' && ret->prefix > 0 &&
               ret->prefix <= (ret->family == AF_INET ? 32U : 128U) &&
               inet_pton(ret->family, host, ret->bytes) == 1;
}

int parse_address(const char *text, void *to, struct arena *arena, char why[SCHEMA_WHY_MAX]) {
        (void) arena;
        if (!read_address(text, to)) {
                return because(why, "expected an address with its prefix and an interface, such as "
                                    "192.0.2.10/24 dev eth0");
        }
        return 0;
}
