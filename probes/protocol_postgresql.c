/* PostgreSQL, protocol 3.0: start, login with whatever the server asks for, and no query. Without a
 * user any sensible answer to the start proves that the server lives.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html */

#include <openssl/evp.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probes/protocol.h"

enum {
        PG_VERSION = 3 << 16,
        PG_SSL_REQUEST = 80877103,
        PG_LENGTH_LEAST = 4, /* the length counts itself */
        PG_MD5_SALT = 4,
        PG_SQLSTATE = 5,
        PG_VALUE_MAX = 24,
};

enum pg_authentication {
        PG_AUTH_OK = 0,
        PG_AUTH_CLEAR = 3,
        PG_AUTH_MD5 = 5,
        PG_AUTH_SASL = 10,
        PG_AUTH_SASL_CONTINUE = 11,
        PG_AUTH_SASL_FINAL = 12,
};

struct pg_room {
        struct scram scram;
        bool asked; /* the server asked for a password */
        bool in_scram; /* and has not proved yet that it knows it */
        bool logged_in;
        bool standby;
        char version[PG_VALUE_MAX]; /* "" as long as the server has not told */
};

/* ---- sending ---- */

/* A message whose first byte lies at `start` in `out` gets its length. */
static void end_message(struct talk *talk, size_t start, size_t type_bytes) {
        struct strbuf *out = &talk->out;
        if (!out->failed) {
                uint32_t length = (uint32_t) (out->length - start - type_bytes);
                for (size_t i = 0; i < 4; i++) {
                        out->data[start + type_bytes + i] = (char) (length >> 8 * (3 - i));
                }
        }
}

static size_t begin_message(struct talk *talk, char type) {
        size_t start = talk->out.length;
        if (type) {
                strbuf_add_char(&talk->out, type);
        }
        bytes_add_big(&talk->out, 0, 4);
        return start;
}

static void send_password(struct talk *talk, const char *text) {
        size_t start = begin_message(talk, 'p');
        bytes_add_text(&talk->out, text);
        end_message(talk, start, 1);
}

static void add_parameter(struct talk *talk, const char *name, const char *value) {
        bytes_add_text(&talk->out, name);
        bytes_add_text(&talk->out, value);
}

/* ---- what errors mean ---- */

struct pg_error {
        const char *severity, *code, *message; /* never NULL */
};

static struct pg_error read_error(struct byte_reader body) {
        struct pg_error error = {"ERROR", "", "no message"};
        uint8_t field;
        while ((field = byte_reader_u8(&body)) != 0) {
                const char *value = byte_reader_text(&body);
                if (!value) {
                        break;
                }
                switch (field) {
                case 'S':
                        error.severity = value;
                        break;
                case 'C':
                        error.code = value;
                        break;
                case 'M':
                        error.message = value;
                        break;
                }
        }
        return error;
}

/* Without a user these prove that the server is there and judges logins. */
static const char *const door_codes[] = {"28000", "28P01", "3D000", "42501", NULL};

/* An insufficient resource, class 53; a server that starts or stops is not cured by a restart. */
static const struct {
        const char *code;
        enum outcome outcome;
        enum cause cause;
} pg_errors[] = {
        {"57P03", OUTCOME_DEGRADED, CAUSE_NONE}, /* starting up, in recovery, shutting down */
        {"53100", OUTCOME_FAIL, CAUSE_RESOURCE_DISK},
        {"53200", OUTCOME_FAIL, CAUSE_RESOURCE_MEMORY},
        {"53300", OUTCOME_FAIL, CAUSE_RESOURCE_CONNECTIONS},
        {"53", OUTCOME_FAIL, CAUSE_RESOURCE},
        {NULL},
};

static bool is_listed(const char *const *codes, const char *code) {
        for (; *codes; codes++) {
                if (str_eq(*codes, code)) {
                        return true;
                }
        }
        return false;
}

