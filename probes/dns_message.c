#include "probes/dns_message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "probes/byte_reader.h"

enum {
        DNS_CLASS_IN = 1,
        DNS_FLAG_RESPONSE = 1 << 15,
        DNS_FLAG_AUTHORITATIVE = 1 << 10,
        DNS_FLAG_TRUNCATED = 1 << 9,
        DNS_FLAG_RECURSION = 1 << 8,
        DNS_RCODE_BITS = 0x0f,
        DNS_POINTER = 0xc0,
        DNS_ID_BYTES = 2,
};

const struct enum_text dns_type_words[] = {
        {DNS_A, "A", "IPv4 addresses."},
        {DNS_AAAA, "AAAA", "IPv6 addresses."},
        {DNS_CNAME, "CNAME", "The name that this one is another name of."},
        {DNS_MX, "MX", "Mail servers, as \"10 mail.shop.example\"."},
        {DNS_TXT, "TXT", "Texts; several strings of one record are joined."},
        {DNS_SRV, "SRV", "Servers, as \"PRIORITY WEIGHT PORT HOST\"."},
        {DNS_NS, "NS", "Name servers."},
        {DNS_SOA, "SOA",
                "Start of the zone, as \"PRIMARY MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM\"."},
        {DNS_PTR, "PTR", "The name of an address, asked for as 10.2.0.192.in-addr.arpa."},
        {0},
};

const struct enum_text dns_rcode_words[] = {
        {DNS_NOERROR, "NOERROR", "The name exists."},
        {DNS_FORMERR, "FORMERR", "The server did not understand the query."},
        {DNS_SERVFAIL, "SERVFAIL", "The server could not find it out."},
        {DNS_NXDOMAIN, "NXDOMAIN", "The name does not exist."},
        {DNS_NOTIMP, "NOTIMP", "The server does not do this kind of query."},
        {DNS_REFUSED, "REFUSED", "The server will not answer this query, or not to this client."},
        {0},
};

/* ---- queries ---- */

int dns_name_check(const char *name) {
        size_t length = strlen(name);
        if (str_eq(name, ".")) {
                return 0;
        }
        if (length > 0 && name[length - 1] == '.') {
                length--;
        }
        if (length == 0 || length > DNS_NAME_MAX) {
                return -EINVAL;
        }
        for (size_t label = 0, i = 0; i <= length; i++, label++) {
                bool end = i == length || name[i] == '.';
                if (end && (label == 0 || label > DNS_LABEL_MAX)) {
                        return -EINVAL;
                }
                if (!end && (!isgraph((unsigned char) name[i]) || name[i] == '\\')) {
                        return -EINVAL;
                }
                label = end ? (size_t) -1 : label;
        }
        return 0;
}

static char with_case(char c, bool upper) {
        return (char) (upper ? toupper((unsigned char) c) : tolower((unsigned char) c));
}

void dns_query_make(struct dns_query *query, const char *name, enum dns_type type,
        const uint8_t *random, size_t length) {
        size_t size = strlen(name);
        size -= size > 0 && name[size - 1] == '.';
        size = size < DNS_NAME_MAX ? size : DNS_NAME_MAX;
        *query = (struct dns_query){
                .id = (uint16_t) (random[0] << 8 | random[1]),
                .type = type,
        };
        const uint8_t *bits = random + DNS_ID_BYTES;
        size_t n_bits = 8 * (length - DNS_ID_BYTES);
        for (size_t i = 0; i < size; i++) {
                size_t bit = i % n_bits;
                query->name[i] = with_case(name[i], bits[bit / 8] >> bit % 8 & 1);
        }
}

void dns_query_write(const struct dns_query *query, struct strbuf *to) {
        bytes_add_big(to, query->id, 2);
        bytes_add_big(to, DNS_FLAG_RECURSION, 2);
        bytes_add_big(to, 1, 2); /* question */
        bytes_add_big(to, 0, 4); /* no answers, no authorities */
        bytes_add_big(to, 0, 2); /* nothing additional */
        for (const char *label = query->name; *label;) {
                size_t length = strcspn(label, ".");
                bytes_add_big(to, (uint32_t) length, 1);
                strbuf_add_bytes(to, label, length);
                label += length + (label[length] == '.');
        }
        bytes_add_big(to, 0, 1);
        bytes_add_big(to, query->type, 2);
        bytes_add_big(to, DNS_CLASS_IN, 2);
}

