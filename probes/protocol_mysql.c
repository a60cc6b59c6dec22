/* MySQL and MariaDB, handshake version 10. The login is always finished, even where no user is
 * given: a server counts handshakes that break off, and in the end blocks the host.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
 * https://mariadb.com/kb/en/connection/ */

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum {
        MYSQL_HEADER = 4, /* length (3 bytes), number */
        MYSQL_SCRAMBLE = 20,
        MYSQL_PLUGIN_MAX = 64,
        MYSQL_VERSION_MAX = 48,
        MYSQL_PACKET_MAX = 1 << 24, /* that we announce to take */
        MYSQL_CHARSET_UTF8MB4 = 45,

        MYSQL_OK = 0x00,
        MYSQL_MORE = 0x01, /* of the plug-in */
        MYSQL_SWITCH = 0xfe, /* to another plug-in */
        MYSQL_ERROR = 0xff,

        MYSQL_SHA2_FAST_OK = 3,
        MYSQL_SHA2_FULL = 4, /* the server wants the password itself */
};

enum mysql_capability {
        MYSQL_LONG_PASSWORD = 1 << 0,
        MYSQL_CONNECT_WITH_DB = 1 << 3,
        MYSQL_PROTOCOL_41 = 1 << 9,
        MYSQL_SSL = 1 << 11,
        MYSQL_SECURE_CONNECTION = 1 << 15,
        MYSQL_PLUGIN_AUTH = 1 << 19,
};

struct mysql_room {
        char version[MYSQL_VERSION_MAX];
        char plugin[MYSQL_PLUGIN_MAX];
        uint8_t scramble[MYSQL_SCRAMBLE];
        uint8_t number; /* of the packet to send next */
};

/* ---- packets ---- */

static size_t begin_packet(struct talk *talk) {
        size_t start = talk->out.length;
        bytes_add_little(&talk->out, 0, MYSQL_HEADER);
        return start;
}

static void end_packet(struct talk *talk, size_t start) {
        struct mysql_room *room = talk->room;
        if (!talk->out.failed) {
                size_t length = talk->out.length - start - MYSQL_HEADER;
                for (size_t i = 0; i < 3; i++) {
                        talk->out.data[start + i] = (char) (uint8_t) (length >> 8 * i);
                }
                talk->out.data[start + 3] = (char) room->number;
        }
        room->number++;
}

/* 1: a whole packet, which counts as consumed; 0: more is needed; negative: concluded. */
static int take_packet(struct talk *talk, struct byte_reader *ret) {
        struct mysql_room *room = talk->room;
        struct byte_reader header;
        if (talk_message(talk, MYSQL_HEADER, &header) <= 0) {
                return 0;
        }
        size_t length = byte_reader_little(&header, 3);
        room->number = (uint8_t) (byte_reader_u8(&header) + 1);
        int r = talk_message(talk, MYSQL_HEADER + length, ret);
        if (r == 1) {
                (void) byte_reader_take(ret, MYSQL_HEADER);
                talk->used += MYSQL_HEADER + length;
        }
        return r;
}

static enum talk_action strange(struct talk *talk, const struct byte_reader *packet) {
        char quote[TALK_QUOTE_MAX];
        return talk_fail(talk, "this is not MySQL: \"%s\"",
                talk_quote(talk, packet->at, packet->left, quote));
}

/* ---- errors ---- */

/* Without a user these prove that the server is there and judges logins. */
static const struct mysql_error {
        unsigned code;
        bool at_the_door; /* well, when nobody is to log in */
        enum cause cause;
} mysql_errors[] = {
        {1040, false, CAUSE_RESOURCE_CONNECTIONS}, /* too many connections */
        {1041, false, CAUSE_RESOURCE_MEMORY}, /* out of memory */
        {1044, true, CAUSE_WRONG_ANSWER}, /* no access to the database */
        {1045, true, CAUSE_WRONG_ANSWER}, /* access denied */
        {1130, true, CAUSE_WRONG_ANSWER}, /* this host may not connect */
        {1203, false, CAUSE_RESOURCE_CONNECTIONS}, /* too many connections of the user */
        {1226, false, CAUSE_RESOURCE}, /* the user has used up what is allowed */
        {1698, true, CAUSE_WRONG_ANSWER}, /* access denied, without a password */
        {3118, true, CAUSE_WRONG_ANSWER}, /* the account is locked */
        {0},
};