static enum talk_action on_error(struct talk *talk, struct byte_reader body) {
        const struct talk_options *options = &talk->options;
        const struct pg_room *room = talk->room;
        const struct pg_error error = read_error(body);
        char severity[TALK_QUOTE_MAX], code[TALK_QUOTE_MAX], message[TALK_QUOTE_MAX];
        talk_quote(talk, error.severity, strlen(error.severity), severity);
        talk_quote(talk, error.code, strlen(error.code), code);
        talk_quote(talk, error.message, strlen(error.message), message);
        if (!options->user && is_listed(door_codes, error.code)) {
                return talk_pass(talk, "PostgreSQL answered (%.5s: %s)", code, message);
        }
        if (room->logged_in && !options->database && str_eq(error.code, "3D000")) {
                return talk_pass(talk, "PostgreSQL, logged in as %.40s (no database postgres)",
                        options->user);
        }
        for (size_t i = 0; pg_errors[i].code; i++) {
                if (str_starts(error.code, pg_errors[i].code)) {
                        return talk_conclude(talk, pg_errors[i].outcome, pg_errors[i].cause,
                                "PostgreSQL: %.5s %s", code, message);
                }
        }
        return talk_fail(talk, "PostgreSQL: %.10s %.5s %s", severity, code, message);
}

/* ---- login ---- */

static enum talk_action without_user(struct talk *talk, const char *asks_for) {
        return talk_pass(talk, "PostgreSQL asks for %s", asks_for);
}

static enum talk_action no_password(struct talk *talk) {
        return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE,
                "PostgreSQL asks for the password of %.40s: give password_file",
                talk->options.user);
}

static enum talk_action not_spoken(struct talk *talk, const char *what) {
        return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE,
                "PostgreSQL asks %.40s for %s, which is not spoken here", talk->options.user, what);
}

/* A peer that is not the server could ask for it too, so it is not said where others may listen. */
static enum talk_action answer_clear(struct talk *talk) {
        if (!talk_is_private(talk)) {
                return talk_conclude(talk, OUTCOME_UNKNOWN, CAUSE_NONE,
                        "PostgreSQL asks for the password in clear on an open line: set tls");
        }
        send_password(talk, talk->options.password);
        return TALK_READ;
}

static bool md5_hex(const char *text, size_t length, const void *salt, size_t salt_length,
        char ret[2 * EVP_MAX_MD_SIZE + 1]) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned digest_length = 0;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool ok = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) &&
                  EVP_DigestUpdate(context, text, length) &&
                  EVP_DigestUpdate(context, salt, salt_length) &&
                  EVP_DigestFinal_ex(context, digest, &digest_length);
        EVP_MD_CTX_free(context);
        for (unsigned i = 0; i < digest_length; i++) {
                snprintf(ret + (size_t) 2 * i, 3, "%02x", digest[i]);
        }
        return ok;
}

/* "md5" + md5(md5(password + user) + salt), in hexadecimal. */
static enum talk_action answer_md5(struct talk *talk, struct byte_reader body) {
        const struct talk_options *options = &talk->options;
        const uint8_t *salt = byte_reader_take(&body, PG_MD5_SALT);
        char inner[2 * EVP_MAX_MD_SIZE + 1], outer[3 + 2 * EVP_MAX_MD_SIZE + 1] = "md5";
        if (!salt) {
                return talk_strange(talk);
        }
        if (!md5_hex(options->password, strlen(options->password), options->user,
                    strlen(options->user), inner) ||
                !md5_hex(inner, strlen(inner), salt, PG_MD5_SALT, outer + 3)) {
                return not_spoken(talk, "MD5");
        }
        send_password(talk, outer);
        return TALK_READ;
}

static bool offers_scram(struct byte_reader mechanisms) {
        const char *name;
        while ((name = byte_reader_text(&mechanisms)) && *name) {
                if (str_eq(name, "SCRAM-SHA-256")) {
                        return true;
                }
        }
        return false;
}