/* ---- names in answers ---- */

/* A name under way to text. */
struct name_text {
        size_t length;
        char text[DNS_NAME_MAX + 1];
};

static bool add_label(struct name_text *name, const uint8_t *label, size_t length) {
        size_t dot = name->length > 0;
        if (!label || name->length + dot + length > DNS_NAME_MAX) {
                return false;
        }
        if (dot) {
                name->text[name->length++] = '.';
        }
        for (size_t i = 0; i < length; i++) {
                bool plain = isgraph(label[i]) && label[i] != '.';
                name->text[name->length++] = plain ? (char) label[i] : '?';
        }
        name->text[name->length] = '\0';
        return true;
}

/* Moves `reader` to where a pointer points, which is before everything that was read of the name so
 * far; so it comes to an end. */
static bool follow_pointer(const struct byte_reader *message, struct byte_reader *reader,
        uint8_t first, size_t *limit) {
        size_t offset = (size_t) (first & ~DNS_POINTER) << 8 | byte_reader_u8(reader);
        if (reader->failed || offset >= *limit) {
                return false;
        }
        *limit = offset;
        *reader = byte_reader_of(message->at + offset, message->left - offset);
        return true;
}

/* RFC 1035, 4.1.4. */
static bool take_name(
        const struct byte_reader *message, struct byte_reader *from, struct name_text *ret) {
        struct byte_reader reader = *from;
        size_t limit = (size_t) (from->at - message->at);
        bool jumped = false;
        ret->length = 0;
        ret->text[0] = '\0';
        for (;;) {
                uint8_t first = byte_reader_u8(&reader);
                bool pointer = (first & DNS_POINTER) == DNS_POINTER;
                if (!pointer && first > DNS_LABEL_MAX) {
                        break;
                }
                if (pointer && !jumped) {
                        struct byte_reader behind = reader;
                        (void) byte_reader_u8(&behind);
                        *from = behind;
                        jumped = true;
                }
                if (reader.failed ||
                        (pointer && !follow_pointer(message, &reader, first, &limit))) {
                        break;
                }
                if (!pointer && first == 0) {
                        *from = jumped ? *from : reader;
                        return true;
                }
                if (!pointer && !add_label(ret, byte_reader_take(&reader, first), first)) {
                        break;
                }
        }
        from->failed = true;
        return false;
}

/* ---- values of records, as in a zone file ---- */

typedef void (*value_format)(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]);

static void format_address(int family, size_t length, struct byte_reader *data, char *ret) {
        const uint8_t *address = byte_reader_take(data, length);
        if (address) {
                (void) inet_ntop(family, address, ret, DNS_VALUE_MAX);
        }
}

static void format_a(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        (void) message;
        format_address(AF_INET, 4, data, ret);
}

static void format_aaaa(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        (void) message;
        format_address(AF_INET6, 16, data, ret);
}

static void format_name(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        struct name_text name;
        (void) take_name(message, data, &name);
        (void) str_copy(ret, DNS_VALUE_MAX, name.length > 0 ? name.text : ".");
}

/* Numbers of 16 bits, then a name. */
static void format_numbers(const struct byte_reader *message, struct byte_reader *data,
        size_t numbers, char ret[DNS_VALUE_MAX]) {
        char name[DNS_VALUE_MAX];
        size_t length = 0;
        for (size_t i = 0; i < numbers; i++) {
                length += (size_t) snprintf(
                        ret + length, DNS_VALUE_MAX - length, "%u ", byte_reader_big(data, 2));
        }
        format_name(message, data, name);
        (void) str_copy(ret + length, DNS_VALUE_MAX - length, name);
}

static void format_mx(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        format_numbers(message, data, 1, ret);
}

static void format_srv(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        format_numbers(message, data, 3, ret);
}