static const struct mysql_error *find_error(unsigned code) {
        static const struct mysql_error other = {0, false, CAUSE_WRONG_ANSWER};
        for (const struct mysql_error *e = mysql_errors; e->code; e++) {
                if (e->code == code) {
                        return e;
                }
        }
        return &other;
}

static const char *server_name(const struct talk *talk, char text[MYSQL_VERSION_MAX + 8]) {
        const struct mysql_room *room = talk->room;
        assert(room);
        const char *version = room->version;
        bool maria = strstr(version, "MariaDB") != NULL;
        /* What MariaDB says to replicas that compare version numbers. */
        version += str_starts(version, "5.5.5-") ? strlen("5.5.5-") : 0;
        snprintf(text, MYSQL_VERSION_MAX + 8, "%s%s%.*s", maria ? "MariaDB" : "MySQL",
                *version ? " " : "", (int) strcspn(version, "-"), version);
        return text;
}

static enum talk_action on_error(struct talk *talk, struct byte_reader body) {
        char name[MYSQL_VERSION_MAX + 8], quote[TALK_QUOTE_MAX];
        unsigned code = byte_reader_little(&body, 2);
        const struct mysql_error *error = find_error(code);
        if (body.failed) {
                return strange(talk, &body);
        }
        if (body.left >= 6 && *body.at == '#') { /* and the SQLSTATE */
                (void) byte_reader_take(&body, 6);
        }
        const char *message = talk_quote(talk, body.at, body.left, quote);
        if (error->at_the_door && !talk->options.user) {
                return talk_pass(
                        talk, "%s answered (%u: %s)", server_name(talk, name), code, quote);
        }
        return talk_conclude(talk, OUTCOME_FAIL, error->cause, "%s: error %u: %s",
                server_name(talk, name), code, message);
}

/* ---- plug-ins: what proves the password ---- */

struct part {
        const void *bytes;
        size_t length;
};

static bool digest(const EVP_MD *kind, struct part a, struct part b, uint8_t *ret) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool ok = context && EVP_DigestInit_ex(context, kind, NULL) &&
                  EVP_DigestUpdate(context, a.bytes, a.length) &&
                  EVP_DigestUpdate(context, b.bytes, b.length) &&
                  EVP_DigestFinal_ex(context, ret, NULL);
        EVP_MD_CTX_free(context);
        return ok;
}

/* H(password) xor H(scramble + H(H(password))), or the two parts the other way round. */
static bool prove(
        struct talk *talk, const EVP_MD *kind, bool scramble_first, uint8_t ret[EVP_MAX_MD_SIZE]) {
        const struct mysql_room *room = talk->room;
        const struct part none = {"", 0}, scramble = {room->scramble, MYSQL_SCRAMBLE};
        const struct part password = {talk->options.password, strlen(talk->options.password)};
        size_t size = (size_t) EVP_MD_get_size(kind);
        uint8_t once[EVP_MAX_MD_SIZE], twice[EVP_MAX_MD_SIZE];
        const struct part first = {once, size}, second = {twice, size};
        bool ok = digest(kind, password, none, once) && digest(kind, first, none, twice) &&
                  (scramble_first ? digest(kind, scramble, second, ret)
                                  : digest(kind, second, scramble, ret));
        for (size_t i = 0; ok && i < size; i++) {
                ret[i] ^= once[i];
        }
        OPENSSL_cleanse(once, sizeof(once));
        return ok;
}

/* Returns the length of the proof; 0: out of memory, or SHA-1 is not to be had. */
static size_t prove_native(struct talk *talk, uint8_t ret[EVP_MAX_MD_SIZE]) {
        return prove(talk, EVP_sha1(), true, ret) ? (size_t) EVP_MD_get_size(EVP_sha1()) : 0;
}

static size_t prove_sha2(struct talk *talk, uint8_t ret[EVP_MAX_MD_SIZE]) {
        return prove(talk, EVP_sha256(), false, ret) ? (size_t) EVP_MD_get_size(EVP_sha256()) : 0;
}

static const struct plugin {
        const char *name;
        size_t (*prove)(struct talk *talk, uint8_t ret[EVP_MAX_MD_SIZE]);
} plugins[] = {
        {"mysql_native_password", prove_native},
        {"caching_sha2_password", prove_sha2},
        {NULL},
};

static const struct plugin *find_plugin(const char *name) {
        for (const struct plugin *p = plugins; p->name; p++) {
                if (str_eq(p->name, name)) {
                        return p;
                }
        }
        return NULL;
}

/* An empty password needs no proof, whatever the plug-in. */
static bool has_password(const struct talk *talk) {
        return talk->options.user && talk->options.password;
}