static enum talk_action answer_sasl(struct talk *talk, struct byte_reader body) {
        struct pg_room *room = talk->room;
        AUTO_STRBUF struct strbuf first = {0};
        if (!offers_scram(body) || room->in_scram) {
                return not_spoken(talk, "another login than SCRAM-SHA-256");
        }
        scram_client_first(&room->scram, talk->options.random, &first);
        size_t start = begin_message(talk, 'p');
        bytes_add_text(&talk->out, "SCRAM-SHA-256");
        bytes_add_big(&talk->out, (uint32_t) first.length, 4);
        strbuf_add_bytes(&talk->out, first.data, first.length);
        end_message(talk, start, 1);
        room->in_scram = true;
        return TALK_READ;
}

static enum talk_action on_message(struct talk *talk);

static enum talk_action send_proof(struct talk *talk) {
        struct pg_room *room = talk->room;
        size_t start = begin_message(talk, 'p');
        int r = scram_client_final(&room->scram, talk->work, &talk->out);
        end_message(talk, start, 1);
        scram_work_free(TAKE_PTR(talk->work));
        return r == 0 ? talk_then(talk, on_message)
                      : talk_conclude(
                                talk, OUTCOME_UNKNOWN, CAUSE_NONE, "SCRAM could not be computed");
}

static enum talk_action continue_sasl(struct talk *talk, struct byte_reader body) {
        struct pg_room *room = talk->room;
        char why[SCRAM_WHY_MAX];
        if (!room->in_scram || room->scram.challenged) {
                return talk_strange(talk);
        }
        talk->work = scram_server_first(
                &room->scram, (const char *) body.at, body.left, talk->options.password, why);
        if (!talk->work) {
                return talk_fail(talk, "PostgreSQL: %s", why);
        }
        talk->step = send_proof;
        return TALK_DERIVE;
}

static enum talk_action finish_sasl(struct talk *talk, struct byte_reader body) {
        struct pg_room *room = talk->room;
        char why[SCRAM_WHY_MAX];
        if (!room->in_scram ||
                scram_server_final(&room->scram, (const char *) body.at, body.left, why) < 0) {
                return room->in_scram ? talk_fail(talk, "PostgreSQL: the server %s", why)
                                      : talk_strange(talk);
        }
        room->in_scram = false;
        return TALK_READ;
}

static enum talk_action login_accepted(struct talk *talk) {
        struct pg_room *room = talk->room;
        if (room->in_scram) {
                return talk_fail(
                        talk, "PostgreSQL: the server did not prove that it knows the password");
        }
        room->logged_in = true;
        return TALK_READ;
}

static const char *const pg_auth_names[] = {
        [2] = "Kerberos",
        [PG_AUTH_CLEAR] = "a password (clear)",
        [PG_AUTH_MD5] = "a password (MD5)",
        [7] = "GSSAPI",
        [8] = "GSSAPI",
        [9] = "SSPI",
        [PG_AUTH_SASL] = "a password (SASL)",
};

static const char *auth_name(uint32_t kind) {
        const char *name = kind < ELEMENTSOF(pg_auth_names) ? pg_auth_names[kind] : NULL;
        return name ? name : "an unknown login";
}

static enum talk_action on_authentication(struct talk *talk, struct byte_reader body) {
        const struct talk_options *options = &talk->options;
        struct pg_room *room = talk->room;
        uint32_t kind = byte_reader_big(&body, 4);
        if (body.failed) {
                return talk_strange(talk);
        }
        if (kind == PG_AUTH_OK) {
                return login_accepted(talk);
        }
        if (!options->user) {
                return without_user(talk, auth_name(kind));
        }
        if (!options->password) {
                return no_password(talk);
        }
        room->asked = true;
        switch (kind) {
        case PG_AUTH_CLEAR:
                return answer_clear(talk);
        case PG_AUTH_MD5:
                return answer_md5(talk, body);
        case PG_AUTH_SASL:
                return answer_sasl(talk, body);
        case PG_AUTH_SASL_CONTINUE:
                return continue_sasl(talk, body);
        case PG_AUTH_SASL_FINAL:
                return finish_sasl(talk, body);
        }
        return not_spoken(talk, auth_name(kind));
}

/* ---- after the login ---- */