static void format_txt(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        size_t length = 0;
        (void) message;
        while (data->left > 0 && !data->failed) {
                size_t size = byte_reader_u8(data);
                const uint8_t *text = byte_reader_take(data, size);
                for (size_t i = 0; text && i < size && length < DNS_VALUE_MAX - 1; i++) {
                        ret[length++] = text[i] ? (char) text[i] : '?';
                }
        }
        ret[length] = '\0';
        str_make_printable(ret);
}

static void format_soa(
        const struct byte_reader *message, struct byte_reader *data, char ret[DNS_VALUE_MAX]) {
        char primary[DNS_VALUE_MAX], mailbox[DNS_VALUE_MAX], numbers[80] = "";
        size_t length = 0;
        format_name(message, data, primary);
        format_name(message, data, mailbox);
        for (size_t i = 0; i < 5; i++) {
                length += (size_t) snprintf(numbers + length, sizeof(numbers) - length, " %u",
                        byte_reader_big(data, 4));
        }
        (void) snprintf(ret, DNS_VALUE_MAX, "%.80s %.80s%s", primary, mailbox, numbers);
}

static const struct {
        enum dns_type type;
        value_format format;
} value_formats[] = {
        {DNS_A, format_a},
        {DNS_AAAA, format_aaaa},
        {DNS_CNAME, format_name},
        {DNS_NS, format_name},
        {DNS_PTR, format_name},
        {DNS_MX, format_mx},
        {DNS_SRV, format_srv},
        {DNS_TXT, format_txt},
        {DNS_SOA, format_soa},
};

static value_format format_of(enum dns_type type) {
        for (size_t i = 0; i < ELEMENTSOF(value_formats); i++) {
                if (value_formats[i].type == type) {
                        return value_formats[i].format;
                }
        }
        return NULL;
}

/* ---- answers ---- */

/* The data of a record is a reader of its own that ends with it, because compressed names within
 * may point to anywhere before. */
static bool read_record(const struct byte_reader *message, struct byte_reader *from,
        enum dns_type wanted, struct dns_values *values) {
        struct name_text owner;
        (void) take_name(message, from, &owner);
        uint32_t type = byte_reader_big(from, 2);
        uint32_t class = byte_reader_big(from, 2);
        (void) byte_reader_take(from, 4); /* time to live */
        size_t length = byte_reader_big(from, 2);
        const uint8_t *bytes = byte_reader_take(from, length);
        value_format format = format_of(wanted);
        if (!bytes || type != wanted || class != DNS_CLASS_IN || !format) {
                return bytes != NULL;
        }
        struct byte_reader data = byte_reader_of(bytes, length);
        values->records++;
        if (values->count < DNS_VALUES_MAX) {
                format(message, &data, values->items[values->count++]);
        }
        return !data.failed;
}

static bool is_question(const struct dns_query *query, const struct byte_reader *message,
        struct byte_reader *from) {
        struct name_text name;
        return take_name(message, from, &name) && str_eq(name.text, query->name) &&
               byte_reader_big(from, 2) == (uint32_t) query->type &&
               byte_reader_big(from, 2) == DNS_CLASS_IN && !from->failed;
}

int dns_answer_read(
        const struct dns_query *query, const void *message, size_t length, struct dns_answer *ret) {
        const struct byte_reader whole = byte_reader_of(message, length);
        struct byte_reader from = whole;
        uint32_t id = byte_reader_big(&from, 2);
        uint32_t flags = byte_reader_big(&from, 2);
        uint32_t questions = byte_reader_big(&from, 2);
        uint32_t answers = byte_reader_big(&from, 2);
        (void) byte_reader_take(&from, 4); /* authorities, additional */
        if (from.failed || id != query->id || !(flags & DNS_FLAG_RESPONSE) || questions != 1 ||
                !is_question(query, &whole, &from)) {
                return -ENOMSG;
        }
        *ret = (struct dns_answer){
                .rcode = flags & DNS_RCODE_BITS,
                .truncated = flags & DNS_FLAG_TRUNCATED,
                .authoritative = flags & DNS_FLAG_AUTHORITATIVE,
        };
        for (uint32_t i = 0; i < answers && !ret->truncated; i++) {
                if (!read_record(&whole, &from, query->type, &ret->values)) {
                        return -EBADMSG;
                }
        }
        return 0;
}
