#pragma once
/* Queries and answers of the DNS (RFC 1035, RFC 2782, RFC 3596), as they travel over UDP. Answers
 * are hostile: each step is bounded, and compression must point backwards. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/enum_text.h"

enum {
        DNS_NAME_MAX = 253, /* characters of a name as text, RFC 1035 2.3.4 */
        DNS_LABEL_MAX = 63,
        DNS_MESSAGE_MAX = 65535,
        DNS_QUERY_MAX = 12 + DNS_NAME_MAX + 2 + 4,
        DNS_VALUES_MAX = 32, /* records of an answer that are looked at */
        DNS_VALUE_MAX = 256, /* bytes of one as text; a longer one is cut */
};

enum dns_type { /* IANA's numbers */
        DNS_A = 1,
        DNS_NS = 2,
        DNS_CNAME = 5,
        DNS_SOA = 6,
        DNS_PTR = 12,
        DNS_MX = 15,
        DNS_TXT = 16,
        DNS_AAAA = 28,
        DNS_SRV = 33,
};
extern const struct enum_text dns_type_words[]; /* "A", "AAAA", ... */

enum dns_rcode {
        DNS_NOERROR = 0,
        DNS_FORMERR = 1,
        DNS_SERVFAIL = 2,
        DNS_NXDOMAIN = 3,
        DNS_NOTIMP = 4,
        DNS_REFUSED = 5,
};
extern const struct enum_text dns_rcode_words[]; /* "NOERROR", "NXDOMAIN", ... */

struct dns_query {
        uint16_t id;
        enum dns_type type;
        char name[DNS_NAME_MAX + 1]; /* in the spelling of the query, without a dot at its end */
};

struct dns_values {
        size_t count, records; /* that are here; of this type that there were */
        char items[DNS_VALUES_MAX][DNS_VALUE_MAX];
};

struct dns_answer {
        unsigned rcode;
        bool truncated, authoritative;
        struct dns_values values; /* of the type that was asked for, as in a zone file */
};

/* Whether `name` can be asked for: 0, or -EINVAL. "." and a dot at the end are fine. */
int dns_name_check(const char *name);

/* A query with a random id and random upper and lower case (draft-vixie-dnsext-dns0x20), so that
 * only who has seen it can answer it. `random` is fresh, 2 bytes for the id and the rest, used
 * again from its beginning, for the case. */
void dns_query_make(struct dns_query *query, const char *name, enum dns_type type,
        const uint8_t *random, size_t length);

/* Appends the query, with recursion desired. */
void dns_query_write(const struct dns_query *query, struct strbuf *to);

/* What a message is to this query: 0: its answer, in `ret`; -ENOMSG: another's, or forged, to be
 * passed over; -EBADMSG: its answer, but broken. */
int dns_answer_read(
        const struct dns_query *query, const void *message, size_t length, struct dns_answer *ret);