static void note_parameter(struct talk *talk, struct byte_reader body) {
        struct pg_room *room = talk->room;
        const char *name = byte_reader_text(&body);
        const char *value = byte_reader_text(&body);
        char quote[TALK_QUOTE_MAX];
        if (!name || !value) {
                return;
        }
        if (str_eq(name, "server_version")) {
                (void) talk_quote(talk, value, strcspn(value, " "), quote);
                (void) str_copy(room->version, sizeof(room->version), quote);
        } else if (str_eq(name, "in_hot_standby")) {
                room->standby = str_eq(value, "on");
        }
}

static enum talk_action ready(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        const struct pg_room *room = talk->room;
        if (!room->logged_in) {
                return talk_strange(talk);
        }
        end_message(talk, begin_message(talk, 'X'), 1);
        const char *how = options->password && !room->asked ? " (no password was asked for)" : "";
        return talk_pass(talk, "PostgreSQL%s%s%s, logged in as %.40s%s", *room->version ? " " : "",
                room->version, room->standby ? " (standby)" : "",
                options->user ? options->user : "recoverd", how);
}

static enum talk_action on_body(struct talk *talk, char type, struct byte_reader body) {
        switch (type) {
        case 'R':
                return on_authentication(talk, body);
        case 'E':
                return on_error(talk, body);
        case 'S':
                note_parameter(talk, body);
                return TALK_READ;
        case 'Z':
                return ready(talk);
        case 'K': /* key for cancelling */
        case 'N': /* notice */
        case 'v': /* minor version */
                return TALK_READ;
        }
        return talk_strange(talk);
}

static enum talk_action on_message(struct talk *talk) {
        struct byte_reader header, message;
        if (!strchr("RESZKNv", *talk_unread(talk)) || *talk_unread(talk) == '\0') {
                return talk_strange(talk);
        }
        int r = talk_message(talk, 5, &header);
        if (r <= 0) {
                return TALK_READ;
        }
        char type = (char) byte_reader_u8(&header);
        uint32_t length = byte_reader_big(&header, 4);
        if (length < PG_LENGTH_LEAST) {
                return talk_strange(talk);
        }
        r = talk_message(talk, (size_t) length + 1, &message);
        if (r <= 0) {
                return r == 0 ? TALK_READ : TALK_OVER;
        }
        (void) byte_reader_take(&message, 5);
        enum talk_action action = on_body(talk, type, message);
        talk->used += action == TALK_OVER ? 0 : (size_t) length + 1;
        return action;
}

/* ---- the beginning ---- */

static enum talk_action start(struct talk *talk) {
        const struct talk_options *options = &talk->options;
        size_t begun = begin_message(talk, 0);
        bytes_add_big(&talk->out, PG_VERSION, 4);
        add_parameter(talk, "user", options->user ? options->user : "recoverd");
        add_parameter(talk, "database", options->database ? options->database : "postgres");
        add_parameter(talk, "application_name", "recoverd");
        strbuf_add_char(&talk->out, '\0');
        end_message(talk, begun, 0);
        return talk_then(talk, on_message);
}

static enum talk_action on_ssl_answer(struct talk *talk) {
        char answer = *talk_unread(talk);
        if (answer == 'E') {
                return on_message(talk); /* too many connections, for instance */
        }
        if (answer != 'S' && answer != 'N') {
                return talk_strange(talk);
        }
        talk->used++;
        if (answer == 'N') {
                return talk_fail(talk, "PostgreSQL does not speak TLS");
        }
        talk->step = start;
        return TALK_SECURE;
}

static enum talk_action begin(struct talk *talk) {
        if (!talk->options.upgrade) {
                return start(talk);
        }
        bytes_add_big(&talk->out, 8, 4);
        bytes_add_big(&talk->out, PG_SSL_REQUEST, 4);
        return talk_then(talk, on_ssl_answer);
}

static void pg_release(void *memory) {
        struct pg_room *room = memory;
        scram_done(&room->scram);
}

const struct protocol postgresql_protocol = {
        .title = "PostgreSQL",
        .port = 5432,
        .tls = PROTOCOL_TLS_WITHIN,
        .login = PROTOCOL_USER,
        .database = true,
        .room_size = sizeof(struct pg_room),
        .begin = begin,
        .release = pg_release,
};
