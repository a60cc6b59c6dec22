#include "coordinator/etcd_text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { JSON_DEPTH = 16 };

static void free_json(struct json_object **json) {
        json_object_put(*json);
}
#define AUTO_JSON AUTO(free_json)

/* ---- base64, RFC 4648, 4 ---- */

static int digit(char c) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c ? strchr(digits, c) : NULL;
        return found ? (int) (found - digits) : -1;
}

/* As text: it ends at the first zero byte. */
static int decode(const char *text, char *ret, size_t size) {
        size_t length = strlen(text), n = 0;
        uint32_t bits = 0;
        unsigned have = 0;
        while (length > 0 && text[length - 1] == '=') {
                length--;
        }
        for (size_t i = 0; i < length; i++) {
                int value = digit(text[i]);
                if (value < 0) {
                        return -EBADMSG;
                }
                bits = bits << 6 | (uint32_t) value;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        if (n + 1 >= size) {
                                return -EBADMSG;
                        }
                        ret[n++] = (char) (bits >> have);
                }
        }
        ret[n] = '\0';
        return 0;
}

void etcd_add_text(struct strbuf *to, const char *name, const char *text, const char *behind) {
        strbuf_addf(to, "\"%s\":\"", name);
        strbuf_add_base64(to, text, strlen(text));
        strbuf_addf(to, "\"%s", behind);
}

static void add_json_text(struct strbuf *to, const char *text) {
        for (const char *c = text; *c; c++) {
                if ((unsigned char) *c < ' ' || *c == '"' || *c == '\\') {
                        strbuf_addf(to, "\\u%04x", (unsigned char) *c);
                } else {
                        strbuf_add_char(to, *c);
                }
        }
}

void etcd_add_log_in(struct strbuf *to, const char *user, const char *password) {
        strbuf_add(to, "{\"name\":\"");
        add_json_text(to, user);
        strbuf_add(to, "\",\"password\":\"");
        add_json_text(to, password);
        strbuf_add(to, "\"}");
}

/* ---- answers ---- */

static int not_etcd(struct error *err, const char *what) {
        return error_set(err, EBADMSG, "the answer is not one of etcd: %s", what);
}

static int parse(const char *body, struct json_object **ret, struct error *err) {
        struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
        if (!tokener) {
                return error_set_errno(err, ENOMEM, "an answer of etcd");
        }
        size_t length = strnlen(body, ETCD_BODY_MAX);
        struct json_object *json = json_tokener_parse_ex(tokener, body, (int) length);
        json_tokener_free(tokener);
        if (!json_object_is_type(json, json_type_object)) {
                json_object_put(json);
                return not_etcd(err, "no object of JSON");
        }
        *ret = json;
        return 0;
}

static struct json_object *member(struct json_object *of, const char *name, json_type type) {
        struct json_object *found = NULL;
        if (!json_object_is_type(of, json_type_object) ||
                !json_object_object_get_ex(of, name, &found) || !json_object_is_type(found, type)) {
                return NULL;
        }
        return found;
}

/* Numbers of 64 bits are texts; what is 0 is not said at all. */
static int number(struct json_object *of, const char *name, uint64_t *ret, struct error *err) {
        struct json_object *found = NULL;
        *ret = 0;
        if (!json_object_object_get_ex(of, name, &found)) {
                return 0;
        }
        const char *text =
                json_object_is_type(found, json_type_string) ? json_object_get_string(found) : "";
        char *end = NULL;
        errno = 0;
        uint64_t value = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno != 0 || value > INT64_MAX) {
                return not_etcd(err, name);
        }
        *ret = value;
        return 0;
}

/* Every answer to what was done begins with a header. */
static int parse_answer(const char *body, struct json_object **ret, struct error *err) {
        struct json_object *json = NULL;
        int r = parse(body, &json, err);
        if (r == 0 && !member(json, "header", json_type_object)) {
                json_object_put(json);
                return not_etcd(err, "no header");
        }
        *ret = r == 0 ? json : NULL;
        return r;
}