static enum talk_action not_spoken(struct talk *talk) {
        const struct mysql_room *room = talk->room;
        char name[MYSQL_VERSION_MAX + 8];
        return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE,
                "%s asks %.40s to log in by %.40s, which is not spoken here",
                server_name(talk, name), talk->options.user, room->plugin);
}

/* ---- login ---- */

static enum talk_action on_login(struct talk *talk);

/* Length 0: concluded. */
static bool proof_of(struct talk *talk, uint8_t proof[EVP_MAX_MD_SIZE], size_t *ret_length) {
        const struct mysql_room *room = talk->room;
        *ret_length = 0;
        if (!has_password(talk)) {
                return true;
        }
        const struct plugin *plugin = find_plugin(room->plugin);
        *ret_length = plugin ? plugin->prove(talk, proof) : 0;
        if (*ret_length == 0) {
                (void) not_spoken(talk);
        }
        return *ret_length > 0;
}

static uint32_t capabilities(const struct talk *talk) {
        return MYSQL_LONG_PASSWORD | MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION |
               MYSQL_PLUGIN_AUTH | (talk->options.upgrade ? MYSQL_SSL : 0u) |
               (talk->options.database ? MYSQL_CONNECT_WITH_DB : 0u);
}

static void add_capabilities(struct talk *talk) {
        bytes_add_little(&talk->out, capabilities(talk), 4);
        bytes_add_little(&talk->out, MYSQL_PACKET_MAX, 4);
        bytes_add_little(&talk->out, MYSQL_CHARSET_UTF8MB4, 1);
        strbuf_add_repeated(&talk->out, '\0', 23);
}

/* A plug-in of the server's choice that is not known here is left to a switch: the login names one
 * that is, and the server asks for the one that the user needs. */
static enum talk_action send_login(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        struct mysql_room *room = talk->room;
        uint8_t proof[EVP_MAX_MD_SIZE];
        size_t length;
        assert(room);
        if (!find_plugin(room->plugin)) {
                (void) str_copy(room->plugin, sizeof(room->plugin), plugins[0].name);
        }
        if (!proof_of(talk, proof, &length)) {
                return TALK_OVER;
        }
        size_t start = begin_packet(talk);
        add_capabilities(talk);
        bytes_add_text(&talk->out, options->user ? options->user : "recoverd");
        bytes_add_little(&talk->out, (uint32_t) length, 1);
        strbuf_add_bytes(&talk->out, proof, length);
        if (options->database) {
                bytes_add_text(&talk->out, options->database);
        }
        bytes_add_text(&talk->out, room->plugin);
        end_packet(talk, start);
        return talk_then(talk, on_login);
}

static enum talk_action ask_for_tls(struct talk *talk) {
        size_t start = begin_packet(talk);
        add_capabilities(talk);
        end_packet(talk, start);
        talk->step = send_login;
        return TALK_SECURE;
}

static enum talk_action logged_in(struct talk *talk) {
        struct mysql_room *room = talk->room;
        char name[MYSQL_VERSION_MAX + 8];
        room->number = 0;
        size_t start = begin_packet(talk);
        strbuf_add_char(&talk->out, 1); /* COM_QUIT */
        end_packet(talk, start);
        return talk_pass(talk, "%s, logged in as %.40s", server_name(talk, name),
                talk->options.user ? talk->options.user : "recoverd");
}

/* "plugin\0scramble\0"; the old form without a plug-in means one that nobody should use. */
static enum talk_action on_switch(struct talk *talk, struct byte_reader body) {
        struct mysql_room *room = talk->room;
        uint8_t proof[EVP_MAX_MD_SIZE];
        size_t length;
        const char *plugin = body.left > 0 ? byte_reader_text(&body) : "mysql_old_password";
        if (!plugin) {
                return strange(talk, &body);
        }
        (void) str_copy(room->plugin, sizeof(room->plugin), plugin);
        memset(room->scramble, 0, sizeof(room->scramble));
        memcpy(room->scramble, body.at,
                body.left < MYSQL_SCRAMBLE ? body.left : (size_t) MYSQL_SCRAMBLE);
        if (!proof_of(talk, proof, &length)) {
                return TALK_OVER;
        }
        size_t start = begin_packet(talk);
        strbuf_add_bytes(&talk->out, proof, length);
        end_packet(talk, start);
        return TALK_READ;
}

/* The password itself is for ears of the server only. Its key, to encrypt with, could be anybody's.
 */
static enum talk_action send_whole_password(struct talk *talk) {
        char name[MYSQL_VERSION_MAX + 8];
        if (!has_password(talk)) {
                return not_spoken(talk);
        }
        if (!talk_is_private(talk)) {
                return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "%s wants the whole password of %.40s, on an open line: set tls",
                        server_name(talk, name), talk->options.user);
        }
        size_t start = begin_packet(talk);
        bytes_add_text(&talk->out, talk->options.password);
        end_packet(talk, start);
        return TALK_READ;
}

static enum talk_action on_more(struct talk *talk, struct byte_reader body) {
        const struct mysql_room *room = talk->room;
        uint8_t what = byte_reader_u8(&body);
        if (!str_eq(room->plugin, "caching_sha2_password")) {
                return strange(talk, &body);
        }
        switch (what) {
        case MYSQL_SHA2_FAST_OK:
                return TALK_READ;
        case MYSQL_SHA2_FULL:
                return send_whole_password(talk);
        }
        return strange(talk, &body);
}

static enum talk_action on_login(struct talk *talk) {
        struct byte_reader packet;
        int r = take_packet(talk, &packet);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        const struct byte_reader whole = packet;
        uint8_t kind = byte_reader_u8(&packet);
        if (packet.failed) {
                return strange(talk, &whole);
        }
        switch (kind) {
        case MYSQL_OK:
                return logged_in(talk);
        case MYSQL_MORE:
                return on_more(talk, packet);
        case MYSQL_SWITCH:
                return on_switch(talk, packet);
        case MYSQL_ERROR:
                return on_error(talk, packet);
        }
        return strange(talk, &whole);
}

/* ---- greeting ---- */

/* The second half of the scramble and the plug-in, which only newer servers send. */
static void read_plugin(struct mysql_room *room, struct byte_reader *packet, uint32_t offered) {
        size_t length = byte_reader_u8(packet);
        (void) byte_reader_take(packet, 10);
        size_t second = length > MYSQL_SCRAMBLE + 1 ? length - 8 : MYSQL_SCRAMBLE + 1 - 8;
        const uint8_t *rest = byte_reader_take(packet, second);
        if (rest) {
                memcpy(room->scramble + 8, rest, MYSQL_SCRAMBLE - 8);
        }
        const char *plugin = offered & MYSQL_PLUGIN_AUTH ? byte_reader_text(packet) : NULL;
        (void) str_copy(room->plugin, sizeof(room->plugin), plugin ? plugin : plugins[0].name);
}

/* Capabilities of the server, 0: this is no greeting of protocol 10. */
static uint32_t read_greeting(struct talk *talk, struct byte_reader packet) {
        struct mysql_room *room = talk->room;
        char quote[TALK_QUOTE_MAX];
        uint8_t protocol = byte_reader_u8(&packet);
        const char *version = byte_reader_text(&packet);
        (void) byte_reader_take(&packet, 4); /* number of the connection */
        const uint8_t *scramble = byte_reader_take(&packet, 8);
        (void) byte_reader_take(&packet, 1);
        uint32_t offered = byte_reader_little(&packet, 2);
        (void) byte_reader_take(&packet, 3); /* character set, status */
        offered |= byte_reader_little(&packet, 2) << 16;
        if (packet.failed || protocol != 10 || !(offered & MYSQL_PROTOCOL_41)) {
                return 0;
        }
        memcpy(room->scramble, scramble, 8);
        (void) str_copy(room->version, sizeof(room->version),
                talk_quote(talk, version, strlen(version), quote));
        read_plugin(room, &packet, offered);
        return offered;
}

static enum talk_action on_greeting(struct talk *talk) {
        struct byte_reader packet;
        int r = take_packet(talk, &packet);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        if (packet.left > 0 && *packet.at == MYSQL_ERROR) {
                (void) byte_reader_u8(&packet);
                return on_error(talk, packet);
        }
        uint32_t offered = read_greeting(talk, packet);
        if (offered == 0) {
                return strange(talk, &packet);
        }
        if (!talk->options.upgrade) {
                return send_login(talk);
        }
        return offered & MYSQL_SSL ? ask_for_tls(talk)
                                   : talk_fail(talk, "MySQL does not speak TLS");
}

static enum talk_action begin(struct talk *talk) {
        return talk_then(talk, on_greeting);
}

const struct protocol mysql_protocol = {
        .title = "MySQL",
        .port = 3306,
        .tls = PROTOCOL_TLS_WITHIN,
        .login = PROTOCOL_USER,
        .database = true,
        .room_size = sizeof(struct mysql_room),
        .begin = begin,
};