int etcd_parse_grant(const char *body, uint64_t *ret_lease, uint64_t *ret_ttl, struct error *err) {
        AUTO_JSON struct json_object *json = NULL;
        uint64_t lease, ttl;
        int r = parse_answer(body, &json, err);
        r = r == 0 ? number(json, "ID", &lease, err) : r;
        r = r == 0 ? number(json, "TTL", &ttl, err) : r;
        if (r == 0 && (lease == 0 || ttl == 0)) {
                return not_etcd(err, "a lease without ID or TTL");
        }
        if (r == 0) {
                *ret_lease = lease;
                *ret_ttl = ttl;
        }
        return r;
}

int etcd_parse_keepalive(const char *body, uint64_t *ret_ttl, struct error *err) {
        AUTO_JSON struct json_object *json = NULL;
        int r = parse(body, &json, err);
        if (r < 0) {
                return r;
        }
        struct json_object *result = member(json, "result", json_type_object);
        if (!member(result, "header", json_type_object)) {
                return not_etcd(err, "no result");
        }
        return number(result, "TTL", ret_ttl, err);
}

static int take_key(struct json_object *from, struct etcd_keys *keys, struct error *err) {
        struct etcd_key *key = &keys->items[keys->count];
        struct json_object *name = member(from, "key", json_type_string);
        struct json_object *value = member(from, "value", json_type_string);
        *key = (struct etcd_key){0};
        if (!name || decode(json_object_get_string(name), key->key, sizeof(key->key)) < 0) {
                return not_etcd(err, "a key");
        }
        if (value && decode(json_object_get_string(value), key->value, sizeof(key->value)) < 0) {
                return not_etcd(err, "a value");
        }
        int r = number(from, "create_revision", &key->created, err);
        r = r == 0 ? number(from, "mod_revision", &key->modified, err) : r;
        r = r == 0 ? number(from, "lease", &key->lease, err) : r;
        keys->count += r == 0;
        return r;
}

int etcd_parse_range(const char *body, struct etcd_keys *ret, struct error *err) {
        AUTO_JSON struct json_object *json = NULL;
        ret->count = 0;
        int r = parse_answer(body, &json, err);
        struct json_object *list = r == 0 ? member(json, "kvs", json_type_array) : NULL;
        size_t count = list ? json_object_array_length(list) : 0;
        for (size_t i = 0; r == 0 && i < count && ret->count < ETCD_KEYS_MAX; i++) {
                r = take_key(json_object_array_get_idx(list, i), ret, err);
        }
        return r;
}

int etcd_parse_txn(const char *body, bool *ret_succeeded, struct error *err) {
        AUTO_JSON struct json_object *json = NULL;
        int r = parse_answer(body, &json, err);
        if (r == 0) {
                struct json_object *succeeded = member(json, "succeeded", json_type_boolean);
                *ret_succeeded = succeeded && json_object_get_boolean(succeeded);
        }
        return r;
}

int etcd_parse_token(const char *body, char *ret, size_t size, struct error *err) {
        AUTO_JSON struct json_object *json = NULL;
        int r = parse_answer(body, &json, err);
        struct json_object *token = r == 0 ? member(json, "token", json_type_string) : NULL;
        if (r == 0 && (!token || !str_copy(ret, size, json_object_get_string(token)) ||
                              strpbrk(ret, "\r\n"))) {
                return not_etcd(err, "no token");
        }
        return r;
}

void etcd_parse_error(const char *body, char *ret, size_t size) {
        AUTO_JSON struct json_object *json = NULL;
        *ret = '\0';
        if (parse(body, &json, NULL) == 0) {
                struct json_object *text = member(json, "message", json_type_string);
                text = text ? text : member(json, "error", json_type_string);
                (void) str_copy(ret, size, text ? json_object_get_string(text) : "");
                str_make_printable(ret);
        }
}
